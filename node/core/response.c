#include "node/core/response.h"

#define PREFLIGHT_BYTES_MAX 4096 /* of the fields that one asks for */

/* ---- whose site ---- */

static bool any_origin(struct slice list)
{
    struct slice one;

    while (slice_split(&list, ',', &one)) {
        if (slice_eq(slice_trim(one), SLICE_LIT("*")))
            return true;
    }
    return false;
}

/* What a star stands for: labels, and nothing that could end a host. */
static bool is_labels(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.data[i];
        bool dot = c == '.', letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && !dot && c != '-' && c != '_')
            return false;
        if (dot && (i == 0 || i + 1 == s.len || s.data[i - 1] == '.'))
            return false;
    }
    return s.len > 0;
}

static bool fits(struct slice pattern, struct slice origin)
{
    const uint8_t *star = pattern.len > 0 ? memchr(pattern.data, '*', pattern.len) : NULL;

    if (star == NULL)
        return slice_eq_nocase(pattern, origin);
    struct slice before = slice_head(pattern, (size_t)(star - pattern.data));
    struct slice after = slice_from(pattern, before.len + 1);
    if (origin.len <= before.len + after.len)
        return false;
    struct slice labels = slice_head(slice_from(origin, before.len), origin.len - before.len - after.len);
    return slice_eq_nocase(slice_head(origin, before.len), before) && is_labels(labels) &&
           slice_eq_nocase(slice_from(origin, origin.len - after.len), after);
}

bool response_origin_fits(struct slice list, struct slice origin)
{
    struct slice one;

    while (slice_split(&list, ',', &one)) {
        one = slice_trim(one);
        if (slice_eq(one, SLICE_LIT("*")) || fits(one, origin))
            return true;
    }
    return false;
}

/* ---- of one request ---- */

static struct slice only(const struct fields *fields, struct slice name)
{
    const struct field *f = fields != NULL ? fields_find(fields, name) : NULL;

    return f != NULL && fields_next(fields, name, f) == NULL ? f->value : SLICE_EMPTY;
}

static void hear(struct response *p, const struct fields *fields)
{
    struct slice origin = only(fields, SLICE_LIT("origin"));

    if (origin.len == 0 || !response_origin_fits(p->response->cors_origins, origin))
        return;
    buf_add_slice(&p->said, origin);
    p->origin = origin.len;
}

void response_again(struct response *p, const struct dist_behaviour *b, const struct fields *fields)
{
    p->by = b->response.digest;
    p->response = &b->response;
    p->origin = p->method = 0;
    p->preflight = false;
    buf_clear(&p->said);
    if (p->response->cors && !any_origin(p->response->cors_origins))
        hear(p, fields);
}

void response_begin(struct response *p, const struct dist_behaviour *b, const struct fields *fields)
{
    if (b->response.digest != 0)
        response_again(p, b, fields);
}

void response_hold(struct response *p, struct dist_set *set)
{
    if (p->set == NULL && response_says(p))
        p->set = dist_set_ref(set);
}

void response_end(struct response *p)
{
    if (p->said.data != NULL)
        buf_free(&p->said);
    dist_set_unref(p->set);
    *p = (struct response){ .by = 0 };
}

static struct slice origin_of(const struct response *p)
{
    return buf_ok(&p->said) ? slice_head(buf_slice(&p->said), p->origin) : SLICE_EMPTY;
}

/* ---- fields ---- */

static bool is_cors(struct slice name)
{
    struct slice begin = SLICE_LIT("access-control-");

    return name.len > begin.len && slice_eq_nocase(slice_head(name, begin.len), begin);
}

static bool says_cors(const struct fields *f)
{
    for (size_t i = 0; i < f->n; i++) {
        if (is_cors(f->at[i].name))
            return true;
    }
    return false;
}

static void put(struct fields *out, struct slice name, struct slice value)
{
    if (value.len > 0)
        (void)fields_add(out, name, value);
}

static bool goes(const struct dist_response *p, struct slice name)
{
    for (size_t i = 0; i < p->remove_n; i++) {
        if (slice_eq_nocase(p->remove[i], name))
            return true;
    }
    for (size_t i = 0; i < p->set_n; i++) {
        if (p->override != NULL && p->override[i] && slice_eq_nocase(p->set[i].name, name))
            return true;
    }
    return p->cors && p->cors_override && is_cors(name);
}

/* The origin has said who may read, and that is left as it is. */
static bool left_to_origin(const struct response *p, const struct fields *in)
{
    return !p->response->cors || (!p->response->cors_override && says_cors(in));
}

static void put_shared_cors(struct fields *out, const struct dist_response *p)
{
    if (any_origin(p->cors_origins)) {
        put(out, SLICE_LIT("Access-Control-Allow-Origin"), SLICE_LIT("*"));
        put(out, SLICE_LIT("Access-Control-Expose-Headers"), p->cors_expose);
    } else if (!fields_lists(out, SLICE_LIT("vary"), SLICE_LIT("origin")) &&
               !fields_lists(out, SLICE_LIT("vary"), SLICE_LIT("*"))) {
        put(out, SLICE_LIT("Vary"), SLICE_LIT("Origin"));
    }
}

void response_common(struct fields *out, const struct fields *in, const struct response *p, bool ours)
{
    const struct dist_response *r = p->response;

    fields_clear(out);
    for (size_t i = 0; i < in->n; i++) {
        if (ours || p->by == 0 || !goes(r, in->at[i].name))
            (void)fields_add(out, in->at[i].name, in->at[i].value);
    }
    if (p->by == 0)
        return;
    for (size_t i = 0; i < r->set_n; i++) {
        if (fields_find(out, r->set[i].name) == NULL)
            (void)fields_add(out, r->set[i].name, r->set[i].value);
    }
    if (!left_to_origin(p, in))
        put_shared_cors(out, r);
}

void response_alone(struct fields *out, const struct fields *in, const struct response *p)
{
    struct slice origin = origin_of(p);

    if (p->by == 0 || origin.len == 0 || left_to_origin(p, in))
        return;
    put(out, SLICE_LIT("Access-Control-Allow-Origin"), origin);
    if (p->response->cors_credentials)
        put(out, SLICE_LIT("Access-Control-Allow-Credentials"), SLICE_LIT("true"));
    put(out, SLICE_LIT("Access-Control-Expose-Headers"), p->response->cors_expose);
}

static void drop(struct fields *f, struct slice name)
{
    size_t n = 0;

    for (size_t i = 0; i < f->n; i++) {
        if (!slice_eq_nocase(f->at[i].name, name))
            f->at[n++] = f->at[i];
    }
    f->n = n;
}

void response_rules(struct fields *out, const struct fields *in, const struct response *p, bool ours)
{
    for (size_t i = 0; response_ruled(p) && i < 128; i++) {
        const struct dist_rule *rule = &p->rules[i];
        if ((p->ruled[i / 64] >> (i % 64) & 1) == 0 || (ours && fields_find(in, rule->name) != NULL))
            continue;
        drop(out, rule->name);
        if (rule->action == DIST_SET_RESPONSE_FIELD)
            (void)fields_add(out, rule->name, rule->to);
    }
}

/* ---- preflights ---- */

bool response_asks(struct slice method, const struct fields *fields)
{
    return slice_eq(method, SLICE_LIT("OPTIONS")) && only(fields, SLICE_LIT("origin")).len > 0 &&
           only(fields, SLICE_LIT("access-control-request-method")).len > 0;
}

void response_hear_preflight(struct response *p, const struct fields *fields)
{
    struct slice names = only(fields, SLICE_LIT("access-control-request-headers"));

    p->preflight = true;
    if (p->origin == 0)
        hear(p, fields);
    if (p->origin == 0)
        return;
    struct slice method = only(fields, SLICE_LIT("access-control-request-method"));
    buf_add_slice(&p->said, method);
    p->method = method.len;
    if (names.len <= PREFLIGHT_BYTES_MAX)
        buf_add_slice(&p->said, names);
}

/* With cookies a star is no more than a star: then all that is asked for is said instead. */
static struct slice listed(const struct dist_response *r, struct slice list, struct slice asked)
{
    return r->cors_credentials && slice_eq(slice_trim(list), SLICE_LIT("*")) ? asked : list;
}

void response_preflight(struct fields *out, const struct response *p, struct buf *made)
{
    const struct dist_response *r = p->response;
    struct slice origin = origin_of(p), asked = slice_from(buf_slice(&p->said), p->origin);
    bool any = any_origin(r->cors_origins);

    fields_clear(out);
    if (!any)
        put(out, SLICE_LIT("Vary"),
            r->cors_credentials ? SLICE_LIT("Origin, Access-Control-Request-Method, Access-Control-Request-Headers")
                                : SLICE_LIT("Origin"));
    if (origin.len == 0)
        return;
    put(out, SLICE_LIT("Access-Control-Allow-Origin"), any ? SLICE_LIT("*") : origin);
    if (r->cors_credentials && !any)
        put(out, SLICE_LIT("Access-Control-Allow-Credentials"), SLICE_LIT("true"));
    put(out, SLICE_LIT("Access-Control-Allow-Methods"), listed(r, r->cors_methods, slice_head(asked, p->method)));
    put(out, SLICE_LIT("Access-Control-Allow-Headers"), listed(r, r->cors_headers, slice_from(asked, p->method)));
    if (r->cors_max_age_s >= 0) {
        buf_addf(made, "%lld", (long long)r->cors_max_age_s);
        put(out, SLICE_LIT("Access-Control-Max-Age"), buf_slice(made));
    }
}
