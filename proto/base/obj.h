/* obj.h - a magic number at the head of each long-lived object, checked where
 * it is handed in, so that a stale pointer stops at once and at its cause. */
#ifndef HEDGEROW_BASE_OBJ_H
#define HEDGEROW_BASE_OBJ_H

#include <assert.h>
#include <stddef.h>
#include <stdint.h>

#define OBJ_CHECK(obj, want) \
    do {                     \
        assert((obj) != NULL); \
        assert((obj)->magic == (want)); \
    } while (0)

/* OBJ_OF returns the struct that |member| at |ptr| lies in. */
#define OBJ_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
