/* origin_files.h - certificates that a distribution names and this node has: who may have signed an origin's, and what
 * this node shows it. They are PEM files of the node's own, in DIR/origin-tls, or what --origin-ca names. Reads them
 * from the disk when a pool is made, which is rare. */
#ifndef HEDGEROW_IO_ORIGIN_FILES_H
#define HEDGEROW_IO_ORIGIN_FILES_H

#include "node/dist/dist.h"
#include "node/io/runtime.h"
#include "node/tls/tls.h"

/* The name of the file that --origin-ca gives; no name of a file in that folder. */
#define ORIGIN_CA_GIVEN      "(given)"
#define ORIGIN_FILES         "origin-tls"
#define ORIGIN_FILE_MAX      (1u << 20)
#define ORIGIN_FILE_NAME_MAX 128

/* origin_file_name_ok: letters, digits, dots, dashes and underscores, no dot first: nothing that leads out of the
 * folder. */
bool origin_file_name_ok(struct slice name);

/* origin_trust: what a connection to |o| is judged by. The caller's reference; NULL: |why| says what is wrong. */
struct tls_trust *origin_trust(const struct node_config *cfg, const struct dist_origin *o, struct buf *why);

#endif
