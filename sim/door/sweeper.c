#include "sim/door/sweeper.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sim/rules/check.h"
#include "sim/door/children.h"
#include "sim/door/load.h"
#include "sim/report.h"
#include "sim/sweep/sweep.h"

#define SEEDS            5
#define RUN_CPU_S        3600 /* of each run: a sweep's are as long as is asked for */
#define RUN_MEMORY_BYTES (UINT64_C(64) << 30)

struct sweeper {
    const struct options *o;
    struct sweep sweep;
    size_t runs;
    uint64_t began_ms, told_ms;
    bool terminal;
};

/* The options of one combination: those that were given, and its values behind them, since the last one counts. */
struct one {
    struct options o;
    char *argv[];
};

static struct one *one_new(const struct sweeper *s, size_t combination)
{
    const struct axes *a = &s->sweep.axes;
    size_t argc = (size_t)s->o->argc;
    struct one *one = calloc(1, sizeof(*one) + (argc + 2 * a->n) * sizeof(one->argv[0]));

    if (one == NULL)
        return NULL;
    one->o = *s->o;
    if (argc > 0)
        memcpy(one->argv, s->o->argv, argc * sizeof(one->argv[0]));
    for (size_t i = 0; i < a->n; i++) {
        struct buf name = BUF_EMPTY;
        buf_addf(&name, "--%s", axis_name(a, i));
        buf_add_u8(&name, '\0');
        one->argv[argc + 2 * i] = (char *)name.data; /* lives as long as the process, or until one_free */
        one->argv[argc + 2 * i + 1] = (char *)(uintptr_t)a->axis[i].values[axes_at(a, combination, i)].text;
    }
    one->o.argv = one->argv;
    one->o.argc = (int)(argc + 2 * a->n);
    return one;
}

static void one_free(const struct sweeper *s, struct one *one)
{
    for (size_t i = 0; one != NULL && i < s->sweep.axes.n; i++)
        free(one->argv[(size_t)s->o->argc + 2 * i]);
    free(one);
}

/* 0, or an exit code, when it has been said why. */
static int load_one(const struct sweeper *s, size_t run, struct scenario *sc, char how[1024])
{
    uint64_t seed = s->sweep.first_seed + run % s->sweep.seeds;
    struct one *one = one_new(s, run / s->sweep.seeds);
    struct buf again = BUF_EMPTY;

    if (one == NULL)
        return EXIT_BROKEN;
    int result = load_scenario(&one->o, &seed, sc);
    if (result == 0)
        options_again(&one->o, sc, &again);
    snprintf(how, 1024, "%.*s", SLICE_FMT(buf_slice(&again)));
    buf_free(&again);
    one_free(s, one);
    return result;
}

/* ---- in a child ---- */

static void judge(struct world *w, struct sweep_run *r)
{
    for (size_t i = 0; i < RULES_N; i++) {
        if (w->check->broken[i] == 0)
            continue;
        const char *message = "";
        for (size_t k = w->check->messages_n; k-- > 0;)
            message = w->check->message_rules[k] == i ? w->check->messages[k] : message;
        snprintf(r->broken, sizeof(r->broken), "BROKEN (%c) %s%s%.180s", (char)('a' + i), rule_texts[i],
                 message[0] != '\0' ? ": " : "", message);
        return;
    }
}

static void run_one(void *ctx, uint64_t run, void *result)
{
    const struct sweeper *s = ctx;
    struct sweep_run *r = result;
    struct scenario sc;

    if (load_one(s, (size_t)run, &sc, r->how) != 0) {
        snprintf(r->broken, sizeof(r->broken), "cannot be run");
        return;
    }
    struct world *w = world_run(&sc, NULL);
    if (w == NULL) {
        snprintf(r->broken, sizeof(r->broken), "the cryptography library cannot be used");
        return;
    }
    report_figures(w, &r->figures);
    check_expectations(w, &r->figures);
    judge(w, r);
    r->ended = true;
}

/* ---- the sweep ---- */

static void take(struct sweeper *s, const struct child_end *end)
{
    struct sweep_run *r = &s->sweep.runs[end->job];

    memcpy(r, end->left, sizeof(*r));
    if (end->how != CHILD_DONE) {
        r->ended = false;
        children_text(end, r->broken);
    }
}

/* On a terminal a line that changes each second, elsewhere one each ten. */
static void tell(struct sweeper *s, size_t ended)
{
    uint64_t now = children_clock_ms(), took = now - s->began_ms;

    if (now - s->told_ms < (s->terminal ? 1000 : 10000))
        return;
    s->told_ms = now;
    fprintf(stderr, "%s%zu of %zu runs, %llu s to go%s", s->terminal ? "\r\033[K" : "", ended, s->runs,
            (unsigned long long)(took * (s->runs - ended) / ended / 1000), s->terminal ? "" : "\n");
    fflush(stderr);
}

static bool run_all(struct sweeper *s, struct children *c)
{
    struct child_end end;
    size_t begun = 0, ended = 0;

    s->began_ms = s->told_ms = children_clock_ms();
    while (ended < s->runs) {
        while (begun < s->runs && children_room(c)) {
            if (!children_start(c, begun)) {
                fprintf(stderr, "hedgerow-sim: no process can be started\n");
                return false;
            }
            begun++;
        }
        if (!children_wait(c, &end))
            return false;
        take(s, &end);
        tell(s, ++ended);
    }
    if (s->terminal)
        fprintf(stderr, "\r\033[K");
    return true;
}

/* Each combination once, before anything runs: together values may be impossible that are lawful alone. */
static int check_all(struct sweeper *s)
{
    char how[1024];
    int result = 0;

    for (size_t i = 0; result == 0 && i < axes_combinations(&s->sweep.axes); i++) {
        struct scenario sc;
        if ((result = load_one(s, i * s->sweep.seeds, &sc, how)) != 0) {
            struct buf name = BUF_EMPTY;
            axes_name(&s->sweep.axes, i, &name);
            fprintf(stderr, "hedgerow-sim: that is so with %.*s; nothing was run\n", SLICE_FMT(buf_slice(&name)));
            buf_free(&name);
        }
        scenario_fini(&sc);
    }
    return result;
}

static void sweep_again(const struct sweeper *s, struct buf *out)
{
    buf_add_str(out, "hedgerow-sim sweep");
    for (int i = 0; i < s->o->argc; i++) {
        const char *arg = s->o->argv[i];
        bool file = strcmp(arg, "--report") == 0 || strcmp(arg, "--csv") == 0, jobs = strcmp(arg, "-j") == 0;
        if (file || jobs)
            i++;
        else if (strcmp(arg, "--json") != 0)
            buf_addf(out, " %s", arg);
    }
    buf_add_u8(out, '\0');
}

static int show(struct sweeper *s)
{
    struct buf out = BUF_EMPTY, again = BUF_EMPTY;
    const char *how;
    bool ok = true;

    sweep_again(s, &again);
    how = again.data != NULL ? (const char *)again.data : "";
    (s->o->json ? sweep_json : sweep_text)(&out, &s->sweep, how);
    ok = buf_ok(&out) && fwrite(out.data, 1, out.len, stdout) == out.len && fflush(stdout) == 0;
    buf_free(&out);
    if (s->o->csv != NULL) {
        sweep_csv(&out, &s->sweep);
        ok = load_save(s->o->csv, &out) && ok;
        buf_free(&out);
    }
    if (s->o->report != NULL) {
        sweep_page(&out, &s->sweep, how);
        ok = load_save(s->o->report, &out) && ok;
        buf_free(&out);
    }
    buf_free(&again);
    return ok && sweep_failed(&s->sweep) == 0 ? EXIT_SUCCESS : EXIT_BROKEN;
}

/* The settings that are varied, and the first seed. 0, or an exit code. */
static int prepare(struct sweeper *s)
{
    const struct options *o = s->o;
    struct buf wrong = BUF_EMPTY;
    struct scenario probe;
    int result = 0;

    axes_init(&s->sweep.axes, o->words);
    for (size_t i = 0; result == 0 && i < sizeof(o->vary) / sizeof(o->vary[0]) && o->vary[i] != NULL; i++)
        result = axes_add(&s->sweep.axes, o->vary[i], &wrong);
    if (result != 0) {
        fprintf(stderr, "hedgerow-sim: %.*s\nTry: hedgerow-sim --help\n", SLICE_FMT(buf_slice(&wrong)));
        buf_free(&wrong);
        return EXIT_USAGE;
    }
    s->sweep.seeds = o->seeds > 0 ? (size_t)o->seeds : SEEDS;
    if (s->sweep.seeds > STATISTICS_N_MAX) {
        fprintf(stderr, "hedgerow-sim: --seeds: %d at most\n", STATISTICS_N_MAX);
        return EXIT_USAGE;
    }
    result = load_scenario(o, NULL, &probe);
    s->sweep.first_seed = probe.seed;
    scenario_fini(&probe);
    return result != 0 ? result : check_all(s);
}

int sweeper_run(const struct options *o)
{
    struct sweeper *s = calloc(1, sizeof(*s));
    int result = EXIT_BROKEN;

    if (s == NULL)
        return EXIT_BROKEN;
    s->o = o;
    s->terminal = isatty(STDERR_FILENO) != 0;
    if ((result = prepare(s)) == 0) {
        const struct child_limits limits = { .at_once = o->jobs > 0 ? o->jobs : children_cores(),
                                             .cpu_s = RUN_CPU_S,
                                             .memory_bytes = RUN_MEMORY_BYTES,
                                             .result_bytes = sizeof(struct sweep_run) };
        s->runs = axes_combinations(&s->sweep.axes) * s->sweep.seeds;
        s->sweep.runs = calloc(s->runs, sizeof(*s->sweep.runs));
        struct children *c = s->sweep.runs != NULL ? children_new(&limits, run_one, s) : NULL;
        result = EXIT_BROKEN;
        if (c == NULL)
            fprintf(stderr, "hedgerow-sim: out of memory\n");
        else if (run_all(s, c))
            result = show(s);
        children_free(c);
    }
    free(s->sweep.runs);
    free(s);
    return result;
}
