#include "sim/trace_hash.h"

#include <stdio.h>

#include "proto/base/buf.h"

const char *note_word(enum note n)
{
    static const char *const words[] = {
#define X(name, word) [NOTE_##name] = (word),
        NOTES(X)
#undef X
    };
    return words[n];
}

void trace_hash_init(struct trace_hash *h)
{
    digest_one(&h->at, SLICE_LIT("hedgerow trace 1"));
    h->events = 0;
}

void trace_hash_add(struct trace_hash *h, mesh_ns now, enum note kind, uint32_t node, struct slice bytes)
{
    uint8_t frame[8 + 1 + 4 + 8];

    be64_put(frame, (uint64_t)now);
    frame[8] = (uint8_t)kind;
    be32_put(frame + 9, node);
    be64_put(frame + 13, bytes.len);
    const struct slice parts[] = { SLICE_OF(h->at.bytes), SLICE_OF(frame), bytes };
    digest_of(&h->at, parts, sizeof(parts) / sizeof(parts[0]));
    h->events++;
}

const char *trace_hash_text(const struct trace_hash *h, char text[TRACE_HASH_TEXT_MAX])
{
    for (size_t i = 0; i < (TRACE_HASH_TEXT_MAX - 1) / 2; i++)
        snprintf(text + 2 * i, 3, "%02x", h->at.bytes[i]);
    return text;
}
