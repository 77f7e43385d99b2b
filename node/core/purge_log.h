/* purge_log.h - the purges that a node has: one log per issuer (and per life of its memory), each without gaps from
 * where it is known. How far each goes is the *frontier*: a vector with a digest, by which nodes find what one of them
 * lacks (an anti-entropy exchange as in Demers and others, "Epidemic algorithms for replicated database maintenance",
 * 1987, with version vectors). Each purge that is taken counts one up the node's *position*, which is what objects
 * remember.
 *
 * Bounded: the oldest purges are let go, and who needs them is told that there is a gap; of one issuer the latest
 * PURGE_LOGS_EACH logs are kept, in all PURGE_LOGS_MAX, beyond which that with the oldest last purge goes. Pure: no
 * I/O, no clock; signatures are the caller's to check. Not thread safe. */
#ifndef HEDGEROW_CORE_PURGE_LOG_H
#define HEDGEROW_CORE_PURGE_LOG_H

#include "node/core/purge_runs.h"
#include "proto/base/list.h"
#include "proto/base/map.h"
#include "proto/purge.h"

#define PURGE_LOGS_MAX   1024
#define PURGE_LOGS_EACH  4
#define PURGE_KEPT_MAX   16384
#define PURGE_KEPT_BYTES (UINT64_C(16) << 20)
#define PURGE_PASSED     256 /* digests of ours that are remembered */

struct purge_log {
    struct list link; /* in purge_logs->logs, by ascending id */
    struct map_node by_id;
    struct purge_log_id id;
    struct cert cert; /* the issuer's */
    uint8_t cert_raw[CERT_BYTES_MAX];
    size_t cert_len;
    uint64_t last; /* number of the last purge that was taken */
    int64_t last_at_s;
    uint64_t keeping, durable; /* the engine's: that is being written, that was written */
    uint64_t receipted;        /* the engine's: its issuer was told so far */
    bool cert_kept;            /* the engine's: the file has the certificate */
    struct list kept;          /* purges, in order */
};

struct purge_kept {
    struct list in_log, in_all;
    struct purge_log *log;
    uint64_t number, position;
    size_t len;
    uint8_t bytes[];
};

struct purge_logs {
    struct map by_id;
    struct list logs;
    size_t logs_n;
    struct list kept; /* of all logs, in the order they were taken */
    size_t kept_n, kept_max;
    uint64_t kept_bytes;
    uint64_t position;      /* purges taken ever */
    struct purge_runs runs; /* the caller's: who has given which */
    uint64_t digest;        /* of the frontier; 0: there is none */
    uint64_t passed[PURGE_PASSED];
    size_t passed_at;
};

/* purge_logs_init makes empty ones; |hash_key| is for the table. 0 or MESH_E_NOMEM. purge_logs_fini gives all memory
 * back; a zeroed one is fine. */
int purge_logs_init(struct purge_logs *l, const uint8_t hash_key[MAP_KEY_BYTES]);
void purge_logs_fini(struct purge_logs *l);

/* purge_logs_take takes |p|, parsed from |raw| and found good, of the issuer with |cert|. 0: it is news. MESH_E_EXISTS:
 * we have it, or are past it. MESH_E_STATE: others come before it; where these are gone for good (|folded|) it is taken
 * all the same, and |*gap| says that what lies between could have been any purge. MESH_E_NOMEM; the logs are then as
 * before. */
int purge_logs_take(struct purge_logs *l, const struct purge *p, struct slice raw, const struct cert *cert,
                    struct slice cert_raw, bool folded, bool *gap);

/* purge_logs_find lends the log; NULL: there is none. purge_logs_own lends the latest of |issuer|. */
struct purge_log *purge_logs_find(const struct purge_logs *l, const struct purge_log_id *id);
struct purge_log *purge_logs_own(const struct purge_logs *l, const struct node_id *issuer);

/* purge_logs_let_go lets go of what is kept of |log|: it is known only how far it went. */
void purge_logs_let_go(struct purge_logs *l, struct purge_log *log);

/* purge_logs_void lets go of the logs whose issuer |vouched| does not vouch for any more: what they said stays in
 * force, but it is no part of the frontier. */
void purge_logs_void(struct purge_logs *l, bool (*vouched)(void *ctx, const struct cert *cert), void *ctx);

/* ---- frontiers ---- */
/* A vector is, by ascending id, of each log: issuer (16), begun (8), last number (8), big-endian. */
#define PURGE_VECTOR_ITEM (NODE_ID_BYTES + 16)

/* purge_logs_vector appends ours. purge_vector_ok: is this one? purge_vector_last is the number of |id| in such a one.
 */
void purge_logs_vector(const struct purge_logs *l, struct buf *out);
bool purge_vector_ok(struct slice vector);
uint64_t purge_vector_last(struct slice vector, const struct purge_log_id *id);

/* purge_logs_lack: is there something in |vector| (which is ok) that we do not have? */
bool purge_logs_lack(const struct purge_logs *l, struct slice vector);
/* purge_logs_passed: is |digest| that of a frontier that we have or had, or of which purge_logs_pass was told that we
 * have all of it? Then we lack nothing of it. */
bool purge_logs_passed(const struct purge_logs *l, uint64_t digest);
void purge_logs_pass(struct purge_logs *l, uint64_t digest);

#endif
