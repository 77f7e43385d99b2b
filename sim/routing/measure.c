#include <stdlib.h>

#include "sim/figures.h"
#include "sim/memory.h"
#include "sim/routing/routing.h"

#define SETTLED SEC(60) /* after the start, and after a cap */

void series_us_add(struct series_us *s, uint32_t us)
{
    if (s->n == s->cap) {
        s->cap = 2 * s->cap + 64;
        s->values = memory_grow(s->values, s->cap * sizeof(*s->values));
    }
    s->values[s->n++] = us;
}

static int by_size(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    return x < y ? -1 : x > y;
}

uint64_t series_us_at(struct series_us *s, unsigned per_mille)
{
    if (s->n == 0)
        return FIGURE_NEVER;
    qsort(s->values, s->n, sizeof(*s->values), by_size);
    size_t rank = (s->n * per_mille + 999) / 1000;
    return s->values[rank > 0 ? rank - 1 : 0];
}

static bool serves(const struct routing_edge *e)
{
    return e->up && !e->draining && !e->left_out;
}

uint32_t measure_best(const struct routing *w, uint32_t network, uint32_t *second_us)
{
    uint32_t best = UINT32_MAX, at = w->edges_n;

    *second_us = UINT32_MAX;
    for (uint32_t i = 0; i < w->edges_n; i++) {
        uint32_t us = routing_rtt_us(w, network, i);
        if (!serves(&w->edges[i]))
            continue;
        if (us < best) {
            *second_us = best;
            best = us;
            at = i;
        } else if (us < *second_us) {
            *second_us = us;
        }
    }
    return at;
}

/* More than the best edge would take; UINT32_MAX: nowhere, or at one that is down. */
static uint32_t excess(const struct routing *w, const struct routing_viewer *v, uint32_t best, bool *near)
{
    *near = false;
    if (v->at == ROUTING_NOWHERE || best == w->edges_n)
        return UINT32_MAX;
    uint32_t us = routing_rtt_us(w, v->network, v->at), least = routing_rtt_us(w, v->network, best);
    *near = w->edges[v->at].up && network_near(us, least);
    return us > least ? us - least : 0;
}

void measure_begin(struct routing *w)
{
    struct routing_figures *f = &w->f;
    uint64_t *const unseen[] = {
        &f->near_10s,           &f->near_30s,          &f->near_60s,          &f->near_120s,
        &f->near_least,         &f->excess_p50_10s_us, &f->excess_p50_30s_us, &f->excess_p50_60s_us,
        &f->excess_p50_120s_us, &f->excess_p95_10s_us, &f->excess_p95_30s_us, &f->excess_p95_60s_us,
        &f->excess_p95_120s_us, &f->cap_least,         &f->cap_most,
    };

    for (size_t i = 0; i < sizeof(unseen) / sizeof(unseen[0]); i++)
        *unseen[i] = FIGURE_NEVER;
}

/* ---- answers and connections ---- */

static void raise_to(uint64_t *figure, mesh_ns since, mesh_ns now)
{
    uint64_t ms = (uint64_t)(now - since) / (uint64_t)MS(1);

    if (*figure == FIGURE_NEVER || ms > *figure)
        *figure = ms;
}

void measure_answer(struct routing *w, uint32_t node, const uint16_t *picks, size_t n)
{
    bool others = false;

    w->f.empty += n == 0;
    for (uint32_t i = 0; i < w->edges_n; i++)
        others = others || (w->edges[i].up && !w->edges[i].left_out);
    for (size_t i = 0; i < n; i++) {
        const struct routing_edge *e = &w->edges[picks[i]];
        if (!e->up)
            raise_to(&w->f.named_dead_ms, e->ended, w->now);
        w->f.named_known_dead += !w->edges[node].lives[picks[i]];
        if (e->draining)
            raise_to(&w->f.named_draining_ms, e->drained, w->now);
        w->f.named_left_out += e->left_out && others;
        w->f.named_last_resort += e->left_out && !others;
    }
}

void measure_connection(struct routing *w, struct routing_viewer *v, uint16_t edge)
{
    uint32_t second, best = measure_best(w, v->network, &second), us = routing_rtt_us(w, v->network, edge);
    uint32_t least = best < w->edges_n ? routing_rtt_us(w, v->network, best) : us;

    w->f.connects++;
    w->rtt_sum += us;
    w->best_sum += least;
    if (w->now >= w->begun + SETTLED && v->at != ROUTING_NOWHERE && v->at != edge)
        w->switched++;
    if (v->moved != MESH_NS_NEVER && network_near(us, least)) {
        series_us_add(&w->rehomed_ms, (uint32_t)((w->now - v->moved) / MS(1)));
        v->moved = MESH_NS_NEVER;
    }
}

/* ---- a look at all ---- */

static void look_cap(struct routing *w)
{
    const struct routing_edge *e = &w->edges[w->capped];
    uint64_t load = 1000 * e->viewers / (e->cap > 0 ? e->cap : 1);
    int side = load > 1100 ? 1 : load < 900 ? -1 : 0;

    if (w->capped_from == MESH_NS_NEVER || w->now < w->capped_from + SETTLED)
        return;
    if (w->f.cap_least == FIGURE_NEVER || load < w->f.cap_least)
        w->f.cap_least = load;
    if (w->f.cap_most == FIGURE_NEVER || load > w->f.cap_most)
        w->f.cap_most = load;
    w->f.cap_turns += side != 0 && w->cap_side != 0 && side != w->cap_side;
    if (side != 0)
        w->cap_side = side;
    w->cap_sum += load;
    w->cap_looks++;
    for (uint32_t i = 0; i < w->viewers_n; i++) {
        const struct routing_viewer *v = &w->viewers[i];
        uint32_t second, best = measure_best(w, v->network, &second);
        if (best != w->capped || v->at == best || v->at == ROUTING_NOWHERE)
            continue;
        w->spilled_sum++;
        w->spilled_second += network_near(routing_rtt_us(w, v->network, v->at), second);
    }
}

void measure_look(struct routing *w)
{
    struct series_us over = { 0 };
    uint64_t near_n = 0, n = 0;
    struct routing_figures *f = &w->f;

    for (uint32_t i = 0; i < w->viewers_n; i++) {
        const struct routing_viewer *v = &w->viewers[i];
        uint32_t second, best = measure_best(w, v->network, &second);
        bool near;
        uint32_t us = excess(w, v, best, &near);
        if (us == UINT32_MAX)
            continue;
        n++;
        near_n += near;
        series_us_add(&over, us);
    }
    uint64_t share = n > 0 ? 1000 * near_n / n : FIGURE_NEVER;
    const struct {
        mesh_ns at;
        uint64_t *near, *p50, *p95;
    } looks[] = {
        { SEC(10), &f->near_10s, &f->excess_p50_10s_us, &f->excess_p95_10s_us },
        { SEC(30), &f->near_30s, &f->excess_p50_30s_us, &f->excess_p95_30s_us },
        { SEC(60), &f->near_60s, &f->excess_p50_60s_us, &f->excess_p95_60s_us },
        { SEC(120), &f->near_120s, &f->excess_p50_120s_us, &f->excess_p95_120s_us },
    };
    for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]); i++) {
        if (w->begun + looks[i].at != w->now)
            continue;
        *looks[i].near = share;
        *looks[i].p50 = series_us_at(&over, 500);
        *looks[i].p95 = series_us_at(&over, 950);
    }
    if (w->now >= w->begun + SETTLED && n > 0 && (f->near_least == FIGURE_NEVER || share < f->near_least))
        f->near_least = share;
    free(over.values);
    look_cap(w);
}

void measure_moved(struct routing *w)
{
    for (uint32_t i = 0; i < w->viewers_n; i++) {
        const struct routing_viewer *v = &w->viewers[i];
        uint32_t second, best = measure_best(w, v->network, &second);
        bool near;
        if (!v->follows)
            continue;
        excess(w, v, best, &near);
        w->moved_viewers++;
        w->moved_near += near;
    }
}

void measure_end(struct routing *w)
{
    struct routing_figures *f = &w->f;
    mesh_ns lasted = w->now - w->begun;
    uint64_t seconds = (uint64_t)(w->now / SEC(1)),
             settled = lasted > SETTLED ? (uint64_t)((lasted - SETTLED) / SEC(1)) : 0;

    /* Who is not yet near has taken as long as there was. */
    for (uint32_t i = 0; i < w->viewers_n; i++) {
        if (w->viewers[i].moved != MESH_NS_NEVER)
            series_us_add(&w->rehomed_ms, (uint32_t)((w->now - w->viewers[i].moved) / MS(1)));
    }
    f->rtt_us = f->connects > 0 ? w->rtt_sum / f->connects : FIGURE_NEVER;
    f->best_us = f->connects > 0 ? w->best_sum / f->connects : FIGURE_NEVER;
    f->switches = settled > 0 ? w->switched * 3600 * 1000 / settled / w->viewers_n : FIGURE_NEVER;
    f->rehomed_60s = w->moved_viewers > 0 ? 1000 * w->moved_near / w->moved_viewers : FIGURE_NEVER;
    f->rehomed_p95_ms = series_us_at(&w->rehomed_ms, 950);
    f->cap_mean = w->cap_looks > 0 ? w->cap_sum / w->cap_looks : FIGURE_NEVER;
    f->spilled = w->cap_looks > 0 ? w->spilled_sum / w->cap_looks : FIGURE_NEVER;
    f->spilled_second = w->spilled_sum > 0 ? 1000 * w->spilled_second / w->spilled_sum : FIGURE_NEVER;
    f->node_bytes = seconds > 0 ? w->datagram_bytes / seconds / w->edges_n : FIGURE_NEVER;
}
