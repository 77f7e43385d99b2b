/* cause.h - why a fetch from an origin came to nothing: the one list. What is put into fetch.cause (engine.h) is one of
 * these; the viewer finds it in Proxy-Status (RFC 9209). Pure functions. */
#ifndef HEDGEROW_IO_CAUSE_H
#define HEDGEROW_IO_CAUSE_H

#include "node/http/proxy_status.h"
#include "node/tls/tls.h"

/* X(NAME, registered error of RFC 9209, word: as specific as we know it) */
#define CAUSES(X)                                                                          \
    X(DNS_ERROR, DNS_ERROR, "dns_error")                                                   \
    X(DNS_NO_ADDRESS, DNS_ERROR, "dns_no_address")                                         \
    X(DNS_TIMEOUT, DNS_TIMEOUT, "dns_timeout")                                             \
    X(REFUSED, CONNECTION_REFUSED, "connection_refused")                                   \
    X(UNROUTABLE, DESTINATION_IP_UNROUTABLE, "destination_ip_unroutable")                  \
    X(UNAVAILABLE, DESTINATION_UNAVAILABLE, "destination_unavailable")                     \
    X(CONNECT_TIMEOUT, CONNECTION_TIMEOUT, "connection_timeout")                           \
    X(FULL, CONNECTION_LIMIT_REACHED, "connection_limit_reached")                          \
    X(TERMINATED, CONNECTION_TERMINATED, "connection_terminated")                          \
    X(INCOMPLETE, HTTP_RESPONSE_INCOMPLETE, "http_response_incomplete")                    \
    X(READ_TIMEOUT, CONNECTION_READ_TIMEOUT, "connection_read_timeout")                    \
    X(WRITE_TIMEOUT, CONNECTION_WRITE_TIMEOUT, "connection_write_timeout")                 \
    X(WHOLE_TIMEOUT, HTTP_RESPONSE_TIMEOUT, "http_response_timeout")                       \
    X(MALFORMED, HTTP_PROTOCOL_ERROR, "http_protocol_error")                               \
    X(HEADER_SIZE, HTTP_RESPONSE_HEADER_SECTION_SIZE, "http_response_header_section_size") \
    X(INTERNAL, PROXY_INTERNAL_ERROR, "proxy_internal_error")                              \
    X(TLS_EXPIRED, TLS_CERTIFICATE_ERROR, "certificate_expired")                           \
    X(TLS_NOT_YET, TLS_CERTIFICATE_ERROR, "certificate_not_valid_yet")                     \
    X(TLS_ISSUER, TLS_CERTIFICATE_ERROR, "certificate_of_unknown_authority")               \
    X(TLS_SELF_SIGNED, TLS_CERTIFICATE_ERROR, "certificate_self_signed")                   \
    X(TLS_NAME, TLS_CERTIFICATE_ERROR, "certificate_for_another_name")                     \
    X(TLS_REVOKED, TLS_CERTIFICATE_ERROR, "certificate_revoked")                           \
    X(TLS_CERTIFICATE, TLS_CERTIFICATE_ERROR, "certificate_untrusted")                     \
    X(TLS_VERSION, TLS_PROTOCOL_ERROR, "tls_no_common_version")                            \
    X(TLS_REFUSED, TLS_ALERT_RECEIVED, "tls_alert_received")                               \
    X(TLS_PROTOCOL, TLS_PROTOCOL_ERROR, "tls_protocol_error")                              \
    X(TLS_TIMEOUT, CONNECTION_TIMEOUT, "tls_timeout")                                      \
    X(TLS_SETTINGS, PROXY_CONFIGURATION_ERROR, "tls_settings")                             \
    X(SIGNING, PROXY_CONFIGURATION_ERROR, "signing_keys")                                  \
    X(NOT_FOUND, DESTINATION_NOT_FOUND, "destination_not_found")                           \
    X(SECRET, PROXY_CONFIGURATION_ERROR, "origin_secret")

enum cause {
    CAUSE_NONE, /* not known */
#define X(name, error, word) CAUSE_##name,
    CAUSES(X)
#undef X
        CAUSES_N
};

enum proxy_error cause_error(enum cause c);

/* cause_word is never NULL, and no two causes have the same; "" for CAUSE_NONE. Static. */
const char *cause_word(enum cause c);

/* cause_details is the word where the registered error does not say as much, else NULL. */
const char *cause_details(enum cause c);

/* cause_of_errno: of a connection that could not be made. cause_of_tls: of one that is TLS_BROKEN. */
enum cause cause_of_errno(int error);
enum cause cause_of_tls(enum tls_fault fault);

#endif
