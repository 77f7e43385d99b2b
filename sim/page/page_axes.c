/* Axes: which numbers stand at them, and how they are written. */
#include <stdio.h>

#include "sim/amounts.h"
#include "sim/page/page_parts.h"

#define LETTER     66  /* of a number: about so wide, in tenths of a pixel */
#define MARGIN     250 /* right of the axis */
#define TICK_X     620 /* tenths of a pixel that a number below the axis has for itself, at least */
#define TICKS_Y    5
#define TICK_LEAST 520

/* Thousandths as "12", "0.5". */
static void put_thousandths(char text[AMOUNT_MAX], uint64_t v)
{
    char whole[AMOUNT_MAX];

    amount_number(whole, v / 1000);
    if (v % 1000 == 0)
        snprintf(text, AMOUNT_MAX, "%.20s", whole);
    else if (v % 100 == 0)
        snprintf(text, AMOUNT_MAX, "%.20s.%llu", whole, (unsigned long long)(v % 1000 / 100));
    else
        snprintf(text, AMOUNT_MAX, "%.20s.%02llu", whole, (unsigned long long)(v % 1000 / 10));
}

/* "10.0 ms", "5.00 ms" without what says nothing. */
static void drop_zeros(char *text)
{
    char *end = strchr(text, ' '), *point = strchr(text, '.'), *to = end;

    if (end == NULL || point == NULL || point > end)
        return;
    while (to[-1] == '0')
        to--;
    to -= to[-1] == '.';
    memmove(to, end, strlen(end) + 1);
}

static void tick_text(char text[AMOUNT_MAX], enum axis axis, uint64_t v, uint64_t step)
{
    unsigned long long n = v;

    switch (axis) {
    case AXIS_TIME:
        if (step < 1000 && step % 500 != 0 && n < 10000)
            snprintf(text, AMOUNT_MAX, "%llu ms", n);
        else if (step >= 3600000)
            snprintf(text, AMOUNT_MAX, "%llu h", n / 3600000);
        else if (step >= 60000)
            snprintf(text, AMOUNT_MAX, "%llu min", n / 60000);
        else if (step % 1000 == 0)
            snprintf(text, AMOUNT_MAX, "%llu s", n / 1000);
        else
            snprintf(text, AMOUNT_MAX, "%llu.%llu s", n / 1000, n % 1000 / 100);
        break;
    case AXIS_LATENCY:
        if (step > 1) { /* not by decades: any number may stand there */
            amount_wait(text, v);
            drop_zeros(text);
        } else if (n < 1000)
            snprintf(text, AMOUNT_MAX, n % 100 == 0 && n > 0 ? "0.%llu ms" : "%llu \302\265s",
                     n % 100 == 0 ? n / 100 : n);
        else if (n < 1000000)
            snprintf(text, AMOUNT_MAX, "%llu ms", n / 1000);
        else
            snprintf(text, AMOUNT_MAX, "%llu s", n / 1000000);
        break;
    case AXIS_RATE: put_thousandths(text, v); break;
    case AXIS_BYTES:
        amount_bytes(text, v);
        drop_zeros(text);
        break;
    case AXIS_PCT: snprintf(text, AMOUNT_MAX, "%llu %%", n / 10); break;
    case AXIS_COUNT: amount_number(text, v); break;
    }
}

/* The next tick behind |v|: steps of a whole, or decades. */
static uint64_t tick_first(const struct svg_scale *s, uint64_t step)
{
    uint64_t v = 1;

    if (!s->logarithmic)
        return (s->low + step - 1) / step * step;
    while (v < s->low)
        v *= 10;
    return v;
}

static uint64_t time_step(uint64_t span_ms, unsigned most)
{
    static const uint64_t minutes[] = { 1, 2, 5, 10, 15, 30, 60, 120, 180, 240, 360 };

    if (span_ms <= 300000)
        return svg_step(span_ms, most);
    for (size_t i = 0; i < sizeof(minutes) / sizeof(minutes[0]); i++) {
        if (span_ms / (minutes[i] * 60000) <= most)
            return minutes[i] * 60000;
    }
    return UINT64_C(720) * 60000;
}

static uint64_t step_of(const struct svg_scale *s, enum axis axis, unsigned most)
{
    if (s->logarithmic)
        return 1;
    return axis == AXIS_TIME ? time_step(s->high - s->low, most) : svg_step(s->high - s->low, most);
}

static void fine_lines(struct buf *out, const struct svg_scale *s, const struct svg_scale *across, bool upright)
{
    for (uint64_t ten = 1; s->logarithmic && ten < s->high; ten *= 10) {
        for (uint64_t k = 2; k < 10; k++) {
            if (ten * k <= s->low || ten * k >= s->high)
                continue;
            int at = svg_at(s, ten * k);
            if (upright)
                svg_line(out, "fine", at, across->from, at, across->to);
            else
                svg_line(out, "fine", across->from, at, across->to, at);
        }
    }
}

void plot_upright(struct buf *out, const struct plot *p)
{
    char text[AMOUNT_MAX];
    uint64_t step = step_of(&p->y, p->y_axis, TICKS_Y);

    fine_lines(out, &p->y, &p->x, false);
    for (uint64_t v = tick_first(&p->y, step); v <= p->y.high; v = p->y.logarithmic ? v * 10 : v + step) {
        int y = svg_at(&p->y, v);
        svg_line(out, v == 0 ? "axis" : "grid", p->x.from, y, p->x.to, y);
        tick_text(text, p->y_axis, v, step);
        svg_label(out, "tick", 'e', p->x.from - 80, y + 40, text);
    }
}

void plot_axes(struct buf *out, const struct plot *p, const char *y_name, const char *x_name)
{
    char text[AMOUNT_MAX];
    int left = p->x.from, right = p->x.to, bottom = p->y.from;
    uint64_t x_step = step_of(&p->x, p->x_axis, (unsigned)(right - left) / TICK_X);

    fine_lines(out, &p->x, &p->y, true);
    plot_upright(out, p);
    int named = left - TICK_X;
    for (uint64_t v = tick_first(&p->x, x_step); v <= p->x.high; v = p->x.logarithmic ? v * 10 : v + x_step) {
        int x = svg_at(&p->x, v);
        svg_line(out, "notch", x, bottom, x, bottom + 50);
        if (x - named < TICK_LEAST)
            continue; /* of decades that lie near each other not each has its number */
        named = x;
        tick_text(text, p->x_axis, v, x_step);
        int most = right + MARGIN - (int)strlen(text) * LETTER / 2;
        svg_label(out, "tick", 'm', x < most ? x : most, bottom + 180, text);
    }
    svg_line(out, "axis", left, bottom, right, bottom);
    svg_label(out, "name", 's', left, p->y.to - 100, y_name);
    if (x_name != NULL)
        svg_label(out, "name", 'e', right, bottom + 350, x_name);
}

struct svg_scale plot_up_to(uint64_t most, int bottom, int top)
{
    uint64_t high = most > 0 ? most : 1, step = svg_step(high, TICKS_Y);

    return (struct svg_scale){ .low = 0, .high = (high + step - 1) / step * step, .from = bottom, .to = top };
}

void plot_fit(const struct page *p, struct plot *plot)
{
    plot->x.from = PLOT_LEFT;
    plot->x.to = PLOT_RIGHT;
}

struct svg_scale plot_whole(const struct page *p)
{
    return (struct svg_scale){ .low = 0, .high = p->end_ms > 0 ? p->end_ms : 1, .from = PLOT_LEFT, .to = PLOT_RIGHT };
}

struct svg_scale plot_time(const struct page *p)
{
    struct svg_scale x = plot_whole(p);
    const struct scenario *sc = &p->w->sc;
    uint64_t from = sc->warmup / (uint64_t)MS(1);

    if (sc->actions_n > 0 && (uint64_t)(sc->actions[0].at / MS(1)) < from)
        from = (uint64_t)(sc->actions[0].at / MS(1));
    if (from < x.high)
        x.low = from / 1000 * 1000 < x.high ? from / 1000 * 1000 : 0;
    return x;
}
