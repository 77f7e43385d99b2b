/* sweep.h - what became of a sweep's runs: each combination of values with each seed, the same seeds everywhere, so
 * that differences are between runs that share all their chance (common random numbers). Pure. */
#ifndef HEDGEROW_SIM_SWEEP_SWEEP_H
#define HEDGEROW_SIM_SWEEP_SWEEP_H

#include "sim/figures.h"
#include "sim/sweep/axes.h"
#include "sim/sweep/statistics.h"

/* X(name, JSON's and CSV's name, what it is called, unit, less is better) */
#define MEASURES(X)                                                                    \
    X(EDGE, "edge_hit_ppm", "hits at the edge asked", SHARE, false)                    \
    X(MESH, "mesh_hit_ppm", "answered without the origin", SHARE, false)               \
    X(FETCHES, "origin_fetches", "origin requests", COUNT, true)                       \
    X(FETCHED, "origin_bytes", "bytes from the origin", BYTES, true)                   \
    X(MEDIAN, "first_byte_p50_us", "time to the first byte, median", WAIT, true)       \
    X(P99, "first_byte_p99_us", "time to the first byte, 99th percentile", WAIT, true) \
    X(BACKBONE, "backbone_bytes", "bytes between nodes", BYTES, true)
enum measure {
#define X(name, word, text, unit, less) MEASURE_##name,
    MEASURES(X)
#undef X
        MEASURES_N
};
/* Shares in millionths, times in microseconds. */
enum measure_unit { UNIT_SHARE, UNIT_COUNT, UNIT_BYTES, UNIT_WAIT };
struct measure_text {
    const char *word, *text;
    enum measure_unit unit;
    bool less; /* is better */
};
extern const struct measure_text measure_texts[MEASURES_N];

#define MEASURE_NONE INT64_MIN
/* One run's; MEASURE_NONE: nothing was asked, or nothing answered. */
int64_t measure_of(enum measure m, const struct figures *f);

struct sweep_run {
    bool ended;       /* its figures are there */
    char broken[320]; /* which rule, or how it ended; "": all held */
    char how[1024];   /* the command that gives it again, of one that did not hold */
    struct figures figures;
};

struct sweep {
    struct axes axes;
    uint64_t first_seed;
    size_t seeds;
    struct sweep_run *runs; /* combination by combination, seed by seed */
};

static inline const struct sweep_run *sweep_run(const struct sweep *s, size_t combination, size_t seed)
{
    return &s->runs[combination * s->seeds + seed];
}
/* How many did not hold. */
size_t sweep_failed(const struct sweep *s);

/* The mean of |m| over the seeds that have it. */
struct band sweep_mean(const struct sweep *s, size_t combination, enum measure m);
/* The mean difference from combination |from| to |to|, seed by seed: of shares in millionths of all, of other units in
 * millionths of what it was at |from|. */
struct band sweep_change(const struct sweep *s, size_t from, size_t to, enum measure m);

/* ---- how it is shown (sweep_text.c) ---- */

#define SWEEP_VALUE_MAX 40
const char *sweep_value(char text[SWEEP_VALUE_MAX], enum measure m, int64_t value);
/* "31.2 %", "1.5 points", without a sign. */
const char *sweep_size(char text[SWEEP_VALUE_MAX], enum measure m, int64_t change);
/* "-31.2 % (-33.1 to -29.4)" */
void sweep_put_change(struct buf *out, enum measure m, const struct band *b);
/* "1,388 (1,360 to 1,416)" */
void sweep_put_mean(struct buf *out, enum measure m, const struct band *b);

/* sweep_answer writes what a person can act on, a sentence or two (sweep_answer.c). */
void sweep_answer(struct buf *out, const struct sweep *s);
/* The whole for people; |how| is the command of the sweep. */
void sweep_text(struct buf *out, const struct sweep *s, const char *how);
void sweep_json(struct buf *out, const struct sweep *s, const char *how);
/* A line a run, with all its figures. */
void sweep_csv(struct buf *out, const struct sweep *s);
/* As a page (sweep_page.c). */
void sweep_page(struct buf *out, const struct sweep *s, const char *how);

#endif
