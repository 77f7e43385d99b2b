/* What stands before each origin: it has so many requests from this node at a time, and so have all together; those
 * beyond wait for a moment, in a line that has an end, and are then refused; and when it has failed again and again it
 * is left alone, but for one request now and then that finds out whether it is back. Nobody waits in vain behind a dead
 * origin, no origin is kept down by those who try, and none pays for what another one does. A few URLs of a healthy
 * origin that fail at the same moment are no dead origin: it has to fail for a while. */
#include <stdlib.h>

#include "node/core/distribution.h"
#include "node/core/engine_impl.h"

/* The longest is how long an origin that is back may seem to be away. */
static const struct breaker_rule rule = {
    .failures = 5, .span = SEC(1), .first = MS(250), .most = SEC(4), .trial = SEC(5)
};

#define FULL "The origin has as many requests from this node as it may have. Try again in a moment."

static void gate_init(struct gate *g)
{
    list_init(&g->waiting);
    list_init(&g->link);
}

/* It may have |max| of the |all| that all may have: as many may wait, or a few where that is less, which the node's own
 * figure still holds for. */
static void gate_bound(struct gate *g, size_t max, size_t all)
{
    size_t few = all < GATE_LINE ? all : GATE_LINE;

    g->max = max;
    g->line = max > few ? max : few;
}

int gates_start(struct engine *e)
{
    struct gates *gs = &e->gates;

    list_init(&gs->all);
    gs->max = e->cfg.origin_fetches > 0 ? e->cfg.origin_fetches : GATE_USUAL;
    gate_init(&gs->rest);
    gate_bound(&gs->rest, gs->max, gs->max);
    return map_init(&gs->by_id, e->cfg.hash_key);
}

static void gate_free(struct gates *gs, struct gate *g)
{
    map_remove(&gs->by_id, &g->by_id);
    list_remove(&g->link);
    gs->n--;
    free(g);
}

void gates_free(struct engine *e)
{
    if (e->gates.all.next != NULL) {
        LIST_EACH_SAFE (at, &e->gates.all) {
            struct gate *g = OBJ_OF(at, struct gate, link);
            LIST_EACH_SAFE (o, &g->waiting)
                origin_free(e, OBJ_OF(o, struct origin, todo));
            gate_free(&e->gates, g);
        }
        LIST_EACH_SAFE (o, &e->gates.rest.waiting)
            origin_free(e, OBJ_OF(o, struct origin, todo));
    }
    map_fini(&e->gates.by_id);
}

static bool is_idle(const struct gate *g)
{
    return g->running == 0 && g->waiting_n == 0 && breaker_closed(&g->breaker);
}

/* Of an origin that was not asked for long, so that there is room for another one. */
static bool make_room(struct gates *gs)
{
    LIST_EACH (at, &gs->all) {
        struct gate *g = OBJ_OF(at, struct gate, link);
        if (is_idle(g)) {
            gate_free(gs, g);
            return true;
        }
    }
    return false;
}

/* That of |origin|; where there are too many, those that come last have one together. */
static struct gate *gate_of(struct engine *e, const struct dist_origin *origin)
{
    struct gates *gs = &e->gates;
    uint64_t id = distribution_origin(origin->url);
    size_t max = origin->connections > 0 && origin->connections < gs->max ? origin->connections : gs->max;
    struct map_node *n = map_find(&gs->by_id, id);
    struct gate *g = n != NULL ? OBJ_OF(n, struct gate, by_id) : NULL;

    if (g == NULL && (gs->n < GATES_MAX || make_room(gs)) && (g = calloc(1, sizeof(*g))) != NULL) {
        gate_init(g);
        g->id = id;
        map_insert(&gs->by_id, &g->by_id, id);
        gs->n++;
    }
    if (g == NULL)
        return &gs->rest;
    gate_bound(g, max, gs->max); /* it may have been configured anew */
    list_remove(&g->link);
    list_push_back(&gs->all, &g->link);
    return g;
}

static bool has_turn(const struct engine *e, const struct gate *g)
{
    return g->running < g->max && e->gates.running < e->gates.max;
}

bool gate_lets(struct engine *e, mesh_ns now, struct flight *f)
{
    struct gate *g = gate_of(e, route_origin(&f->route, f->member));

    if (!has_turn(e, g) && g->waiting_n >= g->line) {
        e->counters.origin_turned_away++;
        f->cause = FETCH_CAUSE_FULL;
        flight_fail(e, now, f, 503, FULL);
        return false;
    }
    if (breaker_lets(&g->breaker, &rule, now))
        return true;
    e->counters.origin_spared++;
    if (origin_may_fail_over(f)) {
        f->member = 1;
        return gate_lets(e, now, f);
    }
    f->cause = g->cause;
    if (g->timed_out)
        flight_fail(e, now, f, 504, "The origin does not answer. It is tried again in a moment.");
    else
        flight_fail(e, now, f, 502, "The origin cannot be reached. It is tried again in a moment.");
    return false;
}

static void wait_fire(struct engine *e, mesh_ns now, struct timer *t)
{
    e->counters.origin_turned_away++;
    origin_refuse(e, now, OBJ_OF(t, struct origin, wait), FETCH_CAUSE_FULL, FULL);
}

static void admit(struct engine *e, struct origin *o)
{
    o->gate->running++;
    e->gates.running++;
    o->admitted = true;
    list_push_back(&e->starts, &o->todo);
}

void gate_enter(struct engine *e, mesh_ns now, struct origin *o)
{
    struct gate *g = o->gate = gate_of(e, o->fetch.origin);

    if (has_turn(e, g) && list_empty(&g->waiting)) {
        admit(e, o);
        return;
    }
    e->counters.origin_waited++;
    g->waiting_n++;
    e->gates.waiting_n++;
    list_push_back(&g->waiting, &o->todo);
    o->wait.fire = wait_fire;
    timer_set(e, &o->wait, now + e->timers.origin_wait);
}

void gate_leave(struct engine *e, struct origin *o)
{
    timer_stop(e, &o->wait);
    if (o->admitted) {
        o->gate->running--;
        e->gates.running--;
    } else {
        o->gate->waiting_n--;
        e->gates.waiting_n--;
    }
}

static void begin_waiting(struct engine *e, struct gate *g)
{
    while (has_turn(e, g) && !list_empty(&g->waiting)) {
        struct origin *o = OBJ_OF(list_first(&g->waiting), struct origin, todo);
        struct flight *f = o->flight;
        if (f != NULL && list_empty(&f->waiters) && !f->background && f->object == NULL && list_empty(&o->run)) {
            flight_free(e, f); /* and |o|: all who waited have gone elsewhere */
            continue;
        }
        list_remove(&o->todo);
        timer_stop(e, &o->wait);
        g->waiting_n--;
        e->gates.waiting_n--;
        admit(e, o);
    }
}

void gates_open(struct engine *e)
{
    if (e->gates.waiting_n == 0)
        return;
    begin_waiting(e, &e->gates.rest);
    LIST_EACH (at, &e->gates.all)
        begin_waiting(e, OBJ_OF(at, struct gate, link));
}

void gate_answered(struct origin *o)
{
    breaker_good(&o->gate->breaker);
}

void gate_failed(struct engine *e, mesh_ns now, const struct origin *o, int err)
{
    struct gate *g = o->gate;

    if (o->answered_at_all || (err != MESH_E_TIMEOUT && err != MESH_E_REFUSED && err != MESH_E_CLOSED))
        return;
    g->timed_out = err == MESH_E_TIMEOUT;
    g->cause = o->fetch.cause;
    if (!breaker_bad(&g->breaker, &rule, now, secret_random_u64()))
        return;
    trace_f(&e->cfg.trace, now, "the origin is left alone for %lld ms: it failed again and again",
            (long long)((g->breaker.until - now) / MS(1)));
}
