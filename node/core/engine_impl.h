/* engine_impl.h - what the engine's files share. Nobody else includes it.
 *
 *   request.c  viewers            flight.c  one fetch per key, source after source (see flight_impl.h)
 *   request_coded.c               viewers who read a body in a content coding
 *   ask.c      we ask a peer      origin.c  we ask the origin
 *   hedge.c    and another one, where it is slow      health.c  what that shows of them
 *   gate.c     how many requests it has from us, and whether it is asked at all
 *   serve.c, serve_stream.c   a peer asks us, and is sent it
 *   stale.c    copies past their time: validated, or served as they are
 *   links.c    backbone connections, joining      silence.c  which of them are well
 *   passage.c  methods that go to the origin     drop.c  what they changed, dropped everywhere
 *   accept.c   who may connect, how often and how many    audit.c   what others fetched, compared with the origin's
 *   purges.c, purge_calls.c, purge_sync.c   what was purged (see purges.h)
 *   warm.c     second copies of what is popular       handoff.c   what changes hands with the ring
 *   spread.c   what a busy owner leaves to others
 *   rolls.c    what the authorities say, on its way   engine.c   clock, timers, what is to be done */
#ifndef HEDGEROW_CORE_ENGINE_IMPL_H
#define HEDGEROW_CORE_ENGINE_IMPL_H

#include "node/core/audit.h"
#include "node/core/cache.h"
#include "node/core/coded.h"
#include "node/core/engine.h"
#include "node/core/forward.h"
#include "node/core/fresh.h"
#include "node/core/guard.h"
#include "node/core/key_memo.h"
#include "node/core/purges.h"
#include "node/core/range.h"
#include "node/core/refusals.h"
#include "node/core/route.h"
#include "node/signed/doors.h"
#include "proto/base/err.h"
#include "proto/base/heap.h"

#define LINK_MAGIC   0x6c696e6bu
#define FLIGHT_MAGIC 0x666c6974u
#define SERVE_MAGIC  0x73657276u

#define RING_SIZES          16
#define FLIGHT_SOURCES      (RING_OWNERS + 2) /* owners, and who was one before */
#define LINKS_MAX           8192
#define SERVES_PER_LINK_MAX 1024
#define FLIGHTS_MAX         65536
#define WINDOW_LEAVES       128u /* of a pass-through body: 8 MiB */
#define ASK_CREDIT          64u  /* leaves a peer may send ahead: 4 MiB */
#define LINK_BACKLOG_HIGH   (1u << 20)
#define LINK_BACKLOG_LOW    (256u << 10)
#define SERVE_TURN          4u      /* leaves sent in a row for one ask */
#define LINK_MUTE           SEC(2)  /* a silent link that stays so is closed */
#define LINK_STUCK          SEC(10) /* nothing of its output is taken: whom it serves is gone */
#define ASK_AGAIN_MAX       3       /* a peer whose copy was lost under way is asked again, so often a flight */
#define LINK_RETRY          SEC(1)  /* a peer that could not be reached is left alone so long */

/* ---- timers ---- */
struct timer {
    struct heap_node node;
    void (*fire)(struct engine *e, mesh_ns now, struct timer *t);
};
void timer_set(struct engine *e, struct timer *t, mesh_ns at);
void timer_stop(struct engine *e, struct timer *t);

#include "node/core/links_impl.h"

/* ---- our ask of a peer, within a flight ---- */
struct ask {
    struct list link; /* in link->asks */
    struct link *l;   /* NULL: no ask under way */
    struct flight *flight;
    uint32_t stream;
    bool sent, answered, one;
    uint8_t status; /* enum msg_answer_status */
    mesh_ns sent_at;
    uint32_t credit;       /* leaves the peer may still send */
    uint64_t final_length; /* told by the final batch */
    bool has_final;
    struct digest one_leaf;
    uint32_t have; /* leaves that it may leave out, since the flight's prior has them */
};

/* ask_start asks |id| for |f|, ask_open does so as |a| of it and waits for ask_send. False: there is no way to it. */
bool ask_start(struct engine *e, mesh_ns now, struct flight *f, const struct node_id *id);
bool ask_open(struct engine *e, mesh_ns now, struct flight *f, struct ask *a, const struct node_id *id);
void ask_send(struct engine *e, mesh_ns now, struct ask *a);
void ask_cancel(struct engine *e, mesh_ns now, struct flight *f);
void ask_frame(struct engine *e, mesh_ns now, struct link *l, const struct msg_frame *frame);
void ask_credit(struct engine *e, struct flight *f);

/* ---- another ask beside it, where the one asked first is slow (hedge.c) ---- */
#define HEDGE_BURST 10u
struct hedge {
    struct ask ask;
    size_t at; /* which source it asks */
    struct timer timer;
};
/* hedge_watch: |f| asks somebody now, or will as soon as its link is open. */
void hedge_watch(struct engine *e, mesh_ns now, struct flight *f);
/* hedge_frame: a frame for |a|, if that is a hedge. True: it is the flight's now, whose ask |a| has become. */
bool hedge_is(const struct ask *a);
bool hedge_frame(struct engine *e, mesh_ns now, struct ask *a, const struct msg_frame *frame);
void hedge_stop(struct engine *e, struct flight *f);

/* ---- what asks show of a peer (health.c) ---- */
/* health_lets: may |id| be asked? Then it is going to be: after failures that may be the one trial. */
bool health_lets(struct engine *e, mesh_ns now, const struct node_id *id);
/* health_on_trial: it failed again and again, and whoever asks it finds out whether it still does. */
bool health_on_trial(struct engine *e, const struct node_id *id);
/* health_p95: how soon it answers. */
mesh_ns health_p95(struct engine *e, const struct node_id *id);
/* health_answered: |a| was answered now, by |m|. health_outrun: it was not yet, and somebody else was. */
void health_answered(struct engine *e, mesh_ns now, const struct ask *a, const struct msg_answer *m);
void health_outrun(struct engine *e, mesh_ns now, const struct ask *a);
void health_failed(struct engine *e, mesh_ns now, const struct node_id *id);
void health_opened(struct engine *e, mesh_ns now, const struct node_id *id);
/* health_load: in per cent, how much of what we may do for |l| and in all we do. */
uint32_t health_load(const struct engine *e, const struct link *l);

/* ---- a fetch from the origin, outliving its flights until the rim has let go ---- */
enum origin_state { ORIGIN_NEW, ORIGIN_RUNNING, ORIGIN_STOPPING, ORIGIN_OVER };
struct origin {
    struct fetch fetch;
    struct forward *forward; /* held for |fetch| */
    struct route route;      /* likewise */
    struct list todo;        /* starts, flows or stops; or gate->waiting */
    struct gate *gate;
    bool admitted;        /* by the gate */
    bool answered_at_all; /* a head has come */
    struct timer wait;    /* at the gate */
    enum origin_state state;
    struct flight *flight; /* whose body comes now; NULL: nobody waits for that any more */
    mesh_ns began;
    /* Of leaves (run.c) */
    struct list run;         /* flights of those that come behind, in order */
    uint32_t leaf, end_leaf; /* that comes now; behind the last that was asked for */
    uint32_t left;           /* bytes of it that are still to come */
    uint64_t end, length;    /* behind the answer's last byte; the whole body's. 0: no answer yet */
    struct head *head;       /* of what the leaves' heads are made */
    struct freshness fresh;  /* when it ... */
    mesh_ns answered;        /* ... came */
    char range[64];
};
bool origin_start(struct engine *e, mesh_ns now, struct flight *f);
/* origin_stop takes |f| off; without anybody left to wait, the fetch is stopped. origin_let_go is that without the
 * latter. */
void origin_stop(struct engine *e, struct flight *f);
void origin_let_go(struct origin *o, struct flight *f);
/* origin_object makes the object of an answer. 0, MESH_E_NOMEM, or another code: its head is too long or not well
 * formed. origin_unfit fails the flight that should have had it. */
int origin_object(struct engine *e, struct flight *f, uint16_t status, const struct fields *fields,
                  const struct freshness *fresh, int64_t length, struct object **out);
void origin_unfit(struct engine *e, mesh_ns now, struct flight *f, int err);
/* origin_leave: the flight has all it wanted; the rim ends the exchange in its own time. */
void origin_leave(struct flight *f);
void origin_flow(struct engine *e, struct flight *f);
void origin_free(struct engine *e, struct origin *o);
/* origin_refuse ends |o|, which was not begun: all who wait for it get 503. */
void origin_refuse(struct engine *e, mesh_ns now, struct origin *o, unsigned cause, const char *text);
/* origin_may_fail_over: is there a second origin that may be asked for |f|, after the first? Of what changes something
 * none is: nobody knows how far the first one came. */
bool origin_may_fail_over(const struct flight *f);
/* origin_silent: |f| has waited for as long as it could. */
void origin_silent(struct engine *e, mesh_ns now, const struct flight *f);

/* ---- what stands before each origin (gate.c) ---- */
#define GATE_USUAL 1024
#define GATES_MAX  4096
#define GATE_LINE  64 /* so many may wait also where few have a turn */
struct gate {
    struct map_node by_id;
    uint64_t id;      /* distribution_origin */
    struct list link; /* in gates->all */
    struct breaker breaker;
    bool timed_out;      /* the last failure was of that kind, and ... */
    unsigned cause;      /* ... the rim says this of it */
    size_t running, max; /* requests that it has; and may have */
    struct list waiting;
    size_t waiting_n, line; /* and how many may wait */
};
struct gates {
    struct map by_id;
    struct list all;                   /* that was asked longest ago first */
    size_t n, running, waiting_n, max; /* requests of all */
    struct gate rest;                  /* of those for which there was no room */
};
int gates_start(struct engine *e); /* 0 or MESH_E_NOMEM */
void gates_free(struct engine *e);
/* gate_lets: may |f| have its origin asked now, or soon? Of a group perhaps the second one (f->member). Else it has
 * failed, and is gone. */
bool gate_lets(struct engine *e, mesh_ns now, struct flight *f);
/* gate_enter: |o| begins, or waits for its turn. gate_leave: it ends. gates_open: whose turn it is begins. */
void gate_enter(struct engine *e, mesh_ns now, struct origin *o);
void gate_leave(struct engine *e, struct origin *o);
void gates_open(struct engine *e);
/* gate_answered, gate_failed: a request was answered, by whatever; or ended with |err| (engine_fetch_end). */
void gate_answered(struct origin *o);
void gate_failed(struct engine *e, mesh_ns now, const struct origin *o, int err);

/* ---- leaves that one request brings (run.c) ---- */
/* run_gather settles which leaves |o|, begun for |f|'s, is to bring: it, and what will be wanted behind it. */
void run_gather(struct engine *e, mesh_ns now, struct origin *o, const struct flight *f);
/* run_adopt: |f|, whose leaf comes right behind those of |o|, which is not begun yet, goes along. False: it cannot. */
bool run_adopt(struct origin *o, struct flight *f);
/* run_answered: is the answer one to |o|'s Range? |*all|: it brings the whole body. */
bool run_answered(struct origin *o, uint16_t status, const struct fields *fields, int64_t length, bool *all);
/* run_begin takes such an answer's head; false: no memory, or it is too long. run_body: some of its body. */
bool run_begin(struct engine *e, mesh_ns now, struct origin *o, const struct fields *fields,
               const struct freshness *fresh);
void run_body(struct engine *e, mesh_ns now, struct origin *o, struct slice bytes);

/* ---- a whole made of leaves that are here, and of what the origin sends in between (complete.c) ---- */
/* complete_start: |f|, whose turn it is to ask the origin, is of that kind, and begins. It may be gone. */
bool complete_start(struct engine *e, mesh_ns now, struct flight *f);
void complete_free(struct engine *e, struct flight *f);
/* complete_wake: |f| may go on. complete_holds: the origin may not, yet. */
void complete_wake(struct engine *e, struct flight *f);
bool complete_holds(const struct flight *f);
/* complete_head, complete_end: such a flight's origin has answered, or ended. False: it is not one (any more). */
bool complete_head(struct engine *e, mesh_ns now, struct flight *f, uint16_t status, const struct fields *fields,
                   int64_t length);
bool complete_end(struct engine *e, mesh_ns now, struct flight *f, int err);

/* ---- whether others tell what the origin said (audit.c) ---- */
/* audit_consider: |f| has brought a whole body from a peer; now and then it is compared with the origin's. */
void audit_consider(struct engine *e, mesh_ns now, const struct flight *f);
/* audit_grew: more of such a comparison's body is there, or |complete|. |f| may be gone. */
void audit_grew(struct engine *e, mesh_ns now, struct flight *f, bool complete);

/* ---- what the second owner has when the first one fails (second.h) ---- */
struct engine_aside {
    struct list list;
    size_t n;
    uint64_t bytes;
    struct timer timer;
};

/* ---- the disk tier (tier.h) ---- */
struct load;
struct engine_tier {
    uint64_t run; /* this one of the process */
    struct cache_hooks hooks;
    struct list loads;
    struct list spills, pagings; /* bodies that go out, and come back, piece by piece */
    size_t spills_n;
    uint64_t paged;                 /* bytes that are here because somebody reads them */
    uint64_t unsound, late, behind; /* counted */
    struct ghosts ghosts;           /* evicted unused, and not written */
    /* At the end: what is to be written yet, held */
    struct object **closing;
    size_t closing_n, closing_cap, closing_at;
    uint64_t closing_bytes;
    bool ending, closed;
};

/* ---- one fetch per key ---- */
enum flight_class {
    FLIGHT_EDGE,   /* for our viewers: the key's owners, then the origin */
    FLIGHT_OWNER,  /* as an owner: owners ranked above us that have it already, the parent region's, then the origin */
    FLIGHT_DIRECT, /* for one request alone: the origin */
};
struct flight {
    uint32_t magic;
    enum flight_class class;
    struct route route; /* held: what it goes by to its end, whatever is configured meanwhile */
    struct list link;   /* in engine->flights */
    struct map_node by_key;
    bool mapped;
    struct digest key;
    unsigned cause;  /* of our own fetch's failure */
    unsigned member; /* of its group of origins, that is asked */
    bool kept;       /* a passage of OPTIONS, whose answer may be for others, too */
    bool replayable; /* a passage that may be sent twice, and has no body */
    bool leaf;       /* this one of a body's alone */
    uint32_t index, run;
    struct digest primary; /* of the whole: |key|, unless |leaf| */
    uint64_t outdated;
    struct slice range, if_range; /* relayed, for one request alone; lent from |wanted| */
    struct buf wanted;
    struct buf host, path, request_id;
    struct buf method; /* empty: GET; else a passage: one request's alone, at its own pace */
    void *from;        /* a passage's: the rim's own of its request */
    struct forward *forward;
    bool personal;           /* never stored: it carries a viewer's own fields */
    bool anew, unkept;       /* as in struct aim */
    bool solo;               /* nobody joins: what it brings is to be validated for each use */
    bool background;         /* nobody waits: behind an answer that was served stale */
    struct object *stale;    /* held: the copy to be validated, or served if all fails; NULL: none */
    struct object *varying;  /* held: an earlier answer, whose Vary tells who may join; NULL: all may */
    uint64_t position;       /* purges that were known when it began (purge_log.h) */
    bool dropped;            /* what it brings may be older than what changed it: nobody joins, and it is not kept */
    bool validated, rescued; /* |stale| is the answer: the origin said so, or it did not answer */
    struct node_id sources[FLIGHT_SOURCES];
    size_t sources_n, source_at;
    bool hinted; /* one of them, at |hint_at|, is no owner, but said to have it (spread.h) */
    size_t hint_at;
    bool kept_only;   /* what the disk has, and nothing else, for one who asks without origin */
    bool copy;        /* of what another node has, for nobody: not from the origin (warm.h) */
    bool passed_over; /* an asker found none of the owners above us */
    enum flight_shield { SHIELD_NOT_YET, SHIELD_ASKED /* |sources| are the parent region's */, SHIELD_OVER } shield;
    bool far;                /* somebody of another region waits, or has: it goes to none itself (shield.c) */
    unsigned agains;         /* how often a source was asked again */
    struct list waiters;     /* readers without a head, or moving to another copy */
    struct object *object;   /* held; NULL: no head yet */
    struct object *prior;    /* held: what it had of a body when a source failed (prior.c); NULL: nothing */
    unsigned resumes;        /* how often the origin was asked for what lies behind it */
    struct list window_link; /* in engine->windows: the beginning of its object is gone */
    struct ask ask;
    struct hedge hedge;
    struct origin *origin;
    struct list run_link;          /* in origin->run: it is not its turn yet */
    struct completion *completion; /* of leaves that are here (complete.c); NULL: that is not so */
    struct load *load;             /* from the disk, under way; NULL: none */
    unsigned looks;                /* how often it looked there */
    bool from_disk;                /* and found it there */
    struct object
        *audited; /* held: what this fetch, for nobody, is compared with (audit.c); NULL: it is none of those */
    bool from_peer, peer_hit;
    char peer_name[CERT_NAME_MAX + 1];
    bool parent_hit; /* what the peer had from a node of the parent region was there */
    char parent_name[CERT_NAME_MAX + 1];
    struct timer deadline;     /* for a head; then for each next piece of a peer's body */
    struct timer patience;     /* with an owner above us */
    struct timer second_timer; /* the second owner is told then */
    bool announced;            /* it was */
    bool second;               /* we are it: |f| reads along, and asks no origin unless somebody waits */
};

/* What is to be fetched, and for whom; all lent. */
struct aim {
    struct digest key;
    bool leaf; /* one of a body's, and |key| is its key; |primary| is that of the whole */
    uint32_t index;
    uint32_t run; /* leaves that will be wanted from this one on, it included; 0: not known */
    struct digest primary;
    uint64_t outdated;                   /* a generation that is not wanted any more; 0: any will do */
    bool personal;                       /* a viewer's own fields go along */
    bool anew;                           /* a copy that is here is not good enough: what comes takes its place */
    bool unkept;                         /* what comes is not to be kept */
    struct route route;                  /* lent. Without a set: what host and path stand for by now */
    struct slice host, path, request_id; /* |path| as route_path makes it */
    struct forward *forward;
};
void flight_drop(struct engine *e, struct flight *f); /* sets |dropped| */
/* flight_new: NULL: too many, no memory, or its host is nobody's. */
struct flight *flight_new(struct engine *e, mesh_ns now, enum flight_class class, const struct aim *aim);
/* flight_toward is a new one by way of the key's owners: as an edge, or |as_owner|. */
struct flight *flight_toward(struct engine *e, mesh_ns now, bool as_owner, const struct aim *aim);
/* flight_along is one as an owner that waits for |o|, which another flight has begun, to bring what |aim| aims at.
 * NULL: it is here or on its way, or a copy is to be validated, or there is no memory. */
struct flight *flight_along(struct engine *e, mesh_ns now, const struct aim *aim, struct origin *o);
/* Which fetch under way may be joined: a viewer waits for any; a peer for one that we make as
 * an owner; an owner that asks upward only for one that asks the origin by now, or two that
 * rank each other first would wait for each other; and a peer of another region only for one that
 * waits for no other region. */
enum flight_need { FLIGHT_ANY, FLIGHT_FOR_PEER, FLIGHT_FOR_REGION, FLIGHT_AT_ORIGIN };
struct flight *flight_find(struct engine *e, const struct digest *key, const struct fields *fields,
                           enum flight_need need);
void flight_join(struct flight *f, struct reader *r);
/* flight_seek says whom |f|, for what lies at |place| (key_stripe), is to ask before it acts itself. */
void flight_seek(struct engine *e, mesh_ns now, const struct digest *place, struct flight *f);
/* flight_owners lists whom to ask for |key| before acting ourselves; -1 or our own rank. */
int flight_owners(struct engine *e, const struct digest *key, struct node_id out[RING_OWNERS], size_t *n);
/* ---- the parent region (shield.c) ---- */
/* shield_far: is the peer of an open link of another region? shield_need: what may |r| join? */
bool shield_far(const struct engine *e, const struct link *l);
enum flight_need shield_need(struct reader *r);
/* shield_owners lends the owners in the parent region, where that is another one than ours. */
size_t shield_owners(const struct engine *e, const struct digest *place, const struct ring_member *out[RING_OWNERS]);
/* Cache-Status has a member for each hop: shield_told takes what an owner says of the parent region's node that it had
 * the object from, shield_tell notes for |s| what to say of |f|'s. */
struct serve;
void shield_told(struct flight *f, const struct msg_head *m);
void shield_tell(struct serve *s, const struct flight *f);
/* flight_passed_over: a node asks us because the owners above us do not answer it. */
void flight_passed_over(struct engine *e, mesh_ns now, struct flight *f);
/* flight_fresh judges an answer to |f| that was |delay| on its way (fresh_of). flight_fields_of copies those of an
 * answer that are kept: what |f|'s distribution says of cookies, and of what else is part of the key. |policy| is where
 * its words lie meanwhile. 0, MESH_E_NOMEM, MESH_E_FULL. */
void flight_fresh(const struct engine *e, const struct flight *f, uint16_t status, const struct fields *fields,
                  mesh_ns delay, struct freshness *out);
int flight_fields_of(const struct flight *f, const struct fields *fields, bool for_one, struct buf *policy,
                     struct fields *out);
/* flight_dress says of |o|, which |f| got, whom it is for and how long. False: out of memory, and nothing was said. */
bool flight_dress(const struct flight *f, struct object *o, const struct freshness *fresh);
/* flight_share: |f| has become needless: its waiters read |o|, where it has come, or wait in |other|. */
void flight_share(struct engine *e, mesh_ns now, struct flight *f, struct object *o, struct flight *other);
/* Asks the next source. |f| may be gone afterwards. */
void flight_go(struct engine *e, mesh_ns now, struct flight *f);
/* A source gave a head: |o|, whose reference the flight takes over. False: the flight is
 * gone, because another one brought the object first. */
bool flight_head(struct engine *e, mesh_ns now, struct flight *f, struct object *o);
/* More of the body is there. |f| may be gone afterwards, as after flight_complete. */
void flight_grew(struct engine *e, mesh_ns now, struct flight *f);
void flight_complete(struct engine *e, mesh_ns now, struct flight *f);
/* The source failed: the next one is tried. */
void flight_source_failed(struct engine *e, mesh_ns now, struct flight *f);
/* The source lost its copy, but is still the one to ask: it is asked again. */
void flight_source_again(struct engine *e, mesh_ns now, struct flight *f);
void flight_fail(struct engine *e, mesh_ns now, struct flight *f, uint16_t status, const char *text);
/* The answer is for one request alone and not this one's: everybody goes to the origin. */
void flight_disperse(struct engine *e, mesh_ns now, struct flight *f);
void flight_free(struct engine *e, struct flight *f);
/* A waiter has left |f|, which may have lost its purpose with it. */
void flight_left(struct engine *e, struct flight *f);
/* How many leaves a pass-through fill is ahead of its fastest reader; 0 for others. */
uint32_t flight_ahead(const struct flight *f);
/* A reader left or moved on: a pass-through fill may go on, or has lost its purpose. */
void flight_readers_moved(struct engine *e, mesh_ns now, struct object *o);

/* ---- a peer asks us ---- */
struct serve {
    uint32_t magic;
    struct list link; /* in link->serves */
    struct link *l;
    uint32_t stream;
    struct reader reader;
    struct digest primary; /* of what was asked for */
    struct route route;    /* held */
    struct buf host, path, request_id;
    uint32_t credit, next_leaf, slip_sent, announced; /* leaves; bytes of next_leaf; leaves in batches sent */
    uint32_t have;                                    /* leaves from the beginning that need no sending */
    bool head_sent, final_sent;
    bool far;        /* the asker is of another region */
    bool parent_hit; /* as in struct flight */
    char parent_name[CERT_NAME_MAX + 1];
    struct timer slip_timer;
    struct timer late; /* the asker has no more time */
    /* While it is not answered yet (purge_sync.c, config_hold.c) */
    struct list hold;   /* in purges->held or configs->held */
    struct buf held;    /* the ask */
    bool awaits_config; /* which of these it is */
    struct timer hold_timer;
};
void serve_ask(struct engine *e, mesh_ns now, struct link *l, const struct msg_frame *frame);
/* serve_held answers the ask that |s| was held for; |busy|: it is to be asked elsewhere. |s| is gone. */
void serve_held(struct engine *e, mesh_ns now, struct serve *s, bool busy);
void serve_frame(struct engine *e, mesh_ns now, struct link *l, const struct msg_frame *frame);
/* serve_pump sends what may be sent (serve_stream.c); serve_slip_fire has a piece of an open leaf signed. */
void serve_pump(struct engine *e, mesh_ns now, struct serve *s);
void serve_slip_fire(struct engine *e, mesh_ns now, struct timer *t);
void serve_abort(struct engine *e, mesh_ns now, struct serve *s, unsigned reason, unsigned status);
void serve_end(struct engine *e, mesh_ns now, struct serve *s);
/* serve_attached: it reads from the start what |f| brings. */
void serve_attached(struct serve *s, const struct flight *f);
/* serve_sound: is what an ask (or a TAKE) names of our configuration, in our normal form, and under the key that it
 * says? |primary|: of the whole; |route|: lent. serve_forward reads its fields: 0 with |*out| the caller's, or
 * MESH_E_*. */
bool serve_sound(struct engine *e, const struct msg_ask *m, struct digest *primary, struct route *route);
int serve_forward(struct forward **out, const struct route *route, struct slice raw);

/* ---- how long askers have (deadline.c) ---- */
/* deadline_left_ms: for |f|'s head. deadline_watch: who asked for |s| has |left_ms|; 0: it did not say. */
uint32_t deadline_left_ms(const struct engine *e, mesh_ns now, const struct flight *f);
void deadline_watch(struct engine *e, mesh_ns now, struct serve *s, uint32_t left_ms);

#include "node/core/request_impl.h"

/* admit.c: |set| is to be in force: what its doors need is made, or nothing is changed: MESH_E_NOMEM, or what doors_new
 * says of a key. admit_request: may |r|, whose host and path are in normal form? Else it is refused. What was for us
 * leaves its target and its path. */
int admit_configure(struct engine *e, const struct dist_set *set);
bool admit_request(struct engine *e, struct request *r, const struct route *route);
void admit_fini(struct engine *e);

#include "node/core/steering.h"

struct engine {
    struct engine_config cfg;
    struct {
        struct doors *doors;
        struct rates *rates; /* NULL: no behaviour has a rate */
        struct signed_work *work;
    } admit;
    struct engine_timers timers;
    mesh_ns now, started;
    mesh_ns turned; /* the last turn of the loop began, or ended */
    int64_t wall_s;
    struct mesh *mesh;
    struct cache *cache;
    struct zpack *zpack;
    struct coders coders;
    struct timer coder_timer;
    struct list retired; /* sets that other threads may still read */
    struct engine_counters counters;
    struct heap heap;
    struct list links, flights, windows;
    struct map links_by_peer, flights_by_key;
    size_t links_n, flights_n, requests_n, serves_n, sessions_n;
    struct list half_open; /* accepted links without a session yet, oldest first */
    size_t half_open_n;
    struct guard guard; /* how often others may connect */
    /* What is to be done, by kind */
    struct list dials, writes, closes;
    struct list starts, flows, stops;
    struct gates gates;
    struct list ready_requests, ready_serves;
    struct list drops;      /* other nodes that are to be told (drop.c) */
    uint64_t drop_number;   /* the last one's */
    mesh_ns drops_since;    /* the second that is counted */
    unsigned drops_told;    /* in it */
    struct origin *stopped; /* told in the last poll; freed at the next */
    bool twin, leaving, drained, joined, settled;
    mesh_ns joined_at;
    struct engine_seed {
        struct mesh_addr addr;
        struct node_id id; /* who answered there last */
        bool answered;
    } seeds[ENGINE_SEEDS_MAX];
    size_t seeds_n, seed_at;
    mesh_ns seed_backoff, seed_look;
    struct timer seed_timer, expiry_timer;
    struct ring_size {
        mesh_ns until; /* the ring had this size until then */
        size_t size;
    } sizes[RING_SIZES];    /* of the last minute, latest first */
    size_t ring_size;       /* now */
    mesh_ns shrunk_at;      /* 0: never */
    mesh_ns distrust_until; /* somebody is, until then */
    struct suspects suspects;
    mesh_ns audit_next;    /* none before */
    unsigned hedge_credit; /* for hedges, in hundredths of one */
    size_t shrunk_from;
    bool clock_wrong; /* by it most certificates have run out */
    struct refusals refusals;
    struct reach reach;
    struct buf scratch;
    struct key_memo memo;
    struct engine_tier tier;
    struct engine_aside aside;
    size_t seconds;        /* flights that read along as the second owner */
    struct spread *spread; /* what we answer, and what is left to others (spread.h) */
    struct warm *warm;     /* second copies, and what changes hands (warm.h) */
    struct steering steering;
    struct purges *purges;
    struct configs *configs;
    uint64_t purged;                /* purges->logs.position */
    bool unsure;                    /* we may have missed purges: no copy answers a viewer */
    struct steer_view *edges_given; /* NULL in a node */
    struct coding_memo coding_memo;
    struct buf path, host, spare; /* of the request that is being handed in, in normal form ... */
    struct fields edited;         /* ... and its fields, where rules have changed them */
};

/* sets_settle lets go of sets of distributions that no other thread can see any more; sets_free of all. */
void sets_settle(struct engine *e);
void sets_free(struct engine *e);

/* engine_company: perhaps somebody else is there now. engine_has_waited: has nobody who knows told us what we lack for
 * as long as it is worth? Then we are who knows. */
void engine_company(struct engine *e, mesh_ns now);
bool engine_has_waited(const struct engine *e);

/* Something about |o| has changed: its readers look again. */
void engine_changed(struct engine *e, struct object *o);
void engine_ready_reader(struct engine *e, struct reader *r);

#endif
