/* tree.h - YAML as a tree whose every node knows where it stood, within bounds: no aliases, anchors and tags, one
 * document, and limits of bytes, nodes and depth. JSON is YAML, too. Private to node/dist. */
#ifndef HEDGEROW_DIST_TREE_H
#define HEDGEROW_DIST_TREE_H

#include "node/dist/arena.h"
#include "node/dist/faults.h"

#define TREE_TEXT_MAX  (16u << 20)
#define TREE_NODES_MAX 1000000
#define TREE_DEPTH_MAX 12
#define TREE_BYTES_MAX (UINT64_C(256) << 20) /* of memory */

enum tree_kind { TREE_SCALAR, TREE_LIST, TREE_MAP };

struct tree {
    enum tree_kind kind;
    bool plain;                /* a scalar without quotes */
    struct slice text;         /* of a scalar */
    struct mark mark;          /* where it begins */
    struct slice key;          /* what it is called, in a map ... */
    struct mark key_mark;      /* ... and where */
    struct tree *first, *next; /* its parts in their order; the part behind it */
    size_t n;                  /* parts */
};

/* tree_read: 0 and |*out|, lent from |arena|; or MESH_E_SYNTAX, _RANGE, _NOMEM with a fault said. */
int tree_read(struct dist_arena *arena, struct slice text, struct faults *faults, struct tree **out);

/* tree_part: the first part called |name|; NULL: none. */
const struct tree *tree_part(const struct tree *t, const char *name);

/* tree_show appends |t| as YAML for people, in lines that begin with |indent| blanks. */
void tree_show(struct buf *out, const struct tree *t, unsigned indent);

/* tree_escape appends the first character of |s|, which is not empty, as it stands in a quoted text of JSON (RFC 8259
 * section 7) and YAML, and returns how many bytes it has. |s| is UTF-8: libyaml takes nothing else. */
size_t tree_escape(struct buf *out, struct slice s);

/* tree_kind_text: "a list", for messages. */
const char *tree_kind_text(const struct tree *t);

#endif
