/* What stands before the origin: it has so many requests from this node at a time, those beyond wait for a moment, in a
 * line that has an end, and are then refused; and when it has failed again and again it is left alone, but for one
 * request now and then that finds out whether it is back. Nobody waits in vain behind a dead origin, and no origin is
 * kept down by those who try. A few URLs of a healthy origin that fail at the same moment are no dead origin: it has to
 * fail for a while. */
#include "node/core/engine_impl.h"

/* The longest is how long an origin that is back may seem to be away. */
static const struct breaker_rule rule = {
    .failures = 5, .span = SEC(1), .first = MS(250), .most = SEC(4), .trial = SEC(5)
};

#define FULL "The origin has as many requests from this node as it may have. Try again in a moment."

void gate_start(struct engine *e)
{
    list_init(&e->gate.waiting);
    e->gate.max = e->cfg.origin_fetches > 0 ? e->cfg.origin_fetches : GATE_USUAL;
}

bool gate_lets(struct engine *e, mesh_ns now, struct flight *f)
{
    struct gate *g = &e->gate;

    if (g->running >= g->max && g->waiting_n >= g->max) {
        e->counters.origin_turned_away++;
        f->cause = FETCH_CAUSE_FULL;
        flight_fail(e, now, f, 503, FULL);
        return false;
    }
    if (breaker_lets(&g->breaker, &rule, now))
        return true;
    e->counters.origin_spared++;
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
    e->gate.running++;
    o->admitted = true;
    list_push_back(&e->starts, &o->todo);
}

void gate_enter(struct engine *e, mesh_ns now, struct origin *o)
{
    struct gate *g = &e->gate;

    if (g->running < g->max && list_empty(&g->waiting)) {
        admit(e, o);
        return;
    }
    e->counters.origin_waited++;
    g->waiting_n++;
    list_push_back(&g->waiting, &o->todo);
    o->wait.fire = wait_fire;
    timer_set(e, &o->wait, now + e->timers.origin_wait);
}

void gate_leave(struct engine *e, struct origin *o)
{
    timer_stop(e, &o->wait);
    if (o->admitted)
        e->gate.running--;
    else
        e->gate.waiting_n--;
}

void gate_open(struct engine *e)
{
    struct gate *g = &e->gate;

    while (g->running < g->max && !list_empty(&g->waiting)) {
        struct origin *o = OBJ_OF(list_first(&g->waiting), struct origin, todo);
        struct flight *f = o->flight;
        if (f != NULL && list_empty(&f->waiters) && !f->background && f->object == NULL && list_empty(&o->run)) {
            flight_free(e, f); /* and |o|: all who waited have gone elsewhere */
            continue;
        }
        list_remove(&o->todo);
        timer_stop(e, &o->wait);
        g->waiting_n--;
        admit(e, o);
    }
}

void gate_answered(struct engine *e)
{
    breaker_good(&e->gate.breaker);
}

void gate_failed(struct engine *e, mesh_ns now, const struct origin *o, int err)
{
    struct gate *g = &e->gate;

    if (o->answered_at_all || (err != MESH_E_TIMEOUT && err != MESH_E_REFUSED && err != MESH_E_CLOSED))
        return;
    g->timed_out = err == MESH_E_TIMEOUT;
    g->cause = o->fetch.cause;
    if (!breaker_bad(&g->breaker, &rule, now, secret_random_u64()))
        return;
    trace_f(&e->cfg.trace, now, "the origin is left alone for %lld ms: it failed again and again",
            (long long)((g->breaker.until - now) / MS(1)));
}
