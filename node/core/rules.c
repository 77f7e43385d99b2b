#include "node/core/rules.h"

#include "node/core/key.h"
#include "proto/base/err.h"

#define STARS_MAX 9

/* ---- what stars stand for ---- */

struct star {
    size_t from, to; /* in the text */
};

/* As dist_matches, but remembers: where the pattern does not go on, its last star takes a byte more. */
static bool spans(struct slice pattern, struct slice text, struct star *stars, size_t *n)
{
    size_t p = 0, t = 0, after = 0, mark = 0;
    bool starred = false;

    *n = 0;
    while (t < text.len) {
        if (p < pattern.len && pattern.data[p] == '*') {
            if (*n < STARS_MAX)
                stars[*n] = (struct star){ t, t };
            ++*n;
            after = ++p;
            mark = t;
            starred = true;
        } else if (p < pattern.len && (pattern.data[p] == '?' || pattern.data[p] == text.data[t])) {
            p++;
            t++;
        } else if (starred) {
            t = ++mark;
            if (*n <= STARS_MAX)
                stars[*n - 1].to = t;
            p = after;
        } else {
            return false;
        }
    }
    for (; p < pattern.len && pattern.data[p] == '*'; p++) {
        if (*n < STARS_MAX)
            stars[*n] = (struct star){ t, t };
        ++*n;
    }
    return p == pattern.len;
}

bool rules_expand(struct buf *out, struct slice to, struct slice pattern, struct slice text)
{
    struct star stars[STARS_MAX] = { { 0, 0 } };
    size_t n = 0;

    if (pattern.len == 0)
        pattern = SLICE_LIT("*");
    if (pattern.data[0] != '/' && text.len > 0 && text.data[0] == '/' && pattern.data[0] != '*')
        text = slice_from(text, 1); /* as one with a slash */
    if (!spans(pattern, text, stars, &n))
        return false;
    for (size_t i = 0; i < to.len; i++) {
        size_t digit = i + 1 < to.len && to.data[i] == '$' ? (size_t)(to.data[i + 1] - '0') : 0;
        if (digit < 1 || digit > STARS_MAX) {
            buf_add_u8(out, to.data[i]);
            continue;
        }
        if (digit <= n)
            buf_add(out, text.data + stars[digit - 1].from, stars[digit - 1].to - stars[digit - 1].from);
        i++;
    }
    return true;
}

/* ---- conditions ---- */

static struct slice plain(struct slice path)
{
    const uint8_t *question = memchr(path.data, '?', path.len);
    return question != NULL ? slice_head(path, (size_t)(question - path.data)) : path;
}

static bool path_fits(struct slice pattern, struct slice path)
{
    if (pattern.len == 0)
        return true;
    if (pattern.data[0] != '/' && pattern.data[0] != '*')
        path = slice_from(path, 1);
    return dist_matches(pattern, path);
}

static bool field_fits(const struct dist_rule *rule, const struct fields *fields)
{
    const struct field *f = fields != NULL ? fields_find(fields, rule->field) : NULL;

    while (f != NULL && rule->field_value.len > 0 && !dist_matches(rule->field_value, f->value))
        f = fields_next(fields, f->name, f);
    return f != NULL;
}

static bool query_fits(const struct dist_rule *rule, struct slice query)
{
    struct slice part, name;

    while (slice_split(&query, '&', &part)) {
        slice_split(&part, '=', &name);
        if (slice_eq(name, rule->query) && (rule->query_value.len == 0 || dist_matches(rule->query_value, part)))
            return true;
    }
    return false;
}

static bool holds(struct rules_on *on, const struct dist_rule *rule)
{
    struct slice path = plain(on->path);

    if (!path_fits(rule->path, path) || (rule->host.len > 0 && !dist_matches(rule->host, on->host)))
        return false;
    if (rule->query.len > 0 && !query_fits(rule, slice_from(on->path, path.len + 1)))
        return false;
    if (rule->field.len == 0)
        return true;
    on->by_fields = true;
    return field_fits(rule, on->fields);
}

/* ---- actions ---- */

static int put_target(struct rules_on *on, const struct dist_rule *rule, bool local)
{
    struct slice path = plain(on->path), query = slice_from(on->path, path.len);
    struct buf raw = BUF_EMPTY;
    int err = 0;

    if (!rules_expand(&raw, rule->to, rule->path, path))
        err = MESH_E_SYNTAX;
    else if (raw.len == 0 || memchr(raw.data, '?', raw.len) == NULL)
        buf_add_slice(&raw, query);
    if (err == 0 && !buf_ok(&raw))
        err = MESH_E_NOMEM;
    if (err == 0 && local)
        err = key_path(on->text, buf_slice(&raw));
    else if (err == 0)
        buf_add_slice(on->text, buf_slice(&raw));
    if (err == 0 && !buf_ok(on->text))
        err = MESH_E_NOMEM;
    buf_free(&raw);
    return err;
}

static int redirect(struct rules_on *on, const struct dist_rule *rule, size_t *at)
{
    int err;

    *at = on->text->len;
    if ((err = put_target(on, rule, rule->to.len > 0 && rule->to.data[0] == '/')) != 0)
        return err;
    struct slice location = slice_from(buf_slice(on->text), *at);
    if (!field_is_sound(SLICE_LIT("location"), location))
        return MESH_E_SYNTAX;
    if (slice_eq(location, on->path))
        return MESH_E_REFUSED;
    on->status = rule->status;
    return 0;
}

static void put_edited(struct rules_on *on, const struct dist_rule *rule)
{
    const struct fields *from = on->fields;
    struct fields kept;

    fields_clear(&kept);
    for (size_t i = 0; from != NULL && i < from->n; i++) {
        if (!slice_eq_nocase(from->at[i].name, rule->name))
            (void)fields_add(&kept, from->at[i].name, from->at[i].value); /* there is room for as many */
    }
    memcpy(on->edited, &kept, offsetof(struct fields, at) + kept.n * sizeof(struct field));
    on->fields = on->edited;
    on->by_fields = true;
}

static int edit(struct rules_on *on, const struct dist_rule *rule)
{
    put_edited(on, rule);
    if (rule->action == DIST_REMOVE_REQUEST_FIELD)
        return 0;
    return fields_add(on->edited, rule->name, rule->to) == 0 ? 0 : MESH_E_RANGE;
}

/* What is appended to |on->text| may move it: so |on->path| is made anew from where it began. */
int rules_apply(struct rules_on *on, const struct dist_rule *rules, size_t n)
{
    size_t path_at = SIZE_MAX, path_len = 0, location_at = 0;
    int err = 0;

    on->status = 0;
    on->location = SLICE_EMPTY;
    on->response[0] = on->response[1] = 0;
    on->by_fields = false;
    for (size_t i = 0; i < n && err == 0 && on->status == 0; i++) {
        const struct dist_rule *rule = &rules[i];
        if (path_at != SIZE_MAX)
            on->path = slice_of(on->text->data + path_at, path_len);
        if (!holds(on, rule))
            continue;
        switch (rule->action) {
        case DIST_REDIRECT: err = redirect(on, rule, &location_at); break;
        case DIST_REWRITE: {
            size_t at = on->text->len;
            if ((err = put_target(on, rule, true)) == 0) {
                path_at = at;
                path_len = on->text->len - at;
            }
            break;
        }
        case DIST_SET_REQUEST_FIELD:
        case DIST_REMOVE_REQUEST_FIELD: err = edit(on, rule); break;
        case DIST_SET_RESPONSE_FIELD:
        case DIST_REMOVE_RESPONSE_FIELD:
            if (i < 128)
                on->response[i / 64] |= UINT64_C(1) << (i % 64);
            on->by_fields = true;
            break;
        }
    }
    if (path_at != SIZE_MAX)
        on->path = slice_of(on->text->data + path_at, path_len);
    if (on->status != 0)
        on->location = slice_from(buf_slice(on->text), location_at);
    return err;
}
