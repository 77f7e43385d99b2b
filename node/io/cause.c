#include "node/io/cause.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

enum proxy_error cause_error(enum cause c)
{
    static const enum proxy_error errors[] = { [CAUSE_NONE] = PROXY_OK,
#define X(name, error, word) [CAUSE_##name] = PROXY_##error,
                                               CAUSES(X)
#undef X
    };

    assert(c < CAUSES_N);
    return errors[c];
}

const char *cause_word(enum cause c)
{
    static const char *const words[] = { [CAUSE_NONE] = "",
#define X(name, error, word) [CAUSE_##name] = (word),
                                         CAUSES(X)
#undef X
    };

    assert(c < CAUSES_N);
    return words[c];
}

const char *cause_details(enum cause c)
{
    const char *word = cause_word(c);

    return strcmp(word, proxy_error_token(cause_error(c))) == 0 ? NULL : word;
}

enum cause cause_of_errno(int error)
{
    switch (error) {
    case ECONNREFUSED: return CAUSE_REFUSED;
    case ETIMEDOUT: return CAUSE_CONNECT_TIMEOUT;
    case EHOSTUNREACH:
    case ENETUNREACH: return CAUSE_UNROUTABLE;
    case EMFILE:
    case ENFILE: return CAUSE_FULL; /* our own */
    default: return CAUSE_UNAVAILABLE;
    }
}

enum cause cause_of_tls(enum tls_fault fault)
{
    switch (fault) {
    case TLS_FAULT_NONE: return CAUSE_TERMINATED;
    case TLS_FAULT_EXPIRED: return CAUSE_TLS_EXPIRED;
    case TLS_FAULT_NOT_YET: return CAUSE_TLS_NOT_YET;
    case TLS_FAULT_ISSUER: return CAUSE_TLS_ISSUER;
    case TLS_FAULT_SELF_SIGNED: return CAUSE_TLS_SELF_SIGNED;
    case TLS_FAULT_NAME: return CAUSE_TLS_NAME;
    case TLS_FAULT_REVOKED: return CAUSE_TLS_REVOKED;
    case TLS_FAULT_CERTIFICATE: return CAUSE_TLS_CERTIFICATE;
    case TLS_FAULT_VERSION: return CAUSE_TLS_VERSION;
    case TLS_FAULT_REFUSED: return CAUSE_TLS_REFUSED;
    case TLS_FAULT_PROTOCOL: return CAUSE_TLS_PROTOCOL;
    case TLS_FAULT_NOMEM: return CAUSE_INTERNAL;
    }
    return CAUSE_TLS_PROTOCOL;
}
