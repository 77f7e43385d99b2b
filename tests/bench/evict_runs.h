/* evict_runs.h - what a policy misses of a trace: the node's own, and the second S3-FIFO. */
#ifndef HEDGEROW_BENCH_EVICT_RUNS_H
#define HEDGEROW_BENCH_EVICT_RUNS_H

#include "evict_trace.h"
#include "node/core/evict.h"

struct evict_score {
    double requests, bytes; /* missed, in % */
};

/* A request that misses has room made for its object first. Objects larger than |limit| are not kept. */
struct evict_score evict_score_of(const struct evict_trace *t, enum evict_policy policy, uint64_t limit);
struct evict_score evict_score_of_reference(const struct evict_trace *t, uint64_t limit);

/* |percent| of the bytes of all objects that are asked for. */
static inline uint64_t evict_limit(const struct evict_trace *t, unsigned percent)
{
    return t->footprint / 100 * percent;
}

#endif
