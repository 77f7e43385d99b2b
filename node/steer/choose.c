#include "node/steer/choose.h"

#include "node/steer/expect.h"

/* Others are as good as the first within both of these. */
#define NEAR_PCT 25
#define NEAR_US  10000
/* The second best is tried where it is no further than this. */
#define TRY_TIMES 2
#define TRY_US    20000
/* A figure that is younger need not be tried again. */
#define TRY_AGE_S STEER_FRESH_S
/* Of a network that was measured at fewer edges, little is known. */
#define KNOWN_EDGES 3
/* What may be better, but is not likely to, is tried by one of so many at last. */
#define LONG_SHOT_IN  16
#define TTL_SHORT_S   5
#define TTL_CHANGES_S 10
#define TTL_SETTLED_S 20

struct candidate {
    struct expectation e;
    uint32_t key; /* least first: microseconds, or load */
    uint16_t edge;
};

struct ranking {
    struct candidate best[STEER_PICKS];
    size_t n, seen;
    bool shedding;            /* some edge does: who is sent where depends on the network */
    struct candidate home;    /* .edge UINT16_MAX: it is no candidate */
    struct candidate untried; /* what may be best of all those whose time is not known well */
    unsigned gone;
};

static uint32_t plus(uint32_t us, uint32_t more)
{
    return us > UINT32_MAX - more ? UINT32_MAX : us + more;
}

/* Who is further away than this is no answer beside the best one. */
static uint32_t near_limit(uint32_t us)
{
    uint32_t share = plus(us, us / 100 * NEAR_PCT), sum = plus(us, NEAR_US);

    return share > sum ? share : sum;
}

static bool comes_before(const struct asker *a, const struct candidate *x, const struct candidate *y)
{
    return x->key != y->key ? x->key < y->key : a->v->briefs[x->edge].rank < a->v->briefs[y->edge].rank;
}

static void rank_in(struct ranking *r, const struct asker *a, const struct candidate *c)
{
    size_t at = r->n < STEER_PICKS ? r->n++ : STEER_PICKS;

    for (; at > 0 && comes_before(a, c, &r->best[at - 1]); at--)
        if (at < STEER_PICKS)
            r->best[at] = r->best[at - 1];
    if (at < STEER_PICKS)
        r->best[at] = *c;
}

static void consider(struct ranking *r, struct asker *a, uint16_t i)
{
    struct candidate c = { .edge = i };
    bool by_load = r->gone & ASKER_FULL;

    r->shedding |= a->v->briefs[i].shed_permille > 0;
    if (!asker_allows(a, i, r->gone))
        return;
    r->seen++;
    asker_expect(a, i, &c.e);
    c.key = by_load ? a->v->briefs[i].load_permille : c.e.us;
    if (i == a->home && !by_load)
        r->home = c;
    if (c.e.least < c.e.us && r->n > 0 && steer_enough_better(c.e.least, r->best[0].e.us) &&
        (r->untried.edge == UINT16_MAX || c.e.guess < r->untried.e.guess))
        r->untried = c;
    rank_in(r, a, &c);
    if (!by_load && r->best[0].edge == i)
        asker_limit(a, near_limit(c.e.us));
}

/* Those that were measured come first: what they take is what the others must be worth looking at for. */
static void rank_all(struct ranking *r, struct asker *a, unsigned gone)
{
    *r = (struct ranking){ .gone = gone, .home.edge = UINT16_MAX, .untried.edge = UINT16_MAX };
    asker_limit(a, UINT32_MAX);
    for (size_t k = 0; k < a->measured_n; k++)
        consider(r, a, a->edges[k]);
    for (size_t i = asker_next(a, 0, &r->seen); i < a->v->edges_n; i = asker_next(a, i + 1, &r->seen))
        consider(r, a, (uint16_t)i);
}

/* What goes first where nobody is left: that an edge sheds, at each step anew; then regions; then that it is leaving,
 * at first in the allowed regions; and one that is not ready is still better than none. */
static void rank_somebody(struct ranking *r, struct asker *a)
{
    static const unsigned steps[] = {
        0,
        ASKER_REGION,
        ASKER_DRAINING,
        ASKER_DRAINING | ASKER_REGION,
        ASKER_DRAINING | ASKER_NOT_READY,
        ASKER_DRAINING | ASKER_NOT_READY | ASKER_REGION,
    };

    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        rank_all(r, a, steps[i]);
        if (r->n == 0)
            rank_all(r, a, steps[i] | ASKER_FULL);
        if (r->n > 0)
            return;
    }
}

/* |c| moves to the front, or comes in there. */
static void put_first(struct ranking *r, const struct candidate *c)
{
    struct candidate first = *c;
    size_t at = 0;

    while (at < r->n && r->best[at].edge != first.edge)
        at++;
    if (at == r->n && r->n < STEER_PICKS)
        r->n++;
    if (at == STEER_PICKS)
        at--;
    for (; at > 0; at--)
        r->best[at] = r->best[at - 1];
    r->best[0] = first;
}

static bool is_untried_worth_it(const struct ranking *r, const struct asker *a)
{
    return a->measured_n > 0 && a->own_n < STEER_ROW_EDGES && r->untried.edge != UINT16_MAX &&
           r->untried.edge != r->best[0].edge && steer_enough_better(r->untried.e.least, r->best[0].e.us);
}

/* What is likely to be better is tried at once: it costs one short answer and spares many. What merely may be better is
 * tried the less the more was tried already. */
static unsigned explore_in(const struct ranking *r, const struct asker *a, bool worth_it)
{
    unsigned in = 1u << a->own_n;

    if (!worth_it)
        return STEER_EXPLORE_IN;
    if (steer_enough_better(r->untried.e.guess, r->best[0].e.us))
        return 1;
    return in < LONG_SHOT_IN ? in : LONG_SHOT_IN;
}

/* Some viewers are sent where it may be better than where most are sent: how else would it be known? Before anything
 * was measured there is nothing to compare with. */
static bool explore(struct ranking *r, const struct asker *a, bool worth_it)
{
    unsigned in = explore_in(r, a, worth_it);

    if (a->measured_n == 0 || (r->gone & ASKER_FULL) || a->ask->draw == 0 || a->ask->draw % in != in - 1)
        return false;
    if (worth_it) {
        put_first(r, &r->untried);
        return true;
    }
    if (r->n < 2)
        return false;
    const struct candidate second = r->best[1];
    bool fresh = second.e.basis == STEER_BY_MEASURED && second.e.age_s < TRY_AGE_S;
    uint64_t limit = (uint64_t)r->best[0].e.us * TRY_TIMES + TRY_US;
    if (fresh || second.e.us > limit)
        return false;
    put_first(r, &second);
    return true;
}

/* An answer is kept for a short time while a better one is looked for, or until the network itself was measured there,
 * and not for long where the network was measured at few of the edges, or the edge sends some networks away. */
static uint32_t ttl(const struct ranking *r, const struct asker *a, bool explored, bool worth_it)
{
    bool little = a->measured_n < KNOWN_EDGES && a->measured_n < r->seen;

    if (explored || worth_it || r->best[0].e.basis != STEER_BY_MEASURED || r->gone != 0)
        return TTL_SHORT_S;
    return little || a->v->briefs[r->best[0].edge].shed_permille > 0 ? TTL_CHANGES_S : TTL_SETTLED_S;
}

/* RFC 7871 section 7.2.1: what is answered to a network must not be kept for one that is answered otherwise. So where
 * some networks have rows, not to have one makes a difference too; and a coarse network's row decides for all of it
 * only where no part of it has a row of its own. */
static uint8_t scope_bits(const struct ranking *r, const struct asker *a)
{
    const struct steer_view *v = a->v;
    struct steer_prefix finest;
    bool placed = (a->located && v->located) || (a->ask->country[0] != '\0' && v->has[STEER_COUNTRY]);

    if (a->net.kind == STEER_ALL || !steer_prefix_of(&finest, &a->ask->client, 0))
        return 0;
    if (!r->shedding && (r->seen < 2 || (!v->has[finest.kind] && !placed)))
        return 0;
    bool by_coarse = a->fine == NULL && a->coarse != NULL && !a->coarse->has_parts && !r->shedding;
    for (size_t i = 0; i < r->n; i++)
        by_coarse &= r->best[i].e.basis <= STEER_BY_TOLD || !placed;
    unsigned bits = by_coarse ? a->coarse->prefix.bits : finest.bits;
    return (uint8_t)(bits < a->ask->client_bits ? bits : a->ask->client_bits);
}

static void write_picks(struct steer_choice *out, const struct ranking *r, const struct asker *a, uint32_t limit)
{
    for (size_t i = 0; i < r->n; i++) {
        const struct candidate *c = &r->best[i];
        if (i > 0 && c->e.us > limit && !(r->gone & ASKER_FULL))
            continue;
        out->picks[out->n++] = (struct steer_pick){
            .edge = c->edge, .us = c->e.us, .basis = c->e.basis, .reason = asker_reason(a, c->edge)
        };
    }
}

static void stay_at_home(struct ranking *r)
{
    if (r->home.edge != UINT16_MAX && r->home.edge != r->best[0].edge &&
        !steer_enough_better(r->best[0].e.us, r->home.e.us))
        put_first(r, &r->home);
}

void steer_choose(const struct steer_view *v, const struct steer_ask *ask, struct steer_choice *out)
{
    struct asker a;
    struct ranking r;

    memset(out, 0, sizeof(*out));
    asker_init(&a, v, ask);
    rank_somebody(&r, &a);
    if (r.n == 0) {
        out->ttl_s = TTL_SHORT_S;
        return;
    }
    stay_at_home(&r);
    uint32_t limit = near_limit(r.best[0].e.us);
    bool worth_it = is_untried_worth_it(&r, &a);
    out->explored = explore(&r, &a, worth_it);
    write_picks(out, &r, &a, limit);
    out->ttl_s = ttl(&r, &a, out->explored, worth_it);
    out->scope_bits = scope_bits(&r, &a);
    out->relaxed = r.gone & ~(unsigned)ASKER_FULL;
}
