/* hedgerow mesh admit: one file for the new node, one line in the authority's ledger. */
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "node/cli/cli.h"
#include "node/cli/files.h"
#include "node/cli/ledger.h"
#include "node/cli/mesh_folder.h"
#include "proto/base/err.h"
#include "proto/identity.h"

#define DAY_S 86400

struct admit_options {
    const char *name, *zone, *out;
    const char *renew; /* a node file whose keys are certified anew */
    uint32_t days, weight, roles;
    int64_t not_before_s, not_after_s; /* 0: now; by |days| */
    bool new_keys, json;
};

static int read_name(const char *text, void *field, struct buf *why)
{
    if (!cert_name_ok(slice_str(text))) {
        buf_addf(why, "must be 1 to %d letters, digits, dots, _ or -, and begin with none of . and -.", CERT_NAME_MAX);
        return MESH_E_SYNTAX;
    }
    return option_text(text, field, why);
}

static int read_zone(const char *text, void *field, struct buf *why)
{
    if (!cert_zone_ok(slice_str(text))) {
        buf_addf(why, "must be REGION/ZONE, such as eu/fra, or ZONE; %d characters at most.", CERT_ZONE_MAX);
        return MESH_E_SYNTAX;
    }
    return option_text(text, field, why);
}

static int read_days(const char *text, void *field, struct buf *why)
{
    uint32_t *days = field;
    int err = option_u32(text, days, why);

    if (err == 0 && (*days < 1 || *days > 36500)) {
        buf_add_str(why, "must be 1 to 36500.");
        err = MESH_E_RANGE;
    }
    return err;
}

static int read_weight(const char *text, void *field, struct buf *why)
{
    uint32_t *weight = field;
    int err = option_u32(text, weight, why);

    if (err == 0 && (*weight < 1 || *weight > CERT_WEIGHT_MAX)) {
        buf_addf(why, "must be 1 to %u; %u is a normal node.", CERT_WEIGHT_MAX, CERT_WEIGHT_NORMAL);
        err = MESH_E_RANGE;
    }
    return err;
}

static int read_time(const char *text, void *field, struct buf *why)
{
    if (!ledger_time_read(text, field) || *(int64_t *)field == 0) {
        buf_add_str(why, "must be a date such as 2030-12-31 or 2030-12-31T12:00:00Z, or Unix time.");
        return MESH_E_SYNTAX;
    }
    return 0;
}

static int read_role(const char *text, void *field, struct buf *why)
{
    if (strcmp(text, "operator") == 0) {
        *(uint32_t *)field = CERT_ROLE_NODE | CERT_ROLE_OPERATOR;
    } else if (strcmp(text, "node") == 0) {
        *(uint32_t *)field = CERT_ROLE_NODE;
    } else {
        buf_add_str(why, "must be node or operator.");
        return MESH_E_SYNTAX;
    }
    return 0;
}

#define FIELD(name) offsetof(struct admit_options, name)
static const struct option options[] = {
    { "--name", "NAME", "the node's name, such as fra-1", read_name, FIELD(name), false },
    { "--zone", "ZONE", "where it stands: REGION/ZONE, such as eu/fra. Copies go to distinct zones", read_zone,
      FIELD(zone), false },
    { "--out", "FILE", "the node file to write (NAME.node); it must not exist", option_text, FIELD(out), false },
    { "--days", "N", "how long the certificate is valid (365)", read_days, FIELD(days), false },
    { "--not-after", "TIME", "the same as a point in time: 2030-12-31T12:00:00Z or Unix time", read_time,
      FIELD(not_after_s), false },
    { "--not-before", "TIME", "valid only from then on (now)", read_time, FIELD(not_before_s), false },
    { "--weight", "N", "the most load the node may claim, in percent of a normal node (100)", read_weight,
      FIELD(weight), false },
    { "--role", "ROLE", "node, or operator: a node through which the mesh may be changed", read_role, FIELD(roles),
      false },
    { "--renew", "FILE",
      "certify the keys in this node file anew, name, zone and limits as they are; FILE is\n"
      "replaced, unless --out names another. The running node takes it on SIGHUP",
      option_text, FIELD(renew), false },
    { "--new-keys", NULL,
      "the name was given out before: make new keys for it. The old ones stay valid until they\n"
      "expire or are revoked (hedgerow mesh revoke)",
      NULL, FIELD(new_keys), false },
    { "--json", NULL, "print JSON", NULL, FIELD(json), false },
};

static const struct command_line line = {
    .command = "mesh admit",
    .synopsis = "DIR --name NAME --zone ZONE [flags]  or  DIR --renew FILE [flags]",
    .about = "Admits a node to the mesh whose authority lies in DIR: writes the one file that the node\n"
             "needs (its keys, its certificate, the mesh's constants) and a line in DIR/ledger.",
    .options = options,
    .options_n = sizeof(options) / sizeof(options[0]),
    .args_min = 1,
    .args_max = 1,
    .args_what = "the mesh's directory, as made by hedgerow mesh init",
};

static void decide_times(const struct admit_options *o, int64_t now_s, struct admission *out)
{
    int64_t before = o->not_before_s != 0 ? o->not_before_s : now_s;
    int64_t after = o->not_after_s != 0 ? o->not_after_s : before + (int64_t)o->days * DAY_S;

    out->not_before_s = before < after ? before : after - 1;
    out->not_after_s = after;
}

/* What the flags and the ledger leave to be certified for a new node. */
static int decide_new(const struct ledger *l, const struct admit_options *o, struct admission *out)
{
    struct slice zone;
    bool used = ledger_uses(l, o->name, &zone);

    if (used && !o->new_keys)
        return cli_fail(
            CLI_FAILED, line.command,
            "%s was admitted before. --renew FILE certifies the keys in its node file anew; --new-keys, where "
            "that is lost, makes others.",
            o->name);
    if (!used && o->new_keys)
        return cli_fail(CLI_FAILED, line.command, "%s was never admitted: leave --new-keys out.", o->name);
    out->name = slice_str(o->name);
    out->zone = o->zone != NULL ? slice_str(o->zone) : zone;
    out->weight_max = o->weight;
    out->roles = o->roles;
    return CLI_OK;
}

/* The node file to be renewed, and what is to be said of it: what it says, unless told otherwise. */
static int decide_renewal(const struct mesh_folder *f, const struct admit_options *o, struct identity *old,
                          struct admission *out)
{
    struct buf text = BUF_EMPTY;
    int bad = 0, err = files_read(o->renew, NODE_FILE_MAX, &text);

    if (err == 0)
        bad = identity_decode(old, buf_slice(&text));
    files_wipe(&text);
    if (err != 0)
        return cli_fail(CLI_CONFIG, line.command, "cannot read the node file %s: %s.", o->renew, strerror(err));
    if (bad != 0)
        return cli_fail(CLI_CONFIG, line.command, "%s is no node file, or is damaged: %s.", o->renew,
                        mesh_strerror(bad));
    const struct cert *c = &old->cert;
    if (memcmp(c->mesh.bytes, f->authority.mesh.id.bytes, MESH_ID_BYTES) != 0)
        return cli_fail(CLI_FAILED, line.command, "%s is of another mesh than %s.", o->renew, f->dir);
    if (o->name != NULL && strcmp(o->name, c->name) != 0)
        return cli_fail(CLI_FAILED, line.command, "%s is the node file of %s, not of %s.", o->renew, c->name, o->name);
    if (roll_revoked(&f->roll, &c->id) != NULL)
        return cli_fail(
            CLI_FAILED, line.command,
            "the keys in %s were revoked and stay so. New ones: hedgerow mesh admit %s --name %s --new-keys", o->renew,
            f->dir, c->name);
    out->name = slice_str(c->name);
    out->zone = slice_str(o->zone != NULL ? o->zone : c->zone);
    out->weight_max = o->weight != 0 ? o->weight : c->weight_max;
    out->roles = o->roles != 0 ? o->roles : c->roles;
    return CLI_OK;
}

static int write_file(const struct admit_options *o, const char *out, struct slice text)
{
    bool replaces = o->renew != NULL && o->out == NULL;
    return replaces ? files_replace(out, text) : files_create(out, text);
}

/* The ledger's line first: a serial is never given out twice, whatever happens after. */
static int write_out(struct ledger *l, const struct admit_options *o, const char *out, const struct identity *id,
                     int64_t now_s)
{
    struct buf text = BUF_EMPTY;
    struct stat st;

    if ((o->renew == NULL || o->out != NULL) && lstat(out, &st) == 0)
        return cli_fail(CLI_FAILED, line.command,
                        "%s exists and is never overwritten. Move it away, or give --out FILE.", out);
    int err = identity_encode(&text, id) == 0 ? 0 : ENOMEM;
    if (err == 0 && (err = ledger_add(l, &id->cert, now_s)) != 0) {
        files_wipe(&text);
        return cli_fail(CLI_FAILED, line.command, "cannot write to the ledger: %s.", strerror(err));
    }
    if (err == 0)
        err = write_file(o, out, buf_slice(&text));
    files_wipe(&text);
    if (err != 0)
        return cli_fail(CLI_FAILED, line.command, "cannot write %s: %s. The name is in the ledger now: use --new-keys.",
                        out, strerror(err));
    return CLI_OK;
}

static void report(const struct identity *id, const char *out, int64_t now_s, const struct admit_options *o)
{
    char node[NODE_ID_TEXT_MAX], after[LEDGER_TIME_MAX];
    const struct cert *c = &id->cert;

    node_id_text(&c->id, node);
    ledger_time(c->not_after_s, after);
    if (o->json) {
        json_t *j = json_pack("{s:s, s:s, s:s, s:I, s:s, s:s}", "name", c->name, "zone", c->zone, "id", node, "serial",
                              (json_int_t)c->serial, "not_after", after, "file", out);
        json_dumpf(j, stdout, 0);
        putchar('\n');
        json_decref(j);
        return;
    }
    if (o->renew != NULL)
        printf("Renewed %s, node %s, serial %llu, valid until %s.\n"
               "%s holds its secret keys: put it in the place of the old one on the node, then there:\n"
               "  kill -HUP PID\n",
               c->name, node, (unsigned long long)c->serial, after, out);
    else
        printf("Admitted %s in %s, node %s, serial %llu, valid until %s.\n"
               "%s holds its secret keys: move it to the node, then there:\n"
               "  hedgerow run --node-file %s --origin http://ORIGIN --seed HOST:PORT\n",
               c->name, c->zone, node, (unsigned long long)c->serial, after, out, out);
    if (c->not_after_s < now_s)
        printf("Note: %s has passed, so no node will accept this certificate.\n", after);
}

static int admit(const char *dir, const struct admit_options *o)
{
    char name[CERT_NAME_MAX + sizeof(".node")];
    const char *out = o->out != NULL ? o->out : o->renew;
    struct admission what = { .roles = 0 };
    struct identity old = { .cert_len = 0 }, id = old;
    int64_t now_s = (int64_t)time(NULL);
    struct mesh_folder f;
    int code, err;

    if (out == NULL) {
        snprintf(name, sizeof(name), "%s.node", o->name);
        out = name;
    }
    if ((code = mesh_folder_open(&f, line.command, dir)) != CLI_OK)
        goto out;
    code = o->renew != NULL ? decide_renewal(&f, o, &old, &what) : decide_new(&f.ledger, o, &what);
    if (code != CLI_OK)
        goto out;
    decide_times(o, now_s, &what);
    what.serial = f.ledger.next_serial;
    err = o->renew != NULL ? authority_readmit(&id, &old, &f.authority, &what)
                           : authority_admit(&id, &f.authority, &what);
    if (err != 0)
        code = cli_fail(CLI_FAILED, line.command, "cannot certify %.*s: %s.", SLICE_FMT(what.name), mesh_strerror(err));
    else if ((code = write_out(&f.ledger, o, out, &id, now_s)) == CLI_OK)
        report(&id, out, now_s, o);
out:
    identity_wipe(&id);
    identity_wipe(&old);
    mesh_folder_close(&f);
    return code;
}

int cli_mesh_admit(int argc, char *const *argv)
{
    struct admit_options o = { .days = 365 };
    const char *dir;
    int code;

    if (!cli_options(&line, argc, argv, &o, &dir, &code))
        return code;
    if (o.name == NULL && o.renew == NULL)
        return cli_fail(CLI_USAGE, line.command, "--name is missing: the new node's name, such as --name fra-1.");
    if (o.zone == NULL && o.renew == NULL && !o.new_keys)
        return cli_fail(CLI_USAGE, line.command, "--zone is missing: where the node stands, such as --zone eu/fra.");
    if (o.renew != NULL && o.new_keys)
        return cli_fail(CLI_USAGE, line.command, "--renew keeps the keys and --new-keys does not: give one of them.");
    if (crypto_start() != 0)
        return cli_fail(CLI_FAILED, line.command, "the system gives no random numbers.");
    return admit(dir, &o);
}
