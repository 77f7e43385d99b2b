/* timers.h - every time that a node waits, under one flag: --timers peer-silence=2s,probe=300ms.
 * For tests, and for tuning by those who have read what a timer does. */
#ifndef HEDGEROW_CLI_TIMERS_H
#define HEDGEROW_CLI_TIMERS_H

#include "node/cli/options.h"
#include "node/io/runtime.h"

/* X(name, field of struct node_config, default as the layers below have it, help) */
#define TIMERS(X)                                                                                                      \
    X("probe", probe_period, SEC(1), "each member is probed about so often")                                           \
    X("ack", ack_timeout, MS(300), "a probe not answered by then is tried through others")                             \
    X("suspect", suspect_timeout, MS(3500), "a suspect has so long to speak up, and longer while evidence is scarce")  \
    X("ring-join", ring_join_delay, SEC(1), "members that join, heal or leave move the ring so much later")            \
    X("ring-death", ring_death_delay, SEC(10), "a death moves the ring only then")                                     \
    X("ramp", ramp, SEC(60), "a node that joins an old mesh grows to its full weight over so long")                    \
    X("parent", parent_period, SEC(60), "which region is the nearest to the origin is asked so often")                 \
    X("peer-silence", engine.peer_silence, MS(400), "a peer that owes an answer and is silent so long is passed over") \
    X("peer-dial", engine.peer_dial, SEC(1), "connecting to a peer, handshake included")                               \
    X("progress", engine.progress, MS(150), "how often a peer that waits for us hears that we are at it")              \
    X("fetch", engine.fetch, SEC(60), "from a request's start to its answer's head")                                   \
    X("seed-retry", engine.seed_retry, SEC(1), "between attempts to join while alone, at first")                       \
    X("join-wait", engine.join_wait, SEC(10), "a node that could not join is ready all the same after so long")        \
    X("reach-wait", engine.reach_wait, SEC(30), "a node that nobody could dial for so long owns nothing in the ring")  \
    X("distrust", engine.distrust, SEC(60), "a peer whose answer did not verify is not asked so long, doubling")       \
    X("slip", engine.slip, MS(10), "bytes from an origin are held back so long to be sent together")                   \
    X("origin-wait", engine.origin_wait, SEC(2),                                                                       \
      "for one's turn, where the origin has as many requests as it may have")                                          \
    X("origin-connect", timers.origin_connect, SEC(10), "one attempt to connect to the origin")                        \
    X("origin-response", timers.origin_response, SEC(30),                                                              \
      "from a request to its answer's first byte, and between two reads of it")                                        \
    X("origin-whole", timers.origin_whole, 0, "from a request to its answer's last byte (0: no limit)")                \
    X("dns", timers.dns, SEC(2), "a DNS server that is silent so long is asked once more, or another one")             \
    X("origin-idle", timers.origin_idle, SEC(5), "an unused connection to the origin is kept so long")                 \
    X("viewer-head", timers.viewer_head, SEC(10), "from the first byte of a request, or a TLS handshake, to its end")  \
    X("viewer-idle", timers.viewer_idle, SEC(60), "a viewer's connection between requests")                            \
    X("viewer-stall", timers.viewer_stall, SEC(30), "a viewer that moves less than 512 bytes a second for so long")    \
    X("drain", timers.drain, SEC(30), "requests under way are waited for so long when stopping")                       \
    X("resolve", timers.resolve_again, SEC(10), "seeds' names are looked up again while alone")

/* Reads KEY=TIME[,KEY=TIME...] into a struct node_config. */
option_read timers_read;

/* timers_help appends one line for each. */
void timers_help(struct buf *out);

#endif
