/* bench_evict.c - how many requests and bytes each policy of eviction misses on synthetic traces (evict_trace.h),
 * beside a second S3-FIFO (s3fifo_reference.h); what the index and the policy keep of an object; look-ups per second.
 * Prints targets with "pass" or "MISS". Misses are the same on every machine; times are CPU time, medians of several
 * rounds.
 * Usage: bench_evict [misses|lookups] [quick] [SEED]: one half alone; a tenth of the objects and requests; of traces (1) */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "evict_runs.h"
#include "node/core/cache.h"
#include "proto/base/rand.h"

#define OBJECTS  1000000
#define REQUESTS 4000000
#define LOOKUPS  2000000
#define ROUNDS   5
#define SIZES    3

static const unsigned percents[SIZES] = { 1, 5, 20 };

static const char *verdict(bool passes)
{
    return passes ? "pass" : "MISS";
}

/* ---- misses ---- */

struct result {
    struct evict_score of[EVICT_POLICIES_N], reference;
};

static void judge(const char *trace, unsigned percent, const struct result *r, bool ordered)
{
    const struct evict_score *sized = &r->of[EVICT_S3_FIFO_SIZE], *plain = &r->of[EVICT_S3_FIFO];
    const struct evict_score *sieve = &r->of[EVICT_SIEVE], *lru = &r->of[EVICT_LRU];
    double gain = sized->requests - plain->requests, cost = sized->bytes - plain->bytes;
    double apart = plain->requests - r->reference.requests;

    printf(
        "%s %2u %%  size rule %+.2f requests (<= -0.8), %+.2f bytes (<= +1.0) %s, beside LRU %+.2f, %+.2f (<= 0) %s, "
        "plain beside the reference %+.3f (<= 0.05) %s",
        trace, percent, gain, cost, verdict(gain <= -0.8 && cost <= 1.0), sized->requests - lru->requests,
        sized->bytes - lru->bytes, verdict(sized->requests <= lru->requests && sized->bytes <= lru->bytes), apart,
        verdict(apart <= 0.05 && apart >= -0.05));
    if (ordered)
        printf(", order %s", verdict(lru->requests > sieve->requests && sieve->requests > plain->requests &&
                                     plain->requests > sized->requests));
    printf("\n");
}

static void row(const char *name, struct result results[EVICT_TRACES_N][SIZES], int policy)
{
    printf("| %s |", name);
    for (int k = 0; k < EVICT_TRACES_N; k++) {
        for (size_t s = 0; s < SIZES; s++) {
            const struct result *r = &results[k][s];
            const struct evict_score *one = policy < 0 ? &r->reference : &r->of[policy];
            printf(" %.2f / %.2f |", one->requests, one->bytes);
        }
    }
    printf("\n");
}

static void misses(uint32_t part, uint64_t seed)
{
    static struct result results[EVICT_TRACES_N][SIZES];

    for (int k = 0; k < EVICT_TRACES_N; k++) {
        struct evict_trace t = evict_trace_new((enum evict_trace_kind)k, OBJECTS / part, REQUESTS / part, seed);
        printf("%s: %u requests, objects of %.1f GB are asked for\n", evict_trace_words[k], t.ids_n,
               (double)t.footprint / 1e9);
        for (size_t s = 0; s < SIZES; s++) {
            struct result *r = &results[k][s];
            uint64_t limit = evict_limit(&t, percents[s]);
            for (int p = 0; p < EVICT_POLICIES_N; p++)
                r->of[p] = evict_score_of(&t, (enum evict_policy)p, limit);
            r->reference = evict_score_of_reference(&t, limit);
        }
        evict_trace_free(&t);
    }
    printf("\nmissed requests / bytes in %%\n| policy |");
    for (int k = 0; k < EVICT_TRACES_N; k++) {
        for (size_t s = 0; s < SIZES; s++)
            printf(" %s %u %% |", evict_trace_words[k], percents[s]);
    }
    printf("\n");
    for (int p = EVICT_POLICIES_N - 1; p >= 0; p--)
        row(evict_policy_words[p], results, p);
    row("s3-fifo, reference", results, -1);
    printf("\n");
    for (int k = 0; k < EVICT_TRACES_N; k++) {
        for (size_t s = 0; s < SIZES; s++)
            judge(evict_trace_words[k], percents[s], &results[k][s], k != EVICT_TRACE_Z08);
    }
}

/* ---- look-ups ---- */

static mesh_ns now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return SEC(ts.tv_sec) + ts.tv_nsec;
}

static void *of(size_t n, size_t size)
{
    void *p = calloc(n, size);
    if (p == NULL)
        abort();
    return p;
}

/* What the index and the policy know of an object, and nothing else: what a look-up must read. */
struct item {
    struct map_node by_key;
    struct digest key;
    struct evict_node evict;
};

struct index {
    struct map map;
    struct evict evict;
    struct item *items;
    struct cache *cache; /* the same keys, in whole objects */
};

static bool look_up_item(struct index *x, const struct digest *key)
{
    struct map_node *n = map_find(&x->map, map_hash_digest(&x->map, key->bytes));

    for (; n != NULL; n = map_same(n)) {
        struct item *it = OBJ_OF(n, struct item, by_key);
        if (digest_eq(&it->key, key)) {
            evict_use(&x->evict, &it->evict);
            return true;
        }
    }
    return false;
}

static bool look_up_object(struct index *x, const struct digest *key)
{
    return cache_get(x->cache, SEC(2), key, NULL) != NULL;
}

static void put_object(struct cache *c, const struct digest *key, const struct identity *self)
{
    static const uint8_t body[1024];
    const struct head h = { .key = *key, .generation = 1, .status = 200, .has_length = true, .length = sizeof(body) };
    struct buf raw = BUF_EMPTY;

    if (head_encode(&raw, &h) != 0)
        abort();
    struct object *o = object_new(cache_memory(c), buf_slice(&raw), self, NULL);
    if (o == NULL || object_append(o, SEC(1), SLICE_OF(body)) != 0 || object_finish(o) != 0)
        abort();
    o->born = SEC(1);
    o->lifetime = SEC(60);
    cache_put(c, o, NULL);
    object_unref(o);
    buf_free(&raw);
}

static struct index fill(uint32_t n)
{
    static const uint8_t hash_key[MAP_KEY_BYTES] = "sixteen secrets";
    const struct admission what = { .name = SLICE_LIT("a"), .zone = SLICE_LIT("z"), .not_after_s = 1900000000 };
    struct index x = { .items = of(n, sizeof(struct item)), .cache = cache_new(UINT64_C(1) << 40, 0, hash_key) };
    struct authority authority;
    static struct identity self;

    authority_make(&authority, 16);
    if (x.cache == NULL || map_init(&x.map, hash_key) != 0 || evict_init(&x.evict, 0, UINT64_C(1) << 40) != 0 ||
        authority_admit(&self, &authority, &what) != 0)
        abort();
    for (uint32_t i = 0; i < n; i++) {
        struct item *it = &x.items[i];
        digest_one(&it->key, SLICE_OF(((const uint8_t[]){ (uint8_t)i, (uint8_t)(i >> 8), (uint8_t)(i >> 16) })));
        uint64_t hash = map_hash_digest(&x.map, it->key.bytes);
        map_insert(&x.map, &it->by_key, hash);
        evict_add(&x.evict, &it->evict, 1024, hash);
        put_object(x.cache, &it->key, &self);
    }
    return x;
}

static int by_time(const void *a, const void *b)
{
    mesh_ns x = *(const mesh_ns *)a, y = *(const mesh_ns *)b;
    return (x > y) - (x < y);
}

/* Millions per second. */
static double speed(struct index *x, const struct digest *keys, bool (*look_up)(struct index *, const struct digest *))
{
    mesh_ns took[ROUNDS];

    for (size_t k = 0; k < ROUNDS; k++) {
        mesh_ns from = now();
        for (size_t i = 0; i < LOOKUPS; i++) {
            if (!look_up(x, &keys[i]))
                abort();
        }
        took[k] = now() - from;
    }
    qsort(took, ROUNDS, sizeof(took[0]), by_time);
    return LOOKUPS * 1e3 / (double)took[ROUNDS / 2];
}

/* Bytes of the ghosts' table for each of |n| that are in, where as many are remembered. */
static double ghost_bytes(uint32_t n)
{
    struct ghosts g;

    if (ghosts_init(&g) != 0)
        abort();
    ghosts_room(&g, n);
    double bytes = (double)g.n * sizeof(*g.entries) / n;
    ghosts_fini(&g);
    return bytes;
}

/* What is kept of one object of a KiB: what policy and index alone need, and all that it takes besides its key, its head
 * and its body. */
static void print_sizes(const struct index *x, uint32_t n)
{
    double table = (double)map_table_bytes(&x->map) / n, ghost = ghost_bytes(n);
    double policy = (double)(sizeof(struct evict_node) + sizeof(struct map_node)) + table + ghost;
    const struct object *o = cache_peek(x->cache, SEC(2), &x->items[0].key, NULL);
    double head = (double)kept_head_bytes(o->head);
    double all = (double)cache_bytes(x->cache) / n - (double)o->length - head - (double)sizeof(o->key) + table + ghost;

    printf("\nof one object, in bytes: the policy %zu, its link in the index %zu, its part of the index's table %.1f, of the "
           "ghosts' %.1f; sum %.1f (<= 96) %s\n",
           sizeof(struct evict_node), sizeof(struct map_node), table, ghost, policy, verdict(policy <= 96));
    printf("all that a KiB takes beyond key (%zu), head (%.0f) and body, malloc's part included: %.1f (<= 96) %s; of them "
           "struct object %zu without its key\n",
           sizeof(o->key), head, all, verdict(all <= 96), sizeof(*o) - sizeof(o->key));
}

static void look_ups(uint32_t part)
{
    uint32_t n = OBJECTS / part;
    struct index x = fill(n);
    struct digest *keys = of(LOOKUPS, sizeof(*keys));
    struct evict_trace t = evict_trace_new(EVICT_TRACE_Z10, n, LOOKUPS, 2);
    struct rand r = rand_of(1, 3, 0);

    print_sizes(&x, n);
    for (size_t k = 0; k < LOOKUPS; k++) /* who is popular lies anywhere */
        keys[k] = x.items[(uint64_t)t.ids[k] * 35761 % n].key;
    double found = speed(&x, keys, look_up_item);
    printf("look-ups among %u, by z10's popularity: index and policy %.2f M/s (>= 5) %s, cache_get %.2f M/s\n", n,
           found, verdict(found >= 5), speed(&x, keys, look_up_object));
    for (size_t k = 0; k < LOOKUPS; k++)
        keys[k] = x.items[rand_below(&r, n)].key;
    found = speed(&x, keys, look_up_item);
    printf("look-ups among %u, all alike:           index and policy %.2f M/s (>= 5) %s, cache_get %.2f M/s\n", n,
           found, verdict(found >= 5), speed(&x, keys, look_up_object));
    evict_trace_free(&t);
    free(keys);
    cache_free(x.cache);
    map_fini(&x.map);
    evict_fini(&x.evict);
    free(x.items);
}

int main(int argc, char **argv)
{
    bool only_misses = false, only_look_ups = false;
    uint32_t part = 1;
    uint64_t seed = 1;

    for (int i = 1; i < argc; i++) {
        only_misses = only_misses || strcmp(argv[i], "misses") == 0;
        only_look_ups = only_look_ups || strcmp(argv[i], "lookups") == 0;
        part = strcmp(argv[i], "quick") == 0 ? 10 : part;
        seed = argv[i][0] >= '0' && argv[i][0] <= '9' ? strtoull(argv[i], NULL, 10) : seed;
    }
    if (crypto_start() != 0)
        return 1;
    if (!only_look_ups)
        misses(part, seed);
    if (!only_misses)
        look_ups(part);
    return 0;
}
