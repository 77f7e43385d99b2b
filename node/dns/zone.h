/* zone.h - what a name is to a site: nobody's, one that is not there, one without addresses, one that is served by
 * whoever is nearest, or an edge's own. Pure functions. */
#ifndef HEDGEROW_DNS_ZONE_H
#define HEDGEROW_DNS_ZONE_H

#include "node/dns/dns.h"
#include "node/dns/names.h"

enum dns_kind {
    DNS_OUTSIDE, /* of our zones */
    DNS_NOTHING, /* and nothing below it (RFC 8020) */
    DNS_EMPTY,   /* it is there, and has no addresses */
    DNS_SERVED,  /* viewers are sent to the nearest edge */
    DNS_OF_EDGE  /* its addresses, whoever is nearer */
};

struct dns_place {
    enum dns_kind kind;
    bool apex;                     /* the zone's own name */
    struct slice zone;             /* lent by the site */
    const struct steer_edge *edge; /* of DNS_OF_EDGE; lent by the view */
    const struct dist *dist;       /* of DNS_SERVED: whose viewers they are; lent by the set */
};

/* dns_place_of: |parent_side|: of a name that is a zone, what the zone above it says (RFC 4035 section 3.1.4.1: DS). */
void dns_place_of(struct dns_place *out, const struct dns_site *s, struct slice name, bool parent_side);

/* dns_ns_name writes the name of name server |n| of the site's and returns it. */
struct slice dns_ns_name(const struct dns_site *s, size_t n, struct dns_name *out);

#endif
