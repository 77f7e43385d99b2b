#include "node/steer/integer.h"

/* Of the upper 31 or 32 bits: a straight line is wrong by 6 % at most, and Newton's method squares that, twice. */
uint32_t integer_sqrt(uint64_t n)
{
    if (n == 0)
        return 0;
    int shift = (33 - __builtin_clzll(n)) & ~1; /* by how much too large; even */
    uint32_t m = (uint32_t)(shift >= 0 ? n >> shift : n << -shift);
    uint32_t x = 22000 + m / 98304;

    x = (x + m / x) / 2;
    x = (x + m / x) / 2;
    if (shift >= 0)
        return (uint32_t)((uint64_t)x << shift / 2);
    return (x + (1u << (-shift / 2 - 1))) >> -shift / 2; /* to the nearest */
}
