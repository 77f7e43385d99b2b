#include "node/dns/limit.h"

#include <sodium.h>
#include <stdlib.h>

#include "proto/base/buf.h"

#define WAYS    4
#define SETS    (DNS_LIMIT_SLOTS / WAYS)
#define V4_BITS 24
#define V6_BITS 56

/* A bucket. Its tokens are in thousandths of an answer: a millisecond brings |rate| of them. */
struct slot {
    uint32_t tag; /* 0: nobody's */
    uint32_t at_ms;
    uint32_t tokens;
    bool slipped; /* the last one too many was */
};

struct dns_limits {
    uint8_t key[crypto_shorthash_KEYBYTES];
    uint32_t rate, full;
    struct slot slots[SETS][WAYS];
};

struct dns_limits *dns_limits_new(const uint8_t key[16], uint32_t answers_a_second)
{
    struct dns_limits *l = calloc(1, sizeof(*l));

    if (l == NULL)
        return NULL;
    memcpy(l->key, key, sizeof(l->key));
    l->rate = answers_a_second == 0 ? DNS_LIMIT_RATE : answers_a_second < 1000000 ? answers_a_second : 1000000;
    l->full = 2 * 1000 * l->rate;
    return l;
}

void dns_limits_free(struct dns_limits *l)
{
    free(l);
}

static uint64_t network_hash(const struct dns_limits *l, const struct mesh_addr *a)
{
    uint8_t hash[crypto_shorthash_BYTES];
    bool v4 = mesh_addr_is_v4(a);

    crypto_shorthash(hash, v4 ? a->ip + 12 : a->ip, (v4 ? V4_BITS : V6_BITS) / 8, l->key);
    return be64_get(hash);
}

/* That of |tag|, filled up for the time that went by; or a full one in place of the set's oldest. */
static struct slot *slot_of(const struct dns_limits *l, struct slot set[WAYS], uint32_t tag, uint32_t now_ms)
{
    struct slot *oldest = &set[0];

    for (struct slot *s = set; s < set + WAYS; s++) {
        uint32_t passed = now_ms - s->at_ms;
        if (s->tag == tag) {
            uint64_t tokens = s->tokens + (uint64_t)passed * l->rate;
            s->tokens = tokens < l->full ? (uint32_t)tokens : l->full;
            s->at_ms = now_ms;
            return s;
        }
        if (oldest->tag != 0 && (s->tag == 0 || passed > now_ms - oldest->at_ms))
            oldest = s;
    }
    *oldest = (struct slot){ .tag = tag, .at_ms = now_ms, .tokens = l->full };
    return oldest;
}

enum dns_verdict dns_limits_take(struct dns_limits *l, const struct mesh_addr *to, mesh_ns now)
{
    uint64_t hash = network_hash(l, to);
    struct slot *s = slot_of(l, l->slots[hash % SETS], (uint32_t)(hash >> 32) | 1, (uint32_t)(now / MS(1)));

    if (s->tokens >= 1000) {
        s->tokens -= 1000;
        return DNS_PASS;
    }
    s->slipped = !s->slipped;
    return s->slipped ? DNS_SLIP : DNS_DROP;
}
