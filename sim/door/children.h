/* children.h - runs in processes of their own, several at a time: one that crashes, spins or takes all memory is a
 * finding and harms nobody else. Each leaves its result in memory that it shares with its parent. */
#ifndef HEDGEROW_SIM_DOOR_CHILDREN_H
#define HEDGEROW_SIM_DOOR_CHILDREN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct children;

enum child_how {
    CHILD_DONE,    /* it returned: the result is whole */
    CHILD_CRASHED, /* a signal, an assertion, a sanitizer */
    CHILD_HUNG,    /* it used up its time */
};

struct child_end {
    uint64_t job;
    enum child_how how;
    int code;         /* of the signal, or the exit code */
    const void *left; /* its result, lent until the next call */
    char said[480];   /* the end of what it wrote to its error stream */
};

struct child_limits {
    size_t at_once;
    uint64_t cpu_s, memory_bytes; /* of each */
    size_t result_bytes;
};

/* In the child: does |job| and writes |result_bytes| at most to |result| (zeroed). */
typedef void (*child_work)(void *ctx, uint64_t job, void *result);

/* NULL when out of memory. children_free ends those that still run. */
struct children *children_new(const struct child_limits *limits, child_work work, void *ctx);
void children_free(struct children *c);

/* children_room: may one more be started? children_start returns false when the system has no process for it. */
bool children_room(const struct children *c);
bool children_start(struct children *c, uint64_t job);
/* Waits for one to end; false: none runs. */
bool children_wait(struct children *c, struct child_end *end);

/* What a child that did not return is called: "crashed: signal 6 (Aborted)". */
void children_text(const struct child_end *end, char text[96]);

/* Processors of this machine. */
size_t children_cores(void);
/* Seconds that have passed since some moment, in thousandths. */
uint64_t children_clock_ms(void);

#endif
