/* protocol.h - the protocol that a node of the crowd speaks: gossip/, or the baseline beside it. */
#ifndef HEDGEROW_SIM_MEMBERS_PROTOCOL_H
#define HEDGEROW_SIM_MEMBERS_PROTOCOL_H

#include "sim/members/crowd.h"

/* The view of node |i|, which is up. A record is lent until the next call on it. */
const struct member_record *protocol_find(const struct crowd *c, uint32_t i, uint32_t of);
const struct member_record *protocol_member(const struct crowd *c, uint32_t i, size_t at);
size_t protocol_count(const struct crowd *c, uint32_t i);
uint64_t protocol_digest(const struct crowd *c, uint32_t i);
const struct gossip_counters *protocol_counters(const struct crowd *c, uint32_t i);

void protocol_recv(struct crowd *c, uint32_t i, uint32_t from, struct slice payload);
void protocol_learn(struct crowd *c, uint32_t i, const struct member_record *r);
void protocol_tick(struct crowd *c, uint32_t i);
mesh_ns protocol_deadline(const struct crowd *c, uint32_t i);
void protocol_weight(struct crowd *c, uint32_t i, uint32_t weight);
void protocol_leave(struct crowd *c, uint32_t i);
bool protocol_left(const struct crowd *c, uint32_t i);
void protocol_end(struct crowd *c, uint32_t i);

#endif
