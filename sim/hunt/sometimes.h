/* sometimes.h - what must have happened in at least one seed of a hunt: each kind of event, each kind of action, each
 * result of a request, each counter of an engine, each kind of fault, each rare site. A hunt in which one of them never happens proves less than it seems
 * to (the "sometimes" assertions of Antithesis). One table; what the simulator cannot reach is exempt by name, with the
 * reason. Pure. */
#ifndef HEDGEROW_SIM_HUNT_SOMETIMES_H
#define HEDGEROW_SIM_HUNT_SOMETIMES_H

#include "sim/world.h"

#define SOMETIMES_MAX 300

struct sometimes {
    uint64_t count[SOMETIMES_MAX]; /* by the table's order */
};

size_t sometimes_n(void);
/* "note datagram-in", "action crash", "result peer", "counter hedges", "fault clog". */
void sometimes_name(size_t i, char name[64]);
/* NULL: it must happen. */
const char *sometimes_exempt(size_t i);

/* sometimes_add adds what happened in |w|, which has ended. */
void sometimes_add(struct sometimes *s, struct world *w);
/* sometimes_seen adds a seed to |seen|: one for each thing that happened in it. */
void sometimes_seen(struct sometimes *seen, const struct sometimes *seed);
/* How often a kind of fault bit; of what was seen: in how many seeds. */
uint64_t sometimes_fault(const struct sometimes *s, enum fault_kind kind);
/* Likewise how often a rare site went the rare way. */
uint64_t sometimes_rare(const struct sometimes *s, enum rare_site site);
/* sometimes_untrue: is it exempt since it cannot happen, and did? What is exempt as rare may. */
bool sometimes_untrue(const struct sometimes *seen, size_t i);
/* sometimes_rarest fills |out| with the |n| things of those that are not exempt that happened in the fewest seeds, the
 * rarest first, and returns how many there are. */
size_t sometimes_rarest(const struct sometimes *seen, size_t *out, size_t n);

#endif
