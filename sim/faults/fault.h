/* fault.h - what a scenario's actions do to the world, and faults drawn from a seed. */
#ifndef HEDGEROW_SIM_FAULT_H
#define HEDGEROW_SIM_FAULT_H

#include "sim/world.h"

void fault_apply(struct world *w, const struct action *a);
/* fault_is_none: what |a| does must be noticed by nobody. */
bool fault_is_none(const struct action *a);

/* fault_calm ends all faults: cuts heal, nothing is lost, who stands still goes on, the
 * origin is up. Who was down stays down. */
void fault_calm(struct world *w);

/* fault_draw adds sc->faults faults, each with its end, to the scenario's actions. */
void fault_draw(struct scenario *sc);

#endif
