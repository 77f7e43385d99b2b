/* beneath.h - files below a directory, and never one outside of it, whatever a path says and whatever links lie there.
 */
#ifndef HEDGEROW_IO_BENEATH_H
#define HEDGEROW_IO_BENEATH_H

#include "proto/base/buf.h"

enum beneath_way {
    BENEATH_KERNEL, /* openat2 with RESOLVE_BENEATH (Linux 5.6): links that stay below are followed */
    BENEATH_STEPS,  /* step by step: no link is followed */
};

/* beneath_path writes what |path| (a URL's path, with its escapes) names below the directory: without the first slash,
 * and with |index| behind a final one. 0, or the status of an answer: 403 (it has a ".." that was encoded), 404 (it has
 * a NUL, an encoded slash, an empty part, or one that begins with a dot, other than .well-known: such files are
 * nobody's to see), 414 (it is longer than any name may be). */
int beneath_path(struct buf *out, struct slice path, struct slice index);

/* beneath_open opens |path|, which beneath_path wrote, below |root| for reading, without waiting. A descriptor, or a
 * negative errno: EXDEV or ELOOP: it leads outside, or through links that are not followed. BENEATH_KERNEL falls back
 * on steps where the kernel has no such call. */
int beneath_open(int root, const char *path, enum beneath_way way);

#endif
