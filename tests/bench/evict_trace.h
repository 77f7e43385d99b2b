/* evict_trace.h - synthetic requests to try eviction with, the same on every machine: integers only. Sizes are
 * lognormal (median 10 KiB, sigma 1.7), every 200th of a Pareto tail (1 MiB and more, exponent 1.2), from 128 B to
 * 64 MiB, whatever an object's popularity.
 *   z10, z08  Zipf 1.0, 0.8 over a million objects that stay the same
 *   cdn       Zipf 0.9; 8 % of the requests are to objects that nobody asks for again; ten times in the run 2 % of the
 *             objects, drawn evenly, are replaced by new ones in their place of popularity; from the middle of the run
 *             on, for a twentieth of it, every third request is to one of twenty new objects */
#ifndef HEDGEROW_BENCH_EVICT_TRACE_H
#define HEDGEROW_BENCH_EVICT_TRACE_H

#include <stdint.h>

#define EVICT_TRACES(X) X(CDN, "cdn", 900, 1) X(Z10, "z10", 1000, 0) X(Z08, "z08", 800, 0)
enum evict_trace_kind {
#define X(name, word, exponent_milli, is_cdn) EVICT_TRACE_##name,
    EVICT_TRACES(X)
#undef X
    EVICT_TRACES_N
};
extern const char *const evict_trace_words[EVICT_TRACES_N];

struct evict_trace {
    uint32_t *ids; /* of the requests, in order */
    uint32_t ids_n;
    uint32_t *sizes; /* of the objects */
    uint32_t objects_n;
    uint64_t footprint; /* bytes of all objects that are asked for */
};

/* evict_trace_new: |requests| over |objects|, to be ended by evict_trace_free. Stops without memory. */
struct evict_trace evict_trace_new(enum evict_trace_kind kind, uint32_t objects, uint32_t requests, uint64_t seed);
void evict_trace_free(struct evict_trace *t);

#endif
