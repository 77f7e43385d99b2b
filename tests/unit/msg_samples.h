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

#include "msg_config_samples.h"
#include "msg_object_samples.h"
#include "msg_purge_samples.h"
#include "msg_session_samples.h"

/* Decodes by type, whatever it is: the first error, or 0. */
static inline int decode(struct slice frame)
{
    struct msg_frame f;
    struct wire w = { NULL, NULL };
    union {
        struct msg_hello hello;
        struct msg_members members;
        struct msg_roll roll;
        struct msg_config config;
        struct msg_config_part part;
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
    case MSG_CONFIG: err = msg_get_config(f.body, &m.config); break;
    case MSG_CONFIG_PART: err = msg_get_config_part(&w, f.body, &m.part); break;
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
