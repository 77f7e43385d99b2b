#include "node/core/methods.h"

#include "node/core/fields.h"
#include "proto/base/err.h"

enum {
    SAFE = 1,
    IDEMPOTENT = 2, /* safe ones are so, too */
    NEVER = 4,      /* no list may have it: what it asks for is not ours to give */
};

/* In the order of the lists: the first two are always there, then those of METHODS_OPTIONS, then those of METHODS_ALL.
 * What follows is known, but only by name (the registry of RFC 9110 section 16.1). */
#define LISTED_GET     2
#define LISTED_OPTIONS 3
#define LISTED_ALL     7
static const struct {
    const char *name;
    unsigned is;
} known[] = {
    { "GET", SAFE },          { "HEAD", SAFE },       { "OPTIONS", SAFE },      { "POST", 0 },
    { "PUT", IDEMPOTENT },    { "PATCH", 0 },         { "DELETE", IDEMPOTENT }, { "TRACE", SAFE | NEVER },
    { "CONNECT", NEVER },     { "PROPFIND", SAFE },   { "REPORT", SAFE },       { "SEARCH", SAFE },
    { "MKCOL", IDEMPOTENT },  { "COPY", IDEMPOTENT }, { "MOVE", IDEMPOTENT },   { "PROPPATCH", IDEMPOTENT },
    { "UNLOCK", IDEMPOTENT },
};
#define KNOWN (sizeof(known) / sizeof(known[0]))

static size_t index_of(struct slice method)
{
    size_t i = 0;

    while (i < KNOWN && !slice_eq(method, slice_str(known[i].name)))
        i++;
    return i;
}

static unsigned is(struct slice method)
{
    size_t i = index_of(method);
    return i < KNOWN ? known[i].is : 0;
}

static size_t listed(const struct methods *m)
{
    return m->list == METHODS_ALL ? LISTED_ALL : m->list == METHODS_OPTIONS ? LISTED_OPTIONS : LISTED_GET;
}

bool methods_admit(const struct methods *m, struct slice method)
{
    if (index_of(method) < listed(m))
        return true;
    for (size_t i = 0; i < m->other_n; i++) {
        if (slice_eq(method, m->other[i]))
            return true;
    }
    return false;
}

void methods_text(struct buf *out, const struct methods *m)
{
    for (size_t i = 0; i < listed(m); i++) {
        buf_add_str(out, i > 0 ? ", " : "");
        buf_add_str(out, known[i].name);
    }
    for (size_t i = 0; i < m->other_n; i++) {
        buf_add_str(out, ", ");
        buf_add_slice(out, m->other[i]);
    }
}

static int add_other(struct methods *out, struct slice word, const char **why)
{
    if (!field_is_token(word) || word.len > METHOD_BYTES_MAX || (is(word) & NEVER) != 0) {
        *why = "Behind the list only methods may stand, such as PROPFIND, and neither CONNECT nor TRACE";
        return MESH_E_SYNTAX;
    }
    if (methods_admit(out, word))
        return 0;
    if (out->other_n == METHODS_OTHER_MAX) {
        *why = "These are too many methods: 16 beyond the list are the limit";
        return MESH_E_FULL;
    }
    out->other[out->other_n++] = word;
    return 0;
}

int methods_parse(struct methods *out, struct slice text, const char **why)
{
    static const char *const lists[] = { "all", "options", "get" };
    struct methods m = { .other_n = 0 };
    struct slice word;
    size_t i = 0;
    int err;

    slice_split(&text, ',', &word);
    while (i < 3 && !slice_eq(word, slice_str(lists[i])))
        i++;
    if (i == 3) {
        *why = "The first word must be get, options or all";
        return MESH_E_SYNTAX;
    }
    m.list = (enum method_list)i;
    while (slice_split(&text, ',', &word)) {
        if ((err = add_other(&m, word, why)) != 0)
            return err;
    }
    *out = m;
    return 0;
}

bool method_asks(struct slice method)
{
    return method.len == 0 || slice_eq(method, SLICE_LIT("GET")) || slice_eq(method, SLICE_LIT("HEAD"));
}

bool method_safe(struct slice method)
{
    return (is(method) & SAFE) != 0;
}

bool method_idempotent(struct slice method)
{
    return method.len == 0 || (is(method) & (SAFE | IDEMPOTENT)) != 0;
}
