#include "sim/sweep/sweep.h"

const struct measure_text measure_texts[MEASURES_N] = {
#define X(name, word, text, unit, less) { word, text, UNIT_##unit, less },
    MEASURES(X)
#undef X
};

static int64_t part_of(uint64_t part, uint64_t whole)
{
    return whole == 0 ? MEASURE_NONE : (int64_t)((part * 1000000 + whole / 2) / whole);
}

static int64_t bounded(uint64_t v)
{
    return v > (uint64_t)STATISTICS_VALUE_MAX ? STATISTICS_VALUE_MAX : (int64_t)v;
}

int64_t measure_of(enum measure m, const struct figures *f)
{
    uint64_t asked = f->requests > f->gone ? f->requests - f->gone : 0;
    uint64_t hits = f->hit + f->refresh + f->stale, us;

    switch (m) {
    case MEASURE_EDGE: return part_of(hits, asked);
    case MEASURE_MESH: return part_of(hits + f->peer, asked);
    case MEASURE_FETCHES: return bounded(f->origin_fetches);
    case MEASURE_FETCHED: return bounded(f->origin_bytes);
    case MEASURE_MEDIAN:
    case MEASURE_P99:
        us = m == MEASURE_P99 ? f->first_byte_p99_us : f->first_byte_p50_us;
        return us == FIGURE_NEVER ? MEASURE_NONE : bounded(us);
    case MEASURE_BACKBONE: return bounded(f->stream_bytes);
    case MEASURES_N: break;
    }
    return MEASURE_NONE;
}

size_t sweep_failed(const struct sweep *s)
{
    size_t n = 0;

    for (size_t i = 0; i < axes_combinations(&s->axes) * s->seeds; i++)
        n += s->runs[i].broken[0] != '\0';
    return n;
}

static int64_t value_of(const struct sweep *s, size_t combination, size_t seed, enum measure m)
{
    const struct sweep_run *r = sweep_run(s, combination, seed);
    return r->ended ? measure_of(m, &r->figures) : MEASURE_NONE;
}

struct band sweep_mean(const struct sweep *s, size_t combination, enum measure m)
{
    int64_t values[STATISTICS_N_MAX];
    size_t n = 0;

    for (size_t i = 0; i < s->seeds; i++) {
        values[n] = value_of(s, combination, i, m);
        n += values[n] != MEASURE_NONE;
    }
    return band_of(values, n);
}

struct band sweep_change(const struct sweep *s, size_t from, size_t to, enum measure m)
{
    int64_t values[STATISTICS_N_MAX];
    size_t n = 0;

    for (size_t i = 0; i < s->seeds; i++) {
        int64_t a = value_of(s, from, i, m), b = value_of(s, to, i, m);
        if (a == MEASURE_NONE || b == MEASURE_NONE)
            continue;
        values[n] = b - a;
        n += measure_texts[m].unit == UNIT_SHARE || change_ppm(a, b, &values[n]);
    }
    return band_of(values, n);
}
