/* test_response.c - what owners say of the fields of answers: which of the origin's stay, which are added, and who of
 * other sites may read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "node/core/response.h"

static void feat_R37_sites_that_may_read(void **state)
{
    static const struct {
        const char *list, *origin;
        bool fits;
    } rows[] = {
        { "*", "https://a.example", true },
        { "https://a.example", "https://a.example", true },
        { "https://a.example", "https://A.example", true },
        { "https://a.example", "http://a.example", false },
        { "https://a.example", "https://a.example:8443", false },
        { "https://a.example", "https://a.example.evil", false },
        { "https://b.example,https://a.example", "https://a.example", true },
        { "https://*.a.example", "https://x.a.example", true },
        { "https://*.a.example", "https://x.y.a.example", true },
        { "https://*.a.example", "https://a.example", false },
        { "https://*.a.example", "https://.a.example", false },
        { "https://*.a.example", "https://xa.example", false },
        { "https://*.a.example", "https://evil.example/.a.example", false },
        { "https://*.a.example", "https://evil.example:1@x.a.example", false },
        { "https://*.a.example", "https://x..a.example", false },
        { "https://*.a.example:8443", "https://x.a.example:8443", true },
        { "https://*.a.example:8443", "https://x.a.example", false },
        { "null", "null", true },
        { "https://a.example", "null", false },
        { "https://a.example", "", false },
        { "", "https://a.example", false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (response_origin_fits(slice_str(rows[i].list), slice_str(rows[i].origin)) != rows[i].fits)
            fail_msg("%s of %s", rows[i].origin, rows[i].list);
    }
}

static struct fields fields_of(const char *lines)
{
    struct fields f;
    struct slice rest = slice_str(lines), line, name;

    fields_clear(&f);
    while (slice_split(&rest, '|', &line)) {
        if (line.len == 0)
            continue;
        slice_split(&line, ':', &name);
        assert_int_equal(fields_add(&f, name, slice_trim(line)), 0);
    }
    return f;
}

static void is(const struct fields *f, const char *want)
{
    struct buf out = BUF_EMPTY;

    for (size_t i = 0; i < f->n; i++)
        buf_addf(&out, "%.*s: %.*s|", SLICE_FMT(f->at[i].name), SLICE_FMT(f->at[i].value));
    buf_add_u8(&out, 0);
    assert_string_equal((const char *)out.data, want);
    buf_free(&out);
}

static struct dist_behaviour behaviour;

/* What an answer with |in| says to who asks with |request|: what is the same for all, then the rest. */
static void says(const char *request, const char *in, const char *common, const char *alone)
{
    struct fields asked = fields_of(request), kept = fields_of(in), out;
    struct response p = { .by = 0 };

    behaviour.response.digest = 7;
    response_begin(&p, &behaviour, &asked);
    response_common(&out, &kept, &p, false);
    is(&out, common);
    fields_clear(&out);
    response_alone(&out, &kept, &p);
    is(&out, alone);
    response_end(&p);
}

static void feat_R37_fields_with_and_without_override(void **state)
{
    static const struct dist_field set[] = { { SLICE_LIT("X-A"), SLICE_LIT("ours") },
                                             { SLICE_LIT("X-B"), SLICE_LIT("ours") } };
    static const bool override[] = { false, true };
    static const struct slice gone[] = { SLICE_LIT("server"), SLICE_LIT("x-c") };

    (void)state;
    behaviour.response =
        (struct dist_response){ .set = set, .override = override, .set_n = 2, .remove = gone, .remove_n = 2 };
    says("", "E: 1", "E: 1|X-A: ours|X-B: ours|", "");
    says("", "x-a: 1|x-b: 1|X-B: 2|E: 1", "x-a: 1|E: 1|X-B: ours|", "");
    says("", "Server: s|X-C: 1|X-C: 2|E: 1", "E: 1|X-A: ours|X-B: ours|", "");
}

static void feat_R37_cors_of_any_site(void **state)
{
    (void)state;
    behaviour.response =
        (struct dist_response){ .cors = true, .cors_origins = SLICE_LIT("*"), .cors_expose = SLICE_LIT("x-n") };
    for (int i = 0; i < 2; i++)
        says(i == 0 ? "" : "Origin: https://a.example", "E: 1",
             "E: 1|Access-Control-Allow-Origin: *|Access-Control-Expose-Headers: x-n|", "");
    says("Origin: https://a.example", "access-control-allow-origin: https://b.example",
         "access-control-allow-origin: https://b.example|", "");
    behaviour.response.cors_override = true;
    says("Origin: https://a.example", "access-control-allow-origin: https://b.example|Access-Control-Max-Age: 1",
         "Access-Control-Allow-Origin: *|Access-Control-Expose-Headers: x-n|", "");
}

static void feat_R37_cors_of_some_sites(void **state)
{
    (void)state;
    behaviour.response = (struct dist_response){ .cors = true,
                                                 .cors_origins = SLICE_LIT("https://*.a.example"),
                                                 .cors_credentials = true };
    says("Origin: https://x.a.example", "E: 1", "E: 1|Vary: Origin|",
         "Access-Control-Allow-Origin: https://x.a.example|Access-Control-Allow-Credentials: true|");
    says("Origin: https://b.example", "E: 1", "E: 1|Vary: Origin|", "");
    says("", "Vary: Accept, origin", "Vary: Accept, origin|", "");
    says("Origin: https://x.a.example|Origin: https://y.a.example", "E: 1", "E: 1|Vary: Origin|", "");
    says("Origin: https://x.a.example", "Access-Control-Allow-Origin: n", "Access-Control-Allow-Origin: n|", "");
    behaviour.response.cors_override = true;
    says("Origin: https://b.example", "Access-Control-Allow-Origin: *", "Vary: Origin|", "");
}

static void feat_R37_preflights(void **state)
{
    struct fields f = fields_of("Origin: https://a.example|Access-Control-Request-Method: PUT|"
                                "Access-Control-Request-Headers: x-a, x-b"),
                  out;
    struct response p = { .by = 0 };
    struct buf made = BUF_EMPTY;

    (void)state;
    assert_true(response_asks(SLICE_LIT("OPTIONS"), &f));
    assert_false(response_asks(SLICE_LIT("POST"), &f));
    assert_false(response_asks(SLICE_LIT("OPTIONS"), NULL));
    behaviour.response = (struct dist_response){ .digest = 7,
                                                 .cors = true,
                                                 .cors_origins = SLICE_LIT("*"),
                                                 .cors_methods = SLICE_LIT("GET, PUT"),
                                                 .cors_headers = SLICE_LIT("*"),
                                                 .cors_max_age_s = 60 };
    response_begin(&p, &behaviour, &f);
    response_hear_preflight(&p, &f);
    response_preflight(&out, &p, &made);
    is(&out, "Access-Control-Allow-Origin: *|Access-Control-Allow-Methods: GET, PUT|Access-Control-Allow-Headers: *|"
             "Access-Control-Max-Age: 60|");
    response_end(&p);
    behaviour.response.cors_origins = SLICE_LIT("https://a.example");
    behaviour.response.cors_credentials = true;
    behaviour.response.cors_max_age_s = -1;
    behaviour.response.cors_methods = SLICE_LIT("*");
    response_begin(&p, &behaviour, &f);
    response_hear_preflight(&p, &f);
    response_preflight(&out, &p, &made);
    is(&out, "Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers|"
             "Access-Control-Allow-Origin: https://a.example|Access-Control-Allow-Credentials: true|"
             "Access-Control-Allow-Methods: PUT|Access-Control-Allow-Headers: x-a, x-b|");
    response_end(&p);
    f = fields_of("Origin: https://b.example|Access-Control-Request-Method: PUT");
    response_begin(&p, &behaviour, &f);
    response_hear_preflight(&p, &f);
    response_preflight(&out, &p, &made);
    is(&out, "Vary: Origin, Access-Control-Request-Method, Access-Control-Request-Headers|");
    response_end(&p);
    buf_free(&made);
}

static void feat_R38_rules_speak_last(void **state)
{
    static const struct dist_rule rules[] = {
        { .action = DIST_SET_RESPONSE_FIELD, .name = SLICE_LIT("X-A"), .to = SLICE_LIT("one") },
        { .action = DIST_SET_RESPONSE_FIELD, .name = SLICE_LIT("X-A"), .to = SLICE_LIT("two") },
        { .action = DIST_REMOVE_RESPONSE_FIELD, .name = SLICE_LIT("x-b") },
    };
    struct fields in = fields_of("X-A: o|X-B: o|X-C: o"), out = in;
    struct response p = { .rules = rules, .ruled = { 5, 0 } };

    (void)state;
    response_common(&out, &in, &p, false);
    is(&out, "X-A: o|X-B: o|X-C: o|");
    response_rules(&out, &in, &p, false);
    is(&out, "X-C: o|X-A: one|");
    p.ruled[0] = 2;
    out = in;
    response_rules(&out, &in, &p, false);
    is(&out, "X-B: o|X-C: o|X-A: two|");
    p.ruled[0] = 5; /* on a page of ours, which says X-B itself */
    in = fields_of("X-B:");
    out = in;
    response_rules(&out, &in, &p, true);
    is(&out, "X-B: |X-A: one|");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feat_R37_sites_that_may_read), cmocka_unit_test(feat_R37_fields_with_and_without_override),
        cmocka_unit_test(feat_R37_cors_of_any_site),    cmocka_unit_test(feat_R37_cors_of_some_sites),
        cmocka_unit_test(feat_R37_preflights),          cmocka_unit_test(feat_R38_rules_speak_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
