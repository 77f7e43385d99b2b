#include "sim/members/members_page.h"

#include <stdio.h>

#include "sim/amounts.h"
#include "sim/epidemic.h"
#include "sim/page/page_parts.h"

#define TOP    240
#define BOTTOM 2600
#define HEIGHT 305 /* of a chart, in pixels */

static const char *const line_classes[MEMBERS_PAGE_RUNS] = { "l-hit", "l-origin", "l-peer" };
static const char *const mode_names[] = { "Hedgerow", "SWIM", "Lifeguard" };

static const char *name_of(const struct members_run *r)
{
    return mode_names[r->crowd->sc.mode];
}

/* ---- the answer ---- */

static void put_answer(struct buf *out, const struct members_run *runs, size_t n)
{
    const struct members_figures *f = &runs[0].figures;
    char a[AMOUNT_MAX], b[AMOUNT_MAX], c[AMOUNT_MAX];

    buf_addf(out, "%s nodes had one right view ", amount_number(a, runs[0].crowd->n));
    if (f->joined_ms == FIGURE_NEVER)
        buf_add_str(out, "at no moment");
    else
        buf_addf(out, "<b>%s</b> after the last one began", amount_seconds(b, f->joined_ms));
    if (f->updates > 0 && f->update_mean_ms != FIGURE_NEVER)
        buf_addf(out, "; news were everywhere after <b>%s ms</b> on average and %s ms at most",
                 amount_number(a, f->update_mean_ms), amount_number(b, f->update_max_ms));
    if (f->updates_lost > 0)
        buf_addf(out, ", %s of %s not within 10 s", amount_number(a, f->updates_lost), amount_number(b, f->updates));
    if (f->crashes > 0 && f->crash_p50_ms != FIGURE_NEVER)
        buf_addf(out, "; who ended was known to all as dead after <b>%s</b>, and %s at most",
                 amount_seconds(a, f->crash_p50_ms), amount_seconds(b, f->crash_max_ms));
    if (f->wrong_deaths == 0)
        buf_add_str(out, "; <b>no healthy node</b> was declared dead.");
    else
        buf_addf(out, "; <b>%s time%s</b> a healthy node was declared dead.", amount_number(a, f->wrong_deaths),
                 f->wrong_deaths == 1 ? "" : "s");
    for (size_t i = 1; i < n; i++) {
        const struct members_figures *g = &runs[i].figures;
        buf_addf(out, " %s in the same world: ", name_of(&runs[i]));
        if (g->updates > 0 && g->update_mean_ms != FIGURE_NEVER)
            buf_addf(out, "news after %s ms, ", amount_number(a, g->update_mean_ms));
        if (g->crashes > 0 && g->crash_p50_ms != FIGURE_NEVER)
            buf_addf(out, "ends after %s, ", amount_seconds(b, g->crash_p50_ms));
        buf_addf(out, "%s wrong death%s.", amount_number(c, g->wrong_deaths), g->wrong_deaths == 1 ? "" : "s");
    }
}

static void put_broken(struct page *p, const struct members_run *r)
{
    if (r->crowd->unmet == 0)
        return;
    buf_add_str(p->out, "<div class=\"broken\" role=\"alert\"><p><b>Something did not hold.</b></p>\n<pre>");
    svg_slice(p->out, buf_slice(&r->crowd->complaints));
    buf_add_str(p->out, "</pre>\n<p>To see it again:</p>\n");
    page_command(p, p->how);
    buf_add_str(p->out, "</div>\n");
}

static void put_tiles(struct page *p, const struct members_run *r)
{
    const struct members_figures *f = &r->figures;
    char a[AMOUNT_MAX];

    buf_add_str(p->out, "<dl class=\"tiles\">\n");
    page_tile(p, amount_seconds(a, f->agreed_ms), "from the end of all faults until views were equal and right");
    page_tile(p, amount_bytes(a, f->idle_bytes), "sent a node and second, all told");
    page_tile(p, amount_bytes(a, f->peak_bytes), "at most by one node in one second");
    page_tile(p, amount_number(a, f->wrong_deaths), "healthy nodes declared dead");
    page_tile(p, amount_number(a, f->ring_moves), "views in which a running node lost its place");
    buf_add_str(p->out, "</dl>\n");
}

static void put_legend(struct page *p, const struct members_run *runs, size_t n, bool ideal)
{
    page_legend(p, NULL, NULL);
    for (size_t i = 0; i < n; i++)
        page_legend(p, line_classes[i], name_of(&runs[i]));
    if (ideal)
        page_legend(p, "l-ideal", "epidemic");
    page_legend(p, NULL, NULL);
}

/* ---- who knows, by the time since it happened ---- */

static const struct curve *curve_of(const struct members_run *r, bool crash)
{
    return crash ? &r->curves->crash : &r->curves->update;
}

/* The step by which |per_mille| of those that should know do; CURVE_STEPS: not within them. */
static size_t step_at(const struct curve *c, uint64_t per_mille)
{
    uint64_t seen = 0;

    for (size_t i = 0; c->of > 0 && i < CURVE_STEPS; i++) {
        seen += c->at[i];
        if (seen * 1000 >= c->of * per_mille)
            return i;
    }
    return CURVE_STEPS;
}

static void curve_line(struct page *p, const struct plot *plot, const struct curve *c, const char *class)
{
    uint64_t seen = 0;

    svg_path(p->out, class);
    svg_to(p->out, true, plot->x.from, plot->y.from);
    for (size_t i = 0; i < CURVE_STEPS; i++) {
        uint64_t ms = (uint64_t)(i + 1) * (uint64_t)(c->step / MS(1));
        if (ms > plot->x.high)
            break;
        seen += c->at[i];
        if (c->at[i] == 0 && (i + 1 == CURVE_STEPS || c->at[i + 1] == 0))
            continue; /* a level stretch has two ends */
        svg_to(p->out, false, svg_at(&plot->x, ms), svg_at(&plot->y, seen * 1000 / c->of));
    }
    svg_to(p->out, false, plot->x.to, svg_at(&plot->y, seen * 1000 / c->of));
    svg_path_end(p->out, false);
}

static mesh_ns mean_delay(const struct crowd *c)
{
    const struct scenario *sc = &c->sc;
    mesh_ns sum = 0, pairs = 0;

    if (sc->regions == 0) /* of |zones| others one is in the same zone, about */
        sum = ((mesh_ns)sc->delay + (mesh_ns)sc->zone_delay * (mesh_ns)(sc->zones - 1)) / (mesh_ns)sc->zones, pairs = 1;
    for (unsigned a = 0; a < sc->regions; a++) {
        for (unsigned b = 0; b < sc->regions; b++, pairs++)
            sum += link_region_delay(a, b);
    }
    mesh_ns mean = sum / pairs + (mesh_ns)sc->jitter / 2;
    return mean > MS(1) ? mean : MS(1);
}

static void ideal_line(struct page *p, const struct plot *plot, const struct crowd *c)
{
    struct epidemic e;

    epidemic_init(&e, c->n, mean_delay(c));
    svg_path(p->out, "l-ideal");
    while (e.hops + 1 < EPIDEMIC_HOPS && (uint64_t)((mesh_ns)e.hops * e.hop / MS(1)) <= plot->x.high) {
        svg_to(p->out, e.hops == 0, svg_at(&plot->x, (uint64_t)((mesh_ns)e.hops * e.hop / MS(1))),
               svg_at(&plot->y, epidemic_known(&e)));
        epidemic_next(&e);
    }
    svg_path_end(p->out, false);
}

static void curve_table(struct page *p, const struct members_run *runs, size_t n, bool crash)
{
    static const char *const heads[] = { "protocol", "half know after, ms", "90 %", "99 %", "99.9 %", NULL };
    static const uint64_t shares[] = { 500, 900, 990, 999 };

    page_table(p, "As a table", heads, false);
    for (size_t i = 0; i < n; i++) {
        const struct curve *c = curve_of(&runs[i], crash);
        page_row(p);
        page_cell(p, name_of(&runs[i]));
        for (size_t k = 0; k < sizeof(shares) / sizeof(shares[0]); k++) {
            size_t step = step_at(c, shares[k]);
            if (step == CURVE_STEPS)
                page_cell(p, "later, or never");
            else
                page_cell_n(p, (uint64_t)(step + 1) * (uint64_t)(c->step / MS(1)));
        }
    }
    page_table_end(p);
}

static void spread_panel(struct page *p, const struct members_run *runs, size_t n, bool crash)
{
    struct plot plot = { .x_axis = AXIS_TIME, .y_axis = AXIS_PCT };
    bool ideal = !crash && runs[0].crowd->n >= 3;
    uint64_t longest = 0;
    char a[AMOUNT_MAX];

    if (curve_of(&runs[0], crash)->of == 0) {
        page_left_out(p, crash ? "how soon an end is noticed" : "how news spread",
                      crash ? "no end of a node was followed (crashes)" : "no change was followed (update)");
        return;
    }
    for (size_t i = 0; i < n; i++) {
        const struct curve *c = curve_of(&runs[i], crash);
        uint64_t ms = (uint64_t)(step_at(c, 990) + 2) * (uint64_t)(c->step / MS(1));
        longest = ms > longest ? ms : longest;
    }
    plot.x = (struct svg_scale){ .low = 0, .high = plot_up_to(longest, 0, 1).high };
    plot.y = (struct svg_scale){ 0, 1000, BOTTOM, TOP, false };
    page_panel(p, crash ? "How soon an end is known" : "How news spread");
    buf_add_str(p->out,
                crash ? "Of all pairs of a node that ended and one that lived, those in which it was declared dead, by "
                        "the time since its end. "
                      : "Of all pairs of a change and a node, those in which the node had it, by the time since it was "
                        "made. ");
    if (ideal)
        buf_addf(p->out,
                 "Beside it, what an epidemic would do: who hears it tells %d random others at once and again each "
                 "%d ms, and a hop takes %s. ",
                 EPIDEMIC_PUSHES, (int)(EPIDEMIC_AGAIN / MS(1)),
                 amount_wait(a, (uint64_t)(mean_delay(runs[0].crowd) / US(1))));
    page_figure(p);
    put_legend(p, runs, n, ideal);
    while (page_chart(p)) {
        plot_fit(p, &plot);
        svg_begin(p->out, p->width, HEIGHT,
                  crash ? "Nodes that declared it dead, by time since the end"
                        : "Nodes that have the news, by time since it was made",
                  "A line for each protocol; the table below has the times.");
        plot_axes(p->out, &plot, "nodes that know", crash ? "since the end" : "since the change");
        for (size_t i = n; i-- > 0;) {
            if (curve_of(&runs[i], crash)->of > 0)
                curve_line(p, &plot, curve_of(&runs[i], crash), line_classes[i]);
        }
        if (ideal)
            ideal_line(p, &plot, runs[0].crowd);
        svg_end(p->out);
    }
    curve_table(p, runs, n, crash);
    page_panel_end(p);
}

/* ---- over time ---- */

static void time_line(struct page *p, const struct plot *plot, const struct members_curves *m, bool right,
                      const char *class)
{
    svg_path(p->out, class);
    for (size_t i = 0; i < m->moments_n; i++) {
        int y = svg_at(&plot->y, right ? m->moments[i].right : m->moments[i].live);
        if (i > 0 && i + 1 < m->moments_n && memcmp(&m->moments[i], &m->moments[i - 1], sizeof(m->moments[i])) == 0 &&
            memcmp(&m->moments[i], &m->moments[i + 1], sizeof(m->moments[i])) == 0)
            continue; /* level: its ends will do */
        svg_to(p->out, i == 0, svg_at(&plot->x, (uint64_t)((mesh_ns)i * m->width / MS(1))), y);
        svg_to(p->out, false, svg_at(&plot->x, (uint64_t)((mesh_ns)(i + 1) * m->width / MS(1))), y);
    }
    if (m->moments_n == 0)
        svg_to(p->out, true, plot->x.from, plot->y.from);
    svg_path_end(p->out, false);
}

static void time_panel(struct page *p, const struct members_run *runs, size_t n)
{
    struct plot plot = { .x_axis = AXIS_TIME, .y_axis = AXIS_COUNT };
    uint64_t end = 1;

    for (size_t i = 0; i < n; i++)
        end = runs[i].figures.virtual_ms > end ? runs[i].figures.virtual_ms : end;
    plot.x = (struct svg_scale){ .low = 0, .high = end };
    plot.y = plot_up_to(runs[0].crowd->n, BOTTOM, TOP);
    page_panel(p, "Who lists all, over time");
    buf_add_str(p->out, "Nodes that list as many live ones as there are; each step shows its worst moment. ");
    page_figure(p);
    page_legend(p, NULL, NULL);
    page_legend(p, "l-gone", "live nodes");
    for (size_t i = 0; i < n; i++)
        page_legend(p, line_classes[i], name_of(&runs[i]));
    page_legend(p, NULL, NULL);
    while (page_chart(p)) {
        plot_fit(p, &plot);
        svg_begin(p->out, p->width, HEIGHT, "Nodes that list all live ones, over time", "A line for each protocol.");
        plot_axes(p->out, &plot, "nodes", NULL);
        time_line(p, &plot, runs[0].curves, false, "l-gone");
        for (size_t i = n; i-- > 0;)
            time_line(p, &plot, runs[i].curves, true, line_classes[i]);
        svg_end(p->out);
    }
    page_panel_end(p);
}

/* ---- the end ---- */

static void figures_table(struct page *p, const struct members_run *runs, size_t n)
{
    const struct vocabulary *words = runs[0].crowd->sc.words;
    const void *figures[MEMBERS_PAGE_RUNS];
    const char *heads[MEMBERS_PAGE_RUNS + 2] = { "figure" };

    for (size_t i = 0; i < n; i++) {
        heads[i + 1] = name_of(&runs[i]);
        figures[i] = &runs[i].figures;
    }
    page_figures(p, words, heads, figures, n);
}

void members_page(struct buf *out, const struct members_run *runs, size_t n, const char *how)
{
    struct page p = { .out = out, .how = how };
    char title[96], aside[128], a[AMOUNT_MAX], b[AMOUNT_MAX];
    const struct crowd *c = runs[0].crowd;

    snprintf(title, sizeof(title), "%u members, seed %llu", c->n, (unsigned long long)c->sc.seed);
    snprintf(aside, sizeof(aside), "%s members, %s of virtual time, seed %llu", amount_number(a, c->n),
             amount_span(b, runs[0].figures.virtual_ms), (unsigned long long)c->sc.seed);
    page_open(&p, title, aside);
    put_broken(&p, &runs[0]);
    buf_add_str(out, "<p class=\"answer\">");
    put_answer(out, runs, n);
    buf_add_str(out, "</p>\n");
    put_tiles(&p, &runs[0]);
    spread_panel(&p, runs, n, false);
    spread_panel(&p, runs, n, true);
    time_panel(&p, runs, n);
    page_panel(&p, "This run, again");
    buf_addf(
        out,
        "The same command gives the same run and this page byte for byte. Its trace is <code>%016llx%016llx</code>.",
        (unsigned long long)c->trace[0], (unsigned long long)c->trace[1]);
    if (p.left_out.len > 0) {
        buf_add_str(out, " Not shown: ");
        buf_add_slice(out, buf_slice(&p.left_out));
        buf_add_u8(out, '.');
    }
    page_figure(&p);
    page_command(&p, how);
    figures_table(&p, runs, n);
    page_panel_end(&p);
    page_close(&p);
}
