/* The parent tier: one region's nodes turn to the origin, for all others too.
 *
 *   edge --ask--> owner --ask--> owner of the parent region --> origin
 *
 * An owner that would turn to the origin asks the key's owners in the parent region's ring first, one after the other;
 * if none answers, it turns to the origin itself: nothing fails for a parent's sake. Two regions may each take the
 * other for the parent, while what they measured differs. So what somebody of another region waits for is never asked
 * of another region, and he joins no fetch that is: no two regions wait for each other. */
#include "node/core/flight_impl.h"
#include "node/core/key.h"

bool shield_far(const struct engine *e, const struct link *l)
{
    return !slice_eq(cert_region(session_peer(l->session)), cert_region(&e->cfg.mesh.self->cert));
}

enum flight_need shield_need(struct reader *r)
{
    if (!r->of_peer)
        return FLIGHT_ANY;
    return reader_serve(r)->far ? FLIGHT_FOR_REGION : FLIGHT_FOR_PEER;
}

void engine_origin_rtt(struct engine *e, mesh_ns now, mesh_ns rtt)
{
    e->now = now;
    mesh_origin_rtt(e->mesh, now, rtt);
}

size_t shield_owners(const struct engine *e, const struct digest *place, const struct ring_member *out[RING_OWNERS])
{
    const struct ring *ring = mesh_parent_ring(e->mesh);

    return ring != NULL ? ring_owners(ring, ring_arc(ring, place), out) : 0;
}

bool shield_begin(struct engine *e, struct flight *f)
{
    const struct ring_member *owners[RING_OWNERS];
    struct digest place;

    if (f->shield != SHIELD_NOT_YET || f->far || f->class != FLIGHT_OWNER || mesh_parent_ring(e->mesh) == NULL ||
        mesh_behind(e->mesh, e->now))
        return false;
    key_stripe(&place, &f->primary, f->index);
    f->sources_n = shield_owners(e, &place, owners);
    for (size_t i = 0; i < f->sources_n; i++)
        f->sources[i] = owners[i]->id;
    f->source_at = 0;
    f->agains = 0;
    f->hedge.at = 0;
    f->hinted = false;
    f->shield = SHIELD_ASKED;
    return f->sources_n > 0;
}

void shield_told(struct flight *f, const struct msg_head *m)
{
    size_t n = m->parent.len < sizeof(f->parent_name) ? m->parent.len : 0;

    if (n > 0)
        memcpy(f->parent_name, m->parent.data, n);
    f->parent_name[n] = '\0';
    f->parent_hit = m->parent_hit;
}

void shield_tell(struct serve *s, const struct flight *f)
{
    bool asked = f->shield == SHIELD_ASKED && f->from_peer;

    s->parent_name[0] = '\0';
    if (asked)
        memcpy(s->parent_name, f->peer_name, sizeof(s->parent_name));
    s->parent_hit = asked && f->peer_hit;
}
