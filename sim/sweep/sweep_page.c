/* A sweep as a page: the answer, then a chart for each measure, its means as a line within the band of chance. */
#include <stdio.h>

#include "sim/page/page_parts.h"
#include "sim/sweep/sweep.h"

#define TOP       240
#define BOTTOM    1900
#define HEIGHT    235 /* of a chart, in pixels */
#define LINES_MAX 6
#define LETTER    62 /* of a number at the axis: about so wide, in tenths of a pixel */

static const char *const line_classes[LINES_MAX] = { "l-hit", "l-origin", "l-peer", "l-stale", "l-failed", "l-gone" };
static const char *const band_classes[LINES_MAX] = { "b-hit", "b-origin", "b-peer", "b-stale", "b-failed", "b-gone" };
static const char *const dot_classes[LINES_MAX] = { "hit", "origin", "peer", "stale", "failed", "gone" };

/* Combinations of the other settings: a line each. */
static size_t lines_of(const struct sweep *s)
{
    return axes_combinations(&s->axes) / s->axes.axis[0].n;
}

static int x_of(const struct page *p, const struct sweep *s, size_t value)
{
    return PLOT_LEFT + (int)((2 * value + 1) * (size_t)(PLOT_RIGHT - PLOT_LEFT) / (2 * s->axes.axis[0].n));
}

/* As the axis counts: shares in thousandths. */
static uint64_t on_axis(enum measure m, int64_t value)
{
    uint64_t v = value < 0 ? 0 : (uint64_t)value;
    return measure_texts[m].unit != UNIT_SHARE ? v : v < 1000000 ? v / 1000 : 1000;
}

static struct plot plot_of(const struct page *p, const struct sweep *s, enum measure m)
{
    static const enum axis axes[] = {
        [UNIT_SHARE] = AXIS_PCT, [UNIT_COUNT] = AXIS_COUNT, [UNIT_BYTES] = AXIS_BYTES, [UNIT_WAIT] = AXIS_LATENCY
    };
    struct plot plot = { .y_axis = axes[measure_texts[m].unit] };
    uint64_t most = 1;

    for (size_t i = 0; i < axes_combinations(&s->axes); i++) {
        struct band b = sweep_mean(s, i, m);
        uint64_t high = b.n > 0 ? on_axis(m, b.mean + b.half) : 0;
        most = high > most ? high : most;
    }
    plot.y = plot_up_to(most, BOTTOM, TOP);
    plot_fit(p, &plot);
    return plot;
}

static void put_line(struct page *p, const struct sweep *s, const struct plot *plot, enum measure m, size_t line)
{
    size_t n = s->axes.axis[0].n, lines = lines_of(s);
    bool first = true, ordered = n > 1 && !axis_has_words(&s->axes, 0);
    struct band b[AXIS_VALUES_MAX];

    for (size_t i = 0; i < n; i++)
        b[i] = sweep_mean(s, i * lines + line, m);
    for (size_t i = 0; ordered && i + 1 < n; i++) {
        int x = x_of(p, s, i), next = x_of(p, s, i + 1);
        if (b[i].n == 0 || b[i + 1].n == 0)
            continue;
        svg_path(p->out, band_classes[line]);
        svg_to(p->out, true, x, svg_at(&plot->y, on_axis(m, b[i].mean + b[i].half)));
        svg_to(p->out, false, next, svg_at(&plot->y, on_axis(m, b[i + 1].mean + b[i + 1].half)));
        svg_to(p->out, false, next, svg_at(&plot->y, on_axis(m, b[i + 1].mean - b[i + 1].half)));
        svg_to(p->out, false, x, svg_at(&plot->y, on_axis(m, b[i].mean - b[i].half)));
        svg_path_end(p->out, true);
    }
    if (ordered) {
        svg_path(p->out, line_classes[line]);
        for (size_t i = 0; i < n; i++) {
            if (b[i].n > 0)
                svg_to(p->out, first, x_of(p, s, i), svg_at(&plot->y, on_axis(m, b[i].mean)));
            first = first && b[i].n == 0;
        }
        if (first) /* a path is never without a point */
            svg_to(p->out, true, PLOT_LEFT, BOTTOM);
        svg_path_end(p->out, false);
    }
    for (size_t i = 0; i < n; i++) {
        int x =
            x_of(p, s, i) + (ordered ? 0 : 90 * (int)line - 45 * (int)(lines < LINES_MAX ? lines - 1 : LINES_MAX - 1));
        if (b[i].n == 0)
            continue;
        if (!ordered)
            svg_line(p->out, line_classes[line], x, svg_at(&plot->y, on_axis(m, b[i].mean + b[i].half)), x,
                     svg_at(&plot->y, on_axis(m, b[i].mean - b[i].half)));
        svg_circle(p->out, dot_classes[line], x, svg_at(&plot->y, on_axis(m, b[i].mean)), 34);
    }
}

static void put_values(struct page *p, const struct sweep *s)
{
    int free_from = 0;

    for (size_t i = 0; i < s->axes.axis[0].n; i++) {
        const char *text = s->axes.axis[0].values[i].text;
        int x = x_of(p, s, i), half = (int)strlen(text) * LETTER / 2;
        svg_line(p->out, "notch", x, BOTTOM, x, BOTTOM + 50);
        if (x - half < free_from || x + half > p->width * 10)
            continue;
        svg_label(p->out, "tick", 'm', x, BOTTOM + 190, text);
        free_from = x + half + 80;
    }
    svg_label(p->out, "name", 'e', PLOT_RIGHT, BOTTOM + 370, axis_name(&s->axes, 0));
}

static void put_numbers(struct page *p, const struct sweep *s, enum measure m)
{
    static const char *const heads[] = { "with", "mean (95 % band)", "against the first", NULL };

    page_table(p, "As a table", heads, false);
    for (size_t i = 0; i < axes_combinations(&s->axes); i++) {
        struct buf name = BUF_EMPTY, mean = BUF_EMPTY, change = BUF_EMPTY;
        struct band b = sweep_mean(s, i, m), c = sweep_change(s, 0, i, m);
        axes_name(&s->axes, i, &name);
        sweep_put_mean(&mean, m, &b);
        if (i > 0)
            sweep_put_change(&change, m, &c);
        page_row(p);
        page_cell_slice(p, buf_slice(&name));
        page_cell_slice(p, buf_slice(&mean));
        page_cell_slice(p, buf_slice(&change));
        buf_free(&name);
        buf_free(&mean);
        buf_free(&change);
    }
    page_table_end(p);
}

static void put_measure(struct page *p, const struct sweep *s, enum measure m)
{
    struct plot plot = plot_of(p, s, m);
    size_t lines = lines_of(s);

    buf_add_str(p->out, "<div>\n<h3>");
    svg_text(p->out, measure_texts[m].text);
    buf_add_str(p->out, "</h3>\n");
    svg_begin(
        p->out, p->width, HEIGHT + 5, measure_texts[m].text,
        "Means over the seeds, within the bands in which the true ones lie in 95 of 100 cases; numbers are below.");
    plot_upright(p->out, &plot);
    put_values(p, s);
    for (size_t i = lines < LINES_MAX ? lines : LINES_MAX; i-- > 0;)
        put_line(p, s, &plot, m, i);
    svg_end(p->out);
    put_numbers(p, s, m);
    buf_add_str(p->out, "</div>\n");
}

/* Who the lines are, when there are several. */
static void put_legend(struct page *p, const struct sweep *s)
{
    size_t lines = lines_of(s);

    if (lines < 2)
        return;
    page_legend(p, NULL, NULL);
    for (size_t i = 0; i < lines && i < LINES_MAX; i++) {
        struct buf name = BUF_EMPTY;
        for (size_t a = 1; a < s->axes.n; a++)
            buf_addf(&name, "%s%s %s", a > 1 ? ", " : "", axis_name(&s->axes, a),
                     s->axes.axis[a].values[axes_at(&s->axes, i, a)].text);
        buf_add_u8(&name, '\0');
        page_legend(p, line_classes[i], name.data != NULL ? (const char *)name.data : "");
        buf_free(&name);
    }
    page_legend(p, NULL, NULL);
}

static void put_failed(struct page *p, const struct sweep *s)
{
    size_t n = sweep_failed(s);

    if (n == 0)
        return;
    buf_addf(p->out,
             "<div class=\"broken\" role=\"alert\"><p><b>%zu of %zu runs did not hold.</b> Each, and how to see "
             "it again:</p>\n",
             n, axes_combinations(&s->axes) * s->seeds);
    for (size_t i = 0, shown = 0; i < axes_combinations(&s->axes) * s->seeds && shown < 20; i++) {
        const struct sweep_run *r = &s->runs[i];
        if (r->broken[0] == '\0')
            continue;
        shown++;
        buf_add_str(p->out, "<p>");
        svg_text(p->out, r->broken);
        buf_add_str(p->out, "</p>\n");
        page_command(p, r->how);
    }
    if (n > 20)
        buf_add_str(p->out, "<p>These are the first twenty.</p>\n");
    buf_add_str(p->out, "</div>\n");
}

void sweep_page(struct buf *out, const struct sweep *s, const char *how)
{
    struct page p = { .out = out, .how = how };
    struct buf answer = BUF_EMPTY, title = BUF_EMPTY, aside = BUF_EMPTY;
    size_t n = axes_combinations(&s->axes);

    buf_add_str(&title, "sweep of ");
    for (size_t i = 0; i < s->axes.n; i++)
        buf_addf(&title, "%s%s", i > 0 ? ", " : "", axis_name(&s->axes, i));
    buf_add_u8(&title, '\0');
    buf_addf(&aside, "%zu combinations, %zu seeds of each", n, s->seeds);
    buf_add_u8(&aside, '\0');
    page_open(&p, title.data != NULL ? (const char *)title.data : "",
              aside.data != NULL ? (const char *)aside.data : "");
    put_failed(&p, s);
    sweep_answer(&answer, s);
    buf_add_str(out, "<p class=\"answer\">");
    svg_slice(out, buf_slice(&answer));
    buf_add_str(out, "</p>\n");
    page_panel(&p, "What each value brings");
    buf_addf(out,
             "A dot is the mean of %zu run%s; where the band is narrow, chance has little to say. All values were "
             "run with the same seeds, so that differences are of the settings. ",
             s->seeds, s->seeds == 1 ? "" : "s");
    if (lines_of(s) > LINES_MAX)
        buf_addf(out, "Of %zu lines the first %d are drawn; the tables have all. ", lines_of(s), LINES_MAX);
    page_figure(&p);
    put_legend(&p, s);
    page_width(&p, PAGE_NARROW);
    buf_add_str(out, "<div class=\"pairs\">\n");
    for (size_t m = 0; m < MEASURES_N; m++)
        put_measure(&p, s, (enum measure)m);
    buf_add_str(out, "</div>\n");
    page_panel_end(&p);
    page_panel(&p, "This sweep, again");
    buf_add_str(out, "The same command gives the same runs and this page byte for byte.");
    page_figure(&p);
    page_command(&p, how);
    page_panel_end(&p);
    page_close(&p);
    out->failed = out->failed || !buf_ok(&title) || !buf_ok(&aside) || !buf_ok(&answer);
    buf_free(&title);
    buf_free(&aside);
    buf_free(&answer);
}
