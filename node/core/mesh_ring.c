/* When the members make a new ring.
 *
 * A member that joins, heals, leaves or states another weight changes the set at once;
 * the table follows when the set has been quiet for ring_join_delay, and at the latest
 * three times that after the first change, so that a burst of joins is one new table
 * and not a hundred. A member that dies stays in the set for ring_death_delay: its
 * place is skipped by link health meanwhile, and a restart moves nothing. The table is
 * made in slices and swapped in whole.
 *
 * There are two tables at the most, of our own region and of the parent's (mesh_parent.c). A peer is of one
 * region, so it is looked at for one of them. */
#include "node/core/mesh_impl.h"

#include "proto/base/err.h"
#include "proto/base/rare.h"

#include <stdlib.h>

#define LOOKS_PER_DELAY 10     /* members are looked through at most so often in ring_join_delay */
#define PATIENCE        3      /* ring_join_delays from the first change to the table */
#define SLICE_BIDS      100000 /* well below a millisecond */
#define SLICE_PAUSE     MS(1)

void mesh_ring_state(struct mesh *m, struct mesh_peer *p, mesh_ns now, enum member_state was, enum member_state is,
                     bool is_new)
{
    bool lived = !is_new && (was == MEMBER_ALIVE || was == MEMBER_SUSPECT);

    if (is == MEMBER_DEAD && lived) {
        p->grace = true;
        p->died_at = now;
    } else if (is != MEMBER_DEAD) {
        p->grace = false;
    }
    if (is == MEMBER_ALIVE)
        mesh_weight_seen(m, p, now, !lived);
}

/* Does |p| hold or keep a place? With |lapse| a grace that is over ends. */
static bool holds_place(struct mesh *m, struct mesh_table *t, mesh_ns now, struct mesh_peer *p, enum member_state state,
                        bool lapse)
{
    if (state == MEMBER_ALIVE || state == MEMBER_SUSPECT)
        return true;
    if (state != MEMBER_DEAD || !p->grace)
        return false;
    mesh_ns end = p->died_at + m->cfg.ring_death_delay;
    if (lapse && now >= end) {
        p->grace = false;
        t->lapsed = true;
        return false;
    }
    t->lapse_at = mesh_ns_min(t->lapse_at, end);
    return true;
}

/* Many that die within a second lapse together, with the last of them: |lapse_at| is the first's. */
static void lapse_together(struct mesh *m, struct mesh_table *t)
{
    mesh_ns first = t->lapse_at;

    if (first == MESH_NS_NEVER)
        return;
    LIST_EACH (at, &m->peer_list) {
        const struct mesh_peer *p = OBJ_OF(at, struct mesh_peer, link);
        mesh_ns end = p->died_at + m->cfg.ring_death_delay;
        if (p->held->region == t->region && p->grace && end > t->lapse_at && end - first <= m->cfg.ring_join_delay)
            t->lapse_at = end;
    }
}

static void place(struct mesh *m, size_t *n, const struct member_record *r, const struct cert *cert, uint64_t zone)
{
    m->eligible[(*n)++] = (struct ring_member){ .id = r->id,
                                                .zone = zone,
                                                .weight = r->weight < cert->weight_max ? r->weight : cert->weight_max };
}

static bool room_for(struct mesh *m, size_t n)
{
    if (n <= m->eligible_cap)
        return true;
    size_t cap = n + n / 2 + 8;
    struct ring_member *grown = realloc(m->eligible, cap * sizeof(*grown));
    if (grown == NULL)
        return false;
    m->eligible = grown;
    m->eligible_cap = cap;
    return true;
}

/* If nobody is to own anything (all drained, or all damped by a network that fails them
 * all), all own something. */
static void weigh_again(struct mesh *m, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (m->eligible[i].weight != 0)
            return;
    }
    for (size_t i = 0; i < n; i++)
        m->eligible[i].weight = CERT_WEIGHT_NORMAL;
}

/* Fills |m->eligible|. 0 or MESH_E_NOMEM. */
static int collect(struct mesh *m, struct mesh_table *t, mesh_ns now, size_t *n)
{
    size_t count = gossip_count(m->gossip);
    bool lapse = now >= t->lapse_at;

    *n = 0;
    if (!room_for(m, count))
        return MESH_E_NOMEM;
    t->lapse_at = MESH_NS_NEVER;
    for (size_t i = 0; i < count; i++) {
        const struct member_record *r = gossip_member(m->gossip, i);
        if (i == 0) {
            if (r->state != MEMBER_LEFT && t->region == m->region)
                place(m, n, r, &m->self.id->cert, m->zone);
            continue;
        }
        struct mesh_peer *p = mesh_peer_find(m, &r->id);
        if (p == NULL || p->held->region != t->region || !holds_place(m, t, now, p, r->state, lapse))
            continue;
        /* Zone and weight limit must be the same for all: a renewed certificate is fetched. */
        if (r->serial > p->held->cert.serial && r->state == MEMBER_ALIVE)
            mesh_want_sync(m, now, p);
        place(m, n, r, &p->held->cert, p->held->zone);
    }
    lapse_together(m, t);
    weigh_again(m, *n);
    return 0;
}

/* ---- the next table ----
 *
 *  steady --change--> pending --quiet, or patience is over--> building --last slice--> steady, or pending
 *
 * A change back to what the table is ends both. One that comes while building waits its
 * turn: what is half made is finished first, so that there is always progress. */

static void adopt(struct mesh *m, struct mesh_table *t, mesh_ns now, struct ring *ring)
{
    bool own = t->region == m->region;

    ring_unref(t->before);
    t->before = t->ring;
    t->ring = ring;
    if (own) {
        m->counters.ring_changes++;
        mesh_emit(m, MESH_RING);
    } else { /* nobody asks what changed hands there */
        ring_unref(t->before);
        t->before = NULL;
    }
    trace_f(&m->cfg.trace, now, "%s of %zu members, epoch %016llx", own ? "ring" : "the parent region's ring",
            ring_size(ring), (unsigned long long)ring_epoch(ring));
}

static void give_up(struct mesh_table *t)
{
    ring_build_free(t->building);
    t->building = NULL;
    t->pending = t->lapsed = false;
}

/* From tables that others of this process have made: no slices, since nobody waits in virtual time,
 * and of most tables few arcs are ever asked for. */
static struct ring *share(struct mesh *m, const struct mesh_table *t, size_t n)
{
    const struct mesh_rings *rings = &m->cfg.rings;
    struct ring *ring = rings->find(rings->ctx, t->want, ring_arcs(t->ring));

    if (ring == NULL && (ring = ring_lazy(t->ring, m->eligible, n)) != NULL)
        rings->made(rings->ctx, ring);
    return ring;
}

static void begin(struct mesh *m, struct mesh_table *t, mesh_ns now, size_t n)
{
    struct ring *ring = NULL;

    if (m->cfg.rings.find != NULL) {
        ring = share(m, t, n);
    } else {
        ring_unref(t->before); /* two tables of a region in memory, never three */
        t->before = NULL;
        t->building = ring_build_new(t->ring, m->eligible, n, m->self.id->mesh.arc_bits);
    }
    t->pending = t->lapsed = false;
    if (ring != NULL) {
        adopt(m, t, now, ring);
    } else if (t->building != NULL) {
        t->slice_at = now + SLICE_PAUSE; /* to look through all was a slice, too */
    } else {                             /* short of memory: the old table serves on, and we try again */
        t->pending = true;
        t->first = t->last = now;
    }
}

/* A slice, then a pause for everything else that the loop has to do. */
static void build(struct mesh *m, struct mesh_table *t, mesh_ns now)
{
    if (!ring_build_step(t->building, RARE(RING_SLICE) ? 1 : SLICE_BIDS)) {
        t->slice_at = now + SLICE_PAUSE;
        return;
    }
    struct ring *ring = ring_build_take(t->building);
    t->building = NULL;
    adopt(m, t, now, ring);
}

static mesh_ns due(const struct mesh *m, const struct mesh_table *t)
{
    if (t->lapsed)
        return t->first;
    return mesh_ns_min(t->last + m->cfg.ring_join_delay, t->first + PATIENCE * m->cfg.ring_join_delay);
}

static bool is_due(const struct mesh *m, const struct mesh_table *t, mesh_ns now)
{
    return t->pending && t->building == NULL && now >= due(m, t);
}

static void look_for(struct mesh *m, struct mesh_table *t, mesh_ns now)
{
    size_t n;

    if (collect(m, t, now, &n) != 0) {
        m->look_at = now + m->cfg.ring_join_delay;
        return;
    }
    uint64_t want = ring_digest_beside(t->ring, m->eligible, n);
    if (want == ring_epoch(t->ring)) {
        give_up(t);
        return;
    }
    if (t->building != NULL && want == ring_build_epoch(t->building)) {
        t->pending = t->lapsed = false;
        return;
    }
    if (!t->pending)
        t->first = now;
    if (!t->pending || want != t->want)
        t->last = now;
    t->pending = true;
    t->want = want;
    if (t->building == NULL && now >= due(m, t))
        begin(m, t, now, n);
}

#define TABLE_EACH(t, m)                                                      \
    for (struct mesh_table *t = (m)->tables; t < (m)->tables + TABLES_N; t++) \
        if (t->ring != NULL)

static void look(struct mesh *m, mesh_ns now)
{
    m->viewed = gossip_digest(m->gossip);
    m->ring_stale = false;
    m->looked_at = now;
    m->look_at = MESH_NS_NEVER;
    TABLE_EACH (t, m)
        look_for(m, t, now);
}

void mesh_ring_now(struct mesh *m, mesh_ns now)
{
    TABLE_EACH (t, m) {
        ring_build_free(t->building); /* whoever is out may be in it */
        t->building = NULL;
        t->lapsed = true;
    }
    look(m, now);
    TABLE_EACH (t, m) {
        while (t->building != NULL)
            build(m, t, now);
    }
}

/* The table of |region| takes the place of what |t| is; that serves until it is made. 0 or MESH_E_NOMEM. */
static int make_table(struct mesh *m, struct mesh_table *t, mesh_ns now, uint64_t region)
{
    size_t n;

    if (t->ring == NULL && (t->ring = ring_new(NULL, 0, m->self.id->mesh.arc_bits)) == NULL)
        return MESH_E_NOMEM;
    give_up(t);
    t->region = region;
    t->lapse_at = MESH_NS_NEVER;
    if (collect(m, t, now, &n) != 0)
        return MESH_E_NOMEM;
    t->want = ring_digest_beside(t->ring, m->eligible, n);
    if (t->want != ring_epoch(t->ring))
        begin(m, t, now, n); /* alone, one waits for nobody; and of a parent all are known */
    return 0;
}

int mesh_ring_start(struct mesh *m, mesh_ns now)
{
    struct mesh_table *own = &m->tables[TABLE_OWN];

    m->zone = ring_zone(slice_str(m->self.id->cert.zone));
    m->viewed = gossip_digest(m->gossip);
    m->looked_at = now;
    m->look_at = MESH_NS_NEVER;
    int err = make_table(m, own, now, m->region);
    while (err == 0 && own->building != NULL)
        build(m, own, now);
    return err;
}

static void table_free(struct mesh_table *t)
{
    ring_build_free(t->building);
    ring_unref(t->ring);
    ring_unref(t->before);
    *t = (struct mesh_table){ .lapse_at = MESH_NS_NEVER };
}

void mesh_ring_parent(struct mesh *m, mesh_ns now, uint64_t region)
{
    struct mesh_table *t = &m->tables[TABLE_PARENT];

    if (region == 0 || region == m->region)
        table_free(t);
    else if ((t->ring == NULL || t->region != region) && make_table(m, t, now, region) != 0)
        table_free(t); /* without it each owner turns to the origin itself */
}

void mesh_ring_stop(struct mesh *m)
{
    for (size_t i = 0; i < TABLES_N; i++)
        table_free(&m->tables[i]);
}

void mesh_ring_tick(struct mesh *m, mesh_ns now)
{
    bool ripe = false, lapsed = false;

    TABLE_EACH (t, m) {
        if (t->building != NULL && now >= t->slice_at)
            build(m, t, now);
    }
    if (m->look_at == MESH_NS_NEVER && (m->ring_stale || gossip_digest(m->gossip) != m->viewed)) {
        mesh_ns gap = m->cfg.ring_join_delay / LOOKS_PER_DELAY;
        m->look_at = m->looked_at + gap > now ? m->looked_at + gap : now;
    }
    TABLE_EACH (t, m)
        ripe = ripe || now >= t->lapse_at || is_due(m, t, now);
    if (now >= m->look_at || ripe)
        look(m, now);
    TABLE_EACH (t, m)
        lapsed = lapsed || now >= t->lapse_at;
    if (lapsed) /* whom others waited for is back */
        look(m, now);
}

mesh_ns mesh_ring_deadline(const struct mesh *m)
{
    mesh_ns at = mesh_ns_min(m->look_at, mesh_weight_deadline(m));

    for (size_t i = 0; i < TABLES_N; i++) {
        const struct mesh_table *t = &m->tables[i];
        if (t->ring == NULL)
            continue;
        at = mesh_ns_min(at, t->lapse_at);
        if (t->building != NULL)
            at = mesh_ns_min(at, t->slice_at);
        else if (t->pending)
            at = mesh_ns_min(at, due(m, t));
    }
    return at;
}
