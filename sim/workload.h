/* workload.h - requests as an access log has them, in place of drawn ones. Plain data, independent of any scenario:
 * one serves many runs. */
#ifndef HEDGEROW_SIM_WORKLOAD_H
#define HEDGEROW_SIM_WORKLOAD_H

#include "proto/base/time.h"
#include "sim/scenario.h"

/* Sixteen bytes, of which there are as many as requests. */
struct workload_request {
    uint64_t at_us; /* since the first one */
    uint32_t key;   /* from 1 */
    uint32_t who;   /* WORKLOAD_EDGE | number of a node's name, or 31 bits of the viewer's address */
};
#define WORKLOAD_EDGE UINT32_C(0x80000000)

#define WORKLOAD_UNKNOWN UINT64_MAX
#define WORKLOAD_UNSAID  UINT32_MAX
struct workload_key {
    uint64_t bytes;     /* of its body: the most that was seen of a whole one; WORKLOAD_UNKNOWN: drawn as others */
    uint32_t max_age_s; /* 0: may not be kept; WORKLOAD_UNSAID: as the settings say */
    uint8_t whole;      /* such a whole one was seen; else the most of any */
};

#define WORKLOAD_NAME_MAX 64
struct workload {
    struct workload_request *requests; /* in order of time, then of writing */
    struct workload_key *keys;         /* [0 .. keys_n): of key 1 on */
    uint64_t n, keys_n;
    char (*edges)[WORKLOAD_NAME_MAX]; /* names of nodes, as they came */
    uint64_t edges_n;
    uint64_t sample;                           /* one of so many objects is in it */
    uint64_t lines, broken, methods, statuses; /* read; not understood; no GET; answers that are no object */
    uint64_t others;                           /* requests for objects that are not in the sample */
    const char *format;                        /* its word */
    char name[WORKLOAD_NAME_MAX];              /* of the file */
};

void workload_free(struct workload *l);

/* workload_of is what |sc| replays as request |i| (from 0): when, which key, and which node (from 0) its viewer means.
 */
struct workload_event {
    mesh_ns at;
    uint64_t key, node;
};
struct workload_event workload_of(const struct scenario *sc, uint64_t i);
/* How many requests are replayed: those that |sc| has time for, and no more than it wants. */
uint64_t workload_count(const struct scenario *sc);
/* From the first to the last request, at the speed of |sc|. */
mesh_ns workload_span(const struct scenario *sc);
/* workload_seconds: by the clock of who wrote the log, however long that is. */
uint64_t workload_seconds(const struct scenario *sc);

#endif
