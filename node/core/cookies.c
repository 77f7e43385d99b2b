#include "node/core/cookies.h"

#include "node/signed/credential.h"

struct cookie {
    struct slice pair, name;
};

static bool before(const struct cookie *a, const struct cookie *b)
{
    size_t n = a->name.len < b->name.len ? a->name.len : b->name.len;
    int c = n > 0 ? memcmp(a->name.data, b->name.data, n) : 0;

    return c != 0 ? c < 0 : a->name.len < b->name.len;
}

/* In its place among |n| that are in order. */
static void insert(struct cookie *all, size_t n, const struct cookie *c)
{
    while (n > 0 && before(c, &all[n - 1])) {
        all[n] = all[n - 1];
        n--;
    }
    all[n] = *c;
}

void cookies_put(struct buf *out, const struct fields *request, const struct dist_names *one,
                 const struct dist_names *other)
{
    struct cookie all[COOKIES_MAX];
    const struct field *field = request != NULL ? fields_find(request, SLICE_LIT("cookie")) : NULL;
    size_t n = 0;

    for (; field != NULL; field = fields_next(request, SLICE_LIT("cookie"), field)) {
        struct slice rest = field->value, pair;
        while (n < COOKIES_MAX && slice_split(&rest, ';', &pair)) {
            pair = slice_trim(pair);
            const uint8_t *equals = pair.len > 0 ? memchr(pair.data, '=', pair.len) : NULL;
            struct cookie c = { pair, equals != NULL ? slice_head(pair, (size_t)(equals - pair.data)) : SLICE_EMPTY };
            if (pair.len > 0 && !credential_cookie(c.name) &&
                (dist_named(one, c.name, false) || (other != NULL && dist_named(other, c.name, false))))
                insert(all, n++, &c);
        }
    }
    for (size_t i = 0; i < n; i++) {
        buf_add_str(out, i > 0 ? "; " : "");
        buf_add_slice(out, all[i].pair);
    }
}
