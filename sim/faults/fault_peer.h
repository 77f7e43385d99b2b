/* fault_peer.h - admitted nodes that do not do as the protocol's present version says: liars, whose frames are altered
 * before they are sealed, and nodes with other software, whose optional frames nobody knows. */
#ifndef HEDGEROW_SIM_FAULT_PEER_H
#define HEDGEROW_SIM_FAULT_PEER_H

#include "sim/edge.h"

/* engine_config.outgoing of such a node; |ctx| is its edge. */
void fault_peer_outgoing(void *ctx, uint8_t *frame, size_t len);

/* How many of those that lied another one holds for liars now. fault_peer_end: nobody is held for one who never was. */
uint64_t fault_peer_named(struct world *w);
void fault_peer_end(struct world *w);

#endif
