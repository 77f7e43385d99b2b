/* What is known of all edges, by network: of each the nearest and freshest figures. A row lies on the account of the
 * edge that told of that network first. While there is room anybody may have more than its share; when there is none, a
 * row goes of who has more than that, the newcomer itself or the one with most, and of its rows the one that it told of
 * longest ago. So nobody, busy or lying, takes away another's share. */
#include <assert.h>
#include <stdlib.h>

#include "node/steer/steer_impl.h"
#include "proto/base/err.h"

#define DOUBLE_S 600u /* a figure so old counts as twice as far as it says when one has to go */

int rows_init(struct rows *r, size_t max, const uint8_t hash_key[16])
{
    *r = (struct rows){ .max = max };
    list_init(&r->free);
    return map_init(&r->map, hash_key);
}

void rows_fini(struct rows *r)
{
    free(r->all);
    map_fini(&r->map);
}

static uint64_t hash_of(const struct rows *r, const struct steer_prefix *p)
{
    return map_hash(&r->map, slice_of(p, sizeof(*p)));
}

static struct row *find(const struct rows *r, const struct steer_prefix *p, uint64_t hash)
{
    for (struct map_node *n = map_find(&r->map, hash); n != NULL; n = map_same(n)) {
        struct row *row = OBJ_OF(n, struct row, in_map);
        if (steer_prefix_eq(&row->prefix, p))
            return row;
    }
    return NULL;
}

struct row *rows_find(const struct rows *r, const struct steer_prefix *p)
{
    return find(r, p, hash_of(r, p));
}

/* ---- whose rows ---- */

static void give_to(struct steer *s, struct row *row, uint16_t slot)
{
    list_remove(&row->in_owner);
    if (row->owner != STEER_NOBODY)
        s->edges[row->owner]->rows_n--;
    row->owner = slot;
    list_push_back(&s->edges[slot]->rows, &row->in_owner);
    s->edges[slot]->rows_n++;
}

static void row_free(struct steer *s, struct row *row)
{
    s->edges[row->owner]->rows_n--;
    row->owner = STEER_NOBODY;
    list_remove(&row->in_owner);
    list_push_front(&s->rows.free, &row->in_owner);
    map_remove(&s->rows.map, &row->in_map);
    s->rows.n--;
}

/* Only for who is below its share, which it is no more after so many times: the search is no loop for others to turn.
 */
static struct edge *with_most(const struct steer *s)
{
    struct edge *most = s->edges[STEER_SELF];

    for (size_t i = 1; i < s->slots; i++) {
        if (s->edges[i] != NULL && s->edges[i]->rows_n > most->rows_n)
            most = s->edges[i];
    }
    return most;
}

/* Room for all begins with the first; pages that nobody writes to cost nothing. NULL: out of memory. */
static struct row *row_new(struct steer *s, uint16_t slot, const struct steer_prefix *p, uint64_t hash)
{
    struct rows *r = &s->rows;
    struct edge *e = s->edges[slot];
    struct row *row;

    if (r->all == NULL && (r->all = calloc(r->max, sizeof(*r->all))) == NULL)
        return NULL;
    if (r->n == r->max) {
        struct edge *from = e->rows_n >= edges_share(s) ? e : with_most(s);
        row_free(s, OBJ_OF(list_first(&from->rows), struct row, in_owner));
    }
    if (list_empty(&r->free)) {
        row = &r->all[r->used++];
        list_init(&row->in_owner);
    } else {
        row = OBJ_OF(list_first(&r->free), struct row, in_owner);
    }
    row->prefix = *p;
    row->owner = row->home = STEER_NOBODY;
    row->moved_s = 0;
    row->n = 0;
    give_to(s, row, slot);
    map_insert(&r->map, &row->in_map, hash);
    r->n++;
    return row;
}

/* ---- figures ---- */

static void drop_at(struct row *row, unsigned i)
{
    memmove(&row->known[i], &row->known[i + 1], (row->n - i - 1u) * sizeof(row->known[0]));
    row->n--;
}

static bool drop_of(struct row *row, uint16_t slot)
{
    for (unsigned i = 0; i < row->n; i++) {
        if (row->known[i].slot == slot) {
            drop_at(row, i);
            return true;
        }
    }
    return false;
}

static uint64_t worth(const struct known *k, uint32_t now_s)
{
    uint64_t age_s = now_s > k->at_s ? now_s - k->at_s : 0;

    return k->rtt * (DOUBLE_S + age_s);
}

/* Which one goes for |k|; row->n: |k| itself. */
static unsigned least_worth(const struct row *row, const struct known *k, uint32_t now_s)
{
    uint64_t worst = worth(k, now_s);
    unsigned at = row->n;

    for (unsigned i = 0; i < row->n; i++) {
        if (worth(&row->known[i], now_s) >= worst) {
            worst = worth(&row->known[i], now_s);
            at = i;
        }
    }
    return at;
}

static void put(struct row *row, struct known k, uint32_t now_s)
{
    unsigned i = row->n;

    if (row->n == STEER_ROW_EDGES) {
        unsigned out = least_worth(row, &k, now_s);
        if (out == row->n)
            return;
        drop_at(row, out);
        i = row->n;
    }
    for (; i > 0 && row->known[i - 1].rtt > k.rtt; i--)
        row->known[i] = row->known[i - 1];
    row->known[i] = k;
    row->n++;
}

/* One edge's time jumps only where the path has changed (own.c sees to that): by more than this, and by half, the
 * network is somewhere else, and what others measured before says nothing of where it is now. */
#define JUMP (MS(8) / STEER_UNIT_NS)
/* Ages are told in units, so what looks older by less may be younger. */
#define AGE_ROOM_S 15u

static bool has_jumped(const struct row *row, uint16_t slot, uint16_t rtt)
{
    for (unsigned i = 0; i < row->n; i++) {
        uint32_t was = row->known[i].rtt, less = was < rtt ? was : rtt, more = was < rtt ? rtt : was;
        if (row->known[i].slot == slot)
            return more - less > JUMP && more - less > more / 5;
    }
    return false;
}

static bool is_network(const struct steer_prefix *p)
{
    return (p->kind == STEER_NET4 && p->bits == 24) || (p->kind == STEER_NET6 && p->bits == 48);
}

static void forget_before(struct row *row, uint32_t at_s)
{
    row->moved_s = at_s;
    row->home = STEER_NOBODY;
    for (unsigned i = row->n; i > 0; i--) {
        if (row->known[i - 1].at_s + AGE_ROOM_S < at_s)
            drop_at(row, i - 1);
    }
}

bool rows_moved(const struct rows *r, const struct steer_prefix *p, uint32_t since_s)
{
    const struct row *row = is_network(p) ? rows_find(r, p) : NULL;

    return row != NULL && since_s + AGE_ROOM_S < row->moved_s;
}

void rows_set(struct steer *s, uint16_t slot, const struct steer_prefix *p, uint16_t rtt, uint32_t at_s)
{
    uint64_t hash = hash_of(&s->rows, p);
    struct row *row = find(&s->rows, p, hash);

    if (row == NULL)
        row = row_new(s, slot, p, hash);
    else if (row->owner == slot)
        give_to(s, row, slot); /* to the end of its list */
    if (row == NULL)
        return;
    if (at_s + AGE_ROOM_S < row->moved_s)
        return;
    bool jumped = is_network(p) && has_jumped(row, slot, rtt);
    drop_of(row, slot);
    if (jumped)
        forget_before(row, at_s);
    put(row, (struct known){ .slot = slot, .rtt = rtt, .at_s = at_s }, steer_seconds(s->now));
    s->changed = true;
}

/* |row| has lost figures: without any it goes, and without its owner's it lies on the account of the nearest one. */
static void settle(struct steer *s, struct row *row)
{
    if (row->n == 0) {
        row_free(s, row);
        return;
    }
    for (unsigned i = 0; i < row->n; i++) {
        if (row->known[i].slot == row->owner)
            return;
    }
    give_to(s, row, row->known[0].slot);
}

void rows_forget(struct steer *s, uint16_t slot)
{
    for (size_t i = 0; i < s->rows.used; i++) {
        struct row *row = &s->rows.all[i];
        if (row->owner == STEER_NOBODY)
            continue;
        if (row->home == slot)
            row->home = STEER_NOBODY;
        if (drop_of(row, slot) || row->owner == slot)
            settle(s, row);
    }
    assert(list_empty(&s->edges[slot]->rows));
}

void rows_sweep(struct steer *s)
{
    struct rows *r = &s->rows;
    uint32_t now_s = steer_seconds(s->now);

    for (size_t n = r->used / 256 + 1; n > 0 && r->used > 0; n--) {
        struct row *row = &r->all[r->sweep++ % r->used];
        uint8_t had = row->n;
        if (row->owner == STEER_NOBODY)
            continue;
        for (unsigned i = row->n; i > 0; i--) {
            if (now_s - row->known[i - 1].at_s > STEER_LIFE_S)
                drop_at(row, i - 1);
        }
        if (row->n < had) {
            settle(s, row);
            s->changed = true;
        }
    }
}
