/* addresses.h - where an origin's name leads: what was learned of it, for how long that holds, and in which order its
 * addresses are tried. Plain data, no clock of its own. */
#ifndef HEDGEROW_IO_ADDRESSES_H
#define HEDGEROW_IO_ADDRESSES_H

#include "node/io/resolve.h"

struct addresses {                          /* zeroed at birth: nothing is known */
    struct mesh_addr at[RESOLVE_ADDRS_MAX]; /* in the order in which they are to be tried */
    size_t n;
    mesh_ns taken;         /* when that was learned */
    mesh_ns until;         /* then the name is to be looked up again, beside the requests; 0: now */
    struct mesh_addr good; /* connected to last; port 0: none was yet */
};

/* addresses_take: what the name stands for now. Where it could not be asked (no address, and not |absent|) what was
 * known goes on to be used. */
void addresses_take(struct addresses *a, mesh_ns now, const struct resolve_answer *answer);

/* addresses_doubt: none of them answers: perhaps the name has moved, and is to be asked for before its time, but not
 * again and again. */
void addresses_doubt(struct addresses *a, mesh_ns now);

/* addresses_worked: a connection to |addr| was made: it is tried first from now on. */
void addresses_worked(struct addresses *a, const struct mesh_addr *addr);

/* addresses_order writes the |n| (at most RESOLVE_ADDRS_MAX) of |in| to |out|: |first| first if it is among them, then
 * one family after the other in turn, IPv6 first, each in its order (RFC 8305 section 4), and none twice. Returns how
 * many. */
size_t addresses_order(struct mesh_addr *out, const struct mesh_addr *in, size_t n, const struct mesh_addr *first);

#endif
