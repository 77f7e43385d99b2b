#include "sim/hunt/reduce.h"

#include <stdlib.h>

#include "sim/sample.h"
#include "sim/scenario_value.h"
#include "sim/workload.h"

/* Numbers that may become smaller, down to |least|; and settings that may be as they are by default. */
static const struct smaller {
    const char *name;
    uint64_t least, unit;
} smaller[] = {
    { "time", SEC(1), MS(50) }, { "nodes", 1, 1 },      { "requests", 0, 1 },
    { "keys", 1, 1 },           { "size-max", 100, 1 }, { "config-size", 1, 1 },
};
static const char *const noise[] = {
    "loss-pct",
    "burst-loss-pct",
    "burst-length",
    "dup-pct",
    "reorder-pct",
    "corrupt-pct",
    "jitter-ms",
    "delay-ms",
    "zone-delay-ms",
    "region-delay-ms",
    "rate",
    "up-rate",
    "down-rate",
    "link-queue",
    "regions",
    "rings",
    "parent-region",
    "origin-region",
    "zones",
    "origin-delay-ms",
    "origin-jitter-ms",
    "origin-rate",
    "origin-fail-pct",
    "chunked-pct",
    "no-store-pct",
    "max-age",
    "slow-viewers-pct",
    "leavers-pct",
    "viewer-delay-ms",
    "hot-pct",
    "zipf",
    "zipf-exponent",
    "every-node",
    "ready-only",
    "memory",
    "eviction",
    "spread-floor",
    "hedge",
    "second-copies",
    "keep-ms",
    "join-every",
    "seeds",
    "size-min",
    "ask-from",
    "figures-from",
    "disk-delay-ms",
    "disk-rate",
    "disk",
    "replay-pct",
    "truncate-pct",
    "rare-pct",
    "older-nodes",
    "origin-poison-pct",
    "origin-trickle-pct",
    "fetch-timeout",
};
#define SMALLER_N (sizeof(smaller) / sizeof(smaller[0]))
#define NOISE_N   (sizeof(noise) / sizeof(noise[0]))

static size_t find(const struct scenario *sc, const char *name)
{
    size_t i = 0;

    while (strcmp(sc->words->settings[i].name, name) != 0)
        i++;
    return i;
}

void reduce_actions(struct scenario *to, const struct scenario *from, const bool *keep)
{
    int err = 0;

    *to = *from;
    to->actions = NULL;
    to->expectations = NULL;
    to->actions_n = to->actions_cap = to->expectations_cap = 0;
    for (size_t i = 0; err == 0 && i < from->actions_n; i++) {
        if (keep == NULL || keep[i])
            err = scenario_add(to, &from->actions[i]);
    }
    if (from->expectations_n > 0) {
        to->expectations = calloc(from->expectations_n, sizeof(*to->expectations));
        err = to->expectations == NULL ? -1 : err;
    }
    if (err != 0)
        abort(); /* there is nothing that shrinking could do without memory */
    if (from->expectations_n > 0)
        memcpy(to->expectations, from->expectations, from->expectations_n * sizeof(*to->expectations));
    to->expectations_cap = from->expectations_n;
}

void reduce_copy(struct scenario *to, const struct scenario *from)
{
    reduce_actions(to, from, NULL);
}

/* Those of |s| that are there; false: it named some, and none is left. */
static bool clip(struct node_set *s, uint64_t nodes)
{
    bool any = s->by != NODES_LIST, named = any;

    for (uint32_t i = 0; i < SIM_NODES_MAX; i++) {
        uint8_t bit = (uint8_t)(1u << (i % 8));
        named = named || (s->bits[i / 8] & bit) != 0;
        if (i >= nodes)
            s->bits[i / 8] &= (uint8_t)~bit;
        any = any || (s->bits[i / 8] & bit) != 0;
    }
    return any || !named;
}

/* Those of |s| whose flag is set, by their new numbers. */
static void renumber(struct node_set *s, const bool *keep, uint64_t nodes)
{
    struct node_set out = { .by = s->by, .number = s->number };
    uint32_t to = 0;

    for (uint32_t i = 0; i < nodes; i++) {
        if (!keep[i])
            continue;
        if (node_set_has(s, i))
            out.bits[to / 8] |= (uint8_t)(1u << (to % 8));
        to++;
    }
    *s = out;
}

static bool names_none(const struct node_set *s)
{
    static const uint8_t none[sizeof(s->bits)];

    return s->by == NODES_LIST && memcmp(s->bits, none, sizeof(none)) == 0;
}

/* An action as it can be in |sc|; false: not at all. */
static bool fits(const struct scenario *sc, struct action *a)
{
    const char *args = action_words[a->kind].args;
    bool keyed = a->kind == ACTION_FLASH || a->kind == ACTION_PURGE || a->kind == ACTION_PURGE_PREFIX;

    if (args[0] == 'N' && !clip(&a->a, sc->nodes))
        return false;
    if (args[0] == 'N' && args[1] == 'N' && !clip(&a->b, sc->nodes))
        return false;
    if (keyed && a->numbers[0] > sample_keys(sc))
        a->numbers[0] = 1 + (a->numbers[0] - 1) % sample_keys(sc);
    if (a->at > (mesh_ns)sc->time)
        a->at = (mesh_ns)sc->time;
    return true;
}

/* Makes whole again what a smaller setting has left inconsistent. */
static bool mend(struct scenario *sc)
{
    struct scenario_error err;
    size_t n = 0;

    if (sc->load != NULL)
        sc->keys = sc->load->keys_n; /* a log's keys are what they are */
    if (sc->ask_from > sc->nodes)
        sc->ask_from = 1;
    if (sc->size_min > sc->size_max)
        sc->size_min = sc->size_max;
    if (sc->warmup > sc->time)
        return false; /* before all have met, other things go wrong */
    clip(&sc->absent, sc->nodes);
    for (size_t i = 0; i < sc->actions_n; i++) {
        if (fits(sc, &sc->actions[i]))
            sc->actions[n++] = sc->actions[i];
    }
    sc->actions_n = n;
    return scenario_check(sc, &err) == 0;
}

bool reduce_nodes(struct scenario *to, const struct scenario *from, const bool *keep)
{
    size_t n = 0;

    reduce_copy(to, from);
    to->nodes = 0;
    for (uint64_t i = 0; i < from->nodes; i++)
        to->nodes += keep[i];
    renumber(&to->absent, keep, from->nodes);
    for (size_t i = 0; i < to->actions_n; i++) {
        struct action *a = &to->actions[i];
        const char *args = action_words[a->kind].args;
        bool pair = args[0] == 'N' && args[1] == 'N';
        if (args[0] == 'N')
            renumber(&a->a, keep, from->nodes);
        if (pair)
            renumber(&a->b, keep, from->nodes);
        if (args[0] != 'N' || (!names_none(&a->a) && !(pair && names_none(&a->b))))
            to->actions[n++] = *a;
    }
    to->actions_n = n;
    if (to->nodes > 0 && mend(to))
        return true;
    scenario_fini(to);
    return false;
}

/* Without its |which|th node or, behind those, action. */
static bool without(struct scenario *to, const struct scenario *from, uint64_t which)
{
    bool node = which < from->nodes;
    size_t n = node ? from->nodes : from->actions_n;
    bool *keep = malloc(n * sizeof(*keep)), ok = true;

    if (keep == NULL)
        abort(); /* as in reduce_actions */
    memset(keep, true, n);
    keep[node ? which : which - from->nodes] = false;
    if (node)
        ok = reduce_nodes(to, from, keep);
    else
        reduce_actions(to, from, keep);
    free(keep);
    return ok;
}

size_t reduce_reseeded(const struct scenario *sc, uint64_t turn, struct scenario out[REDUCE_CANDIDATES])
{
    uint64_t things = sc->nodes + sc->actions_n;
    size_t n = 0;

    for (uint64_t i = turn * REDUCE_CANDIDATES; i < (turn + 1) * REDUCE_CANDIDATES; i++) {
        if (!without(&out[n], sc, i % things))
            continue;
        out[n++].seed = sc->seed + 1 + i;
    }
    return n;
}

size_t reduce_ways(void)
{
    return SMALLER_N + NOISE_N;
}

const char *reduce_way(size_t way)
{
    return way < SMALLER_N ? smaller[way].name : noise[way - SMALLER_N];
}

size_t reduce_way_of(const char *name)
{
    size_t way = 0;

    while (strcmp(reduce_way(way), name) != 0)
        way++;
    return way;
}

static size_t try_value(const struct scenario *sc, size_t setting, uint64_t value, struct scenario *out)
{
    reduce_copy(out, sc);
    *setting_of(out, setting) = value;
    if (mend(out))
        return 1;
    scenario_fini(out);
    return 0;
}

size_t reduce_candidates(const struct scenario *sc, size_t way, struct scenario out[REDUCE_CANDIDATES])
{
    size_t n = 0;

    if (way >= SMALLER_N) {
        size_t i = find(sc, noise[way - SMALLER_N]);
        uint64_t now = *setting_of((struct scenario *)(uintptr_t)sc, i), def = sc->words->settings[i].def;
        return now == def ? 0 : try_value(sc, i, def, out);
    }
    const struct smaller *s = &smaller[way];
    size_t i = find(sc, s->name);
    uint64_t now = *setting_of((struct scenario *)(uintptr_t)sc, i), last = now;
    /* The least, then half, three quarters ... of the way from there, and one less. */
    for (size_t k = 0; k < REDUCE_CANDIDATES && now > s->least; k++) {
        uint64_t gap = now - s->least, value = s->least + (gap - (gap >> k)) / s->unit * s->unit;
        if (k == REDUCE_CANDIDATES - 1 || value >= now)
            value = (now - 1) / s->unit * s->unit;
        if (value == last || value < s->least)
            continue;
        last = value;
        n += try_value(sc, i, value, &out[n]);
    }
    return n;
}
