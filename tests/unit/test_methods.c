/* test_methods.c - lists of methods, and what each method promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "node/core/methods.h"
#include "proto/base/err.h"

static void check_text(const char *words, const char *want)
{
    struct methods m;
    struct buf b = BUF_EMPTY;
    const char *why = NULL;

    if (methods_parse(&m, slice_str(words), &why) != 0)
        fail_msg("%s: %s", words, why);
    methods_text(&b, &m);
    buf_add_u8(&b, 0);
    assert_string_equal((const char *)b.data, want);
    buf_free(&b);
}

static void feat_C16_three_lists_and_more_behind_them(void **state)
{
    struct methods none = { .other_n = 0 };

    (void)state;
    check_text("get", "GET, HEAD");
    check_text("options", "GET, HEAD, OPTIONS");
    check_text("all", "GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE");
    check_text("get,POST", "GET, HEAD, POST");
    check_text("all,PROPFIND,M-SEARCH,PROPFIND,PUT", "GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE, PROPFIND, M-SEARCH");
    assert_true(methods_admit(&none, SLICE_LIT("DELETE"))); /* what is not said is all of them */
}

static void words_that_are_no_list(void **state)
{
    static const char *const words[] = { "",        "All",         "POST", "all,",  ",all",        "get,PO ST", "get, POST",
                                         "all,TRACE", "get,CONNECT", "all;X", "all,\"x", "all,a\x80" };
    struct methods before = { .list = METHODS_GET }, m = before;
    const char *why = NULL;

    (void)state;
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (methods_parse(&m, slice_str(words[i]), &why) != MESH_E_SYNTAX || m.list != METHODS_GET)
            fail_msg("\"%s\" was taken", words[i]);
        assert_non_null(why);
    }
    assert_int_equal(methods_parse(&m, SLICE_LIT("get,A,B,C,D,E,F,G,H,I,J,K,L,M,N,O,P"), &why), 0);
    assert_int_equal(m.other_n, METHODS_OTHER_MAX);
    assert_int_equal(methods_parse(&m, SLICE_LIT("get,A,B,C,D,E,F,G,H,I,J,K,L,M,N,O,P,Q"), &why), MESH_E_FULL);
    assert_int_equal(methods_parse(&m, SLICE_LIT("get,ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"), &why), 0);
    assert_int_equal(methods_parse(&m, SLICE_LIT("get,ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456"), &why), MESH_E_SYNTAX);
}

static void who_is_admitted(void **state)
{
    static const struct {
        const char *list, *yes, *no;
    } rows[] = {
        { "get", "GET HEAD", "OPTIONS POST PUT PATCH DELETE TRACE CONNECT PROPFIND get Get GE GETS" },
        { "options", "GET HEAD OPTIONS", "POST PUT PATCH DELETE TRACE CONNECT PROPFIND" },
        { "all", "GET HEAD OPTIONS POST PUT PATCH DELETE", "TRACE CONNECT PROPFIND M-SEARCH post" },
        { "get,PROPFIND", "GET HEAD PROPFIND", "OPTIONS POST propfind" },
    };
    struct methods m;
    const char *why;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slice yes = slice_str(rows[i].yes), no = slice_str(rows[i].no), word;
        assert_int_equal(methods_parse(&m, slice_str(rows[i].list), &why), 0);
        while (slice_split(&yes, ' ', &word))
            assert_true(methods_admit(&m, word));
        while (slice_split(&no, ' ', &word)) {
            if (methods_admit(&m, word))
                fail_msg("%.*s with %s", SLICE_FMT(word), rows[i].list);
        }
        assert_false(methods_admit(&m, SLICE_EMPTY));
    }
}

/* RFC 9110 section 9.2, and the registry. Of one we do not know nothing is assumed (RFC 9111 section 4.4). */
static void what_they_promise(void **state)
{
    static const struct {
        const char *method;
        bool asks, safe, idempotent;
    } rows[] = {
        { "GET", true, true, true },       { "HEAD", true, true, true },      { "OPTIONS", false, true, true },
        { "POST", false, false, false },   { "PUT", false, false, true },     { "PATCH", false, false, false },
        { "DELETE", false, false, true },  { "PROPFIND", false, true, true }, { "MKCOL", false, false, true },
        { "M-SEARCH", false, false, false }, { "get", false, false, false },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct slice method = slice_str(rows[i].method);
        if (method_asks(method) != rows[i].asks || method_safe(method) != rows[i].safe ||
            method_idempotent(method) != rows[i].idempotent)
            fail_msg("%s", rows[i].method);
    }
    assert_true(method_asks(SLICE_EMPTY) && method_idempotent(SLICE_EMPTY)); /* an unsaid one is GET */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feat_C16_three_lists_and_more_behind_them),
        cmocka_unit_test(words_that_are_no_list),
        cmocka_unit_test(who_is_admitted),
        cmocka_unit_test(what_they_promise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
