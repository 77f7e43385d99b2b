/* Which region is the origin's parent: the region whose nodes alone turn to the origin, for all others too.
 *
 * It is as configured, or follows from how far the origin is from each member. We measure that (connections that the
 * node makes to the origin anyhow, and one that is made for it where there was none for long) and state it in our own
 * gossip packets, together with the region that we hold for the parent, which is what the others go by; and so do they.
 * Soft facts: members may have heard different things, and may for a while disagree. That costs fetches and nothing
 * else: whoever is asked as an owner of its own ring serves, and nobody sends an ask of another region on to another
 * one.
 *
 *   first word of anybody --settle--> choose --period--> choose ...
 *
 * Of several origins one is measured (dist_measured): a mesh has one parent, for all that it serves.
 *
 * In a mesh of one region nobody measures, states or chooses anything. */
#include "node/core/mesh_impl.h"

#include "node/core/parent.h"

#include <stdlib.h>

#define SETTLE       SEC(5)   /* from the first word until we choose: most others have spoken by then */
#define PROBE_AGAIN  SEC(60)  /* a probe that came to nothing is made again */
#define PROBE_PERIOD SEC(300) /* what we know is not older than that */
#define SMOOTH       4        /* a new value counts for a fourth */

/* A region by a number. */
static uint32_t mark_of(struct slice name)
{
    return name.len > 0 ? (uint32_t)(ring_zone(name) >> 32) : 0;
}

static void set_parent(struct mesh *m, mesh_ns now, struct slice name)
{
    struct mesh_parent *p = &m->parent;

    if (slice_eq(slice_str(p->name), name) || name.len > CERT_ZONE_MAX)
        return;
    if (name.len > 0)
        memcpy(p->name, name.data, name.len);
    p->name[name.len] = '\0';
    p->mark = mark_of(name);
    trace_f(&m->cfg.trace, now, "the parent region is %s", name.len > 0 ? p->name : "none");
    mesh_ring_parent(m, now, name.len > 0 ? ring_zone(name) : 0);
}

void mesh_parent_start(struct mesh *m, mesh_ns now)
{
    struct slice want = m->cfg.parent_region;

    m->parent = (struct mesh_parent){ .look_at = MESH_NS_NEVER, .probe_at = MESH_NS_NEVER };
    m->parent.measured = want.len == 0 || slice_eq(want, SLICE_LIT("auto"));
    if (!m->parent.measured && !slice_eq(want, SLICE_LIT("none")))
        set_parent(m, now, want);
    m->cfg.parent_region = SLICE_EMPTY;
}

/* ---- what is measured and stated ---- */

void mesh_origin_rtt(struct mesh *m, mesh_ns now, mesh_ns rtt)
{
    struct mesh_parent *p = &m->parent;
    uint64_t us = rtt > US(1) ? (uint64_t)(rtt / US(1)) : 1;

    if (us > UINT32_MAX)
        us = UINT32_MAX;
    p->own_us = p->own_us == 0 ? (uint32_t)us : (uint32_t)(((SMOOTH - 1) * (uint64_t)p->own_us + us) / SMOOTH);
    if (p->probe_at != MESH_NS_NEVER)
        p->probe_at = now + PROBE_PERIOD;
}

void mesh_origin_other(struct mesh *m, mesh_ns now)
{
    struct mesh_parent *p = &m->parent;

    p->own_us = 0;
    if (p->probe_at != MESH_NS_NEVER)
        p->probe_at = now;
}

void mesh_parent_told(struct mesh *m, const struct node_id *by, uint32_t us, uint32_t parent)
{
    struct mesh_peer *p = mesh_peer_find(m, by);

    if (p == NULL)
        return;
    p->origin_us = us;
    p->parent = parent;
    m->parent.heard = true;
}

/* ---- choosing ---- */

static struct parent_vote vote_of(const struct cert *cert, uint32_t us, uint32_t holds)
{
    struct slice region = cert_region(cert);

    return (struct parent_vote){ region, mark_of(region), us, holds };
}

/* What the living say; NULL: out of memory. The regions' names are lent by their certificates. */
static struct parent_vote *votes_of(const struct mesh *m, size_t *n)
{
    size_t count = gossip_count(m->gossip);
    struct parent_vote *votes = calloc(count, sizeof(*votes));

    *n = 0;
    for (size_t i = 0; votes != NULL && i < count; i++) {
        const struct member_record *r = gossip_member(m->gossip, i);
        const struct mesh_peer *p = i > 0 ? mesh_peer_find(m, &r->id) : NULL;
        if (i == 0)
            votes[(*n)++] = vote_of(&m->self.id->cert, m->parent.own_us, m->parent.mark);
        else if (p != NULL && (r->state == MEMBER_ALIVE || r->state == MEMBER_SUSPECT))
            votes[(*n)++] = vote_of(&p->held->cert, p->origin_us, p->parent);
    }
    if (votes != NULL)
        parent_sort(votes, *n);
    return votes;
}

static void choose(struct mesh *m, mesh_ns now)
{
    size_t n;
    struct parent_vote *votes = votes_of(m, &n);

    m->parent.look_at = now + m->cfg.parent_period;
    if (votes == NULL)
        return; /* it stays as it is */
    set_parent(m, now, parent_choose(votes, n));
    free(votes);
}

void mesh_parent_tick(struct mesh *m, mesh_ns now)
{
    struct mesh_parent *p = &m->parent;

    if (!p->measured || m->far_n == 0)
        return;
    if (p->probe_at == MESH_NS_NEVER)
        p->probe_at = now;
    if (now >= p->probe_at && mesh_emit(m, MESH_PROBE) != NULL)
        p->probe_at = now + PROBE_AGAIN;
    gossip_origin(m->gossip, p->own_us, p->mark);
    if (p->look_at == MESH_NS_NEVER && (p->heard || p->own_us > 0))
        p->look_at = now + mesh_ns_min(SETTLE, m->cfg.parent_period);
    if (now >= p->look_at)
        choose(m, now);
}

mesh_ns mesh_parent_deadline(const struct mesh *m)
{
    const struct mesh_parent *p = &m->parent;

    return m->far_n > 0 ? mesh_ns_min(p->look_at, p->probe_at) : MESH_NS_NEVER;
}

/* ---- being seen ---- */

const struct ring *mesh_parent_ring(const struct mesh *m)
{
    const struct ring *ring = m->tables[TABLE_PARENT].ring;

    return ring != NULL && ring_size(ring) > 0 ? ring : NULL;
}

struct slice mesh_parent_name(const struct mesh *m, bool *measured)
{
    *measured = m->parent.measured;
    return slice_str(m->parent.name);
}

size_t mesh_parent_regions(const struct mesh *m, struct parent_region *out, size_t cap)
{
    size_t n, at = 0, found = 0;
    struct parent_vote *votes = votes_of(m, &n);

    while (votes != NULL && found < cap && parent_next(votes, n, &at, &out[found]))
        found++;
    free(votes);
    return found;
}
