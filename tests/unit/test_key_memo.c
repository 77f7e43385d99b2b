/* test_key_memo.c - the keys of what was asked for lately. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "node/core/key_memo.h"

static struct digest key_of(unsigned n)
{
    struct digest d = { { (uint8_t)n, (uint8_t)(n >> 8), 1 } };
    return d;
}

static const struct dist_behaviour behaviour;
static const struct dist_behaviour *b;

static void only_the_very_same_bytes_are_found(void **state)
{
    struct key_memo m = { 0 };
    struct digest key = key_of(7);

    (void)state;
    assert_null(key_memo_find(&m, 7, false, SLICE_LIT("a"), SLICE_LIT("/b"), &b));
    key_memo_keep(&m, 7, false, SLICE_LIT("a"), SLICE_LIT("/b"), &key, &behaviour);
    assert_true(digest_eq(key_memo_find(&m, 7, false, SLICE_LIT("a"), SLICE_LIT("/b"), &b), &key));
    assert_null(key_memo_find(&m, 8, false, SLICE_LIT("a"), SLICE_LIT("/b"), &b)); /* something was purged since */
    static const char *const others[][2] = {
        { "", "/ba" }, { "a", "/B" }, { "A", "/b" }, { "a", "/b?" }, { "a/", "b" }, { "", "" }, { "b", "/a" },
    };
    assert_ptr_equal(b, &behaviour);
    assert_null(key_memo_find(&m, 7, true, SLICE_LIT("a"), SLICE_LIT("/b"), &b)); /* it may lead elsewhere */
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_null(key_memo_find(&m, 7, false, slice_str(others[i][0]), slice_str(others[i][1]), &b));
    key = key_of(8);
    key_memo_keep(&m, 7, false, SLICE_EMPTY, SLICE_LIT("/"), &key, &behaviour);
    assert_true(digest_eq(key_memo_find(&m, 7, false, SLICE_EMPTY, SLICE_LIT("/"), &b), &key));
    key_memo_fini(&m);
    assert_null(key_memo_find(&m, 7, false, SLICE_LIT("a"), SLICE_LIT("/b"), &b));
}

/* Whatever took whose place: what is found is right. */
static void many_more_than_there_are_places(void **state)
{
    struct key_memo m = { 0 };
    char text[32];
    unsigned found = 0, n = 5 * KEY_MEMO_PLACES;

    (void)state;
    for (unsigned i = 0; i < n; i++) {
        struct digest key = key_of(i);
        snprintf(text, sizeof(text), "/object/%u", i);
        key_memo_keep(&m, 7, false, SLICE_LIT("example.net"), slice_str(text), &key, &behaviour);
    }
    for (unsigned i = 0; i < n; i++) {
        struct digest want = key_of(i);
        snprintf(text, sizeof(text), "/object/%u", i);
        const struct digest *got = key_memo_find(&m, 7, false, SLICE_LIT("example.net"), slice_str(text), &b);
        found += got != NULL;
        assert_true(got == NULL || digest_eq(got, &want));
    }
    assert_in_range(found, KEY_MEMO_PLACES / 2, KEY_MEMO_PLACES);
    key_memo_fini(&m);
}

static void long_ones_are_not_kept(void **state)
{
    struct key_memo m = { 0 };
    struct digest key = key_of(1);
    char text[KEY_MEMO_TEXT + 1];

    (void)state;
    memset(text, 'a', sizeof(text));
    key_memo_keep(&m, 7, false, SLICE_EMPTY, slice_of(text, sizeof(text)), &key, &behaviour);
    assert_null(key_memo_find(&m, 7, false, SLICE_EMPTY, slice_of(text, sizeof(text)), &b));
    key_memo_keep(&m, 7, false, slice_of(text, 4), slice_of(text, KEY_MEMO_TEXT - 4), &key, &behaviour);
    assert_non_null(key_memo_find(&m, 7, false, slice_of(text, 4), slice_of(text, KEY_MEMO_TEXT - 4), &b));
    key_memo_fini(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_very_same_bytes_are_found),
        cmocka_unit_test(many_more_than_there_are_places),
        cmocka_unit_test(long_ones_are_not_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
