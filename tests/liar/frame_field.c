#include "tests/liar/frame_field.h"

#include "proto/msg.h"

#define KEYS_MAX 10

static const char *const head_fields[KEYS_MAX] = { NULL,          "form",      "head",        "age",    "signer",
                                                   "certificate", "signature", "uncacheable", "length", "leaf" };
static const char *const object_fields[KEYS_MAX] = { NULL,           "head.key",    "head.generation", "head.status",
                                                     "head.fetched", "head.fields", "head.length" };
static const char *const batch_fields[KEYS_MAX] = { NULL, "first", "hashes", "length", "signature", "before" };

/* Of a map of small keys: the field that byte |at| lies in; where it begins goes to |*value|. */
static const char *in_map(struct slice map, size_t at, const char *const names[KEYS_MAX], size_t *value)
{
    size_t begin = 1, len; /* behind the map's header, one byte for so few fields */

    while (begin < map.len && at >= begin) {
        uint8_t key = map.data[begin];
        if (key >= KEYS_MAX || names[key] == NULL || wire_scan(slice_from(map, begin + 1), true, &len) != 0)
            return "map";
        if (at < begin + 1 + len) {
            *value = begin + 1;
            return names[key];
        }
        begin += 1 + len;
    }
    return "map";
}

/* The object's head lies inside HEAD as bytes behind a header of two or three. */
static const char *in_head(struct slice body, size_t at)
{
    size_t value = 0, inner = 0;
    const char *name = in_map(body, at, head_fields, &value);

    if (name != head_fields[2] || at < value)
        return name;
    size_t header = body.data[value] == 0xc4 ? 2 : 3;
    if (at < value + header)
        return name;
    return in_map(slice_from(body, value + header), at - value - header, object_fields, &inner);
}

const char *frame_field(struct slice frame, size_t at)
{
    size_t value = 0;

    if (frame.len < MSG_HEAD_BYTES || at >= frame.len)
        return "";
    if (at < MSG_HEAD_BYTES)
        return at == 0 ? "type" : "stream";
    struct slice body = slice_from(frame, MSG_HEAD_BYTES);
    at -= MSG_HEAD_BYTES;
    switch (frame.data[0]) {
    case MSG_HEAD: return in_head(body, at);
    case MSG_LEAF_BATCH: return in_map(body, at, batch_fields, &value);
    case MSG_LEAF: return at < 4 ? "index" : at == 4 ? "encoding" : at < 9 ? "length" : "bytes";
    case MSG_SLIP: return at < 4 ? "index" : at < 8 ? "offset" : at < 8 + SIGNATURE_BYTES ? "signature" : "bytes";
    default: return "";
    }
}
