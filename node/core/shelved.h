/* shelved.h - a copy as other threads read it, laid out on a shelf: all that an answer from it takes. What is lent from
 * the object does not change while the object lives, but for its head: when that is renewed what was lent of the old
 * one is kept here until nobody reads it any more. Readers call what takes a const struct shelved; all else is the
 * writer's. */
#ifndef HEDGEROW_CORE_SHELVED_H
#define HEDGEROW_CORE_SHELVED_H

#include "node/core/coded.h"
#include "node/core/object.h"
#include "node/core/shelf.h"

struct shelved {
    struct shelf_item item; /* its key is the object's */
    mesh_ns born, lifetime;
    uint64_t length;
    bool varies;
    struct digest variant;
    const struct kept_head *head;
    _Atomic uint64_t position; /* by all purges up to this one it is good */
    struct object *object;     /* held; of it readers touch its leaves, and evict_use_shared */
    /* Added later, once each: */
    _Atomic(const uint8_t *) lines; /* see request_keep; NULL: none yet */
    uint32_t lines_len;
    uint64_t lines_by;                                /* the policy that they are by */
    _Atomic(const struct coded *) coded[CODINGS - 1]; /* done ones */
    _Atomic uint8_t no_gain;                          /* CODING_BITs that do not pay */
    /* The writer's: */
    struct object_past past;
};

/* shelved_shelf makes a shelf for such copies; see shelf_new. */
struct shelf *shelved_shelf(unsigned readers, const uint8_t key[SHELF_KEY_BYTES]);

/* shelved_put lays |o| out, which is complete and whole. 0, also where it is out already, or MESH_E_NOMEM. */
int shelved_put(struct shelf *s, struct object *o);

/* shelved_add makes what |o| has got since, as to lines and codings, be found too; unless it was laid out, nothing. */
void shelved_add(struct object *o);

/* shelved_take takes |o| off, if it is out: before anything of it changes, or is not to be served any more. |bytes| go
 * with it (shelf_take). */
void shelved_take(struct shelf *s, struct object *o, uint64_t bytes);

/* shelved_past takes what was |o|'s before its head was renewed, and frees it when nobody reads it. */
void shelved_past(struct object *o, struct object_past *past);

/* ---- readers' ---- */
struct slice shelved_lines(const struct shelved *c, uint64_t by); /* empty: none by that policy */
/* shelved_coded lends the body in |coding|; NULL: it is not there, or not to be had (shelved_no_gain). */
const struct coded *shelved_coded(const struct shelved *c, enum coding coding);
bool shelved_no_gain(const struct shelved *c, enum coding coding);

#endif
