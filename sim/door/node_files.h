/* node_files.h - what the nodes of a simulated mesh are, as files that real nodes can be started with: the same keys in
 * the same mesh, so the same ring. Whoever has the seed has these keys: they are for tests. */
#ifndef HEDGEROW_SIM_DOOR_NODE_FILES_H
#define HEDGEROW_SIM_DOOR_NODE_FILES_H

#include "sim/world.h"

struct node_files {
    const char *folder; /* that is there; NULL: no files are wanted */
    bool failed;        /* one could not be written, as the error stream says */
};

/* node_files_begin has |tap| write FOLDER/NAME.node for each node of a run of |sc|. False, with a message on the error
 * stream: real nodes could not use its keys. */
bool node_files_begin(struct node_files *files, const struct scenario *sc, struct tap *tap);

#endif
