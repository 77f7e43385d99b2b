#include "sim/door/node_files.h"

#include <stdio.h>

#include "sim/door/load.h"

static void keep(void *ctx, const struct identity *id)
{
    struct node_files *files = ctx;
    struct buf path = BUF_EMPTY, text = BUF_EMPTY;

    if (files->failed)
        return;
    buf_addf(&path, "%s/%s.node", files->folder, id->cert.name);
    buf_add_u8(&path, '\0');
    if (identity_encode(&text, id) != 0 || !buf_ok(&path)) {
        fprintf(stderr, "hedgerow-sim: out of memory for the node files\n");
        files->failed = true;
    } else {
        files->failed = !load_save((const char *)path.data, &text);
    }
    buf_free(&path);
    buf_free(&text);
}

bool node_files_begin(struct node_files *files, const struct scenario *sc, struct tap *tap)
{
    if (files->folder == NULL)
        return true;
    if (world_stand_in(sc)) {
        fprintf(stderr, "hedgerow-sim: --node-files: %llu nodes have a stand-in for keys; see --real-crypto-nodes\n",
                (unsigned long long)sc->nodes);
        return false;
    }
    tap->node = keep;
    tap->node_ctx = files;
    return true;
}
