/* When the members make a new ring.
 *
 * A member that joins, heals, leaves or states another weight changes the set at once;
 * the table follows when the set has been quiet for ring_join_delay, and at the latest
 * three times that after the first change, so that a burst of joins is one new table
 * and not a hundred. A member that dies stays in the set for ring_death_delay: its
 * place is skipped by link health meanwhile, and a restart moves nothing. */
#include "node/core/mesh_impl.h"

#include "proto/base/err.h"

#include <stdlib.h>

#define LOOKS_PER_DELAY 10 /* members are looked through at most so often in ring_join_delay */
#define PATIENCE        3  /* ring_join_delays from the first change to the table */

void mesh_ring_state(struct mesh_peer *p, mesh_ns now, enum member_state was, enum member_state is, bool is_new)
{
    bool lived = !is_new && (was == MEMBER_ALIVE || was == MEMBER_SUSPECT);

    if (is == MEMBER_DEAD && lived) {
        p->grace = true;
        p->died_at = now;
    } else if (is != MEMBER_DEAD) {
        p->grace = false;
    }
}

/* Does |p| hold or keep a place? Notes the end of its grace. */
static bool holds_place(struct mesh *m, mesh_ns now, struct mesh_peer *p, enum member_state state, bool *lapsed)
{
    if (state == MEMBER_ALIVE || state == MEMBER_SUSPECT)
        return true;
    if (state != MEMBER_DEAD || !p->grace)
        return false;
    mesh_ns end = p->died_at + m->cfg.ring_death_delay;
    if (now >= end) {
        p->grace = false;
        *lapsed = true;
        return false;
    }
    m->lapse_at = mesh_ns_min(m->lapse_at, end);
    return true;
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

/* Fills |m->eligible|; |*lapsed| tells that somebody's grace has ended. 0 or MESH_E_NOMEM. */
static int collect(struct mesh *m, mesh_ns now, size_t *n, bool *lapsed)
{
    size_t count = gossip_count(m->gossip);

    *n = 0;
    *lapsed = false;
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
        if (p == NULL || !p->own_region || !holds_place(m, now, p, r->state, lapsed))
            continue;
        /* Zone and weight limit must be the same for all: a renewed certificate is fetched. */
        if (r->serial > p->cert.serial && r->state == MEMBER_ALIVE)
            mesh_want_sync(m, now, p);
        place(m, n, r, &p->cert, p->zone);
    }
    return 0;
}

static void build(struct mesh *m, mesh_ns now, size_t n)
{
    struct ring *ring = ring_next(m->ring, m->eligible, n);

    if (ring == NULL) { /* short of memory: the old table serves on, and we try again */
        m->ring_pending = true;
        m->ring_first = m->ring_last = now;
        return;
    }
    ring_unref(m->ring);
    m->ring = ring;
    m->ring_pending = false;
    m->counters.ring_changes++;
    mesh_emit(m, MESH_RING);
    trace_f(&m->cfg.trace, now, "ring of %zu members, epoch %016llx", n, (unsigned long long)ring_epoch(ring));
}

static mesh_ns due(const struct mesh *m)
{
    return mesh_ns_min(m->ring_last + m->cfg.ring_join_delay, m->ring_first + PATIENCE * m->cfg.ring_join_delay);
}

static void look(struct mesh *m, mesh_ns now)
{
    bool lapsed;
    size_t n;

    m->viewed = gossip_digest(m->gossip);
    m->ring_stale = false;
    m->looked_at = now;
    m->look_at = MESH_NS_NEVER;
    if (collect(m, now, &n, &lapsed) != 0) {
        m->look_at = now + m->cfg.ring_join_delay;
        return;
    }
    uint64_t want = ring_digest(m->eligible, n);
    if (want == ring_epoch(m->ring)) {
        m->ring_pending = false;
        return;
    }
    if (!m->ring_pending)
        m->ring_first = now;
    if (!m->ring_pending || want != m->ring_want)
        m->ring_last = now;
    m->ring_pending = true;
    m->ring_want = want;
    if (lapsed || m->ring_at_once || now >= due(m))
        build(m, now, n);
}

void mesh_ring_now(struct mesh *m, mesh_ns now)
{
    m->ring_at_once = true;
    look(m, now);
    m->ring_at_once = false;
}

int mesh_ring_start(struct mesh *m, mesh_ns now)
{
    bool lapsed;
    size_t n;

    m->zone = ring_zone(slice_str(m->self.id->cert.zone));
    m->viewed = gossip_digest(m->gossip);
    m->looked_at = now;
    m->look_at = MESH_NS_NEVER;
    m->ring = ring_new(NULL, 0, m->self.id->mesh.arc_bits);
    if (m->ring == NULL || collect(m, now, &n, &lapsed) != 0)
        return MESH_E_NOMEM;
    build(m, now, n); /* alone, one waits for nobody */
    return 0;
}

void mesh_ring_tick(struct mesh *m, mesh_ns now)
{
    if (m->look_at == MESH_NS_NEVER && (m->ring_stale || gossip_digest(m->gossip) != m->viewed)) {
        mesh_ns gap = m->cfg.ring_join_delay / LOOKS_PER_DELAY;
        m->look_at = m->looked_at + gap > now ? m->looked_at + gap : now;
    }
    if (now >= m->look_at || now >= m->lapse_at || (m->ring_pending && now >= due(m)))
        look(m, now);
}

mesh_ns mesh_ring_deadline(const struct mesh *m)
{
    mesh_ns at = mesh_ns_min(m->look_at, m->lapse_at);
    return m->ring_pending ? mesh_ns_min(at, due(m)) : at;
}
