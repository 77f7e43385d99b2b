/* object_pack_impl.h - the map of a packed object. Nobody else includes it. */
#ifndef HEDGEROW_CORE_OBJECT_PACK_IMPL_H
#define HEDGEROW_CORE_OBJECT_PACK_IMPL_H

#include "node/core/object_pack.h"

#define PACK_FORMAT     1u
#define PACK_BATCH      (4 + 4 + 1 + 8 + DIGEST_BYTES + SIGNATURE_BYTES)
#define PACK_LEAVES_MAX 4096u

enum {
    P_FORMAT,
    P_DISTRIBUTION,
    P_HEAD,
    P_PRIMARY,
    P_INDEX,
    P_FLAGS,
    P_VARIANT,
    P_CERT, /* of the signer; empty: we are that ... */
    P_ID,   /* ... under this id */
    P_HEAD_SIG,
    P_ONE_SIG,
    P_BATCHES,
    P_HASHES,
    P_LEAVES, /* two u32 each: bytes, and bytes as they are here if that is less */
    P_LENGTH,
    P_AGE,
    P_WALL,
    P_RUN,
    P_MONOTONIC,
    P_LIFETIME,
    P_STALE_REVALIDATE,
    P_STALE_ERROR,
    P_POSITION, /* of the last purge that was looked at, see purge_log.h */
    P_EACH,     /* leaves lie apart in pieces of so many; 0: they follow */
    P_PURGES,   /* the run that P_POSITION is known by, see purge_runs.h */
    P_FIELDS
};
enum { FLAG_LEAF = 1, FLAG_VARIES = 2, FLAG_AUTHORIZED = 4, FLAG_HEAD_SIG = 8, FLAG_ONE_SIG = 16 };

#endif
