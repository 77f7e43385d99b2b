/* Faults: what the scenario did, from when until when. An action that something ends (a crash: a start) is a band,
 * any other one a mark. */
#include <stdio.h>

#include "sim/amounts.h"
#include "sim/page/page_parts.h"

#define BANDS_MAX   400
#define ROWS_MAX    16
#define MARKS_MAX   60
#define ROW         180
#define TEXT_MAX    64
#define LETTER      62 /* of a label: about so wide, in tenths */
#define ACTIONS_MAX 400

struct band {
    const struct action *a;
    uint64_t from_ms, to_ms; /* the same: a mark */
};

static bool sets_meet(const struct node_set *a, const struct node_set *b)
{
    if (a->by == NODES_ALL || b->by == NODES_ALL)
        return true;
    if (a->by != b->by)
        return false;
    if (a->by != NODES_LIST)
        return a->number == b->number;
    for (size_t i = 0; i < sizeof(a->bits); i++) {
        if ((a->bits[i] & b->bits[i]) != 0)
            return true;
    }
    return false;
}

static bool goes(enum action_kind k)
{
    return k == ACTION_CRASH || k == ACTION_VANISH || k == ACTION_LEAVE;
}

static bool starts(enum action_kind k)
{
    return k == ACTION_START || k == ACTION_START_LOST;
}

/* Is |b|, which comes later, the end of |a|? */
static bool ends(const struct action *a, const struct action *b)
{
    if (goes(a->kind))
        return starts(b->kind) && sets_meet(&a->a, &b->a);
    switch (a->kind) {
    case ACTION_CUT:
    case ACTION_CUT_ONEWAY: return b->kind == ACTION_HEAL;
    case ACTION_SLOW: return b->kind == ACTION_SLOW && sets_meet(&a->a, &b->a);
    case ACTION_ORIGIN: return b->kind == ACTION_ORIGIN;
    case ACTION_SET: return b->kind == ACTION_SET && a->setting == b->setting;
    default: return false;
    }
}

static bool lasts(enum action_kind k)
{
    return goes(k) || k == ACTION_CUT || k == ACTION_CUT_ONEWAY || k == ACTION_SLOW || k == ACTION_ORIGIN ||
           k == ACTION_SET || k == ACTION_DRAIN;
}

/* Does |a| only put an end to something? */
static bool only_ends(const struct world *w, size_t i)
{
    const struct action *a = &w->sc.actions[i];

    switch (a->kind) {
    case ACTION_HEAL: return true;
    case ACTION_ORIGIN: return a->origin == ORIGIN_UP;
    case ACTION_SLOW: return a->spans[0] == 0;
    case ACTION_SET:
        return a->value ==
               *(const uint64_t *)(const void *)((const char *)w->plan + w->sc.words->settings[a->setting].offset);
    default: break;
    }
    for (size_t k = 0; starts(a->kind) && k < i; k++) {
        if (goes(w->sc.actions[k].kind) && sets_meet(&w->sc.actions[k].a, &a->a))
            return true;
    }
    return false;
}

static bool is_purge(enum action_kind k)
{
    return k == ACTION_PURGE || k == ACTION_PURGE_PREFIX || k == ACTION_PURGE_TAG || k == ACTION_PURGE_ALL;
}

static struct band band_of(const struct page *p, size_t i)
{
    const struct scenario *sc = &p->w->sc;
    const struct action *a = &sc->actions[i];
    mesh_ns to = a->at;

    if (a->kind == ACTION_PAUSE)
        to = a->at + a->spans[0];
    if (lasts(a->kind)) {
        /* Who is down stays down; everything else ends with the quiet. */
        to = goes(a->kind) || a->kind == ACTION_DRAIN ? p->w->now : (mesh_ns)sc->time;
        for (size_t k = i + 1; k < sc->actions_n; k++) {
            if (ends(a, &sc->actions[k])) {
                to = sc->actions[k].at;
                break;
            }
        }
    }
    return (struct band){ a, (uint64_t)(a->at / MS(1)), (uint64_t)(mesh_ns_min(to, p->w->now) / MS(1)) };
}

static size_t bands(const struct page *p, struct band out[BANDS_MAX])
{
    size_t n = 0;

    for (size_t i = 0; i < p->w->sc.actions_n && n < BANDS_MAX; i++) {
        const struct action *a = &p->w->sc.actions[i];
        if (!only_ends(p->w, i) && !is_purge(a->kind) && a->kind != ACTION_CONFIGURE && a->at <= p->w->now)
            out[n++] = band_of(p, i);
    }
    return n;
}

void faults_bands(struct page *p, const struct svg_scale *x, int top, int bottom)
{
    struct band all[BANDS_MAX];
    size_t n = bands(p, all);

    for (size_t i = 0; i < n; i++) {
        int from = svg_at(x, all[i].from_ms), to = svg_at(x, all[i].to_ms);
        if (to - from >= 10)
            svg_rect(p->out, "band", from, top, to - from, bottom - top);
        else if (n <= MARKS_MAX) /* more would hide what they explain */
            svg_line(p->out, "mark", from, top, from, bottom);
    }
}

/* ---- their names ---- */

static void put_name(char text[TEXT_MAX], const struct page *p, const struct band *b)
{
    struct buf full = BUF_EMPTY;

    scenario_put_action(&full, &p->w->sc, b->a);
    struct slice rest = buf_slice(&full), at, when;
    slice_split(&rest, ' ', &at); /* "at 12s crash 3": its place says when */
    slice_split(&rest, ' ', &when);
    size_t most = rest.len < TEXT_MAX - 4 ? rest.len : TEXT_MAX - 4;
    snprintf(text, TEXT_MAX, "%.*s%s", (int)most, (const char *)rest.data, most < rest.len ? "\342\200\246" : "");
    buf_free(&full);
}

static void row(struct page *p, const struct band *b, int y)
{
    char text[TEXT_MAX];
    struct svg_scale x = plot_time(p);
    int from = svg_at(&x, b->from_ms), to = svg_at(&x, b->to_ms);

    put_name(text, p, b);
    int wide = (int)strlen(text) * LETTER;
    if (to - from >= 20)
        svg_rect(p->out, "fault", from, y + 30, to - from, ROW - 60);
    else
        svg_circle(p->out, "fault", from, y + ROW / 2, 40);
    if (to + 80 + wide <= PLOT_RIGHT)
        svg_label(p->out, "tick", 's', to + 80, y + 130, text);
    else if (from - 80 - wide >= 0)
        svg_label(p->out, "tick", 'e', from - 80, y + 130, text);
    else
        svg_label(p->out, "inside", 's', from + 60, y + 130, text);
}

/* All purges, or all changes of the configuration, as marks on one row. */
static void row_of_marks(struct page *p, bool purges, uint64_t n, int y)
{
    char text[TEXT_MAX], a[AMOUNT_MAX];
    struct svg_scale x = plot_time(p);
    int last = -100;

    for (size_t i = 0; i < p->w->sc.actions_n; i++) {
        const struct action *act = &p->w->sc.actions[i];
        int at = svg_at(&x, (uint64_t)(act->at / MS(1)));
        if ((purges ? is_purge(act->kind) : act->kind == ACTION_CONFIGURE) && at - last >= 10) {
            svg_line(p->out, "tack", at, y + 40, at, y + ROW - 40);
            last = at;
        }
    }
    const char *what = purges ? "purges" : "configs";
    if (page_is_narrow(p)) /* no room for how many */
        snprintf(text, sizeof(text), "%s", what);
    else
        snprintf(text, sizeof(text), "%s %s", amount_number(a, n), what);
    svg_label(p->out, "tick", 'e', PLOT_LEFT - 80, y + 130, text);
}

void faults_strip(struct page *p)
{
    struct band all[BANDS_MAX];
    size_t n = bands(p, all), shown = n < ROWS_MAX ? n : ROWS_MAX;
    uint64_t purges = 0, configs = 0;
    char text[TEXT_MAX];

    for (size_t i = 0; i < p->w->sc.actions_n; i++) {
        purges += is_purge(p->w->sc.actions[i].kind);
        configs += p->w->sc.actions[i].kind == ACTION_CONFIGURE;
    }
    size_t rows = shown + (purges > 0) + (configs > 0) + (n > shown);
    if (rows == 0)
        return;
    snprintf(text, sizeof(text), "%zu faults and actions, on the time of the chart above", p->w->sc.actions_n);
    svg_begin(p->out, p->width, (int)rows * ROW / 10 + 6, "What happened to the nodes, the network and the origin",
              text);
    int y = 0;
    for (size_t i = 0; i < shown; i++, y += ROW)
        row(p, &all[i], y);
    if (purges > 0) {
        row_of_marks(p, true, purges, y);
        y += ROW;
    }
    if (configs > 0) {
        row_of_marks(p, false, configs, y);
        y += ROW;
    }
    if (n > shown) {
        snprintf(text, sizeof(text), "and %zu more: the list of faults has them all", n - shown);
        svg_label(p->out, "name", 's', PLOT_LEFT, y + 130, text);
    }
    svg_end(p->out);
}

void faults_table(struct page *p)
{
    static const char *const heads[] = { "moment", "what", NULL };
    const struct scenario *sc = &p->w->sc;
    char text[AMOUNT_MAX + 24];

    snprintf(text, sizeof(text), "Faults and actions (%zu)", sc->actions_n);
    page_table(p, text, heads, true);
    for (size_t i = 0; i < sc->actions_n && i < ACTIONS_MAX; i++) {
        struct buf full = BUF_EMPTY, words = BUF_EMPTY;
        scenario_put_action(&full, sc, &sc->actions[i]);
        struct slice rest = buf_slice(&full), at, when;
        slice_split(&rest, ' ', &at);
        slice_split(&rest, ' ', &when);
        buf_add_slice(&words, rest);
        buf_add_u8(&words, '\0');
        page_row(p);
        page_cell(p, amount_seconds(text, (uint64_t)(sc->actions[i].at / MS(1))));
        page_cell(p, words.data != NULL ? (const char *)words.data : "");
        buf_free(&full);
        buf_free(&words);
    }
    page_table_end(p);
    if (sc->actions_n > ACTIONS_MAX)
        buf_addf(p->out, "<p>The list ends with the first %d; <code>--print</code> has all.</p>\n", ACTIONS_MAX);
}
