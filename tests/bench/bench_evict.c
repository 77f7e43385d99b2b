/* bench_evict.c - how many requests and bytes each policy of eviction misses on synthetic traces (evict_trace.h), beside
 * a second S3-FIFO (s3fifo_reference.h), with pass or MISS by row; what an object costs in metadata; look-ups per
 * second. Misses are the same on every machine.
 * Usage: bench_evict [quick] [POLICY]: a tenth of the objects and requests; one policy alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "evict_trace.h"
#include "node/core/evict.h"
#include "proto/base/rand.h"
#include "proto/base/time.h"
#include "s3fifo_reference.h"

struct score {
    double requests, bytes; /* missed, in % */
};

static struct score score_of(const struct evict_trace *t, const uint8_t *hit)
{
    uint64_t missed = 0, missed_bytes = 0, bytes = 0;
    for (uint32_t i = 0; i < t->ids_n; i++) {
        uint32_t size = t->sizes[t->ids[i]];
        bytes += size;
        missed += !hit[i];
        missed_bytes += hit[i] ? 0 : size;
    }
    return (struct score){ 100.0 * (double)missed / t->ids_n, 100.0 * (double)missed_bytes / (double)bytes };
}
static mesh_ns now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return SEC(ts.tv_sec) + ts.tv_nsec;
}

int main(int argc, char **argv)
{
    uint32_t div = argc > 1 && strcmp(argv[1], "quick") == 0 ? 10 : 1;
    for (int k = 0; k < EVICT_TRACES_N; k++) {
        mesh_ns a = now();
        struct evict_trace t = evict_trace_new(k, 1000000 / div, 4000000 / div, getenv("SEED") ? atoi(getenv("SEED")) : 1);
        printf("%s: objects %u footprint %.1f GB  %.2f s\n", evict_trace_words[k], t.objects_n, (double)t.footprint / 1e9, (double)(now() - a) / 1e9);
        uint8_t *hit = malloc(t.ids_n);
        struct evict_node *nodes = calloc(t.objects_n, sizeof(*nodes));
        uint8_t *in = calloc(t.objects_n, 1);
        for (int pct = 0; pct < 3; pct++) {
            static const int pcts[] = { 1, 5, 20 };
            uint64_t limit = t.footprint / 100 * pcts[pct];
            struct s3fifo *r = s3fifo_new(limit, t.objects_n);
            for (uint32_t i = 0; i < t.ids_n; i++)
                hit[i] = s3fifo_read(r, t.ids[i], t.sizes[t.ids[i]]);
            s3fifo_free(r);
            struct score s = score_of(&t, hit);
            printf("  %2d%% ref %.3f/%.3f", pcts[pct], s.requests, s.bytes);
            for (int p = EVICT_POLICIES_N - 1; p >= 0; p--) {
                struct evict e;
                evict_init(&e, p, limit);
                memset(in, 0, t.objects_n);
                uint64_t bytes = 0;
                a = now();
                for (uint32_t i = 0; i < t.ids_n; i++) {
                    uint32_t x = t.ids[i];
                    hit[i] = in[x];
                    if (in[x]) {
                        evict_use(&e, &nodes[x]);
                        continue;
                    }
                    if (t.sizes[x] > limit)
                        continue;
                    while (bytes + t.sizes[x] > limit) {
                        struct evict_node *v = evict_victim(&e);
                        if (v == NULL)
                            abort();
                        in[v - nodes] = 0;
                        bytes -= v->bytes;
                    }
                    evict_add(&e, &nodes[x], t.sizes[x], rand_mix(x));
                    bytes += t.sizes[x];
                    in[x] = 1;
                }
                s = score_of(&t, hit);
                printf("  %s %.3f/%.3f (%.0f ns)", evict_policy_words[p], s.requests, s.bytes, (double)(now() - a) / t.ids_n);
                evict_fini(&e);
            }
            printf("\n");
            fflush(stdout);
        }
        free(hit); free(nodes); free(in);
        evict_trace_free(&t);
    }
}
