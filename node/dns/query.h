/* query.h - a query, read strictly: what two readers could read differently is FORMERR. RFC 1035 section 4, RFC 6891
 * section 6, RFC 7871 section 6, RFC 7873 section 5. A pure function. */
#ifndef HEDGEROW_DNS_QUERY_H
#define HEDGEROW_DNS_QUERY_H

#include "node/dns/names.h"
#include "node/dns/wire.h"
#include "proto/base/addr.h"

#define DNS_COOKIE_CLIENT_BYTES 8
#define DNS_COOKIE_MAX          40

struct dns_query {
    uint16_t id, flags;
    bool asked;            /* there is a question: */
    struct slice question; /* as sent, lent: name, type and class */
    struct dns_name name;
    uint16_t type, class;
    bool edns; /* there is an OPT: */
    uint8_t version;
    bool dnssec_ok;
    uint16_t udp_bytes;
    struct slice cookie; /* of the first COOKIE, lent: the client's 8 bytes, or with a server's behind; empty: none */
    bool has_subnet;     /* the viewer's network: */
    struct slice subnet; /* the option as sent, lent */
    struct mesh_addr network;
    uint8_t network_bits; /* 0: nothing of the viewer is to be used */
};

/* dns_query_read returns DNS_NOERROR, or with what code to answer: DNS_FORMERR, DNS_NOTIMP, DNS_NOTAUTH (signed: no key
 * is known here), DNS_BADVERS; what could be read before is in |out| also then. DNS_SILENCE: no query. All is lent from
 * |message|. */
#define DNS_SILENCE (-1)
int dns_query_read(struct dns_query *out, struct slice message);

#endif
