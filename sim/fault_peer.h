/* fault_peer.h - admitted nodes that do not do as the protocol's present version says: liars, whose frames are altered
 * before they are sealed, and nodes with other software, whose optional frames nobody knows. */
#ifndef HEDGEROW_SIM_FAULT_PEER_H
#define HEDGEROW_SIM_FAULT_PEER_H

#include "sim/edge.h"

/* engine_config.outgoing of such a node; |ctx| is its edge. */
void fault_peer_outgoing(void *ctx, uint8_t *frame, size_t len);

#endif
