/* figures.h - what a run is measured by, once: the report, --json and the expectations of
 * a scenario are made from this table. */
#ifndef HEDGEROW_SIM_FIGURES_H
#define HEDGEROW_SIM_FIGURES_H

#include <stdint.h>

/* X(name, help). Times in milliseconds or microseconds of virtual time as the name says;
 * FIGURE_NEVER: it did not happen. */
#define FIGURES(X)                                                                                \
    X(joined_ms, "from the last node's start until each node listed all")                         \
    X(agreed_ms, "from the end of all faults until all live nodes agreed on members and ring")    \
    X(slowest_agreement_ms, "the longest time from a change of members until all had noticed")    \
    X(ring_changes, "ring tables built, all nodes together")                                      \
    X(deaths, "deaths declared, all nodes together")                                              \
    X(wrong_deaths, "times a node that ran was declared dead")                                    \
    X(refutations, "times a node refuted its own death")                                          \
    X(keys_asked, "distinct keys that viewers asked for")                                         \
    X(origin_fetches, "requests at the origin")                                                   \
    X(origin_fetches_max, "requests at the origin for the key with the most of them")             \
    X(origin_bytes, "body bytes the origin sent")                                                 \
    X(requests, "viewers' requests")                                                              \
    X(hit, "of them answered from a copy on their node")                                          \
    X(refresh, "... from a copy that was confirmed with the origin")                              \
    X(stale, "... from an expired copy")                                                          \
    X(peer, "... from another node")                                                              \
    X(miss, "... with bytes fetched from the origin for them")                                    \
    X(error, "... with an error of the node's own")                                               \
    X(cut, "... broken off because their node stopped")                                           \
    X(gone, "... given up by their viewer")                                                       \
    X(unexplained, "failed or broken off without a fault to explain it")                          \
    X(p50_us, "median time to the last byte")                                                     \
    X(p99_us, "99th percentile of it")                                                            \
    X(p999_us, "99.9th percentile of it")                                                         \
    X(max_us, "the longest")                                                                      \
    X(first_byte_p50_us, "median time to the first byte")                                         \
    X(first_byte_p99_us, "99th percentile of the time to the first byte")                         \
    X(viewer_bytes, "body bytes viewers received and compared")                                   \
    X(peer_bytes, "body bytes moved between nodes, unpacked")                                     \
    X(far_bytes, "of these, from one region to another")                                          \
    X(near_pct, "per cent of them that stayed within a region")                                   \
    X(parent_asks, "objects asked of the parent region's nodes")                                  \
    X(peer_wire_bytes, "the same as they travelled, packed")                                      \
    X(asks, "objects that nodes asked of each other")                                             \
    X(hedges, "asks besides these, of a second node where the first was slow")                    \
    X(hedges_won, "of them, those that brought the answer first")                                 \
    X(passed_over, "times a node left another one alone that had failed again and again")         \
    X(collapsed, "requests that joined a fetch under way")                                        \
    X(moved, "answers moved to another copy in mid-body")                                         \
    X(warm_keys, "keys with two hits or more when the first node went")                           \
    X(warm_fetched, "of them fetched from the origin since then")                                 \
    X(dip_ppm, "requests that the origin was waited for: more of a million in a minute since")    \
    X(origin_rise_pct, "requests at the origin in a minute since, of those in the one before")    \
    X(busiest_owner_pct, "objects asked of one node by others, at most, of the mean")             \
    X(busiest_node_pct, "answers given by one node, to viewers and others, at most, of the mean") \
    X(owner_traffic_pct, "objects asked of other nodes, of all requests")                         \
    X(copies, "second copies taken, and copies handed over")                                      \
    X(evictions, "objects evicted for space")                                                     \
    X(silent_links, "backbone links found silent while answers were due")                         \
    X(broken_sessions, "backbone sessions broken by a malformed record or frame")                 \
    X(rejected_transfers, "transfers refused by signature, hash or length")                       \
    X(datagrams, "gossip datagrams sent")                                                         \
    X(datagram_bytes, "bytes of them")                                                            \
    X(datagrams_lost, "gossip datagrams lost on the way")                                         \
    X(streams, "backbone connections opened")                                                     \
    X(stream_bytes, "bytes sent on them")                                                         \
    X(stalls, "stream segments that had to be sent again")                                        \
    X(purges, "purges called for")                                                                \
    X(purges_refused, "... that no node took")                                                    \
    X(purges_missed, "times a purge did not get to a node that ran all the time")                 \
    X(purge_mean_us, "from a purge's call until it lay on a node's disk, mean over all nodes")    \
    X(purge_p99_us, "99th percentile of it")                                                      \
    X(purge_p999_us, "99.9th percentile of it")                                                   \
    X(purge_max_us, "the longest")                                                                \
    X(old, "answers older than a purge that had been called for by then")                         \
    X(old_max_ms, "the longest time from a purge's call to a request that got what is older")     \
    X(configs, "changes of the configuration that were handed in")                                \
    X(config_superseded, "of them, those that lost to others, at the node that knows of most")    \
    X(config_max_ms, "the longest time from a change until all live nodes had it")                \
    X(disk_hits, "objects that came from nodes' disks")                                           \
    X(disk_objects, "objects on disks at the end")                                                \
    X(disk_written, "objects written to disks")                                                   \
    X(disk_again, "of them, those written again, since they had been used")                       \
    X(disk_written_bytes, "bytes written to disks, all told")                                     \
    X(disk_read_bytes, "bytes read from disks")                                                   \
    X(disk_corrupt, "objects on disks that turned out to be damaged")                             \
    X(disk_failures, "reads, writes and syncs that disks failed, or had no room for")             \
    X(disk_late, "reads of disks that were not waited for")                                       \
    X(liars_named, "nodes that lied, and that another one holds for liars in the end")            \
    X(fault_kinds, "kinds of faults that bit")                                                    \
    X(rare_sites, "rare sites where the code went the rare way")                                  \
    X(virtual_ms, "virtual time from the first start to the end")                                 \
    X(events, "events in the trace")

#define FIGURE_NEVER UINT64_MAX

struct figures {
#define X(name, help) uint64_t name;
    FIGURES(X)
#undef X
};

#endif
