#include "sim/members/protocol.h"

const struct member_record *protocol_find(const struct crowd *c, uint32_t i, uint32_t of)
{
    const struct crowd_node *n = &c->nodes[i];
    return n->b != NULL ? baseline_find(n->b, of) : gossip_find(n->g, &c->ids[of]);
}

const struct member_record *protocol_member(const struct crowd *c, uint32_t i, size_t at)
{
    const struct crowd_node *n = &c->nodes[i];
    return n->b != NULL ? baseline_member(n->b, at) : gossip_member(n->g, at);
}

size_t protocol_count(const struct crowd *c, uint32_t i)
{
    const struct crowd_node *n = &c->nodes[i];
    return n->b != NULL ? baseline_count(n->b) : gossip_count(n->g);
}

uint64_t protocol_digest(const struct crowd *c, uint32_t i)
{
    const struct crowd_node *n = &c->nodes[i];
    return n->b != NULL ? baseline_digest(n->b) : gossip_digest(n->g);
}

const struct gossip_counters *protocol_counters(const struct crowd *c, uint32_t i)
{
    const struct crowd_node *n = &c->nodes[i];
    return n->b != NULL ? baseline_counters(n->b) : gossip_counters(n->g);
}

void protocol_recv(struct crowd *c, uint32_t i, uint32_t from, struct slice payload)
{
    const struct crowd_node *n = &c->nodes[i];

    if (n->b != NULL) {
        baseline_recv(n->b, c->now, from, payload);
        return;
    }
    struct mesh_addr addr = crowd_addr(from);
    gossip_seen(n->g, &c->ids[from], &addr);
    gossip_recv(n->g, c->now, &c->ids[from], payload);
}

void protocol_learn(struct crowd *c, uint32_t i, const struct member_record *r)
{
    const struct crowd_node *n = &c->nodes[i];

    if (n->b != NULL)
        baseline_learn(n->b, c->now, r);
    else
        gossip_learn(n->g, c->now, r);
}

void protocol_tick(struct crowd *c, uint32_t i)
{
    const struct crowd_node *n = &c->nodes[i];

    if (n->b != NULL)
        baseline_tick(n->b, c->now);
    else
        gossip_tick(n->g, c->now);
}

mesh_ns protocol_deadline(const struct crowd *c, uint32_t i)
{
    const struct crowd_node *n = &c->nodes[i];
    return n->b != NULL ? baseline_deadline(n->b) : gossip_deadline(n->g);
}

void protocol_weight(struct crowd *c, uint32_t i, uint32_t weight)
{
    const struct crowd_node *n = &c->nodes[i];

    if (n->b != NULL)
        baseline_weight(n->b, c->now, weight);
    else
        gossip_weight(n->g, c->now, weight);
}

void protocol_leave(struct crowd *c, uint32_t i)
{
    const struct crowd_node *n = &c->nodes[i];

    if (n->b != NULL)
        baseline_leave(n->b, c->now);
    else
        gossip_leave(n->g, c->now);
}

bool protocol_left(const struct crowd *c, uint32_t i)
{
    const struct crowd_node *n = &c->nodes[i];
    return n->b != NULL ? baseline_left(n->b) : gossip_left(n->g);
}

void protocol_end(struct crowd *c, uint32_t i)
{
    struct crowd_node *n = &c->nodes[i];

    gossip_free(n->g);
    baseline_free(n->b);
    n->g = NULL;
    n->b = NULL;
}
