#include "node/http/parse.h"

#include <assert.h>

#include "node/sf/chars.h"
#include "node/http/h1.h"
#include "node/http/target.h"
#include "proto/base/err.h"

static enum http_method method_of(struct slice text)
{
#define IS(word, method) (memcmp(text.data, word, sizeof(word) - 1) == 0 ? (method) : HTTP_OTHER)
    switch (text.len) {
    case 3: return text.data[0] == 'G' ? IS("GET", HTTP_GET) : IS("PUT", HTTP_PUT);
    case 4: return text.data[0] == 'H' ? IS("HEAD", HTTP_HEAD) : IS("POST", HTTP_POST);
    case 5: return text.data[0] == 'P' ? IS("PATCH", HTTP_PATCH) : IS("TRACE", HTTP_TRACE);
    case 6: return IS("DELETE", HTTP_DELETE);
    case 7: return text.data[0] == 'O' ? IS("OPTIONS", HTTP_OPTIONS) : IS("CONNECT", HTTP_CONNECT);
    default: return HTTP_OTHER;
    }
#undef IS
}

/* method SP target SP version, one space each and nothing else (RFC 9112 section 3). */
static int request_line(struct slice line, struct http_request *out)
{
    size_t method_len = chars_span(line, CHARS_TOKEN);
    int err;

    if (method_len == 0 || method_len == line.len || line.data[method_len] != ' ')
        return h1_refuse(&out->fault, 400, "bad method");
    struct slice rest = slice_from(line, method_len + 1);
    size_t target_len = chars_span(rest, CHARS_TARGET);
    if (target_len == 0 || target_len == rest.len || rest.data[target_len] != ' ')
        return h1_refuse(&out->fault, 400, "bad request target");
    if ((err = h1_version(slice_from(rest, target_len + 1), &out->minor, &out->fault)) != 0)
        return err;

    out->method_text = slice_head(line, method_len);
    out->method = method_of(out->method_text);
    out->target = slice_head(rest, target_len);
    if (method_len > HTTP_METHOD_MAX)
        return h1_refuse(&out->fault, 501, "unknown method");
    if (target_len > HTTP_TARGET_MAX)
        return h1_refuse(&out->fault, 413, "URL too long");
    return target_parse(out);
}

/* The lines from |at| on. |base| is where the request line starts: behind one empty line. */
static int request_lines(struct slice in, struct http_cursor *at, struct http_request *out)
{
    size_t base = in.len > 0 && in.data[0] == '\r' ? 2 : 0, max = base + HTTP_REQUEST_HEAD_MAX;
    struct slice line;
    int err;

    out->fields.n = at->fields;
    while (at->line <= base) {
        bool empty_allowed = at->line < base;
        if ((err = h1_line(in, at, max, &line, &out->fault)) != 0)
            return err;
        if (empty_allowed)
            continue;
        if ((err = request_line(line, out)) != 0)
            return err;
    }
    return h1_fields(in, at, max, &out->fields, &out->fault);
}

/* RFC 9112 section 3.2.2: an absolute target wins, and Host must say the same (row U1). */
static int settle_host(struct http_request *out, const struct field *field)
{
    struct slice host;
    uint16_t port, usual = out->scheme == HTTP_SCHEME_HTTPS ? 443 : 80;

    if (field == NULL)
        return out->minor == 0 ? 0 : h1_refuse(&out->fault, 400, "no Host");
    if (!authority_parse(field->value, &host, &port))
        return h1_refuse(&out->fault, 400, "bad Host");
    if (out->authority.len == 0) {
        out->authority = field->value;
        out->host = host;
        out->port = port;
        return 0;
    }
    bool same_port = out->form == HTTP_FORM_AUTHORITY || /* CONNECT's always has a port, Host need not */
                     (port == 0 ? usual : port) == (out->port == 0 ? usual : out->port);
    if (!slice_eq_nocase(host, out->host) || !same_port)
        return h1_refuse(&out->fault, 400, "Host is not the target's");
    return 0;
}

static int settle_request(struct http_request *out)
{
    struct h1_facts facts;
    int err;

    if ((err = h1_facts(&out->fields, out->minor, &facts, &out->fault)) != 0)
        return err;
    if ((err = settle_host(out, facts.host)) != 0)
        return err;
    if (facts.transfer_encoding != NULL)
        out->body.framing = HTTP_BODY_CHUNKED;
    else if (facts.has_length)
        out->body = (struct http_body){ HTTP_BODY_LENGTH, true, facts.length };
    /* What follows a CONNECT is no body (RFC 9110 section 9.3.6), and some readers skip none. */
    if (out->method == HTTP_CONNECT && out->body.framing != HTTP_BODY_NONE && !(facts.has_length && facts.length == 0))
        return h1_refuse(&out->fault, 400, "a body where none may be");
    out->keep_alive = h1_keep_alive(&facts, out->minor);
    if (facts.expect != NULL && out->minor > 0) {
        if (!slice_eq_nocase(facts.expect->value, SLICE_LIT("100-continue")))
            return h1_refuse(&out->fault, 417, "unknown expectation");
        out->expect_continue = out->body.framing != HTTP_BODY_NONE;
    }
    return 0;
}

/* All but the array of fields, which is large and guarded by its count. */
static void request_clear(struct http_request *out)
{
    out->method = HTTP_OTHER;
    out->form = HTTP_FORM_ORIGIN;
    out->scheme = HTTP_SCHEME_NONE;
    out->minor = 1;
    out->has_query = out->keep_alive = out->expect_continue = false;
    out->port = 0;
    out->method_text = out->target = out->path = out->query = out->authority = out->host = SLICE_EMPTY;
    out->body = (struct http_body){ HTTP_BODY_NONE, false, 0 };
    fields_clear(&out->fields);
    out->fault = (struct http_fault){ 0, NULL };
}

/* The usual head arrives whole and is walked once. One in pieces is checked line by line as
 * it comes; then, since its bytes may have moved meanwhile, read once more from its start. */
int http_parse_request(struct slice in, struct http_cursor *at, struct http_request *out, size_t *used)
{
    bool resumed = at->line > 0;
    int err;

    request_clear(out);
    err = request_lines(in, at, out);
    if (err == MESH_E_SHORT)
        return err;
    if (resumed) {
        *at = (struct http_cursor){ 0 };
        request_clear(out);
        int again = request_lines(in, at, out);
        assert(again == err);
    }
    if (err == 0)
        err = settle_request(out);
    if (err != 0)
        return err;
    *used = at->line;
    *at = (struct http_cursor){ 0 };
    return 0;
}

/* HTTP/1.x SP three digits, then SP and a reason, or nothing: many servers leave both out. */
static int status_line(struct slice line, struct http_response *out)
{
    int err;

    if ((err = h1_version(slice_head(line, 8), &out->minor, &out->fault)) != 0)
        return err;
    struct slice rest = slice_from(line, 8);
    if (rest.len < 4 || rest.data[0] != ' ' || chars_span(slice_from(slice_head(rest, 4), 1), CHARS_DIGIT) != 3 ||
        rest.data[1] < '1' || rest.data[1] > '5' || (rest.len > 4 && rest.data[4] != ' '))
        return h1_refuse(&out->fault, 502, "bad status line");
    out->status = (uint16_t)((rest.data[1] - '0') * 100 + (rest.data[2] - '0') * 10 + (rest.data[3] - '0'));
    out->reason = slice_from(rest, 5);
    return 0;
}

static int response_lines(struct slice in, struct http_cursor *at, struct http_response *out)
{
    struct slice line;
    int err;

    out->fields.n = at->fields;
    if (at->line == 0) {
        if ((err = h1_line(in, at, HTTP_RESPONSE_HEAD_MAX, &line, &out->fault)) != 0)
            return err;
        if ((err = status_line(line, out)) != 0)
            return err;
    }
    return h1_fields(in, at, HTTP_RESPONSE_HEAD_MAX, &out->fields, &out->fault);
}

/* RFC 9112 section 6.3, in its order. */
static int settle_response(struct http_response *out, bool head_request)
{
    struct h1_facts facts;
    int err;

    if ((err = h1_facts(&out->fields, out->minor, &facts, &out->fault)) != 0)
        return err;
    bool bodiless = out->status < 200 || out->status == 204;
    if (bodiless && (facts.transfer_encoding != NULL || (facts.has_length && facts.length > 0)))
        return h1_refuse(&out->fault, 502, "a body where none may be");

    out->body = (struct http_body){ HTTP_BODY_NONE, facts.has_length, facts.length };
    if (bodiless || head_request || out->status == 304)
        out->body.framing = HTTP_BODY_NONE;
    else if (facts.transfer_encoding != NULL)
        out->body.framing = HTTP_BODY_CHUNKED;
    else if (facts.has_length)
        out->body.framing = HTTP_BODY_LENGTH;
    else
        out->body.framing = HTTP_BODY_UNTIL_CLOSE;
    out->keep_alive = out->body.framing != HTTP_BODY_UNTIL_CLOSE && h1_keep_alive(&facts, out->minor);
    return 0;
}

static void response_clear(struct http_response *out)
{
    out->status = 0;
    out->minor = 1;
    out->keep_alive = false;
    out->reason = SLICE_EMPTY;
    out->body = (struct http_body){ HTTP_BODY_NONE, false, 0 };
    fields_clear(&out->fields);
    out->fault = (struct http_fault){ 0, NULL };
}

int http_parse_response(struct slice in, struct http_cursor *at, bool head_request, struct http_response *out,
                        size_t *used)
{
    bool resumed = at->line > 0;
    int err;

    response_clear(out);
    err = response_lines(in, at, out);
    if (err == MESH_E_SHORT)
        return err;
    if (resumed) {
        *at = (struct http_cursor){ 0 };
        response_clear(out);
        int again = response_lines(in, at, out);
        assert(again == err);
    }
    if (err == 0)
        err = settle_response(out, head_request);
    if (err != 0) {
        out->fault.status = 502; /* whatever it was, it is the origin's fault */
        return err;
    }
    *used = at->line;
    *at = (struct http_cursor){ 0 };
    return 0;
}
