#include "sim/page/svg.h"

#include <assert.h>

void svg_slice(struct buf *out, struct slice text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = text.data[i];
        switch (c) {
        case '<': buf_add_str(out, "&lt;"); break;
        case '>': buf_add_str(out, "&gt;"); break;
        case '&': buf_add_str(out, "&amp;"); break;
        case '"': buf_add_str(out, "&quot;"); break;
        case '\'': buf_add_str(out, "&#39;"); break;
        default: buf_add_u8(out, c >= 0x20 || c == '\n' || c == '\t' ? c : '?'); break; /* others are no XML */
        }
    }
}

void svg_text(struct buf *out, const char *text)
{
    svg_slice(out, slice_str(text));
}

void svg_px(struct buf *out, int tenths)
{
    unsigned size = tenths < 0 ? 0u - (unsigned)tenths : (unsigned)tenths;

    buf_addf(out, "%s%u", tenths < 0 ? "-" : "", size / 10);
    if (size % 10 != 0)
        buf_addf(out, ".%u", size % 10);
}

static void put_attribute(struct buf *out, const char *name, int tenths)
{
    buf_addf(out, " %s=\"", name);
    svg_px(out, tenths);
    buf_add_u8(out, '"');
}

void svg_begin(struct buf *out, int width, int height, const char *title, const char *description)
{
    buf_addf(out, "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", width, height);
    svg_text(out, title);
    buf_add_str(out, "\"><title>");
    svg_text(out, title);
    buf_add_str(out, "</title><desc>");
    svg_text(out, description);
    buf_add_str(out, "</desc>\n");
}

void svg_end(struct buf *out)
{
    buf_add_str(out, "</svg>\n");
}

/* ---- shapes ---- */

void svg_line(struct buf *out, const char *class, int x1, int y1, int x2, int y2)
{
    buf_addf(out, "<line class=\"%s\"", class);
    put_attribute(out, "x1", x1);
    put_attribute(out, "y1", y1);
    put_attribute(out, "x2", x2);
    put_attribute(out, "y2", y2);
    buf_add_str(out, "/>\n");
}

void svg_rect(struct buf *out, const char *class, int x, int y, int width, int height)
{
    buf_addf(out, "<rect class=\"%s\"", class);
    put_attribute(out, "x", x);
    put_attribute(out, "y", y);
    put_attribute(out, "width", width);
    put_attribute(out, "height", height);
    buf_add_str(out, "/>\n");
}

void svg_circle(struct buf *out, const char *class, int x, int y, int r)
{
    buf_addf(out, "<circle class=\"%s\"", class);
    put_attribute(out, "cx", x);
    put_attribute(out, "cy", y);
    put_attribute(out, "r", r);
    buf_add_str(out, "/>\n");
}

void svg_label(struct buf *out, const char *class, char anchor, int x, int y, const char *text)
{
    buf_addf(out, "<text class=\"%s\"", class);
    if (anchor != 's')
        buf_addf(out, " text-anchor=\"%s\"", anchor == 'm' ? "middle" : "end");
    put_attribute(out, "x", x);
    put_attribute(out, "y", y);
    buf_add_u8(out, '>');
    svg_text(out, text);
    buf_add_str(out, "</text>\n");
}

void svg_path(struct buf *out, const char *class)
{
    buf_addf(out, "<path class=\"%s\" d=\"", class);
}

void svg_to(struct buf *out, bool first, int x, int y)
{
    buf_add_u8(out, first ? 'M' : 'L');
    svg_px(out, x);
    buf_add_u8(out, ' ');
    svg_px(out, y);
}

void svg_path_end(struct buf *out, bool closed)
{
    buf_add_str(out, closed ? "Z\"/>\n" : "\"/>\n");
}

/* ---- scales ---- */

/* Squaring a number from 1 to 2 says the next bit of its logarithm. */
uint32_t svg_log2(uint64_t v)
{
    uint32_t whole = 0, part = 0;

    assert(v >= 1);
    while (v >> whole > 1)
        whole++;
    uint64_t x = whole <= 31 ? v << (31 - whole) : v >> (whole - 31); /* 1 to 2, with 31 bits behind the point */
    for (unsigned i = 0; i < 10; i++) {
        x = x * x >> 31;
        part = part << 1 | (x >> 32 != 0);
        if (x >> 32 != 0)
            x >>= 1;
    }
    return whole << 10 | part;
}

int svg_at(const struct svg_scale *s, uint64_t value)
{
    uint64_t low = s->low, high = s->high, at = value < low ? low : value > high ? high : value;

    assert(low < high);
    if (s->logarithmic) {
        low = svg_log2(low);
        high = svg_log2(high);
        at = svg_log2(at);
    }
    uint64_t span = high - low, part = at - low;
    while (span >> 44 != 0) { /* so that the product fits */
        span >>= 1;
        part >>= 1;
    }
    return s->from + (int)((int64_t)part * (s->to - s->from) / (int64_t)(span > 0 ? span : 1));
}

uint64_t svg_round_up(uint64_t least)
{
    for (uint64_t ten = 1; ten < UINT64_MAX / 100; ten *= 10) {
        if (least <= ten)
            return ten;
        if (least <= 2 * ten)
            return 2 * ten;
        if (least <= 5 * ten)
            return 5 * ten;
    }
    return least;
}

uint64_t svg_step(uint64_t span, unsigned most)
{
    return svg_round_up((span + most - 1) / most);
}

uint64_t svg_root(uint64_t v)
{
    uint64_t root = 0;

    for (uint64_t bit = UINT64_C(1) << 31; bit > 0; bit >>= 1) {
        if ((root | bit) * (root | bit) <= v)
            root |= bit;
    }
    return root;
}
