#include "node/dist/arena.h"

#include <stdlib.h>

#define ALIGN      16
#define BLOCK_SIZE 16384 /* what does not fit has a block of its own */

struct block {
    struct block *next;
    _Alignas(ALIGN) uint8_t bytes[];
};

struct dist_arena {
    struct block *blocks;
    uint8_t *at; /* free bytes of the block that is filled */
    size_t left;
    size_t used, limit;
    bool failed;
};

struct dist_arena *dist_arena_new(size_t limit)
{
    struct dist_arena *a = calloc(1, sizeof(*a));

    if (a != NULL)
        a->limit = limit;
    return a;
}

void dist_arena_free(struct dist_arena *a)
{
    if (a == NULL)
        return;
    while (a->blocks != NULL) {
        struct block *b = a->blocks;
        a->blocks = b->next;
        free(b);
    }
    free(a);
}

static uint8_t *block_of(struct dist_arena *a, size_t bytes)
{
    struct block *b = calloc(1, sizeof(*b) + bytes);

    if (b == NULL)
        return NULL;
    b->next = a->blocks;
    a->blocks = b;
    return b->bytes;
}

void *dist_arena_get(struct dist_arena *a, size_t n, size_t size)
{
    uint8_t *p;

    if (a->failed)
        return NULL;
    if (size != 0 && n > (a->limit - a->used) / size) {
        a->failed = true;
        return NULL;
    }
    size_t bytes = (n * size + ALIGN - 1) / ALIGN * ALIGN;
    if (bytes == 0)
        bytes = ALIGN;
    if (bytes > BLOCK_SIZE / 4) {
        p = block_of(a, bytes);
    } else {
        if (bytes > a->left) {
            a->at = block_of(a, BLOCK_SIZE);
            a->left = a->at != NULL ? BLOCK_SIZE : 0;
        }
        p = a->at;
        if (p != NULL) {
            a->at += bytes;
            a->left -= bytes;
        }
    }
    if (p == NULL)
        a->failed = true;
    else
        a->used += bytes < a->limit - a->used ? bytes : a->limit - a->used;
    return p;
}

struct slice dist_arena_copy(struct dist_arena *a, struct slice s)
{
    if (s.len == 0)
        return SLICE_EMPTY;
    uint8_t *p = dist_arena_get(a, s.len, 1);
    if (p == NULL)
        return SLICE_EMPTY;
    memcpy(p, s.data, s.len);
    return slice_of(p, s.len);
}

bool dist_arena_ok(const struct dist_arena *a)
{
    return !a->failed;
}

size_t dist_arena_bytes(const struct dist_arena *a)
{
    return a->used;
}
