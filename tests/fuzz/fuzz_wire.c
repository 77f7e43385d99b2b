/* The scan and the decoder: canonical implies plain, the library takes exactly what the
 * scan lets through, and a canonical value encodes to its own bytes again. */
#include "proto/base/err.h"
#include "proto/wire.h"
#include "tests/fuzz/fuzz.h"

#include <msgpack.h>

static void fuzz_start(void)
{
}

static void fuzz_sample(unsigned n, struct buf *b)
{
    wire_put_map(b, 3);
    wire_put_u64(b, 1);
    wire_put_bin(b, SLICE_LIT("bytes"));
    wire_put_u64(b, 2);
    wire_put_array(b, 4);
    wire_put_u64(b, UINT64_C(1) << (n % 64));
    wire_put_i64(b, INT64_MIN >> (n % 64));
    wire_put_str(b, SLICE_LIT("text"));
    wire_put_bool(b, n % 2 == 0);
    wire_put_u64(b, 300);
    wire_put_map(b, 0);
}

static void encode(struct buf *b, const wire_value *v)
{
    switch (v->type) {
    case MSGPACK_OBJECT_BOOLEAN: wire_put_bool(b, v->via.boolean); break;
    case MSGPACK_OBJECT_POSITIVE_INTEGER: wire_put_u64(b, v->via.u64); break;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER: wire_put_i64(b, v->via.i64); break;
    case MSGPACK_OBJECT_STR: wire_put_str(b, slice_of(v->via.str.ptr, v->via.str.size)); break;
    case MSGPACK_OBJECT_BIN: wire_put_bin(b, slice_of(v->via.bin.ptr, v->via.bin.size)); break;
    case MSGPACK_OBJECT_ARRAY:
        wire_put_array(b, v->via.array.size);
        for (uint32_t i = 0; i < v->via.array.size; i++)
            encode(b, &v->via.array.ptr[i]);
        break;
    case MSGPACK_OBJECT_MAP:
        wire_put_map(b, v->via.map.size);
        for (uint32_t i = 0; i < v->via.map.size; i++) {
            encode(b, &v->via.map.ptr[i].key);
            encode(b, &v->via.map.ptr[i].val);
        }
        break;
    default: assert(!"a type that the scan refuses");
    }
}

/* Any field may be asked for, of whatever type it is. */
static void ask(const wire_value *v, int depth)
{
    const wire_value *array;
    struct slice s;
    uint64_t u;
    int64_t i;
    bool b;
    uint8_t fixed[16];
    size_t n;

    for (uint64_t key = 0; key < 12; key++) {
        wire_u64(v, key, &u);
        wire_i64(v, key, &i);
        wire_bool(v, key, &b);
        if (wire_bin(v, key, &s) == 0 || wire_str(v, key, &s) == 0)
            fuzz_touch(s);
        wire_fixed(v, key, fixed, sizeof(fixed));
        if (wire_array(v, key, &array, &n) != 0)
            continue;
        for (size_t k = 0; k < n && depth < WIRE_DEPTH_MAX; k++)
            ask(wire_at(array, k), depth + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = fuzz_copy(data, size);
    struct slice s = slice_of(copy, size);
    size_t used = 0, used_canonical = 0;
    int err = wire_scan(s, false, &used), err_canonical = wire_scan(s, true, &used_canonical);

    assert(err == 0 || err == MESH_E_SHORT || err == MESH_E_RANGE || err == MESH_E_SYNTAX);
    assert(err_canonical != 0 || (err == 0 && used == used_canonical));
    for (int canonical = 0; canonical < 2; canonical++) {
        struct wire w;
        struct buf again = BUF_EMPTY;
        int want = canonical ? err_canonical : err;
        if (want == 0 && used != size)
            want = MESH_E_SYNTAX;
        int got = wire_open(&w, s, canonical);
        assert(got == want);
        if (got == 0) {
            ask(w.root, 0);
            encode(&again, w.root);
            assert(!canonical || slice_eq(buf_slice(&again), s));
        }
        wire_close(&w);
        buf_free(&again);
    }
    free(copy);
    return 0;
}
