#include "proto/base/err.h"
#include "proto/msg.h"
#include "proto/record.h"

#include <setjmp.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

/* |n| bytes counting up from |first|: contents that are easy to tell apart. */
static void count_up(void *to, uint8_t first, size_t n)
{
    for (size_t i = 0; i < n; i++)
        ((uint8_t *)to)[i] = (uint8_t)(first + i);
}

#define U64(byte)                                                                                 \
    ((uint64_t)(byte) << 56 | (uint64_t)((byte) + 1) << 48 | (uint64_t)((byte) + 2) << 40 |       \
     (uint64_t)((byte) + 3) << 32 | (uint64_t)((byte) + 4) << 24 | (uint64_t)((byte) + 5) << 16 | \
     (uint64_t)((byte) + 6) << 8 | (uint64_t)((byte) + 7))

/* ---- one value of each message, what it encodes to, and that it comes back ---- */

static struct msg_hello hello_of(bool bare)
{
    struct msg_hello m = { .boot = { 0, 1 } };

    count_up(m.params.bytes, 0x20, DIGEST_BYTES);
    if (!bare) {
        m.features = 5;
        m.boot = (struct boot){ 7, UINT64_C(0x1122334455667788) };
        m.version = SLICE_LIT("hedgerow 0.1.0");
        m.port = 7400;
    }
    return m;
}

static int put_hello(struct buf *b)
{
    struct msg_hello m = hello_of(false);
    return msg_put_hello(b, &m);
}

static int put_hello_bare(struct buf *b)
{
    struct msg_hello m = hello_of(true);
    return msg_put_hello(b, &m);
}

static void check_hello_is(struct slice body, const struct msg_hello *want)
{
    struct wire w;
    struct msg_hello m;

    assert_int_equal(msg_get_hello(&w, body, &m), 0);
    assert_int_equal(m.features, want->features);
    assert_true(m.boot.number == want->boot.number && m.boot.salt == want->boot.salt);
    assert_true(digest_eq(&m.params, &want->params));
    assert_true(slice_eq(m.version, want->version));
    assert_int_equal(m.port, want->port);
    wire_close(&w);
}

static void check_hello(const struct msg_frame *f)
{
    struct msg_hello want = hello_of(false);
    check_hello_is(f->body, &want);
}

static void check_hello_bare(const struct msg_frame *f)
{
    struct msg_hello want = hello_of(true);
    check_hello_is(f->body, &want);
}

static int put_refuse(struct buf *b)
{
    return msg_put_refuse(b, REFUSE_PARAMS);
}

static void check_refuse(const struct msg_frame *f)
{
    unsigned reason;

    assert_int_equal(msg_get_refuse(f->body, &reason), 0);
    assert_int_equal(reason, REFUSE_PARAMS);
}

static int put_members(struct buf *b)
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

static void check_members(const struct msg_frame *f)
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

static int put_roll(struct buf *b)
{
    const struct msg_roll m = { 7, 0x1122334455667788, SLICE_LIT("a roll") };
    return msg_put_roll(b, &m);
}

static void check_roll(const struct msg_frame *f)
{
    struct wire w = { 0 };
    struct msg_roll m;

    assert_int_equal(msg_get_roll(&w, f->body, &m), 0);
    assert_int_equal(m.sequence, 7);
    assert_true(m.mark == 0x1122334455667788);
    assert_true(slice_eq(m.roll, SLICE_LIT("a roll")));
    wire_close(&w);
}

static int put_roll_none(struct buf *b)
{
    return msg_put_roll(b, &(struct msg_roll){ 0, 0, SLICE_EMPTY });
}

static void check_roll_none(const struct msg_frame *f)
{
    struct wire w = { 0 };
    struct msg_roll m;

    assert_int_equal(msg_get_roll(&w, f->body, &m), 0);
    assert_true(m.sequence == 0 && m.mark == 0 && m.roll.len == 0);
    wire_close(&w);
}

static int put_members_none(struct buf *b)
{
    struct msg_members_out m = { .n = 0 };
    return msg_put_members(b, &m, false);
}

static void check_members_none(const struct msg_frame *f)
{
    struct wire w;
    struct msg_members m;

    assert_int_equal(msg_get_members(&w, f->body, &m), 0);
    assert_false(m.reply_wanted || m.placed);
    assert_int_equal(m.settled, 0);
    assert_int_equal(m.n, 0);
    wire_close(&w);
}

static int put_progress(struct buf *b)
{
    return msg_put_empty(b, MSG_PROGRESS, 0);
}

static int put_goodbye(struct buf *b)
{
    return msg_put_empty(b, MSG_GOODBYE, 0);
}

static int put_cancel(struct buf *b)
{
    return msg_put_empty(b, MSG_CANCEL, 1);
}

static void check_empty(const struct msg_frame *f)
{
    assert_int_equal(f->body.len, 0);
}

static struct msg_ask ask_of(bool bare)
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
    }
    return m;
}

static int put_ask(struct buf *b)
{
    struct msg_ask m = ask_of(false);
    return msg_put_ask(b, 0x01020304, &m);
}

static int put_ask_bare(struct buf *b)
{
    struct msg_ask m = ask_of(true);
    return msg_put_ask(b, 1, &m);
}

static void check_ask_is(struct slice body, const struct msg_ask *want)
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
    assert_true(m.first_leaf == want->first_leaf && m.credit == want->credit);
    wire_close(&w);
}

static void check_ask(const struct msg_frame *f)
{
    struct msg_ask want = ask_of(false);
    assert_int_equal(f->stream, 0x01020304);
    check_ask_is(f->body, &want);
}

static void check_ask_bare(const struct msg_frame *f)
{
    struct msg_ask want = ask_of(true);
    check_ask_is(f->body, &want);
}

static int put_answer(struct buf *b)
{
    struct msg_answer m = { ANSWER_NOT_OWNER, NOT_OWNER_CONFIG, U64(0xa1), 250 };
    return msg_put_answer(b, 1, &m);
}

static void check_answer(const struct msg_frame *f)
{
    struct msg_answer m;

    assert_int_equal(msg_get_answer(f->body, &m), 0);
    assert_true(m.status == ANSWER_NOT_OWNER && m.reason == NOT_OWNER_CONFIG && m.epoch == U64(0xa1) && m.load == 250);
}

static int put_answer_bare(struct buf *b)
{
    struct msg_answer m = { .status = ANSWER_HAVE };
    return msg_put_answer(b, 1, &m);
}

static void check_answer_bare(const struct msg_frame *f)
{
    struct msg_answer m;

    assert_int_equal(msg_get_answer(f->body, &m), 0);
    assert_true(m.status == ANSWER_HAVE && m.reason == 0 && m.epoch == 0 && m.load == 0);
}

static struct msg_head head_of(bool one)
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

static int put_head(struct buf *b)
{
    struct msg_head m = head_of(false);
    return msg_put_head(b, 1, &m);
}

static int put_head_one(struct buf *b)
{
    struct msg_head m = head_of(true);
    return msg_put_head(b, 1, &m);
}

static void check_head_is(struct slice body, const struct msg_head *want)
{
    struct wire w;
    struct msg_head m;

    assert_int_equal(msg_get_head(&w, body, &m), 0);
    assert_int_equal(m.form, want->form);
    assert_true(slice_eq(m.head, want->head) && slice_eq(m.signer_cert, want->signer_cert));
    assert_true(m.age_ms == want->age_ms && m.length == want->length);
    assert_true(m.has_length == want->has_length && m.uncacheable == want->uncacheable);
    assert_true(node_id_eq(&m.signer, &want->signer) && digest_eq(&m.leaf, &want->leaf));
    assert_memory_equal(m.sig, want->sig, SIGNATURE_BYTES);
    wire_close(&w);
}

static void check_head(const struct msg_frame *f)
{
    struct msg_head want = head_of(false);
    check_head_is(f->body, &want);
}

static void check_head_one(const struct msg_frame *f)
{
    struct msg_head want = head_of(true);
    check_head_is(f->body, &want);
}

static int put_batch_of(struct buf *b, struct leaf_batch batch, bool with_before)
{
    struct digest hashes[LEAF_BATCH_MAX], before;

    count_up(hashes, 0, sizeof(hashes));
    count_up(before.bytes, 0xc0, DIGEST_BYTES);
    count_up(batch.sig, 0x80, SIGNATURE_BYTES);
    if (with_before)
        return msg_put_batch_from(b, 1, &batch, &before, hashes);
    return msg_put_batch(b, 1, &batch, hashes);
}

static void check_batch_is(struct slice body, struct leaf_batch want, bool with_before)
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

static int put_batch(struct buf *b)
{
    return put_batch_of(b, batch_first, false);
}

static int put_batch_final(struct buf *b)
{
    return put_batch_of(b, batch_final, true);
}

static int put_batch_empty(struct buf *b)
{
    return put_batch_of(b, batch_empty, false);
}

static void check_batch(const struct msg_frame *f)
{
    check_batch_is(f->body, batch_first, false);
}

static void check_batch_final(const struct msg_frame *f)
{
    check_batch_is(f->body, batch_final, true);
}

static void check_batch_empty(const struct msg_frame *f)
{
    check_batch_is(f->body, batch_empty, false);
}

static int put_leaf_of(struct buf *b, uint8_t encoding, uint32_t raw_len, struct slice bytes)
{
    struct msg_leaf m = { 3, encoding, raw_len, bytes };
    return msg_put_leaf(b, 1, &m);
}

static void check_leaf_is(struct slice body, uint8_t encoding, uint32_t raw_len, struct slice bytes)
{
    struct msg_leaf m;

    assert_int_equal(msg_get_leaf(body, &m), 0);
    assert_true(m.index == 3 && m.encoding == encoding && m.raw_len == raw_len && slice_eq(m.bytes, bytes));
}

static int put_leaf_raw(struct buf *b)
{
    return put_leaf_of(b, LEAF_RAW, 9, SLICE_LIT("raw bytes"));
}

static int put_leaf_zstd(struct buf *b)
{
    return put_leaf_of(b, LEAF_ZSTD, LEAF_BYTES, SLICE_LIT("packed"));
}

static int put_leaf_joined(struct buf *b)
{
    return put_leaf_of(b, LEAF_JOINED, LEAF_BYTES, SLICE_EMPTY);
}

static void check_leaf_raw(const struct msg_frame *f)
{
    check_leaf_is(f->body, LEAF_RAW, 9, SLICE_LIT("raw bytes"));
}

static void check_leaf_zstd(const struct msg_frame *f)
{
    check_leaf_is(f->body, LEAF_ZSTD, LEAF_BYTES, SLICE_LIT("packed"));
}

static void check_leaf_joined(const struct msg_frame *f)
{
    check_leaf_is(f->body, LEAF_JOINED, LEAF_BYTES, SLICE_EMPTY);
}

static int put_slip(struct buf *b)
{
    struct msg_slip m = { .index = 3, .offset = 100, .bytes = SLICE_LIT("a piece") };
    count_up(m.sig, 0x80, SIGNATURE_BYTES);
    return msg_put_slip(b, 1, &m);
}

static void check_slip(const struct msg_frame *f)
{
    struct msg_slip m;
    uint8_t sig[SIGNATURE_BYTES];

    count_up(sig, 0x80, sizeof(sig));
    assert_int_equal(msg_get_slip(f->body, &m), 0);
    assert_true(m.index == 3 && m.offset == 100 && slice_eq(m.bytes, SLICE_LIT("a piece")));
    assert_memory_equal(m.sig, sig, sizeof(sig));
}

static int put_abort(struct buf *b)
{
    return msg_put_abort(b, 1, ABORT_ORIGIN, 504);
}

static int put_abort_bare(struct buf *b)
{
    return msg_put_abort(b, 1, ABORT_UNCACHEABLE, 0);
}

static void check_abort(const struct msg_frame *f)
{
    unsigned reason, status;

    assert_int_equal(msg_get_abort(f->body, &reason, &status), 0);
    assert_true(reason == ABORT_ORIGIN && status == 504);
}

static void check_abort_bare(const struct msg_frame *f)
{
    unsigned reason, status;

    assert_int_equal(msg_get_abort(f->body, &reason, &status), 0);
    assert_true(reason == ABORT_UNCACHEABLE && status == 0);
}

static int put_credit(struct buf *b)
{
    return msg_put_credit(b, 1, 16);
}

static void check_credit(const struct msg_frame *f)
{
    uint32_t leaves;

    assert_int_equal(msg_get_credit(f->body, &leaves), 0);
    assert_int_equal(leaves, 16);
}

/* The bytes were made by another encoder from PROTOCOL.md, not by this one. */
static const struct golden {
    const char *name;
    enum msg_type type;
    int (*put)(struct buf *b);
    void (*check)(const struct msg_frame *f);
    const char *hex;
} goldens[] = {
    { "hello", MSG_HELLO, put_hello, check_hello,
      "0100000000860105020703cf112233445566778804c420202122232425262728292a2b2c2d2e2f303132333435363738393a"
      "3b3c3d3e3f05ae6865646765726f7720302e312e3006cd1ce8" },
    { "hello, bare", MSG_HELLO, put_hello_bare, check_hello_bare,
      "010000000082030104c420202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f" },
    { "refuse", MSG_REFUSE, put_refuse, check_refuse, "0200000000810107" },
    { "members", MSG_MEMBERS, put_members, check_members,
      "030000000084019292c406636572742d61c4087265636f72642d6192c406636572742d62c40002c303cd012c04c3" },
    { "members, none", MSG_MEMBERS, put_members_none, check_members_none, "0300000000810190" },
    { "roll", MSG_ROLL, put_roll, check_roll, "0c0000000083010702cf112233445566778803c4066120726f6c6c" },
    { "roll, none", MSG_ROLL, put_roll_none, check_roll_none, "0c0000000080" },
    { "progress", MSG_PROGRESS, put_progress, check_empty, "0400000000" },
    { "goodbye", MSG_GOODBYE, put_goodbye, check_empty, "0500000000" },
    { "ask", MSG_ASK, put_ask, check_ask,
      "10010203048f01c420404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f02a670686f746f7303"
      "ab6578616d706c652e636f6d04b02f696d672f612e6a70673f773d31303005a57265712d3106cfa1a2a3a4a5a6a7a807cfb1"
      "b2b3b4b5b6b7b808cfc1c2c3c4c5c6c7c809cd05dc0a020b010c050dcfd1d2d3d4d5d6d7d80ece000111700f20" },
    { "ask, bare", MSG_ASK, put_ask_bare, check_ask_bare,
      "10000000018301c420404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f02a764656661756c74"
      "04a12f" },
    { "answer", MSG_ANSWER, put_answer, check_answer, "1100000001840105020203cfa1a2a3a4a5a6a7a804ccfa" },
    { "answer, bare", MSG_ANSWER, put_answer_bare, check_answer_bare, "1100000001810101" },
    { "head", MSG_HEAD, put_head, check_head,
      "120000000187010102c408746865206865616403ce00015f9004c410101112131415161718191a1b1c1d1e1f05c40d612063"
      "6572746966696361746506c440808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4"
      "a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf0800" },
    { "head, one", MSG_HEAD, put_head_one, check_head_one,
      "120000000187010202c408746865206865616404c410101112131415161718191a1b1c1d1e1f06c440808182838485868788"
      "898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9ba"
      "bbbcbdbebf07c308ce0001000009c420606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f" },
    { "batch", MSG_LEAF_BATCH, put_batch, check_batch,
      "13000000018202c440000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728"
      "292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f04c440808182838485868788898a8b8c8d8e8f9091929394959697"
      "98999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf" },
    { "batch, final", MSG_LEAF_BATCH, put_batch_final, check_batch_final,
      "13000000018501cd012c02c420000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f03ce012c00"
      "0104c440808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacad"
      "aeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf05c420c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdc"
      "dddedf" },
    { "batch, empty body", MSG_LEAF_BATCH, put_batch_empty, check_batch_empty,
      "130000000182030004c440808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6"
      "a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf" },
    { "leaf, raw", MSG_LEAF, put_leaf_raw, check_leaf_raw, "1400000001000000030000000009726177206279746573" },
    { "leaf, packed", MSG_LEAF, put_leaf_zstd, check_leaf_zstd, "14000000010000000301000100007061636b6564" },
    { "leaf, joined", MSG_LEAF, put_leaf_joined, check_leaf_joined, "1400000001000000030200010000" },
    { "slip", MSG_SLIP, put_slip, check_slip,
      "15000000010000000300000064808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4"
      "a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf61207069656365" },
    { "abort", MSG_ABORT, put_abort, check_abort, "160000000182010102cd01f8" },
    { "abort, bare", MSG_ABORT, put_abort_bare, check_abort_bare, "1600000001810107" },
    { "credit", MSG_CREDIT, put_credit, check_credit, "1700000001810110" },
    { "cancel", MSG_CANCEL, put_cancel, check_empty, "1800000001" },
};
#define GOLDENS (sizeof(goldens) / sizeof(goldens[0]))

static void each_message_has_its_golden_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDENS; i++) {
        struct buf b = BUF_EMPTY;
        char hex[2048];
        struct msg_frame f;
        buf_add_str(&b, "before");
        assert_int_equal(goldens[i].put(&b), 0);
        sodium_bin2hex(hex, sizeof(hex), b.data + 6, b.len - 6);
        if (strcmp(hex, goldens[i].hex) != 0)
            fail_msg("%s is\n%s, not\n%s", goldens[i].name, hex, goldens[i].hex);
        assert_int_equal(msg_open(slice_from(buf_slice(&b), 6), &f), 0);
        assert_int_equal(f.type, goldens[i].type);
        goldens[i].check(&f);
        buf_free(&b);
    }
}

/* Decodes by type, whatever it is: the first error, or 0. */
static int decode(struct slice frame)
{
    struct msg_frame f;
    struct wire w = { NULL, NULL };
    union {
        struct msg_hello hello;
        struct msg_members members;
        struct msg_roll roll;
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
    case MSG_ASK: err = msg_get_ask(&w, f.body, &m.ask); break;
    case MSG_ANSWER: err = msg_get_answer(f.body, &m.answer); break;
    case MSG_HEAD: err = msg_get_head(&w, f.body, &m.head); break;
    case MSG_LEAF_BATCH: err = msg_get_batch(f.body, &m.batch, hashes); break;
    case MSG_LEAF: err = msg_get_leaf(f.body, &m.leaf); break;
    case MSG_SLIP: err = msg_get_slip(f.body, &m.slip); break;
    case MSG_ABORT: err = msg_get_abort(f.body, &reason, &status); break;
    case MSG_CREDIT: err = msg_get_credit(f.body, &leaves); break;
    default: break;
    }
    assert_true(err <= 0);
    if (err != 0)
        assert_null(w.zone); /* an error leaves nothing to close */
    wire_close(&w);
    return err;
}

static bool has_map(enum msg_type type)
{
    return type != MSG_LEAF && type != MSG_SLIP && type != MSG_PROGRESS && type != MSG_GOODBYE && type != MSG_CANCEL;
}

static void a_cut_or_longer_message_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDENS; i++) {
        struct buf b = BUF_EMPTY;
        assert_int_equal(goldens[i].put(&b), 0);
        for (size_t n = 0; n < b.len; n++) {
            uint8_t *part = malloc(n > 0 ? n : 1); /* for the sanitizer: exactly so long */
            assert_non_null(part);
            memcpy(part, b.data, n);
            int err = decode(slice_of(part, n));
            if (n < MSG_HEAD_BYTES || has_map(goldens[i].type))
                assert_int_equal(err, MESH_E_SHORT);
            free(part);
        }
        buf_add_u8(&b, 0);
        if (has_map(goldens[i].type))
            assert_int_equal(decode(buf_slice(&b)), MESH_E_SYNTAX);
        buf_free(&b);
    }
}

static void no_flipped_bit_crashes_a_decoder(void **state)
{
    size_t refused = 0, taken = 0;

    (void)state;
    for (size_t i = 0; i < GOLDENS; i++) {
        struct buf b = BUF_EMPTY;
        assert_int_equal(goldens[i].put(&b), 0);
        uint8_t *copy = malloc(b.len);
        assert_non_null(copy);
        for (size_t bit = 0; bit < b.len * 8; bit++) {
            memcpy(copy, b.data, b.len);
            copy[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            if (decode(slice_of(copy, b.len)) != 0)
                refused++;
            else
                taken++;
        }
        free(copy);
        buf_free(&b);
    }
    assert_true(refused > 500 && taken > 500); /* contents may differ, structure may not */
}

/* Two flipped bits in the first bytes, where the structure is. */
static void no_two_flipped_bits_crash_a_decoder(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDENS; i++) {
        struct buf b = BUF_EMPTY;
        assert_int_equal(goldens[i].put(&b), 0);
        size_t bits = (b.len < 24 ? b.len : 24) * 8;
        for (size_t one = 40; one < bits; one++) {
            for (size_t two = one + 1; two < bits; two++) {
                b.data[one / 8] ^= (uint8_t)(1u << (one % 8));
                b.data[two / 8] ^= (uint8_t)(1u << (two % 8));
                decode(buf_slice(&b));
                b.data[one / 8] ^= (uint8_t)(1u << (one % 8));
                b.data[two / 8] ^= (uint8_t)(1u << (two % 8));
            }
        }
        buf_free(&b);
    }
}

/* ---- what is refused ---- */

/* Decodes a frame of |type| whose map is |hex|. */
static int decode_map(enum msg_type type, const char *hex)
{
    uint8_t frame[512];
    size_t len;

    memset(frame, 0, MSG_HEAD_BYTES);
    frame[0] = (uint8_t)type;
    frame[4] = type > MSG_SESSION_MAX ? 1 : 0;
    assert_int_equal(
        sodium_hex2bin(frame + MSG_HEAD_BYTES, sizeof(frame) - MSG_HEAD_BYTES, hex, strlen(hex), " ", &len, NULL), 0);
    return decode(slice_of(frame, MSG_HEAD_BYTES + len));
}

#define HEX32 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define BIN32 "c420" HEX32
#define SIG64 "c440" HEX32 HEX32
#define ID16  "c41000000000000000000000000000000000"

static void fields_are_judged(void **state)
{
    static const struct {
        enum msg_type type;
        const char *map;
        int err;
    } rows[] = {
        { MSG_REFUSE, "81 01 07", 0 },
        { MSG_REFUSE, "82 01 07 18 a3616263", 0 }, /* an unknown key */
        { MSG_REFUSE, "80", MESH_E_MISSING },
        { MSG_REFUSE, "81 01 00", MESH_E_RANGE },
        { MSG_REFUSE, "81 01 cf0000000100000000", MESH_E_RANGE },
        { MSG_REFUSE, "81 01 a137", MESH_E_TYPE },
        { MSG_REFUSE, "07", MESH_E_TYPE },           /* no map */
        { MSG_REFUSE, "81 01 cc07", MESH_E_SYNTAX }, /* not canonical */
        { MSG_REFUSE, "82 01 07 01 07", MESH_E_SYNTAX },
        { MSG_REFUSE, "dd ffffffff", MESH_E_RANGE }, /* an array of 2^32-1 */
        { MSG_HELLO, "82 03 01 04 " BIN32, 0 },
        { MSG_HELLO, "81 03 01", MESH_E_MISSING },
        { MSG_HELLO, "81 04 " BIN32, MESH_E_MISSING },     /* no salt */
        { MSG_HELLO, "82 03 00 04 " BIN32, MESH_E_RANGE }, /* a salt of 0 */
        { MSG_HELLO, "82 03 01 04 c40100", MESH_E_RANGE },
        { MSG_HELLO, "83 03 01 04 " BIN32 " 06 cdffff", 0 },
        { MSG_HELLO, "83 03 01 04 " BIN32 " 06 ce00010000", MESH_E_RANGE },
        { MSG_HELLO, "83 03 01 04 " BIN32 " 05 d920" HEX32, 0 }, /* 32 bytes of version */
        { MSG_HELLO, "83 03 01 04 " BIN32 " 05 d921" HEX32 "20", MESH_E_RANGE },
        { MSG_MEMBERS, "80", MESH_E_MISSING },
        { MSG_MEMBERS, "81 01 05", MESH_E_TYPE },
        { MSG_MEMBERS, "81 01 91 05", MESH_E_TYPE },
        { MSG_MEMBERS, "81 01 91 91 c40161", MESH_E_MISSING },
        { MSG_MEMBERS, "81 01 91 92 c40161 c400", 0 },
        { MSG_MEMBERS, "81 01 91 93 c40161 c400 05", 0 }, /* more may follow one day */
        { MSG_MEMBERS, "81 01 91 92 c400 c40161", MESH_E_RANGE },
        { MSG_MEMBERS, "81 01 91 92 a161 c400", MESH_E_TYPE },
        { MSG_MEMBERS, "82 01 90 02 01", MESH_E_TYPE },
        { MSG_ASK, "83 01 " BIN32 " 02 a161 04 a12f", 0 },
        { MSG_ASK, "82 01 " BIN32 " 04 a12f", MESH_E_MISSING },
        { MSG_ASK, "82 01 " BIN32 " 02 a161", MESH_E_MISSING },
        { MSG_ASK, "83 01 " BIN32 " 02 a0 04 a12f", MESH_E_RANGE },
        { MSG_ASK, "84 01 " BIN32 " 02 a161 04 a12f 0a cd0100", MESH_E_RANGE }, /* 256 hops */
        { MSG_ASK, "84 01 " BIN32 " 02 a161 04 a12f 0e cf0000000100000000", MESH_E_RANGE },
        { MSG_ANSWER, "80", MESH_E_MISSING },
        { MSG_ANSWER, "81 01 cd0100", MESH_E_RANGE },
        { MSG_ABORT, "81 01 01", 0 },
        { MSG_ABORT, "82 01 01 02 cd03e7", 0 },
        { MSG_ABORT, "82 01 01 02 cd03e8", MESH_E_RANGE },
        { MSG_CREDIT, "81 01 00", MESH_E_RANGE },
        { MSG_HEAD, "84 01 01 02 c40168 04 " ID16 " 06 " SIG64, 0 },
        { MSG_HEAD, "84 01 03 02 c40168 04 " ID16 " 06 " SIG64, MESH_E_RANGE }, /* an unknown form */
        { MSG_HEAD, "83 01 01 04 " ID16 " 06 " SIG64, MESH_E_MISSING },
        { MSG_HEAD, "83 01 01 02 c40168 06 " SIG64, MESH_E_MISSING },
        { MSG_HEAD, "83 01 01 02 c40168 04 " ID16, MESH_E_MISSING },
        { MSG_HEAD, "84 01 02 02 c40168 04 " ID16 " 06 " SIG64, MESH_E_MISSING },              /* one, without leaf */
        { MSG_HEAD, "85 01 02 02 c40168 04 " ID16 " 06 " SIG64 " 09 " BIN32, MESH_E_MISSING }, /* without length */
        { MSG_HEAD, "86 01 02 02 c40168 04 " ID16 " 06 " SIG64 " 08 00 09 " BIN32, 0 },
        { MSG_HEAD, "86 01 02 02 c40168 04 " ID16 " 06 " SIG64 " 08 ce00010001 09 " BIN32, MESH_E_RANGE },
        { MSG_HEAD, "85 01 01 02 c40168 04 " ID16 " 06 " SIG64 " 08 cfffffffffffffffff", MESH_E_RANGE },
        { MSG_HEAD, "85 01 01 02 c40168 04 " ID16 " 06 " SIG64 " 08 a0", MESH_E_TYPE },
        { MSG_LEAF_BATCH, "82 02 " BIN32 " 04 " SIG64, 0 },
        { MSG_LEAF_BATCH, "81 02 " BIN32, MESH_E_MISSING },
        { MSG_LEAF_BATCH, "81 04 " SIG64, MESH_E_RANGE }, /* nothing, and not the end */
        { MSG_LEAF_BATCH, "82 02 c41f" HEX32 " 04 " SIG64, MESH_E_SYNTAX },
        { MSG_LEAF_BATCH, "82 02 c40100 04 " SIG64, MESH_E_RANGE },                  /* no whole hash */
        { MSG_LEAF_BATCH, "83 02 " BIN32 " 03 ce00010001 04 " SIG64, MESH_E_RANGE }, /* one leaf, 65,537 bytes */
        { MSG_LEAF_BATCH, "83 02 " BIN32 " 04 " SIG64 " 05 c40100", MESH_E_RANGE },
        { MSG_LEAF_BATCH, "83 02 " BIN32 " 04 " SIG64 " 05 01", MESH_E_TYPE },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int err = decode_map(rows[i].type, rows[i].map);
        if (err != rows[i].err)
            fail_msg("type %d, %s: %d, not %d", rows[i].type, rows[i].map, err, rows[i].err);
    }
}

static void a_frame_belongs_to_its_session_or_its_stream(void **state)
{
    struct msg_frame f;

    (void)state;
    assert_int_equal(msg_open(SLICE_LIT("\x04\0\0\0"), &f), MESH_E_SHORT);
    assert_int_equal(msg_open(SLICE_LIT("\x04\0\0\0\0"), &f), 0);
    assert_int_equal(msg_open(SLICE_LIT("\x04\0\0\0\x01"), &f), MESH_E_SYNTAX);
    assert_int_equal(msg_open(SLICE_LIT("\x18\0\0\0\0"), &f), MESH_E_SYNTAX);
    assert_int_equal(msg_open(SLICE_LIT("\xf0\0\0\x01\0xyz"), &f), 0); /* an unknown one is not our business */
    assert_true(f.type == 0xf0 && f.stream == 256 && slice_eq(f.body, SLICE_LIT("xyz")));
}

static void leaves_and_slips_keep_their_bounds(void **state)
{
    static const uint8_t bytes[LEAF_BYTES + 1];
    static const struct {
        uint32_t index;
        uint8_t encoding;
        uint32_t raw_len;
        size_t len;
        int err;
    } rows[] = {
        { 0, LEAF_RAW, 1, 1, 0 },
        { 0, LEAF_RAW, LEAF_BYTES, LEAF_BYTES, 0 },
        { 0, LEAF_RAW, LEAF_BYTES + 1, LEAF_BYTES + 1, MESH_E_RANGE },
        { 0, LEAF_RAW, 0, 0, MESH_E_RANGE },
        { 0, LEAF_RAW, 2, 1, MESH_E_RANGE },
        { 0, LEAF_RAW, 1, 2, MESH_E_RANGE },
        { UINT32_MAX - 1, LEAF_ZSTD, LEAF_BYTES, LEAF_BYTES - 1, 0 },
        { UINT32_MAX, LEAF_ZSTD, LEAF_BYTES, 10, MESH_E_RANGE },
        { 0, LEAF_ZSTD, LEAF_BYTES, LEAF_BYTES, MESH_E_RANGE }, /* packed must be shorter */
        { 0, LEAF_ZSTD, 5, 0, MESH_E_RANGE },
        { 0, LEAF_JOINED, 5, 0, 0 },
        { 0, LEAF_JOINED, 5, 1, MESH_E_RANGE },
        { 0, LEAF_JOINED, 0, 0, MESH_E_RANGE },
        { 0, 3, 5, 5, MESH_E_RANGE },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct msg_leaf m = { rows[i].index, rows[i].encoding, rows[i].raw_len, slice_of(bytes, rows[i].len) };
        struct buf b = BUF_EMPTY;
        assert_int_equal(msg_put_leaf(&b, 1, &m), rows[i].err);
        assert_true(rows[i].err == 0 || b.len == 0);
        buf_clear(&b); /* and the reader judges for itself */
        buf_add(&b, "\x14\0\0\0\x01", 5);
        buf_add_u32(&b, m.index);
        buf_add_u8(&b, m.encoding);
        buf_add_u32(&b, m.raw_len);
        buf_add_slice(&b, m.bytes);
        assert_int_equal(decode(buf_slice(&b)), rows[i].err);
        buf_free(&b);
    }
    struct buf b = BUF_EMPTY;
    struct msg_slip slip = { .index = 0, .offset = 0, .bytes = slice_of(bytes, LEAF_BYTES) };
    assert_int_equal(msg_put_slip(&b, 1, &slip), 0);
    assert_true(b.len <= RECORD_PLAIN_MAX);
    assert_int_equal(decode(buf_slice(&b)), 0);
    b.data[MSG_HEAD_BYTES + 7] = 1; /* offset 1: one byte past the leaf */
    assert_int_equal(decode(buf_slice(&b)), MESH_E_RANGE);
    buf_clear(&b);
    slip.offset = 1;
    assert_int_equal(msg_put_slip(&b, 1, &slip), MESH_E_RANGE);
    slip.bytes = SLICE_EMPTY;
    assert_int_equal(msg_put_slip(&b, 1, &slip), MESH_E_RANGE);
    assert_int_equal(b.len, 0);
    buf_free(&b);
}

static void writers_refuse_what_readers_would(void **state)
{
    static const uint8_t bytes[MSG_OBJECT_HEAD_MAX + 1] = { '/' };
    struct buf b = BUF_EMPTY;

    (void)state;
    buf_add_str(&b, "kept");
    struct msg_hello hello = hello_of(false);
    hello.version = slice_of(bytes, MSG_VERSION_MAX + 1);
    assert_int_equal(msg_put_hello(&b, &hello), MESH_E_RANGE);
    struct msg_ask ask = ask_of(false);
    ask.path = slice_of(bytes, MSG_PATH_MAX + 1);
    assert_int_equal(msg_put_ask(&b, 1, &ask), MESH_E_RANGE);
    ask.path = SLICE_EMPTY;
    assert_int_equal(msg_put_ask(&b, 1, &ask), MESH_E_RANGE);
    struct msg_head head = head_of(true);
    head.length = LEAF_BYTES + 1;
    assert_int_equal(msg_put_head(&b, 1, &head), MESH_E_RANGE);
    head = head_of(false);
    head.head = slice_of(bytes, MSG_OBJECT_HEAD_MAX + 1);
    assert_int_equal(msg_put_head(&b, 1, &head), MESH_E_RANGE);
    head.head = SLICE_LIT("h");
    head.signer_cert = slice_of(bytes, CERT_BYTES_MAX + 1);
    assert_int_equal(msg_put_head(&b, 1, &head), MESH_E_RANGE);
    assert_int_equal(put_batch_of(&b, (struct leaf_batch){ .count = LEAF_BATCH_MAX + 1 }, false), MESH_E_RANGE);
    assert_int_equal(put_batch_of(&b, (struct leaf_batch){ .count = 1, .length = 1 }, false), MESH_E_RANGE);
    assert_int_equal(msg_put_refuse(&b, 0), MESH_E_RANGE);
    assert_int_equal(msg_put_credit(&b, 1, 0), MESH_E_RANGE);
    assert_int_equal(msg_put_abort(&b, 1, ABORT_ORIGIN, 1000), MESH_E_RANGE);
    assert_true(slice_eq(buf_slice(&b), SLICE_LIT("kept")));

    /* The largest of everything fits a record and comes back. */
    head = head_of(true);
    head.age_ms = UINT64_MAX;
    head.head = slice_of(bytes, MSG_OBJECT_HEAD_MAX);
    head.signer_cert = slice_of(bytes, CERT_BYTES_MAX);
    buf_clear(&b);
    assert_int_equal(msg_put_head(&b, 1, &head), 0);
    check_head_is(slice_from(buf_slice(&b), MSG_HEAD_BYTES), &head);
    ask = ask_of(false);
    ask.distribution = slice_of(bytes, MSG_NAME_MAX);
    ask.host = slice_of(bytes, MSG_HOST_MAX);
    ask.path = slice_of(bytes, MSG_PATH_MAX);
    ask.request_id = slice_of(bytes, MSG_REQUEST_ID_MAX);
    ask.deadline_ms = ask.flags = ask.first_leaf = ask.credit = UINT32_MAX;
    ask.hops = ask.rank = UINT8_MAX;
    buf_clear(&b);
    assert_int_equal(msg_put_ask(&b, 1, &ask), 0);
    check_ask_is(slice_from(buf_slice(&b), MSG_HEAD_BYTES), &ask);
    buf_clear(&b);
    struct leaf_batch batch = { .first = UINT32_MAX - 16, .count = LEAF_BATCH_MAX, .final = true };
    batch.length = LEAF_BODY_MAX;
    assert_int_equal(put_batch_of(&b, batch, true), 0);
    check_batch_is(slice_from(buf_slice(&b), MSG_HEAD_BYTES), batch, true);

    b.failed = true; /* as if memory had run out */
    size_t len = b.len;
    assert_int_equal(put_ask(&b), MESH_E_NOMEM);
    assert_int_equal(put_members(&b), MESH_E_NOMEM);
    assert_int_equal(b.len, len);
    buf_free(&b);
}

static void members_stop_at_what_one_frame_holds(void **state)
{
    static const uint8_t bytes[RECORD_PLAIN_MAX];
    struct msg_members_out m = { .n = 0 };
    struct buf b = BUF_EMPTY;

    (void)state;
    for (unsigned i = 0; i < MSG_MEMBERS_MAX; i++) /* by number */
        assert_true(msg_members_add(&m, slice_of(bytes, 300), slice_of(bytes, 100)));
    assert_false(msg_members_add(&m, slice_of(bytes, 1), SLICE_EMPTY));
    assert_int_equal(msg_put_members(&b, &m, false), 0);
    assert_int_equal(decode(buf_slice(&b)), 0);
    buf_clear(&b);
    unsigned n = 0; /* by size */
    while (msg_members_add(&m, slice_of(bytes, CERT_BYTES_MAX), slice_of(bytes, 1000)))
        n++;
    assert_true(n > 40 && n < 44 && n == m.n);
    size_t room = RECORD_PLAIN_MAX - 24 - m.items.len; /* one last that just fits */
    assert_true(msg_members_add(&m, slice_of(bytes, CERT_BYTES_MAX), slice_of(bytes, room - 1 - 515 - 3)));
    m.settled = UINT32_MAX;
    m.placed = true;
    assert_int_equal(msg_put_members(&b, &m, true), 0);
    assert_true(b.len <= RECORD_PLAIN_MAX);
    assert_int_equal(decode(buf_slice(&b)), 0);

    /* A sender without such limits is refused. */
    buf_clear(&b);
    buf_add(&b, "\x03\0\0\0\0\x81\x01\xdc\0\x61", 10);
    for (unsigned i = 0; i < MSG_MEMBERS_MAX + 1; i++)
        buf_add(&b, "\x92\xc4\x01x\xc4\0", 6);
    assert_int_equal(decode(buf_slice(&b)), MESH_E_RANGE);
    buf_free(&b);
}

static void the_preamble_is_26_bytes(void **state)
{
    static const uint8_t want[PREAMBLE_BYTES] = { 'H', 'G', 'R', 'W', 1, 2, 0xa1, 0xa2, 0xa3, 0xa4, 0,  1,  2,
                                                  3,   4,   5,   6,   7, 8, 9,    10,   11,   12,   13, 14, 15 };
    struct preamble p = { PROTOCOL_VERSION, 2, 0xa1a2a3a4, { { 0 } } }, got;
    struct buf b = BUF_EMPTY;

    (void)state;
    count_up(p.mesh.bytes, 0, MESH_ID_BYTES);
    preamble_put(&b, &p);
    assert_true(slice_eq(buf_slice(&b), SLICE_OF(want)));
    assert_int_equal(preamble_get(buf_slice(&b), &got), 0);
    assert_true(got.version == 1 && got.pattern == 2 && got.features == 0xa1a2a3a4);
    assert_memory_equal(got.mesh.bytes, p.mesh.bytes, MESH_ID_BYTES);
    for (size_t n = 0; n < b.len; n++)
        assert_int_equal(preamble_get(slice_head(buf_slice(&b), n), &got), MESH_E_SHORT);
    assert_int_equal(preamble_get(SLICE_LIT("G"), &got), MESH_E_SYNTAX); /* GET / HTTP/1.1, say */
    assert_int_equal(preamble_get(SLICE_LIT("HGRX"), &got), MESH_E_SYNTAX);
    b.data[4] = 9;
    b.data[5] = PREAMBLE_REFUSED;
    assert_int_equal(preamble_get(buf_slice(&b), &got), MESH_E_VERSION);
    assert_true(got.version == 9 && got.pattern == PREAMBLE_REFUSED && got.features == 0xa1a2a3a4);
    buf_free(&b);
}

static void each_refusal_has_a_text_of_its_own(void **state)
{
    (void)state;
    for (unsigned i = 0; i <= REFUSE_SELF + 1; i++) {
        for (unsigned j = 0; j < i; j++) {
            bool both_unknown = j == 0 && i == REFUSE_SELF + 1;
            assert_int_equal(strcmp(msg_refusal_text(i), msg_refusal_text(j)) == 0, both_unknown);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_message_has_its_golden_bytes),
        cmocka_unit_test(a_cut_or_longer_message_is_refused),
        cmocka_unit_test(no_flipped_bit_crashes_a_decoder),
        cmocka_unit_test(no_two_flipped_bits_crash_a_decoder),
        cmocka_unit_test(fields_are_judged),
        cmocka_unit_test(a_frame_belongs_to_its_session_or_its_stream),
        cmocka_unit_test(leaves_and_slips_keep_their_bounds),
        cmocka_unit_test(writers_refuse_what_readers_would),
        cmocka_unit_test(members_stop_at_what_one_frame_holds),
        cmocka_unit_test(the_preamble_is_26_bytes),
        cmocka_unit_test(each_refusal_has_a_text_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
