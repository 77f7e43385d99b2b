/* msg_config_samples.h - a part of msg_samples.h: which configuration a node has, and its pieces. */
#ifndef HEDGEROW_TESTS_MSG_CONFIG_SAMPLES_H
#define HEDGEROW_TESTS_MSG_CONFIG_SAMPLES_H

static inline int put_config(struct buf *b)
{
    struct msg_config m = { .version.counter = 300, .kept = true, .reply = true, .has_refused = true };

    memset(m.version.hash.bytes, 0x40, DIGEST_BYTES);
    memset(m.refused.bytes, 0x41, DIGEST_BYTES);
    return msg_put_config(b, &m);
}

static inline void check_config(const struct msg_frame *f)
{
    struct msg_config m;

    assert_int_equal(msg_get_config(f->body, &m), 0);
    assert_true(m.version.counter == 300 && m.version.hash.bytes[31] == 0x40 && m.kept && m.reply);
    assert_true(m.has_refused && m.refused.bytes[31] == 0x41);
}

static inline int put_config_none(struct buf *b)
{
    return msg_put_config(b, &(struct msg_config){ .kept = false });
}

static inline void check_config_none(const struct msg_frame *f)
{
    struct msg_config m;

    assert_int_equal(msg_get_config(f->body, &m), 0);
    assert_true(m.version.counter == 0 && !m.kept && !m.reply && !m.has_refused);
}

static inline int put_config_want(struct buf *b)
{
    struct msg_config_part m = { .piece = 7, .want = 16 };

    memset(m.hash.bytes, 0x40, DIGEST_BYTES);
    return msg_put_config_part(b, &m);
}

static inline void check_config_want(const struct msg_frame *f)
{
    struct msg_config_part m;
    struct wire w;

    assert_int_equal(msg_get_config_part(&w, f->body, &m), 0);
    assert_true(m.piece == 7 && m.want == 16 && m.hash.bytes[31] == 0x40 && m.bytes.len == 0 && !m.packed && !m.gone);
    wire_close(&w);
}

static inline int put_config_part(struct buf *b)
{
    struct msg_config_part m = {
        .piece = CONFIG_PIECE_HEAD, .packed = true, .gone = true, .bytes = SLICE_LIT("a piece")
    };

    memset(m.hash.bytes, 0x40, DIGEST_BYTES);
    return msg_put_config_part(b, &m);
}

static inline void check_config_part(const struct msg_frame *f)
{
    struct msg_config_part m;
    struct wire w;

    assert_int_equal(msg_get_config_part(&w, f->body, &m), 0);
    assert_true(m.piece == CONFIG_PIECE_HEAD && m.want == 0 && m.packed && m.gone);
    assert_true(slice_eq(m.bytes, SLICE_LIT("a piece")));
    wire_close(&w);
}

#endif
