/* The last moments before a rule was found broken, as a space-time diagram; and the page of what shrink left. */
#include <stdio.h>

#include "sim/page/page.h"
#include "sim/page/page_parts.h"

#define HEAD      300 /* tenths of a pixel above the first row */
#define ROW       200
#define ROW_TALL  330 /* on narrow screens: what it was stands above it */
#define TIP       70
#define TEXT_ROOM 4600
#define LETTER    66

struct drawing {
    struct page *p;
    const struct diagram *d;
    uint64_t from; /* the first row */
    int first, apart, row;
};

static int column_x(const struct drawing *g, uint32_t column)
{
    return g->first + (int)column * g->apart;
}

static int row_y(const struct drawing *g, uint64_t i)
{
    return HEAD + (int)(i - g->from) * g->row + g->row / (page_is_narrow(g->p) ? 1 : 2);
}

/* Rows are as far apart, however long it took: a sending's height is that of the last row before it. */
static int moment_y(const struct drawing *g, mesh_ns at)
{
    int y = HEAD;

    for (uint64_t i = g->from; i < g->d->rows_n && g->d->rows[i % DIAGRAM_ROWS].at <= at; i++)
        y = row_y(g, i);
    return y;
}

static void tip(struct drawing *g, int x, int y, bool rightwards)
{
    int back = rightwards ? x - TIP : x + TIP;

    svg_path(g->p->out, "tip");
    svg_to(g->p->out, true, x, y);
    svg_to(g->p->out, false, back, y - TIP / 2);
    svg_to(g->p->out, false, back, y + TIP / 2);
    svg_path_end(g->p->out, true);
}

static void cross(struct drawing *g, int x, int y)
{
    svg_line(g->p->out, "stopped", x - 35, y - 35, x + 35, y + 35);
    svg_line(g->p->out, "stopped", x - 35, y + 35, x + 35, y - 35);
}

static void ray(struct drawing *g, const struct diagram_row *row, int y)
{
    int from = column_x(g, row->peer), to = column_x(g, row->node), sent = y;

    if (row->sent_at < row->at)
        sent = moment_y(g, row->sent_at);
    if (row->lost) { /* it gets nowhere: most of the way */
        to = from + (to - from) * 3 / 4;
        y = sent + (y - sent) * 3 / 4;
    }
    svg_line(g->p->out, row->lost ? "ray-lost" : "ray", from, sent, to, y);
    if (row->lost)
        cross(g, to, y);
    else
        tip(g, to, y, to > from);
}

static void row_text(struct drawing *g, const struct diagram_row *row, int y)
{
    char text[120], when[32];
    const char *class = row->node >= DIAGRAM_NODES ? "tick fault" : "tick";
    const char *over = row->node >= DIAGRAM_NODES ? "over tick fault" : "over tick"; /* lines pass there */

    snprintf(when, sizeof(when), "%lld.%03lld", (long long)(row->at / SEC(1)), (long long)(row->at / MS(1) % 1000));
    snprintf(text, sizeof(text), "%s%s", row->node >= DIAGRAM_NODES ? "!! " : "", row->text);
    if (row->times > 1)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), ", %u in a row", row->times);
    if (!page_is_narrow(g->p)) {
        svg_label(g->p->out, "tick", 's', 40, y + 40, when);
        svg_label(g->p->out, class, 's', column_x(g, (uint32_t)g->d->nodes_n - 1) + 300, y + 40, text);
        return;
    }
    size_t room = (size_t)(g->p->width * 10 - 80) / LETTER, at = strlen(when) + 2;
    if (at + strlen(text) > room)
        snprintf(text + (room > at + 4 ? room - at - 3 : 0), 4, "...");
    svg_label(g->p->out, "over tick", 's', 40, y - g->row / 2 + 20, when);
    svg_label(g->p->out, over, 's', 40 + (int)at * LETTER, y - g->row / 2 + 20, text);
}

static void draw(struct page *p, const struct diagram *d)
{
    struct drawing g = { .p = p, .d = d, .from = d->rows_n > DIAGRAM_ROWS ? d->rows_n - DIAGRAM_ROWS : 0 };
    int room = page_is_narrow(p) ? p->width * 10 - 700 : p->width * 10 - TEXT_ROOM - 1100;
    int n = (int)d->nodes_n, bottom;
    char name[16];

    g.first = page_is_narrow(p) ? 350 : 1000;
    g.apart = n > 1 ? room / (n - 1) : 0;
    g.apart = g.apart < 900 ? g.apart : 900;
    g.row = page_is_narrow(p) ? ROW_TALL : ROW;
    bottom = HEAD + (int)(d->rows_n - g.from) * g.row + 100;
    svg_begin(
        p->out, p->width, bottom / 10 + 5, "The last moments, node by node",
        "Time runs downwards, a column a node, arrows for what went from one to another, crosses where it was lost.");
    for (uint32_t i = 0; i < d->nodes_n; i++) {
        svg_line(p->out, "life", column_x(&g, i), HEAD - 60, column_x(&g, i), bottom);
        snprintf(name, sizeof(name), "n%u", d->nodes[i]);
        svg_label(p->out, "name", 'm', column_x(&g, i), HEAD - 110, name);
    }
    for (uint64_t i = g.from; i < d->rows_n; i++) {
        const struct diagram_row *row = &d->rows[i % DIAGRAM_ROWS];
        int y = row_y(&g, i);
        if (row->node >= DIAGRAM_NODES)
            svg_line(p->out, "act", column_x(&g, 0) - 150, y, column_x(&g, (uint32_t)n - 1) + 150, y);
        else if (row->arrow)
            ray(&g, row, y);
        else
            svg_circle(p->out, "spot", column_x(&g, row->node), y, 32);
    }
    for (uint64_t i = g.from; i < d->rows_n; i++)
        row_text(&g, &d->rows[i % DIAGRAM_ROWS], row_y(&g, i));
    svg_end(p->out);
}

void page_diagram(struct page *p, const struct diagram *d)
{
    if (d->rows_n == 0 || d->nodes_n == 0)
        return;
    page_panel(p, "The last moments before it was found");
    buf_addf(p->out,
             "Time runs downwards, in seconds, a column a node; what happens is as far apart as it can be read, "
             "not as long as it took. ");
    if (d->rows_n > DIAGRAM_ROWS)
        buf_addf(p->out, "These are the last %d things that happened. ", DIAGRAM_ROWS);
    if (d->nodes_n == DIAGRAM_NODES)
        buf_addf(p->out, "Of the nodes %d are shown. ", DIAGRAM_NODES);
    page_figure(p);
    page_legend(p, NULL, NULL);
    page_legend(p, "l-hit", "arrives");
    page_legend(p, "l-failed", "is lost, or an action");
    page_legend(p, "hit", "happens at the node");
    page_legend(p, NULL, NULL);
    while (page_chart(p))
        draw(p, d);
    page_panel_end(p);
}

void page_failure(struct buf *out, const struct scenario *sc, const char *broken, const char *message,
                  const struct diagram *d)
{
    struct page p = { .out = out };
    struct buf text = BUF_EMPTY;
    char aside[96];

    snprintf(aside, sizeof(aside), "%llu node%s, %zu action%s, seed %llu", (unsigned long long)sc->nodes,
             sc->nodes == 1 ? "" : "s", sc->actions_n, sc->actions_n == 1 ? "" : "s", (unsigned long long)sc->seed);
    page_open(&p, "a failure, shrunk", aside);
    buf_add_str(out, "<p class=\"answer\">Does not hold: <strong>");
    svg_text(out, broken);
    buf_addf(out, "</strong>; it takes no more than %llu node%s, %llu request%s and %zu action%s.</p>\n",
             (unsigned long long)sc->nodes, sc->nodes == 1 ? "" : "s", (unsigned long long)sc->requests,
             sc->requests == 1 ? "" : "s", sc->actions_n, sc->actions_n == 1 ? "" : "s");
    if (message[0] != '\0') {
        buf_add_str(out, "<div class=\"broken\" role=\"alert\"><p><code>");
        svg_text(out, message);
        buf_add_str(out, "</code></p></div>\n");
    }
    if (d != NULL)
        page_diagram(&p, d);
    page_panel(&p, "The run, as a scenario");
    buf_add_str(out, "In a file of its own it gives this run again: <code>hedgerow-sim run --scenario FILE</code>.");
    page_figure(&p);
    scenario_put(&text, sc);
    buf_add_u8(&text, '\0');
    page_command(&p, text.data != NULL ? (const char *)text.data : "");
    out->failed = out->failed || !buf_ok(&text);
    buf_free(&text);
    page_panel_end(&p);
    page_close(&p);
}
