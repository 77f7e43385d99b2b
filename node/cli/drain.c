/* hedgerow drain: viewers and neighbours go elsewhere, and the node stays in the mesh. */
#include <stdio.h>

#include "node/cli/admin_call.h"
#include "node/cli/cli.h"

struct drain_options {
    struct admin_call call;
    bool off;
};

static const struct option options[] = {
    ADMIN_CALL_OPTIONS(struct drain_options, call),
    { "--off", NULL, "end it: take a place in the ring and viewers again", NULL, offsetof(struct drain_options, off),
      false },
};

static const struct command_line line = {
    .command = "drain",
    .synopsis = "[flags]",
    .about = "Makes a running node say that it is not ready and own nothing in the ring, so that viewers and\n"
             "neighbours turn elsewhere, without leaving the mesh; what still comes is served. It lasts\n"
             "until --off, or until the node is started again.",
    .options = options,
    .options_n = sizeof(options) / sizeof(options[0]),
};

int cli_drain(int argc, char *const *argv)
{
    struct drain_options o = { .call = admin_call_usual() };
    struct buf answer = BUF_EMPTY;
    int code;

    if (!cli_options(&line, argc, argv, &o, NULL, &code))
        return code;
    code = admin_call(&o.call, line.command, o.off ? "/drain?off" : "/drain", SLICE_EMPTY, &answer);
    if (code == CLI_OK)
        puts(o.off ? "The node takes its place again." : "The node is drained: hedgerow drain --off ends it.");
    buf_free(&answer);
    return code;
}
