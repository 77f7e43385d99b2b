/* run_options.h - the flags of hedgerow run. */
#ifndef HEDGEROW_CLI_RUN_OPTIONS_H
#define HEDGEROW_CLI_RUN_OPTIONS_H

#include "node/cli/node_file.h"
#include "node/io/runtime.h"

#define DNS_DOMAIN_MAX 239 /* with its end; a distribution's label and a dot go before it, 253 bytes in all */

struct option_addrs {
    struct mesh_addr at[DNS_LISTEN_MAX];
    size_t n;
};

struct option_domains { /* as Host fields are compared: lower case, no final dot */
    char at[DNS_ZONES_MAX - 1][DNS_DOMAIN_MAX];
    size_t n;
};

struct run_options {         /* text lends from the arguments, or from |file| */
    const char *config_file; /* NULL: not given */
    struct dist_file file;   /* what was in it; the caller's to free */
    struct option_addr http, https, mesh, admin;
    struct option_hosts certificates; /* certificates.h */
    enum tls_policy tls_policy;
    struct option_hosts seeds, advertise;
    struct origin_url origin;
    const char *origin_text;             /* NULL: not given */
    char directory[4096];                /* which is the origin; empty: it is none */
    const char *s3_region;               /* NULL: the origin is no bucket */
    char s3_path[1024], s3_profile[128]; /* of the credentials; empty: not given */
    enum dist_sign s3_signing;
    bool s3_profile_given, s3_signing_given, methods_given;
    const char *data, *name, *zone, *node_file, *access_log, *countries, *parent_region;
    const char *origin_ca, *origin_client, *dns_servers; /* NULL: not given */
    uint32_t origin_attempts;                            /* 0: not given */
    enum access_format access_format;
    bool access_cookies;
    uint64_t memory, disk;
    bool disk_wipe;
    uint32_t viewers_each_max, origin_connections_max, workers; /* 0: not given */
    uint32_t audit_one_in;                                      /* 0: none */
    int64_t default_ttl_s;                                      /* or TTL_HEURISTIC */
    int64_t error_ttl_s;
    enum set_cookie set_cookie;
    bool obeys_viewers;
    struct methods methods;
    struct purge_from purge_from;
    unsigned codings_off;            /* CODING_BITs */
    char dns_domain[DNS_DOMAIN_MAX]; /* empty: not given */
    struct option_addrs dns;
    struct option_domains dns_zones;
    uint32_t dns_threads, dns_rate;
    struct option_viewer_addrs viewer_addrs;
    uint32_t capacity; /* 0: not given */
    struct option_place location;
    const char *announce_hook; /* NULL: not given */
    bool trace;
    struct node_config config; /* only what --timers sets */
};

/* run_options_read as cli_options (cli.h): false when the command ends with |*code|, and nothing is to be freed. */
bool run_options_read(struct run_options *o, int argc, char *const *argv, int *code);

/* run_options_check: would run take what stands under node: in |f|, which was read from |path|? An exit code, |why| as
 * node_file_options. |domain| is --dns-domain as a flag gives it; empty: none does. */
int run_options_check(const struct dist_file *f, const char *path, const char *domain, struct buf *why);

/* run_options_domain appends a line about |what| where the first of |set| that redirects viewers cannot do so: without
 * a domain (empty) edges have no names. */
void run_options_domain(const struct dist_set *set, const char *what, const char *domain, struct buf *said);

/* run_node is the command itself. |tune| (NULL: none) may change the configuration just
 * before the node starts: programs of tests are nodes that way. */
typedef void run_tune(void *ctx, struct node_config *cfg);
int run_node(int argc, char *const *argv, run_tune *tune, void *tune_ctx);

#endif
