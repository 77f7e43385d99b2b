/* test_nearest.c - viewers sent to edges over HTTP: redirects, one copy under all names, and what players are told. The
 * edges are made by hand: b-1 is the nearest to 203.0.113.0/24, then a-1, then c-1, and us-1 is far. */
#include <jansson.h>

#include "engine_dists.h"

#include "node/core/nearest.h"
#include "node/steer/view_impl.h"

#define DOMAIN "cdn.example"

enum { A, B, C, US, EDGES };
static const struct {
    const char *name, *zone;
    uint16_t rtt; /* in 100 us */
} places[EDGES] = { { "a-1", "eu/a", 300 }, { "b-1", "eu/b", 100 }, { "c-1", "ap/c", 900 }, { "us.1", "us/x", 1500 } };

static struct dist site_dist;
static struct steer_facts facts[EDGES];
static bool dead[EDGES];
static int self;
static uint16_t rtts[EDGES];

static struct mesh_addr viewer_addr(void)
{
    return mesh_addr_v4(0xcb007107, 40000); /* 203.0.113.7 */
}

static struct steer_view *make_view(void)
{
    static const uint8_t key[16] = "sixteen secrets";
    struct steer_view *v = steer_view_new(EDGES, 1, key, SEC(1), 1);
    struct mesh_addr addr = viewer_addr();

    assert_non_null(v);
    for (int i = 0; i < EDGES; i++) {
        struct steer_edge *e = steer_view_add_edge(v);
        e->id = (struct node_id){ { (uint8_t)(i + 1) } };
        snprintf(e->name, sizeof(e->name), "%s", places[i].name);
        snprintf(e->zone, sizeof(e->zone), "%s", places[i].zone);
        e->self = i == self;
        e->alive = !dead[i];
        e->heard = SEC(1);
        e->facts = facts[i];
    }
    struct steer_row *row = steer_view_add_row(v);
    *row = (struct steer_row){ .home = UINT16_MAX };
    assert_true(steer_prefix_of(&row->prefix, &addr, 0));
    for (uint16_t at = 0; at < EDGES; at++) { /* nearest first */
        size_t k = row->n++;
        for (; k > 0 && row->figures[k - 1].rtt > rtts[at]; k--)
            row->figures[k] = row->figures[k - 1];
        row->figures[k] = (struct steer_figure){ .edge = at, .rtt = rtts[at], .age_s = 1 };
    }
    steer_view_finish(v, SEC(10));
    return v;
}

static void all_is_well(void)
{
    self = A;
    memset(dead, 0, sizeof(dead));
    for (int i = 0; i < EDGES; i++) {
        rtts[i] = places[i].rtt;
        facts[i] = (struct steer_facts){ .addrs = { mesh_addr_v4(0x0a000001u + (uint32_t)i, 0) },
                                         .addrs_n = 1,
                                         .http = (uint16_t)(i == C ? 80 : 8080),
                                         .https = 443,
                                         .ready = true };
    }
}

/* ---- requests at one engine, in a world with a domain ---- */

static void edges_are_told(void)
{
    struct steer_view *v = make_view();

    engine_edges_given(engine_of(w, 0), v);
    steer_view_unref(v);
}

static int open_at_domain(void **state)
{
    (void)state;
    all_is_well();
    w = world_bare(1);
    w->nodes[0].cfg.zone = S(DOMAIN);
    node_start(w, 0, true);
    world_run(w, SEC(1));
    edges_are_told();
    return 0;
}

#define HERE(f) cmocka_unit_test_setup_teardown(f, open_at_domain, close_world)

static struct viewer *comes(const char *method, const char *host, const char *target)
{
    struct viewer *v = viewer_new(w, 0, target);

    v->r.method = slice_str(method);
    v->r.host = v->r.authority = slice_str(host);
    v->r.from = viewer_addr();
    engine_request(engine_of(w, 0), w->now, &v->r);
    return v;
}

/* The path of where |v| is sent, after the host; NULL: it is sent nowhere. */
static bool is_sent(struct viewer *v, const char *to, const char *target)
{
    char want[512];

    snprintf(want, sizeof(want), "http://%.*s--%s.%s%s%s", SLICE_FMT(v->r.dist->assigned), to, DOMAIN,
             strcmp(to, "c-1") == 0 ? "" : ":8080", target);
    bool sent = v->r.state == REQUEST_FAILED && v->r.error_status == 307 && slice_eq(v->r.location, slice_str(want));
    viewer_read(v);
    world_run(w, SEC(1));
    return sent;
}

static bool is_answered(struct viewer *v)
{
    viewer_read(v);
    world_run(w, SEC(1));
    return v->status == 200 && v->got == 1000 && v->right;
}

static void serve_one(enum dist_steer redirect, struct dist_behaviour *b, size_t n)
{
    static const struct slice hosts[] = { S("example.com"), S("www.example.com") };

    site_dist = one_dist(b, n);
    site_dist.any_host = false;
    site_dist.hosts = hosts;
    site_dist.hosts_n = 2;
    site_dist.steering.redirect = redirect;
    apply(&site_dist, 1);
}

static struct dist_behaviour plain[1];

static void feat_L2_a_redirect_keeps_path_query_and_method(void **state)
{
    static const char *const targets[] = { "/", "/a/../b%41%2f?q=1&x=%20//", "/?" };
    static const char *const methods[] = { "GET", "HEAD", "POST", "OPTIONS" };
    struct site *s = site_at(w, "*", 1000);

    (void)state;
    plain[0] = usual("*");
    serve_one(DIST_STEER_NEAREST, plain, 1);
    for (size_t i = 0; i < 3; i++) {
        for (size_t k = 0; k < 4; k++)
            assert_true(is_sent(comes(methods[k], "example.com", targets[i]), "b-1", targets[i]));
    }
    assert_true(is_sent(comes("GET", "www.example.com", "/x"), "b-1", "/x"));
    assert_int_equal(s->fetches, 0);
    serve_one(DIST_STEER_OFF, plain, 1);
    assert_true(is_answered(comes("GET", "example.com", "/x")));
}

static const char *at_edge(const char *edge)
{
    static char host[128];
    char label[DIST_LABEL_BYTES];

    dist_label(S("default"), label);
    snprintf(host, sizeof(host), "%.*s--%s.%s", DIST_LABEL_BYTES, label, edge, DOMAIN);
    return host;
}

/* Neither by its own name nor by another edge's: there is no loop. And one copy serves all of them. */
static void feat_L2_who_asks_one_edge_is_answered_there_from_the_same_copy(void **state)
{
    struct site *s = site_at(w, "*", 1000);

    (void)state;
    plain[0] = usual("*");
    serve_one(DIST_STEER_OFF, plain, 1);
    assert_true(is_answered(comes("GET", "example.com", "/x")));
    serve_one(DIST_STEER_NEAREST, plain, 1);
    assert_true(is_sent(comes("GET", "example.com", "/x"), "b-1", "/x")); /* though a copy is here */
    for (int i = 0; i < 3; i++) {
        assert_true(is_answered(comes("GET", at_edge("a-1"), "/x")));
        assert_true(is_answered(comes("GET", at_edge("b-1"), "/x")));
        assert_true(is_answered(comes("GET", at_edge("gone"), "/x")));
        assert_true(is_sent(comes("GET", "example.com", "/x"), "b-1", "/x"));
    }
    assert_int_equal(s->fetches, 1);
    assert_true(is_answered(comes("GET", at_edge("a-1"), "/y"))); /* and the other way round */
    serve_one(DIST_STEER_OFF, plain, 1);
    assert_true(is_answered(comes("GET", "example.com", "/y")));
    assert_int_equal(s->fetches, 2);
}

/* What would be another answer elsewhere, or none, is given here. */
static void feat_L2_what_is_bound_to_its_host_stays(void **state)
{
    static const struct slice id[] = { S("k") };
    struct dist_behaviour b = usual("*");

    (void)state;
    (void)site_at(w, "*", 1000);
    b.viewer_host = true;
    serve_one(DIST_STEER_NEAREST, &b, 1);
    assert_true(is_answered(comes("GET", "www.example.com", "/x")));
    assert_true(is_sent(comes("GET", "example.com", "/x"), "b-1", "/x"));
    b = usual("*");
    b.request_cookies.which = DIST_ALL;
    serve_one(DIST_STEER_NEAREST, &b, 1);
    struct viewer *v = ask_with(0, "example.com", "/c", "Cookie: a=b\n", false);
    world_run(w, SEC(1));
    assert_int_equal(v->status, 200);
    v = ask_with(0, "example.com", "/c", "Authorization: Basic eDp5\n", false);
    world_run(w, SEC(1));
    assert_int_equal(v->status, 200);
    b.key_groups = id;
    b.key_groups_n = 1;
    serve_one(DIST_STEER_NEAREST, &b, 1);
    v = comes("GET", "example.com", "/x"); /* it learns here that it is not let in */
    assert_int_equal(v->r.error_status, 403);
    viewer_read(v);
}

static void feat_L2_only_a_much_nearer_edge_or_none_of_ours(void **state)
{
    static const struct {
        uint16_t here, there;
        bool goes;
    } rows[] = {
        { 300, 100, true },   /* 30 ms, 10 ms */
        { 300, 201, false },  /* less than 10 ms */
        { 300, 199, true },   /* more than that */
        { 1000, 850, false }, /* 15 ms, but 15 % */
        { 1000, 799, true },  /* and 20 % */
        { 100, 300, false },  /* it is further away */
    };

    (void)state;
    (void)site_at(w, "*", 1000);
    plain[0] = usual("*");
    serve_one(DIST_STEER_NEAREST, plain, 1);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        rtts[A] = rows[i].here;
        rtts[B] = rows[i].there;
        rtts[C] = rtts[US] = 3000;
        edges_are_told();
        struct viewer *v = comes("GET", "example.com", "/x");
        if ((rows[i].goes ? is_sent(v, "b-1", "/x") : is_answered(v)) != true)
            fail_msg("%u, %u", rows[i].here, rows[i].there);
    }
    rtts[A] = 100;
    rtts[B] = 101;
    facts[A].draining = true;
    edges_are_told();
    assert_true(is_sent(comes("GET", "example.com", "/x"), "b-1", "/x"));
    facts[B].draining = true;
    edges_are_told();
    assert_true(is_sent(comes("GET", "example.com", "/x"), "c-1", "/x")); /* at its usual port */
    for (int i = B; i < EDGES; i++)
        dead[i] = true;
    edges_are_told();
    assert_true(is_answered(comes("GET", "example.com", "/x"))); /* there is nobody else */
    all_is_well();
    facts[A] = (struct steer_facts){ .ready = true }; /* we know of no address of ours, but who asks has found one */
    edges_are_told();
    assert_true(is_answered(comes("GET", "example.com", "/x")));
}

static void feat_L6_regions_that_are_left_out_get_nobody(void **state)
{
    static const struct slice us[] = { S("us") }, eu[] = { S("eu") };

    (void)state;
    (void)site_at(w, "*", 1000);
    plain[0] = usual("*");
    serve_one(DIST_STEER_NEAREST, plain, 1);
    site_dist.steering.regions = us;
    site_dist.steering.regions_n = 1;
    apply(&site_dist, 1);
    char label[STEER_LABEL_MAX + 1];
    steer_label(label, S("us.1"), (const uint8_t[16]){ US + 1 });
    assert_true(is_sent(comes("GET", "example.com", "/x"), label, "/x")); /* however far */
    dead[US] = true;                                                      /* rather any than none, and that is us */
    edges_are_told();
    assert_true(is_answered(comes("GET", "example.com", "/x")));
    dead[US] = false;
    edges_are_told();
    site_dist.steering.regions = eu;
    site_dist.steering.regions_not = true;
    apply(&site_dist, 1);
    assert_true(is_sent(comes("GET", "example.com", "/x"), "c-1", "/x"));
}

/* ---- what players are told ---- */

static json_t *list(const char *target)
{
    struct viewer *v = comes("GET", "example.com", target);

    assert_int_equal(v->r.state, REQUEST_FAILED);
    assert_int_equal(v->r.error_status, 200);
    assert_true(request_here(&v->r) && v->r.list_ttl_s >= 5 && v->r.list_ttl_s <= 60);
    json_error_t at;
    json_t *j = json_loadb((const char *)v->r.list.data, v->r.list.len, 0, &at);
    if (j == NULL)
        fail_msg("%s in %.*s", at.text, SLICE_FMT(v->r.list));
    viewer_read(v);
    return j;
}

static void serve_lists(void)
{
    plain[0] = usual("*");
    serve_one(DIST_STEER_NEAREST, plain, 1);
    site_dist.steering.lists = DIST_LISTS_ON;
    apply(&site_dist, 1);
}

static void feat_L9_edges_nearest_first(void **state)
{
    (void)state;
    struct site *s = site_at(w, "*", 1000);
    serve_lists();
    json_t *j = list("/.well-known/hedgerow/edges?x=y"), *edges = json_object_get(j, "edges");
    assert_int_equal(json_array_size(edges), EDGES);
    static const int order[] = { B, A, C, US };
    for (size_t i = 0; i < EDGES; i++) {
        json_t *e = json_array_get(edges, i);
        assert_string_equal(json_string_value(json_object_get(e, "name")), places[order[i]].name);
        assert_string_equal(json_string_value(json_object_get(e, "zone")), places[order[i]].zone);
        assert_true(json_number_value(json_object_get(e, "expected_ms")) == places[order[i]].rtt / 10);
    }
    json_t *b = json_array_get(edges, 0);
    assert_string_equal(json_string_value(json_object_get(b, "host")), at_edge("b-1"));
    assert_string_equal(json_string_value(json_array_get(json_object_get(b, "addresses"), 0)), "10.0.0.2");
    assert_int_equal(json_integer_value(json_object_get(json_object_get(b, "ports"), "http")), 8080);
    json_decref(j);
    assert_int_equal(s->fetches, 0);
    serve_one(DIST_STEER_OFF, plain, 1); /* then the path is the origin's */
    assert_true(is_answered(comes("GET", "example.com", "/.well-known/hedgerow/edges")));
    assert_int_equal(s->fetches, 1);
    serve_lists();
    assert_true(
        is_sent(comes("GET", "example.com", "/.well-known/hedgerow/other"), "b-1", "/.well-known/hedgerow/other"));
    struct viewer *v = comes("POST", "example.com", "/.well-known/hedgerow/edges");
    assert_int_equal(v->r.error_status, 403);
    assert_true(slice_eq(v->r.allow, S("GET, HEAD")));
    viewer_read(v);
}

/* Where all are drained, those are listed that DNS would answer with: better they than nobody. */
static void feat_L9_where_nobody_is_well_the_list_is_as_the_answers_are(void **state)
{
    (void)state;
    rtts[A] = 150;
    for (int i = 0; i < EDGES; i++)
        facts[i].draining = true;
    edges_are_told();
    serve_lists();
    json_t *j = list("/.well-known/hedgerow/edges"), *edges = json_object_get(j, "edges");
    assert_int_equal(json_array_size(edges), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(edges, 0), "name")), "b-1");
    assert_string_equal(json_string_value(json_object_get(json_array_get(edges, 1), "name")), "a-1");
    json_decref(j);
}

static void pathways_are(json_t *j, const char *base, const char *const *want, size_t n)
{
    json_t *order = json_object_get(j, "PATHWAY-PRIORITY"), *clones = json_object_get(j, "PATHWAY-CLONES");
    char host[160];

    assert_int_equal(json_integer_value(json_object_get(j, "VERSION")), 1);
    assert_true(json_integer_value(json_object_get(j, "TTL")) >= 5);
    assert_int_equal(json_array_size(order), n + 1);
    assert_int_equal(json_array_size(clones), n);
    for (size_t i = 0; i < n; i++) {
        json_t *clone = json_array_get(clones, i);
        assert_string_equal(json_string_value(json_array_get(order, i)), want[i]);
        assert_string_equal(json_string_value(json_object_get(clone, "ID")), want[i]);
        assert_string_equal(json_string_value(json_object_get(clone, "BASE-ID")), base);
        snprintf(host, sizeof(host), "%s%s", at_edge(want[i]), strcmp(want[i], "c-1") == 0 ? "" : ":8080");
        assert_string_equal(json_string_value(json_object_get(json_object_get(clone, "URI-REPLACEMENT"), "HOST")),
                            host);
    }
    assert_string_equal(json_string_value(json_array_get(order, n)), base);
    json_decref(j);
}

static void feat_L9_the_steering_manifest_names_edges_in_order(void **state)
{
    static const char *const order[] = { "b-1", "a-1", "c-1" }, *const but_a[] = { "b-1", "c-1" };
    static const struct {
        const char *query, *base;
    } rows[] = {
        { "", "." },
        { "?_HLS_pathway=a-1&_HLS_throughput=123", "." },
        { "?base=CDN-1.x_y&_DASH_pathway=%22a%22", "CDN-1.x_y" },
        { "?base=%22", "." },
        { "?base=\"},", "." },
        { "?base=", "." },
        { "?base", "." },
        { "?base=0123456789012345678901234567890123456789012345678901234567890123x", "." },
        { "?base=a%0d&base=b", "b" },
    };

    (void)state;
    (void)site_at(w, "*", 1000);
    serve_lists();
    dead[US] = true;
    edges_are_told();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char target[256], again[128];
        snprintf(target, sizeof(target), "/.well-known/hedgerow/steering.json%s", rows[i].query);
        snprintf(again, sizeof(again), "/.well-known/hedgerow/steering.json?base=%s", rows[i].base);
        json_t *j = list(target);
        assert_string_equal(json_string_value(json_object_get(j, "RELOAD-URI")), again);
        pathways_are(j, rows[i].base, order, 3);
    }
    pathways_are(list("/.well-known/hedgerow/steering.json?base=a-1"), "a-1", but_a, 2);
    for (int i = 0; i < EDGES; i++)
        dead[i] = true;
    edges_are_told();
    pathways_are(list("/.well-known/hedgerow/steering.json"), ".", NULL, 0);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        HERE(feat_L2_a_redirect_keeps_path_query_and_method),
        HERE(feat_L2_who_asks_one_edge_is_answered_there_from_the_same_copy),
        HERE(feat_L2_what_is_bound_to_its_host_stays),
        HERE(feat_L2_only_a_much_nearer_edge_or_none_of_ours),
        HERE(feat_L6_regions_that_are_left_out_get_nobody),
        HERE(feat_L9_edges_nearest_first),
        HERE(feat_L9_where_nobody_is_well_the_list_is_as_the_answers_are),
        HERE(feat_L9_the_steering_manifest_names_edges_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
