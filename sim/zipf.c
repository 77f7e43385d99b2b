#include "sim/zipf.h"

#include <assert.h>

__extension__ typedef unsigned __int128 u128;

#define FRACTION_BITS 32
#define MILLION       1000000

/* 2^-(2^-k) for k = 1 to 32, of 2^63: a power of two with any fraction is a product of some of them. */
/* clang-format off */
static const uint64_t roots[FRACTION_BITS] = {
    UINT64_C(0x5a827999fcef3242), UINT64_C(0x6ba27e656b4eb57a), UINT64_C(0x75606373ee921c97), UINT64_C(0x7a92be8a92436616),
    UINT64_C(0x7d41d96db915019d), UINT64_C(0x7e9f06067a4360ba), UINT64_C(0x7f4f08ae3dc7c426), UINT64_C(0x7fa765aca88f6453),
    UINT64_C(0x7fd3ab290e46d769), UINT64_C(0x7fe9d3a8e07bf086), UINT64_C(0x7ff4e9597bed93ab), UINT64_C(0x7ffa748dff8dc61f),
    UINT64_C(0x7ffd3a3f50020332), UINT64_C(0x7ffe9d1dbc0a75aa), UINT64_C(0x7fff4e8e6306ed59), UINT64_C(0x7fffa74712c3cdfd),
    UINT64_C(0x7fffd3a381b1fa29), UINT64_C(0x7fffe9d1beed018a), UINT64_C(0x7ffff4e8defb81d7), UINT64_C(0x7ffffa746f5f012f),
    UINT64_C(0x7ffffd3a37a7d0a8), UINT64_C(0x7ffffe9d1bd1fc58), UINT64_C(0x7fffff4e8de8832d), UINT64_C(0x7fffffa746f422d7),
    UINT64_C(0x7fffffd3a37a09bb), UINT64_C(0x7fffffe9d1bd02f2), UINT64_C(0x7ffffff4e8de80fe), UINT64_C(0x7ffffffa746f4060),
    UINT64_C(0x7ffffffd3a37a028), UINT64_C(0x7ffffffe9d1bd012), UINT64_C(0x7fffffff4e8de809), UINT64_C(0x7fffffffa746f404),
};
/* clang-format on */

/* |x| * |y| of 2^63. */
static uint64_t times(uint64_t x, uint64_t y)
{
    return (uint64_t)((u128)x * y >> 63);
}

/* The logarithm by squaring: each square that reaches 2 is a binary digit (Knuth, TAOCP 1, 1.2.2, exercise 25 ff.). */
uint64_t zipf_log2(uint64_t x)
{
    unsigned whole = 63 - (unsigned)__builtin_clzll(x);
    uint64_t m = x << (63 - whole), log = whole; /* from 2^63 to below 2^64: 1 to below 2 */

    for (unsigned i = 0; i < FRACTION_BITS; i++) {
        u128 square = (u128)m * m >> 63;
        bool two = (square >> 64) != 0;
        log = log << 1 | two;
        m = (uint64_t)(two ? square >> 1 : square);
    }
    return log;
}

uint64_t zipf_weight(uint64_t rank, uint64_t exponent_ppm)
{
    assert(rank > 0);
    if (exponent_ppm == MILLION)
        return (UINT64_C(1) << 32) / rank;
    u128 power = (u128)zipf_log2(rank) * exponent_ppm / MILLION;
    uint64_t whole = (uint64_t)(power >> FRACTION_BITS), part = (uint64_t)(power & UINT32_MAX);
    uint64_t w = UINT64_C(1) << 63;

    if (whole > 32)
        return 0;
    for (unsigned k = 0; k < FRACTION_BITS; k++) {
        if ((part >> (FRACTION_BITS - 1 - k) & 1) != 0)
            w = times(w, roots[k]);
    }
    return w >> (31 + whole);
}
