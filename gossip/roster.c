#include "gossip/roster.h"

#include <assert.h>
#include <stdlib.h>

#include "proto/base/obj.h"
#include "proto/base/rand.h"

#define ROSTER_MAGIC   0x526f5374u
#define IDENTS_MIN     8
#define PURPOSE_ROSTER 0x726f

struct roster *roster_new(uint64_t seed)
{
    struct rand rand = rand_of(seed, 0, PURPOSE_ROSTER);
    struct roster *r = calloc(1, sizeof(*r));
    uint8_t key[MAP_KEY_BYTES];

    if (r == NULL)
        return NULL;
    be64_put(key, rand_u64(&rand));
    be64_put(key + 8, rand_u64(&rand));
    if (map_init(&r->by_id, key) != 0) {
        free(r);
        return NULL;
    }
    r->magic = ROSTER_MAGIC;
    return r;
}

void roster_free(struct roster *r)
{
    if (r == NULL)
        return;
    OBJ_CHECK(r, ROSTER_MAGIC);
    assert(r->idents_n == 0); /* else a view still leans on us */
    map_fini(&r->by_id);
    free(r->order);
    free(r->vacant);
    r->magic = 0;
    free(r);
}

static struct ident *find(const struct roster *r, const struct node_id *id, uint64_t hash)
{
    for (struct map_node *n = map_find(&r->by_id, hash); n != NULL; n = map_same(n)) {
        struct ident *i = OBJ_OF(n, struct ident, by_id);
        if (node_id_eq(&i->id, id))
            return i;
    }
    return NULL;
}

const struct ident *roster_find(const struct roster *r, const struct node_id *id)
{
    OBJ_CHECK(r, ROSTER_MAGIC);
    return find(r, id, map_hash_digest(&r->by_id, id->bytes));
}

static bool grow(struct roster *r)
{
    size_t cap = r->idents_cap == 0 ? IDENTS_MIN : 2 * r->idents_cap;
    struct ident **order = realloc(r->order, cap * sizeof(struct ident *));

    if (order == NULL)
        return false;
    r->order = order;
    uint32_t *vacant = realloc(r->vacant, cap * sizeof(*vacant)); /* never more than there were identities */
    if (vacant == NULL)
        return false;
    r->vacant = vacant;
    r->idents_cap = cap;
    return true;
}

static size_t place_of(const struct roster *r, const struct node_id *id)
{
    size_t low = 0, high = r->idents_n;

    while (low < high) {
        size_t mid = low + (high - low) / 2;
        if (node_id_cmp(&r->order[mid]->id, id) < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

/* Identities come and go rarely, so a sorted array will do. */
static struct ident *ident_new(struct roster *r, const struct node_id *id, uint64_t hash)
{
    if (r->idents_n == r->idents_cap && !grow(r))
        return NULL;
    struct ident *i = calloc(1, sizeof(*i));
    if (i == NULL)
        return NULL;
    i->id = *id;
    i->index = r->vacant_n > 0 ? r->vacant[--r->vacant_n] : r->index_end++;
    size_t at = place_of(r, id);
    for (size_t k = r->idents_n; k > at; k--) {
        r->order[k] = r->order[k - 1];
        r->order[k]->rank = (uint32_t)k;
    }
    r->order[at] = i;
    i->rank = (uint32_t)at;
    r->idents_n++;
    map_insert(&r->by_id, &i->by_id, hash);
    return i;
}

static void ident_free(struct roster *r, struct ident *i)
{
    r->idents_n--;
    for (size_t k = i->rank; k < r->idents_n; k++) {
        r->order[k] = r->order[k + 1];
        r->order[k]->rank = (uint32_t)k;
    }
    r->vacant[r->vacant_n++] = i->index;
    map_remove(&r->by_id, &i->by_id);
    free(i);
}

static bool same_record(const struct member_record *a, const struct member_record *b)
{
    return a->boot == b->boot && a->counter == b->counter && a->state == b->state && member_record_same_facts(a, b);
}

struct fact *roster_take(struct roster *r, const struct member_record *rec)
{
    OBJ_CHECK(r, ROSTER_MAGIC);
    uint64_t hash = map_hash_digest(&r->by_id, rec->id.bytes);
    struct ident *i = find(r, &rec->id, hash);
    if (i == NULL && (i = ident_new(r, &rec->id, hash)) == NULL)
        return NULL;
    for (struct fact *f = i->facts; f != NULL; f = f->next) { /* the latest first */
        if (same_record(&f->rec, rec)) {
            f->users++;
            return f;
        }
    }
    struct fact *f = calloc(1, sizeof(*f));
    if (f == NULL) {
        if (i->facts == NULL)
            ident_free(r, i);
        return NULL;
    }
    f->rec = *rec;
    f->hash = member_record_hash(rec);
    f->users = 1;
    f->ident = i;
    f->next = i->facts;
    i->facts = f;
    return f;
}

void roster_keep(struct fact *f)
{
    f->users++;
}

void roster_drop(struct roster *r, struct fact *f)
{
    OBJ_CHECK(r, ROSTER_MAGIC);
    struct ident *i = f->ident;
    assert(f->users > 0);
    if (--f->users > 0)
        return;
    struct fact **at = &i->facts;
    while (*at != f)
        at = &(*at)->next;
    *at = f->next;
    free(f);
    if (i->facts == NULL)
        ident_free(r, i);
}
