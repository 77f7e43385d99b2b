/* What a request that was not safe has changed is not served from copies any more (RFC 9111 section 4.4): here at once,
 * at the other nodes by DROP frames. The key's owners confirm, and the answer waits for them, though not for long:
 * whoever has it and asks anew, anywhere, is answered by the origin.
 *
 *   origin's 2xx or 3xx --> drop here --DROP--> owners (DROPPED, and DROP to all whom they serve), and who else is near
 *
 * Other threads' look-ups that begin after drop_key find no copy (shelf.h), and what tells of a drop is sent after it:
 * who asks any worker when it has the answer, or a peer that has sent DROPPED, gets nothing older. No reader is waited
 * for.
 *
 * Unsigned and kept nowhere: who was cut off meanwhile has its copy until its time is over. */
#include <stdlib.h>

#include "node/core/drop.h"
#include "node/core/engine_impl.h"
#include "node/core/key.h"
#include "node/core/methods.h"
#include "node/core/second.h"
#include "node/core/tier.h"

#define DROP_WAIT      MS(100) /* the answer waits so long for the owners */
#define DROP_DIAL      SEC(2)  /* who has no session with us by then does not hear of it */
#define DROPS_A_SECOND 100     /* beyond that only owners are told */
#define DROP_NEAR      64      /* in a mesh of so many all are told, though they must be dialled */

/* A node that is to be told, and may have to be dialled first. */
struct drop {
    struct list link; /* in engine->drops */
    struct node_id to;
    struct digest key;
    uint64_t number; /* 0: nobody waits for a confirmation */
    bool relay, sent;
    struct request *r; /* whose answer waits; NULL: nobody's, or no more */
    struct timer timer;
};

/* ---- here ---- */

void drop_flight(struct engine *e, mesh_ns now, struct flight *f)
{
    flight_drop(e, f);
    LIST_EACH_SAFE (w, &f->waiters) {
        struct reader *r = OBJ_OF(w, struct reader, wait_link);
        if (!r->of_peer)
            continue;
        list_remove(&r->wait_link);
        r->flight = NULL;
        serve_abort(e, now, reader_serve(r), ABORT_GONE, 0);
    }
    if (f->object == NULL && list_empty(&f->waiters))
        flight_free(e, f);
}

static void drop_flights(struct engine *e, mesh_ns now, const struct digest *key)
{
    LIST_EACH_SAFE (at, &e->flights) {
        struct flight *f = OBJ_OF(at, struct flight, link);
        if (!is_passage(f) && digest_eq(&f->primary, key))
            drop_flight(e, now, f);
    }
}

void drop_key(struct engine *e, mesh_ns now, const struct digest *key)
{
    e->counters.drops++;
    tier_drop(e, key);
    cache_drop(e->cache, key);
    aside_drop(e, key);
    drop_flights(e, now, key);
}

/* ---- telling others ---- */

static void send_drop(struct engine *e, struct link *l, const struct msg_drop *m)
{
    msg_put_drop(session_begin(l->session), m);
    link_commit(e, l);
}

static void drop_free(struct engine *e, struct drop *d)
{
    timer_stop(e, &d->timer);
    list_remove(&d->link);
    free(d);
}

/* One owner less to wait for. */
static void release(struct engine *e, struct drop *d)
{
    struct request *r = d->r;

    d->r = NULL;
    if (r == NULL || --r->awaited > 0 || r->state != REQUEST_WAITING || r->reader.object == NULL)
        return;
    r->state = REQUEST_BODY;
    engine_ready_reader(e, &r->reader);
}

static void drop_fire(struct engine *e, mesh_ns now, struct timer *t)
{
    struct drop *d = OBJ_OF(t, struct drop, timer);
    bool waited = d->r != NULL;

    release(e, d);
    if (waited && !d->sent)
        timer_set(e, t, now + DROP_DIAL);
    else
        drop_free(e, d);
}

/* |r|, not NULL, is held until |id| has confirmed. */
static void tell(struct engine *e, mesh_ns now, const struct node_id *id, const struct msg_drop *m, struct request *r)
{
    struct link *l = link_to(e, now, id);
    bool open = l != NULL && link_is_open(l);

    if (open)
        send_drop(e, l, m);
    if (l == NULL || (open && r == NULL))
        return;
    struct drop *d = calloc(1, sizeof(*d));
    if (d == NULL)
        return;
    *d = (struct drop){ .to = *id, .key = m->key, .number = m->number, .relay = m->relay, .sent = open, .r = r };
    list_init(&d->link);
    list_push_back(&e->drops, &d->link);
    d->timer.fire = drop_fire;
    timer_set(e, &d->timer, now + (r != NULL ? DROP_WAIT : DROP_DIAL));
    if (r != NULL)
        r->awaited++;
}

static bool within_pace(struct engine *e, mesh_ns now)
{
    if (now - e->drops_since >= SEC(1)) {
        e->drops_since = now;
        e->drops_told = 0;
    }
    return e->drops_told++ < DROPS_A_SECOND;
}

static bool is_owner(const struct ring_member *const *owners, size_t n, const struct node_id *id)
{
    for (size_t i = 0; i < n; i++) {
        if (node_id_eq(&owners[i]->id, id))
            return true;
    }
    return false;
}

/* All who have a session with us but |except|; each link, since what was sent before on one must be followed on it. */
static void tell_sessions(struct engine *e, const struct link *except, const struct digest *key)
{
    struct msg_drop m = { .key = *key };

    LIST_EACH (at, &e->links) {
        struct link *l = OBJ_OF(at, struct link, link);
        if (l != except && link_is_open(l) && (except == NULL || !node_id_eq(&l->peer, &except->peer)))
            send_drop(e, l, &m);
    }
}

static void tell_the_near(struct engine *e, mesh_ns now, const struct digest *key,
                          const struct ring_member *const *owners, size_t owners_n)
{
    struct msg_drop m = { .key = *key };

    tell_sessions(e, NULL, key);
    if (mesh_count(e->mesh) > DROP_NEAR)
        return;
    for (size_t i = 0; i < mesh_count(e->mesh); i++) {
        struct mesh_member one;
        if (!mesh_member(e->mesh, i, &one) || !one.reachable || is_owner(owners, owners_n, &one.record->id) ||
            node_id_eq(&one.record->id, &e->cfg.mesh.self->cert.id))
            continue;
        struct link *l = link_to(e, now, &one.record->id);
        if (l != NULL && !link_is_open(l))
            tell(e, now, &one.record->id, &m, NULL);
    }
}

static void tell_all(struct engine *e, mesh_ns now, const struct digest *key, struct request *r)
{
    const struct ring *ring = mesh_ring(e->mesh);
    const struct ring_member *owners[2 * RING_OWNERS];
    size_t n = ring_size(ring) > 0 ? ring_owners(ring, ring_arc(ring, key), owners) : 0;

    n += shield_owners(e, key, owners + n); /* from whom our owners would have it again */
    bool all = within_pace(e, now);
    struct mesh_member m;

    for (size_t i = 0; i < n; i++) {
        struct msg_drop drop = { .key = *key, .number = ++e->drop_number, .relay = all };
        if (!node_id_eq(&owners[i]->id, &e->cfg.mesh.self->cert.id) && mesh_find(e->mesh, &owners[i]->id, &m) &&
            m.reachable)
            tell(e, now, &owners[i]->id, &drop, r);
    }
    if (all)
        tell_the_near(e, now, key, owners, n);
}

void drop_opened(struct engine *e, struct link *l)
{
    LIST_EACH_SAFE (at, &e->drops) {
        struct drop *d = OBJ_OF(at, struct drop, link);
        if (d->sent || !link_is_open(l) || !node_id_eq(&d->to, &l->peer))
            continue;
        struct msg_drop m = { .key = d->key, .number = d->number, .relay = d->relay };
        send_drop(e, l, &m);
        d->sent = true;
        if (d->r == NULL)
            drop_free(e, d);
    }
}

void drop_request_ended(struct engine *e, struct request *r)
{
    LIST_EACH (at, &e->drops) {
        struct drop *d = OBJ_OF(at, struct drop, link);
        if (d->r == r)
            d->r = NULL;
    }
}

void drop_frame(struct engine *e, mesh_ns now, struct link *l, const struct msg_frame *frame)
{
    struct msg_drop m;
    uint64_t number;

    if (frame->type == MSG_DROPPED) {
        if (msg_get_dropped(frame->body, &number) != 0)
            return;
        LIST_EACH_SAFE (at, &e->drops) {
            struct drop *d = OBJ_OF(at, struct drop, link);
            if (d->number == number && node_id_eq(&d->to, &l->peer)) {
                release(e, d);
                drop_free(e, d);
            }
        }
        return;
    }
    if (msg_get_drop(frame->body, &m) != 0) {
        e->counters.sessions_broken++;
        link_close(e, now, l);
        return;
    }
    drop_key(e, now, &m.key);
    if (m.relay && within_pace(e, now))
        tell_sessions(e, l, &m.key);
    if (m.number != 0 && link_is_open(l)) {
        msg_put_dropped(session_begin(l->session), m.number);
        link_commit(e, l);
    }
}

void drops_free(struct engine *e)
{
    LIST_EACH_SAFE (at, &e->drops)
        drop_free(e, OBJ_OF(at, struct drop, link));
}

/* ---- which URIs an answer is about ---- */

static bool begins(struct slice s, const char *with)
{
    return slice_eq_nocase(slice_head(s, strlen(with)), slice_str(with));
}

/* The part of |s| before the first of |marks|. */
static struct slice before(struct slice s, const char *marks)
{
    size_t n = 0;

    while (n < s.len && (s.data[n] == 0 || strchr(marks, s.data[n]) == NULL))
        n++;
    return slice_head(s, n);
}

static bool same_host(struct slice authority, struct slice host)
{
    struct buf normal = BUF_EMPTY;
    bool same = key_host(&normal, authority) == 0 && slice_eq(buf_slice(&normal), host);

    buf_free(&normal);
    return same;
}

bool drop_target(struct buf *out, struct slice base, struct slice host, struct slice ref)
{
    ref = before(slice_trim(ref), "#");
    if (begins(ref, "http://") || begins(ref, "https://"))
        ref = slice_from(ref, begins(ref, "http://") ? 5 : 6);
    if (begins(ref, "//")) {
        struct slice authority = before(slice_from(ref, 2), "/?");
        if (!same_host(authority, host))
            return false;
        ref = slice_from(ref, 2 + authority.len);
        buf_add_str(out, ref.len == 0 || ref.data[0] == '?' ? "/" : "");
    } else if (before(ref, ":/?").len < ref.len && ref.data[before(ref, ":/?").len] == ':') {
        return false; /* another scheme */
    } else if (ref.len == 0 || ref.data[0] == '?') {
        buf_add_slice(out, before(base, ref.len == 0 ? "" : "?"));
    } else if (ref.data[0] != '/') {
        struct slice path = before(base, "?");
        while (path.len > 0 && path.data[path.len - 1] != '/')
            path.len--;
        buf_add_slice(out, path);
    }
    buf_add_slice(out, ref);
    return buf_ok(out);
}

/* The key of |path| at |f|'s host. */
static bool route_other(const struct engine *e, const struct flight *f, struct buf *path, struct digest *key)
{
    struct slice host = buf_slice(&f->host);
    struct buf asked = BUF_EMPTY;
    struct route r;
    bool ok = route_find(&r, f->route.set, e->cfg.zone, host, buf_slice(path), f->route.https) &&
              route_path(&asked, &r, buf_slice(path)) == 0 &&
              route_key(key, &e->cfg.mesh.self->mesh, &r, host, buf_slice(&asked)) == 0;

    buf_free(&asked);
    return ok;
}

static void drop_named(struct engine *e, mesh_ns now, struct flight *f, const struct fields *fields, const char *name,
                       struct request *r)
{
    const struct field *field = fields_find(fields, slice_str(name));
    struct buf target = BUF_EMPTY, path = BUF_EMPTY;
    struct digest key;

    if (field != NULL && drop_target(&target, buf_slice(&f->path), buf_slice(&f->host), field->value) &&
        key_path(&path, buf_slice(&target)) == 0) {
        if (route_other(e, f, &path, &key) && !digest_eq(&key, &f->key)) {
            drop_key(e, now, &key);
            tell_all(e, now, &key, r);
        }
    }
    buf_free(&target);
    buf_free(&path);
}

void drop_changed(struct engine *e, mesh_ns now, struct flight *f, uint16_t status, const struct fields *fields)
{
    struct list *waiter = list_first(&f->waiters);
    struct request *r = waiter != NULL ? reader_request(OBJ_OF(waiter, struct reader, wait_link)) : NULL;

    if (!is_passage(f) || method_safe(buf_slice(&f->method)) || status < 200 || status >= 400)
        return;
    drop_key(e, now, &f->key);
    tell_all(e, now, &f->key, r);
    drop_named(e, now, f, fields, "location", r);
    drop_named(e, now, f, fields, "content-location", r);
}
