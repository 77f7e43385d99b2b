#include "sim/sweep/statistics.h"

#include <assert.h>

__extension__ typedef unsigned __int128 u128;

#define FINE 40 /* deviations are counted so that the largest has about so many bits */

uint32_t student_t(size_t freedom)
{
    static const uint16_t first[] = { 12706, 4303, 3182, 2776, 2571, 2447, 2365, 2306, 2262, 2228,
                                      2201,  2179, 2160, 2145, 2131, 2120, 2110, 2101, 2093, 2086,
                                      2080,  2074, 2069, 2064, 2060, 2056, 2052, 2048, 2045, 2042 };

    assert(freedom >= 1);
    if (freedom <= sizeof(first) / sizeof(first[0]))
        return first[freedom - 1];
    return freedom < 40 ? 2042 : freedom < 60 ? 2021 : freedom < 120 ? 2000 : 1980;
}

static int64_t bounded(int64_t v)
{
    return v > STATISTICS_VALUE_MAX ? STATISTICS_VALUE_MAX : v < -STATISTICS_VALUE_MAX ? -STATISTICS_VALUE_MAX : v;
}

static uint64_t root(u128 v)
{
    uint64_t r = 0;

    for (uint64_t bit = UINT64_C(1) << 63; bit > 0; bit >>= 1) {
        if ((u128)(r | bit) * (r | bit) <= v)
            r |= bit;
    }
    return r;
}

static int64_t rounded(int64_t sum, int64_t n)
{
    return sum >= 0 ? (sum + n / 2) / n : -((-sum + n / 2) / n);
}

/* |n| times each value's distance from the mean is whole. The half width is t s / sqrt(n), and s^2 the sum of the
 * squares of these by n^2 (n - 1). */
struct band band_of(const int64_t *values, size_t n)
{
    struct band b = { 0, 0, n };
    int64_t sum = 0, times = (int64_t)n;
    uint64_t most = 0;
    unsigned fine = 0;
    u128 squares = 0;

    assert(n <= STATISTICS_N_MAX);
    for (size_t i = 0; i < n; i++)
        sum += bounded(values[i]);
    if (n > 0)
        b.mean = rounded(sum, times);
    if (n < 2)
        return b;
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < n; i++) {
            int64_t d = times * bounded(values[i]) - sum;
            uint64_t size = d < 0 ? (uint64_t)-d : (uint64_t)d;
            most = size > most ? size : most;
            size = pass > 0 ? size << fine : 0;
            squares += (u128)size * size;
        }
        while (most > 0 && most << fine >> FINE == 0)
            fine++;
    }
    u128 width = (u128)root(squares / ((u128)n * n * n * (n - 1))) * student_t(n - 1);
    b.half = (int64_t)((width / 500 + ((u128)1 << fine)) >> (fine + 1));
    return b;
}

bool band_has(const struct band *b, int64_t value)
{
    return b->n < 2 || (value >= b->mean - b->half && value <= b->mean + b->half);
}

bool change_ppm(int64_t from, int64_t to, int64_t *out)
{
    if (from <= 0 || from > STATISTICS_VALUE_MAX || to > STATISTICS_VALUE_MAX || to < -STATISTICS_VALUE_MAX)
        return false;
    u128 size = (u128)(to < from ? from - to : to - from) * 1000000 / (u128)from;
    if (size > (u128)STATISTICS_VALUE_MAX)
        return false;
    *out = to < from ? -(int64_t)size : (int64_t)size;
    return true;
}
