/* The table of what may stand in a configuration of where content comes from. */
#include "node/dist/dist_make.h"
#include "node/dist/fields.h"

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

static bool finish_folder(struct reader *r, struct dist_origin *o)
{
    struct buf url = BUF_EMPTY;

    folder_url(&url, o->root);
    bool ok = buf_ok(&url) && read_copy(r, buf_slice(&url), &o->url);
    buf_free(&url);
    return ok;
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
    if (folder_url_is(n->text) && o->kind != DIST_S3) {
        o->kind = DIST_DIRECTORY;
        return read_folder_url(r, n, &o->root) && finish_folder(r, o);
    }
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

/* What says that it is a directory says all that there is to say of where it is. */
static bool check_folder(struct reader *r, const struct tree *n, struct dist_origin *o)
{
    static const char *const net[] = { "protocol", "headers", "secret", "tls", "connections" };
    static const char *const both[] = { "root" };
    const struct tree *url = tree_part(n, "url"), *type = tree_part(n, "type");
    bool by_url = url != NULL && folder_url_is(url->text), ok = true;

    if (by_url && type != NULL && !slice_eq(type->text, SLICE_LIT("directory")))
        ok = wrong_field(r, n, "type", "does not go with the url, which says directory.");
    if (url != NULL && !by_url)
        ok = wrong_field(r, n, "url", "is not for an origin of type directory, unless it is such as file:///srv/www.");
    if (by_url)
        ok &= not_for(r, n, both, 1, "is said by the url already");
    else if (o->root.len == 0)
        return wrong_field(r, n, "root", "must be given: the folder, such as /srv/www.");
    return not_for(r, n, net, COUNT_OF(net), "is not for an origin of type directory") && ok && finish_folder(r, o);
}

static bool finish_origin(struct reader *r, const struct tree *n, void *object)
{
    static const char *const s3[] = { "region", "credentials", "sign" };
    static const char *const folder[] = { "root" };
    static const char *const tls[] = { "tls" };
    struct dist_origin *o = object;
    bool ok = true;

    if (o->kind == DIST_DIRECTORY) {
        ok = check_folder(r, n, o);
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
      .write = write_url, .allowed = "`http://HOST[:PORT][/PREFIX]` or `https://...`; `file:///PATH` is a directory",
      .or_else = "must be given" },
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
    { "secret",
      "name of a secret that each node has, as `DATA/secrets/NAME`; its last line goes along as X-Origin-Secret",
      TEXT_OF(take_file_name), OF(dist_origin, secret), .allowed = "a file's name", .or_else = "none" },
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
    { "credentials", "type s3: a profile in the file that each node has (--origin-s3-credentials)",
      TEXT_OF(take_file_name), OF(dist_origin, credentials), .allowed = "a profile's name",
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
