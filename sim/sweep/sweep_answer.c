/* The answer: one sentence about requests at the origin, one about how long viewers wait, each of them what was gained
 * and from where on there is no more to be had. */
#include "sim/sweep/sweep.h"

#define LITTLE 20000 /* millionths: less than 2 % is no gain worth a step */

static void put_band(struct buf *out, enum measure m, const struct band *b)
{
    char text[SWEEP_VALUE_MAX];
    int64_t size = b->mean < 0 ? -b->mean : b->mean;

    buf_add_str(out, sweep_size(text, m, size));
    if (b->n < 2 || b->half == 0)
        return;
    /* "31 % (29 to 33)": the unit is said once. */
    int64_t low = size - b->half, high = size + b->half;
    char from[SWEEP_VALUE_MAX], to[SWEEP_VALUE_MAX];
    sweep_size(from, m, low < 0 ? -low : low);
    sweep_size(to, m, high);
    buf_addf(out, " (%s%.*s to %.*s)", low < 0 ? "-" : "", (int)strcspn(from, " "), from, (int)strcspn(to, " "), to);
}

/* The first combination that is as good as the best one, or nearly: by its mean, less being better. |n|: none has one.
 */
static size_t good_enough(const struct sweep *s, enum measure m)
{
    size_t n = axes_combinations(&s->axes), at = n;
    int64_t best = 0;

    for (size_t i = 0; i < n; i++) {
        struct band b = sweep_mean(s, i, m);
        if (b.n > 0 && (at == n || b.mean < best)) {
            best = b.mean;
            at = i;
        }
    }
    for (size_t i = 0; i < n && at < n; i++) {
        struct band b = sweep_mean(s, i, m);
        if (b.n > 0 && b.mean - best <= best / 1000000 * LITTLE + best % 1000000 * LITTLE / 1000000)
            return i;
    }
    return at;
}

static const char *value_text(const struct sweep *s, size_t combination)
{
    return s->axes.axis[0].values[combination].text;
}

/* What lies behind the value that was chosen, on an axis that has an order. */
static void put_rest(struct buf *out, const struct sweep *s, enum measure m, size_t chosen)
{
    size_t last = axes_combinations(&s->axes) - 1;
    struct band more = sweep_change(s, chosen, last, m);

    if (chosen == last) {
        if (last < 2)
            return;
        struct band step = sweep_change(s, last - 1, last, m);
        buf_addf(out, ", and the last step, from %s, still brings ", value_text(s, last - 1));
        put_band(out, m, &step);
    } else if (more.mean > LITTLE && !band_has(&more, 0)) {
        buf_addf(out, "; up to %s they rise again by ", value_text(s, last));
        put_band(out, m, &more);
    } else {
        buf_addf(out, "; beyond %s less than 2 %% is gained", value_text(s, chosen));
    }
}

static bool all_alike(const struct sweep *s, enum measure m, struct band *largest)
{
    size_t n = axes_combinations(&s->axes);

    *largest = (struct band){ 0, 0, 0 };
    for (size_t i = 1; i < n; i++) {
        struct band b = sweep_change(s, 0, i, m);
        int64_t size = b.mean < 0 ? -b.mean : b.mean, most = largest->mean < 0 ? -largest->mean : largest->mean;
        if (b.n > 0 && size > most)
            *largest = b;
    }
    return largest->mean < LITTLE && largest->mean > -LITTLE;
}

static void put_steps(struct buf *out, const struct sweep *s, enum measure m, const char *what)
{
    const char *name = axis_name(&s->axes, 0);
    size_t last = axes_combinations(&s->axes) - 1, chosen = good_enough(s, m);
    struct band to = sweep_change(s, 0, chosen > 0 ? chosen : last, m);

    buf_addf(out, "%s %s by ", what, to.mean < 0 ? "fall" : "rise");
    put_band(out, m, &to);
    buf_addf(out, " from %s %s to %s", name, value_text(s, 0), value_text(s, chosen > 0 ? chosen : last));
    if (chosen > 0)
        put_rest(out, s, m, chosen);
    else
        buf_addf(out, "; they are fewest with %s", value_text(s, 0));
}

static void put_best(struct buf *out, const struct sweep *s, enum measure m, const char *what)
{
    size_t n = axes_combinations(&s->axes), chosen = good_enough(s, m), other = chosen > 0 ? 0 : n - 1;
    struct band more = sweep_change(s, other, chosen, m);

    buf_addf(out, "%s are fewest with ", what);
    axes_name(&s->axes, chosen, out);
    buf_add_str(out, ": ");
    put_band(out, m, &more);
    buf_addf(out, " %s than with ", more.mean <= 0 ? "fewer" : "more");
    axes_name(&s->axes, other, out);
}

static void put_origin(struct buf *out, const struct sweep *s)
{
    struct band largest;
    const enum measure m = MEASURE_FETCHES;
    char text[SWEEP_VALUE_MAX];

    if (all_alike(s, m, &largest)) {
        buf_addf(out, "Origin requests are all but the same: ");
        axes_name(&s->axes, 0, out);
        struct band first = sweep_mean(s, 0, m);
        buf_addf(out, " has %s, and nothing else is further from that than ", sweep_value(text, m, first.mean));
        buf_add_str(out, sweep_size(text, m, largest.mean < 0 ? -largest.mean : largest.mean));
    } else if (s->axes.n == 1 && !axis_has_words(&s->axes, 0)) {
        put_steps(out, s, m, "Origin requests");
    } else {
        put_best(out, s, m, "Origin requests");
    }
    buf_add_str(out, ". ");
}

/* How shares and waiting change over the whole axis. */
static void put_viewers(struct buf *out, const struct sweep *s)
{
    size_t last = axes_combinations(&s->axes) - 1, chosen = good_enough(s, MEASURE_FETCHES);
    size_t to = chosen > 0 && chosen <= last ? chosen : last;
    struct band from_mesh = sweep_mean(s, 0, MEASURE_MESH), to_mesh = sweep_mean(s, to, MEASURE_MESH);
    struct band from_p99 = sweep_mean(s, 0, MEASURE_P99), to_p99 = sweep_mean(s, to, MEASURE_P99);
    char a[SWEEP_VALUE_MAX], b[SWEEP_VALUE_MAX];

    if (from_mesh.n == 0 || to_mesh.n == 0 || from_p99.n == 0 || to_p99.n == 0)
        return;
    buf_add_str(out, "With ");
    axes_name(&s->axes, to, out);
    buf_addf(out, " the mesh answers %s of requests without the origin (%s with ",
             sweep_value(a, MEASURE_MESH, to_mesh.mean), sweep_value(b, MEASURE_MESH, from_mesh.mean));
    axes_name(&s->axes, 0, out);
    buf_addf(out, "), and 99 %% of answers begin within %s (%s).", sweep_value(a, MEASURE_P99, to_p99.mean),
             sweep_value(b, MEASURE_P99, from_p99.mean));
}

void sweep_answer(struct buf *out, const struct sweep *s)
{
    size_t n = axes_combinations(&s->axes), failed = sweep_failed(s);
    struct band first = sweep_mean(s, 0, MEASURE_FETCHES);
    char text[SWEEP_VALUE_MAX];

    if (failed > 0)
        buf_addf(out, "In %zu of %zu runs something did not hold; the figures are worth little until that is mended. ",
                 failed, n * s->seeds);
    if (good_enough(s, MEASURE_FETCHES) == n) {
        buf_add_str(out, "No run came to its end.");
    } else if (n == 1 || first.n == 0) {
        axes_name(&s->axes, 0, out);
        buf_addf(out, ": %s requests at the origin. Give --vary more values to compare.",
                 sweep_value(text, MEASURE_FETCHES, first.mean));
    } else {
        put_origin(out, s);
        put_viewers(out, s);
    }
    if (s->seeds < 2)
        buf_add_str(out, " With one seed nobody knows how far chance goes: --seeds 5 says it.");
}
