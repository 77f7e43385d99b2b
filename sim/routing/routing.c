#include "sim/routing/routing.h"

#include <stdlib.h>

#include "proto/digest.h"
#include "sim/memory.h"

#define LOOK_EVERY SEC(5)

const char *routing_policy_word(enum routing_policy p)
{
    static const char *const words[] = {
#define X(name, word) [POLICY_##name] = (word),
        ROUTING_POLICIES(X)
#undef X
    };
    return words[p];
}

bool routing_has(const struct routing *w, const struct node_set *s, uint32_t edge)
{
    (void)w;
    return s->by == NODES_ALL || (s->by == NODES_LIST && node_set_has(s, edge));
}

void routing_at(struct routing *w, mesh_ns at, enum routing_event kind, uint32_t a, uint32_t b)
{
    assert(at >= w->now);
    queue_add(&w->queue, at, kind, a, b);
}

static void set_cap(struct routing *w, const struct action *a)
{
    for (uint32_t i = 0; i < w->edges_n; i++) {
        if (!routing_has(w, &a->a, i))
            continue;
        w->edges[i].cap = a->numbers[0];
        w->capped = i;
        w->capped_from = w->now;
        w->cap_side = 0;
        routing_edge_tell(w, i);
    }
}

static void act(struct routing *w)
{
    const struct action *a = &w->sc.actions[w->action_at++];

    trace_hash_add(&w->trace, w->now, NOTE_ACTION, (uint32_t)a->kind, SLICE_EMPTY);
    for (uint32_t i = 0; i < w->edges_n; i++) {
        struct routing_edge *e = &w->edges[i];
        if (!routing_has(w, &a->a, i))
            continue;
        if (a->kind == ACTION_CRASH && e->up)
            routing_edge_crash(w, i);
        if (a->kind == ACTION_START && !e->up)
            routing_edge_start(w, i);
        if (a->kind == ACTION_LEAVE_OUT)
            e->left_out = true;
        if (a->kind == ACTION_DRAIN && e->up) {
            e->draining = true;
            e->drained = w->now;
            routing_edge_tell(w, i);
        }
    }
    if (a->kind == ACTION_CAP)
        set_cap(w, a);
    if (a->kind == ACTION_MOVE)
        visits_move(w, a->numbers[0]);
    if (a->kind == ACTION_SET)
        *setting_of(&w->sc, a->setting) = a->value;
    if (w->action_at < w->sc.actions_n)
        routing_at(w, w->begun + w->sc.actions[w->action_at].at, ROUTING_ACTION, 0, 0);
}

static bool lives_on(const struct routing *w, uint32_t edge, uint32_t life)
{
    return w->edges[edge].up && w->edges[edge].life == life;
}

static void happen(struct routing *w, const struct queue_event *ev)
{
    switch ((enum routing_event)ev->kind) {
    case ROUTING_ACTION: act(w); break;
    case ROUTING_TICK:
        if (lives_on(w, ev->a, ev->b) && w->edges[ev->a].armed == ev->at)
            routing_edge_tick(w, ev->a);
        break;
    case ROUTING_SECOND:
        if (lives_on(w, ev->a, ev->b))
            routing_edge_second(w, ev->a);
        break;
    case ROUTING_DATAGRAM: routing_edge_take(w, ev->a); break;
    case ROUTING_NOTICE: routing_edge_notice(w, ev->a, ev->b); break;
    case ROUTING_VISIT: visit(w, ev->a); break;
    case ROUTING_LOOK:
        measure_look(w);
        routing_at(w, w->now + LOOK_EVERY, ROUTING_LOOK, 0, 0);
        break;
    case ROUTING_MOVED: measure_moved(w); break;
    }
}

struct routing *routing_run(const struct scenario *sc, enum routing_policy policy)
{
    struct queue_event ev;

    if (crypto_start() != 0)
        return NULL;
    struct routing *w = memory_new(sizeof(*w));
    w->sc = *sc;
    w->policy = policy;
    w->capped_from = MESH_NS_NEVER;
    w->begun = (mesh_ns)sc->warm;
    mesh_ns end = w->begun + (mesh_ns)sc->time;
    measure_begin(w);
    queue_init(&w->queue);
    trace_hash_init(&w->trace);
    routing_edges_make(w);
    visits_make(w);
    if (sc->actions_n > 0)
        routing_at(w, w->begun + sc->actions[0].at, ROUTING_ACTION, 0, 0);
    routing_at(w, w->begun + LOOK_EVERY, ROUTING_LOOK, 0, 0);
    while (queue_take(&w->queue, end, &ev)) {
        assert(ev.at >= w->now);
        w->now = ev.at;
        happen(w, &ev);
    }
    w->now = end;
    measure_end(w);
    return w;
}

void routing_free(struct routing *w)
{
    if (w == NULL)
        return;
    routing_edges_free(w);
    queue_fini(&w->queue);
    parcels_fini(&w->parcels);
    free(w->rehomed_ms.values);
    free(w->networks);
    free(w->viewers);
    free(w->rtt_us);
    free(w);
}
