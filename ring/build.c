/* build.c - from members to a table: from nothing or from an older table, in slices. */
#include <assert.h>
#include <stdlib.h>

#include "ring/rank.h"

#define ARC_BITS_MAX 20
#define MAGIC        UINT32_C(0x72627569)

/* What an arc costs besides its bids, in bids. */
#define ARC_WORK   16
#define AGAIN_WORK 4

struct ring_build {
    uint32_t magic;
    struct ring *r;
    struct rank rank;
    uint32_t arc; /* the next one */

    /* From an older table: on an arc whose owners have neither left nor changed only the newcomers bid. */
    const struct ring *from;     /* NULL: all bid everywhere */
    const struct rival **stayed; /* by member of |from|: as it is now, NULL if it left or changed; */
    uint16_t *renamed;           /* its number now, RING_NOBODY if so */
    const struct rival **came;
    size_t came_n;
    bool spread; /* each arc of |from| has three owners in three zones */
};

/* Of its id alone: neither zone nor weight moves an arc between two other members. */
static uint64_t rival_hash(const struct node_id *id)
{
    struct slice parts[] = { SLICE_LIT("hedgerow ring member"), SLICE_OF(id->bytes) };
    struct digest d;

    digest_of(&d, parts, 2);
    return digest_u64(&d);
}

/* The member of |from| at or behind |*at| with |id|'s place in the order, or NULL; both are walked upwards. */
static const struct ring_member *walk(const struct ring *from, size_t *at, const struct ring_member *m)
{
    while (*at < from->n && ring_member_by_id(&from->members[*at], m) < 0)
        (*at)++;
    return *at < from->n && node_id_eq(&from->members[*at].id, &m->id) ? &from->members[*at] : NULL;
}

static void set_hashes(struct ring *r, const struct ring *from)
{
    uint64_t marks = 0;
    size_t at = 0;

    for (size_t i = 0; i < r->n; i++) {
        const struct ring_member *m = &r->members[i], *was = from != NULL ? walk(from, &at, m) : NULL;
        r->hashes[i].rival = was != NULL ? from->hashes[at].rival : rival_hash(&m->id);
        r->hashes[i].mark = was != NULL && ring_member_same(was, m) ? from->hashes[at].mark : table_mark(m);
        marks += r->hashes[i].mark;
    }
    r->epoch = table_epoch(marks, r->n);
}

/* The members, sorted, with all owners still to be found. */
static struct ring *table_new(const struct ring *from, const struct ring_member *members, size_t n, uint8_t arc_bits)
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
    r->hashes = calloc(n + 1, sizeof(*r->hashes));
    r->shares = calloc(n + 1, sizeof(*r->shares));
    if (r->members == NULL || r->hashes == NULL || r->shares == NULL) {
        ring_unref(r);
        return NULL;
    }
    if (n > 0)
        memcpy(r->members, members, n * sizeof(*members));
    qsort(r->members, n, sizeof(*r->members), ring_member_by_id);
    for (size_t i = 1; i < n; i++)
        assert(ring_member_by_id(&r->members[i - 1], &r->members[i]) < 0); /* ids are distinct */
    if (from != NULL)
        r->logs = from->logs;
    else
        rank_logs(&r->logs);
    set_hashes(r, from);
    return r;
}

/* Room for what each arc has, unless all have the same. False: out of memory. */
static bool table_arcs(struct ring *r, const struct rank *k)
{
    if (k->n <= 1) { /* nobody bids against anybody: a node that has just begun, alone */
        r->sole = k->n == 1 ? k->rivals[0].member : RING_NOBODY;
        if (k->n == 1)
            r->shares[r->sole] = ring_arcs(r);
        return true;
    }
    r->owners = malloc(((size_t)RING_OWNERS << r->arc_bits) * sizeof(*r->owners));
    r->bars = calloc((size_t)1 << r->arc_bits, 1);
    return r->owners != NULL && r->bars != NULL;
}

/* Who stayed and who came. False: out of memory. */
static bool compare(struct ring_build *b, const struct ring *from)
{
    const struct rank *k = &b->rank;
    size_t at = 0;

    b->stayed = calloc(from->n + 1, sizeof(*b->stayed));
    b->renamed = malloc((from->n + 1) * sizeof(*b->renamed));
    b->came = calloc(k->n + 1, sizeof(*b->came));
    if (b->stayed == NULL || b->renamed == NULL || b->came == NULL)
        return false;
    for (size_t i = 0; i < from->n; i++)
        b->renamed[i] = RING_NOBODY;
    for (size_t i = 0; i < k->n; i++) {
        const struct ring_member *m = &b->r->members[k->rivals[i].member], *was = walk(from, &at, m);
        if (was != NULL && ring_member_same(was, m)) {
            b->stayed[at] = &k->rivals[i];
            b->renamed[at] = k->rivals[i].member;
        } else {
            b->came[b->came_n++] = &k->rivals[i];
        }
    }
    if (b->came_n <= k->n / 2 && from->whole) /* else a build from nothing is as good */
        b->from = from;
    b->spread = from->zones >= RING_OWNERS;
    return true;
}

struct ring_build *ring_build_new(const struct ring *from, const struct ring_member *members, size_t n,
                                  uint8_t arc_bits)
{
    struct ring_build *b = calloc(1, sizeof(*b));

    if (b == NULL)
        return NULL;
    b->magic = MAGIC;
    assert(from == NULL || from->arc_bits == arc_bits);
    b->r = table_new(from, members, n, arc_bits);
    if (b->r == NULL || !rank_init(&b->rank, b->r) || !table_arcs(b->r, &b->rank) ||
        (from != NULL && !compare(b, from))) {
        ring_build_free(b);
        return NULL;
    }
    b->r->zones = b->rank.zones;
    return b;
}

void ring_build_free(struct ring_build *b)
{
    if (b == NULL)
        return;
    OBJ_CHECK(b, MAGIC);
    b->magic = 0;
    rank_fini(&b->rank);
    ring_unref(b->r);
    free(b->stayed);
    free(b->renamed);
    free(b->came);
    free(b);
}

uint64_t ring_build_epoch(const struct ring_build *b)
{
    OBJ_CHECK(b, MAGIC);
    return b->r->epoch;
}

/* Most arcs of most changes: three owners in three zones, all of whom stayed, and no
 * newcomer comes near. They only get their members' new numbers. */
static bool arc_same(const struct ring_build *b, uint32_t arc, const uint16_t *was, uint16_t owners[RING_OWNERS])
{
    if (!b->spread)
        return false;
    uint16_t first = b->renamed[was[0]], second = b->renamed[was[1]], third = b->renamed[was[2]];
    if (first == RING_NOBODY || second == RING_NOBODY || third == RING_NOBODY ||
        (b->came_n > 0 && !rank_in_vain(&b->rank, arc, b->from->bars[arc], b->came, b->came_n)))
        return false;
    b->r->bars[arc] = b->from->bars[arc];
    owners[0] = first;
    owners[1] = second;
    owners[2] = third;
    return true;
}

/* False: an owner has left or changed. */
static bool arc_again(const struct ring_build *b, uint32_t arc, const uint16_t *was, uint16_t owners[RING_OWNERS])
{
    const struct rival *old[RING_OWNERS];
    size_t n = 0;

    for (; n < RING_OWNERS && was[n] != RING_NOBODY; n++) {
        old[n] = b->stayed[was[n]];
        if (old[n] == NULL)
            return false;
    }
    b->r->bars[arc] = rank_arc_again(&b->rank, arc, old, n, b->came, b->came_n, owners);
    return true;
}

static uint64_t arc_build(const struct ring_build *b, uint32_t arc, uint16_t owners[RING_OWNERS])
{
    if (b->from != NULL) {
        const uint16_t *was = b->from->owners + (size_t)arc * RING_OWNERS;
        if (arc_same(b, arc, was, owners) || arc_again(b, arc, was, owners))
            return AGAIN_WORK + b->came_n;
    }
    b->r->bars[arc] = rank_arc(&b->rank, arc, owners);
    return ARC_WORK + b->rank.n;
}

bool ring_build_step(struct ring_build *b, uint64_t bids)
{
    uint64_t done = 0;

    OBJ_CHECK(b, MAGIC);
    struct ring *r = b->r;
    if (r->owners == NULL)
        b->arc = ring_arcs(r);
    for (; b->arc < ring_arcs(r) && done < bids; b->arc++) {
        uint16_t *owners = r->owners + (size_t)b->arc * RING_OWNERS;
        done += arc_build(b, b->arc, owners);
        if (owners[0] != RING_NOBODY)
            r->shares[owners[0]]++;
    }
    return b->arc == ring_arcs(r);
}

struct ring *ring_build_take(struct ring_build *b)
{
    OBJ_CHECK(b, MAGIC);
    struct ring *r = b->r;
    assert(b->arc == ring_arcs(r)); /* steps until it is done */
    r->whole = r->owners != NULL;
    b->r = NULL;
    ring_build_free(b);
    return r;
}

struct ring *ring_lazy(const struct ring *from, const struct ring_member *members, size_t n)
{
    OBJ_CHECK(from, RING_MAGIC);
    struct ring *r = table_new(from, members, n, from->arc_bits);
    struct rank *k = calloc(1, sizeof(*k));

    if (r == NULL || k == NULL || !rank_init(k, r) || !table_arcs(r, k) ||
        (k->placed = calloc(n + 1, sizeof(*k->placed))) == NULL) {
        ring_unref(r);
        if (k != NULL)
            rank_fini(k);
        free(k);
        return NULL;
    }
    r->zones = k->zones;
    if (r->owners != NULL) {
        r->lazy = k;
        return r;
    }
    rank_fini(k);
    free(k);
    return r;
}

static struct ring *whole(const struct ring *from, const struct ring_member *members, size_t n, uint8_t arc_bits)
{
    struct ring_build *b = ring_build_new(from, members, n, arc_bits);

    if (b == NULL)
        return NULL;
    ring_build_step(b, UINT64_MAX);
    return ring_build_take(b);
}

struct ring *ring_new(const struct ring_member *members, size_t n, uint8_t arc_bits)
{
    return whole(NULL, members, n, arc_bits);
}

struct ring *ring_next(const struct ring *from, const struct ring_member *members, size_t n)
{
    OBJ_CHECK(from, RING_MAGIC);
    return whole(from, members, n, from->arc_bits);
}
