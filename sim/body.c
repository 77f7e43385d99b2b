#include "sim/body.h"

#include <stdio.h>

#include "proto/base/err.h"
#include "proto/base/rand.h"
#include "sim/digits.h"
#include "sim/workload.h"

#define LEAF (64u << 10)

enum { OF_SIZE = 1, OF_EDGE, OF_CHUNKED, OF_NO_STORE, OF_BYTES, OF_DATE };

static uint64_t draw(const struct scenario *sc, uint64_t key, uint64_t purpose)
{
    struct rand r = rand_of(sc->seed, key, 0xb0d9 + purpose);
    return rand_u64(&r);
}

/* What a log says of |key|; NULL: nothing is replayed. */
static const struct workload_key *logged(const struct scenario *sc, uint64_t key)
{
    return sc->load != NULL && key <= sc->load->keys_n ? &sc->load->keys[key - 1] : NULL;
}

/* One key in eight has a size at an edge: of nothing, or of a leaf. */
static bool edge_size(const struct scenario *sc, uint64_t key, uint64_t *size)
{
    static const uint64_t edges[] = { 0, 1, LEAF - 1, LEAF, LEAF + 1, 2 * LEAF, 4 * LEAF, 16 * LEAF };
    uint64_t r = draw(sc, key, OF_EDGE);

    *size = edges[r / 8 % (sizeof(edges) / sizeof(edges[0]))];
    return r % 8 == 0 && *size >= sc->size_min && *size <= sc->size_max;
}

uint64_t body_size(const struct scenario *sc, uint64_t key)
{
    uint64_t r = draw(sc, key, OF_SIZE), low = sc->size_min > 0 ? sc->size_min : 1, size;
    unsigned doublings = 0;

    if (logged(sc, key) != NULL && logged(sc, key)->bytes != WORKLOAD_UNKNOWN)
        return logged(sc, key)->bytes;
    if (sc->size_max == 0)
        return 0;
    if (edge_size(sc, key, &size))
        return size;
    while (low << (doublings + 1) <= sc->size_max)
        doublings++;
    low <<= r % (doublings + 1);
    uint64_t high = 2 * low - 1 < sc->size_max ? 2 * low - 1 : sc->size_max;
    return low + (r >> 16) % (high - low + 1);
}

bool body_chunked(const struct scenario *sc, uint64_t key)
{
    return draw(sc, key, OF_CHUNKED) % 1000000 < sc->chunked;
}

bool body_no_store(const struct scenario *sc, uint64_t key)
{
    if (logged(sc, key) != NULL && logged(sc, key)->max_age_s != WORKLOAD_UNSAID)
        return logged(sc, key)->max_age_s == 0;
    return draw(sc, key, OF_NO_STORE) % 1000000 < sc->no_store;
}

bool body_dated(const struct scenario *sc, uint64_t key)
{
    return draw(sc, key, OF_DATE) % 1000000 < sc->last_modified;
}

mesh_ns body_max_age(const struct scenario *sc, uint64_t key)
{
    if (logged(sc, key) != NULL && logged(sc, key)->max_age_s != WORKLOAD_UNSAID)
        return (mesh_ns)logged(sc, key)->max_age_s * SEC(1);
    return (mesh_ns)sc->max_age;
}

/* A third of the keys does not pack, a third packs to about half, a third to little: |kind|. */
static inline uint64_t word_at(uint64_t base, uint64_t kind, uint64_t i)
{
    switch (kind) {
    case 0: return rand_mix(base + i * UINT64_C(0x9e3779b97f4a7c15));
    case 1: return (rand_mix(base ^ i) & UINT64_C(0x0f0f0f0f0f0f0f0f)) + UINT64_C(0x6161616161616161);
    default: return (rand_mix(base ^ (i / 32)) & UINT64_C(0x0f0f0f0f0f0f0f0f)) + UINT64_C(0x4141414141414141);
    }
}

static inline void put_word(uint8_t *out, uint64_t w)
{
    for (unsigned byte = 0; byte < 8; byte++)
        out[byte] = (uint8_t)(w >> (8 * byte));
}

/* |n| words from number |i| on. */
static void fill_words(uint64_t base, uint64_t i, uint8_t *out, size_t n)
{
    uint64_t kind = base % 3;

    if (kind < 2) {
        for (; n > 0; n--, i++, out += 8)
            put_word(out, word_at(base, kind, i));
        return;
    }
    while (n > 0) { /* 32 of them are alike */
        uint64_t w = word_at(base, kind, i), alike = 32 - i % 32;
        for (; alike > 0 && n > 0; alike--, n--, i++, out += 8)
            put_word(out, w);
    }
}

void body_fill(const struct scenario *sc, uint64_t key, uint64_t version, uint64_t at, uint8_t *out, size_t n)
{
    uint64_t base = draw(sc, key, OF_BYTES) + 3 * version; /* it packs as well as the others */

    while (n > 0) {
        size_t words = at % 8 == 0 ? n / 8 : 0, took = 8 * words;
        uint8_t word[8];
        fill_words(base, at / 8, out, words);
        if (words == 0) { /* at its ends */
            fill_words(base, at / 8, word, 1);
            took = 8 - (size_t)(at % 8) < n ? 8 - (size_t)(at % 8) : n;
            memcpy(out, word + at % 8, took);
        }
        out += took;
        at += took;
        n -= took;
    }
}

bool body_same(const struct scenario *sc, uint64_t key, uint64_t version, uint64_t at, struct slice got)
{
    uint8_t want[1024];

    while (got.len > 0) {
        size_t n = got.len < sizeof(want) ? got.len : sizeof(want);
        body_fill(sc, key, version, at, want, n);
        if (memcmp(want, got.data, n) != 0)
            return false;
        got = slice_from(got, n);
        at += n;
    }
    return true;
}

struct slice body_path(uint64_t key, char path[BODY_PATH_MAX])
{
    char *end = digits_put(digits_word(path, SLICE_LIT("/k/")), key);

    *end = '\0';
    return slice_of(path, (size_t)(end - path));
}

uint64_t body_key(const struct scenario *sc, struct slice path)
{
    uint64_t key;

    if (!slice_eq(slice_head(path, 3), SLICE_LIT("/k/")) || slice_u64(slice_from(path, 3), &key) != 0)
        return 0;
    return key <= sc->keys ? key : 0;
}

struct slice body_etag(const struct scenario *sc, uint64_t key, uint64_t version, char text[BODY_ETAG_MAX])
{
    int n = snprintf(text, BODY_ETAG_MAX, "\"%llu-%llu-%llu\"", (unsigned long long)key,
                     (unsigned long long)body_size(sc, key), (unsigned long long)version);
    return slice_of(text, (size_t)n);
}

int body_version(const struct scenario *sc, uint64_t key, struct slice etag, uint64_t *version)
{
    char text[BODY_ETAG_MAX];
    size_t at = etag.len;

    while (at > 0 && etag.data[at - 1] != '-')
        at--;
    if (at == 0 || slice_u64(slice_head(slice_from(etag, at), etag.len - at - 1), version) != 0 ||
        !slice_eq(body_etag(sc, key, *version, text), etag))
        return MESH_E_SYNTAX;
    return 0;
}

uint64_t body_tag(uint64_t key)
{
    return key % BODY_TAGS;
}

struct slice body_tag_text(uint64_t tag, char text[BODY_PATH_MAX])
{
    int n = snprintf(text, BODY_PATH_MAX, "t%llu", (unsigned long long)(tag % BODY_TAGS));
    return slice_of(text, (size_t)n);
}
