#include "node/dns/cookie.h"

#include <sodium.h>

#include "proto/base/buf.h"

#define VERSION     1
#define FIXED_BYTES 8 /* version, three reserved bytes, time */
#define HASH_BYTES  8

_Static_assert(HASH_BYTES == crypto_shorthash_BYTES, "SipHash-2-4");
_Static_assert(DNS_COOKIE_SECRET_BYTES == crypto_shorthash_KEYBYTES, "SipHash-2-4");
_Static_assert(DNS_COOKIE_SERVER_BYTES == FIXED_BYTES + HASH_BYTES, "RFC 9018 section 4");

/* Of the client's cookie, what is said in front of the hash, and the client's address. */
static void hash(uint8_t out[HASH_BYTES], const uint8_t *client, const uint8_t *fixed, const struct mesh_addr *from,
                 const uint8_t *secret)
{
    uint8_t text[DNS_COOKIE_CLIENT_BYTES + FIXED_BYTES + sizeof(from->ip)];
    size_t skip = mesh_addr_is_v4(from) ? 12 : 0, len = sizeof(from->ip) - skip;

    memcpy(text, client, DNS_COOKIE_CLIENT_BYTES);
    memcpy(text + DNS_COOKIE_CLIENT_BYTES, fixed, FIXED_BYTES);
    memcpy(text + DNS_COOKIE_CLIENT_BYTES + FIXED_BYTES, from->ip + skip, len);
    crypto_shorthash(out, text, DNS_COOKIE_CLIENT_BYTES + FIXED_BYTES + len, secret);
}

void dns_cookie_make(uint8_t out[DNS_COOKIE_SERVER_BYTES], const uint8_t *client, const struct mesh_addr *from,
                     int64_t wall_s, const uint8_t secret[DNS_COOKIE_SECRET_BYTES])
{
    memset(out, 0, FIXED_BYTES);
    out[0] = VERSION;
    be32_put(out + 4, (uint32_t)wall_s);
    hash(out + FIXED_BYTES, client, out, from, secret);
}

bool dns_cookie_good(struct slice cookie, const struct mesh_addr *from, int64_t wall_s,
                     const uint8_t secret[DNS_COOKIE_SECRET_BYTES])
{
    uint8_t want[HASH_BYTES];
    const uint8_t *server = cookie.data + DNS_COOKIE_CLIENT_BYTES;

    if (cookie.len != DNS_COOKIE_CLIENT_BYTES + DNS_COOKIE_SERVER_BYTES || server[0] != VERSION)
        return false;
    uint32_t age = (uint32_t)wall_s - be32_get(server + 4); /* RFC 1982: the seconds may wrap */
    if (age > DNS_COOKIE_LIFE_S && age < -(uint32_t)DNS_COOKIE_AHEAD_S)
        return false;
    hash(want, cookie.data, server, from, secret); /* the reserved bytes count as they came */
    return sodium_memcmp(want, server + FIXED_BYTES, HASH_BYTES) == 0;
}
