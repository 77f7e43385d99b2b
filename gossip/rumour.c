/* rumour.c - which records ride on which packet. Each member has one slot, so the queue
 * is never longer than the view; those spent least come first. What is fresh does not wait
 * for the next probe: it is pushed to a few members at once, and some more a little later.
 * A rumour is spent by being sent, and by being heard again: both tell that others know it
 * (feedback and counter of Demers and others 1987), so together all send it about as often
 * as is needed, and no node has to know how far it has come. */
#include "gossip/state.h"
#include "proto/datagram.h"

#define PUSH_FANOUT   4
#define PUSH_SPENT    12         /* pushed until spent so often; then it rides on what is sent anyway */
#define PUSH_INTERVAL MS(60)     /* between pushes; what comes between shares one packet */
#define SAME_VIEW     3          /* spent when somebody turns out to hold just our view */
#define RECENT_MAX    12         /* records shown to who holds another view, */
#define RECENT_SPAN   SEC(10)    /* changed since then */
#define BUDGET_RATE   (14 << 10) /* bytes per second, sealed, on average; pushes wait for it */
#define BUDGET_BURST  (8 << 10)
#define MANY_RUMOURS  100
#define BUDGET_MORE   256 /* per second, for each rumour beyond so many */

/* Pushes and exchanges (gossip_spent) stand back when the budget is used up, and so does what an answer may
 * bring besides (write_recent): a network that held packets back and lets all go at once has each of them answered.
 * Probes and their answers never do. A partition that heals, or half of the mesh that begins anew, is so much news
 * that it is granted more. */
static mesh_ns budget_rate(const struct gossip *g)
{
    return BUDGET_RATE + (g->rumours_n > MANY_RUMOURS ? (mesh_ns)(g->rumours_n - MANY_RUMOURS) * BUDGET_MORE : 0);
}

static void budget_refill(struct gossip *g)
{
    mesh_ns since = mesh_ns_min(g->now - g->budget_at, SEC(8));

    g->budget += since / US(1) * budget_rate(g) / (SEC(1) / US(1));
    g->budget = g->budget < BUDGET_BURST ? g->budget : BUDGET_BURST;
    g->budget_at = g->now;
}

bool rumour_affords(struct gossip *g)
{
    budget_refill(g);
    return g->budget >= 0;
}

void gossip_spent(struct gossip *g, mesh_ns now, size_t bytes)
{
    OBJ_CHECK(g, GOSSIP_MAGIC);
    g->now = now > g->now ? now : g->now;
    budget_refill(g);
    g->budget -= (int64_t)bytes;
}

bool gossip_affords(struct gossip *g, mesh_ns now)
{
    OBJ_CHECK(g, GOSSIP_MAGIC);
    g->now = now > g->now ? now : g->now;
    return rumour_affords(g);
}

static void push_soon(struct gossip *g)
{
    mesh_ns at = g->now > g->push_after ? g->now : g->push_after;

    if (g->push.node.queued)
        return;
    budget_refill(g);
    mesh_ns owed = g->budget < 0 ? -g->budget * SEC(1) / budget_rate(g) : 0;
    heap_set(&g->timers, &g->push.node, at > g->now + owed ? at : g->now + owed);
}

void rumour_init(struct gossip *g)
{
    for (size_t i = 0; i < RUMOUR_LEVELS; i++)
        list_init(&g->rumours[i]);
    g->push.kind = TIMER_PUSH;
    g->budget = BUDGET_BURST;
    g->budget_at = g->now;
    g->rand_push = rand_of(g->cfg.seed, g->entity, RAND_PUSH);
}

static unsigned log2_nodes(const struct gossip *g)
{
    size_t nodes = g->live + 1;
    unsigned bits = 0;

    while (((size_t)1 << bits) < nodes + 1)
        bits++;
    return bits;
}

static unsigned push_limit(const struct gossip *g)
{
    unsigned most = 3 * log2_nodes(g);
    return most < PUSH_SPENT ? most : PUSH_SPENT;
}

static bool has_fresh(const struct gossip *g)
{
    for (unsigned level = 0, limit = push_limit(g); level < limit; level++) {
        if (!list_empty(&g->rumours[level]))
            return true;
    }
    return false;
}

void rumour_stop(struct gossip *g, struct watch *w)
{
    if (!list_linked(&w->rumour))
        return;
    list_remove(&w->rumour);
    g->rumours_n--;
}

void rumour_start(struct gossip *g, struct member *m, unsigned sends)
{
    struct watch *w = watch_need(g, m);

    if (w == NULL) {
        g->counters.overflows++;
        return;
    }
    rumour_stop(g, w);
    w->rumour_sent = 0;
    w->rumour_left = sends > 0 ? sends : push_limit(g) + log2_nodes(g) / 2;
    list_push_back(&g->rumours[0], &w->rumour);
    g->rumours_n++;
    push_soon(g);
}

/* Moves |w| on in the queue; a rumour that is spent leaves it, and |w| may be no more. */
static void rumour_spend(struct gossip *g, struct watch *w)
{
    list_remove(&w->rumour);
    if (--w->rumour_left == 0) {
        g->rumours_n--;
        watch_rest(g, w);
        return;
    }
    w->rumour_sent += w->rumour_sent < RUMOUR_LEVELS - 1;
    list_push_back(&g->rumours[w->rumour_sent], &w->rumour);
}

void rumour_known(struct gossip *g, struct member *m)
{
    struct watch *w = member_watch(g, m);

    if (w != NULL && list_linked(&w->rumour))
        rumour_spend(g, w);
}

void rumour_same_view(struct gossip *g)
{
    for (unsigned again = 0; again < SAME_VIEW && g->rumours_n > 0; again++) {
        for (size_t level = RUMOUR_LEVELS; level-- > 0;) { /* downwards, so that each is met once */
            LIST_EACH_SAFE (at, &g->rumours[level])
                rumour_spend(g, OBJ_OF(at, struct watch, rumour));
        }
    }
}

void rumour_recent(struct gossip *g, struct watch *w)
{
    w->changed_at = g->now;
    list_remove(&w->recent);
    list_push_back(&g->recent, &w->recent);
}

void rumour_recent_sweep(struct gossip *g)
{
    LIST_EACH_SAFE (at, &g->recent) {
        struct watch *w = OBJ_OF(at, struct watch, recent);
        if (g->now - w->changed_at <= RECENT_SPAN)
            return;
        list_remove(at);
        watch_rest(g, w);
    }
}

void rumour_push(struct gossip *g)
{
    struct member *to[PUSH_FANOUT];

    if (!has_fresh(g))
        return;
    g->push_after = g->now + PUSH_INTERVAL;
    if (rumour_affords(g)) {
        size_t n = probe_pick(g, &g->rand_push, MEMBER_SUSPECT, NULL, PUSH_FANOUT, to);
        for (size_t i = 0; i < n; i++)
            gossip_intend(g, PAYLOAD_NEWS, &member_rec(to[i])->id, NULL, 0);
        if (n == 0)
            return;
    }
    push_soon(g);
}

/* ---- writing a packet ---- */

struct writer {
    struct gossip *g;
    size_t n;
    const struct member *written[EVIDENCE_MAX + 2]; /* out of turn, so not once more from the queue */
    size_t written_n;
};

static bool write_record(struct writer *w, const struct member *m)
{
    struct buf *b = &w->g->records;
    size_t before = b->len;

    member_record_put(b, member_rec(m));
    if (!buf_ok(b) || b->len + PAYLOAD_HEAD_MAX > GOSSIP_PAYLOAD_MAX) {
        b->len = before;
        return false;
    }
    w->n++;
    return true;
}

static bool was_written(const struct writer *w, const struct member *m)
{
    for (size_t i = 0; i < w->written_n; i++) {
        if (w->written[i] == m)
            return true;
    }
    return false;
}

static void write_first(struct writer *w, const struct member *m)
{
    if (m != NULL && !was_written(w, m) && write_record(w, m))
        w->written[w->written_n++] = m;
}

/* |to| is not told its own record from the queue: what it must hear of itself is evidence. */
static void write_queue(struct writer *w, const struct member *to)
{
    struct gossip *g = w->g;
    struct list sent;

    list_init(&sent);
    for (size_t level = 0; level < RUMOUR_LEVELS; level++) {
        LIST_EACH_SAFE (at, &g->rumours[level]) {
            const struct member *m = watch_member(g, OBJ_OF(at, struct watch, rumour));
            if (m == to)
                continue;
            if (!was_written(w, m) && !write_record(w, m))
                goto full;
            list_remove(at);
            list_push_back(&sent, at);
        }
    }
full:
    LIST_EACH_SAFE (at, &sent)
        rumour_spend(g, OBJ_OF(at, struct watch, rumour));
}

/* To who holds another view, what changed last: likely it is that which it lacks, and it
 * saves an exchange of everything. */
static void write_recent(struct writer *w, const struct member *to)
{
    struct gossip *g = w->g;
    size_t n = 0;

    for (struct list *at = g->recent.prev; at != &g->recent && n < RECENT_MAX; at = at->prev) {
        const struct watch *of = OBJ_OF(at, struct watch, recent);
        const struct member *m = watch_member(g, of);
        if (g->now - of->changed_at > RECENT_SPAN)
            return;
        if (m == to || list_linked(&of->rumour) || was_written(w, m))
            continue;
        if (!write_record(w, m))
            return;
        n++;
    }
}

bool rumour_write(struct gossip *g, const struct intent *i)
{
    const struct member_record *own = member_rec(gossip_self(g));
    const struct member *to = view_find(g, &i->to);
    struct writer w = { .g = g };

    buf_clear(&g->payload);
    buf_clear(&g->records);
    if (to != NULL && member_rec(to)->state != MEMBER_ALIVE) /* whom we hold not to be alive shall know it */
        write_first(&w, to);
    if (i->own || own->state != MEMBER_ALIVE)
        write_first(&w, gossip_self(g));
    for (size_t e = 0; e < i->evidence_n; e++)
        write_first(&w, view_find(g, &i->evidence[e]));
    if (i->view != VIEW_SAME)
        write_queue(&w, to);
    if (i->view == VIEW_OTHER && rumour_affords(g))
        write_recent(&w, to);
    struct payload p = { .kind = i->kind,
                         .seq = i->seq,
                         .view = g->digest,
                         .boot = own->boot,
                         .counter = own->counter,
                         .has_target = i->has_target,
                         .want = i->want,
                         .target = i->target,
                         .roll = g->roll,
                         .origin_us = g->origin_us,
                         .parent = g->parent,
                         .config = g->config };
    payload_put(&g->payload, &p, buf_slice(&g->records), w.n);
    budget_refill(g);
    g->budget -= (mesh_ns)(g->payload.len + DATAGRAM_MAX - datagram_payload_max());
    return buf_ok(&g->payload) && buf_ok(&g->records);
}
