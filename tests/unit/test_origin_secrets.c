/* test_origin_secrets.c - which line of a file is sent, when it is read again, and what an operator is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "node/io/origin_secrets.h"

static char folder[] = "/tmp/origin_secrets_XXXXXX";
static struct origin_secrets secrets;
static struct buf news;
static mesh_ns now;

static const char *path_of(const char *name)
{
    static char path[256];

    snprintf(path, sizeof(path), "%s/" ORIGIN_SECRETS "/%s", folder, name);
    return path;
}

static void put(const char *name, const char *text, size_t len, mode_t mode)
{
    FILE *file = fopen(path_of(name), "w");

    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, len, file), len);
    fclose(file);
    assert_int_equal(chmod(path_of(name), mode), 0);
}

static void put_text(const char *name, const char *text)
{
    put(name, text, strlen(text), 0600);
}

/* What is sent; "": nothing. The news are those of this call. */
static const char *sent(const char *name)
{
    static char text[ORIGIN_SECRET_MAX + 1];
    struct slice value = SLICE_EMPTY;

    buf_clear(&news);
    bool has = origin_secret_of(&secrets, now, slice_str(name), &value, &news);
    assert_int_equal(has, value.len > 0);
    snprintf(text, sizeof(text), "%.*s", SLICE_FMT(value));
    return text;
}

static bool told(const char *words)
{
    return news.len > 0 && memmem(news.data, news.len, words, strlen(words)) != NULL;
}

static int begin(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/origin_secrets_XXXXXX");
    if (mkdtemp(folder) == NULL || mkdir(path_of(""), 0700) != 0)
        return -1;
    now = SEC(7);
    origin_secrets_init(&secrets, folder);
    return 0;
}

static int end(void **state)
{
    static const char *const names[] = { "a", "long", "name", "none" };

    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unlink(path_of(names[i]));
    origin_secrets_fini(&secrets);
    assert_int_equal(secrets.n, 0);
    buf_free(&news);
    return rmdir(path_of("")) == 0 && rmdir(folder) == 0 ? 0 : -1;
}

static void feat_S12_the_last_line_is_sent(void **state)
{
    (void)state;
    put_text("a", "first\n");
    assert_string_equal(sent("a"), "first");
    assert_int_equal(news.len, 0);
    put_text("a", "first\nsecond and more \r\n\n  \n");
    assert_string_equal(sent("a"), "first"); /* it is looked at once a second */
    now += SEC(1);
    assert_string_equal(sent("a"), "second and more");
    put_text("a", "third");
    origin_secrets_again(&secrets);
    assert_string_equal(sent("a"), "third");
    assert_int_equal(news.len, 0);
}

static void feat_S12_what_is_no_good_leaves_what_was_there(void **state)
{
    static char big[ORIGIN_SECRET_FILE_MAX + 2];

    (void)state;
    memset(big, 'x', sizeof(big));
    put_text("a", "good\n");
    assert_string_equal(sent("a"), "good");
    const struct {
        const char *text;
        size_t len;
        const char *told;
    } bad[] = {
        { "", 0, "is empty" },
        { "a\001b\n", 4, "no printable ASCII" },
        { "gr\xc3\xbc\xc3\x9f", 6, "no printable ASCII" },
        { big, ORIGIN_SECRET_MAX + 1, "too long" },
        { big, sizeof(big), NULL }, /* as before */
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        put("a", bad[i].text, bad[i].len, 0600);
        now += SEC(1);
        assert_string_equal(sent("a"), "good");
        if (i != 2)
            assert_true(bad[i].told == NULL ? news.len == 0 : told(bad[i].told));
        now += SEC(1);
        assert_string_equal(sent("a"), "good");
        assert_int_equal(news.len, 0); /* it is said once */
        assert_false(told("good"));
    }
    put("a", big, ORIGIN_SECRET_MAX, 0600);
    now += SEC(1);
    assert_int_equal(strlen(sent("a")), ORIGIN_SECRET_MAX);
}

static void feat_S12_a_file_that_is_not_there_is_no_secret(void **state)
{
    (void)state;
    assert_string_equal(sent("a"), "");
    assert_true(told("there is no secret"));
    put_text("a", "here\n");
    now += SEC(1);
    assert_string_equal(sent("a"), "here");
    unlink(path_of("a"));
    now += SEC(1);
    assert_string_equal(sent("a"), "");
    assert_true(told("there is no secret"));
    assert_string_equal(sent("../a"), "");
    assert_string_equal(sent(""), "");
    assert_int_equal(secrets.n, 1);
    assert_int_equal(mkfifo(path_of("name"), 0600), 0);
    assert_string_equal(sent("name"), ""); /* and it returns */
    assert_true(told("it is no file"));
}

static void feat_S12_who_can_read_it_is_said(void **state)
{
    (void)state;
    put("a", "shown\n", 6, 0644);
    assert_string_equal(sent("a"), "shown");
    assert_true(told("others on this host can read"));
    assert_false(told("shown"));
    now += SEC(1);
    assert_string_equal(sent("a"), "shown");
    assert_int_equal(news.len, 0);
}

static void feat_S12_there_is_an_end_to_how_many(void **state)
{
    char name[32];

    (void)state;
    put_text("a", "kept\n");
    for (unsigned i = 0; i < 2 * ORIGIN_SECRETS_MAX; i++) {
        snprintf(name, sizeof(name), "n%u", i);
        assert_string_equal(sent(name), "");
        assert_string_equal(sent("a"), "kept");
        assert_true(secrets.n <= ORIGIN_SECRETS_MAX);
    }
    assert_int_equal(secrets.n, ORIGIN_SECRETS_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(feat_S12_the_last_line_is_sent, begin, end),
        cmocka_unit_test_setup_teardown(feat_S12_what_is_no_good_leaves_what_was_there, begin, end),
        cmocka_unit_test_setup_teardown(feat_S12_a_file_that_is_not_there_is_no_secret, begin, end),
        cmocka_unit_test_setup_teardown(feat_S12_who_can_read_it_is_said, begin, end),
        cmocka_unit_test_setup_teardown(feat_S12_there_is_an_end_to_how_many, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
