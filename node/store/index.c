#include "node/store/index.h"

#include <assert.h>
#include <stdlib.h>

#include "proto/base/err.h"
#include "proto/base/rand.h"

#define PIECE 4096u /* entries, or buckets, of one allocation */

/* ---- tables ---- */

static uint32_t *bucket_at(const struct index_table *t, uint32_t b)
{
    return &t->pieces[b / PIECE][b % PIECE];
}

static uint32_t *bucket_of(const struct index_table *t, uint64_t hash)
{
    uint32_t b = (uint32_t)hash & (2 * t->low - 1);

    return bucket_at(t, b < t->buckets ? b : b & (t->low - 1));
}

/* Room for one more piece of |bytes| in an array of pointers to such; NULL: out of memory. */
static void *more(struct index *ix, void *array_ptr, uint32_t *n, size_t bytes)
{
    void ***array = array_ptr;
    void **grown = (*n & (*n - 1)) == 0 ? realloc(*array, (*n == 0 ? 1 : 2 * (size_t)*n) * sizeof(*grown)) : *array;
    void *piece = grown != NULL ? malloc(bytes) : NULL;

    if (grown != NULL)
        *array = grown;
    if (piece == NULL)
        return NULL;
    grown[(*n)++] = piece;
    ix->bytes += bytes + sizeof(*grown);
    return piece;
}

static int table_init(struct index *ix, struct index_table *t)
{
    uint32_t *piece = more(ix, &t->pieces, &t->pieces_n, PIECE * sizeof(*piece));

    if (piece == NULL)
        return MESH_E_NOMEM;
    piece[0] = INDEX_NONE;
    t->buckets = t->low = 1;
    return 0;
}

static void pieces_free(void *array_ptr, uint32_t n)
{
    void ***array = array_ptr;

    for (uint32_t i = 0; i < n; i++)
        free((*array)[i]);
    free(*array);
}

static uint64_t hash_of(const struct index *ix, uint64_t name)
{
    return rand_mix(name ^ ix->secret);
}

static uint64_t hash_key(const struct index *ix, const struct index_entry *e)
{
    return hash_of(ix, e->key);
}

static uint64_t hash_body(const struct index *ix, const struct index_entry *e)
{
    return hash_of(ix, e->body);
}

/* One more bucket, for the part of another one's entries that belong there: is there one? */
static bool split(struct index *ix, struct index_table *t)
{
    if (t->buckets % PIECE == 0 && t->buckets / PIECE == t->pieces_n &&
        more(ix, &t->pieces, &t->pieces_n, PIECE * sizeof(uint32_t)) == NULL)
        return false; /* chains get longer */
    *bucket_at(t, t->buckets) = INDEX_NONE;
    t->buckets++;
    return true;
}

/* Which bucket gives to the last one. */
static uint32_t *giver(struct index_table *t)
{
    return bucket_at(t, (t->buckets - 1) & (t->low - 1));
}

static void split_over(struct index_table *t)
{
    if (t->buckets == 2 * t->low)
        t->low *= 2;
}

static void grow_keys(struct index *ix)
{
    struct index_table *t = &ix->keys;
    uint32_t last = t->buckets, i, *from, *to;

    if (ix->live < t->buckets || !split(ix, t))
        return;
    from = giver(t);
    to = bucket_at(t, last);
    while ((i = *from) != INDEX_NONE) { /* the order in each stays */
        struct index_entry *e = index_at(ix, i);
        if (bucket_of(t, hash_key(ix, e)) == bucket_at(t, last)) {
            *from = e->next_of_key;
            *to = i;
            e->next_of_key = INDEX_NONE;
            to = &e->next_of_key;
        } else {
            from = &e->next_of_key;
        }
    }
    split_over(t);
}

static void link_body(struct index *ix, uint32_t i)
{
    struct index_entry *e = index_at(ix, i);
    uint32_t *bucket = bucket_of(&ix->bodies, hash_body(ix, e));

    e->before_of_body = INDEX_NONE;
    e->next_of_body = *bucket;
    if (*bucket != INDEX_NONE)
        index_at(ix, *bucket)->before_of_body = i;
    *bucket = i;
}

static void unlink_body(struct index *ix, uint32_t i)
{
    struct index_entry *e = index_at(ix, i);

    if (e->before_of_body != INDEX_NONE)
        index_at(ix, e->before_of_body)->next_of_body = e->next_of_body;
    else
        *bucket_of(&ix->bodies, hash_body(ix, e)) = e->next_of_body;
    if (e->next_of_body != INDEX_NONE)
        index_at(ix, e->next_of_body)->before_of_body = e->before_of_body;
}

/* A body of very many leaves is one chain, which is gone through here: its entries are at most those of the disk, and a
 * bucket is split but once. */
static void grow_bodies(struct index *ix)
{
    struct index_table *t = &ix->bodies;
    uint32_t next;

    if (ix->live < 2 * t->buckets || !split(ix, t))
        return;
    uint32_t *from = giver(t);
    uint32_t i = *from;
    *from = INDEX_NONE;
    for (; i != INDEX_NONE; i = next) {
        next = index_at(ix, i)->next_of_body;
        link_body(ix, i);
    }
    split_over(t);
}

/* ---- entries ---- */

int index_init(struct index *ix, uint64_t secret)
{
    memset(ix, 0, sizeof(*ix));
    ix->secret = secret;
    ix->spare = INDEX_NONE;
    memset(ix->slots, 0xff, sizeof(ix->slots)); /* INDEX_NONE */
    if (table_init(ix, &ix->keys) == 0 && table_init(ix, &ix->bodies) == 0)
        return 0;
    index_fini(ix);
    return MESH_E_NOMEM;
}

void index_fini(struct index *ix)
{
    pieces_free(&ix->pieces, ix->pieces_n);
    pieces_free(&ix->keys.pieces, ix->keys.pieces_n);
    pieces_free(&ix->bodies.pieces, ix->bodies.pieces_n);
    memset(ix, 0, sizeof(*ix));
}

struct index_entry *index_at(const struct index *ix, uint32_t i)
{
    assert(i < ix->used);
    return &ix->pieces[i / PIECE][i % PIECE];
}

static uint32_t take_spare(struct index *ix)
{
    uint32_t i = ix->spare;

    if (i != INDEX_NONE) {
        ix->spare = index_at(ix, i)->next_of_slot;
        return i;
    }
    if (ix->used == INDEX_NONE - 1 ||
        (ix->used / PIECE == ix->pieces_n &&
         more(ix, &ix->pieces, &ix->pieces_n, PIECE * sizeof(struct index_entry)) == NULL))
        return INDEX_NONE;
    return ix->used++;
}

uint32_t index_find(const struct index *ix, uint64_t key)
{
    uint32_t i = *bucket_of(&ix->keys, hash_of(ix, key));

    while (i != INDEX_NONE && index_at(ix, i)->key != key)
        i = index_at(ix, i)->next_of_key;
    return i;
}

uint32_t index_next(const struct index *ix, uint32_t i)
{
    uint64_t key = index_at(ix, i)->key;

    do
        i = index_at(ix, i)->next_of_key;
    while (i != INDEX_NONE && index_at(ix, i)->key != key);
    return i;
}

uint32_t index_add(struct index *ix, const struct record *r, uint32_t slot, uint32_t offset)
{
    uint32_t i = take_spare(ix), same = index_find(ix, r->key);

    if (i == INDEX_NONE)
        return INDEX_NONE;
    while (same != INDEX_NONE && index_at(ix, same)->variant != r->variant)
        same = index_next(ix, same);
    if (same != INDEX_NONE)
        index_remove(ix, same);
    struct index_entry *e = index_at(ix, i);
    *e = (struct index_entry){ .key = r->key,
                               .slot = slot,
                               .unit = offset / STORE_UNIT,
                               .units = record_bytes(r->length) / STORE_UNIT,
                               .body = r->body,
                               .variant = r->variant,
                               .next_of_slot = ix->slots[slot] };
    uint32_t *bucket = bucket_of(&ix->keys, hash_key(ix, e));
    e->next_of_key = *bucket;
    *bucket = i;
    link_body(ix, i);
    ix->slots[slot] = i;
    ix->live++;
    grow_keys(ix);
    grow_bodies(ix);
    return i;
}

void index_remove(struct index *ix, uint32_t i)
{
    struct index_entry *e = index_at(ix, i);
    uint32_t *at = bucket_of(&ix->keys, hash_key(ix, e));

    if (e->dead)
        return;
    while (*at != i)
        at = &index_at(ix, *at)->next_of_key;
    *at = e->next_of_key;
    unlink_body(ix, i);
    e->dead = 1;
    ix->live--;
}

uint32_t index_drop(struct index *ix, const struct record *r)
{
    uint32_t n = 0, next;

    if (r->kind == RECORD_DROP_BODY) {
        uint32_t i = *bucket_of(&ix->bodies, hash_of(ix, r->body));
        for (; i != INDEX_NONE; i = next) {
            next = index_at(ix, i)->next_of_body;
            if (index_at(ix, i)->body == r->body) {
                index_remove(ix, i);
                n++;
            }
        }
        return n;
    }
    for (uint32_t i = index_find(ix, r->key); i != INDEX_NONE; i = next) {
        next = index_next(ix, i);
        if (r->variant == 0 || index_at(ix, i)->variant == r->variant || index_at(ix, i)->variant == 0) {
            index_remove(ix, i);
            n++;
        }
    }
    return n;
}

uint32_t index_pop(struct index *ix, uint32_t slot)
{
    uint32_t i = ix->slots[slot];

    if (i != INDEX_NONE)
        ix->slots[slot] = index_at(ix, i)->next_of_slot;
    return i;
}

void index_give(struct index *ix, uint32_t i)
{
    index_remove(ix, i);
    index_at(ix, i)->next_of_slot = ix->spare;
    ix->spare = i;
}

void index_clear(struct index *ix, uint32_t slot)
{
    uint32_t i;

    while ((i = index_pop(ix, slot)) != INDEX_NONE)
        index_give(ix, i);
}
