/* dns.h - authoritative DNS: an answer for each query, of what is served and of where its viewers are nearest to.
 * A pure function of the query, of who asks, and of an immutable site; only limits change (dns_limits, one a thread).
 *
 *   query --dns_query_read--> dns_query --dns_answer--> bytes, TC, or nothing at all
 *
 * RFC 1034, 1035 (messages), 2181 (TTLs, truncation), 2308 (negative answers), 4343 (case), 5936 and 8482 (AXFR and ANY
 * are not answered), 6891 (EDNS), 7766 (TCP), 7871 (client subnet), 7873 and 9018 (cookies), 8020, 9460 (HTTPS, SVCB).
 */
#ifndef HEDGEROW_DNS_DNS_H
#define HEDGEROW_DNS_DNS_H

#include "node/dist/dist.h"
#include "node/steer/choose.h"
#include "proto/base/buf.h"

#define DNS_MESSAGE_MAX 65535
#define DNS_UDP_MAX     1232 /* never more over UDP (DNS flag day 2020) */
/* Nor more than this to an address that has shown no cookie of ours, whatever size it says it takes: who asks in
 * another's name makes us send him so much for each query of at least 17 bytes (28 with EDNS), until limits end it. */
#define DNS_UNPROVEN_MAX  512
#define DNS_ZONES_MAX     32
#define DNS_ZONE_TEXT_MAX 190 /* so that the longest name in it, LABEL--EDGE.ZONE, is one */
#define DNS_NS_MAX        8

/* All that is answered from. Made on one thread, read on any; counted. */
struct dns_site {
    _Atomic uint32_t refs;
    struct slice zones[DNS_ZONES_MAX]; /* lower case, without a final dot; the first is the mesh's domain */
    size_t zones_n;
    struct dist_set *set;    /* a reference */
    struct steer_view *view; /* a reference */
    uint32_t serial;         /* of SOA: grows with what is served */
    uint32_t ttl_max_s;      /* 60 */
    bool https_alpn;         /* always said, also where it is just what clients suppose: "http/1.1" */
    char *memory;            /* of |zones| */
    uint16_t ns[DNS_NS_MAX]; /* edges of |view| that answer, in the order of their labels */
    size_t ns_n;
};

/* dns_site_new makes a site, held once by the caller. |zones| are copied, in lower case and without a final dot; |set|
 * and |view| are held besides by their callers. 0, or with |*out| as it was: MESH_E_MISSING (no zone), MESH_E_FULL
 * (more than DNS_ZONES_MAX), MESH_E_SYNTAX (a zone is no name of a host), MESH_E_RANGE (longer than DNS_ZONE_TEXT_MAX),
 * MESH_E_EXISTS (one twice), MESH_E_NOMEM. */
int dns_site_new(struct dns_site **out, const struct slice *zones, size_t n, struct dist_set *set,
                 struct steer_view *view, uint32_t serial);
struct dns_site *dns_site_ref(struct dns_site *s);
void dns_site_unref(struct dns_site *s); /* NULL is fine; any thread */

/* Where places are known by a file: of |a|, the country and, if |*located|, degrees times 10,000. */
struct dns_places {
    void *ctx;
    void (*find)(void *ctx, const struct mesh_addr *a, char country[3], bool *located, int32_t *lat_e4,
                 int32_t *lon_e4);
};

struct dns_limits; /* rates of answers to each network, and of what is refused: response rate limiting */
struct dns_limits *dns_limits_new(const uint8_t key[16], uint32_t answers_a_second); /* 0: 200 for each /24, /56 */
void dns_limits_free(struct dns_limits *l);

struct dns_from {
    struct mesh_addr addr;
    bool tcp; /* proven, and may have it all */
    mesh_ns now;
    int64_t wall_s;        /* for cookies */
    uint64_t draw;         /* random, for steer_ask.draw */
    const uint8_t *secret; /* 16 bytes, of cookies: the same on all nodes (RFC 9018 section 3) */
};

/* What is counted of it; X(name, help). */
#define DNS_COUNTERS(X)                                                 \
    X(queries, "DNS queries")                                           \
    X(answers, "of these, answered with records")                       \
    X(negative, "answered that there is no such name or type")          \
    X(refused, "refused: another zone, a transfer, or not a query")     \
    X(malformed, "malformed queries: FORMERR, or no answer at all")     \
    X(truncated, "answers cut short, so that the asker comes over TCP") \
    X(limited, "answers not sent: too many to that network")            \
    X(cookies_good, "queries with a good cookie")                       \
    X(cookies_bad, "queries with a bad or old one")                     \
    X(subnets, "queries that named the viewer's network")               \
    X(tcp, "queries over TCP")
struct dns_counters {
#define X(name, help) uint64_t name;
    DNS_COUNTERS(X)
#undef X
};

/* dns_answer writes the answer to |query| into |out|, DNS_MESSAGE_MAX bytes, and returns its length; 0: say nothing.
 * Never reads or writes outside, never allocates. |places| and |limits| may be NULL. */
size_t dns_answer(const struct dns_site *site, const struct dns_places *places, struct dns_limits *limits,
                  struct dns_counters *counters, const struct dns_from *from, struct slice query, uint8_t *out);

#endif
