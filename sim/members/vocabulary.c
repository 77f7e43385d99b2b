/* vocabulary.c - what scenarios of `members` may say. */
#include "sim/members/figures.h"
#include "sim/scenario.h"

/* Shared with `run`, with defaults of their own. */
#define SHARED(X)                                                                                                  \
    X(seed, "seed", COUNT, false, 1, 0, UINT64_MAX, "every choice of the run follows from it")                     \
    X(nodes, "nodes", COUNT, false, 1000, 1, SIM_NODES_MAX, "members, named n1, n2 ...")                           \
    X(zones, "zones", COUNT, false, 1, 1, 100, "node i is in zone 1 + (i - 1) mod zones")                          \
    X(seeds, "seeds", COUNT, false, 3, 1, 60, "the first so many nodes are told to all as seeds")                  \
    X(join_every, "join-every", TIME, false, 0, 0, SEC(60), "from one node's start to the next one's")             \
    X(settled, "settled", FLAG, false, 0, 0, 1,                                                                    \
      "a mesh that has run for long: all know all, with keys, at the beginning")                                   \
    X(warmup, "warmup", TIME, false, SEC(20), 0, SEC(3600), "from when on traffic is measured")                    \
    X(time, "time", TIME, false, SEC(60), MS(1), SEC(1000000), "until the last fault")                             \
    X(quiet, "quiet", TIME, false, SEC(60), 0, SEC(3600), "at most so long after it, without faults, to settle")   \
    X(faults, "faults", COUNT, false, 0, 0, 1000, "so many faults drawn from the seed")                            \
    X(delay, "delay-ms", MS, true, MS(5), 0, SEC(10), "one way, within a zone")                                    \
    X(zone_delay, "zone-delay-ms", MS, true, MS(15), 0, SEC(10), "one way, between zones")                         \
    X(jitter, "jitter-ms", MS, true, MS(45), 0, SEC(10), "added to it, evenly from 0 to this")                     \
    X(loss, "loss-pct", PCT, true, 0, 0, 1000000, "of packets, each for itself")                                   \
    X(dup, "dup-pct", PCT, true, 0, 0, 1000000, "of datagrams arrive twice")                                       \
    X(reorder, "reorder-pct", PCT, true, 0, 0, 1000000, "of datagrams are overtaken")                              \
    X(regions, "regions", COUNT, false, 0, 0, 26, "delays by the first so many regions of the matrix; 0: by zone") \
    X(burst_loss, "burst-loss-pct", PCT, true, 0, 0, 900000, "of packets are lost in bursts (Gilbert, Elliott)")   \
    X(burst_length, "burst-length", COUNT, true, 5, 1, 10000, "packets of one sender in a burst, on average")      \
    X(up_rate, "up-rate", SIZE, true, 0, 0, UINT64_C(1) << 40, "bytes per second out of a node; 0: no limit")      \
    X(down_rate, "down-rate", SIZE, true, 0, 0, UINT64_C(1) << 40, "bytes per second into a node; 0: no limit")    \
    X(link_queue, "link-queue", SIZE, true, 64 << 10, 1500, 1 << 30, "bytes that wait at such a link; more are lost")

static const struct setting settings[] = {
#define X(field, name, kind, live, def, least, most, help) \
    { name, help, SETTING_##kind, live, offsetof(struct scenario, field), def, least, most },
    SHARED(X) MEMBERS_SETTINGS(X)
#undef X
};

static const char *const figure_names[] = {
#define X(name, help) #name,
    MEMBERS_FIGURES(X)
#undef X
};

const struct vocabulary words_of_members = {
    .command = "members",
    .letter = 'm',
    .settings = settings,
    .settings_n = sizeof(settings) / sizeof(settings[0]),
    .figures = figure_names,
    .figures_n = sizeof(figure_names) / sizeof(figure_names[0]),
    .nodes_max = SIM_NODES_MAX,
};
