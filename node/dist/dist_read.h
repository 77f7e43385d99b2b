/* dist_read.h - distributions from text, and back. The text is YAML, or JSON, which is YAML, too; README.md has the
 * reference of it. Nothing of a text with a fault takes effect. */
#ifndef HEDGEROW_DIST_READ_H
#define HEDGEROW_DIST_READ_H

#include "node/dist/dist_make.h"
#include "node/dist/faults.h"

/* dist_set_read reads the |distributions:| of |text|. 0: |*set| is owned by the caller (dist_set_unref). MESH_E_SYNTAX:
 * |errors| has a line for each fault, FILE:LINE:COLUMN: FIELD: what is wrong, |file| being what is said for FILE;
 * MESH_E_NOMEM likewise. |*set| is as before then. What stands under |node:| is not looked at. */
int dist_set_read(struct slice text, const char *file, struct dist_set **set, struct buf *errors);

/* ---- a node's file: what holds for it alone, and perhaps distributions ---- */
struct dist_entry {             /* a single value under node: */
    struct slice key;           /* "listen.http"; each entry of a list has its list's */
    struct slice value;         /* a zero byte follows; there is none in it */
    struct mark mark, key_mark; /* where it is, and what its key stands at: the same for all of a list */
};
struct dist_file {
    struct dist_set *set; /* NULL: there are none; a list of none is an empty set */
    const struct dist_entry *entries;
    size_t entries_n;
    struct dist_arena *arena; /* of the entries */
};
/* dist_file_read as dist_set_read. The caller says what is wrong with entries. dist_file_free accepts a zeroed one. */
int dist_file_read(struct slice text, const char *file, struct dist_file *out, struct buf *errors);
void dist_file_free(struct dist_file *f);

/* ---- and back ---- */
/* dist_set_write appends the canonical form: JSON, the same bytes for what is the same, without what holds by default;
 * dist_set_read makes an equal set of it. */
void dist_set_write(struct buf *out, const struct dist_set *set);

/* dist_write is that of one distribution alone. */
void dist_write(struct buf *out, const struct dist *d);

/* dist_set_show appends it as YAML for people. False: out of memory. dist_show: one distribution alone. */
bool dist_set_show(struct buf *out, const struct dist_set *set);
bool dist_show(struct buf *out, const struct dist *d);

/* dist_reference appends the tables of all fields, as README.md has them. */
void dist_reference(struct buf *out);

#endif
