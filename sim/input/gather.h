/* gather.h - lines of a log become a workload. Pure: no files. Which key an object has follows from host and uri by a
 * table of 64-bit hashes: two of ten million objects are taken for one with a chance of three in a million.
 *
 * A sample is spatial (SHARDS: Waldspurger et al., "Efficient MRC Construction with SHARDS", FAST 2015): of an object
 * all requests are in it, or none, as its hash decides; so that what one of N caches of an Nth of the memory does with
 * them is what the whole would do with all. */
#ifndef HEDGEROW_SIM_INPUT_GATHER_H
#define HEDGEROW_SIM_INPUT_GATHER_H

#include "sim/input/log_format.h"
#include "sim/workload.h"

struct gather;

/* gather_new keeps one of |sample| objects (1: all). NULL: out of memory. gather_free takes NULL. */
struct gather *gather_new(uint64_t sample);
void gather_free(struct gather *g);

/* gather_line takes one line, without its end. NULL, or why it was not understood: it is counted, and harms nothing.
 * gather_ok: there was memory for all so far. gather_broken counts a line that was not even read. */
const char *gather_line(struct gather *g, struct slice line);
void gather_broken(struct gather *g);
bool gather_ok(const struct gather *g);
/* How many lines were requests, whether they are replayed or not. */
uint64_t gather_understood(const struct gather *g);

/* gather_next: the lines that follow are another log's, whose format shows anew. What both ask for is one object. */
void gather_next(struct gather *g);

/* gather_end returns what was gathered, owned, its requests in order; NULL: out of memory. |g| is empty afterwards.
 * Where all times of a log are whole seconds its requests of a second are spread evenly over it, in their order. */
struct workload *gather_end(struct gather *g);

#endif
