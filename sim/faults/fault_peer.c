#include "sim/faults/fault_peer.h"

#include "proto/msg.h"
#include "sim/rules/check.h"

#define UNKNOWN_FRAME 0xf0 /* a type that no version has (PROTOCOL.md, Frames) */

/* One bit of what is said of a body, or of the body itself, behind the frame's type and stream. */
static void lie(struct edge *e, uint8_t *frame, size_t len)
{
    struct world *w = e->w;
    struct rand r = world_rand(w, (uint64_t)e->index << 32 | e->frames++, DRAW_LIE);

    if (len <= MSG_HEAD_BYTES || rand_below(&r, e->lies_one_in) != 0)
        return;
    uint64_t bit = rand_below(&r, 8 * (len - MSG_HEAD_BYTES));
    frame[MSG_HEAD_BYTES + bit / 8] ^= (uint8_t)(1u << bit % 8);
    e->lies++;
    world_bit(w, FAULT_LIE);
}

void fault_peer_outgoing(void *ctx, uint8_t *frame, size_t len)
{
    struct edge *e = ctx;

    switch (frame[0]) {
    case MSG_HEAD:
    case MSG_LEAF_BATCH:
    case MSG_LEAF:
    case MSG_SLIP:
        if (e->lies_one_in > 0)
            lie(e, frame, len);
        break;
    case MSG_TAKE: /* a hint, which a reader need not know */
        if (e->index + e->w->sc.older >= e->w->sc.nodes) {
            frame[0] = UNKNOWN_FRAME;
            be32_put(frame + 1, 1); /* types above 15 have a stream */
            world_bit(e->w, FAULT_VERSIONS);
        }
        break;
    default: break;
    }
}

/* Who holds |e| for a liar; NULL: nobody. */
static const struct edge *accuser(struct world *w, const struct edge *e)
{
    struct mesh_member m;

    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        const struct edge *by = &w->edges[i];
        if (edge_up(by) && mesh_find(engine_mesh(by->engine), &e->id.cert.id, &m) &&
            m.distrusted_until > edge_now(by))
            return by;
    }
    return NULL;
}

uint64_t fault_peer_named(struct world *w)
{
    uint64_t named = 0;

    for (uint32_t i = 0; i < w->sc.nodes; i++)
        named += w->edges[i].lies > 0 && accuser(w, &w->edges[i]) != NULL;
    return named;
}

void fault_peer_end(struct world *w)
{
    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        const struct edge *e = &w->edges[i], *by = accuser(w, e);
        if (e->lies == 0 && by != NULL)
            check_broken(w, RULE_FAULT, "%s holds %s for a liar, which never lied", by->name, e->name);
    }
}
