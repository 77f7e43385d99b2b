/* policy.h - a policy statement: whose signature lets in whom, for what, how long. The custom one comes as JSON, the
 * canned one is made from the URL (CloudFront's developer guide, "Create a signed URL using a canned policy", and "...
 * a custom policy"). What it says that we do not know refuses it: it was meant to forbid something. Pure functions. */
#ifndef HEDGEROW_SIGNED_POLICY_H
#define HEDGEROW_SIGNED_POLICY_H

#include "node/signed/network.h"
#include "proto/base/buf.h"

#define POLICY_MAX          6144 /* bytes of JSON */
#define POLICY_RESOURCE_MAX 2048
#define POLICY_TIME_MAX     INT64_C(9999999999) /* ten digits: the year 2286 */

struct policy {
    bool any; /* no Resource: all URLs */
    uint8_t resource[POLICY_RESOURCE_MAX];
    size_t resource_len;
    int64_t ends_s;   /* allowed before this second (Unix time) ... */
    int64_t starts_s; /* ... and after this one; < 0: not said */
    bool has_net;
    struct network net; /* of the viewer's address */
};

/* policy_read reads a custom one. 0; MESH_E_SYNTAX: no JSON, no single statement, a member twice or unknown;
 * MESH_E_RANGE too long; MESH_E_MISSING without DateLessThan; |out| is then of no use. */
int policy_read(struct policy *out, struct slice json);

/* policy_canned appends the very text that is signed for |url| (as the viewer has it) until |expires|, decimal digits.
 * MESH_E_SYNTAX, and nothing appended, where |url| has what would end the JSON string. */
int policy_canned(struct buf *out, struct slice scheme, struct slice host, struct slice target, struct slice expires);

/* policy_custom appends a custom policy, without blanks. |starts_s| < 0 and an empty |net| are left out. The errors of
 * policy_canned. */
int policy_custom(struct buf *out, struct slice resource, int64_t ends_s, int64_t starts_s, struct slice net);

/* policy_time reads 1 to 10 digits, without zeros in front. False: it is none. */
bool policy_time(struct slice text, int64_t *out);

#endif
