/* fuzz_datagram.c - datagrams from anybody: never accepted, and every answer is at most
 * as long as what it answers. Ids of two fixed nodes are patched in, so that the input
 * gets past the header. */
#include <stdlib.h>

#include "proto/base/err.h"
#include "proto/datagram.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct authority authority;
static struct identity ids[2];
static struct datagram_self self;
static struct datagram_peer peer;

static void start(void)
{
    struct admission what = { .name = SLICE_LIT("fuzz"), .zone = SLICE_LIT("fuzz") };

    if (crypto_start() != 0)
        abort();
    authority_make(&authority, MESH_ARC_BITS_DEFAULT);
    if (authority_admit(&ids[0], &authority, &what) != 0 || authority_admit(&ids[1], &authority, &what) != 0)
        abort();
    self = (struct datagram_self){ &ids[0], { 1, 2 } };
    if (datagram_peer_init(&peer, &self, &ids[1].cert) != 0)
        abort();
    peer.boot_floor = peer.unknown_floor = 0; /* any counter is one of ours */
    peer.send_counter = UINT64_MAX - 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t bytes[DATAGRAM_MAX + 1];
    struct buf out = BUF_EMPTY;
    struct datagram_head head;
    struct cert cert;
    struct slice raw;

    if (peer.magic == 0)
        start();
    if (len > sizeof(bytes))
        return 0;
    memcpy(bytes, data, len);
    if (len >= 36 && bytes[0] == 'H') {
        memcpy(bytes, "HG\1", 3);
        memcpy(bytes + 4, ids[1].cert.id.bytes, NODE_ID_BYTES);
        memcpy(bytes + 20, ids[0].cert.id.bytes, NODE_ID_BYTES);
    }
    struct slice s = slice_of(bytes, len);
    datagram_peek(s, &head);
    int err = datagram_open(&peer, &self, s, &out, NULL);
    if (err == 0 || err == MESH_E_STATE || out.len != 0)
        abort();
    if (datagram_boot(&peer, &self, s, &out) == 0 && out.len > len)
        abort();
    buf_clear(&out);
    if (datagram_unknown(&self, s, &out) == 0 && out.len > len)
        abort();
    datagram_unknown_answers(&peer, &self, s);
    peer.unknown_floor = 0;
    datagram_cert_read(&self, s, &cert, &raw);
    buf_free(&out);
    return 0;
}
