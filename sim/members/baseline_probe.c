/* baseline_probe.c - who answers: a round through all members in shuffled order; a ping, then
 * pings by others and one over a stream, then a suspicion. Lifeguard's local health makes
 * rounds longer when we ourselves seem to be slow (section 4.1). */
#include "sim/members/baseline_parts.h"
#include "sim/memory.h"

void baseline_probe_health(struct baseline *b, int delta)
{
    int score = (int)b->awareness + delta;

    if (!b->cfg.lifeguard)
        return;
    score = score < 0 ? 0 : score;
    b->awareness = score < BASELINE_AWARENESS_MAX ? (unsigned)score : BASELINE_AWARENESS_MAX - 1;
}

/* A newcomer's place in the round is random, so that not all probe it at once. */
void baseline_probe_add(struct baseline *b, uint32_t node)
{
    if (node == b->cfg.self)
        return;
    uint32_t at = (uint32_t)rand_below(&b->rand, b->order_n + 1);
    b->order[b->order_n++] = b->order[at];
    b->order[at] = node;
    if (at == b->order_n - 1)
        b->order[at] = node;
}

/* A new round: who has been dead for long is forgotten, the rest is shuffled. */
static void reset(struct baseline *b)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < b->order_n; i++) {
        const struct peer *p = peer_of(b, b->order[i]);
        if (is_live(p) || b->now - p->changed <= BASELINE_GOSSIP_TO_DEAD)
            b->order[kept++] = b->order[i];
        else
            news_forget(b, b->order[i]);
    }
    b->order_n = kept;
    for (uint32_t i = kept; i > 1; i--) {
        uint32_t k = (uint32_t)rand_below(&b->rand, i), other = b->order[k];
        b->order[k] = b->order[i - 1];
        b->order[i - 1] = other;
    }
    b->order_at = 0;
}

static uint32_t next_target(struct baseline *b)
{
    for (uint32_t looked = 0; looked < b->order_n; looked++) {
        if (b->order_at >= b->order_n)
            reset(b);
        if (b->order_n == 0)
            break;
        uint32_t node = b->order[b->order_at++];
        if (is_live(peer_of(b, node)))
            return node;
    }
    return NOBODY;
}

static void over(struct baseline *b)
{
    b->target = NOBODY;
    timer_stop(b, &b->ask);
    timer_stop(b, &b->give_up);
}

/* The round's timer does not wait: a probe that takes longer than a round delays the next one. */
void baseline_probe_start(struct baseline *b)
{
    if (b->target != NOBODY) {
        if (b->give_up.node.at > b->now) {
            timer_set(b, &b->round, b->give_up.node.at);
            return;
        }
        baseline_probe_give_up(b);
    }
    timer_set(b, &b->round, b->now + BASELINE_PROBE_INTERVAL);
    uint32_t node = next_target(b);
    if (node == NOBODY)
        return;
    b->target = node;
    b->target_seq = ++b->seq;
    b->nacks_due = b->nacks = 0;
    b->counters.probes++;
    const struct peer *p = peer_of(b, node);
    struct statement buddy = { .said = SAID_SUSPECT, .node = node, .from = b->cfg.self, .incarnation = p->incarnation };
    bool tell = b->cfg.lifeguard && p->state == MEMBER_SUSPECT;
    timer_set(b, &b->ask, b->now + BASELINE_PROBE_TIMEOUT);
    timer_set(b, &b->give_up, b->now + BASELINE_PROBE_INTERVAL * (b->awareness + 1));
    wire_send(b, node, MESSAGE_PING, b->target_seq, node, tell ? &buddy : NULL);
}

void baseline_probe_ask(struct baseline *b)
{
    uint32_t relays[BASELINE_RELAYS];

    if (b->target == NOBODY)
        return;
    size_t n = baseline_pick(b, b->target, false, BASELINE_RELAYS, relays);
    b->nacks_due = b->cfg.lifeguard ? (unsigned)n : 0;
    b->counters.probes_indirect += n;
    for (size_t i = 0; i < n; i++)
        wire_send(b, relays[i], MESSAGE_ASK, b->target_seq, b->target, NULL);
    baseline_put(b, BASELINE_STREAM_PING, b->target);
}

void baseline_probe_give_up(struct baseline *b)
{
    uint32_t node = b->target;

    if (node == NOBODY)
        return;
    over(b);
    baseline_probe_health(b, b->nacks_due > 0 ? (int)(b->nacks_due - b->nacks) : 1);
    const struct peer *p = peer_of(b, node);
    if (p == NULL)
        return;
    news_suspect(b, &(struct statement){
                        .said = SAID_SUSPECT, .node = node, .from = b->cfg.self, .incarnation = p->incarnation });
}

void baseline_reached(struct baseline *b, mesh_ns now, uint32_t node)
{
    b->now = now;
    if (b->target != node)
        return;
    /* Not healthier for it: only datagrams count as an answer in time. */
    over(b);
}

void baseline_probe_acked(struct baseline *b, uint32_t seq)
{
    if (b->target != NOBODY && b->target_seq == seq) {
        b->counters.acks++;
        over(b);
        baseline_probe_health(b, -1);
        return;
    }
    for (size_t i = 0; i < BASELINE_RELAYED; i++) {
        struct relayed *r = &b->relayed[i];
        if (!r->used || r->seq != seq)
            continue;
        r->used = false;
        timer_stop(b, &r->timer);
        wire_send(b, r->asker, MESSAGE_ACK, r->asker_seq, NOBODY, NULL);
        return;
    }
}

void baseline_probe_nacked(struct baseline *b, uint32_t seq)
{
    if (b->target != NOBODY && b->target_seq == seq && b->nacks < b->nacks_due)
        b->nacks++;
}

void baseline_probe_relay(struct baseline *b, uint32_t asker, uint32_t asker_seq, uint32_t target)
{
    for (size_t i = 0; i < BASELINE_RELAYED; i++) {
        struct relayed *r = &b->relayed[i];
        if (r->used)
            continue;
        r->used = true;
        r->seq = ++b->seq;
        r->asker = asker;
        r->asker_seq = asker_seq;
        timer_set(b, &r->timer, b->now + BASELINE_PROBE_TIMEOUT);
        wire_send(b, target, MESSAGE_PING, r->seq, target, NULL);
        return;
    }
    b->counters.overflows++;
}

/* The target is silent, but we are not: the asker's own link is fine. */
void baseline_probe_nack(struct baseline *b, struct relayed *r)
{
    r->used = false;
    if (b->cfg.lifeguard)
        wire_send(b, r->asker, MESSAGE_NACK, r->asker_seq, NOBODY, NULL);
}
