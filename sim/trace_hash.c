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
    digest_one(&h->at, SLICE_LIT("hedgerow trace 2"));
    h->events = 0;
    memset(h->of_kind, 0, sizeof(h->of_kind));
    h->waiting = 0;
}

/* The next link: over what waits, and |more| behind it. */
static struct digest link_of(const struct trace_hash *h, struct slice more)
{
    const struct slice parts[] = { SLICE_OF(h->at.bytes), slice_of(h->batch, h->waiting), more };
    struct digest d;

    digest_of(&d, parts, sizeof(parts) / sizeof(parts[0]));
    return d;
}

static void link_add(struct trace_hash *h, struct slice more)
{
    h->at = link_of(h, more);
    h->waiting = 0;
}

void trace_hash_add(struct trace_hash *h, mesh_ns now, enum note kind, uint32_t node, struct slice bytes)
{
    uint8_t frame[8 + 1 + 4 + 8];

    be64_put(frame, (uint64_t)now);
    frame[8] = (uint8_t)kind;
    be32_put(frame + 9, node);
    be64_put(frame + 13, bytes.len);
    if (h->waiting + sizeof(frame) > TRACE_BATCH)
        link_add(h, SLICE_EMPTY);
    memcpy(h->batch + h->waiting, frame, sizeof(frame));
    h->waiting += sizeof(frame);
    if (h->waiting + bytes.len > TRACE_BATCH) {
        link_add(h, bytes);
    } else if (bytes.len > 0) {
        memcpy(h->batch + h->waiting, bytes.data, bytes.len);
        h->waiting += bytes.len;
    }
    h->events++;
    h->of_kind[kind]++;
}

const char *trace_hash_text(const struct trace_hash *h, char text[TRACE_HASH_TEXT_MAX])
{
    struct digest d = link_of(h, SLICE_EMPTY);

    for (size_t i = 0; i < (TRACE_HASH_TEXT_MAX - 1) / 2; i++)
        snprintf(text + 2 * i, 3, "%02x", d.bytes[i]);
    return text;
}
