/* test_dns_ldns.c - queries that ldns writes are understood, and our answers are to ldns what they are to us: many
 * random sites, names, types and options, with the choice as it is. */
#define WORLD_CHOOSES
#include <ldns/ldns.h>

#undef ANY /* dns_world.h's */
#include "node/dns/records.h"
#include "proto/base/rand.h"
#include "tests/unit/dns_world.h"

#define SITES   60
#define QUERIES 200

static struct rand source;
enum { CUT = 24, OF_HTTPS, KINDS };
static uint64_t kinds[KINDS]; /* answers with each code, and these */

static size_t below(size_t n)
{
    return (size_t)rand_below(&source, n);
}

static struct mesh_addr random_ip(void)
{
    char text[40];

    if (below(2) == 0)
        return mesh_addr_v4(0xc0000200 + (uint32_t)below(256), 1);
    snprintf(text, sizeof(text), "2001:db8:%zx::%zx", below(65536), 1 + below(255));
    return world_ip(text);
}

static void random_edges(struct world *w)
{
    w->edges_n = below(WORLD_EDGES + 1);
    memset(w->edges, 0, sizeof(w->edges));
    for (size_t i = 0; i < w->edges_n; i++) {
        struct steer_edge *e = &w->edges[i];
        snprintf(e->name, sizeof(e->name), "%.*s%zu", (int)below(35), "an-edge-with-quite-a-long-name-of-it", i);
        snprintf(e->zone, sizeof(e->zone), "eu/%zu", below(5));
        e->id.bytes[0] = (uint8_t)i;
        e->alive = below(8) != 0;
        e->heard = below(8) != 0 ? SEC(95) : 0;
        e->facts.ready = below(8) != 0;
        e->facts.draining = below(8) == 0;
        e->facts.dns = below(3) != 0 ? 53 : 0;
        e->facts.https = below(3) == 0 ? 0 : below(2) == 0 ? 443 : 8443;
        e->facts.addrs_n = below(STEER_ADDRS_MAX + 1);
        for (size_t j = 0; j < e->facts.addrs_n; j++)
            e->facts.addrs[j] = random_ip();
    }
    world_site(w);
}

static void random_name(struct world *w, char *out, size_t cap)
{
    static const char *const names[] = { "cdn.example",        "www.cdn.example",    "a.w.cdn.example",
                                         "x.y.z.cdn.example",  "z.cdn.example",      "example.com",
                                         "other.example",      "nosuch.cdn.example", "nowhere.test",
                                         "a.b.c.example.com",  "off.cdn.example",    "img.example.com",
                                         "\\046.w.cdn.example" };
    const char *edge = w->edges_n > 0 ? w->view->edges[below(w->edges_n)].label : "x";

    switch (below(5)) {
    case 0: snprintf(out, cap, "%s--%s.cdn.example", w->label, edge); break;
    case 1: snprintf(out, cap, "ns--%s.cdn.example", edge); break;
    case 2: snprintf(out, cap, "%s.cdn.example", w->label); break;
    default: snprintf(out, cap, "%s", names[below(sizeof(names) / sizeof(names[0]))]);
    }
    for (char *p = out; *p != 0; p++) {
        if (*p >= 'a' && *p <= 'z' && below(4) == 0)
            *p = (char)(*p - 'a' + 'A');
    }
}

/* Some options, as bytes that begin with their code. */
static size_t random_options(struct world *w, uint8_t *out)
{
    static const uint8_t v4[] = "\0\x08\0\x07\0\1\x18\0\xcb\0\x71",
                         v6[] = "\0\x08\0\x0b\0\2\x38\0\x20\x01\x0d\xb8\1\2\3";
    size_t n = 0;

    if (below(2) == 0) {
        size_t len = below(2) == 0 ? sizeof(v4) - 1 : sizeof(v6) - 1;
        memcpy(out, len == sizeof(v4) - 1 ? v4 : v6, len);
        n = len;
    }
    if (below(2) == 0) {
        bool server = w->heard.cookie.len == 24 && below(2) == 0;
        memcpy(out + n,
               "\0\x0a\0\x08"
               "client..",
               12);
        if (server)
            memcpy(out + n + 12, w->heard.cookie.data + 8, 16);
        out[n + 3] = server ? 24 : 8;
        n += 4u + out[n + 3];
    }
    return n;
}

/* What ldns makes of a query's parts, as bytes. */
static void random_query(struct world *w, struct buf *out)
{
    static const uint16_t types[] = { A, A, AAAA, AAAA, NS, SOA, HTTPS, ANY, TXT, DS, CNAME, AXFR };
    char name[300];
    uint8_t options[80], *wire;
    size_t len;

    random_name(w, name, sizeof(name));
    ldns_pkt *p = ldns_pkt_query_new(ldns_dname_new_frm_str(name), (ldns_rr_type)types[below(12)],
                                     below(20) == 0 ? LDNS_RR_CLASS_CH : LDNS_RR_CLASS_IN,
                                     (uint16_t)(below(2) == 0 ? LDNS_RD : LDNS_CD));
    assert_non_null(p);
    ldns_pkt_set_id(p, (uint16_t)below(65536));
    if (below(3) != 0) {
        size_t n = random_options(w, options);
        ldns_pkt_set_edns_udp_size(p, (uint16_t)(1 + below(4096)));
        ldns_pkt_set_edns_do(p, below(2) == 0);
        if (below(20) == 0)
            ldns_pkt_set_edns_version(p, 1);
        if (n > 0)
            ldns_pkt_set_edns_data(p, ldns_rdf_new_frm_data(LDNS_RDF_TYPE_NONE, n, options));
    }
    assert_int_equal(ldns_pkt2wire(&wire, p, &len), LDNS_STATUS_OK);
    buf_add(out, wire, len);
    LDNS_FREE(wire);
    ldns_pkt_free(p);
}

static void same_name(const ldns_rdf *name, const char *text)
{
    char *theirs = ldns_rdf2str(name);

    assert_string_equal(theirs, text);
    free(theirs);
}

/* The data of |r| without compression, as ldns has read it. */
static void same_data(const ldns_rr *rr, const struct heard_record *r, struct slice m)
{
    struct buf theirs = BUF_EMPTY;
    char name[1024];
    size_t at = (size_t)(r->data.data - m.data), names = r->type == NS ? 1 : r->type == SOA ? 2 : 0;

    for (size_t i = 0; i < names; i++) {
        assert_true(heard_name(m, &at, name));
        same_name(ldns_rr_rdf(rr, i), name);
    }
    for (size_t i = names; i < ldns_rr_rd_count(rr); i++)
        buf_add(&theirs, ldns_rdf_data(ldns_rr_rdf(rr, i)), ldns_rdf_size(ldns_rr_rdf(rr, i)));
    assert_true(slice_eq(buf_slice(&theirs), slice_from(r->data, at - (size_t)(r->data.data - m.data))));
    buf_free(&theirs);
}

static void same_records(const ldns_rr_list *list, const struct heard *h, unsigned section, struct slice m)
{
    size_t n = 0;

    for (size_t i = 0; i < h->records_n; i++) {
        const struct heard_record *r = &h->records[i];
        if (r->section != section)
            continue;
        assert_true(n < ldns_rr_list_rr_count(list));
        const ldns_rr *rr = ldns_rr_list_rr(list, n++);
        same_name(ldns_rr_owner(rr), r->owner);
        assert_int_equal(ldns_rr_get_type(rr), r->type);
        assert_int_equal(ldns_rr_get_class(rr), r->class);
        assert_int_equal(ldns_rr_ttl(rr), r->ttl);
        same_data(rr, r, m);
        for (size_t j = 0; j < i; j++) /* no record twice */
            assert_false(h->records[j].section == section && h->records[j].type == r->type &&
                         strcmp(h->records[j].owner, r->owner) == 0 && slice_eq(h->records[j].data, r->data));
    }
    assert_int_equal(ldns_rr_list_rr_count(list), n);
}

static void same_answer(const ldns_pkt *p, const ldns_pkt *asked, const struct heard *h, struct slice m)
{
    assert_int_equal(ldns_pkt_id(p), ldns_pkt_id(asked));
    assert_true(ldns_pkt_qr(p) && !ldns_pkt_ra(p) && !ldns_pkt_ad(p));
    assert_int_equal(ldns_pkt_rd(p), ldns_pkt_rd(asked));
    assert_int_equal(ldns_pkt_cd(p), ldns_pkt_cd(asked));
    assert_int_equal(ldns_pkt_aa(p), (h->flags & 0x400) != 0);
    assert_int_equal(ldns_pkt_tc(p), (h->flags & 0x200) != 0);
    assert_int_equal((unsigned)ldns_pkt_edns_extended_rcode(p) << 4 | (unsigned)ldns_pkt_get_rcode(p), h->rcode);
    assert_int_equal(ldns_pkt_qdcount(p), 1);
    assert_int_equal(
        ldns_rr_compare(ldns_rr_list_rr(ldns_pkt_question(p), 0), ldns_rr_list_rr(ldns_pkt_question(asked), 0)), 0);
    same_records(ldns_pkt_answer(p), h, 1, m);
    same_records(ldns_pkt_authority(p), h, 2, m);
    same_records(ldns_pkt_additional(p), h, 3, m);
    assert_int_equal(ldns_pkt_edns(p), h->opt);
    assert_int_equal(ldns_pkt_edns(asked), h->opt);
    if (!h->opt)
        return;
    assert_int_equal(ldns_pkt_edns_udp_size(p), DNS_UDP_MAX);
    assert_int_equal(ldns_pkt_edns_do(p), ldns_pkt_edns_do(asked));
    const ldns_rdf *options = ldns_pkt_edns_data(p);
    struct slice theirs = options == NULL ? SLICE_EMPTY : slice_of(ldns_rdf_data(options), ldns_rdf_size(options));
    assert_true(slice_eq(theirs, h->options));
}

static void feat_L2_ldns_reads_each_answer_as_we_do(void **state)
{
    ldns_pkt *asked, *answer;

    (void)state;
    source = rand_of(1, 2, 3);
    for (size_t s = 0; s < SITES; s++) {
        struct world *w = world_new(s % 2 == 0);
        random_edges(w);
        w->limits = s % 4 == 3 ? dns_limits_new(world_secret, 20) : NULL; /* so that some are cut */
        for (size_t i = 0; i < QUERIES; i++) {
            struct buf query = BUF_EMPTY;
            w->from.tcp = below(4) == 0;
            w->from.draw = rand_u64(&source);
            random_query(w, &query);
            assert_int_equal(ldns_wire2pkt(&asked, query.data, query.len), LDNS_STATUS_OK);
            world_say(w, &query);
            if (w->len == 0) {
                ldns_pkt_free(asked);
                continue;
            }
            assert_int_equal(ldns_wire2pkt(&answer, w->out, w->len), LDNS_STATUS_OK);
            same_answer(answer, asked, &w->heard, slice_of(w->out, w->len));
            kinds[w->heard.rcode]++;
            kinds[CUT] += (w->heard.flags & 0x200) != 0;
            kinds[OF_HTTPS] += w->heard.records_n > 0 && w->heard.records[0].type == HTTPS;
            ldns_pkt_free(asked);
            ldns_pkt_free(answer);
        }
        world_free(w);
    }
    assert_int_equal(kinds[LDNS_RCODE_FORMERR], 0); /* nothing that ldns wrote was malformed */
    assert_true(kinds[0] > 1000 && kinds[DNS_SERVFAIL] > 10 && kinds[DNS_NXDOMAIN] > 100 && kinds[DNS_REFUSED] > 100);
    assert_true(kinds[DNS_BADVERS] > 100 && kinds[DNS_BADCOOKIE] > 10 && kinds[CUT] > 10 && kinds[OF_HTTPS] > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feat_L2_ldns_reads_each_answer_as_we_do),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
