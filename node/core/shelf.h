/* shelf.h - what one thread, the writer, lays out for many to read, without a lock: a table of items by their keys. It
 * knows nothing of what an item is part of. No threads, clock or I/O of its own.
 *
 *   writer: shelf_put --> (on) --shelf_take--> (leaving) --all readers have moved on--> (held) --no pins--> |gone|
 *   reader: shelf_enter, shelf_first ..., shelf_leave                   shelf_pin ... shelf_unpin
 *
 * Open addressing: a slot is a pointer with 16 bits of the key's hash, eight of them to a cache line, so that a look-up
 * reads that line and no other item than its own. When the writer takes an item off it leaves a tombstone; when the
 * table is full it makes another one and lets readers have that.
 *
 * Reclamation is by quiescent states (McKenney and Slingwine, "Read-copy update: using execution history to solve
 * concurrency problems", PDCS 1998; Hart, McKenney, Demke Brown, Walpole, "Performance of memory reclamation for
 * lockless synchronization", JPDC 2007): at the begin of each turn of its loop a reader says which epoch it has seen,
 * and, before it sleeps, that it is away. What was taken off goes once all readers have seen a later epoch or are away:
 * nobody who found it can be left, but for those who hold it by a pin.
 *
 * What a reader does with it is ordered by the one total order of sequentially consistent operations: the writer
 * empties the slot, then looks where readers are; a reader says where it is, then looks at the slot. One of the two
 * sees the other. So a look-up that begins after shelf_take has returned, in whatever thread, never finds the item. */
#ifndef HEDGEROW_CORE_SHELF_H
#define HEDGEROW_CORE_SHELF_H

#include <stdatomic.h>

#include "proto/base/list.h"
#include "proto/digest.h"

#define SHELF_READERS_MAX 64
#define SHELF_KEY_BYTES   16

struct shelf;

enum shelf_state { SHELF_OFF, SHELF_ON, SHELF_LEAVING, SHELF_HELD };

/* Embedded in what lies there; zeroed at birth, but for its key, which stays. Readers read the key, and write the pins.
 */
struct shelf_item {
    struct digest key;
    _Atomic uint32_t pins;
    /* The writer's: */
    enum shelf_state state;
    struct list link;
    uint64_t off_at;  /* the epoch that begins when it was taken off */
    uint64_t leaving; /* bytes that go with it */
};

/* shelf_new: for |readers| readers, numbered from 0, keyed by |key| (a secret). |gone| is called by the writer with
 * what nobody reads any more; it may put nothing. NULL: out of memory. shelf_free: all readers are away for good and
 * hold no pins, and what still lies there is gone. */
struct shelf *shelf_new(unsigned readers, const uint8_t key[SHELF_KEY_BYTES],
                        void (*gone)(void *ctx, struct shelf_item *i), void *ctx);
void shelf_free(struct shelf *s);

/* ---- the writer's ---- */
/* shelf_put lays |i| out, which is not on; one that is still leaving or held stays. Others with the same key are the
 * caller's affair. 0, or MESH_E_NOMEM with nothing changed. */
int shelf_put(struct shelf *s, struct shelf_item *i);

/* shelf_take takes |i|, which is on, off. |bytes| are known to come free with it, as soon as readers have moved on;
 * shelf_leaving is the sum of those. */
void shelf_take(struct shelf *s, struct shelf_item *i, uint64_t bytes);
uint64_t shelf_leaving(const struct shelf *s);

/* shelf_settle lets go of what readers have moved on from: call it once a turn, and where memory is short.
 * shelf_settled: it has nothing left to do. */
void shelf_settle(struct shelf *s);
bool shelf_settled(const struct shelf *s);
uint64_t shelf_count(const struct shelf *s); /* that are on */

/* What readers find otherwise than here, and the writer has taken away: shelf_turn returns a number, and once
 * shelf_turned says so of it nobody who saw what was there before the call is left. */
uint64_t shelf_turn(struct shelf *s);
bool shelf_turned(const struct shelf *s, uint64_t turn);

/* ---- readers' ---- */
/* shelf_enter: |reader| begins a turn (which ends the one before); shelf_leave: it goes to sleep, and looks nothing up.
 */
void shelf_enter(struct shelf *s, unsigned reader);
void shelf_leave(struct shelf *s, unsigned reader);

/* shelf_first lends an item with |key| until the turn's end, shelf_next another one; NULL: there are no more. In no
 * order. */
struct shelf_look {
    const struct shelf_table *table;
    const struct digest *key;
    uint64_t hash;
    size_t at;
};
struct shelf_item *shelf_first(const struct shelf *s, const struct digest *key, struct shelf_look *look);
struct shelf_item *shelf_next(struct shelf_look *look);

/* shelf_pin holds what was found in this turn beyond its end, until shelf_unpin, which any thread may call. */
static inline void shelf_pin(struct shelf_item *i)
{
    atomic_fetch_add_explicit(&i->pins, 1, memory_order_relaxed);
}

static inline void shelf_unpin(struct shelf_item *i)
{
    atomic_fetch_sub_explicit(&i->pins, 1, memory_order_release);
}

#endif
