/* test_node_file.c - what stands under node: in a file, as the flags of run. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/cli/run_options.h"

static char path[] = "/tmp/hedgerow-test-node-file-XXXXXX";

static void put(const char *text)
{
    FILE *f = fopen(path, "w");

    assert_non_null(f);
    assert_int_equal(fputs(text, f) < 0, 0);
    fclose(f);
}

static int make_file(void **state)
{
    int fd = mkstemp(path);

    (void)state;
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static int run(struct run_options *o, size_t n, const char *const *words)
{
    char *argv[16] = { (char *)(uintptr_t) "-c", path };
    int code = -1;

    for (size_t i = 0; i < n; i++)
        argv[2 + i] = (char *)(uintptr_t)words[i];
    return run_options_read(o, (int)n + 2, argv, &code) ? 0 : code;
}

static void all_kinds_of_fields(void **state)
{
    struct run_options *o = calloc(1, sizeof(*o));

    (void)state;
    put("node:\n"
        "  name: fra-1\n"
        "  zone: eu/fra\n"
        "  node_file: /etc/fra-1.node\n"
        "  listen: { http: \"0.0.0.0:8081\", mesh: \"127.0.0.1:0\" }\n"
        "  data: /var/lib/x\n"
        "  memory: 64MiB\n"
        "  seeds: [ \"a.example:7400\", \"b.example:7400\" ]\n"
        "  advertise: \"c.example:1\"\n"
        "  purge_from: [ 10.0.0.7, token ]\n"
        "  timers: { probe: 300ms, origin_connect: 2s }\n"
        "  workers: 3\n"
        "  trace: true\n"
        "  disk_wipe: false\n"
        "distributions:\n"
        "  - { name: a, hosts: a.example, origins: http://o.example }\n");
    assert_int_equal(run(o, 0, NULL), 0);
    assert_string_equal(o->name, "fra-1");
    assert_string_equal(o->node_file, "/etc/fra-1.node");
    assert_int_equal(o->http.addr.port, 8081);
    assert_true(o->mesh.given && !o->admin.given);
    assert_int_equal(o->memory, 64 << 20);
    assert_int_equal(o->seeds.n, 2);
    assert_string_equal(o->seeds.at[1], "b.example:7400");
    assert_string_equal(o->advertise.at[0], "c.example:1");
    assert_int_equal(o->config.probe_period, MS(300));
    assert_int_equal(o->config.timers.origin_connect, SEC(2));
    assert_int_equal(o->workers, 3);
    assert_true(o->trace && !o->disk_wipe);
    assert_int_equal(o->file.set->n, 1);
    dist_file_free(&o->file);
    free(o);
}

static void flags_count_more_than_the_file(void **state)
{
    static const char *const words[] = { "--memory", "1MiB", "--seed", "z.example:1" };
    struct run_options *o = calloc(1, sizeof(*o));

    (void)state;
    put("node: { memory: 64MiB, seeds: [ a.example:1, b.example:2 ], workers: 2, origin: \"http://o.example\" }\n");
    assert_int_equal(run(o, 4, words), 0);
    assert_int_equal(o->memory, 1 << 20);
    assert_int_equal(o->seeds.n, 1);
    assert_string_equal(o->seeds.at[0], "z.example:1");
    assert_int_equal(o->workers, 2);
    assert_string_equal(o->origin_text, "http://o.example");
    dist_file_free(&o->file);
    free(o);
}

static void content_is_said_in_one_place(void **state)
{
    static const char *const origin[] = { "--origin", "http://o.example" }, *const ttl[] = { "--default-ttl", "7" };
    struct run_options *o = calloc(1, sizeof(*o));

    (void)state;
    put("distributions: [ { name: a, hosts: a.example, origins: http://o.example } ]\n");
    assert_int_equal(run(o, 2, origin), CLI_USAGE);
    assert_int_equal(run(o, 2, ttl), CLI_USAGE);
    put("node: { data: x, default_ttl: 7 }\n");
    assert_int_equal(run(o, 0, NULL), CLI_USAGE);
    assert_int_equal(run(o, 2, origin), 0);
    assert_int_equal(o->default_ttl_s, 7);
    dist_file_free(&o->file);
    put("node: { data: x }\n"); /* the mesh may say what is served */
    assert_int_equal(run(o, 0, NULL), 0);
    dist_file_free(&o->file);
    unlink(path);
    assert_int_equal(run(o, 0, NULL), CLI_CONFIG);
    put("");
    free(o);
}

static void each_refusal(void **state)
{
    static const struct {
        const char *text, *want;
    } cases[] = {
        { "node: { mmory: 64MiB }", ":1:9: node: there is no field \"mmory\". Did you mean memory?" },
        { "node:\n  listen: { htp: \"0.0.0.0:1\" }",
          ":2:13: node: there is no field \"listen.htp\". Did you mean listen.http?" },
        { "node: { http: \"0.0.0.0:1\" }", ":1:9: node: there is no field \"http\"." },
        { "node: { listen: { memory: 1MiB } }", "node: there is no field \"listen.memory\"." },
        { "node: { seed: [ a:1 ], config: x }", "node: there is no field \"config\"." },
        { "node: { memory: 64Mib }", ":1:17: node.memory: \"64Mib\" must be a size" },
        { "node: { listen: { http: 8080 } }", ":1:25: node.listen.http: \"8080\" must be an IP address and a port" },
        { "node: { timers: { prob: 1s } }", ":1:25: node.timers.prob: \"prob=1s\" " },
        { "node: { timers: { probe: soon } }", ":1:26: node.timers.probe: \"probe=soon\" " },
        { "node: { trace: yes }", ":1:16: node.trace: must be true or false." },
        { "node: { name: a, name: b }", ":1:24: node.name is there twice." },
        { "node: { seeds: [ \"a:1\", \"b:1\" ], name: x, seeds: c:1 }", "node.seeds is there twice." },
        { "node: { name: a, zone: b, name: c }", ":1:33: node.name is there twice." },
        { "node: { seeds: [ nowhere ] }", ":1:18: node.seeds: \"nowhere\" must be a host and a port" },
        { "node: { data: }", "node.data: \"\" must not be empty." },
        { "node: { workers: 0 }\ndistributions: [ { name: a } ]", "distributions[0].origins: must be given" },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct dist_file f = { .set = NULL };
        struct buf why = BUF_EMPTY;
        put(cases[i].text);
        int code = node_file_read(path, &f, &why);
        if (code == CLI_OK)
            code = run_options_check(&f, path, "", &why);
        buf_add_u8(&why, 0);
        if (code != CLI_CONFIG || strstr((const char *)why.data, cases[i].want) == NULL)
            fail_msg("%s: %d, %s", cases[i].text, code, (const char *)why.data);
        dist_file_free(&f);
        buf_free(&why);
    }
}

static void what_needs_a_restart(void **state)
{
    struct dist_file a = { .set = NULL }, b = { .set = NULL }, c = { .set = NULL };
    struct buf why = BUF_EMPTY;

    (void)state;
    put("node: { name: a, seeds: [ b:1 ] }\n");
    assert_int_equal(node_file_read(path, &a, &why), CLI_OK);
    put("# the same\nnode:\n  name: \"a\"\n  seeds: b:1\ndistributions: []\n");
    assert_int_equal(node_file_read(path, &b, &why), CLI_OK);
    put("node: { name: a, seeds: [ b:1, c:1 ] }\n");
    assert_int_equal(node_file_read(path, &c, &why), CLI_OK);
    assert_true(node_file_same(&a, &b));
    assert_false(node_file_same(&a, &c));
    dist_file_free(&a);
    dist_file_free(&b);
    dist_file_free(&c);
    buf_free(&why);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_kinds_of_fields),          cmocka_unit_test(flags_count_more_than_the_file),
        cmocka_unit_test(content_is_said_in_one_place), cmocka_unit_test(each_refusal),
        cmocka_unit_test(what_needs_a_restart),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
