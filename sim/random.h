/* random.h - libsodium's source of randomness under a seed. Each node draws from a stream
 * of its own, so that what one node draws changes nothing for another. libsodium asks
 * without saying for whom: random_enter names the node before its code runs. The one
 * place of the simulator with state of its own, because libsodium hands no context in. */
#ifndef HEDGEROW_SIM_RANDOM_H
#define HEDGEROW_SIM_RANDOM_H

#include <stdint.h>

#define RANDOM_WORLD       0 /* keys, certificates; node i is 1 + i */
#define RANDOM_STREAMS_MAX 1100

/* random_install must come before crypto_start. */
void random_install(uint64_t seed);
void random_enter(uint32_t stream);

#endif
