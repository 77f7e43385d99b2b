/* bench_dns - what an answer costs, from the query's bytes to the answer's, on one core, by kind; medians of CPU time.
 * 1,000 edges, 10,000 hosts, no figures of viewers: what a choice by those costs is in the choice's own benchmark.
 * Usage: bench_dns [rounds] */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "node/dist/dist_make.h"
#include "node/dns/dns.h"
#include "node/steer/view_impl.h"
#include "proto/digest.h"

#define ROUNDS_MAX 101
#define ANSWERS    2000
#define EDGES      1000
#define HOSTS      10000
#define S(text)    SLICE_LIT(text)

static const uint8_t secret[16] = "sixteen bytes...";
static struct dist_behaviour all = { .path = S("*") };
static struct dns_limits *limits;
static uint8_t out[DNS_MESSAGE_MAX];

static double cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static struct steer_view *make_view(void)
{
    struct steer_view *v = steer_view_new(EDGES, 1, secret, SEC(100), 1);

    for (unsigned i = 0; v != NULL && i < EDGES; i++) {
        struct steer_edge *e = steer_view_add_edge(v);
        snprintf(e->name, sizeof(e->name), "edge-%u", i);
        snprintf(e->zone, sizeof(e->zone), "eu/%u", i % 3);
        e->id.bytes[0] = (uint8_t)i;
        e->id.bytes[1] = (uint8_t)(i >> 8);
        e->alive = true;
        e->heard = SEC(99);
        e->facts = (struct steer_facts){ .ready = true, .http = 80, .https = 443, .dns = 53, .addrs_n = 2 };
        e->facts.addrs[0] = mesh_addr_v4(0xc0000201 + i, 1);
        e->facts.addrs[1].ip[0] = 0x20;
        be16_put(e->facts.addrs[1].ip + 14, (uint16_t)(i + 1));
    }
    if (v != NULL)
        steer_view_finish(v, SEC(10));
    return v;
}

static struct dns_site *make_site(void)
{
    static char names[HOSTS][32];
    static struct slice hosts[HOSTS];
    struct slice zones[] = { S("cdn.example"), S("example.com") };
    struct dist d = { .name = S("a"),
                      .enabled = true,
                      .any_host = true,
                      .hosts = hosts,
                      .hosts_n = HOSTS,
                      .behaviours = &all,
                      .behaviours_n = 1 };
    struct dns_site *site = NULL;

    for (unsigned i = 0; i < HOSTS; i++) {
        snprintf(names[i], sizeof(names[i]), "www.host-%u.example.com", i);
        hosts[i] = slice_str(names[i]);
    }
    struct dist_set *set = dist_set_of(&d, 1);
    struct steer_view *view = make_view();
    if (set == NULL || view == NULL || dns_site_new(&site, zones, 2, set, view, 1) != 0)
        abort();
    dist_set_unref(set);
    steer_view_unref(view);
    return site;
}

static void ask(struct buf *b, const char *name, unsigned type, struct slice options)
{
    struct slice rest = slice_str(name), label;

    buf_add(b, "\x12\x34\1\0\0\1\0\0\0\0\0\1", 12);
    while (rest.len > 0 && slice_split(&rest, '.', &label)) {
        buf_add_u8(b, (uint8_t)label.len);
        buf_add_slice(b, label);
    }
    buf_add_u8(b, 0);
    buf_add_u32(b, type << 16 | 1);
    buf_add(b, "\0\0\x29\x04\xd0\0\0\0\0", 9);
    buf_add_u16(b, (uint16_t)options.len);
    buf_add_slice(b, options);
}

static void measure(const char *what, const struct dns_site *site, const char *name, unsigned type,
                    struct slice options, unsigned rounds)
{
    struct dns_from from = { .addr = mesh_addr_v4(0xc6336407, 53), .wall_s = 1700000000, .secret = secret };
    struct dns_counters counters = { .queries = 0 };
    struct buf query = BUF_EMPTY;
    double took[ROUNDS_MAX];
    size_t len = 0;

    ask(&query, name, type, options);
    for (unsigned r = 0; r < rounds; r++) {
        double before = cpu_ns();
        for (unsigned i = 0; i < ANSWERS; i++) {
            from.now += MS(1);
            from.draw = i;
            len = dns_answer(site, NULL, limits, &counters, &from, buf_slice(&query), out);
        }
        took[r] = (cpu_ns() - before) / ANSWERS;
    }
    qsort(took, rounds, sizeof(took[0]), by_value);
    printf("%-44s %7.0f ns %5zu B asked %5zu B said\n", what, took[rounds / 2], query.len, len);
    buf_free(&query);
}

int main(int argc, char **argv)
{
    unsigned rounds = argc > 1 ? (unsigned)atoi(argv[1]) : 31;
    struct slice subnet = S("\0\x08\0\x07\0\1\x18\0\xcb\0\x71"), cookie = S("\0\x0a\0\x08"
                                                                            "client..");

    if (rounds < 1 || rounds > ROUNDS_MAX || crypto_start() != 0)
        return 2;
    struct dns_site *site = make_site();
    limits = dns_limits_new(secret, 1000000);
    measure("an edge's own address, A", site, "ns--edge-77.cdn.example", 1, SLICE_EMPTY, rounds);
    measure("... with a cookie to be made", site, "ns--edge-77.cdn.example", 1, cookie, rounds);
    measure("... with the viewer's network", site, "ns--edge-77.cdn.example", 1, subnet, rounds);
    measure("an edge's own HTTPS", site, "ns--edge-77.cdn.example", 65, SLICE_EMPTY, rounds);
    measure("no such name", site, "nosuch.cdn.example", 1, SLICE_EMPTY, rounds);
    measure("no such type", site, "www.host-1234.example.com", 16, SLICE_EMPTY, rounds);
    measure("ANY", site, "www.host-1234.example.com", 255, SLICE_EMPTY, rounds);
    measure("NS with glue", site, "cdn.example", 2, SLICE_EMPTY, rounds);
    measure("refused: not of our zones", site, "nowhere.test", 1, SLICE_EMPTY, rounds);
    measure("the nearest of 1,000 edges, A", site, "www.host-1234.example.com", 1, SLICE_EMPTY, rounds);
    measure("... HTTPS, with the viewer's network", site, "www.host-1234.example.com", 65, subnet, rounds);
    dns_site_unref(site);
    dns_limits_free(limits);
    return 0;
}
