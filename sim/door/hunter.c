#include "sim/door/hunter.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sim/door/children.h"
#include "sim/door/load.h"
#include "sim/hunt/verdict.h"
#include "sim/faults/rare.h"

#define SEEDS          200
#define COVERAGE_SEEDS 200
#define RAREST         5
#define FOUND_MAX      10 /* failing seeds that are shown; with so many a hunt ends */

struct found {
    uint64_t seed;
    char lines[3][512];
};

struct hunt {
    const struct options *o;
    uint64_t first, wanted, span_ms; /* 0: as many as there is time for */
    uint64_t begun, ended, held, began_ms, told_ms;
    bool terminal;
    struct sometimes sometimes;
    struct found found[FOUND_MAX + 1];
    size_t found_n;
};

static void run_seed(void *ctx, uint64_t seed, void *result)
{
    const struct hunt *h = ctx;
    struct verdict *v = result;
    struct scenario sc;

    if (load_scenario(h->o, &seed, &sc) == 0)
        verdict_run(v, &sc, NULL);
    else
        v->ended = true;
}

/* ---- what is shown ---- */

static uint64_t rate(uint64_t n, uint64_t ms)
{
    return ms > 0 ? n * 60000 / ms : 0;
}

/* On a terminal one line that changes each second, elsewhere a line each ten. */
static void tell(struct hunt *h)
{
    uint64_t now = children_clock_ms(), took = now - h->began_ms, left;

    if (now - h->told_ms < (h->terminal ? 1000 : 10000))
        return;
    h->told_ms = now;
    if (h->span_ms > 0)
        left = h->span_ms > took ? (h->span_ms - took) / 1000 : 0;
    else
        left = h->ended > 0 ? took * (h->wanted - h->ended) / h->ended / 1000 : 0;
    fprintf(stderr, "%s%llu seeds, %llu a minute, %zu failed, %llu s to go%s", h->terminal ? "\r\033[K" : "",
            (unsigned long long)h->ended, (unsigned long long)rate(h->ended, took), h->found_n,
            (unsigned long long)left, h->terminal ? "" : "\n");
    fflush(stderr);
}

static void put_command(const struct hunt *h, uint64_t seed, char line[512])
{
    struct buf again = BUF_EMPTY;
    struct scenario sc;

    if (load_scenario(h->o, &seed, &sc) == 0)
        options_again(h->o, &sc, &again);
    snprintf(line, 512, "%.*s", SLICE_FMT(buf_slice(&again)));
    scenario_fini(&sc);
    buf_free(&again);
}

/* Files the failing seed in its place: the lowest come first, whichever ended first. */
static void file(struct hunt *h, const struct found *f)
{
    size_t at = h->found_n < FOUND_MAX ? h->found_n++ : FOUND_MAX;

    while (at > 0 && h->found[at - 1].seed > f->seed) {
        h->found[at] = h->found[at - 1];
        at--;
    }
    h->found[at] = *f;
}

static void judge(struct hunt *h, const struct child_end *end)
{
    const struct verdict *v = end->left;
    struct found f = { .seed = end->job };

    h->ended++;
    if (end->how == CHILD_DONE && verdict_held(v)) {
        h->held++;
        sometimes_seen(&h->sometimes, &v->sometimes);
        return;
    }
    if (end->how != CHILD_DONE) {
        children_text(end, f.lines[0]);
        snprintf(f.lines[1], sizeof(f.lines[1]), "%s", end->said);
    } else if (!v->usable) {
        snprintf(f.lines[0], sizeof(f.lines[0]), "cannot be run");
        snprintf(f.lines[1], sizeof(f.lines[1]), "%s", end->said);
    } else {
        enum rule rule = verdict_rule(v);
        snprintf(f.lines[0], sizeof(f.lines[0]), "BROKEN (%c) %s", (char)('a' + (int)rule), rule_texts[rule]);
        snprintf(f.lines[1], sizeof(f.lines[1]), "%s", verdict_message(v, rule));
        sometimes_seen(&h->sometimes, &v->sometimes);
    }
    put_command(h, f.seed, f.lines[2]);
    fprintf(stderr, "%sseed %llu: %s\n", h->terminal ? "\r\033[K" : "", (unsigned long long)f.seed, f.lines[0]);
    file(h, &f);
}

static bool is_missing(const struct sometimes *seen, size_t i)
{
    return seen->count[i] == 0 && sometimes_exempt(i) == NULL;
}

/* The things that |is_so| holds of, under |title|. False: there are some. */
static bool none(const struct hunt *h, const char *title, bool (*is_so)(const struct sometimes *seen, size_t i))
{
    bool none = true;
    char name[64];

    for (size_t i = 0; i < sometimes_n(); i++) {
        if (!is_so(&h->sometimes, i))
            continue;
        sometimes_name(i, name);
        printf("%s    %s\n", none ? title : "", name);
        none = false;
    }
    return none;
}

static bool covered(const struct hunt *h)
{
    bool free_hunt = h->o->swarm && h->o->scenario == NULL && h->ended >= COVERAGE_SEEDS;
    size_t rarest[RAREST];
    char name[64];

    if (!h->o->coverage && !free_hunt)
        return true;
    bool all = none(h, "Never, in no seed, happened:\n", is_missing);
    all = none(h, "Cannot happen (hunt/sometimes.c), and did:\n", sometimes_untrue) && all;
    if (!all)
        return false;
    printf("All that can happen did; the rarest, in so many seeds:\n");
    size_t n = sometimes_rarest(&h->sometimes, rarest, RAREST);
    for (size_t i = 0; i < n; i++) {
        sometimes_name(rarest[i], name);
        printf("    %-36s %llu\n", name, (unsigned long long)h->sometimes.count[rarest[i]]);
    }
    return true;
}

/* In how many seeds each kind of fault bit, and each rare site went the rare way; four a line. */
static void put_faults(const struct hunt *h)
{
    printf("Seeds in which each kind of fault bit\n");
    for (enum fault_kind k = 0; k < FAULT_KINDS_N; k++)
        printf("  %-17s %6llu%s", fault_kinds[k].word, (unsigned long long)sometimes_fault(&h->sometimes, k),
               k % 4 == 3 || k + 1 == FAULT_KINDS_N ? "\n" : "");
    printf("Seeds in which each rare site went the rare way\n");
    for (enum rare_site i = 0; i < RARE_SITES_N; i++)
        printf("  %-17s %6llu%s", rare_sites[i].word, (unsigned long long)sometimes_rare(&h->sometimes, i),
               i % 4 == 3 || i + 1 == RARE_SITES_N ? "\n" : "");
}

static int report(struct hunt *h)
{
    uint64_t took = children_clock_ms() - h->began_ms;

    if (h->terminal)
        fprintf(stderr, "\r\033[K");
    for (size_t i = 0; i < h->found_n; i++) {
        const struct found *f = &h->found[i];
        printf("seed %llu: %s\n", (unsigned long long)f->seed, f->lines[0]);
        if (f->lines[1][0] != '\0')
            printf("    %s\n", f->lines[1]);
        printf("    %s\n", f->lines[2]);
    }
    if (h->o->coverage)
        put_faults(h);
    bool all = covered(h);
    printf("%llu of %llu seeds held, from %llu; %llu.%llu s, %llu seeds a minute\n", (unsigned long long)h->held,
           (unsigned long long)h->ended, (unsigned long long)h->first, (unsigned long long)(took / 1000),
           (unsigned long long)(took / 100 % 10), (unsigned long long)rate(h->ended, took));
    return fflush(stdout) == 0 && all && h->held == h->ended ? EXIT_SUCCESS : EXIT_BROKEN;
}

/* ---- the hunt ---- */

static bool goes_on(const struct hunt *h)
{
    if (h->found_n >= (h->o->first ? 1 : FOUND_MAX))
        return false;
    if (h->span_ms > 0)
        return children_clock_ms() - h->began_ms < h->span_ms;
    return h->begun < h->wanted;
}

static int hunt(struct hunt *h, struct children *c)
{
    struct child_end end;

    h->began_ms = h->told_ms = children_clock_ms();
    do {
        while (goes_on(h) && children_room(c)) {
            if (!children_start(c, h->first + h->begun)) {
                fprintf(stderr, "hedgerow-sim: no process can be started\n");
                return EXIT_BROKEN;
            }
            h->begun++;
        }
        if (!children_wait(c, &end))
            break;
        judge(h, &end);
        tell(h);
    } while (h->ended < h->begun || goes_on(h));
    return report(h);
}

int hunter_run(const struct options *o)
{
    struct hunt *h = calloc(1, sizeof(*h));
    struct scenario probe;
    int result = EXIT_BROKEN;

    if (h == NULL)
        return EXIT_BROKEN;
    h->o = o;
    h->first = o->from > 0 ? o->from : 1;
    h->span_ms = o->span / MS(1);
    h->wanted = o->seeds > 0 ? o->seeds : SEEDS;
    h->terminal = isatty(STDERR_FILENO) != 0;
    const struct child_limits limits = { .at_once = o->jobs > 0 ? o->jobs : children_cores(),
                                         .cpu_s = RUN_CPU_S,
                                         .memory_bytes = RUN_MEMORY_BYTES,
                                         .result_bytes = sizeof(struct verdict) };
    struct children *c = children_new(&limits, run_seed, h);
    if (c == NULL)
        fprintf(stderr, "hedgerow-sim: out of memory\n");
    else if ((result = load_scenario(o, &h->first, &probe)) == 0)
        result = hunt(h, c);
    if (c != NULL)
        scenario_fini(&probe);
    children_free(c);
    free(h);
    return result;
}
