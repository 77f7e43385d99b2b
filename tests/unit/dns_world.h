/* dns_world.h - a site with edges and distributions for tests of node/dns, queries for it, and what is answered. */
#ifndef HEDGEROW_TESTS_DNS_WORLD_H
#define HEDGEROW_TESTS_DNS_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/dist/dist_make.h"
#include "node/dns/dns.h"
#include "node/steer/view_impl.h"
#include "proto/base/err.h"
#include "tests/unit/dns_reader.h"

#define S(text) SLICE_LIT(text)
enum { A = 1, NS = 2, CNAME = 5, SOA = 6, MX = 15, TXT = 16, AAAA = 28, DS = 43, HTTPS = 65, AXFR = 252, ANY = 255 };

static const struct slice world_zones[] = { S("CDN.example."), S("example.com"), S("other.example") };
static const uint8_t world_secret[16] = "sixteen bytes...";

#define WORLD_EDGES 40
struct world {
    struct steer_edge edges[WORLD_EDGES];
    size_t edges_n;
    struct dist_set *set;
    struct steer_view *view;
    struct dns_site *site;
    struct dns_limits *limits;
    struct dns_places *places;
    struct dns_counters counters;
    struct dns_from from;
    uint8_t out[DNS_MESSAGE_MAX];
    size_t len;
    struct heard heard;
    char label[DIST_LABEL_BYTES + 1]; /* of distribution "a" */
};

#ifndef WORLD_CHOOSES
/* The choice, for tests of what is made of it: what was asked, and a choice by simple rules in the edges' order. The
 * choice itself has tests of its own; programs that define WORLD_CHOOSES have it as it is. */
static struct steer_ask world_ask;
static uint32_t world_ttl_s;
static uint8_t world_scope_bits;
static unsigned world_asks;

void __wrap_steer_choose(const struct steer_view *v, const struct steer_ask *ask, struct steer_choice *out);
void __wrap_steer_choose(const struct steer_view *v, const struct steer_ask *ask, struct steer_choice *out)
{
    world_ask = *ask;
    world_asks++;
    *out = (struct steer_choice){ .ttl_s = world_ttl_s, .scope_bits = world_scope_bits };
    for (size_t i = 0; i < v->edges_n && out->n < STEER_PICKS; i++) {
        const struct steer_edge *e = &v->edges[i];
        bool has = ask->family == STEER_ANY_FAMILY;
        for (size_t j = 0; j < e->facts.addrs_n; j++)
            has |= mesh_addr_is_v4(&e->facts.addrs[j]) == (ask->family == STEER_IPV4);
        if (e->alive && e->heard != 0 && e->facts.ready && !e->facts.draining && has)
            out->picks[out->n++].edge = (uint16_t)i;
    }
}
#endif

static inline struct mesh_addr world_ip(const char *ip)
{
    char text[80];
    struct mesh_addr a;

    snprintf(text, sizeof(text), strchr(ip, ':') != NULL ? "[%s]:53" : "%s:53", ip);
    assert_int_equal(mesh_addr_parse(slice_str(text), &a), 0);
    return a;
}

/* Three edges: fra-1 with two addresses of each kind, fra-2 with one of each, ams-1 with IPv4 alone. */
static inline void world_edges(struct world *w)
{
    static const char *const names[] = { "fra-1", "fra-2", "ams-1" };
    static const char *const addrs[3][4] = { { "192.0.2.1", "2001:db8::1", "192.0.2.101", "2001:db8::101" },
                                             { "192.0.2.2", "2001:db8::2" },
                                             { "192.0.2.3" } };

    w->edges_n = 3;
    for (size_t i = 0; i < w->edges_n; i++) {
        struct steer_edge *e = &w->edges[i];
        snprintf(e->name, sizeof(e->name), "%s", names[i]);
        snprintf(e->zone, sizeof(e->zone), "eu/%s", names[i]);
        e->id.bytes[0] = (uint8_t)i;
        e->alive = true;
        e->heard = SEC(99);
        e->facts = (struct steer_facts){ .ready = true, .http = 80, .https = 443, .dns = 53 };
        for (size_t j = 0; j < 4 && addrs[i][j] != NULL; j++)
            e->facts.addrs[e->facts.addrs_n++] = world_ip(addrs[i][j]);
    }
}

/* world_site: view and site anew, of what w->edges are now. */
static inline void world_site(struct world *w)
{
    dns_site_unref(w->site);
    steer_view_unref(w->view);
    w->view = steer_view_new(w->edges_n, 1, world_secret, SEC(100), 1);
    for (size_t i = 0; i < w->edges_n; i++)
        *steer_view_add_edge(w->view) = w->edges[i];
    steer_view_finish(w->view, SEC(10));
    assert_int_equal(dns_site_new(&w->site, world_zones, 3, w->set, w->view, 7), 0);
}

static struct dist_behaviour world_all = { .path = S("*") };

/* "a" has names in both zones, "off" is disabled; |any| adds one that answers any host. */
static inline struct dist_set *world_set(bool any)
{
    static const struct slice a[] = { S("www.cdn.example"), S("*.w.cdn.example"), S("x.y.z.cdn.example"),
                                      S("example.com"),     S("img.example.com"), S("elsewhere.example") };
    static const struct slice off[] = { S("off.cdn.example"), S("p.q.cdn.example") };
    static const struct slice left_out[] = { S("ap") };
    struct dist dists[] = { { .name = S("a"), .enabled = true, .hosts = a, .hosts_n = 6 },
                            { .name = S("off"), .hosts = off, .hosts_n = 2 },
                            { .name = S("z"), .enabled = true, .any_host = true } };

    dists[0].steering.regions = left_out;
    dists[0].steering.regions_n = 1;
    dists[0].steering.regions_not = true;
    for (size_t i = 0; i < 3; i++) {
        dists[i].behaviours = &world_all;
        dists[i].behaviours_n = 1;
    }
    return dist_set_of(dists, any ? 3 : 2);
}

static inline struct world *world_new(bool any)
{
    struct world *w = calloc(1, sizeof(*w));

#ifndef WORLD_CHOOSES
    world_ttl_s = 20;
    world_scope_bits = 24;
    world_asks = 0;
#endif
    w->set = world_set(any);
    world_edges(w);
    world_site(w);
    w->from = (struct dns_from){
        .addr = world_ip("198.51.100.7"), .now = SEC(100), .wall_s = 1700000000, .draw = 5, .secret = world_secret
    };
    dist_label(S("a"), w->label);
    return w;
}

static inline void world_free(struct world *w)
{
    dns_site_unref(w->site);
    dns_limits_free(w->limits);
    dist_set_unref(w->set);
    assert_int_equal(w->view->refs, 1); /* the site let go of it */
    steer_view_unref(w->view);
    free(w);
}

/* A query: its parts are added one by one, and the counts with them. */
static inline void query_begin(struct buf *b, unsigned flags)
{
    static const uint8_t rest[8];

    buf_add_u16(b, 0x1234);
    buf_add_u16(b, (uint16_t)flags);
    buf_add(b, rest, sizeof(rest));
}

static inline void query_count(struct buf *b, size_t section)
{
    uint8_t *p = b->data + 4 + 2 * section;

    be16_put(p, (uint16_t)(be16_get(p) + 1));
}

static inline void query_name(struct buf *b, const char *name)
{
    struct slice rest = slice_str(name), label;

    while (rest.len > 0 && slice_split(&rest, '.', &label)) {
        buf_add_u8(b, (uint8_t)label.len);
        buf_add_slice(b, label);
    }
    buf_add_u8(b, 0);
}

static inline void query_ask(struct buf *b, const char *name, unsigned type)
{
    query_name(b, name);
    buf_add_u16(b, (uint16_t)type);
    buf_add_u16(b, 1);
    query_count(b, 0);
}

/* An OPT with |options|, which begin with their codes. */
static inline void query_opt(struct buf *b, unsigned udp_bytes, uint32_t ttl, struct slice options)
{
    buf_add_u8(b, 0);
    buf_add_u16(b, 41);
    buf_add_u16(b, (uint16_t)udp_bytes);
    buf_add_u32(b, ttl);
    buf_add_u16(b, (uint16_t)options.len);
    buf_add_slice(b, options);
    query_count(b, 3);
}

/* world_say: |query| is answered, into w->out and w->heard; frees it. What it says as text, "" of nothing at all. */
static inline const char *world_say(struct world *w, struct buf *query)
{
    static char text[8192];
    struct buf b = BUF_EMPTY;
    uint8_t *exact = malloc(query->len > 0 ? query->len : 1); /* so that a sanitizer sees a byte too far */

    if (query->len > 0)
        memcpy(exact, query->data, query->len);
#ifndef WORLD_CHOOSES
    memset(&world_ask, 0, sizeof(world_ask));
#endif
    memset(w->out, 0xee, sizeof(w->out));
    w->len = dns_answer(w->site, w->places, w->limits, &w->counters, &w->from, slice_of(exact, query->len), w->out);
    free(exact);
    buf_free(query);
    text[0] = 0;
    if (w->len == 0)
        return text;
    if (!heard_text(&b, &w->heard, slice_of(w->out, w->len)))
        fail_msg("an answer that cannot be read: %.*s", SLICE_FMT(buf_slice(&b)));
    snprintf(text, sizeof(text), "%.*s", SLICE_FMT(buf_slice(&b)));
    buf_free(&b);
    return text;
}

static inline const char *world_get(struct world *w, const char *name, unsigned type)
{
    struct buf b = BUF_EMPTY;

    query_begin(&b, 0);
    query_ask(&b, name, type);
    return world_say(w, &b);
}

static inline const char *world_get_opt(struct world *w, const char *name, unsigned type, unsigned udp_bytes,
                                        struct slice options)
{
    struct buf b = BUF_EMPTY;

    query_begin(&b, 0);
    query_ask(&b, name, type);
    query_opt(&b, udp_bytes, 0, options);
    return world_say(w, &b);
}

#define SAYS(got, want) assert_string_equal(got, want)
#define CDN_SOA         "cdn.example. 60 SOA ns--ams-1.cdn.example. hostmaster.cdn.example. 7 600 120 86400 60\n"

#endif
