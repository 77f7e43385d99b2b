/* test_dist_steering.c - which edges an owner has viewers sent to: read, refused, written; and names at one edge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dist_texts.h"

#define BEGIN "distributions:\n  - name: a\n    origins: http://o.example\n"

static struct buf written(const struct dist_set *s)
{
    struct buf out = BUF_EMPTY;

    dist_write(&out, &s->dists[0]);
    assert_true(buf_ok(&out));
    return out;
}

static void what_is_said_comes_back(void **state)
{
    static const struct {
        const char *said, *canonical; /* NULL: nothing */
    } rows[] = {
        { "", NULL },
        { "    steering: {}\n", NULL },
        { "    steering: { redirect: off, lists: off }\n", NULL },
        { "    steering: { redirect: nearest, regions: { allow: [ us, eu ] }, lists: on }\n",
          "\"steering\":{\"redirect\":\"nearest\",\"regions\":{\"allow\":[\"eu\",\"us\"]},\"lists\":\"on\"}" },
        { "    steering: { regions: { block: ap } }\n", "\"steering\":{\"regions\":{\"block\":[\"ap\"]}}" },
    };
    uint64_t usual = 0;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[512];
        snprintf(text, sizeof(text), "%s%s", BEGIN, rows[i].said);
        struct dist_set *s = take(text);
        struct buf out = written(s);
        const char *want = rows[i].canonical;
        if (want == NULL ? memmem(out.data, out.len, "steering", 8) != NULL
                         : memmem(out.data, out.len, want, strlen(want)) == NULL)
            fail_msg("%s: %.*s", rows[i].said, SLICE_FMT(buf_slice(&out)));
        if (i == 0)
            usual = s->dists[0].digest;
        assert_true((s->dists[0].digest == usual) == (want == NULL));
        struct buf all = BUF_EMPTY;
        dist_set_write(&all, s);
        buf_add_u8(&all, 0);
        struct dist_set *again = take((const char *)all.data);
        assert_int_equal(again->dists[0].digest, s->dists[0].digest);
        assert_int_equal(again->dists[0].steering.regions_not, s->dists[0].steering.regions_not);
        dist_set_unref(again);
        dist_set_unref(s);
        buf_free(&all);
        buf_free(&out);
    }
}

static void what_is_refused(void **state)
{
    static const struct {
        const char *said, *fault;
    } rows[] = {
        { "    steering: on\n", "distributions[0].steering" },
        { "    steering: { redirect: near }\n", "steering.redirect: \"near\" must be off or nearest." },
        { "    steering: { lists: yes }\n", "steering.lists: \"yes\" must be off or on." },
        { "    steering: { regions: [ eu ] }\n",
          "steering.regions: must be { allow: [ eu, us ] } or { block: [ ap ] }." },
        { "    steering: { regions: { allow: [] } }\n", "steering.regions: has 0 entries" },
        { "    steering: { regions: { allow: [ eu/fra ] } }\n", "\"eu/fra\" must be a region of edges" },
        { "    steering: { regions: { allow: [ eu, eu ] } }\n", "\"eu\" is there twice" },
        { "    steering: { region: { allow: [ eu ] } }\n", "region" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct buf errors = BUF_EMPTY;
        struct dist_set *s = NULL;
        char text[512];
        snprintf(text, sizeof(text), "%s%s", BEGIN, rows[i].said);
        int err = dist_set_read(slice_str(text), "f.yaml", &s, &errors);
        if (err == 0 || memmem(errors.data, errors.len, rows[i].fault, strlen(rows[i].fault)) == NULL)
            fail_msg("%s: %.*s", rows[i].said, SLICE_FMT(buf_slice(&errors)));
        dist_set_unref(s);
        buf_free(&errors);
    }
}

static const char named[] =
    "distributions:\n"
    "  - { name: a, origins: http://o.example, hosts: [ \"*.a.example\", b.example, a.example ] }\n"
    "  - { name: b, origins: http://o.example }\n"
    "  - { name: c, origins: http://o.example, enabled: false }\n"
    "  - name: d\n"
    "    origins: http://o.example\n"
    "    hosts: [ \"*\" ]\n"
    "    behaviours: [ { host: viewer } ]\n";

static void is_at(const struct dist_set *s, const char *name, const char *found, const char *edge)
{
    struct slice host = slice_str(name), zone = SLICE_LIT("cdn.example"), at;
    const struct dist *d = dist_at_edge(s, host, zone, &at), *f = dist_find(s, host, zone);

    if ((d != NULL) != (edge != NULL) || (d != NULL && !slice_eq(at, slice_str(edge))))
        fail_msg("%s is %sat the edge %.*s", name, d != NULL ? "" : "not ", SLICE_FMT(at));
    if (f == NULL ? found != NULL : found == NULL || !slice_eq(f->name, slice_str(found)))
        fail_msg("%s is %s", name, f != NULL ? "another one's" : "nobody's");
}

static void feat_L2_a_distribution_has_a_name_at_each_edge(void **state)
{
    struct dist_set *s = take(named);
    char host[128];

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        static const struct {
            const char *rest, *edge; /* NULL: whose it is then the one for any host decides */
        } rows[] = {
            { "--fra-1.cdn.example", "fra-1" },
            { "--a.cdn.example", "a" },
            { "--n0123456789abcdef.cdn.example", "n0123456789abcdef" },
            { "--a23456789012345678901234567890123456789b.cdn.example", "a23456789012345678901234567890123456789b" },
            { "--a23456789012345678901234567890123456789bc.cdn.example", NULL }, /* too long */
            { "--.cdn.example", NULL },
            { "---a.cdn.example", NULL },
            { "--a-.cdn.example", NULL },
            { "-a.cdn.example", NULL },
            { "--a.b.cdn.example", NULL },
            { "--a_b.cdn.example", NULL },
            { "--fra-1.other.example", NULL },
            { "x--fra-1.cdn.example", NULL },
        };
        for (size_t k = 0; k < sizeof(rows) / sizeof(rows[0]); k++) {
            snprintf(host, sizeof(host), "%.*s%s", SLICE_FMT(s->dists[i].assigned), rows[k].rest);
            is_at(s, host, rows[k].edge == NULL ? "d" : i == 0 ? "a" : "b", rows[k].edge);
        }
    }
    snprintf(host, sizeof(host), "%.*s--fra-1.cdn.example", SLICE_FMT(s->dists[2].assigned));
    is_at(s, host, NULL, "fra-1"); /* nobody else gets what is that of one that is switched off */
    snprintf(host, sizeof(host), "%.*s.cdn.example", SLICE_FMT(s->dists[0].assigned));
    is_at(s, host, "a", NULL);
    is_at(s, "a.example", "a", NULL);
    is_at(s, "", "d", NULL);
    dist_set_unref(s);
}

static void main_host_is(const struct dist *d, const char *want)
{
    struct slice zone = SLICE_LIT("cdn.example");
    struct buf out = BUF_EMPTY;

    dist_main_host(&out, d, zone);
    if (!slice_eq(buf_slice(&out), slice_str(want)))
        fail_msg("%.*s", SLICE_FMT(buf_slice(&out)));
    assert_true(dist_is_main_host(d, buf_slice(&out), zone));
    assert_false(dist_is_main_host(d, SLICE_LIT("b.example"), zone));
    assert_false(dist_is_main_host(d, SLICE_EMPTY, SLICE_EMPTY));
    buf_free(&out);
}

/* By rule, and so the same on all nodes: one copy serves all of its edges' names. */
static void feat_L2_names_at_edges_count_as_one_name(void **state)
{
    struct dist_set *s = take(named);
    char host[64];

    (void)state;
    main_host_is(&s->dists[0], "a.example");
    snprintf(host, sizeof(host), "%.*s.cdn.example", SLICE_FMT(s->dists[1].assigned));
    main_host_is(&s->dists[1], host);
    assert_false(s->dists[0].steering.host_counts);
    assert_true(s->dists[3].steering.host_counts);
    dist_set_unref(s);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_said_comes_back),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(feat_L2_a_distribution_has_a_name_at_each_edge),
        cmocka_unit_test(feat_L2_names_at_edges_count_as_one_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
