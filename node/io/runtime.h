/* runtime.h - a running node: the engine behind sockets, clocks and signals. Everything is
 * kept in struct node; there are no globals but what a process has one of anyway: its
 * signals (SIGPIPE is ignored from node_start on), its limit of descriptors (raised as
 * far as it goes) and libev's allocator (reserve.h). Not thread safe: one thread calls in, besides node_stop, and is
 * called; the other workers' threads are the node's own. */
#ifndef HEDGEROW_IO_RUNTIME_H
#define HEDGEROW_IO_RUNTIME_H

#include "node/core/engine.h"
#include "node/core/methods.h"
#include "node/dist/dist.h"
#include "node/dist/url.h"
#include "node/io/access_line.h"
#include "node/io/dns_server.h"
#include "node/io/purge_from.h"
#include "node/io/resolve.h"
#include "node/tls/tls.h"

#define NODE_SEEDS_MAX      64
#define NODE_WORD_MAX       256 /* HOST:PORT */
#define NODE_ERROR_MAX      512
#define NODE_ADMIN_BODY_MAX (1u << 20)
#define NODE_ADMIN_ETAG_MAX 64
/* Paths that begin so take bodies of up to a whole configuration, from who has the token. */
#define NODE_ADMIN_DOCUMENTS "/distributions"
#define WORKERS_MAX          64

/* 0 = the default. */
struct node_timers {
    mesh_ns origin_connect;  /* 10 s: one attempt to connect to the origin */
    mesh_ns origin_response; /* 30 s: from the request's last byte to the answer's first, and between two reads of it */
    mesh_ns origin_whole;    /* none: from a request to its answer's last byte */
    mesh_ns dns;             /* 2 s: a DNS server that is silent is asked once more, or another one */
    mesh_ns origin_idle;     /* 5 s: an unused origin connection is kept so long */
    mesh_ns viewer_head;     /* 10 s: from a request's first byte to its head's last, however it trickles; or a TLS
                              * handshake's */
    mesh_ns viewer_idle;     /* 60 s: between requests */
    mesh_ns viewer_stall;    /* 30 s: a viewer that takes, or sends, too little for so long (viewer.h) */
    mesh_ns drain;           /* 30 s: how long requests in flight are waited for when stopping */
    mesh_ns resolve_again;   /* 10 s: seeds' names are looked up again while alone */
};

/* A request to the admin address; lends for the call. */
struct node_admin_request {
    struct slice method;        /* GET, HEAD or POST; and PUT or DELETE below NODE_ADMIN_DOCUMENTS */
    struct slice path, query;   /* as received; the query without its question mark */
    struct slice authorization; /* the Authorization field's value, or empty */
    struct slice if_match;      /* the If-Match field's value, or empty */
    struct slice body;
    char *etag; /* what the handler writes there, NODE_ADMIN_ETAG_MAX bytes with a zero, goes out as ETag */
};

struct node;

/* Appends the answer's body to |body|, may set |*content_type| (static text; "text/plain;
 * charset=utf-8" else), and returns the status. Called on the node's loop: be quick. */
typedef unsigned node_admin_handler(void *ctx, struct node *n, const struct node_admin_request *req, struct buf *body,
                                    const char **content_type);

struct node_config { /* all pointers are lent for the node's life */
    const struct identity *self;
    struct boot boot;
    struct slice roll; /* the authorities' last word as kept, or empty; lent to node_start only */
    /* Keeps a new roll durably: false when that failed, which is said. NULL: it is not kept. */
    bool (*keep_roll)(void *ctx, struct slice roll);
    struct slice known; /* members as kept (known.h), tried beside the seeds; lent to node_start only */
    /* The same of members, when they have changed, once a minute and at the end; and of our
     * boot number, which may grow while we run. */
    bool (*keep_known)(void *ctx, struct slice known);
    bool (*keep_boot)(void *ctx, uint64_t boot);
    struct slice purges; /* the file of purges as kept (purge_text.h), lent to node_start only */
    /* Appends lines to it, or replaces all of it, durably: false when that failed. Called on a thread of its own, and
     * never twice at once. NULL: purges are forgotten. */
    bool (*keep_purges)(void *ctx, struct slice lines, bool whole);
    const struct slice *configs; /* versions of the configuration as kept (config_doc.h), lent to node_start only */
    size_t configs_n;
    /* Keeps one more of them durably: false when that failed. On a thread of its own as well. NULL: they are forgotten.
     */
    bool (*keep_config)(void *ctx, struct slice file);
    struct config_hooks config; /* what its text means (configs.h); on the node's loop. |judge| is the node's own: */
    /* As config.validate, with its |ctx|, on a thread of its own: what other nodes send. NULL: config.validate is
     * asked. */
    bool (*judge_config)(void *ctx, struct slice text, struct buf *why);
    void *keep_ctx;
    uint32_t weight;                    /* 0 = the certificate's */
    struct mesh_addr http, mesh, admin; /* where to listen; port 0 picks a free one */
    struct mesh_addr https;             /* the same, for viewers over TLS, ... */
    struct tls_certs *certs;            /* ... who are shown these; the node takes a reference. NULL: there are none */
    const char *seeds[NODE_SEEDS_MAX];  /* HOST:PORT, name or address */
    size_t seeds_n;
    const char *advertise[GOSSIP_ADDRS_MAX]; /* HOST:PORT where the mesh reaches us */
    size_t advertise_n;
    struct dist_set *set; /* what is served; lent to node_start, which takes a reference */
    struct origin_url origin;
    const char *origin_ca;      /* a PEM file, which tls_ca ORIGIN_CA_GIVEN stands for; NULL: there is none */
    const char *dns_servers;    /* "ADDR:PORT,..."; NULL: the system's */
    const char *s3_credentials; /* a shared credentials file with the keys of all buckets; NULL: there is none */
    struct methods methods; /* which are answered where a request names no host's: OPTIONS about the server itself */
    struct purge_from purge_from; /* who may PURGE on the viewers' port; nobody: it is answered with 405 */
    uint32_t viewers_each_max;    /* connections of one viewer's address; 0: half of all that there can be */
    /* Connections to the origin; 0: 1,024, or half of the descriptors that viewers leave, whichever is less. */
    uint32_t origin_connections_max;
    unsigned workers; /* at most WORKERS_MAX; 0: as many as the cores that the process may use */
    uint64_t memory_limit;
    uint64_t disk_limit;   /* 0: no disk */
    const char *data;      /* the directory with the store in it; not looked at without a disk */
    bool disk_wipe;        /* what another version wrote there may go */
    uint32_t audit_one_in; /* see struct engine_config */
    unsigned codings_off;  /* CODING_BITs of content codings that viewers do not get */
    struct engine_timers engine;
    mesh_ns ring_join_delay, ring_death_delay, ramp, parent_period; /* mesh.h's, 0 = default */
    const char *parent_region;                                      /* mesh.h's; NULL: auto */
    const char *dns_domain; /* engine_config's zone, lent for the node's life; NULL or empty: there is none */
    struct mesh_addr dns[DNS_LISTEN_MAX]; /* where DNS is answered, for |dns_domain|; a port of 0 takes a free one */
    size_t dns_n;                         /* 0: nowhere */
    const char *dns_zones[DNS_ZONES_MAX - 1]; /* more zones that are answered for, as |dns_domain| is written */
    size_t dns_zones_n;
    unsigned dns_threads; /* at most DNS_THREADS_MAX; 0: one */
    uint32_t dns_rate;    /* answers a second to a network; 0: as many as are asked for */
    mesh_ns probe_period, ack_timeout, suspect_timeout;
    struct node_timers timers;
    /* Where viewers reach us; the ports are not used. None: where it listens for them, else where the mesh reaches it.
     */
    struct mesh_addr viewer_addrs[STEER_ADDRS_MAX];
    size_t viewer_addrs_n;
    uint32_t capacity; /* requests a second that it is good for; 0: not said, connections alone tell how busy it is */
    const char *announce_hook; /* a program, see announce.h; NULL: none. Lent for the node's life */
    bool located;              /* where it stands is known: degrees times 10,000 */
    int32_t lat_e4, lon_e4;
    const char *countries;  /* a path: MaxMind's file of them; NULL: no country is known */
    const char *access_log; /* a path, "-" (standard output), or NULL: none */
    enum access_format access_format;
    bool access_cookies;               /* viewers' Cookie goes into the log, where the format has it */
    node_admin_handler *admin_handler; /* NULL: 404 to everything */
    void *admin_ctx;
    const char *admin_token; /* wanted of whoever changes anything; NULL: nothing can be changed */
    /* Called once, when the node is first ready. */
    void (*on_ready)(void *ctx, struct node *n);
    void *ready_ctx;
    /* SIGHUP: read again what may have changed (the node file; see node_renew). NULL: nothing. */
    void (*on_hangup)(void *ctx, struct node *n);
    /* node_reload: reads the configuration file again, and calls node_configure if nothing is wrong with it. Appends
     * what there is to say to |said|, in lines. NULL: there is no such file. */
    bool (*reload)(void *ctx, struct node *n, struct buf *said);
    void *hangup_ctx; /* of both */
    /* A sentence for the operator: a seed that does not resolve, a log that cannot be
     * written. NULL: nobody listens. */
    void (*notice)(void *ctx, const char *text);
    void *notice_ctx;
    struct trace trace; /* the engine's */
    /* Sees, and may change, each frame to a peer before it is sealed: lying nodes of tests
     * (session.h). On the node's loop. NULL in a node. */
    void (*outgoing)(void *ctx, uint8_t *frame, size_t len);
    void *outgoing_ctx;
};

/* node_start binds the addresses, starts the engine and begins to join. NULL: |error| says
 * what is wrong and what to do about it. Owned by the caller until node_free (NULL is fine). */
struct node *node_start(const struct node_config *cfg, char error[NODE_ERROR_MAX]);

/* node_run serves until SIGTERM, SIGINT or node_stop: it leaves the mesh, stops accepting
 * and finishes what is in flight (a second signal ends at once). SIGUSR1 reopens the access
 * log, SIGHUP has certificates for origins and the file of countries read anew (that is looked at each 10 s, too), and
 * is the configuration's on_hangup. Returns the process's exit code: 0, or 1 when this identity runs elsewhere too. */
int node_run(struct node *n);

/* node_stop is what SIGTERM does. May be called from any thread and from a signal handler. */
void node_stop(struct node *n);

/* node_free closes everything and forgets the engine. */
void node_free(struct node *n);

/* node_roll takes a roll that was handed in (engine_roll's codes). |*kept|: it will be known
 * after a restart. */
int node_roll(struct node *n, struct slice bytes, bool *kept);

/* node_renew takes a renewed certificate (engine_renew's codes). |id| is lent for the call. */
int node_renew(struct node *n, const struct identity *id);

/* node_certs: new viewers over TLS are shown |certs| from now on, of which the node takes a reference; NULL: they could
 * not be read, which is counted, and those in use stay. node_certs_now lends those until the next call; NULL: no https.
 */
void node_certs(struct node *n, struct tls_certs *certs);
const struct tls_certs *node_certs_now(const struct node *n);
/* node_configure: from now on |set| is served, of which a reference is taken. 0; or MESH_E_NOMEM with the old one in
 * force. */
int node_configure(struct node *n, struct dist_set *set);

/* node_reload has the configuration file read again, counts that, and tells node_config's notice of it. False: the old
 * configuration stays. |said|: what is wrong, or what has changed, in lines. */
bool node_reload(struct node *n, struct buf *said);

/* node_country writes the country of |address|, "" where it is not known. */
void node_country(struct node *n, const struct mesh_addr *address, char country[COUNTRY_BYTES]);

/* node_drain is engine_drain. */
void node_drain(struct node *n, bool on);

/* node_dns_port: it answers DNS there, which other nodes are told; 0: it does not. */
void node_dns_port(struct node *n, uint16_t port);

/* ---- being seen ---- */
/* The bound addresses, with their real ports. */
const struct mesh_addr *node_http_addr(const struct node *n);
const struct mesh_addr *node_https_addr(const struct node *n); /* NULL: there is none */
const struct mesh_addr *node_mesh_addr(const struct node *n);
const struct mesh_addr *node_admin_addr(const struct node *n);
/* node_dns_addrs lends the addresses at which DNS is answered, |*count| of them; node_dns_serial is what SOA says now.
 */
const struct mesh_addr *node_dns_addrs(const struct node *n, size_t *count);
uint32_t node_dns_serial(const struct node *n);
void node_dns_counters(const struct node *n, struct dns_server_counters *out);
struct engine *node_engine(struct node *n);
const struct node_config *node_config(const struct node *n);
mesh_ns node_now(struct node *n);
mesh_ns node_uptime(struct node *n);
int64_t node_started_s(const struct node *n); /* Unix time */
unsigned node_workers(const struct node *n);
bool node_draining(const struct node *n);
/* node_alarms: bits ALARM_BIT (alarms.h) of what calls for attention, and since when each does. */
uint32_t node_alarms(struct node *n, mesh_ns since[ALARMS_N]);
/* node_ready: engine_ready, and not draining. */
bool node_ready(struct node *n, const char **why_not);

/* X(name, help). What the sockets show, beside the engine's own counters. */
#define NODE_COUNTERS(X)                                                                                            \
    X(viewers_accepted, "viewer connections accepted")                                                              \
    X(viewers_refused, "viewer connections closed at once: no room for them")                                       \
    X(viewers_too_many, "of those refused: their address had its share of connections")                             \
    X(viewers_shed, "idle viewer connections closed in favour of new ones")                                         \
    X(viewers_passed, "viewer connections that went to worker 0 with a request that it alone answers")              \
    X(viewers_timed_out, "viewer connections closed: a request or an answer took too long")                         \
    X(viewers_aborted, "answers cut short because their source failed")                                             \
    X(tls_handshakes, "TLS handshakes of viewers that were completed")                                              \
    X(tls_resumed, "of those, by a ticket of an earlier connection")                                                \
    X(tls_failed, "TLS handshakes of viewers that came to nothing: they and we did not agree, or it was no TLS")    \
    X(certificates_reloaded, "times that the certificates for viewers were read again")                             \
    X(certificates_refused, "times that they could not be read again: those in use stayed")                         \
    X(requests_malformed, "viewer requests refused as malformed or too large")                                      \
    X(origin_opened, "connections opened to origins")                                                               \
    X(origin_reused, "origin requests sent on a connection that was open already")                                  \
    X(origin_refused, "fetches that failed at once: as many connections as there may be")                           \
    X(origin_retried, "origin requests sent again: a reused connection had just been closed, or nothing was heard") \
    X(origin_malformed, "origin answers refused as malformed")                                                      \
    X(links_dialled, "backbone connections dialled")                                                                \
    X(links_accepted, "backbone connections accepted")                                                              \
    X(datagrams_unsent, "datagrams the kernel did not take")                                                        \
    X(admin_requests, "requests to the admin address")                                                              \
    X(config_reloads, "times that the configuration file was read again and taken")                                 \
    X(config_reload_failures, "times that it was not, and the old configuration stayed")                            \
    X(log_lines, "access log lines")                                                                                \
    X(log_dropped, "access log lines lost because the log could not be written")
struct node_counters {
#define X(name, help) uint64_t name;
    NODE_COUNTERS(X)
#undef X
    /* Now: */
    uint64_t viewers, origin_connections, origin_idle, links;
};
/* What all workers have counted: node_engine_counters beside what the engine itself did. */
void node_counters(const struct node *n, struct node_counters *out);
void node_engine_counters(const struct node *n, struct engine_counters *out);

#endif
