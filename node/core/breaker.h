/* breaker.h - who fails again and again is left alone for a while, longer each time, then tried once. Plain data; time
 * and randomness are handed in.
 *
 *   CLOSED --failures in a row--> OPEN --time--> HALF OPEN --a success--> CLOSED
 *                                  ^                 | a failure: twice as long
 *                                  +-----------------+
 *
 * What was begun together fails together: a burst says what one of it says. So the row may have to last a while. */
#ifndef HEDGEROW_CORE_BREAKER_H
#define HEDGEROW_CORE_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/base/time.h"

struct breaker_rule {
    unsigned failures; /* in a row: that opens it ... */
    mesh_ns span;      /* ... once the first of them is so long ago; 0: at once */
    mesh_ns first;     /* it is open for about that long, and twice as long each time that the trial fails ... */
    mesh_ns most;      /* ... up to that */
    mesh_ns trial;     /* a trial of which nothing was heard for so long is followed by another */
};

struct breaker {              /* all zero: closed */
    unsigned failures, trips; /* in a row; openings in a row */
    mesh_ns since;            /* the row's first failure, if there is one */
    mesh_ns until;            /* nothing is tried before; 0: closed */
    bool trial;               /* one is under way */
};

/* breaker_closed: all is well. breaker_lets: may something be tried now? Where it is half open the caller's is the
 * trial, and nobody else's for a while. */
static inline bool breaker_closed(const struct breaker *b)
{
    return b->until == 0;
}
bool breaker_lets(struct breaker *b, const struct breaker_rule *rule, mesh_ns now);

/* breaker_good: something succeeded. breaker_bad: something failed; |random|, any number, spreads those who tripped at
 * the same moment. True: it has opened. */
void breaker_good(struct breaker *b);
bool breaker_bad(struct breaker *b, const struct breaker_rule *rule, mesh_ns now, uint64_t random);

/* breaker_wake: there is reason to hope: the next one is a trial. */
void breaker_wake(struct breaker *b, mesh_ns now);

#endif
