/* The tables of what is done with answers' fields, and of rules. */
#include <stdio.h>

#include "node/dist/fields.h"

/* ---- names and values ---- */

/* { value: TEXT, override: true } */
static bool read_header_value(struct reader *r, const struct tree *n, size_t max, struct slice *value, bool *override)
{
    const struct tree *text = tree_part(n, "value"), *o = tree_part(n, "override");

    if (text == NULL || n->n != (o != NULL ? 2u : 1u))
        return wrong(r, n, "must be a text, or { value: TEXT, override: true }.");
    return take_value(r, text, max, value) && (o == NULL || read_bool(r, o, override));
}

bool read_header_map(struct reader *r, const struct tree *n, bool (*refuses)(struct slice),
                     const struct dist_field **out, const bool **override, size_t *count)
{
    size_t i = 0;
    bool ok = true;

    if (n->kind != TREE_MAP)
        return wrong(r, n, "must be a map of names and values, such as { X-Name: value }, not %s.", tree_kind_text(n));
    if (n->n > DIST_HEADERS_MAX)
        return wrong(r, n, "has %zu entries; %d are allowed.", n->n, DIST_HEADERS_MAX);
    struct dist_field *fields = read_get(r, n->n, sizeof(*fields));
    bool *flags = read_get(r, n->n, sizeof(*flags));
    if (fields == NULL || flags == NULL)
        return false;
    for (const struct tree *p = n->first; p != NULL; p = p->next, i++) {
        const struct tree at = { .mark = p->key_mark };
        char name[80];
        snprintf(name, sizeof(name), "%.*s", (int)(p->key.len < 64 ? p->key.len : 64), (const char *)p->key.data);
        ok &= take_name(r, p->key, &at, refuses, &fields[i].name);
        read_enter(r, name, SIZE_MAX);
        if (override != NULL && p->kind == TREE_MAP)
            ok &= read_header_value(r, p, 1783, &fields[i].value, &flags[i]);
        else
            ok &= take_value(r, p, 1783, &fields[i].value);
        read_leave(r);
        for (size_t j = 0; j < i; j++) {
            if (fields[j].name.len > 0 && slice_eq_nocase(fields[j].name, fields[i].name))
                ok = wrong(r, &at, "\"%s\" is there twice.", name);
        }
    }
    *out = fields;
    *count = i;
    if (override != NULL)
        *override = flags;
    return ok;
}

static void write_name(struct writer *w, struct slice name)
{
    write_comma(w);
    write_text(w, name);
    buf_add_u8(w->out, ':');
}

void write_header_map(struct writer *w, const struct dist_field *fields, const bool *override, size_t n)
{
    if (n == 0)
        return;
    buf_add_u8(w->out, '{');
    for (size_t i = 0; i < n; i++) {
        write_name(w, fields[i].name);
        if (override != NULL && override[i])
            buf_add_str(w->out, "{\"value\":");
        write_text(w, fields[i].value);
        if (override != NULL && override[i])
            buf_add_str(w->out, ",\"override\":true}");
    }
    buf_add_u8(w->out, '}');
}

/* ---- answers ---- */

static const struct slice cors_any = { (const uint8_t *)"*", 1 };
static const struct slice cors_usual_methods = { (const uint8_t *)"GET, HEAD, OPTIONS", 18 };

static const struct schema_field cors_fields[] = {
    { "origins", "which sites may read answers", .type = SCHEMA_COMMA, .take = take_cors_origin, .min = 1, .max = 100,
      OF(dist_response, cors_origins), .allowed = "`\"*\"`, or such as `https://example.com`, `https://*.example.com`",
      .or_else = "any" },
    { "methods", "with which methods", .type = SCHEMA_COMMA, .take = take_cors_header, .min = 1, .max = 24,
      OF(dist_response, cors_methods), .allowed = "methods, or `\"*\"`", .or_else = "GET, HEAD, OPTIONS" },
    { "headers", "with which fields", .type = SCHEMA_COMMA, .take = take_cors_header, .max = 50,
      OF(dist_response, cors_headers), .allowed = "names, or `\"*\"`", .or_else = "none" },
    { "expose", "which fields of answers they may read", .type = SCHEMA_COMMA, .take = take_cors_header, .max = 50,
      OF(dist_response, cors_expose), .allowed = "names, or `\"*\"`", .or_else = "none" },
    { "credentials", "whether cookies go along", .type = SCHEMA_BOOL, OF(dist_response, cors_credentials),
      .or_else = "false" },
    { "max_age", "how long a preflight's answer holds", SECONDS(0, 86400 * 365), OF(dist_response, cors_max_age_s),
      .or_else = "not said" },
    { "override", "also where the origin says such things itself", .type = SCHEMA_BOOL,
      OF(dist_response, cors_override), .or_else = "false" },
};
const struct schema schema_cors = { .what = "cors", .fields = cors_fields, .n = COUNT_OF(cors_fields) };

static void init_cors(struct dist_response *p)
{
    p->cors_origins = cors_any;
    p->cors_methods = cors_usual_methods;
    p->cors_headers = p->cors_expose = SLICE_EMPTY;
    p->cors_credentials = p->cors_override = false;
    p->cors_max_age_s = -1;
}

static bool read_cors(struct reader *r, const struct tree *n, void *object)
{
    struct dist_response *p = object;

    init_cors(p);
    if (n->kind == TREE_SCALAR)
        return read_bool(r, n, &p->cors);
    p->cors = true;
    if (!read_fields(r, n, &schema_cors, p))
        return false;
    if (p->cors_credentials && memchr(p->cors_origins.data, '*', p->cors_origins.len) == p->cors_origins.data)
        return wrong_field(r, n, "credentials",
                           "does not go with any origin (*): browsers refuse that. Name the origins.");
    return true;
}

static void write_cors(struct writer *w, const void *object)
{
    struct dist_response usual = { .cors = true };
    const struct dist_response *p = object;

    if (!p->cors)
        return;
    init_cors(&usual);
    size_t from = w->out->len;
    write_part(w, &schema_cors, p, &usual);
    if (w->out->len - from == 2) {
        w->out->len = from;
        buf_add_str(w->out, "true");
    }
}

static bool read_response_headers(struct reader *r, const struct tree *n, void *object)
{
    struct dist_response *p = object;

    return read_header_map(r, n, answer_refuses, &p->set, &p->override, &p->set_n);
}

static void write_response_headers(struct writer *w, const void *object)
{
    const struct dist_response *p = object;

    write_header_map(w, p->set, p->override, p->set_n);
}

/* As CloudFront's managed policy SecurityHeadersPolicy. */
static bool read_security(struct reader *r, const struct tree *n, void *object)
{
    static const struct {
        const char *name, *value;
        bool override;
    } usual[] = {
        { "Strict-Transport-Security", "max-age=31536000", false },
        { "X-Content-Type-Options", "nosniff", true },
        { "X-Frame-Options", "SAMEORIGIN", false },
        { "Referrer-Policy", "strict-origin-when-cross-origin", false },
        { "X-XSS-Protection", "1; mode=block", false },
    };
    struct dist_response *p = object;
    struct dist_field *fields;
    bool *override, on;

    if (!read_bool(r, n, &on) || !on)
        return n->kind == TREE_SCALAR && slice_eq(n->text, SLICE_LIT("false"));
    fields = read_get(r, p->set_n + COUNT_OF(usual), sizeof(*fields));
    override = read_get(r, p->set_n + COUNT_OF(usual), sizeof(*override));
    if (fields == NULL || override == NULL)
        return false;
    size_t count = p->set_n;
    if (count > 0) {
        memcpy(fields, p->set, count * sizeof(*fields));
        memcpy(override, p->override, count * sizeof(*override));
    }
    for (size_t i = 0; i < COUNT_OF(usual); i++) {
        size_t j = 0;
        while (j < p->set_n && !slice_eq_nocase(p->set[j].name, slice_str(usual[i].name)))
            j++;
        if (j < p->set_n)
            continue; /* said otherwise */
        fields[count].name = slice_str(usual[i].name);
        fields[count].value = slice_str(usual[i].value);
        override[count++] = usual[i].override;
    }
    if (count > DIST_HEADERS_MAX)
        return wrong(r, n, "makes %zu fields with those of headers; %d are allowed.", count, DIST_HEADERS_MAX);
    p->set = fields;
    p->override = override;
    p->set_n = count;
    return true;
}

static const struct schema_field response_fields[] = {
    { "cors", "who may read answers from other sites; preflights are answered here", .type = SCHEMA_OTHER,
      .read = read_cors, .write = write_cors, .allowed = "`true`: any site; or the fields of cors",
      .or_else = "what the origin says" },
    { "headers", "fields that are added; with `override` also in place of the origin's", .type = SCHEMA_OTHER,
      .read = read_response_headers, .write = write_response_headers,
      .allowed = "a map of up to 10 values, or of `{ value: TEXT, override: true }`", .or_else = "none" },
    { "security",
      "adds Strict-Transport-Security, X-Content-Type-Options, X-Frame-Options, Referrer-Policy, "
      "X-XSS-Protection with the usual values",
      .type = SCHEMA_OTHER, .read = read_security, .allowed = "true, false", .or_else = "false" },
    { "remove", "fields that are taken out", .type = SCHEMA_TEXTS, .take = take_removed, OF(dist_response, remove),
      .count_at = offsetof(struct dist_response, remove_n), .max = DIST_HEADERS_MAX, .allowed = "up to 10 names",
      .or_else = "none" },
};
const struct schema schema_response = { .what = "response", .fields = response_fields, .n = COUNT_OF(response_fields) };

/* ---- rules ---- */

/* A map of one entry. */
static bool one_entry(struct reader *r, const struct tree *n, const char *such_as)
{
    if (n->kind == TREE_MAP && n->n == 1)
        return true;
    return wrong(r, n, "must be one name and its value, such as %s.", such_as);
}

static bool read_rule_header(struct reader *r, const struct tree *n, void *object)
{
    struct dist_rule *u = object;

    if (!one_entry(r, n, "{ Accept-Language: \"de*\" }"))
        return false;
    const struct tree at = { .kind = TREE_SCALAR, .mark = n->first->key_mark, .text = n->first->key };
    return take_field_name(r, &at, &u->field) && take_glob(r, n->first, &u->field_value);
}

static bool read_rule_query(struct reader *r, const struct tree *n, void *object)
{
    struct dist_rule *u = object;

    if (!one_entry(r, n, "{ lang: \"de*\" }"))
        return false;
    const struct tree at = { .kind = TREE_SCALAR, .mark = n->first->key_mark, .text = n->first->key };
    return take_param(r, &at, &u->query) && take_glob(r, n->first, &u->query_value);
}

static void write_pair(struct writer *w, struct slice name, struct slice value)
{
    buf_add_u8(w->out, '{');
    write_name(w, name);
    write_text(w, value);
    buf_add_u8(w->out, '}');
}

static void write_rule_header(struct writer *w, const void *object)
{
    const struct dist_rule *u = object;

    if (u->field.len > 0)
        write_pair(w, u->field, u->field_value);
}

static void write_rule_query(struct writer *w, const void *object)
{
    const struct dist_rule *u = object;

    if (u->query.len > 0)
        write_pair(w, u->query, u->query_value);
}

static bool read_redirect(struct reader *r, const struct tree *n, void *object)
{
    struct dist_rule *u = object;

    u->action = DIST_REDIRECT;
    return take_redirect(r, n, &u->to);
}

static bool read_rule_status(struct reader *r, const struct tree *n, void *object)
{
    static const uint16_t statuses[] = { 301, 302, 303, 307, 308 };
    struct dist_rule *u = object;
    char quoted[FAULT_QUOTED_MAX];
    uint64_t v;

    if (n->kind == TREE_SCALAR && slice_u64(n->text, &v) == 0) {
        for (size_t i = 0; i < COUNT_OF(statuses); i++) {
            if (v == statuses[i]) {
                u->status = statuses[i];
                return true;
            }
        }
    }
    return wrong(r, n, "%s must be 301, 302, 303, 307 or 308.", fault_quoted(n->text, quoted));
}

static bool read_rewrite(struct reader *r, const struct tree *n, void *object)
{
    struct dist_rule *u = object;

    u->action = DIST_REWRITE;
    return take_rewrite(r, n, &u->to);
}

static bool read_set(struct reader *r, const struct tree *n, struct dist_rule *u, bool (*refuses)(struct slice),
                     enum dist_action action)
{
    u->action = action;
    if (!one_entry(r, n, "{ X-Name: value }"))
        return false;
    const struct tree at = { .kind = TREE_SCALAR, .mark = n->first->key_mark, .text = n->first->key };
    return take_name(r, at.text, &at, refuses, &u->name) && take_value(r, n->first, 1783, &u->to);
}

static bool read_remove(struct reader *r, const struct tree *n, struct dist_rule *u, bool (*refuses)(struct slice),
                        enum dist_action action)
{
    u->action = action;
    return read_scalar(r, n, "a field's name") && take_name(r, n->text, n, refuses, &u->name);
}

static bool read_set_request(struct reader *r, const struct tree *n, void *object)
{
    return read_set(r, n, object, origin_refuses, DIST_SET_REQUEST_FIELD);
}

static bool read_remove_request(struct reader *r, const struct tree *n, void *object)
{
    return read_remove(r, n, object, origin_refuses, DIST_REMOVE_REQUEST_FIELD);
}

static bool read_set_response(struct reader *r, const struct tree *n, void *object)
{
    return read_set(r, n, object, answer_refuses, DIST_SET_RESPONSE_FIELD);
}

static bool read_remove_response(struct reader *r, const struct tree *n, void *object)
{
    return read_remove(r, n, object, answer_refuses, DIST_REMOVE_RESPONSE_FIELD);
}

static void write_action(struct writer *w, const struct dist_rule *u, enum dist_action action)
{
    if (u->action != action)
        return;
    if (action == DIST_REDIRECT || action == DIST_REWRITE)
        write_text(w, u->to);
    else if (action == DIST_REMOVE_REQUEST_FIELD || action == DIST_REMOVE_RESPONSE_FIELD)
        write_text(w, u->name);
    else
        write_pair(w, u->name, u->to);
}

#define ACTION_WRITER(name, action)                        \
    static void name(struct writer *w, const void *object) \
    {                                                      \
        write_action(w, object, action);                   \
    }
ACTION_WRITER(write_redirect, DIST_REDIRECT)
ACTION_WRITER(write_rewrite, DIST_REWRITE)
ACTION_WRITER(write_set_request, DIST_SET_REQUEST_FIELD)
ACTION_WRITER(write_remove_request, DIST_REMOVE_REQUEST_FIELD)
ACTION_WRITER(write_set_response, DIST_SET_RESPONSE_FIELD)
ACTION_WRITER(write_remove_response, DIST_REMOVE_RESPONSE_FIELD)

static void write_rule_status(struct writer *w, const void *object)
{
    const struct dist_rule *u = object;

    if (u->action == DIST_REDIRECT && u->status != 302)
        buf_addf(w->out, "%u", u->status);
}

/* $1 to $9 are the stars of the path; without one, it is any path, which is one star. */
static bool check_stars(struct reader *r, const struct tree *n, const struct dist_rule *u)
{
    size_t stars = u->path.len == 0 ? 1 : 0;

    for (size_t i = 0; i < u->path.len; i++)
        stars += u->path.data[i] == '*';
    for (size_t i = 0; i + 1 < u->to.len; i++) {
        uint8_t c = u->to.data[i + 1];
        if (u->to.data[i] == '$' && c >= '1' && c <= '9' && (size_t)(c - '0') > stars)
            return wrong_field(r, n, u->action == DIST_REDIRECT ? "redirect" : "rewrite",
                               "says $%c, and the path has %zu stars.", c, stars);
    }
    return true;
}

static bool finish_rule(struct reader *r, const struct tree *n, void *object)
{
    static const char *const actions[] = { "redirect",       "rewrite",      "set_request",
                                           "remove_request", "set_response", "remove_response" };
    struct dist_rule *u = object;
    size_t given = 0;

    for (size_t i = 0; i < COUNT_OF(actions); i++)
        given += tree_part(n, actions[i]) != NULL;
    if (given != 1)
        return wrong(r, n,
                     "must have exactly one of redirect, rewrite, set_request, remove_request, set_response and "
                     "remove_response, not %zu.",
                     given);
    if (u->action != DIST_REDIRECT && tree_part(n, "status") != NULL)
        return wrong_field(r, n, "status", "goes with redirect.");
    if (u->action != DIST_REDIRECT)
        u->status = 0;
    if (u->action == DIST_REWRITE && u->path.len > 0 && slice_eq(u->path, u->to))
        return wrong_field(r, n, "rewrite", "leads to the path that it is for.");
    return (u->action != DIST_REDIRECT && u->action != DIST_REWRITE) || check_stars(r, n, u);
}

static void init_rule(void *object)
{
    *(struct dist_rule *)object = (struct dist_rule){ .status = 302 };
}

static const struct schema_field rule_fields[] = {
    { "path", "if the path is such", TEXT_OF(take_rule_path), OF(dist_rule, path),
      .allowed = "a pattern with `*` and `?`", .or_else = "any" },
    { "host", "and the host", TEXT_OF(take_glob), OF(dist_rule, host), .allowed = "a pattern", .or_else = "any" },
    { "header", "and a field is there, with such a value", .type = SCHEMA_OTHER, .read = read_rule_header,
      .write = write_rule_header, .allowed = "such as `{ Accept-Language: \"de*\" }`", .or_else = "any" },
    { "query", "and a query parameter, likewise", .type = SCHEMA_OTHER, .read = read_rule_query,
      .write = write_rule_query, .allowed = "such as `{ lang: \"de*\" }`", .or_else = "any" },
    { "redirect",
      "then the answer leads there; $1 to $9 are what the path's stars stood for. One of this and those below "
      "has to be given",
      .type = SCHEMA_OTHER, .read = read_redirect, .write = write_redirect, .allowed = "a path or URL" },
    { "status", "of the redirect", .type = SCHEMA_OTHER, .read = read_rule_status, .write = write_rule_status,
      .allowed = "301, 302, 303, 307, 308", .or_else = "302" },
    { "rewrite", "then the path is another", .type = SCHEMA_OTHER, .read = read_rewrite, .write = write_rewrite,
      .allowed = "a path, with $1 to $9" },
    { "set_request", "then the request has this field", .type = SCHEMA_OTHER, .read = read_set_request,
      .write = write_set_request, .allowed = "such as `{ X-Name: value }`" },
    { "remove_request", "then it does not", .type = SCHEMA_OTHER, .read = read_remove_request,
      .write = write_remove_request, .allowed = "a name" },
    { "set_response", "then the answer has this field", .type = SCHEMA_OTHER, .read = read_set_response,
      .write = write_set_response, .allowed = "such as `{ X-Name: value }`" },
    { "remove_response", "then it does not", .type = SCHEMA_OTHER, .read = read_remove_response,
      .write = write_remove_response, .allowed = "a name" },
};
const struct schema schema_rule = { .what = "a rule",
                                    .size = sizeof(struct dist_rule),
                                    .fields = rule_fields,
                                    .n = COUNT_OF(rule_fields),
                                    .init = init_rule,
                                    .finish = finish_rule };
