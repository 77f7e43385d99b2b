/* Purges in force. Taking one sets stamps (purge_stamps.h) and writes a line; what is cached is looked at only when it
 * is looked for, but what is on its way here is found at once: it began before, is not kept and not joined any more. A
 * node confirms a purge only when its line is durable, and all lines of a turn are made durable by one write. */
#include "node/core/purges_impl.h"

#include <stdlib.h>

#include "node/core/drop.h"

#define WRITE_AGAIN SEC(1)
#define LINE_ROOM   (2 * CERT_BYTES_MAX + 2048) /* of a line, beside three times its purge */

void purges_tell(struct engine *e)
{
    cache_tell(e->cache, e->now, e->unsure ? UINT64_MAX : e->purged);
}

static void stamp(struct engine *e, const struct purge *p, uint64_t position, bool gap)
{
    struct purge_stamps *s = &e->purges->stamps;
    const struct purge_target all = { .kind = PURGE_ALL };

    if (gap) /* any purge could have been among those that are missing */
        purge_stamps_add(s, SLICE_EMPTY, &all, false, position);
    for (size_t i = 0; i < p->targets_n; i++) { /* also of a distribution that we do not know yet */
        struct purge_target t = purge_target(p, i);
        purge_stamps_add(s, p->distribution, &t, p->soft, position);
    }
}

static void was_kept(void *ctx, const struct purge *p, uint64_t position, bool gap)
{
    stamp(ctx, p, position, gap);
}

/* The disk has refused some lines: once more. */
static void write_fire(struct engine *e, mesh_ns now, struct timer *t)
{
    (void)e;
    (void)now;
    (void)t; /* engine_poll looks again */
}

static int read_kept(struct engine *e)
{
    struct purges *s = e->purges;
    const struct purge_target all = { .kind = PURGE_ALL };
    uint64_t from;

    if (purge_text_read(&s->logs, &e->cfg.mesh.self->mesh.id, e->cfg.purges, was_kept, e, &from) < 0)
        return MESH_E_NOMEM;
    if (from > 0)
        purge_stamps_add(&s->stamps, SLICE_EMPTY, &all, false, from);
    LIST_EACH (at, &s->logs.logs) {
        struct purge_log *log = OBJ_OF(at, struct purge_log, link);
        log->durable = log->last;
        log->cert_kept = true;
    }
    const struct purge_log *own = purge_logs_own(&s->logs, &e->cfg.mesh.self->cert.id);
    s->own_begun = own != NULL ? own->id.begun : 0;
    s->own_last = own != NULL ? own->last : 0;
    e->purged = s->logs.position;
    purges_tell(e);
    purge_sync_on(e);
    return 0;
}

int purges_init(struct engine *e)
{
    struct purges *s = calloc(1, sizeof(*s));

    if ((e->purges = s) == NULL)
        return MESH_E_NOMEM;
    s->write_timer.fire = write_fire;
    purge_calls_start(e);
    purge_sync_start(e);
    if (purge_logs_init(&s->logs, e->cfg.hash_key) != 0 || purge_stamps_init(&s->stamps, e->cfg.hash_key) != 0 ||
        map_init(&s->peers_by_id, e->cfg.hash_key) != 0)
        return MESH_E_NOMEM;
    int err = read_kept(e);
    e->cfg.purges = SLICE_EMPTY;
    return err;
}

void purges_fini(struct engine *e)
{
    struct purges *s = e->purges;

    if (s == NULL)
        return;
    purge_calls_fini(e);
    purge_sync_fini(e);
    purge_logs_fini(&s->logs);
    purge_stamps_fini(&s->stamps);
    map_fini(&s->peers_by_id);
    buf_free(&s->unkept);
    buf_free(&s->keeping);
    free(s);
    e->purges = NULL;
}

/* ---- taking ---- */

static int take(struct engine *e, const struct purge *p, struct slice raw, const struct cert *cert,
                struct slice cert_raw, bool folded)
{
    struct purges *s = e->purges;
    bool gap;

    if (buf_reserve(&s->unkept, LINE_ROOM + 3 * raw.len) == NULL) { /* what cannot be kept is not taken */
        s->unkept.failed = false;
        return MESH_E_NOMEM;
    }
    int err = purge_logs_take(&s->logs, p, raw, cert, cert_raw, folded, &gap);

    if (err != 0)
        return err;
    struct purge_log *log = purge_logs_find(&s->logs, &p->log);
    stamp(e, p, s->logs.position, gap);
    purge_runs_given(&s->logs.runs, s->logs.runs.own, s->logs.position);
    purge_text_put(&s->unkept, log, p, raw, s->logs.position, s->logs.runs.own, gap, !log->cert_kept);
    log->cert_kept = true;
    e->purged = s->logs.position;
    purges_tell(e);
    e->counters.purges++;
    s->news = true;
    return 0;
}

int purges_take(struct engine *e, struct slice raw, const struct cert *cert, struct slice cert_raw, bool folded)
{
    struct purges *s = e->purges;
    const struct purge_log *log;
    struct wire w;
    struct purge p;
    int err = purge_parse(&w, raw, &p);

    if (err != 0)
        return err;
    log = purge_logs_find(&s->logs, &p.log);
    if (memcmp(p.mesh.bytes, e->cfg.mesh.self->mesh.id.bytes, MESH_ID_BYTES) != 0)
        err = MESH_E_WRONG_MESH;
    else if (log != NULL && log->last >= p.number) /* before its signature costs anything */
        err = MESH_E_EXISTS;
    else if (s->unkept.len + s->keeping.len > PURGE_UNKEPT_MAX)
        err = MESH_E_FULL;
    else if ((err = purge_verify(&p, raw, cert)) == 0)
        err = take(e, &p, raw, cert, cert_raw, folded);
    wire_close(&w);
    return err;
}

const struct purge_runs *purges_runs(const struct engine *e)
{
    return &e->purges->logs.runs;
}

/* ---- durable ---- */

bool purges_keep(struct engine *e, struct slice *out)
{
    struct purges *s = e->purges;

    if (s->writing || (s->unkept.len == 0 && s->keeping.len == 0) || e->now < s->write_again)
        return false;
    if (s->keeping.len == 0) {
        buf_free(&s->keeping);
        buf_take(&s->keeping, &s->unkept);
        LIST_EACH (at, &s->logs.logs) {
            struct purge_log *log = OBJ_OF(at, struct purge_log, link);
            log->keeping = log->last;
        }
    }
    s->writing = true;
    *out = buf_slice(&s->keeping);
    return true;
}

void engine_kept(struct engine *e, mesh_ns now, bool done)
{
    struct purges *s = e->purges;

    e->now = now;
    assert(s->writing);
    s->writing = false;
    s->refused = !done;
    if (!done) {
        s->write_again = now + WRITE_AGAIN;
        timer_set(e, &s->write_timer, s->write_again);
        purge_calls_sendable(e, now);
        return;
    }
    buf_free(&s->keeping);
    LIST_EACH (at, &s->logs.logs) {
        struct purge_log *log = OBJ_OF(at, struct purge_log, link);
        log->durable = log->keeping;
    }
    purge_calls_kept(e, now);
}

void engine_purges_whole(const struct engine *e, struct buf *out)
{
    purge_text_whole(out, &e->purges->logs);
}

/* ---- in force ---- */

/* By what |o| itself says, besides the path that it is found under. */
static struct purge_stamp stamp_on(const struct engine *e, struct slice of, const struct purge_stamp *path,
                                   const struct object *o, uint64_t since)
{
    const struct purge_stamps *s = &e->purges->stamps;
    struct purge_stamp stamp = *path;
    struct fields fields;

    if (s->tags.hard > since || s->tags.soft > since) {
        object_fields(o, &fields);
        purge_stamps_fields(s, of, &fields, &stamp);
    }
    return stamp;
}

/* Stale from now on, whatever its lifetime was; what may be done with a stale copy may be done with it. */
static void make_stale(struct object *o, mesh_ns now)
{
    if (o->lifetime == 0 || now - o->born >= o->lifetime)
        return;
    if (o->born >= now)
        o->born = now - 1;
    o->lifetime = now - o->born;
}

/* The stamp on a path, made when it is needed: most objects were looked at since the last purge. */
struct looking {
    struct slice of, path;
    bool known;
    struct purge_stamp stamp;
};

static void settle(struct engine *e, mesh_ns now, struct object *o, struct looking *at)
{
    if (o->position >= e->purged)
        return;
    if (!at->known)
        at->stamp = purge_stamps_path(&e->purges->stamps, at->of, at->path);
    at->known = true;
    struct purge_stamp stamp = stamp_on(e, at->of, &at->stamp, o, o->position);
    bool soft = stamp.soft > o->position;
    if (stamp.hard > o->position || (soft && o->state == OBJECT_FILLING)) {
        e->counters.objects_purged++;
        cache_remove(e->cache, o);
        return;
    }
    if (soft) {
        e->counters.objects_purged++;
        cache_take_in(e->cache, o);
        make_stale(o, now);
    }
    o->position = e->purged;
}

void purges_settle(struct engine *e, mesh_ns now, const struct digest *key, const struct route *route,
                   struct slice path)
{
    struct object *o, *next = e->purged > 0 ? cache_next_under(e->cache, key, NULL) : NULL;
    struct looking at = { .of = route->dist->name, .path = path };

    while ((o = next) != NULL) {
        next = cache_next_under(e->cache, key, o);
        settle(e, now, o, &at);
    }
}

void purges_settle_leaves(struct engine *e, mesh_ns now, const struct digest *key, const struct route *route,
                          struct slice path)
{
    struct object *o, *next = e->purged > 0 ? cache_next_leaf(e->cache, key, NULL) : NULL;
    struct looking at = { .of = route->dist->name, .path = path };

    while ((o = next) != NULL) {
        next = cache_next_leaf(e->cache, key, o);
        settle(e, now, o, &at);
    }
}

static bool is_outdated(const struct purge_stamp *stamp, uint64_t since)
{
    return stamp->hard > since || stamp->soft > since;
}

/* Is what |f| is to bring, or what it is bringing, older than a purge of it? Before its head is there nobody knows its
 * tags: then a purge of any tag could mean it. */
static bool is_overtaken(const struct engine *e, const struct flight *f)
{
    const struct purge_stamps *s = &e->purges->stamps;

    if (f->position >= e->purged || is_passage(f))
        return false;
    struct purge_stamp stamp = purge_stamps_path(s, f->route.dist->name, buf_slice(&f->path));
    if (f->object != NULL)
        stamp = stamp_on(e, f->route.dist->name, &stamp, f->object, f->position);
    return is_outdated(&stamp, f->position) || (f->object == NULL && is_outdated(&s->tags, f->position));
}

bool purges_overtook(const struct engine *e, const struct object *o, const struct route *route, struct slice path)
{
    if (o->position >= e->purged)
        return false;
    struct purge_stamp stamp = purge_stamps_path(&e->purges->stamps, route->dist->name, path);
    stamp = stamp_on(e, route->dist->name, &stamp, o, o->position);
    return is_outdated(&stamp, o->position);
}

void purges_in_force(struct engine *e, mesh_ns now)
{
    if (!e->purges->news)
        return;
    e->purges->news = false;
    purge_sync_on(e);
    LIST_EACH_SAFE (at, &e->flights) {
        struct flight *f = OBJ_OF(at, struct flight, link);
        if (!is_overtaken(e, f))
            continue;
        purges_settle(e, now, &f->key, &f->route, buf_slice(&f->path));
        if (f->leaf)
            purges_settle(e, now, &f->primary, &f->route, buf_slice(&f->path));
        if (!f->dropped)
            drop_flight(e, now, f);
    }
}

bool purges_are_complete(const struct engine *e)
{
    return !e->unsure && (e->purges->caught_up || !e->cfg.has_seeds || engine_has_waited(e));
}

static bool still_vouched(void *ctx, const struct cert *cert)
{
    const struct engine *e = ctx;
    return node_id_eq(&cert->id, &e->cfg.mesh.self->cert.id) || mesh_still_vouches(e->mesh, cert);
}

void purges_revoked(struct engine *e)
{
    purge_logs_void(&e->purges->logs, still_vouched, e);
}
