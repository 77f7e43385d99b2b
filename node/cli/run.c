/* hedgerow run: one node, in the foreground, until a signal ends it. */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "node/admin/admin.h"
#include "node/cli/certificates.h"
#include "node/cli/cli.h"
#include "node/cli/credentials.h"
#include "node/cli/data_folder.h"
#include "node/cli/files.h"
#include "node/cli/ledger.h"
#include "node/cli/served.h"
#include "proto/base/err.h"
#include "proto/roll.h"

static const char command[] = "run";

/* What lives as long as the node. */
struct running {
    struct run_options o;
    struct identity identity;
    struct data_folder data;
    struct tls_certs *certs; /* of the start; NULL: no https */
    struct served served;
    struct buf access_log; /* its path */
    struct buf why;
    struct slice configs[DATA_CONFIGS_MAX]; /* of |data| */
    bool purges_failed, configs_failed;     /* as told */
};

static void on_notice(void *ctx, const char *text)
{
    (void)ctx;
    cli_say(command, "%s", text);
}

static bool on_roll(void *ctx, struct slice roll)
{
    struct running *r = ctx;
    int err = data_folder_keep_roll(&r->data, roll);

    if (err != 0)
        cli_say(command, "cannot keep the authorities' roll in %s: %s. It is in force until this node stops.",
                r->data.path, strerror(err));
    return err == 0;
}

static bool on_known(void *ctx, struct slice known)
{
    struct running *r = ctx;
    return data_folder_keep_known(&r->data, known) == 0;
}

/* On the keeper's thread. */
static bool on_purges(void *ctx, struct slice lines, bool whole)
{
    struct running *r = ctx;
    int err = whole ? data_folder_put_purges(&r->data, lines) : data_folder_keep_purges(&r->data, lines);

    if (err != 0 && !r->purges_failed)
        cli_say(command,
                "cannot keep what was purged in %s: %s. It is in force, but not confirmed to other nodes until it is.",
                r->data.path, strerror(err));
    r->purges_failed = err != 0;
    return err == 0;
}

/* On a keeper's thread of its own. */
static bool on_config(void *ctx, struct slice file)
{
    struct running *r = ctx;
    int err = data_folder_keep_config(&r->data, file);

    if (err != 0 && !r->configs_failed)
        cli_say(command, "cannot keep the mesh's configuration in %s: %s. It is in force until this node stops.",
                r->data.path, strerror(err));
    r->configs_failed = err != 0;
    return err == 0;
}

static bool on_boot(void *ctx, uint64_t boot)
{
    struct running *r = ctx;
    return data_folder_keep_boot(&r->data, boot) == 0;
}

/* What viewers are shown may have been renewed. What cannot be read changes nothing. */
static void read_certificates_again(struct running *r, struct node *n)
{
    struct tls_certs *certs =
        certificates_read(&r->o.certificates, r->o.tls_policy, node_certs_now(n), (int64_t)time(NULL), &r->why);

    if (certs == NULL)
        cli_say(command, "%.*s The certificates for viewers in use stay.", SLICE_FMT(buf_slice(&r->why)));
    else if (r->why.len > 0)
        cli_say(command, "%.*s", SLICE_FMT(buf_slice(&r->why)));
    if (certs != NULL)
        cli_say(command, "viewers are shown %zu certificate%s from now on.", tls_certs_n(certs),
                tls_certs_n(certs) == 1 ? "" : "s");
    node_certs(n, certs);
    tls_certs_unref(certs);
}

/* The node file may have been renewed. */
static void read_node_file_again(struct running *r, struct node *n)
{
    const char *path = r->o.node_file;
    char when[LEDGER_TIME_MAX];
    struct identity id;
    bool open_to_others;

    buf_clear(&r->why);
    if (credentials_read(&id, path, r->o.name, r->o.zone, (int64_t)time(NULL), &open_to_others, &r->why) != 0) {
        cli_say(command, "%.*s The certificate in use stays.", SLICE_FMT(buf_slice(&r->why)));
        return;
    }
    switch (node_renew(n, &id)) {
    case 0:
        cli_say(command, "%s: the certificate was renewed, serial %llu, valid until %s.", path,
                (unsigned long long)id.cert.serial, ledger_time(id.cert.not_after_s, when));
        break;
    case MESH_E_EXISTS: cli_say(command, "%s: nothing has changed.", path); break;
    case MESH_E_STATE:
        cli_say(command,
                "%s holds other keys, or another name or zone, than this node runs with: it takes effect when the node "
                "is started again. To renew without a restart: hedgerow mesh admit DIR --renew FILE",
                path);
        break;
    case MESH_E_RANGE: cli_say(command, "%s is older than the certificate in use, which stays.", path); break;
    case MESH_E_SIGNATURE:
        cli_say(command,
                "%s is of an authority that was retired, or that the mesh was not told of: hedgerow mesh announce. The "
                "certificate in use stays.",
                path);
        break;
    default: cli_say(command, "%s is not of this mesh, or is revoked. The certificate in use stays.", path); break;
    }
    identity_wipe(&id);
}

static bool on_reload(void *ctx, struct node *n, struct buf *said)
{
    struct running *r = ctx;

    (void)n;
    return served_reload(&r->served, said);
}

/* SIGHUP: the configuration may have changed, the certificates and the node file been renewed. */
static void on_hangup(void *ctx, struct node *n)
{
    struct running *r = ctx;
    struct buf said = BUF_EMPTY;

    if (r->o.config_file != NULL)
        node_reload(n, &said); /* it is noticed */
    buf_free(&said);
    if (r->o.certificates.n > 0)
        read_certificates_again(r, n);
    if (r->o.node_file != NULL)
        read_node_file_again(r, n);
    else if (r->o.config_file == NULL && r->o.certificates.n == 0)
        cli_say(command, "SIGHUP: there is no -c FILE, no --node-file and no --certificate to be read again.");
}

static void on_trace(void *ctx, mesh_ns now, const char *text)
{
    (void)ctx;
    fprintf(stderr, "[%lld.%03lld] %s\n", (long long)(now / SEC(1)), (long long)(now % SEC(1) / MS(1)), text);
}

/* Scripts wait for this line and read the ports from it. */
static void on_ready(void *ctx, struct node *n)
{
    char text[MESH_ADDR_TEXT_MAX];
    const struct running *r = ctx;
    size_t dns_n;

    printf("{\"ready\":true,\"name\":\"%s\",\"http\":\"%s\"", r->identity.cert.name,
           mesh_addr_text(node_http_addr(n), text));
    if (node_https_addr(n) != NULL)
        printf(",\"https\":\"%s\"", mesh_addr_text(node_https_addr(n), text));
    printf(",\"mesh\":\"%s\"", mesh_addr_text(node_mesh_addr(n), text));
    const struct mesh_addr *dns = node_dns_addrs(n, &dns_n);
    for (size_t i = 0; i < dns_n; i++)
        printf("%s\"%s\"", i == 0 ? ",\"dns\":[" : ",", mesh_addr_text(&dns[i], text));
    printf("%s,\"admin\":\"%s\"}\n", dns_n > 0 ? "]" : "", mesh_addr_text(node_admin_addr(n), text));
    fflush(stdout);
}

/* Who we are. */
static int identify(struct running *r, int64_t now_s)
{
    const struct run_options *o = &r->o;
    bool open_to_others = false;

    if (o->node_file == NULL) {
        if (o->seeds.n > 0)
            return cli_fail(CLI_CONFIG, command,
                            "--seed needs --node-file FILE: a mesh takes only nodes that its authority admitted. Where "
                            "the authority lies: hedgerow mesh admit DIR --name NAME --zone ZONE");
        if (credentials_make(&r->identity, o->name, o->zone, now_s, &r->why) != 0)
            return cli_fail(CLI_CONFIG, command, "%.*s", SLICE_FMT(buf_slice(&r->why)));
        return CLI_OK;
    }
    if (credentials_read(&r->identity, o->node_file, o->name, o->zone, now_s, &open_to_others, &r->why) != 0)
        return cli_fail(CLI_CONFIG, command, "%.*s", SLICE_FMT(buf_slice(&r->why)));
    if (open_to_others)
        cli_say(command, "other users can read %s, and with it be this node: chmod 600 %s", o->node_file, o->node_file);
    return CLI_OK;
}

/* What was kept of the authorities' word: it must be of this mesh, and may say that we are out. */
static int judge_roll(struct running *r)
{
    const struct mesh_params *mesh = &r->identity.mesh;
    const struct roll_revoked *out;
    struct roll roll = { .sequence = 0 };
    char id[NODE_ID_TEXT_MAX];
    int code = CLI_OK;

    if (r->data.roll.len == 0)
        return CLI_OK;
    int err = roll_parse(&roll, buf_slice(&r->data.roll));
    if (err == 0)
        err = roll_check(&roll, buf_slice(&r->data.roll), &mesh->id, mesh_trusted(mesh), mesh_trusted_n(mesh));
    if (err == 0 && (out = roll_revoked(&roll, &r->identity.cert.id)) != NULL)
        code = cli_fail(CLI_CONFIG, command,
                        "the mesh's authority has revoked this node (%s, node %s; roll %llu): no node will talk to it. "
                        "Where the authority lies, admit the host anew: hedgerow mesh admit DIR --name NAME --zone %s",
                        r->identity.cert.name, node_id_text(&out->id, id), (unsigned long long)roll.sequence,
                        r->identity.cert.zone);
    else if (err == MESH_E_WRONG_MESH && r->o.node_file != NULL)
        code = cli_fail(CLI_CONFIG, command, "%s is the data of a node of another mesh: give this one its own --data.",
                        r->data.path);
    else if (err != 0 && r->o.node_file != NULL)
        cli_say(command, "%s/roll cannot be used (%s): who was revoked is learnt from other nodes.", r->data.path,
                mesh_strerror(err));
    if (err != 0)
        buf_clear(&r->data.roll);
    roll_free(&roll);
    return code;
}

/* A node that runs alone is somebody else after each start, of a mesh of its own: what was in force when it stopped it
 * signs anew. */
static int sign_anew(struct running *r)
{
    struct data_folder *d = &r->data;
    struct buf text = BUF_EMPTY, file = BUF_EMPTY;
    struct config_doc *old = NULL, *new = NULL;
    struct zpack *z = zpack_new();
    int err = z == NULL ? MESH_E_NOMEM : d->configs_n == 0 ? 0 : config_doc_read(&old, z, buf_slice(&d->configs[0]));

    if (err == 0 && old != NULL && (err = config_doc_text(old, z, &text)) == 0 &&
        (err = config_doc_make(&new, z, &old->head, buf_slice(&text), &r->identity)) == 0)
        buf_take(&file, &new->bytes);
    if (old != NULL || err == MESH_E_NOMEM)
        data_folder_forget_configs(d);
    if (new != NULL)
        buf_take(&d->configs[d->configs_n++], &file);
    config_doc_free(old);
    config_doc_free(new);
    buf_free(&text);
    zpack_free(z);
    return err == MESH_E_NOMEM ? cli_fail(CLI_FAILED, command, "out of memory.") : CLI_OK;
}

static int open_data(struct running *r, int64_t now_s)
{
    const char *path = r->o.data != NULL ? r->o.data : "hedgerow-data";

    if (data_folder_open(&r->data, path, now_s, &r->why) != 0)
        return cli_fail(CLI_CONFIG, command, "--data %s: %.*s", path, SLICE_FMT(buf_slice(&r->why)));
    if (r->data.boot_lost)
        cli_say(command, "%s/boot was damaged: this start counts as number %llu.", path,
                (unsigned long long)r->data.boot);
    if (r->o.access_log != NULL)
        buf_add_str(&r->access_log, r->o.access_log);
    else
        buf_addf(&r->access_log, "%s/access.log", path);
    buf_add_u8(&r->access_log, 0);
    /* A node that runs alone is somebody else after each start; what it calls things stays. */
    if (r->o.node_file == NULL && r->o.disk > 0 && data_folder_salt(&r->data, r->identity.mesh.salt, &r->why) != 0)
        return cli_fail(CLI_CONFIG, command, "--data %s: %.*s", path, SLICE_FMT(buf_slice(&r->why)));
    int code = r->o.node_file == NULL ? sign_anew(r) : CLI_OK;
    return code == CLI_OK ? judge_roll(r) : code;
}

static int show(struct running *r, int64_t now_s)
{
    if (r->o.certificates.n == 0)
        return CLI_OK;
    r->certs = certificates_read(&r->o.certificates, r->o.tls_policy, NULL, now_s, &r->why);
    if (r->certs == NULL)
        return cli_fail(CLI_CONFIG, command, "%.*s", SLICE_FMT(buf_slice(&r->why)));
    if (r->why.len > 0)
        cli_say(command, "%.*s", SLICE_FMT(buf_slice(&r->why)));
    return CLI_OK;
}

static void fill_config(struct running *r, struct node_config *cfg)
{
    const struct run_options *o = &r->o;

    cfg->self = &r->identity;
    cfg->roll = buf_slice(&r->data.roll);
    cfg->keep_roll = on_roll;
    if (o->node_file != NULL) { /* else there is no mesh to be found again */
        cfg->known = buf_slice(&r->data.known);
        cfg->keep_known = on_known;
    }
    cfg->purges = buf_slice(&r->data.purges);
    cfg->keep_purges = on_purges;
    for (cfg->configs_n = 0; cfg->configs_n < r->data.configs_n; cfg->configs_n++)
        r->configs[cfg->configs_n] = buf_slice(&r->data.configs[cfg->configs_n]);
    cfg->configs = r->configs;
    cfg->keep_config = on_config;
    cfg->config = (struct config_hooks){ .validate = served_judge, .adopt = served_adopt, .ctx = &r->served };
    cfg->judge_config = served_judge_apart;
    cfg->keep_boot = on_boot;
    cfg->keep_ctx = r;
    cfg->admin_token = r->data.token;
    cfg->parent_region = o->parent_region;
    cfg->dns_domain = o->dns_domain;
    memcpy(cfg->dns, o->dns.at, sizeof(cfg->dns));
    cfg->dns_n = o->dns.n;
    for (cfg->dns_zones_n = 0; cfg->dns_zones_n < o->dns_zones.n; cfg->dns_zones_n++)
        cfg->dns_zones[cfg->dns_zones_n] = o->dns_zones.at[cfg->dns_zones_n];
    cfg->dns_threads = o->dns_threads;
    cfg->dns_rate = o->dns_rate;
    cfg->viewer_addrs_n = o->viewer_addrs.n;
    for (size_t i = 0; i < o->viewer_addrs.n; i++)
        cfg->viewer_addrs[i] = o->viewer_addrs.at[i];
    cfg->capacity = o->capacity;
    cfg->announce_hook = o->announce_hook;
    cfg->located = o->location.given;
    cfg->lat_e4 = o->location.lat_e4;
    cfg->lon_e4 = o->location.lon_e4;
    cfg->boot.number = r->data.boot;
    do
        cfg->boot.salt = secret_random_u64();
    while (cfg->boot.salt == 0);
    cfg->http = o->http.given ? o->http.addr : mesh_addr_v4(0, 8080);
    cfg->https = o->https.addr;
    cfg->certs = r->certs;
    cfg->admin = o->admin.given ? o->admin.addr : mesh_addr_v4(0x7f000001, 7401);
    /* A node that runs alone has nobody to hear from. */
    cfg->mesh = o->mesh.given ? o->mesh.addr : mesh_addr_v4(o->node_file != NULL ? 0 : 0x7f000001, 7400);
    for (cfg->seeds_n = 0; cfg->seeds_n < o->seeds.n; cfg->seeds_n++)
        cfg->seeds[cfg->seeds_n] = o->seeds.at[cfg->seeds_n];
    for (cfg->advertise_n = 0; cfg->advertise_n < o->advertise.n; cfg->advertise_n++)
        cfg->advertise[cfg->advertise_n] = o->advertise.at[cfg->advertise_n];
    cfg->origin = o->origin;
    cfg->set = r->served.local;
    cfg->origin_ca = o->origin_ca;
    cfg->dns_servers = o->dns_servers;
    cfg->s3_credentials = o->s3_path[0] != 0 ? o->s3_path : NULL;
    cfg->methods = o->methods;
    cfg->purge_from = o->purge_from;
    cfg->memory_limit = o->memory;
    cfg->workers = o->workers;
    cfg->disk_limit = o->disk;
    cfg->disk_wipe = o->disk_wipe;
    cfg->data = r->data.path;
    cfg->viewers_each_max = o->viewers_each_max;
    cfg->origin_connections_max = o->origin_connections_max;
    cfg->codings_off = o->codings_off;
    cfg->audit_one_in = o->audit_one_in;
    cfg->countries = o->countries;
    cfg->access_log = (const char *)r->access_log.data;
    cfg->access_format = o->access_format;
    cfg->access_cookies = o->access_cookies;
    cfg->admin_handler = admin_answer;
    cfg->on_ready = on_ready;
    cfg->ready_ctx = r;
    cfg->on_hangup = on_hangup;
    cfg->reload = o->config_file != NULL ? on_reload : NULL;
    cfg->hangup_ctx = r;
    cfg->notice = on_notice;
    if (o->trace)
        cfg->trace.emit = on_trace;
}

static int serve(struct running *r, run_tune *tune, void *tune_ctx)
{
    char error[NODE_ERROR_MAX];
    struct node_config *cfg = &r->o.config;

    fill_config(r, cfg);
    if (tune != NULL)
        tune(tune_ctx, cfg);
    if (!buf_ok(&r->access_log))
        return cli_fail(CLI_FAILED, command, "out of memory.");
    struct node *n = node_start(cfg, error);
    buf_free(&r->data.purges); /* it has been read */
    data_folder_forget_configs(&r->data);
    if (n == NULL)
        return cli_fail(CLI_CONFIG, command, "%s", error);
    int code = served_run(&r->served, n);
    if (code == CLI_OK)
        code = node_run(n);
    node_free(n);
    return code;
}

int run_node(int argc, char *const *argv, run_tune *tune, void *tune_ctx)
{
    struct running r = { .data = { .lock = -1, .purges_log = -1 } };
    int64_t now_s = (int64_t)time(NULL);
    int code;

    if (crypto_start() != 0) /* first: digests of distributions are made with it */
        return cli_fail(CLI_FAILED, command, "the system gives no random numbers.");
    if (!run_options_read(&r.o, argc, argv, &code))
        return code;
    if ((code = identify(&r, now_s)) == CLI_OK && (code = open_data(&r, now_s)) == CLI_OK &&
        (code = show(&r, now_s)) == CLI_OK && (code = served_start(&r.served, &r.o)) == CLI_OK)
        code = serve(&r, tune, tune_ctx);
    data_folder_close(&r.data);
    identity_wipe(&r.identity);
    tls_certs_unref(r.certs);
    served_end(&r.served);
    dist_file_free(&r.o.file);
    buf_free(&r.access_log);
    buf_free(&r.why);
    return code;
}

int cli_run(int argc, char *const *argv)
{
    return run_node(argc, argv, NULL, NULL);
}
