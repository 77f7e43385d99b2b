/* test_documents.c - sets of distributions made of others, by name; what is good, and what differs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/admin/documents.h"
#include "proto/digest.h"

#define ORIGINS "\"origins\":[{\"id\":\"o\",\"url\":\"http://o.example\"}]"

static int setup(void **state)
{
    (void)state;
    return crypto_start();
}

static void canonical(struct buf *out, const char *text)
{
    struct buf why = BUF_EMPTY;

    buf_clear(out);
    if (!documents_canonical(out, slice_str(text), "f", &why))
        fail_msg("%.*s", SLICE_FMT(buf_slice(&why)));
    buf_free(&why);
}

static const char *const ab =
    "{\"distributions\":[{\"name\":\"a\"," ORIGINS "},{\"name\":\"b\",\"comment\":\"1\"," ORIGINS "}]}";
static const char *const bc =
    "{\"distributions\":[{\"name\":\"b\",\"comment\":\"2\"," ORIGINS "},{\"name\":\"c\"," ORIGINS "}]}";

static void check_names(struct slice text, const char *want)
{
    json_t *list = documents_list(text), *one;
    char got[64] = "";
    size_t i;

    assert_non_null(list);
    json_array_foreach(list, i, one) strcat(got, json_string_value(json_object_get(one, "name")));
    assert_string_equal(got, want);
    json_decref(list);
}

static void what_is_named_takes_its_place_and_the_rest_stays(void **state)
{
    struct buf before = BUF_EMPTY, changes = BUF_EMPTY, out = BUF_EMPTY;

    (void)state;
    canonical(&before, ab);
    canonical(&changes, bc);
    assert_true(documents_merge(&out, buf_slice(&before), buf_slice(&changes)));
    check_names(buf_slice(&out), "abc");
    assert_non_null(memmem(out.data, out.len, "\"comment\":\"2\"", 13));
    assert_null(memmem(out.data, out.len, "\"comment\":\"1\"", 13));
    buf_clear(&out);
    assert_true(documents_merge(&out, SLICE_EMPTY, buf_slice(&changes)));
    check_names(buf_slice(&out), "bc");
    buf_free(&before);
    buf_free(&changes);
    buf_free(&out);
}

static void one_is_taken_away_or_shown(void **state)
{
    struct buf before = BUF_EMPTY, out = BUF_EMPTY;

    (void)state;
    canonical(&before, ab);
    assert_false(documents_remove(&out, buf_slice(&before), SLICE_LIT("c")));
    assert_int_equal(out.len, 0);
    assert_true(documents_remove(&out, buf_slice(&before), SLICE_LIT("a")));
    check_names(buf_slice(&out), "b");
    buf_clear(&out);
    assert_true(documents_one(&out, buf_slice(&before), SLICE_LIT("b")));
    assert_non_null(memmem(out.data, out.len, "\"1\"", 3));
    assert_false(documents_one(&out, buf_slice(&before), SLICE_LIT("B")));
    buf_free(&before);
    buf_free(&out);
}

static void what_differs_is_said_by_field(void **state)
{
    struct buf a = BUF_EMPTY, b = BUF_EMPTY, out = BUF_EMPTY;

    (void)state;
    canonical(&a, ab);
    canonical(&b, bc);
    assert_int_equal(documents_diff(&out, buf_slice(&a), buf_slice(&b)), 3);
    buf_add_u8(&out, 0);
    assert_string_equal((const char *)out.data, "- a\n~ b.comment: \"1\" -> \"2\"\n+ c\n");
    buf_clear(&out);
    assert_int_equal(documents_diff(&out, buf_slice(&a), buf_slice(&a)), 0);
    assert_int_equal(out.len, 0);
    assert_int_equal(documents_diff(&out, SLICE_LIT("{"), buf_slice(&a)), -1);
    buf_free(&a);
    buf_free(&b);
    buf_free(&out);
}

static void what_is_not_good_is_refused_with_its_place(void **state)
{
    static const char *const bad[] = { "{", " ", "{\"distributions\":1}", "{\"distributions\":[{\"name\":\"a\"}]}" };
    struct buf out = BUF_EMPTY, why = BUF_EMPTY;

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        buf_clear(&why);
        assert_false(documents_canonical(&out, slice_str(bad[i]), "f", &why));
        assert_int_equal(out.len, 0);
        assert_true(why.len > 2 && memcmp(why.data, "f:", 2) == 0);
    }
    canonical(&out, "");
    check_names(buf_slice(&out), "");
    buf_free(&out);
    buf_free(&why);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_named_takes_its_place_and_the_rest_stays),
        cmocka_unit_test(one_is_taken_away_or_shown),
        cmocka_unit_test(what_differs_is_said_by_field),
        cmocka_unit_test(what_is_not_good_is_refused_with_its_place),
    };
    return cmocka_run_group_tests_name("documents", tests, setup, NULL);
}
