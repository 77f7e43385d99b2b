/* origin_answer.h - what the origin says to one request, apart from when: all of a body, or the part of it that was
 * asked for, or that nothing has changed; and under which fields. */
#ifndef HEDGEROW_SIM_ORIGIN_ANSWER_H
#define HEDGEROW_SIM_ORIGIN_ANSWER_H

#include "node/core/date.h"
#include "sim/body.h"
#include "sim/edge.h"
#include "sim/faults/origin_poison.h"

enum origin_kind {
    ORIGIN_WHOLE,
    ORIGIN_PART,      /* 206 */
    ORIGIN_UNCHANGED, /* 304 */
    ORIGIN_BEYOND,    /* 416: there are no such bytes */
    ORIGIN_CHANGED,   /* to POST: it has another version now, and says a little of it (200), */
    ORIGIN_EMPTY,     /* nothing (204), */
    ORIGIN_ELSEWHERE, /* or what else is new besides (201) */
    ORIGIN_REFUSES,   /* 409: it is as it was */
};

struct origin_answer {
    enum origin_kind kind;
    uint64_t key, version, size;
    uint64_t other;   /* with ORIGIN_ELSEWHERE: the key of that */
    uint64_t at, end; /* the bytes that are sent: [at .. end) of the body */
};

#define ORIGIN_SAYS_MAX 1000 /* bytes of an answer to POST */

/* Does the origin obey it? Then what it has of |key| changes with the answer (origin_answer_changes), and of |other|.
 */
static inline bool origin_changes(enum origin_kind k)
{
    return k == ORIGIN_CHANGED || k == ORIGIN_EMPTY || k == ORIGIN_ELSEWHERE;
}
void origin_answer_changes(struct origin_answer *a, struct world *w);

/* origin_answer_to: what |f|, the origin's |number|th request, is answered, which is for |key|. */
void origin_answer_to(struct origin_answer *a, const struct world *w, const struct fetch *f, uint64_t key,
                      uint64_t number);

/* The head of one. |fields| lends from the rest. */
struct origin_head {
    uint16_t status;
    int64_t length;
    struct slice etag;
    struct fields fields;
    char control[64], etag_text[BODY_ETAG_MAX], tag[BODY_PATH_MAX], range[80], sent[24], date[DATE_TEXT_BYTES + 1];
    char location[BODY_PATH_MAX];
};
void origin_answer_head(struct origin_head *h, const struct origin_answer *a, const struct world *w,
                        enum poison poison);

#endif
