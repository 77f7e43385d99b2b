#include "ring/ring.h"

#include <assert.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "proto/base/obj.h"

#define RING_MAGIC    0x52494e47u
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

struct ring {
    uint32_t magic;
    atomic_uint refs;
    uint64_t epoch;
    size_t n;
    uint8_t arc_bits;
    struct ring_member *members; /* ascending ids */
    uint32_t *shares;            /* by member */
    uint16_t *owners;            /* RING_OWNERS per arc: members, RING_NOBODY behind the last */
};

/* What a build needs besides the ring itself. */
struct build {
    struct logs logs;
    struct rival *rivals;
    struct call *calls; /* room for |n| and one */
    size_t n, zones;
    uint64_t limit; /* of cost / weight */
};

/* The finaliser of splitmix64 without its increment, here because a build runs it
 * some ten million times and wants it inlined. */
static inline uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

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

/* Collects into b->calls the rivals whose bid on the arc may be below b->limit, or all. */
static size_t arc_calls(const struct build *b, uint64_t arc_hash, bool all)
{
    size_t n = 0;

    for (size_t i = 0; i < b->n; i++) { /* no branches: they would be guessed wrong too often */
        const struct rival *r = &b->rivals[i];
        uint64_t hash = mix(r->hash ^ arc_hash);
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
    uint64_t arc_hash = mix(arc + UINT64_C(0x9e3779b97f4a7c15));
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

static int by_id(const void *a, const void *b)
{
    return node_id_cmp(&((const struct ring_member *)a)->id, &((const struct ring_member *)b)->id);
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

struct ring *ring_new(const struct ring_member *members, size_t n, uint8_t arc_bits)
{
    struct build b;

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
    if (r->members == NULL || r->shares == NULL || r->owners == NULL)
        goto fail;
    if (n > 0)
        memcpy(r->members, members, n * sizeof(*members));
    qsort(r->members, n, sizeof(*r->members), by_id);
    for (size_t i = 1; i < n; i++)
        assert(by_id(&r->members[i - 1], &r->members[i]) < 0); /* ids are distinct */
    r->epoch = ring_digest(r->members, n);
    if (!build_init(&b, r))
        goto fail;
    for (uint32_t arc = 0; arc < ring_arcs(r); arc++) {
        arc_build(r, &b, arc);
        uint16_t first = r->owners[(size_t)arc * RING_OWNERS];
        if (first != RING_NOBODY)
            r->shares[first]++;
    }
    build_fini(&b);
    return r;
fail:
    ring_unref(r);
    return NULL;
}

struct ring *ring_ref(struct ring *r)
{
    OBJ_CHECK(r, RING_MAGIC);
    atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
    return r;
}

void ring_unref(struct ring *r)
{
    if (r == NULL)
        return;
    OBJ_CHECK(r, RING_MAGIC);
    if (atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1)
        return;
    r->magic = 0;
    free(r->members);
    free(r->shares);
    free(r->owners);
    free(r);
}

uint64_t ring_zone(struct slice name)
{
    struct slice parts[] = { SLICE_LIT("hedgerow ring zone"), name };
    struct digest d;

    digest_of(&d, parts, 2);
    return digest_u64(&d);
}

uint64_t ring_digest(const struct ring_member *members, size_t n)
{
    uint64_t sum = n;

    for (size_t i = 0; i < n; i++) {
        uint8_t numbers[12];
        struct slice parts[] = { SLICE_LIT("hedgerow ring epoch"), SLICE_OF(members[i].id.bytes), SLICE_OF(numbers) };
        struct digest d;
        be64_put(numbers, members[i].zone);
        be32_put(numbers + 8, members[i].weight);
        digest_of(&d, parts, 3);
        sum += digest_u64(&d);
    }
    return mix(sum);
}

uint64_t ring_epoch(const struct ring *r)
{
    OBJ_CHECK(r, RING_MAGIC);
    return r->epoch;
}

size_t ring_size(const struct ring *r)
{
    OBJ_CHECK(r, RING_MAGIC);
    return r->n;
}

uint32_t ring_arcs(const struct ring *r)
{
    OBJ_CHECK(r, RING_MAGIC);
    return UINT32_C(1) << r->arc_bits;
}

uint32_t ring_arc(const struct ring *r, const struct digest *key)
{
    OBJ_CHECK(r, RING_MAGIC);
    return be32_get(key->bytes) >> (32 - r->arc_bits);
}

size_t ring_owners(const struct ring *r, uint32_t arc, const struct ring_member *owners[RING_OWNERS])
{
    size_t n = 0;

    assert(arc < ring_arcs(r));
    const uint16_t *at = r->owners + (size_t)arc * RING_OWNERS;
    while (n < RING_OWNERS && at[n] != RING_NOBODY) {
        owners[n] = &r->members[at[n]];
        n++;
    }
    return n;
}

int ring_rank(const struct ring *r, uint32_t arc, const struct node_id *id)
{
    const struct ring_member *owners[RING_OWNERS];
    size_t n = ring_owners(r, arc, owners);

    for (size_t i = 0; i < n; i++) {
        if (node_id_eq(&owners[i]->id, id))
            return (int)i;
    }
    return -1;
}

uint32_t ring_share(const struct ring *r, const struct node_id *id)
{
    OBJ_CHECK(r, RING_MAGIC);
    struct ring_member want = { .id = *id };
    const struct ring_member *at = bsearch(&want, r->members, r->n, sizeof(want), by_id);
    return at != NULL ? r->shares[at - r->members] : 0;
}

uint32_t ring_moved(const struct ring *a, const struct ring *b)
{
    const struct ring_member *in_a[RING_OWNERS], *in_b[RING_OWNERS];
    uint32_t moved = 0;

    assert(ring_arcs(a) == ring_arcs(b));
    for (uint32_t arc = 0; arc < ring_arcs(a); arc++) {
        size_t n = ring_owners(a, arc, in_a), m = ring_owners(b, arc, in_b);
        moved += n > 0 && m > 0 ? !node_id_eq(&in_a[0]->id, &in_b[0]->id) : (n > 0) != (m > 0);
    }
    return moved;
}
