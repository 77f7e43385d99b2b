#include "sim/members/queue.h"

#include <assert.h>
#include <stdlib.h>

#include "sim/memory.h"

#define SLOT_OF(at) ((uint64_t)(at) >> QUEUE_SLOT_BITS)

/* ---- the heaps ---- */

static bool before(const struct queue_event *a, const struct queue_event *b)
{
    return a->at < b->at || (a->at == b->at && a->seq < b->seq);
}

static void heap_put(struct queue_heap *h, const struct queue_event *ev)
{
    if (h->n == h->cap) {
        h->cap = 2 * h->cap + 64;
        h->events = memory_grow(h->events, h->cap * sizeof(*h->events));
    }
    size_t i = h->n++;
    while (i > 0 && before(ev, &h->events[(i - 1) / 2])) {
        h->events[i] = h->events[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    h->events[i] = *ev;
}

static struct queue_event heap_take(struct queue_heap *h)
{
    struct queue_event top = h->events[0], last = h->events[--h->n];
    size_t i = 0;

    for (;;) {
        size_t child = 2 * i + 1;
        if (child >= h->n)
            break;
        if (child + 1 < h->n && before(&h->events[child + 1], &h->events[child]))
            child++;
        if (!before(&h->events[child], &last))
            break;
        h->events[i] = h->events[child];
        i = child;
    }
    if (h->n > 0)
        h->events[i] = last;
    return top;
}

/* ---- the wheel ---- */

void queue_init(struct queue *q)
{
    memset(q, 0, sizeof(*q));
    q->heads = memory_new(QUEUE_SLOTS * sizeof(*q->heads));
    q->pool_n = 1;
}

void queue_fini(struct queue *q)
{
    free(q->near.events);
    free(q->far.events);
    free(q->heads);
    free(q->pool);
    memset(q, 0, sizeof(*q));
}

static uint32_t pooled(struct queue *q)
{
    uint32_t i = q->free;

    if (i != 0) {
        q->free = q->pool[i].next;
        return i;
    }
    if (q->pool_n >= q->pool_cap) {
        q->pool_cap = 2 * q->pool_cap + 1024;
        q->pool = memory_grow(q->pool, q->pool_cap * sizeof(*q->pool));
    }
    return q->pool_n++;
}

static void wheel_put(struct queue *q, const struct queue_event *ev)
{
    uint32_t at = (uint32_t)(SLOT_OF(ev->at) % QUEUE_SLOTS), i = pooled(q);

    q->pool[i] = *ev;
    q->pool[i].next = q->heads[at];
    q->heads[at] = i;
    q->full[at / 64] |= UINT64_C(1) << (at % 64);
}

static void place(struct queue *q, const struct queue_event *ev)
{
    uint64_t slot = SLOT_OF(ev->at);

    if (slot <= q->slot)
        heap_put(&q->near, ev);
    else if (slot - q->slot < QUEUE_SLOTS)
        wheel_put(q, ev);
    else
        heap_put(&q->far, ev);
}

void queue_add(struct queue *q, mesh_ns at, uint32_t kind, uint32_t a, uint32_t b)
{
    struct queue_event ev = { .at = at, .seq = q->seq++, .kind = kind, .a = a, .b = b };

    assert(at >= 0);
    q->n++;
    place(q, &ev);
}

/* The next slot of the wheel that is not empty; QUEUE_SLOTS ahead: none. */
static uint64_t next_full(const struct queue *q)
{
    uint64_t ahead = 1;

    while (ahead < QUEUE_SLOTS) {
        uint64_t at = (q->slot + ahead) % QUEUE_SLOTS;
        uint64_t word = q->full[at / 64] >> (at % 64);
        if (word != 0) {
            ahead += (uint64_t)__builtin_ctzll(word);
            break;
        }
        ahead += 64 - at % 64;
    }
    return q->slot + (ahead < QUEUE_SLOTS ? ahead : QUEUE_SLOTS);
}

/* Where there is something next, on the wheel or beyond it. */
static uint64_t next_slot(const struct queue *q)
{
    uint64_t slot = next_full(q);

    if (q->far.n > 0 && SLOT_OF(q->far.events[0].at) < slot)
        slot = SLOT_OF(q->far.events[0].at);
    return slot;
}

static void move_to(struct queue *q, uint64_t slot)
{
    uint32_t at = (uint32_t)(slot % QUEUE_SLOTS);

    q->slot = slot;
    for (uint32_t i = q->heads[at]; i != 0;) {
        uint32_t next = q->pool[i].next;
        heap_put(&q->near, &q->pool[i]);
        q->pool[i].next = q->free;
        q->free = i;
        i = next;
    }
    q->heads[at] = 0;
    q->full[at / 64] &= ~(UINT64_C(1) << (at % 64));
    while (q->far.n > 0 && SLOT_OF(q->far.events[0].at) - slot < QUEUE_SLOTS) {
        struct queue_event ev = heap_take(&q->far);
        place(q, &ev);
    }
}

bool queue_take(struct queue *q, mesh_ns until, struct queue_event *out)
{
    while (q->near.n == 0) {
        uint64_t slot = q->n > 0 ? next_slot(q) : UINT64_MAX;
        if (slot > SLOT_OF(until))
            return false;
        move_to(q, slot);
    }
    if (q->near.events[0].at > until)
        return false;
    *out = heap_take(&q->near);
    q->n--;
    return true;
}
