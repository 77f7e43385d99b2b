#include "proto/base/map.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>

#include "proto/base/err.h"

__extension__ typedef unsigned __int128 u128;

#define LINE_BYTES 64
#define CHAINS     7
#define LOAD       6 /* nodes of a chunk, on average, at the most */
#define CHUNKS_MIN 2
#define ASTRAY_MAX UINT8_MAX /* stays there: some more may have come */

/* All nodes of one tag are in one chain: that of their tag or, while there is none, the one that the tag's number
 * names. It has then another tag, and they are astray. So of equal hashes the latest is always met first. */
struct map_chunk {
    uint8_t tags[CHAINS]; /* 0: no chain */
    uint8_t astray;       /* nodes */
    struct map_node *chains[CHAINS];
};
static_assert(sizeof(void *) > 8 || sizeof(struct map_chunk) <= LINE_BYTES, "a chunk is a cache line");

static struct map_chunk *chunks_new(size_t n)
{
    struct map_chunk *chunks = aligned_alloc(LINE_BYTES, n * LINE_BYTES);

    if (chunks != NULL)
        memset(chunks, 0, n * LINE_BYTES);
    return chunks;
}

int map_init(struct map *m, const uint8_t key[MAP_KEY_BYTES])
{
    m->chunks = chunks_new(CHUNKS_MIN);
    if (m->chunks == NULL)
        return MESH_E_NOMEM;
    m->chunks_n = CHUNKS_MIN;
    m->count = 0;
    memcpy(m->key, key, MAP_KEY_BYTES);
    m->mix[0] = map_hash(m, SLICE_LIT("first"));
    m->mix[1] = map_hash(m, SLICE_LIT("second"));
    return 0;
}

void map_fini(struct map *m)
{
    free(m->chunks);
    m->chunks = NULL;
    m->chunks_n = m->count = 0;
}

uint64_t map_hash(const struct map *m, struct slice key)
{
    uint8_t raw[crypto_shorthash_BYTES];
    uint64_t hash;

    crypto_shorthash(raw, key.data, key.len, m->key);
    memcpy(&hash, raw, sizeof(hash));
    return hash;
}

uint64_t map_hash_digest(const struct map *m, const uint8_t digest[16])
{
    uint64_t half[2];

    memcpy(half, digest, sizeof(half));
    u128 product = (u128)(half[0] ^ m->mix[0]) * (half[1] ^ m->mix[1]);
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

size_t map_table_bytes(const struct map *m)
{
    return m->chunks_n * LINE_BYTES;
}

static struct map_chunk *chunk_of(const struct map *m, uint64_t hash)
{
    return &m->chunks[hash & (m->chunks_n - 1)];
}

static uint8_t tag_of(uint64_t hash)
{
    uint8_t tag = (uint8_t)(hash >> 56);
    return tag != 0 ? tag : 1;
}

/* The chain with |tag|, or CHAINS. No branch depends on which it is: that would be guessed wrong most of the time. */
static unsigned tagged(const struct map_chunk *c, uint8_t tag)
{
    unsigned bits = 1u << CHAINS;

    for (unsigned i = 0; i < CHAINS; i++)
        bits |= (unsigned)(c->tags[i] == tag) << i;
    return (unsigned)__builtin_ctz(bits);
}

/* The chain that holds all nodes with |tag|, if there are any, or CHAINS. */
static unsigned chain_of(const struct map_chunk *c, uint8_t tag)
{
    unsigned i = tagged(c, tag);
    return i < CHAINS || c->astray == 0 ? i : tag % CHAINS;
}

static struct map_node *with_hash(struct map_node *n, uint64_t hash)
{
    while (n != NULL && n->hash != hash)
        n = n->next;
    return n;
}

struct map_node *map_find(const struct map *m, uint64_t hash)
{
    const struct map_chunk *c = chunk_of(m, hash);
    unsigned i = chain_of(c, tag_of(hash));
    return i < CHAINS ? with_hash(c->chains[i], hash) : NULL;
}

struct map_node *map_same(const struct map_node *node)
{
    return with_hash(node->next, node->hash);
}

static void put(struct map *m, struct map_node *node)
{
    struct map_chunk *c = chunk_of(m, node->hash);
    uint8_t tag = tag_of(node->hash);
    unsigned i = chain_of(c, tag);

    if (i == CHAINS)
        i = tagged(c, 0);
    if (i == CHAINS)
        i = tag % CHAINS;
    if (c->tags[i] == 0)
        c->tags[i] = tag;
    if (c->tags[i] != tag && c->astray < ASTRAY_MAX)
        c->astray++;
    node->next = c->chains[i];
    c->chains[i] = node;
}

/* Puts the nodes of a chain into |m|, the last one first: their order stays. */
static void put_chain(struct map *m, struct map_node *n)
{
    struct map_node *turned = NULL, *next;

    for (; n != NULL; n = next) {
        next = n->next;
        n->next = turned;
        turned = n;
    }
    for (; turned != NULL; turned = next) {
        next = turned->next;
        put(m, turned);
    }
}

static void grow(struct map *m)
{
    struct map old = *m;
    struct map_chunk *chunks = chunks_new(old.chunks_n * 2);

    if (chunks == NULL)
        return;
    m->chunks = chunks;
    m->chunks_n *= 2;
    for (size_t i = 0; i < old.chunks_n; i++) {
        for (unsigned k = 0; k < CHAINS; k++)
            put_chain(m, old.chunks[i].chains[k]);
    }
    free(old.chunks);
}

void map_insert(struct map *m, struct map_node *node, uint64_t hash)
{
    if (m->count >= m->chunks_n * LOAD)
        grow(m);
    node->hash = hash;
    put(m, node);
    m->count++;
}

void map_remove(struct map *m, struct map_node *node)
{
    struct map_chunk *c = chunk_of(m, node->hash);
    uint8_t tag = tag_of(node->hash);
    unsigned i = chain_of(c, tag);

    assert(i < CHAINS);
    struct map_node **at = &c->chains[i];
    while (*at != node) {
        assert(*at != NULL);
        at = &(*at)->next;
    }
    *at = node->next;
    node->next = NULL;
    if (c->tags[i] != tag && c->astray < ASTRAY_MAX)
        c->astray--;
    if (c->chains[i] == NULL)
        c->tags[i] = 0;
    m->count--;
}
