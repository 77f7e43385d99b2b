/* build.c - from members to owners: bids, podiums, whole tables and changes of tables. */
#include <assert.h>
#include <stdlib.h>

#include "ring/table.h"

#define ARC_BITS_MAX  20
#define LOG_ONE_SHIFT 57 /* a logarithm of 64 still fits 64 bits */
#define SEGMENTS      256
#define CALLS         8 /* looked at closely on an arc; a guess, it decides nothing */

__extension__ typedef unsigned __int128 u128;

/* -log2 of SEGMENTS + 1 points of one octave, from 1/2 to 1, in units of 2^-57. */
struct logs {
    uint64_t at[SEGMENTS + 1];
};

/* A member that can own something, as the build sees it. |zone| is dense. */
struct rival {
    uint64_t hash;
    uint64_t reach; /* no bid whose hash lies further than this from the top is below the limit */
    uint32_t weight;
    uint16_t zone, member;
};

/* A rival whose bid on an arc is worth a look. */
struct call {
    uint64_t hash;
    uint16_t rival;
};

/* A rival on one arc. The smaller cost / weight is the better one. */
struct bid {
    uint64_t cost;
    const struct rival *rival;
};

/* The best bids of distinct zones, best first. */
struct podium {
    struct bid bids[RING_OWNERS];
    size_t n, cap;
};

/* What a build needs besides the ring itself. */
struct build {
    struct logs logs;
    struct rival *rivals;
    struct call *calls; /* room for |n| and one */
    size_t n, zones;
    uint64_t limit; /* of cost / weight */
};

/* log2 by repeated squaring: each squaring of x in [1, 2) brings forth one more bit
 * (Knuth, TAOCP 1.2.2, exercise 28). Bits are cut, so the costs are rounded up. */
static void logs_make(struct logs *l)
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

/* Exact: cost / weight compared crosswise. Equal bids go to the smaller id. */
static bool better(const struct bid *a, const struct bid *b)
{
    u128 left = (u128)a->cost * b->rival->weight, right = (u128)b->cost * a->rival->weight;
    return left != right ? left < right : a->rival->member < b->rival->member;
}

/* Sorts |bid| in; of each zone only its best stays. |by_zone| off: each rival is a zone of its own. */
static void podium_offer(struct podium *p, const struct bid *bid, bool by_zone)
{
    size_t at = 0;

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

static uint64_t arc_hash_of(uint32_t arc)
{
    return table_mix(arc + UINT64_C(0x9e3779b97f4a7c15));
}

/* Collects into b->calls the rivals whose bid on the arc may be below b->limit, or all. */
static size_t arc_calls(const struct build *b, uint64_t arc_hash, bool all)
{
    size_t n = 0;

    for (size_t i = 0; i < b->n; i++) { /* no branches: they would be guessed wrong too often */
        const struct rival *r = &b->rivals[i];
        uint64_t hash = table_mix(r->hash ^ arc_hash);
        b->calls[n] = (struct call){ hash, (uint16_t)i };
        n += (size_t)((~hash <= r->reach) | all);
    }
    return n;
}

/* Nobody who was not called can stand on a full podium whose last bid is below the limit. */
static bool podium_sure(const struct podium *p, uint64_t limit)
{
    if (p->n < p->cap)
        return false;
    const struct bid *last = &p->bids[p->n - 1];
    return last->cost < (u128)limit * last->rival->weight;
}

static bool arc_try(const struct build *b, size_t calls, struct podium *zoned, struct podium *plain)
{
    zoned->n = plain->n = 0;
    for (size_t i = 0; i < calls; i++) {
        const struct rival *r = &b->rivals[b->calls[i].rival];
        struct bid bid = { cost_of(&b->logs, b->calls[i].hash), r };
        if (zoned->cap > 0)
            podium_offer(zoned, &bid, true);
        if (plain->cap > 0)
            podium_offer(plain, &bid, false);
    }
    return calls == b->n ||
           ((zoned->cap == 0 || podium_sure(zoned, b->limit)) && (plain->cap == 0 || podium_sure(plain, b->limit)));
}

/* With three zones and more the best of each suffice. With two the best of each come
 * first, then the best that remains; with one it is the best that remain throughout. */
static void arc_build(struct ring *r, const struct build *b, uint32_t arc)
{
    struct podium zoned = { .cap = b->zones < 2 ? 0 : b->zones < RING_OWNERS ? b->zones : RING_OWNERS };
    struct podium plain = { .cap = b->zones >= RING_OWNERS ? 0 : b->n < RING_OWNERS ? b->n : RING_OWNERS };
    uint16_t *owners = r->owners + (size_t)arc * RING_OWNERS;
    uint64_t arc_hash = arc_hash_of(arc);
    size_t n = 0;

    if (!arc_try(b, arc_calls(b, arc_hash, false), &zoned, &plain))
        arc_try(b, arc_calls(b, arc_hash, true), &zoned, &plain);
    for (; n < zoned.n; n++)
        owners[n] = zoned.bids[n].rival->member;
    for (size_t i = 0; i < plain.n && n < RING_OWNERS; i++) {
        bool placed = false;
        for (size_t j = 0; j < zoned.n; j++)
            placed |= zoned.bids[j].rival == plain.bids[i].rival;
        if (!placed)
            owners[n++] = plain.bids[i].rival->member;
    }
    for (; n < RING_OWNERS; n++)
        owners[n] = RING_NOBODY;
}

static int by_zone_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Of its id alone: neither zone nor weight moves an arc between two other members. */
static uint64_t rival_hash(const struct node_id *id)
{
    struct slice parts[] = { SLICE_LIT("hedgerow ring member"), SLICE_OF(id->bytes) };
    struct digest d;

    digest_of(&d, parts, 2);
    return digest_u64(&d);
}

/* The limit that about CALLS rivals an arc are below. As -log2(u) >= (1 - u) * log2(e),
 * no chord lies below its logarithm, and log2(e) > 1 + 1/4 + 1/8 + 1/16, a hash that is
 * further from 2^64 than weight * step costs more than the limit. */
static void build_limit(struct build *b)
{
    uint64_t total = 0, step;

    for (size_t i = 0; i < b->n; i++)
        total += b->rivals[i].weight;
    if (b->n == 0)
        return;
    u128 exact = ((u128)CALLS << 64) / total;
    step = exact > UINT64_MAX ? UINT64_MAX : (uint64_t)exact;
    b->limit = (uint64_t)(((u128)step * 23 / 16) >> (64 - LOG_ONE_SHIFT));
    for (size_t i = 0; i < b->n; i++) {
        u128 reach = (u128)step * b->rivals[i].weight;
        b->rivals[i].reach = reach > UINT64_MAX ? UINT64_MAX : (uint64_t)reach;
    }
}

static void build_fini(struct build *b)
{
    free(b->rivals);
    free(b->calls);
}

static bool build_init(struct build *b, const struct ring *r)
{
    uint64_t *zones = malloc((r->n + 1) * sizeof(*zones));

    *b = (struct build){ .rivals = malloc((r->n + 1) * sizeof(*b->rivals)),
                         .calls = malloc((r->n + 1) * sizeof(*b->calls)) };
    if (b->rivals == NULL || b->calls == NULL || zones == NULL) {
        free(zones);
        build_fini(b);
        return false;
    }
    for (size_t i = 0; i < r->n; i++) {
        const struct ring_member *m = &r->members[i];
        if (m->weight == 0)
            continue;
        zones[b->n] = m->zone;
        b->rivals[b->n++] = (struct rival){ .hash = rival_hash(&m->id), .weight = m->weight, .member = (uint16_t)i };
    }
    qsort(zones, b->n, sizeof(*zones), by_zone_number);
    for (size_t i = 0; i < b->n; i++) {
        if (i == 0 || zones[i] != zones[b->zones - 1])
            zones[b->zones++] = zones[i];
    }
    for (size_t i = 0; i < b->n; i++) {
        uint64_t zone = r->members[b->rivals[i].member].zone;
        const uint64_t *at = bsearch(&zone, zones, b->zones, sizeof(*zones), by_zone_number);
        b->rivals[i].zone = (uint16_t)(at - zones);
    }
    free(zones);
    logs_make(&b->logs);
    build_limit(b);
    return true;
}

/* ---- from one table to the next ----
 * Where no owner has left or changed, an arc's owners are the best of the old ones and
 * of the new bids: each old owner is the best of its zone, and whoever was not good
 * enough before is not now. So few bids are looked at. */

struct change {
    const struct ring *from;     /* NULL: nothing to begin with */
    const struct rival **stayed; /* by member of |from|: as it is now, NULL if it left or changed */
    const struct rival **came;
    size_t came_n;
};

static void change_fini(struct change *c)
{
    free(c->stayed);
    free(c->came);
}

static bool change_init(struct change *c, const struct build *b, const struct ring *from, const struct ring *r)
{
    size_t old = 0;

    *c = (struct change){ .from = NULL };
    if (from == NULL || b->zones < RING_OWNERS)
        return true;
    c->stayed = calloc(from->n + 1, sizeof(*c->stayed));
    c->came = calloc(b->n, sizeof(*c->came));
    if (c->stayed == NULL || c->came == NULL) {
        change_fini(c);
        return false;
    }
    for (size_t i = 0; i < b->n; i++) { /* both in the order of ids */
        const struct ring_member *now = &r->members[b->rivals[i].member];
        while (old < from->n && ring_member_by_id(&from->members[old], now) < 0)
            old++;
        const struct ring_member *was = old < from->n ? &from->members[old] : NULL;
        if (was != NULL && node_id_eq(&was->id, &now->id) && was->weight == now->weight && was->zone == now->zone)
            c->stayed[old] = &b->rivals[i];
        else
            c->came[c->came_n++] = &b->rivals[i];
    }
    if (c->came_n <= b->n / 2) /* else a build from nothing is as good */
        c->from = from;
    return true;
}

static struct bid bid_of(const struct build *b, const struct rival *r, uint64_t arc_hash)
{
    return (struct bid){ cost_of(&b->logs, table_mix(r->hash ^ arc_hash)), r };
}

static bool arc_change(struct ring *r, const struct build *b, const struct change *c, uint32_t arc)
{
    struct podium p = { .cap = RING_OWNERS };
    uint64_t arc_hash = arc_hash_of(arc);
    size_t at = (size_t)arc * RING_OWNERS;

    if (c->from == NULL)
        return false;
    for (; p.n < RING_OWNERS; p.n++) {
        uint16_t old = c->from->owners[at + p.n];
        if (old == RING_NOBODY || c->stayed[old] == NULL)
            return false;
        p.bids[p.n].rival = c->stayed[old];
        for (size_t i = 0; i < p.n; i++) { /* the old members had two zones only: other rules */
            if (p.bids[i].rival->zone == p.bids[p.n].rival->zone)
                return false;
        }
    }
    if (c->came_n > 0) {
        for (size_t i = 0; i < RING_OWNERS; i++)
            p.bids[i] = bid_of(b, p.bids[i].rival, arc_hash);
    }
    for (size_t i = 0; i < c->came_n; i++) {
        struct bid bid = bid_of(b, c->came[i], arc_hash);
        podium_offer(&p, &bid, true);
    }
    for (size_t i = 0; i < RING_OWNERS; i++)
        r->owners[at + i] = p.bids[i].rival->member;
    return true;
}

/* The members, sorted, with all owners still to be found. */
static struct ring *table_new(const struct ring_member *members, size_t n, uint8_t arc_bits)
{
    assert(n <= RING_MEMBERS_MAX && arc_bits >= 1 && arc_bits <= ARC_BITS_MAX);
    struct ring *r = calloc(1, sizeof(*r));
    if (r == NULL)
        return NULL;
    r->magic = RING_MAGIC;
    atomic_init(&r->refs, 1);
    r->n = n;
    r->arc_bits = arc_bits;
    r->members = calloc(n + 1, sizeof(*r->members));
    r->shares = calloc(n + 1, sizeof(*r->shares));
    r->owners = malloc(((size_t)RING_OWNERS << arc_bits) * sizeof(*r->owners));
    if (r->members == NULL || r->shares == NULL || r->owners == NULL) {
        ring_unref(r);
        return NULL;
    }
    if (n > 0)
        memcpy(r->members, members, n * sizeof(*members));
    qsort(r->members, n, sizeof(*r->members), ring_member_by_id);
    for (size_t i = 1; i < n; i++)
        assert(ring_member_by_id(&r->members[i - 1], &r->members[i]) < 0); /* ids are distinct */
    r->epoch = ring_digest(r->members, n);
    return r;
}

/* Without |from|: every arc anew. */
static struct ring *table_build(const struct ring *from, const struct ring_member *members, size_t n, uint8_t arc_bits)
{
    struct ring *r = table_new(members, n, arc_bits);
    struct build b;
    struct change c;

    if (r == NULL)
        return NULL;
    if (!build_init(&b, r))
        goto fail;
    if (!change_init(&c, &b, from, r)) {
        build_fini(&b);
        goto fail;
    }
    for (uint32_t arc = 0; arc < ring_arcs(r); arc++) {
        if (!arc_change(r, &b, &c, arc))
            arc_build(r, &b, arc);
        uint16_t first = r->owners[(size_t)arc * RING_OWNERS];
        if (first != RING_NOBODY)
            r->shares[first]++;
    }
    change_fini(&c);
    build_fini(&b);
    return r;
fail:
    ring_unref(r);
    return NULL;
}

struct ring *ring_new(const struct ring_member *members, size_t n, uint8_t arc_bits)
{
    return table_build(NULL, members, n, arc_bits);
}

struct ring *ring_next(const struct ring *from, const struct ring_member *members, size_t n)
{
    OBJ_CHECK(from, RING_MAGIC);
    return table_build(from, members, n, from->arc_bits);
}
