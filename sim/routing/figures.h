/* figures.h - what a run of `hedgerow-sim routing` is measured by. */
#ifndef HEDGEROW_SIM_ROUTING_FIGURES_H
#define HEDGEROW_SIM_ROUTING_FIGURES_H

#include <stdint.h>

/* X(name, help). "Near": the viewer's edge is within 5 ms or 10 % of the best that its network has. Shares are of
 * 1,000. FIGURE_NEVER: there was nothing to measure. */
#define ROUTING_FIGURES(X)                                                                       \
    X(near_10s, "viewers that are near, of 1,000, 10 s after the start")                         \
    X(near_30s, "... 30 s")                                                                      \
    X(near_60s, "... 60 s")                                                                      \
    X(near_120s, "... 120 s")                                                                    \
    X(near_least, "the fewest at any moment (looked every 5 s) from 60 s on")                    \
    X(excess_p50_10s_us, "more than the best edge would take, median of viewers, 10 s")          \
    X(excess_p50_30s_us, "... 30 s")                                                             \
    X(excess_p50_60s_us, "... 60 s")                                                             \
    X(excess_p50_120s_us, "... 120 s")                                                           \
    X(excess_p95_10s_us, "... 95th percentile, 10 s")                                            \
    X(excess_p95_30s_us, "... 30 s")                                                             \
    X(excess_p95_60s_us, "... 60 s")                                                             \
    X(excess_p95_120s_us, "... 120 s")                                                           \
    X(rtt_us, "mean round trip of all connections")                                              \
    X(best_us, "... had each gone to the best edge")                                             \
    X(switches, "changes of their edge by 1,000 viewers in an hour, from 60 s on")               \
    X(asks, "questions")                                                                         \
    X(explored, "answers with the second best first, to learn of it")                            \
    X(connects, "connections")                                                                   \
    X(refused, "connections tried at an edge that was down")                                     \
    X(empty, "questions without an answer")                                                      \
    X(named_dead_ms, "from an edge's end until the last answer with its name, at most")          \
    X(named_known_dead, "answers with the name of an edge that the answering node knew as dead") \
    X(named_draining_ms, "from `drain` until the last answer with its name, at most")            \
    X(named_left_out, "answers with an edge that is left out while others lived")                \
    X(named_last_resort, "... when no others lived")                                             \
    X(moved, "networks that moved")                                                              \
    X(rehomed_60s, "of their viewers so many of 1,000 were near 60 s later")                     \
    X(rehomed_p95_ms, "from the move until they were first near, 95th percentile")               \
    X(cap_least, "load of the capped edge, of 1,000 of its cap, least, from 60 s after `cap`")   \
    X(cap_most, "... most")                                                                      \
    X(cap_mean, "... mean")                                                                      \
    X(cap_turns, "times its load went from above 1,100 to below 900, or back")                   \
    X(spilled, "viewers that were not at the capped edge, their best; mean")                     \
    X(spilled_second, "of them so many of 1,000 were near to their second best")                 \
    X(datagrams, "between nodes")                                                                \
    X(datagrams_lost, "of them")                                                                 \
    X(node_bytes, "bytes a node and second in datagrams, without their seals")                   \
    X(refused_datagrams, "datagrams that a node refused")

struct routing_figures {
#define X(name, help) uint64_t name;
    ROUTING_FIGURES(X)
#undef X
};

#endif
