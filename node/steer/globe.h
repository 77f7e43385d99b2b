/* globe.h - distances on the globe, and what round-trip time they mean at best. Pure; no floating point. */
#ifndef HEDGEROW_STEER_GLOBE_H
#define HEDGEROW_STEER_GLOBE_H

#include <stdbool.h>
#include <stdint.h>

#define GLOBE_ONE 32767

/* globe_point is the unit vector of a place (degrees times 10,000), times GLOBE_ONE. False, and all 0: no such place.
 */
bool globe_point(int16_t out[3], int32_t lat_e4, int32_t lon_e4);

/* globe_chord2 is the square of the straight way through the globe: nearer is less. */
static inline uint64_t globe_chord2(const int16_t a[3], const int16_t b[3])
{
    uint64_t sum = 0;

    for (int i = 0; i < 3; i++) {
        int64_t d = (int64_t)a[i] - b[i];
        sum += (uint64_t)(d * d);
    }
    return sum;
}

/* globe_km is the great-circle distance that belongs to a chord, globe_us the round-trip time to expect of it. */
uint32_t globe_km(uint64_t chord2);
uint32_t globe_us(uint64_t chord2);
uint32_t globe_least_us(uint64_t chord2); /* that light needs in fibre */

/* globe_reach2: who is further away than this chord's square is by globe_us above |us| for certain. */
uint64_t globe_reach2(uint32_t us);

#endif
