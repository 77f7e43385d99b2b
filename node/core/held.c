#include "node/core/held.h"

#include <assert.h>
#include <stdlib.h>

#include "gossip/sums.h"
#include "proto/base/obj.h"
#include "ring/ring.h"

int held_store_init(struct held_store *s, const uint8_t key[MAP_KEY_BYTES])
{
    s->n = 0;
    return map_init(&s->by_id, key);
}

void held_store_fini(struct held_store *s)
{
    assert(s->n == 0); /* else somebody still leans on us */
    map_fini(&s->by_id);
}

struct held_cert *held_find(const struct held_store *s, const struct node_id *id, struct slice raw)
{
    struct map_node *n = s != NULL ? map_find(&s->by_id, map_hash_digest(&s->by_id, id->bytes)) : NULL;

    for (; n != NULL; n = map_same(n)) {
        struct held_cert *h = OBJ_OF(n, struct held_cert, by_id);
        if (slice_eq(held_raw(h), raw) && node_id_eq(&h->cert.id, id))
            return h;
    }
    return NULL;
}

struct held_cert *held_take(struct held_store *s, const struct cert *cert, struct slice raw)
{
    struct held_cert *h = held_find(s, &cert->id, raw);

    if (h != NULL)
        return held_ref(h);
    if (raw.len > CERT_BYTES_MAX || (h = malloc(sizeof(*h) + raw.len)) == NULL)
        return NULL;
    *h = (struct held_cert){ .store = s,
                             .zone = ring_zone(slice_str(cert->zone)),
                             .region = ring_zone(cert_region(cert)),
                             .refs = 1,
                             .sum = sums_cert(&cert->id, cert->serial, cert->not_after_s),
                             .len = (uint32_t)raw.len,
                             .cert = *cert };
    memcpy(h->raw, raw.data, raw.len);
    if (s != NULL) {
        map_insert(&s->by_id, &h->by_id, map_hash_digest(&s->by_id, cert->id.bytes));
        s->n++;
    }
    return h;
}

struct held_cert *held_ref(struct held_cert *h)
{
    h->refs++;
    return h;
}

void held_drop(struct held_cert *h)
{
    if (h == NULL || --h->refs > 0)
        return;
    if (h->store != NULL) {
        map_remove(&h->store->by_id, &h->by_id);
        h->store->n--;
    }
    free(h);
}
