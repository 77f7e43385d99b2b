/* The kinds of text that a configuration holds: what may stand in each, and its normal form. */
#include "node/dist/schema.h"
#include "node/sf/chars.h"
#include "proto/base/addr.h"
#include "proto/cert.h"

#define FIELD_NAME_MAX 256
#define TEXT_MAX       1024

static bool is_lower_alnum(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool has_control(struct slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.data[i] < 0x20 || s.data[i] == 0x7f)
            return true;
    }
    return false;
}

/* |n| as text of 1 to |max| bytes. */
static bool sized(struct reader *r, const struct tree *n, const char *what, size_t max)
{
    if (!read_scalar(r, n, what))
        return false;
    if (n->text.len == 0)
        return wrong(r, n, "must be %s, not nothing.", what);
    if (n->text.len > max)
        return wrong(r, n, "has %zu bytes; %zu are allowed.", n->text.len, max);
    return true;
}

static bool refuse(struct reader *r, const struct tree *n, const char *why)
{
    char quoted[FAULT_QUOTED_MAX];
    return wrong(r, n, "%s %s.", fault_quoted(n->text, quoted), why);
}

bool take_plain(struct reader *r, const struct tree *n, struct slice *out)
{
    if (!sized(r, n, "text", TEXT_MAX))
        return false;
    if (has_control(n->text))
        return refuse(r, n, "holds a control character");
    return read_copy(r, n->text, out);
}

bool take_comment(struct reader *r, const struct tree *n, struct slice *out)
{
    if (!sized(r, n, "text", 256))
        return false;
    return read_copy(r, n->text, out);
}

static bool take_word(struct reader *r, const struct tree *n, size_t max, const char *what, const char *more,
                      struct slice *out)
{
    if (!sized(r, n, what, max))
        return false;
    for (size_t i = 0; i < n->text.len; i++) {
        uint8_t c = n->text.data[i];
        if (!chars_is(c, CHARS_ALPHA | CHARS_DIGIT) && (c == 0 || strchr(more, c) == NULL)) {
            char quoted[FAULT_QUOTED_MAX];
            return wrong(r, n, "%s must be letters, digits, and of %s.", fault_quoted(n->text, quoted), more);
        }
    }
    return read_copy(r, n->text, out);
}

bool take_id(struct reader *r, const struct tree *n, struct slice *out)
{
    return take_word(r, n, 64, "an id", "-_.", out);
}

bool take_dist_name(struct reader *r, const struct tree *n, struct slice *out)
{
    return take_word(r, n, DIST_NAME_MAX, "a name", "-_", out);
}

/* A name of a file of the node's, in a folder that the node knows: no path. */
bool take_file_name(struct reader *r, const struct tree *n, struct slice *out)
{
    if (n->kind == TREE_SCALAR && n->text.len > 0 && n->text.data[0] == '.')
        return refuse(r, n, "must not begin with a dot: it is a name, not a path");
    return take_word(r, n, DIST_FILE_NAME_MAX, "a name", "-_.", out);
}

bool take_region(struct reader *r, const struct tree *n, struct slice *out)
{
    return take_word(r, n, DIST_REGION_MAX, "a region, such as eu-central-1", "-", out);
}

bool take_zone_region(struct reader *r, const struct tree *n, struct slice *out)
{
    if (!read_scalar(r, n, "a region"))
        return false;
    if (!cert_name_ok(n->text))
        return refuse(r, n, "must be a region of edges: what stands before the slash of their zones, such as eu");
    return read_copy(r, n->text, out);
}

/* ---- hosts ---- */

static const char *host_fault(struct slice host)
{
    struct slice rest = host, label;

    if (host.len > 253)
        return "is longer than 253 bytes";
    if (memchr(host.data, ':', host.len) != NULL)
        return "must be a host alone, without port";
    if (memchr(host.data, '/', host.len) != NULL)
        return "must be a host alone, such as www.example.com, without http:// and path";
    while (slice_split(&rest, '.', &label)) {
        if (label.len == 0 || label.len > 63)
            return "must have 1 to 63 bytes between its dots";
        if (label.data[0] == '-' || label.data[label.len - 1] == '-')
            return "must not have a - at the start or end of a part";
        for (size_t i = 0; i < label.len; i++) {
            uint8_t c = label.data[i];
            if (c == '*')
                return "may have a star at its start alone, as *.example.com";
            if (c >= 0x80)
                return "must be written in ASCII (xn--...)";
            if (!is_lower_alnum(c) && c != '-' && c != '_')
                return "must be letters, digits, dots, - and _";
        }
    }
    return NULL;
}

static bool is_address6(struct slice host)
{
    struct mesh_addr addr;
    struct buf text = BUF_EMPTY;
    bool ok;

    if (host.len < 4 || host.data[0] != '[' || host.data[host.len - 1] != ']')
        return false;
    buf_addf(&text, "%.*s:1", SLICE_FMT(host));
    ok = buf_ok(&text) && mesh_addr_parse(buf_slice(&text), &addr) == 0;
    buf_free(&text);
    return ok;
}

/* |text| in lower case, and without a final dot. */
static bool lower(struct reader *r, struct slice text, struct slice *out)
{
    uint8_t *p = read_get(r, text.len, 1);

    if (p == NULL)
        return false;
    for (size_t i = 0; i < text.len; i++)
        p[i] = text.data[i] >= 'A' && text.data[i] <= 'Z' ? text.data[i] | 0x20 : text.data[i];
    *out = slice_of(p, text.len);
    return true;
}

bool take_host(struct reader *r, const struct tree *n, struct slice *out)
{
    struct slice host;
    const char *fault;

    if (!sized(r, n, "a host, such as www.example.com or *.example.com", 1024) || !lower(r, n->text, &host))
        return false;
    if (host.len > 1 && host.data[host.len - 1] == '.')
        host.len--;
    if (!is_address6(host) && !slice_eq(host, SLICE_LIT("*"))) {
        bool wildcard = host.len > 2 && host.data[0] == '*' && host.data[1] == '.';
        if ((fault = host_fault(wildcard ? slice_from(host, 2) : host)) != NULL)
            return refuse(r, n, fault);
    }
    *out = host;
    return true;
}

bool take_tls_name(struct reader *r, const struct tree *n, struct slice *out)
{
    const char *fault;

    if (!sized(r, n, "a host, such as www.example.com", 1024) || !lower(r, n->text, out))
        return false;
    if ((fault = host_fault(*out)) != NULL)
        return refuse(r, n, fault);
    return true;
}

/* ---- paths ---- */

static bool has_dots(struct slice path)
{
    struct slice rest = path, segment;

    while (slice_split(&rest, '/', &segment)) {
        if (slice_eq(segment, SLICE_LIT(".")) || slice_eq(segment, SLICE_LIT("..")))
            return true;
    }
    return false;
}

/* As the normal form of paths has it (RFC 3986 section 6.2.2), so that both can be compared. |wild|: ? is no query. */
static const char *normal_path(struct buf *out, struct slice s, bool wild)
{
    while (s.len > 0) {
        uint8_t c = s.data[0], escape[3];
        size_t used = 1;
        if (c < 0x20 || c == 0x7f)
            return "holds a control character";
        if (c == '#' || (c == '?' && !wild))
            return "must be a path alone, without ? and #";
        if (c == '%' && s.len > 2 && hex_digit(s.data[1]) >= 0 && hex_digit(s.data[2]) >= 0) {
            c = (uint8_t)(hex_digit(s.data[1]) << 4 | hex_digit(s.data[2]));
            used = 3;
        }
        if (c == 0)
            return "holds a zero byte";
        chars_escape(c, escape);
        if (used == 3 ? chars_is(c, CHARS_UNRESERVED) : chars_is(c, CHARS_PATH) || (wild && c == '?'))
            buf_add_u8(out, c);
        else
            buf_add(out, escape, 3);
        s = slice_from(s, used);
    }
    return NULL;
}

static bool take_path(struct reader *r, const struct tree *n, const char *what, bool wild, size_t max,
                      struct slice *out)
{
    struct buf text = BUF_EMPTY;
    const char *fault;
    bool ok;

    if (!sized(r, n, what, max))
        return false;
    if (n->text.data[0] != '/')
        buf_add_u8(&text, '/');
    fault = normal_path(&text, n->text, wild);
    if (fault == NULL && has_dots(buf_slice(&text)))
        fault = "holds a \".\" or \"..\" between slashes, which no path has when it is looked at";
    if (fault != NULL)
        ok = refuse(r, n, fault);
    else if (text.len > max + !wild) /* its normal form has to be readable, too */
        ok = wrong(r, n, "has %zu bytes in its normal form; %zu are allowed.", text.len, max);
    else if (wild && slice_eq(buf_slice(&text), SLICE_LIT("/*")))
        ok = read_copy(r, SLICE_LIT("*"), out);
    else
        ok = read_copy(r, buf_slice(&text), out);
    buf_free(&text);
    return ok;
}

bool take_pattern(struct reader *r, const struct tree *n, struct slice *out)
{
    return take_path(r, n, "a pattern of paths, such as /images/*.jpg", true, DIST_PATTERN_MAX, out);
}

bool take_rule_path(struct reader *r, const struct tree *n, struct slice *out)
{
    return take_pattern(r, n, out);
}

bool take_root(struct reader *r, const struct tree *n, struct slice *out)
{
    if (!take_path(r, n, "a path, such as index.html", false, DIST_ROOT_MAX, out))
        return false;
    *out = slice_from(*out, 1);
    return out->len > 0 || refuse(r, n, "must be a path below /, such as index.html");
}

bool take_page(struct reader *r, const struct tree *n, struct slice *out)
{
    return take_path(r, n, "a path, such as /errors/404.html", false, 4096, out);
}

bool take_folder(struct reader *r, const struct tree *n, struct slice *out)
{
    if (!sized(r, n, "a folder", DIST_FOLDER_MAX))
        return false;
    if (n->text.data[0] != '/' || has_control(n->text) || has_dots(n->text))
        return refuse(r, n, "must be a folder from / on, such as /srv/www, without . and ..");
    return read_copy(r, n->text, out);
}

bool take_glob(struct reader *r, const struct tree *n, struct slice *out)
{
    return take_plain(r, n, out);
}

/* ---- fields ---- */

/* Sorted by what they are about; a final star stands for the rest. The first two lists are CloudFront's, of which names
 * that speak of AWS alone are kept where an S3-compatible bucket would take them for part of what is signed. */
static const char *const never_to_origins[] = {
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "expect",
    "http2-settings",
    "content-length",
    "host",
    "cookie",
    "cache-control",
    "pragma",
    "max-forwards",
    "via",
    "forwarded",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "range",
    "request-range",
    "proxy-authenticate",
    "proxy-authorization",
    "x-real-ip",
    "x-amz-*",
    "x-edge-*",
    "x-origin-secret",
    "cdn-loop",
};
static const char *const never_in_answers[] = {
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "expect",
    "content-length",
    "content-encoding",
    "content-range",
    "host",
    "via",
    "warning",
    "age",
    "date",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-authentication-info",
    "x-accel-*",
    "x-cache",
    "x-edge-*",
    "x-amz-cf-*",
    "x-amzn-*",
    "x-forwarded-proto",
    "x-real-ip",
    "x-request-id",
    "cache-status",
    "proxy-status",
};
static const char *const never_in_keys[] = {
    "connection",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "expect",
    "http2-settings",
    "content-length",
    "content-encoding",
    "host",
    "cookie",
    "accept-encoding",
    "range",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "cache-control",
    "pragma",
    "via",
    "max-forwards",
    "proxy-authorization",
    "authorization",
    "x-request-id",
};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool is_among(struct slice name, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        size_t len = strlen(list[i]);
        if (list[i][len - 1] == '*' ? slice_eq_nocase(slice_head(name, len - 1), slice_of(list[i], len - 1))
                                    : slice_eq_nocase(name, slice_str(list[i])))
            return true;
    }
    return false;
}

bool origin_refuses(struct slice name)
{
    return is_among(name, never_to_origins, COUNT(never_to_origins));
}

bool answer_refuses(struct slice name)
{
    return is_among(name, never_in_answers, COUNT(never_in_answers));
}

static bool key_refuses(struct slice name)
{
    return is_among(name, never_in_keys, COUNT(never_in_keys));
}

bool take_name(struct reader *r, const struct slice text, const struct tree *n, bool (*refuses)(struct slice),
               struct slice *out)
{
    const struct tree at = { .mark = n->mark, .text = text };
    char quoted[FAULT_QUOTED_MAX];

    if (!chars_all(text, CHARS_TOKEN) || text.len > FIELD_NAME_MAX)
        return wrong(r, &at, "%s must be the name of a field: 1 to %d letters, digits, - and _.",
                     fault_quoted(text, quoted), FIELD_NAME_MAX);
    if (refuses != NULL && refuses(text))
        return wrong(r, &at, "%s is the node's own affair: it cannot be said here.", fault_quoted(text, quoted));
    return read_copy(r, text, out);
}

bool take_value(struct reader *r, const struct tree *n, size_t max, struct slice *out)
{
    if (!read_scalar(r, n, "a field's value"))
        return false;
    if (n->text.len > max)
        return wrong(r, n, "has %zu bytes; %zu are allowed.", n->text.len, max);
    if (has_control(n->text) || !slice_eq(slice_trim(n->text), n->text))
        return refuse(r, n, "must have no line ends and control characters, and no blanks at its ends");
    return read_copy(r, n->text, out);
}

static bool take_lower_name(struct reader *r, const struct tree *n, bool (*refuses)(struct slice), struct slice *out)
{
    struct slice name;

    return read_scalar(r, n, "a field's name") && take_name(r, n->text, n, refuses, &name) && lower(r, name, out);
}

bool take_field_name(struct reader *r, const struct tree *n, struct slice *out)
{
    return take_lower_name(r, n, NULL, out);
}

bool take_key_field(struct reader *r, const struct tree *n, struct slice *out)
{
    return take_lower_name(r, n, key_refuses, out);
}

bool take_removed(struct reader *r, const struct tree *n, struct slice *out)
{
    return take_lower_name(r, n, answer_refuses, out);
}

bool take_cors_header(struct reader *r, const struct tree *n, struct slice *out)
{
    return read_scalar(r, n, "a field's name") && take_name(r, n->text, n, NULL, out);
}

bool take_cookie(struct reader *r, const struct tree *n, struct slice *out)
{
    if (!sized(r, n, "a cookie's name", 256))
        return false;
    if (!chars_all(n->text, CHARS_TOKEN))
        return refuse(r, n, "must be a cookie's name (RFC 6265 section 4.1.1)");
    return read_copy(r, n->text, out);
}

/* As it stands in a normal query, so that it can be compared with what is there. */
bool take_param(struct reader *r, const struct tree *n, struct slice *out)
{
    if (!sized(r, n, "the name of a query parameter", 256))
        return false;
    for (size_t i = 0; i < n->text.len; i++) {
        uint8_t c = n->text.data[i];
        if (!(chars_is(c, CHARS_QUERY) || c == '%') || c == '&' || c == '=')
            return refuse(r, n, "must be the name of a query parameter as a URL has it, percent-encoded where need be");
    }
    return read_copy(r, n->text, out);
}

bool take_method(struct reader *r, const struct tree *n, struct slice *out)
{
    if (!sized(r, n, "a method, such as PROPFIND", 32))
        return false;
    if (!chars_all(n->text, CHARS_TOKEN) || slice_eq(n->text, SLICE_LIT("TRACE")) ||
        slice_eq(n->text, SLICE_LIT("CONNECT")))
        return refuse(r, n, "must be get, options, all, or a method but TRACE and CONNECT, such as PROPFIND");
    return read_copy(r, n->text, out);
}

bool take_cors_origin(struct reader *r, const struct tree *n, struct slice *out)
{
    struct slice host;
    const char *fault;

    if (!sized(r, n, "an origin, such as https://example.com", 512) || !lower(r, n->text, out))
        return false;
    if (slice_eq(*out, SLICE_LIT("*")) || slice_eq(*out, SLICE_LIT("null")))
        return true;
    if (slice_eq(slice_head(*out, 7), SLICE_LIT("http://")))
        host = slice_from(*out, 7);
    else if (slice_eq(slice_head(*out, 8), SLICE_LIT("https://")))
        host = slice_from(*out, 8);
    else
        return refuse(r, n, "must be *, or begin with http:// or https://, such as https://*.example.com");
    if (slice_eq(slice_head(host, 2), SLICE_LIT("*.")))
        host = slice_from(host, 2);
    size_t colon = 0;
    while (colon < host.len && host.data[colon] != ':')
        colon++;
    uint64_t port = 1;
    if (colon < host.len && (slice_u64(slice_from(host, colon + 1), &port) != 0 || port == 0 || port > 65535))
        return refuse(r, n, "has no port that there is");
    host = slice_head(host, colon);
    if ((fault = host.len == 0 ? "has no host" : host_fault(host)) != NULL)
        return refuse(r, n, fault);
    return true;
}

bool take_country(struct reader *r, const struct tree *n, struct slice *out)
{
    if (!read_scalar(r, n, "a country"))
        return false;
    if (n->text.len != 2 || n->text.data[0] < 'A' || n->text.data[0] > 'Z' || n->text.data[1] < 'A' ||
        n->text.data[1] > 'Z')
        return refuse(r, n, "must be a country's two capital letters (ISO 3166-1), such as DE");
    return read_copy(r, n->text, out);
}

bool take_pem(struct reader *r, const struct tree *n, struct slice *out)
{
    static const char begin[] = "-----BEGIN PUBLIC KEY-----";

    if (!sized(r, n, "a public key, as PEM", 4096))
        return false;
    if (memmem(n->text.data, n->text.len, "PRIVATE KEY", 11) != NULL)
        return wrong(r, n, "is a private key: only the public one belongs here.");
    if (memcmp(n->text.data, begin, n->text.len < sizeof(begin) - 1 ? n->text.len : sizeof(begin) - 1) != 0 ||
        memmem(n->text.data, n->text.len, "-----END PUBLIC KEY-----", 24) == NULL)
        return wrong(r, n, "must be a public key as PEM: %s and so on.", begin);
    return read_copy(r, n->text, out);
}

/* ---- where rules lead ---- */

static const char *to_fault(struct slice to)
{
    for (size_t i = 0; i < to.len; i++) {
        if (to.data[i] <= 0x20 || to.data[i] >= 0x7f || strchr("\"<>\\^`{|}", to.data[i]) != NULL)
            return "holds a byte that may not stand in a URL: percent-encode it";
    }
    return NULL;
}

bool take_redirect(struct reader *r, const struct tree *n, struct slice *out)
{
    const char *fault;

    if (!sized(r, n, "a path or URL", TEXT_MAX))
        return false;
    if ((fault = to_fault(n->text)) != NULL)
        return refuse(r, n, fault);
    if ((n->text.data[0] != '/' || (n->text.len > 1 && n->text.data[1] == '/')) &&
        !(slice_eq(slice_head(n->text, 7), SLICE_LIT("http://")) && n->text.len > 7) &&
        !(slice_eq(slice_head(n->text, 8), SLICE_LIT("https://")) && n->text.len > 8))
        return refuse(r, n, "must begin with one slash, http:// or https://");
    return read_copy(r, n->text, out);
}

bool take_rewrite(struct reader *r, const struct tree *n, struct slice *out)
{
    const char *fault;

    if (!sized(r, n, "a path", TEXT_MAX))
        return false;
    if ((fault = to_fault(n->text)) != NULL)
        return refuse(r, n, fault);
    if (n->text.data[0] != '/' || memchr(n->text.data, '#', n->text.len) != NULL)
        return refuse(r, n, "must begin with a slash, and have no #");
    return read_copy(r, n->text, out);
}
