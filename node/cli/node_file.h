/* node_file.h - the file of hedgerow run -c and hedgerow check: what stands under node: are the flags of run, by their
 * names with _ for -, and the distributions. */
#ifndef HEDGEROW_CLI_NODE_FILE_H
#define HEDGEROW_CLI_NODE_FILE_H

#include "node/cli/options.h"
#include "node/dist/dist_read.h"

/* node_file_read reads |path|. An exit code: CLI_OK, or CLI_CONFIG, CLI_FAILED with lines in |why|. |*out| is the
 * caller's until dist_file_free; on a failure it is as before. */
int node_file_read(const char *path, struct dist_file *out, struct buf *why);

/* node_file_distributions reads |text|, distributions alone; |name| is what faults call it. An exit code, as above;
 * |*out| is the caller's. */
int node_file_distributions(struct slice text, const char *name, struct dist_set **out, struct buf *why);

/* node_file_options reads what stands under node: into |out|, as |line|'s flags; those of |given| (as
 * options_read_given has them) count more, and stay. What is read lends from |f|. CLI_OK; or CLI_CONFIG, with a line in
 * |why| for each fault. |given| says of the others, too, that they were given. */
int node_file_options(const struct dist_file *f, const char *path, const struct command_line *line, bool *given,
                      void *out, struct buf *why);

/* node_file_same: do |a| and |b| say the same under node:? */
bool node_file_same(const struct dist_file *a, const struct dist_file *b);

#endif
