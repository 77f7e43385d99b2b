/* hedgerow-sim: the door. Files and processes are for this and for door/ alone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

#include "sim/door/comparer.h"
#include "sim/door/differ.h"
#include "sim/door/hunter.h"
#include "sim/door/load.h"
#include "sim/door/node_files.h"
#include "sim/door/progress.h"
#include "sim/door/room.h"
#include "sim/door/shrinker.h"
#include "sim/door/sweeper.h"
#include "sim/members/crowd.h"
#include "sim/members/members_page.h"
#include "sim/members/members_report.h"
#include "sim/options.h"
#include "sim/page/page.h"
#include "sim/report.h"
#include "sim/routing/routing_report.h"
#include "sim/rules/check.h"
#include "sim/series.h"

static int usage(const struct buf *wrong)
{
    fprintf(stderr, "hedgerow-sim: %.*s\nTry: hedgerow-sim --help\n", SLICE_FMT(buf_slice(wrong)));
    return EXIT_USAGE;
}

static bool print(struct buf *text)
{
    bool ok = buf_ok(text) && fwrite(text->data, 1, text->len, stdout) == text->len && fflush(stdout) == 0;
    buf_free(text);
    return ok;
}

static void trace_line(void *ctx, const char *text)
{
    fprintf(ctx, "%s\n", text);
}

static void diagram_tap(void *ctx, const char *text)
{
    diagram_line(ctx, text);
}

/* The last moments before the first thing that was found broken, NULL if nothing was: of the same run once more, since
 * only now it is known where to look. */
static struct diagram *last_moments(const struct scenario *sc, const struct world *w)
{
    struct diagram *d = report_ok(w) ? NULL : calloc(1, sizeof(*d));
    const struct tap tap = { .line = diagram_tap, .ctx = d };

    if (d == NULL)
        return NULL;
    diagram_init(d, w->check->messages_n > 0 ? w->check->messages[0] : "", sc->nodes);
    world_free(world_run(sc, &tap));
    return d;
}

/* The files beside the report, those that are wanted. */
static bool write_pictures(const struct options *o, const struct scenario *sc, struct world *w, const struct figures *f,
                           const char *how)
{
    struct buf text = BUF_EMPTY;
    bool ok = true;

    if (o->report != NULL) {
        struct diagram *last = last_moments(sc, w);
        page_write(&text, w, f, how, last);
        free(last);
        ok = load_save(o->report, &text);
        buf_free(&text);
    }
    if (o->csv != NULL) {
        series_csv(&text, w->series);
        ok = load_save(o->csv, &text) && ok;
        buf_free(&text);
    }
    return ok;
}

static int run(const struct options *o, struct scenario *sc)
{
    struct buf out = BUF_EMPTY, again = BUF_EMPTY;
    struct figures figures;
    struct progress progress;
    struct node_files files = { .folder = o->node_files };
    struct tap tap = { .moment = progress_moment, .moment_ctx = &progress };
    FILE *trace = NULL, *answers = NULL;

    if (!node_files_begin(&files, sc, &tap))
        return EXIT_USAGE;
    if (o->trace != NULL) {
        trace = strcmp(o->trace, "-") == 0 ? stderr : fopen(o->trace, "w");
        if (trace == NULL) {
            fprintf(stderr, "hedgerow-sim: %s cannot be written\n", o->trace);
            return EXIT_BROKEN;
        }
        tap.line = trace_line;
        tap.ctx = trace;
    }
    if (o->answers != NULL) {
        answers = fopen(o->answers, "w");
        if (answers == NULL) {
            fprintf(stderr, "hedgerow-sim: %s cannot be written\n", o->answers);
            return EXIT_BROKEN;
        }
        trace_line(answers, ANSWERS_HEAD);
        tap.answer = trace_line;
        tap.answer_ctx = answers;
    }
    progress_begin(&progress);
    struct world *w = world_run(sc, &tap);
    progress_end(&progress);
    if (w == NULL) {
        fprintf(stderr, "hedgerow-sim: the cryptography library cannot be used\n");
        return EXIT_BROKEN;
    }
    report_figures(w, &figures);
    check_expectations(w, &figures);
    options_again(o, sc, &again);
    buf_add_u8(&again, '\0');
    if (o->json)
        report_json(&out, w, &figures, (const char *)again.data);
    else
        report_text(&out, w, &figures, (const char *)again.data);
    bool ok = report_ok(w) && !files.failed;
    ok = write_pictures(o, sc, w, &figures, (const char *)again.data) && ok;
    world_free(w);
    buf_free(&again);
    if (answers != NULL)
        ok = fclose(answers) == 0 && ok;
    if (trace != NULL && trace != stderr)
        ok = fclose(trace) == 0 && ok;
    return print(&out) && ok ? EXIT_SUCCESS : EXIT_BROKEN;
}

/* The page of members: beside the run |first| those of the baselines, where they are wanted. */
static bool write_members_page(const struct options *o, const struct scenario *sc, const struct members_run *first,
                               const char *how)
{
    static struct members_curves curves[MEMBERS_PAGE_RUNS];
    struct members_run runs[MEMBERS_PAGE_RUNS] = { *first };
    struct crowd *others[MEMBERS_PAGE_RUNS] = { NULL };
    struct scenario other = *sc; /* its lists are lent */
    struct buf page = BUF_EMPTY;
    size_t n = 1;

    for (uint64_t mode = 0; o->baselines && mode < MEMBERS_PAGE_RUNS; mode++) {
        other.mode = mode;
        if (mode == sc->mode || (others[n] = crowd_watched_run(&other, &curves[n])) == NULL)
            continue;
        runs[n].crowd = others[n];
        runs[n].curves = &curves[n];
        crowd_figures(others[n], &runs[n].figures);
        n++;
    }
    members_page(&page, runs, n, how);
    bool ok = load_save(o->report, &page);
    buf_free(&page);
    for (size_t i = 1; i < n; i++)
        crowd_free(others[i]);
    return ok;
}

static int run_members(const struct options *o, const struct scenario *sc)
{
    static struct members_curves curves;
    struct buf out = BUF_EMPTY, again = BUF_EMPTY;
    struct members_run run = { .curves = &curves };
    struct crowd *c = crowd_watched_run(sc, o->report != NULL ? &curves : NULL);

    if (c == NULL) {
        fprintf(stderr, "hedgerow-sim: the cryptography library cannot be used\n");
        return EXIT_BROKEN;
    }
    crowd_figures(c, &run.figures);
    options_again(o, sc, &again);
    buf_add_u8(&again, '\0');
    bool ok = members_report(&out, c, &run.figures, o->json, (const char *)again.data);
    run.crowd = c;
    if (o->report != NULL)
        ok = write_members_page(o, sc, &run, (const char *)again.data) && ok;
    crowd_free(c);
    buf_free(&again);
    return print(&out) && ok ? EXIT_SUCCESS : EXIT_BROKEN;
}

static int run_routing(const struct options *o, const struct scenario *sc)
{
    struct buf out = BUF_EMPTY, again = BUF_EMPTY;
    struct routing *worlds[POLICIES_N] = { NULL };
    size_t n = sc->others != 0 ? POLICIES_N : 1;

    for (size_t i = 0; i < n; i++) {
        worlds[i] = routing_run(sc, (enum routing_policy)i);
        if (worlds[i] == NULL) {
            fprintf(stderr, "hedgerow-sim: the cryptography library cannot be used\n");
            return EXIT_BROKEN;
        }
    }
    options_again(o, sc, &again);
    buf_add_u8(&again, '\0');
    bool ok = routing_report(&out, worlds, n, o->json, (const char *)again.data);
    for (size_t i = 0; i < n; i++)
        routing_free(worlds[i]);
    buf_free(&again);
    return print(&out) && ok ? EXIT_SUCCESS : EXIT_BROKEN;
}

/* What the run cost; on the error stream, since it is not the same each time. */
static void tell_cost(void)
{
    struct rusage u;

    if (getrusage(RUSAGE_SELF, &u) == 0)
        fprintf(
            stderr, "cost %lld.%02lld s of CPU, %lld MiB\n",
            (long long)(u.ru_utime.tv_sec + u.ru_stime.tv_sec + (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000000),
            (long long)((u.ru_utime.tv_usec + u.ru_stime.tv_usec) % 1000000 / 10000), (long long)u.ru_maxrss / 1024);
}

/* A node's tables are large and mostly never written to: in a mapping of their own they cost nothing until then. Left
 * to itself, glibc takes them from its heap once the first was given back, and writes zeroes over them at each start of
 * a node. What is small goes and comes all the time, and the heap keeps it. */
static void settle_memory(void)
{
#ifdef __GLIBC__
    mallopt(M_MMAP_THRESHOLD, 128 << 10);
    mallopt(M_TRIM_THRESHOLD, 256 << 20);
    mallopt(M_TOP_PAD, 1 << 20);
#endif
}

int main(int argc, char **argv)
{
    struct buf wrong = BUF_EMPTY, text = BUF_EMPTY;
    struct scenario sc;
    struct options o;
    int result;

    settle_memory();
    if (options_parse(&o, argc, argv, &wrong) != 0) {
        result = usage(&wrong);
        buf_free(&wrong);
        return result;
    }
    if (o.command == COMMAND_HELP) {
        options_help(&o, &text);
        return print(&text) ? EXIT_SUCCESS : EXIT_BROKEN;
    }
    if (o.command == COMMAND_VERSION) {
        buf_add_str(&text, "hedgerow-sim " HEDGEROW_VERSION "\n");
        return print(&text) ? EXIT_SUCCESS : EXIT_BROKEN;
    }
    if (o.command == COMMAND_DIFF)
        return differ_files(&o);
    if (o.command == COMMAND_REPORT)
        return comparer_run(&o);
    if (o.command == COMMAND_HUNT)
        return hunter_run(&o);
    if (o.command == COMMAND_SWEEP)
        return sweeper_run(&o);
    result = load_scenario(&o, NULL, &sc);
    if (result == 0 && o.command == COMMAND_SHRINK) {
        result = shrinker_run(&o, &sc);
    } else if (result == 0 && o.command == COMMAND_BISECT) {
        result = differ_programs(&o, &sc);
    } else if (result == 0 && o.print) {
        scenario_put(&text, &sc);
        result = print(&text) ? EXIT_SUCCESS : EXIT_BROKEN;
    } else if (result == 0 && o.command == COMMAND_RUN && !o.force && !room_for(&sc)) {
        result = EXIT_USAGE;
    } else if (result == 0) {
        result = o.command == COMMAND_RUN       ? run(&o, &sc)
                 : o.command == COMMAND_MEMBERS ? run_members(&o, &sc)
                                                : run_routing(&o, &sc);
        if (o.cost)
            tell_cost();
    }
    scenario_fini(&sc);
    return result;
}
