#include "node/io/reserve.h"

#include <ev.h>
#include <pthread.h>
#include <stdlib.h>

#define BLOCKS      8
#define BLOCK_BYTES (256u << 10) /* glibc maps blocks of this size for themselves: only addresses are used up */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of |blocks| */
static void *blocks[BLOCKS];

static void *from_reserve(void *at, size_t size)
{
    void *got = NULL;

    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < BLOCKS && got == NULL; i++) {
        if (blocks[i] == NULL)
            continue;
        free(blocks[i]);
        blocks[i] = NULL;
        got = realloc(at, size);
    }
    pthread_mutex_unlock(&lock);
    return got;
}

static void *allocate(void *at, long size)
{
    if (size <= 0) {
        free(at);
        return NULL;
    }
    void *got = realloc(at, (size_t)size);
    return got != NULL ? got : from_reserve(at, (size_t)size);
}

void reserve_use(void)
{
    ev_set_allocator(allocate);
    reserve_fill();
}

void reserve_fill(void)
{
    pthread_mutex_lock(&lock);
    for (unsigned i = 0; i < BLOCKS; i++) {
        if (blocks[i] == NULL)
            blocks[i] = malloc(BLOCK_BYTES);
    }
    pthread_mutex_unlock(&lock);
}
