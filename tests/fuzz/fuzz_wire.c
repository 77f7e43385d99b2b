/* fuzz_wire.c - the scan and the library agree, and fields of any value can be asked for. */
#include <stdlib.h>

#include "proto/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

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
        wire_bin(v, key, &s);
        wire_str(v, key, &s);
        wire_fixed(v, key, fixed, sizeof(fixed));
        if (wire_array(v, key, &array, &n) != 0)
            continue;
        for (size_t k = 0; k < n && depth < WIRE_DEPTH_MAX; k++)
            ask(wire_at(array, k), depth + 1);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct slice s = slice_of(data, len);
    struct wire w;
    size_t used;

    int strict = wire_scan(s, true, &used);
    int loose = wire_scan(s, false, &used);
    if (strict == 0 && loose != 0)
        abort(); /* canonical is a part of the dialect */
    if (wire_open(&w, s, false) == 0)
        ask(w.root, 0);
    wire_close(&w);
    return 0;
}
