#include "sim/options.h"

#include "proto/base/err.h"

/* Options that are no settings. */
static const struct option_word {
    const char *name;
    bool value;
} words[] = { { "--scenario", true }, { "--trace", true }, { "--json", false },   { "--print", false },
              { "--cost", false },    { "--help", false }, { "--version", false } };

static const struct option_word *word_of(const char *arg)
{
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(arg, words[i].name) == 0)
            return &words[i];
    }
    return NULL;
}

static void take_word(struct options *o, const char *name, const char *value)
{
    if (strcmp(name, "--scenario") == 0)
        o->scenario = value;
    else if (strcmp(name, "--trace") == 0)
        o->trace = value;
    else if (strcmp(name, "--json") == 0)
        o->json = true;
    else if (strcmp(name, "--print") == 0)
        o->print = true;
    else if (strcmp(name, "--cost") == 0)
        o->cost = true;
    else if (strcmp(name, "--help") == 0)
        o->command = COMMAND_HELP;
    else
        o->command = COMMAND_VERSION;
}

static int walk(struct options *o, struct scenario *sc, struct buf *wrong)
{
    struct scenario_error err;

    for (int i = 0; i < o->argc; i++) {
        const char *arg = o->argv[i];
        const struct option_word *w = word_of(arg);
        if (strncmp(arg, "--", 2) != 0) {
            buf_addf(wrong, "\"%s\" is no option: options begin with --", arg);
            return MESH_E_SYNTAX;
        }
        bool value = w == NULL || w->value;
        if (value && i + 1 == o->argc) {
            buf_addf(wrong, "%s needs a value", arg);
            return MESH_E_SYNTAX;
        }
        const char *text = value ? o->argv[++i] : NULL;
        if (w != NULL) {
            take_word(o, arg, text);
            continue;
        }
        if (scenario_setting(sc, slice_str(arg + 2), slice_str(text), &err) != 0) {
            buf_addf(wrong, "%s: %s", arg, err.text);
            return MESH_E_SYNTAX;
        }
    }
    return 0;
}

int options_parse(struct options *o, int argc, char **argv, struct buf *wrong)
{
    struct scenario probe; /* settings are judged now and applied when the scenario was read */

    memset(o, 0, sizeof(*o));
    o->words = &words_of_run;
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        o->command = COMMAND_HELP;
        if (argc >= 2)
            return 0;
        buf_add_str(wrong, "say what to do");
        return MESH_E_SYNTAX;
    }
    if (strcmp(argv[1], "--version") == 0) {
        o->command = COMMAND_VERSION;
        return 0;
    }
    if (strcmp(argv[1], "members") == 0) {
        o->command = COMMAND_MEMBERS;
        o->words = &words_of_members;
    } else if (strcmp(argv[1], "routing") == 0) {
        o->command = COMMAND_ROUTING;
        o->words = &words_of_routing;
    } else if (strcmp(argv[1], "run") != 0) {
        buf_addf(wrong, "unknown command \"%s\": run, members or routing", argv[1]);
        return MESH_E_SYNTAX;
    }
    o->argc = argc - 2;
    o->argv = argv + 2;
    scenario_init(&probe, o->words);
    int err = walk(o, &probe, wrong);
    scenario_fini(&probe);
    return err;
}

int options_apply(const struct options *o, struct scenario *sc, struct buf *wrong)
{
    struct options again = *o;
    return walk(&again, sc, wrong);
}

void options_again(const struct options *o, const struct scenario *sc, struct buf *out)
{
    bool seed = false;

    buf_addf(out, "hedgerow-sim %s", sc->words->command);
    for (int i = 0; i < o->argc; i++) {
        const struct option_word *w = word_of(o->argv[i]);
        bool value = w == NULL || w->value;
        bool shown = w == NULL || strcmp(o->argv[i], "--scenario") == 0;
        seed = seed || strcmp(o->argv[i], "--seed") == 0;
        if (shown)
            buf_addf(out, " %s %s", o->argv[i], o->argv[i + 1]);
        i += value;
    }
    if (!seed)
        buf_addf(out, " --seed %llu", (unsigned long long)sc->seed);
}

void options_help(const struct options *o, struct buf *out)
{
    const struct setting *s = o->words->settings;

    buf_add_str(
        out, "hedgerow-sim run     [--scenario FILE] [--SETTING VALUE ...] [--json] [--trace FILE] [--print] [--cost]\n"
             "hedgerow-sim members [--scenario FILE] [--SETTING VALUE ...] [--json] [--print] [--cost]\n"
             "hedgerow-sim routing [--scenario FILE] [--SETTING VALUE ...] [--json] [--print] [--cost]\n\n"
             "run      whole Hedgerow nodes on virtual time, with viewers and an origin\n"
             "members  membership alone, up to 20,000 nodes\n"
             "routing  which edge viewers are sent to, beside other ways to choose one\n\n"
             "They check from outside what must hold. The same seed gives the same run. Exit code 1: something\n"
             "did not hold.\n\n"
             "  --scenario FILE         settings, timed faults and expectations (sim/README.md)\n"
             "  --json                  the report for programs\n"
             "  --trace FILE            every event, one a line\n"
             "  --print                 print the whole scenario, drawn faults included, and do not run\n"
             "  --cost                  say on the error stream what time and memory it took\n\n");
    buf_addf(out, "Settings of %s, as options or as lines of a scenario; options win (`hedgerow-sim %s --help`):\n",
             o->words->command, o->words == &words_of_run ? "members" : "run");
    for (size_t i = 0; i < o->words->settings_n; i++) {
        struct buf def = BUF_EMPTY;
        scenario_put_value(&def, s[i].kind, s[i].def);
        buf_addf(out, "  --%-20s  %-9.*s %s\n", s[i].name, SLICE_FMT(buf_slice(&def)), s[i].help);
        buf_free(&def);
    }
}
