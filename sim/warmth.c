#include "sim/warmth.h"

#include <stdlib.h>

#define WARM_HITS 2
#define MINUTE    60 /* seconds */

struct warmth *warmth_new(const struct world *w)
{
    struct warmth *h = world_alloc(sizeof(*h));

    h->hits = world_alloc((size_t)w->sc.keys * sizeof(*h->hits));
    h->again = world_alloc((size_t)w->sc.keys);
    h->seconds_n = (size_t)((w->sc.time + w->sc.quiet) / SEC(1)) + 1;
    h->seconds = world_alloc(h->seconds_n * sizeof(*h->seconds));
    h->gone_at = MESH_NS_NEVER;
    return h;
}

void warmth_free(struct warmth *h)
{
    if (h == NULL)
        return;
    free(h->hits);
    free(h->again);
    free(h->seconds);
    free(h);
}

static struct warmth_second *second(const struct world *w)
{
    size_t at = (size_t)(w->now / SEC(1)), last = w->warmth->seconds_n - 1;

    return &w->warmth->seconds[at < last ? at : last];
}

void warmth_node_goes(struct world *w)
{
    struct warmth *h = w->warmth;

    if (h->gone_at != MESH_NS_NEVER || w->now < (mesh_ns)w->sc.warmup)
        return;
    h->gone_at = w->now;
    for (uint64_t i = 0; i < w->sc.keys; i++)
        h->warm_keys += h->hits[i] >= WARM_HITS;
}

void warmth_fetch(struct world *w, uint64_t key)
{
    struct warmth *h = w->warmth;

    second(w)->fetches++;
    if (h->gone_at == MESH_NS_NEVER || h->hits[key - 1] < WARM_HITS || h->again[key - 1])
        return;
    h->again[key - 1] = 1;
    h->warm_fetched++;
}

void warmth_answer(struct world *w, uint64_t key, bool from_copy)
{
    struct warmth *h = w->warmth;

    second(w)->ended++;
    second(w)->missed += !from_copy;
    if (from_copy && h->gone_at == MESH_NS_NEVER)
        h->hits[key - 1]++;
}

/* ---- a minute beside the one before ---- */

static struct warmth_second minute(const struct warmth *h, size_t from)
{
    struct warmth_second sum = { 0 };

    for (size_t i = from; i < from + MINUTE && i < h->seconds_n; i++) {
        sum.ended += h->seconds[i].ended;
        sum.missed += h->seconds[i].missed;
        sum.fetches += h->seconds[i].fetches;
    }
    return sum;
}

static uint64_t ppm(uint64_t part, uint64_t whole)
{
    return whole == 0 ? 0 : part * 1000000 / whole;
}

void warmth_figures(const struct world *w, struct figures *f)
{
    const struct warmth *h = w->warmth;
    size_t gone = (size_t)(h->gone_at / SEC(1)), end = (size_t)(w->sc.time / SEC(1));

    f->warm_keys = f->warm_fetched = f->dip_ppm = f->origin_rise_pct = FIGURE_NEVER;
    if (h->gone_at == MESH_NS_NEVER)
        return;
    f->warm_keys = h->warm_keys;
    f->warm_fetched = h->warm_fetched;
    if (gone < MINUTE || gone + MINUTE > end)
        return;
    struct warmth_second before = minute(h, gone - MINUTE);
    f->dip_ppm = f->origin_rise_pct = 0;
    for (size_t from = gone; from + MINUTE <= end; from++) {
        struct warmth_second since = minute(h, from);
        uint64_t was = ppm(before.missed, before.ended), is = ppm(since.missed, since.ended);
        if (is > was && is - was > f->dip_ppm)
            f->dip_ppm = is - was;
        if (before.fetches > 0 && since.fetches * UINT64_C(100) / before.fetches > f->origin_rise_pct)
            f->origin_rise_pct = since.fetches * UINT64_C(100) / before.fetches;
    }
}
