#include "sim/options.h"

#include "proto/base/err.h"
#include "sim/faults/fault_kinds.h"
#include "sim/presets.h"
#include "sim/scenario_value.h"

/* The commands, by the letter that stands for them in the table below. */
static const struct option_command_word {
    const char *word, *letter;
    enum option_command command;
} commands[] = {
    { "run", "r", COMMAND_RUN },   { "members", "m", COMMAND_MEMBERS }, { "routing", "o", COMMAND_ROUTING },
    { "hunt", "h", COMMAND_HUNT }, { "shrink", "s", COMMAND_SHRINK },   { "bisect", "b", COMMAND_BISECT },
    { "diff", "d", COMMAND_DIFF }, { "sweep", "v", COMMAND_SWEEP },     { "report", "p", COMMAND_REPORT },
};

/* Options that are no settings, and the commands that know them. In a hunt --seeds is how many are tried; how many
 * nodes are told to all as seeds only its scenario says. */
static const struct option_word {
    const char *name, *commands;
    bool value;
} words[] = {
    { "--scenario", "rmohsbv", true },
    { "--trace", "r", true },
    { "--report", "rmsvp", true },
    { "--csv", "rv", true },
    { "--json", "rmov", false },
    { "--print", "rmo", false },
    { "--cost", "rmo", false },
    { "--help", "rmohsbdvp", false },
    { "--version", "rmohsbdvp", false },
    { "--swarm", "rhsb", false },
    { "--plain", "h", false },
    { "--seeds", "hv", true },
    { "--for", "hs", true },
    { "--from", "h", true },
    { "-j", "hsv", true },
    { "--coverage", "h", false },
    { "--first", "h", false },
    { "--out", "s", true },
    { "--svg", "s", true },
    { "--with", "b", true },
    { "--vary", "v", true },
    { "--baselines", "m", false },
    { "--log", "rhsvb", true },
    { "--topology", "rhsvb", true },
    { "--force", "r", false },
    { "--answers", "r", true },
    { "--node-files", "r", true },
};

static const struct option_word *word_of(const struct options *o, const char *arg)
{
    const char *letter = "r";

    for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
        if (commands[i].command == o->command)
            letter = commands[i].letter;
    }
    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (strcmp(arg, words[i].name) == 0 && strchr(words[i].commands, letter[0]) != NULL)
            return &words[i];
    }
    return NULL;
}

static bool take_number(const char *value, enum setting_kind kind, uint64_t least, uint64_t *out)
{
    return value_parse(kind, slice_str(value), out) == 0 && *out >= least;
}

static void take_flag(struct options *o, const char *name)
{
    if (strcmp(name, "--json") == 0)
        o->json = true;
    else if (strcmp(name, "--print") == 0)
        o->print = true;
    else if (strcmp(name, "--cost") == 0)
        o->cost = true;
    else if (strcmp(name, "--swarm") == 0)
        o->swarm = true;
    else if (strcmp(name, "--plain") == 0)
        o->swarm = false;
    else if (strcmp(name, "--coverage") == 0)
        o->coverage = true;
    else if (strcmp(name, "--force") == 0)
        o->force = true;
    else if (strcmp(name, "--first") == 0)
        o->first = true;
    else if (strcmp(name, "--baselines") == 0)
        o->baselines = true;
    else if (strcmp(name, "--help") == 0)
        o->command = COMMAND_HELP;
    else
        o->command = COMMAND_VERSION;
}

/* NULL is behind the last one. */
#define FILES_MAX (sizeof(((struct options *)NULL)->files) / sizeof(const char *) - 1)

/* Arguments are walked through more than once: each is taken once. false: there are |most| already. */
static bool take_one(const char **of, size_t most, const char *arg)
{
    size_t i = 0;

    while (i < most && of[i] != NULL && of[i] != arg)
        i++;
    if (i < most)
        of[i] = arg;
    return i < most;
}

static bool take_file(struct options *o, const char *arg)
{
    return strncmp(arg, "--", 2) != 0 && take_one(o->files, FILES_MAX, arg);
}

/* false: its value is not one. */
static bool take_value(struct options *o, const char *name, const char *value)
{
    if (strcmp(name, "--seeds") == 0)
        return take_number(value, SETTING_COUNT, 1, &o->seeds);
    if (strcmp(name, "--from") == 0)
        return take_number(value, SETTING_COUNT, 0, &o->from);
    if (strcmp(name, "--for") == 0)
        return take_number(value, SETTING_TIME, 1, &o->span);
    if (strcmp(name, "-j") == 0)
        return take_number(value, SETTING_COUNT, 1, &o->jobs) && o->jobs <= 1024;
    if (strcmp(name, "--scenario") == 0)
        o->scenario = value;
    else if (strcmp(name, "--trace") == 0)
        o->trace = value;
    else if (strcmp(name, "--report") == 0)
        o->report = value;
    else if (strcmp(name, "--csv") == 0)
        o->csv = value;
    else if (strcmp(name, "--out") == 0)
        o->out = value;
    else if (strcmp(name, "--answers") == 0)
        o->answers = value;
    else if (strcmp(name, "--node-files") == 0)
        o->node_files = value;
    else if (strcmp(name, "--log") == 0)
        return take_one(o->logs, OPTION_LOGS_MAX, value);
    else if (strcmp(name, "--topology") == 0)
        o->topology = value;
    else if (strcmp(name, "--svg") == 0)
        o->svg = value;
    else if (strcmp(name, "--vary") == 0)
        return take_one(o->vary, sizeof(o->vary) / sizeof(o->vary[0]), value);
    else
        o->with = value;
    return true;
}

/* Why take_value has not taken it. */
static void say_why(const struct options *o, const char *arg, const char *text, struct buf *wrong)
{
    if (strcmp(arg, "--log") == 0 && o->logs[OPTION_LOGS_MAX - 1] != NULL)
        buf_addf(wrong, "--log: more than %d; put those of a node one behind the other", OPTION_LOGS_MAX);
    else
        buf_addf(wrong, "%s: \"%s\" is no value for it", arg, text);
}

/* One of two walks: presets first, since what is said besides wins wherever it stands. */
static int walk_once(struct options *o, struct scenario *sc, bool presets, struct buf *wrong)
{
    struct scenario_error err;

    for (int i = 0; i < o->argc; i++) {
        const char *arg = o->argv[i];
        const struct option_word *w = word_of(o, arg);
        if (w == NULL && o->command == COMMAND_REPORT) {
            if (take_file(o, arg))
                continue;
            buf_addf(wrong, "\"%s\": report takes 2 to %zu files of `run --json`, and --report FILE", arg, FILES_MAX);
            return MESH_E_SYNTAX;
        }
        if (w == NULL && strncmp(arg, "--", 2) != 0) {
            buf_addf(wrong, "\"%s\" is no option: options begin with --", arg);
            return MESH_E_SYNTAX;
        }
        bool value = w == NULL || w->value;
        if (value && i + 1 == o->argc) {
            buf_addf(wrong, "%s needs a value", arg);
            return MESH_E_SYNTAX;
        }
        const char *text = value ? o->argv[++i] : NULL;
        if (w != NULL && !value)
            take_flag(o, arg);
        if (w != NULL && value && !take_value(o, arg, text)) {
            say_why(o, arg, text, wrong);
            return MESH_E_SYNTAX;
        }
        if (w != NULL || preset_is(sc->words, slice_str(arg + 2)) != presets)
            continue;
        if (scenario_setting(sc, slice_str(arg + 2), slice_str(text), &err) != 0) {
            buf_addf(wrong, "%s: %s", arg, err.text);
            return MESH_E_SYNTAX;
        }
    }
    return 0;
}

static int walk(struct options *o, struct scenario *sc, struct buf *wrong)
{
    int err = walk_once(o, sc, true, wrong);

    return err != 0 ? err : walk_once(o, sc, false, wrong);
}

static bool reads_input(const struct options *o)
{
    size_t i = 0;

    while (o->logs[i] != NULL && strcmp(o->logs[i], "-") != 0)
        i++;
    return o->logs[i] != NULL;
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
    size_t i = 0, n = sizeof(commands) / sizeof(commands[0]);
    while (i < n && strcmp(argv[1], commands[i].word) != 0)
        i++;
    if (i == n) {
        buf_addf(wrong, "unknown command \"%s\": run, members, routing, hunt, shrink, sweep, report, bisect or diff",
                 argv[1]);
        return MESH_E_SYNTAX;
    }
    o->command = commands[i].command;
    o->words = o->command == COMMAND_MEMBERS   ? &words_of_members
               : o->command == COMMAND_ROUTING ? &words_of_routing
                                               : &words_of_run;
    o->swarm = o->command == COMMAND_HUNT;
    if (o->command == COMMAND_DIFF && argc == 4) {
        o->files[0] = argv[2];
        o->files[1] = argv[3];
        return 0;
    }
    if (o->command == COMMAND_DIFF && (argc != 3 || strcmp(argv[2], "--help") != 0)) {
        buf_add_str(wrong, "diff takes two files of traces");
        return MESH_E_SYNTAX;
    }
    o->argc = argc - 2;
    o->argv = argv + 2;
    scenario_init(&probe, o->words);
    int err = walk(o, &probe, wrong);
    scenario_fini(&probe);
    if (err == 0 && o->command == COMMAND_REPORT && o->files[1] == NULL) {
        buf_add_str(wrong, "report takes two files of `run --json` or more");
        err = MESH_E_MISSING;
    }
    if (err == 0 && o->command == COMMAND_SWEEP && o->vary[0] == NULL) {
        buf_add_str(wrong, "sweep needs --vary, such as --vary memory=64MiB,128MiB,256MiB");
        err = MESH_E_MISSING;
    }
    if (err == 0 && o->command == COMMAND_BISECT && o->with == NULL) {
        buf_add_str(wrong, "bisect needs --with, the other program");
        err = MESH_E_MISSING;
    }
    if (err == 0 && o->command == COMMAND_BISECT && reads_input(o)) {
        buf_add_str(wrong, "bisect reads a log for each program: --log takes the name of a file");
        err = MESH_E_RANGE;
    }
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
        const struct option_word *w = word_of(o, o->argv[i]);
        bool value = w == NULL || w->value, is_seed = strcmp(o->argv[i], "--seed") == 0;
        bool shown = w == NULL || strcmp(o->argv[i], "--scenario") == 0 || strcmp(o->argv[i], "--log") == 0 ||
                     strcmp(o->argv[i], "--topology") == 0;
        if (is_seed && (o->command == COMMAND_HUNT || o->command == COMMAND_SWEEP))
            shown = false; /* each run has its own */
        seed = seed || (is_seed && shown);
        if (shown)
            buf_addf(out, " %s %s", o->argv[i], o->argv[i + 1]);
        i += value;
    }
    if (o->swarm)
        buf_add_str(out, " --swarm");
    if (!seed)
        buf_addf(out, " --seed %llu", (unsigned long long)sc->seed);
}

/* What the words stand for. */
static void help_presets(const struct options *o, struct buf *out)
{
    if (o->words != &words_of_run)
        return;
    buf_add_str(out, "\nWords that stand for several settings; what is said besides wins:\n");
    preset_help(out);
}

void options_help(const struct options *o, struct buf *out)
{
    const struct setting *s = o->words->settings;

    buf_add_str(
        out,
        "hedgerow-sim run     [--scenario FILE] [--SETTING VALUE ...] [--swarm] [--json] [--report FILE] "
        "[--csv FILE]\n"
        "                     [--log FILE ...] [--topology FILE] [--force] [--answers FILE] [--node-files DIR]\n"
        "                     [--trace FILE] [--print] [--cost]\n"
        "hedgerow-sim members [--scenario FILE] [--SETTING VALUE ...] [--json] [--report FILE [--baselines]] "
        "[--print]\n"
        "                     [--cost]\n"
        "hedgerow-sim routing [--scenario FILE] [--SETTING VALUE ...] [--json] [--print] [--cost]\n"
        "hedgerow-sim hunt    [--scenario FILE] [--SETTING VALUE ...] [--plain] [--seeds N | --for TIME] [--from "
        "SEED]\n"
        "                     [-j N] [--coverage] [--first]\n"
        "hedgerow-sim shrink  [--scenario FILE] [--SETTING VALUE ...] [--swarm] [--out FILE] [--svg FILE] [--report "
        "FILE] [-j N]\n"
        "hedgerow-sim sweep   --vary SETTING=V1,V2,... [--vary ...] [--scenario FILE] [--SETTING VALUE ...] [--seeds "
        "N]\n"
        "                     [-j N] [--json] [--csv FILE] [--report FILE]\n"
        "hedgerow-sim report  FILE FILE ... [--report FILE]\n"
        "hedgerow-sim bisect  --with PROGRAM [--scenario FILE] [--SETTING VALUE ...] [--swarm] [--log FILE ...]\n"
        "hedgerow-sim diff    TRACE TRACE\n\n"
        "run      whole Hedgerow nodes on virtual time, with viewers and an origin\n"
        "members  membership alone, up to 20,000 nodes\n"
        "routing  which edge viewers are sent to, beside other ways to choose one\n"
        "hunt     run with many seeds, on all cores; what is not said is drawn from each seed\n"
        "shrink   a run in which a rule is broken, made as small as can be\n"
        "sweep    run with each of several values, and the same seeds: what does a setting bring?\n"
        "report   what differs between runs, from what `run --json` wrote\n"
        "bisect   the first event in which another build's run differs from this one's\n"
        "diff     the first line in which two files of --trace differ\n\n"
        "All check from outside what must hold. The same seed gives the same run. Exit code 1: something\n"
        "did not hold, or there is a difference.\n\n"
        "  --scenario FILE         settings, timed faults and expectations (sim/README.md)\n"
        "  --swarm                 draw from the seed what neither scenario nor options say\n"
        "  --json                  the report for programs\n"
        "  --report FILE           the report as a page with pictures: one file, for any browser\n"
        "  --log FILE              replay an access log instead of drawn requests; - is standard input; several, as "
        "of\n"
        "                          several nodes, are replayed together (run, hunt, shrink, sweep, bisect)\n"
        "  --topology FILE         the nodes of a mesh that there is, as hedgerow status --json prints it (likewise)\n"
        "  --force                 run, though there may be too little memory\n"
        "  --baselines             on the page of members, SWIM and Lifeguard in the same world, too\n"
        "  --csv FILE              what happened over time, a line for each stretch of it\n"
        "  --answers FILE          each viewer's request, one a line: when, where, what came of it, how long it took\n"
        "  --node-files DIR        what each node is, as files that real ones can be started with: the same ring\n"
        "  --trace FILE            every event, one a line\n"
        "  --print                 print the whole scenario, drawn faults included, and do not run\n"
        "  --cost                  say on the error stream what time and memory it took\n"
        "  --plain                 hunt with the scenario as it is: nothing but faults is drawn\n"
        "  --seeds N, --for TIME   how many seeds, or for how long (200 seeds); --from SEED: the first one (1)\n"
        "  -j N                    so many runs at a time (one a core)\n"
        "  --coverage              fail, too, when something never happened; without a scenario and with 200 seeds\n"
        "                          or more, that is so without saying\n"
        "  --vary SETTING=V1,V2    run with each of these values, and each combination of those of several --vary; N\n"
        "                          seeds of each (--seeds, 5), from --seed on\n"
        "  --first                 end with the first seed that fails\n"
        "  --out FILE, --svg FILE  what is left as a scenario; its last moments as a picture\n\n");
    if (o->words == &words_of_run) {
        buf_add_str(out, "Kinds of faults, by actions, by settings and drawn; `hunt --coverage` counts in how many "
                         "seeds each bit:\n");
        for (size_t i = 0; i < FAULT_KINDS_N; i++)
            buf_addf(out, "  %-20s  %s\n", fault_kinds[i].word, fault_kinds[i].text);
        buf_add_u8(out, '\n');
    }
    buf_addf(out, "Settings of %s, as options or as lines of a scenario; options win (`hedgerow-sim %s --help`):\n",
             o->words->command, o->words == &words_of_run ? "members" : "run");
    for (size_t i = 0; i < o->words->settings_n; i++) {
        struct buf def = BUF_EMPTY;
        scenario_put_value(&def, s[i].kind, s[i].def);
        buf_addf(out, "  --%-20s  %-9.*s %s\n", s[i].name, SLICE_FMT(buf_slice(&def)), s[i].help);
        buf_free(&def);
    }
    help_presets(o, out);
}
