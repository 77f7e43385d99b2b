/* roster.h - identities and records, each kept once however many views hold it. A view
 * refers to immutable facts, so that a simulator of many nodes shares one roster
 * between them: 10,000 views of 10,000 members are 20 bytes a pair. A node that runs alone
 * has one of its own: the same code. Not thread safe. */
#ifndef HEDGEROW_GOSSIP_ROSTER_H
#define HEDGEROW_GOSSIP_ROSTER_H

#include "gossip/payload.h"
#include "proto/base/map.h"

struct fact;

/* One node id; lives while there are facts of it. */
struct ident {
    struct map_node by_id;
    struct node_id id;
    uint32_t index; /* dense; taken again by another when this one is gone */
    uint32_t rank;  /* in the order of ids */
    struct fact *facts;
};

/* One record as somebody holds it: only the count of users changes. */
struct fact {
    struct fact *next;
    struct ident *ident;
    uint64_t users;
    uint64_t hash; /* what it adds to a view digest */
    struct member_record rec;
};

struct roster {
    uint32_t magic;
    struct map by_id;
    struct ident **order; /* by id */
    size_t idents_n, idents_cap;
    uint32_t *vacant; /* indexes to be taken again */
    size_t vacant_n;
    uint32_t index_end; /* above all indexes given so far */
};

/* roster_new: owned by the caller until roster_free (NULL is fine), which must come after
 * all views in it are freed. NULL when out of memory. */
struct roster *roster_new(uint64_t seed);
void roster_free(struct roster *r);

/* roster_find lends, NULL if nobody knows |id|. */
const struct ident *roster_find(const struct roster *r, const struct node_id *id);

/* roster_take returns the fact for |rec|, with one more user, or NULL when out of memory.
 * roster_keep adds a user, roster_drop takes one away. */
struct fact *roster_take(struct roster *r, const struct member_record *rec);
void roster_keep(struct fact *f);
void roster_drop(struct roster *r, struct fact *f);

#endif
