/* The table of what may stand in a configuration, but for origins (origins.c), behaviours (behaviours.c) and rules
 * (response.c). */
#include "node/dist/fields.h"

/* ---- groups ---- */

static bool read_members(struct reader *r, const struct tree *n, void *object)
{
    struct dist_group *g = object;
    const struct tree *p = n->first;
    bool ok = true;

    if (n->kind != TREE_LIST || n->n != 2)
        return wrong(r, n, "must be a list of exactly two origins: the first, and the one for when it fails.");
    for (size_t i = 0; i < 2; i++, p = p->next)
        ok &= read_id(r, p, "origin", r->dist->origins, r->dist->origins_n, sizeof(struct dist_origin), &g->members[i]);
    if (ok && g->members[0] == g->members[1])
        return wrong(r, n, "both are the same origin.");
    return ok;
}

static void write_members(struct writer *w, const void *object)
{
    const struct dist_group *g = object;
    struct slice ids[2];

    for (size_t i = 0; i < 2; i++)
        ids[i] = w->dist->origins[g->members[i]].id;
    write_texts(w, ids, 2);
}

static const uint16_t failover[] = { 500, 502, 503, 504, 404, 400, 403, 416, 429 };
#define FAILOVER_USUAL 4 /* of them */

static bool read_statuses(struct reader *r, const struct tree *n, void *object)
{
    struct dist_group *g = object;
    bool given[COUNT_OF(failover)] = { false }, ok = true;
    char quoted[FAULT_QUOTED_MAX];
    uint64_t v;

    if (n->kind != TREE_LIST)
        return wrong(r, n, "must be a list of statuses, not %s.", tree_kind_text(n));
    for (const struct tree *p = n->first; p != NULL; p = p->next) {
        size_t i = COUNT_OF(failover);
        if (p->kind == TREE_SCALAR && slice_u64(p->text, &v) == 0) {
            for (i = 0; i < COUNT_OF(failover) && failover[i] != v; i++)
                ;
        }
        if (i == COUNT_OF(failover))
            ok = wrong(r, p, "%s must be of 400, 403, 404, 416, 429, 500, 502, 503 and 504.",
                       fault_quoted(p->text, quoted));
        else if (given[i])
            ok = wrong(r, p, "%u is there twice.", failover[i]);
        else
            given[i] = true;
    }
    uint16_t *list = read_get(r, n->n, sizeof(*list));
    if (list == NULL || !ok)
        return false;
    g->statuses = list;
    g->statuses_n = 0;
    for (size_t i = 0; i < COUNT_OF(failover); i++) {
        if (given[i])
            list[g->statuses_n++] = failover[i];
    }
    return true;
}

static void write_statuses(struct writer *w, const void *object)
{
    const struct dist_group *g = object;

    if (g->statuses_n == FAILOVER_USUAL && memcmp(g->statuses, failover, FAILOVER_USUAL * sizeof(failover[0])) == 0)
        return;
    buf_add_u8(w->out, '[');
    for (size_t i = 0; i < g->statuses_n; i++)
        buf_addf(w->out, "%s%u", i > 0 ? "," : "", g->statuses[i]);
    buf_add_u8(w->out, ']');
}

static void init_group(void *object)
{
    *(struct dist_group *)object = (struct dist_group){ .statuses = failover, .statuses_n = FAILOVER_USUAL };
}

static const struct schema_field group_fields[] = {
    { "id", "what behaviours call it", TEXT_OF(take_id), OF(dist_group, id), .required = true,
      .allowed = "1 to 64 letters, digits, - _ ." },
    { "origins", "the first is tried first each time; the second for GET, HEAD and OPTIONS alone", .type = SCHEMA_OTHER,
      .read = read_members, .write = write_members, .required = true, .allowed = "two ids of origins" },
    { "statuses", "of the first one's, which have the second asked, as no connection and no answer do",
      .type = SCHEMA_OTHER, .read = read_statuses, .write = write_statuses,
      .allowed = "of 400, 403, 404, 416, 429, 500, 502, 503, 504", .or_else = "500, 502, 503, 504" },
};
const struct schema schema_group = {
    .what = "a group", .size = sizeof(struct dist_group), .fields = group_fields, .n = 3, .init = init_group
};

/* ---- errors ---- */

static const uint16_t error_statuses[] = { 400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504 };

static bool read_status(struct reader *r, const struct tree *n, bool too_200, uint16_t *out)
{
    char quoted[FAULT_QUOTED_MAX];
    uint64_t v;

    if (n->kind == TREE_SCALAR && slice_u64(n->text, &v) == 0) {
        for (size_t i = 0; i < COUNT_OF(error_statuses); i++) {
            if (v == error_statuses[i] || (too_200 && v == 200)) {
                *out = (uint16_t)v;
                return true;
            }
        }
    }
    return wrong(r, n, "%s must be %s400, 403, 404, 405, 414, 416, or 500 to 504.", fault_quoted(n->text, quoted),
                 too_200 ? "200, " : "");
}

static bool read_error_status(struct reader *r, const struct tree *n, void *object)
{
    return read_status(r, n, false, &((struct dist_error *)object)->status);
}

static void write_error_status(struct writer *w, const void *object)
{
    buf_addf(w->out, "%u", ((const struct dist_error *)object)->status);
}

static bool read_error_as(struct reader *r, const struct tree *n, void *object)
{
    return read_status(r, n, true, &((struct dist_error *)object)->as);
}

static void write_error_as(struct writer *w, const void *object)
{
    if (((const struct dist_error *)object)->as != 0)
        buf_addf(w->out, "%u", ((const struct dist_error *)object)->as);
}

static bool read_error_ttl(struct reader *r, const struct tree *n, void *object)
{
    mesh_ns t;

    if (!read_time(r, n, 0, SEC(TTL_MAX_S), &t))
        return false;
    ((struct dist_error *)object)->ttl_s = t / SEC(1);
    return t % SEC(1) == 0 || wrong(r, n, "must be whole seconds.");
}

static void write_error_ttl(struct writer *w, const void *object)
{
    const struct dist_error *e = object;

    if (e->ttl_s >= 0)
        buf_addf(w->out, "%lld", (long long)e->ttl_s);
}

static void init_error(void *object)
{
    *(struct dist_error *)object = (struct dist_error){ .ttl_s = -1 };
}

static bool finish_error(struct reader *r, const struct tree *n, void *object)
{
    const struct dist_error *e = object;

    if (e->ttl_s < 0 && e->page.len == 0)
        return wrong(r, n, "says nothing: give ttl, or page, or both.");
    return e->as == 0 || e->page.len > 0 || wrong_field(r, n, "as", "goes with a page.");
}

static const struct schema_field error_fields[] = {
    { "status", "the origin's, or ours", .type = SCHEMA_OTHER, .read = read_error_status, .write = write_error_status,
      .required = true, .allowed = "400, 403, 404, 405, 414, 416, 500 to 504" },
    { "ttl", "how long it is kept", .type = SCHEMA_OTHER, .read = read_error_ttl, .write = write_error_ttl,
      .allowed = "a time", .or_else = "as the behaviour says" },
    { "page", "path of what is answered instead; it is fetched as any other path is", TEXT_OF(take_page),
      OF(dist_error, page), .allowed = "a path", .or_else = "none" },
    { "as", "with this status", .type = SCHEMA_OTHER, .read = read_error_as, .write = write_error_as,
      .allowed = "200, and those above", .or_else = "its own" },
};
const struct schema schema_error = { .what = "an error",
                                     .size = sizeof(struct dist_error),
                                     .fields = error_fields,
                                     .n = 4,
                                     .init = init_error,
                                     .finish = finish_error };

/* ---- keys ---- */

static const struct schema_field key_fields[] = {
    { "id", "as Key-Pair-Id says it", TEXT_OF(take_id), OF(dist_key, id), .required = true,
      .allowed = "1 to 64 letters, digits, - _ ." },
    { "pem", "the public key", TEXT_OF(take_pem), OF(dist_key, pem), .required = true,
      .allowed = "PEM, RSA of 2048 bits, ECDSA P-256 or Ed25519" },
};
const struct schema schema_key = { .what = "a key", .size = sizeof(struct dist_key), .fields = key_fields, .n = 2 };

static bool read_group_keys(struct reader *r, const struct tree *n, void *object)
{
    struct dist_key_group *g = object;
    uint16_t *keys;
    size_t i = 0;
    bool ok = true;

    if (n->kind != TREE_LIST || n->n < 1 || n->n > 5)
        return wrong(r, n, "must be a list of 1 to 5 keys.");
    if ((keys = read_get(r, n->n, sizeof(*keys))) == NULL)
        return false;
    for (const struct tree *p = n->first; p != NULL; p = p->next, i++) {
        ok &= read_id(r, p, "key", r->dist->keys, r->dist->keys_n, sizeof(struct dist_key), &keys[i]);
        for (size_t j = 0; ok && j < i; j++) {
            if (keys[j] == keys[i])
                ok = wrong(r, p, "is there twice.");
        }
    }
    g->keys = keys;
    g->n = ok ? i : 0;
    return ok;
}

static void write_group_keys(struct writer *w, const void *object)
{
    const struct dist_key_group *g = object;

    buf_add_u8(w->out, '[');
    for (size_t i = 0; i < g->n; i++) {
        write_comma(w);
        write_text(w, w->dist->keys[g->keys[i]].id);
    }
    buf_add_u8(w->out, ']');
}

static const struct schema_field key_group_fields[] = {
    { "id", "what behaviours call it", TEXT_OF(take_id), OF(dist_key_group, id), .required = true,
      .allowed = "1 to 64 letters, digits, - _ ." },
    { "keys", "any of which may have signed", .type = SCHEMA_OTHER, .read = read_group_keys, .write = write_group_keys,
      .required = true, .allowed = "1 to 5 ids of keys" },
};
const struct schema schema_key_group = {
    .what = "a key group", .size = sizeof(struct dist_key_group), .fields = key_group_fields, .n = 2
};

/* ---- distributions ---- */

static bool read_hosts(struct reader *r, const struct tree *n, void *object)
{
    struct dist *d = object;

    if (!read_texts(r, n, 0, DIST_HOSTS_MAX, take_host, true, &d->hosts, &d->hosts_n))
        return false;
    for (size_t i = 0; i < d->hosts_n; i++) {
        if (slice_eq(d->hosts[i], SLICE_LIT("*"))) {
            if (d->hosts_n > 1)
                return wrong(r, n, "\"*\" is any host: no other goes with it.");
            d->any_host = true;
            d->hosts_n = 0;
        }
    }
    return true;
}

static void write_hosts(struct writer *w, const void *object)
{
    const struct slice any = SLICE_LIT("*");
    const struct dist *d = object;

    if (d->any_host)
        write_texts(w, &any, 1);
    else if (d->hosts_n > 0)
        write_texts(w, d->hosts, d->hosts_n);
}

/* { allow: LIST } or { block: LIST } */
static bool allows_or_blocks(const struct tree *n)
{
    return n->kind == TREE_MAP && n->n == 1 &&
           (slice_eq(n->first->key, SLICE_LIT("allow")) || slice_eq(n->first->key, SLICE_LIT("block")));
}

static bool read_countries(struct reader *r, const struct tree *n, void *object)
{
    struct dist *d = object;

    if (!allows_or_blocks(n))
        return wrong(r, n, "must be { allow: [ DE, FR ] } or { block: [ DE, FR ] }.");
    d->geo = n->first->key.data[0] == 'a' ? DIST_GEO_ALLOW : DIST_GEO_BLOCK;
    return read_texts(r, n->first, 1, 300, take_country, true, &d->countries, &d->countries_n);
}

static void write_countries(struct writer *w, const void *object)
{
    const struct dist *d = object;

    if (d->geo == DIST_GEO_ANY)
        return;
    buf_add_str(w->out, d->geo == DIST_GEO_ALLOW ? "{\"allow\":" : "{\"block\":");
    write_texts(w, d->countries, d->countries_n);
    buf_add_u8(w->out, '}');
}

/* ---- where viewers are sent ---- */

static bool read_regions(struct reader *r, const struct tree *n, void *object)
{
    struct dist_steering *s = object;

    if (!allows_or_blocks(n))
        return wrong(r, n, "must be { allow: [ eu, us ] } or { block: [ ap ] }.");
    s->regions_not = n->first->key.data[0] == 'b';
    return read_texts(r, n->first, 1, DIST_STEER_REGIONS_MAX, take_zone_region, true, &s->regions, &s->regions_n);
}

static void write_regions(struct writer *w, const void *object)
{
    const struct dist_steering *s = object;

    if (s->regions_n == 0)
        return;
    buf_add_str(w->out, s->regions_not ? "{\"block\":" : "{\"allow\":");
    write_texts(w, s->regions, s->regions_n);
    buf_add_u8(w->out, '}');
}

static const char *const redirect_words[] = { "off", "nearest", NULL };
static const char *const lists_words[] = { "off", "on", NULL };
static const struct schema_field steering_fields[] = {
    { "redirect", "`nearest`: who asks an edge when another one is much nearer to him is redirected there (307)",
      .type = SCHEMA_WORD, .words = redirect_words, OF(dist_steering, redirect) },
    { "regions", "the regions of edges that viewers are sent to: others are when all of these are down alone",
      .type = SCHEMA_OTHER, .read = read_regions, .write = write_regions,
      .allowed = "`{ allow: [ eu, us ] }` or `{ block: [ ap ] }`", .or_else = "all are" },
    { "lists", "`on`: players are told which edges are near, at `/.well-known/hedgerow/edges` and `steering.json`",
      .type = SCHEMA_WORD, .words = lists_words, OF(dist_steering, lists) },
};
const struct schema schema_steering = {
    .what = "steering", .size = sizeof(struct dist_steering), .fields = steering_fields, .n = COUNT_OF(steering_fields)
};

static void write_behaviours(struct writer *w, const void *object)
{
    const struct dist *d = object;

    buf_add_u8(w->out, '[');
    for (size_t i = 0; i < d->behaviours_n; i++) {
        write_comma(w);
        write_object(w, &schema_behaviour, &d->behaviours[i]);
    }
    buf_add_u8(w->out, ']');
}

static void init_dist(void *object)
{
    *(struct dist *)object = (struct dist){ .enabled = true, .log = DIST_LOG_ON };
}

static bool finish_dist(struct reader *r, const struct tree *n, void *object)
{
    return check_dist(r, n, object);
}

#define LISTED(member, low, high, schema)                                                                          \
    .type = SCHEMA_LIST, OF(dist, member), .count_at = offsetof(struct dist, member##_n), .min = low, .max = high, \
    .of = schema

static const char *const log_words[] = { "off", "on", NULL };
static const char *const sha1_words[] = { "allowed", "forbidden", NULL };
static const struct schema_field dist_fields[] = {
    { "name", "what it is called; part of every key, so that nobody's content is anybody else's",
      TEXT_OF(take_dist_name), OF(dist, name), .required = true, .allowed = "1 to 64 letters, digits, - _" },
    { "enabled", "`false`: its hosts are nobody's, and answered with 421", .type = SCHEMA_BOOL, OF(dist, enabled) },
    { "comment", "for people", TEXT_OF(take_comment), OF(dist, comment), .allowed = "up to 256 bytes" },
    { "log", "whether its requests are in the access log; they are counted all the same", .type = SCHEMA_WORD,
      .words = log_words, OF(dist, log) },
    { "hosts",
      "the names it is asked for by, exact ones before wildcards, which are all names below; `\"*\"`: any that no "
      "other has",
      .type = SCHEMA_OTHER, .read = read_hosts, .write = write_hosts,
      .allowed = "up to 100, such as `www.example.com`, `*.example.com`",
      .or_else = "none: only the name that it is given below the mesh's domain" },
    { "root", "what is answered for `/`", TEXT_OF(take_root), OF(dist, root), .allowed = "a path, such as `index.html`",
      .or_else = "what the origin says" },
    { "origins", "where content comes from", LISTED(origins, 1, DIST_ORIGINS_MAX, &schema_origin), .required = true },
    { "groups", "two origins, the second for when the first fails", LISTED(groups, 0, DIST_GROUPS_MAX, &schema_group) },
    { "keys", "public keys that sign URLs and cookies", LISTED(keys, 0, 100, &schema_key) },
    { "key_groups", "keys any of which may have signed", LISTED(key_groups, 0, 100, &schema_key_group) },
    { "behaviours", "what holds for which paths: the first that fits; the last is for all", .type = SCHEMA_OTHER,
      .read = read_behaviours, .write = write_behaviours, .always = true, .allowed = "up to 75 behaviours",
      .or_else = "one for all paths, of the only origin" },
    { "errors", "what becomes of errors", LISTED(errors, 0, 11, &schema_error) },
    { "sha1", "whether SHA-1 will do for signatures of URLs and cookies", .type = SCHEMA_WORD, .words = sha1_words,
      OF(dist, sha1_forbidden) },
    { "countries", "whose viewers are answered, or are not", .type = SCHEMA_OTHER, .read = read_countries,
      .write = write_countries, .allowed = "`{ allow: [ DE ] }` or `{ block: [ DE ] }`", .or_else = "all are" },
    { "steering", "which edges its viewers are sent to", .type = SCHEMA_PART, .of = &schema_steering,
      OF(dist, steering) },
};
const struct schema schema_dist = { .what = "a distribution",
                                    .size = sizeof(struct dist),
                                    .fields = dist_fields,
                                    .n = sizeof(dist_fields) / sizeof(dist_fields[0]),
                                    .init = init_dist,
                                    .finish = finish_dist };
