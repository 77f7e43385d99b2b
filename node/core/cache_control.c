#include "node/core/cache_control.h"

#include "node/sf/sf.h"

#define LINES_MAX 16 /* of CDN-Cache-Control; more are taken for a field that cannot be read */

static struct slice unquoted(struct slice v)
{
    bool quoted = v.len >= 2 && v.data[0] == '"' && v.data[v.len - 1] == '"';
    return quoted ? slice_of(v.data + 1, v.len - 2) : v;
}

int64_t delta_seconds(struct slice v)
{
    int64_t s = 0;

    v = unquoted(v);
    for (size_t i = 0; i < v.len; i++) {
        if (v.data[i] < '0' || v.data[i] > '9')
            return 0;
        if (s < DELTA_SECONDS_MAX)
            s = s * 10 + (v.data[i] - '0');
    }
    return s < DELTA_SECONDS_MAX ? s : DELTA_SECONDS_MAX;
}

/* Are fields named, none of which is there? */
static bool names_none(struct slice names, const struct fields *f)
{
    struct slice name;
    bool named = false;

    while (slice_split(&names, ',', &name)) {
        name = slice_trim(name);
        if (fields_find(f, name) != NULL)
            return false;
        named = named || name.len > 0;
    }
    return named;
}

/* The directives: those that are said, and those that have a number. */
static bool *flag_called(struct cache_control *cc, struct slice name)
{
    const struct {
        struct slice name;
        bool *flag;
    } flags[] = {
        { SLICE_LIT("no-store"), &cc->no_store },
        { SLICE_LIT("no-cache"), &cc->no_cache },
        { SLICE_LIT("private"), &cc->is_private },
        { SLICE_LIT("public"), &cc->is_public },
        { SLICE_LIT("must-revalidate"), &cc->must_revalidate },
        { SLICE_LIT("proxy-revalidate"), &cc->proxy_revalidate },
        { SLICE_LIT("must-understand"), &cc->must_understand },
        { SLICE_LIT("immutable"), &cc->immutable },
    };

    for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++) {
        if (slice_eq_nocase(name, flags[i].name))
            return flags[i].flag;
    }
    return NULL;
}

static int64_t *number_called(struct cache_control *cc, struct slice name)
{
    const struct {
        struct slice name;
        int64_t *number;
    } numbers[] = {
        { SLICE_LIT("max-age"), &cc->max_age_s },
        { SLICE_LIT("s-maxage"), &cc->s_maxage_s },
        { SLICE_LIT("stale-while-revalidate"), &cc->stale_while_revalidate_s },
        { SLICE_LIT("stale-if-error"), &cc->stale_if_error_s },
    };

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (slice_eq_nocase(name, numbers[i].name))
            return numbers[i].number;
    }
    return NULL;
}

/* |names|: the fields that the directive is about, if it may name some and does. */
static void say(struct cache_control *cc, bool *flag, struct slice names, const struct fields *f)
{
    bool may_name = flag == &cc->no_cache || flag == &cc->is_private;
    *flag = *flag || !may_name || !names_none(names, f);
}

static bool next_directive(const struct fields *f, struct fields_cursor *at, struct slice *name, struct slice *value)
{
    struct slice d;

    if (!fields_list(f, SLICE_LIT("cache-control"), at, &d))
        return false;
    const uint8_t *eq = memchr(d.data, '=', d.len);
    size_t n = eq != NULL ? (size_t)(eq - d.data) : d.len;
    *name = slice_trim(slice_head(d, n));
    *value = slice_trim(slice_from(d, n + 1));
    return true;
}

static void read_common(struct cache_control *cc, const struct fields *f)
{
    struct fields_cursor at = { 0 };
    struct slice name, value;

    while (next_directive(f, &at, &name, &value)) {
        bool *flag = flag_called(cc, name);
        int64_t *number = number_called(cc, name);
        if (flag != NULL)
            say(cc, flag, unquoted(value), f);
        else if (number != NULL && *number < 0)
            *number = delta_seconds(value);
    }
}

/* RFC 9213 section 2.1: a number is an integer and nothing else. Of the others, which mostly restrict, any value but
 * false counts. */
static void take_member(struct cache_control *cc, const struct sf_member *m, const struct fields *f)
{
    bool *flag = flag_called(cc, m->key);
    int64_t *number = number_called(cc, m->key);
    bool is_text = !m->inner && (m->value.type == SF_STRING || m->value.type == SF_TOKEN);

    if (flag != NULL && (m->inner || m->value.type != SF_BOOLEAN || m->value.number != 0))
        say(cc, flag, is_text ? m->value.text : SLICE_EMPTY, f);
    else if (number != NULL && !m->inner && m->value.type == SF_INTEGER && m->value.number >= 0)
        *number = m->value.number < DELTA_SECONDS_MAX ? m->value.number : DELTA_SECONDS_MAX;
}

/* False: |field| is empty, or cannot be read, and so is not there (RFC 9213 section 2.1). */
static bool take_dictionary(struct cache_control *cc, struct slice field, const struct fields *f)
{
    struct sf_cursor at;
    struct sf_member m;

    if (sf_open(&at, SF_DICTIONARY, field) != 0)
        return false;
    while (sf_next(&at, &m)) {
        cc->targeted = true;
        take_member(cc, &m, f);
    }
    return cc->targeted;
}

static bool read_targeted(struct cache_control *cc, const struct fields *f)
{
    struct slice lines[LINES_MAX];
    const struct field *line = NULL;
    size_t n = 0;

    while ((line = fields_next(f, SLICE_LIT("cdn-cache-control"), line)) != NULL) {
        if (n == LINES_MAX)
            return false;
        lines[n++] = line->value;
    }
    if (n <= 1)
        return n == 1 && take_dictionary(cc, lines[0], f);

    struct buf joined = { 0 };
    sf_join(&joined, lines, n);
    bool taken = buf_ok(&joined) && take_dictionary(cc, buf_slice(&joined), f);
    cc->no_store = cc->no_store || !buf_ok(&joined); /* what it says is not known: keep nothing */
    buf_free(&joined);
    return taken;
}

void cache_control_read(struct cache_control *cc, const struct fields *f)
{
    *cc = (struct cache_control){
        .max_age_s = -1, .s_maxage_s = -1, .stale_while_revalidate_s = -1, .stale_if_error_s = -1
    };
    if (!read_targeted(cc, f))
        read_common(cc, f);
}

void request_control_read(struct request_control *rc, const struct fields *f)
{
    struct fields_cursor at = { 0 };
    struct slice name, value;

    *rc = (struct request_control){ .max_age_s = -1, .min_fresh_s = -1, .max_stale_s = -1 };
    if (fields_find(f, SLICE_LIT("cache-control")) == NULL)
        rc->no_cache = fields_lists(f, SLICE_LIT("pragma"), SLICE_LIT("no-cache"));
    while (next_directive(f, &at, &name, &value)) {
        if (slice_eq_nocase(name, SLICE_LIT("no-cache")))
            rc->no_cache = true;
        else if (slice_eq_nocase(name, SLICE_LIT("no-store")))
            rc->no_store = true;
        else if (slice_eq_nocase(name, SLICE_LIT("only-if-cached")))
            rc->only_if_cached = true;
        else if (slice_eq_nocase(name, SLICE_LIT("max-age")))
            rc->max_age_s = delta_seconds(value);
        else if (slice_eq_nocase(name, SLICE_LIT("min-fresh")))
            rc->min_fresh_s = delta_seconds(value);
        else if (slice_eq_nocase(name, SLICE_LIT("max-stale")))
            rc->max_stale_s = value.len > 0 ? delta_seconds(value) : DELTA_SECONDS_MAX;
    }
}

bool request_takes(const struct request_control *rc, mesh_ns age, mesh_ns lifetime)
{
    bool stale_enough = rc->max_stale_s >= 0 && age <= lifetime + SEC(rc->max_stale_s);

    return !rc->no_cache && (rc->max_age_s < 0 || age <= SEC(rc->max_age_s)) &&
           (rc->min_fresh_s < 0 || age + SEC(rc->min_fresh_s) <= lifetime) && (age < lifetime || stale_enough);
}
