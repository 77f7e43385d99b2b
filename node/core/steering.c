#include "node/core/engine_impl.h"
#include "proto/base/err.h"

#define LOOK       SEC(1)
#define TIMES_EACH 2  /* members whose time is told in each look, one after the other: as many as are measured in it */
#define TIDY_LOOKS 60 /* looks between two searches for who is no member any more */

/* In peace: nobody doubts that it lives, and what we ask of it ourselves is answered. */
static bool well(const struct mesh_member *m)
{
    return m->record->state == MEMBER_ALIVE && m->reachable;
}

static int tell(struct engine *e, mesh_ns now, const struct mesh_member *m)
{
    int err = steer_member(e->steering.steer, now, &m->record->id, m->cert->name, m->cert->zone, well(m));

    e->steering.refused |= err != 0;
    return err;
}

static void tell_all(struct engine *e, mesh_ns now)
{
    struct mesh_member m;

    for (size_t i = 1; i < mesh_count(e->mesh); i++) {
        if (mesh_member(e->mesh, i, &m))
            (void)tell(e, now, &m);
    }
}

/* Those that gossip has forgotten: their places are for others. */
static void tidy(struct engine *e, mesh_ns now)
{
    struct steer_view *v = steer_view(e->steering.steer, now);
    struct mesh_member m;

    e->steering.untidy = 0;
    for (size_t i = 0; v != NULL && i < v->edges_n; i++) {
        if (!v->edges[i].self && !mesh_find(e->mesh, &v->edges[i].id, &m))
            steer_gone(e->steering.steer, now, &v->edges[i].id);
    }
    steer_view_unref(v);
}

void steering_member(struct engine *e, mesh_ns now, const struct node_id *id)
{
    struct mesh_member m;

    if (!e->steering.edge || node_id_eq(id, &e->cfg.mesh.self->cert.id))
        return; /* who is no edge has nothing to tell, and is told nothing */
    if (!mesh_find(e->mesh, id, &m)) {
        steer_gone(e->steering.steer, now, id);
    } else if (tell(e, now, &m) == MESH_E_FULL) {
        tidy(e, now);
        (void)tell(e, now, &m); /* or at one of the next looks */
    }
}

void steering_link(struct engine *e, mesh_ns now, const struct node_id *id, mesh_ns until)
{
    mesh_link(e->mesh, id, until);
    steering_member(e, now, id);
}

/* What nobody tells of as it happens: links whose time of being shunned is over, and how far members are. All are
 * looked through only when such a time is over, or one was not taken; else it would be most of what a node does that
 * knows thousands and has nothing to do. */
static void look(struct engine *e, mesh_ns now, struct timer *t)
{
    struct mesh_member m;

    timer_set(e, t, now + LOOK);
    if (!e->steering.edge)
        return;
    size_t n = mesh_count(e->mesh);
    bool all = e->steering.refused || now >= mesh_links_lapse(e->mesh);
    if (++e->steering.untidy >= TIDY_LOOKS) {
        tidy(e, now);
        all = true;
    }
    e->steering.refused = e->steering.refused && !all;
    if (all)
        tell_all(e, now);
    for (size_t i = 0; i < TIMES_EACH && i + 1 < n; i++) {
        e->steering.turn = e->steering.turn + 1 < n ? e->steering.turn + 1 : 1;
        if (mesh_member(e->mesh, e->steering.turn, &m) && m.rtt > 0 && well(&m))
            steer_peer_rtt(e->steering.steer, now, &m.record->id, m.rtt);
    }
}

bool steering_take(struct engine *e, mesh_ns now, const struct node_id *from, struct slice datagram)
{
    if (!steer_is(datagram))
        return false;
    int err = steer_take(e->steering.steer, now, from, datagram);
    if (err != MESH_E_UNKNOWN)
        return true; /* it counts what it refuses */
    steering_member(e, now, from);
    (void)steer_take(e->steering.steer, now, from, datagram);
    return true;
}

void steering_say(struct engine *e, mesh_ns now)
{
    struct mesh_member m;
    struct steer_out out;

    while (e->steering.edge && steer_poll(e->steering.steer, &out)) {
        if (mesh_find(e->mesh, &out.to, &m))
            mesh_cast(e->mesh, now, &m, out.bytes);
    }
}

void steering_tick(struct engine *e, mesh_ns now)
{
    if (e->steering.edge && steer_deadline(e->steering.steer) <= now)
        steer_tick(e->steering.steer, now);
}

mesh_ns steering_deadline(const struct engine *e)
{
    return e->steering.edge ? steer_deadline(e->steering.steer) : MESH_NS_NEVER;
}

int steering_init(struct engine *e)
{
    const struct cert *own = &e->cfg.mesh.self->cert;
    struct steer_config cfg = { .id = own->id, .name = own->name, .zone = own->zone, .seed = e->cfg.mesh.seed };

    memcpy(cfg.hash_key, e->cfg.hash_key, sizeof(cfg.hash_key));
    e->steering.steer = steer_new(&cfg, e->now);
    if (e->steering.steer == NULL)
        return MESH_E_NOMEM;
    e->steering.timer.fire = look;
    timer_set(e, &e->steering.timer, e->now + LOOK);
    return 0;
}

void steering_fini(struct engine *e)
{
    steer_free(e->steering.steer);
}

/* ---- the rim's ---- */

struct steer *engine_steer(struct engine *e)
{
    return e->steering.steer;
}

void engine_edge(struct engine *e, mesh_ns now, const struct steer_facts *facts)
{
    e->now = now;
    if (!e->steering.edge) {
        e->steering.edge = true;
        tell_all(e, now);
    }
    steer_self(e->steering.steer, now, facts);
}

void engine_viewer_rtt(struct engine *e, mesh_ns now, const struct mesh_addr *viewer, const char *country, mesh_ns rtt)
{
    e->now = now;
    steer_sample(e->steering.steer, now, viewer, country, rtt);
}
