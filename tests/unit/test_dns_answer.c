/* test_dns_answer.c - what is answered to whom: the records, header and size of each kind of answer. */
#include "node/dns/dns.h"
#include "tests/unit/dns_world.h"

static void feat_L2_the_mesh_name_has_the_addresses_of_the_nearest_edges(void **state)
{
    struct world *w = world_new(true);

    (void)state;
    SAYS(world_get(w, "cdn.example", A), "NOERROR aa\n"
                                         "cdn.example. 20 A 192.0.2.1\n"
                                         "cdn.example. 20 A 192.0.2.2\n"
                                         "cdn.example. 20 A 192.0.2.3\n"
                                         "cdn.example. 20 A 192.0.2.101\n");
    assert_int_equal(world_ask.family, STEER_IPV4);
    assert_int_equal(world_ask.draw, 5);
    SAYS(world_get(w, "cdn.example", AAAA), "NOERROR aa\n"
                                            "cdn.example. 20 AAAA 2001:db8:0:0:0:0:0:1\n"
                                            "cdn.example. 20 AAAA 2001:db8:0:0:0:0:0:2\n"
                                            "cdn.example. 20 AAAA 2001:db8:0:0:0:0:0:101\n");
    assert_int_equal(world_ask.family, STEER_IPV6);
    assert_int_equal(w->counters.answers, 2);
    /* Two edges at one address are one record. */
    w->edges[1].facts.addrs[0] = w->edges[0].facts.addrs[0];
    world_site(w);
    SAYS(world_get(w, "www.cdn.example", A), "NOERROR aa\n"
                                             "www.cdn.example. 20 A 192.0.2.1\n"
                                             "www.cdn.example. 20 A 192.0.2.3\n"
                                             "www.cdn.example. 20 A 192.0.2.101\n");
    world_free(w);
}

static void feat_L2_a_ttl_is_never_above_a_minute(void **state)
{
    struct world *w = world_new(true);

    (void)state;
    world_ttl_s = 3600;
    world_get(w, "cdn.example", A);
    assert_int_equal(w->heard.records[0].ttl, 60);
    w->site->ttl_max_s = 10;
    world_get(w, "cdn.example", HTTPS);
    assert_int_equal(w->heard.records[0].ttl, 10);
    world_get(w, "ns--fra-1.cdn.example", A);
    assert_int_equal(w->heard.records[0].ttl, 10);
    world_free(w);
}

static void feat_L2_the_name_comes_back_as_it_was_asked(void **state)
{
    struct world *w = world_new(true);

    (void)state;
    world_get(w, "wWw.CDN.exaMple", A);
    assert_string_equal(w->heard.name, "wWw.CDN.exaMple.");
    assert_string_equal(w->heard.records[0].owner, "wWw.CDN.exaMple.");
    world_get(w, "nS--fRa-1.CDN.exaMple", A);
    assert_string_equal(w->heard.records[0].owner, "nS--fRa-1.CDN.exaMple.");
    /* A dot in a label, below a wildcard. */
    struct buf b = BUF_EMPTY;
    query_begin(&b, 0x0110);
    buf_add(&b,
            "\x03"
            "a.b\x01w\x03"
            "cdn\x07"
            "example\0\0\1\0\1",
            23);
    query_count(&b, 0);
    world_say(w, &b);
    assert_string_equal(w->heard.records[0].owner, "a\\.b.w.cdn.example.");
    assert_int_equal(w->heard.flags, 0x8510); /* an answer, with authority; RD and CD as they were */
    assert_int_equal(w->heard.id, 0x1234);
    world_free(w);
}

static void names_without_such_records(void **state)
{
    struct world *w = world_new(true);
    static const unsigned types[] = { TXT, MX, CNAME, 64, 257, 33, 99 };

    (void)state;
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        SAYS(world_get(w, "www.cdn.example", types[i]), "NOERROR aa\nauthority " CDN_SOA);
    SAYS(world_get(w, "z.cdn.example", A), "NOERROR aa\nauthority " CDN_SOA); /* above a host */
    SAYS(world_get(w, "www.cdn.example", NS), "NOERROR aa\nauthority " CDN_SOA);
    SAYS(world_get(w, "www.cdn.example", SOA), "NOERROR aa\nauthority " CDN_SOA);
    SAYS(world_get(w, "ns--ams-1.cdn.example", AAAA), "NOERROR aa\nauthority " CDN_SOA);
    SAYS(world_get(w, "nosuch.cdn.example", A), "NXDOMAIN aa\nauthority " CDN_SOA);
    SAYS(world_get(w, "nosuch.cdn.example", ANY), "NXDOMAIN aa\nauthority " CDN_SOA);
    SAYS(world_get(w, "a.example.com", A), "NXDOMAIN aa\nauthority example.com. 60 SOA ns--ams-1.cdn.example. "
                                           "hostmaster.cdn.example. 7 600 120 86400 60\n");
    assert_int_equal(w->counters.negative, 14);
    assert_int_equal(world_asks, 0);
    world_free(w);
}

static void feat_L2_the_zones_own_records(void **state)
{
    struct world *w = world_new(true);

    (void)state;
    SAYS(world_get(w, "example.com", SOA), "NOERROR aa\nexample.com. 300 SOA ns--ams-1.cdn.example. "
                                           "hostmaster.cdn.example. 7 600 120 86400 60\n");
    static const char glue[] = "additional ns--ams-1.cdn.example. 30 A 192.0.2.3\n"
                               "additional ns--fra-1.cdn.example. 30 A 192.0.2.1\n"
                               "additional ns--fra-1.cdn.example. 30 A 192.0.2.101\n"
                               "additional ns--fra-1.cdn.example. 30 AAAA 2001:db8:0:0:0:0:0:1\n"
                               "additional ns--fra-1.cdn.example. 30 AAAA 2001:db8:0:0:0:0:0:101\n"
                               "additional ns--fra-2.cdn.example. 30 A 192.0.2.2\n"
                               "additional ns--fra-2.cdn.example. 30 AAAA 2001:db8:0:0:0:0:0:2\n";
    char want[1024];
    snprintf(want, sizeof(want),
             "NOERROR aa\ncdn.example. 300 NS ns--ams-1.cdn.example.\n"
             "cdn.example. 300 NS ns--fra-1.cdn.example.\n"
             "cdn.example. 300 NS ns--fra-2.cdn.example.\n%s",
             glue);
    SAYS(world_get(w, "cdn.example", NS), want);
    snprintf(want, sizeof(want),
             "NOERROR aa\nother.example. 300 NS ns--ams-1.cdn.example.\n"
             "other.example. 300 NS ns--fra-1.cdn.example.\n"
             "other.example. 300 NS ns--fra-2.cdn.example.\n%s",
             glue);
    SAYS(world_get(w, "other.example", NS), want);
    SAYS(world_get(w, "ns--fra-2.cdn.example", A), "NOERROR aa\nns--fra-2.cdn.example. 30 A 192.0.2.2\n");
    for (size_t i = 0; i < 3; i++)
        w->edges[i].alive = false;
    world_site(w);
    SAYS(world_get(w, "cdn.example", NS), "NOERROR aa\nauthority cdn.example. 60 SOA cdn.example. "
                                          "hostmaster.cdn.example. 7 600 120 86400 60\n");
    world_free(w);
}

static void feat_L3_dead_and_draining_edges_are_in_no_answer(void **state)
{
    struct world *w = world_new(true);
    static const unsigned types[] = { A, AAAA, NS, SOA, HTTPS, ANY, TXT };
    static const uint8_t v4[] = { 192, 0, 2, 1 }, other[] = { 192, 0, 2, 101 };
    static const struct slice v6 = S("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01");
    char name[100];

    (void)state;
    snprintf(name, sizeof(name), "%s--fra-1.cdn.example", w->label);
    const char *const names[] = { "cdn.example", "www.cdn.example", "example.com", name, "ns--fra-1.cdn.example" };
    for (size_t way = 0; way < 2; way++) {
        w->edges[0].alive = way == 1;
        w->edges[0].facts.draining = way == 1;
        world_site(w);
        for (size_t i = 0; i < (way == 0 ? 5 : 3); i++) {
            for (size_t j = 0; j < sizeof(types) / sizeof(types[0]); j++) {
                world_get(w, names[i], types[j]);
                assert_true(w->len > 12);
                assert_null(memmem(w->out, w->len, v4, 4));
                assert_null(memmem(w->out, w->len, other, 4));
                assert_null(memmem(w->out, w->len, v6.data, v6.len));
                if (i < 4) /* where it is not what was asked for */
                    assert_null(memmem(w->out + 12 + w->heard.question_bytes, w->len - 12 - w->heard.question_bytes,
                                       "fra-1", 5));
            }
        }
    }
    SAYS(world_get(w, "ns--fra-1.cdn.example", A), "NOERROR aa\n" /* who asks for it gets it while it drains */
                                                   "ns--fra-1.cdn.example. 30 A 192.0.2.1\n"
                                                   "ns--fra-1.cdn.example. 30 A 192.0.2.101\n");
    world_free(w);
}

static void nobody_alive_and_no_address_of_a_kind(void **state)
{
    struct world *w = world_new(true);

    (void)state;
    w->edges[0].alive = w->edges[1].alive = false;
    world_site(w);
    SAYS(world_get(w, "cdn.example", AAAA), "NOERROR aa\nauthority " CDN_SOA);
    SAYS(world_get(w, "cdn.example", A), "NOERROR aa\ncdn.example. 20 A 192.0.2.3\n");
    w->edges[2].alive = false;
    world_site(w);
    SAYS(world_get(w, "cdn.example", A), "SERVFAIL\n");
    SAYS(world_get(w, "cdn.example", AAAA), "SERVFAIL\n");
    SAYS(world_get(w, "cdn.example", HTTPS), "SERVFAIL\n");
    world_free(w);
}

static void feat_L6_an_owners_regions_hold_for_each_of_its_names(void **state)
{
    static const char *const names[] = { "www.cdn.example", "x.w.cdn.example", "example.com" };
    struct world *w = world_new(true);

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        world_get(w, names[i], i == 2 ? HTTPS : A);
        assert_true(world_ask.regions_n == 1 && world_ask.regions_not);
        assert_true(slice_eq(world_ask.regions[0], S("ap")));
    }
    world_get(w, "cdn.example", A); /* another one's, which leaves out none */
    assert_int_equal(world_ask.regions_n, 0);
    world_free(w);
}

static void feat_L8_https_records_have_alpn_port_and_hints(void **state)
{
    struct world *w = world_new(true);

    (void)state;
    SAYS(world_get(w, "cdn.example", HTTPS), "NOERROR aa\ncdn.example. 20 HTTPS 1 . alpn=http/1.1 "
                                             "ipv4hint=192.0.2.1,192.0.2.2,192.0.2.3,192.0.2.101 "
                                             "ipv6hint=2001:db8:0:0:0:0:0:1,2001:db8:0:0:0:0:0:2,"
                                             "2001:db8:0:0:0:0:0:101\n");
    assert_int_equal(world_ask.family, STEER_ANY_FAMILY);
    w->edges[0].facts.https = 0; /* the next one that does counts, with who has the same port */
    w->edges[1].facts.https = 8443;
    world_site(w);
    SAYS(world_get(w, "cdn.example", HTTPS), "NOERROR aa\ncdn.example. 20 HTTPS 1 . alpn=http/1.1 port=8443 "
                                             "ipv4hint=192.0.2.2 ipv6hint=2001:db8:0:0:0:0:0:2\n");
    SAYS(world_get(w, "ns--fra-2.cdn.example", HTTPS),
         "NOERROR aa\nns--fra-2.cdn.example. 30 HTTPS 1 . alpn=http/1.1 port=8443 "
         "ipv4hint=192.0.2.2 ipv6hint=2001:db8:0:0:0:0:0:2\n");
    w->site->https_alpn = false;
    SAYS(world_get(w, "ns--fra-2.cdn.example", HTTPS), "NOERROR aa\nns--fra-2.cdn.example. 30 HTTPS 1 . port=8443 "
                                                       "ipv4hint=192.0.2.2 ipv6hint=2001:db8:0:0:0:0:0:2\n");
    /* A browser that is told of https goes there: who does not serve it says nothing. */
    w->edges[1].facts.https = w->edges[2].facts.https = 0;
    world_site(w);
    SAYS(world_get(w, "cdn.example", HTTPS), "NOERROR aa\nauthority " CDN_SOA);
    world_free(w);
}

static void what_is_refused(void **state)
{
    struct world *w = world_new(true);
    struct buf b = BUF_EMPTY;
    static const unsigned types[] = { 249, 250, 251, AXFR, 253, 254 };

    (void)state;
    SAYS(world_get(w, "elsewhere.example", A), "REFUSED\n");
    SAYS(world_get(w, "", NS), "REFUSED\n");
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
        SAYS(world_get(w, "cdn.example", types[i]), "REFUSED\n");
    for (unsigned class = 0; class <= 255; class += class == 0 ? 2 : 1) {
        query_begin(&b, 0);
        query_ask(&b, "cdn.example", A);
        be16_put(b.data + b.len - 2, (uint16_t) class);
        SAYS(world_say(w, &b), "REFUSED\n");
    }
    query_begin(&b, 2 << 11 | 0x100);
    SAYS(world_say(w, &b), "NOTIMP rd\n");
    assert_int_equal(w->len, 12);
    assert_int_equal(w->heard.flags, 0x8000 | 2 << 11 | 0x100 | 4);
    assert_int_equal(w->counters.refused, 2 + 6 + 255 + 1);
    query_begin(&b, 0x8000);
    SAYS(world_say(w, &b), "");
    buf_add(&b, "12345678901", 11);
    SAYS(world_say(w, &b), "");
    SAYS(world_get_opt(w, "cdn.example", A, 1232, S("\0\x0a\0\1x")), "FORMERR\n");
    assert_true(w->heard.opt);
    query_begin(&b, 0);
    query_ask(&b, "cdn.example", A);
    query_opt(&b, 1232, 0x00018000, S("\0\x0a\0\1x"));
    SAYS(world_say(w, &b), "BADVERS\n");
    assert_true(w->heard.opt && w->heard.dnssec_ok);
    assert_int_equal(w->counters.malformed, 3);
    world_free(w);
}

static void any_is_a_short_answer(void **state)
{
    struct world *w = world_new(true);

    (void)state;
    SAYS(world_get(w, "cdn.example", ANY), "NOERROR aa\ncdn.example. 300 HINFO \"RFC8482\"\n");
    SAYS(world_get(w, "www.cdn.example", ANY), "NOERROR aa\nwww.cdn.example. 300 HINFO \"RFC8482\"\n");
    SAYS(world_get(w, "z.cdn.example", ANY), "NOERROR aa\nauthority " CDN_SOA);
    w->from.tcp = true;
    SAYS(world_get(w, "cdn.example", ANY), "NOERROR aa\ncdn.example. 300 HINFO \"RFC8482\"\n");
    world_free(w);
}

static void asked_of(const char *ip, unsigned bits)
{
    struct mesh_addr want = world_ip(ip);

    assert_memory_equal(world_ask.client.ip, want.ip, 16);
    assert_int_equal(world_ask.client_bits, bits);
}

static void feat_L2_the_viewers_network_counts_and_comes_back_with_its_scope(void **state)
{
    struct world *w = world_new(true);

    (void)state;
    world_get(w, "cdn.example", A);
    asked_of("198.51.100.7", 32);
    w->from.addr = world_ip("2001:db8:1:2:3::4");
    world_get(w, "cdn.example", A);
    asked_of("2001:db8:1:2:3::4", 128);
    world_scope_bits = 21;
    world_get_opt(w, "cdn.example", A, 1232, S("\0\x08\0\x07\0\1\x18\0\xcb\0\x71"));
    asked_of("203.0.113.0", 24);
    assert_true(slice_eq(w->heard.subnet, S("\0\1\x18\x15\xcb\0\x71")));
    world_get_opt(w, "cdn.example", A, 1232, S("\0\x08\0\x08\0\1\x20\0\xcb\0\x71\x63")); /* no more than 24 count */
    asked_of("203.0.113.0", 24);
    assert_true(slice_eq(w->heard.subnet, S("\0\1\x20\x15\xcb\0\x71\x63")));
    world_get_opt(w, "cdn.example", A, 1232, S("\0\x08\0\x06\0\1\x0c\0\xcb\x70"));
    asked_of("203.112.0.0", 12);
    world_get_opt(w, "cdn.example", A, 1232, S("\0\x08\0\x0c\0\2\x40\0\x20\x01\x0d\xb8\1\2\3\4")); /* nor than 56 */
    asked_of("2001:db8:102:300::", 56);
    world_get_opt(w, "cdn.example", A, 1232, S("\0\x08\0\x04\0\1\0\0"));
    asked_of("0.0.0.0", 0);
    assert_true(slice_eq(w->heard.subnet, S("\0\1\0\0")));
    /* What is the same for all has scope 0. */
    world_get_opt(w, "nosuch.cdn.example", A, 1232, S("\0\x08\0\x07\0\1\x18\0\xcb\0\x71"));
    assert_true(slice_eq(w->heard.subnet, S("\0\1\x18\0\xcb\0\x71")));
    world_get_opt(w, "ns--fra-1.cdn.example", A, 1232, S("\0\x08\0\x07\0\1\x18\0\xcb\0\x71"));
    assert_true(slice_eq(w->heard.subnet, S("\0\1\x18\0\xcb\0\x71")));
    assert_int_equal(w->counters.subnets, 7);
    world_free(w);
}

static struct mesh_addr found;

static void find(void *ctx, const struct mesh_addr *a, char country[3], bool *located, int32_t *lat, int32_t *lon)
{
    (*(unsigned *)ctx)++;
    found = *a;
    memcpy(country, "DE", 3);
    *located = true;
    *lat = 500000;
    *lon = 80000;
}

static void feat_L2_where_a_viewer_is_comes_from_the_file_of_places(void **state)
{
    struct world *w = world_new(true);
    unsigned finds = 0;
    struct dns_places places = { &finds, find };
    struct mesh_addr want = world_ip("203.0.113.0");

    (void)state;
    w->places = &places;
    world_get_opt(w, "cdn.example", A, 1232, S("\0\x08\0\x07\0\1\x18\0\xcb\0\x71"));
    assert_memory_equal(found.ip, want.ip, 16);
    assert_string_equal(world_ask.country, "DE");
    assert_true(world_ask.located && world_ask.lat_e4 == 500000 && world_ask.lon_e4 == 80000);
    world_get_opt(w, "cdn.example", A, 1232, S("\0\x08\0\x04\0\1\0\0")); /* who does not want it is not looked up */
    assert_string_equal(world_ask.country, "");
    assert_false(world_ask.located);
    world_get(w, "nosuch.cdn.example", A);
    assert_int_equal(finds, 1);
    world_free(w);
}

#define LONG_ZONE "the-zone-of-an-owner.test"

/* Edges and a zone with names so long that NS does not fit into 512 bytes. */
static void large(struct world *w)
{
    static const struct slice zones[] = { S("cdn.example"), S(LONG_ZONE) };

    w->edges_n = 8;
    for (size_t i = 0; i < 8; i++) {
        w->edges[i] = w->edges[0];
        snprintf(w->edges[i].name, sizeof(w->edges[i].name), "a-name-of-an-edge-that-is-rather-long-%02zu", i);
    }
    world_site(w);
    dns_site_unref(w->site);
    assert_int_equal(dns_site_new(&w->site, zones, 2, w->set, w->view, 7), 0);
}

static void rob_G1_an_answer_is_as_large_as_it_may_be(void **state)
{
    struct world *w = world_new(true);
    uint8_t cookie[4 + 24] = "\0\x0a\0\x08"
                             "client..";
    static const struct {
        unsigned udp_bytes;
        size_t unproven, proven;
    } sizes[] = {
        { 0, 512, 512 },     { 511, 512, 512 },          { 512, 512, 512 },          { 600, 512, 600 },
        { 1231, 512, 1231 }, { 1232, 512, DNS_UDP_MAX }, { 4096, 512, DNS_UDP_MAX }, { 65535, 512, DNS_UDP_MAX }
    };

    (void)state;
    large(w);
    SAYS(world_get(w, LONG_ZONE, NS), "NOERROR aa tc\n");
    assert_int_equal(w->len, 12 + sizeof(LONG_ZONE) + 1 + 4);
    assert_int_equal(w->counters.truncated, 1);
    world_get_opt(w, LONG_ZONE, NS, 1232, slice_of(cookie, 12));
    memcpy(cookie + 4, w->heard.cookie.data, 24);
    cookie[3] = 24;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        world_get_opt(w, LONG_ZONE, NS, sizes[i].udp_bytes, SLICE_EMPTY);
        assert_true(w->len <= sizes[i].unproven && w->heard.flags & 0x200 && w->heard.records_n == 0);
        assert_int_equal(w->heard.udp_bytes, DNS_UDP_MAX);
        world_get_opt(w, LONG_ZONE, NS, sizes[i].udp_bytes, SLICE_OF(cookie));
        assert_true(w->len <= sizes[i].proven);
        assert_true((sizes[i].proven > 512) == (w->heard.records_n >= 8));
        assert_int_equal(w->heard.cookie.len, 24); /* anew */
    }
    w->from.tcp = true;
    world_get(w, LONG_ZONE, NS);
    assert_int_equal(w->heard.records_n, 8 + 8 * 4);
    assert_int_equal(w->counters.tcp, 1);
    assert_int_equal(w->counters.cookies_good, 8);
    world_free(w);
}

/* Row G1's bound for what is asked most: the largest answer with addresses is five times the smallest query. */
static void rob_G1_usual_answers_are_small(void **state)
{
    struct world *w = world_new(true);

    (void)state;
    static const unsigned types[] = { A, AAAA, HTTPS, ANY, TXT, SOA };
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        world_get(w, "cdn.example", types[i]);
        assert_true(w->len <= 5 * (12 + 17));
    }
    world_free(w);
}

static void a_bad_cookie_is_answered_as_none(void **state)
{
    struct world *w = world_new(true);
    uint8_t cookie[4 + 40] = "\0\x0a\0\x28"
                             "client..";
    struct buf b = BUF_EMPTY;

    (void)state;
    world_get_opt(w, "cdn.example", A, 1232, SLICE_OF(cookie));
    assert_int_equal(w->heard.records_n, 4);
    assert_int_equal(w->heard.cookie.len, 24);
    assert_memory_equal(w->heard.cookie.data, "client..", 8);
    assert_int_equal(w->counters.cookies_bad, 1);
    query_begin(&b, 0);
    query_opt(&b, 1232, 0,
              slice_of("\0\x0a\0\x08"
                       "client..",
                       12));
    SAYS(world_say(w, &b), "NOERROR\n");
    assert_false(w->heard.asked);
    assert_int_equal(w->heard.cookie.len, 24);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feat_L2_the_mesh_name_has_the_addresses_of_the_nearest_edges),
        cmocka_unit_test(feat_L2_a_ttl_is_never_above_a_minute),
        cmocka_unit_test(feat_L2_the_name_comes_back_as_it_was_asked),
        cmocka_unit_test(names_without_such_records),
        cmocka_unit_test(feat_L2_the_zones_own_records),
        cmocka_unit_test(feat_L3_dead_and_draining_edges_are_in_no_answer),
        cmocka_unit_test(nobody_alive_and_no_address_of_a_kind),
        cmocka_unit_test(feat_L6_an_owners_regions_hold_for_each_of_its_names),
        cmocka_unit_test(feat_L8_https_records_have_alpn_port_and_hints),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(any_is_a_short_answer),
        cmocka_unit_test(feat_L2_the_viewers_network_counts_and_comes_back_with_its_scope),
        cmocka_unit_test(feat_L2_where_a_viewer_is_comes_from_the_file_of_places),
        cmocka_unit_test(rob_G1_an_answer_is_as_large_as_it_may_be),
        cmocka_unit_test(rob_G1_usual_answers_are_small),
        cmocka_unit_test(a_bad_cookie_is_answered_as_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
