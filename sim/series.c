#include "sim/series.h"

#include <stdio.h>
#include <stdlib.h>

#include "sim/edge.h"
#include "sim/topology.h"

const char *const series_end_texts[SERIES_ENDS_N] = {
#define X(name, text) text,
    SERIES_ENDS(X)
#undef X
};

const char *const series_flow_texts[SERIES_FLOWS_N] = {
#define X(name, text) text,
    SERIES_FLOWS(X)
#undef X
};

/* ---- histograms ---- */

/* Below 16 us a slot is a microsecond; then 16 slots for each doubling. */
unsigned latency_slot(mesh_ns ns)
{
    uint64_t us = ns > 0 ? (uint64_t)(ns / US(1)) : 0;
    unsigned shift = 0;

    while (us >> shift >= 2 * LATENCY_STEPS)
        shift++;
    uint64_t slot = us < 2 * LATENCY_STEPS ? us : (uint64_t)shift * LATENCY_STEPS + (us >> shift);
    return slot < LATENCY_SLOTS ? (unsigned)slot : LATENCY_SLOTS - 1;
}

uint64_t latency_from_us(unsigned slot)
{
    unsigned doubling = slot / LATENCY_STEPS;

    if (doubling < 2)
        return slot;
    return (uint64_t)(LATENCY_STEPS + slot % LATENCY_STEPS) << (doubling - 1);
}

void latency_add(struct latency *l, mesh_ns ns)
{
    l->n++;
    l->slots[latency_slot(ns)]++;
}

uint64_t latency_at(const struct latency *l, unsigned per_mille)
{
    uint64_t rank, seen = 0;

    if (l->n == 0)
        return FIGURE_NEVER;
    rank = (l->n - 1) * per_mille / 1000;
    for (unsigned i = 0; i < LATENCY_SLOTS; i++) {
        seen += l->slots[i];
        if (seen > rank)
            return latency_from_us(i);
    }
    return FIGURE_NEVER;
}

static void latency_join(struct latency *to, const struct latency *from)
{
    to->n += from->n;
    for (unsigned i = 0; i < LATENCY_SLOTS; i++)
        to->slots[i] += from->slots[i];
}

/* ---- buckets ---- */

static void join(struct series_bucket *to, const struct series_bucket *from)
{
    for (size_t i = 0; i < SERIES_ENDS_N; i++)
        to->ends[i] += from->ends[i];
    for (size_t i = 0; i < SERIES_FLOWS_N; i++)
        to->bytes[i] += from->bytes[i];
    to->fetches += from->fetches;
    if (from->looks > 0)
        to->live = from->live; /* the later look */
    to->looks += from->looks;
    to->apart = from->apart > to->apart ? from->apart : to->apart;
    latency_join(&to->first_byte, &from->first_byte);
}

static void halve(struct series_book *s)
{
    for (size_t i = 0; i < s->n; i += 2) {
        struct series_bucket both = s->buckets[i];
        if (i + 1 < s->n)
            join(&both, &s->buckets[i + 1]);
        s->buckets[i / 2] = both;
    }
    s->n = (s->n + 1) / 2;
    memset(&s->buckets[s->n], 0, (SERIES_BUCKETS_MAX - s->n) * sizeof(s->buckets[0]));
    s->width *= 2;
}

static struct series_bucket *bucket(struct series_book *s, mesh_ns at)
{
    while (at / s->width >= SERIES_BUCKETS_MAX)
        halve(s);
    size_t i = (size_t)(at / s->width);
    if (i >= s->n)
        s->n = i + 1;
    return &s->buckets[i];
}

struct series_book *series_new(const struct world *w)
{
    struct series_book *s = world_alloc(sizeof(*s));

    s->width = SERIES_FIRST;
    s->places = series_places(&w->sc);
    s->between = world_alloc(s->places * s->places * sizeof(*s->between));
    return s;
}

void series_free(struct series_book *s)
{
    if (s == NULL)
        return;
    for (size_t i = 0; i < s->spreads_n; i++)
        free(s->spreads[i].known_at);
    free(s->between);
    free(s);
}

void series_request(struct world *w, mesh_ns asked_at, enum series_end how, mesh_ns first_byte_ns)
{
    struct series_bucket *b = bucket(w->series, asked_at);

    b->ends[how]++;
    if (first_byte_ns < 0)
        return;
    latency_add(&b->first_byte, first_byte_ns);
    latency_add(&w->series->first_byte[how], first_byte_ns);
}

void series_bytes(struct world *w, enum series_flow flow, uint64_t bytes)
{
    bucket(w->series, w->now)->bytes[flow] += bytes;
}

void series_stream(struct world *w, uint32_t from, uint32_t to, uint64_t bytes)
{
    struct series_book *s = w->series;

    s->between[series_place_of(&w->sc, from) * s->places + series_place_of(&w->sc, to)] += bytes;
    series_bytes(w, SERIES_NODES, bytes);
}

void series_fetch(struct world *w)
{
    bucket(w->series, w->now)->fetches++;
}

void series_sample(struct world *w, size_t live, size_t right)
{
    struct series_bucket *b = bucket(w->series, w->now);

    b->looks++;
    b->live = (uint32_t)live;
    if (live - right > b->apart)
        b->apart = (uint32_t)(live - right);
}

void series_coarser(const struct series_book *from, size_t by, struct series_book *to)
{
    memset(to, 0, sizeof(*to));
    to->width = from->width * (mesh_ns)by;
    to->n = (from->n + by - 1) / by;
    for (size_t i = 0; i < from->n; i++)
        join(&to->buckets[i / by], &from->buckets[i]);
}

/* ---- how a change spreads ---- */

static bool knows(struct world *w, const struct edge *e, const struct series_spread *p)
{
    const struct member_record *r = mesh_record_of(engine_mesh(e->engine), &w->edges[p->node].id.cert.id);
    bool alive = r != NULL && r->state == MEMBER_ALIVE;

    return p->up ? alive : !alive;
}

void series_changed(struct world *w, const struct edge *e, bool up)
{
    struct series_book *s = w->series;
    mesh_ns joined = (mesh_ns)(w->sc.nodes * w->sc.join_every);

    for (size_t i = 0; i < s->spreads_n; i++) {
        if (s->spreads[i].node == e->index && !s->spreads[i].closed) {
            s->spreads[i].closed = true;
            s->spreads_open--;
        }
    }
    if (w->now <= joined || w->calm)
        return;
    if (s->spreads_n == SERIES_SPREADS_MAX) {
        s->spreads_missed++;
        return;
    }
    struct series_spread *p = &s->spreads[s->spreads_n++];
    s->spreads_open++;
    *p = (struct series_spread){ .at = w->now, .node = e->index, .up = up };
    p->known_at = world_alloc((size_t)w->sc.nodes * sizeof(*p->known_at));
    for (uint32_t i = 0; i < w->sc.nodes; i++)
        p->known_at[i] = MESH_NS_NEVER;
}

void series_looks(struct world *w, const struct edge *e)
{
    struct series_book *s = w->series;

    for (size_t i = 0; s->spreads_open > 0 && i < s->spreads_n; i++) {
        struct series_spread *p = &s->spreads[i];
        if (p->closed || p->node == e->index || p->known_at[e->index] != MESH_NS_NEVER || !knows(w, e, p))
            continue;
        p->known_at[e->index] = w->now;
        if (++p->known + 1 == w->sc.nodes) {
            p->closed = true;
            s->spreads_open--;
        }
    }
}

/* ---- places ---- */

size_t series_places(const struct scenario *sc)
{
    uint64_t n = sc->regions > 0 ? sc->regions : sc->rings > 1 ? sc->rings : sc->zones;
    return (size_t)(n < sc->nodes ? n : sc->nodes);
}

uint32_t series_place_of(const struct scenario *sc, uint32_t node)
{
    if (sc->topology != NULL && sc->regions == 0)
        return (uint32_t)((sc->rings > 1 ? topology_place(sc, node).region : topology_place(sc, node).zone) %
                          series_places(sc));
    return (uint32_t)(node % series_places(sc));
}

void series_place_name(const struct scenario *sc, uint32_t place, char out[24])
{
    if (sc->regions > 0)
        snprintf(out, 24, "%s", link_region_name(place));
    else
        snprintf(out, 24, "%s %u", sc->rings > 1 ? "region" : "zone", place + 1);
}

/* ---- the table ---- */

void series_csv(struct buf *out, const struct series_book *s)
{
    static const char *const ends[SERIES_ENDS_N] = { "hit", "stale", "peer", "origin", "failed", "gone" };
    static const char *const flows[SERIES_FLOWS_N] = { "viewer_bytes", "node_bytes", "origin_bytes", "gossip_bytes" };

    buf_add_str(out, "from_ms,to_ms");
    for (size_t i = 0; i < SERIES_ENDS_N; i++)
        buf_addf(out, ",%s", ends[i]);
    buf_add_str(out, ",origin_fetches");
    for (size_t i = 0; i < SERIES_FLOWS_N; i++)
        buf_addf(out, ",%s", flows[i]);
    buf_add_str(out, ",first_byte_p50_us,first_byte_p99_us,live,disagree\n");
    for (size_t b = 0; b < s->n; b++) {
        const struct series_bucket *k = &s->buckets[b];
        buf_addf(out, "%lld,%lld", (long long)((mesh_ns)b * s->width / MS(1)),
                 (long long)((mesh_ns)(b + 1) * s->width / MS(1)));
        for (size_t i = 0; i < SERIES_ENDS_N; i++)
            buf_addf(out, ",%llu", (unsigned long long)k->ends[i]);
        buf_addf(out, ",%llu", (unsigned long long)k->fetches);
        for (size_t i = 0; i < SERIES_FLOWS_N; i++)
            buf_addf(out, ",%llu", (unsigned long long)k->bytes[i]);
        for (unsigned q = 500; q <= 990; q += 490) {
            uint64_t us = latency_at(&k->first_byte, q);
            if (us == FIGURE_NEVER)
                buf_add_u8(out, ',');
            else
                buf_addf(out, ",%llu", (unsigned long long)us);
        }
        buf_addf(out, ",%u,%u\n", k->live, k->apart);
    }
}
