/* msg_samples.h - one value of each message, how it is written, and that it comes back as it
 * was; for the tests of frames. */
#ifndef HEDGEROW_TESTS_MSG_SAMPLES_H
#define HEDGEROW_TESTS_MSG_SAMPLES_H

#include "proto/base/err.h"
#include "proto/msg.h"
#include "proto/record.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* |n| bytes counting up from |first|: contents that are easy to tell apart. */
static inline void count_up(void *to, uint8_t first, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)to)[i] = (uint8_t)(first + i);
}

#define U64(byte)                                                                                 \
    ((uint64_t)(byte) << 56 | (uint64_t)((byte) + 1) << 48 | (uint64_t)((byte) + 2) << 40 |       \
     (uint64_t)((byte) + 3) << 32 | (uint64_t)((byte) + 4) << 24 | (uint64_t)((byte) + 5) << 16 | \
     (uint64_t)((byte) + 6) << 8 | (uint64_t)((byte) + 7))

/* ---- one value of each message, what it encodes to, and that it comes back ---- */

static inline struct msg_hello hello_of(bool bare)
{
    struct msg_hello m = { .boot = { 0, 1 } };

    count_up(m.params.bytes, 0x20, DIGEST_BYTES);
    if (!bare) {
        m.features = 5;
        m.boot = (struct boot){ 7, UINT64_C(0x1122334455667788) };
        m.version = SLICE_LIT("hedgerow 0.1.0");
        m.port = 7400;
        m.you = mesh_addr_v4(0xc0000201, 7401);
    }
    return m;
}

static inline int put_hello(struct buf *b)
{
    struct msg_hello m = hello_of(false);
    return msg_put_hello(b, &m);
}

static inline int put_hello_bare(struct buf *b)
{
    struct msg_hello m = hello_of(true);
    return msg_put_hello(b, &m);
}

static inline void check_hello_is(struct slice body, const struct msg_hello *want)
{
    struct wire w;
    struct msg_hello m;

    assert_int_equal(msg_get_hello(&w, body, &m), 0);
    assert_int_equal(m.features, want->features);
    assert_true(m.boot.number == want->boot.number && m.boot.salt == want->boot.salt);
    assert_true(digest_eq(&m.params, &want->params));
    assert_true(slice_eq(m.version, want->version));
    assert_int_equal(m.port, want->port);
    assert_true(mesh_addr_eq(&m.you, &want->you));
    wire_close(&w);
}

static inline void check_hello(const struct msg_frame *f)
{
    struct msg_hello want = hello_of(false);
    check_hello_is(f->body, &want);
}

static inline void check_hello_bare(const struct msg_frame *f)
{
    struct msg_hello want = hello_of(true);
    check_hello_is(f->body, &want);
}

static inline int put_refuse(struct buf *b)
{
    return msg_put_refuse(b, REFUSE_PARAMS);
}

static inline void check_refuse(const struct msg_frame *f)
{
    unsigned reason;

    assert_int_equal(msg_get_refuse(f->body, &reason), 0);
    assert_int_equal(reason, REFUSE_PARAMS);
}

static inline int put_members(struct buf *b)
{
    struct msg_members_out m = { .n = 0 };

    assert_true(msg_members_add(&m, SLICE_LIT("cert-a"), SLICE_LIT("record-a")));
    assert_true(msg_members_add(&m, SLICE_LIT("cert-b"), SLICE_EMPTY));
    m.settled = 300;
    m.placed = true;
    int err = msg_put_members(b, &m, true);
    assert_int_equal(m.n, 0);
    assert_null(m.items.data);
    return err;
}

static inline void check_members(const struct msg_frame *f)
{
    struct wire w;
    struct msg_members m;
    struct slice cert, record;

    assert_int_equal(msg_get_members(&w, f->body, &m), 0);
    assert_true(m.reply_wanted && m.placed);
    assert_int_equal(m.settled, 300);
    assert_int_equal(m.n, 2);
    assert_int_equal(msg_members_item(&m, 0, &cert, &record), 0);
    assert_true(slice_eq(cert, SLICE_LIT("cert-a")) && slice_eq(record, SLICE_LIT("record-a")));
    assert_int_equal(msg_members_item(&m, 1, &cert, &record), 0);
    assert_true(slice_eq(cert, SLICE_LIT("cert-b")) && record.len == 0);
    wire_close(&w);
}

/* The question, and the answer to it. */
static inline int put_members_sums(struct buf *b)
{
    struct msg_members_out m = { .sums = SLICE_LIT("sums") };

    assert_true(msg_members_add(&m, SLICE_LIT("cert-a"), SLICE_LIT("record-a")));
    int err = msg_put_members(b, &m, true);
    assert_int_equal(m.sums.len, 0);
    return err;
}

static inline void check_members_sums(const struct msg_frame *f)
{
    struct wire w;
    struct msg_members m;

    assert_int_equal(msg_get_members(&w, f->body, &m), 0);
    assert_true(m.reply_wanted && m.n == 1);
    assert_true(slice_eq(m.sums, SLICE_LIT("sums")));
    assert_int_equal(m.diff.len, 0);
    wire_close(&w);
}

static inline int put_members_diff(struct buf *b)
{
    struct msg_members_out m = { .diff = SLICE_LIT("diff") };

    assert_true(msg_members_add(&m, SLICE_EMPTY, SLICE_LIT("record-a")));
    return msg_put_members(b, &m, true);
}

static inline void check_members_diff(const struct msg_frame *f)
{
    struct wire w;
    struct msg_members m;
    struct slice cert, record;

    assert_int_equal(msg_get_members(&w, f->body, &m), 0);
    assert_true(m.reply_wanted && m.sums.len == 0);
    assert_true(slice_eq(m.diff, SLICE_LIT("diff")));
    assert_int_equal(msg_members_item(&m, 0, &cert, &record), 0);
    assert_true(cert.len == 0 && slice_eq(record, SLICE_LIT("record-a")));
    wire_close(&w);
}

static inline int put_roll(struct buf *b)
{
    const struct msg_roll m = { 7, 0x1122334455667788, SLICE_LIT("a roll") };
    return msg_put_roll(b, &m);
}

static inline void check_roll(const struct msg_frame *f)
{
    struct wire w = { 0 };
    struct msg_roll m;

    assert_int_equal(msg_get_roll(&w, f->body, &m), 0);
    assert_int_equal(m.sequence, 7);
    assert_true(m.mark == 0x1122334455667788);
    assert_true(slice_eq(m.roll, SLICE_LIT("a roll")));
    wire_close(&w);
}

static inline int put_roll_none(struct buf *b)
{
    return msg_put_roll(b, &(struct msg_roll){ 0, 0, SLICE_EMPTY });
}

static inline void check_roll_none(const struct msg_frame *f)
{
    struct wire w = { 0 };
    struct msg_roll m;

    assert_int_equal(msg_get_roll(&w, f->body, &m), 0);
    assert_true(m.sequence == 0 && m.mark == 0 && m.roll.len == 0);
    wire_close(&w);
}

static inline int put_members_none(struct buf *b)
{
    struct msg_members_out m = { .n = 0 };
    return msg_put_members(b, &m, false);
}

static inline void check_members_none(const struct msg_frame *f)
{
    struct wire w;
    struct msg_members m;

    assert_int_equal(msg_get_members(&w, f->body, &m), 0);
    assert_false(m.reply_wanted || m.placed);
    assert_int_equal(m.settled, 0);
    assert_int_equal(m.n, 0);
    wire_close(&w);
}

static inline int put_progress(struct buf *b)
{
    return msg_put_empty(b, MSG_PROGRESS, 0);
}

static inline int put_goodbye(struct buf *b)
{
    return msg_put_empty(b, MSG_GOODBYE, 0);
}

static inline int put_call(struct buf *b)
{
    return msg_put_empty(b, MSG_CALL, 0);
}

static inline int put_cancel(struct buf *b)
{
    return msg_put_empty(b, MSG_CANCEL, 1);
}

static inline void check_empty(const struct msg_frame *f)
{
    assert_int_equal(f->body.len, 0);
}

static inline struct msg_ask ask_of(bool bare)
{
    struct msg_ask m = { .distribution = SLICE_LIT("default"), .path = SLICE_LIT("/") };

    count_up(m.key.bytes, 0x40, DIGEST_BYTES);
    if (!bare) {
        m.distribution = SLICE_LIT("photos");
        m.host = SLICE_LIT("example.com");
        m.path = SLICE_LIT("/img/a.jpg?w=100");
        m.request_id = SLICE_LIT("req-1");
        m.epoch = U64(0xa1);
        m.config = U64(0xb1);
        m.frontier = U64(0xc1);
        m.deadline_ms = 1500;
        m.hops = 2;
        m.rank = 1;
        m.flags = ASK_AS_OWNER | ASK_MUST_FRESH;
        m.generation = U64(0xd1);
        m.first_leaf = 70000;
        m.credit = 32;
        m.fields = SLICE_LIT("fields");
        m.run = 64;
        m.have = 9;
        m.load = 10;
    }
    return m;
}

static inline int put_ask(struct buf *b)
{
    struct msg_ask m = ask_of(false);
    return msg_put_ask(b, 0x01020304, &m);
}

static inline int put_ask_bare(struct buf *b)
{
    struct msg_ask m = ask_of(true);
    return msg_put_ask(b, 1, &m);
}

static inline void check_ask_is(struct slice body, const struct msg_ask *want)
{
    struct wire w;
    struct msg_ask m;

    assert_int_equal(msg_get_ask(&w, body, &m), 0);
    assert_true(digest_eq(&m.key, &want->key));
    assert_true(slice_eq(m.distribution, want->distribution));
    assert_true(slice_eq(m.host, want->host));
    assert_true(slice_eq(m.path, want->path));
    assert_true(slice_eq(m.request_id, want->request_id));
    assert_true(m.epoch == want->epoch && m.config == want->config && m.frontier == want->frontier);
    assert_true(m.deadline_ms == want->deadline_ms && m.hops == want->hops && m.rank == want->rank);
    assert_true(m.flags == want->flags && m.generation == want->generation);
    assert_true(m.first_leaf == want->first_leaf && m.credit == want->credit && m.run == want->run);
    assert_true(m.have == want->have && m.load == want->load);
    assert_true(slice_eq(m.fields, want->fields));
    wire_close(&w);
}

static inline void check_ask(const struct msg_frame *f)
{
    struct msg_ask want = ask_of(false);
    assert_int_equal(f->stream, 0x01020304);
    check_ask_is(f->body, &want);
}

static inline void check_ask_bare(const struct msg_frame *f)
{
    struct msg_ask want = ask_of(true);
    check_ask_is(f->body, &want);
}

static inline int put_answer(struct buf *b)
{
    struct msg_answer m = { ANSWER_NOT_OWNER, NOT_OWNER_CONFIG, U64(0xa1), 250, true, { { 0 } } };

    count_up(m.other.bytes, 0x10, NODE_ID_BYTES);
    return msg_put_answer(b, 1, &m);
}

static inline void check_answer(const struct msg_frame *f)
{
    struct msg_answer m;

    assert_int_equal(msg_get_answer(f->body, &m), 0);
    assert_true(m.status == ANSWER_NOT_OWNER && m.reason == NOT_OWNER_CONFIG && m.epoch == U64(0xa1) && m.load == 250);
    assert_true(m.has_other && m.other.bytes[0] == 0x10 && m.other.bytes[NODE_ID_BYTES - 1] == 0x1f);
}

static inline int put_answer_bare(struct buf *b)
{
    struct msg_answer m = { .status = ANSWER_HAVE };
    return msg_put_answer(b, 1, &m);
}

static inline void check_answer_bare(const struct msg_frame *f)
{
    struct msg_answer m;

    assert_int_equal(msg_get_answer(f->body, &m), 0);
    assert_true(m.status == ANSWER_HAVE && m.reason == 0 && m.epoch == 0 && m.load == 0 && !m.has_other);
}

static inline struct msg_head head_of(bool one)
{
    struct msg_head m = { .form = one ? HEAD_ONE : HEAD_ALONE, .head = SLICE_LIT("the head"), .has_length = true };

    count_up(m.signer.bytes, 0x10, NODE_ID_BYTES);
    count_up(m.sig, 0x80, SIGNATURE_BYTES);
    if (one) {
        m.uncacheable = true;
        m.length = LEAF_BYTES;
        count_up(m.leaf.bytes, 0x60, DIGEST_BYTES);
    } else {
        m.age_ms = 90000;
        m.signer_cert = SLICE_LIT("a certificate");
    }
    return m;
}

static inline int put_head(struct buf *b)
{
    struct msg_head m = head_of(false);
    return msg_put_head(b, 1, &m);
}

static inline int put_head_one(struct buf *b)
{
    struct msg_head m = head_of(true);
    return msg_put_head(b, 1, &m);
}

/* A relayed one: the owner had it from a node of the parent region, which had a copy. */
static inline struct msg_head head_of_parent(void)
{
    struct msg_head m = head_of(false);

    m.parent = SLICE_LIT("us-1");
    m.parent_hit = true;
    return m;
}

static inline int put_head_parent(struct buf *b)
{
    struct msg_head m = head_of_parent();
    return msg_put_head(b, 1, &m);
}

static inline void check_head_is(struct slice body, const struct msg_head *want)
{
    struct wire w;
    struct msg_head m;

    assert_int_equal(msg_get_head(&w, body, &m), 0);
    assert_int_equal(m.form, want->form);
    assert_true(slice_eq(m.head, want->head) && slice_eq(m.signer_cert, want->signer_cert));
    assert_true(m.age_ms == want->age_ms && m.length == want->length);
    assert_true(m.has_length == want->has_length && m.uncacheable == want->uncacheable);
    assert_true(node_id_eq(&m.signer, &want->signer) && digest_eq(&m.leaf, &want->leaf));
    assert_true(slice_eq(m.parent, want->parent) && m.parent_hit == want->parent_hit);
    assert_memory_equal(m.sig, want->sig, SIGNATURE_BYTES);
    wire_close(&w);
}

static inline void check_head_parent(const struct msg_frame *f)
{
    struct msg_head want = head_of_parent();
    check_head_is(f->body, &want);
}

static inline void check_head(const struct msg_frame *f)
{
    struct msg_head want = head_of(false);
    check_head_is(f->body, &want);
}

static inline void check_head_one(const struct msg_frame *f)
{
    struct msg_head want = head_of(true);
    check_head_is(f->body, &want);
}

static inline int put_batch_of(struct buf *b, struct leaf_batch batch, bool with_before)
{
    struct digest hashes[LEAF_BATCH_MAX], before;

    count_up(hashes, 0, sizeof(hashes));
    count_up(before.bytes, 0xc0, DIGEST_BYTES);
    count_up(batch.sig, 0x80, SIGNATURE_BYTES);
    if (with_before)
        return msg_put_batch_from(b, 1, &batch, &before, hashes);
    return msg_put_batch(b, 1, &batch, hashes);
}

static inline void check_batch_is(struct slice body, struct leaf_batch want, bool with_before)
{
    struct leaf_batch m;
    struct digest hashes[LEAF_BATCH_MAX], before, counted[LEAF_BATCH_MAX];
    uint8_t want_before[DIGEST_BYTES];
    bool has_before;

    count_up(want.sig, 0x80, SIGNATURE_BYTES);
    count_up(counted, 0, sizeof(counted));
    count_up(want_before, 0xc0, sizeof(want_before));
    assert_int_equal(msg_get_batch(body, &m, hashes), 0);
    assert_memory_equal(hashes, counted, want.count * sizeof(hashes[0]));
    assert_int_equal(msg_get_batch_from(body, &m, &before, &has_before, hashes), 0);
    assert_true(m.first == want.first && m.count == want.count);
    assert_true(m.final == want.final && m.length == want.length);
    assert_memory_equal(m.sig, want.sig, SIGNATURE_BYTES);
    assert_memory_equal(hashes, counted, want.count * sizeof(hashes[0]));
    assert_int_equal(has_before, with_before);
    if (with_before)
        assert_memory_equal(before.bytes, want_before, DIGEST_BYTES);
}

static const struct leaf_batch batch_first = { .count = 2 };
static const struct leaf_batch batch_final = {
    .first = 300, .count = 1, .final = true, .length = 300 * LEAF_BYTES + 1
};
static const struct leaf_batch batch_empty = { .final = true };

static inline int put_batch(struct buf *b)
{
    return put_batch_of(b, batch_first, false);
}

static inline int put_batch_final(struct buf *b)
{
    return put_batch_of(b, batch_final, true);
}

static inline int put_batch_empty(struct buf *b)
{
    return put_batch_of(b, batch_empty, false);
}

static inline void check_batch(const struct msg_frame *f)
{
    check_batch_is(f->body, batch_first, false);
}

static inline void check_batch_final(const struct msg_frame *f)
{
    check_batch_is(f->body, batch_final, true);
}

static inline void check_batch_empty(const struct msg_frame *f)
{
    check_batch_is(f->body, batch_empty, false);
}

static inline int put_leaf_of(struct buf *b, uint8_t encoding, uint32_t raw_len, struct slice bytes)
{
    struct msg_leaf m = { 3, encoding, raw_len, bytes };
    return msg_put_leaf(b, 1, &m);
}

static inline void check_leaf_is(struct slice body, uint8_t encoding, uint32_t raw_len, struct slice bytes)
{
    struct msg_leaf m;

    assert_int_equal(msg_get_leaf(body, &m), 0);
    assert_true(m.index == 3 && m.encoding == encoding && m.raw_len == raw_len && slice_eq(m.bytes, bytes));
}

static inline int put_leaf_raw(struct buf *b)
{
    return put_leaf_of(b, LEAF_RAW, 9, SLICE_LIT("raw bytes"));
}

static inline int put_leaf_zstd(struct buf *b)
{
    return put_leaf_of(b, LEAF_ZSTD, LEAF_BYTES, SLICE_LIT("packed"));
}

static inline int put_leaf_joined(struct buf *b)
{
    return put_leaf_of(b, LEAF_JOINED, LEAF_BYTES, SLICE_EMPTY);
}

static inline void check_leaf_raw(const struct msg_frame *f)
{
    check_leaf_is(f->body, LEAF_RAW, 9, SLICE_LIT("raw bytes"));
}

static inline void check_leaf_zstd(const struct msg_frame *f)
{
    check_leaf_is(f->body, LEAF_ZSTD, LEAF_BYTES, SLICE_LIT("packed"));
}

static inline void check_leaf_joined(const struct msg_frame *f)
{
    check_leaf_is(f->body, LEAF_JOINED, LEAF_BYTES, SLICE_EMPTY);
}

static inline int put_slip(struct buf *b)
{
    struct msg_slip m = { .index = 3, .offset = 100, .bytes = SLICE_LIT("a piece") };
    count_up(m.sig, 0x80, SIGNATURE_BYTES);
    return msg_put_slip(b, 1, &m);
}

static inline void check_slip(const struct msg_frame *f)
{
    struct msg_slip m;
    uint8_t sig[SIGNATURE_BYTES];

    count_up(sig, 0x80, sizeof(sig));
    assert_int_equal(msg_get_slip(f->body, &m), 0);
    assert_true(m.index == 3 && m.offset == 100 && slice_eq(m.bytes, SLICE_LIT("a piece")));
    assert_memory_equal(m.sig, sig, sizeof(sig));
}

static inline int put_abort(struct buf *b)
{
    return msg_put_abort(b, 1, ABORT_ORIGIN, 504);
}

static inline int put_abort_bare(struct buf *b)
{
    return msg_put_abort(b, 1, ABORT_UNCACHEABLE, 0);
}

static inline void check_abort(const struct msg_frame *f)
{
    unsigned reason, status;

    assert_int_equal(msg_get_abort(f->body, &reason, &status), 0);
    assert_true(reason == ABORT_ORIGIN && status == 504);
}

static inline void check_abort_bare(const struct msg_frame *f)
{
    unsigned reason, status;

    assert_int_equal(msg_get_abort(f->body, &reason, &status), 0);
    assert_true(reason == ABORT_UNCACHEABLE && status == 0);
}

static inline int put_credit(struct buf *b)
{
    return msg_put_credit(b, 1, 16);
}

static inline void check_credit(const struct msg_frame *f)
{
    uint32_t leaves;

    assert_int_equal(msg_get_credit(f->body, &leaves), 0);
    assert_int_equal(leaves, 16);
}

static inline int put_drop(struct buf *b)
{
    struct msg_drop m = { .number = 300, .relay = true };

    memset(m.key.bytes, 0x40, DIGEST_BYTES);
    return msg_put_drop(b, &m);
}

static inline void check_drop(const struct msg_frame *f)
{
    struct msg_drop m;

    assert_int_equal(msg_get_drop(f->body, &m), 0);
    assert_true(m.number == 300 && m.relay && m.key.bytes[0] == 0x40 && m.key.bytes[DIGEST_BYTES - 1] == 0x40);
}

static inline int put_dropped(struct buf *b)
{
    return msg_put_dropped(b, 300);
}

static inline void check_dropped(const struct msg_frame *f)
{
    uint64_t number;

    assert_int_equal(msg_get_dropped(f->body, &number), 0);
    assert_int_equal(number, 300);
}

static inline int put_purge(struct buf *b)
{
    struct msg_purge_out m = { .cert = SLICE_LIT("cert"), .folded = true };

    assert_true(msg_purge_add(&m, SLICE_LIT("first")) && msg_purge_add(&m, SLICE_LIT("second")));
    return msg_put_purge(b, &m);
}

static inline void check_purge(const struct msg_frame *f)
{
    struct wire w;
    struct msg_purge m;

    assert_int_equal(msg_get_purge(&w, f->body, &m), 0);
    assert_true(slice_eq(m.cert, SLICE_LIT("cert")) && m.folded && m.n == 2);
    assert_true(slice_eq(msg_purge_item(&m, 0), SLICE_LIT("first")));
    assert_true(slice_eq(msg_purge_item(&m, 1), SLICE_LIT("second")));
    wire_close(&w);
}

static inline int put_purged(struct buf *b)
{
    struct msg_purged m = { .begun = 3, .number = 300, .at_s = 1800000000 };

    count_up(m.sig, 0x60, SIGNATURE_BYTES);
    return msg_put_purged(b, &m);
}

static inline void check_purged(const struct msg_frame *f)
{
    uint8_t sig[SIGNATURE_BYTES];
    struct msg_purged m;

    count_up(sig, 0x60, SIGNATURE_BYTES);
    assert_int_equal(msg_get_purged(f->body, &m), 0);
    assert_true(m.begun == 3 && m.number == 300 && m.at_s == 1800000000);
    assert_memory_equal(m.sig, sig, SIGNATURE_BYTES);
}

static inline int put_frontier(struct buf *b)
{
    const struct msg_frontier m = { 0x1122334455667788, 5, 6, true, SLICE_LIT("vector") };
    return msg_put_frontier(b, &m);
}

static inline void check_frontier(const struct msg_frame *f)
{
    struct wire w;
    struct msg_frontier m;

    assert_int_equal(msg_get_frontier(&w, f->body, &m), 0);
    assert_true(m.digest == 0x1122334455667788 && m.asks == 5 && m.answers == 6 && m.whole && slice_eq(m.vector, SLICE_LIT("vector")));
    wire_close(&w);
}

static inline int put_frontier_none(struct buf *b)
{
    return msg_put_frontier(b, &(struct msg_frontier){ .digest = 0 });
}

static inline void check_frontier_none(const struct msg_frame *f)
{
    struct wire w;
    struct msg_frontier m;

    assert_int_equal(msg_get_frontier(&w, f->body, &m), 0);
    assert_true(m.digest == 0 && m.asks == 0 && m.answers == 0 && !m.whole && m.vector.len == 0);
    wire_close(&w);
}

static inline int put_take(struct buf *b)
{
    struct msg_take m = { .what = { .distribution = SLICE_LIT("photos"),
                                    .host = SLICE_LIT("example.com"),
                                    .path = SLICE_LIT("/img/a.jpg"),
                                    .config = 0xb1b2b3b4b5b6b7b8,
                                    .flags = ASK_LEAF,
                                    .generation = 0xd1d2d3d4d5d6d7d8,
                                    .first_leaf = 7,
                                    .fields = SLICE_LIT("fields") },
                          .reason = TAKE_HANDED };

    count_up(m.what.key.bytes, 0x40, DIGEST_BYTES);
    return msg_put_take(b, &m);
}

static inline void check_take(const struct msg_frame *f)
{
    struct wire w;
    struct msg_take m;

    assert_int_equal(msg_get_take(&w, f->body, &m), 0);
    assert_true(m.what.key.bytes[0] == 0x40 && m.what.key.bytes[DIGEST_BYTES - 1] == 0x5f);
    assert_true(slice_eq(m.what.distribution, SLICE_LIT("photos")) && slice_eq(m.what.host, SLICE_LIT("example.com")));
    assert_true(slice_eq(m.what.path, SLICE_LIT("/img/a.jpg")) && slice_eq(m.what.fields, SLICE_LIT("fields")));
    assert_true(m.what.config == 0xb1b2b3b4b5b6b7b8 && m.what.generation == 0xd1d2d3d4d5d6d7d8);
    assert_true(m.what.flags == ASK_LEAF && m.what.first_leaf == 7 && m.reason == TAKE_HANDED);
    assert_true(m.what.credit == 0 && m.what.hops == 0 && m.what.request_id.len == 0);
    wire_close(&w);
}

/* Decodes by type, whatever it is: the first error, or 0. */
static inline int decode(struct slice frame)
{
    struct msg_frame f;
    struct wire w = { NULL, NULL };
    union {
        struct msg_hello hello;
        struct msg_members members;
        struct msg_roll roll;
        struct msg_purge purge;
        struct msg_purged purged;
        struct msg_frontier frontier;
        struct msg_drop drop;
        uint64_t number;
        struct msg_take take;
        struct msg_ask ask;
        struct msg_answer answer;
        struct msg_head head;
        struct leaf_batch batch;
        struct msg_leaf leaf;
        struct msg_slip slip;
    } m;
    struct digest hashes[LEAF_BATCH_MAX];
    unsigned reason, status;
    uint32_t leaves;
    int err = msg_open(frame, &f);

    if (err != 0)
        return err;
    switch (f.type) {
    case MSG_HELLO: err = msg_get_hello(&w, f.body, &m.hello); break;
    case MSG_REFUSE: err = msg_get_refuse(f.body, &reason); break;
    case MSG_MEMBERS: err = msg_get_members(&w, f.body, &m.members); break;
    case MSG_ROLL: err = msg_get_roll(&w, f.body, &m.roll); break;
    case MSG_PURGE: err = msg_get_purge(&w, f.body, &m.purge); break;
    case MSG_PURGED: err = msg_get_purged(f.body, &m.purged); break;
    case MSG_FRONTIER: err = msg_get_frontier(&w, f.body, &m.frontier); break;
    case MSG_TAKE: err = msg_get_take(&w, f.body, &m.take); break;
    case MSG_ASK: err = msg_get_ask(&w, f.body, &m.ask); break;
    case MSG_ANSWER: err = msg_get_answer(f.body, &m.answer); break;
    case MSG_HEAD: err = msg_get_head(&w, f.body, &m.head); break;
    case MSG_LEAF_BATCH: err = msg_get_batch(f.body, &m.batch, hashes); break;
    case MSG_LEAF: err = msg_get_leaf(f.body, &m.leaf); break;
    case MSG_SLIP: err = msg_get_slip(f.body, &m.slip); break;
    case MSG_ABORT: err = msg_get_abort(f.body, &reason, &status); break;
    case MSG_DROP: err = msg_get_drop(f.body, &m.drop); break;
    case MSG_DROPPED: err = msg_get_dropped(f.body, &m.number); break;
    case MSG_CREDIT: err = msg_get_credit(f.body, &leaves); break;
    default: break;
    }
    assert_true(err <= 0);
    if (err != 0)
        assert_null(w.zone); /* an error leaves nothing to close */
    wire_close(&w);
    return err;
}

#endif
