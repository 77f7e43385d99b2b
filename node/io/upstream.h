/* upstream.h - HTTP/1.1 requests to the origin, over connections that are kept and used again.
 *
 *   RESOLVING -> CONNECTING -> SENDING -> HEAD -> BODY -> IDLE -> SENDING ...
 *
 * A connection belongs to one fetch at a time, or is idle. A request on a reused connection
 * that ends before the answer's first byte is sent once more on a fresh one: the origin may
 * just have closed it for its age (RFC 9112 section 9.3.1). But only one that does no harm when
 * it is heard twice, and has no body; others take no connection that has been idle for long.
 *
 * There are so many connections at the most, and the engine begins no more fetches than that (engine_config.origin_fetches;
 * a fetch beyond fails at once, MESH_E_FULL). Idle ones make room.
 *
 * A body (upload.h) is sent from HEAD on, and may still be under way in BODY: the answer is
 * read meanwhile. */
#ifndef HEDGEROW_IO_UPSTREAM_H
#define HEDGEROW_IO_UPSTREAM_H

#include "node/core/engine.h"
#include "node/io/origin_probe.h"
#include "node/io/resolve.h"
#include "node/io/timeouts.h"
#include "node/dist/url.h"

struct worker;

struct upstream_pool {
    struct worker *worker;
    const struct origin_url *url;
    struct resolver *resolver; /* NULL: the host is an address */
    struct mesh_addr addrs[RESOLVE_ADDRS_MAX];
    size_t addrs_n, first; /* |first| answered last time */
    mesh_ns fresh_until;   /* then the name is looked up again */
    bool asked;
    size_t n, max;                   /* connections, idle ones too */
    struct list waiting, busy, idle; /* connections; the idle one used last comes first */
    struct origin_probe probe;
    struct timeouts connect, first_byte, between, on_hold, keep;
};

/* 0 or MESH_E_NOMEM. upstream_stop closes all connections; the engine is not told. */
int upstream_start(struct upstream_pool *p, struct worker *w);
void upstream_stop(struct upstream_pool *p);

/* What the engine wants done (ENGINE_FETCH, ENGINE_FETCH_FLOW, ENGINE_FETCH_STOP). */
void upstream_begin(struct upstream_pool *p, struct fetch *f);
void upstream_flow(struct upstream_pool *p, struct fetch *f);
void upstream_drop(struct upstream_pool *p, struct fetch *f);

/* ENGINE_PROBE */
void upstream_probe(struct upstream_pool *p);

/* upstream_more: there is more to send of |u|, or it has ended. upstream_forget: no more will come of it. */
struct upload;
void upstream_more(struct upload *u);
void upstream_forget(struct upload *u);

mesh_ns upstream_deadline(const struct upstream_pool *p);
void upstream_run(struct upstream_pool *p, mesh_ns now);

#endif
