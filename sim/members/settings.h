/* settings.h - what a scenario of `hedgerow-sim members` may set beside the settings that
 * it shares with `run`. The columns are those of SETTINGS in sim/scenario.h. */
#ifndef HEDGEROW_SIM_MEMBERS_SETTINGS_H
#define HEDGEROW_SIM_MEMBERS_SETTINGS_H

/* X(field, name, kind, may `set` change it, default, least, most, help) */
#define MEMBERS_SETTINGS(X)                                                                                       \
    X(mode, "mode", MODE, false, 0, 0, 2, "the protocol: hedgerow, or what it is compared with: swim, lifeguard") \
    X(socket_buffer, "socket-buffer", SIZE, false, 208 << 10, 4096, 1 << 30,                                      \
      "unread packets that a node's host keeps")                                                                  \
    X(probe_period, "probe-period", TIME, false, 0, 0, SEC(60), "gossip's; 0s: its default")                      \
    X(ack_timeout, "ack-timeout", TIME, false, 0, 0, SEC(60), "gossip's; 0s: its default")                        \
    X(suspect_timeout, "suspect-timeout", TIME, false, 0, 0, SEC(600), "gossip's; 0s: its default")               \
    X(cert_bytes, "cert-bytes", COUNT, false, 260, 100, 512, "of one certificate on the wire")

#endif
