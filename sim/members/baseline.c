#include "sim/members/baseline.h"

#include <stdlib.h>

#include "sim/members/baseline_parts.h"
#include "sim/memory.h"

/* ---- birth and end ---- */

static void start_timer(struct baseline *b, struct baseline_timer *t, enum timer_kind kind, mesh_ns span)
{
    t->kind = kind;
    timer_set(b, t, b->now + (mesh_ns)rand_below(&b->rand, (uint64_t)span));
}

struct baseline *baseline_new(const struct baseline_config *cfg, mesh_ns now)
{
    struct baseline *b = memory_new(sizeof(*b));

    b->cfg = *cfg;
    b->now = now;
    b->rand = rand_of(cfg->seed, cfg->self, 0);
    b->target = NOBODY;
    heap_init(&b->timers);
    for (size_t i = 0; i < TRANSMITS_MAX; i++)
        list_init(&b->queue[i]);
    b->ask.kind = TIMER_ASK;
    b->give_up.kind = TIMER_GIVE_UP;
    for (size_t i = 0; i < BASELINE_RELAYED; i++)
        b->relayed[i].timer.kind = TIMER_NACK;
    b->slots = memory_new(cfg->n * sizeof(*b->slots));
    b->order = memory_new(cfg->n * sizeof(*b->order));
    b->peers_n = 1;
    b->peers_cap = cfg->n < 16 ? cfg->n : 16;
    b->peers = memory_new(b->peers_cap * sizeof(*b->peers));
    b->incarnation = 1;
    b->peers[0] = (struct peer){
        .node = cfg->self,
        .incarnation = 1,
        .boot = (uint32_t)cfg->boot,
        .weight = cfg->weight,
        .changed = now,
    };
    b->slots[cfg->self] = 1;
    b->digest = rand_mix(cfg->self + 1);
    start_timer(b, &b->round, TIMER_ROUND, BASELINE_PROBE_INTERVAL);
    start_timer(b, &b->gossip, TIMER_GOSSIP, BASELINE_GOSSIP_INTERVAL);
    start_timer(b, &b->push_pull, TIMER_PUSH_PULL, BASELINE_PUSH_PULL);
    news_own(b);
    return b;
}

void baseline_free(struct baseline *b)
{
    if (b == NULL)
        return;
    for (uint32_t i = 0; i < b->peers_n; i++) {
        free(b->peers[i].suspicion);
        free(b->peers[i].news);
    }
    free(b->peers);
    free(b->slots);
    free(b->order);
    free(b->out);
    free(b->out_at);
    buf_free(&b->bytes);
    buf_free(&b->packet);
    free(b);
}

/* ---- time ---- */

/* With each doubling above 32 members, one interval more. */
static mesh_ns push_pull_interval(size_t n)
{
    mesh_ns interval = BASELINE_PUSH_PULL;

    for (size_t most = BASELINE_PUSH_PULL_SCALES; most < n; most *= 2)
        interval += BASELINE_PUSH_PULL;
    return n > BASELINE_PUSH_PULL_SCALES ? interval : BASELINE_PUSH_PULL;
}

static void push_pull(struct baseline *b)
{
    uint32_t with;

    timer_set(b, &b->push_pull, b->now + push_pull_interval(b->peers_n));
    if (b->leaving || baseline_pick(b, NOBODY, false, 1, &with) == 0)
        return;
    b->counters.syncs++;
    baseline_put(b, BASELINE_PUSH_PULL_WITH, with);
}

static void run(struct baseline *b, struct baseline_timer *t)
{
    switch (t->kind) {
    case TIMER_ROUND: baseline_probe_start(b); break;
    case TIMER_ASK: baseline_probe_ask(b); break;
    case TIMER_GIVE_UP: baseline_probe_give_up(b); break;
    case TIMER_GOSSIP:
        timer_set(b, t, b->now + BASELINE_GOSSIP_INTERVAL);
        wire_gossip(b);
        break;
    case TIMER_PUSH_PULL: push_pull(b); break;
    case TIMER_SUSPICION: news_suspicion_over(b, OBJ_OF(t, struct suspicion, timer)); break;
    case TIMER_NACK: baseline_probe_nack(b, OBJ_OF(t, struct relayed, timer)); break;
    }
}

void baseline_tick(struct baseline *b, mesh_ns now)
{
    struct heap_node *n;

    b->now = now;
    while ((n = heap_pop(&b->timers, now)) != NULL)
        run(b, OBJ_OF(n, struct baseline_timer, node));
}

mesh_ns baseline_deadline(const struct baseline *b)
{
    return heap_deadline(&b->timers);
}

/* ---- of ourselves ---- */

void baseline_weight(struct baseline *b, mesh_ns now, uint32_t weight)
{
    b->now = now;
    b->peers[0].weight = weight;
    b->peers[0].incarnation = ++b->incarnation;
    news_own(b);
}

void baseline_leave(struct baseline *b, mesh_ns now)
{
    b->now = now;
    b->leaving = true;
    news_own(b);
}

bool baseline_left(const struct baseline *b)
{
    return b->leaving && (b->peers_n == 1 || b->peers[0].news == NULL);
}

/* ---- out ---- */

struct baseline_out *baseline_put(struct baseline *b, enum baseline_out_kind kind, uint32_t to)
{
    if (b->out_n == b->out_cap) {
        b->out_cap = 2 * b->out_cap + 16;
        b->out = memory_grow(b->out, b->out_cap * sizeof(*b->out));
        b->out_at = memory_grow(b->out_at, b->out_cap * sizeof(*b->out_at));
    }
    struct baseline_out *o = &b->out[b->out_n++];
    *o = (struct baseline_out){ .kind = kind, .to = to };
    return o;
}

bool baseline_poll(struct baseline *b, struct baseline_out *out)
{
    if (b->out_first == b->out_n) {
        b->out_first = b->out_n = 0;
        buf_clear(&b->bytes);
        return false;
    }
    *out = b->out[b->out_first];
    if (out->kind == BASELINE_SEND)
        out->payload = slice_of(b->bytes.data + b->out_at[b->out_first], out->payload.len);
    b->out_first++;
    return true;
}

size_t baseline_pick(struct baseline *b, uint32_t but, bool all, size_t n, uint32_t *out)
{
    size_t got = 0;

    for (size_t tries = 3 * (size_t)b->peers_n; tries > 0 && got < n; tries--) {
        const struct peer *p = &b->peers[rand_below(&b->rand, b->peers_n)];
        bool fits = all ? is_live(p) || b->now - p->changed <= BASELINE_GOSSIP_TO_DEAD : p->state == MEMBER_ALIVE;
        for (size_t i = 0; i < got; i++)
            fits = fits && out[i] != p->node;
        if (fits && p->node != but && p->node != b->cfg.self)
            out[got++] = p->node;
    }
    return got;
}

/* ---- the view ---- */

size_t baseline_count(const struct baseline *b)
{
    return b->peers_n;
}

const struct member_record *baseline_member(struct baseline *b, size_t i)
{
    if (i >= b->peers_n)
        return NULL;
    const struct peer *p = &b->peers[i];
    b->lent = (struct member_record){
        .id = b->cfg.ids[p->node],
        .boot = p->boot,
        .counter = p->incarnation,
        .state = i == 0 && b->leaving ? MEMBER_LEFT : p->state,
        .addrs_n = 1,
        .weight = p->weight,
    };
    b->lent.addrs[0] = mesh_addr_v4(UINT32_C(0x0a000001) + p->node, 7400);
    return &b->lent;
}

const struct member_record *baseline_find(struct baseline *b, uint32_t node)
{
    return b->slots[node] == 0 ? NULL : baseline_member(b, b->slots[node] - 1);
}

uint64_t baseline_digest(const struct baseline *b)
{
    return b->digest;
}

unsigned baseline_awareness(const struct baseline *b)
{
    return b->awareness;
}

const struct gossip_counters *baseline_counters(const struct baseline *b)
{
    return &b->counters;
}
