/* hedgerow mesh announce: hands a roll in at a running node, from where it spreads. */
#include <errno.h>
#include <stdio.h>

#include "node/cli/admin_call.h"
#include "node/cli/cli.h"
#include "node/cli/files.h"
#include "proto/roll.h"

struct announce_options {
    struct admin_call call;
    bool force, json;
};

static const struct option options[] = {
    ADMIN_CALL_OPTIONS(struct announce_options, call),
    { "--force", NULL, "also a roll that cuts off members whose certificates were not renewed", NULL,
      offsetof(struct announce_options, force), false },
    { "--json", NULL, "print the node's answer as it is", NULL, offsetof(struct announce_options, json), false },
};

static const struct command_line line = {
    .command = "mesh announce",
    .synopsis = "FILE [flags]",
    .about = "Hands the roll in FILE (from hedgerow mesh revoke, rotate or retire) in at a running node.\n"
             "It is checked there, kept, and spreads to the whole mesh at once. The same as\n"
             "POST /authority at the node's admin address.",
    .options = options,
    .options_n = sizeof(options) / sizeof(options[0]),
    .args_min = 1,
    .args_max = 1,
    .args_what = "the file with the roll",
};

int cli_mesh_announce(int argc, char *const *argv)
{
    struct announce_options o = { .call = admin_call_usual() };
    struct buf roll = BUF_EMPTY, answer = BUF_EMPTY;
    const char *file;
    int code;

    if (!cli_options(&line, argc, argv, &o, &file, &code))
        return code;
    int err = files_read(file, ROLL_BYTES_MAX, &roll);
    if (err != 0)
        code = cli_fail(CLI_CONFIG, line.command, "cannot read %s: %s.", file,
                        err == EFBIG ? "it is too long for a roll" : strerror(err));
    else
        code =
            admin_call(&o.call, line.command, o.force ? "/authority?force" : "/authority", buf_slice(&roll), &answer);
    if (code == CLI_OK && o.json)
        cli_put(stdout, buf_slice(&answer));
    else if (code == CLI_OK)
        printf("The node has taken it and tells the mesh. What is in force: hedgerow status\n");
    buf_free(&roll);
    buf_free(&answer);
    return code;
}
