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
    return coding == CODING_IDENTITY || o->more == NULL ? NULL : o->more->coded[coding - 1];
}

bool coded_no_gain(const struct object *o, enum coding coding)
{
    return (o->coded_no_gain & CODING_BIT(coding)) != 0;
}

/* ---- life ---- */

static void stop(struct coded *c)
{
    list_remove(&c->turn);
    c->coders->n -= c->coder != NULL;
    coder_free(c->coder);
    c->coder = NULL;
    c->done = true;
}

void coded_drop(struct coded *c)
{
    uint64_t bytes = object_cost(sizeof(*c));

    if (c == NULL)
        return;
    stop(c);
    for (uint32_t i = 0; i < c->pieces_n; i++) {
        bytes += object_cost(c->pieces[i].cap);
        free(c->pieces[i].data);
    }
    bytes += object_cost(c->pieces_cap * sizeof(*c->pieces));
    object_hold(c->object, -(int64_t)bytes);
    c->object->more->coded[c->coding - 1] = NULL;
    free(c->pieces);
    free(c);
}

void coded_drop_all(struct object *o)
{
    for (size_t i = 0; o->more != NULL && i < CODINGS - 1; i++)
        coded_drop(o->more->coded[i]);
}

struct coded *coded_open(struct coders *cs, struct object *o, enum coding coding, bool anyway)
{
    struct coded *c = coded_of(o, coding);

    assert(o->has_length && coding != CODING_IDENTITY);
    if (c != NULL)
        return c;
    bool coder = coding != CODING_ZSTD;
    if ((coder && cs->n >= CODERS_MAX && !anyway) || object_more_of(o) == NULL || (c = calloc(1, sizeof(*c))) == NULL)
        return NULL;
    c->coding = coding;
    c->object = o;
    c->coders = cs;
    list_init(&c->turn);
    if (coder && (c->coder = coder_new(coding, o->length)) == NULL) {
        free(c);
        return NULL;
    }
    cs->n += coder;
    zpack_raw_head(c->head_full, LEAF_BYTES);
    zpack_raw_head(c->head_last, (o->length - 1) % LEAF_BYTES + 1);
    object_hold(o, (int64_t)object_cost(sizeof(*c)));
    o->more->coded[coding - 1] = c;
    coded_grew(o);
    return c;
}

void coded_grew(struct object *o)
{
    for (size_t i = 0; o->more != NULL && i < CODINGS - 1; i++) {
        struct coded *c = o->more->coded[i];
        if (c != NULL && !list_linked(&c->turn) && coded_ready(c))
            list_push_back(&c->coders->turns, &c->turn);
    }
}

/* ---- making ---- */

/* The leaf that is next, closed. Of the body's last one that is said only once the body is complete: who is done then
 * has all that there will be. */
static bool next_leaf(const struct coded *c, struct slice *leaf, bool *last)
{
    const struct object *o = c->object;

    if (c->done || o->state == OBJECT_FAILED)
        return false;
    *last = o->length - c->in <= LEAF_BYTES;
    if (c->in / LEAF_BYTES >= o->leaves_n || (*last && o->state != OBJECT_COMPLETE))
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
        object_hold(c->object, (int64_t)object_cost(to * sizeof(*c->pieces)) -
                                   (int64_t)object_cost(c->pieces_cap * sizeof(*c->pieces)));
        c->pieces = p;
        c->pieces_cap = to;
    }
    c->pieces[c->pieces_n] = (struct coded_piece){ data, len, cap };
    object_hold(c->object, (int64_t)object_cost(cap));
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
    object_hold(c->object, (int64_t)object_cost(p->len) - (int64_t)object_cost(p->cap));
    p->data = exact;
    p->cap = p->len;
}

static void finish(struct coded *c)
{
    stop(c);
    if (c->length >= c->object->length)
        c->object->coded_no_gain |= (uint8_t)CODING_BIT(c->coding);
}

/* ---- zstd ---- */

#define FRAME_PIECES 2 /* a head and a raw leaf; or a packed leaf and nothing */

static struct slice frame_piece(const struct coded *c, uint32_t i)
{
    const struct object_leaf *l = object_leaf(c->object, i / FRAME_PIECES);
    bool first = i % FRAME_PIECES == 0;

    if (l->packed != NULL)
        return first ? slice_of(l->packed, l->packed_len) : SLICE_EMPTY;
    if (!first)
        return slice_of(l->raw, l->raw_len);
    return slice_of(l->raw_len == LEAF_BYTES ? c->head_full : c->head_last, ZPACK_RAW_HEAD);
}

static size_t frame_bytes(const struct coded *c, uint32_t leaf)
{
    return frame_piece(c, FRAME_PIECES * leaf).len + frame_piece(c, FRAME_PIECES * leaf + 1).len;
}

/* Leaves are frames as they are, once it is known whether they pack. */
static void take_frames(struct coded *c, struct zpack *z)
{
    struct object *o = c->object;
    struct slice leaf;
    bool last, tried = false;

    while (next_leaf(c, &leaf, &last)) {
        uint32_t i = leaf_count(c->in);
        bool known = object_pack_known(o, i);
        if (!known && tried)
            break;
        tried = tried || !known;
        object_packed(o, i, z);
        c->in += leaf.len;
        c->length += frame_bytes(c, i);
    }
}

static int code_leaf(struct coded *c, struct slice leaf, bool last)
{
    c->in += leaf.len;
    c->coders->bytes_in += leaf.len;
    bool flush = c->in == LEAF_BYTES || c->in % FLUSH_BYTES == 0;
    int err = run(c, last ? CODER_END : flush ? CODER_FLUSH : CODER_MORE, leaf);
    if (err == 0 && last)
        shrink(c);
    return err;
}

int coded_step(struct coded *c, struct zpack *z)
{
    struct slice leaf;
    bool last;
    int err = 0;

    list_remove(&c->turn);
    if (!next_leaf(c, &leaf, &last))
        return 0;
    if (c->coding == CODING_ZSTD)
        take_frames(c, z);
    else
        err = code_leaf(c, leaf, last);
    if (err == 0 && c->in == c->object->length)
        finish(c);
    else if (err == 0)
        coded_grew(c->object);
    return err;
}

/* ---- reading ---- */

size_t coded_read(const struct coded *c, struct coded_place at, struct slice *pieces, size_t max)
{
    bool frames = c->coding == CODING_ZSTD;
    uint32_t end = frames ? FRAME_PIECES * leaf_count(c->in) : c->pieces_n;
    size_t n = 0;

    for (uint32_t i = FRAME_PIECES * at.leaf; i < end && n < max; i++) {
        struct slice whole = frames ? frame_piece(c, i) : slice_of(c->pieces[i].data, c->pieces[i].len);
        struct slice part = slice_from(whole, at.at);
        at.at -= whole.len - part.len;
        if (part.len > 0)
            pieces[n++] = part;
    }
    return n;
}

void coded_take(const struct coded *c, struct coded_place *at, size_t n)
{
    at->at += n;
    while (c->coding == CODING_ZSTD && at->at > 0 && at->at >= frame_bytes(c, at->leaf))
        at->at -= frame_bytes(c, at->leaf++);
    assert(c->coding == CODING_ZSTD ? at->leaf + (at->at > 0) <= leaf_count(c->in) : at->at <= c->length);
}

uint64_t coded_seen(const struct coded *c, struct coded_place at)
{
    uint64_t frames = (at.leaf + (uint64_t)(at.at > 0)) * LEAF_BYTES;

    return c->coding == CODING_ZSTD && frames < c->in ? frames : c->in;
}

bool coded_over(const struct coded *c, struct coded_place at)
{
    return c->done && (c->coding == CODING_ZSTD ? at.leaf == leaf_count(c->in) : at.at == c->length);
}

void coded_leave(const struct coded *c, struct coded_place *at, struct buf *rest)
{
    struct slice piece;

    while (c->coding == CODING_ZSTD && at->at > 0 && coded_read(c, *at, &piece, 1) == 1) {
        buf_add_slice(rest, piece);
        coded_take(c, at, piece.len);
    }
}
