#include "node/cli/certificates.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "node/cli/files.h"
#include "proto/base/err.h"

#define PATH_LONGEST 4096

struct found {
    struct buf chain_name, key_name, chain, key;
};

struct gathered {
    struct found *all;
    size_t n;
    struct buf *why, warnings;
};

/* ---- one pair ---- */

static int read_file(struct gathered *g, const struct buf *name, struct buf *out)
{
    const char *path = (const char *)name->data;
    int err = files_read(path, CERTIFICATE_FILE_MAX, out);

    if (err == EFBIG)
        buf_addf(g->why, "%s is longer than %u bytes: is it a certificate?", path, CERTIFICATE_FILE_MAX);
    else if (err != 0)
        buf_addf(g->why, "cannot read %s: %s.", path, strerror(err));
    return err == 0 ? 0 : -1;
}

static void warn_of_readers(struct gathered *g, const char *path)
{
    struct stat st;

    if (stat(path, &st) == 0 && (st.st_mode & S_IROTH) != 0)
        buf_addf(&g->warnings, "%sall users of this host can read the key in %s: chmod o-r %s.",
                 g->warnings.len > 0 ? " " : "", path, path);
}

static int add_pair(struct gathered *g, struct slice chain, struct slice key)
{
    if (g->n == TLS_CERTS_MAX) {
        buf_addf(g->why, "there are more than %d certificates.", TLS_CERTS_MAX);
        return -1;
    }
    struct found *f = &g->all[g->n++];
    buf_addf(&f->chain_name, "%.*s", SLICE_FMT(chain));
    buf_add_u8(&f->chain_name, 0);
    buf_addf(&f->key_name, "%.*s", SLICE_FMT(key));
    buf_add_u8(&f->key_name, 0);
    if (!buf_ok(&f->chain_name) || !buf_ok(&f->key_name)) {
        buf_add_str(g->why, "out of memory.");
        return -1;
    }
    warn_of_readers(g, (const char *)f->key_name.data);
    return read_file(g, &f->chain_name, &f->chain) == 0 ? read_file(g, &f->key_name, &f->key) : -1;
}

/* ---- a directory ---- */

static bool is_file(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode);
}

static bool is_folder(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* Adds |folder|/|chain| and |folder|/|key|, if both are there: 1; 0: they are not; -1. */
static int add_if_there(struct gathered *g, const char *folder, const char *chain, const char *key)
{
    char a[PATH_LONGEST], b[PATH_LONGEST];

    if (snprintf(a, sizeof(a), "%s/%s", folder, chain) >= (int)sizeof(a) ||
        snprintf(b, sizeof(b), "%s/%s", folder, key) >= (int)sizeof(b) || !is_file(a) || !is_file(b))
        return 0;
    return add_pair(g, slice_str(a), slice_str(b)) == 0 ? 1 : -1;
}

static int visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* What the entry |name| stands for: a directory of certbot's, or a chain beside its key. */
static int add_entry(struct gathered *g, const char *folder, const char *name)
{
    char path[PATH_LONGEST], key[NAME_MAX + 8];
    const char *dot = strrchr(name, '.');

    if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
        return 0;
    if (is_folder(path))
        return add_if_there(g, path, "fullchain.pem", "privkey.pem");
    if (dot == NULL || (strcmp(dot, ".crt") != 0 && strcmp(dot, ".pem") != 0))
        return 0;
    snprintf(key, sizeof(key), "%.*s.key", (int)(dot - name), name);
    return add_if_there(g, folder, name, key);
}

static int add_folder(struct gathered *g, const char *folder)
{
    struct dirent **entries;
    size_t before = g->n;

    int own = add_if_there(g, folder, "fullchain.pem", "privkey.pem");
    if (own != 0)
        return own < 0 ? -1 : 0;
    int n = scandir(folder, &entries, visible, alphasort), err = 0;
    if (n < 0) {
        buf_addf(g->why, "cannot read the directory %s: %s.", folder, strerror(errno));
        return -1;
    }
    for (int i = 0; i < n; i++) {
        err = err < 0 ? err : add_entry(g, folder, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    if (err >= 0 && g->n == before) {
        buf_addf(g->why,
                 "%s holds no certificate with its key: NAME.crt beside NAME.key, or directories with "
                 "fullchain.pem and privkey.pem.",
                 folder);
        return -1;
    }
    return err < 0 ? -1 : 0;
}

/* ---- all ---- */

static int add_word(struct gathered *g, const char *word)
{
    struct slice rest = slice_str(word), chain, key;

    if (is_folder(word))
        return add_folder(g, word);
    slice_split(&rest, ',', &chain);
    if (!slice_split(&rest, ',', &key))
        key = chain;
    if (chain.len > 0 && key.len > 0 && rest.data == NULL)
        return add_pair(g, chain, key);
    buf_addf(g->why, "--certificate %s: what is wanted is CERT,KEY (two files), one file with both, or a directory.",
             word);
    return -1;
}

static struct tls_certs *make(struct gathered *g, enum tls_policy policy, const struct tls_certs *before, int64_t now_s)
{
    struct tls_pem *pems = calloc(g->n, sizeof(*pems));

    if (pems == NULL) {
        buf_add_str(g->why, "out of memory.");
        return NULL;
    }
    for (size_t i = 0; i < g->n; i++) {
        const struct found *f = &g->all[i];
        pems[i] = (struct tls_pem){ (const char *)f->chain_name.data, (const char *)f->key_name.data,
                                    buf_slice(&f->chain), buf_slice(&f->key) };
    }
    struct tls_certs *certs = tls_certs_new(pems, g->n, policy, before, now_s, g->why);
    if (certs != NULL && g->warnings.len > 0)
        buf_addf(g->why, "%s%.*s", g->why->len > 0 ? " " : "", SLICE_FMT(buf_slice(&g->warnings)));
    free(pems);
    return certs;
}

struct tls_certs *certificates_read(const struct option_hosts *words, enum tls_policy policy,
                                    const struct tls_certs *before, int64_t now_s, struct buf *why)
{
    struct gathered g = { .all = calloc(TLS_CERTS_MAX, sizeof(*g.all)), .why = why };
    struct tls_certs *certs = NULL;
    int err = 0;

    buf_clear(why);
    if (g.all == NULL) {
        buf_add_str(why, "out of memory.");
        return NULL;
    }
    for (size_t i = 0; i < words->n && err == 0; i++)
        err = add_word(&g, words->at[i]);
    if (err == 0 && g.n > 0)
        certs = make(&g, policy, before, now_s);
    for (size_t i = 0; i < g.n; i++) {
        buf_free(&g.all[i].chain_name);
        buf_free(&g.all[i].key_name);
        files_wipe(&g.all[i].chain); /* one file may be both */
        files_wipe(&g.all[i].key);
    }
    free(g.all);
    buf_free(&g.warnings);
    return certs;
}
