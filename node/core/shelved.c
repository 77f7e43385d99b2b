#include "node/core/shelved.h"

#include <stdlib.h>

#include "proto/base/err.h"

static void gone(void *ctx, struct shelf_item *i)
{
    struct shelved *c = OBJ_OF(i, struct shelved, item);
    struct object *o = c->object;

    (void)ctx;
    if (o->more->shelved == c)
        o->more->shelved = NULL;
    object_past_free(&c->past);
    object_hold(o, -(int64_t)object_cost(sizeof(*c)));
    object_unref(o);
    free(c);
}

struct shelf *shelved_shelf(unsigned readers, const uint8_t key[SHELF_KEY_BYTES])
{
    return shelf_new(readers, key, gone, NULL);
}

static struct shelved *make(struct object *o)
{
    struct object_more *more = object_more_of(o);
    struct shelved *c = more != NULL ? calloc(1, sizeof(*c)) : NULL;

    if (c == NULL)
        return NULL;
    c->item.key = o->key;
    c->born = o->born;
    c->lifetime = o->lifetime;
    c->length = o->length;
    c->varies = o->varies;
    c->variant = more->variant;
    c->head = o->head;
    c->object = object_ref(o);
    object_hold(o, (int64_t)object_cost(sizeof(*c)));
    more->shelved = c;
    return c;
}

int shelved_put(struct shelf *s, struct object *o)
{
    struct shelved *c = object_shelved(o) != NULL ? object_shelved(o) : make(o);

    assert(o->state == OBJECT_COMPLETE && object_first_held(o) == 0);
    if (c == NULL)
        return MESH_E_NOMEM;
    shelved_add(o);
    if (c->item.state == SHELF_ON)
        return 0;
    bool anew = c->item.state == SHELF_OFF;
    int err = shelf_put(s, &c->item);
    if (err != 0 && anew)
        gone(NULL, &c->item);
    return err;
}

void shelved_add(struct object *o)
{
    struct shelved *c = object_shelved(o);
    uint64_t by = object_lines_by(o);
    struct slice lines = object_lines(o, by);

    if (c == NULL)
        return;
    atomic_store_explicit(&c->position, o->position, memory_order_relaxed);
    if (lines.len > 0 && atomic_load_explicit(&c->lines, memory_order_relaxed) == NULL) {
        c->lines_len = (uint32_t)lines.len;
        c->lines_by = by;
        atomic_store_explicit(&c->lines, lines.data, memory_order_release);
    }
    for (size_t i = 0; i < CODINGS - 1; i++) {
        const struct coded *coded = o->more->coded[i];
        if (coded != NULL && coded->done && !coded_no_gain(o, coded->coding))
            atomic_store_explicit(&c->coded[i], coded, memory_order_release);
    }
    atomic_store_explicit(&c->no_gain, o->coded_no_gain, memory_order_relaxed);
}

void shelved_take(struct shelf *s, struct object *o, uint64_t bytes)
{
    struct shelved *c = object_shelved(o);

    if (c != NULL && c->item.state == SHELF_ON)
        shelf_take(s, &c->item, bytes);
}

void shelved_past(struct object *o, struct object_past *past)
{
    struct shelved *c = object_shelved(o);

    if (c == NULL) {
        object_past_free(past);
        return;
    }
    assert(c->item.state != SHELF_ON);
    c->past = *past;
    *past = (struct object_past){ NULL, NULL };
    o->more->shelved = NULL; /* what is laid out next has the new head */
}

struct slice shelved_lines(const struct shelved *c, uint64_t by)
{
    const uint8_t *lines = atomic_load_explicit(&c->lines, memory_order_acquire);

    return lines != NULL && c->lines_by == by ? slice_of(lines, c->lines_len) : SLICE_EMPTY;
}

const struct coded *shelved_coded(const struct shelved *c, enum coding coding)
{
    return coding == CODING_IDENTITY ? NULL : atomic_load_explicit(&c->coded[coding - 1], memory_order_acquire);
}

bool shelved_no_gain(const struct shelved *c, enum coding coding)
{
    return (atomic_load_explicit(&c->no_gain, memory_order_relaxed) & CODING_BIT(coding)) != 0;
}
