#include "node/cli/options.h"

#include <assert.h>

#include "node/dist/faults.h"
#include "proto/base/err.h"

/* ---- the table ---- */

const char *options_nearest(const char *word, const char *const *names, size_t n, size_t stride)
{
    return nearest_name(slice_str(word), names, n, stride);
}

/* The option called by the first |len| bytes of |word|, or NULL. */
static const struct option *find(const struct command_line *line, const char *word, size_t len)
{
    for (size_t i = 0; i < line->options_n; i++) {
        if (strlen(line->options[i].name) == len && memcmp(line->options[i].name, word, len) == 0)
            return &line->options[i];
    }
    return NULL;
}

static void unknown_flag(const struct command_line *line, const char *word, size_t len, struct buf *why)
{
    char name[80];

    buf_addf(why, "unknown flag %.*s.", (int)(len < 80 ? len : 80), word);
    if (len < sizeof(name)) {
        memcpy(name, word, len);
        name[len] = 0;
        const char *near = options_nearest(name, &line->options[0].name, line->options_n, sizeof(line->options[0]));
        if (near != NULL)
            buf_addf(why, " Did you mean %s?", near);
    }
}

static int read_flag(const struct option *o, const char *value, bool *given, void *out, struct buf *why)
{
    void *field = (char *)out + o->field;

    if (o->arg != NULL && o->read == NULL) {
        buf_addf(why, "%s is not available in this version.", o->name);
        if (o->help != NULL)
            buf_addf(why, " %s", o->help);
        return CLI_USAGE;
    }
    if (*given && !o->many) {
        buf_addf(why, "%s is given twice: once is enough.", o->name);
        return CLI_USAGE;
    }
    *given = true;
    if (o->arg == NULL) {
        *(bool *)field = true;
        return 0;
    }
    if (value == NULL) {
        buf_addf(why, "%s needs a value: %s %s.", o->name, o->name, o->arg);
        return CLI_USAGE;
    }
    buf_addf(why, "%s %s: ", o->name, value);
    if (o->read(value, field, why) != 0)
        return CLI_USAGE;
    buf_clear(why);
    return 0;
}

static int plain_argument(const struct command_line *line, const char *word, const char **args, size_t *n,
                          struct buf *why)
{
    if (*n == line->args_max) {
        buf_addf(why, "one argument too many: \"%s\".", word);
        if (line->args_max == 0)
            buf_addf(why, " This command takes flags only.");
        return CLI_USAGE;
    }
    args[(*n)++] = word;
    return 0;
}

int options_read(const struct command_line *line, int argc, char *const *argv, void *out, const char **args,
                 struct buf *why)
{
    bool given[OPTION_VALUES_MAX] = { false };

    return options_read_given(line, argc, argv, out, args, why, given);
}

int options_read_given(const struct command_line *line, int argc, char *const *argv, void *out, const char **args,
                       struct buf *why, bool *given)
{
    size_t args_n = 0;
    bool flags = true;
    int err = 0;

    assert(line->options_n <= OPTION_VALUES_MAX);
    for (int i = 0; i < argc; i++) { /* asked for help, nothing else matters */
        if (strcmp(argv[i], "--") == 0)
            break;
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return 1;
    }
    for (int i = 0; i < argc && err == 0; i++) {
        const char *word = argv[i];
        if (flags && strcmp(word, "--") == 0) {
            flags = false;
        } else if (!flags || word[0] != '-' || word[1] == 0) {
            err = plain_argument(line, word, args, &args_n, why);
        } else {
            const char *equals = strchr(word, '=');
            size_t len = equals != NULL ? (size_t)(equals - word) : strlen(word);
            const struct option *o = find(line, word, len);
            if (o == NULL) {
                unknown_flag(line, word, len, why);
                err = CLI_USAGE;
            } else if (o->arg == NULL && equals != NULL) {
                buf_addf(why, "%s takes no value.", o->name);
                err = CLI_USAGE;
            } else {
                const char *value = equals != NULL ? equals + 1 : NULL;
                if (value == NULL && o->arg != NULL && o->read != NULL && i + 1 < argc)
                    value = argv[++i];
                err = read_flag(o, value, &given[o - line->options], out, why);
            }
        }
    }
    if (err == 0 && args_n < line->args_min) {
        buf_addf(why, "missing: %s.", line->args_what);
        err = CLI_USAGE;
    }
    for (size_t i = args_n; i < line->args_max; i++)
        args[i] = NULL;
    return err;
}

/* Appends |text|, further lines indented by |indent|. */
static void help_lines(struct buf *out, const char *text, size_t indent)
{
    for (const char *p = text; *p != 0; p++) {
        buf_add_u8(out, (uint8_t)*p);
        if (*p == '\n')
            buf_addf(out, "%*s", (int)indent, "");
    }
    buf_add_u8(out, '\n');
}

void options_help(const struct command_line *line, struct buf *out)
{
    enum { COLUMN = 30 };

    buf_addf(out, "Usage: hedgerow %s %s\n\n%s\n\n", line->command, line->synopsis, line->about);
    for (size_t i = 0; i < line->options_n; i++) {
        const struct option *o = &line->options[i];
        if (o->help == NULL || (o->arg != NULL && o->read == NULL))
            continue;
        size_t start = out->len;
        buf_addf(out, "  %s%s%s", o->name, o->arg != NULL ? " " : "", o->arg != NULL ? o->arg : "");
        if (out->len - start + 2 > COLUMN) {
            buf_add_u8(out, '\n');
            start = out->len;
        }
        buf_addf(out, "%*s", COLUMN - (int)(out->len - start), "");
        help_lines(out, o->help, COLUMN);
    }
}
