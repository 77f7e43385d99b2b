/* Can the others reach us? A node that sits behind a wall can dial and so be a member, but an
 * owner whom nobody can ask is a hole in the ring. So whoever has not been dialled for a while
 * asks a few members to do so (CALL), and if nobody manages to for timers.reach_wait it
 * states weight 0 until somebody does. */
#include "node/core/engine_impl.h"

#define REACH_LOOK(e) ((e)->timers.reach_wait / 6)
#define REACH_GOOD    SEC(300) /* after a session that a peer dialled we are sure of it for so long */
#define REACH_ASKS    3        /* members asked each time */
#define CALL_AGAIN    SEC(4)   /* one peer may have us dial it so often */

static bool dialled_lately(const struct engine *e, mesh_ns now)
{
    if (e->reach.dialled_at != 0 && now - e->reach.dialled_at < REACH_GOOD)
        return true;
    LIST_EACH (at, &e->links) {
        const struct link *l = OBJ_OF(at, struct link, link);
        if (link_is_open(l) && !session_dialled(l->session))
            return true;
    }
    return false;
}

static void set_lost(struct engine *e, mesh_ns now, bool lost)
{
    if (e->reach.lost == lost)
        return;
    e->reach.lost = lost;
    trace_f(&e->cfg.trace, now, lost ? "nobody reaches us: no weight" : "we are reached again");
    mesh_unreached(e->mesh, now, lost);
}

void reach_dialled(struct engine *e, mesh_ns now)
{
    e->reach.dialled_at = e->reach.sure_at = now;
    set_lost(e, now, false);
}

/* Asks a few members, others each time. */
static void call_some(struct engine *e, mesh_ns now)
{
    struct mesh_member m;
    size_t count = mesh_count(e->mesh);

    for (size_t i = 1, asked = 0; i < count && asked < REACH_ASKS; i++) {
        size_t at = 1 + (e->reach.turn + i) % (count - 1);
        if (!mesh_member(e->mesh, at, &m) || m.record->state != MEMBER_ALIVE)
            continue;
        asked++;
        struct node_id id = m.record->id;
        struct link *l = link_to(e, now, &id); /* one that is only being dialled is asked next time */
        if (l == NULL || !link_is_open(l))
            continue;
        msg_put_empty(session_begin(l->session), MSG_CALL, 0);
        link_commit(e, l);
    }
    e->reach.turn++;
}

static void reach_fire(struct engine *e, mesh_ns now, struct timer *t)
{
    timer_set(e, t, now + REACH_LOOK(e));
    if (e->leaving || mesh_alive(e->mesh) < 2 || dialled_lately(e, now)) {
        e->reach.sure_at = now;
        if (e->reach.lost && dialled_lately(e, now))
            set_lost(e, now, false);
        return;
    }
    call_some(e, now);
    if (now - e->reach.sure_at >= e->timers.reach_wait)
        set_lost(e, now, true);
}

void reach_start(struct engine *e, mesh_ns now)
{
    e->reach.timer.fire = reach_fire;
    e->reach.sure_at = now;
    timer_set(e, &e->reach.timer, now + REACH_LOOK(e));
}

void reach_called(struct engine *e, mesh_ns now, struct link *l)
{
    if (l->called_at != 0 && now - l->called_at < CALL_AGAIN)
        return;
    l->called_at = now;
    link_dial(e, now, &l->peer);
}
