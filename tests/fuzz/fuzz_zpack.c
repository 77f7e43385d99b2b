/* The first four bytes promise a length, the rest is a frame: whatever is taken is exactly
 * so long. And what is packed here comes back, or what got a head because it does not pack. */
#include "proto/base/err.h"
#include "proto/zpack.h"
#include "tests/fuzz/fuzz.h"

#define RAW_MAX (512u * 1024)

static struct zpack *z;

static void fuzz_start(void)
{
    z = zpack_new();
    assert(z != NULL);
}

static void fuzz_sample(unsigned n, struct buf *b)
{
    uint8_t raw[4096];
    size_t len = ZPACK_MIN + n % (sizeof(raw) - ZPACK_MIN);

    for (size_t i = 0; i < len; i++)
        raw[i] = (uint8_t)(i * (n % 5) / 7 + n);
    buf_add_u32(b, (uint32_t)len);
    zpack_deflate(z, slice_of(raw, len), b);
}

static void round_trip(struct slice raw)
{
    struct buf packed = BUF_EMPTY;
    int err = zpack_deflate(z, raw, &packed);

    assert(err == 0 ? packed.len < raw.len : err == MESH_E_NO_GAIN && packed.len == 0);
    if (err != 0 && raw.len > 0 && raw.len <= ZPACK_RAW_MAX) {
        zpack_raw_head(buf_reserve(&packed, ZPACK_RAW_HEAD), raw.len);
        packed.len = ZPACK_RAW_HEAD;
        buf_add_slice(&packed, raw);
    }
    if (packed.len > 0) {
        uint8_t *back = malloc(raw.len);
        assert(back != NULL && buf_ok(&packed));
        err = zpack_inflate(z, buf_slice(&packed), back, raw.len);
        assert(err == 0 && memcmp(back, raw.data, raw.len) == 0);
        free(back);
    }
    buf_free(&packed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 4)
        return 0;
    size_t raw_len = be32_get(data) % RAW_MAX;
    uint8_t *copy = fuzz_copy(data + 4, size - 4), *raw = malloc(raw_len > 0 ? raw_len : 1);
    assert(raw != NULL);
    int err = zpack_inflate(z, slice_of(copy, size - 4), raw, raw_len);
    assert(err == 0 || err == MESH_E_SYNTAX || err == MESH_E_RANGE);
    if (err == 0) {
        fuzz_touch(slice_of(raw, raw_len));
        err = raw_len > 0 ? zpack_inflate(z, slice_of(copy, size - 4), raw, raw_len - 1) : MESH_E_RANGE;
        assert(err != 0);
    }
    round_trip(slice_of(copy, size - 4));
    free(raw);
    free(copy);
    return 0;
}
