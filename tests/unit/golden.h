/* golden.h - bytes that must never change, written as hex. Include after cmocka.h. */
#ifndef HEDGEROW_TESTS_GOLDEN_H
#define HEDGEROW_TESTS_GOLDEN_H

#include <stdio.h>
#include <stdlib.h>

#include "proto/base/slice.h"

static inline void check_golden(struct slice got, const char *want_hex)
{
    char *hex = malloc(2 * got.len + 1);

    assert_non_null(hex);
    hex[0] = 0;
    for (size_t i = 0; i < got.len; i++)
        snprintf(hex + 2 * i, 3, "%02x", got.data[i]);
    assert_string_equal(hex, want_hex);
    free(hex);
}

#endif
