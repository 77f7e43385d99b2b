/* fuzz_http_response.c - an origin's bytes as a response head: the pieces say what the whole
 * says, and what is accepted survives being written for a viewer and being read again. */
#include "node/http/serialise.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/http_describe.h"

static void fuzz_start(void)
{
}

static void fuzz_sample(unsigned n, struct buf *out)
{
    static const char *const samples[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: \"x\"\r\n\r\nhello",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n",
        "HTTP/1.0 404 Not Found\r\nConnection: keep-alive\r\n\r\n",
        "HTTP/1.1 204\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 304 \r\nContent-Length: 9\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n",
    };

    buf_add_str(out, samples[n % (sizeof(samples) / sizeof(samples[0]))]);
}

static void same_in_pieces(const uint8_t *data, size_t len, size_t cut, const bool *head)
{
    struct http_cursor at = { 0 }, fresh = { 0 };
    int err, want_err;

    struct buf got = describe_call(data, cut, &at, head, true, &err);
    if (err == MESH_E_SHORT) {
        buf_free(&got);
        got = describe_call(data, len, &at, head, true, &err);
    } else if (err == 0) {
        len = cut;
    }
    struct buf want = describe_call(data, len, &fresh, head, true, &want_err);
    assert(err == want_err && slice_eq(buf_slice(&got), buf_slice(&want)));
    buf_free(&got);
    buf_free(&want);
}

static void survives_writing(const struct http_response *r, bool head_request)
{
    struct http_response *again = malloc(sizeof(*again));
    struct buf out = BUF_EMPTY;
    struct http_cursor at = { 0 };
    size_t used = 0;

    assert(again != NULL);
    bool interim = r->status < 200;
    struct http_response_head head = { r->status, 1, &r->fields, r->body, !r->keep_alive, SLICE_EMPTY, SLICE_EMPTY };
    assert(http_put_response(&out, &head) == 0);
    int err = http_parse_response(buf_slice(&out), &at, head_request, again, &used);
    assert(err == 0 || (err == MESH_E_FULL && r->fields.n + 2 > FIELDS_MAX) || out.len > HTTP_RESPONSE_HEAD_MAX);
    if (err == 0) {
        assert(used == out.len && again->status == r->status && again->body.framing == r->body.framing);
        assert(interim || r->status == 204 || again->body.length == r->body.length);
        assert(interim || again->keep_alive == r->keep_alive);
    }
    buf_free(&out);
    free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct http_response *r = malloc(sizeof(*r));
    struct http_cursor at = { 0 };
    size_t used = 0;

    assert(r != NULL);
    size_t hash = fuzz_hash(data, len);
    bool head = (hash & 1) != 0; /* it answers HEAD */
    same_in_pieces(data, len, (hash >> 1) % (len + 1), &head);
    int err = http_parse_response(slice_of(data, len), &at, head, r, &used);
    if (err == 0) {
        assert(used <= len && used <= HTTP_RESPONSE_HEAD_MAX && r->status >= 100 && r->status <= 599);
        bool bodiless = head || r->status < 200 || r->status == 204 || r->status == 304;
        assert(!bodiless || r->body.framing == HTTP_BODY_NONE);
        assert(!r->keep_alive || r->body.framing != HTTP_BODY_UNTIL_CLOSE);
        survives_writing(r, head);
    } else if (err != MESH_E_SHORT) {
        assert(r->fault.status == 502 && r->fault.reason != NULL && used == 0);
    }
    free(r);
    return 0;
}
