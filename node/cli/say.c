/* How every command speaks to people, and what it does with wrong flags. */
#include <stdarg.h>
#include <stdio.h>

#include "node/cli/cli.h"

void cli_put(FILE *to, struct slice text)
{
    if (text.len > 0)
        fwrite(text.data, 1, text.len, to);
}

void cli_say(const char *command, const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "hedgerow%s%s: ", command[0] != 0 ? " " : "", command);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
}

int cli_fail(int code, const char *command, const char *fmt, ...)
{
    va_list ap;

    fprintf(stderr, "hedgerow%s%s: ", command[0] != 0 ? " " : "", command);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    return code;
}

bool cli_options(const struct command_line *line, int argc, char *const *argv, void *out, const char **args, int *code)
{
    bool given[OPTION_VALUES_MAX] = { false };

    return cli_options_given(line, argc, argv, out, args, code, given);
}

bool cli_options_given(const struct command_line *line, int argc, char *const *argv, void *out, const char **args,
                       int *code, bool *given)
{
    struct buf text = BUF_EMPTY;

    *code = options_read_given(line, argc, argv, out, args, &text, given);
    if (*code == 1) {
        options_help(line, &text);
        cli_put(stdout, buf_slice(&text));
        *code = CLI_OK;
        buf_free(&text);
        return false;
    }
    if (*code != 0) {
        cli_say(line->command, "%.*s", SLICE_FMT(buf_slice(&text)));
        fprintf(stderr, "All flags: hedgerow %s --help\n", line->command);
    }
    buf_free(&text);
    return *code == 0;
}
