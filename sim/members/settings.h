/* settings.h - what a scenario of `hedgerow-sim members` may set beside the settings that
 * it shares with `run`. The columns are those of SETTINGS in sim/scenario.h. */
#ifndef HEDGEROW_SIM_MEMBERS_SETTINGS_H
#define HEDGEROW_SIM_MEMBERS_SETTINGS_H

/* X(field, name, kind, may `set` change it, default, least, most, help) */
#define MEMBERS_SETTINGS(X)                                                                                           \
    X(mode, "mode", MODE, false, 0, 0, 0, "the protocol: hedgerow, or what it is compared with: swim, lifeguard")     \
    X(regions, "regions", COUNT, false, 0, 0, 26, "delays by the first so many regions of the matrix; 0: by zone")    \
    X(burst_loss, "burst-loss-pct", PCT, true, 0, 0, 900000, "of packets are lost in bursts (Gilbert, Elliott)")      \
    X(burst_length, "burst-length", COUNT, true, 5, 1, 10000, "packets of one sender in a burst, on average")         \
    X(up_rate, "up-rate", SIZE, true, 0, 0, UINT64_C(1) << 40, "bytes per second out of a node; 0: no limit")         \
    X(down_rate, "down-rate", SIZE, true, 0, 0, UINT64_C(1) << 40, "bytes per second into a node; 0: no limit")       \
    X(link_queue, "link-queue", SIZE, true, 64 << 10, 1500, 1 << 30, "bytes that wait at such a link; more are lost") \
    X(socket_buffer, "socket-buffer", SIZE, false, 208 << 10, 4096, 1 << 30,                                          \
      "unread packets that a node's host keeps")                                                                      \
    X(probe_period, "probe-period", TIME, false, 0, 0, SEC(60), "gossip's; 0s: its default")                          \
    X(ack_timeout, "ack-timeout", TIME, false, 0, 0, SEC(60), "gossip's; 0s: its default")                            \
    X(suspect_timeout, "suspect-timeout", TIME, false, 0, 0, SEC(600), "gossip's; 0s: its default")                   \
    X(cert_bytes, "cert-bytes", COUNT, false, 260, 100, 512, "of one certificate on the wire")

#endif
