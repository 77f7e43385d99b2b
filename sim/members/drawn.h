/* drawn.h - faults drawn from the seed, for hunting: `faults N`. */
#ifndef HEDGEROW_SIM_MEMBERS_DRAWN_H
#define HEDGEROW_SIM_MEMBERS_DRAWN_H

#include "sim/scenario.h"

/* drawn_faults adds sc->faults faults, each with its end, to the scenario's actions. */
void drawn_faults(struct scenario *sc);

#endif
