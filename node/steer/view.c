#include "node/steer/view_impl.h"

#include <assert.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "node/steer/expect.h"
#include "node/steer/globe.h"
#include "node/steer/integer.h"

#define NONE UINT32_MAX /* in |slots| and |labels| */

static uint64_t hash(const struct steer_view *v, struct slice key)
{
    uint8_t raw[crypto_shorthash_BYTES];
    uint64_t out;

    crypto_shorthash(raw, key.data, key.len, v->hash_key);
    memcpy(&out, raw, sizeof(out));
    return out;
}

/* Tables are half full at most. */
static size_t slots_for(size_t n)
{
    size_t slots = 2;

    while (slots < 2 * n)
        slots *= 2;
    return slots;
}

struct steer_view *steer_view_new(size_t edges_max, size_t rows_max, const uint8_t hash_key[16], mesh_ns made,
                                  uint64_t number)
{
    size_t slots = slots_for(rows_max), labels = slots_for(edges_max);
    size_t tables = (slots + labels) * sizeof(uint32_t);
    size_t of_edges = edges_max * (sizeof(struct steer_edge) + sizeof(struct steer_brief));

    assert(edges_max <= STEER_EDGES_MAX && rows_max < NONE / 4);
    /* In the order of what each must lie on; only rows, which are filled in whole, are not cleared. */
    size_t cleared = sizeof(struct steer_view) + of_edges;
    size_t of_rows = rows_max * sizeof(struct steer_row);
    uint8_t *at = malloc(cleared + tables + of_rows + edges_max * sizeof(uint16_t));
    if (at == NULL)
        return NULL;
    struct steer_view *v = (void *)at;
    memset(v, 0, cleared);
    memset(at + cleared, 0xff, tables);
    v->edges = (void *)(at + sizeof(*v));
    v->briefs = (void *)(v->edges + edges_max);
    v->slots = (void *)(v->briefs + edges_max);
    v->labels = v->slots + slots;
    v->rows = (void *)(v->labels + labels);
    v->regions = (void *)(v->rows + rows_max);
    v->slots_mask = slots - 1;
    v->labels_mask = labels - 1;
    v->edges_max = edges_max;
    v->rows_max = rows_max;
    v->made = made;
    v->number = number;
    memcpy(v->hash_key, hash_key, sizeof(v->hash_key));
    atomic_init(&v->refs, 1);
    return v;
}
static_assert(sizeof(struct steer_view) % 8 == 0 && sizeof(struct steer_edge) % 8 == 0 &&
                  sizeof(struct steer_brief) % 4 == 0 && _Alignof(struct steer_row) <= 4,
              "what lies in one piece lies well");

struct steer_edge *steer_view_add_edge(struct steer_view *v)
{
    assert(v->edges_n < v->edges_max);
    return &v->edges[v->edges_n++];
}

struct steer_row *steer_view_add_row(struct steer_view *v)
{
    assert(v->rows_n < v->rows_max);
    return &v->rows[v->rows_n++];
}

struct steer_view *steer_view_ref(struct steer_view *v)
{
    atomic_fetch_add_explicit(&v->refs, 1, memory_order_relaxed);
    return v;
}

void steer_view_unref(struct steer_view *v)
{
    if (v != NULL && atomic_fetch_sub_explicit(&v->refs, 1, memory_order_acq_rel) == 1)
        free(v);
}

static uint64_t hash_prefix(const struct steer_view *v, const struct steer_prefix *p)
{
    return hash(v, slice_of(p, sizeof(*p))); /* it has no holes */
}
static_assert(sizeof(struct steer_prefix) == 8, "a prefix has no holes");

static struct steer_row *find_row(const struct steer_view *v, const struct steer_prefix *p)
{
    for (size_t i = hash_prefix(v, p) & v->slots_mask;; i = (i + 1) & v->slots_mask) {
        if (v->slots[i] == NONE)
            return NULL;
        if (steer_prefix_eq(&v->rows[v->slots[i]].prefix, p))
            return &v->rows[v->slots[i]];
    }
}

const struct steer_row *steer_view_row(const struct steer_view *v, const struct steer_prefix *p)
{
    return find_row(v, p);
}

/* The hash of a label in lower case. */
static uint64_t hash_label(const struct steer_view *v, struct slice label)
{
    uint8_t low[STEER_LABEL_MAX];

    for (size_t i = 0; i < label.len; i++)
        low[i] = (uint8_t)(label.data[i] >= 'A' && label.data[i] <= 'Z' ? label.data[i] - 'A' + 'a' : label.data[i]);
    return hash(v, slice_of(low, label.len));
}

const struct steer_edge *steer_view_label(const struct steer_view *v, struct slice label)
{
    if (label.len == 0 || label.len > STEER_LABEL_MAX)
        return NULL;
    for (size_t i = hash_label(v, label) & v->labels_mask; v->labels[i] != NONE; i = (i + 1) & v->labels_mask)
        if (slice_eq_nocase(slice_str(v->edges[v->labels[i]].label), label))
            return &v->edges[v->labels[i]];
    return NULL;
}

/* FNV-1a (Fowler, Noll, Vo): the same at each node. */
static uint32_t fnv(struct slice bytes)
{
    uint32_t h = 2166136261u;

    for (size_t i = 0; i < bytes.len; i++)
        h = (h ^ bytes.data[i]) * 16777619u;
    return h;
}

struct slice steer_edge_region(const struct steer_edge *e)
{
    const char *slash = strchr(e->zone, '/');

    return slash != NULL ? slice_of(e->zone, (size_t)(slash - e->zone)) : SLICE_LIT("default");
}

static void brief(struct steer_brief *b, const struct steer_edge *e, bool heard)
{
    const struct steer_facts *f = &e->facts;

    for (int i = 0; i < COORDINATE_DIMENSIONS; i++)
        b->at.at[i] = (int32_t)integer_within(f->at.at[i], -COORDINATE_REACH_US, COORDINATE_REACH_US);
    b->at.height = (int32_t)integer_within(f->at.height, 0, COORDINATE_REACH_US);
    b->at.error_permille = (uint16_t)integer_within(f->at.error_permille, 0, COORDINATE_ERROR_MAX);
    b->trust = steer_trust(b->at.error_permille);
    if (f->located)
        globe_point(b->globe, f->lat_e4, f->lon_e4);
    b->shed_permille = f->shed_permille;
    b->load_permille = f->load_permille;
    b->shed_seed = fnv(SLICE_OF(e->id.bytes));
    b->is = (uint8_t)((e->alive ? STEER_IS_ALIVE : 0) | (heard ? STEER_IS_HEARD : 0) | (f->ready ? STEER_IS_READY : 0) |
                      (f->draining ? 0 : STEER_IS_STAYING) | (f->http != 0 ? STEER_HAS_HTTP : 0) |
                      (f->https != 0 ? STEER_HAS_HTTPS : 0));
    for (size_t i = 0; i < f->addrs_n && i < STEER_ADDRS_MAX; i++)
        b->is |= mesh_addr_is_v4(&f->addrs[i]) ? STEER_HAS_IPV4 : STEER_HAS_IPV6;
}

static void enter_region(struct steer_view *v, uint16_t edge)
{
    struct slice region = steer_edge_region(&v->edges[edge]);
    uint16_t i = 0;

    while (i < v->regions_n && !slice_eq(region, steer_edge_region(&v->edges[v->regions[i]])))
        i++;
    if (i == v->regions_n)
        v->regions[v->regions_n++] = edge;
    v->briefs[edge].region = i;
}

static int by_name(const void *a, const void *b)
{
    const struct steer_edge *x = *(const struct steer_edge *const *)a, *y = *(const struct steer_edge *const *)b;
    int order = strcmp(x->name, y->name);

    return order != 0 ? order : node_id_cmp(&x->id, &y->id);
}

static void rank(struct steer_view *v)
{
    const struct steer_edge *edges[STEER_EDGES_MAX];

    for (size_t i = 0; i < v->edges_n; i++)
        edges[i] = &v->edges[i];
    qsort(edges, v->edges_n, sizeof(edges[0]), by_name);
    for (size_t i = 0; i < v->edges_n; i++)
        v->briefs[edges[i] - v->edges].rank = (uint16_t)i;
}

static void enter_label(struct steer_view *v, uint32_t edge)
{
    struct steer_edge *e = &v->edges[edge];

    steer_label(e->label, slice_str(e->name), e->id.bytes);
    size_t i = hash_label(v, slice_str(e->label)) & v->labels_mask;
    while (v->labels[i] != NONE)
        i = (i + 1) & v->labels_mask;
    v->labels[i] = edge;
}

static void enter_row(struct steer_view *v, uint32_t row)
{
    struct steer_prefix *p = &v->rows[row].prefix;
    size_t i = hash_prefix(v, p) & v->slots_mask;

    while (v->slots[i] != NONE)
        i = (i + 1) & v->slots_mask;
    v->slots[i] = row;
    if (p->kind <= STEER_ALL)
        v->has[p->kind] = true;
}

/* A resolver must not keep for a whole coarse network what parts of it are answered otherwise. */
static void mark_coarser(struct steer_view *v, const struct steer_prefix *p)
{
    struct steer_prefix coarse = *p;
    struct steer_row *row;

    coarse.bits = p->kind == STEER_NET4 ? 16 : 32;
    if ((p->kind != STEER_NET4 && p->kind != STEER_NET6) || coarse.bits >= p->bits)
        return;
    memset(coarse.net + coarse.bits / 8, 0, sizeof(coarse.net) - coarse.bits / 8);
    if ((row = find_row(v, &coarse)) != NULL)
        row->has_parts = true;
}

void steer_view_finish(struct steer_view *v, mesh_ns silent)
{
    for (size_t i = 0; i < v->edges_n; i++) {
        const struct steer_edge *e = &v->edges[i];
        brief(&v->briefs[i], e, e->heard != 0 && v->made - e->heard <= silent);
        v->located |= e->facts.located;
        enter_label(v, (uint32_t)i);
        enter_region(v, (uint16_t)i);
    }
    rank(v);
    for (size_t i = 0; i < v->rows_n; i++) {
        v->rows[i].has_parts = false;
        enter_row(v, (uint32_t)i);
    }
    for (size_t i = 0; i < v->rows_n; i++)
        mark_coarser(v, &v->rows[i].prefix);
}
