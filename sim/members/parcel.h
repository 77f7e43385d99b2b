/* parcel.h - datagrams under way, pooled by size, named by number. */
#ifndef HEDGEROW_SIM_MEMBERS_PARCEL_H
#define HEDGEROW_SIM_MEMBERS_PARCEL_H

#include "proto/base/slice.h"

struct parcel {
    uint32_t from, to;
    uint32_t next; /* in a list of its holder; 0: the last */
    uint16_t len;
    bool introduced; /* the sender's certificate came with it */
    bool keyed;      /* it was sealed again, for the receiver as it is now */
    bool through;    /* the receiver's access link, too, lies behind it */
    uint8_t bytes[];
};

#define PARCEL_CLASSES 5
#define PARCEL_MAX     1400

struct parcels {
    struct parcel_class {
        uint8_t **chunks;
        uint32_t chunks_n, chunks_cap, n, free;
    } classes[PARCEL_CLASSES];
    uint64_t out; /* not given back */
};

/* parcel_new copies |bytes| (at most PARCEL_MAX) and returns its number, never 0. */
uint32_t parcel_new(struct parcels *p, uint32_t from, uint32_t to, struct slice bytes);
struct parcel *parcel_of(struct parcels *p, uint32_t number);
void parcel_drop(struct parcels *p, uint32_t number);
void parcels_fini(struct parcels *p);

#endif
