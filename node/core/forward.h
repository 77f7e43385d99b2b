/* forward.h - what of a viewer's request goes along with a fetch made for it, to the origin or to the node that
 * asks the origin: its end-to-end fields, without those that are ours to say, that would make the answer another
 * one than its key says, or by which a viewer could speak for others. Immutable, counted references; not thread
 * safe. */
#ifndef HEDGEROW_CORE_FORWARD_H
#define HEDGEROW_CORE_FORWARD_H

#include "node/core/fields.h"
#include "node/dist/dist.h"
#include "proto/base/addr.h"

#define FORWARD_BYTES_MAX 24000 /* of the wire form */

struct forward {
    uint32_t refs;
    struct slice raw;     /* the wire form, for an ask (PROTOCOL.md, ASK) */
    struct fields fields; /* lends from |raw|; last: fields past the n-th do not exist */
};

enum forward_into {
    FORWARD_ALONE,   /* a fetch for this viewer alone */
    FORWARD_SHARED,  /* one whose answer others may get too: nothing goes that speaks of one viewer (Cookie,
                        Authorization),  or that we negotiate ourselves (Accept-Encoding) */
    FORWARD_PASSAGE, /* one by a method that no copy answers: conditions and ranges, too, are the origin's to judge */
};

/* forward_passes: may |field| of a viewer's |all| go on? forward_may: may it where the owner of the content has named
 * it? Only what is ours to say, what belongs to this hop and what makes another answer of it may not. */
bool forward_passes(const struct fields *all, const struct field *field, enum forward_into into);
bool forward_may(const struct fields *all, const struct field *field, enum forward_into into);

/* forward_by is forward_passes by what |b| (NULL: nothing) says of fields: those that it names as part of the key go
 * on, whatever they are; those beside the key, by name or as all, only as forward_passes has it: what an origin may
 * take for a proxy's word is part of the key or goes nowhere. What says what a body is goes along with it. Of cookies
 * forward_for picks those that |b| names; where it names none, all go, but only in a fetch for this viewer alone and if
 * it has all fields go on. Authorization, unless it is named, never goes to who looks at our signature or at nothing:
 * such a request is like anybody's. */
bool forward_by(const struct dist_behaviour *b, const struct fields *all, const struct field *field,
                enum forward_into into);
struct forward *forward_for(const struct dist_behaviour *b, const struct fields *all, enum forward_into into,
                            const struct mesh_addr *viewer);

/* forward_of keeps what passes of |all|, NULL being none. Of X-Forwarded-For only a line that ends in |viewer|, the
 * address of who asks us, goes on, and never into a shared fetch; where that is NULL or has no port, none. NULL: out of
 * memory, or longer than FORWARD_BYTES_MAX. */
struct forward *forward_of(const struct fields *all, enum forward_into into, const struct mesh_addr *viewer);

/* forward_read takes a wire form that came from a peer, strictly; what would not pass into a shared fetch is an
 * error, by |b| as forward_by. 0 with |*out| (the caller's reference), MESH_E_SYNTAX, MESH_E_RANGE, MESH_E_NOMEM ... */
int forward_read(struct forward **out, const struct dist_behaviour *b, struct slice raw);

struct forward *forward_ref(struct forward *f); /* NULL stays NULL */
void forward_unref(struct forward *f);

#endif
