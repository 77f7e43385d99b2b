/* test_options.c - what a flag may look like, and what is said when it does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/cli/options.h"
#include "node/cli/run_options.h"

struct values {
    const char *name;
    uint32_t number;
    bool quiet;
    struct option_hosts hosts;
};

static const struct option options[] = {
    { "--name", "NAME", "the name\nin two lines", option_text, offsetof(struct values, name), false },
    { "--number", "N", "the number", option_u32, offsetof(struct values, number), false },
    { "--quiet", NULL, "say less", NULL, offsetof(struct values, quiet), false },
    { "--seed", "HOST:PORT", "where to begin", option_host, offsetof(struct values, hosts), true },
    { "--a-flag-with-a-long-name", "VALUE", "does not fit its column", option_text, offsetof(struct values, name),
      false },
    { "--disk", "SIZE", "Use memory.", NULL, 0, false },
};

static const struct command_line line = {
    .command = "test",
    .synopsis = "DIR [flags]",
    .about = "Tests.",
    .options = options,
    .options_n = sizeof(options) / sizeof(options[0]),
    .args_min = 1,
    .args_max = 1,
    .args_what = "a directory",
};

struct outcome {
    int code;
    struct values v;
    const char *dir;
    char why[512];
};

static struct outcome read_words(const char *words)
{
    struct outcome o = { 0 };
    struct buf why = BUF_EMPTY;
    char *argv[16];
    int argc = 0;
    static char copy[512];

    snprintf(copy, sizeof(copy), "%s", words);
    for (char *p = strtok(copy, " "); p != NULL; p = strtok(NULL, " "))
        argv[argc++] = p;
    o.code = options_read(&line, argc, argv, &o.v, &o.dir, &why);
    snprintf(o.why, sizeof(o.why), "%.*s", SLICE_FMT(buf_slice(&why)));
    buf_free(&why);
    return o;
}

static void flags_and_arguments_mix(void **state)
{
    (void)state;
    struct outcome o = read_words("--number=7 dir --quiet --name x --seed a:1 --seed [::1]:2");

    assert_int_equal(o.code, 0);
    assert_string_equal(o.why, "");
    assert_string_equal(o.dir, "dir");
    assert_string_equal(o.v.name, "x");
    assert_int_equal(o.v.number, 7);
    assert_true(o.v.quiet);
    assert_int_equal(o.v.hosts.n, 2);
    assert_string_equal(o.v.hosts.at[1], "[::1]:2");
}

static void two_dashes_end_the_flags(void **state)
{
    (void)state;
    struct outcome o = read_words("-- --name");

    assert_int_equal(o.code, 0);
    assert_string_equal(o.dir, "--name");
    assert_string_equal(read_words("-").dir, "-");
}

static void each_wrong_flag_is_named_and_helped(void **state)
{
    static const char *const cases[][2] = {
        { "dir --nane x", "unknown flag --nane. Did you mean --name?" },
        { "dir --nmae=x", "unknown flag --nmae. Did you mean --name?" },
        { "dir --zzzzzz", "unknown flag --zzzzzz." },
        { "dir -n", "unknown flag -n." },
        { "dir --name", "--name needs a value: --name NAME." },
        { "dir --name=", "--name : must not be empty." },
        { "dir --quiet=yes", "--quiet takes no value." },
        { "dir --name a --name b", "--name is given twice: once is enough." },
        { "dir --quiet --quiet", "--quiet is given twice: once is enough." },
        { "dir --number 1x", "--number 1x: must be a whole number." },
        { "dir --number 4294967296", "--number 4294967296: must be a whole number." },
        { "dir --number -1", "--number -1: must be a whole number." },
        { "dir --disk 1GiB", "--disk is not available in this version. Use memory." },
        { "dir --disk", "--disk is not available in this version. Use memory." },
        { "dir more", "one argument too many: \"more\"." },
        { "--quiet", "missing: a directory." },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct outcome o = read_words(cases[i][0]);
        assert_int_equal(o.code, CLI_USAGE);
        assert_string_equal(o.why, cases[i][1]);
    }
}

static void help_wins_and_shows_what_works(void **state)
{
    (void)state;
    assert_int_equal(read_words("--wrong --help").code, 1);
    assert_int_equal(read_words("-h").code, 1);
    assert_int_not_equal(read_words("-- -h").code, 1);

    struct buf text = BUF_EMPTY;
    options_help(&line, &text);
    buf_add_u8(&text, 0);
    assert_string_equal((const char *)text.data, "Usage: hedgerow test DIR [flags]\n\nTests.\n\n"
                                                 "  --name NAME                 the name\n"
                                                 "                              in two lines\n"
                                                 "  --number N                  the number\n"
                                                 "  --quiet                     say less\n"
                                                 "  --seed HOST:PORT            where to begin\n"
                                                 "  --a-flag-with-a-long-name VALUE\n"
                                                 "                              does not fit its column\n");
    buf_free(&text);
}

static void too_many_values_are_refused(void **state)
{
    struct option_hosts hosts = { .n = OPTION_VALUES_MAX };
    struct buf why = BUF_EMPTY;

    (void)state;
    assert_int_not_equal(option_host("a:1", &hosts, &why), 0);
    assert_int_equal(hosts.n, OPTION_VALUES_MAX);
    buf_free(&why);
}

static void the_nearest_name_is_near(void **state)
{
    static const char *const names[] = { "status", "run", "demo" };

    (void)state;
    assert_string_equal(options_nearest("statsu", names, 3, sizeof(names[0])), "status");
    assert_string_equal(options_nearest("ru", names, 3, sizeof(names[0])), "run");
    assert_null(options_nearest("x", names, 3, sizeof(names[0])));
    assert_null(options_nearest("statistics-of-everything-that-was-ever-seen", names, 3, sizeof(names[0])));
}

static int run_code(struct run_options *o, const char *a, const char *b, const char *c, const char *d)
{
    static char words[4][64]; /* which the options lend from */
    const char *in[4] = { a, b, c, d };
    char *argv[4];
    int argc = 0, code = -1;

    for (; argc < 4 && in[argc] != NULL; argc++) {
        snprintf(words[argc], sizeof(words[0]), "%s", in[argc]);
        argv[argc] = words[argc];
    }
    return run_options_read(o, argc, argv, &code) ? 0 : code;
}

static void run_takes_what_it_can_do_and_refuses_the_rest(void **state)
{
    static const char *const refused[][2] = {
        { "--dns", "0.0.0.0:53" },
        { "--disk", "1GiB" },
        { "--dns-domain", "a..b" },
        { "--dns-domain", ".a" },
        { "--dns-domain", "a b" },
        { "--dns-domain", "" },
        { "--dns-domain", "." },
        { "--workers", "0" },
        { "--workers", "65" },
        { "--workers", "two" },
        { "--audit", "often" },
        { "--audit", "4294967296" },
        { "--default-ttl", "soon" },
        { "--error-ttl", "heuristic" },
        { "--compress", "some" },
        { "--memory", "10kB" },
        { "--http", "localhost" },
        { "--seed", "host" },
        { "--advertise", "a:0" },
        { "--origin", "ftp://x" },
        { "--origin", "http://" },
        { "--set-cookie", "yes" },
        { "--viewer-cache-control", "on" },
        { "--parent-region", "eu/fra" },
        { "--parent-region", "" },
    };
    struct run_options *o = calloc(1, sizeof(*o));

    (void)state;
    assert_non_null(o);
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
        assert_int_equal(run_code(o, refused[i][0], refused[i][1], NULL, NULL), CLI_USAGE);
    assert_int_equal(run_code(o, "--workers", "1", NULL, NULL), CLI_USAGE); /* no origin */

    assert_int_equal(run_code(o, "--origin", "http://o", "--error-ttl", "0"), 0);
    assert_int_equal(o->error_ttl_s, 0);
    assert_int_equal(run_code(o, "--origin", "http://o", "--workers", "64"), 0);
    assert_int_equal(o->workers, 64);
    assert_int_equal(o->audit_one_in, 1000);
    assert_int_equal(run_code(o, "--origin", "http://o", "--audit", "0"), 0);
    assert_int_equal(o->audit_one_in, 0);
    assert_string_equal(o->dns_domain, "");
    assert_int_equal(run_code(o, "--origin", "http://o", "--dns-domain", "CDN.example."), 0);
    assert_string_equal(o->dns_domain, "cdn.example");
    assert_int_equal(run_code(o, "--origin", "http://o", "--parent-region", "eu"), 0);
    assert_string_equal(o->parent_region, "eu");
    assert_int_equal(run_code(o, "--origin", "http://127.0.0.1:8000/site/", NULL, NULL), 0);
    assert_int_equal(o->error_ttl_s, 10);
    assert_int_equal(o->origin.port, 8000);
    assert_int_equal(o->default_ttl_s, 86400);
    assert_int_equal(o->codings_off, 0);
    assert_int_equal(o->workers, 0);
    assert_true(o->memory == UINT64_C(512) << 20);
    assert_false(o->http.given);
    assert_true(o->set_cookie == SET_COOKIE_PRIVATE && !o->obeys_viewers);
    assert_int_equal(run_code(o, "--origin=http://x", "--set-cookie=keep", "--viewer-cache-control=obey", NULL), 0);
    assert_true(o->set_cookie == SET_COOKIE_KEEP && o->obeys_viewers);
    assert_int_equal(run_code(o, "--origin=http://x", "--set-cookie=strip", "--viewer-cache-control=ignore", NULL), 0);
    assert_true(o->set_cookie == SET_COOKIE_STRIP && !o->obeys_viewers);
    assert_int_equal(
        run_code(o, "--origin=http://x", "--http=localhost:0", "--default-ttl=heuristic", "--timers=drain=2s"), 0);
    assert_true(o->http.given && o->http.addr.port == 0 && mesh_addr_is_loopback(&o->http.addr));
    assert_int_equal(o->default_ttl_s, TTL_HEURISTIC);
    assert_true(o->config.timers.drain == SEC(2));
    free(o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags_and_arguments_mix),
        cmocka_unit_test(two_dashes_end_the_flags),
        cmocka_unit_test(each_wrong_flag_is_named_and_helped),
        cmocka_unit_test(help_wins_and_shows_what_works),
        cmocka_unit_test(too_many_values_are_refused),
        cmocka_unit_test(the_nearest_name_is_near),
        cmocka_unit_test(run_takes_what_it_can_do_and_refuses_the_rest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
