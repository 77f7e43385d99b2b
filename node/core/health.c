/* Peers as we find them when we ask: how soon each answers, and who is passed over for a while since it failed again
 * and again. A link that is silent is passed over at once (mesh_link), but only until it is heard again; a peer that
 * answers, but late, or breaks off, or is busy, would cost each asker the same anew. */
#include "node/core/engine_impl.h"

#define LOAD_FULL   100u
#define LATE_BEYOND MS(100) /* and twice what is usual: a failure, too */
#define SOON        MS(20)  /* who is outrun within what is usual and that has been unlucky, perhaps: half a failure */
#define FAILURE     2u

/* A row of failures lasts: we may ourselves have stood still for a moment, and all that was asked of one peer is late.
 */
static const struct breaker_rule rule = {
    .failures = 5 * FAILURE, .span = MS(200), .first = SEC(1), .most = SEC(30), .trial = SEC(2)
};
/* It says itself that it is full. */
static const struct breaker_rule at_once = {
    .failures = 5 * FAILURE, .first = SEC(1), .most = SEC(30), .trial = SEC(2)
};

static mesh_ns rtt_of(const struct engine *e, const struct node_id *id)
{
    struct mesh_member m;

    return mesh_find(e->mesh, id, &m) ? m.rtt : 0;
}

bool health_lets(struct engine *e, mesh_ns now, const struct node_id *id)
{
    struct health *h = mesh_health(e->mesh, id);

    return h == NULL || breaker_lets(&h->breaker, &rule, now);
}

bool health_on_trial(struct engine *e, const struct node_id *id)
{
    const struct health *h = mesh_health(e->mesh, id);

    return h != NULL && !breaker_closed(&h->breaker);
}

mesh_ns health_p95(struct engine *e, const struct node_id *id)
{
    const struct health *h = mesh_health(e->mesh, id);
    static const struct pace unknown;

    return pace_p95(h != NULL ? &h->pace : &unknown, rtt_of(e, id));
}

static void failed(struct engine *e, mesh_ns now, const struct node_id *id, const struct breaker_rule *by,
                   unsigned weight)
{
    struct health *h = mesh_health(e->mesh, id);
    struct mesh_member m;
    bool opened = false;

    for (unsigned i = 0; i < weight && h != NULL && !e->cfg.unhedged && !opened; i++)
        opened = breaker_bad(&h->breaker, by, now, secret_random_u64());
    if (!opened)
        return;
    e->counters.peers_passed_over++;
    trace_f(&e->cfg.trace, now, "%s is passed over for %lld ms: it failed again and again",
            mesh_find(e->mesh, id, &m) ? m.cert->name : "?", (long long)((h->breaker.until - now) / MS(1)));
}

void health_failed(struct engine *e, mesh_ns now, const struct node_id *id)
{
    failed(e, now, id, &rule, FAILURE);
}

void health_answered(struct engine *e, mesh_ns now, const struct ask *a, const struct msg_answer *m)
{
    const struct node_id *id = &a->l->peer;
    struct health *h = mesh_health(e->mesh, id);
    mesh_ns took = now - a->sent_at;

    if (h == NULL)
        return;
    bool late = took > 2 * health_p95(e, id) + LATE_BEYOND;
    pace_took(&h->pace, rtt_of(e, id), took);
    bool busy = m->status == ANSWER_BUSY && !m->has_other; /* who names another one does well */
    if (!busy && !late) {
        breaker_good(&h->breaker);
        return;
    }
    /* One that is full needs no more of us to say so again. */
    if (busy && m->load >= LOAD_FULL)
        failed(e, now, id, &at_once, at_once.failures);
    else
        failed(e, now, id, &rule, FAILURE);
}

static uint32_t percent(size_t part, size_t whole)
{
    return (uint32_t)(part < whole ? part * 100 / whole : 100);
}

uint32_t health_load(const struct engine *e, const struct link *l)
{
    uint32_t link = percent(l->serves_n, SERVES_PER_LINK_MAX), flights = percent(e->flights_n, FLIGHTS_MAX);

    return link > flights ? link : flights;
}

/* What would have been its answer's time is not known, and what is usual stays as it was. */
void health_outrun(struct engine *e, mesh_ns now, const struct ask *a)
{
    const struct node_id *id = &a->l->peer;
    bool soon = a->sent && now - a->sent_at < health_p95(e, id) + SOON;

    failed(e, now, id, &rule, soon ? FAILURE / 2 : FAILURE);
}

void health_opened(struct engine *e, mesh_ns now, const struct node_id *id)
{
    struct health *h = mesh_health(e->mesh, id);

    if (h != NULL)
        breaker_wake(&h->breaker, now);
}
