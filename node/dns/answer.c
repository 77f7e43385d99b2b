/* The door: from a query's bytes to an answer's.
 *
 *   read -> is it too many? -> what is the name? -> whom is the viewer sent to? -> records, OPT
 */
#include "node/dns/cookie.h"
#include "node/dns/limit.h"
#include "node/dns/records.h"

#define V4_BITS_USED 24 /* of the viewer's network, whatever the resolver tells (RFC 7871 section 11.1) */
#define V6_BITS_USED 56

struct reply {
    const struct dns_site *site;
    const struct dns_places *places;
    struct dns_counters *counters;
    const struct dns_from *from;
    struct dns_query query;
    struct dns_writer w;
    unsigned flags;
    uint8_t scope_bits;
};

/* Who asks, so far as it may count. */
static void ask_of(struct steer_ask *ask, const struct reply *r, const struct dist *dist)
{
    const struct dist_steering *s = &dist->steering;
    const struct dns_query *q = &r->query;

    *ask = (struct steer_ask){ .client = r->from->addr,
                               .regions = s->regions,
                               .regions_n = s->regions_n,
                               .regions_not = s->regions_not,
                               .draw = r->from->draw };
    unsigned skip = mesh_addr_is_v4(&r->from->addr) ? 96 : 0;
    ask->client_bits = 128 - skip;
    if (q->has_subnet) {
        bool v4 = mesh_addr_is_v4(&q->network);
        unsigned most = v4 ? V4_BITS_USED : V6_BITS_USED;
        ask->client = q->network;
        ask->client.port = r->from->addr.port;
        ask->client_bits = q->network_bits < most ? q->network_bits : most;
        for (unsigned bit = (v4 ? 96 : 0) + ask->client_bits; bit < 128; bit += 8 - bit % 8)
            ask->client.ip[bit / 8] &= (uint8_t) ~(0xff >> bit % 8);
    }
    if (r->places != NULL && ask->client_bits > 0)
        r->places->find(r->places->ctx, &ask->client, ask->country, &ask->located, &ask->lat_e4, &ask->lon_e4);
}

/* Whom a viewer of |dist| is sent to. |ask| is asked again without its family where nobody has that: so is told
 * apart whether there is no address of this kind, or nobody at all. False: the latter. */
static bool choose(struct dns_edges *out, struct reply *r, const struct dist *dist, enum steer_family family)
{
    const struct dns_site *s = r->site;
    struct steer_choice c = { .n = 0 };
    struct steer_ask ask;

    ask_of(&ask, r, dist);
    ask.family = family;
    steer_choose(s->view, &ask, &c);
    out->n = c.n;
    out->ttl_s = c.ttl_s < s->ttl_max_s ? c.ttl_s : s->ttl_max_s;
    for (size_t i = 0; i < c.n; i++)
        out->edges[i] = &s->view->edges[c.picks[i].edge];
    r->scope_bits = r->query.has_subnet && r->query.network_bits > 0 ? c.scope_bits : 0;
    if (c.n > 0 || family == STEER_ANY_FAMILY)
        return c.n > 0;
    ask.family = STEER_ANY_FAMILY;
    steer_choose(s->view, &ask, &c);
    return c.n > 0;
}

static bool has_addresses(unsigned type)
{
    return type == DNS_A || type == DNS_AAAA || type == DNS_HTTPS;
}

/* Addresses of the name, or how to reach it by https. */
static enum dns_rcode write_edges(struct reply *r, const struct dns_place *place, bool *fits)
{
    struct dns_edges e = { .edges = { place->edge }, .n = 1, .ttl_s = dns_edge_ttl(r->site) };
    unsigned type = r->query.type;

    if (place->kind == DNS_SERVED && !choose(&e, r, place->dist,
                                             type == DNS_A      ? STEER_IPV4
                                             : type == DNS_AAAA ? STEER_IPV6
                                                                : STEER_ANY_FAMILY))
        return DNS_SERVFAIL;
    *fits = type == DNS_HTTPS ? dns_write_https(&r->w, &e, r->site->https_alpn)
                              : dns_write_addresses(&r->w, SLICE_EMPTY, type == DNS_A, &e);
    return DNS_NOERROR;
}

static enum dns_rcode write_records(struct reply *r, const struct dns_place *place, bool *fits)
{
    unsigned type = r->query.type;

    if (place->apex && type == DNS_SOA) {
        *fits = dns_write_soa(&r->w, r->site, place->zone, DNS_ZONE_TTL_S);
    } else if (place->apex && type == DNS_NS) {
        *fits = dns_write_ns(&r->w, r->site);
        r->w.section = DNS_ADDITIONAL;
        if (*fits)
            dns_write_glue(&r->w, r->site);
    } else if (type == DNS_ANY && (place->apex || place->kind != DNS_EMPTY)) {
        *fits = dns_write_hinfo(&r->w);
    } else if (has_addresses(type) && place->kind != DNS_EMPTY) {
        return write_edges(r, place, fits);
    }
    return DNS_NOERROR;
}

static enum dns_rcode write_answer(struct reply *r)
{
    const struct dns_query *q = &r->query;
    struct dns_place place;
    bool fits = true;

    if (q->class != DNS_IN || (q->type >= DNS_TKEY && q->type < DNS_ANY))
        return DNS_REFUSED;
    dns_place_of(&place, r->site, dns_name_slice(&q->name), q->type == DNS_DS);
    if (place.kind == DNS_OUTSIDE)
        return DNS_REFUSED;
    enum dns_rcode rcode = place.kind == DNS_NOTHING ? DNS_NXDOMAIN : write_records(r, &place, &fits);
    if (rcode == DNS_SERVFAIL)
        return rcode;
    r->flags |= DNS_AA;
    if (fits && r->w.counts[DNS_ANSWER] == 0) {
        r->w.section = DNS_AUTHORITY;
        fits = dns_write_soa(&r->w, r->site, place.zone, DNS_NEGATIVE_TTL_S); /* RFC 2308 section 3 */
    }
    if (!fits)
        r->flags |= DNS_TC;
    return rcode;
}

static size_t opt_bytes(const struct dns_query *q)
{
    if (!q->edns)
        return 0;
    return DNS_OPT_BYTES + (q->cookie.len > 0 ? 4 + DNS_COOKIE_CLIENT_BYTES + DNS_COOKIE_SERVER_BYTES : 0) +
           (q->has_subnet ? 4 + q->subnet.len : 0);
}

static void write_opt(struct reply *r, enum dns_rcode rcode)
{
    const struct dns_query *q = &r->query;
    struct dns_writer *w = &r->w;
    uint8_t server[DNS_COOKIE_SERVER_BYTES];

    if (!q->edns)
        return;
    dns_write_u8(w, 0);
    dns_write_u16(w, DNS_OPT);
    dns_write_u16(w, DNS_UDP_MAX);
    dns_write_u32(w, (uint32_t)rcode >> 4 << 24 | (q->dnssec_ok ? DNS_DO : 0));
    dns_write_u16(w, (unsigned)opt_bytes(q) - DNS_OPT_BYTES);
    if (q->cookie.len > 0) {
        dns_cookie_make(server, q->cookie.data, &r->from->addr, r->from->wall_s, r->from->secret);
        dns_write_u16(w, DNS_OPTION_COOKIE);
        dns_write_u16(w, DNS_COOKIE_CLIENT_BYTES + sizeof(server));
        dns_write_bytes(w, q->cookie.data, DNS_COOKIE_CLIENT_BYTES);
        dns_write_bytes(w, server, sizeof(server));
    }
    if (q->has_subnet) {
        dns_write_u16(w, DNS_OPTION_SUBNET);
        dns_write_u16(w, (unsigned)q->subnet.len);
        dns_write_bytes(w, q->subnet.data, 3);
        dns_write_u8(w, r->scope_bits);
        dns_write_bytes(w, q->subnet.data + 4, q->subnet.len - 4);
    }
    w->counts[DNS_ADDITIONAL]++;
}

static size_t limit_of(const struct dns_query *q, bool tcp, bool proven)
{
    size_t most = proven ? DNS_UDP_MAX : DNS_UNPROVEN_MAX;

    if (tcp)
        return DNS_MESSAGE_MAX;
    if (!q->edns || q->udp_bytes < 512)
        return 512;
    return q->udp_bytes < most ? q->udp_bytes : most;
}

/* Whether the address is who it says: TCP has shown it, or a cookie that it had from us. */
static bool is_proven(const struct reply *r)
{
    bool good = false;

    if (r->query.cookie.len > DNS_COOKIE_CLIENT_BYTES) {
        good = dns_cookie_good(r->query.cookie, &r->from->addr, r->from->wall_s, r->from->secret);
        if (good)
            r->counters->cookies_good++;
        else
            r->counters->cookies_bad++;
    }
    return good || r->from->tcp;
}

static void count(struct reply *r, enum dns_rcode rcode)
{
    struct dns_counters *c = r->counters;

    if (rcode == DNS_FORMERR)
        c->malformed++;
    else if (rcode != DNS_NOERROR && rcode != DNS_NXDOMAIN && rcode != DNS_SERVFAIL && rcode != DNS_BADCOOKIE)
        c->refused++;
    else if ((r->flags & DNS_TC) != 0 || rcode == DNS_BADCOOKIE)
        c->truncated++;
    else if (r->w.counts[DNS_ANSWER] > 0)
        c->answers++;
    else if (r->w.counts[DNS_AUTHORITY] > 0)
        c->negative++;
}

size_t dns_answer(const struct dns_site *site, const struct dns_places *places, struct dns_limits *limits,
                  struct dns_counters *counters, const struct dns_from *from, struct slice query, uint8_t *out)
{
    struct reply r = { .site = site, .places = places, .counters = counters, .from = from, .flags = DNS_QR };
    enum dns_verdict verdict = DNS_PASS;
    int read = dns_query_read(&r.query, query);

    counters->queries++;
    counters->tcp += from->tcp;
    if (read == DNS_SILENCE) {
        counters->malformed++;
        return 0;
    }
    counters->subnets += r.query.has_subnet;
    bool proven = is_proven(&r);
    if (!proven && limits != NULL)
        verdict = dns_limits_take(limits, &from->addr, from->now);
    if (verdict == DNS_DROP) {
        counters->limited++;
        return 0;
    }
    size_t limit = limit_of(&r.query, from->tcp, proven);
    enum dns_rcode rcode = (enum dns_rcode)read;
    dns_write_start(&r.w, out, limit - opt_bytes(&r.query), &r.query);
    r.flags |= r.query.flags & (0xf << 11 | DNS_RD | DNS_CD);
    if (rcode == DNS_NOERROR && verdict == DNS_SLIP && r.query.cookie.len > 0)
        rcode = DNS_BADCOOKIE; /* that brings a good one, with which it may ask as often as it likes */
    else if (rcode == DNS_NOERROR && verdict == DNS_SLIP)
        r.flags |= DNS_TC;
    else if (rcode == DNS_NOERROR && r.query.asked)
        rcode = write_answer(&r);
    r.w.limit = limit;
    write_opt(&r, rcode);
    count(&r, rcode);
    return dns_write_finish(&r.w, r.flags, rcode);
}
