/* rand.h - keyed randomness for cores: a number is a function of (seed, entity,
 * purpose, counter), never of a stream shared by others, so adding one draw
 * somewhere changes nothing elsewhere. Not for secrets: keys and generations
 * come from libsodium (secret_random in proto/digest.h). */
#ifndef HEDGEROW_BASE_RAND_H
#define HEDGEROW_BASE_RAND_H

#include <stdint.h>

struct rand {
    uint64_t seed, entity, purpose, counter;
};

static inline struct rand rand_of(uint64_t seed, uint64_t entity, uint64_t purpose)
{
    return (struct rand){ seed, entity, purpose, 0 };
}

/* rand_mix is a fixed 64-bit mixer (the finaliser of splitmix64, Steele et al. 2014). */
uint64_t rand_mix(uint64_t x);

uint64_t rand_u64(struct rand *r);

/* rand_below returns a number in [0, n), n > 0; the bias is below 2^-32 for n < 2^32. */
uint64_t rand_below(struct rand *r, uint64_t n);

#endif
