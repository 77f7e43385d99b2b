#include "node/steer/globe.h"

#include "node/steer/integer.h"

#define RADIUS_KM       6371
#define LIGHT_US_PER_KM 10
#define PATH_US_PER_KM  13
#define ANYWHERE_US     5000
#define ONE             (INT64_C(1) << 20) /* of what is computed with here */
#define QUARTER         900000             /* of a circle, in degrees times 10,000 */
#define HALF_PI         INT64_C(1647099)   /* times ONE */

/* The sine of |angle| by the polynomial of fifth degree that is best over a quarter of the circle: wrong by 0.0002. */
static int64_t sine(int64_t angle)
{
    int64_t turn = angle % (4 * QUARTER);

    if (turn > 2 * QUARTER)
        turn -= 4 * QUARTER;
    else if (turn < -2 * QUARTER)
        turn += 4 * QUARTER;
    if (turn > QUARTER)
        turn = 2 * QUARTER - turn;
    else if (turn < -QUARTER)
        turn = -2 * QUARTER - turn;
    int64_t z = turn * ONE / QUARTER, z2 = z * z / ONE;
    return z * (1646922 - z2 * (674475 - z2 * 76242 / ONE) / ONE) / ONE; /* 1.570631, 0.643230, 0.072710 */
}

bool globe_point(int16_t out[3], int32_t lat_e4, int32_t lon_e4)
{
    out[0] = out[1] = out[2] = 0;
    if (lat_e4 < -QUARTER || lat_e4 > QUARTER || lon_e4 < -2 * QUARTER || lon_e4 > 2 * QUARTER)
        return false;
    int64_t across = sine(lat_e4 + QUARTER); /* the cosine */
    out[0] = (int16_t)(across * sine(lon_e4 + QUARTER) / ONE * GLOBE_ONE / ONE);
    out[1] = (int16_t)(across * sine(lon_e4) / ONE * GLOBE_ONE / ONE);
    out[2] = (int16_t)(sine(lat_e4) * GLOBE_ONE / ONE);
    return true;
}

/* The angle whose sine is |x|, in [0, ONE / 2]: the first terms of the series. */
static int64_t arcsine_small(int64_t x)
{
    int64_t x2 = x * x / ONE;

    return x * (ONE + x2 * (ONE / 6 + x2 * (ONE * 3 / 40 + x2 * (ONE * 15 / 336) / ONE) / ONE) / ONE) / ONE;
}

uint32_t globe_km(uint64_t chord2)
{
    /* Half of the chord is the sine of half of the angle; above a half, that of what is missing to a quarter is
     * smaller. */
    int64_t x = (int64_t)integer_sqrt(chord2 << 20) * (ONE >> 11) / GLOBE_ONE, angle;

    if (x > ONE)
        x = ONE;
    if (x <= ONE / 2)
        angle = 2 * arcsine_small(x);
    else
        angle = 2 * (HALF_PI - 2 * arcsine_small(integer_sqrt((uint64_t)((ONE - x) / 2 * ONE))));
    return (uint32_t)(angle * RADIUS_KM / ONE);
}

/* Light goes about 200,000 km in a second through fibre: a round trip takes 1 ms for each 100 km of it. Fibres go 1.5
 * to 2 times as far as the globe's great circle near by, less across oceans, and there are routers and the last mile.
 */
uint32_t globe_us(uint64_t chord2)
{
    return ANYWHERE_US + globe_km(chord2) * PATH_US_PER_KM;
}

uint32_t globe_least_us(uint64_t chord2)
{
    return globe_km(chord2) * LIGHT_US_PER_KM;
}

/* The arc is longer than its chord. A little more, for what is rounded on the way. */
uint64_t globe_reach2(uint32_t us)
{
    uint64_t km = us <= ANYWHERE_US ? 0 : (us - ANYWHERE_US) / PATH_US_PER_KM;
    uint64_t chord = km >= 2 * RADIUS_KM ? 2 * GLOBE_ONE : km * GLOBE_ONE / RADIUS_KM;

    return (chord + chord / 64 + 64) * (chord + chord / 64 + 64);
}
