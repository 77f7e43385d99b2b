/* The panels that have time on their x axis. */
#include <stdio.h>

#include "sim/amounts.h"
#include "sim/page/page_parts.h"

#define TOP    240
#define BOTTOM 2600
#define HEIGHT 285  /* of a chart, in pixels */
#define LOW    1240 /* the bottom of a low one */

const char *const page_end_classes[SERIES_ENDS_N] = { "hit", "stale", "peer", "origin", "failed", "gone" };

/* From the bottom up: what should be little lies where it can be read off. */
static const enum series_end stack[SERIES_ENDS_N] = { SERIES_FAILED, SERIES_GONE, SERIES_ORIGIN,
                                                      SERIES_STALE,  SERIES_PEER, SERIES_HIT };

static uint64_t total(const struct series_book *s, enum series_end end)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < s->n; i++)
        sum += s->buckets[i].ends[end];
    return sum;
}

/* |n| in a bucket, as a rate of |unit|s a second. */
static uint64_t rate(const struct series_book *s, uint64_t n, uint64_t unit)
{
    return n * 1000 / (uint64_t)(s->width / MS(1)) * unit +
           n * 1000 % (uint64_t)(s->width / MS(1)) * unit / (uint64_t)(s->width / MS(1));
}

static int x_of(const struct page *p, const struct svg_scale *x, size_t bucket)
{
    return svg_at(x, (uint64_t)bucket * (uint64_t)(p->steps->width / MS(1)));
}

static void time_table(struct page *p);

/* ---- requests ---- */

static void layer(struct page *p, const struct plot *plot, uint64_t base[SERIES_BUCKETS_MAX], enum series_end end)
{
    const struct series_book *s = p->steps;

    svg_path(p->out, page_end_classes[end]);
    for (size_t i = 0; i < s->n; i++) {
        int y = svg_at(&plot->y, rate(s, base[i] + s->buckets[i].ends[end], 1000));
        svg_to(p->out, i == 0, x_of(p, &plot->x, i), y);
        svg_to(p->out, false, x_of(p, &plot->x, i + 1), y);
    }
    for (size_t i = s->n; i-- > 0;) {
        int y = svg_at(&plot->y, rate(s, base[i], 1000));
        svg_to(p->out, false, x_of(p, &plot->x, i + 1), y);
        svg_to(p->out, false, x_of(p, &plot->x, i), y);
        base[i] += s->buckets[i].ends[end];
    }
    svg_path_end(p->out, true);
}

static void put_step(struct page *p)
{
    char a[AMOUNT_MAX];
    buf_addf(p->out, "Each step is %s.", amount_seconds(a, (uint64_t)(p->steps->width / MS(1))));
}

void page_requests(struct page *p)
{
    uint64_t base[SERIES_BUCKETS_MAX], most = 0;
    struct plot plot = { .x = plot_time(p), .x_axis = AXIS_TIME, .y_axis = AXIS_RATE };

    for (size_t i = 0; i < p->steps->n; i++) {
        uint64_t all = 0;
        for (size_t k = 0; k < SERIES_ENDS_N; k++)
            all += p->steps->buckets[i].ends[k];
        most = all > most ? all : most;
    }
    plot.y = plot_up_to(rate(p->steps, most, 1000), BOTTOM, TOP);
    page_panel(p, "Where answers came from");
    buf_addf(p->out, "Requests by the moment at which they were made, those that reached the origin lowest. ");
    put_step(p);
    page_figure(p);
    page_legend(p, NULL, NULL);
    for (size_t i = SERIES_ENDS_N; i-- > 0;) {
        if (total(p->steps, stack[i]) > 0)
            page_legend(p, page_end_classes[stack[i]], series_end_texts[stack[i]]);
    }
    page_legend(p, NULL, NULL);
    while (page_chart(p)) {
        memset(base, 0, sizeof(base));
        plot_fit(p, &plot);
        svg_begin(p->out, p->width, HEIGHT, "Requests a second over time, by where the answer came from",
                  "Stacked areas; the same numbers are in the table of time below.");
        faults_bands(p, &plot.x, TOP, BOTTOM);
        plot_axes(p->out, &plot, "requests a second", NULL);
        for (size_t i = 0; i < SERIES_ENDS_N; i++) {
            if (total(p->steps, stack[i]) > 0)
                layer(p, &plot, base, stack[i]);
        }
        svg_end(p->out);
        faults_strip(p);
    }
    time_table(p);
    page_panel_end(p);
}

/* ---- bytes ---- */

static const char *const flow_classes[SERIES_FLOWS_N] = { "l-hit", "l-peer", "l-origin", "l-gone" };

static void flow_line(struct page *p, const struct plot *plot, enum series_flow flow)
{
    svg_path(p->out, flow_classes[flow]);
    for (size_t i = 0; i < p->steps->n; i++) {
        int y = svg_at(&plot->y, rate(p->steps, p->steps->buckets[i].bytes[flow], 1));
        svg_to(p->out, i == 0, x_of(p, &plot->x, i), y);
        svg_to(p->out, false, x_of(p, &plot->x, i + 1), y);
    }
    svg_path_end(p->out, false);
}

void page_traffic(struct page *p)
{
    char a[AMOUNT_MAX], b[AMOUNT_MAX], c[AMOUNT_MAX];
    struct plot plot = { .x = plot_whole(p), .x_axis = AXIS_TIME, .y_axis = AXIS_BYTES };
    uint64_t most = 0;

    for (size_t i = 0; i < p->steps->n; i++) {
        for (size_t k = 0; k < SERIES_FLOWS_N; k++)
            most = p->steps->buckets[i].bytes[k] > most ? p->steps->buckets[i].bytes[k] : most;
    }
    plot.y = plot_up_to(rate(p->steps, most, 1), BOTTOM, TOP);
    page_panel(p, "Bytes on the way");
    buf_addf(p->out, "Viewers got %s; the origin sent %s, which is %s of it. ", amount_bytes(a, p->f->viewer_bytes),
             amount_bytes(b, p->f->origin_bytes), amount_share(c, p->f->origin_bytes, p->f->viewer_bytes));
    page_figure(p);
    page_legend(p, NULL, NULL);
    for (size_t i = 0; i < SERIES_FLOWS_N; i++)
        page_legend(p, flow_classes[i], series_flow_texts[i]);
    page_legend(p, NULL, NULL);
    while (page_chart(p)) {
        plot_fit(p, &plot);
        svg_begin(p->out, p->width, HEIGHT, "Bytes a second over time",
                  "Lines for what viewers got, what went between nodes, what came from the origin, and gossip.");
        faults_bands(p, &plot.x, TOP, BOTTOM);
        plot_axes(p->out, &plot, "bytes a second", NULL);
        for (size_t i = SERIES_FLOWS_N; i-- > 0;)
            flow_line(p, &plot, (enum series_flow)i);
        svg_end(p->out);
    }
    page_panel_end(p);
}

/* ---- waiting ---- */

static void wait_line(struct page *p, const struct plot *plot, unsigned per_mille, const char *class)
{
    bool begun = false;

    svg_path(p->out, class);
    for (size_t i = 0; i < p->steps->n; i++) {
        uint64_t us = latency_at(&p->steps->buckets[i].first_byte, per_mille);
        if (us == FIGURE_NEVER) {
            begun = false;
            continue;
        }
        int y = svg_at(&plot->y, us);
        svg_to(p->out, !begun, x_of(p, &plot->x, i), y);
        svg_to(p->out, false, x_of(p, &plot->x, i + 1), y);
        begun = true;
    }
    svg_path_end(p->out, false);
}

void page_waits(struct page *p)
{
    struct plot plot = { .x = plot_time(p), .x_axis = AXIS_TIME, .y_axis = AXIS_LATENCY };
    uint64_t most = 0, high = 10000;

    for (size_t i = 0; i < p->steps->n; i++) {
        uint64_t us = latency_at(&p->steps->buckets[i].first_byte, 990);
        most = us != FIGURE_NEVER && us > most ? us : most;
    }
    if (most == 0) {
        page_left_out(p, "how long viewers waited over time", "no request was served");
        return;
    }
    while (high < most)
        high *= 10;
    plot.y = (struct svg_scale){ .low = 100, .high = high, .from = BOTTOM, .to = TOP, .logarithmic = true };
    page_panel(p, "How long viewers waited, over time");
    buf_addf(p->out,
             "Time until an answer began, of the requests made in each step: half of them waited no longer than "
             "the lowest line, 99 of 100 no longer than the highest. What is below 0.1 ms lies on the axis. ");
    page_figure(p);
    page_legend(p, NULL, NULL);
    page_legend(p, "l-q99", "99 %");
    page_legend(p, "l-q90", "90 %");
    page_legend(p, "l-q50", "half of all");
    page_legend(p, NULL, NULL);
    while (page_chart(p)) {
        plot_fit(p, &plot);
        svg_begin(p->out, p->width, HEIGHT, "Time to the first byte over time",
                  "Lines for the median, the 90th and the 99th percentile, on a logarithmic scale.");
        faults_bands(p, &plot.x, TOP, BOTTOM);
        plot_axes(p->out, &plot, "until the answer begins (logarithmic)", NULL);
        wait_line(p, &plot, 500, "l-q50");
        wait_line(p, &plot, 900, "l-q90");
        wait_line(p, &plot, 990, "l-q99");
        svg_end(p->out);
    }
    page_panel_end(p);
}

/* ---- members ---- */

static void members_line(struct page *p, const struct plot *plot, bool agreeing)
{
    bool first = true;

    svg_path(p->out, agreeing ? "l-peer" : "l-hit");
    for (size_t i = 0; i < p->steps->n; i++) {
        const struct series_bucket *b = &p->steps->buckets[i];
        if (b->looks == 0)
            continue;
        int y = svg_at(&plot->y, agreeing && b->apart < b->live ? b->live - b->apart : agreeing ? 0 : b->live);
        svg_to(p->out, first, x_of(p, &plot->x, i), y);
        svg_to(p->out, false, x_of(p, &plot->x, i + 1), y);
        first = false;
    }
    svg_path_end(p->out, false);
}

void page_members(struct page *p)
{
    char a[AMOUNT_MAX], b[AMOUNT_MAX];
    struct plot plot = { .x = plot_whole(p), .x_axis = AXIS_TIME, .y_axis = AXIS_COUNT };

    plot.y = plot_up_to(p->w->sc.nodes, LOW, TOP);
    page_panel(p, "Who is there, and who knows");
    buf_addf(p->out,
             "All nodes listed all %s after the last of them had started; no change took longer than %s to be known "
             "to all. Each step shows its worst moment. ",
             amount_seconds(a, p->f->joined_ms), amount_seconds(b, p->f->slowest_agreement_ms));
    page_figure(p);
    page_legend(p, NULL, NULL);
    page_legend(p, "l-hit", "nodes that serve");
    page_legend(p, "l-peer", "of them, those that list just all of these");
    page_legend(p, NULL, NULL);
    while (page_chart(p)) {
        plot_fit(p, &plot);
        svg_begin(p->out, p->width, LOW / 10 + 25, "Live nodes over time, and how many agree on who is live",
                  "Two lines; where they part, nodes do not yet know of a change.");
        faults_bands(p, &plot.x, TOP, LOW);
        plot_axes(p->out, &plot, "nodes", NULL);
        members_line(p, &plot, false);
        members_line(p, &plot, true);
        svg_end(p->out);
    }
    page_panel_end(p);
}

/* ---- the table ---- */

#define ROWS_MAX 40

static void time_table(struct page *p)
{
    static const char *const heads[] = { "from",   "hits", "stale",      "peer",          "origin",
                                         "failed", "went", "to viewers", "between nodes", "from the origin",
                                         "live",   NULL };
    static const enum series_end order[] = { SERIES_HIT,    SERIES_STALE,  SERIES_PEER,
                                             SERIES_ORIGIN, SERIES_FAILED, SERIES_GONE };
    const struct series_book *s = p->steps;
    size_t group = (s->n + ROWS_MAX - 1) / ROWS_MAX;
    char a[AMOUNT_MAX];

    page_table(p, "What happened over time, as a table", heads, false);
    for (size_t i = 0; i < s->n; i += group) {
        struct series_bucket sum = { .live = 0 };
        for (size_t k = i; k < i + group && k < s->n; k++) {
            for (size_t e = 0; e < SERIES_ENDS_N; e++)
                sum.ends[e] += s->buckets[k].ends[e];
            for (size_t e = 0; e < SERIES_FLOWS_N; e++)
                sum.bytes[e] += s->buckets[k].bytes[e];
            sum.live = s->buckets[k].looks > 0 ? s->buckets[k].live : sum.live;
        }
        page_row(p);
        page_cell(p, amount_seconds(a, (uint64_t)i * (uint64_t)(s->width / MS(1))));
        for (size_t e = 0; e < SERIES_ENDS_N; e++)
            page_cell_n(p, sum.ends[order[e]]);
        for (size_t e = 0; e < SERIES_GOSSIP; e++)
            page_cell(p, amount_bytes(a, sum.bytes[e]));
        page_cell_n(p, sum.live);
    }
    page_table_end(p);
}
