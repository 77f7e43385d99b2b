#include "proto/base/map.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>

#include "proto/base/err.h"

#define SLOTS_MIN 16

int map_init(struct map *m, const uint8_t key[MAP_KEY_BYTES])
{
    m->slots = calloc(SLOTS_MIN, sizeof(*m->slots));
    if (m->slots == NULL)
        return MESH_E_NOMEM;
    m->slots_n = SLOTS_MIN;
    m->count = 0;
    memcpy(m->key, key, MAP_KEY_BYTES);
    return 0;
}

void map_fini(struct map *m)
{
    free(m->slots);
    m->slots = NULL;
    m->slots_n = m->count = 0;
}

uint64_t map_hash(const struct map *m, struct slice key)
{
    uint8_t raw[crypto_shorthash_BYTES];
    uint64_t hash;

    crypto_shorthash(raw, key.data, key.len, m->key);
    memcpy(&hash, raw, sizeof(hash));
    return hash;
}

struct map_node *map_find(const struct map *m, uint64_t hash)
{
    struct map_node *n = m->slots[hash & (m->slots_n - 1)];
    while (n != NULL && n->hash != hash)
        n = n->next;
    return n;
}

struct map_node *map_same(const struct map_node *node)
{
    struct map_node *n = node->next;
    while (n != NULL && n->hash != node->hash)
        n = n->next;
    return n;
}

static void grow(struct map *m)
{
    size_t n = m->slots_n * 2;
    struct map_node **slots = calloc(n, sizeof(*slots));
    if (slots == NULL)
        return;
    for (size_t i = 0; i < m->slots_n; i++) {
        struct map_node *node = m->slots[i];
        while (node != NULL) {
            struct map_node *next = node->next;
            struct map_node **slot = &slots[node->hash & (n - 1)];
            node->next = *slot;
            *slot = node;
            node = next;
        }
    }
    free(m->slots);
    m->slots = slots;
    m->slots_n = n;
}

void map_insert(struct map *m, struct map_node *node, uint64_t hash)
{
    if (m->count >= m->slots_n)
        grow(m);
    struct map_node **slot = &m->slots[hash & (m->slots_n - 1)];
    node->hash = hash;
    node->next = *slot;
    *slot = node;
    m->count++;
}

void map_remove(struct map *m, struct map_node *node)
{
    struct map_node **at = &m->slots[node->hash & (m->slots_n - 1)];
    while (*at != node) {
        assert(*at != NULL);
        at = &(*at)->next;
    }
    *at = node->next;
    node->next = NULL;
    m->count--;
}
