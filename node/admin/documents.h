/* documents.h - the configuration's text as a set of distributions by name: what is good, and how one set is made of
 * another. Its canonical form is JSON, {"distributions": [{"name": ...}, ...]} (node/dist/dist_read.h); all that is
 * known here of a distribution is its name. Pure functions; thread safe. */
#ifndef HEDGEROW_ADMIN_DOCUMENTS_H
#define HEDGEROW_ADMIN_DOCUMENTS_H

#include <jansson.h>

#include "proto/base/buf.h"

/* documents_canonical appends |text| in canonical form; |file| is what it is called in messages. False: it is not good,
 * and |why| says what is wrong, each fault with its line. */
bool documents_canonical(struct buf *out, struct slice text, const char *file, struct buf *why);

/* The others take canonical texts; an empty one is that of no distributions. What they make may not be good as a whole
 * (two with one host): documents_canonical follows. */
/* documents_merge: each of |changes| takes the place of that of its name in |before|, or follows behind. */
bool documents_merge(struct buf *out, struct slice before, struct slice changes);
/* documents_remove: all but the one called |name|. False: there is none, or no memory. */
bool documents_remove(struct buf *out, struct slice before, struct slice name);
/* documents_one appends that of |name|, alone, as JSON. False: as above. */
bool documents_one(struct buf *out, struct slice text, struct slice name);

/* documents_list is their array, owned by the caller; NULL: no memory, or no such text. */
json_t *documents_list(struct slice text);

/* documents_diff appends a line for each difference: "+ NAME", "- NAME", "~ NAME.field[0].other: 1 -> 2". Returns how
 * many there are; negative: no memory. */
int documents_diff(struct buf *out, struct slice before, struct slice after);

#endif
