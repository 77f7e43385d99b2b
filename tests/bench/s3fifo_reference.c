#include "s3fifo_reference.h"

#include <stdlib.h>

enum { NOWHERE, IN_S, IN_M, QUEUES };

struct object {
    uint32_t next, prev;  /* in its queue; numbers of objects */
    uint64_t size, ghost; /* ghost: the how manyth in G, 0: never */
    uint8_t where, freq;
};

/* An object is in one queue at most. The last QUEUES objects are the queues' ends: their next is the oldest. */
struct s3fifo {
    uint64_t limit, ghosts; /* ghosts: so many were inserted to G */
    bool full;
    struct object *o;
    uint32_t end[QUEUES];
    uint64_t bytes[QUEUES], n[QUEUES];
};

struct s3fifo *s3fifo_new(uint64_t limit, uint32_t objects)
{
    struct s3fifo *c = calloc(1, sizeof(*c));
    struct object *o = calloc((size_t)objects + QUEUES, sizeof(*o));

    if (c == NULL || o == NULL)
        abort();
    c->limit = limit;
    c->o = o;
    for (uint32_t q = 0; q < QUEUES; q++) {
        c->end[q] = objects + q;
        o[objects + q].next = o[objects + q].prev = objects + q;
    }
    return c;
}

void s3fifo_free(struct s3fifo *c)
{
    free(c->o);
    free(c);
}

static uint32_t tail(const struct s3fifo *c, int q)
{
    return c->o[c->end[q]].next;
}

static void move(struct s3fifo *c, uint32_t x, uint8_t to)
{
    struct object *o = &c->o[x], *end = &c->o[c->end[to]];

    if (o->where != NOWHERE) {
        c->o[o->prev].next = o->next;
        c->o[o->next].prev = o->prev;
        c->bytes[o->where] -= o->size;
        c->n[o->where]--;
    }
    o->where = to;
    if (to == NOWHERE)
        return;
    o->next = c->end[to];
    o->prev = end->prev;
    c->o[end->prev].next = x;
    end->prev = x;
    c->bytes[to] += o->size;
    c->n[to]++;
}

static void evict_m(struct s3fifo *c)
{
    bool evicted = false;

    while (!evicted && c->n[IN_M] > 0) {
        uint32_t t = tail(c, IN_M);
        if (c->o[t].freq > 0) {
            move(c, t, IN_M);
            c->o[t].freq--;
        } else {
            move(c, t, NOWHERE);
            evicted = true;
        }
    }
}

static void evict_s(struct s3fifo *c)
{
    bool evicted = false;

    while (!evicted && c->n[IN_S] > 0) {
        uint32_t t = tail(c, IN_S);
        if (c->o[t].freq > 1) {
            move(c, t, IN_M);
            c->o[t].freq = 0; /* cleared on the move, as section 4.1 says */
            if (c->bytes[IN_M] > c->limit - c->limit / 10)
                evict_m(c);
        } else {
            c->o[t].ghost = ++c->ghosts;
            move(c, t, NOWHERE);
            evicted = true;
        }
    }
}

/* G is a queue of as many entries as M has; being asked for takes none out. */
static bool in_g(const struct s3fifo *c, uint32_t x)
{
    return c->o[x].ghost != 0 && c->ghosts - c->o[x].ghost < c->n[IN_M];
}

static void insert(struct s3fifo *c, uint32_t x)
{
    while (c->bytes[IN_S] + c->bytes[IN_M] + c->o[x].size > c->limit) {
        c->full = true;
        if (c->bytes[IN_S] >= c->limit / 10 || c->n[IN_M] == 0)
            evict_s(c);
        else
            evict_m(c);
    }
    if (in_g(c, x) || (!c->full && c->bytes[IN_S] >= c->limit / 10))
        move(c, x, IN_M);
    else
        move(c, x, IN_S);
}

bool s3fifo_read(struct s3fifo *c, uint32_t x, uint64_t size)
{
    struct object *o = &c->o[x];

    if (o->where == IN_S || o->where == IN_M) {
        if (o->freq < 3)
            o->freq++;
        return true;
    }
    if (size > c->limit)
        return false;
    o->freq = 0;
    o->size = size;
    insert(c, x);
    return false;
}
