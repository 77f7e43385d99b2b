#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/sf/sf.h"
#include "proto/base/err.h"

#define S(text)     SLICE_LIT(text)
#define COUNT(rows) (sizeof(rows) / sizeof((rows)[0]))

/* ---- the public cases, as JSON has them ---- */

static const char base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

static json_t *json_of_bytes(struct slice s)
{
    struct buf text = BUF_EMPTY;

    buf_reserve(&text, 1);
    for (size_t i = 0; i < s.len * 8; i += 5) {
        unsigned v = 0;
        for (size_t bit = i; bit < i + 5; bit++)
            v = v << 1 | (bit < s.len * 8 ? s.data[bit / 8] >> (7 - bit % 8) & 1u : 0);
        buf_add_u8(&text, (uint8_t)base32[v]);
    }
    while (text.len % 8 != 0)
        buf_add_u8(&text, '=');
    json_t *made = json_stringn((char *)text.data, text.len);
    buf_free(&text);
    return made;
}

static json_t *json_of_value(const struct sf_value *v)
{
    struct buf text = BUF_EMPTY;
    json_t *made = NULL;

    buf_reserve(&text, 1); /* for no bytes, too, there is a place */
    sf_text(&text, v);
    switch (v->type) {
    case SF_INTEGER: made = json_integer(v->number); break;
    case SF_DECIMAL: made = json_real((double)v->number / 1000); break;
    case SF_BOOLEAN: made = json_boolean((int)v->number); break;
    case SF_STRING: made = json_stringn((char *)text.data, text.len); break;
    case SF_DATE: made = json_pack("{s:s, s:I}", "__type", "date", "value", (json_int_t)v->number); break;
    case SF_TOKEN: made = json_pack("{s:s, s:s%}", "__type", "token", "value", text.data, text.len); break;
    case SF_DISPLAY:
        made = json_pack("{s:s, s:o}", "__type", "displaystring", "value", json_stringn((char *)text.data, text.len));
        break;
    case SF_BYTES: made = json_pack("{s:s, s:o}", "__type", "binary", "value", json_of_bytes(buf_slice(&text))); break;
    }
    buf_free(&text);
    assert_non_null(made);
    return made;
}

static json_t *json_pair(struct slice key, json_t *value)
{
    return json_pack("[s%, o]", key.data, key.len, value);
}

static json_t *json_of_member(const struct sf_member *m)
{
    json_t *value, *params = json_array();
    struct sf_cursor c = sf_items(m);
    struct sf_member each;

    if (m->inner) {
        value = json_array();
        while (sf_next(&c, &each))
            json_array_append_new(value, json_of_member(&each));
    } else {
        value = json_of_value(&m->value);
    }
    c = sf_params(m);
    while (sf_next(&c, &each))
        json_array_append_new(params, json_pair(each.key, json_of_value(&each.value)));
    return json_pack("[o, o]", value, params);
}

static json_t *json_of_field(enum sf_kind kind, struct slice field)
{
    json_t *all = json_array();
    struct sf_cursor c;
    struct sf_member m;

    assert_int_equal(sf_open(&c, kind, field), 0);
    while (sf_next(&c, &m)) {
        json_t *made = json_of_member(&m);
        json_array_append_new(all, kind == SF_DICTIONARY ? json_pair(m.key, made) : made);
    }
    if (kind != SF_ITEM)
        return all;
    json_t *one = json_incref(json_array_get(all, 0));
    json_decref(all);
    return one;
}

/* ---- and written from JSON ---- */

static struct slice text_of(const json_t *j)
{
    return slice_of(json_string_value(j), json_string_length(j));
}

static void bytes_of(struct buf *out, struct slice text)
{
    unsigned bits = 0, n = 0;

    for (size_t i = 0; i < text.len && text.data[i] != '='; i++) {
        bits = bits << 5 | (unsigned)(strchr(base32, text.data[i]) - base32);
        n += 5;
        if (n >= 8) {
            n -= 8;
            buf_add_u8(out, (uint8_t)(bits >> n));
        }
    }
}

static void value_of(const json_t *j, struct sf_value *v, struct buf *bytes)
{
    const json_t *value = json_object_get(j, "value");
    const char *type = json_string_value(json_object_get(j, "__type"));

    buf_clear(bytes);
    *v = (struct sf_value){ .type = SF_STRING, .text = text_of(j) };
    if (json_is_integer(j)) {
        *v = (struct sf_value){ .type = SF_INTEGER, .number = json_integer_value(j) };
    } else if (json_is_boolean(j)) {
        *v = (struct sf_value){ .type = SF_BOOLEAN, .number = json_is_true(j) };
    } else if (json_is_real(j)) {
        double millionths = json_real_value(j) * 1e6;
        int64_t whole = (int64_t)(millionths + (millionths < 0 ? -0.5 : 0.5));
        *v = (struct sf_value){ .type = SF_DECIMAL, .number = sf_thousandths(whole, 6) };
    } else if (type != NULL && strcmp(type, "date") == 0) {
        *v = (struct sf_value){ .type = SF_DATE, .number = json_integer_value(value) };
    } else if (type != NULL && strcmp(type, "binary") == 0) {
        bytes_of(bytes, text_of(value));
        *v = (struct sf_value){ .type = SF_BYTES, .text = buf_slice(bytes) };
    } else if (type != NULL) {
        v->type = strcmp(type, "token") == 0 ? SF_TOKEN : SF_DISPLAY;
        v->text = text_of(value);
    }
}

static int put_params(struct buf *out, const json_t *params)
{
    struct buf bytes = BUF_EMPTY;
    int err = 0;

    for (size_t i = 0; err == 0 && i < json_array_size(params); i++) {
        const json_t *pair = json_array_get(params, i);
        struct sf_value v;
        value_of(json_array_get(pair, 1), &v, &bytes);
        buf_add_u8(out, ';');
        err = sf_put_pair(out, text_of(json_array_get(pair, 0)), &v);
    }
    buf_free(&bytes);
    return err;
}

/* |key| is NULL where there is none. */
static int put_member(struct buf *out, const json_t *key, const json_t *member)
{
    const json_t *value = json_array_get(member, 0);
    struct buf bytes = BUF_EMPTY;
    struct sf_value v;
    int err = 0;

    if (json_is_array(value)) {
        v = (struct sf_value){ .type = SF_BOOLEAN, .number = 1 };
        if (key != NULL && (err = sf_put_pair(out, text_of(key), &v)) == 0)
            buf_add_u8(out, '=');
        buf_add_u8(out, '(');
        for (size_t i = 0; err == 0 && i < json_array_size(value); i++) {
            buf_add_str(out, i > 0 ? " " : "");
            err = put_member(out, NULL, json_array_get(value, i));
        }
        buf_add_u8(out, ')');
    } else {
        value_of(value, &v, &bytes);
        err = key != NULL ? sf_put_pair(out, text_of(key), &v) : sf_put(out, &v);
    }
    buf_free(&bytes);
    return err != 0 ? err : put_params(out, json_array_get(member, 1));
}

static int put_field(struct buf *out, enum sf_kind kind, const json_t *field)
{
    int err = 0;

    if (kind == SF_ITEM)
        return put_member(out, NULL, field);
    for (size_t i = 0; err == 0 && i < json_array_size(field); i++) {
        const json_t *each = json_array_get(field, i);
        bool keyed = kind == SF_DICTIONARY;
        buf_add_str(out, i > 0 ? ", " : "");
        err = put_member(out, keyed ? json_array_get(each, 0) : NULL, keyed ? json_array_get(each, 1) : each);
    }
    return err;
}

/* ---- one case ---- */

struct ran {
    size_t parsed, refused, written, unwritable;
};

static void fault(const char *file, const json_t *c, const char *what, struct slice got)
{
    fail_msg("%s, \"%s\": %s; got %.*s", file, json_string_value(json_object_get(c, "name")), what, SLICE_FMT(got));
}

static enum sf_kind kind_of(const json_t *c)
{
    const char *type = json_string_value(json_object_get(c, "header_type"));

    return strcmp(type, "item") == 0 ? SF_ITEM : strcmp(type, "list") == 0 ? SF_LIST : SF_DICTIONARY;
}

/* Into memory of exactly the size, so that a sanitizer sees what is read behind the end. */
static struct buf raw_of(const json_t *raw)
{
    struct slice lines[8];
    struct buf joined = BUF_EMPTY, exact = BUF_EMPTY;
    size_t n = json_array_size(raw);

    assert_true(n <= COUNT(lines));
    for (size_t i = 0; i < n; i++)
        lines[i] = text_of(json_array_get(raw, i));
    sf_join(&joined, lines, n);
    exact.data = malloc(joined.len > 0 ? joined.len : 1);
    assert_non_null(exact.data);
    exact.len = exact.cap = joined.len;
    if (joined.len > 0)
        memcpy(exact.data, joined.data, joined.len);
    buf_free(&joined);
    return exact;
}

static void check_written(const char *file, const json_t *c, struct slice got)
{
    const json_t *canonical = json_object_get(c, "canonical");

    if (canonical == NULL)
        canonical = json_object_get(c, "raw");
    struct buf want = raw_of(canonical);
    if (!slice_eq(got, buf_slice(&want)))
        fault(file, c, "not the canonical form", got);
    buf_free(&want);
}

static void run_parse(const char *file, const json_t *c, struct ran *ran)
{
    struct buf in = raw_of(json_object_get(c, "raw")), out = BUF_EMPTY;
    bool may_fail = json_is_true(json_object_get(c, "can_fail"));
    struct sf_cursor at;
    struct sf_member m;

    buf_add_str(&out, "kept");
    int err = sf_open(&at, kind_of(c), buf_slice(&in));
    assert_int_equal(sf_put_field(&out, kind_of(c), buf_slice(&in)), err);
    if (json_is_true(json_object_get(c, "must_fail")) || (may_fail && err != 0)) {
        if (err != MESH_E_SYNTAX || out.len != 4 || sf_next(&at, &m))
            fault(file, c, "taken", buf_slice(&in));
        ran->refused++;
    } else {
        if (err != 0)
            fault(file, c, "refused", buf_slice(&in));
        json_t *got = json_of_field(kind_of(c), buf_slice(&in));
        if (!json_equal(got, json_object_get(c, "expected")))
            fault(file, c, "other values", slice_str(json_dumps(got, JSON_COMPACT)));
        json_decref(got);
        check_written(file, c, slice_from(buf_slice(&out), 4));
        ran->parsed++;
    }
    buf_free(&in);
    buf_free(&out);
}

static void run_put(const char *file, const json_t *c, struct ran *ran)
{
    struct buf out = BUF_EMPTY;
    int err = put_field(&out, kind_of(c), json_object_get(c, "expected"));

    if (json_is_true(json_object_get(c, "must_fail"))) {
        if (err != MESH_E_SYNTAX && err != MESH_E_RANGE)
            fault(file, c, "written", buf_slice(&out));
        ran->unwritable++;
    } else {
        if (err != 0)
            fault(file, c, "not written", buf_slice(&out));
        check_written(file, c, buf_slice(&out));
        ran->written++;
    }
    buf_free(&out);
}

static void run_file(const char *folder, const char *name, struct ran *ran)
{
    char path[1024];
    json_error_t error;

    snprintf(path, sizeof(path), "%s/structured-fields/%s.json", folder, name);
    json_t *cases = json_load_file(path, JSON_ALLOW_NUL, &error);
    if (cases == NULL)
        fail_msg("%s: %s", path, error.text);
    assert_true(json_array_size(cases) > 0);
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *c = json_array_get(cases, i);
        if (json_object_get(c, "raw") != NULL)
            run_parse(name, c, ran);
        if (json_object_get(c, "expected") != NULL)
            run_put(name, c, ran);
    }
    json_decref(cases);
}

static void public_cases(void **state)
{
    static const char *const names[] = {
        "binary",
        "boolean",
        "date",
        "dictionary",
        "display-string",
        "examples",
        "item",
        "key-generated",
        "large-generated",
        "list",
        "listlist",
        "number-generated",
        "number",
        "param-dict",
        "param-list",
        "param-listlist",
        "string-generated",
        "string",
        "token-generated",
        "token",
        "serialisation-tests/key-generated",
        "serialisation-tests/number",
        "serialisation-tests/string-generated",
        "serialisation-tests/token-generated",
    };
    const char *folder = getenv("HEDGEROW_VECTORS");
    struct ran ran = { 0, 0, 0, 0 };
    char path[1024];

    (void)state;
    if (folder == NULL)
        folder = SOURCE_DIR "/../shared/vectors";
    snprintf(path, sizeof(path), "%s/structured-fields/item.json", folder);
    FILE *there = fopen(path, "r");
    if (there == NULL) {
        printf("SKIPPED: no public cases of structured fields at %s; set HEDGEROW_VECTORS\n", folder);
        skip();
    }
    fclose(there);
    for (size_t i = 0; i < COUNT(names); i++)
        run_file(folder, names[i], &ran);
    printf("structured fields: %zu cases parsed, %zu refused, %zu written, %zu unwritable\n", ran.parsed, ran.refused,
           ran.written, ran.unwritable);
    assert_true(ran.parsed > 0 && ran.refused > 0 && ran.written > 0 && ran.unwritable > 0);
}

/* ---- our own ---- */

static void check_field(enum sf_kind kind, const char *field, const char *want)
{
    struct buf out = BUF_EMPTY;
    int err = sf_put_field(&out, kind, slice_str(field));

    buf_add_u8(&out, 0);
    if (err != 0)
        assert_string_equal(mesh_strerror(err), want);
    else
        assert_string_equal((char *)out.data, want);
    buf_free(&out);
}

static void canonical_forms(void **state)
{
    (void)state;
    check_field(SF_ITEM, "  text;  a;b=?1;c=?0 ", "text;a;b;c=?0");
    check_field(SF_ITEM, "-0", "0");
    check_field(SF_ITEM, "-0.50", "-0.5");
    check_field(SF_ITEM, "-999999999999.999", "-999999999999.999");
    check_field(SF_ITEM, "1.001", "1.001");
    check_field(SF_ITEM, "1.010", "1.01");
    check_field(SF_ITEM, ":YQ:", ":YQ==:");
    check_field(SF_ITEM, "::", "::");
    check_field(SF_ITEM, "%\"%f0%9f%98%80 %25\"", "%\"%f0%9f%98%80 %25\"");
    check_field(SF_LIST, "", "");
    check_field(SF_LIST, "a\t ,\tb", "a, b");
    check_field(SF_LIST, "(  a;x   1  );q=1.0, ()", "(a;x 1);q=1.0, ()");
    check_field(SF_DICTIONARY, "a;x, b=(1 2);y,c=?1,d=?0", "a;x, b=(1 2);y, c, d=?0");
    /* The last value, where the key was first. */
    check_field(SF_DICTIONARY, "a=1;x, b=2, a=(3), b;y=4;y=5, c", "a=(3), b;y=5, c");
    check_field(SF_ITEM, "1;a=1;b=2;a=3;a", "1;a;b=2");
}

static void refused_forms(void **state)
{
    static const char *const items[] = {
        "",
        "\t1",
        "1\t",
        "1 ;a",
        "1;",
        "1;A",
        "1;a=",
        "1,2",
        "--1",
        "+1",
        "1.",
        ".1",
        "1.1.1",
        "1.2345",
        "@1.0",
        "@",
        "?",
        "?2",
        "?1?",
        "\"a",
        "\"\\a\"",
        "\"a\\",
        "\"\x80\"",
        "\"\x7f\"",
        ":a:",
        ":YQ=:",
        ":YQ===:",
        ":====:",
        ":Y-_Q:",
        ":YQ==",
        "%\"\\\"\" ",
        "%\"%4A\"",
        "%\"%",
        "%\"%4\"",
        "%a",
        "%\"%c3\"",
        "%\"%c0%af\"",
        "%\"%e2%28\"",
        "%\"%80\"",
        "%\"%ff\"",
        "()",
        "(1)",
        "a b",
        "%\"%ed%a0%80\"",
        "%\"%f4%90%80%80\"",
        "%\"%e0%80%80\"",
        "%\"%f0%80%80%80\"",
        "1\r\n",
        "a\n",
        "a\x80",
    };
    static const char *const lists[] = { ",",     "1,",   "1,,2",   ",1",   "1 2", "(",        "(1",     "(1,2)",
                                         "((1))", "(1)2", "(1\t2)", "(1;)", ")",   "(1\"a\")", "1; a ;b" };
    static const char *const dictionaries[] = { "A=1",  "=1",  "a=",      "a =1", "a= 1",    "1",   "a,",
                                                "a==1", "a b", "a=1 b=2", "a=(",  "\"a\"=1", "-a=1" };
    const struct {
        enum sf_kind kind;
        const char *const *rows;
        size_t n;
    } all[] = { { SF_ITEM, items, COUNT(items) },
                { SF_LIST, lists, COUNT(lists) },
                { SF_DICTIONARY, dictionaries, COUNT(dictionaries) } };

    (void)state;
    for (size_t k = 0; k < COUNT(all); k++) {
        for (size_t i = 0; i < all[k].n; i++) {
            struct sf_cursor c;
            struct sf_member m;
            if (sf_open(&c, all[k].kind, slice_str(all[k].rows[i])) != MESH_E_SYNTAX)
                fail_msg("taken: %s", all[k].rows[i]);
            assert_false(sf_next(&c, &m));
        }
    }
}

static void a_null_is_no_end(void **state)
{
    struct sf_cursor c;

    (void)state;
    assert_int_equal(sf_open(&c, SF_ITEM, S("a\0")), MESH_E_SYNTAX);
    assert_int_equal(sf_open(&c, SF_ITEM, S("\"\0\"")), MESH_E_SYNTAX);
    assert_int_equal(sf_open(&c, SF_ITEM, S("\0")), MESH_E_SYNTAX);
    assert_int_equal(sf_open(&c, SF_LIST, SLICE_EMPTY), 0);
}

static int open_repeated(enum sf_kind kind, const char *first, const char *then, unsigned n)
{
    struct buf b = BUF_EMPTY;
    struct sf_cursor c;

    buf_add_str(&b, first);
    for (unsigned i = 1; i < n; i++)
        buf_add_str(&b, then);
    int err = sf_open(&c, kind, buf_slice(&b));
    buf_free(&b);
    return err;
}

/* |n| keys in no order, and the first one again if |repeat|; behind it how many a walk finds. */
static int open_keys(enum sf_kind kind, const char *before, char between, unsigned n, bool repeat, const char *after)
{
    struct buf b = BUF_EMPTY;
    struct sf_cursor c;
    struct sf_member m;
    unsigned found = 0;

    buf_add_str(&b, before);
    for (unsigned i = 0; i < n + repeat; i++)
        buf_addf(&b, "%sk%u=%u", i == 0 ? "" : between == ',' ? "," : ";", i % n * 7919 % 10007, i);
    buf_add_str(&b, after);
    int err = sf_open(&c, kind, buf_slice(&b));
    if (err == 0 && kind == SF_DICTIONARY) {
        while (sf_next(&c, &m)) {
            assert_int_equal(m.value.number, repeat && found == 0 ? n : found);
            found++;
        }
        assert_int_equal(found, n);
    } else if (err == 0 && kind == SF_ITEM) {
        assert_true(sf_next(&c, &m));
        for (c = sf_params(&m); sf_next(&c, &m); found++)
            assert_int_equal(m.value.number, repeat && found == 0 ? n : found);
        assert_int_equal(found, n);
    }
    buf_free(&b);
    return err;
}

static void keys_are_counted(void **state)
{
    (void)state;
    assert_int_equal(open_repeated(SF_DICTIONARY, "a", ",a", SF_DICTIONARY_MAX), 0);
    assert_int_equal(open_repeated(SF_DICTIONARY, "a", ",a", SF_DICTIONARY_MAX + 1), MESH_E_FULL);
    assert_int_equal(open_repeated(SF_ITEM, "a;b", ";b", SF_PARAMS_MAX), 0);
    assert_int_equal(open_repeated(SF_ITEM, "a;b", ";b", SF_PARAMS_MAX + 1), MESH_E_FULL);
    assert_int_equal(open_repeated(SF_LIST, "a", ",a", 10 * SF_DICTIONARY_MAX), 0);
    for (unsigned different = SF_REPEATING_MAX; different <= SF_REPEATING_MAX + 1; different++) {
        int want = different > SF_REPEATING_MAX ? MESH_E_FULL : 0;
        assert_int_equal(open_keys(SF_DICTIONARY, "", ',', different, true, ""), want);
        assert_int_equal(open_keys(SF_DICTIONARY, "", ',', different, false, ""), 0);
        assert_int_equal(open_keys(SF_LIST, "a;", ';', different, true, ", b"), want);
        assert_int_equal(open_keys(SF_ITEM, "a;", ';', different, true, ""), want);
        assert_int_equal(open_keys(SF_ITEM, "a;", ';', different, false, ""), 0);
        assert_int_equal(open_keys(SF_LIST, "b, (c d;", ';', different, true, " e)"), want);
        assert_int_equal(open_keys(SF_LIST, "b, (c d);", ';', different, true, ""), want);
    }
    assert_int_equal(open_keys(SF_DICTIONARY, "", ',', SF_DICTIONARY_MAX, false, ""), 0);
    assert_int_equal(open_keys(SF_ITEM, "a;", ';', SF_PARAMS_MAX, false, ""), 0);
}

static void members_are_found(void **state)
{
    struct sf_cursor c, params;
    struct sf_member m;

    (void)state;
    assert_int_equal(sf_open(&c, SF_DICTIONARY, S("u=3;x=tok, i, u=5;y")), 0);
    assert_true(sf_find(&c, S("u"), &m));
    assert_int_equal(m.value.number, 5);
    params = sf_params(&m);
    assert_false(sf_find(&params, S("x"), &m));
    assert_true(sf_find(&params, S("y"), &m));
    assert_true(m.value.type == SF_BOOLEAN && m.value.number == 1);
    assert_false(sf_find(&c, S("U"), &m));
    while (sf_next(&c, &m))
        continue;
    assert_true(sf_find(&c, S("i"), &m)); /* wherever the cursor stands */
}

static void what_cannot_be_written_is_refused(void **state)
{
    const struct {
        struct sf_value v;
        int want;
    } rows[] = {
        { { .type = SF_INTEGER, .number = SF_INTEGER_MAX }, 0 },
        { { .type = SF_INTEGER, .number = SF_INTEGER_MAX + 1 }, MESH_E_RANGE },
        { { .type = SF_INTEGER, .number = -SF_INTEGER_MAX - 1 }, MESH_E_RANGE },
        { { .type = SF_INTEGER, .number = INT64_MIN }, MESH_E_RANGE },
        { { .type = SF_DECIMAL, .number = SF_INTEGER_MAX }, 0 },
        { { .type = SF_DECIMAL, .number = SF_INTEGER_MAX + 1 }, MESH_E_RANGE },
        { { .type = SF_DECIMAL, .number = INT64_MIN }, MESH_E_RANGE },
        { { .type = SF_DATE, .number = SF_INTEGER_MAX + 1 }, MESH_E_RANGE },
        { { .type = SF_TOKEN, .text = S("") }, MESH_E_SYNTAX },
        { { .type = SF_TOKEN, .text = S("1a") }, MESH_E_SYNTAX },
        { { .type = SF_TOKEN, .text = S("a b") }, MESH_E_SYNTAX },
        { { .type = SF_STRING, .text = S("") }, 0 },
        { { .type = SF_STRING, .text = S("a\r\nb") }, MESH_E_SYNTAX },
        { { .type = SF_STRING, .text = S("\xC3\xBC") }, MESH_E_SYNTAX },
        { { .type = SF_DISPLAY, .text = S("\xC3\xBC\r\n") }, 0 },
        { { .type = SF_DISPLAY, .text = S("\xC3") }, MESH_E_SYNTAX },
        { { .type = SF_DISPLAY, .text = S("\xED\xA0\x80") }, MESH_E_SYNTAX },
        { { .type = SF_BYTES, .text = S("\0\xFF") }, 0 },
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct buf out = BUF_EMPTY;
        struct sf_cursor c;
        buf_add_str(&out, "x;");
        assert_int_equal(sf_put_pair(&out, S("key"), &rows[i].v), rows[i].want);
        assert_true(rows[i].want == 0 ? out.len > 2 : out.len == 2);
        if (rows[i].want == 0)
            assert_int_equal(sf_open(&c, SF_ITEM, buf_slice(&out)), 0);
        buf_free(&out);
    }
}

static void decimals_round_half_to_even(void **state)
{
    (void)state;
    assert_int_equal(sf_thousandths(15, 4), 2);
    assert_int_equal(sf_thousandths(25, 4), 2);
    assert_int_equal(sf_thousandths(-15, 4), -2);
    assert_int_equal(sf_thousandths(-25, 4), -2);
    assert_int_equal(sf_thousandths(2500001, 9), 3);
    assert_int_equal(sf_thousandths(7, 0), 7000);
    assert_int_equal(sf_thousandths(7, 3), 7);
    assert_int_equal(sf_thousandths(1, 18), 0);
    assert_int_equal(sf_thousandths(INT64_MIN, 0), INT64_MIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(public_cases),
        cmocka_unit_test(canonical_forms),
        cmocka_unit_test(refused_forms),
        cmocka_unit_test(a_null_is_no_end),
        cmocka_unit_test(keys_are_counted),
        cmocka_unit_test(members_are_found),
        cmocka_unit_test(what_cannot_be_written_is_refused),
        cmocka_unit_test(decimals_round_half_to_even),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
