/* fuzz_http_differ.c - the same bytes read by us, by picohttpparser (as libh2o exports it) and by http_parser: what we
 * take, they take, with the same method, target, status, fields, body and end. The other way round nothing is asked:
 * they are looser. Where they are stricter is listed, each with its reason, here and in heard.c; node's llhttp reads
 * what this has kept (llhttp.mjs). */
#include "node/http/chunked.h"
#include "node/http/parse.h"
#include "proto/base/err.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/heard.h"

/* libh2o exports these; its headers do not say so. */
struct phr_header {
    const char *name;
    size_t name_len;
    const char *value;
    size_t value_len;
};
struct phr_chunked_decoder {
    size_t bytes_left_in_chunk;
    char consume_trailer, hex_count, state;
};
int phr_parse_request(const char *buf, size_t len, const char **method, size_t *method_len, const char **path,
                      size_t *path_len, int *minor, struct phr_header *headers, size_t *n, size_t last_len);
int phr_parse_response(const char *buf, size_t len, int *minor, int *status, const char **msg, size_t *msg_len,
                       struct phr_header *headers, size_t *n, size_t last_len);
ssize_t phr_decode_chunked(struct phr_chunked_decoder *decoder, char *buf, size_t *len);

static void fuzz_start(void)
{
}

static void fuzz_sample(unsigned n, struct buf *out)
{
    static const char *const samples[] = {
        "GET /a/b?c=d HTTP/1.1\r\nHost: h:80\r\nAccept: \t*/*\t\r\nConnection: keep-alive, close\r\n\r\nGET /",
        "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
        "\r\nPUT http://[::1]:8080/x?y HTTP/1.1\r\nHost: [::1]:8080\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HEAD / HTTP/1.0\r\nConnection: Keep-Alive\r\nX-Empty:\r\n\r\n",
        "HEAD / HTTP/1.0\r\nConnection: ,Keep-Alive\r\n\r\n",
        "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"x\"\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
        "HTTP/1.0 404 Not Found\r\nConnection: keep-alive\r\n\r\n",
        "HTTP/1.1 304 \r\nContent-Length: 9\r\n\r\n",
        "a;x=\"y\"\r\n0123456789\r\n0001\r\nz\r\n0;e\r\nA: b\r\nC:\r\n\r\nGET /",
        "1\r\na\r\n1\r\nb\r\n1\r\nc\r\n0\r\n\r\n",
    };

    buf_add_str(out, samples[n % (sizeof(samples) / sizeof(samples[0]))]);
}

/* ---- http_parser ---- */

/* http_parser leaves blanks behind a value. */
static void same_fields_heard(const struct fields *f, struct heard *h)
{
    struct slice rest = buf_slice(&h->fields), name, value;

    for (size_t i = 0; i < f->n; i++) {
        bool both = slice_split(&rest, 0, &name) && slice_split(&rest, 0, &value);
        assert(both && slice_eq(name, f->at[i].name) && slice_eq(slice_trim(value), f->at[i].value));
    }
    assert(rest.len == 0);
}

static bool same_length(const struct heard *h, const struct http_body *body)
{
    if (body->framing == HTTP_BODY_CHUNKED || h->chunked)
        return body->framing == HTTP_BODY_CHUNKED && h->chunked;
    return body->has_length == h->has_length;
}

/* A slip of http_parser 2.9: a name that only begins as Transfer-Encoding does is taken for it, and with a length
 * refused. */
static bool misheard(const struct fields *f)
{
    const struct slice name = SLICE_LIT("transfer-encoding");

    for (size_t i = 0; i < f->n; i++) {
        if (f->at[i].name.len > name.len && slice_eq_nocase(slice_head(f->at[i].name, name.len), name))
            return true;
    }
    return false;
}

/* Another: in a list of Connection's it skips what follows a member that is empty, no token, or the beginning of an
 * option that it knows ("Upgr"). */
static bool lists_options(const struct fields *f)
{
    for (size_t i = 0; i < f->n; i++) {
        if (slice_eq_nocase(f->at[i].name, SLICE_LIT("connection")) && !field_is_token(slice_trim(f->at[i].value)))
            return true;
    }
    return false;
}

static void differ_heard_request(struct slice in, const struct http_request *r, size_t used)
{
    struct heard h = { .head_request = false };

    heard_read(&h, false, slice_head(in, used));
    if (h.stricter) {
        heard_free(&h);
        return;
    }
    assert(!h.failed && h.headers_done && h.used == used);
    assert(slice_eq(buf_slice(&h.url), r->target) && slice_eq(slice_str(h.method), r->method_text));
    assert(h.major == 1 && (h.minor > 0) == (r->minor > 0));
    assert(same_length(&h, &r->body));
    /* Of the body all is still to come. */
    assert(r->body.framing != HTTP_BODY_LENGTH || h.done || h.left == r->body.length);
    assert(!h.done || r->body.framing == HTTP_BODY_NONE || r->body.length == 0);
    /* "close" wins with us in HTTP/1.0, too: we may close where they would not, never the other way round. */
    assert(!r->keep_alive || h.keep_alive || lists_options(&r->fields));
    same_fields_heard(&r->fields, &h);
    heard_free(&h);
}

static void differ_heard_response(struct slice in, const struct http_response *r, size_t used, bool head_request)
{
    struct heard h = { .head_request = head_request };

    heard_read(&h, true, slice_head(in, used));
    assert(!h.failed && h.headers_done && h.used == used);
    assert(h.status == r->status && h.major == 1 && (h.minor > 0) == (r->minor > 0));
    switch (r->body.framing) {
    case HTTP_BODY_NONE: assert(h.done); break;
    case HTTP_BODY_LENGTH: assert(r->body.length == 0 ? h.done : h.left == r->body.length); break;
    case HTTP_BODY_CHUNKED: assert(h.chunked && !h.done); break;
    case HTTP_BODY_UNTIL_CLOSE: assert(h.until_close); break;
    }
    same_fields_heard(&r->fields, &h);
    heard_free(&h);
}

/* ---- picohttpparser ---- */

static void same_fields_picked(const struct fields *f, const struct phr_header *headers, size_t n)
{
    assert(n == f->n);
    for (size_t i = 0; i < n; i++) {
        assert(slice_eq(slice_of(headers[i].name, headers[i].name_len), f->at[i].name));
        assert(slice_eq(slice_trim(slice_of(headers[i].value, headers[i].value_len)), f->at[i].value));
    }
}

static void differ_picked_request(struct slice in, const struct http_request *r, size_t used)
{
    struct phr_header headers[FIELDS_MAX];
    const char *method, *path;
    size_t method_len, path_len, n = FIELDS_MAX;
    int minor;

    int got = phr_parse_request((const char *)in.data, in.len, &method, &method_len, &path, &path_len, &minor, headers,
                                &n, 0);
    assert(got == (int)used);
    assert(slice_eq(slice_of(method, method_len), r->method_text) && slice_eq(slice_of(path, path_len), r->target));
    assert((minor > 0) == (r->minor > 0));
    same_fields_picked(&r->fields, headers, n);
}

/* libh2o's does not take a status line that ends behind the number: stricter than we, who take what many servers send.
 */
static bool no_blank_behind_status(struct slice in)
{
    return in.len > 12 && in.data[12] == '\r';
}

static void differ_picked_response(struct slice in, const struct http_response *r, size_t used)
{
    struct phr_header headers[FIELDS_MAX];
    const char *msg;
    size_t msg_len, n = FIELDS_MAX;
    int minor, status;

    if (no_blank_behind_status(in))
        return;
    int got = phr_parse_response((const char *)in.data, in.len, &minor, &status, &msg, &msg_len, headers, &n, 0);
    assert(got == (int)used && status == r->status && (minor > 0) == (r->minor > 0));
    assert(slice_eq(slice_of(msg, msg_len), r->reason));
    same_fields_picked(&r->fields, headers, n);
}

/* ---- the three, over one input ---- */

static void differ_request(struct slice in)
{
    struct http_request *r = malloc(sizeof(*r));
    struct http_cursor at = { 0 };
    size_t used;

    assert(r != NULL);
    if (http_parse_request(in, &at, r, &used) == 0) {
        differ_picked_request(in, r, used);
        if (!misheard(&r->fields))
            differ_heard_request(in, r, used);
    }
    free(r);
}

static void differ_response(struct slice in)
{
    struct http_response *r = malloc(sizeof(*r));
    struct http_cursor at = { 0 };
    size_t used;

    assert(r != NULL);
    if (http_parse_response(in, &at, false, r, &used) == 0) {
        differ_picked_response(in, r, used);
        if (!misheard(&r->fields))
            differ_heard_response(in, r, used, false);
    }
    at = (struct http_cursor){ 0 };
    if (http_parse_response(in, &at, true, r, &used) == 0 && !misheard(&r->fields))
        differ_heard_response(in, r, used, true);
    free(r);
}

static void differ_chunked(struct slice in)
{
    static const char head[] = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";
    struct buf ours = BUF_EMPTY, message = BUF_EMPTY;
    struct slice rest = in, data;
    struct http_chunked c;

    http_chunked_init(&c);
    while (http_chunked_read(&c, &rest, &data) == 0 && !http_chunked_done(&c))
        buf_add_slice(&ours, data);
    if (!http_chunked_done(&c)) {
        buf_free(&ours);
        return;
    }
    struct phr_chunked_decoder pico = { .consume_trailer = 1 };
    uint8_t *copy = fuzz_copy(in.data, in.len);
    size_t len = in.len;
    ssize_t left = phr_decode_chunked(&pico, (char *)copy, &len);
    assert(left == (ssize_t)rest.len && slice_eq(slice_of(copy, len), buf_slice(&ours)));
    free(copy);

    struct heard h = { .head_request = false };
    buf_add_str(&message, head);
    buf_add_slice(&message, in);
    heard_read(&h, false, buf_slice(&message));
    if (!h.stricter) {
        assert(h.done && h.used == message.len - rest.len);
        assert(slice_eq(buf_slice(&h.body), buf_slice(&ours)));
    }
    heard_free(&h);
    buf_free(&message);
    buf_free(&ours);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t *copy = fuzz_copy(data, len);
    struct slice in = slice_of(copy, len);

    differ_request(in);
    differ_response(in);
    differ_chunked(in);
    free(copy);
    return 0;
}
