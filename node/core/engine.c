#include <stdlib.h>

#include "node/core/drop.h"
#include "node/core/engine_impl.h"
#include "node/core/second.h"
#include "node/core/spread.h"
#include "node/core/tier.h"
#include "node/core/warm.h"

#define EXPIRY_LOOK  SEC(60)
#define SHRINK_SPAN  SEC(60)
#define SHRINK_TOLD  SEC(600) /* a smaller ring is then how things are */
#define ENDS_SOON_S  (14 * 86400)
#define COMPANY_WAIT SEC(3)  /* all began at once: nobody of them knows anything */
#define TURN_LATE    MS(100) /* a turn that comes so late says that we were held up, not our peers */

static mesh_ns or_default(mesh_ns v, mesh_ns otherwise)
{
    return v > 0 ? v : otherwise;
}

static void seed_fire(struct engine *e, mesh_ns now, struct timer *t)
{
    (void)t;
    links_seek(e, now);
}

/* Members whose certificates ran out long enough ago. */
static void expiry_fire(struct engine *e, mesh_ns now, struct timer *t)
{
    if (e->wall_s > 0)
        e->clock_wrong = !mesh_expire(e->mesh, now, e->wall_s);
    timer_set(e, t, now + EXPIRY_LOOK);
}

struct engine *engine_new(const struct engine_config *cfg, mesh_ns now)
{
    struct engine *e = calloc(1, sizeof(*e));

    if (e == NULL)
        return NULL;
    e->cfg = *cfg;
    const struct engine_timers *t = &cfg->timers;
    e->timers = (struct engine_timers){
        .peer_silence = or_default(t->peer_silence, MS(400)),
        .peer_dial = or_default(t->peer_dial, SEC(1)),
        .progress = or_default(t->progress, MS(150)),
        .fetch = or_default(t->fetch, SEC(60)),
        .origin_wait = or_default(t->origin_wait, SEC(2)),
        .seed_retry = or_default(t->seed_retry, SEC(1)),
        .join_wait = or_default(t->join_wait, SEC(10)),
        .reach_wait = or_default(t->reach_wait, SEC(30)),
        .distrust = or_default(t->distrust, SEC(60)),
        .slip = or_default(t->slip, MS(10)),
    };
    e->now = e->started = e->turned = now;
    (void)dist_set_ref(e->cfg.set);
    list_init(&e->retired);
    e->seed_backoff = e->timers.seed_retry;
    e->hedge_credit = 100 * HEDGE_BURST;
    e->seed_timer.fire = seed_fire;
    e->expiry_timer.fire = expiry_fire;
    heap_init(&e->heap);
    timer_set(e, &e->expiry_timer, now + EXPIRY_LOOK);
    reach_start(e, now);
    accept_start(e);
    coders_start(e);
    aside_start(e);
    int gates = gates_start(e);
    struct list *lists[] = { &e->links, &e->flights, &e->dials,          &e->writes,       &e->closes, &e->starts,
                             &e->flows, &e->stops,   &e->ready_requests, &e->ready_serves, &e->drops,  &e->windows };
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        list_init(lists[i]);
    e->mesh = mesh_new(&cfg->mesh, now);
    e->cache = cache_new(cfg->memory_limit, cfg->eviction, cfg->hash_key);
    bool shared = e->cache != NULL && (cfg->readers == 0 || cache_share(e->cache, cfg->readers, cfg->hash_key) == 0);
    if (shared)
        cache_tell_set(e->cache, e->cfg.set);
    e->zpack = cfg->zpack != NULL ? cfg->zpack : zpack_new();
    e->spread = spread_new();
    if (e->mesh != NULL)
        e->cfg.mesh.self = mesh_self(e->mesh); /* which changes with the roll */
    e->cfg.mesh.roll = SLICE_EMPTY;
    if (e->mesh == NULL || gates != 0 || !shared || e->zpack == NULL || e->spread == NULL ||
        map_init(&e->links_by_peer, cfg->hash_key) != 0 || map_init(&e->flights_by_key, cfg->hash_key) != 0 ||
        admit_configure(e, e->cfg.set) != 0 || tier_start(e) != 0 || warm_init(e) != 0 || purges_init(e) != 0 ||
        configs_init(e) != 0 || steering_init(e) != 0) {
        engine_free(e);
        return NULL;
    }
    return e;
}

void engine_free(struct engine *e)
{
    if (e == NULL)
        return;
    drops_free(e);
    LIST_EACH_SAFE (at, &e->flights)
        flight_free(e, OBJ_OF(at, struct flight, link));
    aside_stop(e);
    LIST_EACH_SAFE (at, &e->links)
        link_free(e, OBJ_OF(at, struct link, link));
    struct list *origins[] = { &e->starts, &e->stops };
    for (size_t i = 0; i < sizeof(origins) / sizeof(origins[0]); i++) {
        LIST_EACH_SAFE (at, origins[i])
            origin_free(e, OBJ_OF(at, struct origin, todo));
    }
    origin_free(e, e->stopped);
    gates_free(e);
    tier_free(e);
    warm_fini(e);
    spread_free(e->spread);
    purges_fini(e);
    configs_fini(e);
    steering_fini(e);
    cache_free(e->cache);
    mesh_free(e->mesh);
    if (e->cfg.zpack == NULL)
        zpack_free(e->zpack);
    map_fini(&e->links_by_peer);
    map_fini(&e->flights_by_key);
    buf_free(&e->scratch);
    key_memo_fini(&e->memo);
    buf_free(&e->path);
    buf_free(&e->host);
    buf_free(&e->spare);
    admit_fini(e);
    sets_free(e);
    steer_view_unref(e->edges_given);
    free(e);
}

/* A process can be stopped anywhere in a turn: what is said to the engine in the midst of one is no sign that it goes
 * on. */
static void look_back(struct engine *e, mesh_ns now)
{
    if (now - e->turned > PURGE_STOPPED)
        purge_late(e, engine_deadline(e), now);
    e->turned = now;
}

void engine_clock(struct engine *e, mesh_ns now, int64_t wall_s)
{
    look_back(e, now);
    e->now = now;
    e->wall_s = wall_s;
    purges_tell(e);
    cache_settle(e->cache);
    sets_settle(e);
}

/* ---- time ---- */

void timer_set(struct engine *e, struct timer *t, mesh_ns at)
{
    heap_set(&e->heap, &t->node, at);
}

void timer_stop(struct engine *e, struct timer *t)
{
    heap_remove(&e->heap, &t->node);
}

void engine_tick(struct engine *e, mesh_ns now)
{
    struct heap_node *n;

    assert(now >= e->now);
    mesh_ns due = engine_deadline(e);
    look_back(e, now);
    e->now = now;
    /* If we ourselves were held up, what peers sent meanwhile has not been read yet:
     * their silence proves nothing (Lifeguard's self-awareness, for links). */
    if (due != MESH_NS_NEVER && now - due > TURN_LATE) {
        LIST_EACH (at, &e->links) {
            struct link *l = OBJ_OF(at, struct link, link);
            l->last_heard = l->last_frame = l->last_sent = now;
        }
    }
    mesh_tick(e->mesh, now);
    steering_tick(e, now);
    while ((n = heap_pop(&e->heap, now)) != NULL) {
        struct timer *t = OBJ_OF(n, struct timer, node);
        t->fire(e, now, t);
    }
}

mesh_ns engine_deadline(const struct engine *e)
{
    mesh_ns at = mesh_ns_min(mesh_ns_min(heap_deadline(&e->heap), mesh_deadline(e->mesh)), tier_due(e));
    return mesh_ns_min(at, steering_deadline(e));
}

/* ---- readers ---- */

void engine_ready_reader(struct engine *e, struct reader *r)
{
    if (r->of_parts)
        part_changed(e, r);
    else if (!list_linked(&r->ready_link))
        list_push_back(r->of_peer ? &e->ready_serves : &e->ready_requests, &r->ready_link);
}

void engine_changed(struct engine *e, struct object *o)
{
    LIST_EACH (at, &o->readers)
        engine_ready_reader(e, OBJ_OF(at, struct reader, link));
    coders_news(e, o);
}

/* ---- what is to be done ---- */

static struct list *take(struct list *queue)
{
    struct list *first = list_first(queue);
    if (first != NULL)
        list_remove(first);
    return first;
}

/* A ring that loses more than half of its members within a minute: a network that is cut, or
 * somebody who would have us believe in a mesh of his own. */
static void note_ring(struct engine *e, mesh_ns now)
{
    size_t size = ring_size(mesh_ring(e->mesh)), peak = 0;

    for (size_t i = 0; i < RING_SIZES; i++) {
        if (e->sizes[i].until + SHRINK_SPAN > now && e->sizes[i].size > peak)
            peak = e->sizes[i].size;
    }
    peak = e->ring_size > peak ? e->ring_size : peak;
    memmove(&e->sizes[1], &e->sizes[0], sizeof(e->sizes) - sizeof(e->sizes[0]));
    e->sizes[0] = (struct ring_size){ now, e->ring_size };
    e->ring_size = size;
    if (2 * size < peak) {
        e->shrunk_at = now;
        e->shrunk_from = peak;
    }
}

static bool poll_mesh(struct engine *e, struct engine_out *out)
{
    struct mesh_out m;

    while (mesh_poll(e->mesh, &m)) {
        switch (m.kind) {
        case MESH_SEND:
            *out = (struct engine_out){ .kind = ENGINE_DATAGRAM, .addr = m.addr, .bytes = m.bytes };
            return true;
        case MESH_SYNC: links_sync(e, e->now, &m.id); break;
        case MESH_OUT:
            rolls_cut(e, e->now, &m.id, m.err);
            steering_member(e, e->now, &m.id);
            break;
        case MESH_ASK_ROLL: rolls_ask(e, e->now, &m.id); break;
        case MESH_ROLL: rolls_spread(e, e->now); break;
        case MESH_CONFIG: configs_marked(e, e->now, &m.id, m.mark); break;
        case MESH_CAST:
            if (!steering_take(e, e->now, &m.id, m.bytes))
                purge_cast_take(e, e->now, &m.id, m.bytes);
            break;
        case MESH_PROBE: out->kind = ENGINE_PROBE; return true;
        case MESH_TWIN:
            if (!e->twin) {
                e->twin = true;
                *out = (struct engine_out){ .kind = ENGINE_TWIN, .addr = m.addr };
                return true;
            }
            break;
        case MESH_CHANGED:
            engine_company(e, e->now);
            steering_member(e, e->now, &m.id);
            break;
        case MESH_RING:
            note_ring(e, e->now);
            warm_ring(e, e->now);
            e->settled = e->settled || ring_size(mesh_ring(e->mesh)) > 1;
            break;
        }
    }
    return false;
}

static bool poll_links(struct engine *e, struct engine_out *out)
{
    struct list *at;

    if ((at = take(&e->dials)) != NULL) {
        out->kind = ENGINE_DIAL;
        out->link = OBJ_OF(at, struct link, todo);
        out->addr = out->link->addr;
        out->link->dial_told = true;
        return true;
    }
    if ((at = take(&e->writes)) != NULL) {
        out->kind = ENGINE_WRITE;
        out->link = OBJ_OF(at, struct link, todo);
        out->link->write_told = true;
        return true;
    }
    if ((at = take(&e->closes)) != NULL) {
        out->kind = ENGINE_CLOSE;
        out->link = OBJ_OF(at, struct link, todo);
        out->link->close_told = true;
        return true;
    }
    return false;
}

static bool poll_origins(struct engine *e, struct engine_out *out)
{
    struct list *at;
    struct origin *o;

    gates_open(e);
    if ((at = take(&e->starts)) != NULL) {
        o = OBJ_OF(at, struct origin, todo);
        o->state = ORIGIN_RUNNING;
        e->counters.origin_fetches++; /* not before: it may be needless by now */
        out->kind = ENGINE_FETCH;
    } else if ((at = take(&e->flows)) != NULL) {
        o = OBJ_OF(at, struct origin, todo);
        out->kind = ENGINE_FETCH_FLOW;
    } else if ((at = take(&e->stops)) != NULL) {
        o = e->stopped = OBJ_OF(at, struct origin, todo);
        out->kind = ENGINE_FETCH_STOP;
    } else {
        return false;
    }
    out->fetch = &o->fetch;
    return true;
}

bool engine_poll(struct engine *e, struct engine_out *out)
{
    struct list *at;

    origin_free(e, e->stopped);
    e->stopped = NULL;
    e->counters.evictions = cache_evictions(e->cache);
    e->counters.coder_bytes_in = e->coders.bytes_in;
    e->counters.coder_bytes_out = e->coders.bytes_out;
    tier_count(e);
    memset(out, 0, sizeof(*out));
    steering_say(e, e->now);
    if (poll_mesh(e, out))
        return true;
    while ((at = take(&e->ready_serves)) != NULL)
        serve_pump(e, e->now, OBJ_OF(at, struct serve, reader.ready_link));
    if (poll_links(e, out) || poll_origins(e, out))
        return true;
    if ((out->op = tier_poll(e)) != NULL) {
        out->kind = ENGINE_DISK;
        return true;
    }
    if (purges_keep(e, &out->bytes)) {
        out->kind = ENGINE_KEEP;
        return true;
    }
    if (configs_keep(e, &out->bytes)) {
        out->kind = ENGINE_CONFIG;
        return true;
    }
    if ((at = take(&e->ready_requests)) != NULL) {
        out->kind = ENGINE_REQUEST;
        out->request = OBJ_OF(at, struct request, reader.ready_link);
        return true;
    }
    return false;
}

void engine_datagram(struct engine *e, mesh_ns now, const struct mesh_addr *from, struct slice bytes)
{
    e->now = now;
    mesh_recv(e->mesh, now, e->wall_s, from, bytes);
}

/* ---- the authorities ---- */

int engine_roll(struct engine *e, mesh_ns now, struct slice bytes)
{
    e->now = now;
    return mesh_roll_take(e->mesh, now, bytes);
}

int engine_outcast(const struct engine *e)
{
    return mesh_admits(e->mesh, &e->cfg.mesh.self->cert);
}

int engine_renew(struct engine *e, mesh_ns now, const struct identity *id)
{
    e->now = now;
    return mesh_renew(e->mesh, now, id);
}

uint32_t engine_alarms(const struct engine *e, mesh_ns now)
{
    const struct cert *own = &e->cfg.mesh.self->cert;
    int out = engine_outcast(e);
    uint32_t bits = 0;

    if (e->shrunk_at != 0 && now - e->shrunk_at < SHRINK_TOLD && 2 * e->ring_size < e->shrunk_from)
        bits |= ALARM_BIT(ring_shrunk);
    if (out == MESH_E_REVOKED || refusals_last(&e->refusals, REFUSE_REVOKED) != NULL)
        bits |= ALARM_BIT(revoked);
    else if (out != 0)
        bits |= ALARM_BIT(authority_retired);
    if (e->wall_s > 0 && own->not_after_s - e->wall_s < ENDS_SOON_S)
        bits |= ALARM_BIT(certificate_ends);
    if (e->clock_wrong)
        bits |= ALARM_BIT(clock_wrong);
    if (e->reach.lost)
        bits |= ALARM_BIT(unreached);
    if (now < e->distrust_until)
        bits |= ALARM_BIT(member_lies);
    if (mesh_roll_forked(e->mesh))
        bits |= ALARM_BIT(roll_forked);
    if (e->cfg.store != NULL && store_failing(e->cfg.store, now) != 0)
        bits |= ALARM_BIT(disk_failing);
    return bits | configs_alarms(e);
}

const struct refusals *engine_refusals(const struct engine *e)
{
    return &e->refusals;
}

void engine_drain(struct engine *e, mesh_ns now, bool on)
{
    e->now = now;
    e->drained = on;
    mesh_drain(e->mesh, now, on);
}

bool engine_drained(const struct engine *e)
{
    return e->drained;
}

/* ---- leaving, being seen ---- */

void engine_leave(struct engine *e, mesh_ns now)
{
    e->leaving = true;
    mesh_leave(e->mesh, now);
}

bool engine_left(const struct engine *e)
{
    return e->leaving && mesh_left(e->mesh);
}

/* Lives there anybody else in our region? */
static bool has_mates(const struct engine *e)
{
    struct mesh_member m;

    for (size_t i = 1; i < mesh_count(e->mesh); i++) {
        if (mesh_member(e->mesh, i, &m) && m.record->state == MEMBER_ALIVE &&
            slice_eq(cert_region(m.cert), cert_region(&e->cfg.mesh.self->cert)))
            return true;
    }
    return false;
}

void engine_company(struct engine *e, mesh_ns now)
{
    if (e->joined || mesh_alive(e->mesh) <= 1)
        return;
    e->joined = true;
    e->joined_at = now;
}

int engine_preload(struct engine *e, mesh_ns now, const struct mesh_known *certs, size_t n, const struct gossip *view)
{
    int err = mesh_preload(e->mesh, now, certs, n, view);

    if (err == 0)
        engine_company(e, now);
    return err;
}

bool engine_has_waited(const struct engine *e)
{
    return (e->joined && e->now - e->joined_at >= COMPANY_WAIT) || e->now - e->started >= e->timers.join_wait;
}

bool engine_ready(const struct engine *e, const char **why_not)
{
    const char *why = NULL;

    if (e->leaving)
        why = "leaving the mesh";
    else if (e->drained)
        why = "drained by its operator: hedgerow drain --off ends it";
    else if (engine_outcast(e) == MESH_E_REVOKED)
        why = "this node was revoked by the mesh's authority: admit the host anew (hedgerow mesh admit)";
    else if (engine_outcast(e) != 0)
        why = "the authority that certified this node was retired: renew its certificate (hedgerow mesh admit --renew)";
    else if (e->cfg.has_seeds && mesh_alive(e->mesh) <= 1 && refusals_last(&e->refusals, REFUSE_REVOKED) != NULL)
        why = "the mesh says that this node was revoked: admit the host anew (hedgerow mesh admit)";
    else if (mesh_behind(e->mesh, e->now))
        why = "a later roll of the authorities is on its way";
    else if (e->cfg.has_seeds && !e->joined && e->now - e->started < e->timers.join_wait)
        why = "no seed has answered yet";
    else if (e->cfg.has_seeds && !e->settled && e->now - e->started < e->timers.join_wait && has_mates(e))
        why = "the ring does not hold the other members yet";
    else if (!purges_are_complete(e))
        why = "no other node has told yet what was purged meanwhile";
    else if (!configs_are_complete(e))
        why = "the mesh's configuration is not here yet";
    else if (ring_size(mesh_ring(e->mesh)) == 0)
        why = "the ring is not built yet";
    if (why_not != NULL)
        *why_not = why;
    return why == NULL;
}

struct mesh *engine_mesh(struct engine *e)
{
    return e->mesh;
}

const struct engine_counters *engine_counters(const struct engine *e)
{
    return &e->counters;
}

const struct engine_config *engine_config(const struct engine *e)
{
    return &e->cfg;
}

void engine_usage(const struct engine *e, struct engine_usage *out)
{
    *out = (struct engine_usage){
        .objects = cache_objects(e->cache),
        .memory_bytes = cache_bytes(e->cache),
        .memory_limit = cache_limit(e->cache),
        .disk_objects = e->cfg.store != NULL ? store_things(e->cfg.store) : 0,
        .disk_pending = e->cfg.store != NULL ? store_pending(e->cfg.store) : 0,
        .disk_bytes = e->cfg.store != NULL ? store_bytes(e->cfg.store) : 0,
        .disk_limit = e->cfg.store != NULL ? store_limit(e->cfg.store) : 0,
        .disk_index_bytes = e->cfg.store != NULL ? store_memory(e->cfg.store) : 0,
        .flights = e->flights_n,
        .requests = e->requests_n,
        .serves = e->serves_n,
        .links = e->links_n,
        .sessions = e->sessions_n,
        .handshakes = e->half_open_n,
    };
}
