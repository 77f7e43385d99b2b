#include "node/dns/records.h"

#define SOA_REFRESH_S 600 /* nobody has a copy, so the three say what a secondary would be told anywhere */
#define SOA_RETRY_S   120
#define SOA_EXPIRE_S  86400
#define EDGE_TTL_S    30

/* SvcParamKeys, in the order in which they have to stand (RFC 9460 sections 2.2 and 14.3.2). */
enum svc_param { SVC_ALPN = 1, SVC_PORT = 3, SVC_IPV4HINT = 4, SVC_IPV6HINT = 6 };

struct addrs {
    const struct mesh_addr *addrs[DNS_ADDRS_MAX];
    size_t n;
};

static bool same_ip(const struct mesh_addr *a, const struct mesh_addr *b)
{
    return memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}

/* An RRset has no record twice (RFC 2181 section 5). */
static void add_addr(struct addrs *out, const struct mesh_addr *a)
{
    for (size_t i = 0; i < out->n; i++) {
        if (same_ip(out->addrs[i], a))
            return;
    }
    if (out->n < DNS_ADDRS_MAX)
        out->addrs[out->n++] = a;
}

/* The first address of each edge, then what further ones they have. |port|: of edges that serve https there; 0: of all.
 */
static void gather(struct addrs *out, const struct dns_edges *e, bool v4, uint16_t port)
{
    out->n = 0;
    for (size_t round = 0; round < STEER_ADDRS_MAX; round++) {
        for (size_t i = 0; i < e->n; i++) {
            const struct steer_facts *f = &e->edges[i]->facts;
            size_t nth = 0;
            if (port != 0 && f->https != port)
                continue;
            for (size_t j = 0; j < f->addrs_n; j++) {
                if (mesh_addr_is_v4(&f->addrs[j]) == v4 && nth++ == round)
                    add_addr(out, &f->addrs[j]);
            }
        }
    }
}

static struct slice ip_of(const struct mesh_addr *a, bool v4)
{
    return v4 ? slice_of(a->ip + 12, 4) : SLICE_OF(a->ip);
}

/* Ends an RRset: it is there as a whole, or nothing of it. */
static bool done(struct dns_writer *w, const struct dns_mark *before)
{
    if (!w->full)
        return true;
    dns_write_back(w, before);
    return false;
}

bool dns_write_addresses(struct dns_writer *w, struct slice owner, bool v4, const struct dns_edges *e)
{
    struct dns_mark before = dns_write_mark(w);
    struct addrs all;

    gather(&all, e, v4, 0);
    for (size_t i = 0; i < all.n; i++) {
        struct slice ip = ip_of(all.addrs[i], v4);
        size_t record = dns_write_record(w, owner, v4 ? DNS_A : DNS_AAAA, e->ttl_s);
        dns_write_bytes(w, ip.data, ip.len);
        dns_write_end(w, record);
    }
    return done(w, &before);
}

static void write_hints(struct dns_writer *w, enum svc_param key, bool v4, const struct addrs *a)
{
    if (a->n == 0)
        return;
    dns_write_u16(w, key);
    dns_write_u16(w, (unsigned)(a->n * (v4 ? 4 : 16)));
    for (size_t i = 0; i < a->n; i++) {
        struct slice ip = ip_of(a->addrs[i], v4);
        dns_write_bytes(w, ip.data, ip.len);
    }
}

/* ServiceMode, at this very name. */
static bool write_https(struct dns_writer *w, const struct dns_edges *e, uint16_t port, bool alpn, bool hints)
{
    static const uint8_t protocols[] = "\x08http/1.1";
    struct dns_mark before = dns_write_mark(w);
    size_t record = dns_write_record(w, SLICE_EMPTY, DNS_HTTPS, e->ttl_s);
    struct addrs v4 = { .n = 0 }, v6 = { .n = 0 };

    dns_write_u16(w, 1);
    dns_write_u8(w, 0);
    if (alpn) {
        dns_write_u16(w, SVC_ALPN);
        dns_write_u16(w, sizeof(protocols) - 1);
        dns_write_bytes(w, protocols, sizeof(protocols) - 1);
    }
    if (port != 443) {
        dns_write_u16(w, SVC_PORT);
        dns_write_u16(w, 2);
        dns_write_u16(w, port);
    }
    if (hints) {
        gather(&v4, e, true, port);
        gather(&v6, e, false, port);
    }
    write_hints(w, SVC_IPV4HINT, true, &v4);
    write_hints(w, SVC_IPV6HINT, false, &v6);
    dns_write_end(w, record);
    return done(w, &before);
}

bool dns_write_https(struct dns_writer *w, const struct dns_edges *e, bool alpn)
{
    for (size_t i = 0; i < e->n; i++) {
        uint16_t port = e->edges[i]->facts.https;
        if (port != 0)
            return write_https(w, e, port, alpn, true) || write_https(w, e, port, alpn, false);
    }
    return true;
}

bool dns_write_ns(struct dns_writer *w, const struct dns_site *s)
{
    struct dns_mark before = dns_write_mark(w);
    struct dns_name name;

    for (size_t i = 0; i < s->ns_n; i++) {
        size_t record = dns_write_record(w, SLICE_EMPTY, DNS_NS, DNS_ZONE_TTL_S);
        dns_write_name(w, dns_ns_name(s, i, &name));
        dns_write_end(w, record);
    }
    return done(w, &before);
}

void dns_write_glue(struct dns_writer *w, const struct dns_site *s)
{
    struct dns_name name;

    for (size_t i = 0; i < s->ns_n; i++) {
        struct dns_edges e = { .edges = { &s->view->edges[s->ns[i]] }, .n = 1, .ttl_s = dns_edge_ttl(s) };
        dns_ns_name(s, i, &name);
        if (!dns_write_addresses(w, dns_name_slice(&name), true, &e) ||
            !dns_write_addresses(w, dns_name_slice(&name), false, &e))
            return;
    }
}

uint32_t dns_edge_ttl(const struct dns_site *s)
{
    return s->ttl_max_s < EDGE_TTL_S ? s->ttl_max_s : EDGE_TTL_S;
}

bool dns_write_soa(struct dns_writer *w, const struct dns_site *s, struct slice zone, uint32_t ttl_s)
{
    struct dns_mark before = dns_write_mark(w);
    size_t record = dns_write_record(w, zone, DNS_SOA, ttl_s);
    struct dns_name name;
    struct slice host = SLICE_LIT("hostmaster.");

    dns_write_name(w, s->ns_n > 0 ? dns_ns_name(s, 0, &name) : s->zones[0]);
    memcpy(name.text, host.data, host.len);
    memcpy(name.text + host.len, s->zones[0].data, s->zones[0].len);
    name.len = (uint8_t)(host.len + s->zones[0].len);
    dns_write_name(w, dns_name_slice(&name));
    dns_write_u32(w, s->serial);
    dns_write_u32(w, SOA_REFRESH_S);
    dns_write_u32(w, SOA_RETRY_S);
    dns_write_u32(w, SOA_EXPIRE_S);
    dns_write_u32(w, DNS_NEGATIVE_TTL_S);
    dns_write_end(w, record);
    return done(w, &before);
}

bool dns_write_hinfo(struct dns_writer *w)
{
    static const uint8_t data[] = "\x07RFC8482"; /* the second string is empty: its length is the final zero */
    struct dns_mark before = dns_write_mark(w);
    size_t record = dns_write_record(w, SLICE_EMPTY, DNS_HINFO, DNS_ZONE_TTL_S);

    dns_write_bytes(w, data, sizeof(data));
    dns_write_end(w, record);
    return done(w, &before);
}
