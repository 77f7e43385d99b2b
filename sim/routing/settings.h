/* settings.h - what a scenario of `hedgerow-sim routing` may set beside the settings that it shares with `run`. The
 * columns are those of SETTINGS in sim/scenario.h. */
#ifndef HEDGEROW_SIM_ROUTING_SETTINGS_H
#define HEDGEROW_SIM_ROUTING_SETTINGS_H

/* X(field, name, kind, may `set` change it, default, least, most, help) */
#define ROUTING_SETTINGS(X)                                                                                        \
    X(networks, "networks", COUNT, false, 1000, 1, 30000, "of viewers: /24s of IPv4, /48s of IPv6")                \
    X(network_viewers, "viewers", COUNT, false, 1, 1, 1000, "in each network")                                     \
    X(v6, "ipv6-pct", PCT, false, 100000, 0, 1000000, "of coarse networks (/16, /32) are of IPv6")                 \
    X(coarse, "coarse", COUNT, false, 16, 1, 256, "networks side by side in one /16 or /32")                       \
    X(coarse_same, "coarse-same-pct", PCT, false, 950000, 0, 1000000,                                              \
      "of networks are where their /16 or /32 is; the others anywhere")                                            \
    X(popular, "popular-pct", PCT, false, 0, 0, 1000000, "of coarse networks are in the region of n1")             \
    X(access, "access-ms", MS, false, MS(20), MS(1), SEC(1), "of a network's own way: evenly from 1 to this")      \
    X(detour_least, "detour-least-pct", PCT, false, 100000, 0, 1000000, "longer than the matrix says at least,")   \
    X(detour_most, "detour-most-pct", PCT, false, 500000, 0, 5000000, "... and at most: by provider and region")   \
    X(viewer_jitter, "viewer-jitter-ms", MS, true, MS(4), 0, SEC(10), "a measured time is longer by 0 to this")    \
    X(spike, "spike-pct", PCT, true, 10000, 0, 1000000, "of measured times are longer still, by up to ")           \
    X(spike_ms, "spike-ms", MS, true, MS(150), 0, SEC(9), "... this: queues of viewers' own")                      \
    X(subnet, "subnet-pct", PCT, false, 1000000, 0, 1000000,                                                       \
      "of networks have resolvers that tell the subnet; the others' are in the first network of their coarse one") \
    X(warm, "edges-before", TIME, false, SEC(60), 0, SEC(3600),                                                    \
      "edges are there so long before time begins: before viewers come and anything happens")                      \
    X(arrive, "arrive", TIME, false, SEC(5), MS(1), SEC(3600), "viewers begin evenly within this time")            \
    X(connect_every, "connect-every", TIME, false, SEC(5), MS(100), SEC(3600),                                     \
      "from a viewer's connection to its next")                                                                    \
    X(other_ttl, "other-ttl", TIME, false, SEC(30), SEC(1), SEC(3600), "of the other policies' answers")           \
    X(notice, "notice", TIME, false, SEC(6), MS(1), SEC(60),                                                       \
      "until a node knows that another one has ended: half of this to all of it")                                  \
    X(places, "places", FLAG, false, 0, 0, 1, "nodes have a file of places, too, and know where they stand")       \
    X(places_wrong, "places-wrong-pct", PCT, false, 0, 0, 1000000,                                                 \
      "of networks stand elsewhere than such a file says")                                                         \
    X(others, "others", FLAG, false, 1, 0, 1, "the same viewers by random, geographic and round-robin choice, too")

#endif
