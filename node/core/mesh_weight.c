/* What we state as our weight. Only a member itself states its weight, so that all
 * compute the same ring.
 *
 *   A newcomer is cold: it begins with an eighth of its weight, and has a quarter, a half
 *   and all of it after a third, two thirds and the whole of cfg.ramp. Each step only takes
 *   arcs, so each arc moves once, but not all at the same time. Not so if we still have a
 *   place in the ring (a restart: the arcs never left us), nor if more than half of the
 *   ring is new (a young mesh: all are cold, and a ramp would only move arcs).
 *   A node that the others declare dead again and again is reachable too badly to own
 *   anything: at its third death in ten minutes it damps itself, for 1 min, then 2, 4 ...
 *   One that is drained, or that nobody can dial, owns nothing until further notice. */
#include "node/core/mesh_impl.h"

#define STEPS       4
#define DAMP_WINDOW SEC(600)  /* MESH_DAMP_DEATHS in it are too many */
#define DAMP_UNIT   SEC(60)   /* so long the first time, twice as long each next */
#define DAMP_TIMES  7         /* no longer than the 7th, 64 min */
#define DAMP_FORGET SEC(3600) /* after so long in peace it begins anew */

void mesh_weight_start(struct mesh *m, mesh_ns now)
{
    m->weight = (struct mesh_weight){ .started = now };
}

void mesh_weight_settled(struct mesh *m, mesh_ns now)
{
    m->weight = (struct mesh_weight){ .started = now - m->cfg.ramp, .judged = true };
}

void mesh_weight_seen(struct mesh *m, struct mesh_peer *p, mesh_ns now, bool came)
{
    const struct member_record *r = gossip_find(m->gossip, &p->held->cert.id);

    if (r == NULL || r->boot == p->lived_boot)
        return; /* it was only out of sight, and is as warm as it was */
    p->lived_boot = r->boot;
    if (came)
        p->since = now;
}

/* ---- what we tell newcomers, and what we are told as one ---- */

static bool live(const struct member_record *r)
{
    return r->state == MEMBER_ALIVE || r->state == MEMBER_SUSPECT;
}

/* A young node has seen nobody for long; it passes on what it was told. */
static uint32_t settled(const struct mesh *m)
{
    const struct mesh_weight *w = &m->weight;
    bool young = m->now - w->started < m->cfg.ramp;
    uint32_t n = !young, alive = 1;

    for (size_t i = 1; i < gossip_count(m->gossip); i++) {
        const struct member_record *r = gossip_member(m->gossip, i);
        const struct mesh_peer *p = mesh_peer_find(m, &r->id);
        if (p == NULL || !live(r))
            continue;
        alive++;
        n += m->now - p->since >= m->cfg.ramp;
    }
    if (young && w->told > n)
        n = w->told < alive ? w->told : alive;
    return n;
}

void mesh_members_say(const struct mesh *m, const struct node_id *to, struct msg_members_out *out)
{
    out->settled = settled(m);
    out->placed = ring_places(m->tables[TABLE_OWN].ring, to);
}

void mesh_weight_told(struct mesh *m, mesh_ns now, uint32_t told, bool placed)
{
    struct mesh_weight *w = &m->weight;
    size_t alive = mesh_alive(m);

    if (w->judged || alive < 2)
        return;
    w->judged = true;
    w->told = told;
    w->late = placed || (uint64_t)told * 2 >= alive;
    if (placed || now - w->started >= m->cfg.ramp || (uint64_t)told * 2 < alive)
        return;
    w->step = 1;
    w->step_at = now + m->cfg.ramp / (STEPS - 1);
    trace_f(&m->cfg.trace, now, "cold among %zu, %u of them settled: a ramp", alive, told);
}

bool mesh_came_late(const struct mesh *m)
{
    return m->weight.late;
}

/* ---- damping ---- */

/* If most of the others own nothing either, it is not us who are the trouble. */
static bool others_weigh(const struct mesh *m)
{
    size_t alive = 0, weighing = 0;

    for (size_t i = 1; i < gossip_count(m->gossip); i++) {
        const struct member_record *r = gossip_member(m->gossip, i);
        alive += live(r);
        weighing += live(r) && r->weight > 0;
    }
    return weighing * 2 > alive;
}

static void damp(struct mesh *m, mesh_ns now)
{
    struct mesh_weight *w = &m->weight;

    if (!others_weigh(m))
        return;
    if (w->damped > 0 && now - w->damped_until >= DAMP_FORGET)
        w->damped = 0;
    w->damped_until = now + (DAMP_UNIT << w->damped);
    trace_f(&m->cfg.trace, now, "declared dead %d times: damped for %lld s", MESH_DAMP_DEATHS,
            (long long)((DAMP_UNIT << w->damped) / SEC(1)));
    if (w->damped + 1 < DAMP_TIMES)
        w->damped++;
    m->counters.dampings++;
}

static void count_deaths(struct mesh *m, mesh_ns now)
{
    struct mesh_weight *w = &m->weight;
    uint64_t refuted = gossip_counters(m->gossip)->deaths_refuted;

    for (; w->refuted < refuted; w->refuted++) {
        for (size_t i = MESH_DAMP_DEATHS - 1; i > 0; i--)
            w->deaths[i] = w->deaths[i - 1];
        w->deaths[0] = now;
        if (w->deaths_n < MESH_DAMP_DEATHS)
            w->deaths_n++;
    }
    if (w->deaths_n == MESH_DAMP_DEATHS && now - w->deaths[MESH_DAMP_DEATHS - 1] < DAMP_WINDOW) {
        w->deaths_n = 0;
        damp(m, now);
    }
}

/* ---- the sum of it ---- */

static uint32_t weight_now(const struct mesh *m, mesh_ns now)
{
    static const unsigned eighths[STEPS] = { 8, 1, 2, 4 }; /* by step */
    const struct mesh_weight *w = &m->weight;
    uint32_t limit = m->self.id->cert.weight_max;
    uint32_t full = m->cfg.weight != 0 && m->cfg.weight < limit ? m->cfg.weight : limit;

    if (w->drained || w->unreached || now < w->damped_until)
        return 0;
    uint32_t part = (uint32_t)((uint64_t)full * eighths[w->step] / 8);
    return part > 0 || full == 0 ? part : 1;
}

void mesh_weight_tick(struct mesh *m, mesh_ns now)
{
    struct mesh_weight *w = &m->weight;

    count_deaths(m, now);
    while (w->step > 0 && now >= w->step_at) {
        w->step = (w->step + 1) % STEPS;
        w->step_at += m->cfg.ramp / (STEPS - 1);
    }
    uint32_t weight = weight_now(m, now);
    if (weight != gossip_member(m->gossip, 0)->weight)
        gossip_weight(m->gossip, now, weight);
}

mesh_ns mesh_weight_deadline(const struct mesh *m)
{
    const struct mesh_weight *w = &m->weight;
    mesh_ns at = w->step > 0 ? w->step_at : MESH_NS_NEVER;

    return m->now < w->damped_until ? mesh_ns_min(at, w->damped_until) : at;
}
