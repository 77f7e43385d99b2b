#include "node/admin/query.h"

#include "proto/base/slice.h"

bool query_get(struct slice query, const char *name, struct buf *out)
{
    struct slice part, key;

    while (slice_split(&query, '&', &part)) {
        if (!slice_split(&part, '=', &key) || !slice_eq(key, slice_str(name)))
            continue;
        for (size_t i = 0; i < part.len; i++) {
            int high = i + 2 < part.len ? hex_digit(part.data[i + 1]) : -1;
            int low = i + 2 < part.len ? hex_digit(part.data[i + 2]) : -1;
            bool coded = part.data[i] == '%' && high >= 0 && low >= 0;
            buf_add_u8(out, coded ? (uint8_t)(high << 4 | low) : part.data[i]);
            i += coded ? 2 : 0;
        }
        return out->len > 0;
    }
    return false;
}
