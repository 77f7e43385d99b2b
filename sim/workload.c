#include "sim/workload.h"

#include <stdlib.h>

#include "proto/base/rand.h"
#include "sim/topology.h"

void workload_free(struct workload *l)
{
    if (l == NULL)
        return;
    free(l->requests);
    free(l->keys);
    free(l->edges);
    free(l);
}

/* A node of the topology, by its name; else "n7" is node 7, where there is one; other names are nodes in the order in
 * which they came. */
static uint64_t node_of_name(const struct scenario *sc, uint64_t number)
{
    struct slice name = slice_str(sc->load->edges[number]);
    uint64_t node = topology_find(sc, sc->load->edges[number]);

    if (node != UINT64_MAX)
        return node;
    if (name.len > 1 && name.data[0] == 'n' && slice_u64(slice_from(name, 1), &node) == 0 && node >= 1 &&
        node <= sc->nodes)
        return node - 1;
    return number % sc->nodes;
}

#define LATEST_US (UINT64_C(1) << 52) /* 142 years: no run gets there, and its nanoseconds still are a time */

static mesh_ns when(const struct scenario *sc, uint64_t at_us)
{
    uint64_t speed = sc->log_speed;

    if (at_us / speed > LATEST_US) /* by a date that is a mistake, perhaps: a log's clock may have been anywhere */
        return (mesh_ns)(LATEST_US * 1000);
    return (mesh_ns)(at_us / speed * 1000 + at_us % speed * 1000 / speed);
}

struct workload_event workload_of(const struct scenario *sc, uint64_t i)
{
    const struct workload_request *r = &sc->load->requests[i];
    uint64_t asked = sc->nodes - sc->ask_from + 1;

    return (struct workload_event){
        .at = (mesh_ns)sc->warmup + when(sc, r->at_us),
        .key = r->key,
        .node = (r->who & WORKLOAD_EDGE) != 0 ? node_of_name(sc, r->who & ~WORKLOAD_EDGE)
                                              : sc->ask_from - 1 + rand_mix(r->who) % asked,
    };
}

uint64_t workload_count(const struct scenario *sc)
{
    uint64_t low = 0, high = sc->load->n < sc->requests ? sc->load->n : sc->requests;

    while (low < high) {
        uint64_t middle = low + (high - low) / 2;
        if ((uint64_t)workload_of(sc, middle).at <= sc->time)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

mesh_ns workload_span(const struct scenario *sc)
{
    return sc->load->n > 0 ? when(sc, sc->load->requests[sc->load->n - 1].at_us) : 0;
}

uint64_t workload_seconds(const struct scenario *sc)
{
    return sc->load->n > 0 ? sc->load->requests[sc->load->n - 1].at_us / 1000000 : 0;
}
