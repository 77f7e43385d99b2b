/* The second owner. What we fetch as an owner, and not in a moment, is announced to the next healthy owner by rank,
 * which reads along as a peer does. So it has the leaves when we die, and goes on at the origin where we stopped, once
 * for all (prior.c).
 *
 *   we:       head from the origin --50 ms, or 1 MiB--> TAKE to the next owner
 *   it:       TAKE --ask, no origin--> reads along --we fail--> what came is kept aside
 *   somebody: asks it --> its flight begins with what is aside; it is our turn no more
 *
 * It never turns to the origin by itself: only when somebody asks, who then found us dead. */
#include <stdlib.h>

#include "node/core/flight_impl.h"
#include "node/core/second.h"
#include "node/core/tier.h"

#define AFTER       MS(50)
#define BEYOND      (1u << 20)
#define RETRY       MS(50) /* there is no link to the second owner yet */
#define SECONDS_MAX 64     /* that we read along as the second owner at a time */

/* What we have as the second owner, of bodies that are on their way. */
static uint64_t bytes_max(const struct engine *e)
{
    return cache_limit(e->cache) / 4;
}

/* ---- as the first ---- */

/* The owner behind us that is asked if we die. NULL: there is none, or we are no owner. */
static const struct node_id *next_owner(struct engine *e, mesh_ns now, const struct digest *key)
{
    const struct ring *ring = mesh_ring(e->mesh);
    const struct ring_member *owners[RING_OWNERS];
    size_t n = ring_size(ring) > 0 ? ring_owners(ring, ring_arc(ring, key), owners) : 0, i = 0;
    struct mesh_member m;

    while (i < n && !node_id_eq(&owners[i]->id, &e->cfg.mesh.self->cert.id))
        i++;
    for (i++; i < n; i++) {
        if (mesh_find(e->mesh, &owners[i]->id, &m) && m.reachable && now >= m.distrusted_until)
            return &owners[i]->id;
    }
    return NULL;
}

static void announce(struct engine *e, mesh_ns now, struct flight *f)
{
    const struct node_id *id = f->object != NULL && !f->dropped ? next_owner(e, now, &f->primary) : NULL;
    struct link *l = id != NULL ? link_to(e, now, id) : NULL;

    timer_stop(e, &f->second_timer);
    if (id == NULL)
        return;
    if (l == NULL || !link_is_open(l)) {
        timer_set(e, &f->second_timer, now + RETRY);
        return;
    }
    struct msg_take m = { .what = { .key = f->key,
                                    .distribution = f->route.dist->name,
                                    .host = buf_slice(&f->host),
                                    .path = buf_slice(&f->path),
                                    .config = f->route.dist->digest,
                                    .flags = f->route.https ? ASK_HTTPS : 0,
                                    .fields = f->forward != NULL ? f->forward->raw : SLICE_EMPTY },
                          .reason = TAKE_ALONG };
    msg_put_take(session_begin(l->session), &m);
    link_commit(e, l);
    f->announced = true;
    e->counters.announced++;
}

static void second_fire(struct engine *e, mesh_ns now, struct timer *t)
{
    announce(e, now, OBJ_OF(t, struct flight, second_timer));
}

void second_begin(struct engine *e, mesh_ns now, struct flight *f)
{
    const struct object *o = f->object;

    /* What nobody can go on with, or is fetched again as soon as it is read, needs no second. */
    if (f->announced || f->origin == NULL || f->class != FLIGHT_OWNER || f->leaf || f->solo || f->dropped ||
        o->uncacheable || o->lifetime == 0 || o->head->status != 200 || parts_validator(o->head).len == 0 ||
        (o->has_length && o->length <= LEAF_BYTES))
        return;
    f->second_timer.fire = second_fire;
    timer_set(e, &f->second_timer, now + AFTER);
}

void second_grew(struct engine *e, mesh_ns now, struct flight *f)
{
    if (f->second_timer.node.queued && !f->announced && object_available(f->object) > BEYOND)
        announce(e, now, f);
}

/* ---- as the second ---- */

/* Is it ours to read along with |l|'s peer? |*rank|: of the peer, among the owners above us. */
static bool is_second(struct engine *e, mesh_ns now, const struct link *l, const struct msg_ask *m,
                      const struct forward *forward, size_t *rank)
{
    struct node_id above[RING_OWNERS];
    size_t n;

    if (e->seconds >= SECONDS_MAX || e->flights_n >= FLIGHTS_MAX / 2 || (m->flags & ASK_LEAF) != 0 ||
        flight_owners(e, &m->key, above, &n) < 0)
        return false;
    for (*rank = 0; *rank < n && !node_id_eq(&above[*rank], &l->peer); ++*rank)
        continue;
    return *rank < n && !cache_marked(e->cache, now, &m->key) && !tier_has(e, &m->key) &&
           cache_peek(e->cache, now, &m->key, &forward->fields) == NULL &&
           flight_find(e, &m->key, &forward->fields, FLIGHT_ANY) == NULL;
}

static void read_along(struct engine *e, mesh_ns now, const struct msg_ask *m, const struct route *route,
                       struct forward *forward, size_t rank)
{
    struct aim aim = { .key = m->key,
                       .primary = m->key,
                       .route = *route,
                       .host = m->host,
                       .path = m->path,
                       .request_id = m->request_id,
                       .forward = forward };
    struct flight *f = flight_toward(e, now, true, &aim);

    if (f == NULL)
        return;
    if (f->solo) {
        flight_free(e, f);
        return;
    }
    f->source_at = rank;
    f->sources_n = rank + 1;
    f->second = true;
    e->seconds++;
    e->counters.seconded++;
    flight_go(e, now, f);
}

void second_take(struct engine *e, mesh_ns now, const struct link *l, const struct msg_ask *what)
{
    struct forward *forward = NULL;
    struct digest primary;
    struct route route;
    size_t rank;

    if (serve_sound(e, what, &primary, &route) && serve_forward(&forward, &route, what->fields) == 0 &&
        is_second(e, now, l, what, forward, &rank))
        read_along(e, now, what, &route, forward, rank);
    forward_unref(forward);
}

bool second_needless(const struct flight *f)
{
    return f->second && list_empty(&f->waiters);
}

bool second_reads(const struct flight *f)
{
    return second_needless(f) && (f->object == NULL || (!f->object->uncacheable && !object_is_read(f->object)));
}

/* What |o| takes when it has come. */
static uint64_t bytes_of(const struct engine *e, const struct object *o)
{
    if (o->pass_through)
        return (uint64_t)WINDOW_LEAVES * LEAF_BYTES;
    return o->has_length ? o->length : cache_object_max(e->cache);
}

bool second_fits(struct engine *e, struct flight *f)
{
    uint64_t sum = 0;

    if (!f->second)
        return true;
    LIST_EACH (at, &e->flights) {
        const struct flight *other = OBJ_OF(at, struct flight, link);
        const struct object *o = other->second ? other->object : NULL;
        if (o != NULL)
            sum += bytes_of(e, o);
    }
    if (sum <= bytes_max(e))
        return true;
    if (second_reads(f))
        return false;
    second_leaves(e, f); /* somebody waited for it here: it is a fetch like any other */
    return true;
}

void second_leaves(struct engine *e, struct flight *f)
{
    e->seconds -= f->second;
    f->second = false;
}

void second_over(struct engine *e, mesh_ns now, struct flight *f)
{
    timer_stop(e, &f->second_timer);
    if (f->second && f->prior != NULL && !f->dropped)
        aside_put(e, now, f->prior, f->forward);
    second_leaves(e, f);
}
