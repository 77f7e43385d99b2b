/* baseline_news.c - what is said of members, and what becomes of it: alive, suspect, dead by
 * incarnation; suspicions that confirmations shorten (Lifeguard, section 4); refutations. */
#include "sim/members/baseline_parts.h"
#include "sim/memory.h"

/* log10 in thousandths, rounded down: the position of the highest bit, then a bit a squaring. */
static uint64_t log10_milli(uint64_t n)
{
    unsigned whole = 63 - (unsigned)__builtin_clzll(n);
    uint64_t log2 = (uint64_t)whole << 16;
    uint64_t x = whole > 31 ? n >> (whole - 31) : n << (31 - whole); /* in [1, 2), 31 bits behind the point */

    for (unsigned bit = 16; bit-- > 0;) {
        x = x * x >> 31;
        if (x >> 32 != 0) {
            x >>= 1;
            log2 |= UINT64_C(1) << bit;
        }
    }
    return log2 * 301030 / 1000 >> 16;
}

mesh_ns baseline_suspicion_min(size_t n)
{
    uint64_t scale = log10_milli(n > 0 ? n : 1);
    return BASELINE_SUSPICION_MULT * (mesh_ns)(scale > 1000 ? scale : 1000) * BASELINE_PROBE_INTERVAL / 1000;
}

/* ---- the view ---- */

static void change(struct baseline *b, struct peer *p, enum member_state state, bool is_new)
{
    enum member_state was = p->state;
    bool was_live = !is_new && is_live(p);

    p->state = state;
    if (is_new || state != was)
        p->changed = b->now;
    if (was_live != is_live(p))
        b->digest ^= rand_mix(p->node + 1);
    if (p->node == b->cfg.self)
        return;
    struct baseline_out *o = baseline_put(b, BASELINE_CHANGED, p->node);
    o->was = was;
    o->is = state;
    o->is_new = is_new;
}

static struct peer *add(struct baseline *b, uint32_t node)
{
    if (b->peers_n == b->peers_cap) {
        b->peers_cap = b->peers_cap + b->peers_cap / 4 + 16;
        if (b->peers_cap > b->cfg.n)
            b->peers_cap = b->cfg.n;
        b->peers = memory_grow(b->peers, b->peers_cap * sizeof(*b->peers));
    }
    struct peer *p = &b->peers[b->peers_n++];
    *p = (struct peer){ .node = node };
    b->slots[node] = b->peers_n;
    baseline_probe_add(b, node);
    return p;
}

static void end_suspicion(struct baseline *b, struct peer *p)
{
    if (p->suspicion == NULL)
        return;
    timer_stop(b, &p->suspicion->timer);
    free(p->suspicion);
    p->suspicion = NULL;
}

void news_forget(struct baseline *b, uint32_t node)
{
    uint32_t at = b->slots[node] - 1, last = b->peers_n - 1;

    assert(at > 0);
    end_suspicion(b, &b->peers[at]);
    wire_drop(b, &b->peers[at]);
    b->peers[at] = b->peers[last];
    b->slots[b->peers[at].node] = at + 1;
    b->slots[node] = 0;
    b->peers_n--;
}

/* ---- of ourselves ---- */

void news_own(struct baseline *b)
{
    struct peer *self = &b->peers[0];

    wire_broadcast(b, &(struct statement){
                          .said = b->leaving ? SAID_DEAD : SAID_ALIVE,
                          .node = self->node,
                          .from = self->node,
                          .incarnation = self->incarnation,
                          .boot = self->boot,
                          .weight = self->weight,
                      });
}

/* To be accused means that we were slow (Lifeguard, section 4.1). */
static void refute(struct baseline *b, uint32_t accused)
{
    uint32_t next = b->incarnation + 1;

    b->incarnation = accused >= next ? accused + 1 : next;
    b->peers[0].incarnation = b->incarnation;
    b->counters.refutations++;
    baseline_probe_health(b, 1);
    news_own(b);
}

/* ---- of others ---- */

void news_alive(struct baseline *b, const struct statement *s)
{
    struct peer *p = peer_of(b, s->node);
    bool is_new = p == NULL;

    if (s->node == b->cfg.self) {
        bool same = s->incarnation == b->peers[0].incarnation && s->boot == b->peers[0].boot;
        if (!b->leaving && s->incarnation >= b->peers[0].incarnation && !same)
            refute(b, s->incarnation);
        return;
    }
    if (is_new)
        p = add(b, s->node);
    else if (s->incarnation <= p->incarnation)
        return;
    end_suspicion(b, p);
    p->incarnation = s->incarnation;
    p->boot = s->boot;
    p->weight = s->weight;
    wire_broadcast(b, s);
    change(b, p, MEMBER_ALIVE, is_new);
}

/* With each of two confirmations the timeout falls from the longest towards the least, by
 * log(c + 1) / log(k + 1), here in thousandths. */
static mesh_ns suspicion_timeout(const struct suspicion *s)
{
    static const mesh_ns fall[BASELINE_CONFIRMATIONS + 1] = { 0, 631, 1000 };

    return s->need == 0 ? s->least : s->most - (s->most - s->least) * fall[s->confirmed] / 1000;
}

/* Was it news that |from| suspects it, too? */
static bool confirm(struct baseline *b, struct suspicion *s, uint32_t from)
{
    if (s->confirmed >= s->need)
        return false;
    for (unsigned i = 0; i <= s->confirmed; i++) {
        if (s->by[i] == from)
            return false;
    }
    s->by[++s->confirmed] = from;
    mesh_ns at = s->since + suspicion_timeout(s);
    timer_set(b, &s->timer, at > b->now ? at : b->now);
    return true;
}

static void begin_suspicion(struct baseline *b, struct peer *p, uint32_t from)
{
    struct suspicion *s = memory_new(sizeof(*s));

    s->timer.kind = TIMER_SUSPICION;
    s->node = p->node;
    s->since = b->now;
    s->least = baseline_suspicion_min(b->peers_n);
    s->most = BASELINE_SUSPICION_MAX * s->least;
    s->need = b->cfg.lifeguard && b->peers_n >= BASELINE_CONFIRMATIONS + 2 ? BASELINE_CONFIRMATIONS : 0;
    s->by[0] = from;
    p->suspicion = s;
    timer_set(b, &s->timer, b->now + suspicion_timeout(s));
}

void news_suspect(struct baseline *b, const struct statement *s)
{
    struct peer *p = peer_of(b, s->node);

    if (p == NULL || s->incarnation < p->incarnation)
        return;
    if (p->suspicion != NULL) {
        if (confirm(b, p->suspicion, s->from))
            wire_broadcast(b, s);
        return;
    }
    if (p->state != MEMBER_ALIVE)
        return;
    if (p->node == b->cfg.self) {
        if (!b->leaving)
            refute(b, s->incarnation);
        return;
    }
    wire_broadcast(b, s);
    p->incarnation = s->incarnation;
    b->counters.suspicions++;
    change(b, p, MEMBER_SUSPECT, false);
    begin_suspicion(b, p, s->from);
}

void news_dead(struct baseline *b, const struct statement *s)
{
    struct peer *p = peer_of(b, s->node);

    if (p == NULL || s->incarnation < p->incarnation)
        return;
    end_suspicion(b, p);
    if (!is_live(p))
        return;
    if (p->node == b->cfg.self) {
        if (!b->leaving)
            refute(b, s->incarnation);
        return;
    }
    wire_broadcast(b, s);
    p->incarnation = s->incarnation;
    change(b, p, s->from == s->node ? MEMBER_LEFT : MEMBER_DEAD, false);
}

void news_suspicion_over(struct baseline *b, struct suspicion *s)
{
    const struct peer *p = peer_of(b, s->node);

    b->counters.deaths++;
    news_dead(b, &(struct statement){
                     .said = SAID_DEAD, .node = s->node, .from = b->cfg.self, .incarnation = p->incarnation });
}

/* A member that another believes dead is only suspected here, so that it can still refute. */
void baseline_learn(struct baseline *b, mesh_ns now, const struct member_record *r)
{
    uint32_t node = be32_get(r->id.bytes + 12);
    struct statement s = {
        .said = r->state == MEMBER_ALIVE  ? SAID_ALIVE
                : r->state == MEMBER_LEFT ? SAID_DEAD
                                          : SAID_SUSPECT,
        .node = node,
        .from = r->state == MEMBER_LEFT ? node : b->cfg.self,
        .incarnation = r->counter,
        .boot = (uint32_t)r->boot,
        .weight = r->weight,
    };

    b->now = now;
    if (s.said == SAID_ALIVE)
        news_alive(b, &s);
    else if (s.said == SAID_DEAD)
        news_dead(b, &s);
    else
        news_suspect(b, &s);
}
