/* test_dns_write.c - messages: compressed names, records that are there whole or not at all, limits. */
#include "node/dns/records.h"
#include "tests/unit/dns_world.h"

static struct dns_query q;
static uint8_t out[DNS_MESSAGE_MAX];
static struct buf asked = { NULL, 0, 0, false };

static void start(struct dns_writer *w, const char *name, size_t limit)
{
    buf_clear(&asked);
    query_begin(&asked, 0);
    query_ask(&asked, name, A);
    assert_int_equal(dns_query_read(&q, buf_slice(&asked)), DNS_NOERROR);
    memset(out, 0xee, sizeof(out));
    dns_write_start(w, out, limit, &q);
}

static const char *finish(struct dns_writer *w)
{
    static char text[8192];
    struct heard h;
    struct buf b = BUF_EMPTY;
    size_t len = dns_write_finish(w, DNS_QR | DNS_AA, DNS_NOERROR);

    assert_true(len <= w->limit);
    assert_int_equal(out[w->limit], 0xee);
    assert_true(heard_text(&b, &h, slice_of(out, len)));
    snprintf(text, sizeof(text), "%.*s", SLICE_FMT(buf_slice(&b)));
    buf_free(&b);
    return text;
}

static void ns(struct dns_writer *w, const char *owner, const char *name)
{
    size_t record = dns_write_record(w, slice_str(owner), DNS_NS, 5);

    dns_write_name(w, slice_str(name));
    dns_write_end(w, record);
}

static void names_are_compressed_wherever_they_end_alike(void **state)
{
    struct dns_writer w;

    (void)state;
    start(&w, "WWW.cdn.Example", 512);
    size_t before = w.len;
    ns(&w, "", "ns--a.cdn.example");
    assert_int_equal(w.len - before, 2 + 10 + 6 + 2);
    before = w.len;
    ns(&w, "cdn.example", "b.ns--a.cdn.example"); /* behind what is compressed itself */
    assert_int_equal(w.len - before, 2 + 10 + 2 + 2);
    before = w.len;
    ns(&w, "www.cdn.example", "x.other.example");
    assert_int_equal(w.len - before, 2 + 10 + 2 + 6 + 2);
    before = w.len;
    ns(&w, "other.example", "example.x"); /* not where it stands in the middle */
    assert_int_equal(w.len - before, 2 + 10 + 8 + 2 + 1);
    before = w.len;
    ns(&w, "dn.example", "");
    assert_int_equal(w.len - before, 3 + 2 + 10 + 1);
    SAYS(finish(&w), "NOERROR aa\n"
                     "WWW.cdn.Example. 5 NS ns--a.cdn.Example.\n"
                     "cdn.Example. 5 NS b.ns--a.cdn.Example.\n"
                     "WWW.cdn.Example. 5 NS x.other.Example.\n"
                     "other.Example. 5 NS example.x.\n"
                     "dn.Example. 5 NS .\n");
}

static void nothing_points_behind_where_pointers_reach(void **state)
{
    struct dns_writer w;
    static const uint8_t filling[0x4000];

    (void)state;
    start(&w, "a.example", DNS_MESSAGE_MAX - 1);
    size_t record = dns_write_record(&w, SLICE_EMPTY, DNS_A, 0);
    dns_write_bytes(&w, filling, sizeof(filling));
    dns_write_end(&w, record);
    size_t before = w.len;
    ns(&w, "far.test", "far.test");
    assert_int_equal(w.len - before, 10 + 10 + 10); /* written twice */
}

static void a_set_is_there_as_a_whole_or_not_at_all(void **state)
{
    struct world *world = world_new(true);
    struct dns_edges e = { .edges = { &world->view->edges[0], &world->view->edges[1] }, .n = 2, .ttl_s = 9 };
    struct dns_writer w;

    (void)state;
    start(&w, "cdn.example", 29 + 3 * 16);
    assert_true(dns_write_addresses(&w, SLICE_EMPTY, true, &e));
    assert_int_equal(w.len, w.limit);
    SAYS(finish(&w), "NOERROR aa\n"
                     "cdn.example. 9 A 192.0.2.1\n"
                     "cdn.example. 9 A 192.0.2.2\n"
                     "cdn.example. 9 A 192.0.2.101\n");
    for (size_t limit = 29; limit < 29 + 3 * 16; limit++) {
        start(&w, "cdn.example", limit);
        assert_false(dns_write_addresses(&w, SLICE_EMPTY, true, &e));
        SAYS(finish(&w), "NOERROR aa\n");
        assert_int_equal(w.len, 29);
    }
    world_free(world);
}

/* What was taken back is not pointed to. */
static void a_name_that_was_taken_back_is_forgotten(void **state)
{
    struct dns_writer w;

    (void)state;
    start(&w, "cdn.example", 60);
    struct dns_mark before = dns_write_mark(&w);
    ns(&w, "", "some.where.test");
    assert_true(w.full || w.len > before.len);
    dns_write_back(&w, &before);
    ns(&w, "", "else.test");
    SAYS(finish(&w), "NOERROR aa\ncdn.example. 5 NS else.test.\n");
}

static void feat_L8_hints_are_left_out_before_the_record_is(void **state)
{
    struct world *world = world_new(true);
    struct dns_edges e = { .edges = { &world->view->edges[0] }, .n = 1, .ttl_s = 9 };
    struct dns_writer w;
    const size_t bare = 29 + 12 + 3 + 13, whole = bare + 4 + 8 + 4 + 32;

    (void)state;
    for (size_t limit = 29; limit <= whole; limit++) {
        start(&w, "cdn.example", limit);
        assert_int_equal(dns_write_https(&w, &e, true), limit >= bare);
        assert_int_equal(w.len, limit == whole ? whole : limit >= bare ? bare : 29);
        SAYS(finish(&w), limit < bare    ? "NOERROR aa\n"
                         : limit < whole ? "NOERROR aa\ncdn.example. 9 HTTPS 1 . alpn=http/1.1\n"
                                         : "NOERROR aa\ncdn.example. 9 HTTPS 1 . alpn=http/1.1 "
                                           "ipv4hint=192.0.2.1,192.0.2.101 "
                                           "ipv6hint=2001:db8:0:0:0:0:0:1,2001:db8:0:0:0:0:0:101\n");
    }
    world_free(world);
}

static void glue_is_written_as_far_as_it_goes(void **state)
{
    struct world *world = world_new(true);
    struct dns_writer w;
    size_t last = 0;

    (void)state;
    for (size_t limit = 200; limit < 460; limit++) {
        start(&w, "cdn.example", limit);
        assert_true(dns_write_ns(&w, world->site));
        w.section = DNS_ADDITIONAL;
        dns_write_glue(&w, world->site);
        finish(&w);
        assert_int_equal(w.counts[DNS_ANSWER], 3);
        assert_true(w.counts[DNS_ADDITIONAL] >= last && w.counts[DNS_ADDITIONAL] != 2 &&
                    w.counts[DNS_ADDITIONAL] != 4); /* fra-1 has two of each kind */
        last = w.counts[DNS_ADDITIONAL];
    }
    assert_int_equal(last, 7);
    buf_free(&asked);
    world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_compressed_wherever_they_end_alike),
        cmocka_unit_test(nothing_points_behind_where_pointers_reach),
        cmocka_unit_test(a_set_is_there_as_a_whole_or_not_at_all),
        cmocka_unit_test(a_name_that_was_taken_back_is_forgotten),
        cmocka_unit_test(feat_L8_hints_are_left_out_before_the_record_is),
        cmocka_unit_test(glue_is_written_as_far_as_it_goes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
