/* stand_in.h - something in cryptography's place, for worlds so large that cryptography would be
 * most of what they cost: all sizes are the same, tags and signatures still bind every bit of
 * key, nonce and message, so that what is damaged or misdirected is refused as ever; but nothing
 * is secret, and anybody could forge. It exists in the simulator's program only: the linker hands
 * it these calls (CMakeLists.txt), and it passes them on unless it is on. BLAKE2b stays: who owns what is the same. */
#ifndef HEDGEROW_SIM_STAND_IN_H
#define HEDGEROW_SIM_STAND_IN_H

#include <stdbool.h>

/* For the whole process; to be set before the first key is made. Off at first. */
void stand_in_use(bool on);

#endif
