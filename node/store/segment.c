#include "node/store/segment.h"

#include <assert.h>
#include <xxhash.h>

/* A head:      0 magic  4 kind  5 zeros  8 length  12 segment  16 key  24 body  28 variant  32 payload's sum
 *             40 zeros  56 sum of what is before
 * A header:    0 magic  8 version  12 segment  16 the segment's bytes  20 zeros  56 sum
 * A footer:    0 magic  8 segment  12 sealed  13 zeros  16 bytes  20 covered  24 the list's sum  32 zeros  56 sum
 * In the list: 0 key  8 offset  12 length  16 body  20 variant  24 kind  25 zeros */
#define MAGIC_RECORD  0x68677263u
#define MAGIC_SEGMENT UINT64_C(0x6865646765736567)
#define MAGIC_FOOTER  UINT64_C(0x68656467656c7374)
#define SUM_AT        56

static uint64_t sum(uint64_t seed, struct slice s)
{
    return XXH3_64bits_withSeed(s.data, s.len, seed);
}

static void close_block(uint8_t block[STORE_UNIT], uint64_t seed)
{
    be64_put(block + SUM_AT, sum(seed, slice_of(block, SUM_AT)));
}

static bool block_sound(const uint8_t block[STORE_UNIT], uint64_t seed)
{
    return be64_get(block + SUM_AT) == sum(seed, slice_of(block, SUM_AT));
}

/* ---- records ---- */

static bool read_head(struct record *out, uint64_t seed, const uint8_t head[STORE_UNIT])
{
    uint8_t kind = head[4];

    if (be32_get(head) != MAGIC_RECORD || !block_sound(head, seed) || kind < RECORD_ENTRY || kind > RECORD_DROP_BODY)
        return false;
    *out = (struct record){ .kind = (enum record_kind)kind,
                            .length = be32_get(head + 8),
                            .key = be64_get(head + 16),
                            .body = be32_get(head + 24),
                            .variant = be32_get(head + 28) };
    return out->length <= STORE_SEGMENT_MAX;
}

bool record_head(struct record *out, uint64_t seed, uint32_t segment, const uint8_t head[STORE_UNIT])
{
    return be32_get(head + 12) == segment && read_head(out, seed, head);
}

static void put_head(uint8_t head[STORE_UNIT], uint64_t seed, uint32_t segment, const struct record *r,
                     uint64_t payload_sum)
{
    memset(head, 0, STORE_UNIT);
    be32_put(head, MAGIC_RECORD);
    head[4] = (uint8_t)r->kind;
    be32_put(head + 8, r->length);
    be32_put(head + 12, segment);
    be64_put(head + 16, r->key);
    be32_put(head + 24, r->body);
    be32_put(head + 28, r->variant);
    be64_put(head + 32, payload_sum);
    close_block(head, seed);
}

void record_add(struct buf *out, uint64_t seed, uint32_t segment, const struct record *r, const struct slice *pieces,
                size_t n)
{
    size_t bytes = (size_t)record_bytes(r->length);
    uint8_t *at = buf_reserve(out, bytes), *end = at + bytes;

    if (at == NULL)
        return;
    uint8_t *head = at;
    at += STORE_UNIT;
    for (size_t i = 0; i < n; i++) {
        if (pieces[i].len > 0)
            memcpy(at, pieces[i].data, pieces[i].len);
        at += pieces[i].len;
    }
    assert((size_t)(at - head) == STORE_UNIT + (size_t)r->length);
    put_head(head, seed, segment, r, sum(seed, slice_of(head + STORE_UNIT, r->length)));
    memset(at, 0, (size_t)(end - at));
    out->len += bytes;
}

void record_copy(struct buf *out, uint64_t seed, uint32_t segment, struct slice whole)
{
    uint8_t *at = buf_reserve(out, whole.len);
    struct record r;

    if (at == NULL)
        return;
    bool sound = read_head(&r, seed, whole.data);
    assert(sound && whole.len == record_bytes(r.length));
    memcpy(at, whole.data, whole.len);
    put_head(at, seed, segment, &r, be64_get(whole.data + 32));
    out->len += whole.len;
}

bool record_sound(struct record *out, uint64_t seed, struct slice whole, struct slice *payload)
{
    if (whole.len < STORE_UNIT || !read_head(out, seed, whole.data) || whole.len != record_bytes(out->length))
        return false;
    *payload = slice_of(whole.data + STORE_UNIT, out->length);
    return be64_get(whole.data + 32) == sum(seed, *payload);
}

/* ---- segments ---- */

void segment_add_head(struct buf *out, uint64_t seed, uint32_t segment, uint32_t segment_bytes)
{
    uint8_t head[STORE_UNIT] = { 0 };

    be64_put(head, MAGIC_SEGMENT);
    be32_put(head + 8, STORE_VERSION);
    be32_put(head + 12, segment);
    be32_put(head + 16, segment_bytes);
    close_block(head, seed);
    buf_add(out, head, sizeof(head));
}

bool segment_head(uint64_t seed, uint32_t segment, uint32_t segment_bytes, const uint8_t head[STORE_UNIT])
{
    return be64_get(head) == MAGIC_SEGMENT && block_sound(head, seed) && be32_get(head + 8) == STORE_VERSION &&
           be32_get(head + 12) == segment && be32_get(head + 16) == segment_bytes;
}

void list_add(struct buf *list, const struct record *r, uint32_t offset)
{
    uint8_t item[STORE_LISTED_BYTES] = { 0 };

    be64_put(item, r->key);
    be32_put(item + 8, offset);
    be32_put(item + 12, r->length);
    be32_put(item + 16, r->body);
    be32_put(item + 20, r->variant);
    item[24] = (uint8_t)r->kind;
    buf_add(list, item, sizeof(item));
}

void list_item(struct record *out, uint32_t *offset, struct slice list, size_t i)
{
    const uint8_t *item = list.data + i * STORE_LISTED_BYTES;

    *out = (struct record){ .kind = (enum record_kind)item[24],
                            .length = be32_get(item + 12),
                            .key = be64_get(item),
                            .body = be32_get(item + 16),
                            .variant = be32_get(item + 20) };
    *offset = be32_get(item + 8);
}

void footer_add(struct buf *out, uint64_t seed, uint32_t segment, struct slice list, uint32_t covered, bool sealed)
{
    uint8_t footer[STORE_UNIT] = { 0 };
    size_t before = out->len;

    /* From the segment's end: readers know where that is. */
    buf_add_slice(out, list);
    be64_put(footer, MAGIC_FOOTER);
    be32_put(footer + 8, segment);
    footer[12] = sealed;
    be32_put(footer + 16, (uint32_t)list.len);
    be32_put(footer + 20, covered);
    be64_put(footer + 24, sum(seed, list));
    close_block(footer, seed);
    buf_add(out, footer, sizeof(footer));
    assert(!buf_ok(out) || out->len - before == list.len + STORE_UNIT);
}

bool footer_read(struct footer *out, uint64_t seed, uint32_t segment, uint32_t segment_bytes,
                 const uint8_t bytes[STORE_UNIT])
{
    if (be64_get(bytes) != MAGIC_FOOTER || be32_get(bytes + 8) != segment || !block_sound(bytes, seed))
        return false;
    *out = (struct footer){ .bytes = be32_get(bytes + 16),
                            .covered = be32_get(bytes + 20),
                            .sealed = bytes[12] != 0 };
    if (out->bytes % STORE_LISTED_BYTES != 0 || out->bytes > segment_bytes - 2 * STORE_UNIT)
        return false;
    out->at = segment_bytes - STORE_UNIT - out->bytes;
    return out->covered % STORE_UNIT == 0 && out->covered >= STORE_UNIT && out->covered <= out->at;
}

bool footer_list(uint64_t seed, const uint8_t footer[STORE_UNIT], struct slice list)
{
    return list.len == be32_get(footer + 16) && be64_get(footer + 24) == sum(seed, list);
}
