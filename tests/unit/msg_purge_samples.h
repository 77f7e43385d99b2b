/* msg_purge_samples.h - a part of msg_samples.h: what was changed or purged. */
#ifndef HEDGEROW_TESTS_MSG_PURGE_SAMPLES_H
#define HEDGEROW_TESTS_MSG_PURGE_SAMPLES_H

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
    assert_true(m.digest == 0x1122334455667788 && m.asks == 5 && m.answers == 6 && m.whole &&
                slice_eq(m.vector, SLICE_LIT("vector")));
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

#endif
