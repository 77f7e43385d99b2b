#include <stdlib.h>

#include "node/steer/steer_impl.h"

#define SHARE_LEAST 64

static uint64_t hash_of(const struct steer *s, const struct node_id *id)
{
    return map_hash_digest(&s->by_id, id->bytes);
}

struct edge *edge_find(const struct steer *s, const struct node_id *id)
{
    for (struct map_node *n = map_find(&s->by_id, hash_of(s, id)); n != NULL; n = map_same(n)) {
        struct edge *e = OBJ_OF(n, struct edge, in_map);
        if (node_id_eq(&e->id, id))
            return e;
    }
    return NULL;
}

struct edge *edge_add(struct steer *s, const struct node_id *id)
{
    size_t slot = 0;

    while (slot < s->slots && s->edges[slot] != NULL)
        slot++;
    struct edge *e = slot < STEER_EDGES_MAX ? calloc(1, sizeof(*e)) : NULL;
    if (e == NULL)
        return NULL;
    e->id = *id;
    e->slot = (uint16_t)slot;
    list_init(&e->rows);
    list_init(&e->in_ready);
    s->edges[slot] = e;
    s->slots = slot < s->slots ? s->slots : slot + 1;
    s->edges_n++;
    map_insert(&s->by_id, &e->in_map, hash_of(s, id));
    return e;
}

void edge_remove(struct steer *s, struct edge *e)
{
    rows_forget(s, e->slot);
    heap_remove(&s->due, &e->due);
    list_remove(&e->in_ready);
    map_remove(&s->by_id, &e->in_map);
    s->edges[e->slot] = NULL;
    s->edges_n--;
    while (s->slots > 0 && s->edges[s->slots - 1] == NULL)
        s->slots--;
    free(e);
}

size_t edges_share(const struct steer *s)
{
    size_t share = s->rows.max / s->edges_n;

    return share > SHARE_LEAST ? share : SHARE_LEAST;
}
