/* suspect.c - from a doubt to a death. Who accuses a member goes on asking it, and others
 * to ask it, and declares it dead only when all that was in vain so often that loss does
 * not explain it, and long enough that the member could have refuted. Who only heard of
 * the doubt waits for the accuser's verdict, or the refutation; if neither comes, it begins
 * to ask itself. So nobody is dead by hearsay of a doubt alone.
 *
 * The patience is Lifeguard's: twice as long at first, down to suspect_timeout with each
 * other member that confirms that it has no answer either (in a mesh that hears nacks, three
 * of them come with the first probe). */
#include "gossip/state.h"

#define LAST_RESORT   3 /* suspect_timeouts: then silence is enough, whatever else is lacking; 2 if we hear nobody */
#define MANY_PATIENCE 5 /* half suspect_timeouts, if */
#define MANY_MIN      6 /* so many suspects at once, and */
#define MANY_SHARE    8 /* one of so many members: more likely a switch, a hypervisor or ourselves */
#define SLOW          4 /* pings in a suspect_timeout once there is evidence enough */
#define ACCUSE_BURST  4
#define ACCUSE_EACH   2 /* accusations in a suspect_timeout, beyond the burst */
#define DEAF          5 /* half periods in which we heard nobody; */
#define DEAF_SOON     2 /* so soon silence is no evidence any more */
#define SOMEBODY      1 /* whose doubt we heard of: it has no name here */

static mesh_ns least(const struct gossip *g)
{
    return g->cfg.suspect_timeout;
}

static bool is_suspect(const struct gossip *g, const struct watch *w)
{
    return member_rec(watch_member(g, w))->state == MEMBER_SUSPECT;
}

static bool silence(const struct gossip *g, unsigned half_periods)
{
    return g->now - g->heard_at > g->cfg.probe_period / 2 * half_periods;
}

/* Who hears nobody at all cannot tell who is dead. With one peer only there is no telling. */
static bool deaf(const struct gossip *g, unsigned half_periods)
{
    return g->live > 1 && silence(g, half_periods);
}

static bool many(const struct gossip *g)
{
    return g->suspects >= MANY_MIN && g->suspects * MANY_SHARE >= g->live;
}

/* Twice the least without a confirmation, the least with as many as can be had, and between
 * them by the logarithm: log(n + 1) / log(could + 1), of 100. */
static mesh_ns patience(const struct gossip *g, const struct inquiry *q)
{
    static const uint8_t gain[CONFIRMED_MAX + 1][CONFIRMED_MAX + 1] = {
        { 100, 100, 100, 100 }, { 0, 100, 100, 100 }, { 0, 63, 100, 100 }, { 0, 50, 79, 100 }
    };
    size_t others = g->live > 0 ? g->live - 1 : 0;
    size_t could = others < CONFIRMED_MAX ? others : CONFIRMED_MAX;
    mesh_ns most = g->cfg.suspect_max;

    if (could > g->cfg.indirect)
        could = g->cfg.indirect;
    if (many(g))
        return least(g) * MANY_PATIENCE / 2;
    return most - (most - least(g)) / 100 * gain[could][q->confirmed_n];
}

/* ---- the budget: who is sick itself cannot doubt many ---- */

static bool afford(struct gossip *g)
{
    mesh_ns cost = least(g) / ACCUSE_EACH, from = g->accused_until > g->now ? g->accused_until : g->now;

    if (from + cost > g->now + (mesh_ns)ACCUSE_BURST * cost) {
        g->counters.withheld++;
        return false;
    }
    g->accused_until = from + cost;
    return true;
}

/* ---- the inquiry ---- */

static bool enough(const struct gossip *g, const struct inquiry *q)
{
    return q->vain >= health_vain(&g->health);
}

static bool is_over(const struct gossip *g, const struct inquiry *q)
{
    mesh_ns span = g->now - q->began;

    if (q->sentenced && span >= least(g))
        return true;
    if (silence(g, DEAF) && span >= 2 * least(g))
        return true;
    if (deaf(g, DEAF))
        return false;
    return span >= LAST_RESORT * least(g) || (span >= patience(g, q) && enough(g, q));
}

static mesh_ns sooner(const struct gossip *g, mesh_ns at, mesh_ns end)
{
    return end > g->now && end < at ? end : at;
}

/* The next question; but no later than the verdict, if that lacks only time. */
static void set_timer(struct gossip *g, struct watch *w)
{
    struct inquiry *q = &w->inquiry;
    mesh_ns at = w->probe.sent[1] + health_span(&g->health, g->cfg.ack_timeout);

    if (enough(g, q)) {
        mesh_ns slow = w->probe.sent[1] + least(g) / SLOW;
        at = sooner(g, slow > at ? slow : at, q->began + patience(g, q));
    }
    if (q->sentenced)
        at = sooner(g, at, q->began + least(g));
    if (silence(g, DEAF))
        at = sooner(g, at, q->began + 2 * least(g));
    heap_set(&g->timers, &w->probe.timer.node, is_over(g, q) || at < g->now ? g->now : at);
}

/* A question that got no answer; our own count only if the member has ever answered us. */
static void in_vain(struct gossip *g, struct watch *w, unsigned n)
{
    if (!deaf(g, DEAF_SOON))
        w->inquiry.vain += n;
}

static void ask(struct gossip *g, struct watch *w)
{
    struct inquiry *q = &w->inquiry;
    bool alone = g->now - q->began > least(g) + g->cfg.probe_period; /* whose doubt it was is silent */

    probe_repeat(g, w);
    if (!enough(g, q) && (q->first || alone))
        probe_ask_relays(g, w);
    set_timer(g, w);
}

static void die(struct gossip *g, struct watch *w)
{
    view_state(g, watch_member(g, w), MEMBER_DEAD);
    if (is_suspect(g, w)) /* no memory: later */
        heap_set(&g->timers, w->probe.state == PROBE_INQUIRY ? &w->probe.timer.node : &w->suspicion.node,
                 g->now + least(g));
    else
        g->counters.deaths++;
}

void suspect_timeout(struct gossip *g, struct watch *w)
{
    struct probe *p = &w->probe;

    assert(is_suspect(g, w));
    if (g->leaving)
        return;
    if (g->now - p->sent[1] >= g->cfg.ack_timeout && p->seq[1] != 0) {
        in_vain(g, w, watch_member(g, w)->acked);
        p->seq[1] = 0;
    }
    if (is_over(g, &w->inquiry)) {
        die(g, w);
        return;
    }
    ask(g, w);
}

/* Each other member confirms once. */
static void confirm(struct inquiry *q, uint32_t who)
{
    unsigned i = 0;

    while (i < q->confirmed_n && q->confirmed[i] != who)
        i++;
    if (i == q->confirmed_n && i < CONFIRMED_MAX)
        q->confirmed[q->confirmed_n++] = who;
}

static void inquire(struct gossip *g, struct watch *w, mesh_ns began, bool first)
{
    w->inquiry = (struct inquiry){ .began = began, .first = first, .sentenced = w->inquiry.sentenced };
    heap_remove(&g->timers, &w->suspicion.node);
    w->probe.state = PROBE_INQUIRY;
}

/* Has anybody ever answered us? Then our own way out is not what fails. */
static bool was_answered(const struct gossip *g)
{
    for (size_t i = 0; i < g->members_n; i++) {
        if (g->members[i].acked)
            return true;
    }
    return false;
}

/* May |w|'s member be accused, though it never answered us? It fell soon after it came, or its way to us never worked,
 * which proves nothing: so only after a good while, and if those that were asked say that they have no answer either;
 * where nobody is left to be asked, after twice as long. */
static bool unmet_is_gone(const struct gossip *g, const struct watch *w)
{
    mesh_ns silent = g->now - w->probe.unmet_since;

    if (w->probe.asked_n == 0)
        return silent >= 2 * g->cfg.unmet_timeout && was_answered(g);
    return silent >= g->cfg.unmet_timeout && w->probe.denied > 0;
}

/* A probe ended in silence. */
bool suspect_accuse(struct gossip *g, struct watch *w)
{
    bool first = !is_suspect(g, w), acked = watch_member(g, w)->acked;
    unsigned denied = w->probe.denied;

    if (!acked && w->probe.unmet_since == 0)
        w->probe.unmet_since = g->now;
    if (!acked && !unmet_is_gone(g, w))
        return false;
    if (!afford(g))
        return false;
    if (first) {
        view_state(g, watch_member(g, w), MEMBER_SUSPECT);
        if (!is_suspect(g, w))
            return false;
        g->counters.suspicions++;
    }
    inquire(g, w, !first ? w->since : acked ? w->probe.silent_since : g->now, first);
    in_vain(g, w, (acked ? 2 + w->probe.repeated : 0) + denied);
    for (size_t i = 0; i < CONFIRMED_MAX && w->probe.deniers[i] != 0; i++)
        confirm(&w->inquiry, w->probe.deniers[i]);
    if (!first)
        confirm(&w->inquiry, SOMEBODY);
    ask(g, w);
    return true;
}

void suspect_sentenced(struct gossip *g, struct watch *w)
{
    w->inquiry.sentenced = true;
    if (w->probe.state == PROBE_INQUIRY)
        set_timer(g, w);
    else
        heap_set(&g->timers, &w->suspicion.node, w->since + least(g));
}

void suspect_unheard(struct gossip *g, struct watch *w)
{
    if (g->leaving)
        return;
    if (w->inquiry.sentenced) {
        die(g, w);
        return;
    }
    /* The suspect has had its time; what lacks is the evidence. */
    inquire(g, w, g->now - least(g), true);
    w->probe.seq[0] = g->seq++; /* what others are asked under */
    memset(w->probe.asked, 0, sizeof(w->probe.asked));
    ask(g, w);
}

/* Its answer carries its refutation; if that is lost, all begins anew. */
void suspect_heard(struct gossip *g, struct watch *w)
{
    bool first = w->inquiry.first;

    if (!w->inquiry.heard)
        health_ping(&g->health, true);
    inquire(g, w, g->now, first);
    w->inquiry.heard = true;
    w->inquiry.sentenced = false;
    w->probe.seq[1] = 0;
    memset(w->probe.asked, 0, sizeof(w->probe.asked));
    heap_set(&g->timers, &w->probe.timer.node, g->now + least(g));
}

void suspect_denied(struct gossip *g, struct watch *w, uint32_t who)
{
    in_vain(g, w, 1);
    confirm(&w->inquiry, who);
    set_timer(g, w);
}

/* ---- what the view and others cause ---- */

void suspect_state(struct gossip *g, struct watch *w, bool was_suspect)
{
    bool is = is_suspect(g, w);

    g->suspects += (size_t)is - (size_t)was_suspect;
    if (w->probe.state == PROBE_INQUIRY) {
        if (member_rec(watch_member(g, w))->state == MEMBER_ALIVE && !w->inquiry.heard)
            health_ping(&g->health, true); /* it lived, so it was loss */
        probe_end(g, w);
    }
    w->inquiry = (struct inquiry){ .began = g->now };
    if (is)
        heap_set(&g->timers, &w->suspicion.node, g->now + LAST_RESORT * least(g));
    else
        heap_remove(&g->timers, &w->suspicion.node);
}

/* We were frozen: what was not heard by then proves nothing, and a refutation may lie
 * unread in the socket. */
void suspect_stalled(struct gossip *g, struct watch *w)
{
    mesh_ns half = least(g) / 2;

    if (w->probe.state == PROBE_INQUIRY) {
        mesh_ns began = w->inquiry.began > g->now - half ? w->inquiry.began : g->now - half;
        inquire(g, w, began, w->inquiry.first);
        w->probe.seq[1] = 0;
        w->probe.sent[1] = g->now;
        set_timer(g, w);
    } else if (w->suspicion.node.queued && w->suspicion.node.at < g->now + least(g)) {
        heap_set(&g->timers, &w->suspicion.node, g->now + least(g));
    }
}
