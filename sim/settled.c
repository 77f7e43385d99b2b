#include "sim/settled.h"

#include <stdlib.h>

#include "sim/edge.h"
#include "sim/net/net.h"

struct settled {
    struct gossip *view; /* that holds all */
    struct mesh_known *certs;
    size_t n;
};

/* What |e| states of itself in its first life. */
static struct member_record record_of(const struct world *w, const struct edge *e)
{
    const struct cert *cert = &e->id.cert;
    struct member_record r = {
        .id = cert->id, .boot = 1, .addrs_n = 1, .weight = cert->weight_max, .serial = cert->serial
    };

    r.addrs[0] = net_addr(w->net, e->index);
    return r;
}

struct settled *settled_new(struct world *w)
{
    struct settled *s = world_alloc(sizeof(*s));

    s->certs = world_alloc((size_t)w->sc.nodes * sizeof(*s->certs));
    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        const struct edge *e = &w->edges[i];
        struct member_record r = record_of(w, e);
        struct gossip_config first = { .self = r, .seed = w->sc.seed, .roster = w->roster };
        if (node_set_has(&w->sc.absent, i))
            continue;
        if (s->view == NULL)
            s->view = gossip_new(&first, 0);
        else
            gossip_learn(s->view, 0, &r);
        s->certs[s->n++] = (struct mesh_known){ &e->id.cert, identity_cert(&e->id) };
    }
    return s;
}

void settled_free(struct settled *s)
{
    if (s == NULL)
        return;
    gossip_free(s->view);
    free(s->certs);
    free(s);
}

void settled_begin(const struct settled *s, struct edge *e)
{
    if (!node_set_has(&e->w->sc.absent, e->index) &&
        engine_preload(e->engine, edge_now(e), s->certs, s->n, s->view) != 0)
        abort();
}
