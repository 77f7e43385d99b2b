#include "node/io/access_result.h"

#include <assert.h>
#include <string.h>

#include "node/io/cause.h"
#include "node/signed/countries.h"

static const struct {
    const char *word, *class;
    enum request_result counted;
} details[ACCESS_DETAILS_N] = { [ACCESS_UNKNOWN] = { "-", "-", RESULT_ERROR },
#define X(name, text, result, of) [ACCESS_##name] = { text, of, result },
                                ACCESS_DETAILS(X)
#undef X
};

const char *access_detail_word(enum access_detail d)
{
    return details[d].word;
}

const char *access_detail_class(enum access_detail d)
{
    return details[d].class;
}

enum request_result access_detail_counted(enum access_detail d)
{
    return details[d].counted;
}

/* What the origin did, where this node asked it. */
static enum access_detail origin_detail(enum cause c)
{
    static const enum access_detail of[CAUSES_N] = {
        [CAUSE_DNS_ERROR] = ACCESS_ORIGIN_DNS,
        [CAUSE_DNS_NO_ADDRESS] = ACCESS_ORIGIN_DNS,
        [CAUSE_DNS_TIMEOUT] = ACCESS_ORIGIN_DNS,
        [CAUSE_REFUSED] = ACCESS_ORIGIN_CONNECT,
        [CAUSE_UNROUTABLE] = ACCESS_ORIGIN_CONNECT,
        [CAUSE_UNAVAILABLE] = ACCESS_ORIGIN_CONNECT,
        [CAUSE_CONNECT_TIMEOUT] = ACCESS_ORIGIN_CONNECT,
        [CAUSE_FULL] = ACCESS_CAPACITY_EXCEEDED, /* of descriptors; see FETCH_CAUSE_FULL */
        [CAUSE_TERMINATED] = ACCESS_ORIGIN_READ,
        [CAUSE_INCOMPLETE] = ACCESS_ABORTED_ORIGIN,
        [CAUSE_READ_TIMEOUT] = ACCESS_ORIGIN_COMM,
        [CAUSE_WRITE_TIMEOUT] = ACCESS_ORIGIN_WRITE,
        [CAUSE_WHOLE_TIMEOUT] = ACCESS_ORIGIN_COMM,
        [CAUSE_MALFORMED] = ACCESS_ORIGIN_INVALID,
        [CAUSE_HEADER_SIZE] = ACCESS_ORIGIN_HEADER_TOO_BIG,
        [CAUSE_INTERNAL] = ACCESS_CAPACITY_EXCEEDED,
        [CAUSE_TLS_EXPIRED] = ACCESS_ORIGIN_CONNECT,
        [CAUSE_TLS_NOT_YET] = ACCESS_ORIGIN_CONNECT,
        [CAUSE_TLS_ISSUER] = ACCESS_ORIGIN_CONNECT,
        [CAUSE_TLS_SELF_SIGNED] = ACCESS_ORIGIN_CONNECT,
        [CAUSE_TLS_NAME] = ACCESS_ORIGIN_CONNECT,
        [CAUSE_TLS_REVOKED] = ACCESS_ORIGIN_CONNECT,
        [CAUSE_TLS_CERTIFICATE] = ACCESS_ORIGIN_CONNECT,
        [CAUSE_TLS_VERSION] = ACCESS_ORIGIN_CONNECT,
        [CAUSE_TLS_REFUSED] = ACCESS_ORIGIN_CONNECT,
        [CAUSE_TLS_PROTOCOL] = ACCESS_ORIGIN_CONNECT,
        [CAUSE_TLS_TIMEOUT] = ACCESS_ORIGIN_CONNECT,
        [CAUSE_TLS_SETTINGS] = ACCESS_ORIGIN_CONNECT,
        [CAUSE_SIGNING] = ACCESS_ORIGIN_CONNECT,
        [CAUSE_NOT_FOUND] = ACCESS_ORIGIN_CONNECT,
        [CAUSE_SECRET] = ACCESS_ORIGIN_CONNECT,
    };

    assert(c > CAUSE_NONE && c < CAUSES_N && of[c] != ACCESS_UNKNOWN);
    return of[c];
}

static enum access_detail error_detail(const struct access_end *end)
{
    if (end->error_cause == FETCH_CAUSE_FULL)
        return ACCESS_LIMIT_EXCEEDED;
    if (end->error_cause > CAUSE_NONE && end->error_cause < CAUSES_N)
        return origin_detail((enum cause)end->error_cause);
    if (end->begun)
        return ACCESS_ABORTED_ORIGIN;
    switch (end->error_status) { /* of a fetch of another node no more is known */
    case 502: return ACCESS_ORIGIN_ERROR;
    case 503: return ACCESS_CAPACITY_EXCEEDED;
    case 504: return ACCESS_ORIGIN_COMM;
    default: return access_refused(end->error_status);
    }
}

static enum access_detail answer_detail(enum request_result result, const struct answer *a)
{
    if (result == RESULT_PEER && a != NULL && a->parent_hit)
        return ACCESS_ORIGIN_SHIELD_HIT;
    if (result == RESULT_MISS && a != NULL && a->via_peer)
        return ACCESS_PEER_MISS;
    return access_detail_plain(result);
}

enum access_detail access_detail_of(const struct access_end *end)
{
    if (end->unanswered)
        return ACCESS_CLIENT_HUNG_UP;
    if (end->refused != ACCESS_UNKNOWN)
        return end->refused;
    if (end->result == RESULT_ERROR)
        return error_detail(end);
    return end->cut ? ACCESS_CLIENT_COMM_ERROR : answer_detail(end->result, end->answer);
}

enum access_detail access_refused(unsigned status)
{
    switch (status) {
    case 400:
    case 413:
    case 414:
    case 505: return ACCESS_INVALID_REQUEST;
    case 403: return ACCESS_INVALID_BLOCKED;
    case 405:
    case 501: return ACCESS_INVALID_METHOD;
    case 417:
    case 431: return ACCESS_INVALID_HEADER;
    case 421: return ACCESS_INVALID_CERTIFICATE;
    case 429: return ACCESS_LIMIT_EXCEEDED;
    case 503: return ACCESS_CAPACITY_EXCEEDED;
    default: return ACCESS_ERROR;
    }
}

enum access_detail access_refused_by(const struct request *r)
{
    if (request_redirects(r))
        return ACCESS_REDIRECT;
    if (r->detail != NULL && strcmp(r->detail, COUNTRY_DETAIL) == 0)
        return ACCESS_CLIENT_GEO_BLOCKED;
    return r->error_status == 500 ? ACCESS_CAPACITY_EXCEEDED
                                  : access_refused(r->error_status); /* 500: no memory to look */
}
