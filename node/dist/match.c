/* Patterns of paths. Most are a name with one star, at one of its ends or in its midst: those are two comparisons. */
#include "node/dist/dist_impl.h"

/* After a star only the last one needs to be gone back to, for whatever an earlier one could stand for besides, this
 * one can stand for, too. */
bool dist_matches(struct slice pattern, struct slice text)
{
    size_t p = 0, t = 0, star = SIZE_MAX, star_t = 0;

    while (t < text.len) {
        if (p < pattern.len && pattern.data[p] == '*') {
            star = p++;
            star_t = t;
        } else if (p < pattern.len && (pattern.data[p] == '?' || pattern.data[p] == text.data[t])) {
            p++;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++star_t;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.data[p] == '*')
        p++;
    return p == pattern.len;
}

bool dist_captures(struct slice pattern, struct slice text, struct slice stars[DIST_STARS_MAX])
{
    size_t p = 0, t = 0, star = SIZE_MAX, star_t = 0, n = 0; /* |n|: stars so far */
    struct slice open = text;                                /* from where the last star begins */

    for (size_t i = 0; i < DIST_STARS_MAX; i++)
        stars[i] = SLICE_EMPTY;
    while (t < text.len || (p < pattern.len && pattern.data[p] == '*')) {
        if (p < pattern.len && pattern.data[p] == '*') {
            star = p++;
            star_t = t;
            open = slice_from(text, t);
            n++;
        } else if (p < pattern.len && (pattern.data[p] == '?' || pattern.data[p] == text.data[t])) {
            p++;
            t++;
            continue;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++star_t;
        } else {
            return false;
        }
        if (n <= DIST_STARS_MAX)
            stars[n - 1] = slice_head(open, open.len - (text.len - star_t));
    }
    return p == pattern.len;
}

void dist_rule_to(struct buf *out, const struct dist_rule *u, struct slice path)
{
    struct slice stars[DIST_STARS_MAX], pattern = u->path, to = u->to;

    if (pattern.len == 0)
        pattern = SLICE_LIT("*");
    if (path.len > 0 && path.data[0] == '/' && (pattern.data[0] == '/' || pattern.data[0] == '*')) {
        path = slice_from(path, 1);
        pattern = slice_from(pattern, pattern.data[0] == '/');
    }
    dist_captures(pattern, path, stars);
    for (size_t i = 0; i < to.len; i++) {
        uint8_t next = i + 1 < to.len ? to.data[i + 1] : 0;
        if (to.data[i] == '$' && next >= '1' && next <= '9') {
            buf_add_slice(out, stars[next - '1']);
            i++;
        } else {
            buf_add_u8(out, to.data[i]);
        }
    }
}

static bool is_wild(uint8_t c)
{
    return c == '*' || c == '?';
}

void dist_path_cut(struct dist_path *out, struct slice pattern)
{
    size_t from = 0, to;

    if (pattern.len > 0 && pattern.data[0] == '/')
        pattern = slice_from(pattern, 1);
    while (from < pattern.len && !is_wild(pattern.data[from]))
        from++;
    for (to = pattern.len; to > from && !is_wild(pattern.data[to - 1]); to--)
        ;
    out->prefix = slice_head(pattern, from);
    out->suffix = slice_from(pattern, to);
    out->middle = slice_of(pattern.data + from, to - from);
    if (out->middle.len == 0)
        out->kind = DIST_PATH_LITERAL;
    else if (!slice_eq(out->middle, SLICE_LIT("*")))
        out->kind = DIST_PATH_GENERAL;
    else
        out->kind = pattern.len == 1 ? DIST_PATH_ALL : DIST_PATH_ENDS;
}

bool dist_path_fits(const struct dist_path *p, struct slice path)
{
    size_t ends = p->prefix.len + p->suffix.len;

    if (p->kind == DIST_PATH_ALL)
        return true;
    if (p->kind == DIST_PATH_LITERAL)
        return slice_eq(p->prefix, path);
    if (path.len < ends || memcmp(path.data, p->prefix.data, p->prefix.len) != 0 ||
        memcmp(path.data + path.len - p->suffix.len, p->suffix.data, p->suffix.len) != 0)
        return false;
    return p->kind == DIST_PATH_ENDS || dist_matches(p->middle, slice_of(path.data + p->prefix.len, path.len - ends));
}

const struct dist_behaviour *dist_behaviour(const struct dist *d, struct slice path)
{
    if (path.len > 0 && path.data[0] == '/')
        path = slice_from(path, 1);
    for (size_t i = 0; i + 1 < d->behaviours_n; i++) {
        if (dist_path_fits(&d->paths[i], path))
            return &d->behaviours[i];
    }
    return &d->behaviours[d->behaviours_n - 1];
}

bool dist_named(const struct dist_names *names, struct slice name, bool nocase)
{
    bool listed = false;

    if (names->which == DIST_NONE || names->which == DIST_ALL)
        return names->which == DIST_ALL;
    for (size_t i = 0; i < names->n && !listed; i++)
        listed = nocase ? slice_eq_nocase(names->names[i], name) : slice_eq(names->names[i], name);
    return listed == (names->which == DIST_LISTED);
}

const struct dist_error *dist_error_of(const struct dist *d, uint16_t status)
{
    for (size_t i = 0; i < d->errors_n; i++) {
        if (d->errors[i].status == status)
            return &d->errors[i];
    }
    return NULL;
}
