/* test_error_page.c - pages in place of errors, the origin's and ours. */
#include "engine_dists.h"

static struct site *page, *origin;

/* /errors/... come from another origin than all else. */
static void with_pages(void)
{
    static const struct dist_error errors[] = {
        { .status = 404, .ttl_s = -1, .page = SLICE_LIT("/errors/404.html") },
        { .status = 500, .ttl_s = 60, .page = SLICE_LIT("/errors/500.html"), .as = 200 },
        { .status = 502, .ttl_s = -1, .page = SLICE_LIT("/errors/502.html"), .as = 503 },
        { .status = 403, .ttl_s = -1 },
    };
    static struct dist_origin origins[2];
    static struct dist_behaviour b[2];

    origins[0] = origin_called("o", "http://o");
    origins[1] = origin_called("pages", "http://pages");
    b[0] = usual("/errors/*");
    b[0].target = 1;
    b[1] = usual("*");
    struct dist d = one_dist(b, 2);
    d.origins = origins;
    d.origins_n = 2;
    d.errors = errors;
    d.errors_n = 4;
    apply(&d, 1);
    origin = site_at(w, "*", 1000);
    origin->origin = "o";
    page = site_at(w, "*", 2000);
    page->origin = "pages";
}

static struct viewer *seen(int n, const char *path)
{
    struct viewer *v = ask(w, n, path);

    v->site = NULL;
    world_run(w, SEC(1));
    return v;
}

static unsigned shown(const struct viewer *v)
{
    return v->answer.as != 0 ? v->answer.as : v->status;
}

static void feat_R21_a_page_takes_the_place_of_an_error(void **state)
{
    static const struct {
        uint16_t status; /* of the origin's; 0: it cannot be reached */
        unsigned want;
        uint64_t length;
    } rows[] = {
        { 404, 404, 2000 }, { 500, 200, 2000 }, { 403, 403, 1000 }, { 0, 503, 2000 }, { 200, 200, 1000 },
    };
    char path[16];

    (void)state;
    with_pages();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        origin->status = rows[i].status;
        origin->cut_at = rows[i].status == 0 ? 0 : UINT64_MAX;
        origin->cut_err = MESH_E_REFUSED;
        for (int n = 0; n < 3; n++) {
            snprintf(path, sizeof(path), "/a%zu", i);
            for (int round = 0; round < 3; round++) {
                struct viewer *v = seen(n, path);
                if (!v->done || shown(v) != rows[i].want || v->got != rows[i].length)
                    fail_msg("%u at n%d: %u, %llu bytes", rows[i].status, n, shown(v), (unsigned long long)v->got);
            }
        }
    }
    assert_int_equal(page->fetches, 3); /* each page once */
}

static void feat_R21_no_page_and_no_loop(void **state)
{
    (void)state;
    with_pages();
    page->status = 404;
    page->lines = "Cache-Control: max-age=60\n";
    origin->status = 404;
    origin->lines = "Cache-Control: max-age=60\n";
    for (int n = 0; n < 3; n++) {
        struct viewer *v = seen(n, "/a");
        assert_true(v->done);
        assert_int_equal(shown(v), 404);
        assert_int_equal(v->got, 1000); /* the error's own body */
    }
    assert_int_equal(page->fetches, 1);
    assert_int_equal(shown(seen(0, "/errors/404.html")), 404);
    page->cut_at = 0; /* its origin is away, too */
    page->cut_err = MESH_E_REFUSED;
    origin->cut_at = 0;
    origin->cut_err = MESH_E_REFUSED;
    struct viewer *v = seen(1, "/b");
    assert_true(v->failed);
    assert_int_equal(v->status, 502);
}

/* Who asked for what is not kept is shown the page all the same; and a POST sees what the origin says. */
static void feat_R21_what_is_not_kept(void **state)
{
    (void)state;
    with_pages();
    origin->status = 404;
    origin->lines = "Cache-Control: no-store\n";
    for (int i = 0; i < 4; i++) {
        struct viewer *v = seen(i % 3, "/a");
        assert_true(v->done);
        assert_int_equal(shown(v), 404);
        assert_int_equal(v->got, 2000);
    }
    assert_int_equal(page->fetches, 1);
    struct viewer *v = by("POST", 0, "/a");
    v->site = NULL;
    world_run(w, SEC(1));
    assert_int_equal(v->got, 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        THREE(feat_R21_a_page_takes_the_place_of_an_error),
        THREE(feat_R21_no_page_and_no_loop),
        THREE(feat_R21_what_is_not_kept),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
