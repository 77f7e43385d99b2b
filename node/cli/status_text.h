/* status_text.h - a node's /status as a page of text for a terminal. */
#ifndef HEDGEROW_CLI_STATUS_TEXT_H
#define HEDGEROW_CLI_STATUS_TEXT_H

#include <jansson.h>

#include "proto/base/buf.h"

struct status_style {
    bool color; /* ANSI colours */
    bool utf8;  /* else plain ASCII */
};

/* status_text appends it. Fields that are not there count as zero or nothing, so that an older
 * command can read a newer node. 0, or MESH_E_MISSING when |status| is no status at all. */
int status_text(struct buf *out, const json_t *status, struct status_style style);

/* For tables: "1.4 GiB"; "1 234 567"; "2 h 13 min". Each appends. */
void status_bytes(struct buf *out, uint64_t bytes);
void status_count(struct buf *out, uint64_t n);
void status_span(struct buf *out, uint64_t seconds);

#endif
