/* network_model.h - networks of viewers and how far they are from edges: pure functions of the settings and the seed.
 *
 * The round trip between a network and an edge is what the matrix says of their regions, longer by a detour that the
 * network's provider has towards the edge's region, and the access of both. What is measured is longer still by chance.
 */
#ifndef HEDGEROW_SIM_ROUTING_NETWORK_MODEL_H
#define HEDGEROW_SIM_ROUTING_NETWORK_MODEL_H

#include "proto/base/addr.h"
#include "sim/net/link_model.h"
#include "sim/scenario.h"

struct network {
    uint32_t number;
    uint16_t region;
    uint16_t told;     /* the region that a file of places has of it */
    uint32_t provider; /* who has the same one and region has the same ways */
    uint32_t access_us;
    bool v4;
    bool subnet; /* its resolver tells it */
    uint32_t moves;
};

struct site { /* an edge's place */
    uint16_t region;
    uint32_t access_us;
};

void site_draw(struct site *out, const struct scenario *sc, uint32_t edge);
void network_draw(struct network *out, const struct scenario *sc, uint32_t number);
/* network_move puts it to another region (where there is one), with another provider; a file of places does not notice.
 */
void network_move(struct network *n, const struct scenario *sc);

/* The address of a viewer of it, and what its resolver says of that: |bits| are known. */
struct mesh_addr network_viewer(const struct network *n, const struct scenario *sc, uint32_t viewer);
struct mesh_addr network_asks(const struct network *n, const struct scenario *sc, unsigned *bits);

uint32_t network_rtt_us(const struct network *n, const struct scenario *sc, const struct site *edge);
uint32_t sites_rtt_us(const struct site *a, const struct site *b);
/* |rtt_us| as one connection measures it. */
mesh_ns network_measured(const struct scenario *sc, uint32_t rtt_us, struct rand *r);

/* Is |us| near to the best that there is, |best_us|? Within 5 ms or 10 %. */
static inline bool network_near(uint32_t us, uint32_t best_us)
{
    uint32_t room = best_us / 10 > 5000 ? best_us / 10 : 5000;
    return us <= best_us + room;
}

#endif
