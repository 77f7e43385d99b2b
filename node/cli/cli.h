/* cli.h - what the commands share: the table of them, and how they speak. */
#ifndef HEDGEROW_CLI_CLI_H
#define HEDGEROW_CLI_CLI_H

#include <stdio.h>

#include "node/cli/options.h"

/* A command gets the words behind its name and returns how the process ends. */
typedef int cli_command(int argc, char *const *argv);

cli_command cli_run, cli_mesh_init, cli_mesh_admit, cli_mesh_revoke, cli_mesh_announce, cli_mesh_rotate,
    cli_mesh_retire, cli_drain, cli_prove, cli_route, cli_purge, cli_sign, cli_distribution_apply,
    cli_distribution_delete, cli_distribution_list, cli_distribution_show, cli_distribution_diff,
    cli_distribution_versions, cli_distribution_rollback, cli_status, cli_demo, cli_check, cli_reload;

/* cli_main finds the command that |argv| names and runs it. Returns the exit code. */
int cli_main(int argc, char *const *argv);

/* cli_options reads a command's flags. True: go on. False: the command ends with |*code|
 * (help was asked for and printed, or what is wrong was said). */
bool cli_options(const struct command_line *line, int argc, char *const *argv, void *out, const char **args, int *code);

/* cli_options_given does the same, with options_read_given. */
bool cli_options_given(const struct command_line *line, int argc, char *const *argv, void *out, const char **args,
                       int *code, bool *given);

/* cli_put writes |text|, which may be empty. */
void cli_put(FILE *to, struct slice text);

/* cli_say prints one message about |command| on stderr, "hedgerow COMMAND: ...". */
void cli_say(const char *command, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* cli_fail does the same and returns |code|. */
int cli_fail(int code, const char *command, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
