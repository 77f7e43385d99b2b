/* object_parts.h - objects made of one body of random bytes, for the tests of bodies and of their proofs. */
#ifndef HEDGEROW_TESTS_OBJECT_PARTS_H
#define HEDGEROW_TESTS_OBJECT_PARTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/core/object.h"
#include "proto/base/err.h"
#include "proto/base/rand.h"

#define COUNT(a)   (sizeof(a) / sizeof((a)[0]))
#define UNKNOWN    UINT64_MAX
#define GENERATION 77
#define BODY_MAX   (40 * LEAF_BYTES)

static struct authority authority;
static struct identity ann;
static struct object_memory memory;
static uint8_t body[BODY_MAX];

static inline int start(void **state)
{
    struct rand r = rand_of(1, 1, 1);
    const struct admission what = { .name = SLICE_LIT("ann"), .zone = SLICE_LIT("z"), .not_after_s = 1900000000 };

    (void)state;
    authority_make(&authority, 16);
    assert_int_equal(authority_admit(&ann, &authority, &what), 0);
    for (size_t i = 0; i < sizeof(body); i++)
        body[i] = (uint8_t)rand_u64(&r);
    return 0;
}

/* Whatever a test did: nothing may be held at its end. */
static inline int end(void **state)
{
    (void)state;
    bool clean = memory.bytes == 0;
    memory.bytes = 0;
    return clean ? 0 : -1;
}

static inline struct object *make_of(uint64_t length, uint16_t status, const char *etag, const struct identity *self,
                                     struct held_cert *signer)
{
    struct head h = { .generation = GENERATION, .status = status, .fetched_s = 1, .has_length = length != UNKNOWN };
    struct buf b = BUF_EMPTY;

    h.length = h.has_length ? length : 0;
    h.key.bytes[0] = 7;
    fields_add(&h.fields, SLICE_LIT("Date"), SLICE_LIT("today"));
    if (etag != NULL)
        fields_add(&h.fields, SLICE_LIT("ETag"), slice_str(etag));
    assert_int_equal(head_encode(&b, &h), 0);
    struct object *o = object_new(&memory, buf_slice(&b), self, signer);
    assert_non_null(o);
    buf_free(&b);
    return o;
}

static inline struct object *make(uint64_t length)
{
    return make_of(length, 200, "\"1\"", &ann, NULL);
}

static inline struct object *make_of_peer(uint64_t length)
{
    struct held_cert *s = held_take(NULL, &ann.cert, identity_cert(&ann));
    struct object *o = make_of(length, 200, "\"1\"", NULL, s);
    held_drop(s);
    return o;
}

static inline void append(struct object *o, uint64_t from, uint64_t len)
{
    assert_int_equal(object_append(o, SEC(1), slice_of(body + from, len)), 0);
    assert_true(object_bytes(o) <= memory.bytes);
}

static inline struct object *filled(uint64_t length, bool announced)
{
    struct object *o = make(announced ? length : UNKNOWN);
    append(o, 0, length);
    return o;
}

static inline struct object *whole(uint64_t length)
{
    struct object *o = filled(length, true);
    assert_int_equal(object_finish(o), 0);
    return o;
}

/* What can be read from |at| on is the body's from there. */
static inline void check_readable(const struct object *o, uint64_t at, uint64_t available)
{
    struct slice pieces[3];
    size_t n;

    assert_true(object_available(o) == available);
    while ((n = object_read(o, at, pieces, COUNT(pieces))) > 0) {
        for (size_t i = 0; i < n; i++) {
            assert_true(pieces[i].len > 0 && pieces[i].len <= LEAF_BYTES && at + pieces[i].len <= available);
            assert_memory_equal(pieces[i].data, body + at, pieces[i].len);
            at += pieces[i].len;
        }
    }
    assert_true(at >= available);
}

static inline void check_grid(const struct object *o, uint64_t length)
{
    assert_int_equal(o->leaves_n, leaf_count(length));
    assert_int_equal(object_hashes_n(o), o->leaves_n);
    for (uint32_t i = 0; i < o->leaves_n; i++) {
        struct digest d;
        uint64_t from = (uint64_t)i * LEAF_BYTES, left = length - from;
        assert_int_equal(object_leaf(o, i)->raw_len, left < LEAF_BYTES ? left : LEAF_BYTES);
        leaf_hash(&d, slice_of(body + from, object_leaf(o, i)->raw_len));
        assert_true(digest_eq(&d, &object_hashes(o)[i]));
    }
}

/* ---- what proves it ---- */

static inline struct buf wire_of(const struct object *o)
{
    struct buf b = BUF_EMPTY;
    assert_int_equal(object_head_wire(o, &b), 0);
    return b;
}

static inline struct leaf_claim claim_of(const struct object *o)
{
    struct leaf_claim c;
    object_claim(o, &c);
    assert_true(c.generation == GENERATION && node_id_eq(c.signer, &ann.cert.id) && c.key->bytes[0] == 7);
    return c;
}

/* Checks one batch as a receiver would. */
static inline void check_batch(const struct object *o, const struct leaf_batch *b, struct digest *chain)
{
    struct leaf_claim c = claim_of(o);
    struct leaf_batch got = *b;

    for (uint32_t i = 0; i < b->count; i++)
        leaf_chain_step(chain, &object_hashes(o)[b->first + i]);
    got.chain = *chain;
    assert_int_equal(leaf_verify_batch(&got, ann.sign_key, &c), 0);
    got.chain.bytes[0] ^= 1;
    assert_int_equal(leaf_verify_batch(&got, ann.sign_key, &c), MESH_E_SIGNATURE);
}

/* The batches' sizes, the final one's behind "final". */
static inline const char *batches_of(struct object *o)
{
    static char text[200];
    struct digest chain;
    uint32_t leaf = 0;
    size_t n = 0;

    text[0] = '\0';
    leaf_chain_start(&chain, GENERATION);
    for (;;) {
        const struct leaf_batch *b = object_batch(o, leaf);
        if (b == NULL)
            break;
        assert_int_equal(b->first, leaf);
        assert_ptr_equal(b, &o->more->proof->batches[n++]);
        check_batch(o, b, &chain);
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%u ", b->final ? "final " : "", b->count);
        leaf += b->count;
        if (b->final) {
            assert_true(b->length == o->length);
            break;
        }
    }
    return text;
}

#define TEST(f) cmocka_unit_test_teardown(f, end)

#endif
