#include "sim/routing/places.h"

#include <assert.h>

#include "node/steer/globe.h"
#include "sim/net/link_model.h"

/* In the order of sim/net/link_regions.c: the city that the provider names, or the largest one of what it names. Degrees
 * times 10,000. */
static const struct place places[LINK_REGIONS] = {
    { "US", 390438, -774874 },  { "US", 415868, -936250 },  { "US", 294241, -984936 },  { "US", 377749, -1224194 },
    { "US", 472343, -1198525 }, { "CA", 436532, -793832 },  { "MX", 205888, -1003899 }, { "BR", -235505, -466333 },
    { "IE", 533498, -62603 },   { "GB", 515074, -1278 },    { "NL", 523676, 49041 },    { "FR", 488566, 23522 },
    { "DE", 501109, 86821 },    { "SE", 606749, 171413 },   { "IT", 454642, 91900 },    { "PL", 522297, 210122 },
    { "IL", 320853, 347818 },   { "AE", 252048, 552708 },   { "ZA", -262041, 280473 },  { "IN", 185204, 738567 },
    { "SG", 13521, 1038198 },   { "HK", 223193, 1141694 },  { "JP", 356762, 1396503 },  { "KR", 375665, 1269780 },
    { "AU", -338688, 1512093 }, { "NZ", -368509, 1747645 },
};

const struct place *place_of(unsigned region)
{
    assert(region < LINK_REGIONS);
    return &places[region];
}

uint64_t places_apart(unsigned a, unsigned b)
{
    int16_t from[3], to[3];

    globe_point(from, place_of(a)->lat_e4, place_of(a)->lon_e4);
    globe_point(to, place_of(b)->lat_e4, place_of(b)->lon_e4);
    return globe_chord2(from, to);
}
