/* The table of what may stand in a configuration, but for behaviours (behaviours.c) and rules (rules.c). */
#include <assert.h>

#include "node/dist/dist_make.h"
#include "node/dist/fields.h"
#include "proto/base/err.h"

/* ---- origins ---- */

static bool read_origin_type(struct reader *r, const struct tree *n, void *object)
{
    static const char *const words[] = { "http", "s3", "media", "directory" };
    static const enum dist_origin_kind kinds[] = { DIST_HTTP, DIST_S3, DIST_HTTP, DIST_DIRECTORY };
    struct dist_origin *o = object;
    size_t index = r->depth >= 2 ? r->path[r->depth - 2].index : 0; /* origins[index].type */

    for (size_t i = 0; i < 4 && n->kind == TREE_SCALAR; i++) {
        if (!slice_eq(n->text, slice_str(words[i])))
            continue;
        o->kind = kinds[i];
        if (i == 2) { /* who watches does not wait for long, and a packager is near or it is not there */
            o->connect_timeout = SEC(2);
            o->response_timeout = SEC(10);
            o->idle_timeout = SEC(60);
            if (index < DIST_ORIGINS_MAX)
                r->media_origins[index] = true;
        }
        return true;
    }
    return wrong_choice(r, n, words, 4);
}

static void write_origin_type(struct writer *w, const void *object)
{
    const struct dist_origin *o = object;

    if (o->kind != DIST_HTTP)
        write_text(w, o->kind == DIST_S3 ? SLICE_LIT("s3") : SLICE_LIT("directory"));
}

static bool read_url(struct reader *r, const struct tree *n, void *object)
{
    struct dist_origin *o = object;
    char quoted[FAULT_QUOTED_MAX];
    struct buf normal = BUF_EMPTY;
    struct origin_url u;
    const char *why;

    if (!read_scalar(r, n, "a URL, such as http://origin.example.net"))
        return false;
    if (n->text.len > 2048)
        return wrong(r, n, "has %zu bytes; 2048 are allowed.", n->text.len);
    if (origin_url_parse(n->text, &u, &why) != 0)
        return wrong(r, n, "%s: %s. It is such as http://origin.example.net or https://10.0.0.7:8443/site.",
                     fault_quoted(n->text, quoted), why);
    origin_url_normal(&normal, &u);
    bool ok = buf_ok(&normal) && read_copy(r, buf_slice(&normal), &o->url);
    buf_free(&normal);
    if (!ok || origin_url_parse(o->url, &u, &why) != 0)
        return false;
    o->scheme = u.https ? DIST_ORIGIN_HTTPS : DIST_ORIGIN_HTTP;
    o->host = u.host;
    o->authority = u.authority;
    o->prefix = u.prefix;
    *(u.https ? &o->https_port : &o->http_port) = u.port;
    return true;
}

static void write_url(struct writer *w, const void *object)
{
    const struct dist_origin *o = object;

    if (o->kind != DIST_DIRECTORY)
        write_text(w, o->url);
}

static bool read_protocol(struct reader *r, const struct tree *n, void *object)
{
    static const char *const words[] = { "http", "https", "match-viewer" };
    struct dist_origin *o = object;

    for (unsigned i = 0; i < 3 && n->kind == TREE_SCALAR; i++) {
        if (!slice_eq(n->text, slice_str(words[i])))
            continue;
        if (i < 2 && i != (unsigned)o->scheme && o->url.len > 0)
            return wrong(r, n, "%s does not go with the url, which says %s.", words[i], words[1 - i]);
        o->scheme = (enum dist_origin_scheme)i;
        return true;
    }
    return wrong_choice(r, n, words, 3);
}

static void write_protocol(struct writer *w, const void *object)
{
    if (((const struct dist_origin *)object)->scheme == DIST_ORIGIN_MATCH_VIEWER)
        write_text(w, SLICE_LIT("match-viewer"));
}

/* The port that the url does not speak of. */
static bool url_is_https(const struct dist_origin *o)
{
    return slice_eq(slice_head(o->url, 8), SLICE_LIT("https://"));
}

static bool read_port(struct reader *r, const struct tree *n, struct dist_origin *o, bool https)
{
    int64_t port;

    if (!read_number(r, n, 1, 65535, &port))
        return false;
    if (o->scheme != DIST_ORIGIN_MATCH_VIEWER || url_is_https(o) == https)
        return wrong(r, n,
                     "the url says the port; this one is for protocol: match-viewer, where the url has the other.");
    *(https ? &o->https_port : &o->http_port) = (uint16_t)port;
    return true;
}

static bool read_http_port(struct reader *r, const struct tree *n, void *object)
{
    return read_port(r, n, object, false);
}

static bool read_https_port(struct reader *r, const struct tree *n, void *object)
{
    return read_port(r, n, object, true);
}

static void write_port(struct writer *w, const struct dist_origin *o, bool https)
{
    unsigned port = https ? o->https_port : o->http_port;

    if (o->scheme == DIST_ORIGIN_MATCH_VIEWER && url_is_https(o) != https && port != (https ? 443 : 80))
        buf_addf(w->out, "%u", port);
}

static void write_http_port(struct writer *w, const void *object)
{
    write_port(w, object, false);
}

static void write_https_port(struct writer *w, const void *object)
{
    write_port(w, object, true);
}

static bool read_origin_headers(struct reader *r, const struct tree *n, void *object)
{
    struct dist_origin *o = object;
    size_t bytes = 0;

    if (!read_header_map(r, n, origin_refuses, &o->headers, NULL, &o->headers_n))
        return false;
    for (size_t i = 0; i < o->headers_n; i++)
        bytes += o->headers[i].name.len + o->headers[i].value.len;
    return bytes <= 10240 || wrong(r, n, "these have %zu bytes together; 10240 are allowed.", bytes);
}

static void write_origin_headers(struct writer *w, const void *object)
{
    const struct dist_origin *o = object;

    write_header_map(w, o->headers, NULL, o->headers_n);
}

static bool not_for(struct reader *r, const struct tree *n, const char *const *names, size_t count, const char *why)
{
    bool ok = true;

    for (size_t i = 0; i < count; i++) {
        if (tree_part(n, names[i]) != NULL)
            ok = wrong_field(r, n, names[i], "%s.", why);
    }
    return ok;
}

static bool finish_origin(struct reader *r, const struct tree *n, void *object)
{
    static const char *const net[] = { "url", "protocol", "headers", "secret", "tls", "connections" };
    static const char *const s3[] = { "region", "credentials", "sign" };
    static const char *const folder[] = { "root" };
    static const char *const tls[] = { "tls" };
    struct dist_origin *o = object;
    bool ok = true;

    if (o->kind == DIST_DIRECTORY) {
        struct buf url = BUF_EMPTY;
        if (o->root.len == 0)
            return wrong_field(r, n, "root", "must be given: the folder, such as /srv/www.");
        buf_addf(&url, "file://%.*s", SLICE_FMT(o->root));
        ok = buf_ok(&url) && read_copy(r, buf_slice(&url), &o->url);
        buf_free(&url);
        ok &= not_for(r, n, net, 6, "is not for an origin of type directory");
    } else {
        if (o->url.len == 0 && tree_part(n, "url") == NULL)
            ok = wrong_field(r, n, "url", "must be given, such as http://origin.example.net.");
        ok &= not_for(r, n, folder, 1, "is for an origin of type directory");
    }
    if (o->kind != DIST_S3)
        ok &= not_for(r, n, s3, 3, "is for an origin of type s3");
    else if (o->sign != DIST_SIGN_NEVER && o->region.len == 0)
        ok = wrong_field(r, n, "region", "must be given for an origin of type s3, such as eu-central-1.");
    else if (o->sign != DIST_SIGN_NEVER && o->credentials.len == 0)
        ok = wrong_field(r, n, "credentials",
                         "must be given for an origin of type s3: the name that nodes know them by.");
    if (o->scheme == DIST_ORIGIN_HTTP && o->kind != DIST_DIRECTORY)
        ok &= not_for(r, n, tls, 1, "is for an origin that is spoken to over https");
    if (o->kind == DIST_S3 && o->scheme == DIST_ORIGIN_MATCH_VIEWER)
        ok = wrong_field(r, n, "protocol", "cannot be match-viewer for an origin of type s3.");
    return ok;
}

static bool scalar_origin(struct reader *r, const struct tree *n, void *object)
{
    return read_url(r, n, object);
}

static void init_origin(void *object)
{
    dist_origin_default(object);
}

static const char *const tls_words[] = { "1.2", "1.3", NULL };
static const struct schema_field tls_fields[] = {
    { "name", "whom the certificate has to name, and what SNI says", TEXT_OF(take_tls_name), OF(dist_origin, tls_name),
      .allowed = "a host", .or_else = "the url's host" },
    { "ca", "name of a PEM file of authorities that each node has", TEXT_OF(take_file_name), OF(dist_origin, tls_ca),
      .allowed = "a file's name", .or_else = "the system's" },
    { "client", "name of a client certificate that each node has", TEXT_OF(take_file_name), OF(dist_origin, tls_client),
      .allowed = "a file's name", .or_else = "none" },
    { "min", "the lowest version", .type = SCHEMA_WORD, .words = tls_words, OF(dist_origin, tls_min) },
};
const struct schema schema_tls = { .what = "tls", .fields = tls_fields, .n = 4 };

static const char *const sign_words[] = { "always", "never", "no-override", NULL };
static const struct schema_field origin_fields[] = {
    { "id", "what behaviours call it", TEXT_OF(take_id), OF(dist_origin, id), .said = true,
      .allowed = "1 to 64 letters, digits, - _ ." },
    { "type", "`media` is a packager of HLS, DASH or CMAF: behaviours are of type media then", .type = SCHEMA_OTHER,
      .read = read_origin_type, .write = write_origin_type, .allowed = "`http`, `s3`, `media`, `directory`",
      .or_else = "`http`" },
    { "url", "where it is; a path in it goes in front of each viewer's", .type = SCHEMA_OTHER, .read = read_url,
      .write = write_url, .allowed = "`http://HOST[:PORT][/PREFIX]` or `https://...`", .or_else = "must be given" },
    { "protocol", "over what it is asked; `match-viewer`: as the viewer asks, and the key has the scheme in it",
      .type = SCHEMA_OTHER, .read = read_protocol, .write = write_protocol,
      .allowed = "`http`, `https`, `match-viewer`", .or_else = "as the url says" },
    { "http_port", "with `match-viewer`, where the url is https", .type = SCHEMA_OTHER, .read = read_http_port,
      .write = write_http_port, .allowed = "1 to 65535", .or_else = "80" },
    { "https_port", "with `match-viewer`, where the url is http", .type = SCHEMA_OTHER, .read = read_https_port,
      .write = write_https_port, .allowed = "1 to 65535", .or_else = "443" },
    { "root", "type directory: the folder, on each node", TEXT_OF(take_folder), OF(dist_origin, root),
      .allowed = "a path from / on", .or_else = "must be given for a directory" },
    { "headers", "fields that go along with each request, in place of the viewer's of that name", .type = SCHEMA_OTHER,
      .read = read_origin_headers, .write = write_origin_headers,
      .allowed = "a map, 10 at most; a name has 256 bytes at most, a value 1783, all 10240", .or_else = "none" },
    { "secret", "name of a secret that each node has; it goes along as X-Origin-Secret", TEXT_OF(take_file_name),
      OF(dist_origin, secret), .allowed = "a file's name", .or_else = "none" },
    { "connect_timeout", "for each attempt to connect", TIMED(SEC(1), SEC(10)), OF(dist_origin, connect_timeout) },
    { "attempts", "to connect", NUMBERED(1, 3), OF(dist_origin, attempts) },
    { "response_timeout", "to an answer's first byte, and between two", TIMED(SEC(1), SEC(120)),
      OF(dist_origin, response_timeout) },
    { "whole_timeout", "to an answer's last byte; 0: no limit", TIMED(0, SEC(3600)), OF(dist_origin, whole_timeout) },
    { "idle_timeout", "an unused connection is kept so long", TIMED(SEC(1), SEC(120)), OF(dist_origin, idle_timeout) },
    { "connections", "at a time, from one node; 0: the node's own figure", NUMBERED(0, 65535),
      OF(dist_origin, connections) },
    { "tls", "how it is spoken to over https", .type = SCHEMA_PART, .of = &schema_tls },
    { "region", "type s3: the bucket's", TEXT_OF(take_region), OF(dist_origin, region),
      .allowed = "such as `eu-central-1`", .or_else = "must be given for s3" },
    { "credentials", "type s3: the name of a file that each node has", TEXT_OF(take_file_name),
      OF(dist_origin, credentials), .allowed = "a file's name",
      .or_else = "must be given for s3, unless `sign: never`" },
    { "sign", "type s3: whether requests are signed; `no-override`: unless the viewer's Authorization is there",
      .type = SCHEMA_WORD, .words = sign_words, OF(dist_origin, sign) },
};
const struct schema schema_origin = { .what = "an origin",
                                      .size = sizeof(struct dist_origin),
                                      .fields = origin_fields,
                                      .n = sizeof(origin_fields) / sizeof(origin_fields[0]),
                                      .init = init_origin,
                                      .finish = finish_origin,
                                      .scalar = scalar_origin,
                                      .scalar_allowed = "a URL alone is an origin with the id `origin`" };

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

static bool read_countries(struct reader *r, const struct tree *n, void *object)
{
    struct dist *d = object;

    if (n->kind != TREE_MAP || n->n != 1 ||
        (!slice_eq(n->first->key, SLICE_LIT("allow")) && !slice_eq(n->first->key, SLICE_LIT("block"))))
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
    { "log", "whether its requests are in the access log", .type = SCHEMA_WORD, .words = log_words, OF(dist, log) },
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
};
const struct schema schema_dist = { .what = "a distribution",
                                    .size = sizeof(struct dist),
                                    .fields = dist_fields,
                                    .n = sizeof(dist_fields) / sizeof(dist_fields[0]),
                                    .init = init_dist,
                                    .finish = finish_dist };
