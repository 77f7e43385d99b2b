/* page.h - the report of a run as a page with pictures: one file of HTML that is XML too, without scripts and without
 * anything to fetch. Made from the world's state alone, so that the same seed gives the same page, byte for byte. */
#ifndef HEDGEROW_SIM_PAGE_H
#define HEDGEROW_SIM_PAGE_H

#include "proto/base/buf.h"
#include "sim/hunt/diagram.h"
#include "sim/world.h"

/* |how| is the command line that gives this run again; |last|, or NULL, the last moments before a rule was found
 * broken. Failing memory fails |out|. */
void page_write(struct buf *out, struct world *w, const struct figures *f, const char *how, const struct diagram *last);

/* A failure that was made small: what it breaks, the |message| about it, its last moments (or NULL), and |sc|. */
void page_failure(struct buf *out, const struct scenario *sc, const char *broken, const char *message,
                  const struct diagram *last);

#endif
