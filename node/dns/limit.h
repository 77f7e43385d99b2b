/* limit.h - how many answers a network gets over UDP: token buckets for each /24 and /56, after response rate limiting
 * (Vixie, Schryver 2012). Whoever asks in another's name soon makes us send nothing there; the one whose name it is
 * still gets his answers, over TCP or with a cookie. One a thread; of fixed size.
 */
#ifndef HEDGEROW_DNS_LIMIT_H
#define HEDGEROW_DNS_LIMIT_H

#include "node/dns/dns.h"

#define DNS_LIMIT_RATE  200   /* answers a second, where nothing is said; twice as many at once */
#define DNS_LIMIT_SLOTS 16384 /* networks that are remembered; in a set of four the one asked by longest ago goes */

enum dns_verdict { DNS_PASS, DNS_SLIP /* say no more than: come over TCP */, DNS_DROP };

/* dns_limits_take counts an answer to |to|. Every second one that is too many is DNS_SLIP. */
enum dns_verdict dns_limits_take(struct dns_limits *l, const struct mesh_addr *to, mesh_ns now);

#endif
