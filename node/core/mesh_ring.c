/* When the members make a new ring.
 *
 * A member that joins, heals, leaves or states another weight changes the set at once;
 * the table follows when the set has been quiet for ring_join_delay, and at the latest
 * three times that after the first change, so that a burst of joins is one new table
 * and not a hundred. A member that dies stays in the set for ring_death_delay: its
 * place is skipped by link health meanwhile, and a restart moves nothing. The table is
 * made in slices and swapped in whole. */
#include "node/core/mesh_impl.h"

#include "proto/base/err.h"

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
static bool holds_place(struct mesh *m, mesh_ns now, struct mesh_peer *p, enum member_state state, bool lapse)
{
    if (state == MEMBER_ALIVE || state == MEMBER_SUSPECT)
        return true;
    if (state != MEMBER_DEAD || !p->grace)
        return false;
    mesh_ns end = p->died_at + m->cfg.ring_death_delay;
    if (lapse && now >= end) {
        p->grace = false;
        m->ring_lapsed = true;
        return false;
    }
    m->lapse_at = mesh_ns_min(m->lapse_at, end);
    return true;
}

/* Many that die within a second lapse together, with the last of them: |lapse_at| is the first's. */
static void lapse_together(struct mesh *m)
{
    mesh_ns first = m->lapse_at;

    if (first == MESH_NS_NEVER)
        return;
    LIST_EACH (at, &m->peer_list) {
        const struct mesh_peer *p = OBJ_OF(at, struct mesh_peer, link);
        mesh_ns end = p->died_at + m->cfg.ring_death_delay;
        if (p->grace && end > m->lapse_at && end - first <= m->cfg.ring_join_delay)
            m->lapse_at = end;
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
static int collect(struct mesh *m, mesh_ns now, size_t *n)
{
    size_t count = gossip_count(m->gossip);
    bool lapse = now >= m->lapse_at;

    *n = 0;
    if (!room_for(m, count))
        return MESH_E_NOMEM;
    m->lapse_at = MESH_NS_NEVER;
    for (size_t i = 0; i < count; i++) {
        const struct member_record *r = gossip_member(m->gossip, i);
        if (i == 0) {
            if (r->state != MEMBER_LEFT)
                place(m, n, r, &m->self.id->cert, m->zone);
            continue;
        }
        struct mesh_peer *p = mesh_peer_find(m, &r->id);
        if (p == NULL || !p->own_region || !holds_place(m, now, p, r->state, lapse))
            continue;
        /* Zone and weight limit must be the same for all: a renewed certificate is fetched. */
        if (r->serial > p->cert.serial && r->state == MEMBER_ALIVE)
            mesh_want_sync(m, now, p);
        place(m, n, r, &p->cert, p->zone);
    }
    lapse_together(m);
    weigh_again(m, *n);
    return 0;
}

/* ---- the next table ----
 *
 *  steady --change--> pending --quiet, or patience is over--> building --last slice--> steady, or pending
 *
 * A change back to what the table is ends both. One that comes while building waits its
 * turn: what is half made is finished first, so that there is always progress. */

static void adopt(struct mesh *m, mesh_ns now, struct ring *ring)
{
    ring_unref(m->ring_before);
    m->ring_before = m->ring;
    m->ring = ring;
    m->counters.ring_changes++;
    mesh_emit(m, MESH_RING);
    trace_f(&m->cfg.trace, now, "ring of %zu members, epoch %016llx", ring_size(ring),
            (unsigned long long)ring_epoch(ring));
}

static void give_up(struct mesh *m)
{
    ring_build_free(m->building);
    m->building = NULL;
    m->ring_pending = m->ring_lapsed = false;
}

/* From tables that others of this process have made: no slices, since nobody waits in virtual time. */
static struct ring *share(struct mesh *m, size_t n)
{
    const struct mesh_rings *rings = &m->cfg.rings;
    struct ring *ring = rings->find(rings->ctx, m->ring_want, ring_arcs(m->ring));

    if (ring == NULL && (ring = ring_next(m->ring, m->eligible, n)) != NULL)
        rings->made(rings->ctx, ring);
    return ring;
}

static void begin(struct mesh *m, mesh_ns now, size_t n)
{
    struct ring *ring = NULL;

    if (m->cfg.rings.find != NULL) {
        ring = share(m, n);
    } else {
        ring_unref(m->ring_before); /* two tables in memory, never three */
        m->ring_before = NULL;
        m->building = ring_build_new(m->ring, m->eligible, n, m->self.id->mesh.arc_bits);
    }
    m->ring_pending = m->ring_lapsed = false;
    if (ring != NULL) {
        adopt(m, now, ring);
    } else if (m->building != NULL) {
        m->slice_at = now + SLICE_PAUSE; /* to look through all was a slice, too */
    } else {                             /* short of memory: the old table serves on, and we try again */
        m->ring_pending = true;
        m->ring_first = m->ring_last = now;
    }
}

/* A slice, then a pause for everything else that the loop has to do. */
static void build(struct mesh *m, mesh_ns now)
{
    if (!ring_build_step(m->building, SLICE_BIDS)) {
        m->slice_at = now + SLICE_PAUSE;
        return;
    }
    struct ring *ring = ring_build_take(m->building);
    m->building = NULL;
    adopt(m, now, ring);
}

static mesh_ns due(const struct mesh *m)
{
    if (m->ring_lapsed)
        return m->ring_first;
    return mesh_ns_min(m->ring_last + m->cfg.ring_join_delay, m->ring_first + PATIENCE * m->cfg.ring_join_delay);
}

static void look(struct mesh *m, mesh_ns now)
{
    size_t n;

    m->viewed = gossip_digest(m->gossip);
    m->ring_stale = false;
    m->looked_at = now;
    m->look_at = MESH_NS_NEVER;
    if (collect(m, now, &n) != 0) {
        m->look_at = now + m->cfg.ring_join_delay;
        return;
    }
    uint64_t want = ring_digest(m->eligible, n);
    if (want == ring_epoch(m->ring)) {
        give_up(m);
        return;
    }
    if (m->building != NULL && want == ring_build_epoch(m->building)) {
        m->ring_pending = m->ring_lapsed = false;
        return;
    }
    if (!m->ring_pending)
        m->ring_first = now;
    if (!m->ring_pending || want != m->ring_want)
        m->ring_last = now;
    m->ring_pending = true;
    m->ring_want = want;
    if (m->building == NULL && now >= due(m))
        begin(m, now, n);
}

void mesh_ring_now(struct mesh *m, mesh_ns now)
{
    ring_build_free(m->building); /* whoever is out may be in it */
    m->building = NULL;
    m->ring_lapsed = true;
    look(m, now);
    while (m->building != NULL)
        build(m, now);
}

int mesh_ring_start(struct mesh *m, mesh_ns now)
{
    size_t n;

    m->zone = ring_zone(slice_str(m->self.id->cert.zone));
    m->viewed = gossip_digest(m->gossip);
    m->looked_at = now;
    m->look_at = m->lapse_at = MESH_NS_NEVER;
    m->ring = ring_new(NULL, 0, m->self.id->mesh.arc_bits);
    if (m->ring == NULL || collect(m, now, &n) != 0)
        return MESH_E_NOMEM;
    m->ring_want = ring_digest(m->eligible, n);
    begin(m, now, n); /* alone, one waits for nobody */
    while (m->building != NULL)
        build(m, now);
    return 0;
}

void mesh_ring_stop(struct mesh *m)
{
    ring_build_free(m->building);
    ring_unref(m->ring);
    ring_unref(m->ring_before);
}

void mesh_ring_tick(struct mesh *m, mesh_ns now)
{
    if (m->building != NULL && now >= m->slice_at)
        build(m, now);
    if (m->look_at == MESH_NS_NEVER && (m->ring_stale || gossip_digest(m->gossip) != m->viewed)) {
        mesh_ns gap = m->cfg.ring_join_delay / LOOKS_PER_DELAY;
        m->look_at = m->looked_at + gap > now ? m->looked_at + gap : now;
    }
    if (now >= m->look_at || now >= m->lapse_at || (m->ring_pending && m->building == NULL && now >= due(m)))
        look(m, now);
    if (now >= m->lapse_at) /* whom others waited for is back */
        look(m, now);
}

mesh_ns mesh_ring_deadline(const struct mesh *m)
{
    mesh_ns at = mesh_ns_min(mesh_ns_min(m->look_at, m->lapse_at), mesh_weight_deadline(m));

    if (m->building != NULL)
        return mesh_ns_min(at, m->slice_at);
    return m->ring_pending ? mesh_ns_min(at, due(m)) : at;
}
