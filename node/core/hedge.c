/* Who was asked first and takes longer than it usually does is overtaken: the next owner is asked, too, for what it has
 * or gets from the origin already, and whoever brings a head first is read (Dean, Barroso: The Tail at Scale, 2013).
 * That never makes the origin fetch anything twice.
 *
 * Hedges are paid from a bucket: each ask pays in two hundredths of one, HEDGE_BURST are there at first and at most.
 * Since by definition each twentieth answer takes longer than 95 of 100 do, and most of them not by much, we wait for a
 * quarter more than that, and once half of the bucket is gone longer still the emptier it is: so there is something
 * left for those who are slow indeed. */
#include "node/core/engine_impl.h"
#include "proto/base/rare.h"

#define PRICE    100u
#define PER_ASK  2u
#define HALF     (HEDGE_BURST * PRICE / 2)
#define DIALLING 3 /* so many answers' time, besides, for who has to be connected to first */

static void hedge_fire(struct engine *e, mesh_ns now, struct timer *t);

bool hedge_is(const struct ask *a)
{
    return a == &a->flight->hedge.ask;
}

static void over(struct engine *e, struct flight *f)
{
    struct link *l = f->hedge.ask.l;

    list_remove(&f->hedge.ask.link);
    f->hedge.ask.l = NULL;
    if (l != NULL) /* else it goes on, as the flight's own */
        link_rests(e, l);
}

void hedge_stop(struct engine *e, struct flight *f)
{
    struct ask *a = &f->hedge.ask;

    timer_stop(e, &f->hedge.timer);
    if (a->l == NULL)
        return;
    if (a->sent && link_is_open(a->l)) {
        msg_put_empty(session_begin(a->l->session), MSG_CANCEL, a->stream);
        link_commit(e, a->l);
    }
    over(e, f);
}

void hedge_watch(struct engine *e, mesh_ns now, struct flight *f)
{
    if (f->ask.sent && e->hedge_credit < HEDGE_BURST * PRICE)
        e->hedge_credit += PER_ASK;
    if (f->hedge.at > f->source_at) /* it was hedged already */
        return;
    if (e->cfg.unhedged || f->class != FLIGHT_EDGE || f->source_at + 1 >= f->sources_n || e->hedge_credit < PRICE)
        return;
    const struct node_id *id = &f->sources[f->source_at];
    mesh_ns usual = health_p95(e, id), wait = usual + usual / 4;
    if (RARE(HEDGE_NOW))
        wait = 0;
    else if (e->hedge_credit < HALF && !health_on_trial(e, id))
        wait = wait * HALF / e->hedge_credit;
    f->hedge.timer.fire = hedge_fire;
    timer_set(e, &f->hedge.timer, now + wait + (f->ask.sent ? 0 : DIALLING * usual));
}

/* The next one that is worth asking; trials of who failed before are for asks that can do without. */
static bool ask_next(struct engine *e, mesh_ns now, struct flight *f)
{
    struct mesh_member m;

    for (size_t i = f->source_at + 1; i < f->sources_n; i++) {
        if (!mesh_find(e->mesh, &f->sources[i], &m) || !m.reachable || now < m.distrusted_until || m.rests_until != 0)
            continue;
        f->hedge.at = i;
        return ask_open(e, now, f, &f->hedge.ask, &f->sources[i]);
    }
    return false;
}

static void hedge_fire(struct engine *e, mesh_ns now, struct timer *t)
{
    struct flight *f = OBJ_OF(t, struct flight, hedge.timer);

    assert(f->ask.l != NULL && f->object == NULL && f->hedge.ask.l == NULL);
    /* Who said that it fetches it, or waits for that itself, has done all that anybody can. */
    if ((f->ask.answered && f->ask.status != ANSWER_HAVE) || e->hedge_credit < PRICE || !ask_next(e, now, f))
        return;
    e->hedge_credit -= PRICE;
    if (link_is_open(f->hedge.ask.l))
        ask_send(e, now, &f->hedge.ask);
}

/* The hedge is the flight's ask from now on, in its place among the link's. */
static void win(struct engine *e, mesh_ns now, struct flight *f)
{
    struct ask *h = &f->hedge.ask;
    struct link *l = h->l;

    e->counters.hedges_won++;
    if (!f->ask.answered)
        health_outrun(e, now, &f->ask);
    h->l = NULL; /* the first one's end is not its own */
    ask_cancel(e, now, f);
    f->ask = *h;
    f->ask.l = l;
    list_push_back(&h->link, &f->ask.link); /* right before it */
    over(e, f);
    f->source_at = f->hedge.at;
    f->peer_hit = true;
    memcpy(f->peer_name, session_peer(l->session)->name, sizeof(f->peer_name));
}

bool hedge_frame(struct engine *e, mesh_ns now, struct ask *a, const struct msg_frame *frame)
{
    struct flight *f = a->flight;
    struct msg_answer m;

    if (frame->type == MSG_HEAD && a->answered) {
        win(e, now, f);
        return true;
    }
    if (frame->type != MSG_ANSWER || a->answered || msg_get_answer(frame->body, &m) != 0) {
        hedge_stop(e, f); /* it was aborted, or makes no sense */
        return false;
    }
    health_answered(e, now, a, &m);
    a->answered = true;
    a->status = m.status;
    if (m.status != ANSWER_HAVE && m.status != ANSWER_FILLING)
        over(e, f);
    return false;
}
