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
    uint32_t days, weight, roles;
    int64_t not_after_s; /* 0: by |days| */
    bool renew, json;
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

static int read_not_after(const char *text, void *field, struct buf *why)
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
    { "--not-after", "TIME", "the same as a point in time: 2030-12-31T12:00:00Z or Unix time", read_not_after,
      FIELD(not_after_s), false },
    { "--weight", "N", "the most load the node may claim, in percent of a normal node (100)", read_weight,
      FIELD(weight), false },
    { "--role", "ROLE", "node, or operator: a node through which the mesh may be changed", read_role, FIELD(roles),
      false },
    { "--renew", NULL, "the name was given out before: make new keys and a new certificate for it", NULL, FIELD(renew),
      false },
    { "--json", NULL, "print JSON", NULL, FIELD(json), false },
};

static const struct command_line line = {
    .command = "mesh admit",
    .synopsis = "DIR --name NAME --zone ZONE [flags]",
    .about = "Admits a node to the mesh whose authority lies in DIR: writes the one file that the node\n"
             "needs (its keys, its certificate, the mesh's constants) and a line in DIR/ledger.",
    .options = options,
    .options_n = sizeof(options) / sizeof(options[0]),
    .args_min = 1,
    .args_max = 1,
    .args_what = "the mesh's directory, as made by hedgerow mesh init",
};

/* What the flags and the ledger leave to be certified. */
static int decide(const struct ledger *l, const struct admit_options *o, int64_t now_s, struct admission *out)
{
    struct slice zone;
    bool used = ledger_uses(l, o->name, &zone);

    if (used && !o->renew)
        return cli_fail(CLI_FAILED, line.command,
                        "%s was admitted before. --renew makes a new certificate for it; the old one stays valid until "
                        "it expires.",
                        o->name);
    if (!used && o->renew)
        return cli_fail(CLI_FAILED, line.command, "%s was never admitted, so there is nothing to renew.", o->name);
    int64_t after = o->not_after_s != 0 ? o->not_after_s : now_s + (int64_t)o->days * DAY_S;
    *out = (struct admission){
        .name = slice_str(o->name),
        .zone = o->zone != NULL ? slice_str(o->zone) : zone,
        .weight_max = o->weight,
        .roles = o->roles,
        .not_before_s = now_s < after ? now_s : after - 1,
        .not_after_s = after,
        .serial = l->next_serial,
    };
    return CLI_OK;
}

/* The ledger's line first: a serial is never given out twice, whatever happens after. */
static int write_out(struct ledger *l, const char *out, const struct identity *id, int64_t now_s)
{
    struct buf text = BUF_EMPTY;
    struct stat st;

    if (lstat(out, &st) == 0)
        return cli_fail(CLI_FAILED, line.command,
                        "%s exists and is never overwritten. Move it away, or give --out FILE.", out);
    int err = identity_encode(&text, id) == 0 ? 0 : ENOMEM;
    if (err == 0 && (err = ledger_add(l, &id->cert, now_s)) != 0) {
        files_wipe(&text);
        return cli_fail(CLI_FAILED, line.command, "cannot write to the ledger: %s.", strerror(err));
    }
    if (err == 0)
        err = files_create(out, buf_slice(&text));
    files_wipe(&text);
    if (err != 0)
        return cli_fail(CLI_FAILED, line.command, "cannot write %s: %s. The name is in the ledger now: use --renew.",
                        out, strerror(err));
    return CLI_OK;
}

static void report(const struct identity *id, const char *out, int64_t now_s, bool json)
{
    char node[NODE_ID_TEXT_MAX], after[LEDGER_TIME_MAX];
    const struct cert *c = &id->cert;

    node_id_text(&c->id, node);
    ledger_time(c->not_after_s, after);
    if (json) {
        json_t *j = json_pack("{s:s, s:s, s:s, s:I, s:s, s:s}", "name", c->name, "zone", c->zone, "id", node, "serial",
                              (json_int_t)c->serial, "not_after", after, "file", out);
        json_dumpf(j, stdout, 0);
        putchar('\n');
        json_decref(j);
        return;
    }
    printf("Admitted %s in %s, node %s, serial %llu, valid until %s.\n"
           "%s holds its secret keys: move it to the node, then there:\n"
           "  hedgerow run --node-file %s --origin http://ORIGIN --seed HOST:PORT\n",
           c->name, c->zone, node, (unsigned long long)c->serial, after, out, out);
    if (c->not_after_s < now_s)
        printf("Note: %s has passed, so no node will accept this certificate.\n", after);
}

static int admit(const char *dir, const struct admit_options *o, const char *out)
{
    struct mesh_folder f;
    struct identity id;
    struct admission what;
    int64_t now_s = (int64_t)time(NULL);
    int code;

    if ((code = mesh_folder_open(&f, line.command, dir)) == CLI_OK &&
        (code = decide(&f.ledger, o, now_s, &what)) == CLI_OK) {
        int err = authority_admit(&id, &f.authority, &what);
        if (err != 0)
            code = cli_fail(CLI_FAILED, line.command, "cannot certify %s: %s.", o->name, mesh_strerror(err));
        else if ((code = write_out(&f.ledger, out, &id, now_s)) == CLI_OK)
            report(&id, out, now_s, o->json);
        identity_wipe(&id);
    }
    mesh_folder_close(&f);
    return code;
}

int cli_mesh_admit(int argc, char *const *argv)
{
    struct admit_options o = { .days = 365 };
    char out[CERT_NAME_MAX + sizeof(".node")];
    const char *dir;
    int code;

    if (!cli_options(&line, argc, argv, &o, &dir, &code))
        return code;
    if (o.name == NULL)
        return cli_fail(CLI_USAGE, line.command, "--name is missing: the new node's name, such as --name fra-1.");
    if (o.zone == NULL && !o.renew)
        return cli_fail(CLI_USAGE, line.command, "--zone is missing: where the node stands, such as --zone eu/fra.");
    if (crypto_start() != 0)
        return cli_fail(CLI_FAILED, line.command, "the system gives no random numbers.");
    snprintf(out, sizeof(out), "%s.node", o.name);
    return admit(dir, &o, o.out != NULL ? o.out : out);
}
