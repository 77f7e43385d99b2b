#include "sim/routing/routing_report.h"

#include <stdio.h>

#include "sim/figures.h"

static const char *const figure_help[] = {
#define X(name, help) help,
    ROUTING_FIGURES(X)
#undef X
};

/* ---- the table of policies ---- */

/* |value| / |scale| with one decimal; "-": there is none. */
static void put_tenths(struct buf *out, uint64_t value, uint64_t scale, int width)
{
    char text[24] = "-";

    if (value != FIGURE_NEVER)
        snprintf(text, sizeof(text), "%llu.%llu", (unsigned long long)(value / scale),
                 (unsigned long long)(value % scale * 10 / scale));
    buf_addf(out, "%*s", width, text);
}

static void put_policies(struct buf *out, struct routing *const *worlds, size_t n)
{
    buf_addf(out,
             "%-12s%33s%28s%28s%18s%10s\n"
             "%-12s%9s%8s%8s%8s%7s%7s%7s%7s%7s%7s%7s%7s%9s%9s%10s\n",
             "", "% of viewers near to their best", "median excess, ms", "95th percentile, ms", "mean, ms", "switches",
             "", "10 s", "30 s", "60 s", "120 s", "10 s", "30 s", "60 s", "120 s", "10 s", "30 s", "60 s", "120 s",
             "RTT", "best", "a hour");
    for (size_t i = 0; i < n; i++) {
        const struct routing_figures *f = &worlds[i]->f;
        const uint64_t near[] = { f->near_10s, f->near_30s, f->near_60s, f->near_120s };
        const uint64_t excess[] = { f->excess_p50_10s_us,  f->excess_p50_30s_us, f->excess_p50_60s_us,
                                    f->excess_p50_120s_us, f->excess_p95_10s_us, f->excess_p95_30s_us,
                                    f->excess_p95_60s_us,  f->excess_p95_120s_us };
        buf_addf(out, "%-12s ", routing_policy_word(worlds[i]->policy));
        for (size_t k = 0; k < 4; k++)
            put_tenths(out, near[k], 10, 8);
        for (size_t k = 0; k < 8; k++)
            put_tenths(out, excess[k], 1000, 7);
        put_tenths(out, f->rtt_us, 1000, 9);
        put_tenths(out, f->best_us, 1000, 9);
        put_tenths(out, f->switches, 1000, 10);
        buf_add_u8(out, '\n');
    }
    buf_add_u8(out, '\n');
}

/* ---- targets ---- */

struct target {
    const char *row, *text;
    size_t offset; /* of the figure */
    bool least;
    uint64_t bound;
};
#define AT(figure) offsetof(struct routing_figures, figure)
static const struct target targets[] = {
    { "L1", "of 1,000 viewers near to their best, at any moment from 60 s on", AT(near_least), true, 950 },
    { "L3", "ms after its end until the last answer that names an edge", AT(named_dead_ms), false, 10000 },
    { "L3", "answers that name an edge known as dead", AT(named_known_dead), false, 0 },
    { "L4", "of 1,000 viewers of networks that moved near, 60 s later", AT(rehomed_60s), true, 950 },
    { "L5", "load of a full edge, of 1,000 of its cap, at most", AT(cap_most), false, 1250 },
    { "L5", "turns of its load", AT(cap_turns), false, 2 },
    { "L5", "of 1,000 who had to go elsewhere at their second best", AT(spilled_second), true, 800 },
    { "L6", "answers with an edge of a region that is left out", AT(named_left_out), false, 0 },
};

/* What the scenario tells a story of. */
static bool told(const struct routing *w, const char *row)
{
    static const struct {
        const char *row;
        enum action_kind by;
    } actions[] = { { "L3", ACTION_CRASH }, { "L4", ACTION_MOVE }, { "L5", ACTION_CAP }, { "L6", ACTION_LEAVE_OUT } };

    for (size_t i = 0; i < w->sc.actions_n; i++) {
        for (size_t k = 0; k < sizeof(actions) / sizeof(actions[0]); k++) {
            if (w->sc.actions[i].kind == actions[k].by && strcmp(row, actions[k].row) == 0)
                return true;
        }
    }
    return strcmp(row, "L1") == 0 && w->sc.actions_n == 0;
}

static void put_targets(struct buf *out, const struct routing *w)
{
    for (size_t i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
        const struct target *t = &targets[i];
        uint64_t v = *(const uint64_t *)(const void *)((const char *)&w->f + t->offset);
        if (!told(w, t->row) || v == FIGURE_NEVER)
            continue;
        bool met = t->least ? v >= t->bound : v <= t->bound;
        buf_addf(out, "row %-4s %-68s %8llu %s %-8llu %s\n", t->row, t->text, (unsigned long long)v,
                 t->least ? ">=" : "<=", (unsigned long long)t->bound, met ? "pass" : "MISS");
    }
    buf_add_u8(out, '\n');
}

/* ---- figures ---- */

static void put_text(struct buf *out, struct routing *const *worlds, size_t n, const struct buf *unmet,
                     const char *again)
{
    const struct routing *w = worlds[0];
    char trace[TRACE_HASH_TEXT_MAX];

    buf_addf(out, "%u edges, %u viewers in %u networks, %llu regions, seed %llu\n\n", w->edges_n, w->viewers_n,
             w->networks_n, (unsigned long long)w->sc.regions, (unsigned long long)w->sc.seed);
    put_policies(out, worlds, n);
    put_targets(out, w);
    for (size_t i = 0; i < w->sc.words->figures_n; i++) {
        uint64_t v = figure_of(&w->f, i);
        if (v == FIGURE_NEVER)
            buf_addf(out, "%14s", "-");
        else
            buf_addf(out, "%14llu", (unsigned long long)v);
        buf_addf(out, "  %-20s  %s\n", w->sc.words->figures[i], figure_help[i]);
    }
    buf_add_u8(out, '\n');
    if (unmet->len > 0) {
        buf_addf(out, "BROKEN with seed %llu. To see it again: %s\n", (unsigned long long)w->sc.seed, again);
        buf_add_slice(out, buf_slice(unmet));
    } else {
        buf_add_str(out, "all held\n");
    }
    buf_addf(out, "trace %s %llu events\n", trace_hash_text(&w->trace, trace), (unsigned long long)w->trace.events);
}

static void put_figures(struct buf *out, const struct routing *w, const char *before)
{
    for (size_t i = 0; i < w->sc.words->figures_n; i++) {
        uint64_t v = figure_of(&w->f, i);
        buf_addf(out, "\"%s%s\":", before, w->sc.words->figures[i]);
        if (v == FIGURE_NEVER)
            buf_add_str(out, "null,");
        else
            buf_addf(out, "%llu,", (unsigned long long)v);
    }
}

static void put_json(struct buf *out, struct routing *const *worlds, size_t n, bool ok, const char *again)
{
    const struct routing *w = worlds[0];
    char text[TRACE_HASH_TEXT_MAX];

    buf_addf(out, "{\"ok\":%s,\"seed\":%llu,\"nodes\":%u,\"networks\":%u,", ok ? "true" : "false",
             (unsigned long long)w->sc.seed, w->edges_n, w->networks_n);
    put_figures(out, w, "");
    for (size_t i = 1; i < n; i++) {
        struct buf before = BUF_EMPTY;
        buf_addf(&before, "%s_", routing_policy_word(worlds[i]->policy));
        buf_add_u8(&before, '\0');
        put_figures(out, worlds[i], (const char *)before.data);
        buf_free(&before);
    }
    buf_addf(out, "\"trace\":\"%s\",\"again\":\"%s\"}\n", trace_hash_text(&w->trace, text), again);
}

bool routing_report(struct buf *out, struct routing *const *worlds, size_t n, bool json, const char *again)
{
    struct buf unmet = BUF_EMPTY;
    bool ok = scenario_unmet(&unmet, &worlds[0]->sc, &worlds[0]->f) == 0;

    if (worlds[0]->f.refused_datagrams > 0) {
        buf_addf(&unmet, "  nodes refused %llu datagrams of their own kind\n",
                 (unsigned long long)worlds[0]->f.refused_datagrams);
        ok = false;
    }
    if (json)
        put_json(out, worlds, n, ok, again);
    else
        put_text(out, worlds, n, &unmet, again);
    buf_free(&unmet);
    return ok;
}
