/* msg_object_samples.h - a part of msg_samples.h: asks, what answers them, and TAKE. */
#ifndef HEDGEROW_TESTS_MSG_OBJECT_SAMPLES_H
#define HEDGEROW_TESTS_MSG_OBJECT_SAMPLES_H

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

#endif
