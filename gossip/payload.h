/* payload.h - the bytes of one gossip packet (PROTOCOL.md, "Gossip payloads").
 * Pure functions; thread safe. */
#ifndef HEDGEROW_GOSSIP_PAYLOAD_H
#define HEDGEROW_GOSSIP_PAYLOAD_H

#include "gossip/gossip.h"
#include "proto/wire.h"

/* The least record has 25 bytes, so no payload holds more. */
#define PAYLOAD_RECORDS_MAX (GOSSIP_PAYLOAD_MAX / 25)

enum payload_kind {
    PAYLOAD_PING = 1, /* answer with an ACK of the same number */
    PAYLOAD_ACK = 2,  /* with a target: it was the target that answered, through us */
    PAYLOAD_ASK = 3,  /* ping the target for me (SWIM's ping-req) */
    PAYLOAD_NEWS = 4, /* only records */
    PAYLOAD_NACK = 5, /* the target that we were asked to ping has not answered yet */
};

struct payload {
    uint64_t kind; /* others may come from later versions: their records count */
    uint64_t seq;
    uint64_t view; /* the sender's view digest */
    uint64_t boot; /* the sender's incarnation */
    uint32_t counter;
    bool has_target, want; /* |want|: send me your own record */
    struct node_id target;
    uint64_t roll;      /* number of the roll that the sender has; 0: none, or not said */
    uint32_t origin_us; /* so far is the origin from the sender; 0: not said */
    uint32_t parent;    /* mark of the region that it holds for the origin's parent; 0: none */
    uint64_t config;    /* mark of the configuration that it has; 0: none, or not said */
    size_t records_n;
    struct member_record records[PAYLOAD_RECORDS_MAX];
};

/* payload_get reads |bytes|. 0 or MESH_E_SYNTAX, MESH_E_SHORT, MESH_E_TYPE,
 * MESH_E_MISSING, MESH_E_RANGE, MESH_E_NOMEM. */
int payload_get(struct slice bytes, struct payload *p);

/* payload_put appends |p| with the |records_n| encoded records in |records|. */
void payload_put(struct buf *b, const struct payload *p, struct slice records, size_t records_n);
/* More bytes than payload_put writes besides the records. */
#define PAYLOAD_HEAD_MAX 106

/* Whether the incarnation (boot, counter) is larger (> 0), equal or smaller (< 0). */
int incarnation_cmp(uint64_t boot_a, uint32_t counter_a, uint64_t boot_b, uint32_t counter_b);

/* member_record_cmp is a total order, so that whoever hears the same records, in
 * whatever order, keeps the same ones: incarnation, then the graver state, then,
 * which only a liar can cause, an order of the other fields. */
int member_record_cmp(const struct member_record *a, const struct member_record *b);

/* member_record_hash is what a record adds to the view digest. 0 on no memory. */
uint64_t member_record_hash(const struct member_record *r);

/* Do they say the same besides incarnation and state? */
bool member_record_same_facts(const struct member_record *a, const struct member_record *b);

/* member_record_read reads a decoded array. */
int member_record_read(const wire_value *v, struct member_record *r);

#endif
