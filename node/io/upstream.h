/* upstream.h - HTTP/1.1 requests to origins, over connections that are kept and used again.
 *
 *   RESOLVING -> CONNECTING -> [SHAKING ->] SENDING -> HEAD -> BODY -> IDLE -> SENDING ...
 *
 * A pool is what there is to one server under one set of terms: scheme, host, port, whose certificate it has to show
 * and who has to have signed it, what certificate we show. Origins that are equal in all of that share one. It is made
 * by the first request, and goes some time after the last one.
 *
 * A connection belongs to one fetch at a time, or is idle. A request on a reused connection
 * that ends before the answer's first byte is sent once more on a fresh one: the origin may
 * just have closed it for its age (RFC 9112 section 9.3.1). But only one that does no harm when
 * it is heard twice, and has no body; others take no connection that has been idle for long. A GET that nothing is
 * heard of is sent again on another connection, as often as the origin's attempts say.
 *
 * There are so many connections at the most, to all origins together, and the engine begins no more fetches than that
 * (engine_config.origin_fetches; a fetch beyond fails at once, MESH_E_FULL), nor to one origin than its own bound.
 * Idle ones make room. Where several addresses of a name are tried at once (race.h) there are up to a
 * quarter more.
 *
 * A body (upload.h) is sent from HEAD on, and may still be under way in BODY: the answer is
 * read meanwhile. */
#ifndef HEDGEROW_IO_UPSTREAM_H
#define HEDGEROW_IO_UPSTREAM_H

#include "node/core/engine.h"
#include "node/dist/dist.h"
#include "node/io/buckets.h"
#include "node/io/origin_probe.h"
#include "node/io/origin_secrets.h"
#include "node/io/resolve.h"
#include "proto/base/heap.h"
#include "proto/base/list.h"
#include "proto/base/map.h"

#define UPSTREAM_POOLS_MAX 4096

struct worker;

struct upstreams {
    struct worker *worker;
    struct map by_id;        /* pools, by the digest of what they are for */
    struct list pools;       /* the one used last comes first */
    struct list retired;     /* no longer wanted: they go with their connections */
    size_t pools_n;          /* of both lists */
    size_t n, max;           /* connections, idle ones too */
    size_t extra, extra_max; /* sockets beside those, of races */
    struct list idle;        /* of all pools; the connection idle for longest comes first */
    struct heap timers;
    struct buckets *buckets; /* what requests of those that are buckets are signed with */
    struct origin_probe probe;
    struct dist_set *set;               /* in force */
    const struct dist_origin *measured; /* of it, NULL: none ... */
    struct digest measured_id;          /* ... and which pool is its */
    struct origin_secrets secrets;
};

/* 0 or MESH_E_NOMEM; the set in force is the configuration's. upstream_stop closes all connections; the engine is not
 * told. */
int upstream_start(struct upstreams *u, struct worker *w);
void upstream_stop(struct upstreams *u);

/* What the engine wants done (ENGINE_FETCH, ENGINE_FETCH_FLOW, ENGINE_FETCH_STOP). */
void upstream_begin(struct upstreams *u, struct fetch *f);
void upstream_flow(struct upstreams *u, struct fetch *f);
void upstream_drop(struct upstreams *u, struct fetch *f);

/* upstream_reread looks at once whether the keys of buckets are other ones. */
void upstream_reread(struct upstreams *u);

/* ENGINE_PROBE: of the origin that dist_measured names; where all are directories there is no way to measure. */
void upstream_probe(struct upstreams *u);

/* upstream_keep: from now on |set| (a reference is taken) is in force; pools of others take no request and go with
 * their connections. upstream_renew: the files with certificates may be other ones: pools whose files are good go so,
 * and new ones are made; the others go on with what they have, and the operator is told. Secrets are read again. */
void upstream_keep(struct upstreams *u, struct dist_set *set);
void upstream_renew(struct upstreams *u);

/* upstream_second is called each second. */
void upstream_second(struct upstreams *u);

/* upstream_more: there is more to send of |u|, or it has ended. upstream_forget: no more will come of it. */
struct upload;
void upstream_more(struct upload *u);
void upstream_forget(struct upload *u);

mesh_ns upstream_deadline(const struct upstreams *u);
void upstream_run(struct upstreams *u, mesh_ns now);

#endif
