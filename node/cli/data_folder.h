/* data_folder.h - what a node keeps between two starts, in the directory of --data:
 *   boot          how often it was started: peers tell its runs apart by it
 *   admin.token   the secret that lets an admin command change things, mode 0600
 *   roll          the last word of the mesh's authorities (proto/roll.h): who is revoked
 *   known         members of the mesh as last seen, tried beside the seeds (node/core/known.h)
 *   salt          what a node that runs alone makes names of cached things with
 *   store/        cached things (written by node/io)
 *   purges.log    what was purged, a line each: read again at the start, and for people (node/core/purge_text.h);
 *                 purges.log.1 is what it was before it was written anew
 *   config/       the last versions of the mesh's configuration, a file each (proto/config_doc.h)
 *   access.log    one JSON line a request (written by node/io)
 *   lock          held while a node runs here */
#ifndef HEDGEROW_CLI_DATA_FOLDER_H
#define HEDGEROW_CLI_DATA_FOLDER_H

#include "proto/identity.h"

#define DATA_FOLDER_MAX 3900 /* bytes of its name */

#define DATA_TOKEN_MAX   65
#define DATA_CONFIGS_MAX 16

struct data_folder {
    char path[DATA_FOLDER_MAX + 1];
    char token[DATA_TOKEN_MAX];           /* secret; wiped by data_folder_close */
    struct buf roll, known, purges;       /* as kept; empty: none */
    struct buf configs[DATA_CONFIGS_MAX]; /* versions as kept, unread; the latest first */
    size_t configs_n;
    int purges_log; /* closed by data_folder_close */
    uint64_t purges_len;
    int lock; /* closed by data_folder_close */
    uint64_t boot;
    bool boot_lost; /* the boot file was damaged, and |boot| comes from the clock */
};

/* data_folder_open makes |path| if it is not there, locks it, counts this start, and sees to
 * the token. 0, or -1 with a message for the operator in |why|. |now_s| is Unix time. */
int data_folder_open(struct data_folder *d, const char *path, int64_t now_s, struct buf *why);
void data_folder_close(struct data_folder *d);

/* data_folder_salt reads the salt, or draws and keeps one. 0, or -1 with a message in |why|. */
int data_folder_salt(const struct data_folder *d, uint8_t salt[MESH_SALT_BYTES], struct buf *why);

/* Each puts something in the place of the last one, durably, but for |known|, which is only
 * whole: it is written often, and its loss costs little. 0 or an errno value. */
int data_folder_keep_roll(struct data_folder *d, struct slice roll);
int data_folder_keep_known(struct data_folder *d, struct slice known);
/* data_folder_keep_purges appends whole lines durably: a failure leaves the file as it was. data_folder_put_purges
 * writes all of it anew. */
int data_folder_keep_purges(struct data_folder *d, struct slice lines);
int data_folder_put_purges(struct data_folder *d, struct slice whole);
/* data_folder_keep_config keeps one more version, durably, and lets those before the last DATA_CONFIGS_MAX go. */
int data_folder_keep_config(struct data_folder *d, struct slice file);
/* data_folder_read_configs reads what is kept, as a part of data_folder_open; data_folder_forget_configs frees it. */
int data_folder_read_configs(struct data_folder *d, struct buf *why);
void data_folder_forget_configs(struct data_folder *d);
int data_folder_keep_boot(struct data_folder *d, uint64_t boot);

#endif
