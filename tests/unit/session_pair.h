/* session_pair.h - two ends of a backbone stream and whoever sits between them. */
#ifndef HEDGEROW_TESTS_SESSION_PAIR_H
#define HEDGEROW_TESTS_SESSION_PAIR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

#include "node/core/session.h"
#include "proto/base/err.h"
#include "proto/record.h"

#define NOW INT64_C(1800000000)
#define DAY INT64_C(86400)

static struct authority authority, stranger;
static struct identity ann, bob;

static struct identity admit(const struct authority *a, const char *name, int64_t from, int64_t until)
{
    struct identity id;
    const struct admission what = {
        .name = slice_str(name), .zone = SLICE_LIT("eu/fra"), .not_before_s = from, .not_after_s = until, .serial = 1
    };
    assert_int_equal(authority_admit(&id, a, &what), 0);
    return id;
}

static inline int setup(void **state)
{
    (void)state;
    assert_int_equal(crypto_start(), 0);
    authority_make(&authority, 16);
    authority_make(&stranger, 16);
    ann = admit(&authority, "ann", NOW - DAY, NOW + DAY);
    bob = admit(&authority, "bob", NOW - DAY, NOW + DAY);
    return 0;
}

static inline struct session_config config(const struct identity *id, uint64_t boot)
{
    return (struct session_config){
        .self = id, .boot = { boot, boot * 1000 }, .version = SLICE_LIT("test 1"), .port = (uint16_t)(7000 + boot)
    };
}

/* ---- two ends ---- */

enum { DIALLER, RESPONDER };

struct pair {
    struct session *end[2];
    size_t chunk;      /* at most so many bytes at once; 0 = all */
    size_t flip_at[2]; /* the byte of |end|'s output that is changed on its way; SIZE_MAX = none */
    uint8_t flip;
    size_t moved[2];     /* bytes that left |end| */
    unsigned frames[2];  /* that arrived at |end| */
    uint32_t streams[2]; /* stream of the last one */
    size_t bytes[2];     /* of their bodies */
};

static inline struct pair pair_of(const struct session_config *dialler, const struct session_config *responder,
                           const uint8_t *pinned)
{
    struct pair p = { .end = { session_dial(dialler, pinned), session_accept(responder) },
                      .flip_at = { SIZE_MAX, SIZE_MAX } };
    assert_non_null(p.end[DIALLER]);
    assert_non_null(p.end[RESPONDER]);
    return p;
}

static inline struct pair meet(bool ik)
{
    struct session_config a = config(&ann, 1), b = config(&bob, 2);
    return pair_of(&a, &b, ik ? bob.dh_key : NULL);
}

static inline void part(struct pair *p)
{
    session_free(p->end[0]);
    session_free(p->end[1]);
}

static inline void read_frames(struct pair *p, int to)
{
    struct msg_frame f;

    while (session_next(p->end[to], &f)) {
        p->frames[to]++;
        p->streams[to] = f.stream;
        p->bytes[to] += f.body.len;
        for (size_t i = 0; i < f.body.len; i++)
            assert_int_equal(f.body.data[i], (uint8_t)f.stream);
    }
}

/* Moves some bytes from |from| to the other end; false when there are none. */
static inline bool move(struct pair *p, int from)
{
    int to = 1 - from;
    struct slice out = session_output(p->end[from]);

    if (p->chunk != 0)
        out = slice_head(out, p->chunk);
    if (out.len == 0)
        return false;
    uint8_t *copy = malloc(out.len); /* its own block, so that a reader past its end is seen */
    assert_non_null(copy);
    memcpy(copy, out.data, out.len);
    size_t at = p->flip_at[from] - p->moved[from];
    if (p->flip_at[from] >= p->moved[from] && at < out.len)
        copy[at] ^= p->flip;
    int err = session_recv(p->end[to], NOW, slice_of(copy, out.len));
    assert_int_equal(err, session_error(p->end[to]));
    read_frames(p, to);
    free(copy);
    p->moved[from] += out.len;
    session_sent(p->end[from], out.len);
    return true;
}

static inline void run(struct pair *p)
{
    for (bool any = true; any;) {
        any = move(p, DIALLER);
        any |= move(p, RESPONDER);
    }
}

/* A frame of |len| bytes that all are |stream|'s low byte. */
static inline void say(struct session *s, uint8_t type, uint32_t stream, size_t len)
{
    struct buf *b = session_begin(s);

    buf_add_u8(b, type);
    buf_add_u32(b, stream);
    for (size_t i = 0; i < len; i++)
        buf_add_u8(b, (uint8_t)stream);
    assert_int_equal(session_commit(s), 0);
}

static inline bool open_at(const struct pair *p, int end)
{
    return session_state(p->end[end]) == SESSION_OPEN;
}

static inline void check_open(const struct pair *p)
{
    assert_true(open_at(p, DIALLER) && open_at(p, RESPONDER));
}

static inline void check_closed(const struct pair *p, int end, int err, unsigned refusal)
{
    assert_int_equal(session_state(p->end[end]), SESSION_CLOSED);
    assert_int_equal(session_error(p->end[end]), err);
    assert_int_equal(session_refusal(p->end[end]), refusal);
}

#endif
