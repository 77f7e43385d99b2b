#include "sim/rules/afterwards.h"

#include <stdlib.h>

#include "sim/body.h"
#include "sim/rules/check.h"
#include "sim/sample.h"
#include "sim/viewer_model.h"

#define PATIENCE  SEC(15)    /* for an answer, where nothing is wrong any more */
#define SMALL     (16 << 10) /* every cache has room for one, until it is asked for again */
#define LASTS     SEC(60)    /* copies that expire sooner prove nothing */
#define KEYS_SEEN 64
#define ASK_AGAIN SEC(6) /* so soon an origin that was left alone may be asked again (node/core/gate.c) */

/* A key for node |node| that may be kept and is small; 0: none was found. */
static uint64_t key_for(const struct world *w, uint32_t node)
{
    struct rand r = world_rand(w, node, DRAW_AFTERWARDS);

    for (unsigned i = 0; i < KEYS_SEEN; i++) {
        uint64_t key = 1 + rand_below(&r, sample_keys(&w->sc));
        if (!body_no_store(&w->sc, key) && body_size(&w->sc, key) <= SMALL)
            return key;
    }
    return 0;
}

static bool nobody_waits(struct world *w)
{
    return w->viewers->under_way == 0;
}

/* Somebody asks at each node that has a key; returns when all have their answers, or have waited too long. */
static void ask_all(struct world *w, const uint64_t *keys)
{
    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        if (keys[i] != 0 && edge_serves(&w->edges[i]))
            viewers_one(w, i, keys[i]);
    }
    world_live(w, w->now + PATIENCE, nobody_waits);
}

static uint64_t answers(const struct edge *e)
{
    uint64_t all = 0;

    for (size_t i = 0; i < 6; i++)
        all += i != RESULT_ERROR ? e->counted[i] : 0;
    return all;
}

void afterwards_ask(struct world *w, bool (*settled)(struct world *w))
{
    uint64_t *keys = world_alloc((size_t)w->sc.nodes * 3 * sizeof(*keys));
    uint64_t *hits = keys + w->sc.nodes, *all = hits + w->sc.nodes;

    bool origin_failed = w->bit[FAULT_ORIGIN_ERROR] > 0 || w->bit[FAULT_ORIGIN_POISON] > 0;
    if (origin_failed)
        world_live(w, w->check->calm_at + ASK_AGAIN, NULL);
    w->sc.leavers = w->sc.slow_viewers = w->sc.heads = w->sc.conditional = w->sc.ranges = w->sc.posts = 0;
    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        const struct edge *e = &w->edges[i];
        bool asked = edge_serves(e) && (!w->sc.ready_only || engine_ready(e->engine, NULL));
        keys[i] = asked ? key_for(w, i) : 0;
    }
    if (origin_failed) /* while one request finds out that it is back, others are refused */
        ask_all(w, keys);
    for (uint32_t i = 0; i < w->sc.nodes; i++)
        all[i] = answers(&w->edges[i]);
    ask_all(w, keys);
    for (uint32_t i = 0; i < w->sc.nodes; i++)
        hits[i] = w->edges[i].counted[RESULT_HIT];
    ask_all(w, keys);
    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        const struct edge *e = &w->edges[i];
        if (keys[i] == 0)
            continue;
        if (answers(e) != all[i] + 2)
            check_broken(w, RULE_RETURNS, "%s gave %llu answers of two, when all faults were over, for key %llu",
                         e->name, (unsigned long long)(answers(e) - all[i]), (unsigned long long)keys[i]);
        else if (body_max_age(&w->sc, keys[i]) >= LASTS && e->counted[RESULT_HIT] != hits[i] + 1)
            check_broken(w, RULE_RETURNS, "%s had no copy of key %llu, which it had just answered with", e->name,
                         (unsigned long long)keys[i]);
    }
    free(keys);
    world_live(w, w->now + (mesh_ns)w->sc.quiet, settled);
}
