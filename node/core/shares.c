#include "node/core/shares.h"

#include <assert.h>
#include <stdlib.h>

#include "node/core/guard.h"
#include "proto/base/err.h"
#include "proto/base/obj.h"

int shares_init(struct shares *s, const uint8_t key[MAP_KEY_BYTES], size_t max)
{
    assert(max > 0);
    s->max = max;
    return map_init(&s->map, key);
}

void shares_fini(struct shares *s)
{
    assert(s->map.count == 0);
    map_fini(&s->map);
}

static struct share *find(const struct shares *s, const struct mesh_addr *from, uint64_t hash)
{
    for (struct map_node *at = map_find(&s->map, hash); at != NULL; at = map_same(at)) {
        struct share *share = OBJ_OF(at, struct share, node);
        if (guard_net_eq(&share->net, from))
            return share;
    }
    return NULL;
}

int shares_take(struct shares *s, const struct mesh_addr *from, struct share **out)
{
    uint64_t hash = map_hash(&s->map, guard_net(from));
    struct share *share = find(s, from, hash);

    if (share != NULL && share->n == s->max)
        return MESH_E_FULL;
    if (share == NULL) {
        share = calloc(1, sizeof(*share));
        if (share == NULL)
            return MESH_E_NOMEM;
        share->net = *from;
        map_insert(&s->map, &share->node, hash);
    }
    share->n++;
    *out = share;
    return 0;
}

void shares_give(struct shares *s, struct share *share)
{
    assert(share->n > 0);
    if (--share->n > 0)
        return;
    map_remove(&s->map, &share->node);
    free(share);
}
