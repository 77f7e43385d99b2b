/* fuzz_http_request.c - anybody's bytes as a request head. They also say where it is cut: the pieces must say what the
 * whole says. What is accepted must survive being written again by us and being read again, with the same meaning. */
#include "node/http/serialise.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/http_describe.h"

static void fuzz_start(void)
{
}

static void fuzz_sample(unsigned n, struct buf *out)
{
    static const char *const samples[] = {
        "GET / HTTP/1.1\r\nHost: example.com\r\n\r\n",
        "GET /a/b?c=d HTTP/1.1\r\nHost: h:80\r\nAccept: */*\r\nConnection: keep-alive, close\r\n\r\nGET /",
        "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 12\r\nExpect: 100-continue\r\n\r\n",
        "PUT http://[::1]:8080/x?y HTTP/1.1\r\nHost: [::1]:8080\r\nTransfer-Encoding: chunked\r\n\r\n",
        "\r\nHEAD / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
        "OPTIONS * HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\nContent-Length: 1\r\n\r\n",
        "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\nUpgrade: x\r\nConnection: x-a\r\nX-A: b\r\n\r\n",
    };

    buf_add_str(out, samples[n % (sizeof(samples) / sizeof(samples[0]))]);
}

static void same_in_pieces(const uint8_t *data, size_t len, size_t cut)
{
    struct http_cursor at = { 0 }, fresh = { 0 };
    int err, want_err;

    struct buf got = describe_call(data, cut, &at, NULL, true, &err);
    if (err == MESH_E_SHORT) {
        buf_free(&got);
        got = describe_call(data, len, &at, NULL, true, &err);
    } else if (err == 0) {
        len = cut; /* what follows is not the head's affair */
    }
    struct buf want = describe_call(data, len, &fresh, NULL, true, &want_err);
    assert(err == want_err && slice_eq(buf_slice(&got), buf_slice(&want)));
    buf_free(&got);
    buf_free(&want);
}

/* Limits and framing hold for whatever is accepted. */
static void is_sound(const struct http_request *r, size_t used, size_t len)
{
    assert(used <= len && used <= HTTP_REQUEST_HEAD_MAX + 2 && r->target.len <= HTTP_TARGET_MAX);
    assert(r->body.framing != HTTP_BODY_UNTIL_CLOSE && (r->minor > 0 || r->body.framing != HTTP_BODY_CHUNKED));
    assert(r->host.len > 0 || r->minor == 0);
    for (size_t i = 0; i < r->fields.n; i++) {
        assert(r->fields.at[i].name.len > 0);
        assert(slice_eq(r->fields.at[i].value, slice_trim(r->fields.at[i].value)));
    }
}

static void survives_writing(const struct http_request *r)
{
    struct http_request *again = malloc(sizeof(*again));
    struct buf out = BUF_EMPTY;
    struct http_cursor at = { 0 };
    size_t used = 0;

    assert(again != NULL);
    struct slice host = r->authority.len > 0 ? r->authority : SLICE_LIT("h");
    struct http_request_head head = {
        r->method_text, r->target, host, &r->fields, r->body, !r->keep_alive, SLICE_EMPTY
    };
    assert(http_put_request(&out, &head) == 0);
    int err = http_parse_request(buf_slice(&out), &at, again, &used);
    /* Host and framing of our own may add a line or a few bytes. */
    assert(err == 0 || (err == MESH_E_FULL && r->fields.n + 3 > FIELDS_MAX) || out.len > HTTP_REQUEST_HEAD_MAX);
    if (err == 0) {
        assert(used == out.len && again->method == r->method && slice_eq(again->target, r->target));
        assert(again->body.framing == r->body.framing && again->body.length == r->body.length);
        assert(again->keep_alive == r->keep_alive && slice_eq(again->path, r->path) &&
               slice_eq(again->query, r->query));
        assert(slice_eq(again->host, slice_head(host, again->host.len)) && again->port == r->port);
    }
    buf_free(&out);
    free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct http_request *r = malloc(sizeof(*r));
    struct http_cursor at = { 0 };
    size_t used = 0;

    assert(r != NULL);
    same_in_pieces(data, len, fuzz_hash(data, len) % (len + 1));
    int err = http_parse_request(slice_of(data, len), &at, r, &used);
    if (err == 0) {
        is_sound(r, used, len);
        survives_writing(r);
    } else if (err != MESH_E_SHORT) {
        assert(r->fault.status >= 400 && r->fault.status <= 505 && r->fault.reason != NULL && used == 0);
    }
    free(r);
    return 0;
}
