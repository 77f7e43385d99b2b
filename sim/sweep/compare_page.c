/* Runs beside each other as a page. */
#include <stdio.h>

#include "sim/amounts.h"
#include "sim/page/page_parts.h"
#include "sim/sweep/compare.h"

#define TOP      240
#define BOTTOM   2600
#define HEIGHT   305 /* of a chart, in pixels */
#define FIRST_US 100
#define STEPS    60 /* of time, about */

static const char *const line_classes[COMPARE_RUNS] = {
    "l-hit", "l-origin", "l-peer", "l-stale", "l-failed", "l-gone"
};

static void put_legend(struct page *p, const struct compare_run *runs, size_t n)
{
    page_legend(p, NULL, NULL);
    for (size_t i = 0; i < n; i++)
        page_legend(p, line_classes[i], runs[i].name);
    page_legend(p, NULL, NULL);
}

/* |by| steps of |values| are one; thousandths a second. */
static uint64_t rate(const struct compare_run *r, const uint64_t *values, size_t at, size_t by)
{
    uint64_t sum = 0;
    size_t end = at + by < r->steps ? at + by : r->steps;

    for (size_t i = at; i < end; i++)
        sum += values[i];
    return sum * 1000000 / (r->step_ms * (end - at));
}

static size_t by_of(const struct compare_run *r)
{
    return r->steps > STEPS ? (r->steps + STEPS - 1) / STEPS : 1;
}

static void time_panel(struct page *p, const struct compare_run *runs, size_t n)
{
    struct plot plot = { .x_axis = AXIS_TIME, .y_axis = AXIS_RATE };
    uint64_t end = 1, most = 1, begin = UINT64_MAX;

    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < runs[i].steps; k += by_of(&runs[i])) {
            uint64_t v = rate(&runs[i], runs[i].fetches, k, by_of(&runs[i]));
            most = v > most ? v : most;
        }
        end = runs[i].steps * runs[i].step_ms > end ? runs[i].steps * runs[i].step_ms : end;
    }
    for (size_t i = 0; i < n; i++) {
        size_t k = 0;
        while (k < runs[i].steps && runs[i].requests[k] == 0 && runs[i].fetches[k] == 0)
            k++;
        begin = k * runs[i].step_ms < begin ? k * runs[i].step_ms : begin;
    }
    plot.x = (struct svg_scale){ .low = begin / 1000 * 1000 < end ? begin / 1000 * 1000 : 0, .high = end };
    plot.y = plot_up_to(most, BOTTOM, TOP);
    page_panel(p, "Requests at the origin, over time");
    buf_add_str(p->out, "By the moment at which the origin was asked. ");
    page_figure(p);
    put_legend(p, runs, n);
    while (page_chart(p)) {
        plot_fit(p, &plot);
        svg_begin(p->out, p->width, HEIGHT, "Origin requests a second over time", "A line for each run.");
        plot_axes(p->out, &plot, "requests a second", NULL);
        for (size_t i = n; i-- > 0;) {
            size_t by = by_of(&runs[i]);
            svg_path(p->out, line_classes[i]);
            svg_to(p->out, true, plot.x.from, plot.y.from);
            for (size_t k = 0; k < runs[i].steps; k += by) {
                int y = svg_at(&plot.y, rate(&runs[i], runs[i].fetches, k, by));
                svg_to(p->out, false, svg_at(&plot.x, k * runs[i].step_ms), y);
                svg_to(p->out, false, svg_at(&plot.x, (k + by) * runs[i].step_ms), y);
            }
            svg_path_end(p->out, false);
        }
        svg_end(p->out);
    }
    page_panel_end(p);
}

static void latency_panel(struct page *p, const struct compare_run *runs, size_t n)
{
    struct plot plot = { .x_axis = AXIS_LATENCY, .y_axis = AXIS_PCT };
    uint64_t most = 0, high = 10 * FIRST_US;

    for (size_t i = 0; i < n; i++) {
        uint64_t us = runs[i].first_byte_us[REPORT_QUANTILES - 1];
        most = us != FIGURE_NEVER && us > most ? us : most;
    }
    if (most == 0)
        return;
    while (high < most)
        high *= 10;
    plot.x = (struct svg_scale){ .low = FIRST_US, .high = high, .logarithmic = true };
    plot.y = (struct svg_scale){ 0, 1000, BOTTOM, TOP, false };
    page_panel(p, "How long answers take");
    buf_add_str(p->out, "Read a curve as: so many of all answers had begun after so long. ");
    page_figure(p);
    put_legend(p, runs, n);
    while (page_chart(p)) {
        plot_fit(p, &plot);
        svg_begin(p->out, p->width, HEIGHT, "Share of answers that had begun, by time since the request",
                  "A line for each run, on a logarithmic scale of time.");
        plot_axes(p->out, &plot, "answers that have begun", "time since the request (logarithmic)");
        for (size_t i = n; i-- > 0;) {
            if (runs[i].first_byte_us[0] == FIGURE_NEVER)
                continue;
            svg_path(p->out, line_classes[i]);
            for (size_t k = 0; k < REPORT_QUANTILES; k++)
                svg_to(p->out, k == 0, svg_at(&plot.x, runs[i].first_byte_us[k]), svg_at(&plot.y, report_quantile(k)));
            svg_to(p->out, false, plot.x.to, plot.y.to);
            svg_path_end(p->out, false);
        }
        svg_end(p->out);
    }
    page_panel_end(p);
}

static void measures_panel(struct page *p, const struct compare_run *runs, size_t n)
{
    page_panel(p, "What differs");
    buf_add_str(p->out, "Each run, and how far it is from ");
    svg_text(p->out, runs[0].name);
    buf_add_u8(p->out, '.');
    page_figure(p);
    buf_add_str(p->out, "<table><thead><tr><th scope=\"col\"></th>");
    for (size_t i = 0; i < n; i++) {
        buf_add_str(p->out, "<th scope=\"col\">");
        svg_text(p->out, runs[i].name);
        buf_add_str(p->out, "</th>");
    }
    buf_add_str(p->out, "</tr></thead><tbody>");
    for (size_t m = 0; m < MEASURES_N; m++) {
        int64_t first = measure_of((enum measure)m, &runs[0].figures), change;
        char text[SWEEP_VALUE_MAX];
        buf_add_str(p->out, "\n<tr>");
        page_cell(p, measure_texts[m].text);
        for (size_t i = 0; i < n; i++) {
            int64_t v = measure_of((enum measure)m, &runs[i].figures);
            struct buf cell = BUF_EMPTY;
            buf_add_str(&cell, v == MEASURE_NONE ? "-" : sweep_value(text, (enum measure)m, v));
            change = v - first;
            if (i > 0 && v != MEASURE_NONE && first != MEASURE_NONE &&
                (measure_texts[m].unit == UNIT_SHARE || change_ppm(first, v, &change))) {
                const struct band b = { change, 0, 1 };
                buf_add_str(&cell, " (");
                sweep_put_change(&cell, (enum measure)m, &b);
                buf_add_u8(&cell, ')');
            }
            page_cell_slice(p, buf_slice(&cell));
            buf_free(&cell);
        }
        buf_add_str(p->out, "</tr>");
    }
    buf_add_str(p->out, "</tbody></table>\n");
    page_panel_end(p);
}

static void figures_table(struct page *p, const struct compare_run *runs, size_t n)
{
    const void *figures[COMPARE_RUNS];
    const char *heads[COMPARE_RUNS + 2] = { "figure" };

    for (size_t i = 0; i < n; i++) {
        heads[i + 1] = runs[i].name;
        figures[i] = &runs[i].figures;
    }
    page_figures(p, &words_of_run, heads, figures, n);
}

void compare_page(struct buf *out, const struct compare_run *runs, size_t n)
{
    struct page p = { .out = out };
    struct buf answer = BUF_EMPTY;
    char aside[32];

    snprintf(aside, sizeof(aside), "%zu runs beside each other", n);
    page_open(&p, "runs beside each other", aside);
    compare_answer(&answer, runs, n);
    buf_add_str(out, "<p class=\"answer\">");
    svg_slice(out, buf_slice(&answer));
    buf_add_str(out, "</p>\n");
    out->failed = out->failed || !buf_ok(&answer);
    buf_free(&answer);
    measures_panel(&p, runs, n);
    time_panel(&p, runs, n);
    latency_panel(&p, runs, n);
    page_panel(&p, "These runs, again");
    page_figure(&p);
    for (size_t i = 0; i < n; i++) {
        buf_add_str(out, "<p>");
        svg_text(out, runs[i].name);
        buf_add_str(out, "</p>\n");
        page_command(&p, runs[i].command);
    }
    figures_table(&p, runs, n);
    page_panel_end(&p);
    page_close(&p);
}
