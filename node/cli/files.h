/* files.h - the few ways in which the command line reads and writes files. Each returns 0 or
 * an errno value; a file is there whole or not at all. */
#ifndef HEDGEROW_CLI_FILES_H
#define HEDGEROW_CLI_FILES_H

#include "proto/base/buf.h"

/* files_read appends the whole file; EFBIG when it is longer than |max| bytes, ENOMEM. The
 * bytes are read into one allocation that never moves, so that secrets can be wiped. */
int files_read(const char *path, size_t max, struct buf *out);

/* files_create makes a new file with mode 0600, never overwriting (EEXIST), and makes it
 * durable; what could not be written whole is removed again. */
int files_create(const char *path, struct slice bytes);

/* files_replace puts |bytes| in the place of |path| at once and durably, mode 0600. */
int files_replace(const char *path, struct slice bytes);

/* files_put does the same without waiting for the disk: after a crash of the host the file may
 * be an old one, or empty. */
int files_put(const char *path, struct slice bytes);

/* files_write writes all of |bytes| to a descriptor. */
int files_write(int fd, struct slice bytes);

/* files_folder makes |path| a directory with mode 0700; one that exists keeps its contents
 * and its mode. EEXIST: something else is there. */
int files_folder(const char *path);

/* files_wipe overwrites and frees a buf that held secrets. */
void files_wipe(struct buf *b);

#endif
