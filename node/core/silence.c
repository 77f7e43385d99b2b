/* Link health. A link is found silent when answers are due and nothing at all was heard for a while, or no frame has
 * come to its end for a longer one: then its member is asked no more until a frame has come, whatever membership thinks
 * of it. */
#include "node/core/engine_impl.h"
#include "proto/base/rare.h"

#define FRAME_SILENCES 5 /* a frame may be on its way for so many silences */

/* A whole frame has come: bytes alone, one a second, are no sign that the peer is well. */
void link_heard(struct engine *e, mesh_ns now, struct link *l)
{
    l->last_frame = now;
    if (!l->silent)
        return;
    l->silent = false;
    timer_stop(e, &l->silence_timer);
    steering_link(e, now, &l->peer, 0);
}

/* When the peer will have been silent for too long: before the oldest ask it had no reason to speak. Of a frame on its
 * way each byte says that it lives, but not for ever. */
static mesh_ns silent_at(const struct engine *e, const struct link *l)
{
    mesh_ns asked = OBJ_OF(list_first(&l->asks), struct ask, link)->sent_at;
    mesh_ns heard_at = asked > l->last_heard ? asked : l->last_heard;
    mesh_ns frame_at = asked > l->last_frame ? asked : l->last_frame;

    return mesh_ns_min(heard_at + e->timers.peer_silence, frame_at + FRAME_SILENCES * e->timers.peer_silence);
}

void link_watch(struct engine *e, mesh_ns now, struct link *l)
{
    if (l->opened && !l->closing && !list_empty(&l->asks) && !l->silence_timer.node.queued) {
        l->doubted = false;
        timer_set(e, &l->silence_timer, silent_at(e, l));
    }
    if (l->opened && !l->closing && !list_empty(&l->serves) && !l->progress_timer.node.queued) {
        l->last_sent = now;
        timer_set(e, &l->progress_timer, now + e->timers.progress);
    }
}

/* Nobody waits for what is not asked: a turn of the loop each that would find nothing to do. */
void link_rests(struct engine *e, struct link *l)
{
    if (list_empty(&l->asks) && !l->silent)
        timer_stop(e, &l->silence_timer);
    if (list_empty(&l->serves))
        timer_stop(e, &l->progress_timer);
}

/* We ask nothing of a silent peer, so it may have nothing to say. It is dialled anew by the
 * next who needs it. */
static void mute_fire(struct engine *e, mesh_ns now, struct link *l)
{
    if (now - l->last_heard < LINK_MUTE) { /* a late turn of ours; or it drips, and another link would be no better */
        timer_set(e, &l->silence_timer, l->last_heard + LINK_MUTE);
        return;
    }
    link_shun(e, now, l);
    link_close(e, now, l);
}

static void silence_fire(struct engine *e, mesh_ns now, struct timer *t)
{
    struct link *l = OBJ_OF(t, struct link, silence_timer);

    if (l->silent) {
        mute_fire(e, now, l);
        return;
    }
    if (list_empty(&l->asks))
        return;
    if (now < silent_at(e, l) && !RARE(SILENCE_HASTY)) {
        timer_set(e, t, silent_at(e, l));
        return;
    }
    if (!l->doubted) { /* what it said while our own turn took long is read before we judge */
        l->doubted = true;
        timer_set(e, t, now + 1);
        return;
    }
    e->counters.links_silent++;
    l->silent = true;
    steering_link(e, now, &l->peer, MESH_NS_NEVER);
    trace_f(&e->cfg.trace, now, "link to %s silent", session_peer(l->session)->name);
    timer_set(e, t, now + LINK_MUTE);
    link_give_up_asks(e, now, l);
}

static void progress_fire(struct engine *e, mesh_ns now, struct timer *t)
{
    struct link *l = OBJ_OF(t, struct link, progress_timer);

    if (list_empty(&l->serves) || !link_is_open(l))
        return;
    if (link_backlog(l) == 0) {
        l->last_sent = now;
        msg_put_empty(session_begin(l->session), MSG_PROGRESS, 0);
        link_commit(e, l);
    } else if (now - l->last_sent >= LINK_STUCK) { /* what is on its way says as much as PROGRESS */
        trace_f(&e->cfg.trace, now, "link to %s stuck", session_peer(l->session)->name);
        link_shun(e, now, l);
        link_close(e, now, l);
        return;
    }
    timer_set(e, t, now + e->timers.progress);
}

void link_watched(struct link *l)
{
    l->silence_timer.fire = silence_fire;
    l->progress_timer.fire = progress_fire;
}
