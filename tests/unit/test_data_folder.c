/* test_data_folder.c - each start is counted, whatever happened to the file before. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/cli/data_folder.h"
#include "node/cli/files.h"
#include "proto/config_doc.h"
#include "proto/digest.h"

static char top[64], folder[96];

static const char *in_folder(const char *name)
{
    static char path[160];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    return path;
}

static int setup(void **state)
{
    (void)state;
    strcpy(top, "/tmp/test_data_folder.XXXXXX");
    if (mkdtemp(top) == NULL)
        return -1;
    snprintf(folder, sizeof(folder), "%s/data", top);
    return crypto_start();
}

static int drop(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

static int teardown(void **state)
{
    (void)state;
    return nftw(top, drop, 8, FTW_DEPTH | FTW_PHYS);
}

static void start(int64_t now_s, uint64_t boot, bool lost)
{
    struct data_folder d;
    struct buf why = BUF_EMPTY;

    assert_int_equal(data_folder_open(&d, folder, now_s, &why), 0);
    assert_true(d.boot == boot);
    assert_int_equal(d.boot_lost, lost);
    data_folder_close(&d);
    assert_int_equal(why.len, 0);
    buf_free(&why);
}

static void each_start_takes_the_next_number(void **state)
{
    struct stat st;

    (void)state;
    start(1000, 1000, false); /* the first: from the clock, and nothing was lost */
    start(2000, 1001, false);
    start(0, 1002, false);
    assert_int_equal(stat(folder, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(stat(in_folder("boot"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void a_damaged_number_is_replaced_by_the_clock(void **state)
{
    static const char *const bad[] = { "",
                                       "12",
                                       "x\n",
                                       "-5\n",
                                       "1 \n",
                                       "99999999999999999999\n",
                                       "9223372036854775807\n",
                                       "0123456789012345678901234567890123456789012345678901234567890123456789\n" };

    (void)state;
    start(50, 50, false);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(files_replace(in_folder("boot"), slice_str(bad[i])), 0);
        start(7000, 7000, true);
    }
    assert_int_equal(files_replace(in_folder("boot"), SLICE_LIT("x")), 0);
    start(-3, 1, true); /* and where the clock is no help, by one */
}

static void two_nodes_never_share_it(void **state)
{
    struct data_folder first, second;
    struct buf why = BUF_EMPTY;

    (void)state;
    assert_int_equal(data_folder_open(&first, folder, 1, &why), 0);
    assert_int_not_equal(data_folder_open(&second, folder, 1, &why), 0);
    buf_add_u8(&why, 0);
    assert_non_null(strstr((const char *)why.data, "another node runs"));
    data_folder_close(&first);
    buf_clear(&why);
    assert_int_equal(data_folder_open(&second, folder, 1, &why), 0);
    data_folder_close(&second);
    buf_free(&why);
}

static void the_token_stays_and_is_private(void **state)
{
    struct buf first = BUF_EMPTY, second = BUF_EMPTY;
    struct stat st;

    (void)state;
    start(1, 1, false);
    assert_int_equal(files_read(in_folder("admin.token"), 100, &first), 0);
    assert_int_equal(first.len, 65);
    assert_int_equal(chmod(in_folder("admin.token"), 0644), 0);
    start(1, 2, false);
    assert_int_equal(files_read(in_folder("admin.token"), 100, &second), 0);
    assert_true(slice_eq(buf_slice(&first), buf_slice(&second)));
    assert_int_equal(stat(in_folder("admin.token"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    buf_clear(&second);
    assert_int_equal(files_replace(in_folder("admin.token"), SLICE_LIT("short\n")), 0);
    start(1, 3, false);
    assert_int_equal(files_read(in_folder("admin.token"), 100, &second), 0);
    assert_int_equal(second.len, 65);
    assert_false(slice_eq(buf_slice(&first), buf_slice(&second)));
    buf_free(&first);
    buf_free(&second);
}

static void a_folder_that_cannot_be_is_named(void **state)
{
    struct data_folder d;
    struct buf why = BUF_EMPTY;

    (void)state;
    assert_int_equal(files_create(folder, SLICE_LIT("a file")), 0);
    assert_int_not_equal(data_folder_open(&d, folder, 1, &why), 0);
    buf_add_u8(&why, 0);
    assert_non_null(strstr((const char *)why.data, folder));
    buf_free(&why);
}

static void what_was_learnt_is_there_again_at_the_next_start(void **state)
{
    struct data_folder d;
    struct buf why = BUF_EMPTY;
    char token[DATA_TOKEN_MAX];

    (void)state;
    assert_int_equal(data_folder_open(&d, folder, 1, &why), 0);
    assert_int_equal(d.roll.len, 0);
    assert_int_equal(strlen(d.token), DATA_TOKEN_MAX - 1);
    memcpy(token, d.token, sizeof(token));
    assert_int_equal(data_folder_keep_roll(&d, SLICE_LIT("first")), 0);
    assert_int_equal(data_folder_keep_roll(&d, SLICE_LIT("second")), 0);
    assert_int_equal(data_folder_keep_known(&d, SLICE_LIT("some\n")), 0);
    assert_int_equal(data_folder_keep_known(&d, SLICE_LIT("others\n")), 0);
    assert_int_equal(data_folder_keep_boot(&d, 5000), 0);
    data_folder_close(&d);
    assert_string_equal(d.token, ""); /* no secret stays behind */
    assert_int_equal(data_folder_open(&d, folder, 1, &why), 0);
    assert_true(slice_eq(buf_slice(&d.roll), SLICE_LIT("second")));
    assert_true(slice_eq(buf_slice(&d.known), SLICE_LIT("others\n")));
    assert_true(d.boot == 5001);
    assert_string_equal(d.token, token);
    data_folder_close(&d);
    buf_free(&why);
}

/* Appended line by line; what a write that was cut short has left is not read, nor stays. */
static void purges_are_appended_and_written_anew(void **state)
{
    struct data_folder d;
    struct buf why = BUF_EMPTY, text = BUF_EMPTY;
    struct stat st;

    (void)state;
    assert_int_equal(data_folder_open(&d, folder, 1, &why), 0);
    assert_int_equal(d.purges.len, 0);
    assert_int_equal(data_folder_keep_purges(&d, SLICE_LIT("one\n")), 0);
    assert_int_equal(data_folder_keep_purges(&d, SLICE_LIT("two\nthr")), 0);
    data_folder_close(&d);
    assert_int_equal(data_folder_open(&d, folder, 1, &why), 0);
    assert_true(slice_eq(buf_slice(&d.purges), SLICE_LIT("one\ntwo\n")));
    assert_int_equal(data_folder_keep_purges(&d, SLICE_LIT("three\n")), 0);
    assert_int_equal(files_read(in_folder("purges.log"), 100, &text), 0);
    assert_true(slice_eq(buf_slice(&text), SLICE_LIT("one\ntwo\nthree\n")));
    assert_int_equal(data_folder_put_purges(&d, SLICE_LIT("3\n")), 0);
    assert_int_equal(data_folder_keep_purges(&d, SLICE_LIT("4\n")), 0);
    data_folder_close(&d);
    assert_int_equal(data_folder_open(&d, folder, 1, &why), 0);
    assert_true(slice_eq(buf_slice(&d.purges), SLICE_LIT("3\n4\n")));
    assert_int_equal(stat(in_folder("purges.log"), &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    buf_clear(&text);
    assert_int_equal(files_read(in_folder("purges.log.1"), 100, &text), 0);
    assert_true(slice_eq(buf_slice(&text), SLICE_LIT("one\ntwo\nthree\n")));
    data_folder_close(&d);
    buf_free(&text);
    buf_free(&why);
}

/* The last 16 by version, whatever order they came in; what is not one of them is left alone. */
static void the_last_versions_of_the_configuration_stay(void **state)
{
    struct admission what = { .name = SLICE_LIT("n"),
                              .zone = SLICE_LIT("z"),
                              .not_after_s = 1900000000,
                              .roles = CERT_ROLE_NODE | CERT_ROLE_OPERATOR };
    struct config_doc *docs[20];
    struct zpack *z = zpack_new();
    struct buf why = BUF_EMPTY;
    struct authority a;
    struct identity id;
    struct data_folder d;

    (void)state;
    authority_make(&a, MESH_ARC_BITS_DEFAULT);
    assert_int_equal(authority_admit(&id, &a, &what), 0);
    assert_int_equal(data_folder_open(&d, folder, 1, &why), 0);
    assert_int_equal(d.configs_n, 0);
    for (size_t i = 0; i < 20; i++) {
        struct config_head head = { .at_s = 1 };
        config_doc_follow(&head, i > 0 ? &docs[i - 1]->head : NULL);
        assert_int_equal(config_doc_make(&docs[i], z, &head, SLICE_LIT("text"), &id), 0);
    }
    for (size_t i = 0; i < 20; i++) { /* 8, 15, 2, 9 ... */
        assert_int_equal(data_folder_keep_config(&d, buf_slice(&docs[7 * (i + 1) % 20]->bytes)), 0);
        if (i == 0)
            assert_int_equal(files_create(in_folder("config/notes"), SLICE_LIT("mine")), 0);
    }
    assert_int_equal(data_folder_keep_config(&d, SLICE_LIT("nonsense")), EINVAL);
    data_folder_close(&d);
    assert_int_equal(data_folder_open(&d, folder, 1, &why), 0);
    assert_int_equal(d.configs_n, DATA_CONFIGS_MAX);
    for (size_t i = 0; i < DATA_CONFIGS_MAX; i++)
        assert_true(slice_eq(buf_slice(&d.configs[i]), buf_slice(&docs[19 - i]->bytes)));
    assert_int_equal(access(in_folder("config/notes"), F_OK), 0);
    data_folder_close(&d);
    for (size_t i = 0; i < 20; i++)
        config_doc_free(docs[i]);
    zpack_free(z);
    buf_free(&why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_start_takes_the_next_number, setup, teardown),
        cmocka_unit_test_setup_teardown(a_damaged_number_is_replaced_by_the_clock, setup, teardown),
        cmocka_unit_test_setup_teardown(two_nodes_never_share_it, setup, teardown),
        cmocka_unit_test_setup_teardown(the_token_stays_and_is_private, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_learnt_is_there_again_at_the_next_start, setup, teardown),
        cmocka_unit_test_setup_teardown(purges_are_appended_and_written_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(the_last_versions_of_the_configuration_stay, setup, teardown),
        cmocka_unit_test_setup_teardown(a_folder_that_cannot_be_is_named, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
