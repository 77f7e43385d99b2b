/* counters.h - what the edge counts, once: /status, /metrics and the simulator's report
 * are made from this table. */
#ifndef HEDGEROW_CORE_COUNTERS_H
#define HEDGEROW_CORE_COUNTERS_H

#include <stdint.h>

/* X(name, help). Each viewer request counts once, when its answer ends:
 * requests = the sum of the requests_* below it. */
#define ENGINE_COUNTERS(X)                                                                                             \
    X(requests, "viewer requests answered")                                                                            \
    X(requests_hit, "answered from a copy on this node")                                                               \
    X(requests_refresh, "answered from a copy that was confirmed with the origin")                                     \
    X(requests_stale, "answered from an expired copy")                                                                 \
    X(requests_peer, "answered from a copy on another node")                                                           \
    X(requests_origin, "answered with bytes fetched from the origin for them")                                         \
    X(requests_error, "answered with an error of our own")                                                             \
    X(bytes_viewer, "body bytes sent to viewers")                                                                      \
    X(bytes_peer_in, "body bytes received from other nodes, unpacked")                                                 \
    X(bytes_far_in, "of these, from nodes of other regions")                                                           \
    X(bytes_peer_in_wire, "the same as they travelled, packed")                                                        \
    X(bytes_peer_out, "body bytes sent to other nodes, unpacked")                                                      \
    X(bytes_peer_out_wire, "the same as they travelled, packed")                                                       \
    X(bytes_origin, "body bytes received from origins")                                                                \
    X(origin_fetches, "requests begun at origins")                                                                     \
    X(passages, "of these, by methods that no copy answers, such as POST")                                             \
    X(origin_failures, "origin requests that failed")                                                                  \
    X(origin_waited, "requests that had to wait for their turn at the origin")                                         \
    X(origin_turned_away, "requests given up with 503: too many at the origin, and others waited")                     \
    X(origin_spared, "requests not begun: the origin had failed again and again")                                      \
    X(origin_failovers, "fetches that went on to the second origin of a group")                                        \
    X(origin_validated, "stored answers that origins confirmed")                                                       \
    X(transfers_verified, "objects received from other nodes, all signatures good")                                    \
    X(transfers_rejected, "transfers refused: a signature, hash or length is wrong")                                   \
    X(audits, "bodies from other nodes that were fetched from the origin, too, to compare them")                       \
    X(audits_failed, "of these, bodies that were not the origin's: dropped, and who signed them is suspected")         \
    X(transfers_failed, "transfers that ended early")                                                                  \
    X(asks_in, "objects asked of us by other nodes")                                                                   \
    X(asks_out, "objects asked of other nodes")                                                                        \
    X(asks_parent, "of these, of the parent region's, before the origin")                                              \
    X(hedges, "asks besides these, of a second node where the first was slow")                                         \
    X(hedges_won, "of them, those that brought the answer first")                                                      \
    X(peers_passed_over, "times a node was left alone for a while: it failed again and again, or was slow")            \
    X(asks_not_owner, "asks refused: not an owner by our ring, or another configuration")                              \
    X(asks_spread, "asks left to nodes that had just got the object here: we had more of them than others")            \
    X(takes_in, "times told to take a second copy of what is warm, or what we own since the ring changed")             \
    X(takes_out, "times another node was told so")                                                                     \
    X(copies, "fetches begun for that, from other nodes alone")                                                        \
    X(sessions_opened, "backbone sessions opened")                                                                     \
    X(sessions_aes_256_gcm, "of these, sealed by AES-256-GCM: both sides have the instructions")                       \
    X(sessions_repinned, "backbone sessions begun anew since the pinned key was stale")                                \
    X(handshakes_limited, "connections of others turned away: too many from there, or too often")                      \
    X(handshakes_shed, "handshakes under way given up for newer ones")                                                 \
    X(sessions_refused, "backbone sessions refused by name, by either side")                                           \
    X(sessions_broken, "backbone sessions broken: a record did not open or a frame was malformed")                     \
    X(links_silent, "links found silent while answers were due")                                                       \
    X(flights, "fetches begun, from other nodes or origins")                                                           \
    X(answers_coded, "answers whose body went out in a content coding of ours")                                        \
    X(coder_bytes_in, "body bytes that content coders took")                                                           \
    X(coder_bytes_out, "the same as they gave them out; what they made is kept")                                       \
    X(coders_busy, "answers left as they were: too many coders at work, or no memory")                                 \
    X(collapsed, "requests that joined a fetch already under way")                                                     \
    X(moved, "answers moved to another copy in mid-body after their source failed")                                    \
    X(resumed, "fetches that went on at the origin where another source had stopped")                                  \
    X(announced, "fetches of ours that the second owner was told of")                                                  \
    X(seconded, "fetches of other owners that we read along with as the second owner")                                 \
    X(objects_revoked, "objects dropped: their signer was revoked, or made things up")                                 \
    X(disk_hits, "objects that came from the disk")                                                                    \
    X(disk_corrupt, "objects on the disk that turned out to be damaged: missed, and dropped")                          \
    X(disk_late, "reads not waited for: the disk took too long, or had too much to do")                                \
    X(disk_written, "objects written to the disk")                                                                     \
    X(disk_written_bytes, "bytes written to it, all told")                                                             \
    X(disk_again, "objects written again, since they had been used")                                                   \
    X(disk_behind, "objects not written: the disk was behind, or took nothing")                                        \
    X(disk_read_bytes, "bytes read from it")                                                                           \
    X(disk_failures, "reads, writes and syncs that it failed, or had no room for")                                     \
    X(disk_abandoned, "segments given up after such a failure")                                                        \
    X(drops, "URLs whose copies were dropped: something changed them")                                                 \
    X(purges, "purges taken, from here or elsewhere")                                                                  \
    X(objects_purged, "copies that a purge has made void or stale, found when looked for")                             \
    X(purges_refused, "purges of other nodes refused: not signed, or malformed")                                       \
    X(wakes, "times that we found to have been stopped, and asked what was purged")                                    \
    X(configs, "versions of the mesh's configuration that came into force here")                                       \
    X(configs_refused, "versions that could not be taken: this software does not know them, or their operator is out") \
    X(config_pieces_in, "pieces of versions that came from other nodes")                                               \
    X(config_pieces_out, "pieces, and heads, that went to other nodes")                                                \
    X(config_pieces_rejected, "pieces, and heads, that were not what they were to be: who sent them is distrusted")    \
    X(asks_held, "asks that waited until we had the purges that the asker has")                                        \
    X(asks_awaiting_config, "asks that waited for the configuration that the asker has")                               \
    X(evictions, "objects evicted for space")

struct engine_counters {
#define X(name, help) uint64_t name;
    ENGINE_COUNTERS(X)
#undef X
};

#endif
