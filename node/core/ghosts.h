/* ghosts.h - what was evicted lately, by fingerprint: the ghost queue of S3-FIFO as its authors suggest it (Yang et
 * al., SOSP 2023, section 4.2), a table of buckets without a queue. An entry is 4 bytes, 24 of a fingerprint's bits and
 * the epoch of its eviction; of a full bucket the oldest is overwritten. A wrong match is possible and costs little.
 * Not thread safe. */
#ifndef HEDGEROW_CORE_GHOSTS_H
#define HEDGEROW_CORE_GHOSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define GHOSTS_MAX (UINT32_C(1) << 24) /* 64 MiB */

struct ghosts {
    uint32_t *entries;
    uint32_t n;     /* entries, a power of two */
    uint32_t added; /* in this epoch, which is as long as a part of the table */
    uint8_t epoch;
};

/* ghosts_init makes the smallest table, which grows by ghosts_room. 0 or MESH_E_NOMEM. ghosts_fini takes a zeroed one,
 * too. */
int ghosts_init(struct ghosts *g);
void ghosts_fini(struct ghosts *g);

/* ghosts_room makes room for |n|, GHOSTS_MAX at the most. Without memory it stays as it is: more are forgotten. */
void ghosts_room(struct ghosts *g, uint64_t n);

void ghosts_add(struct ghosts *g, uint32_t fingerprint);

/* ghosts_has: is |fingerprint| among the latest |n| added, and not overwritten? The edge is as sharp as an epoch. */
bool ghosts_has(const struct ghosts *g, uint32_t fingerprint, uint64_t n);

#endif
