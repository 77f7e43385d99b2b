#include "sim/sweep/compare.h"

#include <stdio.h>

#include "sim/amounts.h"

static void put_measure(struct buf *out, const struct compare_run *a, const struct compare_run *b, enum measure m)
{
    int64_t from = measure_of(m, &a->figures), to = measure_of(m, &b->figures), change = to - from;
    char x[SWEEP_VALUE_MAX], y[SWEEP_VALUE_MAX];

    if (from == MEASURE_NONE || to == MEASURE_NONE)
        return;
    buf_addf(out, "%s from %s to %s", measure_texts[m].text, sweep_value(x, m, from), sweep_value(y, m, to));
    if (measure_texts[m].unit == UNIT_SHARE || change_ppm(from, to, &change)) {
        const struct band b1 = { change, 0, 1 };
        buf_add_str(out, " (");
        sweep_put_change(out, m, &b1);
        buf_add_u8(out, ')');
    }
}

void compare_answer(struct buf *out, const struct compare_run *runs, size_t n)
{
    static const enum measure said[] = { MEASURE_FETCHES, MEASURE_MESH, MEASURE_P99 };

    for (size_t i = 1; i < n; i++) {
        size_t before = out->len;
        buf_addf(out, "%s%s against %s: ", i > 1 ? " " : "", runs[i].name, runs[0].name);
        for (size_t k = 0; k < sizeof(said) / sizeof(said[0]); k++) {
            struct buf part = BUF_EMPTY;
            put_measure(&part, &runs[0], &runs[i], said[k]);
            if (part.len > 0)
                buf_addf(out, "%s%.*s", k > 0 ? "; " : "", SLICE_FMT(buf_slice(&part)));
            buf_free(&part);
        }
        buf_add_str(out, out->len > before ? "." : "");
    }
    for (size_t i = 0; i < n; i++) {
        if (!runs[i].ok)
            buf_addf(out, " In %s a rule was broken.", runs[i].name);
    }
}

void compare_text(struct buf *out, const struct compare_run *runs, size_t n)
{
    const struct vocabulary *words = &words_of_run;
    char a[AMOUNT_MAX];

    compare_answer(out, runs, n);
    buf_addf(out, "\n\n%-22s", "");
    for (size_t i = 0; i < n; i++)
        buf_addf(out, "%s%20.20s", i > 1 ? "           " : "  ", runs[i].name);
    buf_add_u8(out, '\n');
    for (size_t k = 0; k < words->figures_n; k++) {
        uint64_t first = figure_of(&runs[0].figures, k);
        buf_addf(out, "%-22s", words->figures[k]);
        for (size_t i = 0; i < n; i++) {
            uint64_t v = figure_of(&runs[i].figures, k);
            int64_t ppm;
            buf_addf(out, "  %20s", v == FIGURE_NEVER ? "-" : amount_number(a, v));
            if (i == 0)
                continue;
            if (v == FIGURE_NEVER || first == FIGURE_NEVER || v == first || first > INT64_MAX || v > INT64_MAX ||
                !change_ppm((int64_t)first, (int64_t)v, &ppm))
                buf_add_str(out, "         ");
            else
                buf_addf(out, " %+7lld%%", (long long)((ppm + (ppm < 0 ? -5000 : 5000)) / 10000));
        }
        while (out->len > 0 && out->data[out->len - 1] == ' ')
            out->len--;
        buf_add_u8(out, '\n');
    }
}
