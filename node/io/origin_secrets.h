/* origin_secrets.h - secrets that a distribution names and this node has, by which an origin knows our nodes from
 * strangers: they go along as X-Origin-Secret. Each is a text file of the node's own, DIR/secrets/NAME, of which the
 * last line that is not empty counts: a new one is appended, and those above it are what the origin goes on to accept
 * until all nodes have the new one. Read from the disk when it is wanted, once a second at the most: what is changed
 * there is in use a second later. */
#ifndef HEDGEROW_IO_ORIGIN_SECRETS_H
#define HEDGEROW_IO_ORIGIN_SECRETS_H

#include "proto/base/buf.h"
#include "proto/base/list.h"
#include "proto/base/time.h"

#define ORIGIN_SECRETS         "secrets"
#define ORIGIN_SECRETS_MAX     256 /* held in memory; the one used longest ago makes room */
#define ORIGIN_SECRET_MAX      1024
#define ORIGIN_SECRET_FILE_MAX (64u << 10)

struct origin_secrets {
    const char *data; /* DIR */
    struct list all;  /* the one used last comes first */
    size_t n;
};

/* |data| is lent. origin_secrets_fini wipes them. */
void origin_secrets_init(struct origin_secrets *s, const char *data);
void origin_secrets_fini(struct origin_secrets *s);

/* origin_secret_of lends the secret called |name| until the next call; false: there is none, because its file is not
 * there. A file that is there and is no good leaves what it said before. Appends to |news| what an operator should
 * know, a sentence, once; never the secret. */
bool origin_secret_of(struct origin_secrets *s, mesh_ns now, struct slice name, struct slice *out, struct buf *news);

/* origin_secrets_again: all are read again when they are wanted next, and what is wrong is said again. */
void origin_secrets_again(struct origin_secrets *s);

#endif
