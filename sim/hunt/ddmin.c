#include "sim/hunt/ddmin.h"

#include <stdlib.h>
#include <string.h>

struct ddmin {
    bool *keep, *batch; /* batch: DDMIN_BATCH candidates */
    size_t n, left, parts;
    ddmin_try try;
    void *ctx;
};

/* Part |part| of what is left, or all but that: the flags of one candidate. */
static void candidate(const struct ddmin *d, size_t part, bool complement, bool *out)
{
    size_t from = d->left * part / d->parts, to = d->left * (part + 1) / d->parts, seen = 0;

    for (size_t i = 0; i < d->n; i++) {
        bool in = d->keep[i] && seen >= from && seen < to;
        out[i] = d->keep[i] && in != complement;
        seen += d->keep[i];
    }
}

static void adopt(struct ddmin *d, const bool *flags)
{
    memcpy(d->keep, flags, d->n * sizeof(*flags));
    d->left = 0;
    for (size_t i = 0; i < d->n; i++)
        d->left += d->keep[i];
}

/* Tries all parts, or all complements. */
static bool reduce(struct ddmin *d, bool complement)
{
    for (size_t part = 0; part < d->parts; part += DDMIN_BATCH) {
        size_t count = d->parts - part < DDMIN_BATCH ? d->parts - part : DDMIN_BATCH;
        for (size_t i = 0; i < count; i++)
            candidate(d, part + i, complement, d->batch + i * d->n);
        size_t first = d->try(d->ctx, d->batch, count, d->n);
        if (first < count) {
            adopt(d, d->batch + first * d->n);
            return true;
        }
    }
    return false;
}

size_t ddmin(bool *keep, size_t n, ddmin_try try, void *ctx)
{
    struct ddmin d = { .keep = keep, .n = n, .left = n, .parts = 2, .try = try, .ctx = ctx };

    if (n == 0 || (d.batch = calloc(DDMIN_BATCH * n, sizeof(*d.batch))) == NULL)
        return n;
    if (try(ctx, d.batch, 1, n) == 0) /* none at all */
        adopt(&d, d.batch);
    while (d.left >= 2) {
        if (reduce(&d, false)) {
            d.parts = 2;
        } else if (d.parts > 2 && reduce(&d, true)) {
            d.parts = d.parts > 3 ? d.parts - 1 : 2;
        } else if (d.parts < d.left) {
            d.parts = 2 * d.parts < d.left ? 2 * d.parts : d.left;
        } else {
            break;
        }
        if (d.parts > d.left)
            d.parts = d.left;
    }
    free(d.batch);
    return d.left;
}
