/* admin_call.h - one POST to a node's admin address, for commands that change something:
 * where it is and the token that it wants. */
#ifndef HEDGEROW_CLI_ADMIN_CALL_H
#define HEDGEROW_CLI_ADMIN_CALL_H

#include "node/cli/options.h"

struct admin_call {
    struct option_addr admin;
    const char *token_file;
};

/* The usual ones: 127.0.0.1:7401 and hedgerow-data/admin.token. */
struct admin_call admin_call_usual(void);

/* The two flags, of a command whose options have a struct admin_call |field|. */
#define ADMIN_CALL_OPTIONS(type, field)                                                                                \
    { "--admin", "ADDR:PORT", "the node's admin address (127.0.0.1:7401)", option_listen, offsetof(type, field.admin), \
      false },                                                                                                         \
    {                                                                                                                  \
        "--token-file", "FILE", "the node's token (hedgerow-data/admin.token; it is in the node's --data)",            \
            option_text, offsetof(type, field.token_file), false                                                       \
    }

/* admin_call sends |body| and appends the answer to |out|. An exit code, having said what is
 * wrong: what the node says, if it refuses. */
int admin_call(const struct admin_call *call, const char *command, const char *path, struct slice body,
               struct buf *out);

/* admin_token reads the token in |path| into |text|, zero-terminated. An exit code, as above. */
int admin_token(const char *command, const char *path, struct buf *text);

#endif
