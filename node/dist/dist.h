/* dist.h - what owners said of their content: distributions, with the names they are asked for by, the origins that
 * content comes from, and behaviours, which say for which paths what holds. Plain data, made by dist_read.h from text,
 * checked as a whole, and immutable then: any thread may read a set, and who holds a reference keeps it.
 *
 *   Host --dist_find--> distribution --dist_behaviour--> behaviour --> cache key, lifetimes, origin or group, ...
 *
 * All slices are lent from the set. Indices (of origins, groups) are of the distribution's own arrays. Where a figure
 * is CloudFront's, its developer guide is the source. */
#ifndef HEDGEROW_DIST_DIST_H
#define HEDGEROW_DIST_DIST_H

#include <stdatomic.h>

#include "proto/base/addr.h"
#include "proto/base/buf.h"
#include "proto/base/time.h"

#define DISTS_MAX            10000
#define DIST_NAME_MAX        64 /* letters, digits, - and _ */
#define DIST_HOSTS_MAX       100
#define DIST_ORIGINS_MAX     100
#define DIST_GROUPS_MAX      10
#define DIST_BEHAVIOURS_MAX  75 /* the default one included */
#define DIST_PATTERN_MAX     255
#define DIST_NAMES_MAX       10   /* of a list of query parameters, fields or cookies ... */
#define DIST_NAMES_BYTES_MAX 1024 /* ... and of their bytes */
#define DIST_HEADERS_MAX     10   /* fixed fields towards the origin, or of a response policy */
#define DIST_RULES_MAX       100
#define DIST_ROOT_MAX        255
#define DIST_FOLDER_MAX      4095
#define DIST_REGION_MAX      63
#define DIST_FILE_NAME_MAX   128 /* of what a node has by name: certificates, a profile of keys */

/* ---- what is named ---- */

struct dist_field { /* a header field */
    struct slice name, value;
};

/* Which query parameters, fields or cookies count. */
enum dist_which { DIST_NONE, DIST_ALL, DIST_LISTED, DIST_ALL_BUT };
struct dist_names {
    enum dist_which which;
    const struct slice *names; /* of _LISTED and _ALL_BUT; fields in lower case */
    size_t n;
};

/* ---- where content comes from ---- */

enum dist_origin_kind {
    DIST_HTTP,      /* an HTTP server, also one that packs media */
    DIST_S3,        /* an S3-compatible bucket: an HTTP server whose requests are signed */
    DIST_DIRECTORY, /* files of this node */
};
enum dist_origin_scheme { DIST_ORIGIN_HTTP, DIST_ORIGIN_HTTPS, DIST_ORIGIN_MATCH_VIEWER };
enum dist_sign { DIST_SIGN_ALWAYS, DIST_SIGN_NEVER, DIST_SIGN_NO_OVERRIDE /* unless the viewer has signed */ };
enum dist_tls_min { DIST_TLS_1_2, DIST_TLS_1_3 };

struct dist_origin {
    struct slice id;
    enum dist_origin_kind kind;
    struct slice url; /* normal form of what was written, for people, for provenance, and for the digest */
    enum dist_origin_scheme scheme;
    struct slice host;      /* name or address, IPv6 without brackets */
    struct slice authority; /* HOST[:PORT] as in the URL: what Host says unless the behaviour has the viewer's */
    struct slice prefix;    /* of each path: "" or "/production" */
    uint16_t http_port, https_port;
    const struct dist_field *headers; /* sent with each request, in place of the viewer's of that name */
    size_t headers_n;
    mesh_ns connect_timeout;  /* 1 to 10 s (10 s), each of ... */
    unsigned attempts;        /* ... 1 to 3 (3) */
    mesh_ns response_timeout; /* 1 to 120 s (30 s): to the first byte, and between two */
    mesh_ns whole_timeout;    /* to the last byte; 0: none */
    mesh_ns idle_timeout;     /* 1 to 120 s (5 s): an unused connection is kept so long */
    unsigned connections;     /* at a time, from one node; 0: the node's own figure */
    /* https: */
    struct slice tls_name;   /* whom the certificate has to name, and SNI; empty: host */
    struct slice tls_ca;     /* name of a PEM file of the node's; empty: the system's */
    struct slice tls_client; /* name of a client certificate of the node's; empty: none */
    enum dist_tls_min tls_min;
    /* s3: */
    struct slice region;      /* such as eu-central-1 */
    struct slice credentials; /* the profile's name: each node has the secret itself, in its file of credentials */
    enum dist_sign sign;
    /* directory: */
    struct slice root;   /* absolute */
    struct slice secret; /* name of a secret that goes along as X-Origin-Secret; empty: none */
};

/* Two origins, the first of which is tried first every time; GET, HEAD and OPTIONS alone go on to the second. */
struct dist_group {
    struct slice id;
    uint16_t members[2];      /* origins */
    const uint16_t *statuses; /* which have the second one asked, besides no connection and no answer */
    size_t statuses_n;
};

/* ---- what holds for a path ---- */

#define DIST_TTL_HEURISTIC (-1)
enum dist_set_cookie { DIST_COOKIE_PRIVATE, DIST_COOKIE_STRIP, DIST_COOKIE_KEEP }; /* as enum set_cookie */
struct dist_cache {
    bool enabled;                                /* false: each request goes to the origin */
    struct dist_names query, fields, cookies;    /* what is part of the key, and goes to the origin */
    bool query_sorted;                           /* parameters in the order of their names, in key and request */
    int64_t ttl_min_s, ttl_default_s, ttl_max_s; /* default may be DIST_TTL_HEURISTIC */
    int64_t error_ttl_s; /* for errors that do not say themselves, where the default is not heuristic; 0: not kept */
    uint8_t set_cookie;  /* enum dist_set_cookie */
    bool obeys_viewers;  /* their Cache-Control counts */
    bool caches_options;
};

enum dist_viewer_scheme { DIST_VIEWER_ANY, DIST_VIEWER_REDIRECT, DIST_VIEWER_HTTPS_ONLY };
enum dist_methods { DIST_METHODS_ALL, DIST_METHODS_OPTIONS, DIST_METHODS_GET }; /* as enum method_list */

/* A response header policy. */
struct dist_response {
    bool cors;                 /* the six of these: */
    struct slice cors_origins; /* comma list: "*", or origins such as https://example.com, also with a wildcard */
    struct slice cors_methods, cors_headers, cors_expose;
    bool cors_credentials;
    int64_t cors_max_age_s;       /* < 0: not said */
    bool cors_override;           /* the origin's own are replaced */
    const struct dist_field *set; /* security and custom fields ... */
    const bool *override;         /* ... each: also where the origin has one? */
    size_t set_n;
    const struct slice *remove; /* names in lower case */
    size_t remove_n;
    uint64_t digest; /* of all that; 0: it says nothing */
};

/* An edge rule, decided before the key is made: if all conditions hold it acts; the first redirect ends it. */
enum dist_action {
    DIST_REDIRECT,
    DIST_REWRITE,
    DIST_SET_REQUEST_FIELD,
    DIST_REMOVE_REQUEST_FIELD,
    DIST_SET_RESPONSE_FIELD,
    DIST_REMOVE_RESPONSE_FIELD
};
struct dist_rule {
    struct slice path, host;         /* patterns with * and ?; empty: any */
    struct slice field, field_value; /* a field that the request has, with a value like this pattern; empty: any */
    struct slice query, query_value; /* a parameter, likewise */
    enum dist_action action;
    uint16_t status;   /* of a redirect: 301, 302, 303, 307, 308 */
    struct slice to;   /* path or URL; $1 ... $9 are what the *s of |path| stood for; or a field's value */
    struct slice name; /* of the field */
};

struct dist_behaviour {
    struct slice path; /* pattern; "*" is the last, the default one */
    bool to_group;
    uint16_t target; /* origin, or group */
    enum dist_methods methods;
    const struct slice *methods_other; /* beyond those, such as PROPFIND */
    size_t methods_other_n;
    enum dist_viewer_scheme viewer_scheme;
    struct dist_cache cache;
    struct dist_names request_query, request_fields, request_cookies; /* go to the origin beside the key's */
    bool viewer_host;                                                 /* Host is the viewer's */
    bool key_has_scheme;                                              /* the origin is asked by the viewer's scheme */
    unsigned codings_off;                                             /* CODING_BITs */
    struct dist_response response;
    const struct dist_rule *rules;
    size_t rules_n;
    const struct slice *key_groups; /* who has to have signed; none: everybody may ask */
    size_t key_groups_n;
    uint32_t rate; /* requests a second of one address; 0: no limit */
    uint32_t rate_burst;
    bool own_identity; /* derived: whoever it asks knows us by our signature, or is a directory, and never a viewer by
                        * his Authorization */
    uint64_t index;    /* in its distribution, ... */
    const struct dist *of; /* ... which is this one, once it is in a set */
};

/* What becomes of an error of the origin's, or ours. */
struct dist_error {
    uint16_t status;   /* 400 403 404 405 414 416 500 501 502 503 504 */
    int64_t ttl_s;     /* it is kept so long; < 0: as the behaviour says */
    struct slice page; /* path of what is answered instead; empty: none */
    uint16_t as;       /* with this status; 0: its own */
};

struct dist_key { /* a public key that signs URLs and cookies */
    struct slice id, pem;
};
struct dist_key_group {
    struct slice id;
    const uint16_t *keys; /* at most 5 */
    size_t n;
};

enum dist_geo { DIST_GEO_ANY, DIST_GEO_ALLOW, DIST_GEO_BLOCK };
enum dist_log { DIST_LOG_OFF, DIST_LOG_ON };

/* What the owner says of the edges that viewers are sent to (node/steer). */
enum dist_steer { DIST_STEER_OFF, DIST_STEER_NEAREST };
enum dist_lists { DIST_LISTS_OFF, DIST_LISTS_ON };
struct dist_steering {
    enum dist_steer redirect;    /* who is much nearer to another edge is redirected there */
    enum dist_lists lists;       /* players are told the edges in order, below DIST_LISTS_PATH */
    const struct slice *regions; /* edges of these alone, or with |regions_not| of all but these; none: of all */
    size_t regions_n;
    bool regions_not;
    bool host_counts; /* derived: by which of its names it is asked for may make another answer */
};
#define DIST_LISTS_PATH        "/.well-known/hedgerow/"
#define DIST_STEER_REGIONS_MAX 64

struct dist {
    struct slice name;     /* part of every key */
    struct slice assigned; /* label of the name it has below the mesh's zone: of its name alone, the same everywhere */
    bool enabled;          /* false: its hosts are nobody's (421) */
    struct slice comment;
    enum dist_log log;
    bool any_host;             /* it answers any Host that no other has, and its keys have no host */
    const struct slice *hosts; /* normal form: lower case, no final dot; "*.example.com" is a wildcard */
    size_t hosts_n;
    const struct dist_origin *origins;
    size_t origins_n;
    const struct dist_group *groups;
    size_t groups_n;
    const struct dist_behaviour *behaviours; /* at least one: the last is "*" */
    size_t behaviours_n;
    const struct dist_error *errors;
    size_t errors_n;
    struct slice root; /* what "/" stands for, such as index.html; empty: itself */
    const struct dist_key *keys;
    size_t keys_n;
    const struct dist_key_group *key_groups;
    size_t key_groups_n;
    bool sha1_forbidden; /* of signatures */
    enum dist_geo geo;
    const struct slice *countries; /* two capital letters each */
    size_t countries_n;
    struct dist_steering steering;
    uint64_t digest;               /* of its canonical form: equal on two nodes that serve it alike */
    uint32_t index;                /* in its set */
    const struct dist_path *paths; /* private to node/dist: the behaviours' patterns, cut up */
};

struct dist_set {
    _Atomic uint32_t refs;
    const struct dist *dists; /* in the order of their names */
    size_t n;
    uint64_t digest;  /* of all */
    uint64_t version; /* of the mesh-wide document; 0: local */
    /* Private to node/dist: look-up by host, and the memory of it all. */
    const struct dist_hosts *by_host;
    struct dist_arena *arena;
};

struct dist_set *dist_set_ref(struct dist_set *s);
void dist_set_unref(struct dist_set *s); /* NULL is fine */

/* dist_label: the assigned label of the distribution |name|: "d" and letters and digits, by a hash of it. */
#define DIST_LABEL_BYTES 14
void dist_label(struct slice name, char out[DIST_LABEL_BYTES]);

/* dist_find: whose is |host| (normal form, key_host's)? Exact names before the assigned label below |zone|
 * (the mesh's DNS domain; may be empty) and names of it at one edge, those before wildcards, of wildcards the longest.
 * NULL: nobody's, or its distribution is disabled.
 */
const struct dist *dist_find(const struct dist_set *s, struct slice host, struct slice zone);

/* dist_find_named is dist_find without the distribution that answers any host. dist_above: is |name| not a host, but
 * the end of one, or of a wildcard (b.example of a.b.example and of *.b.example)? Those of disabled distributions do
 * not count. */
const struct dist *dist_find_named(const struct dist_set *s, struct slice host, struct slice zone);
bool dist_above(const struct dist_set *s, struct slice name);

/* dist_at_edge: |host| is LABEL--EDGE.|zone|, the name of a distribution (enabled or not) at one edge, EDGE being the
 * edge's label (steer_label), which nobody looks up here: lent from |host| in |*edge|. NULL: it is no such name. */
#define DIST_EDGE_LABEL_MAX 40
const struct dist *dist_at_edge(const struct dist_set *s, struct slice host, struct slice zone, struct slice *edge);

/* dist_main_host appends the name that |d|'s names at edges count as, for keys and for the origin alike, so that one
 * copy serves them all: the first of its exact hosts, else its assigned label below |zone|. dist_is_main_host: is
 * |host| that one? */
void dist_main_host(struct buf *out, const struct dist *d, struct slice zone);
bool dist_is_main_host(const struct dist *d, struct slice host, struct slice zone);

/* dist_measured: by which origin the mesh's parent region is chosen, where there are several: the first one of the
 * first distribution (by name) that is enabled and has one beyond this node. The same on all nodes with the same set.
 * NULL: there is none, or no set. */
const struct dist_origin *dist_measured(const struct dist_set *s);

/* dist_behaviour: what holds for |path| (normal form, without query): the first whose pattern fits. Never NULL. A
 * pattern without a leading slash is as one with it. */
const struct dist_behaviour *dist_behaviour(const struct dist *d, struct slice path);

/* dist_matches: does |text| fit |pattern|, * standing for any bytes, ? for one? In time |pattern| times |text| at most.
 */
bool dist_matches(struct slice pattern, struct slice text);

/* dist_captures: what the first DIST_STARS_MAX stars of |pattern| stand for in |text| (lent from it), each as little as
 * can be, the last one the rest. False: it does not fit, |stars| are nobody's then. */
#define DIST_STARS_MAX 9
bool dist_captures(struct slice pattern, struct slice text, struct slice stars[DIST_STARS_MAX]);

/* dist_rule_to appends where |u|, a redirect or rewrite whose path fits |path|, leads: its $1 to $9 filled in. A star
 * at the start of |u|'s path does not have |path|'s leading slash. */
void dist_rule_to(struct buf *out, const struct dist_rule *u, struct slice path);

/* dist_error_of: the rule for |status|, NULL: none. */
const struct dist_error *dist_error_of(const struct dist *d, uint16_t status);

/* dist_named: is |name| among those that |names| means (fields: compared without case if |nocase|)? Of _ALL_BUT those
 * are the ones that are not listed. */
bool dist_named(const struct dist_names *names, struct slice name, bool nocase);

#endif
