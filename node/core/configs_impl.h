/* configs_impl.h - what configs.c and config_sync.c share; nobody else includes it. */
#ifndef HEDGEROW_CORE_CONFIGS_IMPL_H
#define HEDGEROW_CORE_CONFIGS_IMPL_H

#include "node/core/configs.h"
#include "node/core/engine_impl.h"

#define CONFIG_PEERS_MAX 2048

/* What a member has said, the latest last. */
struct config_peer {
    struct list link;
    struct map_node by_id;
    struct node_id id;
    struct config_version version;
    bool kept, has_refused, heard; /* |heard|: it knows CONFIG */
    struct digest refused;
    mesh_ns marked_at; /* gossip found that it has another one than we; 0: never */
};

/* A version on its way here, of one peer at a time. */
struct config_fetch {
    bool active;
    bool lost; /* it has lost already, and is only to be kept: whatever else there is goes first */
    struct config_version want;
    struct config_doc *doc; /* NULL: its head is not here yet */
    struct node_id from;
    size_t asked; /* pieces asked for, from the beginning */
    mesh_ns asked_at, progress_at;
};

/* Versions that peers had, of which it is not known yet whether they are anybody's lost change. */
#define CONFIG_HEARD 8
struct config_heard {
    struct config_version version; /* counter 0: none */
    struct node_id from;
};

struct configs {
    struct config_log log;
    struct config_kept *writing;
    mesh_ns write_again; /* the disk has refused it: not before */
    struct timer write_timer;
    struct config_version refused; /* could not be taken, */
    bool refused_by_roll;          /* since its operator does not count by the roll that we have */
    struct buf refused_why;        /* zero-terminated */
    uint64_t superseded_under;     /* what was in force when a change was last found to have lost */
    bool caught_up;
    struct config_fetch fetch;
    struct timer fetch_timer;
    struct config_heard heard[CONFIG_HEARD];
    unsigned heard_at;          /* the next one to be forgotten */
    struct config_doc *judging; /* whole, its text is being judged; NULL: none. And a better one, which comes next */
    struct config_doc *judging_next;
    struct buf judging_text;
    struct list held; /* serves that wait */
    uint64_t held_bytes;
    struct timer spread_timer; /* of what was handed in here */
    mesh_ns spread_until;
    struct list peers;
    struct map peers_by_id;
    size_t peers_n;
};

/* configs_receive takes |d|, whole, of a peer; it is not the caller's afterwards. configs_best: of what is in force and
 * what is whole, and being judged, the best one. */
struct config_version configs_best(const struct configs *c);
void configs_receive(struct engine *e, mesh_ns now, struct config_doc *d);
/* configs_judge: does the operator of |d| count? At |wall_s|, too, unless that is negative. */
int configs_judge(const struct engine *e, const struct config_doc *d, int64_t wall_s);
/* configs_refuse: |v| cannot be taken. */
void configs_refuse(struct engine *e, mesh_ns now, const struct config_version *v, bool by_roll, struct slice why);
static inline bool configs_refused(const struct configs *c, const struct config_version *v)
{
    return c->refused.counter > 0 && digest_eq(&c->refused.hash, &v->hash);
}

void config_sync_start(struct engine *e);
void config_sync_fini(struct engine *e);
/* config_tell says to all peers what has changed here. config_spread: what was handed in here goes to all members. */
void config_tell(struct engine *e, mesh_ns now);
void config_spread(struct engine *e, mesh_ns now);
/* config_seek fetches the best version that a peer has, if it wins over ours. */
void config_seek(struct engine *e, mesh_ns now);
/* config_release: another version is in force (|taken|), or what was awaited will not come: who waits is answered. */
void config_release(struct engine *e, mesh_ns now, bool taken);
struct config_peer *config_peer_find(const struct configs *c, const struct node_id *id);

#endif
