/* cookie.h - server cookies that all nodes make alike: RFC 7873, and RFC 9018 section 4, version 1. Pure functions. */
#ifndef HEDGEROW_DNS_COOKIE_H
#define HEDGEROW_DNS_COOKIE_H

#include "node/dns/query.h"

#define DNS_COOKIE_SECRET_BYTES 16
#define DNS_COOKIE_SERVER_BYTES 16
#define DNS_COOKIE_LIFE_S       3600 /* so long one is good */
#define DNS_COOKIE_AHEAD_S      300  /* and another node's clock may be ahead of ours by so much */

/* dns_cookie_make: the server's cookie for |from|, whose own one is |client| (8 bytes). */
void dns_cookie_make(uint8_t out[DNS_COOKIE_SERVER_BYTES], const uint8_t *client, const struct mesh_addr *from,
                     int64_t wall_s, const uint8_t secret[DNS_COOKIE_SECRET_BYTES]);

/* dns_cookie_good: does |cookie|, as it came, have a server's part that one of us made for |from|, and lately? */
bool dns_cookie_good(struct slice cookie, const struct mesh_addr *from, int64_t wall_s,
                     const uint8_t secret[DNS_COOKIE_SECRET_BYTES]);

#endif
