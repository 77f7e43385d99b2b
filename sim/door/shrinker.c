#include "sim/door/shrinker.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sim/door/children.h"
#include "sim/door/hunter.h"
#include "sim/door/load.h"
#include "sim/hunt/ddmin.h"
#include "sim/hunt/diagram.h"
#include "sim/hunt/reduce.h"
#include "sim/hunt/verdict.h"
#include "sim/page/page.h"

#define SHRINK_FOR   SEC(60)
#define DDMIN_MAX    4096 /* of more things ddmin is left out until other ways have made them fewer */
#define SEEDS_EACH   3    /* other seeds that are tried for each node and action that could be left out */
#define PICTURE_ROOM (256u << 10)
#define PAGE_ROOM    (1024u << 10)

/* What must be as it was for a candidate to count. */
struct failure {
    enum child_how how;
    int code;
    enum rule rule; /* of a run that came to its end */
    char text[320];
};

typedef bool (*reduce_with)(struct scenario *to, const struct scenario *from, const bool *keep);

struct shrinker {
    const struct options *o;
    struct scenario *best;
    struct scenario *candidates; /* those that children try now */
    struct children *children;
    struct failure failure;
    struct verdict *verdict; /* of the best so far */
    reduce_with with;        /* what ddmin tries now */
    uint64_t tried, began_ms, limit_ms;
};

static void run_candidate(void *ctx, uint64_t job, void *result)
{
    const struct shrinker *s = ctx;
    verdict_run(result, &s->candidates[job], NULL);
}

static bool is_same(const struct shrinker *s, const struct child_end *end)
{
    const struct verdict *v = end->left;

    if (end->how != s->failure.how)
        return false;
    return end->how == CHILD_DONE ? v->usable && v->broken[s->failure.rule] > 0 : end->code == s->failure.code;
}

static bool time_is_up(const struct shrinker *s)
{
    return children_clock_ms() - s->began_ms > s->limit_ms;
}

/* The index of the first of |n| that fails in the same way; |n|: none. */
static size_t first_failing(struct shrinker *s, struct scenario *candidates, size_t n)
{
    size_t begun = 0, running = 0, first = n;
    struct child_end end;

    s->candidates = candidates;
    while (running > 0 || (begun < first && !time_is_up(s))) {
        if (begun < first && children_room(s->children) && !time_is_up(s) && children_start(s->children, begun)) {
            begun++;
            running++;
            continue;
        }
        if (!children_wait(s->children, &end))
            break;
        running--;
        s->tried++;
        if (end.job < first && is_same(s, &end)) {
            first = (size_t)end.job;
            memcpy(s->verdict, end.left, sizeof(*s->verdict));
        }
    }
    return first;
}

static void progress(const struct shrinker *s, const char *what)
{
    fprintf(stderr, "%5llu tried: %llu nodes, %zu actions, %llu requests, %llu keys, %llu s (%s)\n",
            (unsigned long long)s->tried, (unsigned long long)s->best->nodes, s->best->actions_n,
            (unsigned long long)s->best->requests, (unsigned long long)s->best->keys,
            (unsigned long long)(s->best->time / SEC(1)), what);
}

/* Tries |n| candidates, which it frees, and takes the first that fails. */
static bool adopt(struct shrinker *s, struct scenario *candidates, size_t n)
{
    size_t first = first_failing(s, candidates, n);

    for (size_t i = 0; i < n; i++) {
        if (i != first) {
            scenario_fini(&candidates[i]);
            continue;
        }
        scenario_fini(s->best);
        *s->best = candidates[i];
    }
    return first < n;
}

static bool with_actions(struct scenario *to, const struct scenario *from, const bool *keep)
{
    reduce_actions(to, from, keep);
    return true;
}

static size_t try_kept(void *ctx, const bool *keep, size_t count, size_t n)
{
    struct shrinker *s = ctx;
    struct scenario candidates[DDMIN_BATCH];
    size_t which[DDMIN_BATCH], made = 0;

    for (size_t i = 0; i < count; i++) {
        if (s->with(&candidates[made], s->best, keep + i * n))
            which[made++] = i;
    }
    size_t first = time_is_up(s) ? made : first_failing(s, candidates, made);
    for (size_t i = 0; i < made; i++)
        scenario_fini(&candidates[i]);
    return first < made ? which[first] : count;
}

/* Which of |n| things are needed, of which |with| makes a scenario of some? */
static bool fewer(struct shrinker *s, size_t n, reduce_with with, const char *what)
{
    bool *keep = n > 0 && n <= DDMIN_MAX ? calloc(n, sizeof(*keep)) : NULL;
    struct scenario less;

    if (keep == NULL)
        return false;
    memset(keep, true, n);
    s->with = with;
    size_t left = ddmin(keep, n, try_kept, s);
    if (left < n && with(&less, s->best, keep)) {
        scenario_fini(s->best);
        *s->best = less;
        progress(s, what);
    }
    free(keep);
    return left < n;
}

/* Ends soon after the rule was found broken, if that will do. */
static bool ends_sooner(struct shrinker *s)
{
    struct scenario candidate;
    const char *text = verdict_message(s->verdict, s->failure.rule);
    uint64_t ms = strtoull(text, NULL, 10) * 1000 + 1000;

    if (s->failure.how != CHILD_DONE || text[0] == '\0' || ms * MS(1) >= s->best->time || ms * MS(1) < s->best->warmup)
        return false;
    reduce_copy(&candidate, s->best);
    candidate.time = ms * MS(1);
    size_t n = 0;
    for (size_t i = 0; i < candidate.actions_n; i++) {
        if (candidate.actions[i].at <= (mesh_ns)candidate.time)
            candidate.actions[n++] = candidate.actions[i];
    }
    candidate.actions_n = n;
    bool taken = adopt(s, &candidate, 1);
    if (taken)
        progress(s, "ends sooner");
    return taken;
}

/* First what makes all later runs cost less: requests, and nodes, with which their actions go. */
static bool costs_less(struct shrinker *s)
{
    struct scenario candidates[REDUCE_CANDIDATES];
    size_t way = reduce_way_of("requests");
    bool less = !time_is_up(s) && adopt(s, candidates, reduce_candidates(s->best, way, candidates));

    if (less)
        progress(s, reduce_way(way));
    return fewer(s, s->best->nodes, reduce_nodes, "fewer nodes") || less;
}

static bool other_ways(struct shrinker *s)
{
    struct scenario candidates[REDUCE_CANDIDATES];
    bool any = false;

    for (size_t way = 0; way < reduce_ways(); way++) {
        bool less = false;
        while (!time_is_up(s) && adopt(s, candidates, reduce_candidates(s->best, way, candidates)))
            less = true;
        if (less)
            progress(s, reduce_way(way));
        any = any || less;
    }
    return any;
}

/* When nothing more can be left out: perhaps with other seeds. */
static bool other_seeds(struct shrinker *s)
{
    struct scenario candidates[REDUCE_CANDIDATES];
    uint64_t turns = 1 + SEEDS_EACH * (s->best->nodes + s->best->actions_n) / REDUCE_CANDIDATES;

    for (uint64_t turn = 0; turn < turns && !time_is_up(s); turn++) {
        if (adopt(s, candidates, reduce_reseeded(s->best, turn, candidates))) {
            progress(s, "another seed");
            return true;
        }
    }
    return false;
}

/* ---- the result ---- */

struct picture {
    char text[PICTURE_ROOM], svg[PICTURE_ROOM], page[PAGE_ROOM];
    bool too_long; /* the page for its room */
};

static void take_line(void *ctx, const char *line)
{
    diagram_line(ctx, line);
}

static void copy_text(char *to, struct buf *from)
{
    snprintf(to, PICTURE_ROOM, "%.*s", SLICE_FMT(buf_slice(from)));
    buf_free(from);
}

/* In a child, since the run may crash again: then there is a picture of as much as there was only if it ends. */
static void draw(void *ctx, uint64_t job, void *result)
{
    const struct shrinker *s = ctx;
    struct picture *p = result;
    struct diagram *d = calloc(1, sizeof(*d));
    struct verdict *v = calloc(1, sizeof(*v));
    struct buf text = BUF_EMPTY, svg = BUF_EMPTY, page = BUF_EMPTY;
    const struct tap tap = { .line = take_line, .ctx = d };

    (void)job;
    if (d == NULL || v == NULL)
        return;
    diagram_init(d, verdict_message(s->verdict, s->failure.rule), s->best->nodes);
    verdict_run(v, s->best, &tap);
    diagram_put(d, &text);
    diagram_put_svg(d, s->failure.text, &svg);
    copy_text(p->text, &text);
    copy_text(p->svg, &svg);
    page_failure(&page, s->best, s->failure.text, verdict_message(s->verdict, s->failure.rule), d);
    p->too_long = snprintf(p->page, PAGE_ROOM, "%.*s", SLICE_FMT(buf_slice(&page))) >= (int)PAGE_ROOM;
    buf_free(&page);
}

static int show(struct shrinker *s)
{
    struct child_limits limits = { 1, RUN_CPU_S, RUN_MEMORY_BYTES, sizeof(struct picture) };
    struct children *c = children_new(&limits, draw, s);
    struct buf out = BUF_EMPTY, svg = BUF_EMPTY, page = BUF_EMPTY;
    struct child_end end = { .how = CHILD_CRASHED };
    const char *message = verdict_message(s->verdict, s->failure.rule);

    buf_addf(&out, "# Breaks: %s\n", s->failure.text);
    if (s->failure.how == CHILD_DONE)
        buf_addf(&out, "# %s\n", message);
    scenario_put(&out, s->best);
    bool drawn = s->failure.how == CHILD_DONE && c != NULL && children_start(c, 0) && children_wait(c, &end) &&
                 end.how == CHILD_DONE;
    fwrite(out.data, 1, out.len, stdout);
    if (drawn)
        printf("\n%s", ((const struct picture *)end.left)->text);
    bool ok = s->o->out == NULL || load_save(s->o->out, &out);
    if (drawn && s->o->svg != NULL) {
        buf_add_str(&svg, ((const struct picture *)end.left)->svg);
        ok = load_save(s->o->svg, &svg) && ok;
    }
    if (s->o->report != NULL) {
        const struct picture *p = drawn ? end.left : NULL;
        if (p != NULL && !p->too_long)
            buf_add_str(&page, p->page);
        else
            page_failure(&page, s->best, s->failure.text, message, NULL);
        ok = load_save(s->o->report, &page) && ok;
    }
    buf_free(&out);
    buf_free(&svg);
    buf_free(&page);
    children_free(c);
    return ok && fflush(stdout) == 0 ? EXIT_SUCCESS : EXIT_BROKEN;
}

/* The run as it is: what does it break? */
static bool first_run(struct shrinker *s)
{
    struct child_end end;

    s->candidates = s->best;
    if (!children_start(s->children, 0) || !children_wait(s->children, &end))
        return false;
    const struct verdict *v = end.left;
    s->failure = (struct failure){ .how = end.how, .code = end.code, .rule = RULES_N };
    if (end.how == CHILD_DONE) {
        memcpy(s->verdict, v, sizeof(*v));
        enum rule rule = s->failure.rule = verdict_rule(v);
        if (rule == RULES_N) {
            printf("Nothing is broken with seed %llu.\n", (unsigned long long)s->best->seed);
            return false;
        }
        snprintf(s->failure.text, sizeof(s->failure.text), "(%c) %s", (char)('a' + (int)rule), rule_texts[rule]);
    } else {
        children_text(&end, s->failure.text);
    }
    fprintf(stderr, "Breaks: %s\n", s->failure.text);
    progress(s, "the run");
    return true;
}

int shrinker_run(const struct options *o, struct scenario *sc)
{
    struct shrinker s = { .o = o, .best = sc };
    const struct child_limits limits = { .at_once = o->jobs > 0 ? o->jobs : children_cores(),
                                         .cpu_s = RUN_CPU_S,
                                         .memory_bytes = RUN_MEMORY_BYTES,
                                         .result_bytes = sizeof(struct verdict) };
    int result = EXIT_BROKEN;

    s.began_ms = children_clock_ms();
    s.limit_ms = (o->span > 0 ? o->span : (uint64_t)SHRINK_FOR) / MS(1);
    s.verdict = calloc(1, sizeof(*s.verdict));
    s.children = children_new(&limits, run_candidate, &s);
    if (s.children == NULL || s.verdict == NULL) {
        fprintf(stderr, "hedgerow-sim: out of memory\n");
    } else if (first_run(&s)) {
        bool any = true;
        while (any && !time_is_up(&s)) {
            any = ends_sooner(&s);
            any = costs_less(&s) || any;
            any = fewer(&s, s.best->actions_n, with_actions, "fewer actions") || any;
            any = other_ways(&s) || any;
            any = any || other_seeds(&s);
        }
        if (time_is_up(&s))
            fprintf(stderr, "The time is up (--for): it may become smaller still.\n");
        result = show(&s);
    }
    children_free(s.children);
    free(s.verdict);
    return result;
}
