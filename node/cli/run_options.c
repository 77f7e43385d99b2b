#include "node/cli/run_options.h"

#include <stdio.h>
#include <stdlib.h>

#include "node/cli/cli.h"
#include "node/cli/run_values.h"
#include "node/cli/timers.h"
#include "proto/base/err.h"

#define MEMORY_DEFAULT (UINT64_C(512) << 20)
#define AUDIT_DEFAULT  1000
#define DNS_RATE_USUAL 200

#define FIELD(name) offsetof(struct run_options, name)
static const struct option options[] = {
    { "--config", "FILE", "node: these flags by name, which count less than those that are given; and distributions:",
      option_text, FIELD(config_file), false },
    { "-c", "FILE", "the same", option_text, FIELD(config_file), false },
    { "--origin", "URL",
      "where content comes from: http(s)://HOST[:PORT][/PREFIX], or a directory of this host:\n"
      "file:///PATH, or dir:PATH",
      run_read_origin, 0, false },
    { "--origin-ca", "FILE",
      "PEM file with whoever may have signed the certificate of an https origin (whom\n"
      "the system trusts)",
      option_text, FIELD(origin_ca), false },
    { "--origin-client", "NAME",
      "what the node shows an https origin of itself: DIR/origin-tls/NAME.crt and NAME.key, PEM",
      run_read_origin_client, FIELD(origin_client), false },
    { "--origin-attempts", "N",
      "how often a connection to the origin is tried, and a GET sent that nothing is\n"
      "heard of, 1 to 3 (3)",
      run_read_attempts, FIELD(origin_attempts), false },
    { "--dns-servers", "ADDR:PORT,...",
      "who is asked for names of origins and seeds (the system's, of /etc/resolv.conf)", run_read_dns_servers,
      FIELD(dns_servers), false },
    { "--origin-s3-region", "REGION",
      "the origin is an S3-compatible bucket in REGION, such as eu-central-1, and requests\n"
      "to it are signed; its URL is https://BUCKET.HOST or https://HOST/BUCKET",
      run_read_s3_region, FIELD(s3_region), false },
    { "--origin-s3-credentials", "FILE[:PROFILE]",
      "with what: an AWS shared credentials file, and a profile in it (default), which\n"
      "distributions name themselves; it is read again when it has changed",
      run_read_s3_credentials, 0, false },
    { "--origin-s3-signing", "always|no-override|never",
      "a viewer's Authorization is replaced (always), or goes on instead of ours\n"
      "(no-override); or nothing is signed (never)",
      run_read_s3_signing, 0, false },
    { "--http", "ADDR:PORT", "listen for viewers (0.0.0.0:8080)", option_listen, FIELD(http), false },
    { "--https", "ADDR:PORT", "listen for viewers over TLS, too; wants --certificate", option_listen, FIELD(https),
      false },
    { "--certificate", "CERT,KEY|FILE|DIR",
      "what they are shown: two PEM files, one with both, or a directory of NAME.crt and\n"
      "NAME.key or of certbot's; may be repeated. The one with the name that a viewer asks for,\n"
      "else the one with a wildcard, else the first",
      option_texts, FIELD(certificates), true },
    { "--tls-policy", "intermediate|modern",
      "intermediate: TLS 1.2 and 1.3, no CBC; modern: TLS 1.3 alone (intermediate)", run_read_policy, FIELD(tls_policy),
      false },
    { "--mesh", "ADDR:PORT", "listen for other nodes, TCP and UDP (0.0.0.0:7400)", option_listen, FIELD(mesh), false },
    { "--admin", "ADDR:PORT", "listen for /status, /metrics and the status page (127.0.0.1:7401)", option_listen,
      FIELD(admin), false },
    { "--node-file", "FILE", "who this node is, from hedgerow mesh admit; without it a node runs alone", option_text,
      FIELD(node_file), false },
    { "--seed", "HOST:PORT", "a node to join the mesh through; may be repeated, a name may have many addresses",
      option_host, FIELD(seeds), true },
    { "--advertise", "HOST:PORT",
      "where the mesh reaches this node, if not where it listens; up to 4 times,\n"
      "such as once for IPv4 and once for IPv6",
      option_host, FIELD(advertise), true },
    { "--name", "NAME", "the node's name; with a node file it must be the one in it", option_text, FIELD(name), false },
    { "--zone", "ZONE", "where it stands, REGION/ZONE; with a node file it must be the one in it", option_text,
      FIELD(zone), false },
    { "--data", "DIR", "what is kept between starts (hedgerow-data)", option_text, FIELD(data), false },
    { "--memory", "SIZE", "the memory that cached objects may take (512MiB)", run_read_memory, FIELD(memory), false },
    { "--disk", "SIZE", "what cached objects may take on the disk, in DIR/store; they outlive the process (0: none)",
      run_read_disk, FIELD(disk), false },
    { "--disk-wipe", NULL, "begin anew where another version's, or a damaged, DIR/store is in the way", NULL,
      FIELD(disk_wipe), false },
    { "--default-ttl", "SECONDS|heuristic",
      "how long an answer that does not say is fresh (86400);\n"
      "heuristic: a tenth of its age since Last-Modified, a day at most",
      run_read_default_ttl, FIELD(default_ttl_s), false },
    { "--error-ttl", "SECONDS",
      "how long a 404, 410, 414, 500 to 504 that does not say is fresh (10; 0: not\n"
      "at all); nothing where --default-ttl is heuristic",
      run_read_error_ttl, FIELD(error_ttl_s), false },
    { "--set-cookie", "private|strip|keep",
      "an answer with Set-Cookie that could be kept is not (private); is, without\n"
      "the cookie (strip); or is, and everybody gets the cookie (keep)",
      run_read_set_cookie, FIELD(set_cookie), false },
    { "--viewer-cache-control", "ignore|obey",
      "what a request's Cache-Control wants of copies (ignore); obey lets every\n"
      "viewer have the origin asked",
      run_read_viewer_control, FIELD(obeys_viewers), false },
    { "--methods", "LIST",
      "what viewers may do (all; of a bucket or a directory get): get: GET HEAD; options: OPTIONS\n"
      "too; all: POST PUT PATCH DELETE too;\n"
      "more behind commas, such as all,PROPFIND; other methods are answered with 403",
      run_read_methods, 0, false },
    { "--purge-from", "LIST",
      "who may PURGE a URL on the viewers' port (nobody): addresses and networks between commas, such as\n"
      "10.0.0.7,fd00::/8, and the word token: whoever sends \"Authorization: Bearer\" with admin.token",
      run_read_purge_from, FIELD(purge_from), false },
    { "--compress", "off|CODING,...",
      "content codings that viewers get, of br, gzip and zstd (br,zstd,gzip);\n"
      "what their Accept-Encoding likes best, for text of 1,000 to 10,000,000 bytes",
      option_codings, FIELD(codings_off), false },
    { "--viewers-per-address", "N",
      "connections of one IPv4 address or IPv6 network of 64 bits (half of all that\n"
      "there can be); who wants more is answered with 503",
      option_u32, FIELD(viewers_each_max), false },
    { "--origin-connections", "N",
      "requests that the origin has at a time (1,024, or what descriptors allow); as\n"
      "many wait for a moment, more are answered with 503",
      option_u32, FIELD(origin_connections_max), false },
    { "--audit", "N",
      "of so many bodies that come from other nodes one is fetched from the origin, too, and\n"
      "compared (1000; 0: none): who made up two is not asked for a day, and hedgerow status says so",
      run_read_audit, FIELD(audit_one_in), false },
    { "--parent-region", "NAME|none|auto",
      "the region whose nodes alone turn to the origin, for all others too (auto: the\n"
      "one that is nearest to it; none: each region for itself)",
      run_read_region, FIELD(parent_region), false },
    { "--access-log", "FILE|-", "one line a request; - is standard output (DIR/access.log)", option_text,
      FIELD(access_log), false },
    { "--access-log-format", "json|cloudfront|combined",
      "what a line looks like (json): CloudFront's 33 fields behind tabs, or Apache's combined format",
      run_read_access_format, FIELD(access_format), false },
    { "--access-log-cookies", NULL, "write viewers' Cookie into the log, where it is in CloudFront's format", NULL,
      FIELD(access_cookies), false },
    { "--countries", "FILE",
      "which country an address is in, in MaxMind's format (GeoLite2-Country.mmdb); taken anew\n"
      "when it changes. Lists of countries in distributions go by it; unknown ones are let in. A City\n"
      "file says where that is, too, for DNS",
      option_text, FIELD(countries), false },
    { "--dns-domain", "NAME",
      "the mesh's domain, the same on all nodes: each distribution has a name below it, which\n"
      "hedgerow distribution list tells (none has)",
      run_read_domain, FIELD(dns_domain), false },
    { "--dns", "ADDR:PORT",
      "answer DNS for that domain, over UDP and TCP: viewers get the edges that are nearest to them; up to 4\n"
      "times, such as once for IPv4 and once for IPv6 (nowhere)",
      run_read_dns, FIELD(dns), true },
    { "--dns-zone", "NAME",
      "one more zone to be answered for, such as a site's own domain that is delegated to the mesh; may\n"
      "be repeated, the same on all nodes",
      run_read_dns_zone, FIELD(dns_zones), true },
    { "--dns-threads", "N", "threads that answer DNS, 1 to 16 (1)", run_read_dns_threads, FIELD(dns_threads), false },
    { "--dns-rate", "N",
      "answers over UDP a second to one network, of 24 bits or of 56 for IPv6; beyond that some are cut short,\n"
      "so that who is no forger comes over TCP, and others left out (200; 0: as many as are asked for)",
      option_u32, FIELD(dns_rate), false },
    { "--viewer-address", "IP",
      "where viewers reach this node, for those that are sent to it: IPv4 or IPv6, up to 4 times\n"
      "(that of --http and --https; where those are any, the mesh's)",
      option_viewer_address, FIELD(viewer_addrs), true },
    { "--capacity", "N",
      "requests in a second that this node is good for: above them viewers are sent to the next one\n"
      "(0: connections alone count)",
      option_u32, FIELD(capacity), false },
    { "--location", "LAT,LON",
      "where it stands, in degrees, such as 50.11,8.68: for viewers of whom nothing is measured yet", option_place,
      FIELD(location), false },
    { "--announce-hook", "PROGRAM",
      "is run as PROGRAM announce when viewers may come, and as PROGRAM withdraw when they may not,\n"
      "with HEDGEROW_NAME and HEDGEROW_ADDRESSES in its environment: for a BGP daemon (none)",
      option_text, FIELD(announce_hook), false },
    { "--workers", "N", "threads that serve viewers, 1 to 64 (as many as the cores that it may use)", run_read_workers,
      FIELD(workers), false },
    { "--timers", "NAME=TIME,...", "how long a node waits for what; may be repeated. The names are below", timers_read,
      FIELD(config), true },
    { "--trace", NULL, "say on stderr what the node decides, and why", NULL, FIELD(trace), false },
};

static const struct command_line line = {
    .command = "run",
    .synopsis = "--origin URL [flags], or -c FILE [flags]",
    .about = "Runs one node until SIGTERM or Ctrl-C, which lets requests under way finish; a second\n"
             "one ends at once. Once ready it prints one JSON line with the addresses it listens on;\n"
             "port 0 takes a free one. SIGUSR1 reopens the access log, SIGHUP reads the node\n"
             "file, certificates and the distributions of -c FILE again.\n"
             "Ends with 0 when told to, 1 failed, 2 wrong flags, 78 wrong configuration.",
    .options = options,
    .options_n = sizeof(options) / sizeof(options[0]),
};

/* What says how the content of --origin is served. */
static const char *const of_origin[] = { "--default-ttl", "--error-ttl", "--set-cookie",       "--viewer-cache-control",
                                         "--methods",     "--compress",  "--origin-s3-region", "--origin-s3-signing" };

static bool is_given(const bool *given, const char *name)
{
    for (size_t i = 0; i < line.options_n; i++) {
        if (given[i] && strcmp(line.options[i].name, name) == 0)
            return true;
    }
    return false;
}

/* Where content comes from is said in one place. */
static int check_content(const struct run_options *o, const bool *given)
{
    if (o->https.given != (o->certificates.n > 0))
        return cli_fail(
            CLI_USAGE, line.command,
            o->https.given
                ? "--https needs --certificate CERT,KEY (or a directory): what viewers are shown."
                : "--certificate is for --https ADDR:PORT, which is missing: where to listen for viewers over TLS.");
    if (o->origin_text != NULL && o->file.set != NULL)
        return cli_fail(CLI_USAGE, line.command, "--origin does not go with the distributions of %s.", o->config_file);
    for (size_t i = 0; o->origin_text == NULL && i < sizeof(of_origin) / sizeof(of_origin[0]); i++) {
        if (is_given(given, of_origin[i]))
            return cli_fail(CLI_USAGE, line.command, "%s goes with --origin; distributions say it themselves.",
                            of_origin[i]);
    }
    if (o->origin_text == NULL && o->config_file == NULL)
        return cli_fail(CLI_USAGE, line.command,
                        "--origin is missing: where content comes from, such as --origin http://origin.example.net; or "
                        "-c FILE with distributions.");
    return CLI_OK;
}

/* What DNS is answered for must be named. */
static int check_dns(const struct run_options *o, const bool *given)
{
    static const char *const more[] = { "--dns-zone", "--dns-threads", "--dns-rate" };

    if (o->dns.n > 0 && o->dns_domain[0] == 0)
        return cli_fail(CLI_USAGE, line.command,
                        "--dns needs --dns-domain NAME: the mesh's domain, for which DNS is answered, such as "
                        "--dns-domain cdn.example.com");
    for (size_t i = 0; o->dns.n == 0 && i < sizeof(more) / sizeof(more[0]); i++) {
        if (is_given(given, more[i]))
            return cli_fail(CLI_USAGE, line.command, "%s goes with --dns ADDR:PORT: where DNS is answered.", more[i]);
    }
    for (size_t i = 0; i < o->dns_zones.n; i++) {
        if (strcmp(o->dns_zones.at[i], o->dns_domain) == 0)
            return cli_fail(CLI_USAGE, line.command, "--dns-zone %s is --dns-domain already: once is enough.",
                            o->dns_domain);
    }
    return CLI_OK;
}

/* The three flags of an --origin that is a bucket go together. Viewers' writes would have our signature: who wants that
 * has to say so. */
static bool s3_complete(struct run_options *o, int *code)
{
    bool signs = o->s3_region != NULL && o->s3_signing != DIST_SIGN_NEVER;

    if (o->origin_text == NULL) { /* distributions say it themselves, and which profiles */
        if (o->s3_profile_given)
            *code =
                cli_fail(CLI_USAGE, line.command,
                         "--origin-s3-credentials names a profile, which goes with --origin; distributions say theirs "
                         "themselves.");
        return !o->s3_profile_given;
    }
    if (o->s3_region == NULL && (o->s3_path[0] != 0 || o->s3_signing_given)) {
        *code = cli_fail(CLI_USAGE, line.command,
                         "--origin-s3-region is missing: where the bucket is, such as --origin-s3-region eu-central-1");
        return false;
    }
    if (o->s3_region != NULL && o->directory[0] != 0) {
        *code = cli_fail(CLI_USAGE, line.command, "--origin-s3-region is of a bucket, and --origin names a directory.");
        return false;
    }
    if (signs && o->s3_path[0] == 0) {
        *code = cli_fail(CLI_USAGE, line.command,
                         "--origin-s3-credentials is missing: the file with the keys, such as "
                         "--origin-s3-credentials /etc/hedgerow/keys:cdn; or --origin-s3-signing never");
        return false;
    }
    if ((signs || o->directory[0] != 0) && !o->methods_given)
        o->methods.list = METHODS_GET;
    return true;
}

static int read_file(struct run_options *o, bool *given)
{
    struct buf why = BUF_EMPTY;
    int code;

    if (o->config_file == NULL)
        return CLI_OK;
    code = node_file_read(o->config_file, &o->file, &why);
    if (code == CLI_OK)
        code = node_file_options(&o->file, o->config_file, &line, given, o, &why);
    if (code != CLI_OK)
        cli_put(stderr, buf_slice(&why));
    buf_free(&why);
    return code;
}

static const struct run_options usual = { .memory = MEMORY_DEFAULT,
                                          .default_ttl_s = TTL_DEFAULT_S,
                                          .error_ttl_s = ERROR_TTL_DEFAULT_S,
                                          .audit_one_in = AUDIT_DEFAULT,
                                          .dns_rate = DNS_RATE_USUAL };

void run_options_domain(const struct dist_set *set, const char *what, const char *domain, struct buf *said)
{
    for (size_t i = 0; domain[0] == '\0' && set != NULL && i < set->n; i++) {
        const struct dist *d = &set->dists[i];
        if (!d->enabled || d->steering.redirect == DIST_STEER_OFF)
            continue;
        buf_addf(said,
                 "%s: nobody is redirected to the nearest edge, as \"%.*s\" says: without --dns-domain edges have "
                 "no names.\n",
                 what, SLICE_FMT(d->name));
        return;
    }
}

int run_options_check(const struct dist_file *f, const char *path, const char *domain, struct buf *why)
{
    struct run_options *o = malloc(sizeof(*o));
    bool given[OPTION_VALUES_MAX] = { false };
    int code = CLI_FAILED;

    if (o != NULL) {
        *o = usual;
        code = node_file_options(f, path, &line, given, o, why);
        if (code == CLI_OK)
            run_options_domain(f->set, path, o->dns_domain[0] != '\0' ? o->dns_domain : domain, why);
    } else {
        buf_add_str(why, "out of memory.\n");
    }
    free(o);
    return code;
}

bool run_options_read(struct run_options *o, int argc, char *const *argv, int *code)
{
    bool given[OPTION_VALUES_MAX] = { false };

    *o = usual;
    if (!cli_options_given(&line, argc, argv, o, NULL, code, given)) {
        if (*code == CLI_OK) {
            struct buf text = BUF_EMPTY;
            timers_help(&text);
            cli_put(stdout, buf_slice(&text));
            buf_free(&text);
        }
        return false;
    }
    *code = read_file(o, given);
    if (*code == CLI_OK && o->advertise.n > GOSSIP_ADDRS_MAX)
        *code = cli_fail(CLI_USAGE, line.command, "--advertise may be given %d times at most.", GOSSIP_ADDRS_MAX);
    if (*code == CLI_OK)
        *code = check_content(o, given);
    if (*code == CLI_OK)
        *code = check_dns(o, given);
    if (*code == CLI_OK)
        (void)s3_complete(o, code);
    if (*code != CLI_OK)
        dist_file_free(&o->file);
    return *code == CLI_OK;
}
