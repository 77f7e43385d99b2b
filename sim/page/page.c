/* The page: its answer first, then the panels, then what gives the run again. */
#include "sim/page/page.h"

#include <stdio.h>
#include <stdlib.h>

#include "sim/amounts.h"
#include "sim/answer.h"
#include "sim/rules/check.h"
#include "sim/page/page_parts.h"
#include "sim/report.h"
#include "sim/viewer_model.h"

#define REQUESTS_A_STEP 25
#define STEPS_LEAST     30

/* ---- the answer ---- */

static void verdict(struct page *p)
{
    const struct check *c = p->w->check;
    struct buf load = BUF_EMPTY;

    if (!report_ok(p->w)) {
        buf_add_str(p->out, "<div class=\"broken\" role=\"alert\"><p><b>Something did not hold.</b></p>\n<ul>");
        for (size_t i = 0; i < RULES_N; i++) {
            if (c->broken[i] == 0)
                continue;
            buf_addf(p->out, "<li>Rule %c was broken, %llu time%s: ", (char)('a' + i), (unsigned long long)c->broken[i],
                     c->broken[i] == 1 ? "" : "s");
            svg_text(p->out, rule_texts[i]);
            buf_add_str(p->out, "</li>\n");
        }
        for (size_t i = 0; i < c->messages_n; i++) {
            buf_add_str(p->out, "<li><code>");
            svg_text(p->out, c->messages[i]);
            buf_add_str(p->out, "</code></li>\n");
        }
        buf_add_str(p->out, "</ul>\n<p>To see it again:</p>\n");
        page_command(p, p->how);
        buf_add_str(p->out, "</div>\n");
    }
    buf_add_str(p->out, "<p class=\"answer\">");
    answer_put(p->out, p->w, p->f, true);
    buf_add_str(p->out, report_ok(p->w) ? ". All rules held.</p>\n" : ".</p>\n");
    answer_load_put(&load, p->w, "");
    if (load.len > 0) {
        buf_add_u8(&load, '\0');
        buf_add_str(p->out, "<p>");
        svg_text(p->out, load.data != NULL ? (const char *)load.data : "");
        buf_add_str(p->out, "</p>\n");
    }
    buf_free(&load);
}

static void tiles(struct page *p)
{
    struct answer_sums s;
    char a[AMOUNT_MAX];
    uint64_t got = p->f->viewer_bytes, saved = got > p->f->origin_bytes ? got - p->f->origin_bytes : 0;

    answer_sums(p->w, &s);
    buf_add_str(p->out, "<dl class=\"tiles\">\n");
    page_tile(p, amount_share(a, s.answered - s.ends[SERIES_ORIGIN] - s.ends[SERIES_FAILED], s.answered),
              "of requests did not wait for the origin");
    page_tile(p, amount_share(a, saved, got), "of viewers' bytes did not come from it");
    page_tile(p, amount_wait(a, p->f->p99_us), "until 99 % of bodies were complete");
    page_tile(p, amount_number(a, s.ends[SERIES_FAILED]), "requests failed or were broken off");
    page_tile(p, amount_number(a, p->f->wrong_deaths), "nodes that ran were declared dead");
    buf_add_str(p->out, "</dl>\n");
}

/* ---- the end: settings, rules, command ---- */

static void settings_table(struct page *p)
{
    static const char *const heads[] = { "setting", "value", "by default", "what it is", NULL };
    const struct vocabulary *words = p->w->sc.words;

    page_table(p, "All settings; those that differ from their defaults first", heads, true);
    for (int differ = 1; differ >= 0; differ--) {
        for (size_t i = 0; i < words->settings_n; i++) {
            const struct setting *s = &words->settings[i];
            uint64_t value = *(const uint64_t *)(const void *)((const char *)p->w->plan + s->offset);
            struct buf text = BUF_EMPTY, def = BUF_EMPTY;
            if ((value != s->def) != differ)
                continue;
            scenario_put_value(&text, s->kind, value);
            scenario_put_value(&def, s->kind, s->def);
            buf_add_u8(&text, '\0');
            buf_add_u8(&def, '\0');
            page_row(p);
            page_cell(p, s->name);
            page_cell(p, text.data != NULL ? (const char *)text.data : "");
            page_cell(p, def.data != NULL ? (const char *)def.data : "");
            page_cell(p, s->help);
            buf_free(&text);
            buf_free(&def);
        }
    }
    page_table_end(p);
}

static void figures_table(struct page *p)
{
    static const char *const heads[] = { "figure", "value", NULL };
    const struct vocabulary *words = p->w->sc.words;

    page_table(p, "All figures, by the names that scenarios and --json use", heads, true);
    for (size_t i = 0; i < words->figures_n; i++) {
        uint64_t v = figure_of(p->f, i);
        page_row(p);
        page_cell(p, words->figures[i]);
        if (v == FIGURE_NEVER)
            page_cell(p, "never");
        else
            page_cell_n(p, v);
    }
    page_table_end(p);
}

static void rules_table(struct page *p)
{
    static const char *const heads[] = { "rule", "held", "what must hold", NULL };
    const struct check *c = p->w->check;

    page_table(p, "The rules, and whether they held", heads, true);
    for (size_t i = 0; i < RULES_N; i++) {
        char letter[2] = { (char)('a' + i), '\0' };
        page_row(p);
        page_cell(p, letter);
        page_cell(p, c->broken[i] > 0 ? "BROKEN" : c->not_judged[i] ? "not judged: there were evictions" : "yes");
        page_cell(p, rule_texts[i]);
    }
    page_table_end(p);
}

static void again(struct page *p)
{
    char hash[TRACE_HASH_TEXT_MAX], a[AMOUNT_MAX];

    page_panel(p, "This run, again");
    buf_addf(p->out,
             "The same command gives the same run, event by event, and this page byte for byte. Its trace is "
             "<code>%s</code> over %s events.",
             trace_hash_text(&p->w->trace, hash), amount_number(a, p->f->events));
    if (world_stand_in(&p->w->sc))
        buf_add_str(p->out,
                    " A stand-in was in cryptography's place: sizes and refusals are as ever, nothing is secret.");
    if (p->left_out.len > 0) {
        buf_add_str(p->out, " Not shown: ");
        buf_add_slice(p->out, buf_slice(&p->left_out));
        buf_add_u8(p->out, '.');
    }
    page_figure(p);
    page_command(p, p->how);
    if (p->w->sc.actions_n > 0)
        faults_table(p);
    settings_table(p);
    figures_table(p);
    rules_table(p);
    page_panel_end(p);
}

static void head(struct page *p)
{
    char a[AMOUNT_MAX], b[AMOUNT_MAX], title[96], aside[128];

    snprintf(title, sizeof(title), "%s nodes, seed %llu", amount_number(a, p->w->sc.nodes),
             (unsigned long long)p->w->sc.seed);
    snprintf(aside, sizeof(aside), "%s nodes, %s of virtual time, seed %llu", a, amount_span(b, p->end_ms),
             (unsigned long long)p->w->sc.seed);
    page_open(p, title, aside);
}

/* Steps with about so many requests each; but not fewer than STEPS_LEAST of them. */
static void steps_of(struct page *p, uint64_t requests)
{
    uint64_t all = 0;
    size_t asked = 0, by = 1;

    for (size_t i = 0; i < p->s->n; i++) {
        uint64_t here = 0;
        for (size_t e = 0; e < SERIES_ENDS_N; e++)
            here += p->s->buckets[i].ends[e];
        all += here;
        asked += here > 0;
    }
    while (asked / by > STEPS_LEAST && all * by < requests * asked)
        by++;
    series_coarser(p->s, by, p->steps);
}

void page_write(struct buf *out, struct world *w, const struct figures *f, const char *how, const struct diagram *last)
{
    struct page p = { .out = out, .w = w, .f = f, .s = w->series, .how = how, .end_ms = f->virtual_ms };

    p.steps = world_alloc(sizeof(*p.steps));
    head(&p);
    verdict(&p);
    tiles(&p);
    if (last != NULL)
        page_diagram(&p, last);
    steps_of(&p, REQUESTS_A_STEP);
    page_requests(&p);
    steps_of(&p, 8 * REQUESTS_A_STEP); /* quantiles need more */
    page_waits(&p);
    page_latency(&p);
    steps_of(&p, REQUESTS_A_STEP);
    page_traffic(&p);
    page_map(&p);
    page_nodes(&p);
    series_coarser(p.s, 1, p.steps);
    page_members(&p);
    page_spread(&p);
    page_purges(&p);
    page_configs(&p);
    again(&p);
    page_close(&p);
    free(p.steps);
}
