/* race.h - a connection to whichever of some addresses is there first ("happy eyeballs", RFC 8305 section 5): the next
 * one is begun when the one before has failed, or has taken 250 ms; the first to connect wins and the others are
 * closed.
 *
 * All addresses, once each, are one attempt, which has a time; there are so many attempts. An address that has not had
 * its turn in one attempt, since there are never more than RACERS_MAX under way, has it first in the next one. */
#ifndef HEDGEROW_IO_RACE_H
#define HEDGEROW_IO_RACE_H

#include <ev.h>

#include "node/io/cause.h"
#include "node/io/resolve.h"

#define RACERS_MAX   4
#define RACE_STAGGER MS(250)

struct worker;
struct race;

struct racer {
    ev_io io; /* fd -1: none */
    struct race *race;
    struct mesh_addr addr;
    mesh_ns began;
};

/* How it ended: |fd| is the caller's, or -1 with |err| (MESH_E_REFUSED, _TIMEOUT, _FULL) and |cause|. */
struct race_end {
    int fd;
    struct mesh_addr addr; /* who won ... */
    mesh_ns took;          /* ... in so long */
    int err;
    enum cause cause;
};
typedef void race_done(void *ctx, const struct race_end *end);

struct race { /* zeroed at birth */
    struct worker *worker;
    struct mesh_addr addrs[RESOLVE_ADDRS_MAX];
    size_t n, next, tried; /* |tried| in this attempt */
    unsigned attempts;     /* that are left after this one */
    mesh_ns span, attempt_until, next_at;
    struct racer racers[RACERS_MAX];
    size_t running;
    size_t *extra, extra_max; /* sockets beside the first of each race */
    ev_timer timer;
    bool under_way;
    struct race_end end;
    race_done *done;
    void *ctx;
};

struct race_rule {
    unsigned attempts; /* at least 1 */
    mesh_ns timeout;   /* of each */
    size_t *extra;     /* of all races under this rule so many sockets are open beside the first of each ... */
    size_t extra_max;  /* ... and no more than so many */
};

/* race_start begins, with a copy of |addrs|. |done| is called once, perhaps from inside of this call; the race may be
 * freed or started anew in it. race_stop: it is not called any more; fine at any time. */
void race_start(struct race *r, struct worker *w, const struct mesh_addr *addrs, size_t n, const struct race_rule *rule,
                race_done *done, void *ctx);
void race_stop(struct race *r);

/* race_more: |addrs| are where it is, too; those that are known are passed over. Nothing, where none is under way. */
void race_more(struct race *r, const struct mesh_addr *addrs, size_t n);

#endif
