/* scenario.h - the story of a run: settings, what happens when, and what is expected of it.
 * Made from a text, one line a thing (README.md), and from options. Plain data. */
#ifndef HEDGEROW_SIM_SCENARIO_H
#define HEDGEROW_SIM_SCENARIO_H

#include "node/core/evict.h"
#include "proto/base/buf.h"
#include "proto/base/time.h"
#include "sim/figures.h"
#include "sim/members/settings.h"
#include "sim/routing/settings.h"

#define CLOCK_DRIFT_MAX 20000 /* millionths */
#define SIM_NODES_MAX   20000 /* of the larger command; a vocabulary has its own limit */

enum setting_kind {
    SETTING_COUNT,
    SETTING_TIME,     /* "60s", "250ms", "2m": nanoseconds */
    SETTING_MS,       /* "12.5" milliseconds: nanoseconds */
    SETTING_PCT,      /* "0.5" per cent: parts per million */
    SETTING_SIZE,     /* "64KiB": bytes */
    SETTING_FLAG,     /* yes, no */
    SETTING_MODE,     /* of membership: hedgerow, swim, lifeguard */
    SETTING_DECIMAL,  /* "0.85": millionths */
    SETTING_EVICTION, /* a policy's word (evict.h) */
};

/* X(field, name, kind, may `set` change it, default, least, most, help) */
#define SETTINGS(X)                                                                                                    \
    X(seed, "seed", COUNT, false, 1, 0, UINT64_MAX, "every choice of the run follows from it")                         \
    X(identities, "identities", COUNT, false, 0, 0, UINT32_MAX,                                                        \
      "other keys of nodes, so another ring, all else the same")                                                       \
    X(nodes, "nodes", COUNT, false, 50, 1, 1000, "edge nodes, named n1, n2 ...")                                       \
    X(zones, "zones", COUNT, false, 3, 1, 100, "node i is in zone 1 + (i - 1) mod zones")                              \
    X(rings, "rings", COUNT, false, 1, 1, 26, "regions that have one: node i is in region 1 + (i - 1) mod rings")      \
    X(parent, "parent-region", COUNT, false, 0, 0, 27, "of the origin; 0: the nearest, as measured; 27: none")         \
    X(origin_region, "origin-region", COUNT, false, 1, 1, 26,                                                          \
      "where it stands; from others it is a round trip further")                                                       \
    X(seeds, "seeds", COUNT, false, 3, 1, 60, "the first so many nodes are told to all as seeds")                      \
    X(arc_bits, "arc-bits", COUNT, false, 16, 16, 20, "the ring has 2^N arcs")                                         \
    X(real_crypto, "real-crypto-nodes", COUNT, false, 200, 0, 1000, "with more a stand-in of the same sizes is used")  \
    X(own_rings, "own-rings", COUNT, false, 1, 0, 1000, "the first so many make their ring tables; others share")      \
    X(join_every, "join-every", TIME, false, MS(50), 0, SEC(60), "from one node's start to the next one's")            \
    X(settled, "settled", FLAG, false, 0, 0, 1, "a mesh that has run for long: all begin at once, and know all")       \
    X(warmup, "warmup", TIME, false, SEC(15), 0, SEC(3600), "before viewers ask")                                      \
    X(time, "time", TIME, false, SEC(60), MS(1), SEC(86400) * 30, "until the last viewer's request and fault")         \
    X(quiet, "quiet", TIME, false, SEC(60), 0, SEC(3600), "at most so long after it, without faults, to settle")       \
    X(afterwards, "afterwards", FLAG, false, 0, 0, 1, "then each node is asked twice for an object of its own")        \
    X(figures_from, "figures-from", TIME, false, 0, 0, SEC(86400),                                                     \
      "times of requests that came before are no figures")                                                             \
    X(requests, "requests", COUNT, false, 10000, 0, 100000000, "viewers' requests, spread evenly")                     \
    X(log_speed, "log-speed", COUNT, false, 1, 1, 1000000,                                                             \
      "a log is replayed so many times faster than it was written")                                                    \
    X(keys, "keys", COUNT, false, 1000, 1, 10000000, "distinct objects")                                               \
    X(every_node, "every-node", FLAG, false, 0, 0, 1, "each key once at each node instead of `requests`")              \
    X(ready_only, "ready-only", FLAG, false, 0, 0, 1, "viewers are sent only to nodes that say they are ready")        \
    X(zipf, "zipf", FLAG, false, 1, 0, 1, "key i is asked 1/i as often as key 1; else all alike")                      \
    X(zipf_exponent, "zipf-exponent", DECIMAL, false, 1000000, 0, 3000000, "... 1/i to this power")                    \
    X(sample, "sample", COUNT, false, 1, 1, 1000000, "one object of N, an Nth of requests and memory")                 \
    X(isolated, "isolated", FLAG, false, 0, 0, 1, "nodes do not know each other: what a mesh is compared with")        \
    X(ask_from, "ask-from", COUNT, false, 1, 1, 1000, "viewers ask at this node and those behind it alone")            \
    X(hot, "hot-pct", PCT, false, 0, 0, 1000000, "viewers that ask for key 1, whatever the others do")                 \
    X(size_min, "size-min", SIZE, false, 100, 0, 1 << 30, "smallest body")                                             \
    X(size_max, "size-max", SIZE, false, 200 << 10, 0, 1 << 30, "largest body; each doubling is equally likely")       \
    X(slow_viewers, "slow-viewers-pct", PCT, false, 0, 0, 1000000, "viewers that read 64 KiB each 20 ms")              \
    X(viewer_delay, "viewer-delay-ms", MS, true, 0, 0, SEC(10), "one way, from a viewer to its node")                  \
    X(leavers, "leavers-pct", PCT, false, 0, 0, 1000000, "viewers that go before the end")                             \
    X(heads, "head-pct", PCT, false, 0, 0, 1000000, "viewers that ask by HEAD")                                        \
    X(conditional, "conditional-pct", PCT, false, 0, 0, 1000000, "viewers that say which versions they have")          \
    X(ranges, "range-pct", PCT, false, 0, 0, 1000000, "viewers that want a part, or several")                          \
    X(posts, "post-pct", PCT, false, 0, 0, 1000000, "viewers that change at the origin what they name (POST)")         \
    X(memory, "memory", SIZE, false, 256 << 20, 1 << 20, UINT64_C(1) << 40, "of each node's cache")                    \
    X(eviction, "eviction", EVICTION, false, 0, 0, EVICT_POLICIES_N - 1, "s3-fifo-size, s3-fifo, sieve or lru")        \
    X(spread_floor, "spread-floor", COUNT, false, 0, 0, UINT32_MAX,                                                    \
      "asks in 10 s that an owner answers itself; 0: as nodes")                                                        \
    X(hedge, "hedge", FLAG, false, 1, 0, 1, "slow owners are overtaken and passed over, as nodes do; no: to compare")  \
    X(second_copies, "second-copies", FLAG, false, 1, 0, 1, "of what is popular, as nodes have them; no: to compare")  \
    X(faults, "faults", COUNT, false, 0, 0, 1000, "so many faults drawn from the seed")                                \
    X(delay, "delay-ms", MS, true, MS(1), 0, SEC(10), "one way, within a zone")                                        \
    X(zone_delay, "zone-delay-ms", MS, true, MS(15), 0, SEC(10), "one way, between zones")                             \
    X(region_delay, "region-delay-ms", MS, true, MS(40), 0, SEC(10), "one way, between regions")                       \
    X(jitter, "jitter-ms", MS, true, MS(1), 0, SEC(10), "added to it, evenly from 0 to this")                          \
    X(loss, "loss-pct", PCT, true, 0, 0, 1000000, "of packets")                                                        \
    X(dup, "dup-pct", PCT, true, 0, 0, 1000000, "of datagrams arrive twice")                                           \
    X(reorder, "reorder-pct", PCT, true, 0, 0, 1000000, "of datagrams are overtaken")                                  \
    X(corrupt, "corrupt-pct", PCT, true, 0, 0, 1000000, "of datagrams and stream segments have a bit flipped")         \
    X(rate, "rate", SIZE, true, 0, 0, UINT64_C(1) << 40, "bytes per second from node to node; 0: no limit")            \
    X(regions, "regions", COUNT, false, 0, 0, 26, "delays by the first so many regions of the matrix; 0: by zone")     \
    X(burst_loss, "burst-loss-pct", PCT, true, 0, 0, 900000, "of packets are lost in bursts (Gilbert, Elliott)")       \
    X(burst_length, "burst-length", COUNT, true, 5, 1, 10000, "packets of one sender in a burst, on average")          \
    X(up_rate, "up-rate", SIZE, true, 0, 0, UINT64_C(1) << 40, "bytes per second out of a node; 0: no limit")          \
    X(down_rate, "down-rate", SIZE, true, 0, 0, UINT64_C(1) << 40, "bytes per second into a node; 0: no limit")        \
    X(link_queue, "link-queue", SIZE, true, 64 << 10, 1500, 1 << 30, "bytes that wait at such a link; more are lost")  \
    X(origin_delay, "origin-delay-ms", MS, true, MS(40), 0, SEC(600), "from a request to its answer's head")           \
    X(origin_jitter, "origin-jitter-ms", MS, true, MS(20), 0, SEC(600), "added to it, evenly from 0 to this")          \
    X(origin_rate, "origin-rate", SIZE, true, 20 << 20, 1, UINT64_C(1) << 40, "bytes per second of one answer")        \
    X(origin_fail, "origin-fail-pct", PCT, true, 0, 0, 1000000, "of fetches are refused or cut off")                   \
    X(not_modified, "not-modified-pct", PCT, true, 0, 0, 1000000,                                                      \
      "of conditional fetches of what has not changed get a 304")                                                      \
    X(last_modified, "last-modified-pct", PCT, false, 0, 0, 1000000, "of keys say when they were changed, too")        \
    X(chunked, "chunked-pct", PCT, false, 200000, 0, 1000000, "of keys come without a length")                         \
    X(purges, "purges", COUNT, false, 0, 0, 100000,                                                                    \
      "so many purges drawn from the seed, each of what has just changed")                                             \
    X(keep, "keep-ms", MS, true, MS(2), 0, SEC(60),                                                                    \
      "until what a node keeps of purges is on its disk; up to twice that")                                            \
    X(configs, "configs", COUNT, false, 0, 0, 100000, "so many changes of the configuration drawn from the seed")      \
    X(config_size, "config-size", SIZE, false, 200, 1, 16 << 20, "bytes of its text, or a few more")                   \
    X(replay, "replay-pct", PCT, true, 0, 0, 1000000,                                                                  \
      "of datagrams, and of streams' first bytes, come again 2 s to 30 s later")                                       \
    X(truncate, "truncate-pct", PCT, true, 0, 0, 1000000, "of datagrams come without their end")                       \
    X(rare, "rare-pct", PCT, true, 0, 0, 1000000, "of visits to half of the rare sites go the rare way (drawn which)") \
    X(older, "older-nodes", COUNT, false, 0, 0, 1000, "the last so many have software whose hints nobody knows")       \
    X(origin_poison, "origin-poison-pct", PCT, true, 0, 0, 1000000, "of fetches get what was not asked for")           \
    X(origin_trickle, "origin-trickle-pct", PCT, true, 0, 0, 1000000, "of answers come a byte a second")               \
    X(no_store, "no-store-pct", PCT, false, 0, 0, 1000000, "of keys may not be cached")                                \
    X(max_age, "max-age", TIME, false, SEC(86400), SEC(1), SEC(86400) * 365, "of what may be cached")                  \
    X(disk, "disk", SIZE, false, 0, 0, UINT64_C(16) << 30, "of each node, for copies: 8MiB or more; 0: none")          \
    X(disk_delay, "disk-delay-ms", MS, true, US(100), 0, SEC(60), "until a disk has done a thing; up to twice that")   \
    X(disk_rate, "disk-rate", SIZE, true, 500 << 20, 1024, UINT64_C(1) << 40, "bytes per second of one disk")          \
    X(fetch_timeout, "fetch-timeout", TIME, false, SEC(60), SEC(1), SEC(3600),                                         \
      "a node waits so long for an answer's head, then it says 504")

/* X(name, word, arguments, commands): N nodes, T a time, C a count, P per cent, B bytes,
 * S a setting and its value, O a state of the origin; r `run`, m `members`, w `routing` (the way) */
#define ACTIONS(X)                                                                                                     \
    X(START, "start", "N", "rmw")           /* what is down begins again, with its next boot */                        \
    X(START_LOST, "start-lost", "N", "rm")  /* ... but its boot counter was lost */                                    \
    X(CRASH, "crash", "N", "rmw")           /* the process ends: peers see their connections reset */                  \
    X(VANISH, "vanish", "N", "rm")          /* the host is gone: peers see nothing at all */                           \
    X(LEAVE, "leave", "N", "rm")            /* an orderly end */                                                       \
    X(PAUSE, "pause", "NT", "rm")           /* stands still for so long, then goes on */                               \
    X(CUT, "cut", "NN", "rm")               /* nothing passes between the two sets */                                  \
    X(CUT_ONEWAY, "cut-oneway", "NN", "rm") /* nothing passes from the first to the second */                          \
    X(HEAL, "heal", "", "rm")               /* all cuts end */                                                         \
    X(RESET, "reset", "NN", "r")            /* connections between the two sets break */                               \
    X(ORIGIN, "origin", "O", "r")                                                                                      \
    X(FLASH, "flash", "CC", "r")               /* key, so many requests at this moment */                              \
    X(CLOCK_AHEAD, "clock-ahead", "NT", "r")   /* its wall clock steps forward; time since start does not */           \
    X(CLOCK_BACK, "clock-back", "NT", "r")     /* ... and back */                                                      \
    X(PURGE, "purge", "NC", "r")               /* the origin has a key anew; then it is purged at each of these */     \
    X(PURGE_PREFIX, "purge-prefix", "NC", "r") /* ... all keys that begin so */                                        \
    X(PURGE_TAG, "purge-tag", "NC", "r")       /* ... all that are as much modulo 8 */                                 \
    X(PURGE_ALL, "purge-all", "N", "r")                                                                                \
    X(CONFIGURE, "configure", "N", "r")          /* the next change of the configuration is handed in at each */       \
    X(CLOG, "clog", "NNT", "r")                  /* what passes between the two sets is held back for so long */       \
    X(FLAP, "flap", "NNTT", "r")                 /* cut for the first time of every second one, until heal */          \
    X(MTU_HOLE, "mtu-hole", "NNB", "r")          /* longer datagrams vanish between the two sets, until heal */        \
    X(NARROW, "narrow", "NB", "r")               /* their links take so many bytes a second; 0: as before */           \
    X(READDRESS, "readdress", "N", "r")          /* they are at another address from now on, or when they begin */     \
    X(BUSY, "busy", "NT", "r")                   /* each thing they do takes them so long; 0s: no more */              \
    X(LIE, "lie", "NC", "r")                     /* one in so many of their frames about bodies is altered; 0: none */ \
    X(TRICKLE, "trickle", "NT", "r")             /* what they send comes a byte each such time; 0s: no more */         \
    X(REFUSE_MEMORY, "refuse-memory", "NC", "r") /* the so manieth piece that each asks for is refused */              \
    X(CLOCK_FAST, "clock-fast", "NC", "r")       /* their clocks gain so many millionths; 0: no more */                \
    X(CLOCK_SLOW, "clock-slow", "NC", "r")       /* ... lose */                                                        \
    X(SET, "set", "S", "rmw")                                                                                          \
    X(FREEZE, "freeze", "NTT", "m")            /* stands still for the first time of every second one */               \
    X(THAW, "thaw", "N", "m")                  /* ... no more */                                                       \
    X(SLOW, "slow", "NT", "rm")                /* each packet costs so much time; 0s: no more */                       \
    X(DRAIN, "drain", "N", "rw")               /* owns nothing from now on, and serves its viewers */                  \
    X(WARM, "warm", "", "r")                   /* each key is asked for at its first two owners */                     \
    X(UPDATE, "update", "NCT", "m")            /* so many times, so far apart, one of them states another weight */    \
    X(CRASHES, "crashes", "NCT", "m")          /* so many times, so far apart, one of them ends */                     \
    X(RESTART, "restart", "NT", "m")           /* each ends and begins again, spread over the time */                  \
    X(RESTART_LOST, "restart-lost", "NT", "m") /* ... its boot counter lost */                                         \
    X(CAP, "cap", "NC", "w")                   /* so many viewers are all that they can take */                        \
    X(MOVE, "move", "C", "w")                  /* so many networks are somewhere else from now on */                   \
    X(LEAVE_OUT, "leave-out", "N", "w")        /* their regions are left out by the owner */                           \
    X(START_WIPED, "start-wiped", "N", "r")    /* as start-lost, and its disk is empty */                              \
    X(DISK_ERRORS, "disk-errors", "NP", "r")   /* so many of its reads fail */                                         \
    X(DISK_WRITE_ERRORS, "disk-write-errors", "NP", "r") /* ... of its writes and syncs */                             \
    X(DISK_CORRUPT, "disk-corrupt", "NP", "r")           /* ... of its reads bring a bit that was not written */       \
    X(DISK_TORN, "disk-torn", "NP", "r") /* ... of its writes get there in part, and are told as done */               \
    X(DISK_FULL, "disk-full", "NB", "r") /* it has room for so many bytes; 0: for all again */                         \
    X(DISK_SLOW, "disk-slow", "NT", "r") /* all that it does takes so much longer; 0s: no more */
enum action_kind {
#define X(name, word, args, commands) ACTION_##name,
    ACTIONS(X)
#undef X
};

enum origin_state_kind { ORIGIN_UP, ORIGIN_DOWN /* refuses */, ORIGIN_HANGS /* accepts and says nothing */ };

/* Nodes as a scenario names them; index 0 is n1. */
struct node_set {
    enum { NODES_LIST, NODES_ALL, NODES_ZONE, NODES_REGION, NODES_OWNER /* of a key, at that moment */ } by;
    uint64_t number; /* the zone, the region, or the key */
    uint8_t bits[(SIM_NODES_MAX + 7) / 8];
};
bool node_set_has(const struct node_set *s, uint32_t node);

struct action {
    mesh_ns at;
    enum action_kind kind;
    unsigned line; /* 0: drawn, not written */
    struct node_set a, b;
    mesh_ns spans[2];
    uint64_t numbers[2];
    enum origin_state_kind origin;
    size_t setting;
    uint64_t value;
};

struct expectation {
    unsigned line;
    size_t figure;
    char op; /* '<' at most, '=' just, '>' at least */
    uint64_t value;
};

struct vocabulary;
struct workload;
struct topology;

struct scenario {
    const struct vocabulary *words; /* whose scenario it is */
#define X(field, name, kind, live, def, least, most, help) uint64_t field;
    SETTINGS(X)
    MEMBERS_SETTINGS(X)
    ROUTING_SETTINGS(X)
#undef X
    const struct workload *load;     /* what viewers ask for as a log says it (workload.h), lent; NULL: it is drawn */
    const struct topology *topology; /* where nodes are (topology.h), lent; NULL: in regions and zones in turn */
    struct node_set absent;          /* not started at the beginning */
    struct action *actions;          /* in order of time, then of writing */
    size_t actions_n, actions_cap;
    struct expectation *expectations;
    size_t expectations_n, expectations_cap;
};

struct scenario_error {
    unsigned line, column; /* from 1; line 0: the whole */
    char text[240];
};

/* scenario_init sets the defaults of |words|; scenario_fini frees. */
void scenario_init(struct scenario *sc, const struct vocabulary *words);
void scenario_fini(struct scenario *sc);

/* scenario_parse adds a text's lines. scenario_setting changes one setting. scenario_check
 * is called last: it judges what one line alone cannot tell. 0, or a MESH_E_* with |err| filled. */
int scenario_parse(struct scenario *sc, struct slice text, struct scenario_error *err);
int scenario_setting(struct scenario *sc, struct slice name, struct slice value, struct scenario_error *err);
int scenario_check(const struct scenario *sc, struct scenario_error *err);

/* scenario_add puts |a| (copied) in its place in time. 0 or MESH_E_NOMEM. */
int scenario_add(struct scenario *sc, const struct action *a);

/* The tables, for help, options and reports: what scenarios of a command may say. */
struct setting {
    const char *name, *help;
    enum setting_kind kind;
    bool live;
    size_t offset; /* in struct scenario */
    uint64_t def, least, most;
};
struct vocabulary {
    const char *command; /* "run", "members", "routing" */
    char letter;         /* of it in ACTIONS */
    const struct setting *settings;
    size_t settings_n;
    const char *const *figures; /* names, in the order of the command's struct of uint64_t */
    size_t figures_n;
    uint64_t nodes_max;
};
extern const struct vocabulary words_of_run, words_of_members, words_of_routing;

static inline uint64_t *setting_of(struct scenario *sc, size_t i)
{
    return (uint64_t *)(void *)((char *)sc + sc->words->settings[i].offset);
}

/* |figures| is the command's own struct of figures. */
static inline uint64_t figure_of(const void *figures, size_t i)
{
    return ((const uint64_t *)figures)[i];
}

/* Written as in a scenario: a value, an action, and the whole (but for `faults`,
 * `purges` and `configs`, whose actions are among the others by then). */
void scenario_put_value(struct buf *out, enum setting_kind kind, uint64_t value);
void scenario_put_action(struct buf *out, const struct scenario *sc, const struct action *a);
void scenario_put(struct buf *out, const struct scenario *sc);

/* scenario_unmet writes a line for each expectation that the command's |figures| do not meet, and returns how many. */
size_t scenario_unmet(struct buf *out, const struct scenario *sc, const void *figures);

#endif
