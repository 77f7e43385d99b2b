/* The oldest segment is given up while the last but one is being filled: its entries are gone through, few at a time, and
 * what was used is read and goes to the log's end, one use poorer. */
#include "node/store/store_impl.h"
#include "proto/base/err.h"

#define STEPS 2048u /* entries in a row */

uint32_t segment_oldest(const struct store *s)
{
    uint32_t oldest = INDEX_NONE;

    for (uint32_t slot = 0; slot < INDEX_SLOTS_MAX; slot++) {
        uint32_t number = s->segments[slot].number;
        if (number != 0 && !(s->tail.open && slot == s->tail.slot) &&
            (oldest == INDEX_NONE || number < s->segments[oldest].number))
            oldest = slot;
    }
    return oldest;
}

static void let_go_held(struct store *s)
{
    struct reclaim *c = &s->reclaim;

    for (uint32_t i = 0; i < c->held_n; i++)
        index_remove(&s->index, c->held[i]); /* given back when their reads end */
}

bool segment_remove(struct store *s, uint32_t slot)
{
    struct reclaim *c = &s->reclaim;

    if (c->on && c->slot == slot) {
        let_go_held(s);
        c->on = c->more = false;
    }
    index_clear(&s->index, slot);
    if (op_new(s, STORE_REMOVE, slot) == NULL)
        return false;
    s->segments[slot] = (struct segment){ 0 };
    s->slots_used--;
    return true;
}

void reclaim_now(struct store *s)
{
    uint32_t slot = s->reclaim.on ? s->reclaim.slot : segment_oldest(s);

    if (slot != INDEX_NONE && segment_remove(s, slot))
        s->counters.reclaimed++;
}

/* Is |i| to be kept? Then it is being read. */
static bool keep(struct store *s, uint32_t i)
{
    struct reclaim *c = &s->reclaim;
    const struct index_entry *e = index_at(&s->index, i);

    if (e->dead || e->uses == 0 || index_bytes(e) > c->room || read_start(s, i, (void *)(uintptr_t)i, true) != 0)
        return false;
    c->room -= index_bytes(e);
    c->held[c->held_n++] = i;
    return true;
}

void reclaim_look(struct store *s, mesh_ns now)
{
    struct reclaim *c = &s->reclaim;
    uint32_t i = INDEX_NONE, steps = 0;

    if (!c->on && s->slots_used + 1 >= s->slots_n && s->tail.open && log_takes(s, now) &&
        (c->slot = segment_oldest(s)) != INDEX_NONE) {
        c->on = true;
        c->room = s->cfg.segment_bytes / 2;
    }
    c->more = false;
    if (!c->on || s->closing)
        return;
    /* A disk that is behind is not given more to do for what it has already. */
    while (c->held_n < RECLAIM_READS && s->waiting < STORE_WAITING_MAX / 2) {
        if (steps++ == STEPS) {
            c->more = true;
            return;
        }
        if ((i = index_pop(&s->index, c->slot)) == INDEX_NONE)
            break;
        if (!keep(s, i))
            index_give(&s->index, i);
    }
    if (i == INDEX_NONE && c->held_n == 0 && s->index.slots[c->slot] == INDEX_NONE && segment_remove(s, c->slot))
        s->counters.reclaimed++;
}

static void forget_held(struct reclaim *c, uint32_t i)
{
    for (uint32_t at = 0; at < c->held_n; at++) {
        if (c->held[at] == i)
            c->held[at] = c->held[--c->held_n];
    }
}

void reclaim_read(struct store *s, mesh_ns now, struct store_op *op, int err)
{
    uint32_t i = (uint32_t)(uintptr_t)op->token;
    unsigned uses = index_at(&s->index, i)->uses;
    struct slice payload, whole = slice_of(op->bytes, op->len);
    struct record r;

    forget_held(&s->reclaim, i);
    index_give(&s->index, i);
    if (err != 0 || !record_sound(&r, op->seed, whole, &payload) || log_again(s, now, &r, whole) != 0)
        return;
    s->counters.again++;
    uint32_t now_at = store_find_variant(s, r.key, r.variant);
    index_at(&s->index, now_at)->uses = (uses - 1) & INDEX_USES_MAX;
}
