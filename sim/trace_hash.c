#include "sim/trace_hash.h"

#include <stdio.h>

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
    *h = (struct trace_hash){ .at = { 1, 2 } };
    mark_bytes(&h->at, (const uint8_t *)"hedgerow trace 3", 16);
}

void trace_hash_add(struct trace_hash *h, mesh_ns now, enum note kind, uint32_t node, struct slice bytes)
{
    struct mark m = h->at;

    mark_word(&m, (uint64_t)now);
    mark_word(&m, (uint64_t)kind << 32 | node);
    mark_bytes(&m, bytes.data, bytes.len);
    h->at = m;
    h->events++;
    h->of_kind[kind]++;
}

const char *trace_hash_text(const struct trace_hash *h, char text[TRACE_HASH_TEXT_MAX])
{
    uint8_t raw[(TRACE_HASH_TEXT_MAX - 1) / 2];

    mark_put(h->at, raw, sizeof(raw));
    for (size_t i = 0; i < sizeof(raw); i++)
        snprintf(text + 2 * i, 3, "%02x", raw[i]);
    return text;
}
