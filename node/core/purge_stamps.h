/* purge_stamps.h - up to which position (purge_log.h) something was purged, by path, prefix and tag. A purge is not a
 * scan over what is cached: it sets a *stamp*, and an object that was fetched before the stamp's position is found out
 * when it is looked for. Values are kept as keyed hashes: where two meet, something is fetched once more than it had to
 * be.
 *
 * Bounded: of PURGE_STAMPS_MAX values the one stamped longest ago makes way, and from then on nothing older than that
 * stamp counts at all; prefixes have at most PURGE_LENGTHS_MAX lengths, a further one is cut to the next shorter of
 * them. Pure. Not thread safe. */
#ifndef HEDGEROW_CORE_PURGE_STAMPS_H
#define HEDGEROW_CORE_PURGE_STAMPS_H

#include "node/core/fields.h"
#include "proto/base/list.h"
#include "proto/base/map.h"
#include "proto/purge.h"

#define PURGE_STAMPS_MAX  131072
#define PURGE_LENGTHS_MAX 32
#define PURGE_TAGS_EACH   50 /* of an answer; further ones are ignored */

/* An object counts if its position is at least |hard|, and is stale if it is below |soft|. */
struct purge_stamp {
    uint64_t hard, soft;
};

struct purge_stamps {
    struct map by_hash;
    struct list all; /* longest ago first */
    size_t n, max;
    struct purge_stamp everything, tags; /* of ALL, and of what was folded; the last of any tag */
    uint32_t lengths[PURGE_LENGTHS_MAX]; /* of prefixes, ascending */
    size_t lengths_n;
};

/* 0 or MESH_E_NOMEM; a zeroed one may be given to purge_stamps_fini. */
int purge_stamps_init(struct purge_stamps *s, const uint8_t hash_key[MAP_KEY_BYTES]);
void purge_stamps_fini(struct purge_stamps *s);

/* purge_stamps_add: |t| of the distribution |of| (empty: of all) was purged at |position|, which never goes back.
 * Without memory all is purged. */
void purge_stamps_add(struct purge_stamps *s, struct slice of, const struct purge_target *t, bool soft,
                      uint64_t position);

/* purge_stamps_path is the stamp on |path| (normal form, with its query) of the distribution |of|, purge_stamps_fields
 * adds that of the tags which an answer's fields name: Cache-Tag and Surrogate-Key (words), Cache-Groups (RFC 9875,
 * strings). */
struct purge_stamp purge_stamps_path(const struct purge_stamps *s, struct slice of, struct slice path);
void purge_stamps_fields(const struct purge_stamps *s, struct slice of, const struct fields *fields,
                         struct purge_stamp *out);

#endif
