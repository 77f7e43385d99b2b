/* links_impl.h - a part of engine_impl.h, which alone includes it: backbone connections, and what goes over them beside
 * objects. */
#ifndef HEDGEROW_CORE_LINKS_IMPL_H
#define HEDGEROW_CORE_LINKS_IMPL_H

/* ---- one backbone connection ---- */
struct link {
    uint32_t magic;
    struct list link; /* in engine->links */
    struct map_node by_peer;
    struct session *session;
    void *io;
    struct mesh_addr addr;
    struct node_id peer; /* whom we dialled, or who proved itself */
    bool has_peer, connected, opened, probation, join, sync_wanted, doubted, silent;
    uint64_t asked, answered; /* with and to this question of ours (purges->question) */
    uint64_t purges_told;     /* of our log, by number */
    mesh_ns behind_told;      /* that it lacks purges; 0: never */
    mesh_ns frontier_at;      /* we told the peer our whole frontier then; 0: never */
    bool diff_due;            /* we asked what differs: the peer may ask the same, once */
    mesh_ns whole_after;      /* the peer gets no other whole view before */
    bool dial_told, closing, close_told, write_told;
    uint64_t roll_sequence, roll_mark; /* the peer has this one, as far as we know */
    struct config_version config;      /* the peer has this configuration, */
    bool config_heard;                 /* or has said that it has none */
    mesh_ns config_after;              /* it is not asked for one before */
    mesh_ns held_until, held_after;    /* its asks wait for one until then, and not again before (config_hold.c) */
    struct config_version config_said, config_said_refused; /* what we told it last, */
    bool config_said_kept;
    mesh_ns called_at;  /* the peer had us dial it then */
    mesh_ns opened_at;  /* valid once |opened| */
    mesh_ns last_heard; /* some bytes came; and the end of a frame: */
    mesh_ns last_frame;
    mesh_ns last_sent; /* some of its output was taken, or it had none */
    uint32_t next_stream;
    uint32_t load;      /* what the peer said of itself (spread.h); 0: nothing ... */
    mesh_ns load_at;    /* ... then */
    struct list asks;   /* ours, in order */
    struct list serves; /* theirs */
    size_t serves_n;
    struct list todo; /* in one of the engine's queues: dials, writes or closes */
    struct list half; /* in engine->half_open while it is a stranger's */
    struct timer dial_timer, silence_timer, progress_timer;
};

struct link *link_to(struct engine *e, mesh_ns now, const struct node_id *id);
/* link_open_to is an open one, NULL: there is none. */
struct link *link_open_to(const struct engine *e, const struct node_id *id);
/* link_dial dials anew, whatever links there are. NULL: nowhere to dial, or too many links. */
struct link *link_dial(struct engine *e, mesh_ns now, const struct node_id *id);
bool link_is_open(const struct link *l);
/* link_commit seals the frame begun on the session of an open link and queues the writing. */
void link_commit(struct engine *e, struct link *l);
void link_close(struct engine *e, mesh_ns now, struct link *l);
/* link_wrote: frames were committed; queues the writing. */
void link_wrote(struct engine *e, struct link *l);
/* link_shun: its member cannot be reached, and is left alone for a moment, unless another link of its stands. */
void link_shun(struct engine *e, mesh_ns now, const struct link *l);
/* link_watch: something is asked of it, or by it (silence.c). link_rests: an ask or a serve is over. link_heard: a
 * whole frame has come. link_watched: at birth. */
void link_watch(struct engine *e, mesh_ns now, struct link *l);
void link_rests(struct engine *e, struct link *l);
void link_heard(struct engine *e, mesh_ns now, struct link *l);
void link_watched(struct link *l);
size_t link_backlog(const struct link *l);
void links_seek(struct engine *e, mesh_ns now);
void links_sync(struct engine *e, mesh_ns now, const struct node_id *id);
void link_free(struct engine *e, struct link *l);

/* ---- members, exchanged over links (exchange.c) ---- */
void exchange_ask(struct engine *e, mesh_ns now, struct link *l);
void exchange_take(struct engine *e, mesh_ns now, struct link *l, struct slice body);

void link_give_up_asks(struct engine *e, mesh_ns now, struct link *l);

/* links_strangers picks a few members whom we have no link to: which ones, each node decides by a hash of its own and
 * |salt|, so that together they reach all. */
#define STRANGERS_MAX 4
size_t links_strangers(const struct engine *e, uint64_t salt, struct node_id out[STRANGERS_MAX]);

/* links_opened takes a link whose session is open and proven into use. */
void links_opened(struct engine *e, mesh_ns now, struct link *l);
/* links_refused notes that the session was refused by name. */
void links_refused(struct engine *e, mesh_ns now, struct link *l, bool by_us);

/* ---- connections that others make ---- */
void accept_start(struct engine *e);
/* accept_admits: may there be another one, from |from|? It counts, and may cost an older one its place. */
bool accept_admits(struct engine *e, mesh_ns now, const struct mesh_addr *from);
/* accept_begun counts a link as a handshake under way, accept_over ends that (being none is fine). */
void accept_begun(struct engine *e, struct link *l);
void accept_over(struct engine *e, struct link *l);

/* ---- the roll on links ---- */
int rolls_judge(void *ctx, const struct cert *cert);                                /* for session_config */
void rolls_greet(struct engine *e, struct link *l);                                 /* first of all on an open link */
void rolls_frame(struct engine *e, mesh_ns now, struct link *l, struct slice body); /* |l| may be closing afterwards */
/* rolls_probation begins with a peer that only a later roll than ours could let in. */
void rolls_probation(struct engine *e, mesh_ns now, struct link *l);
void rolls_ask(struct engine *e, mesh_ns now, const struct node_id *id);
void rolls_spread(struct engine *e, mesh_ns now);
/* rolls_refuse ends an open link whose peer is out, rolls_cut all of them. */
void rolls_refuse(struct engine *e, mesh_ns now, struct link *l, int err);
void rolls_cut(struct engine *e, mesh_ns now, const struct node_id *id, int err);

/* ---- whether others reach us ---- */
struct reach {
    struct timer timer;
    mesh_ns dialled_at; /* a peer's dial led to a session; 0: never */
    mesh_ns sure_at;    /* we had no reason to doubt it */
    size_t turn;
    bool lost;
};
void reach_start(struct engine *e, mesh_ns now);
void reach_dialled(struct engine *e, mesh_ns now);
void reach_called(struct engine *e, mesh_ns now, struct link *l);

#endif
