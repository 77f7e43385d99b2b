/* digits.h - numbers and words as text where printf would be most of the work: several times for each request. */
#ifndef HEDGEROW_SIM_DIGITS_H
#define HEDGEROW_SIM_DIGITS_H

#include "proto/base/slice.h"

#define DIGITS_MAX 20 /* of a number */

/* Each writes at |at|, where there must be room, and returns behind it. No zero is written. */
static inline char *digits_put(char *at, uint64_t n)
{
    char digits[DIGITS_MAX];
    size_t len = 0;

    do
        digits[len++] = (char)('0' + n % 10);
    while ((n /= 10) > 0);
    while (len > 0)
        *at++ = digits[--len];
    return at;
}

static inline char *digits_word(char *at, struct slice word)
{
    if (word.len > 0)
        memcpy(at, word.data, word.len);
    return at + word.len;
}

#endif
