/* diagram.h - the last moments of a run as a space-time diagram (Lamport 1978): nodes side by side, time downwards,
 * arrows for what goes between them. Made from the lines of a trace. Pure. */
#ifndef HEDGEROW_SIM_HUNT_DIAGRAM_H
#define HEDGEROW_SIM_HUNT_DIAGRAM_H

#include "proto/base/buf.h"
#include "proto/base/time.h"

#define DIAGRAM_NODES 12
#define DIAGRAM_ROWS  56
#define DIAGRAM_SENT  512 /* sendings whose arrival is still awaited */

struct diagram_row {
    mesh_ns at, sent_at;
    uint32_t node, peer; /* columns; DIAGRAM_NODES: none */
    bool arrow, lost;    /* from |peer| to |node|; lost: it does not arrive */
    unsigned times;      /* how often in a row */
    char text[72];
};

struct diagram_sending {
    mesh_ns at;
    uint32_t from, to;
    char what[48]; /* length and digest, as the trace has them */
};

struct diagram {
    uint32_t nodes[DIAGRAM_NODES]; /* of the world, in the order of columns */
    size_t nodes_n;
    mesh_ns until; /* what is later is not shown */
    struct diagram_row rows[DIAGRAM_ROWS];
    uint64_t rows_n; /* the last DIAGRAM_ROWS of them are kept */
    struct diagram_sending sent[DIAGRAM_SENT];
    uint64_t sent_n;
};

/* diagram_init: of the nodes that |message| names as n3, those of |all| if it names none; up to the moment that it
 * begins with ("12.345 s: "), or to the end. */
void diagram_init(struct diagram *d, const char *message, uint64_t all);
/* diagram_line takes the next line of a trace. */
void diagram_line(struct diagram *d, const char *line);

void diagram_put(const struct diagram *d, struct buf *out);
void diagram_put_svg(const struct diagram *d, const char *title, struct buf *out);

#endif
