#include "gossip/gossip.h"

#include <stdlib.h>

#include "gossip/state.h"
#include "proto/base/err.h"

#define SPEAK_INTERVAL  MS(200) /* between answers out of turn to one member */
#define STALL_MIN       MS(250) /* a timer so late means that we were frozen */
#define DIFFER_QUIET    8       /* weight of an exchange that brought nothing new, with nothing queued here */
#define DIFFER_ENOUGH   24      /* three of those in a row */
#define SYNC_INTERVAL   SEC(1)
#define SYNC_MEMBER     SEC(5)
#define LEAVE_PERIOD    MS(200)
#define LEAVE_MAX       SEC(1)
#define LEAVE_FANOUT    5
#define LEAVE_CONFIRMED 3
#define INTENTS_MIN     8

struct gossip *gossip_new(const struct gossip_config *cfg, mesh_ns now)
{
    struct gossip *g = calloc(1, sizeof(*g));

    if (g == NULL)
        return NULL;
    assert(cfg->self.addrs_n <= GOSSIP_ADDRS_MAX && cfg->self.boot <= GOSSIP_BOOT_MAX);
    g->magic = GOSSIP_MAGIC;
    g->cfg = *cfg;
    g->cfg.probe_period = cfg->probe_period != 0 ? cfg->probe_period : SEC(1);
    g->cfg.ack_timeout = cfg->ack_timeout != 0 ? cfg->ack_timeout : MS(300);
    g->cfg.suspect_timeout = cfg->suspect_timeout != 0 ? cfg->suspect_timeout : MS(3500);
    g->cfg.suspect_max = cfg->suspect_max != 0 ? cfg->suspect_max : 2 * g->cfg.suspect_timeout;
    g->cfg.unmet_timeout = cfg->unmet_timeout != 0 ? cfg->unmet_timeout : SEC(10);
    g->cfg.indirect = cfg->indirect != 0 ? cfg->indirect : 3;
    g->entity = be64_get(cfg->self.id.bytes);
    g->now = now;
    heap_init(&g->timers);
    rumour_init(g);
    g->leave.kind = TIMER_LEAVE;
    if (view_init(g) != 0) {
        gossip_free(g);
        return NULL;
    }
    probe_init(g);
    rumour_start(g, gossip_self(g), 0); /* goes out as soon as there is somebody to tell */
    return g;
}

void gossip_free(struct gossip *g)
{
    if (g == NULL)
        return;
    OBJ_CHECK(g, GOSSIP_MAGIC);
    view_fini(g);
    free(g->intents);
    buf_free(&g->payload);
    buf_free(&g->records);
    g->magic = 0;
    free(g);
}

/* Moves time on. Timers much too late mean that this process was frozen: then the
 * silence of others, whose packets still wait unread, proves nothing. */
static void advance(struct gossip *g, mesh_ns now)
{
    OBJ_CHECK(g, GOSSIP_MAGIC);
    assert(now >= g->now);
    mesh_ns due = heap_deadline(&g->timers);
    g->now = now;
    if (due < now && now - due > STALL_MIN)
        probe_stalled(g);
}

/* ---- packets out ---- */

static bool intents_grow(struct gossip *g)
{
    size_t cap = g->intents_cap == 0 ? INTENTS_MIN : 2 * g->intents_cap;
    struct intent *grown = cap <= INTENTS_MAX ? malloc(cap * sizeof(*grown)) : NULL;

    if (grown == NULL)
        return false;
    for (size_t i = 0; i < g->intents_n; i++)
        grown[i] = g->intents[(g->intents_at + i) & (g->intents_cap - 1)];
    free(g->intents);
    g->intents = grown;
    g->intents_cap = cap;
    g->intents_at = 0;
    return true;
}

struct intent *gossip_intend(struct gossip *g, enum payload_kind kind, const struct node_id *to,
                             const struct mesh_addr *addr, uint64_t seq)
{
    struct mesh_addr at = { .port = 0 };

    if (addr != NULL && addr->port != 0) {
        at = *addr;
    } else {
        const struct member *m = view_find(g, to);
        if (m != NULL)
            at = member_rec(m)->addrs_n > 0 ? member_rec(m)->addrs[0] : member_addr(g, m);
    }
    if (at.port == 0)
        return NULL;
    if (g->intents_n == g->intents_cap && !intents_grow(g)) {
        g->counters.overflows++;
        return NULL;
    }
    struct intent *i = &g->intents[(g->intents_at + g->intents_n++) & (g->intents_cap - 1)];
    *i = (struct intent){ .kind = kind, .to = *to, .addr = at, .seq = seq };
    return i;
}

static bool poll_changed(struct gossip *g, struct gossip_out *out)
{
    struct list *first = list_first(&g->changed);

    if (first == NULL)
        return false;
    struct watch *w = OBJ_OF(first, struct watch, changed);
    const struct member_record *r = member_rec(watch_member(g, w));
    list_remove(first);
    *out = (struct gossip_out){ .kind = GOSSIP_CHANGED,
                                .to = r->id,
                                .was = w->told ? w->told_state : r->state,
                                .is = r->state,
                                .is_new = !w->told };
    watch_rest(g, w);
    return true;
}

static bool poll_cert(struct gossip *g, struct gossip_out *out)
{
    if (!g->asking)
        return false;
    LIST_EACH (at, &g->pending) {
        struct pending *p = OBJ_OF(at, struct pending, link);
        if (!p->ask)
            continue;
        p->ask = false;
        *out = (struct gossip_out){ .kind = GOSSIP_NEED_CERT, .to = p->rec.id, .via = p->via };
        return true;
    }
    g->asking = false;
    return false;
}

static bool poll_send(struct gossip *g, struct gossip_out *out)
{
    while (g->intents_n > 0) {
        struct intent i = g->intents[g->intents_at];
        g->intents_at = (g->intents_at + 1) & (g->intents_cap - 1);
        g->intents_n--;
        if (!rumour_write(g, &i)) {
            g->counters.overflows++;
            continue;
        }
        *out =
            (struct gossip_out){ .kind = GOSSIP_SEND, .to = i.to, .addr = i.addr, .payload = buf_slice(&g->payload) };
        return true;
    }
    return false;
}

bool gossip_poll(struct gossip *g, struct gossip_out *out)
{
    OBJ_CHECK(g, GOSSIP_MAGIC);
    if (poll_changed(g, out))
        return true;
    if (g->self_boot) {
        g->self_boot = false;
        *out = (struct gossip_out){ .kind = GOSSIP_SELF_BOOT,
                                    .to = member_rec(gossip_self(g))->id,
                                    .boot = g->self_boot_seen };
        return true;
    }
    if (g->roll_heard) {
        g->roll_heard = false;
        *out = (struct gossip_out){ .kind = GOSSIP_ROLL, .to = g->roll_from, .roll = g->roll_seen };
        if (g->roll_seen > g->roll)
            return true;
    }
    if (g->config_heard) {
        g->config_heard = false;
        *out = (struct gossip_out){ .kind = GOSSIP_CONFIG, .to = g->config_from, .config = g->config_seen };
        if (g->config_seen != g->config)
            return true;
    }
    if (g->origin_heard) {
        g->origin_heard = false;
        *out = (struct gossip_out){
            .kind = GOSSIP_ORIGIN, .to = g->origin_from, .origin_us = g->origin_seen, .parent = g->parent_seen
        };
        return true;
    }
    if (poll_cert(g, out))
        return true;
    if (g->sync) {
        g->sync = false;
        *out = (struct gossip_out){ .kind = GOSSIP_SYNC, .to = g->sync_with };
        return true;
    }
    return poll_send(g, out);
}

/* ---- packets in ---- */

void gossip_seen(struct gossip *g, const struct node_id *id, const struct mesh_addr *addr)
{
    OBJ_CHECK(g, GOSSIP_MAGIC);
    struct member *m = view_find(g, id);
    if (m != NULL)
        view_seen(g, m, addr);
    g->seen_id = *id;
    g->seen_addr = *addr;
}

/* What a packet calls for in answer. */
struct answer {
    bool want, own, same; /* |same|: it holds our view */
    size_t evidence_n;
    struct node_id evidence[EVIDENCE_MAX];
};

/* Returns how many were news. */
static size_t take_records(struct gossip *g, const struct node_id *from, const struct payload *p, struct answer *a)
{
    size_t news = 0;

    for (size_t i = 0; i < p->records_n; i++) {
        const struct node_id *id = &p->records[i].id;
        bool of_sender = node_id_eq(id, from);
        int verdict = view_merge(g, &p->records[i], of_sender ? NULL : from, false);
        news += verdict == VERDICT_NEWS || verdict == VERDICT_WAITS;
        if (node_id_eq(id,
                       &member_rec(gossip_self(g))->id)) { /* refuted now or before: who doubts us hears it at once */
            a->own |= member_record_cmp(&p->records[i], member_rec(gossip_self(g))) < 0;
            continue;
        }
        if (verdict != VERDICT_OLD)
            continue;
        if (!of_sender && a->evidence_n < EVIDENCE_MAX) /* its own is told it anyway, if it matters */
            a->evidence[a->evidence_n++] = *id;
    }
    return news;
}

static void answer_with(struct gossip *g, enum payload_kind kind, const struct node_id *to, const struct member *m,
                        uint64_t seq, const struct answer *a)
{
    struct mesh_addr addr = node_id_eq(&g->seen_id, to) ? g->seen_addr
                            : m != NULL                 ? member_addr(g, m)
                                                        : (struct mesh_addr){ .port = 0 };
    struct intent *i = gossip_intend(g, kind, to, &addr, seq);

    if (i == NULL)
        return;
    i->view = a->same ? VIEW_SAME : VIEW_OTHER;
    i->want = a->want;
    i->own = a->own;
    i->evidence_n = a->evidence_n;
    memcpy(i->evidence, a->evidence, sizeof(a->evidence));
}

/* Views that differ while rumours are under way will meet by themselves; those that go
 * on differing have lost something, and only a full exchange finds out what. */
static void compare_views(struct gossip *g, struct member *m, const struct payload *p, size_t news)
{
    if (member_rec(m)->state != MEMBER_ALIVE || g->leaving)
        return;
    if (p->view == g->digest) {
        g->differ /= 2;
        rumour_same_view(g);
        return;
    }
    if (g->differ < DIFFER_ENOUGH)
        g->differ += g->rumours_n == 0 && news == 0 ? DIFFER_QUIET : 1;
    if (g->differ < DIFFER_ENOUGH || g->now < g->sync_after)
        return;
    struct lately *lately = view_lately(g, m);
    if (g->now < lately->sync_after || !rumour_affords(g))
        return;
    g->differ = 0;
    g->sync = true;
    g->sync_with = member_rec(m)->id;
    g->sync_after = g->now + SYNC_INTERVAL;
    lately->sync_after = g->now + SYNC_MEMBER;
    g->counters.syncs++;
}

/* A packet that calls for no ACK is answered only if there is a reason, and not too often. */
static void speak_out_of_turn(struct gossip *g, struct member *m, const struct answer *a)
{
    if (!a->own && !a->want && member_rec(m)->state == MEMBER_ALIVE)
        return;
    struct lately *lately = view_lately(g, m);
    if (lately->spoken_at != 0 && g->now - lately->spoken_at < SPEAK_INTERVAL)
        return;
    lately->spoken_at = g->now;
    answer_with(g, PAYLOAD_NEWS, &member_rec(m)->id, m, 0, a);
}

int gossip_recv(struct gossip *g, mesh_ns now, const struct node_id *from, struct slice bytes)
{
    struct payload p;

    advance(g, now);
    int err = node_id_eq(from, &member_rec(gossip_self(g))->id) ? MESH_E_STATE : payload_get(bytes, &p);
    if (err != 0) {
        g->counters.malformed++;
        return err;
    }
    struct answer a = { .own = p.want };
    g->heard_at = now;
    if (p.roll > g->roll) {
        g->roll_heard = true;
        g->roll_seen = p.roll;
        g->roll_from = *from;
    }
    if (p.origin_us > 0 || p.parent > 0) {
        g->origin_heard = true;
        g->origin_seen = p.origin_us;
        g->parent_seen = p.parent;
        g->origin_from = *from;
    }
    if (p.config != g->config) {
        g->config_heard = true;
        g->config_seen = p.config;
        g->config_from = *from;
    }
    size_t news = take_records(g, from, &p, &a);
    a.same = p.view == g->digest;
    struct member *m = view_find(g, from);
    a.want = m == NULL || incarnation_cmp(p.boot, p.counter, member_rec(m)->boot, member_rec(m)->counter) > 0;
    if (p.kind == PAYLOAD_PING)
        answer_with(g, PAYLOAD_ACK, from, m, p.seq, &a);
    if (m == NULL)
        return 0;
    if (p.kind == PAYLOAD_ACK)
        probe_acked(g, m, &p);
    if (p.kind == PAYLOAD_ASK)
        probe_asked(g, m, &p);
    if (p.kind == PAYLOAD_NACK)
        probe_denied(g, m, &p);
    if (p.kind != PAYLOAD_PING)
        speak_out_of_turn(g, m, &a);
    if (p.kind == PAYLOAD_PING || (p.kind == PAYLOAD_ACK && !p.has_target))
        compare_views(g, m, &p, news);
    if (g->leaving && g->leave_acks >= g->leave_need)
        g->left = true;
    return 0;
}

int gossip_learn(struct gossip *g, mesh_ns now, const struct member_record *r)
{
    advance(g, now);
    int verdict = view_merge(g, r, NULL, true);
    return verdict < 0 ? verdict : 0;
}

/* ---- time ---- */

static void farewell(struct gossip *g)
{
    struct member *to[LEAVE_FANOUT];

    if (g->left)
        return;
    if (g->live == 0 || g->now >= g->leave_until) {
        g->left = true;
        return;
    }
    size_t n = probe_pick(g, &g->rand_push, MEMBER_SUSPECT, NULL, LEAVE_FANOUT, to);
    for (size_t i = 0; i < n; i++)
        gossip_intend(g, PAYLOAD_PING, &member_rec(to[i])->id, NULL, g->seq++);
    heap_set(&g->timers, &g->leave.node, mesh_ns_min(g->now + LEAVE_PERIOD, g->leave_until));
}

void gossip_tick(struct gossip *g, mesh_ns now)
{
    struct heap_node *n;

    advance(g, now);
    while ((n = heap_pop(&g->timers, now)) != NULL) {
        struct timer *t = OBJ_OF(n, struct timer, node);
        switch (t->kind) {
        case TIMER_PROBE: probe_timeout(g, OBJ_OF(t, struct watch, probe.timer)); break;
        case TIMER_SUSPICION: suspect_unheard(g, OBJ_OF(t, struct watch, suspicion)); break;
        case TIMER_ROUND: probe_round(g); break;
        case TIMER_PUSH: rumour_push(g); break;
        case TIMER_LEAVE: farewell(g); break;
        case TIMER_RELAY: probe_relay_over(g, OBJ_OF(t, struct relay, timer)); break;
        }
    }
}

mesh_ns gossip_deadline(const struct gossip *g)
{
    OBJ_CHECK(g, GOSSIP_MAGIC);
    return heap_deadline(&g->timers);
}

/* ---- what we say of ourselves ---- */

void gossip_leave(struct gossip *g, mesh_ns now)
{
    advance(g, now);
    if (g->leaving)
        return;
    struct member_record own = *member_rec(gossip_self(g));
    own.state = MEMBER_LEFT;
    g->leaving = true;
    g->leave_until = now + LEAVE_MAX;
    g->leave_seq = g->seq;
    g->leave_need = g->live < LEAVE_CONFIRMED ? (unsigned)g->live : LEAVE_CONFIRMED;
    view_restate(g, &own);
    heap_remove(&g->timers, &g->round.node);
    for (size_t i = 0; i < g->watches_n; i++) {
        if (g->watches[i] == NULL)
            continue;
        heap_remove(&g->timers, &g->watches[i]->probe.timer.node);
        heap_remove(&g->timers, &g->watches[i]->suspicion.node);
    }
    farewell(g);
}

bool gossip_left(const struct gossip *g)
{
    OBJ_CHECK(g, GOSSIP_MAGIC);
    return g->left;
}

void gossip_restate(struct gossip *g, mesh_ns now, const struct member_record *self)
{
    advance(g, now);
    assert(self->addrs_n <= GOSSIP_ADDRS_MAX);
    struct member_record own = *member_rec(gossip_self(g));
    if (own.state != MEMBER_ALIVE || member_record_same_facts(&own, self))
        return;
    if (!view_own_next(g, &own, own.counter))
        return;
    memcpy(own.addrs, self->addrs, sizeof(own.addrs));
    own.addrs_n = self->addrs_n;
    own.weight = self->weight;
    own.serial = self->serial;
    view_restate(g, &own);
}

void gossip_roll(struct gossip *g, uint64_t sequence)
{
    OBJ_CHECK(g, GOSSIP_MAGIC);
    g->roll = sequence;
}

void gossip_config(struct gossip *g, uint64_t mark)
{
    OBJ_CHECK(g, GOSSIP_MAGIC);
    g->config = mark;
}

void gossip_origin(struct gossip *g, uint32_t origin_us, uint32_t parent)
{
    OBJ_CHECK(g, GOSSIP_MAGIC);
    g->origin_us = origin_us;
    g->parent = parent;
}

void gossip_weight(struct gossip *g, mesh_ns now, uint32_t weight)
{
    OBJ_CHECK(g, GOSSIP_MAGIC);
    struct member_record own = *member_rec(gossip_self(g));
    own.weight = weight;
    gossip_restate(g, now, &own);
}

void gossip_reboot(struct gossip *g, mesh_ns now, uint64_t boot)
{
    advance(g, now);
    struct member_record own = *member_rec(gossip_self(g));
    assert(boot > own.boot && boot <= GOSSIP_BOOT_MAX);
    own.boot = boot;
    own.counter = 0;
    for (size_t i = 1; i < g->members_n; i++)
        g->members[i].acked = 0; /* not in this boot */
    view_restate(g, &own);
}

const struct gossip_counters *gossip_counters(const struct gossip *g)
{
    OBJ_CHECK(g, GOSSIP_MAGIC);
    return &g->counters;
}
