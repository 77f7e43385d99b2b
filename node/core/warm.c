/* Who has a copy that is warm tells another of the key's owners to take one, too (warm.h). */
#include "node/core/warm.h"

#include <stdlib.h>

#include "node/core/handoff.h"
#include "node/core/key.h"
#include "node/core/second.h"
#include "node/core/tier.h"
#include "proto/base/rare.h"

#define TAKES_MAX       512
#define TAKES_BYTES_MAX (256u << 10)
#define TAKE_EVERY      MS(10) /* so many keys that become warm at once are no storm */
#define TAKE_WAIT       SEC(2) /* for a session with whom is to be told */
#define COPYING_MAX     64
#define LEFT_MIN        SEC(5) /* what has less time left is not worth it */

/* What somebody is to be told. */
struct take {
    struct list link; /* in warm->takes */
    struct node_id to;
    struct digest key;
    bool leaf, https;
    uint32_t index;
    uint8_t reason;
    mesh_ns until; /* whom it is for is not dialled any longer; 0: its turn has not come yet */
    uint16_t host_len, path_len;
    uint32_t fields_len;
    uint8_t text[]; /* host, path and fields */
};

static void takes_fire(struct engine *e, mesh_ns now, struct timer *t);

static void wake(struct engine *e)
{
    struct warm *w = e->warm;

    if (!w->timer.node.queued)
        timer_set(e, &w->timer, e->now > w->next ? e->now : w->next);
}

int warm_init(struct engine *e)
{
    struct warm *w = calloc(1, sizeof(*w));

    if (w == NULL || (w->handoff = handoff_new()) == NULL) {
        free(w);
        return MESH_E_NOMEM;
    }
    list_init(&w->takes);
    w->mark = WARM_MARKS;
    w->timer.fire = takes_fire;
    e->warm = w;
    return 0;
}

static void take_free(struct warm *w, struct take *t)
{
    list_remove(&t->link);
    w->takes_n--;
    w->takes_bytes -= sizeof(*t) + t->host_len + t->path_len + t->fields_len;
    free(t);
}

void warm_fini(struct engine *e)
{
    struct warm *w = e->warm;

    if (w == NULL)
        return;
    timer_stop(e, &w->timer);
    LIST_EACH_SAFE (at, &w->takes)
        take_free(w, OBJ_OF(at, struct take, link));
    handoff_free(w->handoff);
    free(w);
    e->warm = NULL;
}

bool warm_reached(const struct engine *e, mesh_ns now, const struct node_id *id)
{
    struct mesh_member m;

    return mesh_find(e->mesh, id, &m) && m.reachable && now >= m.distrusted_until;
}

/* ---- telling ---- */

static void say(struct engine *e, struct link *l, const struct take *t)
{
    struct slice host = slice_of(t->text, t->host_len);
    struct slice path = slice_of(t->text + t->host_len, t->path_len);
    struct route route;
    if (!route_find(&route, e->cfg.set, e->cfg.zone, host, path, t->https))
        return;
    struct msg_take m = { .what = { .key = t->key,
                                    .distribution = route.dist->name,
                                    .host = host,
                                    .path = path,
                                    .config = route.dist->digest,
                                    .flags = (t->leaf ? ASK_LEAF : 0) | (t->https ? ASK_HTTPS : 0),
                                    .first_leaf = t->index,
                                    .fields = slice_of(t->text + t->host_len + t->path_len, t->fields_len) },
                          .reason = t->reason };

    if (RARE(TAKE_SKIPPED))
        return;
    msg_put_take(session_begin(l->session), &m);
    link_commit(e, l);
    e->counters.takes_out++;
}

/* One at a time: whom there is no session with yet waits behind the others. */
static void takes_fire(struct engine *e, mesh_ns now, struct timer *timer)
{
    struct warm *w = e->warm;
    struct list *first = list_first(&w->takes);

    if (first != NULL) {
        struct take *t = OBJ_OF(first, struct take, link);
        t->until = t->until > 0 ? t->until : now + TAKE_WAIT;
        struct link *l = now < t->until && warm_reached(e, now, &t->to) ? link_to(e, now, &t->to) : NULL;
        if (l != NULL && !link_is_open(l)) {
            list_remove(&t->link);
            list_push_back(&w->takes, &t->link);
        } else {
            if (l != NULL)
                say(e, l, t);
            take_free(w, t);
        }
    }
    bool more = handoff_step(e, now);
    w->next = now + TAKE_EVERY;
    if (!list_empty(&w->takes) || more)
        timer_set(e, timer, w->next);
}

size_t warm_waiting(const struct engine *e)
{
    return e->warm->takes_n;
}

bool warm_tell(struct engine *e, const struct node_id *to, const struct aim *aim, enum msg_take_reason reason)
{
    struct warm *w = e->warm;
    struct slice fields = aim->forward != NULL ? aim->forward->raw : SLICE_EMPTY;
    size_t text = aim->host.len + aim->path.len + fields.len;
    struct take *t = NULL;

    if (w->takes_n < TAKES_MAX && w->takes_bytes < TAKES_BYTES_MAX && aim->host.len <= MSG_HOST_MAX &&
        aim->path.len <= MSG_PATH_MAX)
        t = malloc(sizeof(*t) + text);
    if (t == NULL)
        return false;
    *t = (struct take){ .to = *to,
                        .key = aim->key,
                        .leaf = aim->leaf,
                        .https = aim->route.https,
                        .index = aim->index,
                        .reason = (uint8_t)reason,
                        .host_len = (uint16_t)aim->host.len,
                        .path_len = (uint16_t)aim->path.len,
                        .fields_len = (uint32_t)fields.len };
    struct slice parts[] = { aim->host, aim->path, fields };
    for (size_t i = 0, at = 0; i < sizeof(parts) / sizeof(parts[0]); at += parts[i++].len) {
        if (parts[i].len > 0)
            memcpy(t->text + at, parts[i].data, parts[i].len);
    }
    list_init(&t->link);
    list_push_back(&w->takes, &t->link);
    w->takes_n++;
    w->takes_bytes += sizeof(*t) + text;
    wake(e);
    return true;
}

/* ---- what is warm ---- */

/* Is it upon us to keep what lies at |place|? Also where nobody else could. */
static bool is_keeper(const struct engine *e, const struct digest *place)
{
    const struct ring *ring = mesh_ring(e->mesh);
    int rank = ring_size(ring) > 1 ? ring_rank(ring, ring_arc(ring, place), &e->cfg.mesh.self->cert.id) : 0;

    return rank == 0 || rank == 1;
}

void warm_place(const struct engine *e, const struct flight *f, struct object *o)
{
    struct digest place;

    key_stripe(&place, &f->primary, f->index);
    o->evict.away = !is_keeper(e, &place);
}

/* Who is to have the other copy of what lies at |place|. 0: |*to|; 1: nobody, under this ring; -1: nobody can be
 * reached now. The first two owners have one for each other (|keeps|); who is neither got its copy from the best that
 * it reaches, so that the next one is meant. */
static int whom(const struct engine *e, mesh_ns now, const struct digest *place, bool keeps, struct node_id *to)
{
    const struct ring *ring = mesh_ring(e->mesh);
    const struct ring_member *owners[RING_OWNERS];
    size_t n = ring_size(ring) > 1 ? ring_owners(ring, ring_arc(ring, place), owners) : 0, skip = keeps ? 0 : 1;

    if (n < 2 || e->cfg.uncopied)
        return 1;
    for (size_t i = 0; i < n; i++) {
        if (node_id_eq(&owners[i]->id, &e->cfg.mesh.self->cert.id) || !warm_reached(e, now, &owners[i]->id))
            continue;
        if (skip > 0) {
            skip--;
            continue;
        }
        *to = owners[i]->id;
        return 0;
    }
    return -1;
}

static bool worth_it(const struct engine *e, mesh_ns now, const struct object *o)
{
    return !e->leaving && o->indexed && !o->uncacheable && !o->pass_through && object_pieces(o) == NULL &&
           object_first_held(o) == 0 && o->lifetime - (now - o->born) >= LEFT_MIN;
}

void warm_answered(struct engine *e, mesh_ns now, struct object *o, const struct aim *aim, const struct fields *fields,
                   const struct node_id *peer)
{
    struct warm *w = e->warm;
    struct aim told = *aim;
    struct digest place;
    struct node_id to;

    if (o->evict.note == w->mark || !worth_it(e, now, o))
        return;
    if (o->state != OBJECT_COMPLETE) {
        warm_joined(o, peer != NULL, false);
        return;
    }
    /* Where other threads answer viewers, they do so from the second one on, and tell nobody. */
    if (o->evict.note == WARM_COLD && peer == NULL && cache_shelf(e->cache) == NULL) {
        o->evict.note = WARM_SEEN;
        return;
    }
    key_stripe(&place, aim->leaf ? &aim->primary : &aim->key, aim->leaf ? aim->index : 0);
    bool keeps = is_keeper(e, &place);
    if (keeps) /* it may have become so with the ring */
        evict_own(cache_memory(e->cache)->evict, &o->evict);
    /* Who is none of the first two tells once: later hits at those two are theirs to tell of. */
    int who = !keeps && o->evict.note >= WARM_MARKS ? 1 : whom(e, now, &place, keeps, &to);
    if (who < 0)
        return;
    if (who == 0 && peer != NULL && node_id_eq(peer, &to)) /* it is getting it */
        who = 1;
    /* The fields say which variant it is, where there are several. */
    told.forward = !o->varies             ? NULL
                   : aim->forward != NULL ? forward_ref(aim->forward)
                                          : forward_for(aim->route.behaviour, fields, FORWARD_SHARED, NULL);
    if (who > 0 || ((!o->varies || told.forward != NULL) && warm_tell(e, &to, &told, TAKE_WARM))) {
        o->evict.note = w->mark;
        if (keeps && !aim->leaf && !o->varies)
            handoff_note(e, now, aim);
    }
    forward_unref(told.forward);
}

void warm_came(struct engine *e, mesh_ns now, const struct flight *f)
{
    struct aim aim = { .key = f->key,
                       .leaf = f->leaf,
                       .index = f->index,
                       .primary = f->primary,
                       .route = f->route,
                       .host = buf_slice(&f->host),
                       .path = buf_slice(&f->path),
                       .forward = f->forward };
    struct digest place;

    key_stripe(&place, &f->primary, f->index);
    if (f->copy && !f->leaf && !f->object->varies && is_keeper(e, &place))
        handoff_note(e, now, &aim); /* for when who has told us is gone */
    if (f->copy || (f->from_peer && f->ask.status == ANSWER_HAVE && !is_keeper(e, &place)))
        f->object->evict.note = e->warm->mark;
    else if (f->object->evict.note == WARM_DUE)
        warm_answered(e, now, f->object, &aim, NULL, NULL);
}

void warm_ring(struct engine *e, mesh_ns now)
{
    struct warm *w = e->warm;

    w->mark = w->mark == UINT16_MAX ? WARM_MARKS : (uint16_t)(w->mark + 1);
    if (handoff_begin(e, now))
        wake(e);
}

/* ---- being told ---- */

/* Is there nothing to be done: because it is here, on its way, or not to be had? */
static bool is_needless(struct engine *e, mesh_ns now, const struct msg_ask *what, const struct route *route,
                        const struct digest *primary, const struct fields *fields)
{
    bool leaf = (what->flags & ASK_LEAF) != 0;

    purges_settle(e, now, &what->key, route, what->path);
    if (leaf)
        purges_settle(e, now, primary, route, what->path);
    return cache_peek(e->cache, now, &what->key, fields) != NULL || tier_has(e, &what->key) ||
           flight_find(e, &what->key, fields, FLIGHT_ANY) != NULL || cache_marked(e->cache, now, primary) ||
           (leaf && parts_unwanted(e, now, primary, fields));
}

static void take(struct engine *e, mesh_ns now, const struct link *l, const struct msg_take *m)
{
    const struct ring *ring = mesh_ring(e->mesh);
    struct aim aim = { .key = m->what.key,
                       .leaf = (m->what.flags & ASK_LEAF) != 0,
                       .index = m->what.first_leaf,
                       .host = m->what.host,
                       .path = m->what.path };
    struct digest place;

    if ((m->reason != TAKE_WARM && m->reason != TAKE_HANDED) || e->leaving || e->warm->copying >= COPYING_MAX ||
        !serve_sound(e, &m->what, &aim.primary, &aim.route))
        return;
    key_stripe(&place, &aim.primary, aim.leaf ? aim.index : 0);
    if (ring_size(ring) == 0 || ring_rank(ring, ring_arc(ring, &place), &e->cfg.mesh.self->cert.id) < 0 ||
        serve_forward(&aim.forward, &aim.route, m->what.fields) != 0)
        return;
    if (!is_needless(e, now, &m->what, &aim.route, &aim.primary, &aim.forward->fields)) {
        struct flight *f = flight_new(e, now, FLIGHT_OWNER, &aim);
        if (f != NULL) {
            f->copy = f->background = true;
            f->solo = false;
            f->sources[0] = l->peer;
            f->sources_n = 1;
            e->warm->copying++;
            e->counters.copies++;
            flight_go(e, now, f);
        }
    }
    forward_unref(aim.forward);
}

void warm_frame(struct engine *e, mesh_ns now, struct link *l, struct slice body)
{
    struct wire wire = { 0 };
    struct msg_take m;

    if (msg_get_take(&wire, body, &m) != 0) {
        wire_close(&wire);
        e->counters.sessions_broken++;
        link_close(e, now, l);
        return;
    }
    e->counters.takes_in++;
    if (m.reason == TAKE_ALONG)
        second_take(e, now, l, &m.what);
    else
        take(e, now, l, &m);
    wire_close(&wire);
}

void warm_ended(struct engine *e, struct flight *f)
{
    if (f->copy)
        e->warm->copying--;
    f->copy = false;
}

void warm_failed(struct engine *e, mesh_ns now, struct flight *f)
{
    struct digest place;

    if (list_empty(&f->waiters)) {
        flight_free(e, f);
        return;
    }
    warm_ended(e, f);
    f->background = false;
    f->class = FLIGHT_EDGE;
    LIST_EACH (at, &f->waiters) {
        if (OBJ_OF(at, struct reader, wait_link)->of_peer)
            f->class = FLIGHT_OWNER;
    }
    /* What the origin is to see is what somebody has asked with. */
    struct reader *first = OBJ_OF(list_first(&f->waiters), struct reader, wait_link);
    struct forward *forward = f->forward;
    f->forward = forward_ref(first->forward);
    forward_unref(forward);
    key_stripe(&place, &f->primary, f->index);
    flight_seek(e, now, &place, f);
    flight_go(e, now, f);
}
