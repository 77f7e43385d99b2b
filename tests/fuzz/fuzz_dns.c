/* fuzz_dns.c - anything at all as a query, over UDP and TCP, to a site with edges and distributions. What is answered
 * is a message by a strict reader, no longer than it may be; an answer to an address that has shown nothing, and to who
 * speaks no EDNS, is short; answers are not answered. */
#include "node/dist/dist_make.h"
#include "node/dns/dns.h"
#include "node/steer/view_impl.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/dns_reader.h"

#define S(text) SLICE_LIT(text)
#define EDGES   20

static struct dns_site *site;
static uint8_t out[DNS_MESSAGE_MAX];
static const uint8_t secret[16] = "sixteen bytes...";
static struct dist_behaviour all = { .path = S("*") };

static struct dns_from from_of(bool tcp)
{
    return (struct dns_from){
        .addr = mesh_addr_v4(0xc6336407, 53), .tcp = tcp, .now = SEC(100), .wall_s = 1700000000, .secret = secret
    };
}

static struct steer_view *make_view(void)
{
    struct steer_view *v = steer_view_new(EDGES, 1, secret, SEC(100), 1);

    assert(v != NULL);
    for (unsigned i = 0; i < EDGES; i++) {
        struct steer_edge *e = steer_view_add_edge(v);
        snprintf(e->name, sizeof(e->name), "an-edge-with-a-long-name-%02u", i);
        snprintf(e->zone, sizeof(e->zone), "eu/%u", i % 3);
        e->id.bytes[0] = (uint8_t)i;
        e->alive = i % 5 != 4;
        e->heard = SEC(99);
        e->facts = (struct steer_facts){ .ready = true, .https = 443, .dns = 53, .addrs_n = 2 };
        e->facts.addrs[0] = mesh_addr_v4(0xc0000201 + i, 1);
        e->facts.addrs[1].ip[0] = 0x20;
        e->facts.addrs[1].ip[15] = (uint8_t)(i + 1);
    }
    steer_view_finish(v, SEC(10));
    return v;
}

static void fuzz_start(void)
{
    static const struct slice hosts[] = { S("www.cdn.example"), S("*.w.cdn.example"), S("x.y.cdn.example") };
    static const struct slice zones[] = { S("cdn.example"), S("the-zone-of-an-owner.test"), S("example") };
    struct dist d = { .name = S("a"),
                      .enabled = true,
                      .any_host = true,
                      .hosts = hosts,
                      .hosts_n = 3,
                      .behaviours = &all,
                      .behaviours_n = 1 };
    struct dist_set *set = dist_set_of(&d, 1);
    struct steer_view *view = make_view();

    assert(set != NULL && dns_site_new(&site, zones, 3, set, view, 1) == 0);
    dist_set_unref(set);
    steer_view_unref(view);
}

static void ask(struct buf *b, unsigned flags, struct slice name, unsigned type, struct slice options, bool edns)
{
    static const uint8_t counts[] = { 0, 1, 0, 0, 0, 0, 0 };

    buf_add_u16(b, 0x1234);
    buf_add_u16(b, (uint16_t)flags);
    buf_add(b, counts, sizeof(counts));
    buf_add_u8(b, edns);
    buf_add_slice(b, name);
    buf_add_u32(b, type << 16 | 1);
    if (!edns)
        return;
    buf_add(b, "\0\0\x29\xff\xff\0\0\x80\0", 9); /* takes 65,535 bytes, it says */
    buf_add_u16(b, (uint16_t)options.len);
    buf_add_slice(b, options);
}

/* Queries of each kind, and some that are none. */
static void fuzz_sample(unsigned n, struct buf *b)
{
    static const struct slice names[] = { S("\x03"
                                            "cdn\x07"
                                            "example\0"),
                                          S("\x03"
                                            "WwW\x03"
                                            "cdn\x07"
                                            "example\0"),
                                          S("\x01"
                                            "a\x01"
                                            "w\x03"
                                            "cdn\x07"
                                            "example\0"),
                                          S("\x01"
                                            "y\x03"
                                            "cdn\x07"
                                            "example\0"),
                                          S("\x1f"
                                            "ns--an-edge-with-a-long-name-01\x03"
                                            "cdn\x07"
                                            "example\0"),
                                          S("\x14"
                                            "the-zone-of-an-owner\x04"
                                            "test\0"),
                                          S("\0"),
                                          S("\xc0\x0c"),
                                          S("\x01"
                                            "a\xc0\x0c") };
    static const struct slice options[] = { S(""),
                                            S("\0\x08\0\x07\0\1\x18\0\xcb\0\x71"),
                                            S("\0\x08\0\x0b\0\2\x38\0\x20\x01\x0d\xb8\1\2\3"),
                                            S("\0\x0a\0\x08"
                                              "client.."),
                                            S("\0\x0a\0\x18"
                                              "client..\1\0\0\0\x65\x53\xf1\0"
                                              "12345678"),
                                            S("\0\x08\0\x04\0\0\0\0") };
    static const uint16_t types[] = { 1, 28, 2, 6, 65, 255, 16, 43, 252, 251, 41, 250 };

    ask(b, n % 7 == 6 ? 0x2000 : 0x0100, names[n / 7 % 9], types[n / 63 % 12], options[n / 756 % 6], n / 4536 % 4 != 0);
    if (n / 18144 % 8 == 7)
        buf_add(b, "\xc0\x0c\0\x10\0\1\0\0\0\0\0\0", 12);
}

static void answer(struct slice query, bool tcp)
{
    static struct heard h;
    static struct buf text;
    struct dns_counters c = { .queries = 0 };
    struct dns_from from = from_of(tcp);
    size_t len = dns_answer(site, NULL, NULL, &c, &from, query, out);

    assert((len == 0) == (query.len < 12 || query.data[2] >> 7 == 1));
    if (len == 0)
        return;
    buf_clear(&text);
    assert(len <= sizeof(out) && heard_text(&text, &h, slice_of(out, len)));
    assert(h.id == be16_get(query.data) && (h.flags & 0x8000) != 0);
    if (!tcp)
        assert(len <= (c.cookies_good > 0 && h.opt ? DNS_UDP_MAX : DNS_UNPROVEN_MAX));
    assert(c.queries == 1 && c.answers + c.negative + c.refused + c.malformed + c.truncated <= 1);
    if (h.rcode == 1 || h.rcode == 4 || h.rcode == 5 || (h.flags & 0x200) != 0)
        assert(h.records_n == 0 && len <= query.len + 28);
    if (h.asked) /* as it was sent */
        assert(h.question_bytes <= query.len - 12 && memcmp(out + 12, query.data + 12, h.question_bytes) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t *copy = fuzz_copy(data, len);

    answer(slice_of(copy, len), false);
    answer(slice_of(copy, len), true);
    free(copy);
    return 0;
}
