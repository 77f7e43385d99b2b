/* test_dns_zone.c - which names there are, and what each of them is. */
#include "node/dns/zone.h"
#include "tests/unit/dns_world.h"

static enum dns_kind kind(struct world *w, const char *name)
{
    struct dns_place p;

    dns_place_of(&p, w->site, slice_str(name), false);
    return p.kind;
}

static const char *below(const char *label)
{
    static char name[300];

    snprintf(name, sizeof(name), "%s.cdn.example", label);
    return name;
}

static void feat_L2_names_that_are_served(void **state)
{
    struct world *w = world_new(false);

    (void)state;
    assert_int_equal(kind(w, "www.cdn.example"), DNS_SERVED);
    assert_int_equal(kind(w, below(w->label)), DNS_SERVED);
    assert_int_equal(kind(w, "a.w.cdn.example"), DNS_SERVED);
    assert_int_equal(kind(w, "a.b.w.cdn.example"), DNS_SERVED);
    assert_int_equal(kind(w, "example.com"), DNS_SERVED);
    assert_int_equal(kind(w, "img.example.com"), DNS_SERVED);
    assert_int_equal(kind(w, "other.example"), DNS_EMPTY); /* a zone of ours, and nobody's host */
    assert_int_equal(kind(w, "elsewhere.example"), DNS_OUTSIDE);
    assert_int_equal(kind(w, "xcdn.example"), DNS_OUTSIDE);
    assert_int_equal(kind(w, "example"), DNS_OUTSIDE);
    assert_int_equal(kind(w, "com"), DNS_OUTSIDE);
    assert_int_equal(kind(w, ""), DNS_OUTSIDE);
    assert_int_equal(kind(w, "cdn.example"), DNS_EMPTY);
    world_free(w);
}

static void feat_L2_who_answers_any_host_has_the_zones_own_names_alone(void **state)
{
    struct world *w = world_new(true);

    (void)state;
    assert_int_equal(kind(w, "cdn.example"), DNS_SERVED);
    assert_int_equal(kind(w, "other.example"), DNS_SERVED);
    assert_int_equal(kind(w, "nosuch.cdn.example"), DNS_NOTHING);
    assert_int_equal(kind(w, "www.other.example"), DNS_NOTHING);
    world_free(w);
}

static void names_above_a_host_are_there_and_empty(void **state)
{
    struct world *w = world_new(true);

    (void)state;
    assert_int_equal(kind(w, "x.y.z.cdn.example"), DNS_SERVED);
    assert_int_equal(kind(w, "y.z.cdn.example"), DNS_EMPTY);
    assert_int_equal(kind(w, "z.cdn.example"), DNS_EMPTY);
    assert_int_equal(kind(w, "w.cdn.example"), DNS_EMPTY); /* above a wildcard */
    assert_int_equal(kind(w, "b.y.z.cdn.example"), DNS_NOTHING);
    assert_int_equal(kind(w, "b.www.cdn.example"), DNS_NOTHING);
    /* What is disabled is not there, nor is what is above it. */
    assert_int_equal(kind(w, "off.cdn.example"), DNS_NOTHING);
    assert_int_equal(kind(w, "p.q.cdn.example"), DNS_NOTHING);
    assert_int_equal(kind(w, "q.cdn.example"), DNS_NOTHING);
    world_free(w);
}

static void feat_L2_names_of_edges(void **state)
{
    struct world *w = world_new(true);
    struct dns_place p;
    char name[200];

    (void)state;
    dns_place_of(&p, w->site, S("ns--fra-2.cdn.example"), false);
    assert_int_equal(p.kind, DNS_OF_EDGE);
    assert_ptr_equal(p.edge, &w->view->edges[1]);
    dns_place_of(&p, w->site, S("a--b--fra-1.cdn.example"), false);
    assert_ptr_equal(p.edge, &w->view->edges[0]);
    assert_int_equal(kind(w, "ns--fra-3.cdn.example"), DNS_NOTHING);
    assert_int_equal(kind(w, "--fra-2.cdn.example"), DNS_NOTHING);
    assert_int_equal(kind(w, "fra-2.cdn.example"), DNS_NOTHING);
    assert_int_equal(kind(w, "x.ns--fra-2.cdn.example"), DNS_NOTHING);
    assert_int_equal(kind(w, "ns--fra-2.example.com"), DNS_NOTHING); /* below the mesh's own domain alone */
    w->edges[1].facts.draining = true;
    world_site(w);
    assert_int_equal(kind(w, "ns--fra-2.cdn.example"), DNS_OF_EDGE);
    w->edges[1].heard = 0;
    world_site(w);
    assert_int_equal(kind(w, "ns--fra-2.cdn.example"), DNS_EMPTY);
    w->edges[1].heard = SEC(99);
    snprintf(name, sizeof(name), "%s--fra-1.cdn.example", w->label);
    assert_int_equal(kind(w, name), DNS_OF_EDGE);
    world_free(w);
}

static void feat_L3_who_meant_a_dead_edge_gets_another(void **state)
{
    struct world *w = world_new(true);
    char name[200];

    (void)state;
    w->edges[0].alive = false;
    world_site(w);
    snprintf(name, sizeof(name), "%s--fra-1.cdn.example", w->label);
    assert_int_equal(kind(w, name), DNS_SERVED);
    name[1] = name[1] == 'x' ? 'y' : 'x'; /* no distribution's label */
    assert_int_equal(kind(w, name), DNS_EMPTY);
    assert_int_equal(kind(w, "ns--fra-1.cdn.example"), DNS_EMPTY);
    world_free(w);
}

static void the_longest_zone_counts(void **state)
{
    static const struct slice zones[] = { S("cdn.example"), S("example"), S("deep.er.example") };
    struct world *w = world_new(true);
    struct dns_place p;

    (void)state;
    dns_site_unref(w->site);
    assert_int_equal(dns_site_new(&w->site, zones, 3, w->set, w->view, 1), 0);
    dns_place_of(&p, w->site, S("www.cdn.example"), false);
    assert_true(slice_eq(p.zone, S("cdn.example")));
    dns_place_of(&p, w->site, S("elsewhere.example"), false);
    assert_true(slice_eq(p.zone, S("example")) && p.kind == DNS_SERVED);
    assert_int_equal(kind(w, "er.example"), DNS_EMPTY); /* above a zone */
    dns_place_of(&p, w->site, S("cdn.example"), false);
    assert_true(slice_eq(p.zone, S("cdn.example")) && p.apex);
    dns_place_of(&p, w->site, S("cdn.example"), true); /* DS is above */
    assert_true(slice_eq(p.zone, S("example")) && !p.apex);
    dns_place_of(&p, w->site, S("example"), true);
    assert_true(slice_eq(p.zone, S("example")) && p.apex); /* where that is nobody of us, we answer */
    world_free(w);
}

static int made(const struct slice *zones, size_t n)
{
    struct world *w = world_new(false);
    struct dns_site *s = NULL;
    int err = dns_site_new(&s, zones, n, w->set, w->view, 1);

    assert_true((err == 0) == (s != NULL));
    dns_site_unref(s);
    world_free(w);
    return err;
}

static void zones_that_are_none_are_refused(void **state)
{
    struct slice many[DNS_ZONES_MAX + 1], one;
    char names[DNS_ZONES_MAX + 1][8], longest[300];

    (void)state;
    for (size_t i = 0; i <= DNS_ZONES_MAX; i++) {
        snprintf(names[i], sizeof(names[i]), "z%zu.a", i);
        many[i] = slice_str(names[i]);
    }
    assert_int_equal(made(many, DNS_ZONES_MAX), 0);
    assert_int_equal(made(many, DNS_ZONES_MAX + 1), MESH_E_FULL);
    assert_int_equal(made(many, 0), MESH_E_MISSING);
    static const char *const wrong[] = { "", ".", "a..b", ".a", "a..", "a b", "*.a", "a/b" };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        one = slice_str(wrong[i]);
        assert_int_equal(made(&one, 1), MESH_E_SYNTAX);
    }
    memset(longest, 'a', sizeof(longest));
    for (size_t i = 0; i < sizeof(longest); i += 60)
        longest[i] = '.';
    one = slice_of(longest + 1, DNS_ZONE_TEXT_MAX);
    assert_int_equal(made(&one, 1), 0);
    one = slice_of(longest + 1, DNS_ZONE_TEXT_MAX + 1);
    assert_int_equal(made(&one, 1), MESH_E_RANGE);
    memset(longest, 'a', sizeof(longest));
    one = slice_of(longest, 63);
    assert_int_equal(made(&one, 1), 0);
    one = slice_of(longest, 64);
    assert_int_equal(made(&one, 1), MESH_E_SYNTAX);
    many[1] = S("Z0.A.");
    assert_int_equal(made(many, 2), MESH_E_EXISTS);
}

static void feat_L3_name_servers_are_edges_that_answer(void **state)
{
    struct world *w = world_new(true);
    struct dns_name name;

    (void)state;
    assert_int_equal(w->site->ns_n, 3);
    assert_true(slice_eq(dns_ns_name(w->site, 0, &name), S("ns--ams-1.cdn.example")));
    assert_true(slice_eq(dns_ns_name(w->site, 2, &name), S("ns--fra-2.cdn.example")));
    w->edges[0].alive = false;
    w->edges[1].facts.dns = 0;
    world_site(w);
    assert_int_equal(w->site->ns_n, 1);
    assert_int_equal(w->site->ns[0], 2);
    w->edges[2].facts.ready = false;
    world_site(w);
    assert_int_equal(w->site->ns_n, 0);
    w->edges[2].facts.draining = true; /* better than nobody */
    world_site(w);
    assert_int_equal(w->site->ns_n, 1);
    world_free(w);
}

static void of_many_the_first_eight_are_name_servers(void **state)
{
    struct world *w = world_new(true);
    struct dns_name name;

    (void)state;
    w->edges_n = 40;
    for (size_t i = 0; i < 40; i++) {
        w->edges[i] = w->edges[0];
        snprintf(w->edges[i].name, sizeof(w->edges[i].name), "e%02zu", (i * 17 + 5) % 40);
    }
    world_site(w);
    assert_int_equal(w->site->ns_n, DNS_NS_MAX);
    for (size_t i = 0; i < DNS_NS_MAX; i++) {
        char want[40];
        snprintf(want, sizeof(want), "ns--e%02zu.cdn.example", i);
        assert_true(slice_eq(dns_ns_name(w->site, i, &name), slice_str(want)));
    }
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feat_L2_names_that_are_served),
        cmocka_unit_test(feat_L2_who_answers_any_host_has_the_zones_own_names_alone),
        cmocka_unit_test(names_above_a_host_are_there_and_empty),
        cmocka_unit_test(feat_L2_names_of_edges),
        cmocka_unit_test(feat_L3_who_meant_a_dead_edge_gets_another),
        cmocka_unit_test(the_longest_zone_counts),
        cmocka_unit_test(zones_that_are_none_are_refused),
        cmocka_unit_test(feat_L3_name_servers_are_edges_that_answer),
        cmocka_unit_test(of_many_the_first_eight_are_name_servers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
