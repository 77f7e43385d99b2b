/* records.h - the records of an answer: addresses, HTTPS, NS and SOA, written whole or not at all. */
#ifndef HEDGEROW_DNS_RECORDS_H
#define HEDGEROW_DNS_RECORDS_H

#include "node/dns/write.h"
#include "node/dns/zone.h"

#define DNS_ADDRS_MAX      4 /* of each family, in an answer */
#define DNS_ZONE_TTL_S     300
#define DNS_NEGATIVE_TTL_S 60

/* The edges an answer is made of, nearest first. */
struct dns_edges {
    const struct steer_edge *edges[STEER_PICKS];
    size_t n;
    uint32_t ttl_s;
};

/* Each returns whether it fit, with all of its RRset; if not, |w| is as it was. Of no records there is nothing to
 * write, and it fits. |owner| empty: the question's name. */
bool dns_write_addresses(struct dns_writer *w, struct slice owner, bool v4, const struct dns_edges *e);
bool dns_write_https(struct dns_writer *w, const struct dns_edges *e, bool alpn);
bool dns_write_ns(struct dns_writer *w, const struct dns_site *s);
bool dns_write_soa(struct dns_writer *w, const struct dns_site *s, struct slice zone, uint32_t ttl_s);
bool dns_write_hinfo(struct dns_writer *w); /* in place of all: RFC 8482 section 4.2 */

/* dns_write_glue writes the addresses of the name servers, as many of them as fit. */
void dns_write_glue(struct dns_writer *w, const struct dns_site *s);

/* dns_edge_ttl: that of an edge's own addresses. */
uint32_t dns_edge_ttl(const struct dns_site *s);

#endif
