/* hedgerow reload: a running node reads its file again. */
#include <stdio.h>

#include "node/cli/admin_call.h"
#include "node/cli/cli.h"

struct reload_options {
    struct admin_call call;
};

static const struct option options[] = {
    ADMIN_CALL_OPTIONS(struct reload_options, call),
};

static const struct command_line line = {
    .command = "reload",
    .synopsis = "[flags]",
    .about = "Makes a running node read its file (run -c) again, as SIGHUP does. The distributions in it hold from\n"
             "then on; no connection is dropped. If anything is wrong with it the old ones stay, all that is wrong\n"
             "is said, and the command ends with 1.",
    .options = options,
    .options_n = sizeof(options) / sizeof(options[0]),
};

int cli_reload(int argc, char *const *argv)
{
    struct reload_options o = { .call = admin_call_usual() };
    struct buf answer = BUF_EMPTY;
    int code;

    if (!cli_options(&line, argc, argv, &o, NULL, &code))
        return code;
    code = admin_call(&o.call, line.command, "/reload", SLICE_EMPTY, &answer);
    if (code == CLI_OK)
        cli_put(stdout, buf_slice(&answer));
    buf_free(&answer);
    return code;
}
