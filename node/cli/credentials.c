#include "node/cli/credentials.h"

#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/cli/files.h"
#include "node/cli/ledger.h"
#include "proto/base/err.h"

#define YEAR_S (365 * INT64_C(86400))

static int judge_time(const struct identity *id, const char *path, int64_t now_s, struct buf *why)
{
    char when[LEDGER_TIME_MAX], now[LEDGER_TIME_MAX];
    int err = cert_check(&id->cert, identity_cert(id), &id->mesh.id, mesh_trusted(&id->mesh), mesh_trusted_n(&id->mesh),
                         now_s);

    if (err == 0)
        return 0;
    ledger_time(now_s, now);
    if (err == MESH_E_EXPIRED)
        buf_addf(why,
                 "%s: the certificate of %s expired at %s (it is now %s). Renew it where the authority lies: "
                 "hedgerow mesh admit DIR --renew %s",
                 path, id->cert.name, ledger_time(id->cert.not_after_s, when), now, path);
    else if (err == MESH_E_NOT_YET)
        buf_addf(why, "%s: the certificate of %s is valid from %s only, and it is now %s. Is the clock right?", path,
                 id->cert.name, ledger_time(id->cert.not_before_s, when), now);
    else
        buf_addf(why, "%s: %s.", path, mesh_strerror(err));
    return -1;
}

static int judge_words(const struct cert *c, const char *name, const char *zone, struct buf *why)
{
    if (name != NULL && strcmp(name, c->name) != 0) {
        buf_addf(why, "--name %s: the node file says %s, and what it says holds. Leave --name out.", name, c->name);
        return -1;
    }
    if (zone != NULL && strcmp(zone, c->zone) != 0) {
        buf_addf(why, "--zone %s: the node file says %s, and what it says holds. Leave --zone out.", zone, c->zone);
        return -1;
    }
    return 0;
}

int credentials_read(struct identity *out, const char *path, const char *name, const char *zone, int64_t now_s,
                     bool *open_to_others, struct buf *why)
{
    struct buf text = BUF_EMPTY;
    struct stat st;
    int err = files_read(path, NODE_FILE_MAX, &text);

    *open_to_others = stat(path, &st) == 0 && (st.st_mode & 077) != 0;
    if (err != 0) {
        buf_addf(why, "cannot read the node file %s: %s.", path, strerror(err));
        if (err == ENOENT)
            buf_add_str(why, " It is made by hedgerow mesh admit, where the mesh's authority lies.");
        files_wipe(&text);
        return -1;
    }
    err = identity_decode(out, buf_slice(&text));
    files_wipe(&text);
    if (err != 0) {
        buf_addf(why, "%s is no node file, or is damaged: %s. It is made by hedgerow mesh admit.", path,
                 mesh_strerror(err));
        return -1;
    }
    if (judge_time(out, path, now_s, why) != 0 || judge_words(&out->cert, name, zone, why) != 0) {
        identity_wipe(out);
        return -1;
    }
    return 0;
}

/* This host's name as far as a node may be called so. */
static void host_word(char word[CERT_NAME_MAX + 1])
{
    char host[256] = "";

    gethostname(host, sizeof(host) - 1);
    char *dot = strchr(host, '.');
    if (dot != NULL)
        *dot = 0;
    if (!cert_name_ok(slice_str(host)))
        strcpy(host, "node");
    strcpy(word, host);
}

int credentials_make(struct identity *out, const char *name, const char *zone, int64_t now_s, struct buf *why)
{
    char word[CERT_NAME_MAX + 1];
    struct authority authority;
    struct admission what = { .not_before_s = now_s,
                              .not_after_s = now_s + 10 * YEAR_S,
                              .serial = 1,
                              .roles = CERT_ROLE_NODE | CERT_ROLE_OPERATOR };

    if (name == NULL)
        host_word(word);
    what.name = slice_str(name != NULL ? name : word);
    what.zone = slice_str(zone != NULL ? zone : "local");
    if (!cert_name_ok(what.name)) {
        buf_addf(why, "--name %s: must be letters, digits, dots, _ or -, %d at most.", name, CERT_NAME_MAX);
        return -1;
    }
    if (!cert_zone_ok(what.zone)) {
        buf_addf(why, "--zone %s: must be REGION/ZONE, such as eu/fra, or ZONE.", zone);
        return -1;
    }
    authority_make(&authority, MESH_ARC_BITS_MIN);
    int err = authority_admit(out, &authority, &what);
    authority_wipe(&authority);
    if (err != 0)
        buf_addf(why, "cannot make an identity: %s.", mesh_strerror(err));
    return err == 0 ? 0 : -1;
}
