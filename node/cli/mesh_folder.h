/* mesh_folder.h - what lies where in a mesh authority's directory, and changing it:
 *   authority   the signing key: secret
 *   ledger      what was admitted (ledger.h); locked by whoever changes anything here
 *   roll        the last word of the authority (proto/roll.h); not there before the first */
#ifndef HEDGEROW_CLI_MESH_FOLDER_H
#define HEDGEROW_CLI_MESH_FOLDER_H

#include <stdio.h>

#include "node/cli/ledger.h"
#include "proto/roll.h"

#define MESH_FOLDER_DIR_MAX  3900
#define MESH_FOLDER_PATH_MAX 4000

static inline const char *mesh_folder_authority(const char *dir, char path[MESH_FOLDER_PATH_MAX])
{
    snprintf(path, MESH_FOLDER_PATH_MAX, "%s/authority", dir);
    return path;
}

static inline const char *mesh_folder_ledger(const char *dir, char path[MESH_FOLDER_PATH_MAX])
{
    snprintf(path, MESH_FOLDER_PATH_MAX, "%s/ledger", dir);
    return path;
}

static inline const char *mesh_folder_roll(const char *dir, char path[MESH_FOLDER_PATH_MAX])
{
    snprintf(path, MESH_FOLDER_PATH_MAX, "%s/roll", dir);
    return path;
}

/* An open directory. What follows returns an exit code of cli.h, having said what is wrong. */
struct mesh_folder {
    const char *command, *dir; /* lent */
    struct ledger ledger;
    struct authority authority; /* its mesh's authorities are those of the roll */
    struct roll roll;
};

/* mesh_folder_open locks and reads it all. mesh_folder_close follows in any case. */
int mesh_folder_open(struct mesh_folder *f, const char *command, const char *dir);
void mesh_folder_close(struct mesh_folder *f);

/* mesh_folder_publish signs the changed roll as the next one, by |secret|, keeps it, and
 * writes it to |out| (NULL: roll-NUMBER in the current directory), which must not exist.
 * The name it took is in |path|. */
int mesh_folder_publish(struct mesh_folder *f, const uint8_t secret[SIGN_SECRET_BYTES], int64_t now_s, const char *out,
                        char path[MESH_FOLDER_PATH_MAX]);

#endif
