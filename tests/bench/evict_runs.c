#include "evict_runs.h"

#include <assert.h>
#include <stdlib.h>

#include "proto/base/rand.h"
#include "s3fifo_reference.h"

struct sums {
    uint64_t requests, bytes, missed, missed_bytes;
};

static void count(struct sums *s, uint32_t size, bool hit)
{
    s->requests++;
    s->bytes += size;
    s->missed += !hit;
    s->missed_bytes += hit ? 0 : size;
}

static struct evict_score score(const struct sums *s)
{
    return (struct evict_score){ 100.0 * (double)s->missed / (double)s->requests,
                                 100.0 * (double)s->missed_bytes / (double)s->bytes };
}

struct item {
    struct evict_node node;
    bool in;
};

struct evict_score evict_score_of(const struct evict_trace *t, enum evict_policy policy, uint64_t limit)
{
    struct item *items = calloc(t->objects_n, sizeof(*items));
    struct sums sums = { 0 };
    uint64_t bytes = 0;
    struct evict e;

    if (items == NULL || evict_init(&e, policy, limit) != 0)
        abort();
    for (uint32_t i = 0; i < t->ids_n; i++) {
        struct item *it = &items[t->ids[i]];
        uint32_t size = t->sizes[t->ids[i]];
        count(&sums, size, it->in);
        if (it->in) {
            evict_use(&e, &it->node);
            continue;
        }
        if (size > limit)
            continue;
        while (bytes + size > limit) {
            struct item *out = OBJ_OF(evict_victim(&e), struct item, node);
            assert(out->in && out->node.bytes <= bytes);
            out->in = false;
            bytes -= out->node.bytes;
        }
        it->in = true;
        bytes += size;
        evict_add(&e, &it->node, size, rand_mix(t->ids[i]));
    }
    evict_fini(&e);
    free(items);
    return score(&sums);
}

struct evict_score evict_score_of_reference(const struct evict_trace *t, uint64_t limit)
{
    struct s3fifo *c = s3fifo_new(limit, t->objects_n);
    struct sums sums = { 0 };

    for (uint32_t i = 0; i < t->ids_n; i++)
        count(&sums, t->sizes[t->ids[i]], s3fifo_read(c, t->ids[i], t->sizes[t->ids[i]]));
    s3fifo_free(c);
    return score(&sums);
}
