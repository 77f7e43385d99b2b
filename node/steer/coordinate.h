/* coordinate.h - where a node stands in the space of round-trip times, so that the time between two that never spoke
 * can be told: Vivaldi (Dabek, Cox, Kaashoek, Morris 2004) with a height, as in Serf's and Consul's use of it, in
 * integers, so that every build comes to the same. Pure functions. */
#ifndef HEDGEROW_STEER_COORDINATE_H
#define HEDGEROW_STEER_COORDINATE_H

#include "proto/base/time.h"

#define COORDINATE_DIMENSIONS 4
#define COORDINATE_REACH_US   10000000 /* nobody stands further out, and no sample is longer */
#define COORDINATE_ERROR_MAX  1500     /* and no estimate is believed to be worse */

struct coordinate {
    int32_t at[COORDINATE_DIMENSIONS]; /* microseconds */
    int32_t height;                    /* microseconds: the way to the net's core; added at both ends */
    uint16_t error_permille;           /* of an estimate; 0: nothing is known yet, and nobody goes by it */
};

/* coordinate_between: the estimated round-trip time. 0: one of them knows nothing yet. */
mesh_ns coordinate_between(const struct coordinate *a, const struct coordinate *b);

/* coordinate_sample moves |c|: a round trip to |other| took |rtt|. |draw| chooses a direction where both are at one
 * point. A sample that is out of all bounds (above 10 s, or 0) changes nothing. */
void coordinate_sample(struct coordinate *c, const struct coordinate *other, mesh_ns rtt, uint64_t draw);

#endif
