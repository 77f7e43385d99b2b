/* fuzz_chunked.c - anybody's bytes as a chunked body, whole and in two pieces: the same data,
 * the same end, the same fault; and never more data than bytes. */
#include "node/http/chunked.h"
#include "proto/base/err.h"
#include "tests/fuzz/fuzz.h"

static void fuzz_start(void)
{
}

static void fuzz_sample(unsigned n, struct buf *out)
{
    static const char *const samples[] = {
        "5\r\nhello\r\n0\r\n\r\n",
        "a;x=\"y\"\r\n0123456789\r\n0001\r\nz\r\n0;e\r\nA: b\r\nC:\r\n\r\nGET /",
        "ffffffff\r\nabc",
        "7fffffffffffffff\r\n",
        "1\r\na\r\n1\r\nb\r\n1\r\nc\r\n",
    };

    buf_add_str(out, samples[n % (sizeof(samples) / sizeof(samples[0]))]);
}

/* Reads |bytes| from an exact copy; |*left| is what it leaves. */
static int feed(struct http_chunked *c, const uint8_t *bytes, size_t len, struct buf *out, size_t *left)
{
    uint8_t *copy = fuzz_copy(bytes, len);
    struct slice data;
    int err;

    struct slice in = slice_of(copy, len);
    while ((err = http_chunked_read(c, &in, &data)) == 0 && !http_chunked_done(c)) {
        assert(data.len > 0 && data.data >= copy && data.data + data.len <= copy + len);
        buf_add_slice(out, data);
    }
    *left = in.len;
    assert(err != MESH_E_SHORT || in.len == 0);
    free(copy);
    return err;
}

/* Gathering must make no difference, in a room of whatever size. */
static void gathered_is_the_same(const uint8_t *bytes, size_t len, int want, const struct buf *plain, size_t left)
{
    size_t room_len = 4 + fuzz_hash(bytes, len) % 61;
    uint8_t *copy = fuzz_copy(bytes, len), *room = malloc(room_len);
    struct slice in = slice_of(copy, len), data;
    struct buf out = BUF_EMPTY;
    struct http_chunked c;
    int err;

    assert(room != NULL);
    http_chunked_init(&c);
    do {
        err = http_chunked_gather(&c, &in, &data, room, room_len);
        assert(err != 0 || data.len > 0 || http_chunked_done(&c));
        buf_add_slice(&out, data);
    } while (err == 0 && !http_chunked_done(&c));
    assert(err == want && in.len == left && slice_eq(buf_slice(&out), buf_slice(plain)));
    buf_free(&out);
    free(room);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct http_chunked whole, pieces;
    struct buf a = BUF_EMPTY, b = BUF_EMPTY;
    size_t left_a, left_b;

    size_t cut = fuzz_hash(data, len) % (len + 1);
    http_chunked_init(&whole);
    http_chunked_init(&pieces);
    int err_a = feed(&whole, data, len, &a, &left_a);
    int err_b = feed(&pieces, data, cut, &b, &left_b);
    if (err_b == MESH_E_SHORT)
        err_b = feed(&pieces, data + cut, len - cut, &b, &left_b);
    else
        left_b += len - cut;
    assert(err_a == err_b && left_a == left_b && slice_eq(buf_slice(&a), buf_slice(&b)));
    gathered_is_the_same(data, len, err_a, &a, left_a);
    assert(a.len <= whole.data_bytes && a.len + whole.other_bytes + left_a == len);
    assert(err_a == 0 || err_a == MESH_E_SHORT || whole.reason != NULL);
    assert(err_a != 0 || a.len == whole.data_bytes);
    buf_free(&a);
    buf_free(&b);
    return 0;
}
