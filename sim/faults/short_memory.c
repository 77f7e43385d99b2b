#include "sim/faults/short_memory.h"

#include <stdbool.h>
#include <stdlib.h>

void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_realloc(void *p, size_t n);
void *__real_aligned_alloc(size_t alignment, size_t n);
void *__wrap_aligned_alloc(size_t alignment, size_t n);

static uint64_t *pieces_left, *pieces_refused;

void short_memory_within(uint64_t *left, uint64_t *refused)
{
    pieces_left = left;
    pieces_refused = refused;
}

void short_memory_over(void)
{
    pieces_left = NULL;
}

static bool refuses(void)
{
    if (pieces_left == NULL || *pieces_left == 0 || --*pieces_left > 0)
        return false;
    ++*pieces_refused;
    return true;
}

void *short_memory_spared(size_t bytes)
{
    return __real_calloc(1, bytes);
}

void *__wrap_malloc(size_t n)
{
    return refuses() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return refuses() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    return refuses() ? NULL : __real_realloc(p, n);
}

void *__wrap_aligned_alloc(size_t alignment, size_t n)
{
    return refuses() ? NULL : __real_aligned_alloc(alignment, n);
}
