/* seeds.h - where the first peers are: names become addresses, again and again while we are
 * alone, since what they stand for may have moved. Behind them come members that we knew when
 * we last ran: seeds may be gone, or know only those who would like to be all we see. */
#ifndef HEDGEROW_IO_SEEDS_H
#define HEDGEROW_IO_SEEDS_H

#include "node/core/known.h"
#include "node/io/resolve.h"
#include "node/io/runtime.h"

struct worker;

struct seed {
    struct worker *worker;
    struct slice host;
    uint16_t port;
    struct resolve_query *query; /* under way */
    bool numeric, told;          /* told: the operator knows that it does not resolve */
    struct mesh_addr addrs[RESOLVE_ADDRS_MAX];
    size_t addrs_n;
};

struct seeds {
    struct worker *worker;
    struct seed at[NODE_SEEDS_MAX];
    size_t n;
    struct mesh_addr known[KNOWN_MAX]; /* members of an earlier life, filled in before the start */
    size_t known_n;
    mesh_ns again; /* when names are looked up next */
};

/* seeds_start: 0 or MESH_E_SYNTAX (|*bad| is the one that is no HOST:PORT). After an error, seeds_stop still is to be
 * called. */
int seeds_start(struct seeds *s, struct worker *w, const char **bad);
void seeds_stop(struct seeds *s);

/* seeds_second is called each second. */
void seeds_second(struct seeds *s);

#endif
