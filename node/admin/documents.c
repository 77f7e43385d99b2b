#include "node/admin/documents.h"

#include "node/dist/dist_read.h"

#include <stdio.h>
#include <stdlib.h>

static json_t *root_of(struct slice text)
{
    if (text.len == 0)
        return json_pack("{s:[]}", "distributions");
    return json_loadb((const char *)text.data, text.len, JSON_REJECT_DUPLICATES, NULL);
}

json_t *documents_list(struct slice text)
{
    json_t *root = root_of(text), *list = json_object_get(root, "distributions");

    list = json_is_array(list) ? json_incref(list) : NULL;
    json_decref(root);
    return list;
}

static const char *name_of(const json_t *one)
{
    const char *name = json_string_value(json_object_get(one, "name"));
    return name != NULL ? name : "";
}

static bool is_named(const json_t *one, struct slice name)
{
    return slice_eq(slice_str(name_of(one)), name);
}

/* Where |name| is in |list|; its length: nowhere. */
static size_t index_of(const json_t *list, struct slice name)
{
    size_t i = 0;

    while (i < json_array_size(list) && !is_named(json_array_get(list, i), name))
        i++;
    return i;
}

/* |list| is taken over. */
static bool put(struct buf *out, json_t *list)
{
    json_t *root = list != NULL ? json_pack("{s:o}", "distributions", list) : NULL;
    char *text = root != NULL ? json_dumps(root, JSON_COMPACT) : NULL;

    json_decref(root);
    if (text == NULL)
        return false;
    buf_add_str(out, text);
    buf_add_u8(out, '\n');
    free(text);
    return buf_ok(out);
}

/* ---- what is good ---- */

bool documents_canonical(struct buf *out, struct slice text, const char *file, struct buf *why)
{
    struct dist_set *set;

    if (text.len == 0)
        text = SLICE_LIT("{\"distributions\":[]}");
    if (dist_set_read(text, file, &set, why) != 0)
        return false;
    dist_set_write(out, set);
    dist_set_unref(set);
    return buf_ok(out);
}

/* ---- sets made of others ---- */

bool documents_merge(struct buf *out, struct slice before, struct slice changes)
{
    json_t *list = documents_list(before), *news = documents_list(changes), *one;
    bool good = list != NULL && news != NULL;
    size_t i;

    json_array_foreach(news, i, one)
    {
        size_t at = index_of(list, slice_str(name_of(one)));
        good = good && (at < json_array_size(list) ? json_array_set(list, at, one) : json_array_append(list, one)) == 0;
    }
    json_decref(news);
    if (good)
        return put(out, list);
    json_decref(list);
    return false;
}

bool documents_remove(struct buf *out, struct slice before, struct slice name)
{
    json_t *list = documents_list(before);
    size_t at = index_of(list, name);

    if (at < json_array_size(list) && json_array_remove(list, at) == 0)
        return put(out, list);
    json_decref(list);
    return false;
}

bool documents_one(struct buf *out, struct slice text, struct slice name)
{
    json_t *list = documents_list(text);
    size_t at = index_of(list, name);
    char *one = at < json_array_size(list) ? json_dumps(json_array_get(list, at), JSON_INDENT(2)) : NULL;

    json_decref(list);
    if (one == NULL)
        return false;
    buf_add_str(out, one);
    buf_add_u8(out, '\n');
    free(one);
    return buf_ok(out);
}

/* ---- differences ---- */

struct differing {
    struct buf *out;
    struct buf path;
    int n;
};

static void show(struct buf *out, const json_t *value)
{
    char *text = value != NULL ? json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY) : NULL;

    buf_add_str(out, text != NULL ? text : "nothing");
    free(text);
}

static void differ(struct differing *d, const json_t *a, const json_t *b);

static void at_key(struct differing *d, const char *key, const json_t *a, const json_t *b)
{
    size_t before = d->path.len;

    buf_addf(&d->path, ".%s", key);
    differ(d, a, b);
    d->path.len = before;
}

static void differ_objects(struct differing *d, const json_t *a, const json_t *b)
{
    const char *key;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)a, key, value) at_key(d, key, value, json_object_get(b, key));
    json_object_foreach((json_t *)(uintptr_t)b, key, value)
    {
        if (json_object_get(a, key) == NULL)
            at_key(d, key, NULL, value);
    }
}

static void differ_arrays(struct differing *d, const json_t *a, const json_t *b)
{
    size_t n = json_array_size(a) > json_array_size(b) ? json_array_size(a) : json_array_size(b);

    for (size_t i = 0; i < n; i++) {
        size_t before = d->path.len;
        buf_addf(&d->path, "[%zu]", i);
        differ(d, json_array_get(a, i), json_array_get(b, i));
        d->path.len = before;
    }
}

static void differ(struct differing *d, const json_t *a, const json_t *b)
{
    if (json_is_object(a) && json_is_object(b)) {
        differ_objects(d, a, b);
    } else if (json_is_array(a) && json_is_array(b)) {
        differ_arrays(d, a, b);
    } else if (a == NULL || b == NULL || !json_equal(a, b)) {
        buf_addf(d->out, "~ %.*s: ", SLICE_FMT(buf_slice(&d->path)));
        show(d->out, a);
        buf_add_str(d->out, " -> ");
        show(d->out, b);
        buf_add_u8(d->out, '\n');
        d->n++;
    }
}

/* Of those in |a|: what |b| has of each; and what |a| has alone, after |sign|. */
static void compare(struct differing *d, const json_t *a, const json_t *b, bool both, char sign)
{
    size_t i;
    json_t *one;

    json_array_foreach(a, i, one)
    {
        size_t at = index_of(b, slice_str(name_of(one)));
        if (at == json_array_size(b)) {
            buf_addf(d->out, "%c %s\n", sign, name_of(one));
            d->n++;
        } else if (both) {
            buf_clear(&d->path);
            buf_add_str(&d->path, name_of(one));
            differ(d, one, json_array_get(b, at));
        }
    }
}

int documents_diff(struct buf *out, struct slice before, struct slice after)
{
    json_t *a = documents_list(before), *b = documents_list(after);
    struct differing d = { .out = out, .path = BUF_EMPTY };
    bool good = a != NULL && b != NULL;

    if (good) {
        compare(&d, a, b, true, '-');
        compare(&d, b, a, false, '+');
    }
    good = good && buf_ok(out) && buf_ok(&d.path);
    buf_free(&d.path);
    json_decref(a);
    json_decref(b);
    return good ? d.n : -1;
}
