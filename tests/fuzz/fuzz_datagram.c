/* A datagram at a node that is in the middle of a talk: nothing but a true one is taken, no
 * answer is longer than what it answers, and what is dropped changes nothing. */
#include "proto/base/err.h"
#include "proto/datagram.h"
#include "tests/fuzz/fuzz.h"

static struct authority authority;
static struct identity ids[2];
static struct datagram_self self[2];
static struct datagram_peer peer[2]; /* peer[i]: what node i keeps of the other */

/* From |from| to the other; 0, or BOOT came back and was taken. */
static int send(int from, struct slice payload, struct buf *datagram)
{
    struct buf got = BUF_EMPTY, boot = BUF_EMPTY;
    uint64_t seen;

    buf_clear(datagram);
    int err = datagram_seal(&peer[from], &self[from], payload, datagram);
    assert(err == 0);
    err = datagram_open(&peer[1 - from], &self[1 - from], buf_slice(datagram), &got, &seen);
    if (err == MESH_E_STATE) {
        int sent = datagram_boot(&peer[1 - from], &self[1 - from], buf_slice(datagram), &boot);
        assert(sent == 0 && boot.len <= datagram->len);
        sent = datagram_open(&peer[from], &self[from], buf_slice(&boot), &got, &seen);
        assert(sent == 0);
    }
    buf_free(&got);
    buf_free(&boot);
    return err;
}

static void fuzz_start(void)
{
    struct buf datagram = BUF_EMPTY;

    authority_make(&authority, MESH_ARC_BITS_DEFAULT);
    for (int i = 0; i < 2; i++) {
        struct admission what = { .name = SLICE_LIT("n"), .zone = SLICE_LIT("z"), .not_after_s = 2000000000 };
        int err = authority_admit(&ids[i], &authority, &what);
        assert(err == 0);
        self[i] = (struct datagram_self){ &ids[i], { 5, secret_random_u64() } };
    }
    for (int i = 0; i < 2; i++) {
        int err = datagram_peer_init(&peer[i], &self[i], &ids[1 - i].cert);
        assert(err == 0);
    }
    int err = send(0, SLICE_LIT("hello"), &datagram);
    assert(err == MESH_E_STATE);
    err = send(0, SLICE_LIT("hello"), &datagram);
    assert(err == 0);
    buf_free(&datagram);
}

static void fuzz_sample(unsigned n, struct buf *b)
{
    struct datagram_peer kept = peer[1]; /* a sample leaves no trace at the sender */
    struct buf request = BUF_EMPTY;

    switch (n % 4) {
    case 0: datagram_seal(&peer[1], &self[1], SLICE_LIT("payload"), b); break;
    case 1: datagram_cert(&self[1], &ids[0].cert.id, b); break;
    case 2:
    case 3:
        datagram_seal(&peer[0], &self[0], SLICE_EMPTY, &request);
        if (n % 4 == 2)
            datagram_boot(&peer[1], &self[1], buf_slice(&request), b);
        else
            datagram_unknown(&self[1], buf_slice(&request), b);
        break;
    }
    peer[1] = kept;
    buf_free(&request);
}

static void receive(struct slice bytes)
{
    struct datagram_peer p;
    struct datagram_head head;
    struct cert cert;
    struct slice raw;
    struct buf payload = BUF_EMPTY, answer = BUF_EMPTY;
    uint64_t seen = 0;

    memcpy(&p, &peer[0], sizeof(p)); /* padding and all: it is compared below */
    int peeked = datagram_peek(bytes, &head);
    int err = datagram_open(&p, &self[0], bytes, &payload, &seen);
    assert(err <= 0 && (err != 0 || peeked == 0));
    if (err == 0 && head.kind == DATAGRAM_DATA) {
        err = datagram_open(&p, &self[0], bytes, &payload, &seen);
        assert(err == MESH_E_REPLAY);
    } else if (err == MESH_E_STATE) {
        err = datagram_boot(&p, &self[0], bytes, &answer);
        assert(err == 0 && answer.len <= bytes.len);
    } else if (err != 0) {
        assert(memcmp(&p, &peer[0], sizeof(p)) == 0);
    }
    buf_clear(&answer);
    if (datagram_unknown(&self[0], bytes, &answer) == 0)
        assert(answer.len <= bytes.len);
    datagram_unknown_answers(&p, &self[0], bytes);
    if (datagram_cert_read(&self[0], bytes, &cert, &raw) == 0)
        fuzz_touch(raw);
    buf_free(&payload);
    buf_free(&answer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = fuzz_copy(data, size);

    receive(slice_of(copy, size));
    if (size >= 36) { /* once more past the header, whatever was there */
        memcpy(copy, "HG\1", 3);
        memcpy(copy + 4, ids[1].cert.id.bytes, NODE_ID_BYTES);
        memcpy(copy + 20, ids[0].cert.id.bytes, NODE_ID_BYTES);
        receive(slice_of(copy, size));
    }
    free(copy);
    return 0;
}
