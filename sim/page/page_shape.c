/* The panels without time on their x axis: how long answers take, who answers, how news spread, how purges do. */
#include <stdio.h>
#include <stdlib.h>

#include "sim/amounts.h"
#include "sim/config_model.h"
#include "sim/edge.h"
#include "sim/epidemic.h"
#include "sim/net/link_model.h"
#include "sim/page/page_parts.h"
#include "sim/purge_model.h"

#define TOP         240
#define BOTTOM      2600
#define HEIGHT      305
#define NAME_ROOM   300 /* tenths of a pixel that a bar must have to bear the name of its node */
#define FIRST_US    100
#define CONFIGS_MAX 100 /* changes of the configuration in a table */
#define STEP_LEAST  20  /* tenths of a pixel */

static const char *const line_classes[SERIES_ENDS_N] = {
    "l-hit", "l-stale", "l-peer", "l-origin", "l-failed", "l-gone"
};

static uint64_t decade(uint64_t least)
{
    uint64_t high = 10 * FIRST_US;

    while (high < least)
        high *= 10;
    return high;
}

/* ---- how long answers take ---- */

static void curve(struct page *p, const struct plot *plot, const struct latency *l, const char *class)
{
    uint64_t seen = 0;
    bool first = true;

    svg_path(p->out, class);
    for (unsigned i = 0; i < LATENCY_SLOTS; i++) {
        uint64_t end = i + 1 < LATENCY_SLOTS ? latency_from_us(i + 1) : UINT64_MAX;
        seen += l->slots[i];
        if (end < plot->x.low || (l->slots[i] == 0 && !first))
            continue;
        if (!first) /* nothing between the slot before and this one: no slope */
            svg_to(p->out, false, svg_at(&plot->x, latency_from_us(i)),
                   svg_at(&plot->y, (seen - l->slots[i]) * 1000 / l->n));
        svg_to(p->out, first, svg_at(&plot->x, first ? plot->x.low : end), svg_at(&plot->y, seen * 1000 / l->n));
        first = false;
        if (seen == l->n)
            break;
    }
    svg_to(p->out, false, plot->x.to, plot->y.to);
    svg_path_end(p->out, false);
}

static void latency_table(struct page *p)
{
    static const char *const heads[] = {
        "answers", "requests", "half within, ms", "90 %", "99 %", "99.9 %", "all", NULL
    };
    static const unsigned quantiles[] = { 500, 900, 990, 999, 1000 };
    char a[AMOUNT_MAX];

    page_table(p, "Times until answers began, as a table", heads, false);
    for (size_t i = 0; i < SERIES_ENDS_N; i++) {
        const struct latency *l = &p->s->first_byte[i];
        if (l->n == 0)
            continue;
        page_row(p);
        page_cell(p, series_end_texts[i]);
        page_cell_n(p, l->n);
        for (size_t q = 0; q < sizeof(quantiles) / sizeof(quantiles[0]); q++)
            page_cell(p, amount_ms(a, latency_at(l, quantiles[q])));
    }
    page_table_end(p);
}

void page_latency(struct page *p)
{
    struct plot plot = { .x_axis = AXIS_LATENCY, .y_axis = AXIS_PCT };
    uint64_t most = 0;

    for (size_t i = 0; i < SERIES_ENDS_N; i++) {
        uint64_t us = latency_at(&p->s->first_byte[i], 1000);
        most = us != FIGURE_NEVER && us > most ? us : most;
    }
    if (most == 0) {
        page_left_out(p, "how long answers take", "none waited");
        return;
    }
    plot.x = (struct svg_scale){ FIRST_US, decade(most + most / 8), PLOT_LEFT, PLOT_RIGHT, true };
    plot.y = (struct svg_scale){ 0, 1000, BOTTOM, TOP, false };
    page_panel(p, "How long answers take, by where they come from");
    buf_addf(p->out,
             "Read a curve as: so many of these answers had begun after so long. The way between viewer and edge and "
             "the work of processors are not part of the model; they come on top. ");
    page_figure(p);
    page_legend(p, NULL, NULL);
    for (size_t i = 0; i < SERIES_ENDS_N; i++) {
        if (p->s->first_byte[i].n > 0)
            page_legend(p, line_classes[i], series_end_texts[i]);
    }
    page_legend(p, NULL, NULL);
    while (page_chart(p)) {
        plot_fit(p, &plot);
        svg_begin(p->out, p->width, HEIGHT, "Share of answers that had begun, by time since the request",
                  "Cumulative distributions on a logarithmic scale of time; quantiles are in the table below.");
        plot_axes(p->out, &plot, "answers that have begun", "time since the request (logarithmic)");
        for (size_t i = 0; i < SERIES_ENDS_N; i++) {
            if (p->s->first_byte[i].n > 0)
                curve(p, &plot, &p->s->first_byte[i], line_classes[i]);
        }
        svg_end(p->out);
    }
    latency_table(p);
    page_panel_end(p);
}

/* ---- who answers ---- */

struct load {
    uint32_t node;
    uint64_t viewers, others; /* answers */
    struct edge_sums sums;
};

static int busier(const void *a, const void *b)
{
    const struct load *x = a, *y = b;
    uint64_t of_x = x->viewers + x->others, of_y = y->viewers + y->others;

    if (of_x != of_y)
        return of_x < of_y ? 1 : -1;
    return x->node < y->node ? -1 : 1;
}

static void nodes_table(struct page *p, const struct load *loads)
{
    static const char *const heads[] = {
        "node",           "in",          "viewers' requests", "to viewers", "asked by nodes",
        "origin fetches", "of them got", "copies kept",       NULL
    };
    char a[AMOUNT_MAX], place[24];

    page_table(p, "Each node, busiest first", heads, false);
    for (uint32_t i = 0; i < p->w->sc.nodes; i++) {
        const struct edge *e = &p->w->edges[loads[i].node];
        struct engine_usage usage = { 0 };
        if (edge_up(e))
            engine_usage(e->engine, &usage);
        page_row(p);
        page_cell(p, e->name);
        series_place_name(&p->w->sc, series_place_of(&p->w->sc, e->index), place);
        page_cell(p, place);
        page_cell_n(p, loads[i].viewers);
        page_cell(p, amount_bytes(a, e->body_bytes));
        page_cell_n(p, loads[i].others);
        page_cell_n(p, e->fetches);
        page_cell(p, amount_bytes(a, e->fetch_bytes));
        page_cell(p, edge_up(e) ? amount_bytes(a, usage.memory_bytes) : "down");
    }
    page_table_end(p);
}

static bool bars_have_names(const struct page *p)
{
    return p->w->sc.nodes * NAME_ROOM <= (uint64_t)(PLOT_RIGHT - PLOT_LEFT);
}

static void bars(struct page *p, const struct plot *plot, const struct load *loads)
{
    uint32_t n = (uint32_t)p->w->sc.nodes;
    int span = PLOT_RIGHT - PLOT_LEFT;

    for (uint32_t i = 0; i < n; i++) {
        int from = PLOT_LEFT + (int)(i * (uint32_t)span / n), to = PLOT_LEFT + (int)((i + 1) * (uint32_t)span / n);
        int gap = (to - from) / 6, wide = to - from - gap > 4 ? to - from - gap : 4;
        int low = svg_at(&plot->y, loads[i].viewers), high = svg_at(&plot->y, loads[i].viewers + loads[i].others);
        wide = wide > 400 ? 400 : wide;
        int left = (from + to - wide) / 2;
        svg_rect(p->out, "hit", left, low, wide, BOTTOM - low);
        if (low > high)
            svg_rect(p->out, "peer", left, high, wide, low - high);
        if (bars_have_names(p))
            svg_label(p->out, "tick", 'm', (from + to) / 2, BOTTOM + 180, p->w->edges[loads[i].node].name);
    }
}

static void nodes_chart(struct page *p, const struct load *loads, uint64_t mean)
{
    char text[AMOUNT_MAX + 16], a[AMOUNT_MAX];
    struct plot plot = { .x = { 0, 1, PLOT_LEFT, PLOT_RIGHT, false }, .x_axis = AXIS_COUNT, .y_axis = AXIS_COUNT };

    plot.y = plot_up_to(loads[0].viewers + loads[0].others, BOTTOM, TOP);
    uint64_t step = svg_step(plot.y.high, 5);
    svg_begin(
        p->out, p->width, HEIGHT, "Answers given by each node, busiest first",
        "Bars of two parts: to viewers, and to other nodes; a line marks the mean. The table below names all nodes.");
    for (uint64_t v = 0; v <= plot.y.high; v += step) {
        int y = svg_at(&plot.y, v);
        svg_line(p->out, v == 0 ? "axis" : "grid", PLOT_LEFT, y, PLOT_RIGHT, y);
        svg_label(p->out, "tick", 'e', PLOT_LEFT - 80, y + 40, amount_number(a, v));
    }
    bars(p, &plot, loads);
    svg_label(p->out, "name", 's', PLOT_LEFT, TOP - 100, "answers given");
    svg_label(p->out, "name", 'e', PLOT_RIGHT, BOTTOM + (bars_have_names(p) ? 350 : 180), "nodes, busiest first");
    snprintf(text, sizeof(text), "mean %s", amount_number(a, mean));
    int y = svg_at(&plot.y, mean);
    svg_line(p->out, "mean", PLOT_LEFT, y, PLOT_RIGHT, y);
    svg_label(p->out, "over", 'e', PLOT_RIGHT, y - 50, text);
    svg_end(p->out);
}

void page_nodes(struct page *p)
{
    struct world *w = p->w;
    struct load *loads = world_alloc((size_t)w->sc.nodes * sizeof(*loads));
    uint64_t all = 0;

    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        edge_counters(&w->edges[i], &loads[i].sums);
        loads[i].node = i;
        loads[i].viewers = loads[i].sums.engine.requests;
        loads[i].others = loads[i].sums.engine.asks_in;
        all += loads[i].viewers + loads[i].others;
    }
    qsort(loads, (size_t)w->sc.nodes, sizeof(*loads), busier); /* no two are equal: the node decides */
    if (all == 0) {
        page_left_out(p, "the load of each node", "nobody asked any of them");
        free(loads);
        return;
    }
    page_panel(p, "Which nodes do the work");
    uint64_t most = loads[0].viewers + loads[0].others, mean = all / w->sc.nodes,
             tenths = most * 10 * w->sc.nodes / all;
    buf_addf(p->out, "The busiest node, %s, gave %llu.%llu times the mean of answers. ", w->edges[loads[0].node].name,
             (unsigned long long)(tenths / 10), (unsigned long long)(tenths % 10));
    page_figure(p);
    page_legend(p, NULL, NULL);
    page_legend(p, "hit", "to viewers");
    page_legend(p, "peer", "to other nodes");
    page_legend(p, NULL, NULL);
    while (page_chart(p))
        nodes_chart(p, loads, mean);
    nodes_table(p, loads);
    page_panel_end(p);
    free(loads);
}

/* ---- how news spread ---- */

static int earlier(const void *a, const void *b)
{
    const mesh_ns *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* The times at which nodes knew of |sp|, in order, into |at|; returns how many. |*of|: that should. */
static size_t known_times(const struct page *p, const struct series_spread *sp, mesh_ns *at, size_t *of)
{
    size_t n = 0;

    *of = 0;
    for (uint32_t i = 0; i < p->w->sc.nodes; i++) {
        if (sp->known_at[i] != MESH_NS_NEVER)
            at[n++] = sp->known_at[i];
        *of += sp->known_at[i] != MESH_NS_NEVER || (edge_serves(&p->w->edges[i]) && i != sp->node);
    }
    qsort(at, n, sizeof(*at), earlier);
    return n;
}

static void spread_line(struct page *p, const struct plot *plot, const mesh_ns *at, size_t n, size_t of,
                        const char *class)
{
    int x = plot->x.from, y = plot->y.from;

    svg_path(p->out, class);
    svg_to(p->out, true, x, y);
    for (size_t i = 0; i < n && (uint64_t)((at[i] - at[0]) / MS(1)) <= plot->x.high; i++) {
        int next = svg_at(&plot->x, (uint64_t)((at[i] - at[0]) / MS(1)));
        if (next - x >= STEP_LEAST) { /* nearer ones are one step: a line is short, however many nodes there are */
            svg_to(p->out, false, x, y);
            svg_to(p->out, false, next, y);
            x = next;
        }
        y = svg_at(&plot->y, (i + 1) * 1000 / of);
    }
    svg_to(p->out, false, x, y);
    svg_to(p->out, false, plot->x.to, y);
    svg_path_end(p->out, false);
}

/* One way between two nodes of the plan, on average. */
static mesh_ns mean_delay(const struct world *w)
{
    const struct scenario *sc = w->plan;
    mesh_ns sum = 0;
    int64_t pairs = 0;

    for (uint32_t a = 0; a < sc->nodes; a++) {
        for (uint32_t b = 0; b < a; b++, pairs++) {
            const struct edge *x = &w->edges[a], *y = &w->edges[b];
            if (sc->regions > 0)
                sum += link_region_delay(a % (unsigned)sc->regions, b % (unsigned)sc->regions);
            else if (x->region != y->region)
                sum += (mesh_ns)sc->region_delay;
            else
                sum += (mesh_ns)(strcmp(x->zone, y->zone) == 0 ? sc->delay : sc->zone_delay);
        }
    }
    mesh_ns mean = pairs > 0 ? sum / pairs + (mesh_ns)sc->jitter / 2 : 0;
    return mean > MS(1) ? mean : MS(1);
}

static void epidemic(struct page *p, const struct plot *plot, uint64_t n, mesh_ns hop)
{
    struct epidemic e;

    epidemic_init(&e, n, hop);
    svg_path(p->out, "l-ideal");
    while (e.hops + 1 < EPIDEMIC_HOPS && (uint64_t)((mesh_ns)e.hops * hop / MS(1)) <= plot->x.high) {
        svg_to(p->out, e.hops == 0, svg_at(&plot->x, (uint64_t)((mesh_ns)e.hops * hop / MS(1))),
               svg_at(&plot->y, epidemic_known(&e)));
        epidemic_next(&e);
    }
    svg_path_end(p->out, false);
}

static void spread_row(struct page *p, const struct series_spread *sp, const mesh_ns *at, size_t n, size_t of)
{
    char a[AMOUNT_MAX], text[48];

    page_row(p);
    snprintf(text, sizeof(text), "%s %s", p->w->edges[sp->node].name, sp->up ? "starts" : "goes");
    page_cell(p, text);
    page_cell(p, amount_seconds(a, (uint64_t)(sp->at / MS(1))));
    page_cell(p, n > 0 ? amount_ms(a, (uint64_t)((at[0] - sp->at) / US(1))) : "-");
    page_cell(p, n > 0 ? amount_ms(a, (uint64_t)((at[(n - 1) / 2] - sp->at) / US(1))) : "-");
    page_cell(p, n > 0 ? amount_ms(a, (uint64_t)((at[n - 1] - sp->at) / US(1))) : "-");
    snprintf(text, sizeof(text), "%zu of %zu", n, of);
    page_cell(p, text);
}

static void spread_table(struct page *p, mesh_ns *at)
{
    static const char *const heads[] = { "change", "at", "first knew after, ms", "half, ms", "last, ms", "know", NULL };
    size_t of;

    page_table(p, "Changes of members, as a table", heads, false);
    for (size_t i = 0; i < p->s->spreads_n; i++) {
        size_t n = known_times(p, &p->s->spreads[i], at, &of);
        spread_row(p, &p->s->spreads[i], at, n, of);
    }
    page_table_end(p);
}

void page_spread(struct page *p)
{
    struct plot plot = { .x_axis = AXIS_TIME, .y_axis = AXIS_PCT };
    struct series_book *s = p->s;
    mesh_ns *at = world_alloc((size_t)p->w->sc.nodes * sizeof(*at)), longest = 0, hop = mean_delay(p->w);
    char a[AMOUNT_MAX];
    size_t of, n;

    for (size_t i = 0; i < s->spreads_n; i++) {
        n = known_times(p, &s->spreads[i], at, &of);
        if (n > 1 && at[(n - 1) * 9 / 10] - at[0] > longest) /* stragglers are left to the table */
            longest = at[(n - 1) * 9 / 10] - at[0];
    }
    if (longest == 0 || p->w->sc.nodes < 3) {
        page_left_out(p, "how news of members spread",
                      s->spreads_n == 0 ? "no node came or went after the beginning" : "there was nobody to tell");
        free(at);
        return;
    }
    plot.x = (struct svg_scale){ 0, plot_up_to((uint64_t)(longest / MS(1)) * 3 / 2 + 20, 0, 1).high, PLOT_LEFT,
                                 PLOT_RIGHT, false };
    plot.y = (struct svg_scale){ 0, 1000, BOTTOM, TOP, false };
    page_panel(p, "How news of members spread");
    buf_addf(p->out,
             "Nodes that know of a change, from the moment when the first of them did: each line is one change. Beside "
             "them, what an epidemic would do: who hears it tells %d random others at once and again each %d ms, "
             "and a hop takes %s, the mean between nodes. A node that goes is known as gone by who at least suspects "
             "it, and many "
             "may find out for themselves; the last ones are in the table. ",
             EPIDEMIC_PUSHES, (int)(EPIDEMIC_AGAIN / MS(1)), amount_wait(a, (uint64_t)(hop / US(1))));
    page_figure(p);
    page_legend(p, NULL, NULL);
    page_legend(p, "l-hit", "a node starts");
    page_legend(p, "l-origin", "a node goes");
    page_legend(p, "l-ideal", "epidemic");
    page_legend(p, NULL, NULL);
    while (page_chart(p)) {
        plot_fit(p, &plot);
        svg_begin(p->out, p->width, HEIGHT, "Share of nodes that know of a change, by time since the first knew",
                  "A line for each change, beside the curve of an epidemic; the table below has the times.");
        plot_axes(p->out, &plot, "nodes that know", "since the first one knew");
        for (size_t i = 0; i < s->spreads_n; i++) {
            n = known_times(p, &s->spreads[i], at, &of);
            if (n > 0)
                spread_line(p, &plot, at, n, of, s->spreads[i].up ? "l-hit thin" : "l-origin thin");
        }
        epidemic(p, &plot, p->w->sc.nodes, hop);
        svg_end(p->out);
    }
    spread_table(p, at);
    page_panel_end(p);
    free(at);
}

/* ---- purges ---- */

void page_purges(struct page *p)
{
    struct plot plot = { .x_axis = AXIS_LATENCY, .y_axis = AXIS_PCT };
    struct latency *l = world_alloc(sizeof(*l));
    struct times t = { 0 };
    char a[AMOUNT_MAX], b[AMOUNT_MAX], c[AMOUNT_MAX];

    uint64_t missed = purge_times(p->w, &t);
    for (size_t i = 0; i < t.n; i++)
        latency_add(l, (mesh_ns)t.at[i]);
    free(t.at);
    if (l->n == 0) {
        page_left_out(p, "how purges spread", "nothing was purged");
        free(l);
        return;
    }
    plot.x = (struct svg_scale){ FIRST_US, decade(latency_at(l, 1000) * 9 / 8), PLOT_LEFT, PLOT_RIGHT, true };
    plot.y = (struct svg_scale){ 0, 1000, BOTTOM, TOP, false };
    page_panel(p, "How purges spread");
    buf_addf(p->out,
             "%s purges lay on a node's disk after %s ms on average, and after %s ms at most; %llu times one did not "
             "get to a node that ran all the time. ",
             amount_number(a, p->f->purges), amount_ms(b, p->f->purge_mean_us), amount_ms(c, p->f->purge_max_us),
             (unsigned long long)missed);
    page_figure(p);
    while (page_chart(p)) {
        plot_fit(p, &plot);
        svg_begin(p->out, p->width, HEIGHT, "Share of nodes that have kept a purge, by time since its call",
                  "One cumulative distribution over all purges and nodes, on a logarithmic scale of time.");
        plot_axes(p->out, &plot, "nodes that have it on their disks", "time since the call (logarithmic)");
        curve(p, &plot, l, "l-stale");
        svg_end(p->out);
    }
    page_panel_end(p);
    free(l);
}

/* ---- the configuration ---- */

static void configs_table(struct page *p)
{
    static const char *const heads[] = { "change", "handed in at", "by", "in force at all nodes after, ms", NULL };
    const struct config_book *b = p->w->configs;
    char a[AMOUNT_MAX];

    page_table(p, "Changes of the configuration, as a table", heads, false);
    for (size_t i = 0; i < b->n && i < CONFIGS_MAX; i++) {
        const struct config_entry *c = &b->entries[i];
        page_row(p);
        page_cell_n(p, i + 1);
        page_cell(p, amount_seconds(a, (uint64_t)(c->at / MS(1))));
        page_cell(p, p->w->edges[c->caller].name);
        page_cell(p, c->everywhere_at == MESH_NS_NEVER ? "not at all, or another one won"
                                                       : amount_ms(a, (uint64_t)((c->everywhere_at - c->at) / US(1))));
    }
    page_table_end(p);
}

void page_configs(struct page *p)
{
    char a[AMOUNT_MAX], b[AMOUNT_MAX], c[AMOUNT_MAX];

    if (p->w->configs->n == 0) {
        page_left_out(p, "how the configuration spread", "nobody changed it");
        return;
    }
    page_panel(p, "How the configuration spread");
    buf_addf(p->out,
             "Of %s changes %s lost to others made at the same time; none of the rest took longer than %s to be in "
             "force at all nodes that live, looked at ten times a second. ",
             amount_number(a, p->f->configs), amount_number(b, p->f->config_superseded),
             amount_seconds(c, p->f->config_max_ms));
    page_figure(p);
    configs_table(p);
    page_panel_end(p);
}
