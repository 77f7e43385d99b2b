/* network.h - an address or a network in CIDR form (RFC 4632, RFC 4291 section 2.3). Pure functions. */
#ifndef HEDGEROW_SIGNED_NETWORK_H
#define HEDGEROW_SIGNED_NETWORK_H

#include "proto/base/addr.h"

struct network {
    uint8_t ip[16];
    uint8_t bits; /* of these 16 bytes: an IPv4 network has 96 more than its text says */
};

/* network_read reads "192.0.2.0/24", "2001:db8::/32" or an address alone. 0 or MESH_E_SYNTAX. */
int network_read(struct network *out, struct slice text);

bool network_has(const struct network *n, const struct mesh_addr *address);

#endif
