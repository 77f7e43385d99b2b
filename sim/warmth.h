/* warmth.h - what a node that goes takes with it: which keys were warm by then, and were fetched again; how many more
 * requests had to wait for the origin, and what more it had to give, than in the minute before. */
#ifndef HEDGEROW_SIM_WARMTH_H
#define HEDGEROW_SIM_WARMTH_H

#include "sim/world.h"

struct warmth {
    uint32_t *hits; /* of each key, until the first node goes */
    uint8_t *again; /* warm keys that were fetched since: 1 */
    struct warmth_second {
        uint32_t ended, missed, fetches;
    } * seconds;
    size_t seconds_n;
    mesh_ns gone_at; /* a node went; MESH_NS_NEVER: not yet */
    uint64_t warm_keys, warm_fetched;
};

struct warmth *warmth_new(const struct world *w);
void warmth_free(struct warmth *h);

void warmth_node_goes(struct world *w); /* by the scenario's will: crashed, vanished, leaving */
void warmth_fetch(struct world *w, uint64_t key);
/* warmth_answer: a viewer's answer has ended, and came from a copy, or not. */
void warmth_answer(struct world *w, uint64_t key, bool from_copy);

void warmth_figures(const struct world *w, struct figures *f);

#endif
