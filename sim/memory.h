/* memory.h - memory that a run cannot do without: when there is none the program ends. */
#ifndef HEDGEROW_SIM_MEMORY_H
#define HEDGEROW_SIM_MEMORY_H

#include <stdio.h>
#include <stdlib.h>

static inline void *memory_kept(void *p)
{
    if (p == NULL) {
        fprintf(stderr, "hedgerow-sim: out of memory\n");
        abort();
    }
    return p;
}

/* Zeroed. */
static inline void *memory_new(size_t bytes)
{
    return memory_kept(calloc(1, bytes > 0 ? bytes : 1));
}

static inline void *memory_grow(void *p, size_t bytes)
{
    return memory_kept(realloc(p, bytes));
}

#endif
