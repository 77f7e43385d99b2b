/* directory.h - directories of this host as origins: it answers the engine's fetches (struct fetch) in upstream's
 * place, with regular files below a root, which comes with each fetch.
 *
 *   OPENING (a thread: the file) -> IDLE <-> READING (a thread: a piece of it) -> end
 *
 * Files come with Last-Modified, an ETag of time and size, and a Content-Type by their names; conditions and one range
 * are heard. One that changes while it is read ends as a cut answer, which is never kept. Nothing blocks the loop:
 * opening and reading are threads' work. A fetch has one descriptor and one piece of memory, however large its file is.
 */
#ifndef HEDGEROW_IO_DIRECTORY_H
#define HEDGEROW_IO_DIRECTORY_H

#include "node/core/engine.h"

#define DIRECTORY_PIECE_BYTES (256u << 10)
#define DIRECTORY_INDEX       "index.html" /* what a path with a final slash names */

struct directory;
struct worker;

/* directory_check: can |root| be used? False: |why| says what is wrong with it. */
bool directory_check(const char *root, char *why, size_t why_len);

/* directory_new: its threads are started by the first fetch. NULL: out of memory. directory_free ends them; the engine
 * is not told of what was under way. NULL is fine. */
struct directory *directory_new(struct worker *w);
void directory_free(struct directory *d);

/* What the engine wants done (ENGINE_FETCH, ENGINE_FETCH_FLOW, ENGINE_FETCH_STOP). |root| is copied; one that cannot be
 * opened is the origin's failure (MESH_E_REFUSED). */
void directory_begin(struct directory *d, struct fetch *f, struct slice root);
/* directory_has: is |f| under way here, and not at an upstream? */
bool directory_has(const struct fetch *f);
void directory_flow(struct directory *d, struct fetch *f);
void directory_drop(struct directory *d, struct fetch *f);

#endif
