#include "ring/rank.h"

#include <assert.h>
#include <stdlib.h>

#define LOG_ONE_SHIFT 57 /* a logarithm of 64 still fits 64 bits */
#define SEGMENTS      RING_LOG_SEGMENTS
#define CALLS         8 /* looked at closely on an arc; a guess, it decides nothing */

__extension__ typedef unsigned __int128 u128;

/* A rival on one arc. The smaller cost / weight is the better one. */
struct bid {
    uint64_t cost;
    const struct rival *rival;
};

/* The best bids of distinct zones, or the best of all; best first. */
struct podium {
    struct bid bids[RING_OWNERS];
    size_t n, cap;
};

/* log2 by repeated squaring: each squaring of x in [1, 2) brings forth one more bit
 * (Knuth, TAOCP 1.2.2, exercise 28). Bits are cut, so the costs are rounded up. */
void rank_logs(struct logs *l)
{
    for (size_t i = 0; i < SEGMENTS; i++) {
        uint64_t x = (uint64_t)(SEGMENTS + i) << 55, log2 = 0; /* x: 63 bits of fraction */
        for (int bit = LOG_ONE_SHIFT - 1; bit >= 0; bit--) {
            u128 square = ((u128)x * x) >> 63;
            bool carry = (square >> 64) != 0;
            log2 |= (uint64_t)carry << bit;
            x = (uint64_t)(carry ? square >> 1 : square);
        }
        l->at[i] = (UINT64_C(1) << LOG_ONE_SHIFT) - log2;
    }
    l->at[SEGMENTS] = 0;
}

/* -log2(hash / 2^64): the octave by counting zeros, the rest by chords of the table.
 * Chords are continuous, falling and off by less than 2^-18, which moves a share
 * by less than a thousandth; and each CPU computes the same integer. */
static inline uint64_t cost_of(const struct logs *l, uint64_t hash)
{
    hash |= hash == 0;
    int octave = __builtin_clzll(hash);
    uint64_t m = hash << octave;
    size_t i = (m >> 55) & (SEGMENTS - 1);
    uint64_t fall = (uint64_t)(((u128)(l->at[i] - l->at[i + 1]) * (m << 9)) >> 64);
    return ((uint64_t)octave << LOG_ONE_SHIFT) + l->at[i] - fall;
}

static uint64_t arc_hash_of(uint32_t arc)
{
    return table_mix(arc + UINT64_C(0x9e3779b97f4a7c15));
}

static struct bid bid_of(const struct rank *k, const struct rival *r, uint64_t arc_hash)
{
    return (struct bid){ cost_of(&k->ring->logs, table_mix(r->hash ^ arc_hash)), r };
}

/* Exact: cost / weight compared crosswise. Equal bids go to the smaller id. */
static bool better(const struct bid *a, const struct bid *b)
{
    u128 left = (u128)a->cost * b->rival->weight, right = (u128)b->cost * a->rival->weight;
    return left != right ? left < right : a->rival->member < b->rival->member;
}

static bool below(const struct bid *b, uint64_t limit)
{
    return b->cost < (u128)limit * b->rival->weight;
}

/* Sorts |bid| in; of each zone only its best stays. |by_zone| off: each rival is a zone of its own. */
static void podium_offer(struct podium *p, const struct bid *bid, bool by_zone)
{
    size_t at = 0;

    if (p->n == p->cap && better(&p->bids[p->n - 1], bid)) /* as most are */
        return;
    while (at < p->n && better(&p->bids[at], bid)) {
        if (by_zone && p->bids[at].rival->zone == bid->rival->zone)
            return;
        at++;
    }
    if (at == p->cap)
        return;
    size_t out = at; /* the place that gives way: the same zone's, the last one's, or a new one */
    while (by_zone && out < p->n && p->bids[out].rival->zone != bid->rival->zone)
        out++;
    if (!by_zone || out == p->n)
        out = p->n < p->cap ? p->n++ : p->n - 1;
    for (size_t i = out; i > at; i--)
        p->bids[i] = p->bids[i - 1];
    p->bids[at] = *bid;
}

/* Nobody who was not called can stand on a full podium whose last bid is below the limit. */
static bool podium_sure(const struct podium *p, uint64_t limit)
{
    return p->cap == 0 || (p->n == p->cap && below(&p->bids[p->n - 1], limit));
}

/* The two podiums of an arc. With three zones and more the best of each suffice. With
 * two the best of each come first, then the best that remains; with one it is the best
 * that remain throughout. */
struct podiums {
    struct podium zoned, plain;
};

static struct podiums podiums_of(const struct rank *k)
{
    return (struct podiums){ .zoned.cap = k->zones < 2             ? 0
                                          : k->zones < RING_OWNERS ? k->zones
                                                                   : RING_OWNERS,
                             .plain.cap = k->zones >= RING_OWNERS ? 0
                                          : k->n < RING_OWNERS    ? k->n
                                                                  : RING_OWNERS };
}

static void offer(struct podiums *p, const struct bid *bid)
{
    if (p->zoned.cap > 0)
        podium_offer(&p->zoned, bid, true);
    if (p->plain.cap > 0)
        podium_offer(&p->plain, bid, false);
}

static void owners_of(const struct podiums *p, uint16_t owners[RING_OWNERS])
{
    size_t n = 0;

    for (; n < p->zoned.n; n++)
        owners[n] = p->zoned.bids[n].rival->member;
    for (size_t i = 0; i < p->plain.n && n < RING_OWNERS; i++) {
        bool placed = false;
        for (size_t j = 0; j < p->zoned.n; j++)
            placed |= p->zoned.bids[j].rival == p->plain.bids[i].rival;
        if (!placed)
            owners[n++] = p->plain.bids[i].rival->member;
    }
    for (; n < RING_OWNERS; n++)
        owners[n] = RING_NOBODY;
}

/* Collects into k->calls the rivals whose bid on the arc may be below k->limit, or all. */
static size_t arc_calls(const struct rank *k, uint64_t arc_hash, bool all)
{
    size_t n = 0;

    for (size_t i = 0; i < k->n; i++) { /* no branches: they would be guessed wrong too often */
        const struct rival *r = &k->rivals[i];
        uint64_t hash = table_mix(r->hash ^ arc_hash);
        k->calls[n] = (struct call){ hash, (uint16_t)i };
        n += (size_t)((~hash <= r->reach) | all);
    }
    return n;
}

/* Four bars an octave: 4, 5, 6, 7, 8, 10, 12, 14, 16, 20 ... */
uint64_t rank_bar_limit(uint8_t bar)
{
    assert(bar < RANK_BARS);
    return bar < 4 ? bar : (UINT64_C(4) + bar % 4) << (bar / 4 - 1);
}

static uint8_t bar_of(const struct podium *p)
{
    if (p->n < RING_OWNERS)
        return RANK_NO_BAR;
    const struct bid *third = &p->bids[RING_OWNERS - 1];
    uint64_t least = third->cost / third->rival->weight + 1; /* the limit must not be smaller */
    if (least < 4)
        return (uint8_t)least;
    unsigned shift = 61 - (unsigned)__builtin_clzll(least); /* leaves three bits */
    unsigned bar = 4 * shift + (unsigned)(least >> shift) + ((least & ((UINT64_C(1) << shift) - 1)) != 0);
    return bar < RANK_BARS ? (uint8_t)bar : RANK_NO_BAR;
}

uint8_t rank_arc(const struct rank *k, uint32_t arc, uint16_t owners[RING_OWNERS])
{
    uint64_t arc_hash = arc_hash_of(arc);
    struct podiums p;

    for (bool all = false;; all = true) {
        size_t calls = arc_calls(k, arc_hash, all);
        p = podiums_of(k);
        for (size_t i = 0; i < calls; i++) {
            struct bid bid = { cost_of(&k->ring->logs, k->calls[i].hash), &k->rivals[k->calls[i].rival] };
            offer(&p, &bid);
        }
        if (calls == k->n || (podium_sure(&p.zoned, k->limit) && podium_sure(&p.plain, k->limit)))
            break;
    }
    owners_of(&p, owners);
    return bar_of(&p.zoned);
}

/* Hashes that lie further apart than this never have the same cost: within the first octave, where costs change least,
 * some 90 do. */
#define APART (UINT64_C(1) << 16)

uint16_t rank_first(const struct rank *k, uint32_t arc)
{
    uint64_t arc_hash = arc_hash_of(arc), most = 0, second = 0;
    size_t at = 0;

    if (!k->even) {
        struct bid best = bid_of(k, &k->rivals[0], arc_hash);
        for (size_t i = 1; i < k->n; i++) {
            struct bid bid = bid_of(k, &k->rivals[i], arc_hash);
            if (better(&bid, &best))
                best = bid;
        }
        return best.rival->member;
    }
    for (size_t i = 0; i < k->n; i++) { /* the larger the hash, the smaller the cost */
        uint64_t hash = table_mix(k->rivals[i].hash ^ arc_hash);
        uint64_t less = hash > most ? most : hash;
        at = hash > most ? i : at;
        most = hash > most ? hash : most;
        second = less > second ? less : second;
    }
    if (most - second > APART)
        return k->rivals[at].member;
    uint16_t owners[RING_OWNERS];
    rank_arc(k, arc, owners);
    return owners[0];
}

/* Who is the first of an arc nearly always bids there what few of |n| bids reach, so first only those arcs are looked
 * at where it does. */
bool rank_places(const struct rank *k, uint16_t member)
{
    const struct rival *rival = k->rivals;
    uint32_t arcs = ring_arcs(k->ring);

    while (rival->member != member)
        rival++;
    uint64_t high = UINT64_MAX - UINT64_MAX / (4 * k->n);
    for (uint32_t arc = 0; arc < arcs; arc++) {
        if (table_mix(rival->hash ^ arc_hash_of(arc)) >= high && rank_first(k, arc) == member)
            return true;
    }
    for (uint32_t arc = 0; arc < arcs; arc++) {
        if (table_mix(rival->hash ^ arc_hash_of(arc)) < high && rank_first(k, arc) == member)
            return true;
    }
    return false;
}

bool rank_in_vain(const struct rank *k, uint32_t arc, uint8_t bar, const struct rival *const *came, size_t came_n)
{
    if (bar == RANK_NO_BAR)
        return false;
    uint64_t arc_hash = arc_hash_of(arc), reach = k->reach[bar];
    bool any = false;

    for (size_t i = 0; i < came_n; i++)
        any |= ~table_mix(came[i]->hash ^ arc_hash) <= (u128)reach * came[i]->weight;
    return !any;
}

uint8_t rank_arc_again(const struct rank *k, uint32_t arc, const struct rival *const *old, size_t old_n,
                       const struct rival *const *came, size_t came_n, uint16_t owners[RING_OWNERS])
{
    uint64_t arc_hash = arc_hash_of(arc);
    struct podiums p = podiums_of(k);

    for (size_t i = 0; i < old_n + came_n; i++) {
        struct bid bid = bid_of(k, i < old_n ? old[i] : came[i - old_n], arc_hash);
        offer(&p, &bid);
    }
    owners_of(&p, owners);
    return bar_of(&p.zoned);
}

/* ---- rivals ---- */

static int by_zone_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* As -log2(u) >= (1 - u) * log2(e), no chord lies below its logarithm, and log2(e) > 23/16, a hash
 * that is further from 2^64 than weight times this bids no less than |limit|. */
static uint64_t reach_of(uint64_t limit)
{
    u128 reach = (((u128)limit << (64 - LOG_ONE_SHIFT)) * 16 + 22) / 23 + 1;
    return reach > UINT64_MAX ? UINT64_MAX : (uint64_t)reach;
}

/* The limit that about CALLS rivals an arc are below. */
static void set_limit(struct rank *k)
{
    uint64_t total = 0, step;

    for (size_t i = 0; i < k->n; i++)
        total += k->rivals[i].weight;
    if (k->n == 0)
        return;
    u128 exact = ((u128)CALLS << 64) / total;
    step = exact > UINT64_MAX ? UINT64_MAX : (uint64_t)exact;
    k->limit = (uint64_t)(((u128)step * 23 / 16) >> (64 - LOG_ONE_SHIFT));
    for (size_t i = 0; i < k->n; i++) {
        u128 reach = (u128)step * k->rivals[i].weight;
        k->rivals[i].reach = reach > UINT64_MAX ? UINT64_MAX : (uint64_t)reach;
    }
    for (unsigned bar = 0; bar < RANK_BARS; bar++)
        k->reach[bar] = reach_of(rank_bar_limit((uint8_t)bar));
}

void rank_fini(struct rank *k)
{
    free(k->rivals);
    free(k->calls);
    free(k->placed);
    *k = (struct rank){ .ring = NULL };
}

bool rank_init(struct rank *k, const struct ring *r)
{
    uint64_t *zones = malloc((r->n + 1) * sizeof(*zones));

    *k = (struct rank){ .ring = r,
                        .rivals = malloc((r->n + 1) * sizeof(*k->rivals)),
                        .calls = malloc((r->n + 1) * sizeof(*k->calls)) };
    if (k->rivals == NULL || k->calls == NULL || zones == NULL) {
        free(zones);
        return false;
    }
    for (size_t i = 0; i < r->n; i++) {
        const struct ring_member *m = &r->members[i];
        if (m->weight == 0)
            continue;
        zones[k->n] = m->zone;
        k->rivals[k->n++] = (struct rival){ .hash = r->hashes[i].rival, .weight = m->weight, .member = (uint16_t)i };
    }
    qsort(zones, k->n, sizeof(*zones), by_zone_number);
    for (size_t i = 0; i < k->n; i++) {
        if (i == 0 || zones[i] != zones[k->zones - 1])
            zones[k->zones++] = zones[i];
    }
    for (size_t i = 0; i < k->n; i++) {
        uint64_t zone = r->members[k->rivals[i].member].zone;
        const uint64_t *at = bsearch(&zone, zones, k->zones, sizeof(*zones), by_zone_number);
        k->rivals[i].zone = (uint16_t)(at - zones);
    }
    free(zones);
    k->even = true;
    for (size_t i = 1; i < k->n; i++)
        k->even &= k->rivals[i].weight == k->rivals[0].weight;
    set_limit(k);
    return true;
}
