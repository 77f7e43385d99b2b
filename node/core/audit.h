/* audit.h - whether who speaks to the origin for others tells them what it said. A signature proves who fetched a body,
 * not that it is the origin's: only the origin can tell. So of the bodies that come from other nodes one in so many is
 * fetched once more and compared, wherever a strong validator says that it is the same still (RFC 9110 section 8.8.1).
 */
#ifndef HEDGEROW_CORE_AUDIT_H
#define HEDGEROW_CORE_AUDIT_H

#include "proto/base/time.h"
#include "proto/cert.h"

#define AUDIT_STRIKES    2u /* bodies under different keys: then it is kept away */
#define AUDIT_QUARANTINE SEC(86400)
#define AUDIT_BYTES_MAX  (1u << 20) /* longer bodies are not fetched again */
#define AUDIT_PACE       SEC(1)     /* at most one begins in each */
#define SUSPECTS_MAX     16

/* Whose bodies were not the origin's. All zero: nobody's. */
struct suspects {
    struct suspect {
        struct node_id id;
        struct digest key; /* of the last one */
        unsigned strikes;  /* 0: a free place */
        mesh_ns at, until; /* of the last one; kept away until then, 0: not yet */
    } at[SUSPECTS_MAX];
};

/* suspects_strike notes that |key|, signed by |id|, was not the origin's. True: it is kept away from now on. The one
 * whose last strike is longest ago makes room. */
bool suspects_strike(struct suspects *s, mesh_ns now, const struct node_id *id, const struct digest *key);
/* suspects_suspected: it has a strike. suspects_shunned: what it signed is not taken now. */
bool suspects_suspected(const struct suspects *s, const struct node_id *id);
bool suspects_shunned(const struct suspects *s, mesh_ns now, const struct node_id *id);

#endif
