/* rumour.c - which records ride on which packet. Each member has one slot, so the queue
 * is never longer than the view; those spent least come first. What is fresh does not wait
 * for the next probe: it is pushed to a few members at once, and some more a little later.
 * A rumour is spent by being sent, and by being heard again: both tell that others know it
 * (feedback and counter of Demers and others 1987), so together all send it about as often
 * as is needed, and no node has to know how far it has come. */
#include "gossip/state.h"

#define PUSH_FANOUT   4
#define PUSH_SPENT    12         /* pushed until spent so often; then it rides on what is sent anyway */
#define PUSH_INTERVAL MS(60)     /* between pushes; what comes between shares one packet */
#define SAME_VIEW     3          /* spent when somebody turns out to hold just our view */
#define RECENT_MAX    12         /* records shown to who holds another view, */
#define RECENT_SPAN   SEC(10)    /* changed since then */
#define BUDGET_RATE   (12 << 10) /* bytes of payloads per second, on average; pushes wait for it */
#define BUDGET_BURST  (8 << 10)
#define MANY_RUMOURS  100
#define BUDGET_MORE   256 /* per second, for each rumour beyond so many */

/* Pushes stand back when the budget is used up; probes and their answers never do. A partition
 * that heals, or half of the mesh that begins anew, is so much news that it is granted more. */
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

void rumour_stop(struct gossip *g, struct member *m)
{
    if (!list_linked(&m->rumour))
        return;
    list_remove(&m->rumour);
    g->rumours_n--;
}

void rumour_start(struct gossip *g, struct member *m, unsigned sends)
{
    rumour_stop(g, m);
    m->rumour_sent = 0;
    m->rumour_left = sends > 0 ? sends : push_limit(g) + log2_nodes(g) / 2;
    list_push_back(&g->rumours[0], &m->rumour);
    g->rumours_n++;
    push_soon(g);
}

/* Moves |m| on in the queue; a rumour that is spent leaves it. */
static void rumour_spend(struct gossip *g, struct member *m)
{
    list_remove(&m->rumour);
    if (--m->rumour_left == 0) {
        g->rumours_n--;
        return;
    }
    m->rumour_sent += m->rumour_sent < RUMOUR_LEVELS - 1;
    list_push_back(&g->rumours[m->rumour_sent], &m->rumour);
}

void rumour_known(struct gossip *g, struct member *m)
{
    if (list_linked(&m->rumour))
        rumour_spend(g, m);
}

void rumour_same_view(struct gossip *g)
{
    for (unsigned again = 0; again < SAME_VIEW && g->rumours_n > 0; again++) {
        for (size_t level = RUMOUR_LEVELS; level-- > 0;) { /* downwards, so that each is met once */
            LIST_EACH_SAFE (at, &g->rumours[level])
                rumour_spend(g, OBJ_OF(at, struct member, rumour));
        }
    }
}

void rumour_push(struct gossip *g)
{
    struct member *to[PUSH_FANOUT];

    if (!has_fresh(g))
        return;
    g->push_after = g->now + PUSH_INTERVAL;
    budget_refill(g);
    if (g->budget >= 0) {
        size_t n = probe_pick(g, &g->rand_push, MEMBER_SUSPECT, NULL, PUSH_FANOUT, to);
        for (size_t i = 0; i < n; i++)
            gossip_intend(g, PAYLOAD_NEWS, &to[i]->rec.id, NULL, 0);
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

    member_record_put(b, &m->rec);
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
            struct member *m = OBJ_OF(at, struct member, rumour);
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
        rumour_spend(g, OBJ_OF(at, struct member, rumour));
}

/* To who holds another view, what changed last: likely it is that which it lacks, and it
 * saves an exchange of everything. */
static void write_recent(struct writer *w, const struct member *to)
{
    struct gossip *g = w->g;
    size_t n = 0;

    for (struct list *at = g->recent.prev; at != &g->recent && n < RECENT_MAX; at = at->prev) {
        struct member *m = OBJ_OF(at, struct member, recent);
        if (g->now - m->changed_at > RECENT_SPAN)
            return;
        if (m == to || list_linked(&m->rumour) || was_written(w, m))
            continue;
        if (!write_record(w, m))
            return;
        n++;
    }
}

bool rumour_write(struct gossip *g, const struct intent *i)
{
    const struct member_record *own = &gossip_self(g)->rec;
    const struct member *to = view_find(g, &i->to);
    struct writer w = { .g = g };

    buf_clear(&g->payload);
    buf_clear(&g->records);
    if (to != NULL && to->rec.state != MEMBER_ALIVE) /* whom we hold not to be alive shall know it */
        write_first(&w, to);
    if (i->own || own->state != MEMBER_ALIVE)
        write_first(&w, gossip_self(g));
    for (size_t e = 0; e < i->evidence_n; e++)
        write_first(&w, view_find(g, &i->evidence[e]));
    if (i->view != VIEW_SAME)
        write_queue(&w, to);
    if (i->view == VIEW_OTHER)
        write_recent(&w, to);
    struct payload p = { .kind = i->kind,
                         .seq = i->seq,
                         .view = g->digest,
                         .boot = own->boot,
                         .counter = own->counter,
                         .has_target = i->has_target,
                         .want = i->want,
                         .target = i->target,
                         .roll = g->roll };
    payload_put(&g->payload, &p, buf_slice(&g->records), w.n);
    budget_refill(g);
    g->budget -= (mesh_ns)g->payload.len;
    return buf_ok(&g->payload) && buf_ok(&g->records);
}
