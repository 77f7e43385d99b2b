#include "sim/door/load.h"

#include <stdio.h>

#include "proto/base/err.h"
#include "sim/config_model.h"
#include "sim/door/log_file.h"
#include "sim/door/topology_file.h"
#include "sim/faults/fault.h"
#include "sim/hunt/swarm.h"
#include "sim/members/drawn.h"
#include "sim/purge_model.h"
#include "sim/workload.h"

#define SCENARIO_MAX (1u << 20)

bool load_file(const char *path, size_t most, struct buf *out)
{
    FILE *f = fopen(path, "rb");
    size_t n = 1;

    while (f != NULL && n > 0 && out->len <= most) {
        uint8_t *to = buf_reserve(out, 65536);
        n = to != NULL ? fread(to, 1, 65536, f) : 0;
        out->len += n;
    }
    bool ok = f != NULL && !ferror(f) && buf_ok(out) && out->len <= most;
    if (f != NULL)
        fclose(f);
    return ok;
}

bool load_save(const char *path, const struct buf *text)
{
    FILE *f = fopen(path, "wb");
    bool ok = f != NULL && buf_ok(text) && fwrite(text->data, 1, text->len, f) == text->len;

    if (f != NULL)
        ok = fclose(f) == 0 && ok;
    if (!ok)
        fprintf(stderr, "hedgerow-sim: %s cannot be written\n", path);
    return ok;
}

/* What is said, over what |sc| has by now. */
static int said(const struct options *o, struct slice text, struct scenario *sc, struct scenario_error *err)
{
    struct buf wrong = BUF_EMPTY;
    int result = 0;

    if (scenario_parse(sc, text, err) != 0) {
        result = EXIT_CONFIG;
    } else if (options_apply(o, sc, &wrong) != 0) {
        fprintf(stderr, "hedgerow-sim: %.*s\nTry: hedgerow-sim --help\n", SLICE_FMT(buf_slice(&wrong)));
        result = EXIT_USAGE;
    }
    buf_free(&wrong);
    return result;
}

static bool is_story(const struct scenario *sc)
{
    bool story = sc->actions_n > 0;

    for (size_t i = 0; !story && i < sizeof(sc->absent.bits); i++)
        story = sc->absent.bits[i] != 0;
    return story;
}

/* A process reads logs once, however often it loads a scenario; the children that it becomes have them by then. NULL,
 * with the reason on the error stream: they are of no use. */
static const struct workload *load_log(const struct options *o, uint64_t sample)
{
    static struct workload *kept;

    if (kept == NULL || kept->sample != sample) {
        workload_free(kept);
        kept = log_files_read(o->logs, sample);
    }
    return kept;
}

/* As the log is; what it says of nodes is like a default. false: it is of no use. */
static bool take_topology(const struct options *o, struct scenario *sc)
{
    static struct topology *kept;

    if (o->topology == NULL)
        return true;
    if (kept == NULL && (kept = topology_file_read(o->topology)) == NULL)
        return false;
    sc->topology = kept;
    sc->nodes = kept->n;
    sc->rings = kept->regions;
    sc->zones = kept->zones;
    if (kept->memory > 0)
        sc->memory = kept->memory;
    return true;
}

/* How long a run is, and of how many requests, follows from the log, unless it was said. */
#define UNSAID_TIME     0
#define LONGEST         (SEC(86400) * 30) /* of a run */
#define UNSAID_REQUESTS UINT64_MAX

static int replay(struct scenario *sc, struct scenario_error *err)
{
    const struct workload *l = sc->load;

    sc->keys = l->keys_n;
    if (sc->requests > l->n)
        sc->requests = l->n;
    if (sc->time != UNSAID_TIME)
        return 0;
    sc->time = sc->warmup + (uint64_t)workload_span(sc) + MS(1);
    if (sc->time <= SEC(86400) * 30)
        return 0;
    err->line = 0;
    uint64_t seconds = workload_seconds(sc);
    snprintf(err->text, sizeof(err->text), "%s covers %llu days, and a run 30 at most: say --log-speed %llu, or --time",
             l->name, (unsigned long long)(seconds / 86400), (unsigned long long)(seconds / (29 * 86400) + 1));
    return MESH_E_RANGE;
}

static int fill(const struct options *o, const uint64_t *seed, struct slice text, struct scenario *sc,
                struct scenario_error *err)
{
    if (!take_topology(o, sc))
        return EXIT_CONFIG;
    if (o->logs[0] != NULL) {
        sc->time = UNSAID_TIME;
        sc->requests = UNSAID_REQUESTS;
    }
    int result = said(o, text, sc, err);

    if (result != 0)
        return result;
    uint64_t chosen = seed != NULL ? *seed : sc->seed;
    if (o->swarm) {
        bool story = is_story(sc);
        scenario_fini(sc);
        scenario_init(sc, o->words);
        swarm_draw(sc, chosen, story);
        take_topology(o, sc);
        result = said(o, text, sc, err);
        assert(result == 0);
    }
    sc->seed = chosen;
    if (o->logs[0] != NULL && ((sc->load = load_log(o, sc->sample)) == NULL || replay(sc, err) != 0))
        return EXIT_CONFIG;
    if (scenario_check(sc, err) != 0)
        return o->scenario != NULL ? EXIT_CONFIG : EXIT_USAGE;
    if (o->words == &words_of_run) {
        purges_draw(sc);
        configs_draw(sc);
        fault_draw(sc);
        if (o->swarm)
            swarm_more(sc);
    } else if (o->words == &words_of_members) {
        drawn_faults(sc);
    }
    return 0;
}

/* No mistake that could be refused, since hunts look for just that; but who did not mean it should know. */
static void warn(const struct scenario *sc)
{
    const struct action *last = NULL;

    for (size_t i = 0; i < sc->actions_n; i++) {
        if (sc->actions[i].kind != ACTION_ORIGIN)
            continue;
        if (sc->actions[i].at > (mesh_ns)sc->warmup &&
            (last == NULL || last->origin == ORIGIN_UP || sc->actions[i].origin == ORIGIN_UP))
            return;
        last = &sc->actions[i];
    }
    if (last != NULL && last->origin != ORIGIN_UP)
        fprintf(
            stderr,
            "hedgerow-sim: there is no origin: it is down before viewers ask, and `at TIME origin up` never follows\n");
}

int load_scenario(const struct options *o, const uint64_t *seed, struct scenario *sc)
{
    struct scenario_error err = { 0 };
    struct buf text = BUF_EMPTY;
    const char *name = o->scenario != NULL ? o->scenario : "hedgerow-sim";
    int result;

    scenario_init(sc, o->words);
    if (o->scenario != NULL && !load_file(o->scenario, SCENARIO_MAX, &text)) {
        fprintf(stderr, "hedgerow-sim: %s cannot be read, or is too long\n", o->scenario);
        result = EXIT_CONFIG;
    } else {
        result = fill(o, seed, buf_slice(&text), sc, &err);
        if (result == 0 && o->command == COMMAND_RUN)
            warn(sc);
    }
    if (err.line > 0)
        fprintf(stderr, "%s:%u:%u: %s\n", name, err.line, err.column, err.text);
    else if (err.text[0] != '\0')
        fprintf(stderr, "%s: %s\n", name, err.text);
    buf_free(&text);
    return result;
}
