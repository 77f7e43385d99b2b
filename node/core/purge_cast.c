/* Few and short purges also go to all members as datagrams: those are there after one way, while a session may have to
 * be made first. What is lost comes by the session all the same, and so do receipts; what is behind others that are
 * missing waits for them. */
#include "node/core/purges_impl.h"
#include "proto/base/rare.h"

#define CASTS_A_SECOND 8 /* purges; when there are more, sessions are open */

static bool within_pace(struct purges *s, mesh_ns now)
{
    if (now - s->cast_since >= SEC(1)) {
        s->cast_since = now;
        s->casts = 0;
    }
    return s->casts++ < CASTS_A_SECOND;
}

static void cast(struct engine *e, mesh_ns now, struct slice raw)
{
    struct mesh_member m;

    for (size_t i = 1; i < mesh_count(e->mesh); i++) {
        if (mesh_member(e->mesh, i, &m) && (m.record->state == MEMBER_ALIVE || m.record->state == MEMBER_SUSPECT))
            mesh_cast(e->mesh, now, &m, raw);
    }
}

void purge_cast(struct engine *e, mesh_ns now, const struct purge_log *own, uint64_t after)
{
    uint64_t last = purge_sendable(e->purges, own);

    LIST_EACH (at, &own->kept) {
        const struct purge_kept *k = OBJ_OF(at, struct purge_kept, in_log);
        if (k->number > after && k->number <= last && k->len <= MESH_CAST_MAX && within_pace(e->purges, now) &&
            !RARE(CAST_SKIPPED))
            cast(e, now, slice_of(k->bytes, k->len));
    }
}

void purge_cast_take(struct engine *e, mesh_ns now, const struct node_id *from, struct slice raw)
{
    struct mesh_member m;

    if (!mesh_find(e->mesh, from, &m) || mesh_vouches(e->mesh, m.cert, m.cert_raw) != 0)
        return;
    int err = purges_take(e, raw, m.cert, m.cert_raw, false);
    if (err == MESH_E_SIGNATURE || err == MESH_E_SYNTAX || err == MESH_E_WRONG_MESH)
        e->counters.purges_refused++;
    purges_in_force(e, now);
}
