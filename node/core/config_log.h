/* config_log.h - the versions of the mesh's configuration that a node has (proto/config_doc.h), and which of them is in
 * force: the one that wins over all others, in whatever order they came. What lost although the winner does not follow
 * from it is *superseded*: somebody's change that is not in force, kept so that it can be read and applied again.
 *
 * Bounded: of CONFIG_LOG_MAX versions and CONFIG_LOG_BYTES the lowest go, but never the one in force. Pure: no I/O, no
 * clock; signatures are the caller's to check. Not thread safe. */
#ifndef HEDGEROW_CORE_CONFIG_LOG_H
#define HEDGEROW_CORE_CONFIG_LOG_H

#include "proto/base/list.h"
#include "proto/config_doc.h"

#define CONFIG_LOG_MAX   16
#define CONFIG_LOG_BYTES (UINT64_C(48) << 20)

enum config_state { CONFIG_CURRENT, CONFIG_FORMER, CONFIG_SUPERSEDED };

struct config_kept {
    struct list link; /* in config_log->kept, the highest version first */
    struct config_doc *doc;
    enum config_state state;
    bool durable; /* the engine's: it lies on the disk, */
    bool pinned;  /* or is being written, and must not go */
};

struct config_log {
    struct list kept;
    size_t n, superseded;
    uint64_t bytes;
    struct config_kept *current; /* NULL: there is none */
};

void config_log_init(struct config_log *l);
void config_log_fini(struct config_log *l);

/* config_log_take takes |d|, which is whole and found good. 0: it is in force, and |d| is the log's. MESH_E_STATE:
 * it is the log's, too, but not in force: it is former or superseded. MESH_E_EXISTS (it is here already), MESH_E_NOMEM:
 * it is the caller's still, and *|kept|, which may be asked for, is NULL. */
int config_log_take(struct config_log *l, struct config_doc *d, struct config_kept **kept);

/* config_log_drop lets go of |k|; if it was in force the next best one is. */
void config_log_drop(struct config_log *l, struct config_kept *k);

/* config_log_version is the one in force; counter 0: there is none. */
struct config_version config_log_version(const struct config_log *l);

/* config_log_find lends what is kept of that hash, config_log_named what is meant by "COUNTER-HASH", "COUNTER" (where
 * there are several, the one that is in force or was) or "HASH". NULL: it is not here. */
struct config_kept *config_log_find(const struct config_log *l, const struct digest *hash);
struct config_kept *config_log_named(const struct config_log *l, struct slice name);

const char *config_state_word(enum config_state s);

#endif
