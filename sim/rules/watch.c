#include "sim/rules/watch.h"

#include <stdlib.h>

#include "sim/rules/check.h"

struct watch *watch_new(struct world *w)
{
    struct watch *watch = world_alloc(sizeof(*watch));

    watch->nodes = world_alloc((size_t)w->sc.nodes * sizeof(*watch->nodes));
    return watch;
}

void watch_free(struct watch *watch)
{
    if (watch == NULL)
        return;
    free(watch->nodes);
    free(watch);
}

static bool later(uint64_t boot, uint32_t counter, uint64_t than_boot, uint32_t than_counter)
{
    return boot != than_boot ? boot > than_boot : counter > than_counter;
}

/* Is |e|'s view, of itself too, another than when it was looked through last? */
static bool changed(const struct world *w, const struct edge *e)
{
    const struct watched *of = &w->watch->nodes[e->index];
    return !of->met || of->digest != mesh_digest(engine_mesh(e->engine));
}

/* What |e| says of itself. */
static void look_at_own(struct edge *e)
{
    struct watched *of = &e->w->watch->nodes[e->index];
    const struct member_record *own = mesh_record(engine_mesh(e->engine), 0);

    if (of->met && later(of->boot, of->counter, own->boot, own->counter))
        check_broken(e->w, RULE_INCARNATION, "%s goes back from incarnation %llu/%u to %llu/%u", e->name,
                     (unsigned long long)of->boot, of->counter, (unsigned long long)own->boot, own->counter);
    of->met = true;
    of->boot = own->boot;
    of->counter = own->counter;
    if (later(own->boot, own->counter, of->latest_boot, of->latest_counter)) {
        of->latest_boot = own->boot;
        of->latest_counter = own->counter;
    }
}

/* What |e| says of others. */
static void look_at_view(struct edge *e)
{
    struct world *w = e->w;
    const struct mesh *m = engine_mesh(e->engine);

    if (!changed(w, e))
        return;
    w->watch->nodes[e->index].digest = mesh_digest(m);
    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        const struct watched *had = &w->watch->nodes[i];
        const struct member_record *r = mesh_record_of(m, &w->edges[i].id.cert.id);
        if (r != NULL && later(r->boot, r->counter, had->latest_boot, had->latest_counter))
            check_broken(w, RULE_INCARNATION, "%s holds incarnation %llu/%u of %s, which never had one after %llu/%u",
                         e->name, (unsigned long long)r->boot, r->counter, w->edges[i].name,
                         (unsigned long long)had->latest_boot, had->latest_counter);
    }
}

static void look_at_budgets(struct world *w)
{
    if (w->sc.nodes > WATCH_NODES || w->now - w->watch->span_from < WATCH_SPAN)
        return;
    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        struct watched *of = &w->watch->nodes[i];
        uint64_t sent = w->edges[i].datagram_bytes_out;
        if (sent - of->bytes_before > WATCH_BYTES)
            check_broken(w, RULE_BUDGET, "%s sent %llu bytes of gossip in %lld s, more than %llu", w->edges[i].name,
                         (unsigned long long)(sent - of->bytes_before),
                         (long long)((w->now - w->watch->span_from) / SEC(1)), (unsigned long long)WATCH_BYTES);
        of->bytes_before = sent;
    }
    w->watch->span_from = w->now;
}

void watch_sample(struct world *w)
{
    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        if (edge_up(&w->edges[i]) && changed(w, &w->edges[i]))
            look_at_own(&w->edges[i]);
    }
    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        if (edge_up(&w->edges[i]))
            look_at_view(&w->edges[i]);
    }
    look_at_budgets(w);
}

void watch_node_stops(struct edge *e)
{
    look_at_own(e);
    e->w->watch->nodes[e->index].met = false;
    e->w->watch->nodes[e->index].digest = 0;
}
