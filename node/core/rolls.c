/* The roll on its way: every session begins with which one each side has, whoever has the
 * later one sends it, and a new one goes out at once on all sessions and to a few members
 * without one. So it floods a mesh in a few round trips; gossip, whose packets carry its
 * number, finds whoever was left out. It needs no credit and waits behind nothing. */
#include <stdlib.h>

#include "node/core/engine_impl.h"

#define PROBATION SEC(2)

int rolls_judge(void *ctx, const struct cert *cert)
{
    const struct engine *e = ctx;
    return mesh_admits(e->mesh, cert);
}

static void send_roll(struct engine *e, struct link *l, bool whole)
{
    struct slice bytes = mesh_roll_bytes(e->mesh);
    struct msg_roll m = { .sequence = mesh_roll(e->mesh)->sequence, .mark = roll_mark(bytes) };

    if (whole) {
        m.roll = bytes;
        l->roll_sequence = m.sequence;
        l->roll_mark = m.mark;
    }
    msg_put_roll(session_begin(l->session), &m);
    link_commit(e, l);
}

void rolls_greet(struct engine *e, struct link *l)
{
    send_roll(e, l, false);
}

/* Is what the peer has older than ours? */
static bool peer_is_behind(const struct engine *e, const struct link *l)
{
    uint64_t own = mesh_roll(e->mesh)->sequence;

    if (l->roll_sequence != own)
        return l->roll_sequence < own;
    return l->roll_mark < roll_mark(mesh_roll_bytes(e->mesh));
}

/* False: the peer sent what no honest one does. */
static bool take(struct engine *e, mesh_ns now, struct slice roll)
{
    int err = mesh_roll_take(e->mesh, now, roll);
    return err == 0 || err == MESH_E_EXISTS || err == MESH_E_STATE || err == MESH_E_NOMEM;
}

/* Is it one of us now? If it has nothing to tell that could make it so, it is sent away, with
 * the roll if it was once one of us and does not know. */
static void probe(struct engine *e, mesh_ns now, struct link *l)
{
    uint64_t own = mesh_roll(e->mesh)->sequence;
    int err = session_prove(l->session, e->wall_s);

    if (err == 0) {
        l->probation = false;
        links_opened(e, now, l);
    } else if (!session_unproven(l->session) || l->roll_sequence <= own) {
        rolls_refuse(e, now, l, err);
    }
}

void rolls_frame(struct engine *e, mesh_ns now, struct link *l, struct slice body)
{
    struct wire w = { 0 };
    struct msg_roll m;
    bool sound = msg_get_roll(&w, body, &m) == 0;

    if (sound) {
        l->roll_sequence = m.sequence;
        l->roll_mark = m.mark;
        sound = m.roll.len == 0 || take(e, now, m.roll);
    }
    wire_close(&w);
    if (!sound) {
        trace_f(&e->cfg.trace, now, "roll of %s refused", session_peer(l->session)->name);
        e->counters.sessions_broken++;
        link_close(e, now, l);
        return;
    }
    if (l->probation)
        probe(e, now, l);
    else if (peer_is_behind(e, l))
        send_roll(e, l, true);
    else
        mesh_roll_claimed(e->mesh, now, &l->peer, l->roll_sequence, l->roll_mark);
}

void rolls_probation(struct engine *e, mesh_ns now, struct link *l)
{
    l->probation = true;
    timer_set(e, &l->dial_timer, now + PROBATION);
    trace_f(&e->cfg.trace, now, "%s is of an authority that we do not know (yet)", session_peer_name(l->session));
    send_roll(e, l, false);
}

/* The link to |id| that speaks already, or a new one, which will begin with it. */
void rolls_ask(struct engine *e, mesh_ns now, const struct node_id *id)
{
    struct link *l = link_to(e, now, id);

    if (l != NULL && link_is_open(l))
        send_roll(e, l, false);
}

/* ---- a new one ---- */

static bool signer_gone(void *ctx, const struct object *o)
{
    const struct engine *e = ctx;
    return !o->is_ours && !mesh_still_vouches(e->mesh, &o->by.signer->cert);
}

/* What is being filled from elsewhere but signed by one who is out goes on from another source. */
static void stop_fills(struct engine *e, mesh_ns now)
{
    bool again;

    do { /* each step may begin and end other flights */
        again = false;
        LIST_EACH (at, &e->flights) {
            struct flight *f = OBJ_OF(at, struct flight, link);
            if (f->ask.l != NULL && f->object != NULL && signer_gone(e, f->object)) {
                ask_cancel(e, now, f);
                flight_source_failed(e, now, f);
                again = true;
                break;
            }
        }
    } while (again);
}

void rolls_spread(struct engine *e, mesh_ns now)
{
    struct node_id strangers[STRANGERS_MAX]; /* who may not have been told */

    e->counters.objects_revoked += cache_purge(e->cache, signer_gone, e);
    purges_revoked(e);
    configs_rolled(e, now);
    stop_fills(e, now);
    LIST_EACH_SAFE (at, &e->links) {
        struct link *l = OBJ_OF(at, struct link, link);
        if (link_is_open(l) && peer_is_behind(e, l))
            send_roll(e, l, true);
    }
    size_t n = links_strangers(e, mesh_roll(e->mesh)->sequence, strangers);
    for (size_t i = 0; i < n; i++)
        link_to(e, now, &strangers[i]);
}

/* ---- who is out ---- */

void rolls_refuse(struct engine *e, mesh_ns now, struct link *l, int err)
{
    if (!l->probation || mesh_once_admitted(e->mesh, session_peer(l->session), session_peer_cert_raw(l->session)))
        send_roll(e, l, true); /* it shall see for itself */
    if (session_state(l->session) != SESSION_OPEN)
        return; /* no memory: it ends by itself */
    session_refuse(l->session, err);
    links_refused(e, now, l, true);
    link_close(e, now, l);
}

void rolls_cut(struct engine *e, mesh_ns now, const struct node_id *id, int err)
{
    LIST_EACH_SAFE (at, &e->links) {
        struct link *l = OBJ_OF(at, struct link, link);
        if (!l->has_peer || l->closing || !node_id_eq(&l->peer, id))
            continue;
        if (link_is_open(l))
            rolls_refuse(e, now, l, err);
        else
            link_close(e, now, l);
    }
}
