/* swarm_faults.h - timed faults of every kind that a scenario's `faults` do not draw, several in one seed. A pure function
 * of the scenario and its seed. */
#ifndef HEDGEROW_SIM_HUNT_SWARM_FAULTS_H
#define HEDGEROW_SIM_HUNT_SWARM_FAULTS_H

#include "sim/scenario.h"

/* swarm_faults adds up to SWARM_FAULTS_MAX of them, each with its end, to the scenario's actions. */
#define SWARM_FAULTS_MAX 6
void swarm_faults(struct scenario *sc);

#endif
