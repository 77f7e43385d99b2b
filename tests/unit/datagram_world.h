/* datagram_world.h - a few nodes that know each other and seal datagrams to one another, with
 * randomness that repeats. */
#ifndef HEDGEROW_TESTS_DATAGRAM_WORLD_H
#define HEDGEROW_TESTS_DATAGRAM_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>

#include "golden.h"
#include "proto/base/err.h"
#include "proto/base/rand.h"
#include "proto/datagram.h"

/* ---- randomness that repeats ---- */

static struct rand source;

static const char *source_name(void)
{
    return "test";
}

static inline uint32_t source_u32(void)
{
    return (uint32_t)rand_u64(&source);
}

static inline void source_buf(void *const out, const size_t len)
{
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)out)[i] = (uint8_t)rand_u64(&source);
}

static struct randombytes_implementation repeatable = { source_name, source_u32, NULL, NULL, source_buf, NULL };

/* ---- a few nodes ---- */

#define NODES 3
enum { A, B, C };

static struct authority authority;
static struct identity identities[NODES];

struct node {
    struct datagram_self self;
    struct datagram_peer peer[NODES];
};

static struct node nodes[NODES];

static inline void meet(int n, int m)
{
    memset(&nodes[n].peer[m], 0, sizeof(nodes[n].peer[m]));
    assert_int_equal(datagram_peer_init(&nodes[n].peer[m], &nodes[n].self, &identities[m].cert), 0);
}

/* A start of |n|: all it knew of its peers is gone. */
static inline void boots(int n, uint64_t number)
{
    nodes[n].self = (struct datagram_self){ &identities[n], { number, secret_random_u64() } };
    for (int m = 0; m < NODES; m++) {
        if (m != n)
            meet(n, m);
    }
}

static inline void world(void)
{
    source = rand_of(1, 1, 1);
    for (int n = 0; n < NODES; n++)
        boots(n, (uint64_t)n + 5);
}

/* One datagram on its way. */
struct packet {
    uint8_t bytes[DATAGRAM_MAX];
    size_t len;
};

static inline struct slice packet_slice(const struct packet *k)
{
    return slice_of(k->bytes, k->len);
}

static inline struct packet packet_of(struct buf *b)
{
    struct packet k = { .len = b->len };

    assert_in_range(b->len, 1, DATAGRAM_MAX);
    memcpy(k.bytes, b->data, b->len);
    buf_free(b);
    return k;
}

static inline struct packet seal(int from, int to, const char *text)
{
    struct buf b = BUF_EMPTY;

    assert_int_equal(datagram_seal(&nodes[from].peer[to], &nodes[from].self, slice_str(text), &b), 0);
    return packet_of(&b);
}

static uint64_t seen; /* what the last receive() learned of its own boot */

/* |to| takes a datagram that claims to be from |from|; |text| is its payload, or NULL
 * for a BOOT. */
static inline int receive(int to, int from, const struct packet *k, const char *text)
{
    struct buf payload = BUF_EMPTY;

    buf_add_str(&payload, "left over");
    int err = datagram_open(&nodes[to].peer[from], &nodes[to].self, packet_slice(k), &payload, &seen);
    if (err == 0 && text != NULL)
        assert_true(slice_eq(buf_slice(&payload), slice_str(text)));
    else
        assert_int_equal(payload.len, 0);
    buf_free(&payload);
    return err;
}

static inline struct packet boot_answer(int n, int m, const struct packet *request)
{
    struct buf b = BUF_EMPTY;

    assert_int_equal(datagram_boot(&nodes[n].peer[m], &nodes[n].self, packet_slice(request), &b), 0);
    assert_true(b.len <= request->len);
    return packet_of(&b);
}

/* |from| has something to say to |to|, as a node does it: send, and once more if the
 * answer is BOOT. Returns how many exchanges of BOOT that took. */
static inline int tell(int from, int to, const char *text)
{
    struct packet k = seal(from, to, text);
    int err = receive(to, from, &k, text);

    if (err == 0)
        return 0;
    assert_int_equal(err, MESH_E_STATE);
    struct packet boot = boot_answer(to, from, &k);
    assert_int_equal(receive(from, to, &boot, NULL), 0);
    k = seal(from, to, text);
    assert_int_equal(receive(to, from, &k, text), 0);
    return 1;
}

static inline int start(void **state)
{
    static const char *const names[NODES] = { "fra-1", "ams-1", "lon-1" };
    (void)state;

    source = rand_of(1, 2, 3);
    randombytes_set_implementation(&repeatable);
    int err = crypto_start();
    authority_make(&authority, MESH_ARC_BITS_DEFAULT);
    for (int n = 0; n < NODES; n++) {
        struct admission what = { .name = slice_str(names[n]),
                                  .zone = SLICE_LIT("eu/x"),
                                  .not_before_s = 1700000000,
                                  .not_after_s = 1731536000,
                                  .serial = (uint64_t)n };
        err |= authority_admit(&identities[n], &authority, &what);
    }
    return err;
}

#endif
