/* test_ledger.c - names and serials are given out once, and the file says so to people. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/cli/files.h"
#include "node/cli/ledger.h"

static char folder[64], path[96];

static int setup(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/test_ledger.XXXXXX");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof(path), "%s/ledger", folder);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static void add(struct ledger *l, const char *name, const char *zone, uint64_t serial)
{
    struct cert c = { .serial = serial, .roles = CERT_ROLE_NODE, .not_after_s = 1767225600 };

    c.id.bytes[0] = (uint8_t)serial;
    snprintf(c.name, sizeof(c.name), "%s", name);
    snprintf(c.zone, sizeof(c.zone), "%s", zone);
    assert_int_equal(ledger_add(l, &c, 1735689600), 0);
}

static void serials_go_up_and_names_stay(void **state)
{
    struct ledger l;
    struct slice zone;
    unsigned at;

    (void)state;
    assert_int_equal(ledger_create(path), 0);
    assert_int_equal(ledger_create(path), EEXIST);
    assert_int_equal(ledger_open(&l, path, &at), 0);
    assert_true(l.next_serial == 1);
    assert_false(ledger_uses(&l, "fra-1", &zone));
    add(&l, "fra-1", "eu/fra", 1);
    add(&l, "ams-1", "eu/ams", 2);
    add(&l, "fra-1", "eu/fra2", 3);
    ledger_close(&l);

    assert_int_equal(ledger_open(&l, path, &at), 0);
    assert_true(l.next_serial == 4);
    assert_true(ledger_uses(&l, "fra-1", &zone));
    assert_true(slice_eq(zone, SLICE_LIT("eu/fra2"))); /* the latest */
    assert_false(ledger_uses(&l, "fra", &zone));
    struct slice rest = buf_slice(&l.text);
    struct ledger_row row;
    const struct node_id ids[] = { { { 1 } }, { { 2 } }, { { 3 } } };
    for (uint64_t i = 1; i <= 3; i++) {
        assert_true(ledger_next(&rest, &row));
        assert_true(row.serial == i && node_id_eq(&row.id, &ids[i - 1]));
        assert_true(slice_eq(row.name, i == 2 ? SLICE_LIT("ams-1") : SLICE_LIT("fra-1")));
    }
    assert_false(ledger_next(&rest, &row));
    ledger_close(&l);

    struct buf text = BUF_EMPTY;
    assert_int_equal(files_read(path, 4096, &text), 0);
    buf_add_u8(&text, 0);
    assert_non_null(strstr((const char *)text.data, "\n2\tams-1\teu/ams\tnode\t2026-01-01T00:00:00Z\t"));
    buf_free(&text);
}

static void what_is_no_ledger_is_refused_by_line(void **state)
{
    static const char *const bad[] = { "x\tfra-1\teu\n",    "1 fra-1 eu\n", "1\t-bad\teu\n",
                                       "1\tfra-1\ta/b/c\n", "1\tfra-1\n",   "18446744073709551615\tfra-1\teu\n" };
    struct ledger l;
    unsigned at;

    (void)state;
    assert_int_equal(ledger_open(&l, path, &at), ENOENT);
    ledger_close(&l);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct buf text = BUF_EMPTY;
        buf_addf(&text, "# head\n7\tok\teu\trest\n%s", bad[i]);
        assert_int_equal(files_replace(path, buf_slice(&text)), 0);
        assert_int_equal(ledger_open(&l, path, &at), EBADMSG);
        assert_int_equal(at, 3);
        ledger_close(&l);
        buf_free(&text);
    }
}

static void files_are_private_and_whole(void **state)
{
    struct stat st;
    struct buf text = BUF_EMPTY;

    (void)state;
    assert_int_equal(files_create(path, SLICE_LIT("one")), 0);
    assert_int_equal(files_create(path, SLICE_LIT("two")), EEXIST);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(files_read(path, 2, &text), EFBIG);
    assert_int_equal(text.len, 0);
    assert_int_equal(files_replace(path, SLICE_LIT("three")), 0);
    assert_int_equal(files_read(path, 5, &text), 0);
    assert_true(slice_eq(buf_slice(&text), SLICE_LIT("three")));
    files_wipe(&text);
    assert_int_equal(files_read(folder, 5, &text), EISDIR);
    buf_free(&text);
    assert_int_equal(files_folder(path), EEXIST);
    assert_int_equal(files_folder(folder), 0);
}

static void times_are_read_as_they_are_written(void **state)
{
    static const struct {
        const char *text;
        int64_t s;
    } good[] = {
        { "0", 0 },
        { "1735689600", 1735689600 },
        { "2025-01-01", 1735689600 },
        { "2025-01-01T00:00:00Z", 1735689600 },
        { "2024-02-29T23:59:59Z", 1709251199 },
        { "9999-12-31T23:59:59Z", CERT_TIME_MAX_S },
    };
    static const char *const bad[] = { "",
                                       "tomorrow",
                                       "2025-02-29",
                                       "2025-13-01",
                                       "2025-00-01",
                                       "2025-01-01T24:00:00Z",
                                       "2025-01-01T00:00:00",
                                       "2025-01-01T00:00:00Zx",
                                       "2025-01-01T00:00:60Z",
                                       "1960-01-01",
                                       "253402300800",
                                       "2025-1-1",
                                       "-1" };
    char text[LEDGER_TIME_MAX];
    int64_t s;

    (void)state;
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        assert_true(ledger_time_read(good[i].text, &s));
        assert_true(s == good[i].s);
        assert_true(ledger_time_read(ledger_time(s, text), &s));
        assert_true(s == good[i].s);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_false(ledger_time_read(bad[i], &s));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(serials_go_up_and_names_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_ledger_is_refused_by_line, setup, teardown),
        cmocka_unit_test_setup_teardown(files_are_private_and_whole, setup, teardown),
        cmocka_unit_test(times_are_read_as_they_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
