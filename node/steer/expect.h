/* expect.h - who asks, and the round-trip time that is expected of an edge, by the chain that choose.h names; the parts
 * of a choice that its explanation shares. Private to this layer. */
#ifndef HEDGEROW_STEER_EXPECT_H
#define HEDGEROW_STEER_EXPECT_H

#include "node/steer/choose.h"
#include "node/steer/view_impl.h"

#define STEER_RTT_UNIT_US 100 /* of steer_figure.rtt */

/* A figure counts in full for so long; then ever less beside what would be said without it; in the end not at all. */
#define STEER_FRESH_S 600
#define STEER_OLD_S   3600

/* Who is sent to one edge stays there until another one is better by both. */
#define STEER_BETTER_PCT 10
#define STEER_BETTER_US  2000
bool steer_enough_better(uint32_t us, uint32_t than);

struct expectation {
    uint32_t us;    /* UINT32_MAX: not known */
    uint32_t least; /* it may be as little as this; |us| where it was measured not long ago */
    uint32_t guess; /* least first is the order in which edges are worth a try */
    enum steer_basis basis;
    uint16_t age_s; /* where it was measured */
};

/* An edge to which the asker's network has a measured time: what it is to the edges that it has none to follows. */
struct anchor {
    const struct steer_brief *at;
    uint32_t us;
    uint16_t edge;
};

#define ASKER_FIGURES (4 * STEER_ROW_EDGES)
struct asker {
    const struct steer_view *v;
    const struct steer_ask *ask;
    struct steer_prefix net;               /* the finest one that is known; or of all */
    const struct steer_row *fine, *coarse; /* of networks */
    uint16_t home;                         /* UINT16_MAX: none */
    bool located;
    int16_t globe[3];
    /* Of rows, each edge once, by the best basis; those that were measured from the asker's network first. */
    struct expectation figures[ASKER_FIGURES];
    uint16_t edges[ASKER_FIGURES];
    size_t figures_n, measured_n, own_n;
    struct anchor anchors[2 * STEER_ROW_EDGES]; /* nearest first */
    size_t anchors_n;
    uint8_t figure_of[STEER_EDGES_MAX]; /* plus 1; 0: none */
    uint8_t allowed[STEER_EDGES_MAX];   /* of the view's regions; only where the owner names some */
    uint8_t is, has_one_of;             /* STEER_IS_* and STEER_HAS_* that a candidate needs */
    /* Who is beyond this is not looked at: asker_limit. */
    uint32_t limit_us;
    int64_t anchor_reach;  /* times STEER_TRUST */
    uint64_t globe_reach2; /* a square of a chord */
};

/* asker_init looks up all that is known of who asks; lends from both. */
void asker_init(struct asker *a, const struct steer_view *v, const struct steer_ask *ask);

/* asker_limit: edges of which it turns out that it is above |us| are not looked at further. UINT32_MAX at first. */
void asker_limit(struct asker *a, uint32_t us);

/* asker_next is the first edge from |i| on that was not measured from the asker's network, and is not, as can be told
 * at a glance, dead or above the limit; |*beyond| counts the latter. view->edges_n: there is none. */
size_t asker_next(const struct asker *a, size_t i, size_t *beyond);

/* asker_expect says what is expected of edge |i|. Where it turns out to be above the limit that may be all that is
 * said: |least| is above it then, and |us| is UINT32_MAX. */
void asker_expect(const struct asker *a, uint16_t i, struct expectation *out);

/* steer_trust: so many of STEER_TRUST parts of a distance are certain by coordinates with this error. Half as much
 * again as they say may be wrong: they say an average. */
static inline uint8_t steer_trust(uint16_t error_permille)
{
    unsigned wrong = 1 + error_permille * STEER_TRUST * 3u / 2000;

    return error_permille == 0 || wrong > STEER_TRUST ? 0 : (uint8_t)(STEER_TRUST - wrong);
}

/* What may go where nobody is left, see choose.h. */
enum { ASKER_FULL = 1, ASKER_REGION = 2, ASKER_DRAINING = 4, ASKER_NOT_READY = 8 };

/* asker_allows: is edge |i| a candidate, if the rules in |gone| are not looked at? */
bool asker_allows(const struct asker *a, uint16_t i, unsigned gone);

/* asker_reason: why it is none by all rules, the weightiest reason first; STEER_REASON_OK: it is one. */
enum steer_reason asker_reason(const struct asker *a, uint16_t i);

#endif
