/* dist_impl.h - what a set keeps for looking things up. Private to node/dist. */
#ifndef HEDGEROW_DIST_IMPL_H
#define HEDGEROW_DIST_IMPL_H

#include "node/dist/arena.h"
#include "node/dist/dist.h"

/* A pattern cut into what can be compared as a whole: PREFIX*middle*SUFFIX. The slash in front is left out. */
enum dist_path_kind {
    DIST_PATH_ALL,     /* just a star */
    DIST_PATH_LITERAL, /* no star and no question mark: all of it is the prefix */
    DIST_PATH_ENDS,    /* one star, between prefix and suffix */
    DIST_PATH_GENERAL, /* something besides between them, to be matched byte by byte */
};
struct dist_path {
    enum dist_path_kind kind;
    struct slice prefix, middle, suffix; /* |middle| begins and ends with its stars, or has the question marks */
};

void dist_path_cut(struct dist_path *out, struct slice pattern);
bool dist_path_fits(const struct dist_path *p, struct slice path); /* |path| without its leading slash */

/* Names of hosts under a hash that is made from the end on, so that one pass over a host has those of all its parents.
 * Open addressing, at most half full. Nobody but the owners of content chooses what is in it, so the hash has no key.
 */
struct dist_slot {
    uint64_t hash;
    struct slice name; /* without "*." */
    const struct dist *exact, *wildcard, *assigned;
    bool above; /* of a host that is enabled */
};
struct dist_hosts {
    struct dist_slot *slots;
    size_t mask;
    uint64_t wildcard_lengths[4]; /* bit n: there is a wildcard below a name of n bytes */
    const struct dist *any;
};

#define DIST_HOST_BYTES_MAX 255

static inline uint64_t dist_host_hash(uint64_t h, uint8_t c)
{
    return (h ^ c) * UINT64_C(0x100000001b3); /* FNV-1a */
}
#define DIST_HOST_HASH UINT64_C(0xcbf29ce484222325)

/* dist_hosts_make: NULL when |arena| has failed. */
const struct dist_hosts *dist_hosts_make(struct dist_arena *arena, const struct dist *dists, size_t n);

/* dist_digest: that of |d|'s canonical form. False: out of memory. */
bool dist_digest(const struct dist *d, uint64_t *out);

#endif
