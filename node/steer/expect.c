#include "node/steer/expect.h"

#include <stdlib.h>

#include "node/steer/globe.h"
#include "node/steer/integer.h"

/* Two times of one edge that differ by more than this, and by half, are of networks in different places. */
#define APART_US 20000

/* ---- who asks ---- */

/* A figure of an edge that is entered already, or is too old, does not count. */
static void enter(struct asker *a, const struct steer_row *row, enum steer_basis basis)
{
    for (size_t i = 0; row != NULL && i < row->n && i < STEER_ROW_EDGES; i++) {
        const struct steer_figure *f = &row->figures[i];
        uint32_t us = f->rtt * STEER_RTT_UNIT_US;
        if (f->edge >= a->v->edges_n || a->figure_of[f->edge] != 0 || f->age_s >= STEER_OLD_S)
            continue;
        /* Of one network it is known well; of many together a part may be nearer by far, and few of them may speak for
         * all. */
        bool sure = basis == STEER_BY_MEASURED && f->age_s < STEER_FRESH_S;
        a->edges[a->figures_n] = f->edge;
        a->figures[a->figures_n++] = (struct expectation){
            .us = us, .least = sure ? us : us / 2, .guess = us, .basis = basis, .age_s = f->age_s
        };
        a->figure_of[f->edge] = (uint8_t)a->figures_n;
    }
}

/* How the asker's own network compares to the coarse one around it, by the edges to which both have a time. */
struct comparison {
    int apart;     /* times that are of another place, less those that are of the same */
    int64_t by_us; /* the own ones are longer by this in the mean, of those that are of the same */
};

static struct comparison compare(const struct asker *a, const struct steer_row *coarse)
{
    struct comparison c = { 0 };
    int64_t same = 0;

    for (size_t i = 0; coarse != NULL && i < coarse->n && i < STEER_ROW_EDGES; i++) {
        const struct steer_figure *f = &coarse->figures[i];
        uint8_t of = f->edge < a->v->edges_n ? a->figure_of[f->edge] : 0;
        if (of == 0)
            continue;
        int64_t own = a->figures[of - 1].us, all = f->rtt * STEER_RTT_UNIT_US, off = own - all;
        bool apart = llabs(off) > APART_US && llabs(off) > (own > all ? own : all) / 8;
        c.apart += apart ? 1 : -1;
        same += !apart;
        c.by_us += apart ? 0 : off;
    }
    c.by_us = same > 0 ? c.by_us / same : 0;
    return c;
}

/* One figure of many is no judge: who is of another place than its neighbours tells of that edge where it is at home.
 * But where most are of another place, what was measured there is of others. Who is in the same place has the same ways
 * to all edges, and its own one, to its provider, which is longer or shorter for all edges alike. */
static void enter_coarse(struct asker *a)
{
    struct comparison c = compare(a, a->coarse);
    size_t from = a->figures_n;

    if (c.apart > 0 || (a->fine != NULL && a->fine->moved))
        return;
    enter(a, a->coarse, STEER_BY_COARSE);
    for (size_t i = from; i < a->figures_n; i++) {
        struct expectation *e = &a->figures[i];
        e->us = (uint32_t)integer_within(e->us + c.by_us, STEER_RTT_UNIT_US, UINT32_MAX);
        e->guess = e->us;
        e->least = from > 0 ? e->us - e->us / 4 : e->us / 2;
    }
}

/* Anchors stand nearest first: they say most (see told). */
static void enter_anchors(struct asker *a)
{
    for (size_t i = 0; i < a->measured_n && a->figures[i].basis == a->figures[0].basis; i++) {
        const struct steer_brief *at = &a->v->briefs[a->edges[i]];
        size_t j = a->anchors_n;
        if (at->at.error_permille == 0)
            continue;
        for (; j > 0 && a->anchors[j - 1].us > a->figures[i].us; j--)
            a->anchors[j] = a->anchors[j - 1];
        a->anchors[j] = (struct anchor){ at, a->figures[i].us, a->edges[i] };
        a->anchors_n++;
    }
}

static const struct steer_row *row_of_net(struct asker *a, unsigned level)
{
    struct steer_prefix net;

    if (!steer_prefix_of(&net, &a->ask->client, level) || net.bits > a->ask->client_bits)
        return NULL;
    if (net.bits > a->net.bits)
        a->net = net;
    return steer_view_row(a->v, &net);
}

/* What a candidate needs, in one byte; and which regions are allowed, once for all edges in them. */
static void enter_wants(struct asker *a)
{
    const struct steer_ask *ask = a->ask;

    a->is = (uint8_t)(STEER_IS_ALIVE | STEER_IS_HEARD | STEER_IS_READY | STEER_IS_STAYING |
                      (ask->http ? STEER_HAS_HTTP : 0) | (ask->https ? STEER_HAS_HTTPS : 0));
    a->has_one_of =
        (uint8_t)((ask->family != STEER_IPV6 ? STEER_HAS_IPV4 : 0) | (ask->family != STEER_IPV4 ? STEER_HAS_IPV6 : 0));
    for (size_t i = 0; ask->regions_n > 0 && i < a->v->regions_n; i++) {
        struct slice region = steer_edge_region(&a->v->edges[a->v->regions[i]]);
        bool named = false;
        for (size_t k = 0; k < ask->regions_n && !named; k++)
            named = slice_eq(ask->regions[k], region);
        a->allowed[i] = named != ask->regions_not;
    }
}

void asker_init(struct asker *a, const struct steer_view *v, const struct steer_ask *ask)
{
    struct steer_prefix p;

    a->v = v;
    a->ask = ask;
    a->figures_n = a->measured_n = a->anchors_n = 0;
    a->home = UINT16_MAX;
    memset(a->figure_of, 0, v->edges_n);
    enter_wants(a);
    steer_prefix_all(&a->net);
    a->fine = row_of_net(a, 0);
    a->coarse = row_of_net(a, 1);
    enter(a, a->fine, STEER_BY_MEASURED);
    if (a->figures_n > 0)
        a->home = a->fine->home;
    a->own_n = a->figures_n;
    enter_coarse(a);
    if (a->home == UINT16_MAX && a->figures_n > 0 && a->figures[0].basis == STEER_BY_COARSE)
        a->home = a->coarse->home;
    a->measured_n = a->figures_n;
    enter_anchors(a);
    asker_limit(a, UINT32_MAX);
    if (ask->country[0] != '\0') {
        steer_prefix_country(&p, ask->country);
        enter(a, steer_view_row(v, &p), STEER_BY_COUNTRY);
    }
    a->located = ask->located && globe_point(a->globe, ask->lat_e4, ask->lon_e4);
    steer_prefix_all(&p);
    enter(a, steer_view_row(v, &p), STEER_BY_AVERAGE);
}

/* ---- what is expected ---- */

#define ANCHOR_REACH_MAX_US (6 * COORDINATE_REACH_US) /* nothing is further away */

static uint8_t less(uint8_t a, uint8_t b)
{
    return a < b ? a : b;
}

void asker_limit(struct asker *a, uint32_t us)
{
    a->limit_us = us;
    a->globe_reach2 = globe_reach2(us);
    if (a->anchors_n > 0)
        a->anchor_reach = integer_within((int64_t)us + a->anchors[0].us, 0, ANCHOR_REACH_MAX_US) * STEER_TRUST;
}

/* What told will say by the nearest anchor, without a root: d - r - wrong is above the limit. */
static bool is_beyond_anchor(const struct asker *a, const struct steer_brief *b)
{
    const struct steer_brief *anchor = a->anchors[0].at;
    uint8_t trust = less(b->trust, anchor->trust);
    int64_t left = a->anchor_reach - ((int64_t)b->at.height + anchor->at.height) * trust;
    uint64_t plane2 = 0;

    for (int i = 0; i < COORDINATE_DIMENSIONS; i++) {
        int64_t by = (int64_t)b->at.at[i] - anchor->at.at[i];
        plane2 += (uint64_t)(by * by);
    }
    return left < 0 || plane2 * trust * trust > (uint64_t)(left * left);
}

size_t asker_next(const struct asker *a, size_t i, size_t *beyond)
{
    bool by_anchor = a->anchors_n > 0;

    for (; i < a->v->edges_n; i++) {
        const struct steer_brief *b = &a->v->briefs[i];
        if ((a->figure_of[i] != 0 && a->figure_of[i] <= a->measured_n) || !(b->is & STEER_IS_ALIVE))
            continue;
        bool out = false;
        if (by_anchor && b->at.error_permille != 0)
            out = is_beyond_anchor(a, b);
        else if (a->located && a->figure_of[i] == 0 && (b->globe[0] | b->globe[1] | b->globe[2]) != 0)
            out = globe_chord2(a->globe, b->globe) > a->globe_reach2;
        if (!out)
            return i;
        ++*beyond;
    }
    return i;
}

/* Where an anchor A is |r| from the asker and |d| from edge B, the triangle inequality leaves B between |d - r| and
 * d + r; of several anchors all hold, so the largest lower bound and the least upper one do, and the middle of what
 * they leave is wrong by least. Coordinates are estimates, and |d| is wrong by so much (steer_trust). Where
 * bounds cross nonetheless (the net's paths break the inequality), the middle is still between what two anchors say.
 * An anchor close to either end leaves least room: nearest ones come first, and the rest is not asked once it is clear
 * that B is beyond the limit. */
static bool told(const struct asker *a, uint16_t i, uint32_t limit_us, struct expectation *out)
{
    const struct steer_brief *at = &a->v->briefs[i];
    int64_t least = 0, most = INT64_MAX, guess = 0;

    if (at->at.error_permille == 0)
        return false;
    for (size_t k = 0; k < a->anchors_n && least <= limit_us; k++) {
        const struct anchor *anchor = &a->anchors[k];
        if (anchor->edge == i)
            continue;
        int64_t d = coordinate_between(&at->at, &anchor->at->at) / 1000, r = anchor->us;
        int64_t wrong = d * (STEER_TRUST - less(at->trust, anchor->at->trust)) / STEER_TRUST;
        int64_t off = llabs(d - r * 4 / 5);
        if (off * 2 / 3 - wrong > least)
            least = off * 2 / 3 - wrong;

        if (off > guess)
            guess = off;
        if (d + r + wrong < most)
            most = d + r + wrong;
    }
    if (most == INT64_MAX)
        return false;
    *out = (struct expectation){
        .us = UINT32_MAX, .least = (uint32_t)least, .guess = (uint32_t)guess, .basis = STEER_BY_TOLD
    };
    if (least <= limit_us) {
        out->us = (uint32_t)((least + most) / 2);
        if (out->least > out->us)
            out->least = out->us;
    }
    return true;
}

static bool by_globe(const struct asker *a, uint16_t i, struct expectation *out)
{
    const int16_t *at = a->v->briefs[i].globe;

    if (!a->located || (at[0] | at[1] | at[2]) == 0)
        return false;
    uint64_t chord2 = globe_chord2(a->globe, at);
    out->us = globe_us(chord2);
    out->least = globe_least_us(chord2);
    out->guess = out->us;
    out->basis = STEER_BY_GLOBE;
    return true;
}

void asker_expect(const struct asker *a, uint16_t i, struct expectation *out)
{
    static const struct expectation not_known = { .us = UINT32_MAX, .least = 0, .basis = STEER_BY_NONE };
    const struct expectation *figure = a->figure_of[i] != 0 ? &a->figures[a->figure_of[i] - 1] : &not_known;
    struct expectation other;

    *out = *figure;
    if (figure->basis == STEER_BY_COARSE && a->own_n > 0 && told(a, i, UINT32_MAX, &other) &&
        (figure->us + APART_US < other.least || figure->us > 2 * other.us - other.least + APART_US)) {
        *out = other;
        return;
    }
    if (figure->basis <= STEER_BY_COARSE) {
        if (figure->age_s >= STEER_FRESH_S && told(a, i, UINT32_MAX, &other)) {
            int64_t counts = STEER_OLD_S - figure->age_s, of = STEER_OLD_S - STEER_FRESH_S;
            out->us = (uint32_t)((figure->us * counts + other.us * (of - counts)) / of);
        }
        return;
    }
    if (told(a, i, a->limit_us, out) || figure->basis == STEER_BY_COUNTRY)
        return;
    by_globe(a, i, out);
}
