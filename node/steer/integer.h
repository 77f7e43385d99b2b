/* integer.h - the mathematics of this layer without floating point, so that every build comes to the same. Pure. */
#ifndef HEDGEROW_STEER_INTEGER_H
#define HEDGEROW_STEER_INTEGER_H

#include <stdint.h>

static inline int64_t integer_within(int64_t v, int64_t least, int64_t most)
{
    return v < least ? least : v > most ? most : v;
}

/* integer_sqrt is the square root, by no more than 1 or a 10,000th part too small or too large. */
uint32_t integer_sqrt(uint64_t n);

#endif
