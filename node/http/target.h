/* target.h - request targets and authorities (RFC 9112 section 3.2, RFC 3986). Used by the
 * request parser; authority_parse also fits the configured names of the viewers' hosts. */
#ifndef HEDGEROW_HTTP_TARGET_H
#define HEDGEROW_HTTP_TARGET_H

#include "node/http/parse.h"

/* target_parse reads |out->target| as |out->method| allows it: fills form, scheme, path,
 * query and, for absolute and authority form, authority, host and port. 0 or refused (400). */
int target_parse(struct http_request *out);

/* authority_parse reads host[:port]: a name of letters, digits, - . _ or an address in
 * brackets; no userinfo, no percent-encoding, at most 255 bytes. |*host| lends from |text|;
 * |*port| is 0 when there is none. False when malformed or empty. */
bool authority_parse(struct slice text, struct slice *host, uint16_t *port);

#endif
