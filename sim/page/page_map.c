/* The map: what went from place to place, and from the origin. Regions of the matrix lie about where their cities do,
 * Europe drawn larger; zones and regions without geography lie on a circle below the origin. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/amounts.h"
#include "sim/edge.h"
#include "sim/page/page_parts.h"

#define CENTRE_X  (p->width * 5)
#define CENTRE_Y  2350
#define RADIUS_X  (page_is_narrow(p) ? 1350 : 2900)
#define RADIUS_Y  1250
#define DOT_LEAST 50
#define DOT_MOST  (CROWDED(p) ? 130 : 220)
#define PEN_MOST  (CROWDED(p) ? 35 : 110) /* tenths of a pixel */
#define ROWS_MAX  40
#define WAYS_MAX  60 /* more are no picture */
#define NAMED_MAX 12 /* ways that bear their bytes */

#define LETTER 66 /* of a name: about so wide, in tenths */
#define LINE   130

#define CROWDED(p) ((p)->s->places > 8)

struct spot {
    int x, y;
};

/* clang-format off */
static const struct spot cities[LINK_REGIONS] = {
    { 2800, 1470 }, { 2060, 1330 }, { 1960, 1830 }, { 1060, 1640 }, { 1000, 1050 }, { 2580, 940 },  { 1640, 2280 },
    { 3150, 3300 }, { 3820, 860 },  { 4240, 700 },  { 4700, 800 },  { 4220, 1260 }, { 4960, 1180 }, { 5060, 340 },
    { 4720, 1620 }, { 5460, 900 },  { 5560, 1980 }, { 6140, 2230 }, { 5230, 3500 }, { 6700, 2380 }, { 7480, 2830 },
    { 7800, 2130 }, { 8620, 1560 }, { 8180, 1380 }, { 8640, 3520 }, { 9150, 3890 },
};
/* clang-format on */

/* Sixteen directions, in thousandths: cosine, then sine, from the top on, clockwise. */
static const int16_t turn[17][2] = { { 0, -1000 },   { 383, -924 }, { 707, -707 }, { 924, -383 },  { 1000, 0 },
                                     { 924, 383 },   { 707, 707 },  { 383, 924 },  { 0, 1000 },    { -383, 924 },
                                     { -707, 707 },  { -924, 383 }, { -1000, 0 },  { -924, -383 }, { -707, -707 },
                                     { -383, -924 }, { 0, -1000 } };

static struct spot on_circle(const struct page *p, size_t i, size_t n)
{
    size_t at = (2 * i + 1) * 8000 / n, whole = at / 1000; /* none at the top, below the origin */
    int part = (int)(at % 1000);
    int x = turn[whole][0] * (1000 - part) + turn[whole + 1][0] * part;
    int y = turn[whole][1] * (1000 - part) + turn[whole + 1][1] * part;

    return (struct spot){ CENTRE_X + x / 1000 * RADIUS_X / 1000, CENTRE_Y + y / 1000 * RADIUS_Y / 1000 };
}

static struct spot spot_of(const struct page *p, size_t place)
{
    if (p->w->sc.regions == 0)
        return on_circle(p, place, p->s->places);
    return (struct spot){ cities[place].x * p->width / PAGE_WIDTH, cities[place].y };
}

static struct spot origin_spot(const struct page *p)
{
    return p->w->sc.regions > 0 ? (struct spot){ 3850 * p->width / PAGE_WIDTH, 2700 } : (struct spot){ CENTRE_X, 320 };
}

/* ---- names ---- */

/* Where names stand already: one that would lie on another is left out, and is in the table. */
struct names {
    struct {
        int left, right, line;
    } at[LINK_REGIONS + 2 * NAMED_MAX + 101];
    size_t n;
};

static void put_name(struct page *p, struct names *names, const char *class, char anchor, int x, int y,
                     const char *text)
{
    int wide = (int)strlen(text) * LETTER, left = anchor == 's' ? x : anchor == 'm' ? x - wide / 2 : x - wide;

    if (left < 0)
        x -= left;
    else if (left + wide > p->width * 10)
        x -= left + wide - p->width * 10;
    left = anchor == 's' ? x : anchor == 'm' ? x - wide / 2 : x - wide;
    for (size_t i = 0; i < names->n; i++) {
        int apart = y - names->at[i].line;
        if (left < names->at[i].right && names->at[i].left < left + wide && apart < LINE && apart > -LINE)
            return;
    }
    if (names->n == sizeof(names->at) / sizeof(names->at[0]))
        return;
    names->at[names->n].left = left;
    names->at[names->n].right = left + wide;
    names->at[names->n++].line = y;
    svg_label(p->out, class, anchor, x, y, text);
}

/* ---- ways ---- */

struct way {
    size_t a, b; /* places; a == origin: |places| */
    uint64_t bytes;
};

static int heavier(const void *x, const void *y)
{
    const struct way *a = x, *b = y;

    if (a->bytes != b->bytes)
        return a->bytes < b->bytes ? 1 : -1;
    if (a->a != b->a)
        return a->a < b->a ? -1 : 1;
    return a->b < b->b ? -1 : a->b > b->b;
}

/* A bow from one spot to the other, as wide as the root of what went there. */
static void way_bytes(struct page *p, struct names *names, struct spot a, struct spot m, struct spot b, uint64_t bytes)
{
    char text[AMOUNT_MAX];
    put_name(p, names, "over tick", 'm', (a.x + 2 * m.x + b.x) / 4, (a.y + 2 * m.y + b.y) / 4 + 40,
             amount_bytes(text, bytes));
}

/* One of a path, behind what leads to it. */
static void put_point(struct page *p, uint8_t letter, struct spot at)
{
    buf_add_u8(p->out, letter);
    svg_px(p->out, at.x);
    buf_add_u8(p->out, ' ');
    svg_px(p->out, at.y);
}

static void bow(struct page *p, const char *class, struct spot a, struct spot b, struct spot m, uint64_t bytes,
                uint64_t most)
{
    int pen = most > 0 ? (int)(svg_root(bytes) * PEN_MOST / (svg_root(most) + 1)) : 0;

    buf_addf(p->out, "<path class=\"%s\" stroke-width=\"", class);
    svg_px(p->out, pen > 5 ? pen : 5);
    buf_add_str(p->out, "\" d=\"");
    put_point(p, 'M', a);
    put_point(p, 'Q', m);
    put_point(p, ' ', b);
    buf_add_str(p->out, "\"/>\n");
}

static void put_place(struct page *p, size_t place, char text[24])
{
    if (place == p->s->places)
        snprintf(text, 24, "origin");
    else
        series_place_name(&p->w->sc, (uint32_t)place, text);
}

static int dot_size(const struct page *p, size_t place, uint64_t most)
{
    uint64_t bytes = p->s->between[place * p->s->places + place];
    return DOT_LEAST + (most > 0 ? (int)(svg_root(bytes) * (DOT_MOST - DOT_LEAST) / (svg_root(most) + 1)) : 0);
}

static void dot_name(struct page *p, struct names *names, size_t place, uint64_t most)
{
    char text[24 + AMOUNT_MAX], a[AMOUNT_MAX];
    struct spot at = spot_of(p, place);
    int r = dot_size(p, place, most);
    bool beside = p->w->sc.regions == 0 && !page_is_narrow(p), left = beside && at.x < CENTRE_X - 400,
         right = beside && at.x > CENTRE_X + 400;

    put_place(p, place, text);
    if (p->s->places * p->s->places <= NAMED_MAX)
        snprintf(text + strlen(text), AMOUNT_MAX, ": %s within",
                 amount_bytes(a, p->s->between[place * p->s->places + place]));
    if (left || right)
        put_name(p, names, "over", left ? 'e' : 's', left ? at.x - r - 60 : at.x + r + 60, at.y + 40, text);
    else
        put_name(p, names, "over", 'm', at.x, beside && at.y < CENTRE_Y ? at.y - r - 60 : at.y + r + 150, text);
}

static void ways_table(struct page *p, const struct way *ways, size_t n)
{
    static const char *const heads[] = { "from", "to", "bytes", "share", NULL };
    char a[AMOUNT_MAX], from[24], to[24];
    uint64_t all = 0;

    for (size_t i = 0; i < n; i++)
        all += ways[i].bytes;
    page_table(p, n > ROWS_MAX ? "The forty busiest ways, as a table" : "All ways, as a table", heads, false);
    for (size_t i = 0; i < n && i < ROWS_MAX; i++) {
        put_place(p, ways[i].a, from);
        put_place(p, ways[i].b, to);
        page_row(p);
        page_cell(p, from);
        page_cell(p, to);
        page_cell(p, amount_bytes(a, ways[i].bytes));
        page_cell(p, amount_share(a, ways[i].bytes, all));
    }
    page_table_end(p);
}

/* All ways on which anything went; with the origin's. */
static size_t all_ways(const struct page *p, struct way *out)
{
    const struct series_book *s = p->s;
    size_t n = 0;

    for (size_t i = 0; i < s->places * s->places; i++) {
        if (s->between[i] > 0)
            out[n++] = (struct way){ i / s->places, i % s->places, s->between[i] };
    }
    for (size_t place = 0; place < s->places; place++) {
        struct way from_origin = { s->places, place, 0 };
        for (uint32_t i = 0; i < p->w->sc.nodes; i++) {
            if (series_place_of(&p->w->sc, i) == place)
                from_origin.bytes += p->w->edges[i].fetch_bytes;
        }
        if (from_origin.bytes > 0)
            out[n++] = from_origin;
    }
    qsort(out, n, sizeof(*out), heavier);
    return n;
}

/* Where |o| begins and ends, and the point that its bow is drawn to. */
static struct spot way_spots(const struct page *p, const struct way *o, struct spot *a, struct spot *b)
{
    bool of_origin = o->a == p->s->places;
    int bend = of_origin ? 0 : 24;

    *a = of_origin ? origin_spot(p) : spot_of(p, o->a);
    *b = spot_of(p, o->b);
    return (struct spot){ (a->x + b->x) / 2 + (a->y - b->y) * bend / 100,
                          (a->y + b->y) / 2 + (b->x - a->x) * bend / 100 };
}

static void map_ways(struct page *p, const struct way *ways, size_t n, struct names *names)
{
    uint64_t across = 0;
    size_t drawn = 0;

    for (size_t i = 0; i < n; i++)
        across = ways[i].a != ways[i].b && ways[i].bytes > across ? ways[i].bytes : across;
    for (size_t i = 0; i < n; i++) {
        const struct way *o = &ways[i];
        struct spot a, b, m;
        bool of_origin = o->a == p->s->places;
        if (o->a == o->b || (!of_origin && ++drawn > WAYS_MAX))
            continue;
        m = way_spots(p, o, &a, &b);
        if (names != NULL)
            way_bytes(p, names, a, m, b, o->bytes);
        else
            bow(p, of_origin ? "way-origin" : "way", a, b, m, o->bytes, across);
    }
}

static void map_chart(struct page *p, const struct way *ways, size_t n)
{
    struct spot home = origin_spot(p);
    struct names names = { .n = 0 };
    uint64_t within = 0;
    int bottom = home.y;

    for (size_t i = 0; i < n; i++)
        within = ways[i].a == ways[i].b && ways[i].bytes > within ? ways[i].bytes : within;
    for (size_t place = 0; place < p->s->places; place++)
        bottom = spot_of(p, place).y > bottom ? spot_of(p, place).y : bottom;
    for (size_t i = 0; i < n; i++) {
        struct spot a, b, m = way_spots(p, &ways[i], &a, &b);
        int low = (a.y + 2 * m.y + b.y) / 4;
        bottom = low > bottom ? low : bottom;
    }
    svg_begin(p->out, p->width, bottom / 10 + 60, "Bytes from place to place and from the origin",
              "Bows between places, wider where more went; the table below has the numbers.");
    map_ways(p, ways, n, NULL);
    for (size_t place = 0; place < p->s->places; place++)
        svg_circle(p->out, "place", spot_of(p, place).x, spot_of(p, place).y, dot_size(p, place, within));
    svg_rect(p->out, "home", home.x - 90, home.y - 90, 180, 180);
    put_name(p, &names, "over", 's', home.x + 150, home.y + 40, "origin");
    for (size_t i = 0; i < n; i++) { /* the busiest first: where there is no room, it is theirs */
        if (ways[i].a == ways[i].b)
            dot_name(p, &names, ways[i].a, within);
    }
    for (size_t place = 0; place < p->s->places; place++) {
        if (p->s->between[place * p->s->places + place] == 0)
            dot_name(p, &names, place, within);
    }
    if (n <= NAMED_MAX)
        map_ways(p, ways, n, &names);
    svg_end(p->out);
}

void page_map(struct page *p)
{
    struct series_book *s = p->s;
    struct way *ways = world_alloc((s->places * s->places + s->places) * sizeof(*ways));
    size_t n = all_ways(p, ways);
    uint64_t within = 0, across = 0;
    char a[AMOUNT_MAX], b[AMOUNT_MAX];
    const char *what = p->w->sc.regions > 0 || p->w->sc.rings > 1 ? "region" : "zone";

    if (s->places < 2 || n == 0) {
        page_left_out(p, "the map", n == 0 ? "nothing went between nodes" : "all nodes are in one place");
        free(ways);
        return;
    }
    for (size_t i = 0; i < n; i++) {
        if (ways[i].a < s->places)
            *(ways[i].a == ways[i].b ? &within : &across) += ways[i].bytes;
    }
    page_panel(p, "Where bytes went");
    buf_addf(p->out, "Nodes sent each other %s within their %s and %s from one %s to another. ",
             amount_bytes(a, within), what, amount_bytes(b, across), what);
    if (p->w->sc.regions > 0)
        buf_add_str(
            p->out,
            "Places lie about where their cities do, Europe drawn larger; the origin's place is not one of them. ");
    if (n > WAYS_MAX)
        buf_addf(p->out, "Of the ways between places the %d busiest are drawn. ", WAYS_MAX);
    page_figure(p);
    page_legend(p, NULL, NULL);
    page_legend(p, "l-hit", "between nodes, wider where more went; each way bends to its right");
    page_legend(p, "l-origin", "from the origin");
    page_legend(p, "place", "the larger, the more stays within");
    page_legend(p, NULL, NULL);
    while (page_chart(p))
        map_chart(p, ways, n);
    ways_table(p, ways, n);
    page_panel_end(p);
    free(ways);
}
