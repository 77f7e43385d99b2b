/* svg.h - charts in a page, without floating point: coordinates are integers, tenths of a pixel, and are written so
 * that the page is XML as well as HTML. Knows nothing of the simulator. */
#ifndef HEDGEROW_SIM_SVG_H
#define HEDGEROW_SIM_SVG_H

#include <stdint.h>

#include "proto/base/buf.h"

/* svg_text adds |text| with what means something to HTML escaped, quotes too. */
void svg_text(struct buf *out, const char *text);
void svg_slice(struct buf *out, struct slice text);
/* svg_px adds tenths of a pixel: 123 as "12.3", 120 as "12". */
void svg_px(struct buf *out, int tenths);

/* svg_begin opens a chart of this size (pixels) with a name and a description for those who do not see it. */
void svg_begin(struct buf *out, int width, int height, const char *title, const char *description);
void svg_end(struct buf *out);

/* Shapes; |class| is of the page's style sheet. */
void svg_line(struct buf *out, const char *class, int x1, int y1, int x2, int y2);
void svg_rect(struct buf *out, const char *class, int x, int y, int width, int height);
void svg_circle(struct buf *out, const char *class, int x, int y, int r);
/* |anchor|: 's' the text begins there, 'm' its middle is there, 'e' it ends there. */
void svg_label(struct buf *out, const char *class, char anchor, int x, int y, const char *text);
/* A path, point by point: svg_path, svg_to as often as needed, svg_path_end. */
void svg_path(struct buf *out, const char *class);
void svg_to(struct buf *out, bool first, int x, int y);
void svg_path_end(struct buf *out, bool closed);

/* From values to places. Logarithmic ones begin at |low| >= 1; values outside come to the nearer end. */
struct svg_scale {
    uint64_t low, high; /* low < high */
    int from, to;       /* tenths of a pixel */
    bool logarithmic;
};
int svg_at(const struct svg_scale *s, uint64_t value);

/* 1024 times the binary logarithm of |v| >= 1, rounded down. */
uint32_t svg_log2(uint64_t v);
/* The least of 1, 2, 5, 10, 20 ... that is |least| or more; a scale's step of which |most| or fewer make up |span|. */
uint64_t svg_round_up(uint64_t least);
uint64_t svg_step(uint64_t span, unsigned most);
/* The whole root. */
uint64_t svg_root(uint64_t v);

#endif
