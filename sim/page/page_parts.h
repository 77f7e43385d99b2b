/* page_parts.h - the parts of page.h's page, for page*.c alone. */
#ifndef HEDGEROW_SIM_PAGE_PARTS_H
#define HEDGEROW_SIM_PAGE_PARTS_H

#include "sim/figures.h"
#include "sim/hunt/diagram.h"
#include "sim/page/svg.h"
#include "sim/series.h"

#define PAGE_WIDTH  960       /* of charts, in pixels; their text is set for it */
#define PAGE_NARROW 400       /* ... on a telephone */
#define PLOT_LEFT   (p->left) /* of the area within the axes, in tenths of a pixel */
#define PLOT_RIGHT  (p->right)

/* What a page is made from. */
struct page {
    struct buf *out;
    struct world *w;
    const struct figures *f;
    struct series_book *s;
    struct series_book *steps; /* its buckets, as many at a time as make steps that can be looked at */
    const char *how;
    uint64_t end_ms;
    int width, left, right; /* of the chart that is drawn, see page_chart */
    unsigned drawn;
    bool in_legend;
    uint64_t rows;       /* of the table that is open */
    struct buf left_out; /* items of a list: which panels are not there, and why */
};

/* ---- the shell (page_shell.c) ---- */

/* page_open writes all before the answer: |title| for the window, |aside| at the right of the name. page_close frees
 * what the page holds. */
void page_open(struct page *p, const char *title, const char *aside);
void page_close(struct page *p);
void page_command(struct page *p, const char *command);
void page_tile(struct page *p, const char *value, const char *text);

/* A chart is drawn twice, for wide screens and for narrow ones, since its text would shrink with it: the style sheet
 * shows one of them. `while (page_chart(p)) draw();`, where what is drawn keeps to width, PLOT_LEFT and PLOT_RIGHT. */
bool page_chart(struct page *p);
bool page_is_narrow(const struct page *p);
/* One width, for a chart that is always of that: until the next page_chart. */
void page_width(struct page *p, int width);

/* A panel is a heading, a sentence that says what to see, and a figure: page_panel, the sentence written to |out|,
 * page_figure, the chart and its tables, page_panel_end. */
void page_panel(struct page *p, const char *heading);
void page_figure(struct page *p);
void page_panel_end(struct page *p);
void page_left_out(struct page *p, const char *what, const char *why);

/* A legend: page_legend with NULL to begin and to end; an entry for each class of the style sheet between. */
void page_legend(struct page *p, const char *class, const char *text);

/* A table that opens: page_table with its heads, ended by NULL (|words|: it has words more than numbers); page_row and
 * the cells of each row; page_table_end. */
void page_table(struct page *p, const char *summary, const char *const *heads, bool words);
void page_row(struct page *p);
void page_cell(struct page *p, const char *text);
void page_cell_slice(struct page *p, struct slice text);
void page_cell_n(struct page *p, uint64_t n);
void page_table_end(struct page *p);
/* page_figures is a table of all figures of |n| runs beside each other: |figures| of each, of |words|' command; |heads|
 * as for page_table. */
void page_figures(struct page *p, const struct vocabulary *words, const char *const *heads, const void *const *figures,
                  size_t n);

/* ---- axes (page_axes.c) ---- */

enum axis {
    AXIS_TIME,    /* milliseconds */
    AXIS_LATENCY, /* microseconds */
    AXIS_RATE,    /* thousandths a second */
    AXIS_BYTES,   /* bytes a second, or bytes */
    AXIS_PCT,     /* thousandths */
    AXIS_COUNT,
};
struct plot {
    struct svg_scale x, y;
    enum axis x_axis, y_axis;
};
/* Lines and numbers of both axes, with |y_name| above the upright one. |top|, |bottom|: of the area, in tenths. */
void plot_axes(struct buf *out, const struct plot *p, const char *y_name, const char *x_name);
/* The upright axis alone; what stands along the other one is the caller's. */
void plot_upright(struct buf *out, const struct plot *p);
/* A scale for |most|, upright, that ends at a whole step. */
struct svg_scale plot_up_to(uint64_t most, int bottom, int top);
/* The x axis as wide as the chart that is drawn now. */
void plot_fit(const struct page *p, struct plot *plot);
/* Scales of time: of the whole run; from the moment on when viewers ask, or faults begin. */
struct svg_scale plot_whole(const struct page *p);
struct svg_scale plot_time(const struct page *p);

/* ---- faults (page_faults.c) ---- */

/* Bands of faults behind a chart that has time on its x axis; and their names, one below the other. */
void faults_bands(struct page *p, const struct svg_scale *x, int top, int bottom);
void faults_strip(struct page *p);
void faults_table(struct page *p);

/* ---- the panels ---- */

void page_requests(struct page *p); /* page_time.c */
void page_traffic(struct page *p);
void page_waits(struct page *p);
void page_members(struct page *p);
void page_latency(struct page *p); /* page_shape.c */
void page_nodes(struct page *p);
void page_spread(struct page *p);
void page_purges(struct page *p);
void page_configs(struct page *p);
void page_map(struct page *p);                              /* page_map.c */
void page_diagram(struct page *p, const struct diagram *d); /* page_diagram.c */

extern const char *const page_end_classes[SERIES_ENDS_N];

#endif
