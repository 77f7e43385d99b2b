/* upstream_key.h - which origins share connections: those with the same key. Pure functions. */
#ifndef HEDGEROW_IO_UPSTREAM_KEY_H
#define HEDGEROW_IO_UPSTREAM_KEY_H

#include "node/dist/dist.h"
#include "proto/digest.h"

/* upstream_https: is |o| asked over TLS for a viewer that came so? */
bool upstream_https(const struct dist_origin *o, bool viewer_https);

/* upstream_port: where. */
uint16_t upstream_port(const struct dist_origin *o, bool https);

/* upstream_tls_name: whose certificate it has to be. */
struct slice upstream_tls_name(const struct dist_origin *o);

/* upstream_key is the digest of all that a connection to |o| depends on. The prefix, fields and timeouts of a request
 * are not among that. */
void upstream_key(struct digest *out, const struct dist_origin *o, bool https);

#endif
