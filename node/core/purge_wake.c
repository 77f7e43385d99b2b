/* A process that was stopped (SIGSTOP, a suspended host, a debugger) comes back with a memory that nobody has looked
 * after: purges went by, their issuers gave up on us, and what lies in our sockets is as old as we are. So before a
 * copy answers a viewer again some peer has to tell what there is. Meanwhile requests wait; if nobody says anything for
 * 2 s we are alone, and go on with what we have. A start that finds copies on its disk is no better than that: it was away
 * for nobody knows how long. */
#include "node/core/purges_impl.h"

#include <stdlib.h>

#define WAIT_MAX  SEC(2)
#define ASK_EACH  MS(250)
#define ASK_DIALS 3 /* members that are dialled each time */

struct purge_waiter {
    struct list link; /* in purges->waiting */
    struct request *r;
    struct digest key;
    struct route route; /* held */
    struct buf host, path;
};

static void waiter_free(struct purge_waiter *v)
{
    list_remove(&v->link);
    v->r->waiter = NULL;
    route_drop(&v->route);
    buf_free(&v->host);
    buf_free(&v->path);
    free(v);
}

bool purge_wait(struct request *r, const struct aim *aim)
{
    struct purge_waiter *v = calloc(1, sizeof(*v));

    if (v == NULL)
        return false;
    list_init(&v->link);
    v->r = r;
    r->waiter = v;
    v->key = aim->key;
    v->route = aim->route;
    route_hold(&v->route);
    buf_add_slice(&v->host, aim->host);
    buf_add_slice(&v->path, aim->path);
    if (!buf_ok(&v->host) || !buf_ok(&v->path)) {
        waiter_free(v);
        return false;
    }
    list_push_back(&r->engine->purges->waiting, &v->link);
    return true;
}

void purge_waited(struct request *r)
{
    if (r->waiter != NULL)
        waiter_free(r->waiter);
}

static void go_on(struct engine *e, mesh_ns now)
{
    struct list *at;

    e->unsure = false;
    purges_tell(e);
    timer_stop(e, &e->purges->wake_timer);
    while ((at = list_first(&e->purges->waiting)) != NULL) {
        struct purge_waiter *v = OBJ_OF(at, struct purge_waiter, link);
        struct request *r = v->r;
        struct aim aim = { .key = v->key,
                           .route = v->route,
                           .host = buf_slice(&v->host),
                           .path = buf_slice(&v->path),
                           .request_id = r->request_id,
                           .forward = r->reader.forward };
        list_remove(&v->link);
        request_seek_again(e, now, r, &aim);
        waiter_free(v);
    }
}

void purge_sure(struct engine *e, mesh_ns now)
{
    e->purges->caught_up = true;
    if (e->unsure)
        go_on(e, now);
}

/* Whoever has a session with us, and a few whom we dial, since those may all be dead. */
static void ask_around(struct engine *e, mesh_ns now)
{
    struct mesh_member m;
    unsigned dials = 0;

    LIST_EACH_SAFE (at, &e->links) {
        struct link *l = OBJ_OF(at, struct link, link);
        if (link_is_open(l) && l->asked != e->purges->question) {
            l->asked = e->purges->question;
            purge_ask(e, now, l);
        }
    }
    for (size_t i = 0; i < mesh_count(e->mesh) && dials < ASK_DIALS; i++) {
        if (!mesh_member(e->mesh, (i + e->purges->sync_turn) % mesh_count(e->mesh), &m) || !m.reachable)
            continue;
        struct node_id id = m.record->id;
        dials += link_dial(e, now, &id) != NULL;
    }
    e->purges->sync_turn += dials;
}

static void wake_fire(struct engine *e, mesh_ns now, struct timer *t)
{
    if (now >= e->purges->wake_until) {
        trace_f(&e->cfg.trace, now, "no node has told what was purged while this one was stopped");
        go_on(e, now);
        return;
    }
    ask_around(e, now);
    timer_set(e, t, now + ASK_EACH);
}

static void be_unsure(struct engine *e, mesh_ns now)
{
    e->purges->wake_until = now + WAIT_MAX;
    e->unsure = true;
    purges_tell(e);
}

void purge_late(struct engine *e, mesh_ns due, mesh_ns now)
{
    struct purges *p = e->purges;

    if (due == MESH_NS_NEVER || now - due <= PURGE_STOPPED || mesh_alive(e->mesh) <= 1)
        return;
    e->counters.wakes++;
    p->question++;
    p->caught_up = false;
    be_unsure(e, now);
    trace_f(&e->cfg.trace, now, "stopped for %lld ms: asking what was purged meanwhile",
            (long long)((now - due) / MS(1)));
    timer_set(e, &p->wake_timer, now);
}

void purge_wake_start(struct engine *e)
{
    list_init(&e->purges->waiting);
    e->purges->question = 1;
    e->purges->wake_timer.fire = wake_fire;
    if (!e->cfg.has_seeds || e->cfg.store == NULL || store_things(e->cfg.store) == 0)
        return;
    be_unsure(e, e->now);
    timer_set(e, &e->purges->wake_timer, e->now + ASK_EACH); /* who greets us first is asked at once (purge_greet) */
}
