/* crowd.h - a world of members: each node is one instance of gossip/, the code that ships.
 * Certificates, seals, sessions and streams are modelled by their bytes and round trips; there is
 * no cryptography, no engine and no object. The same scenario gives the same run. */
#ifndef HEDGEROW_SIM_MEMBERS_CROWD_H
#define HEDGEROW_SIM_MEMBERS_CROWD_H

#include <assert.h>

#include "gossip/gossip.h"
#include "gossip/roster.h"
#include "gossip/sums.h"
#include "sim/net/link_model.h"
#include "sim/members/baseline.h"
#include "sim/members/curves.h"
#include "sim/members/figures.h"
#include "sim/members/parcel.h"
#include "sim/members/queue.h"
#include "sim/scenario.h"

/* What may happen, with what |a| and |b| of the event mean. */
enum crowd_event {
    EVENT_ACTION,     /* the scenario's next one */
    EVENT_SAMPLE,     /* looks whether all agree */
    EVENT_BEGIN,      /* node, 1: boot counter lost */
    EVENT_END,        /* node, 1: silently */
    EVENT_TICK,       /* node */
    EVENT_DATAGRAM,   /* parcel */
    EVENT_WAKE,       /* node: it can work on */
    EVENT_FREEZE,     /* node, how often `freeze` was said of it */
    EVENT_SEED,       /* node, life */
    EVENT_CERT,       /* node, of whom */
    EVENT_FLOW,       /* flow */
    EVENT_UPDATE,     /* action, how often already */
    EVENT_CRASH_NEXT, /* the same */
    EVENT_DUE,        /* a look at what was declared dead, see notice.c */
};

/* One member's followed change: who has not noticed yet. */
struct watch {
    bool active, crash;
    uint32_t node;
    mesh_ns since;
    uint64_t boot;
    uint32_t counter; /* an update is there with this one, or a later one */
    uint32_t left;    /* observers who have not noticed, */
    uint32_t of;      /* of so many */
    uint64_t *waits;  /* a bit each */
};

struct crowd_node {
    struct gossip *g;   /* this */
    struct baseline *b; /* or this, when the mode is a baseline; both NULL: down */
    uint64_t boot;      /* as in its boot file */
    uint32_t life;      /* starts so far: what was begun in an earlier one does not count */
    bool leaving;
    mesh_ns began;
    mesh_ns armed;   /* of the TICK event that counts */
    uint64_t draws;  /* packets sent so far: each draws for itself */
    uint64_t digest; /* of its view, when it was last looked at */
    uint32_t others; /* live members in its view, without itself */
    uint32_t weight;

    struct link_burst burst;
    struct link_queue up, down;               /* of datagrams */
    struct link_queue up_stream, down_stream; /* of streams; each kind has half of the rate */

    mesh_ns free_at; /* frozen, or busy with a packet, until then */
    mesh_ns cost;    /* of one packet, when slow */
    mesh_ns freeze_for, freeze_every;
    uint32_t freezes;                 /* how often `freeze` or `thaw` was said of it */
    mesh_ns excused;                  /* not healthy until then: frozen or slow, or just after */
    uint32_t inbox_first, inbox_last; /* parcels unread in its socket */
    uint64_t inbox_bytes;

    size_t seed_at;
    mesh_ns seed_backoff, seed_look;

    uint64_t second, second_bytes; /* bytes sent in that second */
    uint64_t wrong_boot;           /* of its incarnation that was last wrongly declared dead, */
    uint32_t wrong_counter;        /* so that each counts once */
    bool wrong_known;
    struct watch watch;
};

struct flow {
    uint32_t from, to, from_life, to_life;
    enum { FLOW_DIAL, FLOW_FRAME, FLOW_PING, FLOW_PONG } phase;
    bool used, join, reply; /* it asks for an answer */
    enum { EXCHANGE_ALL, EXCHANGE_SUMS, EXCHANGE_PART } what;
    struct view_diff part;
    size_t at;          /* the next member to be sent */
    size_t sent;        /* bytes so far */
    struct buf records; /* of the frame under way: u16 length, record */
};

struct cut {
    struct node_set a, b;
    bool oneway;
};

/* A dead member in somebody's view: it loses its place in the ring if it stays so. */
struct mourned {
    mesh_ns until;
    uint32_t observer, observer_life, node;
    uint64_t boot; /* of the incarnation that died: a later death begins anew */
    uint32_t counter;
};

#define CROWD_COUNTS(X) \
    X(datagrams)        \
    X(datagram_bytes)   \
    X(streams)          \
    X(stream_bytes)     \
    X(certs)            \
    X(lost)             \
    X(queue_drops)      \
    X(socket_drops)
struct crowd_counts {
#define X(name) uint64_t name;
    CROWD_COUNTS(X)
#undef X
};

struct series {
    mesh_ns *values;
    size_t n, cap;
};

#define UPDATE_SHARES 3 /* half of the nodes, nine tenths, 99 % */

struct crowd {
    struct scenario sc; /* as it is now: `set` changes it; the actions are the caller's */
    uint32_t n;
    mesh_ns now;
    bool calm;
    struct queue queue;
    struct parcels parcels;
    struct crowd_node *nodes;
    struct node_id *ids;
    struct roster *roster;  /* every record once, however many views hold it */
    struct gossip *pattern; /* of a settled mesh: a view that holds all */
    uint64_t *certs;        /* n x bit_words bits: who holds whose certificate */
    uint64_t *keyed;        /* n x bit_words bits: the pair has keys for both as they are in this run */
    size_t bit_words;
    struct buf scratch;
    uint64_t trace[2], events;
    size_t action_at;

    struct cut *cuts;
    size_t cuts_n;
    mesh_ns mass_cut_until; /* a cut that separates many excuses deaths until a while after */

    struct flow *flows;
    uint32_t flows_n, flows_cap;
    uint32_t *flows_free;
    size_t flows_free_n;

    struct mourned *mourned; /* in the order of their time */
    size_t mourned_at, mourned_n, mourned_cap;
    uint32_t *watched; /* nodes with an active watch */
    size_t watched_n;

    /* agreement */
    bool changed; /* some view, or who lives, since the last sample */
    mesh_ns changed_at;
    mesh_ns joined_from, healed_from, started_from, calm_from; /* MESH_NS_NEVER: not yet */
    mesh_ns joined_at, healed_at, restarted_at, agreed_at;
    char wrong[200]; /* what was not right when views were last looked at; "": all right */

    struct members_curves *curves; /* or NULL */

    /* figures */
    struct crowd_counts counts;
    struct gossip_counters ended; /* of nodes that are no more */
    struct series crash_times, update_times;
    uint64_t crashes, crash_missed, updates, updates_lost;
    uint64_t update_node_us, update_nodes;
    struct series update_shares[UPDATE_SHARES]; /* until so many have an update: notice.c */
    uint64_t wrong_deaths, wrong_views, faulty_deaths, ring_moves, peak_bytes;
    uint64_t bytes, bytes_at_warmup, datagram_bytes_at_warmup, bytes_at_time, datagram_bytes_at_time;
    size_t unmet; /* expectations */
    struct buf complaints;
};

/* crowd_run lives through |sc| (checked; its lists lent for the crowd's life) and returns the
 * crowd as it is then. NULL: libsodium is unusable. */
struct crowd *crowd_run(const struct scenario *sc);
/* The same, and |curves| are filled, unless NULL. */
struct crowd *crowd_watched_run(const struct scenario *sc, struct members_curves *curves);
void crowd_free(struct crowd *c);
void crowd_figures(struct crowd *c, struct members_figures *f);

/* ---- between the parts ---- */

enum crowd_draw { DRAW_ID = 1, DRAW_PACKET, DRAW_STREAM, DRAW_ACTION, DRAW_GOSSIP };

void crowd_at(struct crowd *c, mesh_ns at, enum crowd_event kind, uint32_t a, uint32_t b);
void crowd_note(struct crowd *c, enum crowd_event kind, uint32_t a, uint32_t b, struct slice bytes);
struct rand crowd_rand(const struct crowd *c, uint64_t entity, enum crowd_draw purpose);
static inline bool crowd_up(const struct crowd *c, uint32_t node)
{
    return c->nodes[node].g != NULL || c->nodes[node].b != NULL;
}
bool crowd_has(const struct crowd *c, const struct node_set *s, uint32_t node);
uint32_t crowd_index(const struct crowd *c, const struct node_id *id);
struct mesh_addr crowd_addr(uint32_t node);
static inline bool bit_get(const uint64_t *bits, uint32_t i)
{
    return (bits[i / 64] >> (i % 64) & 1) != 0;
}
static inline void bit_clear(uint64_t *bits, uint32_t i)
{
    bits[i / 64] &= ~(UINT64_C(1) << (i % 64));
}
static inline void bit_set(uint64_t *bits, uint32_t i)
{
    bits[i / 64] |= UINT64_C(1) << (i % 64);
}

/* Is a baseline spoken, for which nobody needs certificates or keys? */
static inline bool crowd_plain(const struct crowd *c)
{
    return c->sc.mode != 0;
}

/* ---- life.c: one node's ---- */

void life_begin(struct crowd *c, uint32_t i, bool boot_lost);
/* life_pattern makes the view that a settled mesh begins with. */
void life_pattern(struct crowd *c);
void life_end(struct crowd *c, uint32_t i, bool silently);
void life_tick(struct crowd *c, uint32_t i);
/* Goes on with what waits in its socket. */
void life_wake(struct crowd *c, uint32_t i);
void life_freeze(struct crowd *c, uint32_t i, mesh_ns span);
/* life_seek looks for company: at seeds, in their turn. */
void life_seek(struct crowd *c, uint32_t i);
/* life_pump does what gossip wants done, and sets its next tick. */
void life_pump(struct crowd *c, uint32_t i);
/* life_take takes a parcel that is at its door. */
void life_take(struct crowd *c, uint32_t parcel);
bool life_holds(const struct crowd *c, uint32_t i, uint32_t of);
void life_hold(struct crowd *c, uint32_t i, uint32_t of);
/* Do they have keys for each other as they are in this run (proto/datagram.h)? */
bool life_keyed(const struct crowd *c, uint32_t i, uint32_t with);
void life_certified(struct crowd *c, uint32_t i, uint32_t of);

/* ---- road.c: what is between nodes ---- */

void road_send(struct crowd *c, uint32_t from, uint32_t to, struct slice payload);
void road_arrive(struct crowd *c, uint32_t parcel);
/* The receiver cannot open it: it answers UNKNOWN, and gets CERT and the payload again; or,
 * with |boot|, it answers BOOT and gets the payload again. */
void road_again(struct crowd *c, uint32_t parcel, bool boot);
void road_fetch_cert(struct crowd *c, uint32_t node, uint32_t via, uint32_t of);
bool road_cut(const struct crowd *c, uint32_t from, uint32_t to);
/* One way, with jitter. */
mesh_ns road_delay(struct crowd *c, uint32_t from, uint32_t to, struct rand *r);
struct rand road_rand(struct crowd *c, uint32_t from);
void road_count(struct crowd *c, uint32_t from, size_t bytes);

/* ---- flow.c: exchanges of members over streams ---- */

void flow_dial(struct crowd *c, uint32_t from, uint32_t to, bool join);
/* flow_ping is the fallback probe of the baselines: a ping and its answer over a stream. */
void flow_ping(struct crowd *c, uint32_t from, uint32_t to);
void flow_step(struct crowd *c, uint32_t flow);

/* ---- trouble.c: what actions do ---- */

void trouble_act(struct crowd *c, const struct action *a, uint32_t number);
void trouble_update(struct crowd *c, uint32_t action, uint32_t done);
void trouble_crash(struct crowd *c, uint32_t action, uint32_t done);
void trouble_freeze(struct crowd *c, uint32_t node, uint32_t freezes);
void trouble_ends(struct crowd *c);

/* ---- notice.c: who has noticed what, and who was wronged ---- */

void notice_crash(struct crowd *c, uint32_t node);
void notice_update(struct crowd *c, uint32_t node);
/* |observer| can notice nothing any more. */
void notice_gone(struct crowd *c, uint32_t observer);
void notice_change(struct crowd *c, uint32_t observer, const struct gossip_out *o);
void notice_due(struct crowd *c);
void notice_end(struct crowd *c);

/* ---- agree.c: the views, compared from outside ---- */

/* agree_look fills c->wrong: "" when all live nodes hold the same view and it is right. */
void agree_look(struct crowd *c);
void agree_sample(struct crowd *c);
uint64_t agree_stuck(struct crowd *c);

#endif
