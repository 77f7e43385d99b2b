/* way.h - how long packets take from place to place: a fixed time, and jitter from a seed. TCP's packets of one way
 * stay in order, as on a path without reordering; datagrams each draw for themselves. Pure: the clock is handed in. */
#ifndef HEDGEROW_TESTS_DISTANCE_WAY_H
#define HEDGEROW_TESTS_DISTANCE_WAY_H

#include <stddef.h>
#include <stdint.h>

#include "proto/base/time.h"

#define WAY_DEVICES_MAX 128
#define WAY_PLACES_MAX  64

/* From one device to another. */
struct way {
    uint64_t packets; /* so far: each draws for itself */
    mesh_ns last;     /* no stream's packet arrives before the one sent before it */
};

struct ways {
    uint64_t seed;
    mesh_ns delay[WAY_PLACES_MAX][WAY_PLACES_MAX], jitter[WAY_PLACES_MAX][WAY_PLACES_MAX];
    struct way between[WAY_DEVICES_MAX][WAY_DEVICES_MAX];
    unsigned place[WAY_DEVICES_MAX]; /* 0: beside everybody, neither delay nor jitter */
};

/* way_arrival is when a packet that leaves |from| at |now| is at |to| (numbers of devices). */
mesh_ns way_arrival(struct ways *w, unsigned from, unsigned to, int stream, mesh_ns now);

#endif
