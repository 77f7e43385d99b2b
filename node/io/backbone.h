/* backbone.h - backbone connections: bytes between the engine's links and their sockets. */
#ifndef HEDGEROW_IO_BACKBONE_H
#define HEDGEROW_IO_BACKBONE_H

#include "node/core/engine.h"

struct worker;

struct backbone {
    struct worker *worker;
    struct list all;
};

void backbone_init(struct backbone *ls, struct worker *w);

/* backbone_close closes all sockets; the engine is not told. */
void backbone_close(struct backbone *ls);

/* backbone_accepted takes a connection that a peer made. */
void backbone_accepted(struct worker *w, int fd, const struct mesh_addr *from);

/* What the engine wants done (ENGINE_DIAL, ENGINE_WRITE, ENGINE_CLOSE). */
void backbone_dial(struct backbone *ls, struct link *link, const struct mesh_addr *to);
void backbone_write(struct backbone *ls, struct link *link);
void backbone_end(struct backbone *ls, struct link *link);

#endif
