#include "sim/hunt/reduce.h"

#include <stdlib.h>

#include "sim/scenario_value.h"
#include "sim/workload.h"

/* Numbers that may become smaller, down to |least|; and settings that may be as they are by default. */
static const struct smaller {
    const char *name;
    uint64_t least, unit;
} smaller[] = {
    { "time", SEC(1), MS(1) }, { "nodes", 1, 1 },      { "requests", 0, 1 },
    { "keys", 1, 1 },          { "size-max", 100, 1 }, { "config-size", 1, 1 },
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
    "every-node",
    "ready-only",
    "memory",
    "eviction",
    "spread-floor",
    "hedge",
    "keep-ms",
    "join-every",
    "seeds",
    "size-min",
    "ask-from",
    "figures-from",
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

/* An action as it can be in |sc|; false: not at all. */
static bool fits(const struct scenario *sc, struct action *a)
{
    const char *args = action_words[a->kind].args;
    bool keyed = a->kind == ACTION_FLASH || a->kind == ACTION_PURGE || a->kind == ACTION_PURGE_PREFIX;

    if (args[0] == 'N' && !clip(&a->a, sc->nodes))
        return false;
    if (args[0] == 'N' && args[1] == 'N' && !clip(&a->b, sc->nodes))
        return false;
    if (keyed && a->numbers[0] > sc->keys)
        a->numbers[0] = 1 + (a->numbers[0] - 1) % sc->keys;
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

size_t reduce_ways(void)
{
    return SMALLER_N + NOISE_N;
}

const char *reduce_way(size_t way)
{
    return way < SMALLER_N ? smaller[way].name : noise[way - SMALLER_N];
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
