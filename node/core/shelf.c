#include "node/core/shelf.h"

#include <assert.h>
#include <stdlib.h>

#include "proto/base/err.h"
#include "proto/base/slice.h"

__extension__ typedef unsigned __int128 u128;

#define LINE_BYTES 64
#define SLOTS_MIN  64 /* a power of two; eight to a line */
#define AWAY       0  /* of a reader; epochs begin at 1 */
#define EMPTY      UINT64_C(0)
#define TOMBSTONE  UINT64_C(1)
#define TAG_SHIFT  48 /* pointers of user space are no longer than that, or are refused */
#define HELD_TURN  64 /* of what is held by pins so many are looked at in a row */

struct shelf_table {
    size_t slots_n; /* power of two */
    size_t used;    /* the writer's: slots that are not empty */
    uint64_t off_at;
    struct list link;
    _Alignas(LINE_BYTES) _Atomic uint64_t slots[];
};

/* Of one reader, on a line of its own: it writes there in each turn. */
struct place {
    _Alignas(LINE_BYTES) _Atomic uint64_t seen;
};

struct shelf {
    /* What readers look at changes only when the table does. */
    _Atomic(struct shelf_table *) table;
    uint64_t mix[2];
    unsigned readers;
    struct place *places;
    /* Written whenever something is taken off. */
    _Alignas(LINE_BYTES) _Atomic uint64_t epoch;
    /* The writer's: */
    struct list leaving, held, tables; /* of the former, by epoch */
    uint64_t leaving_bytes, count;
    void (*gone)(void *ctx, struct shelf_item *i);
    void *ctx;
};

/* ---- slots ---- */

/* Keys are cryptographic hashes: see map_hash_digest. */
static uint64_t hash_of(const struct shelf *s, const struct digest *key)
{
    uint64_t a, b;

    memcpy(&a, key->bytes, sizeof(a));
    memcpy(&b, key->bytes + sizeof(a), sizeof(b));
    u128 product = (u128)(a ^ s->mix[0]) * (b ^ s->mix[1]);
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t tag_of(uint64_t hash)
{
    return hash >> TAG_SHIFT;
}

static struct shelf_item *item_of(uint64_t slot)
{
    return (struct shelf_item *)(uintptr_t)(slot & ((UINT64_C(1) << TAG_SHIFT) - 1));
}

static size_t behind(const struct shelf_table *t, size_t at)
{
    return (at + 1) & (t->slots_n - 1);
}

static struct shelf_table *table_new(size_t slots_n)
{
    size_t bytes = sizeof(struct shelf_table) + slots_n * sizeof(uint64_t);
    struct shelf_table *t = aligned_alloc(LINE_BYTES, (bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES);

    if (t == NULL)
        return NULL;
    memset(t, 0, bytes);
    t->slots_n = slots_n;
    list_init(&t->link);
    return t;
}

/* The writer's own look at its table. */
static struct shelf_table *table_of(const struct shelf *s)
{
    return atomic_load_explicit(&s->table, memory_order_relaxed);
}

static uint64_t slot_of(const struct shelf_table *t, size_t at)
{
    return atomic_load_explicit(&t->slots[at], memory_order_relaxed);
}

/* Takes the first slot on |hash|'s way that is free. */
static void enter(struct shelf_table *t, uint64_t hash, uint64_t slot)
{
    size_t at = hash & (t->slots_n - 1);

    while (slot_of(t, at) > TOMBSTONE)
        at = behind(t, at);
    t->used += slot_of(t, at) == EMPTY;
    atomic_store_explicit(&t->slots[at], slot, memory_order_release); /* what is in the item is there before it is */
}

/* ---- epochs ---- */

/* What was taken off until now is not found by who sees this epoch. */
static uint64_t next_epoch(struct shelf *s)
{
    return atomic_fetch_add(&s->epoch, 1) + 1;
}

/* The earliest epoch that a reader may still be in. */
static uint64_t earliest(const struct shelf *s)
{
    uint64_t least = UINT64_MAX;

    for (unsigned i = 0; i < s->readers; i++) {
        uint64_t seen = atomic_load(&s->places[i].seen);
        if (seen != AWAY && seen < least)
            least = seen;
    }
    return least;
}

void shelf_enter(struct shelf *s, unsigned reader)
{
    uint64_t epoch = atomic_load(&s->epoch);

    atomic_store(&s->places[reader].seen, epoch);
}

void shelf_leave(struct shelf *s, unsigned reader)
{
    atomic_store_explicit(&s->places[reader].seen, AWAY, memory_order_release);
}

/* ---- life ---- */

struct shelf *shelf_new(unsigned readers, const uint8_t key[SHELF_KEY_BYTES],
                        void (*gone)(void *ctx, struct shelf_item *i), void *ctx)
{
    assert(readers > 0 && readers <= SHELF_READERS_MAX);
    struct shelf *s = aligned_alloc(LINE_BYTES, sizeof(*s));
    struct place *places = aligned_alloc(LINE_BYTES, readers * sizeof(*places));
    struct shelf_table *t = table_new(SLOTS_MIN);

    if (s == NULL || places == NULL || t == NULL) {
        free(s);
        free(places);
        free(t);
        return NULL;
    }
    memset(s, 0, sizeof(*s));
    memset(places, 0, readers * sizeof(*places));
    memcpy(s->mix, key, SHELF_KEY_BYTES);
    s->readers = readers;
    s->places = places;
    s->gone = gone;
    s->ctx = ctx;
    list_init(&s->leaving);
    list_init(&s->held);
    list_init(&s->tables);
    atomic_init(&s->epoch, 1);
    atomic_init(&s->table, t);
    return s;
}

static void let_go(struct shelf *s, struct shelf_item *i)
{
    list_remove(&i->link);
    i->state = SHELF_OFF;
    s->gone(s->ctx, i);
}

void shelf_free(struct shelf *s)
{
    if (s == NULL)
        return;
    struct shelf_table *t = table_of(s);
    for (size_t at = 0; at < t->slots_n; at++) {
        if (slot_of(t, at) > TOMBSTONE)
            shelf_take(s, item_of(slot_of(t, at)), 0);
    }
    assert(earliest(s) == UINT64_MAX);
    shelf_settle(s);
    while (!list_empty(&s->held)) {
        struct shelf_item *i = OBJ_OF(list_first(&s->held), struct shelf_item, link);
        assert(atomic_load(&i->pins) == 0);
        let_go(s, i);
    }
    free(t);
    free(s->places);
    free(s);
}

/* ---- the writer's ---- */

/* Another table with room for one more, and without tombstones. Readers go on in the old one meanwhile. */
static bool remake(struct shelf *s)
{
    struct shelf_table *old = table_of(s);
    size_t slots_n = SLOTS_MIN;

    while (slots_n < 4 * (s->count + 1)) /* a quarter to a half is used afterwards */
        slots_n *= 2;
    struct shelf_table *t = table_new(slots_n);
    if (t == NULL)
        return false;
    for (size_t at = 0; at < old->slots_n; at++) {
        uint64_t slot = slot_of(old, at);
        if (slot > TOMBSTONE)
            enter(t, hash_of(s, &item_of(slot)->key), slot);
    }
    atomic_store(&s->table, t);
    old->off_at = next_epoch(s);
    list_push_back(&s->tables, &old->link);
    return true;
}

/* Short of memory a table may fill up to seven eighths: then look-ups are longer, but they end. */
static bool has_room(struct shelf *s)
{
    const struct shelf_table *t = table_of(s);

    if (t->used + 1 <= t->slots_n / 8 * 5 || remake(s))
        return true;
    return t->used + 1 <= t->slots_n / 8 * 7;
}

int shelf_put(struct shelf *s, struct shelf_item *i)
{
    uint64_t hash = hash_of(s, &i->key), pointer = (uintptr_t)i;

    assert(i->state != SHELF_ON);
    if (pointer >> TAG_SHIFT != 0 || !has_room(s))
        return MESH_E_NOMEM;
    if (i->state == SHELF_OFF)
        list_init(&i->link);
    if (i->state == SHELF_LEAVING)
        s->leaving_bytes -= i->leaving;
    list_remove(&i->link);
    i->state = SHELF_ON;
    s->count++;
    enter(table_of(s), hash, tag_of(hash) << TAG_SHIFT | pointer);
    return 0;
}

void shelf_take(struct shelf *s, struct shelf_item *i, uint64_t bytes)
{
    struct shelf_table *t = table_of(s);
    size_t at = hash_of(s, &i->key) & (t->slots_n - 1);

    assert(i->state == SHELF_ON);
    while (slot_of(t, at) <= TOMBSTONE || item_of(slot_of(t, at)) != i)
        at = behind(t, at);
    atomic_store(&t->slots[at], TOMBSTONE);
    i->off_at = next_epoch(s);
    i->state = SHELF_LEAVING;
    i->leaving = bytes;
    list_push_back(&s->leaving, &i->link);
    s->leaving_bytes += bytes;
    s->count--;
}

uint64_t shelf_leaving(const struct shelf *s)
{
    return s->leaving_bytes;
}

static bool is_pinned(const struct shelf_item *i)
{
    return atomic_load_explicit(&i->pins, memory_order_acquire) > 0;
}

static void settle_leaving(struct shelf *s, uint64_t least)
{
    struct list *first;

    while ((first = list_first(&s->leaving)) != NULL) {
        struct shelf_item *i = OBJ_OF(first, struct shelf_item, link);
        if (i->off_at > least)
            return;
        s->leaving_bytes -= i->leaving;
        if (!is_pinned(i)) {
            let_go(s, i);
            continue;
        }
        list_remove(&i->link); /* no pin can be added any more */
        list_push_back(&s->held, &i->link);
        i->state = SHELF_HELD;
    }
}

static void settle_tables(struct shelf *s, uint64_t least)
{
    struct list *first;

    while ((first = list_first(&s->tables)) != NULL) {
        struct shelf_table *t = OBJ_OF(first, struct shelf_table, link);
        if (t->off_at > least)
            return;
        list_remove(&t->link);
        free(t);
    }
}

/* Some of them; who is held on goes to the end. */
static void settle_held(struct shelf *s)
{
    const struct list *last = s->held.prev;
    bool over = list_empty(&s->held);

    for (unsigned n = 0; n < HELD_TURN && !over; n++) {
        struct shelf_item *i = OBJ_OF(list_first(&s->held), struct shelf_item, link);
        over = &i->link == last;
        if (!is_pinned(i)) {
            let_go(s, i);
            continue;
        }
        list_remove(&i->link);
        list_push_back(&s->held, &i->link);
    }
}

void shelf_settle(struct shelf *s)
{
    if (shelf_settled(s))
        return;
    uint64_t least = earliest(s);
    settle_leaving(s, least);
    settle_tables(s, least);
    settle_held(s);
}

bool shelf_settled(const struct shelf *s)
{
    return list_empty(&s->leaving) && list_empty(&s->held) && list_empty(&s->tables);
}

uint64_t shelf_count(const struct shelf *s)
{
    return s->count;
}

uint64_t shelf_turn(struct shelf *s)
{
    return next_epoch(s);
}

bool shelf_turned(const struct shelf *s, uint64_t turn)
{
    return earliest(s) >= turn;
}

/* ---- readers' ---- */

struct shelf_item *shelf_next(struct shelf_look *look)
{
    const struct shelf_table *t = look->table;
    uint64_t slot;

    for (; (slot = atomic_load(&t->slots[look->at])) != EMPTY; look->at = behind(t, look->at)) {
        if (slot == TOMBSTONE || slot >> TAG_SHIFT != tag_of(look->hash))
            continue;
        struct shelf_item *i = item_of(slot);
        if (!digest_eq(&i->key, look->key))
            continue;
        look->at = behind(t, look->at);
        return i;
    }
    return NULL;
}

struct shelf_item *shelf_first(const struct shelf *s, const struct digest *key, struct shelf_look *look)
{
    look->table = atomic_load(&s->table);
    look->key = key;
    look->hash = hash_of(s, key);
    look->at = look->hash & (look->table->slots_n - 1);
    return shelf_next(look);
}
