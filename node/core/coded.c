#include "node/core/coded.h"

#include <stdlib.h>

#include "proto/base/err.h"

#define FLUSH_BYTES (4 * LEAF_BYTES) /* who reads along waits for no more than this, once the first leaf is out */
#define PIECE_MIN   1024u

void coders_init(struct coders *cs)
{
    *cs = (struct coders){ .n = 0 };
    list_init(&cs->turns);
}

struct coded *coded_of(const struct object *o, enum coding coding)
{
    return coding == CODING_IDENTITY ? NULL : o->coded[coding - 1];
}

bool coded_no_gain(const struct object *o, enum coding coding)
{
    return (o->coded_no_gain & CODING_BIT(coding)) != 0;
}

/* ---- life ---- */

static void stop(struct coded *c)
{
    list_remove(&c->turn);
    coder_free(c->coder);
    c->coder = NULL;
    if (!c->done)
        c->coders->n--;
    c->done = true;
}

void coded_drop(struct coded *c)
{
    uint64_t bytes = sizeof(*c);

    if (c == NULL)
        return;
    stop(c);
    for (uint32_t i = 0; i < c->pieces_n; i++) {
        bytes += c->pieces[i].cap;
        if (c->pieces[i].cap > 0)
            free(c->pieces[i].data);
    }
    bytes += c->pieces_cap * sizeof(*c->pieces);
    object_hold(c->object, -(int64_t)bytes);
    c->object->coded[c->coding - 1] = NULL;
    free(c->pieces);
    free(c);
}

void coded_drop_all(struct object *o)
{
    for (size_t i = 0; i < CODINGS - 1; i++)
        coded_drop(o->coded[i]);
}

/* A body of one leaf may be packed already, and then no coder is needed. */
static bool may_be_packed(const struct coded *c)
{
    return c->coding == CODING_ZSTD && c->object->length <= LEAF_BYTES;
}

static bool start_coder(struct coded *c)
{
    if (c->coder == NULL)
        c->coder = coder_new(c->coding, c->object->length);
    return c->coder != NULL;
}

struct coded *coded_open(struct coders *cs, struct object *o, enum coding coding, bool anyway)
{
    struct coded *c = coded_of(o, coding);

    assert(o->has_length && coding != CODING_IDENTITY);
    if (c != NULL)
        return c;
    if ((cs->n >= CODERS_MAX && !anyway) || (c = calloc(1, sizeof(*c))) == NULL)
        return NULL;
    c->coding = coding;
    c->object = o;
    c->coders = cs;
    list_init(&c->turn);
    if (!may_be_packed(c) && !start_coder(c)) {
        free(c);
        return NULL;
    }
    cs->n++;
    object_hold(o, sizeof(*c));
    o->coded[coding - 1] = c;
    coded_grew(o);
    return c;
}

void coded_grew(struct object *o)
{
    for (size_t i = 0; i < CODINGS - 1; i++) {
        struct coded *c = o->coded[i];
        if (c != NULL && !list_linked(&c->turn) && coded_ready(c))
            list_push_back(&c->coders->turns, &c->turn);
    }
}

/* ---- making ---- */

/* The leaf that is next, whole. Of the body's last one that is said only once the body is complete, so that the coder
 * gets the same pieces at whatever pace they came. */
static bool next_leaf(const struct coded *c, struct slice *leaf, bool *last)
{
    const struct object *o = c->object;

    if (c->done || o->state == OBJECT_FAILED)
        return false;
    *last = o->length - c->in <= LEAF_BYTES;
    if (*last ? o->state != OBJECT_COMPLETE : object_available(o) - c->in < LEAF_BYTES)
        return false;
    return object_read(o, c->in, leaf, 1) == 1;
}

bool coded_ready(const struct coded *c)
{
    struct slice leaf;
    bool last;

    return next_leaf(c, &leaf, &last);
}

static struct coded_piece *push_piece(struct coded *c, uint8_t *data, uint32_t len, uint32_t cap)
{
    if (c->pieces_n == c->pieces_cap) {
        uint32_t to = c->pieces_cap == 0 ? 1 : 2 * c->pieces_cap;
        void *p = realloc(c->pieces, to * sizeof(*c->pieces));
        if (p == NULL)
            return NULL;
        object_hold(c->object, (int64_t)((to - c->pieces_cap) * sizeof(*c->pieces)));
        c->pieces = p;
        c->pieces_cap = to;
    }
    c->pieces[c->pieces_n] = (struct coded_piece){ data, len, cap };
    object_hold(c->object, cap);
    return &c->pieces[c->pieces_n++];
}

/* A piece with room in it; NULL: out of memory. */
static struct coded_piece *room(struct coded *c)
{
    struct coded_piece *p = c->pieces_n > 0 ? &c->pieces[c->pieces_n - 1] : NULL;
    uint64_t cap = c->object->length / 2 > PIECE_MIN ? c->object->length / 2 : PIECE_MIN;

    if (p != NULL && p->cap - p->len >= CODER_ROOM_MIN)
        return p;
    if (cap > LEAF_BYTES)
        cap = LEAF_BYTES;
    uint8_t *data = malloc(cap);
    if (data == NULL || (p = push_piece(c, data, 0, (uint32_t)cap)) == NULL) {
        free(data);
        return NULL;
    }
    return p;
}

static int run(struct coded *c, enum coder_step step, struct slice leaf)
{
    bool done = false;

    while (!done) {
        struct coded_piece *p = room(c);
        size_t made = 0;
        int err;
        if (p == NULL)
            return MESH_E_NOMEM;
        if ((err = coder_run(c->coder, step, &leaf, p->data + p->len, p->cap - p->len, &made, &done)) != 0)
            return err;
        p->len += (uint32_t)made;
        c->length += made;
        c->coders->bytes_out += made;
    }
    return 0;
}

/* The last piece gives back what it did not need. */
static void shrink(struct coded *c)
{
    struct coded_piece *p = &c->pieces[c->pieces_n - 1];
    uint8_t *exact = p->len > 0 && p->cap > p->len ? realloc(p->data, p->len) : NULL;

    if (exact == NULL)
        return;
    object_hold(c->object, (int64_t)p->len - (int64_t)p->cap);
    p->data = exact;
    p->cap = p->len;
}

static void finish(struct coded *c)
{
    stop(c);
    if (c->length >= c->object->length)
        c->object->coded_no_gain |= (uint8_t)CODING_BIT(c->coding);
}

/* The stored frame, no byte of it coded again. False: there is none, or no memory for another piece. */
static bool take_packed(struct coded *c, struct zpack *z)
{
    struct object *o = c->object;

    if (!may_be_packed(c) || !object_packed(o, 0, z))
        return false;
    const struct object_leaf *l = &o->leaves[0];
    if (push_piece(c, l->packed, l->packed_len, 0) == NULL)
        return false;
    c->length = l->packed_len;
    return true;
}

int coded_step(struct coded *c, struct zpack *z)
{
    struct slice leaf;
    bool last;
    int err;

    list_remove(&c->turn);
    if (!next_leaf(c, &leaf, &last))
        return 0;
    if (last && take_packed(c, z)) {
        c->in = c->object->length;
        finish(c);
        return 0;
    }
    if (!start_coder(c))
        return MESH_E_NOMEM;
    c->in += leaf.len;
    c->coders->bytes_in += leaf.len;
    bool flush = c->in == LEAF_BYTES || c->in % FLUSH_BYTES == 0;
    if ((err = run(c, last ? CODER_END : flush ? CODER_FLUSH : CODER_MORE, leaf)) != 0)
        return err;
    if (last) {
        shrink(c);
        finish(c);
    } else {
        coded_grew(c->object);
    }
    return 0;
}

/* ---- reading ---- */

size_t coded_read(const struct coded *c, uint64_t at, struct slice *pieces, size_t max)
{
    uint64_t begin = 0;
    size_t n = 0;

    for (uint32_t i = 0; i < c->pieces_n && n < max; begin += c->pieces[i++].len) {
        struct slice whole = slice_of(c->pieces[i].data, c->pieces[i].len);
        struct slice part = slice_from(whole, at > begin ? at - begin : 0);
        if (part.len > 0)
            pieces[n++] = part;
    }
    return n;
}
