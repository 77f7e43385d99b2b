#include "node/core/object.h"

#include <stdlib.h>

#include "node/core/coded.h"
#include "proto/base/err.h"

#define OBJECT_MAGIC   0x6f626a31u
#define PACKED_NO_GAIN UINT32_MAX

void object_hold(struct object *o, int64_t bytes)
{
    o->bytes += (uint64_t)bytes;
    o->memory->bytes += (uint64_t)bytes;
    if (o->indexed)
        evict_grew(o->memory->evict, &o->evict, bytes);
}

static void hold(struct object *o, size_t bytes)
{
    object_hold(o, (int64_t)bytes);
}

static void let_go(struct object *o, size_t bytes)
{
    assert(bytes <= o->bytes && bytes <= o->memory->bytes);
    object_hold(o, -(int64_t)bytes);
}

struct signer *signer_new(const struct cert *cert, struct slice raw)
{
    struct signer *s = raw.len <= CERT_BYTES_MAX ? calloc(1, sizeof(*s)) : NULL;

    if (s == NULL)
        return NULL;
    s->refs = 1;
    s->cert = *cert;
    memcpy(s->cert_raw, raw.data, raw.len);
    s->cert_len = raw.len;
    return s;
}

struct signer *signer_ref(struct signer *s)
{
    s->refs++;
    return s;
}

void signer_unref(struct signer *s)
{
    if (s != NULL && --s->refs == 0)
        free(s);
}

static size_t head_bytes(const struct head *h, size_t raw)
{
    return raw + offsetof(struct head, fields.at) + h->fields.n * sizeof(struct field);
}

struct object *object_new(struct object_memory *memory, struct slice head_raw, const struct identity *self,
                          struct signer *signer)
{
    struct object *o = calloc(1, sizeof(*o));
    uint8_t *raw = head_raw.len > 0 ? malloc(head_raw.len) : NULL;
    const struct head *head = NULL;

    if (o != NULL && raw != NULL) {
        memcpy(raw, head_raw.data, head_raw.len);
        head = head_kept(slice_of(raw, head_raw.len));
    }
    if (head == NULL) {
        free(o);
        free(raw);
        return NULL;
    }
    o->magic = OBJECT_MAGIC;
    o->refs = 1;
    o->memory = memory;
    o->head = head;
    o->key = head->key;
    o->head_raw = raw;
    o->head_len = head_raw.len;
    o->has_length = head->has_length;
    o->length = head->has_length ? head->length : 0;
    o->self = self;
    o->signer = self == NULL ? signer_ref(signer) : NULL;
    o->tail_since = MESH_NS_NEVER;
    leaf_chain_start(&o->chain, head->generation);
    list_init(&o->readers);
    hold(o, sizeof(*o) + head_bytes(head, head_raw.len));
    return o;
}

void object_keep_lines(struct object *o, struct slice lines)
{
    let_go(o, o->lines_len);
    free(o->lines);
    o->lines = lines.len > 0 ? malloc(lines.len) : NULL;
    o->lines_len = o->lines != NULL ? (uint32_t)lines.len : 0;
    if (o->lines != NULL)
        memcpy(o->lines, lines.data, lines.len);
    hold(o, o->lines_len);
}

bool object_renew(struct object *o, struct slice head_raw, const struct identity *self)
{
    uint8_t *raw = malloc(head_raw.len);
    const struct head *head = NULL;

    OBJ_CHECK(o, OBJECT_MAGIC);
    assert(o->state == OBJECT_COMPLETE && o->first_held == 0);
    if (raw != NULL) {
        memcpy(raw, head_raw.data, head_raw.len);
        head = head_kept(slice_of(raw, head_raw.len));
    }
    if (head == NULL) {
        free(raw);
        return false;
    }
    assert(head->generation == o->head->generation);
    object_keep_lines(o, SLICE_EMPTY);
    object_hold(o, (int64_t)head_bytes(head, head_raw.len) - (int64_t)head_bytes(o->head, o->head_len));
    free((void *)(uintptr_t)o->head);
    free(o->head_raw);
    o->head = head;
    o->head_raw = raw;
    o->head_len = head_raw.len;
    o->has_head_sig = o->has_one_sig = false;
    if (o->self == self)
        return true;
    signer_unref(o->signer);
    o->signer = NULL;
    o->self = self;
    o->batches_n = o->batched = 0;
    leaf_chain_start(&o->chain, head->generation);
    return true;
}

struct object *object_ref(struct object *o)
{
    OBJ_CHECK(o, OBJECT_MAGIC);
    o->refs++;
    return o;
}

static void drop_leaf(struct object *o, struct object_leaf *l)
{
    bool packed = l->packed != NULL;

    if (l->raw != NULL)
        let_go(o, l->raw_len + (packed ? l->packed_len : 0));
    free(l->raw);
    free(l->packed);
    l->raw = l->packed = NULL;
}

void object_unref(struct object *o)
{
    if (o == NULL)
        return;
    OBJ_CHECK(o, OBJECT_MAGIC);
    if (--o->refs > 0)
        return;
    assert(list_empty(&o->readers) && !o->indexed);
    coded_drop_all(o);
    for (uint32_t i = o->first_held; i < o->leaves_n; i++)
        drop_leaf(o, &o->leaves[i]);
    let_go(o, o->bytes);
    free(o->leaves);
    free(o->hashes);
    free(o->tail);
    free(o->slips);
    free(o->batches);
    free((void *)(uintptr_t)o->head);
    free(o->head_raw);
    free(o->lines);
    signer_unref(o->signer);
    o->magic = 0;
    free(o);
}

/* ---- arrays that grow; their memory counts too ---- */

static bool grow(struct object *o, void *array_ptr, uint32_t *cap, uint32_t need, size_t item)
{
    void **array = array_ptr;

    if (need <= *cap)
        return true;
    uint32_t to = *cap == 0 ? need : *cap * 2 > need ? *cap * 2 : need;
    void *p = realloc(*array, to * item);
    if (p == NULL)
        return false;
    *array = p;
    hold(o, (to - *cap) * item);
    *cap = to;
    return true;
}

static bool room_for_leaf(struct object *o)
{
    uint32_t need = o->leaves_n + 1;

    /* Announced lengths decide the size once; they are never trusted beyond one step. */
    return grow(o, &o->leaves, &o->leaves_cap, need, sizeof(*o->leaves)) &&
           grow(o, &o->hashes, &o->hashes_cap, need, sizeof(*o->hashes));
}

/* ---- the open leaf ---- */

static bool tail_room(struct object *o, uint32_t need)
{
    if (need <= o->tail_cap)
        return true;
    /* A leaf of known size gets just that; else it doubles. */
    uint64_t left = o->has_length ? o->length - (uint64_t)o->leaves_n * LEAF_BYTES : LEAF_BYTES;
    uint32_t to = o->tail_cap * 2 > need ? o->tail_cap * 2 : need;
    if (o->has_length && left <= LEAF_BYTES && left >= need)
        to = (uint32_t)left;
    if (to < 1024 && !o->has_length)
        to = 1024;
    if (to > LEAF_BYTES)
        to = LEAF_BYTES;
    uint8_t *p = realloc(o->tail, to);
    if (p == NULL)
        return false;
    hold(o, to - o->tail_cap);
    o->tail = p;
    o->tail_cap = to;
    return true;
}

static void tail_forget(struct object *o)
{
    o->tail = NULL;
    let_go(o, o->tail_cap);
    o->tail_len = o->tail_cap = 0;
    o->tail_since = MESH_NS_NEVER;
    o->slips_n = o->slipped = 0;
}

static void push_leaf(struct object *o, uint8_t *raw, uint32_t raw_len, uint8_t *packed, uint32_t packed_len)
{
    o->leaves[o->leaves_n++] = (struct object_leaf){ raw, packed, raw_len, packed_len };
    hold(o, raw_len + (packed != NULL ? packed_len : 0));
}

int object_close_tail(struct object *o)
{
    uint8_t *raw = o->tail;
    uint32_t len = o->tail_len;

    assert(len > 0);
    if (!room_for_leaf(o))
        return MESH_E_NOMEM;
    if (o->self != NULL) {
        leaf_hash(&o->hashes[o->leaves_n], slice_of(raw, len));
        o->hashes_n = o->leaves_n + 1;
    }
    if (o->tail_cap > len) {
        uint8_t *smaller = realloc(raw, len);
        if (smaller != NULL)
            raw = smaller;
    }
    tail_forget(o);
    push_leaf(o, raw, len, NULL, 0);
    return 0;
}

int object_append(struct object *o, mesh_ns now, struct slice bytes)
{
    uint64_t have = object_available(o);

    OBJ_CHECK(o, OBJECT_MAGIC);
    assert(o->state == OBJECT_FILLING && o->self != NULL);
    if (o->has_length && bytes.len > o->length - have)
        return MESH_E_RANGE;
    while (bytes.len > 0) {
        uint32_t room = LEAF_BYTES - o->tail_len;
        uint32_t n = bytes.len < room ? (uint32_t)bytes.len : room;
        if (!tail_room(o, o->tail_len + n))
            return MESH_E_NOMEM;
        memcpy(o->tail + o->tail_len, bytes.data, n);
        o->tail_len += n;
        if (o->tail_since == MESH_NS_NEVER)
            o->tail_since = now;
        bytes = slice_from(bytes, n);
        if (o->tail_len == LEAF_BYTES && object_close_tail(o) != 0)
            return MESH_E_NOMEM;
    }
    return 0;
}

int object_add_batch(struct object *o, const struct leaf_batch *batch, const struct digest *hashes)
{
    if (batch->first != o->batched || batch->first != o->hashes_n)
        return MESH_E_STATE;
    if (!grow(o, &o->batches, &o->batches_cap, o->batches_n + 1, sizeof(*o->batches)) ||
        !grow(o, &o->hashes, &o->hashes_cap, o->hashes_n + batch->count, sizeof(*o->hashes)))
        return MESH_E_NOMEM;
    if (batch->count > 0)
        memcpy(&o->hashes[o->hashes_n], hashes, batch->count * sizeof(*hashes));
    o->hashes_n += batch->count;
    o->batched += batch->count;
    o->chain = batch->chain;
    o->batches[o->batches_n++] = *batch;
    return 0;
}

int object_add_leaf(struct object *o, uint8_t *raw, uint32_t raw_len, uint8_t *packed, uint32_t packed_len)
{
    assert(o->state == OBJECT_FILLING && raw_len > 0 && raw_len <= LEAF_BYTES);
    if (!room_for_leaf(o))
        return MESH_E_NOMEM;
    if (o->tail != NULL) {
        free(o->tail);
        tail_forget(o);
    }
    push_leaf(o, raw, raw_len, packed, packed_len);
    return 0;
}

static int push_slip(struct object *o, const struct object_slip *slip)
{
    if (!grow(o, &o->slips, &o->slips_cap, o->slips_n + 1, sizeof(*o->slips)))
        return MESH_E_NOMEM;
    o->slips[o->slips_n++] = *slip;
    o->slipped = slip->offset + slip->len;
    o->tail_since = MESH_NS_NEVER;
    return 0;
}

int object_add_slip(struct object *o, const struct object_slip *slip, struct slice bytes)
{
    if (slip->offset != o->tail_len || slip->len != bytes.len || bytes.len == 0 || bytes.len > LEAF_BYTES - o->tail_len)
        return MESH_E_STATE;
    if (!tail_room(o, o->tail_len + slip->len) || push_slip(o, slip) != 0)
        return MESH_E_NOMEM;
    memcpy(o->tail + o->tail_len, bytes.data, bytes.len);
    o->tail_len += slip->len;
    return 0;
}

int object_finish(struct object *o)
{
    uint64_t have = object_available(o);
    int err;

    assert(o->state == OBJECT_FILLING);
    if (o->has_length && have != o->length)
        return MESH_E_SHORT;
    if (o->tail_len > 0 && (err = object_close_tail(o)) != 0)
        return err;
    o->has_length = true;
    o->length = have;
    o->state = OBJECT_COMPLETE;
    o->tail_since = MESH_NS_NEVER;
    return 0;
}

void object_fail(struct object *o)
{
    if (o->state == OBJECT_FILLING)
        o->state = OBJECT_FAILED;
    o->tail_since = MESH_NS_NEVER;
}

/* ---- reading ---- */

uint64_t object_available(const struct object *o)
{
    if (o->state == OBJECT_COMPLETE)
        return o->length;
    if (o->leaves_n == 0)
        return o->tail_len;
    /* The last closed leaf may be the body's short end. */
    return (uint64_t)(o->leaves_n - 1) * LEAF_BYTES + o->leaves[o->leaves_n - 1].raw_len + o->tail_len;
}

size_t object_read(const struct object *o, uint64_t at, struct slice *pieces, size_t max)
{
    uint64_t end = object_available(o);
    size_t n = 0;

    while (n < max && at < end) {
        uint32_t i = (uint32_t)(at / LEAF_BYTES), skip = (uint32_t)(at % LEAF_BYTES);
        struct slice whole = slice_of(o->tail, o->tail_len);
        if (i < o->leaves_n) {
            if (o->leaves[i].raw == NULL)
                break;
            whole = slice_of(o->leaves[i].raw, o->leaves[i].raw_len);
        }
        pieces[n] = slice_from(whole, skip);
        at += pieces[n].len;
        n++;
    }
    return n;
}

/* Does |b|'s head say of its body what |a|'s said? Of a head that was shown, that must hold
 * for all that follows it. */
static bool same_representation(const struct head *a, const struct head *b)
{
    static const char *const names[] = {
        "etag", "last-modified", "content-type", "content-encoding", "content-language", "location"
    };

    if (a->status != b->status)
        return false;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const struct field *x = fields_find(&a->fields, slice_str(names[i]));
        const struct field *y = fields_find(&b->fields, slice_str(names[i]));
        if ((x == NULL) != (y == NULL) || (x != NULL && !slice_eq(x->value, y->value)))
            return false;
    }
    return true;
}

int object_same(const struct object *a, const struct object *b, uint64_t bytes)
{
    uint32_t whole = (uint32_t)(bytes / LEAF_BYTES), rest = (uint32_t)(bytes % LEAF_BYTES);
    struct slice x, y;

    if (bytes > object_available(a)) { /* read from further on, which it did not reach: nothing of that was seen */
        bytes = object_available(a);
        whole = (uint32_t)(bytes / LEAF_BYTES);
        rest = (uint32_t)(bytes % LEAF_BYTES);
    }
    if (!same_representation(a->head, b->head))
        return 0;
    if (a->has_length && b->has_length ? a->length != b->length : a->has_length) {
        /* A length that was promised must turn out right; a window is gone by then. */
        return !b->has_length && b->state == OBJECT_FILLING && !b->pass_through ? -1 : 0;
    }
    if (whole > a->hashes_n)
        return 0; /* cannot be: what was read had been verified */
    for (uint32_t i = 0; i < whole; i++) {
        if (i >= b->leaves_n)
            return b->state == OBJECT_FILLING ? -1 : 0;
        if (!digest_eq(&a->hashes[i], &b->hashes[i]))
            return 0;
    }
    if (rest == 0)
        return 1;
    if (whole < a->hashes_n) { /* the rest lies in a leaf that is known whole */
        if (whole < b->leaves_n)
            return digest_eq(&a->hashes[whole], &b->hashes[whole]);
        return b->state == OBJECT_FILLING ? -1 : 0;
    }
    uint64_t from = (uint64_t)whole * LEAF_BYTES;
    if (object_read(a, from, &x, 1) == 0 || x.len < rest)
        return 0; /* our own piece is gone: nothing to compare with */
    if (object_read(b, from, &y, 1) == 0 || y.len < rest)
        return b->state == OBJECT_FILLING ? -1 : 0;
    return memcmp(x.data, y.data, rest) == 0;
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
        if (r->at > most)
            most = r->at;
    }
    return (uint32_t)(most / LEAF_BYTES);
}

void object_trim(struct object *o, uint32_t fastest, uint32_t window)
{
    while (o->first_held < o->leaves_n && o->first_held < fastest && o->leaves_n - o->first_held > window)
        drop_leaf(o, &o->leaves[o->first_held++]);
}
