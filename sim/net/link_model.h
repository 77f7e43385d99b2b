/* link_model.h - what lies between two nodes: delay, chance, loss in bursts, access links
 * with a queue that drops at its end. Pure functions over plain data; chance is handed in. */
#ifndef HEDGEROW_SIM_LINK_MODEL_H
#define HEDGEROW_SIM_LINK_MODEL_H

#include "proto/base/rand.h"
#include "proto/base/slice.h"
#include "proto/base/time.h"

/* Evenly from 0 to |most|; and true so often in a million. */
mesh_ns draw_ns(struct rand *r, uint64_t most);
bool draw_ppm(struct rand *r, uint64_t ppm);

/* Loss in bursts: a chain with a good and a bad state, which moves on with each packet;
 * in the bad one every packet is lost (Gilbert, "Capacity of a Burst-Noise Channel",
 * 1960; Elliott 1963). |loss_ppm| of all packets (at most 900,000), |length| in a row on average (1 or more). */
struct link_burst {
    bool bad;
};
bool link_burst_lost(struct link_burst *b, uint64_t loss_ppm, uint64_t length, struct rand *r);

/* An access link: packets leave one after another at its rate; those that find more than
 * |queue_bytes| waiting are dropped. link_queue_pass gives the time when the last bit of
 * |bytes| is through, MESH_NS_NEVER: dropped. Rate 0: no limit. */
struct link_queue {
    mesh_ns busy_until;
};
mesh_ns link_queue_pass(struct link_queue *q, mesh_ns now, size_t bytes, uint64_t rate, uint64_t queue_bytes);

#define LINK_WINDOW_FIRST 14600u /* ten segments of 1,460 bytes */
/* When a stream's first |bytes| are all at the other end, counted from the start of the
 * first segment: slow start from ten segments, doubling each round trip (RFC 6928, RFC 5681). */
mesh_ns link_stream_time(size_t bytes, mesh_ns one_way);
/* What loss adds to it: a round trip for each segment that is sent again, a timeout (200 ms,
 * doubling) for one of the last three, since too few acknowledgements follow it. */
mesh_ns link_stream_losses(size_t bytes, mesh_ns one_way, uint64_t loss_ppm, struct rand *r);

/* Round-trip times between regions: half of a measured one is one way. */
#define LINK_REGIONS 26
mesh_ns link_region_delay(unsigned from, unsigned to);
const char *link_region_name(unsigned region);

#endif
