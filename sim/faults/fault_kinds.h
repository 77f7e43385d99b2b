/* fault_kinds.h - every kind of fault that there is, in one table. A kind counts where it really bit: where a packet
 * was lost, a call was late, a byte was wrong; that it was asked for proves nothing. A hunt in which one of them never
 * bit fails (hunt/sometimes.h). */
#ifndef HEDGEROW_SIM_FAULT_KINDS_H
#define HEDGEROW_SIM_FAULT_KINDS_H

/* X(name, word, what it is) */
#define FAULT_KINDS(X)                                                                                      \
    X(LOSS, "loss", "a packet is lost")                                                                     \
    X(BURST, "burst-loss", "... in a burst, with its neighbours")                                           \
    X(DELAY, "delay-spike", "a packet takes longer than the plan says")                                     \
    X(REORDER, "reorder", "a datagram is overtaken")                                                        \
    X(DUPLICATE, "duplicate", "a datagram comes twice")                                                     \
    X(REPLAY, "replay", "an old datagram, or a stream's first bytes, come again seconds later")             \
    X(BIT_FLIP, "bit-flip", "a bit of a packet is wrong")                                                   \
    X(TRUNCATE, "truncation", "a datagram comes without its end")                                           \
    X(MTU_HOLE, "mtu-hole", "a datagram vanishes because it is long")                                       \
    X(PARTITION, "partition", "a packet is lost between two sets that together are all")                    \
    X(ONEWAY, "partition-oneway", "... in one direction alone")                                             \
    X(BRIDGE, "partition-bridge", "... between two sets that a third one sees")                             \
    X(RESET, "reset", "a connection breaks")                                                                \
    X(CLOG, "clog", "a path holds everything back for a time")                                              \
    X(FLAP, "flap", "a packet is lost on a path that goes away and comes again")                            \
    X(NARROW, "narrow", "a packet waits at a node's link that has become slow")                             \
    X(READDRESS, "address-change", "a node goes on, or comes back, at another address")                     \
    X(CRASH, "crash", "a process ends in the midst of things")                                              \
    X(VANISH, "vanish", "a host is gone without a word")                                                    \
    X(WIPE, "files-lost", "a node comes back without its files")                                            \
    X(PAUSE, "pause", "an event waits for a node that stands still")                                        \
    X(BUSY, "slow-cpu", "an event waits for a node that is at work")                                        \
    X(MEMORY, "memory-refused", "an engine asks for memory and gets none")                                  \
    X(DISK_READ, "disk-read-error", "a disk cannot read what lies there")                                   \
    X(DISK_WRITE, "disk-write-error", "a disk fails to write, or to sync")                                  \
    X(DISK_CORRUPT, "disk-corrupt", "a bit of what a disk reads is wrong")                                  \
    X(DISK_TORN, "disk-torn", "a write ends anywhere, and nobody is told")                                  \
    X(DISK_FULL, "disk-full", "a disk has no room for a write")                                             \
    X(DISK_SLOW, "disk-slow", "a disk takes longer than it should")                                         \
    X(POWER, "power-loss", "what a disk had not synced is gone with the host")                              \
    X(CLOCK_STEP, "clock-step", "a running node's wall clock steps")                                        \
    X(DRIFT, "clock-drift", "a running node's clocks go too fast or too slow")                              \
    X(MASS_JOIN, "mass-join", "half of the nodes, or more, begin at one moment")                            \
    X(REGION_LOSS, "region-loss", "the last node of a region, or zone, vanishes, and others are elsewhere") \
    X(ORIGIN_ERROR, "origin-error", "the origin refuses or breaks off")                                     \
    X(ORIGIN_POISON, "origin-poison", "the origin's answer is not what was asked for")                      \
    X(ORIGIN_TRICKLE, "origin-trickle", "the origin sends a byte at a time")                                \
    X(LIE, "lying-peer", "a node alters what it says of a body, or the body, before it seals it")           \
    X(TRICKLE, "trickling-peer", "a node sends a byte at a time")                                           \
    X(VERSIONS, "mixed-versions", "a node sends what others do not know, and have to skip")                 \
    X(FLASH, "flash-crowd", "many ask for one key at one moment")                                           \
    X(SLOW_READER, "slow-reader", "a viewer takes its bytes late")                                          \
    X(LEAVER, "leaver", "a viewer goes before the end")                                                     \
    X(RARE, "rare-path", "code goes a way that it seldom goes (proto/base/rare.h)")

enum fault_kind {
#define X(name, word, text) FAULT_##name,
    FAULT_KINDS(X)
#undef X
        FAULT_KINDS_N
};

struct fault_kind_text {
    const char *word, *text;
};
extern const struct fault_kind_text fault_kinds[FAULT_KINDS_N];

#endif
