/* response.h - what an owner says of the fields of answers: the behaviour's dist_response, rules that speak of answers,
 * and who of other sites may read them (CORS, Fetch standard section 3.3). It is said where an answer's head is made:
 * what is kept and sent to peers stays as the origin said it. Pure functions, but for the reference to a set. */
#ifndef HEDGEROW_CORE_RESPONSE_H
#define HEDGEROW_CORE_RESPONSE_H

#include "node/core/fields.h"
#include "node/dist/dist.h"
#include "proto/base/buf.h"

/* Of one request. Zeroed it says nothing. */
struct response {
    uint64_t by; /* which one: of equal ones all that is not said of one request alone is the same. 0: none */
    const struct dist_response *response; /* where there is |by| */
    const struct dist_rule *rules;        /* bit n of |ruled|: the n-th speaks of this answer */
    uint64_t ruled[2];
    struct dist_set *set; /* held; NULL: what is above is lent */
    struct buf said;      /* by a site that may read: its Origin, then of a preflight its method and fields */
    size_t origin, method;
    bool preflight; /* this is all that is answered */
};

/* response_begin: |p|, which says nothing, goes by |b| for a request with |fields| (NULL: none). Lent from |b|, until
 * response_hold takes a reference to its |set|. */
void response_begin(struct response *p, const struct dist_behaviour *b, const struct fields *fields);
void response_hold(struct response *p, struct dist_set *set);
void response_end(struct response *p); /* it says nothing again */

/* response_again: rules have led to another behaviour. What they marked stays. */
void response_again(struct response *p, const struct dist_behaviour *b, const struct fields *fields);

static inline bool response_ruled(const struct response *p)
{
    return (p->ruled[0] | p->ruled[1]) != 0;
}

/* response_says: is there anything that it says? */
static inline bool response_says(const struct response *p)
{
    return p->by != 0 || response_ruled(p);
}

/* response_common makes |out| of |in|, an answer's fields: what is the same for all who ask by this policy. |ours|: it
 * is a page of ours, what that says itself stays. response_alone appends to |out| what is for this request alone; |in|
 * as before. response_rules changes |out| by what rules say. Fields for which there is no room are left out. */
void response_common(struct fields *out, const struct fields *in, const struct response *p, bool ours);
void response_alone(struct fields *out, const struct fields *in, const struct response *p);
void response_rules(struct fields *out, const struct fields *in, const struct response *p, bool ours);

/* response_asks: is this |method| with |fields| a preflight? response_hear_preflight: it is one, and answered here.
 * response_preflight makes |out| of what the answer says: nothing but Vary for a site that may not read. A value that
 * is made is lent from |made|, which is the caller's. */
bool response_asks(struct slice method, const struct fields *fields);
void response_hear_preflight(struct response *p, const struct fields *fields);
void response_preflight(struct fields *out, const struct response *p, struct buf *made);

/* response_origin_fits: is |origin| among |list| (dist_response.cors_origins)? A star at the begin of a host stands for
 * one label or more. */
bool response_origin_fits(struct slice list, struct slice origin);

#endif
