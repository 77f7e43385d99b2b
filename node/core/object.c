#include "node/core/object.h"

#include <stdlib.h>

#include "node/core/coded.h"
#include "node/core/object_impl.h"
#include "proto/base/err.h"

struct object_lines {
    uint64_t by;
    uint32_t len;
    uint8_t text[];
};

static_assert(sizeof(void *) > 8 || offsetof(struct object, head) == 64, "what a look-up reads is a cache line");
static_assert(sizeof(void *) > 8 || sizeof(struct object) <= 264, "a small object is small");

void object_hold(struct object *o, int64_t bytes)
{
    o->memory->bytes += (uint64_t)bytes;
    if (o->indexed)
        evict_grew(o->memory->evict, &o->evict, bytes);
    else
        o->evict.bytes += (uint64_t)bytes;
}

void object_hold_block(struct object *o, size_t bytes)
{
    object_hold(o, (int64_t)object_cost(bytes));
}

void object_let_go(struct object *o, size_t bytes)
{
    size_t cost = object_cost(bytes);

    assert(cost <= object_bytes(o) && cost <= o->memory->bytes);
    object_hold(o, -(int64_t)cost);
}

uint8_t *object_room(const struct object *o)
{
    const uint8_t *first_head = (const uint8_t *)(o + 1);

    if (!o->has_room)
        return NULL;
    return (uint8_t *)(uintptr_t)first_head + kept_head_bytes((const struct kept_head *)(const void *)first_head);
}

void object_drop_bytes(struct object *o, uint8_t *bytes, uint32_t cap)
{
    if (bytes == NULL || bytes == object_room(o))
        return;
    object_let_go(o, cap);
    free(bytes);
}

bool object_grow(struct object *o, void *array_ptr, uint32_t *cap, uint32_t need, size_t item)
{
    void **array = array_ptr;

    if (need <= *cap)
        return true;
    uint32_t to = *cap == 0 ? need : *cap * 2 > need ? *cap * 2 : need;
    void *p = realloc(*array, to * item);
    if (p == NULL)
        return false;
    *array = p;
    object_let_go(o, *cap * item);
    object_hold_block(o, to * item);
    *cap = to;
    return true;
}

/* ---- life ---- */

struct object *object_new(struct object_memory *memory, struct slice head_raw, const struct identity *self,
                          struct held_cert *signer)
{
    struct head head;

    if (head_decode(&head, head_raw) != 0)
        return NULL;
    if (self != NULL) /* it is as we write one */
        head_raw = SLICE_EMPTY;
    size_t size = kept_head_size(&head, &head_raw);
    size_t room = head.has_length && head.length <= OBJECT_ROOM_MAX ? (size_t)head.length : 0;
    struct object *o = size > 0 ? malloc(sizeof(*o) + size + room) : NULL;
    struct object_fill *fill = calloc(1, sizeof(*fill));
    if (o == NULL || fill == NULL) {
        free(o);
        free(fill);
        return NULL;
    }
    memset(o, 0, sizeof(*o));
    o->magic = OBJECT_MAGIC;
    o->refs = 1;
    o->memory = memory;
    kept_head_put((struct kept_head *)(void *)(o + 1), &head, head_raw);
    o->head = (const struct kept_head *)(void *)(o + 1);
    o->key = head.key;
    o->has_length = head.has_length;
    o->length = head.has_length ? head.length : 0;
    o->has_room = room > 0;
    o->is_ours = self != NULL;
    if (self != NULL)
        o->by.self = self;
    else
        o->by.signer = held_ref(signer);
    fill->tail_since = MESH_NS_NEVER;
    o->fill = fill;
    list_init(&o->readers);
    object_hold_block(o, sizeof(*o) + size + room);
    object_hold_block(o, sizeof(*fill));
    return o;
}

struct slice object_lines(const struct object *o, uint64_t by)
{
    return o->lines != NULL && o->lines->by == by ? slice_of(o->lines->text, o->lines->len) : SLICE_EMPTY;
}

uint64_t object_lines_by(const struct object *o)
{
    return o->lines != NULL ? o->lines->by : 0;
}

void object_lines_past(struct object *o, struct object_past *past)
{
    *past = (struct object_past){ .lines = o->lines };
    if (o->lines != NULL)
        object_let_go(o, sizeof(*o->lines) + o->lines->len);
    o->lines = NULL;
}

void object_keep_lines(struct object *o, uint64_t by, struct slice lines)
{
    if (o->lines != NULL)
        object_let_go(o, sizeof(*o->lines) + o->lines->len);
    free(o->lines);
    o->lines = lines.len > 0 ? malloc(sizeof(*o->lines) + lines.len) : NULL;
    if (o->lines == NULL)
        return;
    o->lines->by = by;
    o->lines->len = (uint32_t)lines.len;
    memcpy(o->lines->text, lines.data, lines.len);
    object_hold_block(o, sizeof(*o->lines) + lines.len);
}

int object_head_wire(const struct object *o, struct buf *out)
{
    return kept_head_wire(o->head, &o->key, o->length, out);
}

static void drop_head(struct object *o)
{
    if (!o->head_apart)
        return;
    object_let_go(o, kept_head_bytes(o->head));
    free((void *)(uintptr_t)o->head);
}

static void drop_one_sig(struct object *o)
{
    if (o->one_sig != NULL)
        object_let_go(o, SIGNATURE_BYTES);
    free(o->one_sig);
    o->one_sig = NULL;
}

void object_past_free(struct object_past *past)
{
    free(past->head);
    free(past->lines);
    *past = (struct object_past){ NULL, NULL };
}

bool object_renew(struct object *o, struct slice head_raw, const struct identity *self, struct object_past *past)
{
    struct kept_head *head = kept_head_of(head_raw);

    OBJ_CHECK(o, OBJECT_MAGIC);
    assert(o->state == OBJECT_COMPLETE && object_first_held(o) == 0);
    if (head == NULL)
        return false;
    assert(head->generation == o->head->generation);
    object_lines_past(o, past);
    if (o->head_apart) {
        past->head = (struct kept_head *)(uintptr_t)o->head;
        object_let_go(o, kept_head_bytes(o->head));
    }
    o->head = head;
    o->head_apart = true;
    o->on_disk = false;
    object_hold_block(o, kept_head_bytes(head));
    drop_one_sig(o);
    if (o->more != NULL && o->more->proof != NULL)
        o->more->proof->has_head_sig = false;
    if (object_self(o) == self)
        return true;
    if (!o->is_ours)
        held_drop(o->by.signer);
    o->is_ours = true;
    o->by.self = self;
    if (o->more != NULL && o->more->proof != NULL) {
        o->more->proof->batches_n = o->more->proof->batched = 0;
        leaf_chain_start(&o->more->proof->chain, head->generation);
    }
    return true;
}

struct object *object_ref(struct object *o)
{
    OBJ_CHECK(o, OBJECT_MAGIC);
    o->refs++;
    return o;
}

/* ---- what few need ---- */

static void *make(struct object *o, size_t bytes)
{
    void *p = calloc(1, bytes);

    if (p != NULL)
        object_hold_block(o, bytes);
    return p;
}

struct object_more *object_more_of(struct object *o)
{
    if (o->more == NULL)
        o->more = make(o, sizeof(*o->more));
    return o->more;
}

struct object_proof *object_proof_of(struct object *o)
{
    struct object_more *more = object_more_of(o);

    if (more == NULL || more->proof != NULL)
        return more != NULL ? more->proof : NULL;
    more->proof = make(o, sizeof(*more->proof));
    if (more->proof != NULL)
        leaf_chain_start(&more->proof->chain, o->head->generation);
    return more->proof;
}

bool object_set_part(struct object *o, uint32_t index, const struct digest *primary)
{
    struct object_more *more = object_more_of(o);

    if (more == NULL)
        return false;
    if (more->part == NULL) {
        if ((more->part = make(o, sizeof(*more->part))) == NULL)
            return false;
        list_init(&more->part->body_link);
    }
    more->part->object = o;
    more->part->index = index;
    more->part->primary = *primary;
    return true;
}

static size_t pieces_bytes(const struct object_pieces *p)
{
    return sizeof(*p) + p->host_len + p->path_len;
}

bool object_set_pieces(struct object *o, uint32_t each, struct slice host, struct slice path)
{
    struct object_more *more = object_more_of(o);

    if (more == NULL || (more->pieces = make(o, sizeof(*more->pieces) + host.len + path.len)) == NULL)
        return false;
    more->pieces->each = each;
    more->pieces->host_len = (uint32_t)host.len;
    more->pieces->path_len = (uint32_t)path.len;
    if (host.len > 0)
        memcpy(more->pieces->text, host.data, host.len);
    if (path.len > 0)
        memcpy(more->pieces->text + host.len, path.data, path.len);
    return true;
}

void object_whole(struct object *o)
{
    object_let_go(o, pieces_bytes(o->more->pieces));
    free(o->more->pieces);
    o->more->pieces = NULL;
}

static void drop_more(struct object *o)
{
    struct object_more *more = o->more;

    if (more == NULL)
        return;
    coded_drop_all(o);
    if (more->proof != NULL)
        free(more->proof->batches);
    free(more->proof);
    free(more->part);
    free(more->pieces);
    free(more);
}

/* ---- going ---- */

static void drop_leaf(struct object *o, struct object_leaf *l)
{
    object_drop_bytes(o, l->raw, l->raw_len);
    if (l->packed != NULL)
        object_let_go(o, l->packed_len);
    free(l->packed);
    l->raw = l->packed = NULL;
}

void object_drop_leaf(struct object *o, uint32_t i)
{
    struct object_leaf *l = object_leaf(o, i);

    if (l->raw == NULL)
        return;
    drop_leaf(o, l);
    l->packed_len = 0;
}

void object_unref(struct object *o)
{
    if (o == NULL)
        return;
    OBJ_CHECK(o, OBJECT_MAGIC);
    if (--o->refs > 0)
        return;
    assert(list_empty(&o->readers) && !o->indexed);
    drop_more(o);
    for (uint32_t i = object_first_held(o); i < o->leaves_n; i++)
        drop_leaf(o, object_leaf(o, i));
    if (o->many) {
        free(o->body.many.leaves);
        free(o->body.many.hashes);
    }
    object_drop_fill(o);
    drop_head(o);
    object_hold(o, -(int64_t)object_bytes(o));
    free(o->one_sig);
    free(o->lines);
    if (!o->is_ours)
        held_drop(o->by.signer);
    o->magic = 0;
    free(o);
}

/* ---- reading ---- */

uint64_t object_available(const struct object *o)
{
    if (o->state == OBJECT_COMPLETE)
        return o->length;
    if (o->leaves_n == 0)
        return o->fill->tail_len;
    /* The last closed leaf may be the body's short end. */
    return (uint64_t)(o->leaves_n - 1) * LEAF_BYTES + object_leaf(o, o->leaves_n - 1)->raw_len + o->fill->tail_len;
}

size_t object_read(const struct object *o, uint64_t at, struct slice *pieces, size_t max)
{
    uint64_t end = object_available(o);
    size_t n = 0;

    while (n < max && at < end) {
        uint32_t i = (uint32_t)(at / LEAF_BYTES), skip = (uint32_t)(at % LEAF_BYTES);
        struct slice whole;
        if (i < o->leaves_n) {
            const struct object_leaf *l = object_leaf(o, i);
            if (l->raw == NULL)
                break;
            whole = slice_of(l->raw, l->raw_len);
        } else {
            whole = slice_of(o->fill->tail, o->fill->tail_len);
        }
        pieces[n] = slice_from(whole, skip);
        at += pieces[n].len;
        n++;
    }
    return n;
}

void reader_init(struct reader *r, bool of_peer)
{
    list_init(&r->link);
    list_init(&r->ready_link);
    list_init(&r->wait_link);
    r->flight = NULL;
    r->joined = false;
    r->forward = NULL;
    r->object = NULL;
    r->at = 0;
    r->of_peer = of_peer;
    r->of_parts = false;
    r->along = false;
}

void reader_attach(struct reader *r, struct object *o)
{
    object_ref(o);
    reader_detach(r);
    r->object = o;
    list_push_back(&o->readers, &r->link);
}

void reader_detach(struct reader *r)
{
    struct object *o = r->object;

    list_remove(&r->link);
    r->object = NULL;
    object_unref(o);
}

uint32_t object_fastest(const struct object *o)
{
    uint64_t most = 0;

    LIST_EACH (at, &o->readers) {
        const struct reader *r = OBJ_OF(at, struct reader, link);
        if (r->at > most && !r->along)
            most = r->at;
    }
    return (uint32_t)(most / LEAF_BYTES);
}

bool object_is_read(const struct object *o)
{
    LIST_EACH (at, &o->readers) {
        if (!OBJ_OF(at, struct reader, link)->along)
            return true;
    }
    return false;
}

void object_trim(struct object *o, uint32_t fastest, uint32_t window)
{
    uint32_t i;

    while ((i = object_first_held(o)) < o->leaves_n && i < fastest && o->leaves_n - i > window) {
        drop_leaf(o, object_leaf(o, i));
        if (o->many)
            o->body.many.first_held++;
    }
}
