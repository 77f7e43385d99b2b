#include "gossip/sums.h"

#include <assert.h>
#include <string.h>

#include "proto/base/err.h"
#include "proto/base/rand.h"

#define MEMBERS_EACH 8 /* in a bucket, about: so the sums of 1,000 members are 1.5 KB, and what they find 500 bytes */

static bool is_count(size_t n)
{
    return n >= SUMS_MIN && n <= SUMS_MAX && (n & (n - 1)) == 0;
}

/* Ids are hashes of keys: all of their bytes are as good. */
static size_t bucket_of(const struct node_id *id, size_t n)
{
    size_t b = 0;

    for (size_t i = 0; i < NODE_ID_BYTES; i++)
        b ^= id->bytes[i];
    return b & (n - 1);
}

size_t sums_wanted(size_t members)
{
    size_t n = SUMS_MIN;

    while (n < SUMS_MAX && n * MEMBERS_EACH < members)
        n *= 2;
    return n;
}

void sums_init(struct sums *s, size_t n)
{
    assert(is_count(n));
    memset(s, 0, sizeof(*s));
    s->n = n;
}

void sums_add(struct sums *s, const struct node_id *id, uint64_t record_hash, uint32_t cert)
{
    struct sum *of = &s->of[bucket_of(id, s->n)];

    of->records += record_hash;
    of->certs += cert;
}

uint32_t sums_cert(const struct node_id *id, uint64_t serial, int64_t not_after_s)
{
    return (uint32_t)rand_mix(be64_get(id->bytes) ^ rand_mix(serial ^ rand_mix((uint64_t)not_after_s)));
}

void sums_put(const struct sums *s, struct buf *b)
{
    for (size_t i = 0; i < s->n; i++) {
        buf_add_u64(b, s->of[i].records);
        buf_add_u32(b, s->of[i].certs);
    }
}

size_t sums_count(struct slice bytes)
{
    size_t n = bytes.len / SUMS_ITEM;

    return bytes.len % SUMS_ITEM == 0 && is_count(n) ? n : 0;
}

void sums_differ(const struct sums *ours, struct slice theirs, struct view_diff *out)
{
    assert(sums_count(theirs) == ours->n);
    *out = (struct view_diff){ .n = ours->n };
    for (size_t i = 0; i < ours->n; i++) {
        const uint8_t *at = theirs.data + i * SUMS_ITEM;
        bool certs = be32_get(at + 8) != ours->of[i].certs;
        if (certs || be64_get(at) != ours->of[i].records)
            out->records[i / 8] |= (uint8_t)(1 << i % 8);
        if (certs)
            out->certs[i / 8] |= (uint8_t)(1 << i % 8);
    }
}

void diff_put(const struct view_diff *d, struct buf *b)
{
    buf_add(b, d->records, d->n / 8);
    buf_add(b, d->certs, d->n / 8);
}

int diff_get(struct slice bytes, struct view_diff *out)
{
    size_t n = bytes.len * 8 / 2;

    if (bytes.len > DIFF_BYTES_MAX || bytes.len % 2 != 0 || !is_count(n))
        return MESH_E_RANGE;
    *out = (struct view_diff){ .n = n };
    memcpy(out->records, bytes.data, n / 8);
    memcpy(out->certs, bytes.data + n / 8, n / 8);
    return 0;
}

bool diff_has(const struct view_diff *d, const struct node_id *id, bool *cert)
{
    size_t b = bucket_of(id, d->n);

    *cert = (d->certs[b / 8] >> b % 8 & 1) != 0;
    return (d->records[b / 8] >> b % 8 & 1) != 0;
}
