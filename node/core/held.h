/* held.h - certificates as they are held: parsed, with their bytes, each once however many hold it: as a member of a
 * mesh, for a session with it, for what it has signed. Reference counted. A store is shared by the meshes of one
 * process that it is handed to; not thread safe. */
#ifndef HEDGEROW_CORE_HELD_H
#define HEDGEROW_CORE_HELD_H

#include "proto/base/map.h"
#include "proto/cert.h"

struct held_store {
    struct map by_id;
    size_t n;
};

struct held_cert {
    struct map_node by_id;
    struct held_store *store; /* NULL: it is in none */
    uint64_t zone, region;    /* ring_zone of these */
    uint32_t refs;
    uint32_t sum; /* sums_cert of it */
    uint32_t len;
    struct cert cert;
    uint8_t raw[];
};

/* held_store_init: |key| is a secret of this run. 0 or MESH_E_NOMEM. held_store_fini comes after the last reference to
 * a certificate in it; a zeroed one is fine. */
int held_store_init(struct held_store *s, const uint8_t key[MAP_KEY_BYTES]);
void held_store_fini(struct held_store *s);

/* held_take returns a reference to |cert|, parsed from |raw|, as |s| has it or has it from now on; |s| NULL: a copy of
 * its own. NULL: out of memory, or |raw| is longer than a certificate. held_find lends the one of |id| with these very
 * bytes, NULL: |s|, which may be NULL, has none. */
struct held_cert *held_take(struct held_store *s, const struct cert *cert, struct slice raw);
struct held_cert *held_find(const struct held_store *s, const struct node_id *id, struct slice raw);
struct held_cert *held_ref(struct held_cert *h);
void held_drop(struct held_cert *h); /* NULL is fine */

static inline struct slice held_raw(const struct held_cert *h)
{
    return slice_of(h->raw, h->len);
}

#endif
