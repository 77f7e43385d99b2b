/* refusals.h - who was sent away by name, or sent us away, and why: the last few, for people.
 * Not thread safe. */
#ifndef HEDGEROW_CORE_REFUSALS_H
#define HEDGEROW_CORE_REFUSALS_H

#include "proto/base/addr.h"
#include "proto/base/time.h"
#include "proto/cert.h"

#define REFUSALS_MAX 32

struct refusal {
    char name[CERT_NAME_MAX + 1]; /* as its certificate says, which proves nothing if that was refused; or "" */
    struct mesh_addr addr;        /* where it was last */
    unsigned reason;              /* enum msg_refusal */
    bool by_us;
    bool proven; /* the other side's certificate is sound, so it is who it says */
    uint64_t count;
    mesh_ns last;
};

struct refusals {
    struct refusal at[REFUSALS_MAX];
    size_t n;
};

/* refusals_note counts one; equal ones (name, reason, side) share an entry, and the one that
 * was not heard of for longest makes room. */
void refusals_note(struct refusals *r, mesh_ns now, const struct refusal *what);

/* refusals_last lends the latest by others with |reason| and a proven name, or NULL. */
const struct refusal *refusals_last(const struct refusals *r, unsigned reason);

#endif
