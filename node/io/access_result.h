/* access_result.h - what came of a request, as finely as the log says it: classes and details under the words of
 * CloudFront's standard logs (its developer guide, "Log file fields"), and some of our own. Pure. */
#ifndef HEDGEROW_IO_ACCESS_RESULT_H
#define HEDGEROW_IO_ACCESS_RESULT_H

#include "node/core/engine.h"

/* X(NAME, word, result it is counted as, class). The class is x-edge-result-type, the word x-edge-detailed-result-type.
 * CLIENT_COMM_ERROR alone is counted as what the answer had begun as. */
#define ACCESS_DETAILS(X)                                                                                        \
    X(HIT, "Hit", RESULT_HIT, "Hit")                                                                             \
    X(REFRESH_HIT, "RefreshHit", RESULT_REFRESH, "RefreshHit")                                                   \
    X(STALE_HIT, "StaleHit", RESULT_STALE, "StaleHit")                                                           \
    X(PEER_HIT, "PeerHit", RESULT_PEER, "PeerHit")                                                               \
    X(MISS, "Miss", RESULT_MISS, "Miss")                                                                         \
    X(ERROR, "Error", RESULT_ERROR, "Error")                                                                     \
    /* Finer: */                                                                                                 \
    X(ORIGIN_SHIELD_HIT, "OriginShieldHit", RESULT_PEER, "PeerHit")   /* the parent region had it */             \
    X(PEER_MISS, "PeerMiss", RESULT_MISS, "Miss")                     /* another node asked the origin for us */ \
    X(REDIRECT, "Redirect", RESULT_HIT, "Redirect")                   /* by us: to https, or by a rule */        \
    X(LIMIT_EXCEEDED, "LimitExceeded", RESULT_ERROR, "LimitExceeded") /* one that was configured */              \
    X(CAPACITY_EXCEEDED, "CapacityExceeded", RESULT_ERROR, "CapacityExceeded") /* no memory, no room */          \
    /* The viewer: */                                                                                            \
    X(CLIENT_COMM_ERROR, "ClientCommError", RESULT_ERROR, "Error")             /* left in mid-answer */          \
    X(CLIENT_HUNG_UP, "ClientHungUpRequest", RESULT_ERROR, "Error")            /* left before it */              \
    X(CLIENT_GEO_BLOCKED, "ClientGeoBlocked", RESULT_ERROR, "Error")           /* by its country */              \
    X(INVALID_REQUEST, "InvalidRequest", RESULT_ERROR, "Error")                /* malformed, no body allowed */  \
    X(INVALID_BLOCKED, "InvalidRequestBlocked", RESULT_ERROR, "Error")         /* forbidden to this viewer */    \
    X(INVALID_CERTIFICATE, "InvalidRequestCertificate", RESULT_ERROR, "Error") /* not for this host */           \
    X(INVALID_HEADER, "InvalidRequestHeader", RESULT_ERROR, "Error")           /* too long, not understood */    \
    X(INVALID_METHOD, "InvalidRequestMethod", RESULT_ERROR, "Error")                                             \
    /* What is behind us: */                                                                                     \
    X(ABORTED_ORIGIN, "AbortedOrigin", RESULT_ERROR, "Error") /* in mid-body */                                  \
    X(ORIGIN_COMM, "OriginCommError", RESULT_ERROR, "Error")  /* too late */                                     \
    X(ORIGIN_CONNECT, "OriginConnectError", RESULT_ERROR, "Error")                                               \
    X(ORIGIN_DNS, "OriginDnsError", RESULT_ERROR, "Error")                                                       \
    X(ORIGIN_ERROR, "OriginError", RESULT_ERROR, "Error") /* another node's, not known why */                    \
    X(ORIGIN_HEADER_TOO_BIG, "OriginHeaderTooBigError", RESULT_ERROR, "Error")                                   \
    X(ORIGIN_INVALID, "OriginInvalidResponseError", RESULT_ERROR, "Error")                                       \
    X(ORIGIN_READ, "OriginReadError", RESULT_ERROR, "Error") /* cut before its answer */                         \
    X(ORIGIN_WRITE, "OriginWriteError", RESULT_ERROR, "Error")

enum access_detail {
    ACCESS_UNKNOWN, /* to be found out by access_detail_of */
#define X(name, word, counted, class) ACCESS_##name,
    ACCESS_DETAILS(X)
#undef X
        ACCESS_DETAILS_N
};

/* access_detail_plain: the detail that says no more than |r| does. */
static inline enum access_detail access_detail_plain(enum request_result r)
{
    _Static_assert((int)ACCESS_HIT == RESULT_HIT + 1 && (int)ACCESS_REFRESH_HIT == RESULT_REFRESH + 1 &&
                       (int)ACCESS_STALE_HIT == RESULT_STALE + 1 && (int)ACCESS_PEER_HIT == RESULT_PEER + 1 &&
                       (int)ACCESS_MISS == RESULT_MISS + 1 && (int)ACCESS_ERROR == RESULT_ERROR + 1,
                   "details begin with the results, in their order");
    return (enum access_detail)(r + 1);
}

/* access_detail_word and access_detail_class return static text; of ACCESS_UNKNOWN "-". access_detail_counted: in which
 * of the engine's counters a request of that detail is. */
const char *access_detail_word(enum access_detail d);
const char *access_detail_class(enum access_detail d);
enum request_result access_detail_counted(enum access_detail d);

/* How a request ended. */
struct access_end {
    enum request_result result;  /* as it was counted */
    enum access_detail refused;  /* why we refused it; ACCESS_UNKNOWN: we did not */
    bool unanswered;             /* the viewer left before there was an answer */
    bool cut;                    /* it left in mid-answer */
    bool begun;                  /* the head of an answer that could not be completed was out */
    uint16_t error_status;       /* the engine's, where it failed */
    unsigned error_cause;        /* struct request's */
    const struct answer *answer; /* of |result|s but RESULT_ERROR; NULL: ours from the start */
};
enum access_detail access_detail_of(const struct access_end *end);

/* access_refused: the detail of a request that we refuse with |status|. access_refused_by: of one that the engine sent
 * elsewhere, or did not let in. */
enum access_detail access_refused(unsigned status);
enum access_detail access_refused_by(const struct request *r);

#endif
