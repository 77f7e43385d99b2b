/* probe.c - who answers. Each period a node pings the next living member after itself in
 * the order of ids. That order is the same for all, so everybody is pinged once a period
 * by somebody; and because neighbours may fail together, half a period later it pings one
 * more, in the order of a random permutation (SWIM, section 4.3), or a further neighbour. */
#include <stdlib.h>

#include "gossip/state.h"
#include "proto/base/rare.h"

#define GONE_BUDGET    4 /* pings of the dead and departed in a period */
#define GONE_SOON      SEC(600)
#define GONE_PERIOD    SEC(1)
#define GONE_LATER     SEC(10)
#define RANDOM_EACH    32 /* up to so many others, a random ping each period; above, each second one */
#define REPEATS        3  /* questions before a doubt is said, where so much is lost that */
#define PUBLIC_SHARE   3  /* there is not yet this part of the evidence for a death */
#define BEHIND         3  /* members behind the successor that are pinged now and then */
#define RELAY_LIFE     SEC(2)
#define RTT_SAMPLE_MAX SEC(10)
#define WALK_MAX       256
#define GONE_LOOK      64 /* gone members looked at in a period */

static void trace_probe(struct gossip *g, const struct member *m, const char *what)
{
    char id[SHORT_ID_MAX];

    if (g->cfg.trace.emit != NULL)
        trace_f(&g->cfg.trace, g->now, "probe %s%s", short_id(&member_rec(m)->id, id), what);
}

void probe_init(struct gossip *g)
{
    struct rand phase = rand_of(g->cfg.seed, g->entity, RAND_PHASE);
    struct rand seq = rand_of(g->cfg.seed, g->entity ^ g->cfg.self.boot, RAND_SEQ);

    g->rand_order = rand_of(g->cfg.seed, g->entity, RAND_ORDER);
    g->rand_relay = rand_of(g->cfg.seed, g->entity, RAND_RELAY);
    g->seq = 1 + rand_below(&seq, UINT32_MAX / 2);
    g->heard_at = g->now;
    health_init(&g->health);
    for (size_t i = 0; i < RELAYS_MAX; i++)
        g->relays[i].timer.kind = TIMER_RELAY;
    g->round.kind = TIMER_ROUND;
    heap_set(&g->timers, &g->round.node, g->now + 1 + (mesh_ns)rand_below(&phase, (uint64_t)g->cfg.probe_period / 2));
}

/* A few random ones of the living: picked by lot while that is quick, else by a walk from a random place. */
size_t probe_pick(struct gossip *g, struct rand *r, enum member_state state_max, const struct member *but, size_t n,
                  struct member **out)
{
    size_t got = 0;

    for (size_t lots = 0; g->live > 4 * n && got < n && lots < 8 * n; lots++) {
        struct member *m = &g->members[g->live_slots[rand_below(r, g->live)]];
        size_t same = 0;
        while (same < got && out[same] != m)
            same++;
        if (same == got && m != but && member_rec(m)->state <= state_max)
            out[got++] = m;
    }
    if (got == n || g->live == 0)
        return got;
    size_t start = (size_t)rand_below(r, g->live), seen = got = 0;
    for (size_t i = 0; i < g->live && seen < WALK_MAX; i++) { /* reservoir sampling (Vitter's R) */
        struct member *m = &g->members[g->live_slots[(start + i) % g->live]];
        if (member_rec(m)->state > state_max || m == but)
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
 * IDLE --round--> DIRECT --ack_timeout--> INDIRECT --silence--> INQUIRY (suspect.c), or IDLE
 * An ack in DIRECT or INDIRECT, straight or relayed, leads back to IDLE. Timeouts grow
 * with our own ill health. */

void probe_end(struct gossip *g, struct watch *w)
{
    w->probe.state = PROBE_IDLE;
    heap_remove(&g->timers, &w->probe.timer.node);
}

static void probe_start(struct gossip *g, struct member *m)
{
    struct watch *w = watch_need(g, m);

    if (w == NULL || w->probe.state != PROBE_IDLE)
        return;
    struct probe *p = &w->probe;
    trace_probe(g, m, "");
    g->counters.probes++;
    p->state = PROBE_DIRECT;
    p->began = p->sent[0] = g->now;
    p->seq[0] = g->seq++;
    p->seq[1] = 0;
    memset(p->asked, 0, sizeof(p->asked));
    memset(p->deniers, 0, sizeof(p->deniers));
    p->asked_n = p->denied = p->repeated = 0;
    gossip_intend(g, PAYLOAD_PING, &member_rec(m)->id, NULL, p->seq[0]);
    mesh_ns patience = health_span(&g->health, g->cfg.ack_timeout);
    heap_set(&g->timers, &p->timer.node, g->now + (RARE(PROBE_HASTY) ? patience / 16 : patience));
}

/* Repetitions try another address in turn, if there is one. */
static const struct mesh_addr *other_addr(const struct gossip *g, const struct watch *w)
{
    const struct member_record *r = member_rec(watch_member(g, w));

    if (w->seen.port != 0)
        return &w->seen;
    return r->addrs_n > 1 ? &r->addrs[1] : NULL;
}

void probe_repeat(struct gossip *g, struct watch *w)
{
    struct probe *p = &w->probe;
    bool other = p->state != PROBE_INQUIRY || g->seq % 2 == 0;

    p->seq[1] = g->seq++;
    p->sent[1] = g->now;
    gossip_intend(g, PAYLOAD_PING, &member_rec(watch_member(g, w))->id, other ? other_addr(g, w) : NULL, p->seq[1]);
}

static uint32_t who_is(const struct member *m)
{
    return be32_get(member_rec(m)->id.bytes);
}

static void note_asked(struct probe *p, uint32_t who)
{
    for (size_t i = 0; i < ASKED_MAX; i++) {
        if (p->asked[i] == who)
            return;
    }
    p->asked[p->asked_n++ % ASKED_MAX] = who;
}

void probe_ask_relays(struct gossip *g, struct watch *w)
{
    struct member *m = watch_member(g, w);
    struct member *relays[ASKED_MAX];
    size_t want = g->cfg.indirect < ASKED_MAX ? g->cfg.indirect : ASKED_MAX;

    size_t n = probe_pick(g, &g->rand_relay, MEMBER_ALIVE, m, want, relays);
    for (size_t i = 0; i < n; i++) {
        char what[32] = ": no ack, ask ", id[SHORT_ID_MAX];
        struct intent *ask = gossip_intend(g, PAYLOAD_ASK, &member_rec(relays[i])->id, NULL, w->probe.seq[0]);
        if (ask == NULL)
            continue;
        ask->has_target = true;
        ask->target = member_rec(m)->id;
        if (member_rec(m)->state != MEMBER_ALIVE) { /* so that the target is told, and its refutation comes back */
            ask->evidence[0] = ask->target;
            ask->evidence_n = 1;
        }
        note_asked(&w->probe, who_is(relays[i]));
        g->counters.probes_indirect++;
        memcpy(what + 14, short_id(&member_rec(relays[i])->id, id), SHORT_ID_MAX);
        trace_probe(g, m, what);
    }
}

static void probe_go_round(struct gossip *g, struct watch *w)
{
    struct probe *p = &w->probe;
    mesh_ns span = mesh_ns_min(g->cfg.probe_period, g->cfg.ack_timeout * 5 / 2);
    mesh_ns over = p->began + health_span(&g->health, span);

    if (member_rec(watch_member(g, w))->state == MEMBER_ALIVE) /* else somebody else asks them */
        probe_ask_relays(g, w);
    probe_repeat(g, w);
    p->state = PROBE_INDIRECT;
    heap_set(&g->timers, &p->timer.node, over > g->now ? over : g->now + g->cfg.ack_timeout);
}

/* A doubt is news for all, and so is its refutation. So where much is lost a few more
 * questions come first: most doubts end with them. */
static bool probe_once_more(struct gossip *g, struct watch *w)
{
    struct probe *p = &w->probe;
    unsigned vain = 2 + p->repeated + p->denied;

    if (p->repeated == 0)
        p->silent_since = g->now;
    if (p->repeated == REPEATS || vain * PUBLIC_SHARE >= health_vain(&g->health))
        return false;
    p->repeated++;
    if (member_rec(watch_member(g, w))->state == MEMBER_ALIVE)
        probe_ask_relays(g, w);
    probe_repeat(g, w);
    heap_set(&g->timers, &p->timer.node, g->now + health_span(&g->health, g->cfg.ack_timeout));
    return true;
}

static void probe_give_up(struct gossip *g, struct watch *w)
{
    const struct member *m = watch_member(g, w);

    if (member_live(m) && m->acked && probe_once_more(g, w))
        return;
    health_silence(&g->health, w->probe.asked_n, w->probe.denied);
    trace_probe(g, m, ": silence");
    if (!member_live(m) || !suspect_accuse(g, w))
        probe_end(g, w);
}

void probe_timeout(struct gossip *g, struct watch *w)
{
    switch (w->probe.state) {
    case PROBE_DIRECT: probe_go_round(g, w); break;
    case PROBE_INDIRECT: probe_give_up(g, w); break;
    case PROBE_INQUIRY: suspect_timeout(g, w); break;
    case PROBE_IDLE: assert(!"a timer without a probe"); break;
    }
}

/* It lives: back to IDLE, or an accusation begins anew. */
static void probe_succeeded(struct gossip *g, struct watch *w)
{
    w->probe.unmet_since = 0;
    if (w->probe.state == PROBE_INQUIRY) {
        suspect_heard(g, w);
        return;
    }
    if (w->probe.state == PROBE_IDLE)
        return;
    health_answer(&g->health);
    health_ping(&g->health, w->probe.state == PROBE_INDIRECT);
    probe_end(g, w);
}

static void probe_answered(struct gossip *g, struct watch *w, int which)
{
    struct member *m = watch_member(g, w);
    mesh_ns sample = g->now - w->probe.sent[which];

    m->acked = 1;
    w->probe.seq[0] = w->probe.seq[1] = 0;
    if (sample > 0 && sample < RTT_SAMPLE_MAX) { /* RFC 6298's gain */
        mesh_ns rtt = US(m->rtt_us);
        rtt = rtt == 0 ? sample : rtt + (sample - rtt) / 8;
        m->rtt_us = (uint32_t)(rtt / US(1)) & INT32_MAX;
    }
    probe_succeeded(g, w);
    watch_rest(g, w);
}

static void relay_answered(struct gossip *g, const struct member *from, uint64_t seq)
{
    for (size_t i = 0; i < RELAYS_MAX; i++) {
        struct relay *r = &g->relays[i];
        if (r->seq != seq || g->now > r->until || !node_id_eq(&r->target, &member_rec(from)->id))
            continue;
        struct intent *ack = gossip_intend(g, PAYLOAD_ACK, &r->asker, NULL, r->asker_seq);
        if (ack != NULL) {
            ack->has_target = true;
            ack->target = ack->evidence[0] = member_rec(from)->id; /* it may have refuted */
            ack->evidence_n = 1;
        }
        r->seq = 0;
        heap_remove(&g->timers, &r->timer.node);
        return;
    }
}

void probe_acked(struct gossip *g, struct member *from, const struct payload *p)
{
    char what[40] = ": acked through ", id[SHORT_ID_MAX];

    if (p->seq == 0)
        return;
    if (p->has_target) {
        const struct member *m = view_find(g, &p->target);
        struct watch *w = m != NULL ? member_watch(g, m) : NULL;
        if (w == NULL || w->probe.state < PROBE_INDIRECT || w->probe.seq[0] != p->seq)
            return;
        g->counters.acks++;
        memcpy(what + 16, short_id(&member_rec(from)->id, id), SHORT_ID_MAX);
        trace_probe(g, m, what);
        probe_succeeded(g, w);
        return;
    }
    g->counters.acks++;
    if (g->leaving && p->seq >= g->leave_seq)
        g->leave_acks++;
    struct watch *w = member_watch(g, from);
    if (w != NULL && p->seq == w->probe.seq[0])
        probe_answered(g, w, 0);
    else if (w != NULL && p->seq == w->probe.seq[1])
        probe_answered(g, w, 1);
    else
        relay_answered(g, from, p->seq);
    w = member_watch(g, from);
    if (w != NULL && w->probe.state == PROBE_INQUIRY) /* to whatever it answered: it lives */
        probe_succeeded(g, w);
}

void probe_asked(struct gossip *g, struct member *from, const struct payload *p)
{
    struct member *target = view_find(g, &p->target);

    if (target == NULL || target == gossip_self(g) || target == from)
        return;
    if (gossip_intend(g, PAYLOAD_PING, &member_rec(target)->id, NULL, g->seq) == NULL)
        return;
    struct relay *r = &g->relays[g->relays_at++ % RELAYS_MAX];
    r->seq = g->seq++;
    r->asker_seq = p->seq;
    r->asker = member_rec(from)->id;
    r->target = member_rec(target)->id;
    r->until = g->now + RELAY_LIFE;
    heap_set(&g->timers, &r->timer.node, g->now + g->cfg.ack_timeout * 5 / 6); /* before the asker gives up */
}

/* We say that we are here and the target does not answer: that is evidence, and shows the
 * asker that its own links are well. A later answer is passed on all the same. */
void probe_relay_over(struct gossip *g, struct relay *r)
{
    struct intent *nack = r->seq == 0 ? NULL : gossip_intend(g, PAYLOAD_NACK, &r->asker, NULL, r->asker_seq);

    if (nack == NULL)
        return;
    nack->has_target = true;
    nack->target = r->target;
}

void probe_denied(struct gossip *g, struct member *from, const struct payload *p)
{
    const struct member *m = view_find(g, &p->target);
    struct watch *w = m != NULL ? member_watch(g, m) : NULL;
    uint32_t who = who_is(from);
    size_t i = 0;

    if (w == NULL || w->probe.state < PROBE_INDIRECT || w->probe.seq[0] != p->seq)
        return;
    while (i < ASKED_MAX && (w->probe.asked[i] != who || who == 0))
        i++;
    if (i == ASKED_MAX)
        return;
    w->probe.asked[i] = 0; /* each counts once for each time that it was asked */
    g->counters.denials++;
    if (w->probe.state == PROBE_INQUIRY) {
        suspect_denied(g, w, who);
        return;
    }
    w->probe.denied++;
    i = 0;
    while (i < CONFIRMED_MAX && w->probe.deniers[i] != 0 && w->probe.deniers[i] != who)
        i++;
    if (i < CONFIRMED_MAX)
        w->probe.deniers[i] = who;
}

void probe_stalled(struct gossip *g)
{
    g->counters.stalls++;
    g->heard_at = g->now;
    health_worse(&g->health);
    for (size_t i = 0; i < RELAYS_MAX; i++) {
        g->relays[i].seq = 0;
        heap_remove(&g->timers, &g->relays[i].timer.node);
    }
    for (size_t i = 0; i < g->watches_n; i++) {
        struct watch *w = g->watches[i];
        if (w == NULL)
            continue;
        if (w->probe.state != PROBE_INQUIRY) {
            probe_end(g, w);
            w->probe.seq[0] = w->probe.seq[1] = 0;
        }
        suspect_stalled(g, w);
    }
}

/* ---- rounds ---- */

/* The next living member in the order of ids, which is the same for all, or one |behind| it. */
static struct member *successor(const struct gossip *g, size_t behind)
{
    const struct roster *r = g->roster;
    size_t at = gossip_self(g)->fact->ident->rank;

    for (size_t i = 1; g->live > 0 && i < r->idents_n; i++) {
        at = at + 1 < r->idents_n ? at + 1 : 0;
        uint32_t index = r->order[at]->index;
        if (index >= g->slot_of_cap || g->slot_of[index] == SLOT_NONE)
            continue;
        struct member *m = &g->members[g->slot_of[index]];
        const struct watch *w = member_watch(g, m);
        if (m->live_at == LIVE_NONE || (w != NULL && w->probe.state == PROBE_INQUIRY))
            continue; /* who is silent does not hide who comes behind it */
        if (behind-- == 0)
            return m;
    }
    return NULL;
}

/* The next one of a random permutation that is made as it is used (Fisher, Yates). */
static struct member *order_next(struct gossip *g)
{
    for (size_t tries = 0; tries < g->live && tries < WALK_MAX; tries++) {
        if (g->order_at >= g->live)
            g->order_at = 0;
        size_t at = g->order_at++, from = at + (size_t)rand_below(&g->rand_order, g->live - at);
        uint16_t slot = g->live_slots[from];
        g->live_slots[from] = g->live_slots[at];
        g->live_slots[at] = slot;
        g->members[g->live_slots[from]].live_at = (uint16_t)from;
        g->members[slot].live_at = (uint16_t)at;
        struct member *m = &g->members[slot];
        const struct watch *w = member_watch(g, m);
        if (w == NULL || w->probe.state == PROBE_IDLE)
            return m;
    }
    return NULL;
}

/* For ever, so that a partition heals by itself however long it lasted. */
static void probe_the_gone(struct gossip *g)
{
    size_t budget = GONE_BUDGET, look = GONE_LOOK;
    struct list again;

    list_init(&again);
    LIST_EACH_SAFE (at, &g->gone) {
        struct watch *w = OBJ_OF(at, struct watch, gone);
        const struct member_record *r = member_rec(watch_member(g, w));
        if (budget == 0 || look-- == 0)
            break;
        list_remove(at);
        list_push_back(&again, at);
        if (w->gone_next > g->now)
            continue;
        budget--;
        mesh_ns period = g->now - w->since < GONE_SOON ? GONE_PERIOD : GONE_LATER;
        if (g->cfg.dead_probe_period != 0)
            period = g->cfg.dead_probe_period;
        w->gone_next = g->now + period;
        /* Each address in turn, and where it was last seen. */
        size_t turn = w->gone_tries++ % (r->addrs_n + 1);
        const struct mesh_addr *addr = turn < r->addrs_n ? &r->addrs[turn] : &w->seen;
        gossip_intend(g, PAYLOAD_PING, &r->id, addr, g->seq++);
        g->counters.probes++;
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
    heap_set(&g->timers, &g->round.node, g->now + health_span(&g->health, g->cfg.probe_period / 2));
    if (n % 2 == 0) {
        struct member *m = successor(g, 0);
        if (m != NULL)
            probe_start(g, m);
        probe_the_gone(g);
        view_pending_sweep(g);
        rumour_recent_sweep(g);
    } else if (g->live > 1 && (g->live <= RANDOM_EACH || n % 4 == 1)) {
        /* Each fourth time one of the next behind the successor: we can only accuse whom we know. */
        uint64_t turn = n / 4;
        bool behind = g->live > RANDOM_EACH && turn % 4 == 0;
        struct member *m = behind ? successor(g, 1 + turn / 4 % BEHIND) : order_next(g);
        if (m != NULL)
            probe_start(g, m);
    }
}

void probe_member_state(struct gossip *g, struct watch *w, bool was_live, bool is_new)
{
    struct member *m = watch_member(g, w);

    members_live_set(g, m, member_live(m));
    if (member_live(m)) {
        list_remove(&w->gone);
    } else if (was_live || is_new) {
        probe_end(g, w);
        w->gone_next = g->now + (g->cfg.dead_probe_period != 0 ? g->cfg.dead_probe_period : GONE_PERIOD);
        w->gone_tries = 0;
        list_push_back(&g->gone, &w->gone);
    }
}

void probe_watch_gone(struct gossip *g, struct watch *w)
{
    g->suspects -= member_rec(watch_member(g, w))->state == MEMBER_SUSPECT;
    probe_end(g, w);
}
