/* object_impl.h - what the object's files share. Nobody else includes it. */
#ifndef HEDGEROW_CORE_OBJECT_IMPL_H
#define HEDGEROW_CORE_OBJECT_IMPL_H

#include "node/core/object.h"

#define OBJECT_MAGIC 0x6f62u

/* object_hold_block, object_let_go: a block of |bytes| was made for |o|, or is to be freed; of none: nothing. */
void object_hold_block(struct object *o, size_t bytes);
void object_let_go(struct object *o, size_t bytes);

/* object_grow makes room for |need| items of |item| bytes in the array that |array_ptr| points to, which may move.
 * False: out of memory. */
bool object_grow(struct object *o, void *array_ptr, uint32_t *cap, uint32_t need, size_t item);

/* object_room is where a small body's bytes go; NULL: it has none. object_drop_bytes frees a block of |cap| bytes,
 * unless it is that. */
uint8_t *object_room(const struct object *o);
void object_drop_bytes(struct object *o, uint8_t *bytes, uint32_t cap);

/* object_drop_fill forgets what only filling needs, if it is there. */
void object_drop_fill(struct object *o);

#endif
