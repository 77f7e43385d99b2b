/* What a flight had of a body when its source failed, its prior: leaves of it that turn out to be those of the next
 * copy, too, are not fetched again.
 *
 *   prior_keep --another node is asked: from leaf N on--> its hashes are the prior's: leaves up to N from here
 *             \                                      \--> they are not: what differs is asked for again
 *              --the origin is asked: prior_rest (complete.c)
 *
 * It is the lost object itself. Readers that wait to be moved hold it, too, and it counts as the cache's memory as long
 * as anybody does. Of a body that passes through a window it has what the window had. */
#include <stdlib.h>

#include "node/core/flight_impl.h"
#include "node/core/second.h"

#define RESUMES_MAX 3 /* an origin whose answers do not fit together is asked for all of it then */

void prior_forget(struct flight *f)
{
    object_unref(f->prior);
    f->prior = NULL;
}

/* Is what |o| has of its body the beginning of what |longer| has? */
static bool is_beginning(const struct object *o, const struct object *longer)
{
    return o->leaves_n < longer->leaves_n && object_same(o, longer, (uint64_t)o->leaves_n * LEAF_BYTES) == 1;
}

void prior_keep(struct flight *f, struct object *o)
{
    /* What came from the disk in pieces has leaves that are not here among those that are. */
    if (f->leaf || f->class == FLIGHT_DIRECT || o->uncacheable || o->head->status != 200 || o->leaves_n == 0 ||
        object_pieces(o) != NULL || (f->prior != NULL && is_beginning(o, f->prior)))
        return;
    prior_forget(f);
    f->prior = object_ref(o);
}

uint32_t prior_leaves(const struct flight *f)
{
    if (f->prior == NULL)
        return 0;
    if (object_first_held(f->prior) == 0)
        return f->prior->leaves_n;
    LIST_EACH (at, &f->waiters) {
        struct reader *r = OBJ_OF(at, struct reader, wait_link);
        if (r->object == NULL && (r->of_peer ? reader_serve(r)->have : 0) < object_first_held(f->prior))
            return 0; /* somebody wants what lies in front of the window */
    }
    return f->prior->leaves_n;
}

int prior_give(const struct object *prior, uint32_t i, struct object *o)
{
    const struct object_leaf *l = object_leaf(prior, i);

    assert(i == o->leaves_n && i < prior->leaves_n);
    if (l->raw == NULL) {
        o->pass_through = true;
        return object_add_dropped(o, l->raw_len, &object_hashes(prior)[i]);
    }
    uint8_t *raw = malloc(l->raw_len);
    if (raw == NULL)
        return MESH_E_NOMEM;
    memcpy(raw, l->raw, l->raw_len);
    int err = object_add_one(o, raw, l->raw_len, NULL, 0, &object_hashes(prior)[i]);
    if (err != 0)
        free(raw);
    return err;
}

/* Is |l|, whose hash is that of |o|'s next leaf, as long as that one must be? Slips of it may have been shown already:
 * it must begin with them, which nobody can tell when its bytes are gone. */
static bool goes_on(const struct object *o, const struct object_leaf *l)
{
    const struct object_fill *open = o->fill;
    uint64_t before = (uint64_t)o->leaves_n * LEAF_BYTES;
    uint64_t left = !o->has_length ? LEAF_BYTES : o->length > before ? o->length - before : 0;

    return l->raw_len == (left < LEAF_BYTES ? left : LEAF_BYTES) &&
           (open->tail_len == 0 ||
            (l->raw != NULL && open->tail_len <= l->raw_len && memcmp(l->raw, open->tail, open->tail_len) == 0));
}

int prior_fill(struct flight *f)
{
    const struct object *prior = f->prior;
    struct object *o = f->object;
    int err;

    while (o->leaves_n < f->ask.have && o->leaves_n < object_hashes_n(o)) {
        uint32_t i = o->leaves_n;
        if (!digest_eq(&object_hashes(o)[i], &object_hashes(prior)[i]) || !goes_on(o, object_leaf(prior, i)))
            return MESH_E_HASH;
        if ((err = prior_give(prior, i, o)) != 0)
            return err;
    }
    if (o->leaves_n >= f->ask.have)
        prior_forget(f);
    return 0;
}

/* The copy that is on its way is another one from the leaf on that it lacks: what it has by now is the new prior. */
void prior_differs(struct engine *e, mesh_ns now, struct flight *f)
{
    ask_cancel(e, now, f);
    prior_forget(f);
    if (f->agains++ < ASK_AGAIN_MAX)
        flight_source_again(e, now, f);
    else
        flight_source_failed(e, now, f);
}

/* Another's bytes count as long as the other one does. A leaf that is not full ends a body: it is no beginning of one
 * whose length is not known. */
const struct object *prior_rest(const struct engine *e, const struct flight *f, uint32_t *leaves)
{
    const struct object *o = f->prior;

    *leaves = prior_leaves(f);
    if (*leaves > 0 && !o->has_length && object_leaf(o, *leaves - 1)->raw_len < LEAF_BYTES)
        --*leaves;
    if (*leaves == 0 || f->resumes >= RESUMES_MAX || f->class != FLIGHT_OWNER || f->solo || f->dropped ||
        parts_validator(o->head).len == 0 || (!o->is_ours && !mesh_still_vouches(e->mesh, &o->by.signer->cert)))
        return NULL;
    return o;
}
