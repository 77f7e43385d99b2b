#include "node/cli/timers.h"

#include "proto/base/err.h"

static const struct timer {
    const char *name;
    size_t field;
    mesh_ns normal;
    const char *help;
} timers[] = {
#define X(name, field, normal, help) { name, offsetof(struct node_config, field), normal, help },
    TIMERS(X)
#undef X
};
#define TIMERS_N (sizeof(timers) / sizeof(timers[0]))

static const struct timer *find(const char *name)
{
    for (size_t i = 0; i < TIMERS_N; i++) {
        if (strcmp(timers[i].name, name) == 0)
            return &timers[i];
    }
    return NULL;
}

static int read_one(struct slice pair, struct node_config *cfg, struct buf *why)
{
    char word[64], *equals;

    if (pair.len >= sizeof(word) || memchr(pair.data, '=', pair.len) == NULL) {
        buf_addf(why, "\"%.*s\" is not NAME=TIME, such as probe=300ms.", SLICE_FMT(pair));
        return MESH_E_SYNTAX;
    }
    memcpy(word, pair.data, pair.len);
    word[pair.len] = 0;
    equals = strchr(word, '=');
    *equals = 0;
    const struct timer *t = find(word);
    if (t == NULL) {
        const char *near = options_nearest(word, &timers[0].name, TIMERS_N, sizeof(timers[0]));
        buf_addf(why, "there is no timer \"%s\".", word);
        if (near != NULL)
            buf_addf(why, " Did you mean %s?", near);
        else
            buf_add_str(why, " hedgerow run --help names them all.");
        return MESH_E_UNKNOWN;
    }
    mesh_ns *field = (mesh_ns *)(void *)((char *)cfg + t->field);
    if (*field != 0) {
        buf_addf(why, "%s is given twice: once is enough.", word);
        return MESH_E_EXISTS;
    }
    size_t mark = why->len;
    buf_addf(why, "%s ", word);
    int err = option_duration(equals + 1, field, why);
    if (err == 0)
        why->len = mark;
    return err;
}

int timers_read(const char *text, void *field, struct buf *why)
{
    struct slice rest = slice_str(text), pair;
    int err = 0;

    while (err == 0 && slice_split(&rest, ',', &pair))
        err = read_one(pair, field, why);
    return err;
}

void timers_help(struct buf *out)
{
    char text[OPTION_DURATION_MAX];

    buf_add_str(out, "\nTimers, with their normal values (a time is such as 400ms, 1.5s, 2m):\n");
    for (size_t i = 0; i < TIMERS_N; i++)
        buf_addf(out, "  %-18s %-7s %s\n", timers[i].name, option_duration_text(timers[i].normal, text),
                 timers[i].help);
}
