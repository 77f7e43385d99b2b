/* shed.h - the controller of an edge that has more viewers than it is for: what part of its networks goes elsewhere.
 * It holds the load between SHED_LOW and SHED_HIGH where it can, without swinging. Pure functions; a step a second.
 *
 * Answers of DNS are kept for up to a minute, so the load follows what is stated late: who turns up while the load is
 * too high turns up too far, and back again. Therefore the controller goes by a model of what viewers go by by now
 * (Smith, "Closer control of loops with dead time", 1957): load / (part that still comes) is what would come if nothing
 * were shed, whatever was stated of late, and from that follows the part to shed. Between the two marks nothing
 * changes. */
#ifndef HEDGEROW_STEER_SHED_H
#define HEDGEROW_STEER_SHED_H

#include "proto/base/time.h"

#define SHED_PERIOD   SEC(1)
#define SHED_HIGH     950u /* permille of the capacity: above it more is shed, */
#define SHED_LOW      850u /* and below it less, */
#define SHED_AIM      900u /* towards this */
#define SHED_MAX      950u /* permille of networks: some always come, or nobody could tell how many would */
#define SHED_RISE_MAX 100u /* permille a second */
#define SHED_FALL_MAX 10u

/* What viewers go by by now is what was stated over so many seconds, on average: answers of 60 s are all asked for anew
 * within that, and some are kept for longer. (test_steer_shed has it: without a memory the load swings without end,
 * with one of 60 s too where viewers stay for 100 s.) */
#define SHED_MEMORY_S 90u

struct shed {
    uint16_t permille;              /* stated now */
    uint16_t stated[SHED_MEMORY_S]; /* in the seconds before */
    uint32_t at, sum;               /* of |stated|: the oldest one, all */
};

/* shed_step: a second has passed, and the load is |load_permille| of the capacity. */
void shed_step(struct shed *d, uint32_t load_permille);

#endif
