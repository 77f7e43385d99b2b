/* faults.h - what a bad network does to bytes, decided from a seed: when a datagram arrives
 * and how often, how long a piece of a stream is held up, which bits flip. Pure: time is
 * handed in, no sockets, so every decision can be tested. Not thread safe.
 *
 * Up is from whoever connected to the relay towards the target, down is the way back. Each
 * direction is one link: its rate is shared by all that pass, streams and datagrams alike. */
#ifndef HEDGEROW_RELAY_FAULTS_H
#define HEDGEROW_RELAY_FAULTS_H

#include "proto/base/rand.h"
#include "proto/base/slice.h"
#include "proto/base/time.h"

enum faults_way {
    FAULTS_UP,
    FAULTS_DOWN,
};

#define FAULTS_NO_END       UINT64_MAX
#define FAULTS_FLIPS_PER_MB 1000 /* when a number of flips is given alone */
#define FAULTS_DELAY_MAX    SEC(60)
#define FAULTS_BACKLOG      SEC(1) /* a datagram that would wait longer for its turn is dropped */

struct faults_setting {
    mesh_ns delay, jitter; /* each arrival is later by delay, and by 0..jitter */
    uint64_t loss_pct, reorder_pct, duplicate_pct;
    uint64_t flips_per_mb; /* how dense bit flips are, on average */
    uint64_t flips_left;   /* how many are still to come; FAULTS_NO_END */
    uint64_t rate_kbps;    /* 1,000 bits a second; 0 = no limit */
    bool cut[2];           /* by way: nothing passes */
    bool half_open;        /* the target's side is dead, and nobody told the client's */
};

/* X(name) */
#define FAULTS_COUNTERS(X)                                                                                      \
    X(bytes_up)                                                                                                 \
    X(bytes_down) X(datagrams_up) X(datagrams_down) X(lost) X(duplicated) X(reordered) X(overflowed) X(stalled) \
        X(flips)

struct faults_counters {
#define X(name) uint64_t name;
    FAULTS_COUNTERS(X)
#undef X
};

struct faults {
    struct faults_setting set;
    struct faults_counters seen;
    struct faults_link {
        struct rand loss, jitter, reorder, duplicate, flip;
        mesh_ns free_at;  /* the wire is busy until then */
        mesh_ns last_at;  /* the latest arrival in order: jitter alone reorders nothing */
        uint64_t flip_in; /* bits to pass before the next flip */
    } link[2];
};

void faults_init(struct faults *f, uint64_t seed);

/* faults_flips asks for |count| more bit flips (FAULTS_NO_END: for ever), |per_mb| > 0 in a MiB. */
void faults_flips(struct faults *f, uint64_t count, uint64_t per_mb);

/* faults_heal ends what breaks: loss, reordering, duplicates, flips, cuts, half-open. What a
 * healthy link has too, delay, jitter and rate, stays. */
void faults_heal(struct faults *f);

/* faults_passes tells whether anything gets through in this direction. */
bool faults_passes(const struct faults *f, enum faults_way way);

/* faults_datagram decides on one datagram of |len| bytes: returns how often it arrives (0, 1
 * or 2) and when, in |at|. */
unsigned faults_datagram(struct faults *f, enum faults_way way, mesh_ns now, size_t len, mesh_ns at[2]);

/* faults_stream decides when a piece of a stream arrives; |*last| is the connection's own
 * arrival before it in this direction (0 at first), and is moved on. A lost segment costs a
 * stream time and never a byte: about a round trip, or a retransmission timeout where so
 * little is under way that no fast retransmit can happen (RFC 5681, RFC 6298). */
mesh_ns faults_stream(struct faults *f, enum faults_way way, mesh_ns now, size_t len, mesh_ns *last);

/* faults_flip flips the bits of |bytes| whose turn it is and returns how many. */
size_t faults_flip(struct faults *f, enum faults_way way, uint8_t *bytes, size_t len);

/* faults_window is how many bytes of one connection and direction the relay may hold. */
size_t faults_window(const struct faults *f);

#endif
