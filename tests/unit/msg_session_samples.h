/* msg_session_samples.h - a part of msg_samples.h: messages about sessions, members and the roll. */
#ifndef HEDGEROW_TESTS_MSG_SESSION_SAMPLES_H
#define HEDGEROW_TESTS_MSG_SESSION_SAMPLES_H

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

#endif
