/* A sweep as text, as JSON and as a table for other programs. */
#include <stdio.h>

#include "sim/amounts.h"
#include "sim/report.h"
#include "sim/sweep/sweep.h"

const char *sweep_value(char text[SWEEP_VALUE_MAX], enum measure m, int64_t value)
{
    uint64_t v = value < 0 ? 0 : (uint64_t)value;

    switch (measure_texts[m].unit) {
    case UNIT_SHARE: return amount_share(text, v < 1000000 ? v : 1000000, 1000000);
    case UNIT_COUNT: return amount_number(text, v);
    case UNIT_BYTES: return amount_bytes(text, v);
    case UNIT_WAIT: return amount_wait(text, v);
    }
    return "";
}

const char *sweep_size(char text[SWEEP_VALUE_MAX], enum measure m, int64_t change)
{
    uint64_t tenths = (uint64_t)(change < 0 ? 0 : change + 500) / 1000;

    snprintf(text, SWEEP_VALUE_MAX, "%llu.%llu %s", (unsigned long long)(tenths / 10),
             (unsigned long long)(tenths % 10), measure_texts[m].unit == UNIT_SHARE ? "points" : "%");
    return text;
}

static void put_signed(struct buf *out, enum measure m, int64_t change, bool unit)
{
    char text[SWEEP_VALUE_MAX];

    sweep_size(text, m, change < 0 ? -change : change);
    if (!unit)
        text[strcspn(text, " ")] = '\0';
    buf_addf(out, "%s%s", change < -499 ? "-" : change > 499 ? "+" : "", text);
}

void sweep_put_change(struct buf *out, enum measure m, const struct band *b)
{
    if (b->n == 0) {
        buf_add_u8(out, '-');
        return;
    }
    put_signed(out, m, b->mean, true);
    if (b->n < 2)
        return;
    buf_add_str(out, " (");
    put_signed(out, m, b->mean - b->half, false);
    buf_add_str(out, " to ");
    put_signed(out, m, b->mean + b->half, false);
    buf_add_u8(out, ')');
}

void sweep_put_mean(struct buf *out, enum measure m, const struct band *b)
{
    char low[SWEEP_VALUE_MAX], mean[SWEEP_VALUE_MAX], high[SWEEP_VALUE_MAX];

    if (b->n == 0) {
        buf_add_u8(out, '-');
        return;
    }
    buf_add_str(out, sweep_value(mean, m, b->mean));
    if (b->n > 1)
        buf_addf(out, " (%s to %s)", sweep_value(low, m, b->mean - b->half), sweep_value(high, m, b->mean + b->half));
}

/* ---- text ---- */

static void put_measure(struct buf *out, const struct sweep *s, enum measure m, int wide)
{
    size_t n = axes_combinations(&s->axes);

    buf_addf(out, "%-*s  %-36s  against the first\n", wide + 2, measure_texts[m].text, "mean (95 % band)");
    for (size_t i = 0; i < n; i++) {
        struct buf name = BUF_EMPTY, mean = BUF_EMPTY;
        struct band b = sweep_mean(s, i, m), change = sweep_change(s, 0, i, m);
        axes_name(&s->axes, i, &name);
        sweep_put_mean(&mean, m, &b);
        buf_addf(out, "  %-*.*s  %-36.*s  ", wide, SLICE_FMT(buf_slice(&name)), SLICE_FMT(buf_slice(&mean)));
        if (i > 0)
            sweep_put_change(out, m, &change);
        while (out->len > 0 && out->data[out->len - 1] == ' ')
            out->len--;
        buf_add_u8(out, '\n');
        buf_free(&name);
        buf_free(&mean);
    }
    buf_add_u8(out, '\n');
}

static void put_failed(struct buf *out, const struct sweep *s)
{
    for (size_t i = 0; i < axes_combinations(&s->axes); i++) {
        for (size_t k = 0; k < s->seeds; k++) {
            const struct sweep_run *r = sweep_run(s, i, k);
            if (r->broken[0] == '\0')
                continue;
            axes_name(&s->axes, i, out);
            buf_addf(out, ", seed %llu: %s\n    %s\n", (unsigned long long)(s->first_seed + k), r->broken, r->how);
        }
    }
}

void sweep_text(struct buf *out, const struct sweep *s, const char *how)
{
    size_t n = axes_combinations(&s->axes);
    int wide = 30;

    for (size_t i = 0; i < n; i++) {
        struct buf name = BUF_EMPTY;
        axes_name(&s->axes, i, &name);
        wide = (int)name.len > wide ? (int)name.len : wide;
        buf_free(&name);
    }
    for (size_t m = 0; m < MEASURES_N; m++)
        wide = (int)strlen(measure_texts[m].text) - 2 > wide ? (int)strlen(measure_texts[m].text) - 2 : wide;
    sweep_answer(out, s);
    buf_add_str(out, "\n\n");
    for (size_t m = 0; m < MEASURES_N; m++)
        put_measure(out, s, (enum measure)m, wide);
    put_failed(out, s);
    buf_addf(out, "%zu runs, seeds %llu to %llu; again: %s\n", n * s->seeds, (unsigned long long)s->first_seed,
             (unsigned long long)(s->first_seed + s->seeds - 1), how);
}

/* ---- for programs ---- */

static void put_values(struct buf *out, const struct sweep *s, size_t combination)
{
    for (size_t i = 0; i < s->axes.n; i++) {
        buf_addf(out, "%s\"%s\":", i > 0 ? "," : "", axis_name(&s->axes, i));
        report_quoted(out, s->axes.axis[i].values[axes_at(&s->axes, combination, i)].text);
    }
}

static void put_band_json(struct buf *out, const char *name, const struct band *b)
{
    buf_addf(out, "\"%s\":", name);
    if (b->n == 0)
        buf_add_str(out, "null");
    else if (b->n == 1)
        buf_addf(out, "{\"mean\":%lld}", (long long)b->mean);
    else
        buf_addf(out, "{\"mean\":%lld,\"low\":%lld,\"high\":%lld}", (long long)b->mean, (long long)(b->mean - b->half),
                 (long long)(b->mean + b->half));
}

static void put_run(struct buf *out, const struct sweep *s, size_t combination, size_t seed)
{
    const struct sweep_run *r = sweep_run(s, combination, seed);

    buf_add_u8(out, '{');
    put_values(out, s, combination);
    buf_addf(out, ",\"seed\":%llu,\"ok\":%s", (unsigned long long)(s->first_seed + seed),
             r->broken[0] == '\0' ? "true" : "false");
    if (r->broken[0] != '\0') {
        buf_add_str(out, ",\"broken\":");
        report_quoted(out, r->broken);
        buf_add_str(out, ",\"command\":");
        report_quoted(out, r->how);
    }
    for (size_t m = 0; r->ended && m < MEASURES_N; m++) {
        int64_t v = measure_of((enum measure)m, &r->figures);
        buf_addf(out, ",\"%s\":", measure_texts[m].word);
        if (v == MEASURE_NONE)
            buf_add_str(out, "null");
        else
            buf_addf(out, "%lld", (long long)v);
    }
    buf_add_u8(out, '}');
}

void sweep_json(struct buf *out, const struct sweep *s, const char *how)
{
    size_t n = axes_combinations(&s->axes);
    struct buf answer = BUF_EMPTY;

    sweep_answer(&answer, s);
    buf_add_u8(&answer, '\0');
    buf_addf(out, "{\"schema\":1,\"kind\":\"sweep\",\"ok\":%s,\"command\":", sweep_failed(s) == 0 ? "true" : "false");
    report_quoted(out, how);
    buf_add_str(out, ",\"answer\":");
    report_quoted(out, answer.data != NULL ? (const char *)answer.data : "");
    buf_free(&answer);
    buf_addf(out, ",\"first_seed\":%llu,\"seeds\":%zu,\"table\":[", (unsigned long long)s->first_seed, s->seeds);
    for (size_t i = 0; i < n; i++) {
        buf_addf(out, "%s{", i > 0 ? "," : "");
        put_values(out, s, i);
        for (size_t m = 0; m < MEASURES_N; m++) {
            struct band mean = sweep_mean(s, i, (enum measure)m), change = sweep_change(s, 0, i, (enum measure)m);
            buf_addf(out, ",\"%s\":{", measure_texts[m].word);
            put_band_json(out, "value", &mean);
            buf_add_u8(out, ',');
            put_band_json(out, "change_ppm", &change);
            buf_add_u8(out, '}');
        }
        buf_add_u8(out, '}');
    }
    buf_add_str(out, "],\"runs\":[");
    for (size_t i = 0; i < n * s->seeds; i++) {
        buf_add_str(out, i > 0 ? "," : "");
        put_run(out, s, i / s->seeds, i % s->seeds);
    }
    buf_add_str(out, "]}\n");
}

void sweep_csv(struct buf *out, const struct sweep *s)
{
    const struct vocabulary *words = s->axes.words;

    for (size_t i = 0; i < s->axes.n; i++)
        buf_addf(out, "%s,", axis_name(&s->axes, i));
    buf_add_str(out, "seed,ok");
    for (size_t i = 0; i < words->figures_n; i++)
        buf_addf(out, ",%s", words->figures[i]);
    buf_add_u8(out, '\n');
    for (size_t k = 0; k < axes_combinations(&s->axes) * s->seeds; k++) {
        const struct sweep_run *r = &s->runs[k];
        for (size_t i = 0; i < s->axes.n; i++)
            buf_addf(out, "%s,", s->axes.axis[i].values[axes_at(&s->axes, k / s->seeds, i)].text);
        buf_addf(out, "%llu,%s", (unsigned long long)(s->first_seed + k % s->seeds),
                 r->broken[0] == '\0' ? "yes" : "no");
        for (size_t i = 0; i < words->figures_n; i++) {
            uint64_t v = r->ended ? figure_of(&r->figures, i) : FIGURE_NEVER;
            if (v == FIGURE_NEVER)
                buf_add_u8(out, ',');
            else
                buf_addf(out, ",%llu", (unsigned long long)v);
        }
        buf_add_u8(out, '\n');
    }
}
