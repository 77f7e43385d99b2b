/* proxy_status.h - one member of the Proxy-Status field (RFC 9209): what went wrong behind us. */
#ifndef HEDGEROW_HTTP_PROXY_STATUS_H
#define HEDGEROW_HTTP_PROXY_STATUS_H

#include "proto/base/buf.h"

/* The registered error types (RFC 9209 section 2.3). X(NAME, token) */
#define PROXY_ERRORS(X)                                                         \
    X(DNS_TIMEOUT, "dns_timeout")                                               \
    X(DNS_ERROR, "dns_error")                                                   \
    X(DESTINATION_NOT_FOUND, "destination_not_found")                           \
    X(DESTINATION_UNAVAILABLE, "destination_unavailable")                       \
    X(DESTINATION_IP_PROHIBITED, "destination_ip_prohibited")                   \
    X(DESTINATION_IP_UNROUTABLE, "destination_ip_unroutable")                   \
    X(CONNECTION_REFUSED, "connection_refused")                                 \
    X(CONNECTION_TERMINATED, "connection_terminated")                           \
    X(CONNECTION_TIMEOUT, "connection_timeout")                                 \
    X(CONNECTION_READ_TIMEOUT, "connection_read_timeout")                       \
    X(CONNECTION_WRITE_TIMEOUT, "connection_write_timeout")                     \
    X(CONNECTION_LIMIT_REACHED, "connection_limit_reached")                     \
    X(TLS_PROTOCOL_ERROR, "tls_protocol_error")                                 \
    X(TLS_CERTIFICATE_ERROR, "tls_certificate_error")                           \
    X(TLS_ALERT_RECEIVED, "tls_alert_received")                                 \
    X(HTTP_REQUEST_ERROR, "http_request_error")                                 \
    X(HTTP_REQUEST_DENIED, "http_request_denied")                               \
    X(HTTP_RESPONSE_INCOMPLETE, "http_response_incomplete")                     \
    X(HTTP_RESPONSE_HEADER_SECTION_SIZE, "http_response_header_section_size")   \
    X(HTTP_RESPONSE_HEADER_SIZE, "http_response_header_size")                   \
    X(HTTP_RESPONSE_BODY_SIZE, "http_response_body_size")                       \
    X(HTTP_RESPONSE_TRAILER_SECTION_SIZE, "http_response_trailer_section_size") \
    X(HTTP_RESPONSE_TRAILER_SIZE, "http_response_trailer_size")                 \
    X(HTTP_RESPONSE_TRANSFER_CODING, "http_response_transfer_coding")           \
    X(HTTP_RESPONSE_CONTENT_CODING, "http_response_content_coding")             \
    X(HTTP_RESPONSE_TIMEOUT, "http_response_timeout")                           \
    X(HTTP_UPGRADE_FAILED, "http_upgrade_failed")                               \
    X(HTTP_PROTOCOL_ERROR, "http_protocol_error")                               \
    X(PROXY_INTERNAL_RESPONSE, "proxy_internal_response")                       \
    X(PROXY_INTERNAL_ERROR, "proxy_internal_error")                             \
    X(PROXY_CONFIGURATION_ERROR, "proxy_configuration_error")                   \
    X(PROXY_LOOP_DETECTED, "proxy_loop_detected")

enum proxy_error {
    PROXY_OK, /* not said */
#define X(name, token) PROXY_##name,
    PROXY_ERRORS(X)
#undef X
        PROXY_ERRORS_N
};

/* proxy_error_token returns the registered token, "" for PROXY_OK. Static. */
const char *proxy_error_token(enum proxy_error e);

struct proxy_status {
    struct slice name; /* the intermediary's */
    enum proxy_error error;
    struct slice next_hop;    /* not said when empty */
    unsigned received_status; /* what the next hop answered, 0: not said */
    struct slice details;
};

/* proxy_status_put appends the member: `fra-1; error=connection_refused`. Name and next hop are
 * tokens where they can be, else strings; a byte that no string may hold is percent-encoded. */
void proxy_status_put(struct buf *out, const struct proxy_status *s);

#endif
