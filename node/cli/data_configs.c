/* Versions of the configuration in DATA/config: a file each, named by its counter and hash so that names in order are
 * versions in order. Each is there whole or not at all (files_replace), whatever happens meanwhile. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "node/cli/data_folder.h"
#include "node/cli/files.h"
#include "proto/config_doc.h"

#define PATH_BYTES (DATA_FOLDER_MAX + 288) /* and any name */
#define NAME_BYTES (16 + 1 + 2 * DIGEST_BYTES + 1)

static const char *folder_of(const struct data_folder *d, char path[PATH_BYTES])
{
    snprintf(path, PATH_BYTES, "%s/config", d->path);
    return path;
}

static void name_of(const struct config_version *v, char name[NAME_BYTES])
{
    int n = snprintf(name, NAME_BYTES, "%016llx-", (unsigned long long)v->counter);

    for (size_t i = 0; i < DIGEST_BYTES; i++)
        n += snprintf(name + n, NAME_BYTES - (size_t)n, "%02x", v->hash.bytes[i]);
}

static bool is_name(const char *name)
{
    if (strlen(name) != NAME_BYTES - 1 || name[16] != '-')
        return false;
    for (size_t i = 0; i < NAME_BYTES - 1; i++) {
        if (i != 16 && hex_digit((uint8_t)name[i]) < 0)
            return false;
    }
    return true;
}

static int take_version(const struct dirent *entry)
{
    return is_name(entry->d_name);
}

static int latest_first(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*b)->d_name, (*a)->d_name);
}

static void free_names(struct dirent **names, int n)
{
    for (int i = 0; i < n; i++)
        free(names[i]);
    free(names);
}

/* The names in DATA/config, the latest first; -1: errno says why. */
static int list(const struct data_folder *d, struct dirent ***names)
{
    char path[PATH_BYTES];
    return scandir(folder_of(d, path), names, take_version, latest_first);
}

static void path_in(const struct data_folder *d, const char *name, char path[PATH_BYTES])
{
    snprintf(path, PATH_BYTES, "%s/config/%s", d->path, name);
}

int data_folder_read_configs(struct data_folder *d, struct buf *why)
{
    char path[PATH_BYTES];
    struct dirent **names;
    int n = list(d, &names), err = 0;

    if (n < 0 && errno == ENOENT)
        return 0;
    if (n < 0) {
        buf_addf(why, "cannot read %s: %s.", folder_of(d, path), strerror(errno));
        return -1;
    }
    for (int i = 0; i < n && d->configs_n < DATA_CONFIGS_MAX && err == 0; i++) {
        path_in(d, names[i]->d_name, path);
        err = files_read(path, CONFIG_FILE_MAX, &d->configs[d->configs_n++]);
        if (err == EFBIG || err == ENOENT) { /* none of ours */
            buf_free(&d->configs[--d->configs_n]);
            err = 0;
        }
    }
    free_names(names, n);
    if (err != 0)
        buf_addf(why, "cannot read %s: %s.", path, strerror(err));
    return err != 0 ? -1 : 0;
}

void data_folder_forget_configs(struct data_folder *d)
{
    for (size_t i = 0; i < d->configs_n; i++)
        buf_free(&d->configs[i]);
    d->configs_n = 0;
}

static void prune(const struct data_folder *d)
{
    char path[PATH_BYTES];
    struct dirent **names;
    int n = list(d, &names);

    if (n < 0)
        return;
    for (int i = DATA_CONFIGS_MAX; i < n; i++) {
        path_in(d, names[i]->d_name, path);
        unlink(path);
    }
    free_names(names, n);
}

/* The counter and hash that the file itself says. 0 or an errno value. */
static int version_of(struct slice file, struct config_version *v)
{
    struct zpack *z = zpack_new();
    struct config_doc *doc;
    int err = z == NULL ? ENOMEM : config_doc_read(&doc, z, file) != 0 ? EINVAL : 0;

    if (err == 0) {
        *v = doc->head.version;
        config_doc_free(doc);
    }
    zpack_free(z);
    return err;
}

int data_folder_keep_config(struct data_folder *d, struct slice file)
{
    char path[PATH_BYTES], name[NAME_BYTES];
    struct config_version v;
    int err = files_folder(folder_of(d, path));

    if (err != 0 || (err = version_of(file, &v)) != 0)
        return err;
    name_of(&v, name);
    path_in(d, name, path);
    if ((err = files_replace(path, file)) == 0)
        prune(d);
    return err;
}
