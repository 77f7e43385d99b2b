/* test_status.c - the shape of /status and /metrics, and what the command makes
 * of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <jansson.h>

#include "node/admin/admin.h"
#include "node/admin/status.h"
#include "node/cli/status_text.h"

/* Two members; every counter has a number of its own. */
static struct status_member members[2];
static struct status status;

static int setup(void **state)
{
    (void)state;
    uint64_t n = 100;

    memset(&status, 0, sizeof(status));
    memset(members, 0, sizeof(members));
    for (size_t i = 0; i < 2; i++) {
        struct status_member *m = &members[i];
        m->id.bytes[0] = (uint8_t)(i + 1);
        snprintf(m->name, sizeof(m->name), "fra-%zu", i + 1);
        strcpy(m->zone, "eu/fra");
        m->region = slice_of(m->zone, 2);
        m->addr = mesh_addr_v4(0x7f000001, (uint16_t)(7400 + i));
        m->weight = 100;
        m->arcs = i == 0 ? 49152 : 16384;
    }
    members[1].state = MEMBER_SUSPECT;
    members[1].rtt = US(12345);
    members[1].has_session = true;
    members[1].session_age = SEC(61) + MS(900);
    members[1].distrusted = MS(57100);
    members[1].passed_over = MS(1900);
    members[1].suite = record_suite_word(RECORD_AES_256_GCM);
    status.members = members;
    status.members_n = 2;
    status.ready = true;
    status.uptime = SEC(3725);
    status.workers = 1;
    status.view_digest = UINT64_C(0xfedcba9876543210);
    status.arcs = 65536;
#define X(name, help) status.engine.name = n++;
    ENGINE_COUNTERS(X)
#undef X
#define X(name, help) status.mesh.name = n++;
    MESH_COUNTERS(X)
#undef X
#define X(name, help) status.gossip.name = n++;
    GOSSIP_COUNTERS(X)
#undef X
#define X(name, help) status.node.name = n++;
    NODE_COUNTERS(X)
#undef X
    status.engine.bytes_peer_in = 3000;
    status.engine.bytes_peer_in_wire = 2000;
    status.usage.memory_bytes = 1 << 20;
    status.usage.memory_limit = 4 << 20;
    return 0;
}

static json_t *as_json(void)
{
    struct buf text = BUF_EMPTY;

    assert_int_equal(status_json(&text, &status), 0);
    assert_int_equal(text.data[text.len - 1], '\n');
    json_t *j = json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(j);
    buf_free(&text);
    return j;
}

/* The value at "a.b.c"; numbers index arrays. */
static json_t *at(json_t *j, const char *path)
{
    char copy[80], *rest = copy;

    snprintf(copy, sizeof(copy), "%s", path);
    for (char *key; (key = strsep(&rest, ".")) != NULL;)
        j = json_is_array(j) ? json_array_get(j, (size_t)atoi(key)) : json_object_get(j, key);
    if (j == NULL)
        fail_msg("no %s", path);
    return j;
}

static void a_member_s_session_is_shown(void **state)
{
    (void)state;
    json_t *j = as_json();

    assert_true(json_is_null(at(j, "mesh.members.0.session")));
    assert_string_equal(json_string_value(at(j, "mesh.members.1.session.suite")), "AES-256-GCM");
    assert_int_equal(json_integer_value(at(j, "mesh.members.1.session.age_s")), 61);
    assert_true(json_is_false(at(j, "mesh.members.1.session.dialled")));
    assert_int_equal(json_integer_value(at(j, "mesh.members.0.distrusted_s")), 0);
    assert_int_equal(json_integer_value(at(j, "mesh.members.1.distrusted_s")), 58);
    assert_int_equal(json_integer_value(at(j, "mesh.members.0.passed_over_s")), 0);
    assert_int_equal(json_integer_value(at(j, "mesh.members.1.passed_over_s")), 2);
    json_decref(j);
}

static char *as_text(struct status_style style)
{
    static char copy[8192];
    struct buf out = BUF_EMPTY;
    json_t *j = as_json();

    assert_int_equal(status_text(&out, j, style), 0);
    assert_true(out.len < sizeof(copy));
    memcpy(copy, out.data, out.len);
    copy[out.len] = 0;
    json_decref(j);
    buf_free(&out);
    return copy;
}

static void feat_M18_the_parent_region_and_why(void **state)
{
    (void)state;
    json_t *j = as_json();
    assert_true(json_is_null(at(j, "parent.region"))); /* one region has none */
    json_decref(j);
    status.regions[0] = (struct parent_region){ SLICE_LIT("eu"), 80500, 2, 3, 0 };
    status.regions[1] = (struct parent_region){ SLICE_LIT("us"), 0, 0, 4, 0 };
    status.regions_n = 2;
    status.parent = SLICE_LIT("eu");
    status.parent_measured = true;
    status.parent_nodes = 3;
    j = as_json();
    assert_string_equal(json_string_value(at(j, "parent.region")), "eu");
    assert_true(json_is_true(at(j, "parent.measured")));
    assert_int_equal(json_integer_value(at(j, "parent.nodes")), 3);
    assert_string_equal(json_string_value(at(j, "parent.regions.0.region")), "eu");
    assert_true(json_real_value(at(j, "parent.regions.0.origin_ms")) == 80.5);
    assert_int_equal(json_integer_value(at(j, "parent.regions.0.stated")), 2);
    assert_true(json_is_null(at(j, "parent.regions.1.origin_ms")));
    assert_int_equal(json_integer_value(at(j, "parent.regions.1.members")), 4);
    json_decref(j);
    const char *text = as_text((struct status_style){ .utf8 = false });
    assert_non_null(strstr(text, "eu, the nearest to the origin; eu 80.5 ms\n"));
}

static void every_promised_field_is_there(void **state)
{
    static const char *const whole[] = {
        "schema",
        "node.uptime_s",
        "node.workers",
        "mesh.size",
        "mesh.members.1.weight",
        "ring.arcs",
        "requests.total",
        "requests.hit",
        "requests.refresh",
        "requests.stale",
        "requests.peer",
        "requests.origin",
        "requests.error",
        "bytes.viewer",
        "bytes.peer_in",
        "bytes.peer_out",
        "bytes.peer_in_wire",
        "bytes.origin",
        "cache.objects",
        "cache.memory_bytes",
        "cache.memory_limit",
        "cache.disk_objects",
        "cache.disk_pending",
        "cache.disk_bytes",
        "cache.disk_limit",
        "cache.evictions",
        "transfers.verified",
        "transfers.rejected",
        "purge.pending",
        "config.version",
        "config.superseded",
        "config.behind",
        "config.version",
    };
    static const char *const words[] = {
        "node.name",
        "node.id",
        "node.zone",
        "node.version",
        "mesh.view_digest",
        "mesh.members.0.name",
        "mesh.members.0.id",
        "mesh.members.0.zone",
        "mesh.members.0.region",
        "mesh.members.0.address",
        "mesh.members.0.state",
        "ring.epoch",
        "purge.frontier",
        "config.id",
        "config.refused",
    };

    (void)state;
    json_t *j = as_json();
    for (size_t i = 0; i < sizeof(whole) / sizeof(whole[0]); i++)
        assert_true(json_is_integer(at(j, whole[i])));
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        assert_true(json_is_string(at(j, words[i])));
    assert_true(json_is_real(at(j, "ring.owned_share")));
    assert_true(json_is_real(at(j, "transfers.compression_ratio")));
    json_decref(j);
}

static void numbers_come_from_their_counters(void **state)
{
    (void)state;
    json_t *j = as_json();
    const struct engine_counters *c = &status.engine;

    assert_int_equal(json_integer_value(at(j, "schema")), STATUS_SCHEMA);
    assert_int_equal(json_integer_value(at(j, "node.uptime_s")), 3725);
    assert_int_equal(json_integer_value(at(j, "requests.total")), c->requests);
    assert_int_equal(json_integer_value(at(j, "requests.hit")), c->requests_hit);
    assert_int_equal(json_integer_value(at(j, "requests.refresh")), c->requests_refresh);
    assert_int_equal(json_integer_value(at(j, "requests.stale")), c->requests_stale);
    assert_int_equal(json_integer_value(at(j, "requests.peer")), c->requests_peer);
    assert_int_equal(json_integer_value(at(j, "requests.origin")), c->requests_origin);
    assert_int_equal(json_integer_value(at(j, "requests.error")), c->requests_error);
    assert_int_equal(json_integer_value(at(j, "bytes.viewer")), c->bytes_viewer);
    assert_int_equal(json_integer_value(at(j, "bytes.peer_in")), c->bytes_peer_in);
    assert_int_equal(json_integer_value(at(j, "bytes.peer_out")), c->bytes_peer_out);
    assert_int_equal(json_integer_value(at(j, "bytes.peer_in_wire")), c->bytes_peer_in_wire);
    assert_int_equal(json_integer_value(at(j, "bytes.origin")), c->bytes_origin);
    assert_int_equal(json_integer_value(at(j, "cache.evictions")), c->evictions);
    assert_int_equal(json_integer_value(at(j, "transfers.verified")), c->transfers_verified);
    assert_int_equal(json_integer_value(at(j, "transfers.rejected")), c->transfers_rejected);
    assert_string_equal(json_string_value(at(j, "mesh.view_digest")), "fedcba9876543210");
    assert_string_equal(json_string_value(at(j, "mesh.members.1.state")), "suspect");
    assert_string_equal(json_string_value(at(j, "mesh.members.1.region")), "eu");
    assert_string_equal(json_string_value(at(j, "mesh.members.1.address")), "127.0.0.1:7401");
    assert_true(json_is_null(at(j, "mesh.members.0.rtt_ms"))); /* nobody is far from themselves */
    assert_true(json_is_null(at(j, "mesh.members.1.load")));
    assert_true(json_real_value(at(j, "mesh.members.1.rtt_ms")) == 12.345);
    assert_true(json_real_value(at(j, "ring.owned_share")) == 0.75);
    assert_true(json_real_value(at(j, "mesh.members.1.ring_share")) == 0.25);
    assert_true(json_real_value(at(j, "transfers.compression_ratio")) == 1.5);
    json_decref(j);
}

static void an_idle_node_divides_by_nothing(void **state)
{
    (void)state;
    memset(&status.engine, 0, sizeof(status.engine));
    status.arcs = 0;
    members[0].addr.port = 0;
    json_t *j = as_json();
    assert_true(json_real_value(at(j, "ring.owned_share")) == 0);
    assert_true(json_real_value(at(j, "transfers.compression_ratio")) == 1);
    assert_true(json_is_null(at(j, "mesh.members.0.address")));
    json_decref(j);
}

/* The value of a sample, found at a line's start. */
static uint64_t sample(const char *text, const char *name)
{
    char line[128];

    snprintf(line, sizeof(line), "\n%s ", name);
    const char *found = strstr(text, line);
    if (found == NULL)
        fail_msg("no sample %s", name);
    return strtoull(found + strlen(line), NULL, 10);
}

static void every_counter_is_a_metric(void **state)
{
    struct buf out = BUF_EMPTY;

    (void)state;
    status_metrics(&out, &status);
    buf_add_u8(&out, 0);
    assert_true(buf_ok(&out));
    const char *text = (const char *)out.data;
#define X(name, help) assert_true(sample(text, "hedgerow_" #name "_total") == status.engine.name);
    ENGINE_COUNTERS(X)
#undef X
#define X(name, help) assert_true(sample(text, "hedgerow_mesh_" #name "_total") == status.mesh.name);
    MESH_COUNTERS(X)
#undef X
#define X(name, help) assert_true(sample(text, "hedgerow_gossip_" #name "_total") == status.gossip.name);
    GOSSIP_COUNTERS(X)
#undef X
#define X(name, help) assert_true(sample(text, "hedgerow_" #name "_total") == status.node.name);
    NODE_COUNTERS(X)
#undef X
    assert_true(sample(text, "hedgerow_members{state=\"alive\"}") == 1);
    assert_true(sample(text, "hedgerow_members{state=\"suspect\"}") == 1);
    assert_true(sample(text, "hedgerow_members{state=\"dead\"}") == 0);
    assert_true(sample(text, "hedgerow_cache_memory_limit_bytes") == 4 << 20);
    assert_non_null(strstr(text, "\nhedgerow_member_rtt_seconds{name=\"fra-2\","
                                 "zone=\"eu/fra\"} 0.012345\n"));
    assert_non_null(strstr(text, "\nhedgerow_ring_owned_ratio 0.750000\n"));
    buf_free(&out);
}

/* Each family is described once, before its samples, and each line is one of
 * the three kinds. */
static void metrics_are_well_formed(void **state)
{
    struct buf out = BUF_EMPTY;
    struct slice rest, row, name = SLICE_EMPTY;

    (void)state;
    status_metrics(&out, &status);
    rest = buf_slice(&out);
    while (slice_split(&rest, '\n', &row)) {
        if (row.len == 0) {
            assert_int_equal(rest.len, 0);
            continue;
        }
        struct slice words = row, word;
        slice_split(&words, ' ', &word);
        if (slice_eq(word, SLICE_LIT("#"))) {
            slice_split(&words, ' ', &word);
            bool help = slice_eq(word, SLICE_LIT("HELP"));
            slice_split(&words, ' ', &word);
            assert_true(words.len > 0);
            assert_int_equal(!slice_eq(word, name), help); /* HELP begins a family, TYPE follows it */
            name = word;
        } else {
            assert_true(slice_eq(slice_head(word, name.len), name));
            assert_true(word.len == name.len || word.data[name.len] == '{');
            assert_true(words.len > 0);
        }
    }
    buf_free(&out);
}

static void the_page_carries_one_nonce(void **state)
{
    struct buf out = BUF_EMPTY;

    (void)state;
    admin_page_put(&out, "abc123");
    buf_add_u8(&out, 0);
    const char *text = (const char *)out.data;
    assert_null(strstr(text, "{{"));
    assert_non_null(strstr(text, "script-src 'nonce-abc123'"));
    assert_non_null(strstr(text, "<style nonce=\"abc123\">"));
    assert_non_null(strstr(text, "<script nonce=\"abc123\">"));
    assert_non_null(strstr(text, "</html>\n"));
    assert_null(strstr(text, "http://")); /* nothing from elsewhere */
    assert_null(strstr(text, "https://"));
    buf_free(&out);
}

static void members_with_an_earlier_configuration_are_counted(void **state)
{
    (void)state;
    status.configs.version.counter = 3;
    status.configs.kept = true;
    status.configs_behind = 2;
    assert_non_null(strstr(as_text((struct status_style){ .utf8 = false }), "; 2 members have an earlier one\n"));
    status.configs_behind = 1;
    assert_non_null(strstr(as_text((struct status_style){ .utf8 = false }), "; 1 member has an earlier one\n"));
    status.configs_behind = 0;
    assert_null(strstr(as_text((struct status_style){ .utf8 = false }), "earlier"));
    status.configs.version.counter = 0;
}

static void people_see_a_table(void **state)
{
    (void)state;
    status.engine.requests = 10;
    status.engine.requests_hit = 5;
    status.engine.requests_peer = 3;
    status.engine.requests_origin = 2;
    status.engine.requests_refresh = status.engine.requests_stale = status.engine.requests_error = 0;
    const char *text = as_text((struct status_style){ .utf8 = false });

    assert_non_null(
        strstr(text, "\n  fra-1, eu/fra, Hedgerow " HEDGEROW_VERSION ", up 1 h 2 min, view fedcba9876543210\n"));
    assert_non_null(strstr(text, "\n> fra-1  eu/fra  alive            -  ============      "
                                 "75.0 %     100  127.0.0.1:7400\n"));
    assert_non_null(strstr(
        text, "\n  fra-2  eu/fra  suspect    12.3 ms  ====    "
              "          25.0 %     100  127.0.0.1:7401  lied: not asked for 58 s  fails: passed over for 2 s\n"));
    assert_non_null(strstr(text, "##############################++++++++++++++++++............\n"));
    assert_non_null(strstr(text, "# this node 50.0 %   + neighbours 30.0 %   . origin 20.0 %"));
    assert_null(strstr(text, "errors"));
    assert_non_null(strstr(text, "2.9 KiB received (as 2.0 KiB: 1.50 to 1)"));
    assert_non_null(strstr(text, "1.0 MiB of 4.0 MiB"));
    for (const char *p = text; *p != 0; p++)
        assert_true(*p == '\n' || ((uint8_t)*p >= 0x20 && (uint8_t)*p < 0x7f));
    assert_non_null(strstr(as_text((struct status_style){ .color = true, .utf8 = true }), "\033[32malive"));
}

static void a_strange_answer_does_no_harm(void **state)
{
    struct buf out = BUF_EMPTY;

    (void)state;
    json_t *j = json_loads("[1]", 0, NULL);
    assert_int_not_equal(status_text(&out, j, (struct status_style){ .utf8 = false }), 0);
    json_decref(j);
    j = json_loads("{\"node\":{\"name\":\"a\\u001b[2Jb\"},\"mesh\":{\"members\":["
                   "{},{\"name\":7}]}}",
                   0, NULL);
    assert_non_null(j);
    buf_clear(&out);
    assert_int_equal(status_text(&out, j, (struct status_style){ .utf8 = false }), 0);
    assert_null(memchr(out.data, 0x1b, out.len));
    json_decref(j);
    buf_free(&out);
}

static void figures_are_readable(void **state)
{
    struct buf b = BUF_EMPTY;

    (void)state;
    status_bytes(&b, 0);
    buf_add_u8(&b, '|');
    status_bytes(&b, 1023);
    buf_add_u8(&b, '|');
    status_bytes(&b, 1536);
    buf_add_u8(&b, '|');
    status_bytes(&b, UINT64_MAX);
    buf_add_u8(&b, '|');
    status_count(&b, 7);
    buf_add_u8(&b, '|');
    status_count(&b, 1234567);
    buf_add_u8(&b, '|');
    status_span(&b, 59);
    buf_add_u8(&b, '|');
    status_span(&b, 90000);
    buf_add_u8(&b, 0);
    assert_string_equal((const char *)b.data, "0 B|1023 B|1.5 KiB|16.0 EiB|7|1 234 567|59 s|1 d 1 h");
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_member_s_session_is_shown, setup),
        cmocka_unit_test_setup(feat_M18_the_parent_region_and_why, setup),
        cmocka_unit_test_setup(every_promised_field_is_there, setup),
        cmocka_unit_test_setup(numbers_come_from_their_counters, setup),
        cmocka_unit_test_setup(an_idle_node_divides_by_nothing, setup),
        cmocka_unit_test_setup(every_counter_is_a_metric, setup),
        cmocka_unit_test_setup(metrics_are_well_formed, setup),
        cmocka_unit_test(the_page_carries_one_nonce),
        cmocka_unit_test_setup(members_with_an_earlier_configuration_are_counted, setup),
        cmocka_unit_test_setup(people_see_a_table, setup),
        cmocka_unit_test(a_strange_answer_does_no_harm),
        cmocka_unit_test(figures_are_readable),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
