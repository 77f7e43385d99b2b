/* What we measure ourselves. A network's time is smoothed as in RFC 6298: SRTT with 1/8, RTTVAR with 1/4. What is
 * further off than that allows is left out, as an accident, until OFF_MAX samples in a row were off to one side, or two
 * that agree with each other: then the path has changed, and their mean counts from now on.
 *
 * Room is for the most used networks. A newcomer that finds none draws for the place of the least used of some, and
 * gets it with one chance in (uses of that one + 1), as in Ben Basat, Einziger, Friedman, Kassner, "Randomized
 * admission policy for efficient top-k and frequency estimation", 2017 (there in its d-way form). Its own uses begin at
 * one all the same, so networks that are seen once each, however many, take turns in the places of such and leave those
 * that are used alone. Uses halve with time. */
#include <assert.h>
#include <stdlib.h>

#include "node/steer/steer_impl.h"
#include "proto/base/err.h"

#define OFF_MAX    3
#define ACCURACY   1000u /* us: what is less is no difference */
#define WAYS       16
#define OWN_HALF_S 600u
#define OWN_LEAST  8u
#define OWN_YOUNG  4

int own_init(struct own *o, size_t max, const uint8_t hash_key[16])
{
    *o = (struct own){ .changes = 0 };
    list_init(&o->changed);
    if (max < OWN_LEAST)
        max = OWN_LEAST;
    o->coarse.max = max / 4;
    o->fine.max = max - o->coarse.max;
    return map_init(&o->map, hash_key);
}

void own_fini(struct own *o)
{
    free(o->fine.all);
    free(o->coarse.all);
    map_fini(&o->map);
}

size_t own_count(const struct own *o)
{
    return o->fine.n + o->coarse.n;
}

const struct own_figure *own_at(const struct own *o, size_t i)
{
    return i < o->coarse.n ? &o->coarse.all[i] : &o->fine.all[i - o->coarse.n];
}

uint16_t own_units(const struct own_figure *f)
{
    uint32_t units = (f->srtt_us + 50) / 100;

    return (uint16_t)(units == 0 ? 1 : units > UINT16_MAX ? UINT16_MAX : units);
}

/* ---- room ---- */

static struct own_figure *find(const struct own *o, const struct steer_prefix *p, uint64_t hash)
{
    for (struct map_node *n = map_find(&o->map, hash); n != NULL; n = map_same(n)) {
        struct own_figure *f = OBJ_OF(n, struct own_figure, in_map);
        if (steer_prefix_eq(&f->prefix, p))
            return f;
    }
    return NULL;
}

static uint32_t uses_of(const struct own_figure *f, uint32_t now_s)
{
    uint32_t halves = now_s / OWN_HALF_S - f->uses_at;

    return halves < 32 ? f->uses >> halves : 0;
}

static void used(struct own_figure *f, uint32_t now_s)
{
    uint32_t uses = uses_of(f, now_s);

    f->uses = uses < UINT32_MAX ? uses + 1 : uses;
    f->uses_at = now_s / OWN_HALF_S;
    f->at_s = now_s;
}

/* Of WAYS, any ones, the least used; of several, the one used longest ago. */
static struct own_figure *least_used(struct own_pool *pool, uint32_t now_s, struct rand *rand)
{
    struct own_figure *least = NULL;

    for (int i = 0; i < WAYS; i++) {
        struct own_figure *f = &pool->all[rand_below(rand, pool->n)];
        uint32_t uses = uses_of(f, now_s), fewest = least != NULL ? uses_of(least, now_s) : UINT32_MAX;
        if (least == NULL || uses < fewest || (uses == fewest && f->at_s < least->at_s))
            least = f;
    }
    return least;
}

/* NULL: it was not its turn, or there is no memory. Room for all begins with the first; pages that nobody writes to
 * cost nothing. */
static struct own_figure *admit(struct steer *s, struct own_pool *pool, const struct steer_prefix *p, uint64_t hash)
{
    uint32_t now_s = steer_seconds(s->now);
    struct own_figure *f;

    if (pool->all == NULL && (pool->all = calloc(pool->max, sizeof(*pool->all))) == NULL)
        return NULL;
    if (pool->n < pool->max) {
        f = &pool->all[pool->n++];
    } else {
        f = least_used(pool, now_s, &s->rand);
        if (rand_below(&s->rand, (uint64_t)uses_of(f, now_s) + 1) != 0)
            return NULL;
        map_remove(&s->own.map, &f->in_map);
        list_remove(&f->in_changed);
    }
    *f = (struct own_figure){ .prefix = *p };
    list_init(&f->in_changed);
    map_insert(&s->own.map, &f->in_map, hash);
    return f;
}

/* ---- smoothing ---- */

static void begin(struct own_figure *f, uint32_t us, uint32_t var_us)
{
    f->srtt_us = us;
    f->rttvar_us = var_us;
    f->off_us = 0;
    f->off_n = 0;
}

static uint32_t margin_of(const struct own_figure *f)
{
    uint32_t margin = 4 * f->rttvar_us;

    margin = margin < ACCURACY ? ACCURACY : margin;
    return margin < f->srtt_us / 8 ? f->srtt_us / 8 : margin;
}

static uint32_t apart(uint32_t a, uint32_t b)
{
    return a > b ? a - b : b - a;
}

/* A path that changes back is none: the network has two kinds of viewers, and its time lies between theirs, or it would
 * turn to and fro for ever. */
static void change(struct own_figure *f, uint32_t us)
{
    uint32_t off = apart(us, f->srtt_us), back = apart(us, f->before_us);
    bool again = f->before_us != 0 && (back <= ACCURACY || back <= f->before_us / 4);

    f->before_us = again ? 0 : f->srtt_us;
    if (again)
        begin(f, (us + f->srtt_us) / 2, off / 2);
    else
        begin(f, us, off / 4);
}

/* Off by more than RFC 6298 would wait for. */
static bool far_off(struct own_figure *f, uint32_t us)
{
    bool above = us > f->srtt_us, off = apart(us, f->srtt_us) > margin_of(f);

    if (!off || (f->off_n != 0 && above != (f->off_n > 0))) {
        f->off_us = 0;
        f->off_n = 0;
    }
    if (!off)
        return false;
    /* Queues differ from one time to the next; a new path does not. */
    bool agree = abs(f->off_n) == 1 && apart(us, f->off_us) <= (us / 8 > ACCURACY ? us / 8 : ACCURACY);
    f->off_us += us;
    f->off_n = (int8_t)(f->off_n + (above ? 1 : -1));
    if (agree || abs(f->off_n) == OFF_MAX)
        change(f, f->off_us / (uint32_t)abs(f->off_n));
    return true;
}

static void smooth(struct own_figure *f, uint32_t us)
{
    if (f->srtt_us == 0) {
        begin(f, us, us / 2);
        f->young = 1;
        f->before_us = 0;
        return;
    }
    /* The first ones may be accidents: the least of a few is nearer to the path's time than their mean. */
    if (f->young < OWN_YOUNG) {
        f->young++;
        if (us < f->srtt_us)
            begin(f, us, us / 2);
    }
    if (far_off(f, us))
        return;
    f->rttvar_us = (3 * f->rttvar_us + apart(us, f->srtt_us)) / 4;
    f->srtt_us = (7 * f->srtt_us + us) / 8;
}

/* News: other than what was told by more than a tenth, 1 ms, and what is usual for this network. */
static bool is_news(const struct own_figure *f)
{
    uint32_t off = 100 * apart(own_units(f), f->told);

    return f->told == 0 || (off > ACCURACY && off > 10u * f->told && off > f->rttvar_us);
}

/* Where there is no more room, one that was seen once may be gone soon: nobody needs to know. */
static bool is_told(const struct own_figure *f, const struct own_pool *pool)
{
    return f->told != 0 || f->uses > 1 || pool->n < pool->max;
}

static bool take(struct steer *s, struct own_pool *pool, const struct steer_prefix *p, uint32_t us)
{
    struct own *o = &s->own;
    uint64_t hash = map_hash(&o->map, slice_of(p, sizeof(*p)));
    struct own_figure *f = find(o, p, hash);

    if (f == NULL && (f = admit(s, pool, p, hash)) == NULL)
        return false;
    if (rows_moved(&s->rows, p, f->at_s))
        f->srtt_us = 0; /* all begins anew */
    used(f, steer_seconds(s->now));
    smooth(f, us);
    if (!is_told(f, pool))
        return true;
    if (is_news(f)) {
        f->told = own_units(f);
        f->changed = ++o->changes;
        list_remove(&f->in_changed);
        list_push_back(&o->changed, &f->in_changed);
    }
    rows_set(s, STEER_SELF, p, own_units(f), f->at_s);
    return true;
}

static bool is_letter(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

void own_sample(struct steer *s, const struct mesh_addr *viewer, const char *country, mesh_ns rtt)
{
    uint32_t us = (uint32_t)(rtt / 1000);
    struct steer_prefix p;

    if (!steer_prefix_of(&p, viewer, 0))
        return;
    us = us == 0 ? 1 : us;
    s->counters.samples++;
    if (!take(s, &s->own.fine, &p, us))
        s->counters.samples_coarse++;
    for (unsigned level = 1; level < STEER_LEVELS && steer_prefix_of(&p, viewer, level); level++)
        take(s, &s->own.coarse, &p, us);
    if (is_letter(country[0]) && is_letter(country[1]) && country[2] == '\0') {
        steer_prefix_country(&p, country);
        take(s, &s->own.coarse, &p, us);
    }
    steer_prefix_all(&p);
    take(s, &s->own.coarse, &p, us);
}

uint32_t own_uses(const struct own_figure *f, uint32_t now_s)
{
    return uses_of(f, now_s);
}
