/* model_disk.h - a disk for tests of the store: files in memory, and all that ever happened to them, so that a test can
 * take it back to any moment, the midst of a write included, or have it lose what was not synced. */
#ifndef HEDGEROW_TEST_MODEL_DISK_H
#define HEDGEROW_TEST_MODEL_DISK_H

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "node/store/store_impl.h"
#include "proto/base/err.h"
#include "proto/base/rand.h"

#define MODEL_FILES 512

struct model_file {
    uint32_t cap;
    bool there;
    uint8_t *bytes;
    uint32_t len;
};

struct model_step {
    enum store_op_kind kind;
    uint32_t segment, offset;
    uint8_t *bytes;
    uint32_t len;
    uint64_t certain;
};

struct model_disk {
    struct model_file files[MODEL_FILES]; /* by segment number */
    struct model_step *steps;             /* kept only with |journal| */
    size_t steps_n, steps_cap;
    bool journal;
    uint64_t certain;                     /* things that a kill has to leave now */
    int fail_write, fail_sync, fail_read; /* codes */
    uint64_t room;                        /* bytes that all files may have */
    struct list held;                     /* operations that were told, and are not done */
    bool slow;                            /* they stay there */
    mesh_ns now;                          /* of the last turn */
};

static inline void model_init(struct model_disk *d, bool journal)
{
    memset(d, 0, sizeof(*d));
    d->journal = journal;
    d->room = UINT64_MAX;
    list_init(&d->held);
}

static inline void model_fini(struct model_disk *d)
{
    for (size_t i = 0; i < MODEL_FILES; i++)
        free(d->files[i].bytes);
    for (size_t i = 0; i < d->steps_n; i++)
        free(d->steps[i].bytes);
    free(d->steps);
}

static inline uint64_t model_bytes(const struct model_disk *d)
{
    uint64_t n = 0;
    for (size_t i = 0; i < MODEL_FILES; i++)
        n += d->files[i].len;
    return n;
}

static inline void model_write(struct model_disk *d, uint32_t segment, uint32_t offset, const uint8_t *bytes,
                               uint32_t len)
{
    struct model_file *f = &d->files[segment % MODEL_FILES];

    f->there = true;
    if (offset + len > f->cap) {
        f->cap = 2 * (offset + len);
        f->bytes = realloc(f->bytes, f->cap);
    }
    if (offset + len > f->len) {
        memset(f->bytes + f->len, 0, offset + len - f->len);
        f->len = offset + len;
    }
    memcpy(f->bytes + offset, bytes, len);
}

static inline void model_remove(struct model_disk *d, uint32_t segment)
{
    struct model_file *f = &d->files[segment % MODEL_FILES];
    free(f->bytes);
    *f = (struct model_file){ 0 };
}

static inline void model_note(struct model_disk *d, const struct store_op *op)
{
    if (!d->journal)
        return;
    if (d->steps_n == d->steps_cap) {
        d->steps_cap = d->steps_cap == 0 ? 256 : 2 * d->steps_cap;
        d->steps = realloc(d->steps, d->steps_cap * sizeof(*d->steps));
    }
    struct model_step *s = &d->steps[d->steps_n++];
    *s = (struct model_step){ op->kind, op->segment, op->offset, NULL, (uint32_t)op->len, d->certain };
    if (op->kind == STORE_WRITE) {
        s->bytes = malloc(op->len);
        memcpy(s->bytes, op->bytes, op->len);
    }
}

static inline int64_t model_read(void *ctx, uint32_t segment, uint32_t offset, void *into, size_t len)
{
    const struct model_disk *d = ctx;
    const struct model_file *f = &d->files[segment % MODEL_FILES];

    if (!f->there || offset >= f->len)
        return f->there ? 0 : MESH_E_ABSENT;
    if (len > f->len - offset)
        len = f->len - offset;
    memcpy(into, f->bytes + offset, len);
    return (int64_t)len;
}

static inline int model_do(struct model_disk *d, struct store_op *op)
{
    int64_t n;

    switch (op->kind) {
    case STORE_READ:
        if (d->fail_read != 0)
            return d->fail_read;
        n = model_read(d, op->segment, op->offset, op->bytes, op->len);
        return n < 0 ? (int)n : n < (int64_t)op->len ? MESH_E_HASH : store_check(op);
    case STORE_WRITE:
        assert(op->create == !d->files[op->segment % MODEL_FILES].there);
        if (d->fail_write != 0)
            return d->fail_write;
        if (model_bytes(d) + op->len > d->room)
            return MESH_E_FULL;
        model_write(d, op->segment, op->offset, op->bytes, (uint32_t)op->len);
        break;
    case STORE_SYNC:
        if (d->fail_sync != 0)
            return d->fail_sync;
        break;
    case STORE_REMOVE: model_remove(d, op->segment); break;
    }
    model_note(d, op);
    return 0;
}

/* What became of the latest read of the caller's. */
struct model_got {
    unsigned n;
    int err;
    uint8_t *bytes;
    size_t len;
};

/* Things that the store has and the disk does not yet. */
static inline uint64_t model_unwritten(const struct store *s)
{
    uint64_t n = 0;

    for (uint32_t i = 0; i < s->index.used; i++) {
        const struct index_entry *e = index_at(&s->index, i);
        n += !e->dead && index_offset(e) + index_bytes(e) > s->segments[e->slot].written;
    }
    return n;
}

static inline int model_do_now(struct model_disk *d, const struct store *s, struct store_op *op)
{
    uint64_t things = store_things(s), pending = store_pending(s);

    assert(model_unwritten(s) <= pending); /* those that were replaced or removed count, too */
    d->certain = things > pending ? things - pending : 0;
    return model_do(d, op);
}

/* Does all that the store wants done. */
static inline void model_run(struct model_disk *d, struct store *s, mesh_ns now, struct model_got *got)
{
    struct store_op *op;

    d->now = now;
    while ((op = store_poll(s, now)) != NULL) {
        if (d->slow) {
            list_push_back(&d->held, &op->link);
            continue;
        }
        int err = model_do_now(d, s, op);
        if (!store_done(s, now, op, &err))
            continue;
        assert(got != NULL);
        struct slice p = err == 0 ? store_op_payload(op) : SLICE_EMPTY;
        free(got->bytes);
        *got = (struct model_got){ got->n + 1, err, malloc(p.len + 1), p.len };
        if (p.len > 0)
            memcpy(got->bytes, p.data, p.len);
        store_op_free(op);
    }
    assert(store_pending(s) == 0 || !store_idle(s));
}

/* The slow disk gets on with what it was told. */
static inline void model_catch_up(struct model_disk *d, struct store *s, mesh_ns now)
{
    d->slow = false;
    while (!list_empty(&d->held)) {
        struct store_op *op = OBJ_OF(list_first(&d->held), struct store_op, link);
        list_remove(&op->link);
        int err = model_do_now(d, s, op);
        if (store_done(s, now, op, &err))
            store_op_free(op);
    }
    model_run(d, s, now, NULL);
}

/* The disk as it was behind |n| steps and |bytes| bytes of the next one. */
static inline void model_at(struct model_disk *out, const struct model_disk *d, size_t n, uint32_t bytes)
{
    model_init(out, false);
    for (size_t i = 0; i < n + 1 && i < d->steps_n; i++) {
        const struct model_step *s = &d->steps[i];
        if (s->kind == STORE_WRITE && i < n)
            model_write(out, s->segment, s->offset, s->bytes, s->len);
        else if (s->kind == STORE_WRITE && bytes > 0)
            model_write(out, s->segment, s->offset, s->bytes, bytes < s->len ? bytes : s->len);
        else if (s->kind == STORE_REMOVE && i < n)
            model_remove(out, s->segment);
    }
}

/* A store with what is on |d|. */
static inline struct store *model_open(const struct model_disk *d, const struct store_config *cfg)
{
    struct store *s = store_new(cfg);
    uint32_t numbers[MODEL_FILES];
    size_t n = 0;

    assert(s != NULL);
    for (uint32_t i = 0; i < MODEL_FILES; i++) {
        if (d->files[i].there)
            numbers[n++] = i;
    }
    int err = store_recover(s, numbers, n, model_read, (void *)(uintptr_t)d);
    assert(err == 0);
    return s;
}

/* Reads |name|: 0, or why it is not there. */
static inline int model_get(struct model_disk *d, struct store *s, uint64_t key, uint32_t variant,
                            struct model_got *got)
{
    uint32_t i = store_find_variant(s, key, variant);
    int err = i != INDEX_NONE ? store_read(s, i, NULL) : MESH_E_ABSENT;

    if (err != 0)
        return err;
    unsigned before = got->n;
    model_run(d, s, d->now, got);
    assert(got->n == before + 1);
    return got->err;
}

#endif
