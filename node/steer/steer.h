/* steer.h - what a node learns of viewers' round-trip times and tells to others, and what it hears from them: own
 * figures by prefix (bounded: the most used ones stay, the rest counts for coarser ones), a small datagram to each
 * member now and then with facts and news, the coordinate, and the controller that sheds. Views for choosing come out.
 * Pull-style; no I/O; not thread safe (views are: view.h). A time before one that was told already counts as that one.
 *
 *   viewers' RTTs --steer_sample--> own figures --steer_poll: datagrams--> others' steer_take --> rows --> steer_view
 */
#ifndef HEDGEROW_STEER_STEER_H
#define HEDGEROW_STEER_STEER_H

#include "node/steer/view.h"
#include "proto/base/buf.h"

#define STEER_DATAGRAM_MAX 1000

struct steer;

struct steer_config {
    struct node_id id;
    const char *name, *zone; /* ours, lent for life */
    uint8_t hash_key[16];    /* secret random */
    uint64_t seed;
    size_t own_max;     /* prefixes that we measure ourselves; 0: 8,192 */
    size_t rows_max;    /* prefixes known in all; 0: 32,768 */
    mesh_ns say_period; /* between two datagrams to a member; 0: 2 s. In large meshes STEER_ROUND members a period */
    mesh_ns silent;     /* facts count so long; 0: 10 s */
};

struct steer *steer_new(const struct steer_config *cfg, mesh_ns now); /* NULL: out of memory */
void steer_free(struct steer *s);

/* steer_self: what we are to viewers now. What changes who is sent here (ready, draining, addresses) is told to all at
 * once. |facts|' shed_permille and at are not read: they are ours. */
void steer_self(struct steer *s, mesh_ns now, const struct steer_facts *facts);

/* steer_sample: a viewer's connection had this round-trip time. |country|: "" if not known. Nonsense (0, above 10 s) is
 * dropped. */
void steer_sample(struct steer *s, mesh_ns now, const struct mesh_addr *viewer, const char *country, mesh_ns rtt);

/* steer_member: what the mesh holds of another node. A name, and whether it may be answered: alive and well. One that
 * is not leaves views at once. steer_gone: it is no member any more. 0, MESH_E_FULL, MESH_E_NOMEM. */
int steer_member(struct steer *s, mesh_ns now, const struct node_id *id, const char *name, const char *zone,
                 bool alive);
void steer_gone(struct steer *s, mesh_ns now, const struct node_id *id);

/* steer_peer_rtt: a round trip between us and that member took so long. */
void steer_peer_rtt(struct steer *s, mesh_ns now, const struct node_id *id, mesh_ns rtt);

/* steer_take takes a member's datagram. 0; MESH_E_UNKNOWN (no member), or what the wire says of it (MESH_E_SYNTAX,
 * MESH_E_TYPE, MESH_E_RANGE, MESH_E_SHORT, MESH_E_MISSING): nothing of it is taken. steer_is: is it one of steer's? */
bool steer_is(struct slice datagram);
int steer_take(struct steer *s, mesh_ns now, const struct node_id *from, struct slice datagram);

void steer_tick(struct steer *s, mesh_ns now);
mesh_ns steer_deadline(const struct steer *s);

struct steer_out {
    struct node_id to;
    struct slice bytes; /* at most STEER_DATAGRAM_MAX; lent until the next call on |s| */
};
bool steer_poll(struct steer *s, struct steer_out *out);

/* steer_view returns the view as of now with a reference that is the caller's: the one given out last while nothing has
 * changed, and no new one within 200 ms of it, unless a member has died or changed its state. NULL: out of memory. */
struct steer_view *steer_view(struct steer *s, mesh_ns now);

/* X(name, help) */
#define STEER_COUNTERS(X)                                           \
    X(samples, "round-trip times of viewers measured here")         \
    X(samples_coarse, "of these, kept for a coarser network alone") \
    X(said, "datagrams with figures and facts sent")                \
    X(heard, "datagrams with figures and facts taken")              \
    X(refused, "such datagrams refused: malformed")                 \
    X(rehomed, "networks whose nearest edge changed")
struct steer_counters {
#define X(name, help) uint64_t name;
    STEER_COUNTERS(X)
#undef X
};
const struct steer_counters *steer_counters(const struct steer *s);

/* For the status page and tests: own prefixes, rows in all, bytes of memory. */
struct steer_size {
    size_t own, rows, bytes;
};
void steer_size(const struct steer *s, struct steer_size *out);

/* steer_busiest writes up to |cap| of the networks, the finest ones, that we measured most samples of lately, the
 * busiest first, and returns how many. */
struct steer_use {
    struct steer_prefix prefix;
    uint32_t uses; /* samples; what is old counts less and less */
    uint16_t rtt;  /* ours, in units of 100 us */
};
size_t steer_busiest(const struct steer *s, struct steer_use *out, size_t cap);

#endif
