/* object_pack.h - a whole object as bytes for the disk tier, and back. What proves it goes along, as far as there is:
 * leaf hashes, the signer's certificate and its signatures; leaves go packed where they are packed already.
 *
 *   u32 length | map (proto/wire.h) | leaf | leaf | ...
 *
 * Its age does not stand still meanwhile. Within one run of the process it grows by the monotonic clock; over a restart
 * by the wall clock's difference, and where that cannot be, for the clock says an earlier time than when it was put
 * there, the object has no time left and is validated. */
#ifndef HEDGEROW_CORE_OBJECT_PACK_H
#define HEDGEROW_CORE_OBJECT_PACK_H

#include "node/core/object.h"
#include "node/core/purge_runs.h"

/* Whose and when: the same things at both ends. */
struct pack_frame {
    mesh_ns now;
    int64_t wall_s;                  /* Unix time; 0: not known */
    uint64_t run;                    /* this run of the process */
    const struct purge_runs *purges; /* which positions are what they were when an object was put there */
    uint64_t distribution;           /* what was fetched by other rules is not taken up */
    const struct identity *self;
    struct slice host, path; /* of what is unpacked, should its leaves lie in pieces */
    struct object_memory *memory;
    struct zpack *zpack;
    /* Who vouches for an object that is not our own: a reference that is the caller's then. 0 or why nobody does. */
    int (*signer)(void *ctx, struct slice cert, struct held_cert **out);
    void *ctx;
};

/* object_pack_fits: can |o| be packed: complete, whole, to be kept, and fresh for a while? */
bool object_pack_fits(const struct object *o);
/* object_pack_bytes is not less than what it takes, without packing it. */
uint64_t object_pack_bytes(const struct object *o);

/* object_pack makes |head| (empty before) what goes first, and lends the leaves behind it in |leaves|, room for
 * |o->leaves_n|. 0 or MESH_E_NOMEM. */
int object_pack(struct buf *head, struct slice *leaves, const struct object *o, const struct pack_frame *f);

/* object_pack_head makes |head| of a body whose leaves lie in pieces of |each|, and object_pack_head_bytes is not less
 * than what that takes of a body of |leaves|. object_pack_piece makes what goes before the |n| leaves from |first| on,
 * which it lends. 0 or MESH_E_NOMEM.
 *
 *   piece: n times: u32 bytes | u32 bytes as they are here; leaf | leaf | ... */
int object_pack_head(struct buf *head, const struct object *o, uint32_t each, const struct pack_frame *f);
uint64_t object_pack_head_bytes(uint64_t leaves);
int object_pack_piece(struct buf *head, struct slice *leaves, const struct object *o, uint32_t first, uint32_t n);
/* object_unpack_piece puts the |n| leaves from |first| on, which are absent, each checked against its hash.
 * MESH_E_SYNTAX, MESH_E_HASH, MESH_E_NOMEM, zpack's codes; then none is put. */
int object_unpack_piece(struct object *o, struct slice bytes, uint32_t first, uint32_t n, struct zpack *z);

/* object_unpack makes an object of it. Each leaf is checked against its hash. MESH_E_SYNTAX, MESH_E_HASH, MESH_E_RANGE,
 * MESH_E_STATE (of another distribution), MESH_E_NOMEM, wire's and the signer's codes. */
int object_unpack(struct object **out, struct slice bytes, const struct pack_frame *f);

#endif
