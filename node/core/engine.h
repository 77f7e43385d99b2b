/* engine.h - the edge as one state machine: viewers' requests, the object cache, fetches
 * from other nodes and from origins, what other nodes ask of us, and the mesh we are in.
 * It opens no socket and reads no clock: the rim (node/io, or the simulator) hands in
 * what happened with the time, then polls for what is to be done.
 *
 *   viewer --engine_request--> engine --ENGINE_FETCH--> origin
 *                              ^    |
 *                ENGINE_REQUEST|    |ENGINE_DIAL, ENGINE_WRITE --> another node
 *
 * A day of a request is in README.md. Not thread safe: one engine, in one thread; others answer from its copies by
 * shelf_read.h. */
#ifndef HEDGEROW_CORE_ENGINE_H
#define HEDGEROW_CORE_ENGINE_H

#include "node/core/alarms.h"
#include "node/core/coded.h"
#include "node/core/coding.h"
#include "node/core/configs.h"
#include "node/core/counters.h"
#include "node/core/distribution.h"
#include "node/core/fields.h"
#include "node/core/head.h"
#include "node/core/mesh.h"
#include "node/core/object.h"
#include "node/core/purge_calls.h"
#include "node/core/refusals.h"
#include "node/core/response.h"
#include "node/core/session.h"
#include "node/signed/countries.h"
#include "node/steer/steer.h"
#include "node/store/store.h"

struct engine;

struct engine_timers {    /* 0 = the default */
    mesh_ns peer_silence; /* 400 ms: asks are open and nothing is heard: the link is unhealthy */
    mesh_ns peer_dial;    /* 1 s: connect, handshake and HELLO */
    mesh_ns progress;     /* 150 ms: how often we tell askers that we are at it */
    mesh_ns fetch;        /* 60 s: from a request's start to its answer's head */
    mesh_ns origin_wait;  /* 2 s: for one's turn, where the origin has as many requests as it may have */
    mesh_ns seed_retry; /* 1 s, doubling to 8 s: while alone (in company a seed that is no member is tried each 5 s) */
    mesh_ns join_wait;  /* 10 s: ready without having joined after so long */
    mesh_ns reach_wait; /* 30 s: nobody could dial us for so long: we own nothing */
    mesh_ns distrust;   /* 60 s, doubling: a peer whose answer did not verify is not asked */
    mesh_ns slip;       /* 10 ms: the oldest unsent byte of an unfinished leaf */
};

struct engine_config {
    struct mesh_config mesh; /* .self, .boot, .addrs ... */
    struct slice version;    /* software, for people */
    uint16_t mesh_port;
    unsigned suites;      /* of backbone records, see session.h; 0: all that the processor has */
    struct dist_set *set; /* what is served; a reference is taken. See engine_configure */
    struct slice zone;    /* the mesh's DNS domain, below which distributions have names; may be empty. Lent for life */
    uint64_t memory_limit;      /* bytes of the object cache */
    struct store *store;        /* what is on the disk, lent for the engine's life; NULL: memory is all */
    enum evict_policy eviction; /* of it; others than the first are for comparison */
    unsigned codings_off;       /* CODING_BITs of content codings that viewers do not get */
    uint8_t hash_key[16];       /* keys the tables: secret random */
    uint32_t audit_one_in; /* of so many bodies from other nodes one is compared with the origin's; 0: none (audit.h) */
    unsigned readers;      /* other threads that answer from copies (shelf_read.h); 0: none do */
    struct slice purges;   /* the file of purges as it was kept; lent to engine_new */
    const struct slice *configs; /* versions of the configuration as they were kept, in any order; lent to engine_new */
    size_t configs_n;
    struct config_hooks config;
    bool has_seeds;          /* a mesh is to be joined: readiness waits for it */
    unsigned origin_fetches; /* requests that the origin has at a time, at the most; 0: 1,024 */
    uint32_t spread_floor;   /* asks answered in 10 s that are never too many; 0: 2,000 (spread.h) */
    bool unhedged;           /* for comparison: no hedges, and slow peers are not passed over */
    bool uncopied;           /* for comparison: what is popular has no second copy (warm.h) */
    struct engine_timers timers;
    /* Lying peers of tests and of the simulator; NULL in a node (see session.h). */
    void (*outgoing)(void *ctx, uint8_t *frame, size_t len);
    void *outgoing_ctx;
    struct zpack *zpack; /* lent, shared by the nodes of one thread; NULL: one of its own */
    struct trace trace;
};

/* engine_new: owned by the caller until engine_free. NULL: out of memory. engine_free
 * forgets everything at once; the rim has let go of links, fetches and requests before. */
struct engine *engine_new(const struct engine_config *cfg, mesh_ns now);
void engine_free(struct engine *e);

/* engine_clock sets the wall clock: Unix time in seconds at |now|. Call before other
 * calls whenever it may have moved (once a loop turn is enough). */
void engine_clock(struct engine *e, mesh_ns now, int64_t wall_s);

/* engine_configure has |set| (a reference is taken) in force for all requests from now on; those that wait, and what is
 * fetched for them, go on by the set that they began with. 0, or with nothing changed MESH_E_NOMEM, or
 * what doors_new says of a key that is none. */
int engine_configure(struct engine *e, mesh_ns now, struct dist_set *set);

void engine_tick(struct engine *e, mesh_ns now);
mesh_ns engine_deadline(const struct engine *e);

/* ---- what is to be done ---- */
enum engine_out_kind {
    ENGINE_DATAGRAM,   /* send |bytes| to |addr| */
    ENGINE_DIAL,       /* connect |link| to |addr|; answer engine_connected or engine_disconnected */
    ENGINE_WRITE,      /* |link| has output: write link_output, then engine_sent, until it is empty;
                          said once, and again only after it has been empty */
    ENGINE_CLOSE,      /* |link| is finished: write what link_output still holds if that goes at
                          once, close, then engine_disconnected */
    ENGINE_FETCH,      /* begin |fetch| at the origin */
    ENGINE_FETCH_FLOW, /* fetch->paused has changed: stop or go on reading its body */
    ENGINE_FETCH_STOP, /* drop |fetch| now; it is gone after this poll */
    ENGINE_REQUEST,    /* |request| has news: look at it */
    ENGINE_DISK,       /* do |op|, then engine_disk_done */
    ENGINE_KEEP,       /* append |bytes| to the file of purges, durably, then engine_kept */
    ENGINE_CONFIG, /* keep |bytes|, a version of the configuration, durably, then engine_config_kept; lent until then */
    ENGINE_PROBE,  /* connect to the origin that dist_measured names, say engine_origin_rtt and hang up; no answer is a
                      good one, too */
    ENGINE_TWIN,   /* this identity runs elsewhere, with a higher boot: stop */
};
struct engine_out {
    enum engine_out_kind kind;
    struct mesh_addr addr;
    struct slice bytes; /* lent until the next call on the engine */
    struct link *link;
    struct fetch *fetch;
    struct request *request;
    struct store_op *op;
};
bool engine_poll(struct engine *e, struct engine_out *out);

/* ---- the mesh's sockets ---- */
void engine_datagram(struct engine *e, mesh_ns now, const struct mesh_addr *from, struct slice bytes);

/* A link is one backbone connection. |io| is the rim's own; the engine never reads it. */
struct link;
void *link_io(const struct link *l);
void link_set_io(struct link *l, void *io);
struct slice link_output(const struct link *l); /* lends until the next call on the engine */

/* engine_accept: a peer connected to us from |from|. NULL: refuse it (too many or too often, there or
 * in all; no memory). */
struct link *engine_accept(struct engine *e, mesh_ns now, const struct mesh_addr *from);
void engine_connected(struct engine *e, mesh_ns now, struct link *l);
void engine_received(struct engine *e, mesh_ns now, struct link *l, struct slice bytes);
void engine_sent(struct engine *e, mesh_ns now, struct link *l, size_t n);
/* engine_disconnected: the connection is gone (or could not be made); |l| is freed. */
void engine_disconnected(struct engine *e, mesh_ns now, struct link *l);

/* Seeds' addresses as resolved by the rim; replaces those told before. */
void engine_seeds(struct engine *e, mesh_ns now, const struct mesh_addr *addrs, size_t n);
#define ENGINE_SEEDS_MAX 64

/* engine_preload: one that was just made has been with all of |certs| for long (mesh_preload). */
int engine_preload(struct engine *e, mesh_ns now, const struct mesh_known *certs, size_t n, const struct gossip *view);

/* ---- origins ---- */
/* A request to the origin. The slices are lent while the fetch lives. */
struct fetch {
    const struct dist_origin *origin; /* which is asked. Its |prefix| goes before |path|: it is no part of any key */
    bool viewer_host;                 /* Host is |host|, and not the origin's own */
    bool https;                       /* the viewer's scheme, for an origin that is asked by that */
    struct slice path;                /* normal form, with query */
    struct slice host;                /* the viewer's, normal form; may be empty */
    struct slice request_id;
    struct slice method;          /* empty: GET */
    void *from;                   /* with a method: the |io| of the request, whose body goes along; else NULL */
    const struct fields *forward; /* the viewer's fields that go along */
    struct slice if_none_match, if_modified_since; /* a stored answer is to be validated; empty: absent */
    struct slice range, if_range;                  /* what is wanted of the body; empty: all */
    bool paused;                                   /* take no more body bytes until this is false again */
    void *io;                                      /* the rim's own */
    unsigned cause; /* the rim's: why it fails, should it fail now; see request.error_cause */
};
/* The engine's own cause, never the rim's: the origin has as many requests as it may have. */
#define FETCH_CAUSE_FULL 0xffffu
/* fetch_asker lends the viewer's request that |f| was made for, while it waits for the head, so that the rim can pass
 * 1xx on to it. NULL: it was another node's, or it has left. Nobody else is shown what may be for that one alone. */
struct request *fetch_asker(struct fetch *f);
/* The answer, in order: head, body pieces, end. 1xx are the rim's affair. |length| is
 * the body's length, or -1 when unknown. engine_fetch_end: 0 = the body is complete;
 * else MESH_E_TIMEOUT, MESH_E_REFUSED (no connection), MESH_E_CLOSED (cut),
 * MESH_E_SYNTAX (malformed). The fetch is gone after engine_fetch_end. A call may
 * queue ENGINE_FETCH_STOP for this same fetch: it stays valid until that was polled. */
void engine_fetch_head(struct engine *e, mesh_ns now, struct fetch *f, uint16_t status, const struct fields *fields,
                       int64_t length);
void engine_fetch_body(struct engine *e, mesh_ns now, struct fetch *f, struct slice bytes);
void engine_fetch_end(struct engine *e, mesh_ns now, struct fetch *f, int err);
/* engine_origin_rtt: a connection to the origin that dist_measured names, for a fetch or for ENGINE_PROBE, was made
 * within so long. Of others nothing is said: all nodes have to speak of the same one. */
void engine_origin_rtt(struct engine *e, mesh_ns now, mesh_ns rtt);

/* ---- the disk ---- */
/* engine_disk_done: |op| was done, with |err| (store_done's codes). */
void engine_disk_done(struct engine *e, mesh_ns now, struct store_op *op, int err);
/* engine_disk_close: the end is near: what is in memory is written, as ENGINE_DISK comes out of engine_poll, until
 * engine_disk_closed. */
void engine_disk_close(struct engine *e, mesh_ns now);
bool engine_disk_closed(const struct engine *e);

/* ---- viewers ---- */
enum request_result { /* X-Cache's and the access log's word */
                      RESULT_HIT,
                      RESULT_REFRESH,
                      RESULT_STALE,
                      RESULT_PEER,
                      RESULT_MISS,
                      RESULT_ERROR,
};
const char *
request_result_word(enum request_result r); /* "Hit", "RefreshHit", "StaleHit", "PeerHit", "Miss", "Error" */

enum request_state {
    REQUEST_IDLE,    /* not handed in, or taken back */
    REQUEST_WAITING, /* no head yet */
    REQUEST_BODY,    /* |answer| is valid; read the body */
    REQUEST_FAILED,  /* cannot be completed: with |head_sent| abort the connection, else answer |error_status| */
};

/* What a viewer's answer is made of, valid in REQUEST_BODY. Lent while the request holds. */
struct answer {
    const struct kept_head *head;
    struct slice lines; /* what request_keep kept with the copy; empty: nothing yet */
    uint16_t as;        /* the status that it is shown with, in place of an error (dist_error); 0: the head's own */
    mesh_ns age_ns;     /* now */
    mesh_ns ttl_ns;     /* freshness left; may be negative */
    bool has_length;
    uint64_t length;    /* of the body */
    enum coding coding; /* of the body; see request_code */
    bool negotiated;    /* others may get it in another coding */
    enum request_result result;
    bool stored, collapsed;
    bool was_stale; /* there was a copy, which had to be asked for */
    bool passed;    /* the method had it go to the origin, and what came of it is nobody else's */
    bool from_disk; /* the copy was on the disk */
    bool via_peer;  /* bytes come from another node ... */
    char peer_name[CERT_NAME_MAX + 1];
    bool peer_hit;                       /* ... which had them (else it fetched them for us) */
    char parent_name[CERT_NAME_MAX + 1]; /* ... from this node of the parent region; empty: from the origin */
    bool parent_hit; /* ... which had them, or the other node did and is of the parent region itself */
};

/* Embedded in the rim's viewer. Zeroed at birth. */
struct request {
    uint32_t magic;
    void *io;                    /* the rim's own */
    struct slice host;           /* Host without port, as received; lent during engine_request */
    struct slice target;         /* origin-form target as received; lent during engine_request */
    struct slice method;         /* lent during engine_request. Empty, GET and HEAD are answered from copies; all others
                                    go to the origin, with |io| for their bodies' sake, and never to a peer */
    struct slice request_id;     /* lent while the request holds; at most 64 bytes */
    const struct fields *fields; /* the viewer's; lent during engine_request */
    struct slice range, if_range; /* of these, where the method has ranges; else empty. Lent as |request_id| is */
    struct mesh_addr from;        /* the viewer's; port 0: not known */
    bool https;                   /* by which it came */
    struct slice authority;      /* Host with its port, as received, for what is signed; lent likewise. Empty: |host| */
    char country[COUNTRY_BYTES]; /* where |from| is; "": not known */
    /* Read by the rim: */
    enum request_state state;
    /* Of ours: 502, 503, 504; 400, 403, 413, 421 (the host is nobody's) and others of the request's; and 301 to 308,
     * where to is in |location|. */
    uint16_t error_status;
    struct slice location,
        allow; /* a URL or a path; with 403 because of the method, what Allow says. Lent with the request */
    const struct dist
        *dist; /* whose it is; NULL: nobody's, or it did not come so far. Lent for the turn that it came in */
    struct response policy; /* what is said of the answer's fields; with |preflight| that is all of it */
    struct slice list;   /* edges for players (nearest.h), JSON: that is all of the answer, with 200. Lent likewise */
    uint32_t list_ttl_s; /* it holds so long */
    const char *detail;  /* why it was not let in, a word for the access log; NULL: it was, or was not asked */
    uint32_t retry_after_s; /* then, with 429 */
    const char *error_text; /* a sentence for people; static */
    unsigned error_cause;   /* the failed fetch's |cause|, 0 where it was another node's, or none */
    struct answer answer;
    /* The rim sets it once it has begun to write the answer's head: from then on the
     * answer may continue from another copy only if every byte so far is the same. */
    bool head_sent;
    /* The engine's: */
    struct engine *engine;
    struct shelved
        *shelved; /* it is read from this copy, in another thread than the engine's; NULL: it is the engine's */
    struct shelf_reader *shelf_reader;
    bool pinned; /* which is held */
    struct reader reader;
    unsigned awaited;            /* other nodes' confirmations that the answer still waits for */
    uint64_t until;              /* what lies behind is not read for now */
    struct parts *parts;         /* NULL: it is read from one copy */
    struct purge_waiter *waiter; /* NULL: it waits for nothing of that kind */
    enum coding prefers;         /* by its Accept-Encoding */
    bool codable;                /* it asks with GET or HEAD */
    bool at_edge;                /* by a name of its distribution at one edge */
    struct coded_place coded_at; /* in the coded body */
    struct buf coded_rest;       /* of a copy that was lost, to be read before that */
    struct buf own;              /* what |location|, |allow| and |list| lend */
    struct error_page *page;     /* what is shown in place of an error; NULL: it is no error, or shown as it is */
};

/* engine_request hands one in; its state is set at once (often REQUEST_BODY: a hit) and
 * ENGINE_REQUEST follows each later change. |r| must stay until engine_request_end. */
void engine_request(struct engine *e, mesh_ns now, struct request *r);

/* request_redirects: it ended with where else to ask, which is no error, and counts as a hit. */
static inline bool request_redirects(const struct request *r)
{
    return r->state == REQUEST_FAILED && r->location.len > 0;
}
/* request_here: the edge has answered it by itself (it redirects, answers a preflight, or lists edges), which counts as
 * a hit. */
static inline bool request_here(const struct request *r)
{
    return r->state == REQUEST_FAILED && (request_redirects(r) || r->policy.preflight || r->list.len > 0);
}

/* request_seek: of the body |length| bytes from |at| on are read next, which may not be there yet. Only forward. Who
 * never seeks reads all of it. */
void request_seek(struct engine *e, mesh_ns now, struct request *r, uint64_t at, uint64_t length);

/* request_answer refreshes answer's ages for |now|. */
void request_answer(struct engine *e, mesh_ns now, struct request *r);

/* request_keep keeps |lines| with the copy that |r| reads, as long as its head stays as it is: the rim's own form of
 * what is the same in all answers from it. Unless request_keeps: of a small object, where they take as much room again
 * as all else that is not the body, only once it is asked for again and again. */
bool request_keeps(const struct request *r);
void request_keep(struct request *r, struct slice lines);

/* request_lay_out lets other threads answer from the copy that |r| reads, which is a hit: it was asked for twice. */
void request_lay_out(struct request *r);

/* request_hold keeps what |r| reads beyond this turn of the loop, where another thread may let it go. */
void request_hold(struct request *r);

/* request_code settles the body's coding and with it answer's length: call once, right before the answer's head is
 * made. Not called, it is identity, as it is with |identity| (for ranges, and who knows no framing of unknown
 * length). |head_only|: no body will be read. */
void request_code(struct engine *e, mesh_ns now, struct request *r, bool identity, bool head_only);

/* request_body lends up to |max| pieces of the body at the read position; returns how
 * many (0: nothing at present). request_take moves the position on. request_done: all
 * has been taken and the body is complete. */
size_t request_body(struct request *r, struct slice *pieces, size_t max);
void request_take(struct engine *e, mesh_ns now, struct request *r, size_t n);
bool request_done(const struct request *r);

/* engine_request_end takes the request back, finished or not. With |count|, it is
 * counted by its result (an error of the rim's own: set state REQUEST_FAILED before). */
void engine_request_end(struct engine *e, mesh_ns now, struct request *r, bool count);

/* engine_count_error counts a request the rim answered itself with an error, engine_count_here one that it answered
 * itself with what it was asked for. */
void engine_count_error(struct engine *e);
void engine_count_here(struct engine *e);
void engine_count_sent(struct engine *e, uint64_t body_bytes);

/* ---- to the nearest edge (node/steer) ---- */
/* engine_edge: what we are to viewers now; from the first call on other nodes are told (steer_self). engine_viewer_rtt:
 * a viewer's connection had this round-trip time; |country| is "" if not known (steer_sample). */
void engine_edge(struct engine *e, mesh_ns now, const struct steer_facts *facts);
void engine_viewer_rtt(struct engine *e, mesh_ns now, const struct mesh_addr *viewer, const char *country, mesh_ns rtt);
/* engine_steer lends it: for views, and what is counted of it. */
struct steer *engine_steer(struct engine *e);
/* engine_edges_given: redirects and lists go by |v| (a reference is taken) from now on instead; for tests. */
void engine_edges_given(struct engine *e, struct steer_view *v);

/* ---- the authorities ---- */
/* engine_roll takes a roll that was handed in here (mesh_roll_take's codes); it spreads from
 * here. engine_outcast: 0, or why no node may talk to us any more (mesh_admits' codes). */
int engine_roll(struct engine *e, mesh_ns now, struct slice bytes);
int engine_outcast(const struct engine *e);
/* engine_renew takes a renewed certificate of ours (mesh_renew's codes). */
int engine_renew(struct engine *e, mesh_ns now, const struct identity *id);

/* ---- purges (purge_calls.h) ---- */
/* engine_kept: what ENGINE_KEEP said is durable, or (not |done|) could not be kept: then it is said again in a second.
 */
void engine_kept(struct engine *e, mesh_ns now, bool done);
/* engine_purges_whole appends a whole file of purges, for when it has grown long with what is not needed any more. All
 * of it has to be durable when it takes the place of the old one. */
void engine_purges_whole(const struct engine *e, struct buf *out);
struct engine_purges {
    uint64_t digest;   /* of the frontier; 0: nothing was ever purged */
    uint64_t position; /* purges that this node has taken ever */
    size_t logs, kept; /* and has now */
    size_t pending;    /* calls of ours that are not complete */
    bool caught_up;    /* a peer had nothing that we lacked, since we started */
};
void engine_purges(const struct engine *e, struct engine_purges *out);

/* engine_drain: while |on|, a member that owns nothing and is not ready, but serves on. */
void engine_drain(struct engine *e, mesh_ns now, bool on);
bool engine_drained(const struct engine *e);

/* ---- leaving ---- */
void engine_leave(struct engine *e, mesh_ns now); /* not ready; tell the mesh; serve on */
bool engine_left(const struct engine *e);

/* ---- being seen ---- */
bool engine_ready(const struct engine *e, const char **why_not);
/* engine_alarms: bits ALARM_BIT of what calls for attention (alarms.h). */
uint32_t engine_alarms(const struct engine *e, mesh_ns now);
const struct refusals *engine_refusals(const struct engine *e);
struct mesh *engine_mesh(struct engine *e);
const struct engine_counters *engine_counters(const struct engine *e);
struct engine_usage {
    uint64_t objects, memory_bytes, memory_limit;
    uint64_t disk_objects, disk_bytes, disk_limit, disk_index_bytes;
    uint64_t disk_pending; /* objects on their way to the disk (store_pending) */
    size_t flights, requests, serves, links, sessions;
    size_t handshakes; /* of others with us, under way */
};
void engine_usage(const struct engine *e, struct engine_usage *out);

/* The session that a member's asks go over now: false, there is none. */
struct engine_session {
    enum record_suite suite;
    mesh_ns opened_at;
    bool dialled; /* by us */
};
bool engine_session(const struct engine *e, const struct node_id *id, struct engine_session *out);

const struct engine_config *engine_config(const struct engine *e);

#endif
