/* configs.h - the mesh's configuration within the engine: which version is in force, how one comes and goes on, and who
 * has which. What a version's text means is not known here: two hooks judge it and put it in force.
 *
 *   configs.c      taken: judged, in force, durable
 *   config_sync.c  on its way: told, asked for, sent and fetched in pieces
 *   config_hold.c  asks of peers that have it already */
#ifndef HEDGEROW_CORE_CONFIGS_H
#define HEDGEROW_CORE_CONFIGS_H

#include "node/core/config_log.h"
#include "proto/base/time.h"

struct engine;
struct link;
struct msg_frame;
struct serve;

struct config_hooks { /* either may be NULL */
    /* Can this node work by |text|? False: |why| says why not, for people. Called for each version before it is taken.
     */
    bool (*validate)(void *ctx, struct slice text, struct buf *why);
    /* |text|, which was found good, is in force from now on. Lent for the call. */
    void (*adopt)(void *ctx, struct slice text);
    void *ctx;
    /* A long text takes long: of what a peer sends |judge|, unless NULL, only begins to find out what |validate| says,
     * and the rim says it by engine_config_judged, later. |text| is lent until then; one at a time. */
    void (*judge)(void *judge_ctx, struct slice text);
    void *judge_ctx;
};

/* ---- called by the rim ---- */
/* engine_config_take takes a signed version in its file form that is handed in here, and spreads it. It must follow
 * from the version in force. 0; MESH_E_STATE (it does not: somebody else was faster), MESH_E_EXISTS, MESH_E_RANGE and
 * MESH_E_TYPE (the text is not good, and |why| says so), MESH_E_REFUSED (who signed is no operator), MESH_E_WRONG_MESH,
 * MESH_E_SIGNATURE, MESH_E_REVOKED, MESH_E_EXPIRED, MESH_E_NOT_YET, MESH_E_NOMEM, or what config_doc_read says. */
int engine_config_take(struct engine *e, mesh_ns now, struct slice file, struct buf *why);
/* engine_config_change makes a version of |text|, signed by this node, if |before| is in force still. The same codes.
 */
int engine_config_change(struct engine *e, mesh_ns now, struct slice text, const struct config_version *before,
                         const char *who, struct buf *why);
/* engine_config_try: would |text| be taken? 0, or MESH_E_TYPE and |why|, or MESH_E_RANGE. */
int engine_config_try(struct engine *e, struct slice text, struct buf *why);
/* engine_config_kept: what ENGINE_CONFIG said is durable, or (not |done|) could not be kept: then it is said again. */
void engine_config_kept(struct engine *e, mesh_ns now, bool done);

/* engine_config_judged: what |judge| was told last is |good|, or |why| (for people) says why not. */
void engine_config_judged(struct engine *e, mesh_ns now, bool good, struct slice why);

const struct config_log *engine_config_log(const struct engine *e);
/* engine_config_text appends the text of |k|. 0 or MESH_E_NOMEM. */
int engine_config_text(const struct engine *e, const struct config_kept *k, struct buf *out);

struct engine_configs {
    struct config_version version; /* in force; counter 0: none */
    bool kept;                     /* it lies on our disk */
    bool caught_up;                /* a peer had nothing newer, since we started */
    bool is_operator;              /* this node may sign changes itself */
    size_t versions, superseded;   /* that are here; of these, changes that lost */
    struct config_version refused; /* the last one that could not be taken; counter 0: none */
    const char *refused_why;       /* lent until the next call on the engine */
    struct config_version fetched; /* on its way here; counter 0: none */
    size_t pieces, pieces_n;
};
void engine_configs(const struct engine *e, struct engine_configs *out);

/* What a member says that it has. engine_config_of: false, it was not heard of. */
struct config_peer_state {
    struct config_version version;
    bool kept;
    bool refuses; /* the version in force here: it cannot read it */
};
bool engine_config_of(const struct engine *e, const struct node_id *id, struct config_peer_state *out);

/* ---- the engine's own ---- */
int configs_init(struct engine *e); /* reads what was kept; 0 or MESH_E_NOMEM */
void configs_fini(struct engine *e);
bool configs_keep(struct engine *e, struct slice *out); /* as purges_keep */
/* configs_are_complete: have we what a peer knows, or waited for it as long as it is worth? */
bool configs_are_complete(const struct engine *e);
uint32_t configs_alarms(const struct engine *e);
/* configs_rolled: there is a new roll, by which what was refused may count. */
void configs_rolled(struct engine *e, mesh_ns now);

void configs_greet(struct engine *e, struct link *l);
void configs_frame(struct engine *e, mesh_ns now, struct link *l, const struct msg_frame *frame);
/* configs_marked: |id| says in gossip that its version's mark is |mark|. */
void configs_marked(struct engine *e, mesh_ns now, const struct node_id *id, uint64_t mark);
/* config_awaited: is a version on its way here that |l|'s peer, who asks, has, and is it worth waiting for? Then
 * config_hold has |s| wait, and the ask in |body| is answered later (serve_held). False: there is no room. */
bool config_awaited(const struct engine *e, mesh_ns now, const struct link *l);
bool config_hold(struct engine *e, mesh_ns now, struct serve *s, struct slice body);
void config_unhold(struct engine *e, struct serve *s);
/* config_missed: |l|'s peer says that it goes by another version. */
void config_missed(struct engine *e, mesh_ns now, const struct link *l);
/* configs_answered: |l|'s peer, which is complete, has answered what came behind our CONFIG. If it did not answer that
 * it has none; if it did, do we lack nothing that it has? Then we are complete, too. */
void configs_answered(struct engine *e, const struct link *l);

#endif
