/* doors.h - what stands before a behaviour, in this order: the viewer's country, the rate of its address, a signature.
 * All that a node asks of a request before anything is looked up for it, in one call; made of a set of distributions,
 * and immutable and counted like it. */
#ifndef HEDGEROW_SIGNED_DOORS_H
#define HEDGEROW_SIGNED_DOORS_H

#include "node/signed/countries.h"
#include "node/signed/rates.h"
#include "node/signed/signed.h"

#define DOORS_RATE_DETAIL   "RateExceeded"
#define DOORS_RATE_SENTENCE "There are too many requests from your address."

struct doors;

/* doors_new makes those of |set|, which need not outlive them; the caller has one reference. 0, MESH_E_NOMEM, or what
 * signers_of said of a key, with the distribution's name before it in |why|: such a set is not to be taken. */
int doors_new(struct doors **out, const struct dist_set *set, struct buf *why);
struct doors *doors_ref(struct doors *d);
void doors_unref(struct doors *d); /* NULL is fine */

struct doors_request {
    bool https;
    struct slice host, target;   /* as the viewer has them */
    const struct slice *cookies; /* the values of its Cookie fields */
    size_t cookies_n;
    struct mesh_addr address;
    const char *country; /* "DE"; "" where it is not known */
    int64_t wall_s;
    mesh_ns now;
};

struct doors_verdict {
    uint16_t status;      /* 0: come in; 403, 429, 500 */
    const char *detail;   /* for the access log, and ... */
    const char *sentence; /* ... for the viewer; NULL when it is let in unasked */
    uint32_t retry_after_s;
    struct slice target, key_id; /* as in signed_verdict: the target for key and origin */
};

/* doors_pass fills |v| in any case; true: come in. |d| is of the set that |dist| and |b| are of. What needs neither
 * costs a few comparisons. */
bool doors_pass(const struct doors *d, struct rates *rates, struct signed_work *work, const struct dist *dist,
                const struct dist_behaviour *b, const struct doors_request *r, struct doors_verdict *v);

#endif
