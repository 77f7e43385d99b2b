/* credentials.h - who a node is: by its node file, or, where it runs alone, by an identity
 * made for the day. */
#ifndef HEDGEROW_CLI_CREDENTIALS_H
#define HEDGEROW_CLI_CREDENTIALS_H

#include "proto/identity.h"

/* credentials_read reads a node file and judges its certificate at |now_s|; |name| and |zone|
 * (or NULL) must be the certificate's. 0, or -1 with a message for the operator in |why|.
 * |*open_to_others| tells that other users of the system may read the file. */
int credentials_read(struct identity *out, const char *path, const char *name, const char *zone, int64_t now_s,
                     bool *open_to_others, struct buf *why);

/* credentials_make makes an authority, has it admit one node, and forgets it: nobody can
 * join such a mesh. |name| and |zone| may be NULL. 0, or -1 as above. */
int credentials_make(struct identity *out, const char *name, const char *zone, int64_t now_s, struct buf *why);

#endif
