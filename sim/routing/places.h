/* places.h - where the regions of the matrix stand, for choices by geography. Pure data. */
#ifndef HEDGEROW_SIM_ROUTING_PLACES_H
#define HEDGEROW_SIM_ROUTING_PLACES_H

#include <stdint.h>

struct place {
    const char *country; /* two capital letters */
    int32_t lat_e4, lon_e4;
};
const struct place *place_of(unsigned region);

/* How far two regions are from each other: less is nearer, and more it does not say. */
uint64_t places_apart(unsigned a, unsigned b);

#endif
