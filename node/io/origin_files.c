#include "node/io/origin_files.h"

#include <errno.h>
#include <stdio.h>

bool origin_file_name_ok(struct slice name)
{
    if (name.len == 0 || name.len > ORIGIN_FILE_NAME_MAX || name.data[0] == '.')
        return false;
    for (size_t i = 0; i < name.len; i++) {
        uint8_t c = name.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!letter && c != '.' && c != '-' && c != '_')
            return false;
    }
    return true;
}

/* |suffix| is put behind the name: a client certificate is two files. */
static bool path_of(char path[4096], const struct node_config *cfg, struct slice name, const char *suffix,
                    struct buf *why)
{
    int n;

    if (cfg->origin_ca != NULL && slice_eq(name, SLICE_LIT(ORIGIN_CA_GIVEN))) {
        n = snprintf(path, 4096, "%s", cfg->origin_ca);
    } else if (origin_file_name_ok(name)) {
        n = snprintf(path, 4096, "%s/" ORIGIN_FILES "/%.*s%s", cfg->data, SLICE_FMT(name), suffix);
    } else {
        buf_addf(why, "%.*s is no name of a file: letters, digits, dots, - and _, at most %d of them", SLICE_FMT(name),
                 ORIGIN_FILE_NAME_MAX);
        return false;
    }
    if (n < 0 || n >= 4096) {
        buf_addf(why, "the path of %.*s is too long", SLICE_FMT(name));
        return false;
    }
    return true;
}

static bool read_file(const char *path, struct buf *out, struct buf *why)
{
    FILE *file = fopen(path, "re");
    uint8_t *room = NULL;
    size_t n = 0;

    if (file == NULL) {
        buf_addf(why, "%s cannot be read: %s", path, strerror(errno));
        return false;
    }
    if ((room = buf_reserve(out, ORIGIN_FILE_MAX + 1)) != NULL)
        n = fread(room, 1, ORIGIN_FILE_MAX + 1, file);
    bool good = room != NULL && !ferror(file) && n <= ORIGIN_FILE_MAX;
    out->len += n;
    fclose(file);
    if (!good)
        buf_addf(why, "%s cannot be read, or is larger than %u bytes", path, ORIGIN_FILE_MAX);
    return good;
}

struct tls_trust *origin_trust(const struct node_config *cfg, const struct dist_origin *o, struct buf *why)
{
    struct buf anchors = BUF_EMPTY, chain = BUF_EMPTY, key = BUF_EMPTY;
    char anchors_path[4096] = "", chain_path[4096], key_path[4096];
    struct tls_trust *trust = NULL;
    struct tls_pem client = { .chain_name = chain_path, .key_name = key_path };
    bool shows = o->tls_client.len > 0;

    if (o->tls_ca.len > 0 &&
        (!path_of(anchors_path, cfg, o->tls_ca, "", why) || !read_file(anchors_path, &anchors, why)))
        goto out;
    if (shows && (!path_of(chain_path, cfg, o->tls_client, ".crt", why) || !read_file(chain_path, &chain, why) ||
                  !path_of(key_path, cfg, o->tls_client, ".key", why) || !read_file(key_path, &key, why)))
        goto out;
    if (o->tls_ca.len > 0 && anchors.len == 0) { /* an empty one would stand for the system's */
        buf_addf(why, "%s is empty", anchors_path);
        goto out;
    }
    client.chain = buf_slice(&chain);
    client.key = buf_slice(&key);
    trust = tls_trust_new(buf_slice(&anchors), anchors_path, shows ? &client : NULL,
                          o->tls_min == DIST_TLS_1_3 ? TLS_MODERN : TLS_INTERMEDIATE, why);
out:
    if (key.len > 0)
        explicit_bzero(key.data, key.len);
    buf_free(&anchors);
    buf_free(&chain);
    buf_free(&key);
    return trust;
}
