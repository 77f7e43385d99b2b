#include "sim/disk/disk_files.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "proto/base/err.h"
#include "sim/memory.h"

void disk_files_init(struct disk_files *d, uint32_t file_bytes)
{
    *d = (struct disk_files){ .file_bytes = file_bytes };
}

static void forget_extents(struct disk_file *f)
{
    for (size_t i = 0; i < f->extents_n; i++)
        free(f->extents[i].before);
    f->extents_n = 0;
}

static void file_free(struct disk_file *f)
{
    forget_extents(f);
    free(f->extents);
    free(f->bytes);
    free(f->blocks);
    free(f);
}

void disk_files_wipe(struct disk_files *d)
{
    struct disk_file *next;

    for (struct disk_file *f = d->first; f != NULL; f = next) {
        next = f->next;
        file_free(f);
    }
    d->first = NULL;
}

struct disk_file *disk_files_find(const struct disk_files *d, uint32_t number)
{
    struct disk_file *f = d->first;

    while (f != NULL && (f->number != number || f->gone != 0))
        f = f->next;
    return f;
}

const struct disk_file *disk_files_after(const struct disk_files *d, uint32_t number)
{
    const struct disk_file *f = d->first;

    while (f != NULL && (f->number <= number || f->gone != 0))
        f = f->next;
    return f;
}

uint32_t disk_files_n(const struct disk_files *d)
{
    uint32_t n = 0;

    for (const struct disk_file *f = d->first; f != NULL; f = f->next)
        n += f->gone == 0;
    return n;
}

/* ---- blocks ---- */

static bool has_block(const struct disk_file *f, uint32_t block)
{
    return (f->blocks[block / 8] >> (block % 8) & 1) != 0;
}

uint64_t disk_files_used(const struct disk_files *d)
{
    uint64_t n = 0;

    for (const struct disk_file *f = d->first; f != NULL; f = f->next) {
        for (uint32_t b = 0; f->gone == 0 && b * DISK_BLOCK < f->len; b++)
            n += has_block(f, b);
    }
    return n * DISK_BLOCK;
}

uint64_t disk_files_growth(const struct disk_files *d, uint32_t number, uint32_t offset, size_t len)
{
    const struct disk_file *f = disk_files_find(d, number);
    uint64_t n = 0;

    for (uint64_t b = offset / DISK_BLOCK; b * DISK_BLOCK < offset + len; b++)
        n += f == NULL || !has_block(f, (uint32_t)b);
    return n * DISK_BLOCK;
}

/* ---- what is done to them ---- */

static struct disk_file *make(struct disk_files *d, mesh_ns now, uint32_t number)
{
    struct disk_file *f = memory_new(sizeof(*f)), **at = &d->first;

    f->number = number;
    f->bytes = memory_new(d->file_bytes);
    f->blocks = memory_new(d->file_bytes / DISK_BLOCK / 8 + 1);
    f->made = ++d->changes;
    f->made_at = now;
    while (*at != NULL && (*at)->number <= number)
        at = &(*at)->next;
    f->next = *at;
    *at = f;
    return f;
}

static void note_extent(struct disk_file *f, mesh_ns now, uint32_t offset, uint32_t len)
{
    if (f->extents_n == f->extents_cap) {
        f->extents_cap = 2 * f->extents_cap + 8;
        struct disk_extent *grown = memory_new(f->extents_cap * sizeof(*grown));
        if (f->extents_n > 0)
            memcpy(grown, f->extents, f->extents_n * sizeof(*grown));
        free(f->extents);
        f->extents = grown;
    }
    struct disk_extent *x = &f->extents[f->extents_n++];
    *x = (struct disk_extent){ .offset = offset, .len = len, .at = now };
    if (offset >= f->len)
        return;
    x->before = memory_new(len);
    memcpy(x->before, f->bytes + offset, len);
}

int disk_files_write(struct disk_files *d, mesh_ns now, uint32_t number, uint32_t offset, struct slice bytes,
                     bool create)
{
    struct disk_file *f = disk_files_find(d, number);

    if (f == NULL && !create)
        return MESH_E_ABSENT;
    if (f != NULL && create) /* O_TRUNC */
        disk_files_remove(d, now, number);
    if (f == NULL || create)
        f = make(d, now, number);
    assert((uint64_t)offset + bytes.len <= d->file_bytes);
    if (bytes.len == 0)
        return 0;
    note_extent(f, now, offset, (uint32_t)bytes.len);
    memcpy(f->bytes + offset, bytes.data, bytes.len);
    for (uint32_t b = offset / DISK_BLOCK; b <= (offset + bytes.len - 1) / DISK_BLOCK; b++)
        f->blocks[b / 8] |= (uint8_t)(1u << (b % 8));
    if (offset + bytes.len > f->len)
        f->len = offset + (uint32_t)bytes.len;
    return 0;
}

int64_t disk_files_read(const struct disk_files *d, uint32_t number, uint32_t offset, void *into, size_t len)
{
    const struct disk_file *f = disk_files_find(d, number);

    if (f == NULL)
        return MESH_E_ABSENT;
    if (offset >= f->len)
        return 0;
    if (len > f->len - offset)
        len = f->len - offset;
    memcpy(into, f->bytes + offset, len);
    return (int64_t)len;
}

int disk_files_sync(struct disk_files *d, mesh_ns now, uint32_t number)
{
    struct disk_file *synced = disk_files_find(d, number), **at = &d->first;

    (void)now;
    if (synced == NULL)
        return MESH_E_ABSENT;
    forget_extents(synced);
    while (*at != NULL) { /* the directory */
        struct disk_file *f = *at;
        f->made = 0;
        if (f->gone != 0) {
            *at = f->next;
            file_free(f);
        } else {
            at = &f->next;
        }
    }
    return 0;
}

void disk_files_remove(struct disk_files *d, mesh_ns now, uint32_t number)
{
    struct disk_file *f = disk_files_find(d, number);

    if (f == NULL)
        return;
    f->gone = ++d->changes;
    f->gone_at = now;
}

mesh_ns disk_files_unsafe_since(const struct disk_files *d, mesh_ns now)
{
    mesh_ns since = MESH_NS_NEVER;

    for (const struct disk_file *f = d->first; f != NULL; f = f->next) {
        for (size_t i = 0; f->gone == 0 && i < f->extents_n; i++) {
            if (now - f->extents[i].at < DISK_WRITEBACK)
                since = mesh_ns_min(since, f->extents[i].at);
        }
    }
    return since;
}

/* ---- a loss of power ---- */

/* What lay from |from| to |to| of |x| before it was written lies there again. */
static uint64_t undo(struct disk_file *f, const struct disk_extent *x, uint32_t from, uint32_t to)
{
    if (x->before != NULL)
        memcpy(f->bytes + x->offset + from, x->before + from, to - from);
    else
        memset(f->bytes + x->offset + from, 0, to - from);
    return to - from;
}

/* A third of the writes is there, a third is not; of the others some blocks are, or what comes before a cut. */
static uint64_t lose_extent(struct disk_file *f, const struct disk_extent *x, struct rand *r)
{
    uint64_t fate = rand_below(r, 6), lost = 0;

    if (fate < 2)
        return 0;
    if (fate < 4)
        return undo(f, x, 0, x->len);
    if (fate == 4)
        return undo(f, x, (uint32_t)rand_below(r, x->len), x->len);
    for (uint32_t at = 0, end; at < x->len; at = end) {
        end = (x->offset + at) / DISK_BLOCK * DISK_BLOCK + DISK_BLOCK - x->offset;
        if (end > x->len)
            end = x->len;
        if (rand_below(r, 2) == 0)
            lost += undo(f, x, at, end);
    }
    return lost;
}

static uint64_t lose_writes(struct disk_file *f, mesh_ns now, struct rand *r)
{
    uint64_t lost = 0;

    for (size_t i = f->extents_n; i > 0; i--) { /* the last one first: what lay there was written by one before it */
        const struct disk_extent *x = &f->extents[i - 1];
        if (now - x->at < DISK_WRITEBACK)
            lost += lose_extent(f, x, r);
    }
    forget_extents(f);
    return lost;
}

/* The first change of the directory that is undone; UINT64_MAX: none is. */
static uint64_t first_undone(const struct disk_files *d, mesh_ns now, struct rand *r)
{
    uint64_t first = UINT64_MAX;

    for (const struct disk_file *f = d->first; f != NULL; f = f->next) {
        if (f->made != 0 && now - f->made_at < DISK_WRITEBACK && f->made < first)
            first = f->made;
        if (f->gone != 0 && now - f->gone_at < DISK_WRITEBACK && f->gone < first)
            first = f->gone;
    }
    return first == UINT64_MAX ? first : first + rand_below(r, d->changes - first + 2);
}

struct disk_loss disk_files_lose(struct disk_files *d, mesh_ns now, struct rand *r)
{
    uint64_t first = first_undone(d, now, r);
    struct disk_file **at = &d->first;
    struct disk_loss loss = { 0 };

    while (*at != NULL) {
        struct disk_file *f = *at;
        bool never = f->made >= first, is_back = f->gone >= first;
        if (never || (f->gone != 0 && !is_back)) {
            loss.made += never && f->gone == 0;
            *at = f->next;
            file_free(f);
            continue;
        }
        loss.removed += is_back;
        loss.bytes += lose_writes(f, now, r);
        f->made = f->gone = 0;
        at = &f->next;
    }
    return loss;
}
