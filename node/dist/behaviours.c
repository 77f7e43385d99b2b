/* The table of what holds for a path. */
#include "node/coding/coder.h"
#include "node/dist/dist_make.h"
#include "node/dist/fields.h"

/* ---- whom it asks ---- */

static bool read_target_origin(struct reader *r, const struct tree *n, void *object)
{
    struct dist_behaviour *b = object;

    if (n == NULL) /* finish_behaviour looks whether there is a group */
        return true;
    return read_id(r, n, "origin", r->dist->origins, r->dist->origins_n, sizeof(struct dist_origin), &b->target);
}

static void write_target_origin(struct writer *w, const void *object)
{
    const struct dist_behaviour *b = object;

    if (!b->to_group && b->target < w->dist->origins_n)
        write_text(w, w->dist->origins[b->target].id);
}

static bool read_target_group(struct reader *r, const struct tree *n, void *object)
{
    struct dist_behaviour *b = object;

    b->to_group = read_id(r, n, "group", r->dist->groups, r->dist->groups_n, sizeof(struct dist_group), &b->target);
    return b->to_group;
}

static void write_target_group(struct writer *w, const void *object)
{
    const struct dist_behaviour *b = object;

    if (b->to_group && b->target < w->dist->groups_n)
        write_text(w, w->dist->groups[b->target].id);
}

/* ---- what it begins with ---- */

/* A behaviour is of media if its origin is, or if it says so. */
static bool read_behaviour_type(struct reader *r, const struct tree *n, void *object)
{
    static const char *const words[] = { "plain", "media" };
    const struct dist_behaviour *b = object;
    size_t origin = b->target;

    if (b->to_group && b->target < r->dist->groups_n)
        origin = r->dist->groups[b->target].members[0];
    r->media = origin < DIST_ORIGINS_MAX && r->media_origins[origin];
    if (n == NULL)
        return true;
    r->media = n->kind == TREE_SCALAR && slice_eq(n->text, SLICE_LIT("media"));
    return r->media || (n->kind == TREE_SCALAR && slice_eq(n->text, SLICE_LIT("plain"))) ||
           wrong_choice(r, n, words, 2);
}

/* As CloudFront's managed policies: CachingOptimized, UseOriginCacheControlHeaders-QueryStrings and CachingDisabled. */
static bool read_policy(struct reader *r, const struct tree *n, void *object)
{
    static const char *const words[] = { "standard", "optimized", "origin", "disabled" };
    struct dist_behaviour *b = object;
    size_t i = 0;

    while (i < 4 && !(n->kind == TREE_SCALAR && slice_eq(n->text, slice_str(words[i]))))
        i++;
    switch (i) {
    case 0: return true;
    case 1:
        b->cache.query.which = DIST_NONE;
        b->cache.ttl_min_s = 1;
        return true;
    case 2: b->cache.ttl_default_s = 0; return true;
    case 3:
        b->cache.enabled = false;
        b->request_cookies.which = DIST_ALL;
        return true;
    default: return wrong_choice(r, n, words, 4);
    }
}

/* ---- methods ---- */

static const char *const listed_methods[] = { "GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE" };
static size_t methods_listed(enum dist_methods m)
{
    return m == DIST_METHODS_ALL ? 7 : m == DIST_METHODS_OPTIONS ? 3 : 2;
}

static bool is_listed(enum dist_methods m, struct slice method)
{
    for (size_t i = 0; i < methods_listed(m); i++) {
        if (slice_eq(method, slice_str(listed_methods[i])))
            return true;
    }
    return false;
}

static bool reads_alone(const struct dist_origin *o)
{
    return o->kind == DIST_DIRECTORY || (o->kind == DIST_S3 && o->sign != DIST_SIGN_NEVER);
}

/* Where nothing is said. Writes of viewers to a bucket would have our signature: who wants that has to say so. */
static enum dist_methods methods_usual(const struct dist *d, const struct dist_behaviour *b)
{
    bool alone = false;

    if (!b->to_group)
        alone = b->target < d->origins_n && reads_alone(&d->origins[b->target]);
    for (size_t i = 0; b->to_group && b->target < d->groups_n && i < 2; i++) {
        uint16_t member = d->groups[b->target].members[i];
        alone |= member < d->origins_n && reads_alone(&d->origins[member]);
    }
    return alone ? DIST_METHODS_GET : DIST_METHODS_ALL;
}

/* Words for lists, and methods by name: what is named besides is kept apart. */
static bool read_methods(struct reader *r, const struct tree *n, void *object)
{
    struct dist_behaviour *b = object;
    const struct slice *given;
    size_t count;
    enum dist_methods list = DIST_METHODS_GET;

    if (n == NULL) {
        b->methods = methods_usual(r->dist, b);
        return true;
    }
    if (!read_texts(r, n, 1, 24, take_method, true, &given, &count))
        return false;
    struct slice *other = read_get(r, count, sizeof(*other));
    if (other == NULL)
        return false;
    size_t options = 0, seven = 0; /* named one by one */
    for (size_t i = 0; i < count; i++) {
        if (slice_eq(given[i], SLICE_LIT("all")))
            seven = 7;
        if (slice_eq(given[i], SLICE_LIT("options")) || slice_eq(given[i], SLICE_LIT("OPTIONS")))
            options++;
        seven += is_listed(DIST_METHODS_ALL, given[i]);
    }
    if (seven >= 7)
        list = DIST_METHODS_ALL;
    else if (options > 0)
        list = DIST_METHODS_OPTIONS;
    b->methods_other_n = 0;
    for (size_t i = 0; i < count; i++) {
        if (!is_listed(list, given[i]) && !slice_eq(given[i], SLICE_LIT("get")) &&
            !slice_eq(given[i], SLICE_LIT("options")) && !slice_eq(given[i], SLICE_LIT("all")))
            other[b->methods_other_n++] = given[i];
    }
    b->methods = list;
    b->methods_other = other;
    return b->methods_other_n <= 16 ||
           wrong(r, n, "names %zu methods beyond the list; 16 are allowed.", b->methods_other_n);
}

static void write_methods(struct writer *w, const void *object)
{
    const struct dist_behaviour *b = object;
    const char *word = b->methods == DIST_METHODS_ALL ? "all" : b->methods == DIST_METHODS_OPTIONS ? "options" : "get";

    if (b->methods == methods_usual(w->dist, b) && b->methods_other_n == 0)
        return;
    buf_add_u8(w->out, '[');
    write_text(w, slice_str(word));
    for (size_t i = 0; i < b->methods_other_n; i++) {
        write_comma(w);
        write_text(w, b->methods_other[i]);
    }
    buf_add_u8(w->out, ']');
}

/* ---- how long ---- */

static bool read_ttl_default(struct reader *r, const struct tree *n, void *object)
{
    struct dist_cache *c = object;
    mesh_ns t;

    if (n->kind == TREE_SCALAR && slice_eq(n->text, SLICE_LIT("heuristic"))) {
        c->ttl_default_s = DIST_TTL_HEURISTIC;
        return true;
    }
    if (!read_time(r, n, 0, SEC(TTL_MAX_S), &t))
        return false;
    c->ttl_default_s = t / SEC(1);
    return t % SEC(1) == 0 || wrong(r, n, "must be whole seconds.");
}

static void write_ttl_default(struct writer *w, const void *object)
{
    const struct dist_cache *c = object;

    if (c->ttl_default_s == DIST_TTL_HEURISTIC)
        write_text(w, SLICE_LIT("heuristic"));
    else if (c->ttl_default_s != DIST_TTL_DEFAULT_S)
        buf_addf(w->out, "%lld", (long long)c->ttl_default_s);
}

/* A usual figure gives way to one that was said. */
static bool finish_ttl(struct reader *r, const struct tree *n, void *object)
{
    struct dist_cache *c = object;
    bool has_default = tree_part(n, "default") != NULL, has_max = tree_part(n, "max") != NULL;

    if (!has_max && c->ttl_max_s < c->ttl_min_s)
        c->ttl_max_s = c->ttl_min_s;
    if (!has_max && has_default && c->ttl_max_s < c->ttl_default_s)
        c->ttl_max_s = c->ttl_default_s;
    if (tree_part(n, "min") == NULL && c->ttl_min_s > c->ttl_max_s)
        c->ttl_min_s = c->ttl_max_s;
    if (!has_default && c->ttl_default_s > c->ttl_max_s)
        c->ttl_default_s = c->ttl_max_s;
    if (!has_default && c->ttl_default_s != DIST_TTL_HEURISTIC && c->ttl_default_s < c->ttl_min_s)
        c->ttl_default_s = c->ttl_min_s;
    if (c->ttl_min_s > c->ttl_max_s)
        return wrong_field(r, n, "max", "%lld is less than min, which is %lld.", (long long)c->ttl_max_s,
                           (long long)c->ttl_min_s);
    if (c->ttl_default_s == DIST_TTL_HEURISTIC)
        return true;
    if (c->ttl_default_s < c->ttl_min_s)
        return wrong_field(r, n, "default", "%lld is less than min, which is %lld.", (long long)c->ttl_default_s,
                           (long long)c->ttl_min_s);
    if (c->ttl_default_s > c->ttl_max_s)
        return wrong_field(r, n, "default", "%lld is more than max, which is %lld.", (long long)c->ttl_default_s,
                           (long long)c->ttl_max_s);
    return true;
}

static const struct schema_field ttl_fields[] = {
    { "min", "no answer is fresh for less; above 0 also one that says no-store", SECONDS(0, TTL_MAX_S),
      OF(dist_cache, ttl_min_s) },
    { "default", "for an answer that does not say; `heuristic`: a tenth of its age since Last-Modified, a day at most",
      .type = SCHEMA_OTHER, .read = read_ttl_default, .write = write_ttl_default, .allowed = "a time, or `heuristic`",
      .or_else = "86400" },
    { "max", "no answer is fresh for longer", SECONDS(0, TTL_MAX_S), OF(dist_cache, ttl_max_s) },
    { "error", "for a 404, 410, 414, 500 to 504 that does not say; 0: it is not kept", SECONDS(0, TTL_MAX_S),
      OF(dist_cache, error_ttl_s) },
};
const struct schema schema_ttl = { .what = "ttl", .fields = ttl_fields, .n = 4, .finish = finish_ttl };

static void init_cache(void *object)
{
    struct dist_behaviour b;

    dist_behaviour_default(&b);
    *(struct dist_cache *)object = b.cache;
}
const struct schema schema_of_cache = { .what = "cache", .size = sizeof(struct dist_cache), .init = init_cache };

/* ---- the key ---- */

static bool scalar_cache(struct reader *r, const struct tree *n, void *object)
{
    return read_bool(r, n, &((struct dist_cache *)object)->enabled);
}

static const char *const cookie_words[] = { "private", "strip", "keep", NULL };
static const char *const control_words[] = { "ignore", "obey", NULL };
static const struct schema_field cache_fields[] = {
    { "enabled", "`false`: each request goes to the origin", .type = SCHEMA_BOOL, OF(dist_cache, enabled) },
    { "query", "which query parameters are part of the key, and go to the origin", NAMES_OF(take_param),
      OF(dist_cache, query) },
    { "sort_query", "put parameters in the order of their names", .type = SCHEMA_BOOL, OF(dist_cache, query_sorted) },
    { "headers", "which of the viewer's fields", NAMES_OF(take_key_field), OF(dist_cache, fields) },
    { "cookies", "which cookies", NAMES_OF(take_cookie), OF(dist_cache, cookies) },
    { "set_cookie", "an answer with Set-Cookie that could be kept is not; is, without it; or is, for everybody",
      .type = SCHEMA_WORD, .words = cookie_words, OF(dist_cache, set_cookie) },
    { "viewer_cache_control", "whether a request's Cache-Control counts", .type = SCHEMA_WORD, .words = control_words,
      OF(dist_cache, obeys_viewers) },
    { "options", "keep answers to OPTIONS, too", .type = SCHEMA_BOOL, OF(dist_cache, caches_options) },
};
const struct schema schema_cache = { .what = "cache",
                                     .fields = cache_fields,
                                     .n = COUNT_OF(cache_fields),
                                     .scalar = scalar_cache,
                                     .scalar_allowed = "`cache: false` is `cache: { enabled: false }`" };

static const struct schema_field request_fields[] = {
    { "query", "which query parameters go to the origin beside the key's", NAMES_OF(take_param),
      OF(dist_behaviour, request_query) },
    { "headers", "which of the viewer's fields", NAMES_OF(take_field_name), OF(dist_behaviour, request_fields) },
    { "cookies", "which cookies", NAMES_OF(take_cookie), OF(dist_behaviour, request_cookies) },
};
const struct schema schema_request = { .what = "request", .fields = request_fields, .n = 3 };

/* ---- content codings ---- */

static const struct {
    const char *name;
    enum coding coding;
} codings[] = { { "br", CODING_BR }, { "gzip", CODING_GZIP }, { "zstd", CODING_ZSTD } };

static bool read_compress(struct reader *r, const struct tree *n, void *object)
{
    static const char *const words[] = { "off", "a list of br, gzip and zstd" };
    struct dist_behaviour *b = object;
    char quoted[FAULT_QUOTED_MAX];
    unsigned on = 0;

    if (n->kind == TREE_SCALAR && slice_eq(n->text, SLICE_LIT("off"))) {
        b->codings_off = CODINGS_ALL;
        return true;
    }
    if (n->kind != TREE_LIST)
        return wrong_choice(r, n, words, 2);
    for (const struct tree *p = n->first; p != NULL; p = p->next) {
        size_t i = 0;
        while (i < 3 && !(p->kind == TREE_SCALAR && slice_eq(p->text, slice_str(codings[i].name))))
            i++;
        if (i == 3)
            return wrong(r, p, "%s must be br, gzip or zstd.", fault_quoted(p->text, quoted));
        if ((on & CODING_BIT(codings[i].coding)) != 0)
            return wrong(r, p, "%s is there twice.", codings[i].name);
        on |= CODING_BIT(codings[i].coding);
    }
    b->codings_off = CODINGS_ALL & ~on;
    return true;
}

static void write_compress(struct writer *w, const void *object)
{
    const struct dist_behaviour *b = object;

    if (b->codings_off == 0)
        return;
    if (b->codings_off == CODINGS_ALL) {
        write_text(w, SLICE_LIT("off"));
        return;
    }
    buf_add_u8(w->out, '[');
    for (size_t i = 0; i < 3; i++) {
        if ((b->codings_off & CODING_BIT(codings[i].coding)) == 0) {
            write_comma(w);
            write_text(w, slice_str(codings[i].name));
        }
    }
    buf_add_u8(w->out, ']');
}

/* ---- rates ---- */

static bool scalar_rate(struct reader *r, const struct tree *n, void *object)
{
    struct dist_behaviour *b = object;
    int64_t v;

    if (!read_number(r, n, 1, 1000000, &v))
        return false;
    b->rate = (uint32_t)v;
    b->rate_burst = (uint32_t)v;
    return true;
}

static bool finish_rate(struct reader *r, const struct tree *n, void *object)
{
    struct dist_behaviour *b = object;

    if (tree_part(n, "burst") == NULL)
        b->rate_burst = b->rate;
    return b->rate > 0 || b->rate_burst == 0 || wrong_field(r, n, "burst", "goes with requests.");
}

static const struct schema_field rate_fields[] = {
    { "requests", "a second, of one address (IPv6: of one network of 64 bits); 0: no limit", NUMBERED(0, 1000000),
      OF(dist_behaviour, rate) },
    { "burst", "so many at once", NUMBERED(0, 1000000), OF(dist_behaviour, rate_burst), .or_else = "as requests" },
};
const struct schema schema_rate = { .what = "rate",
                                    .fields = rate_fields,
                                    .n = 2,
                                    .finish = finish_rate,
                                    .scalar = scalar_rate,
                                    .scalar_allowed = "a number alone is `requests`" };

/* ---- behaviours ---- */

static bool scheme_matters(const struct dist *d, const struct dist_behaviour *b)
{
    if (!b->to_group)
        return b->target < d->origins_n && d->origins[b->target].scheme == DIST_ORIGIN_MATCH_VIEWER;
    const struct dist_group *g = &d->groups[b->target];
    if (g->members[0] >= d->origins_n || g->members[1] >= d->origins_n)
        return false;
    return d->origins[g->members[0]].scheme == DIST_ORIGIN_MATCH_VIEWER ||
           d->origins[g->members[1]].scheme == DIST_ORIGIN_MATCH_VIEWER;
}

static bool finish_behaviour(struct reader *r, const struct tree *n, void *object)
{
    struct dist_behaviour *b = object;
    const struct tree *origin = tree_part(n, "origin"), *group = tree_part(n, "group");
    uint16_t index;
    bool ok = true;

    if (origin != NULL && group != NULL)
        ok = wrong_field(r, n, "group", "does not go with origin: one of the two.");
    else if (origin == NULL && group == NULL && r->dist->origins_n > 1)
        ok = wrong_field(r, n, "origin", "must be given, or group: there are several origins.");
    for (size_t i = 0; i < b->key_groups_n; i++) {
        struct tree at = { .kind = TREE_SCALAR, .mark = tree_part(n, "key_groups")->mark, .text = b->key_groups[i] };
        ok &= read_id(r, &at, "key group", r->dist->key_groups, r->dist->key_groups_n, sizeof(struct dist_key_group),
                      &index);
    }
    b->key_has_scheme = scheme_matters(r->dist, b);
    return ok;
}

static void init_behaviour(void *object)
{
    dist_behaviour_default(object);
}

static const char *const viewer_words[] = { "any", "redirect", "https-only", NULL };
static const char *const host_words[] = { "origin", "viewer", NULL };
static const struct schema_field behaviour_fields[] = {
    { "path", "for which paths it is; `*` is any bytes, `?` any one byte", TEXT_OF(take_pattern),
      OF(dist_behaviour, path), .said = true, .allowed = "such as `/images/*.jpg`, up to 255 bytes" },
    { "origin", "whom it asks", .type = SCHEMA_OTHER, .read = read_target_origin, .write = write_target_origin,
      .allowed = "an origin's id", .or_else = "the only origin" },
    { "group", "or whom", .type = SCHEMA_OTHER, .read = read_target_group, .write = write_target_group,
      .allowed = "a group's id", .or_else = "none" },
    { "type",
      "`media`: HLS, DASH and CMAF. What ends in .m3u8 or .mpd is fresh for 2 s where the origin does not say, and "
      "for 5 s at most; all else is as it would be",
      .type = SCHEMA_OTHER, .read = read_behaviour_type, .always = true, .allowed = "`plain`, `media`",
      .or_else = "the origin's" },
    { "policy",
      "what the fields below begin with. `optimized`: the query does not count, and min is 1; `origin`: what the "
      "origin does not say is not kept; `disabled`: nothing is, and cookies go to the origin",
      .type = SCHEMA_OTHER, .read = read_policy, .allowed = "`standard`, `optimized`, `origin`, `disabled`",
      .or_else = "`standard`" },
    { "methods",
      "what viewers may do: `get` (GET, HEAD), `options` (OPTIONS too), `all` (POST, PUT, PATCH, DELETE too), and "
      "more by name",
      .type = SCHEMA_OTHER, .always = true, .read = read_methods, .write = write_methods,
      .allowed = "such as `get`, `[ all, PROPFIND ]`",
      .or_else = "`all`; `get` where an origin is a directory, or s3 that is signed" },
    { "viewer_protocol", "http is answered; redirected to https; or refused", .type = SCHEMA_WORD,
      .words = viewer_words, OF(dist_behaviour, viewer_scheme) },
    { "host", "whose name Host says to the origin", .type = SCHEMA_WORD, .words = host_words,
      OF(dist_behaviour, viewer_host) },
    { "cache", "what tells copies apart", .type = SCHEMA_PART, .of = &schema_cache,
      .at = offsetof(struct dist_behaviour, cache) },
    { "ttl", "for how long copies are fresh", .type = SCHEMA_PART, .of = &schema_ttl,
      .at = offsetof(struct dist_behaviour, cache) },
    { "request", "what the origin is told besides", .type = SCHEMA_PART, .of = &schema_request },
    { "compress", "content codings that viewers get", .type = SCHEMA_OTHER, .read = read_compress,
      .write = write_compress, .allowed = "`off`, or of br, gzip, zstd", .or_else = "all three" },
    { "response", "fields of answers", .type = SCHEMA_PART, .of = &schema_response,
      .at = offsetof(struct dist_behaviour, response) },
    { "rules", "what is done with a request before its key is made", .type = SCHEMA_LIST, OF(dist_behaviour, rules),
      .count_at = offsetof(struct dist_behaviour, rules_n), .max = DIST_RULES_MAX, .of = &schema_rule },
    { "key_groups", "who has to have signed the URL, or a cookie", .type = SCHEMA_TEXTS, .take = take_id,
      OF(dist_behaviour, key_groups), .count_at = offsetof(struct dist_behaviour, key_groups_n), .max = 4,
      .allowed = "up to 4 ids of key groups", .or_else = "nobody: all may ask" },
    { "rate", "a limit for each address; 429 beyond it", .type = SCHEMA_PART, .of = &schema_rate },
};
const struct schema schema_behaviour = { .what = "a behaviour",
                                         .size = sizeof(struct dist_behaviour),
                                         .fields = behaviour_fields,
                                         .n = COUNT_OF(behaviour_fields),
                                         .init = init_behaviour,
                                         .finish = finish_behaviour };

/* ---- all of a distribution's ---- */

/* Manifests change while they are watched; the segments that they name do not. */
static bool add_manifests(struct reader *r, const struct tree *n, struct dist_behaviour *list, size_t *count,
                          const struct dist_behaviour *b)
{
    static const char *const endings[] = { ".m3u8", ".mpd" };
    struct buf path = BUF_EMPTY;

    if (b->path.data[b->path.len - 1] != '*')
        return wrong_field(r, n, "path",
                           "must end in a star for type media, such as /live/*: manifests below it are found "
                           "by their ending.");
    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        struct dist_behaviour *m = &list[(*count)++];
        *m = *b;
        buf_clear(&path);
        buf_addf(&path, "%s%.*s%s", b->path.data[0] == '/' ? "" : "/", SLICE_FMT(b->path), endings[i]);
        bool fits = path.len <= DIST_PATTERN_MAX;
        if (!fits)
            wrong_field(r, n, "path", "is too long for type media: %d bytes are allowed with .m3u8.", DIST_PATTERN_MAX);
        if (!fits || !buf_ok(&path) || !read_copy(r, buf_slice(&path), &m->path)) {
            buf_free(&path);
            return false;
        }
        m->cache.ttl_max_s = b->cache.ttl_max_s < 5 ? b->cache.ttl_max_s : 5;
        if (m->cache.ttl_min_s > m->cache.ttl_max_s)
            m->cache.ttl_min_s = m->cache.ttl_max_s;
        m->cache.ttl_default_s = m->cache.ttl_max_s < 2 ? m->cache.ttl_max_s : 2;
        if (m->cache.ttl_default_s < m->cache.ttl_min_s)
            m->cache.ttl_default_s = m->cache.ttl_min_s;
        if (m->cache.error_ttl_s > 1)
            m->cache.error_ttl_s = 1;
    }
    buf_free(&path);
    return true;
}

static bool add_behaviour(struct reader *r, const struct tree *n, struct dist_behaviour *list, size_t *count)
{
    struct dist_behaviour b;

    memset(&b, 0, sizeof(b));
    r->media = false;
    if (!read_object(r, n, &schema_behaviour, &b))
        return false;
    if (r->media) {
        if (b.cache.error_ttl_s > 1) /* the segment that is not there yet will be at once */
            b.cache.error_ttl_s = 1;
        if (!add_manifests(r, n, list, count, &b))
            return false;
    }
    list[(*count)++] = b;
    return true;
}

/* What comes behind "*" is never reached, nor is a pattern that was there before. */
static bool check_order(struct reader *r, const struct tree *n, const struct dist_behaviour *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < i; j++) {
            if (slice_eq(list[i].path, list[j].path))
                return wrong(r, n, "the path %.*s is there twice: the second would never be reached.",
                             SLICE_FMT(list[i].path));
        }
        if (i + 1 < count && slice_eq(list[i].path, SLICE_LIT("*")))
            return wrong(r, n, "the path * is for all: what comes behind it would never be reached. Put it last.");
    }
    if (!slice_eq(list[count - 1].path, SLICE_LIT("*")))
        return wrong(r, n, "the last must be for all other paths: { path: \"*\", ... }.");
    return true;
}

bool read_behaviours(struct reader *r, const struct tree *n, void *object)
{
    const struct tree one = { .kind = TREE_MAP }, *first = n != NULL ? n->first : &one;
    size_t entries = n != NULL ? n->n : 1, count = 0, i = 0;
    struct dist *d = object;
    bool ok = true;

    if (n != NULL && n->kind != TREE_LIST)
        return wrong(r, n, "must be a list, not %s.", tree_kind_text(n));
    if (entries < 1 || entries > DIST_BEHAVIOURS_MAX)
        return wrong(r, n, "has %zu entries; 1 to %d are allowed.", entries, DIST_BEHAVIOURS_MAX);
    struct dist_behaviour *list = read_get(r, 3 * entries, sizeof(*list));
    if (list == NULL)
        return false;
    if (n == NULL && (d->origins_n != 1 || d->groups_n > 0))
        return true; /* check_dist says so */
    for (const struct tree *p = first; p != NULL && !faults_enough(r->faults); p = p->next, i++) {
        r->path[r->depth - 1].index = i;
        ok &= add_behaviour(r, p, list, &count);
        r->path[r->depth - 1].index = SIZE_MAX;
    }
    if (!ok || count == 0) /* none: enough was wrong before */
        return false;
    if (count > DIST_BEHAVIOURS_MAX)
        return wrong(r, n, "these are %zu with those of type media, which count three; %d are allowed.", count,
                     DIST_BEHAVIOURS_MAX);
    d->behaviours = list;
    d->behaviours_n = count;
    return n == NULL || check_order(r, n, list, count);
}
