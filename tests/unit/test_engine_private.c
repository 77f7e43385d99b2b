/* test_engine_private.c - private behaviours in an engine: who is let in, and that keys and origins see nothing of it.
 */
#include "engine_dists.h"
#include "node/signed/signing.h"

static const uint16_t first_key[] = { 0 };
static struct signing_key *keys[2];
static struct buf public[2];
static struct dist_key key = { S("K1"), { NULL, 0 } };
static struct dist_key_group group = { S("staff"), first_key, 1 };
LIST(staff, S("staff"));
LIST(germans, S("DE"));

static int make_keys(void **state)
{
    struct buf secret = BUF_EMPTY;

    if (setup(state) != 0)
        return -1;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(signing_key_new(&keys[i], SIGNER_P256), 0);
        assert_int_equal(signing_key_pem(keys[i], &secret, &public[i]), 0);
    }
    buf_free(&secret);
    return 0;
}

static int free_keys(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        signing_key_free(keys[i]);
        buf_free(&public[i]);
    }
    return 0;
}

/* "/p/..." is private, with key |k|; the rest is not. |change| may alter the two behaviours. */
static struct dist_behaviour behaviours[2];
static struct dist private_dist(int k)
{
    behaviours[0] = usual("/p/*");
    behaviours[0].key_groups = staff;
    behaviours[0].key_groups_n = 1;
    behaviours[1] = usual("*");
    behaviours[1].index = 1;
    struct dist d = one_dist(behaviours, 2);
    key.pem = buf_slice(&public[k]);
    d.keys = &key;
    d.keys_n = 1;
    d.key_groups = &group;
    d.key_groups_n = 1;
    return d;
}

/* The target of |path| at a.example, signed by key |k| until |seconds| from now. */
static const char *signed_path(int k, const char *path, int64_t seconds)
{
    static char texts[8][1024];
    static unsigned n;
    char url[256];
    struct signing_made made;
    struct buf out = BUF_EMPTY, why = BUF_EMPTY;

    snprintf(url, sizeof(url), "http://a.example%s", path);
    const struct signing_wish wish = { .url = slice_str(url),
                                       .key_id = S("K1"),
                                       .starts_s = -1,
                                       .sha256 = true,
                                       .ends_s = WALL + w->now / SEC(1) + seconds };
    assert_int_equal(signing_make(&made, keys[k], &wish, &why), 0);
    signing_url(&out, slice_str(path), &made);
    signing_fini(&made);
    char *text = texts[n++ % 8];
    snprintf(text, sizeof(texts[0]), "%.*s", SLICE_FMT(buf_slice(&out)));
    buf_free(&out);
    return text;
}

static struct viewer *asks(int n, const char *target, const char *lines, const char *country, uint32_t from)
{
    struct viewer *v = viewer_new(w, n, target);
    struct slice rest = slice_str(lines), line, name;

    while (slice_split(&rest, '\n', &line) && line.len > 0) {
        slice_split(&line, ':', &name);
        assert_int_equal(fields_add(&v->fields, name, slice_trim(line)), 0);
    }
    v->r.host = S("a.example");
    v->r.from = mesh_addr_v4(from, 99);
    snprintf(v->r.country, sizeof(v->r.country), "%s", country);
    viewer_ask(v);
    return v;
}

static unsigned status_of(int n, const char *target)
{
    struct viewer *v = asks(n, target, "", "", 1);

    v->r.target = SLICE_EMPTY; /* lent for the call alone */
    world_run(w, SEC(1));
    return v->status;
}

static void feat_S1_signed_or_not_and_nothing_of_it_is_in_the_key(void **state)
{
    struct site *s = site_at(w, "*", 1000);
    struct dist d = private_dist(0);

    (void)state;
    apply(&d, 1);
    assert_int_equal(status_of(0, "/p/x?y=1"), 403);
    assert_int_equal(s->fetches, 0);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(status_of(i, signed_path(0, "/p/x?y=1", 60 + i)), 200);
        assert_int_equal(status_of(i, "/p/x?y=1"), 403);
        assert_int_equal(status_of(i, signed_path(1, "/p/x?y=1", 60)), 403);
        assert_int_equal(status_of(i, signed_path(0, "/p/x?y=1", -1)), 403);
    }
    assert_int_equal(s->fetches, 1);
    assert_string_equal(s->last_path, "/p/x?y=1");
    assert_int_equal(status_of(0, "/open?Signature=kept"), 200);
    assert_string_equal(s->last_path, "/open?Signature=kept");
}

static void feat_S2_signed_cookies_are_not_shown_to_the_origin(void **state)
{
    struct site *s = site_at(w, "*", 1000);
    struct dist d = private_dist(0);
    struct buf lines = BUF_EMPTY;

    (void)state;
    behaviours[0].cache.cookies = (struct dist_names){ .which = DIST_ALL };
    apply(&d, 1);
    struct slice rest = slice_str(strchr(signed_path(0, "/p/x", 60), '?') + 1), part;
    buf_add_str(&lines, "Cookie: theme=dark");
    while (slice_split(&rest, '&', &part))
        buf_addf(&lines, "; CloudFront-%.*s", SLICE_FMT(part));
    buf_add_u8(&lines, 0);
    struct viewer *v = asks(0, "/p/x", (const char *)lines.data, "", 1);
    world_run(w, SEC(1));
    assert_int_equal(v->status, 200);
    assert_non_null(strstr(s->last_fields, "Cookie: theme=dark|"));
    assert_null(strstr(s->last_fields, "CloudFront"));
    buf_free(&lines);
}

static void feat_S6_keys_change_while_requests_come(void **state)
{
    struct dist d = private_dist(0);

    (void)state;
    site_at(w, "*", 1000);
    apply(&d, 1);
    assert_int_equal(status_of(0, signed_path(0, "/p/x", 60)), 200);
    d = private_dist(1);
    apply(&d, 1);
    assert_int_equal(status_of(0, signed_path(0, "/p/x", 60)), 403);
    assert_int_equal(status_of(0, signed_path(1, "/p/x", 60)), 200);
    /* One that is no key changes nothing. */
    key.pem = S("no key");
    struct dist_set *set = dist_set_of(&d, 1);
    assert_int_equal(engine_configure(engine_of(w, 0), w->now, set), MESH_E_SYNTAX);
    dist_set_unref(set);
    assert_int_equal(status_of(0, signed_path(1, "/p/x", 60)), 200);
}

static void feat_S4_what_began_in_time_ends(void **state)
{
    struct dist d = private_dist(0);

    (void)state;
    site_at(w, "*", 3000000);
    apply(&d, 1);
    const char *target = signed_path(0, "/p/big", 1);
    struct viewer *v = asks(0, target, "", "", 1);
    v->allow = 1000;
    world_run(w, SEC(5));
    assert_true(v->status == 200 && !v->done);
    assert_int_equal(status_of(0, target), 403);
    v->allow = UINT64_MAX;
    viewer_read(v);
    world_run(w, SEC(30));
    assert_true(v->done && !v->failed);
    check_whole(v);
}

static void feat_S8_countries_of_a_distribution(void **state)
{
    struct dist d = private_dist(0);

    (void)state;
    site_at(w, "*", 1000);
    d.geo = DIST_GEO_BLOCK;
    d.countries = germans;
    d.countries_n = 1;
    apply(&d, 1);
    struct viewer *v[] = { asks(0, "/x", "", "DE", 1), asks(0, "/x", "", "FR", 1), asks(0, "/x", "", "", 1) };
    assert_string_equal(v[0]->r.detail, "CountryBlocked");
    world_run(w, SEC(1));
    assert_true(v[0]->status == 403 && v[1]->status == 200 && v[2]->status == 200);
}

static void feat_S10_a_rate_for_each_address(void **state)
{
    struct dist d = private_dist(0);
    unsigned n[2] = { 0 };

    (void)state;
    site_at(w, "*", 1000);
    behaviours[1].rate = 100;
    behaviours[1].rate_burst = 5;
    apply(&d, 1);
    assert_int_equal(status_of(0, "/x"), 200);
    for (int i = 0; i < 2000; i++) { /* one asks 200 times a second, the other 80 times */
        struct viewer *v = asks(0, "/x", "", "", 1);
        world_run(w, MS(5));
        n[0] += v->status == 200;
        assert_true(v->status == 200 || (v->status == 429 && v->r.retry_after_s == 1));
        if (i % 5 < 2) {
            v = asks(0, "/x", "", "", 2);
            world_run(w, 0);
            n[1] += v->status == 200;
        }
    }
    assert_in_range(n[0], 950, 1050);
    assert_int_equal(n[1], 800);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        THREE(feat_S1_signed_or_not_and_nothing_of_it_is_in_the_key),
        ONE(feat_S2_signed_cookies_are_not_shown_to_the_origin),
        ONE(feat_S6_keys_change_while_requests_come),
        ONE(feat_S4_what_began_in_time_ends),
        ONE(feat_S8_countries_of_a_distribution),
        ONE(feat_S10_a_rate_for_each_address),
    };
    return cmocka_run_group_tests(tests, make_keys, free_keys);
}
