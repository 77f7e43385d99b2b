/* zipf.h - popularity by rank: the object of rank i is asked for as often as 1 / i^a (Zipf; for the web with a from 0.6
 * to 1: Breslau et al., "Web Caching and Zipf-like Distributions", INFOCOM 1999). In integers alone, so that each
 * compiler comes to the same. Pure functions. */
#ifndef HEDGEROW_SIM_ZIPF_H
#define HEDGEROW_SIM_ZIPF_H

#include <stdbool.h>
#include <stdint.h>

/* zipf_weight is 2^32 / rank^a for a rank from 1 on and |exponent_ppm| millionths of a, exact to 2^-20 of it or to one,
 * whichever is more; for a of just 1 it is the quotient. */
uint64_t zipf_weight(uint64_t rank, uint64_t exponent_ppm);

/* zipf_log2 is log2 of |x| > 0, of 2^32. */
uint64_t zipf_log2(uint64_t x);

#endif
