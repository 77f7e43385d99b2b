/* mesh_folder.h - what lies where in a mesh authority's directory. */
#ifndef HEDGEROW_CLI_MESH_FOLDER_H
#define HEDGEROW_CLI_MESH_FOLDER_H

#include <stdio.h>

#define MESH_FOLDER_DIR_MAX  3900
#define MESH_FOLDER_PATH_MAX 4000

/* The authority's secret key, and the ledger of what it admitted (ledger.h). */
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

#endif
