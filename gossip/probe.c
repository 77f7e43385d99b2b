/* probe.c - who answers. Each period a node pings the next living member after itself in
 * the order of ids. That order is the same for all, so everybody is pinged once a period
 * by somebody; and because neighbours may fail together, half a period later it pings one
 * more, in the order of a random permutation (SWIM, section 4.3). */
#include <stdlib.h>

#include "gossip/state.h"

#define GONE_BUDGET    4 /* pings of the dead and departed in a period */
#define GONE_SOON      SEC(600)
#define GONE_PERIOD    SEC(1)
#define GONE_LATER     SEC(10)
#define RANDOM_EACH    32 /* up to so many others, a random ping each period; above, each second one */
#define RELAY_LIFE     SEC(2)
#define ASKED_MAX      16
#define RTT_SAMPLE_MAX SEC(10)

static void trace_probe(struct gossip *g, const struct member *m, const char *what)
{
    char id[SHORT_ID_MAX];

    if (g->cfg.trace.emit != NULL)
        trace_f(&g->cfg.trace, g->now, "probe %s%s", short_id(&m->rec.id, id), what);
}

void probe_init(struct gossip *g)
{
    struct rand phase = rand_of(g->cfg.seed, g->entity, RAND_PHASE);
    struct rand seq = rand_of(g->cfg.seed, g->entity ^ g->cfg.self.boot, RAND_SEQ);

    g->rand_order = rand_of(g->cfg.seed, g->entity, RAND_ORDER);
    g->rand_relay = rand_of(g->cfg.seed, g->entity, RAND_RELAY);
    g->seq = 1 + rand_below(&seq, UINT32_MAX / 2);
    g->heard_at = g->now;
    g->round.kind = TIMER_ROUND;
    heap_set(&g->timers, &g->round.node, g->now + 1 + (mesh_ns)rand_below(&phase, (uint64_t)g->cfg.probe_period / 2));
}

void probe_fini(struct gossip *g)
{
    free(g->order);
}

size_t probe_pick(struct gossip *g, struct rand *r, enum member_state state_max, const struct member *but, size_t n,
                  struct member **out)
{
    size_t seen = 0;

    for (size_t i = 1; i < g->members_n; i++) { /* reservoir sampling (Vitter's R) */
        struct member *m = g->members[i];
        if (m->rec.state > state_max || m == but)
            continue;
        size_t at = seen < n ? seen : (size_t)rand_below(r, seen + 1);
        if (at < n)
            out[at] = m;
        seen++;
    }
    return seen < n ? seen : n;
}

/* ---- one probe ----
 *
 * IDLE --round--> DIRECT --ack_timeout--> INDIRECT --silence--> IDLE, and suspect
 * An ack in DIRECT or INDIRECT, straight or relayed, leads back to IDLE. */

static void probe_end(struct gossip *g, struct member *m)
{
    m->probe.state = PROBE_IDLE;
    heap_remove(&g->timers, &m->probe.timer.node);
}

static void probe_start(struct gossip *g, struct member *m)
{
    struct probe *p = &m->probe;

    if (p->state != PROBE_IDLE)
        return;
    trace_probe(g, m, "");
    g->counters.probes++;
    p->state = PROBE_DIRECT;
    p->began = p->sent[0] = g->now;
    p->seq[0] = g->seq++;
    p->seq[1] = 0;
    gossip_intend(g, PAYLOAD_PING, &m->rec.id, NULL, p->seq[0]);
    heap_set(&g->timers, &p->timer.node, g->now + g->cfg.ack_timeout);
}

/* The second ping tries another address, if there is one. */
static const struct mesh_addr *other_addr(const struct member *m)
{
    if (m->seen.port != 0 && (m->rec.addrs_n == 0 || !mesh_addr_eq(&m->seen, &m->rec.addrs[0])))
        return &m->seen;
    return m->rec.addrs_n > 1 ? &m->rec.addrs[1] : NULL;
}

static void probe_ask_relays(struct gossip *g, struct member *m)
{
    struct member *relays[ASKED_MAX];
    size_t want = g->cfg.indirect < ASKED_MAX ? g->cfg.indirect : ASKED_MAX;
    mesh_ns over = m->probe.began + mesh_ns_min(g->cfg.probe_period, g->cfg.ack_timeout * 5 / 2);

    size_t n = probe_pick(g, &g->rand_relay, MEMBER_ALIVE, m, want, relays);
    for (size_t i = 0; i < n; i++) {
        char what[32] = ": no ack, ask ", id[SHORT_ID_MAX];
        struct intent *ask = gossip_intend(g, PAYLOAD_ASK, &relays[i]->rec.id, NULL, m->probe.seq[0]);
        if (ask == NULL)
            continue;
        ask->has_target = true;
        ask->target = m->rec.id;
        g->counters.probes_indirect++;
        memcpy(what + 14, short_id(&relays[i]->rec.id, id), SHORT_ID_MAX);
        trace_probe(g, m, what);
    }
    m->probe.seq[1] = g->seq++;
    m->probe.sent[1] = g->now;
    gossip_intend(g, PAYLOAD_PING, &m->rec.id, other_addr(m), m->probe.seq[1]);
    m->probe.state = PROBE_INDIRECT;
    heap_set(&g->timers, &m->probe.timer.node, over > g->now ? over : g->now + g->cfg.ack_timeout);
}

/* Only a peer that has answered us before is accused: a path that never worked proves nothing. */
static void probe_give_up(struct gossip *g, struct member *m)
{
    probe_end(g, m);
    if (m->rec.state != MEMBER_ALIVE || !m->acked)
        return;
    trace_probe(g, m, ": silence, suspect");
    g->counters.suspicions++;
    view_state(g, m, MEMBER_SUSPECT);
    gossip_intend(g, PAYLOAD_NEWS, &m->rec.id, NULL, 0); /* it may refute at once */
}

void probe_timeout(struct gossip *g, struct member *m)
{
    switch (m->probe.state) {
    case PROBE_DIRECT: probe_ask_relays(g, m); break;
    case PROBE_INDIRECT: probe_give_up(g, m); break;
    case PROBE_IDLE: assert(!"a timer without a probe"); break;
    }
}

static void probe_answered(struct gossip *g, struct member *m, int which)
{
    mesh_ns sample = g->now - m->probe.sent[which];

    m->acked = true;
    m->probe.seq[which] = 0;
    if (sample > 0 && sample < RTT_SAMPLE_MAX) /* RFC 6298's gain */
        m->rtt = m->rtt == 0 ? sample : m->rtt + (sample - m->rtt) / 8;
    probe_end(g, m);
}

static void relay_answered(struct gossip *g, const struct member *from, uint64_t seq)
{
    for (size_t i = 0; i < RELAYS_MAX; i++) {
        struct relay *r = &g->relays[i];
        if (r->seq != seq || g->now > r->until || !node_id_eq(&r->target, &from->rec.id))
            continue;
        struct intent *ack = gossip_intend(g, PAYLOAD_ACK, &r->asker, NULL, r->asker_seq);
        if (ack != NULL) {
            ack->has_target = true;
            ack->target = from->rec.id;
        }
        r->seq = 0;
        return;
    }
}

void probe_acked(struct gossip *g, struct member *from, const struct payload *p)
{
    char what[40] = ": acked through ", id[SHORT_ID_MAX];

    if (p->seq == 0)
        return;
    if (p->has_target) {
        struct member *m = view_find(g, &p->target);
        if (m == NULL || m->probe.state != PROBE_INDIRECT || m->probe.seq[0] != p->seq)
            return;
        g->counters.acks++;
        memcpy(what + 16, short_id(&from->rec.id, id), SHORT_ID_MAX);
        trace_probe(g, m, what);
        probe_end(g, m);
        return;
    }
    g->counters.acks++;
    if (g->leaving && p->seq >= g->leave_seq)
        g->leave_acks++;
    if (p->seq == from->probe.seq[0])
        probe_answered(g, from, 0);
    else if (p->seq == from->probe.seq[1])
        probe_answered(g, from, 1);
    else
        relay_answered(g, from, p->seq);
}

void probe_asked(struct gossip *g, struct member *from, const struct payload *p)
{
    struct member *target = view_find(g, &p->target);

    if (target == NULL || target == gossip_self(g) || target == from)
        return;
    if (gossip_intend(g, PAYLOAD_PING, &target->rec.id, NULL, g->seq) == NULL)
        return;
    g->relays[g->relays_at++ % RELAYS_MAX] = (struct relay){ .seq = g->seq++,
                                                             .asker_seq = p->seq,
                                                             .asker = from->rec.id,
                                                             .target = target->rec.id,
                                                             .until = g->now + RELAY_LIFE };
}

/* ---- suspicion ----
 * Who hears nobody at all is more likely to be the broken one, and waits twice as long
 * (after Lifeguard's local health; Dadgar, Phillips, Currey 2018). With one peer only
 * there is no telling. */
void probe_suspicion_over(struct gossip *g, struct member *m)
{
    bool deaf = g->live > 1 && g->now - g->heard_at > g->cfg.probe_period * 5 / 2;

    assert(m->rec.state == MEMBER_SUSPECT);
    if (g->leaving)
        return;
    if (deaf && !m->excused) {
        m->excused = true;
        heap_set(&g->timers, &m->suspicion.node, g->now + g->cfg.suspect_timeout);
        return;
    }
    g->counters.deaths++;
    view_state(g, m, MEMBER_DEAD);
}

void probe_stalled(struct gossip *g)
{
    mesh_ns sooner = g->now + g->cfg.suspect_timeout / 2;

    g->counters.stalls++;
    g->heard_at = g->now;
    for (size_t i = 1; i < g->members_n; i++) {
        struct member *m = g->members[i];
        probe_end(g, m);
        m->probe.seq[0] = m->probe.seq[1] = 0;
        if (m->rec.state == MEMBER_SUSPECT && m->suspicion.node.at < sooner)
            heap_set(&g->timers, &m->suspicion.node, sooner);
    }
}

/* ---- rounds ---- */

static struct member *successor(const struct gossip *g)
{
    const struct node_id *self = &gossip_self(g)->rec.id;
    struct member *next = NULL, *first = NULL;

    for (size_t i = 1; i < g->members_n; i++) {
        struct member *m = g->members[i];
        if (!member_live(m))
            continue;
        if (first == NULL || node_id_cmp(&m->rec.id, &first->rec.id) < 0)
            first = m;
        if (node_id_cmp(&m->rec.id, self) > 0 && (next == NULL || node_id_cmp(&m->rec.id, &next->rec.id) < 0))
            next = m;
    }
    return next != NULL ? next : first;
}

static bool order_room(struct gossip *g, size_t n)
{
    if (n <= g->order_cap)
        return true;
    struct member **grown = realloc(g->order, 2 * n * sizeof(*grown));
    if (grown == NULL)
        return false;
    g->order = grown;
    g->order_cap = 2 * n;
    return true;
}

/* Puts |m| at a random place of what is left: repeated, that is a shuffle. */
static void order_insert(struct gossip *g, struct member *m)
{
    size_t at = g->order_at + (size_t)rand_below(&g->rand_order, g->order_n - g->order_at + 1);

    if (at < g->order_n)
        g->order[g->order_n] = g->order[at];
    g->order[at] = m;
    g->order_n++;
}

static void order_shuffle(struct gossip *g)
{
    g->order_at = g->order_n = 0;
    if (!order_room(g, g->live))
        return;
    for (size_t i = 1; i < g->members_n; i++) {
        if (member_live(g->members[i]))
            order_insert(g, g->members[i]);
    }
}

static struct member *order_next(struct gossip *g)
{
    for (int lap = 0; lap < 2; lap++) {
        while (g->order_at < g->order_n) {
            struct member *m = g->order[g->order_at++];
            if (m != NULL && member_live(m) && m->probe.state == PROBE_IDLE)
                return m;
        }
        order_shuffle(g);
    }
    return NULL;
}

/* For ever, so that a partition heals by itself however long it lasted. */
static void probe_the_gone(struct gossip *g)
{
    size_t budget = GONE_BUDGET;
    struct list again;

    list_init(&again);
    LIST_EACH_SAFE (at, &g->gone) {
        struct member *m = OBJ_OF(at, struct member, gone);
        if (m->gone_next > g->now)
            continue;
        if (budget-- == 0)
            break;
        mesh_ns period = g->now - m->since < GONE_SOON ? GONE_PERIOD : GONE_LATER;
        if (g->cfg.dead_probe_period != 0)
            period = g->cfg.dead_probe_period;
        m->gone_next = g->now + period;
        /* Each address in turn, and where it was last seen. */
        size_t turn = m->gone_tries++ % (m->rec.addrs_n + 1);
        const struct mesh_addr *addr = turn < m->rec.addrs_n ? &m->rec.addrs[turn] : &m->seen;
        gossip_intend(g, PAYLOAD_PING, &m->rec.id, addr, g->seq++);
        g->counters.probes++;
        list_remove(at);
        list_push_back(&again, at);
    }
    LIST_EACH_SAFE (at, &again) {
        list_remove(at);
        list_push_back(&g->gone, at);
    }
}

void probe_round(struct gossip *g)
{
    uint64_t n = g->round_n++;

    if (g->leaving)
        return;
    heap_set(&g->timers, &g->round.node, g->now + g->cfg.probe_period / 2);
    if (n % 2 == 0) {
        struct member *m = successor(g);
        if (m != NULL)
            probe_start(g, m);
        probe_the_gone(g);
        view_pending_sweep(g);
    } else if (g->live > 1 && (g->live <= RANDOM_EACH || n % 4 == 1)) {
        struct member *m = order_next(g);
        if (m != NULL)
            probe_start(g, m);
    }
}

void probe_member_state(struct gossip *g, struct member *m, bool was_live, bool is_new)
{
    if (member_live(m)) {
        g->live++;
        list_remove(&m->gone);
        /* Its turn comes within this round; who comes and goes all the time waits for the next. */
        if (g->order_n < 2 * g->members_n && order_room(g, g->order_n + 1))
            order_insert(g, m);
        return;
    }
    if (was_live)
        g->live--;
    if (was_live || is_new) {
        probe_end(g, m);
        m->gone_next = g->now + (g->cfg.dead_probe_period != 0 ? g->cfg.dead_probe_period : GONE_PERIOD);
        m->gone_tries = 0;
        list_push_back(&g->gone, &m->gone);
    }
}

void probe_member_gone(struct gossip *g, struct member *m)
{
    probe_end(g, m);
    if (member_live(m) && g->live > 0)
        g->live--;
    for (size_t i = 0; i < g->order_n; i++) {
        if (g->order[i] == m)
            g->order[i] = NULL;
    }
}
