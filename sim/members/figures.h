/* figures.h - what a run of members is measured by: the report, --json and the expectations
 * of a scenario are made from this table. */
#ifndef HEDGEROW_SIM_MEMBERS_FIGURES_H
#define HEDGEROW_SIM_MEMBERS_FIGURES_H

#include <stdint.h>

/* X(name, help). FIGURE_NEVER (sim/figures.h): it did not happen. */
#define MEMBERS_FIGURES(X)                                                                                    \
    X(joined_ms, "from the last node's first start until all live nodes had the same, right view")            \
    X(healed_ms, "from the last end of cuts until all live nodes had the same, right view")                   \
    X(agreed_ms, "from the end of all faults until all live nodes had the same, right view")                  \
    X(restarted_ms, "from the last start until all live nodes had the same, right view")                      \
    X(stuck, "live nodes that at the end lack a live one, hold a dead one for live, or differ from the rest") \
    X(live, "nodes up at the end")                                                                            \
    X(crashes, "ends of nodes that were followed until all had declared them dead")                           \
    X(crash_missed, "of them, not declared dead by all before the end")                                       \
    X(crash_p50_ms, "from a node's end until all declare it dead, median")                                    \
    X(crash_p99_ms, "99th percentile of it")                                                                  \
    X(crash_max_ms, "the longest")                                                                            \
    X(updates, "changes of a member's weight that were followed")                                             \
    X(updates_lost, "of them, not at all live nodes within 10 s")                                             \
    X(update_mean_ms, "until all live nodes have it, mean")                                                   \
    X(update_p99_ms, "99th percentile of it")                                                                 \
    X(update_max_ms, "the longest")                                                                           \
    X(update_half_ms, "until half of the nodes have it, mean")                                                \
    X(update_90_ms, "until nine tenths have it, mean")                                                        \
    X(update_99_ms, "until 99 % have it, mean")                                                               \
    X(update_node_mean_ms, "until a node has it, mean over nodes and changes")                                \
    X(wrong_deaths, "times a healthy running node (one incarnation of it) was declared dead by anybody")      \
    X(wrong_views, "views in which that was so, all together")                                                \
    X(faulty_deaths, "times a node that ran, but froze or was slow, was declared dead")                       \
    X(ring_moves, "views in which a running node lost its place in the ring (dead for 10 s)")                 \
    X(idle_bytes, "bytes sent a node and second, from the warm-up to the end of time, all told")              \
    X(idle_datagram_bytes, "of them in datagrams")                                                            \
    X(peak_bytes, "the most bytes that one node sent in one second, after the warm-up")                       \
    X(datagrams, "gossip datagrams sent")                                                                     \
    X(datagram_bytes, "bytes of them, seal included")                                                         \
    X(streams, "exchanges of members over a stream")                                                          \
    X(stream_bytes, "bytes of them, certificates included")                                                   \
    X(certs, "certificates fetched one by one")                                                               \
    X(lost, "datagrams lost on the way")                                                                      \
    X(queue_drops, "datagrams dropped by a full access link")                                                 \
    X(socket_drops, "datagrams dropped by a full socket buffer")                                              \
    X(suspicions, "members that began to be suspected, all nodes together")                                   \
    X(deaths, "deaths declared by timeout, all nodes together")                                               \
    X(refutations, "times a node refuted its own suspicion or death")                                         \
    X(syncs, "exchanges that gossip asked for")                                                               \
    X(overflows, "records or packets that gossip dropped at a limit")                                         \
    X(malformed, "payloads that gossip refused")                                                              \
    X(virtual_ms, "virtual time from the first start to the end")                                             \
    X(events, "events of the world")

struct members_figures {
#define X(name, help) uint64_t name;
    MEMBERS_FIGURES(X)
#undef X
};

#endif
