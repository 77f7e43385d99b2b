/* room.h - is there memory for a run? */
#ifndef HEDGEROW_SIM_DOOR_ROOM_H
#define HEDGEROW_SIM_DOOR_ROOM_H

#include "sim/scenario.h"

/* room_for is true where |sc| fits, as it is estimated; else it has said on the error stream what it would take, what
 * there is, and what to do. */
bool room_for(const struct scenario *sc);

/* room_bytes is what memory there is for this process: what the machine has left, its control group and its own limit,
 * whichever is least. */
uint64_t room_bytes(void);

#endif
