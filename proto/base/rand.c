#include "proto/base/rand.h"

#include <assert.h>

uint64_t rand_mix(uint64_t x)
{
    x += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

uint64_t rand_u64(struct rand *r)
{
    return rand_mix(rand_mix(rand_mix(rand_mix(r->seed) ^ r->entity) ^ r->purpose) ^ r->counter++);
}

uint64_t rand_below(struct rand *r, uint64_t n)
{
    assert(n > 0);
    return rand_u64(r) % n;
}
