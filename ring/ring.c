#include "ring/ring.h"

#include <assert.h>
#include <stdlib.h>

#include "ring/rank.h"

int ring_member_by_id(const void *a, const void *b)
{
    return node_id_cmp(&((const struct ring_member *)a)->id, &((const struct ring_member *)b)->id);
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
    free(r->hashes);
    free(r->shares);
    free(r->owners);
    free(r->bars);
    if (r->lazy != NULL)
        rank_fini(r->lazy);
    free(r->lazy);
    free(r);
}

uint64_t ring_zone(struct slice name)
{
    struct slice parts[] = { SLICE_LIT("hedgerow ring zone"), name };
    struct digest d;

    digest_of(&d, parts, 2);
    return digest_u64(&d);
}

uint64_t table_mark(const struct ring_member *m)
{
    uint8_t numbers[12];
    struct slice parts[] = { SLICE_LIT("hedgerow ring epoch"), SLICE_OF(m->id.bytes), SLICE_OF(numbers) };
    struct digest d;

    be64_put(numbers, m->zone);
    be32_put(numbers + 8, m->weight);
    digest_of(&d, parts, 3);
    return digest_u64(&d);
}

uint64_t table_epoch(uint64_t marks, size_t n)
{
    return table_mix(n + marks);
}

uint64_t ring_digest(const struct ring_member *members, size_t n)
{
    uint64_t marks = 0;

    for (size_t i = 0; i < n; i++)
        marks += table_mark(&members[i]);
    return table_epoch(marks, n);
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

/* Has |arc| an entry, be it from now on? */
static bool lazy_arc(const struct ring *r, uint32_t arc)
{
    if (r->lazy == NULL)
        return false;
    if (r->bars[arc] == 0)
        r->bars[arc] = rank_arc(r->lazy, arc, r->owners + (size_t)arc * RING_OWNERS);
    return true;
}

size_t ring_owners(const struct ring *r, uint32_t arc, const struct ring_member *owners[RING_OWNERS])
{
    size_t n = 0;

    assert(arc < ring_arcs(r));
    if (!r->whole && !lazy_arc(r, arc)) {
        if (r->sole != RING_NOBODY)
            owners[n++] = &r->members[r->sole];
        return n;
    }
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

static const struct ring_member *member_of(const struct ring *r, const struct node_id *id)
{
    struct ring_member want = { .id = *id };

    OBJ_CHECK(r, RING_MAGIC);
    return bsearch(&want, r->members, r->n, sizeof(want), ring_member_by_id);
}

uint64_t ring_digest_beside(const struct ring *r, const struct ring_member *members, size_t n)
{
    uint64_t marks = 0;

    for (size_t i = 0; i < n; i++) {
        const struct ring_member *is = member_of(r, &members[i].id);
        bool same = is != NULL && ring_member_same(is, &members[i]);
        marks += same ? r->hashes[is - r->members].mark : table_mark(&members[i]);
    }
    return table_epoch(marks, n);
}

/* A lazy table's, once. */
static void count_shares(const struct ring *r)
{
    for (uint32_t arc = 0; arc < ring_arcs(r); arc++)
        r->shares[r->bars[arc] != 0 ? r->owners[(size_t)arc * RING_OWNERS] : rank_first(r->lazy, arc)]++;
    r->lazy->counted = true;
}

uint32_t ring_share(const struct ring *r, const struct node_id *id)
{
    const struct ring_member *at = member_of(r, id);

    if (r->lazy != NULL && !r->lazy->counted)
        count_shares(r);
    return at != NULL ? r->shares[at - r->members] : 0;
}

bool ring_places(const struct ring *r, const struct node_id *id)
{
    const struct ring_member *at = member_of(r, id);

    if (at == NULL || at->weight == 0)
        return false;
    size_t member = (size_t)(at - r->members);
    if (r->lazy == NULL || r->lazy->counted)
        return r->shares[member] > 0;
    uint8_t *placed = &r->lazy->placed[member];
    if (*placed == 0)
        *placed = 1 + rank_places(r->lazy, (uint16_t)member);
    return *placed == 2;
}
