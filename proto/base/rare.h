/* rare.h - places where a rare path can be taken on purpose: what the code may do at any time and does only seldom. In
 * what ships RARE is false, and costs nothing; in the simulator, whose objects are compiled with HEDGEROW_RARE, it is
 * drawn for each visit (sim/faults/rare.c). So a site must be free to go either way: a hint that is not given, a
 * resource that is short, a wait that ends early; never a mistake. (After FoundationDB's BUGGIFY, Zhou et al., "FoundationDB:
 * A Distributed Unbundled Transactional Key Value Store", SIGMOD 2021, section 4.2.) */
#ifndef HEDGEROW_BASE_RARE_H
#define HEDGEROW_BASE_RARE_H

#include <stdbool.h>

/* X(name, word, what happens there) */
#define RARE_SITES(X)                                                                          \
    X(BUF_TIGHT, "buf-tight", "a buffer takes just the room that is needed, and moves")        \
    X(PACK_SKIPPED, "pack-skipped", "what could be packed is sent as it is")                   \
    X(PROBE_HASTY, "probe-hasty", "a probe turns to others before its answer can be there")    \
    X(RING_SLICE, "ring-slice", "a ring table is made in the smallest slices")                 \
    X(ACCEPT_REFUSED, "accept-refused", "a peer's connection is refused, as if there were too many") \
    X(OUTPUT_SHORT, "output-short", "of what a link has to write only a byte is shown")        \
    X(BODY_SHORT, "body-short", "of what a viewer can read only a byte is shown")              \
    X(KEY_FORGOTTEN, "key-forgotten", "a key that was made lately is made again")              \
    X(EVICT_NOW, "evict-now", "something goes out of the cache though there is room")          \
    X(HEDGE_NOW, "hedge-now", "a second node is asked at once")                                \
    X(SILENCE_HASTY, "silence-hasty", "a link is taken for silent too soon")                   \
    X(CAST_SKIPPED, "cast-skipped", "a purge is not sent as a datagram; it comes by session")  \
    X(TAKE_SKIPPED, "take-skipped", "a node is not told to take a copy")                       \
    X(PIECES_FEW, "pieces-few", "the configuration is asked for a piece at a time")

enum rare_site {
#define X(name, word, text) RARE_##name,
    RARE_SITES(X)
#undef X
        RARE_SITES_N
};

bool rare_here(enum rare_site site); /* the simulator's */
#ifdef HEDGEROW_RARE
#define RARE(name) rare_here(RARE_##name)
#else
#define RARE(name) false
#endif

#endif
