/* signed.h - may this request have what it asks for, by the signature that it brings? Judged once, when the request
 * begins: a download that began in time ends, and a Range request after the end is refused. Pure: the time is handed
 * in.
 *
 *   none needed?  credential_read --> the key, in a group that counts --> signature --> times, resource, address
 *
 * The signature of what is not allowed any more is looked at, too, so that the reason is true. */
#ifndef HEDGEROW_SIGNED_SIGNED_H
#define HEDGEROW_SIGNED_SIGNED_H

#include "node/signed/policy.h"
#include "node/signed/signers.h"
#include "node/signed/verified.h"

/* X(name, detail for the access log, sentence for the viewer) */
#define SIGNED_REASONS(X)                                                                                             \
    X(OK, "Signed", "The request is signed.")                                                                         \
    X(UNSIGNED, "SignatureMissing", "This needs a signed URL or signed cookies.")                                     \
    X(MALFORMED, "SignatureMalformed", "The signed URL or the signed cookies are incomplete or malformed.")           \
    X(UNKNOWN_KEY, "SignatureUnknownKey", "The key that signed this is not one of those that count here.")            \
    X(WRONG, "SignatureWrong", "The signature does not fit this URL: the URL, its times or its policy were changed.") \
    X(SHA1, "SignatureSha1", "Signatures with SHA-1 do not count here.")                                              \
    X(POLICY, "SignaturePolicy", "The signed policy is not one that can be judged.")                                  \
    X(EXPIRED, "SignatureExpired", "The signed URL or the signed cookies have expired.")                              \
    X(EARLY, "SignatureEarly", "The signed URL or the signed cookies are not valid yet.")                             \
    X(RESOURCE, "SignatureResource", "The signed policy does not cover this URL.")                                    \
    X(ADDRESS, "SignatureAddress", "The signed policy does not cover this address.")                                  \
    X(NOMEM, "SignatureNoMemory", "The signature could not be verified for want of memory.")

enum signed_reason {
#define X(name, detail, sentence) SIGNED_##name,
    SIGNED_REASONS(X)
#undef X
};

const char *signed_detail(enum signed_reason r);
const char *signed_sentence(enum signed_reason r);

struct signed_request {
    bool https;
    struct slice host;           /* as the viewer's Host has it */
    struct slice target;         /* path and query as the viewer has them */
    const struct slice *cookies; /* the values of its Cookie fields */
    size_t cookies_n;
    struct mesh_addr address;
    int64_t wall_s;
    const struct slice *groups; /* whose keys count; none: nothing is asked for */
    size_t groups_n;
    bool sha1_forbidden;
};

struct signed_verdict {
    enum signed_reason reason;
    struct slice target; /* without what was for us: for key and origin. Lent from the request or from the work */
    struct slice key_id; /* lent likewise; empty where none was said */
    bool from_memory;    /* the signature was verified before */
};

/* What one thread needs for it: memory of what was verified, and room. A zeroed one is fine. */
struct signed_work {
    struct verified verified;
    struct policy policy;
    struct buf room, text, signature;
};

void signed_work_fini(struct signed_work *w);

/* signed_check fills |v| in any case, whose slices are good until the next call. Returns v->reason == SIGNED_OK; a
 * request to a behaviour without groups is. |s| may be NULL then. */
bool signed_check(struct signed_work *w, const struct signers *s, const struct signed_request *r,
                  struct signed_verdict *v);

#endif
