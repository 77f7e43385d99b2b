#include "node/core/ghosts.h"

#include <stdlib.h>

#include "proto/base/err.h"

#define WAYS       16   /* entries of a bucket */
#define GHOSTS_MIN 4096 /* 256 buckets: the bits of a bucket's number above these 8 are among those that are kept */
#define EPOCHS     128  /* to the table's size: an entry is overwritten before its epoch's number comes again */

#define TAG(entry)   ((entry) & 0xffffff00u)
#define EPOCH(entry) ((uint8_t)(entry))

int ghosts_init(struct ghosts *g)
{
    *g = (struct ghosts){ .n = GHOSTS_MIN };
    g->entries = calloc(g->n, sizeof(*g->entries));
    return g->entries != NULL ? 0 : MESH_E_NOMEM;
}

void ghosts_fini(struct ghosts *g)
{
    free(g->entries);
    g->entries = NULL;
}

/* A tag of 0 is an empty entry's. */
static uint32_t tag_of(uint32_t fingerprint)
{
    return TAG(fingerprint) != 0 ? TAG(fingerprint) : 0x100;
}

static uint32_t *bucket_of(const struct ghosts *g, uint32_t fingerprint)
{
    return &g->entries[(size_t)(fingerprint & (g->n / WAYS - 1)) * WAYS];
}

static uint8_t age(const struct ghosts *g, uint32_t entry)
{
    return (uint8_t)(g->epoch - EPOCH(entry));
}

/* Each bucket becomes two, by one more bit of the number. Epochs are twice as long from now on. */
static bool grow(struct ghosts *g)
{
    uint32_t buckets = g->n / WAYS;
    uint32_t *to = calloc((size_t)g->n * 2, sizeof(*to));

    if (to == NULL)
        return false;
    for (uint32_t b = 0; b < buckets; b++) {
        size_t used[2] = { 0, 0 };
        for (uint32_t i = 0; i < WAYS; i++) {
            uint32_t entry = g->entries[(size_t)b * WAYS + i];
            unsigned upper = (entry & buckets) != 0;
            uint8_t epoch = (uint8_t)(g->epoch - age(g, entry) / 2);
            if (TAG(entry) != 0)
                to[((size_t)b + (size_t)upper * buckets) * WAYS + used[upper]++] = TAG(entry) | epoch;
        }
    }
    free(g->entries);
    g->entries = to;
    g->n *= 2;
    return true;
}

void ghosts_room(struct ghosts *g, uint64_t n)
{
    while (g->n < n && g->n < GHOSTS_MAX && grow(g))
        ;
}

void ghosts_add(struct ghosts *g, uint32_t fingerprint)
{
    uint32_t *bucket = bucket_of(g, fingerprint), *oldest = bucket;

    for (uint32_t i = 0; i < WAYS && TAG(*oldest) != 0; i++) {
        if (TAG(bucket[i]) == 0 || age(g, bucket[i]) > age(g, *oldest))
            oldest = &bucket[i];
    }
    *oldest = tag_of(fingerprint) | g->epoch;
    if (++g->added >= g->n / EPOCHS) {
        g->added = 0;
        g->epoch++;
    }
}

bool ghosts_has(const struct ghosts *g, uint32_t fingerprint, uint64_t n)
{
    const uint32_t *bucket = bucket_of(g, fingerprint);

    for (uint32_t i = 0; i < WAYS; i++) {
        if (TAG(bucket[i]) == tag_of(fingerprint) && (uint64_t)age(g, bucket[i]) * (g->n / EPOCHS) <= n)
            return true;
    }
    return false;
}
