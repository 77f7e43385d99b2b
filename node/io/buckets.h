/* buckets.h - what requests to buckets are signed with: profiles of a node's one shared credentials file, each read
 * again when the file has changed. A bucket here is a region and a profile; each has its keys, and the day's key made
 * of them. Not thread safe. */
#ifndef HEDGEROW_IO_BUCKETS_H
#define HEDGEROW_IO_BUCKETS_H

#include "node/io/upstream_sign.h"
#include "proto/base/time.h"

#define BUCKETS_MAX 64 /* at a time: the one used last stays */

struct buckets;
struct bucket;

/* buckets_new: |path| is lent. NULL: out of memory. buckets_free wipes all keys; NULL is fine. */
struct buckets *buckets_new(const char *path);
void buckets_free(struct buckets *b);

/* buckets_find lends, until the next call, the bucket of |region| and |profile|; NULL: out of memory, or a name that is
 * too long. It looks, once a second at most, whether the file has changed, and takes what is in it; what cannot be used
 * leaves the keys that were there. |said|: a sentence on that for people, by line, and of secrets nothing; or nothing.
 */
struct bucket *buckets_find(struct buckets *b, struct slice region, struct slice profile, mesh_ns now,
                            struct buf *said);

/* buckets_reread looks at once, for all. */
void buckets_reread(struct buckets *b, struct buf *said);

/* bucket_ready: has it keys? */
bool bucket_ready(const struct bucket *b);

/* bucket_sign is upstream_sign with the keys in force; MESH_E_MISSING: there are none, and |how| wants some. */
int bucket_sign(struct bucket *b, enum upstream_signing how, struct buf *head, bool https, int64_t wall_s,
                struct sigv4_chain *chain, bool *chunks);

#endif
