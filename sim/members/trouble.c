/* trouble.c - what a scenario's actions do to the crowd. */
#include <stdlib.h>

#include "sim/members/protocol.h"
#include "sim/memory.h"

#define DOWN_LEAST MS(500) /* a restart's pause */
#define DOWN_MORE  MS(1500)
#define AFTER_CUT  SEC(30) /* deaths are explained by a cut of many until so long after it */

static struct rand action_rand(const struct crowd *c, uint32_t number, uint32_t done)
{
    return crowd_rand(c, (uint64_t)number << 32 | done, DRAW_ACTION);
}

/* A node that is up and chosen, drawn evenly; c->n: there is none. */
static uint32_t draw_node(const struct crowd *c, const struct node_set *s, struct rand *r)
{
    for (unsigned tries = 0; tries < 1000; tries++) {
        uint32_t i = (uint32_t)rand_below(r, c->n);
        if (crowd_has(c, s, i) && crowd_up(c, i) && !c->nodes[i].watch.active)
            return i;
    }
    return c->n;
}

void trouble_update(struct crowd *c, uint32_t number, uint32_t done)
{
    const struct action *a = &c->sc.actions[number];
    struct rand r = action_rand(c, number, done);
    uint32_t i = draw_node(c, &a->a, &r);

    if (i < c->n) {
        c->nodes[i].weight = c->nodes[i].weight % 200 + 1;
        protocol_weight(c, i, c->nodes[i].weight);
        notice_update(c, i);
        life_pump(c, i);
    }
    if (done + 1 < a->numbers[0])
        crowd_at(c, c->now + a->spans[0], EVENT_UPDATE, number, done + 1);
}

void trouble_crash(struct crowd *c, uint32_t number, uint32_t done)
{
    const struct action *a = &c->sc.actions[number];
    struct rand r = action_rand(c, number, done);
    uint32_t i = draw_node(c, &a->a, &r);

    if (i < c->n) {
        life_end(c, i, true);
        notice_crash(c, i);
    }
    if (done + 1 < a->numbers[0])
        crowd_at(c, c->now + a->spans[0], EVENT_CRASH_NEXT, number, done + 1);
}

void trouble_freeze(struct crowd *c, uint32_t i, uint32_t freezes)
{
    struct crowd_node *n = &c->nodes[i];

    if (n->freezes != freezes || c->calm || !crowd_up(c, i))
        return;
    life_freeze(c, i, n->freeze_for);
    crowd_at(c, c->now + n->freeze_every, EVENT_FREEZE, i, freezes);
}

static void freeze(struct crowd *c, uint32_t i, const struct action *a)
{
    struct crowd_node *n = &c->nodes[i];

    n->freeze_for = a->spans[0];
    n->freeze_every = a->spans[1];
    n->freezes++;
    if (n->freeze_for > 0 && n->freeze_every > 0)
        trouble_freeze(c, i, n->freezes);
}

static void restart(struct crowd *c, uint32_t i, const struct action *a, uint32_t number)
{
    struct rand r = action_rand(c, number, i);
    mesh_ns at = c->now + draw_ns(&r, (uint64_t)a->spans[0]);

    crowd_at(c, at, EVENT_END, i, 0);
    crowd_at(c, at + DOWN_LEAST + draw_ns(&r, DOWN_MORE), EVENT_BEGIN, i, a->kind == ACTION_RESTART_LOST);
}

static void leave(struct crowd *c, uint32_t i)
{
    if (!crowd_up(c, i))
        return;
    c->nodes[i].leaving = true;
    protocol_leave(c, i);
    life_pump(c, i);
}

static void slow(struct crowd *c, uint32_t i, mesh_ns cost)
{
    struct crowd_node *n = &c->nodes[i];

    n->cost = cost;
    n->excused = cost > 0 ? MESH_NS_NEVER : c->now + AFTER_CUT;
}

static void each(struct crowd *c, const struct action *a, uint32_t number, uint32_t i)
{
    switch (a->kind) {
    case ACTION_START:
    case ACTION_START_LOST: life_begin(c, i, a->kind == ACTION_START_LOST); break;
    case ACTION_CRASH:
    case ACTION_VANISH:
        if (crowd_up(c, i)) {
            life_end(c, i, a->kind == ACTION_VANISH);
            notice_crash(c, i);
        }
        break;
    case ACTION_LEAVE: leave(c, i); break;
    case ACTION_PAUSE: life_freeze(c, i, a->spans[0]); break;
    case ACTION_FREEZE:
    case ACTION_THAW: freeze(c, i, a); break;
    case ACTION_SLOW: slow(c, i, a->spans[0]); break;
    case ACTION_RESTART:
    case ACTION_RESTART_LOST: restart(c, i, a, number); break;
    default: break;
    }
}

/* ---- cuts ---- */

static uint32_t size_of(const struct crowd *c, const struct node_set *s)
{
    uint32_t n = 0;

    for (uint32_t i = 0; i < c->n; i++)
        n += crowd_has(c, s, i);
    return n;
}

/* A cut that takes a third of the others from anybody explains any death. */
static void cut(struct crowd *c, const struct action *a)
{
    uint32_t na = size_of(c, &a->a), nb = size_of(c, &a->b), larger = na > nb ? na : nb;

    c->cuts = memory_grow(c->cuts, (c->cuts_n + 1) * sizeof(*c->cuts));
    c->cuts[c->cuts_n++] = (struct cut){ .a = a->a, .b = a->b, .oneway = a->kind == ACTION_CUT_ONEWAY };
    if (3 * larger >= c->n)
        c->mass_cut_until = MESH_NS_NEVER;
}

static void heal(struct crowd *c)
{
    if (c->cuts_n == 0)
        return;
    c->cuts_n = 0;
    if (c->mass_cut_until == MESH_NS_NEVER)
        c->mass_cut_until = c->now + AFTER_CUT;
    c->healed_from = c->now;
    c->healed_at = MESH_NS_NEVER;
    c->changed = true;
}

/* ---- all ---- */

void trouble_act(struct crowd *c, const struct action *a, uint32_t number)
{
    crowd_note(c, EVENT_ACTION, number, (uint32_t)a->kind, SLICE_EMPTY);
    switch (a->kind) {
    case ACTION_CUT:
    case ACTION_CUT_ONEWAY: cut(c, a); break;
    case ACTION_HEAL: heal(c); break;
    case ACTION_SET: *setting_of(&c->sc, a->setting) = a->value; break;
    case ACTION_UPDATE:
        if (a->numbers[0] > 0)
            trouble_update(c, number, 0);
        break;
    case ACTION_CRASHES:
        if (a->numbers[0] > 0)
            trouble_crash(c, number, 0);
        break;
    default:
        for (uint32_t i = 0; i < c->n; i++) {
            if (crowd_has(c, &a->a, i))
                each(c, a, number, i);
        }
        break;
    }
}

void trouble_ends(struct crowd *c)
{
    heal(c);
    c->sc.loss = c->sc.burst_loss = c->sc.dup = c->sc.reorder = 0;
    for (uint32_t i = 0; i < c->n; i++) {
        struct crowd_node *n = &c->nodes[i];
        n->freezes++;
        n->cost = 0;
        if (crowd_up(c, i) && n->free_at > c->now) {
            n->free_at = c->now;
            crowd_at(c, c->now, EVENT_WAKE, i, 0);
        }
    }
}
