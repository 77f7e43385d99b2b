/* key_memo.h - the keys of the targets asked for lately: making one takes a hash that is much longer than all else that
 * a hit needs. A table of fixed size, in which a newcomer takes the place of whoever was in it; only the very same
 * bytes are ever found. Not thread safe. */
#ifndef HEDGEROW_CORE_KEY_MEMO_H
#define HEDGEROW_CORE_KEY_MEMO_H

#include "node/dist/dist.h"
#include "proto/digest.h"

#define KEY_MEMO_PLACES 1024
#define KEY_MEMO_TEXT   138 /* longer ones are not kept */

struct key_memo {
    struct key_memo_place **places; /* NULL: nothing was kept yet */
};

/* key_memo_fini gives the memory back; a zeroed one is empty. */
void key_memo_fini(struct key_memo *m);

/* key_memo_find lends the key of |target| at |host|, both as received, by |https| or not, or NULL; |*behaviour| is what
 * holds for it. Only what was kept at the same |position| (purge_log.h) counts: then what is under the key was looked
 * at since the last purge. With another set of distributions it has to be emptied. */
const struct digest *key_memo_find(const struct key_memo *m, uint64_t position, bool https, struct slice host,
                                   struct slice target, const struct dist_behaviour **behaviour);

/* key_memo_keep keeps it, if there is memory. */
void key_memo_keep(struct key_memo *m, uint64_t position, bool https, struct slice host, struct slice target,
                   const struct digest *key, const struct dist_behaviour *behaviour);

#endif
