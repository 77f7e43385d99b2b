/* ring_baselines.h - what others do, small and honest, to measure our ring beside it: a
 * ring of hashed points (Karger et al. 1997, as libketama has it: 160 a node), and Maglev's
 * table (Eisenbud et al. 2016, 3.4). Plain weights, no zones. */
#ifndef HEDGEROW_TESTS_RING_BASELINES_H
#define HEDGEROW_TESTS_RING_BASELINES_H

#include <stdlib.h>
#include <string.h>

#include "proto/base/rand.h"
#include "ring/ring.h"

#define POINTS 160

static inline uint64_t node_hash(const struct ring_member *m, uint64_t salt)
{
    return rand_mix(be64_get(m->id.bytes) ^ rand_mix(salt + 1));
}

/* ---- points ---- */

struct point {
    uint64_t at;
    uint32_t node;
};

struct points {
    struct point *p;
    size_t n;
};

static inline int by_place(const void *a, const void *b)
{
    uint64_t x = ((const struct point *)a)->at, y = ((const struct point *)b)->at;
    return (x > y) - (x < y);
}

static inline struct points points_new(const struct ring_member *m, size_t n)
{
    struct points r = { malloc(n * POINTS * sizeof(*r.p)), n * POINTS };

    for (size_t i = 0; i < r.n; i++)
        r.p[i] = (struct point){ node_hash(&m[i / POINTS], i % POINTS), (uint32_t)(i / POINTS) };
    qsort(r.p, r.n, sizeof(*r.p), by_place);
    return r;
}

/* The next point's node, and the next two others'. */
static inline uint32_t points_owners(const struct points *r, uint64_t key, uint32_t owners[3])
{
    size_t low = 0, high = r->n, n = 0;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (r->p[middle].at < key)
            low = middle + 1;
        else
            high = middle;
    }
    for (size_t i = 0; n < 3 && i < r->n; i++) {
        uint32_t node = r->p[(low + i) % r->n].node;
        if ((n < 1 || owners[0] != node) && (n < 2 || owners[1] != node))
            owners[n++] = node;
    }
    return owners[0];
}

/* ---- Maglev ---- */

struct maglev {
    uint32_t *node;
    uint64_t size; /* a prime, about a hundred times the nodes */
};

static inline struct maglev maglev_new(const struct ring_member *m, size_t n)
{
    struct maglev g = { .size = n <= 650 ? 65537 : 655373 };
    uint64_t *at = malloc(n * sizeof(*at)), *skip = malloc(n * sizeof(*skip)), filled = 0;

    g.node = malloc(g.size * sizeof(*g.node));
    memset(g.node, 0xff, g.size * sizeof(*g.node));
    for (size_t i = 0; i < n; i++) {
        at[i] = node_hash(&m[i], 1) % g.size;
        skip[i] = node_hash(&m[i], 2) % (g.size - 1) + 1;
    }
    while (filled < g.size) {
        for (size_t i = 0; i < n && filled < g.size; i++) {
            while (g.node[at[i]] != UINT32_MAX)
                at[i] = (at[i] + skip[i]) % g.size;
            g.node[at[i]] = (uint32_t)i;
            filled++;
        }
    }
    free(at);
    free(skip);
    return g;
}

static inline uint32_t maglev_owner(const struct maglev *g, uint64_t key)
{
    return g->node[key % g->size];
}

#endif
