#include "sim/scenario.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/store/store.h"
#include "proto/base/err.h"
#include "sim/presets.h"
#include "sim/sample.h"
#include "sim/scenario_value.h"

static const struct setting settings[] = {
#define X(field, name, kind, live, def, least, most, help) \
    { name, help, SETTING_##kind, live, offsetof(struct scenario, field), def, least, most },
    SETTINGS(X)
#undef X
};

static const char *const figure_names[] = {
#define X(name, help) #name,
    FIGURES(X)
#undef X
};

const struct vocabulary words_of_run = {
    .command = "run",
    .letter = 'r',
    .settings = settings,
    .settings_n = sizeof(settings) / sizeof(settings[0]),
    .figures = figure_names,
    .figures_n = sizeof(figure_names) / sizeof(figure_names[0]),
    .nodes_max = 1000,
};

const struct action_word action_words[] = {
#define X(name, word, args, commands) [ACTION_##name] = { word, args, commands },
    ACTIONS(X)
#undef X
};
#define ACTION_WORDS_N (sizeof(action_words) / sizeof(action_words[0]))

const char *const origin_words[] = {
    [ORIGIN_UP] = "up",
    [ORIGIN_DOWN] = "down",
    [ORIGIN_HANGS] = "hangs",
};

void scenario_init(struct scenario *sc, const struct vocabulary *words)
{
    memset(sc, 0, sizeof(*sc));
    sc->words = words;
    for (size_t i = 0; i < words->settings_n; i++)
        *setting_of(sc, i) = words->settings[i].def;
}

void scenario_fini(struct scenario *sc)
{
    free(sc->actions);
    free(sc->expectations);
    memset(sc, 0, sizeof(*sc));
}

/* ---- reading a line ---- */

struct reading {
    struct scenario *sc;
    struct scenario_error *err;
    unsigned line;
    bool presets; /* these alone are read now, before all others */
    struct slice whole, rest;
};

__attribute__((format(printf, 4, 5))) static int wrong(struct reading *r, const uint8_t *at, int code, const char *fmt,
                                                       ...)
{
    va_list ap;

    r->err->line = r->line;
    r->err->column = at != NULL && r->whole.data != NULL ? (unsigned)(at - r->whole.data) + 1 : 1;
    va_start(ap, fmt);
    vsnprintf(r->err->text, sizeof(r->err->text), fmt, ap);
    va_end(ap);
    return code;
}

/* The next word of the line; false at its end. */
static bool word(struct reading *r, struct slice *out)
{
    while (r->rest.len > 0 && (r->rest.data[0] == ' ' || r->rest.data[0] == '\t'))
        r->rest = slice_from(r->rest, 1);
    if (r->rest.len == 0 || r->rest.data[0] == '#')
        return false;
    size_t n = 0;
    while (n < r->rest.len && r->rest.data[n] != ' ' && r->rest.data[n] != '\t')
        n++;
    *out = slice_head(r->rest, n);
    r->rest = slice_from(r->rest, n);
    return true;
}

static int need(struct reading *r, const char *what, struct slice *out)
{
    return word(r, out) ? 0 : wrong(r, r->rest.data, MESH_E_MISSING, "%s is missing here", what);
}

static int unknown(struct reading *r, const char *what, struct slice got, word_name name, size_t n)
{
    const char *near = word_near(got, name, r->sc->words, n);

    if (near != NULL)
        return wrong(r, got.data, MESH_E_SYNTAX, "unknown %s \"%.*s\": \"%s\"?", what, SLICE_FMT(slice_head(got, 40)),
                     near);
    return wrong(r, got.data, MESH_E_SYNTAX, "unknown %s \"%.*s\"", what, SLICE_FMT(slice_head(got, 40)));
}

static int number(struct reading *r, enum setting_kind kind, const char *what, uint64_t *out)
{
    struct slice text;
    int err = need(r, what, &text);

    if (err != 0)
        return err;
    if (value_parse(kind, text, out) != 0)
        return wrong(r, text.data, MESH_E_SYNTAX, "%s is %s, not \"%.*s\"", what, value_kind_text(kind),
                     SLICE_FMT(slice_head(text, 40)));
    return 0;
}

static int nodes(struct reading *r, struct node_set *out)
{
    struct slice text;
    int err = need(r, "which nodes", &text);

    if (err != 0)
        return err;
    if ((err = nodes_parse(text, out)) != 0)
        return wrong(r, text.data, err, "nodes are written 3, 2-5,9, all, zone:2, region:2 or owner:KEY, not \"%.*s\"",
                     SLICE_FMT(slice_head(text, 40)));
    return 0;
}

/* ---- settings ---- */

static const char *setting_name(const struct vocabulary *words, size_t i)
{
    return words->settings[i].name;
}

static int setting_find(struct reading *r, struct slice name, size_t *i)
{
    const struct vocabulary *words = r->sc->words;

    for (*i = 0; *i < words->settings_n; (*i)++) {
        if (slice_eq(name, slice_str(words->settings[*i].name)))
            return 0;
    }
    return unknown(r, "setting", name, setting_name, words->settings_n);
}

static int setting_value(struct reading *r, size_t i, struct slice text, uint64_t *out)
{
    const struct setting *s = &r->sc->words->settings[i];
    struct buf range = BUF_EMPTY;

    if (value_parse(s->kind, text, out) != 0)
        return wrong(r, text.data, MESH_E_SYNTAX, "%s is %s, not \"%.*s\"", s->name, value_kind_text(s->kind),
                     SLICE_FMT(slice_head(text, 40)));
    if (*out >= s->least && *out <= s->most)
        return 0;
    scenario_put_value(&range, s->kind, s->least);
    buf_add_str(&range, " to ");
    scenario_put_value(&range, s->kind, s->most);
    int err = wrong(r, text.data, MESH_E_RANGE, "%s is from %.*s", s->name, SLICE_FMT(buf_slice(&range)));
    buf_free(&range);
    return err;
}

int scenario_setting(struct scenario *sc, struct slice name, struct slice value, struct scenario_error *e)
{
    struct reading r = { .sc = sc, .err = e };
    uint64_t v;
    size_t i;
    int err;

    if (preset_is(sc->words, name))
        return preset_apply(sc, name, value, e);
    if ((err = setting_find(&r, name, &i)) != 0 || (err = setting_value(&r, i, value, &v)) != 0)
        return err;
    *setting_of(sc, i) = v;
    return 0;
}

/* ---- timed actions ---- */

int scenario_add(struct scenario *sc, const struct action *a)
{
    if (sc->actions_n == sc->actions_cap) {
        size_t cap = 2 * sc->actions_cap + 8;
        struct action *grown = realloc(sc->actions, cap * sizeof(*grown));
        if (grown == NULL)
            return MESH_E_NOMEM;
        sc->actions = grown;
        sc->actions_cap = cap;
    }
    size_t at = sc->actions_n++;
    while (at > 0 && sc->actions[at - 1].at > a->at) {
        sc->actions[at] = sc->actions[at - 1];
        at--;
    }
    sc->actions[at] = *a;
    return 0;
}

static bool may_say(const struct vocabulary *words, size_t action)
{
    return strchr(action_words[action].commands, words->letter) != NULL;
}

/* NULL: not a word of this command. */
static const char *action_name(const struct vocabulary *words, size_t i)
{
    return may_say(words, i) ? action_words[i].word : NULL;
}

static int read_set(struct reading *r, struct action *a)
{
    struct slice name, value;
    int err;

    if ((err = need(r, "a setting", &name)) != 0 || (err = setting_find(r, name, &a->setting)) != 0)
        return err;
    const struct setting *s = &r->sc->words->settings[a->setting];
    if (!s->live)
        return wrong(r, name.data, MESH_E_STATE, "%s cannot change in the middle of a run", s->name);
    if ((err = need(r, "its value", &value)) != 0)
        return err;
    return setting_value(r, a->setting, value, &a->value);
}

static const char *origin_word(const struct vocabulary *words, size_t i)
{
    (void)words;
    return origin_words[i];
}

static int read_origin(struct reading *r, struct action *a)
{
    struct slice text;
    int err = need(r, "up, down or hangs", &text);

    if (err != 0)
        return err;
    for (size_t i = 0; i < 3; i++) {
        if (slice_eq(text, slice_str(origin_words[i]))) {
            a->origin = (enum origin_state_kind)i;
            return 0;
        }
    }
    return unknown(r, "state of the origin", text, origin_word, 3);
}

/* Per cent, of which there are a hundred. */
static int read_part(struct reading *r, uint64_t *out)
{
    struct reading before = *r;
    struct slice text = SLICE_EMPTY;
    int err = number(r, SETTING_PCT, "how many of a hundred", out);

    word(&before, &text);
    return err != 0 || *out <= 1000000 ? err : wrong(r, text.data, MESH_E_RANGE, "there are 100 per cent at the most");
}

static int read_args(struct reading *r, struct action *a)
{
    size_t sets = 0, counts = 0, spans = 0;
    uint64_t value;
    int err = 0;

    for (const char *arg = action_words[a->kind].args; *arg != '\0' && err == 0; arg++) {
        switch (*arg) {
        case 'N': err = nodes(r, sets++ == 0 ? &a->a : &a->b); break;
        case 'T':
            err = number(r, SETTING_TIME, "how long", &value);
            a->spans[spans++] = (mesh_ns)(value & INT64_MAX);
            break;
        case 'C':
            err = number(r, SETTING_COUNT,
                         a->kind == ACTION_FLASH && counts == 0                      ? "the key"
                         : a->kind == ACTION_PURGE_TAG                               ? "the tag"
                         : a->kind == ACTION_PURGE_PREFIX || a->kind == ACTION_PURGE ? "the key"
                                                                                     : "how many",
                         &a->numbers[counts]);
            counts++;
            break;
        case 'P': err = read_part(r, &a->numbers[counts++]); break;
        case 'B': err = number(r, SETTING_SIZE, "how many bytes", &a->numbers[counts++]); break;
        case 'S': err = read_set(r, a); break;
        case 'O': err = read_origin(r, a); break;
        }
    }
    return err;
}

static int read_action(struct reading *r)
{
    struct action a = { .line = r->line };
    struct slice text;
    uint64_t at;
    int err;

    if ((err = number(r, SETTING_TIME, "when", &at)) != 0)
        return err;
    a.at = (mesh_ns)(at & INT64_MAX);
    if ((err = need(r, "what happens", &text)) != 0)
        return err;
    size_t i = 0;
    while (i < ACTION_WORDS_N && !(may_say(r->sc->words, i) && slice_eq(text, slice_str(action_words[i].word))))
        i++;
    if (i == ACTION_WORDS_N)
        return unknown(r, "action", text, action_name, ACTION_WORDS_N);
    a.kind = (enum action_kind)i;
    if ((err = read_args(r, &a)) != 0)
        return err;
    if (scenario_add(r->sc, &a) != 0)
        return wrong(r, NULL, MESH_E_NOMEM, "out of memory");
    return 0;
}

/* ---- expectations ---- */

static const char *figure_name(const struct vocabulary *words, size_t i)
{
    return words->figures[i];
}

static int read_expectation(struct reading *r)
{
    struct expectation x = { .line = r->line };
    struct slice name, op;
    int err;

    if ((err = need(r, "a figure", &name)) != 0)
        return err;
    const struct vocabulary *words = r->sc->words;
    while (x.figure < words->figures_n && !slice_eq(name, slice_str(words->figures[x.figure])))
        x.figure++;
    if (x.figure == words->figures_n)
        return unknown(r, "figure", name, figure_name, words->figures_n);
    if ((err = need(r, "<=, = or >=", &op)) != 0)
        return err;
    if (slice_eq(op, SLICE_LIT("<=")) || slice_eq(op, SLICE_LIT(">=")) || slice_eq(op, SLICE_LIT("=")))
        x.op = (char)op.data[0];
    else
        return wrong(r, op.data, MESH_E_SYNTAX, "a comparison is <=, = or >=, not \"%.*s\"",
                     SLICE_FMT(slice_head(op, 40)));
    if ((err = number(r, SETTING_COUNT, "the figure's bound", &x.value)) != 0)
        return err;
    struct scenario *sc = r->sc;
    if (sc->expectations_n == sc->expectations_cap) {
        size_t cap = 2 * sc->expectations_cap + 8;
        struct expectation *grown = realloc(sc->expectations, cap * sizeof(*grown));
        if (grown == NULL)
            return wrong(r, NULL, MESH_E_NOMEM, "out of memory");
        sc->expectations = grown;
        sc->expectations_cap = cap;
    }
    sc->expectations[sc->expectations_n++] = x;
    return 0;
}

/* ---- the whole text ---- */

static int read_preset(struct reading *r, struct slice name)
{
    struct scenario_error why;
    struct slice value;
    int err = need(r, "which one", &value);

    if (err == 0 && (err = preset_apply(r->sc, name, value, &why)) != 0)
        err = wrong(r, value.data, err, "%s", why.text);
    return err;
}

static int read_line(struct reading *r)
{
    struct slice name, value;
    uint64_t v;
    size_t i;
    int err;

    if (!word(r, &name) || preset_is(r->sc->words, name) != r->presets)
        return 0;
    if (r->presets) {
        err = read_preset(r, name);
    } else if (slice_eq(name, SLICE_LIT("at"))) {
        err = read_action(r);
    } else if (slice_eq(name, SLICE_LIT("expect"))) {
        err = read_expectation(r);
    } else if (slice_eq(name, SLICE_LIT("absent"))) {
        err = nodes(r, &r->sc->absent);
        if (err == 0 && r->sc->absent.by != NODES_LIST)
            err = wrong(r, name.data, MESH_E_SYNTAX, "absent nodes are listed by number");
    } else if ((err = setting_find(r, name, &i)) == 0 && (err = need(r, "its value", &value)) == 0 &&
               (err = setting_value(r, i, value, &v)) == 0) {
        *setting_of(r->sc, i) = v;
    }
    if (err == 0 && word(r, &value))
        err = wrong(r, value.data, MESH_E_SYNTAX, "\"%.*s\" is one word too many", SLICE_FMT(slice_head(value, 40)));
    return err;
}

static int read_lines(struct scenario *sc, struct slice text, bool presets, struct scenario_error *e)
{
    struct reading r = { .sc = sc, .err = e, .presets = presets };
    struct slice rest = text;

    while (slice_split(&rest, '\n', &r.whole)) {
        r.line++;
        if (r.whole.len > 0 && r.whole.data[r.whole.len - 1] == '\r')
            r.whole.len--;
        r.rest = r.whole;
        int err = read_line(&r);
        if (err != 0)
            return err;
    }
    return 0;
}

int scenario_parse(struct scenario *sc, struct slice text, struct scenario_error *e)
{
    int err = read_lines(sc, text, true, e);

    return err != 0 ? err : read_lines(sc, text, false, e);
}

static int check_nodes(const struct scenario *sc, struct reading *r, const struct node_set *s)
{
    if (s->by == NODES_ZONE && (s->number < 1 || s->number > sc->zones))
        return wrong(r, NULL, MESH_E_RANGE, "there are %llu zones", (unsigned long long)sc->zones);
    if (s->by == NODES_REGION && (s->number < 1 || s->number > sc->rings))
        return wrong(r, NULL, MESH_E_RANGE, "there are %llu regions (rings)", (unsigned long long)sc->rings);
    if (s->by == NODES_OWNER && (s->number < 1 || s->number > sample_keys(sc)))
        return wrong(r, NULL, MESH_E_RANGE, "there are %llu keys", (unsigned long long)sample_keys(sc));
    if (s->by != NODES_LIST)
        return 0;
    for (uint32_t i = (uint32_t)sc->nodes; i < SIM_NODES_MAX; i++) {
        if (node_set_has(s, i))
            return wrong(r, NULL, MESH_E_RANGE, "there are only %llu nodes", (unsigned long long)sc->nodes);
    }
    return 0;
}

/* What could be run, and would show nothing. */
static int check_sense(const struct scenario *sc, struct reading *r)
{
    bool starts = sc->words != &words_of_run, spreads = false;

    for (uint32_t i = 0; !starts && i < sc->nodes; i++)
        starts = !node_set_has(&sc->absent, i);
    for (size_t i = 0; i < sc->actions_n; i++) {
        enum action_kind kind = sc->actions[i].kind;
        starts = starts || kind == ACTION_START || kind == ACTION_START_LOST;
        spreads = spreads || (kind >= ACTION_PURGE && kind <= ACTION_CONFIGURE);
    }
    if (!starts)
        return wrong(r, NULL, MESH_E_RANGE,
                     "all nodes are absent, and none is ever started: leave out `absent`, or say when "
                     "one starts, such as `at 5s start 1`");
    if (sc->words != &words_of_run)
        return 0;
    if (sc->isolated && (spreads || sc->purges > 0 || sc->configs > 0))
        return wrong(r, NULL, MESH_E_RANGE,
                     "isolated nodes hear of no purge and no change of the configuration: leave these "
                     "out, or say `isolated no`");
    if (sc->sample > 1 && sc->memory / sc->sample < 1 << 20)
        return wrong(r, NULL, MESH_E_RANGE,
                     "an Nth of the memory is less than 1MiB: sample is at most %llu here, or memory "
                     "more",
                     (unsigned long long)(sc->memory >> 20));
    return 0;
}

/* What one of its numbers has that no world can do; NULL: nothing. */
static const char *action_amiss(const struct action *a)
{
    if (a->kind == ACTION_FLAP && (a->spans[1] == 0 || a->spans[0] >= a->spans[1]))
        return "flap takes how long it is cut, and a longer time after which it is cut again";
    if ((a->kind == ACTION_CLOCK_FAST || a->kind == ACTION_CLOCK_SLOW) && a->numbers[0] > CLOCK_DRIFT_MAX)
        return "a clock gains or loses 20000 millionths at the most";
    return NULL;
}

int scenario_check(const struct scenario *sc, struct scenario_error *e)
{
    struct reading r = { .err = e };
    int err;

    if (sc->warmup > sc->time)
        return wrong(&r, NULL, MESH_E_RANGE, "the warm-up is longer than the whole time");
    if (sc->words == &words_of_run && sc->ask_from > sc->nodes)
        return wrong(&r, NULL, MESH_E_RANGE, "viewers ask from node %llu on, and there are only %llu",
                     (unsigned long long)sc->ask_from, (unsigned long long)sc->nodes);
    if (sc->size_min > sc->size_max)
        return wrong(&r, NULL, MESH_E_RANGE, "size-min is above size-max");
    if (sc->disk > 0 && sc->disk < STORE_LIMIT_MIN)
        return wrong(&r, NULL, MESH_E_RANGE, "disk is 0 (none), or 8MiB and more");
    if (sc->settled != 0 && sc->mode != 0)
        return wrong(&r, NULL, MESH_E_RANGE, "only hedgerow can begin settled");
    if (sc->settled != 0 && sc->isolated != 0)
        return wrong(&r, NULL, MESH_E_RANGE, "nodes that do not know each other are no settled mesh");
    if ((err = check_sense(sc, &r)) != 0 || (err = check_nodes(sc, &r, &sc->absent)) != 0)
        return err;
    for (size_t i = 0; i < sc->actions_n; i++) {
        const struct action *a = &sc->actions[i];
        r.line = a->line;
        if ((err = check_nodes(sc, &r, &a->a)) != 0 || (err = check_nodes(sc, &r, &a->b)) != 0)
            return err;
        if (a->at > (mesh_ns)sc->time)
            return wrong(&r, NULL, MESH_E_RANGE, "this is after the end of the run's time");
        const char *amiss = action_amiss(a);
        if (amiss != NULL)
            return wrong(&r, NULL, MESH_E_RANGE, "%s", amiss);
        bool keyed = a->kind == ACTION_FLASH || a->kind == ACTION_PURGE;
        if (keyed && (a->numbers[0] < 1 || a->numbers[0] > sample_keys(sc)))
            return wrong(&r, NULL, MESH_E_RANGE, "there are %llu keys", (unsigned long long)sample_keys(sc));
    }
    return 0;
}
