/* dns_server.h - DNS over UDP and TCP (RFC 1035 section 4.2, RFC 7766): threads of their own, each with a loop, a
 * datagram socket and a listening socket for each address, its limits and its counters. What they answer from is a site
 * (node/dns/dns.h) that worker 0 publishes; they share nothing else.
 *
 *   worker 0 --dns_server_publish--> site --each batch looks whether there is a newer one--> dns_answer
 *
 * Bounded: no memory is taken for a query over UDP; of TCP there are DNS_CONNECTIONS_MAX connections, each with one
 * query of DNS_TCP_QUERY_MAX that is not whole yet and DNS_TCP_UNSENT_MAX of answers, and one answer more. */
#ifndef HEDGEROW_IO_DNS_SERVER_H
#define HEDGEROW_IO_DNS_SERVER_H

#include "node/dns/dns.h"
#include "node/io/country_file.h"

#define DNS_LISTEN_MAX      4
#define DNS_THREADS_MAX     16
#define DNS_SECRET_BYTES    16
#define DNS_CONNECTIONS_MAX 256
#define DNS_TCP_QUERY_MAX   4096
#define DNS_TCP_UNSENT_MAX  65536
#define DNS_TCP_IDLE        SEC(10) /* from one whole query to the next, and for taking what was answered */

struct dns_server;

struct dns_server_config {
    struct mesh_addr addrs[DNS_LISTEN_MAX];
    size_t addrs_n;
    unsigned threads; /* 1 to DNS_THREADS_MAX */
    uint32_t rate;    /* answers a second to a network; 0: as many as are asked for */
    uint8_t secret[DNS_SECRET_BYTES];
    struct country_file *places; /* NULL: none; lent for life */
};

/* dns_server_open binds |cfg|'s addresses, whose ports are then set where they were 0: UDP and TCP have the same. NULL:
 * errno says why, and |*failed| which address it was, or -1: there is no memory. dns_server_start lets the threads
 * begin; what comes before they have a site is not answered. 0 or an errno. dns_server_free ends all; NULL is fine. */
struct dns_server *dns_server_open(struct dns_server_config *cfg, int *failed);
int dns_server_start(struct dns_server *s);
void dns_server_free(struct dns_server *s);

/* dns_server_publish: from their next batch on threads answer from |site|, of which a reference is taken. */
void dns_server_publish(struct dns_server *s, struct dns_site *site);

/* What is counted besides what dns_answer does; X(name, help). */
#define DNS_SERVER_COUNTERS(X)                                                         \
    X(dropped, "datagrams not read: longer than any query, or nothing to answer from") \
    X(unsent, "answers that the kernel did not take")                                  \
    X(connections, "TCP connections accepted")                                         \
    X(cut, "TCP connections closed by us: idle, slow, malformed, or for want of room")
struct dns_server_counters {
    struct dns_counters answer;
#define X(name, help) uint64_t name;
    DNS_SERVER_COUNTERS(X)
#undef X
};

/* dns_server_counters: what all threads have counted, as of a moment ago. Any thread. */
void dns_server_counters(const struct dns_server *s, struct dns_server_counters *out);

#endif
