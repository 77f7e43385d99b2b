#include "node/http/target.h"

#include "node/sf/chars.h"
#include "node/http/h1.h"

#define HOST_MAX 255

static bool port_parse(struct slice text, uint16_t *port)
{
    uint64_t v = 0;

    *port = 0;
    if (text.len == 0) /* "host:" is legal and means the default */
        return true;
    if (slice_u64(text, &v) != 0 || v == 0 || v > UINT16_MAX)
        return false;
    *port = (uint16_t)v;
    return true;
}

/* Digits, colons and dots: who dials never uses these bytes, so a loose look is enough. */
static size_t bracketed(struct slice text)
{
    size_t i = 1;

    while (i < text.len && (chars_is(text.data[i], CHARS_HEX) || text.data[i] == ':' || text.data[i] == '.'))
        i++;
    return i > 2 && i < text.len && text.data[i] == ']' ? i + 1 : 0;
}

bool authority_parse(struct slice text, struct slice *host, uint16_t *port)
{
    size_t n = text.len > 0 && text.data[0] == '[' ? bracketed(text) : chars_span(text, CHARS_HOST);

    if (n == 0 || n > HOST_MAX)
        return false;
    *host = slice_head(text, n);
    *port = 0;
    if (n == text.len)
        return true;
    return text.data[n] == ':' && port_parse(slice_from(text, n + 1), port);
}

static void split_query(struct slice rest, struct http_request *out)
{
    const uint8_t *mark = rest.len > 0 ? memchr(rest.data, '?', rest.len) : NULL;

    out->has_query = mark != NULL;
    out->path = mark == NULL ? rest : slice_head(rest, (size_t)(mark - rest.data));
    out->query = slice_from(rest, out->path.len + 1);
}

static bool take_scheme(struct slice *rest, struct http_request *out)
{
    if (slice_eq_nocase(slice_head(*rest, 7), SLICE_LIT("http://"))) {
        out->scheme = HTTP_SCHEME_HTTP;
        *rest = slice_from(*rest, 7);
        return true;
    }
    if (slice_eq_nocase(slice_head(*rest, 8), SLICE_LIT("https://"))) {
        out->scheme = HTTP_SCHEME_HTTPS;
        *rest = slice_from(*rest, 8);
        return true;
    }
    return false;
}

static int absolute(struct http_request *out)
{
    struct slice rest = out->target;
    size_t n = 0;

    if (!take_scheme(&rest, out))
        return h1_refuse(&out->fault, 400, "bad request target");
    while (n < rest.len && rest.data[n] != '/' && rest.data[n] != '?')
        n++;
    out->form = HTTP_FORM_ABSOLUTE;
    out->authority = slice_head(rest, n);
    if (!authority_parse(out->authority, &out->host, &out->port))
        return h1_refuse(&out->fault, 400, "bad authority");
    split_query(slice_from(rest, n), out);
    if (out->path.len == 0)
        out->path = SLICE_LIT("/");
    return 0;
}

int target_parse(struct http_request *out)
{
    struct slice target = out->target;

    if (out->method == HTTP_CONNECT) {
        out->form = HTTP_FORM_AUTHORITY;
        out->authority = target;
        if (!authority_parse(target, &out->host, &out->port) || out->port == 0)
            return h1_refuse(&out->fault, 400, "bad authority");
        return 0;
    }
    if (target.data[0] == '/') {
        split_query(target, out);
        return 0;
    }
    if (slice_eq(target, SLICE_LIT("*")) && out->method == HTTP_OPTIONS) {
        out->form = HTTP_FORM_ASTERISK;
        out->path = target;
        return 0;
    }
    return absolute(out);
}
