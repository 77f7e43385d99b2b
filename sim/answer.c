#include "sim/answer.h"

#include "sim/amounts.h"
#include "sim/body.h"
#include "sim/edge.h"
#include "sim/viewer_model.h"
#include "sim/workload.h"

void answer_sums(const struct world *w, struct answer_sums *out)
{
    const struct series_book *s = w->series;
    uint64_t width = (uint64_t)(s->width / MS(1)), most = 0, window = 0, most_bytes = 0, window_bytes = 0;
    size_t second = width < 1000 ? (size_t)((1000 + width - 1) / width) : 1;

    memset(out, 0, sizeof(*out));
    for (size_t i = 0; i < s->n; i++) {
        for (size_t e = 0; e < SERIES_ENDS_N; e++)
            out->ends[e] += s->buckets[i].ends[e];
        window += s->buckets[i].fetches;
        window -= i >= second ? s->buckets[i - second].fetches : 0;
        most = window > most ? window : most;
        window_bytes += s->buckets[i].bytes[SERIES_FETCHED];
        window_bytes -= i >= second ? s->buckets[i - second].bytes[SERIES_FETCHED] : 0;
        most_bytes = window_bytes > most_bytes ? window_bytes : most_bytes;
    }
    out->fetches_a_second = most * 10000 / (second * width);
    out->bytes_a_second = most_bytes * 1000 / (second * width);
    out->gone = out->ends[SERIES_GONE];
    for (size_t e = 0; e < SERIES_ENDS_N; e++)
        out->answered += out->ends[e];
    out->answered -= out->gone;
}

static const char *bold(bool html)
{
    return html ? "<b>" : "";
}

static const char *plain(bool html)
{
    return html ? "</b>" : "";
}

static void put_within(struct buf *out, uint64_t us)
{
    char a[AMOUNT_MAX];

    if (us < 10)
        buf_add_str(out, "at once");
    else
        buf_addf(out, "within %s", amount_wait(a, us));
}

static void put_waits(struct buf *out, struct viewers *v, bool html)
{
    uint64_t p50 = times_at(&v->first_byte_ns, 500), p99 = times_at(&v->first_byte_ns, 990);

    if (p50 == FIGURE_NEVER)
        return;
    buf_addf(out, "; half of the answers began %s", bold(html));
    put_within(out, p50 / (uint64_t)US(1));
    buf_addf(out, "%s, 99%s%% %s", plain(html), html ? "&#160;" : " ", bold(html));
    put_within(out, p99 / (uint64_t)US(1));
    buf_add_str(out, plain(html));
}

/* Who answered most viewers; of several the first. */
static void put_busiest(struct buf *out, const struct world *w)
{
    const struct edge *busiest = NULL;
    uint64_t most = 0, all = 0;
    char a[AMOUNT_MAX];

    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        uint64_t here = 0;
        for (size_t r = 0; r < 6; r++)
            here += w->edges[i].counted[r];
        all += here;
        if (here > most) {
            most = here;
            busiest = &w->edges[i];
        }
    }
    if (busiest != NULL && w->sc.nodes > 1)
        buf_addf(out, "; the busiest node, %s, gave %s of them", busiest->name, amount_share(a, most, all));
}

static void put_sample(struct buf *out, const struct world *w)
{
    char a[AMOUNT_MAX];

    buf_addf(
        out,
        ". That is of a sample, one object in %s: shares and times are as of the whole, requests and bytes are to be "
        "multiplied by as much",
        amount_number(a, w->sc.sample));
}

void answer_put(struct buf *out, struct world *w, const struct figures *f, bool html)
{
    char a[AMOUNT_MAX], b[AMOUNT_MAX], c[AMOUNT_MAX], d[AMOUNT_MAX];
    const char *strong = bold(html), *end = plain(html);
    struct answer_sums s;

    answer_sums(w, &s);
    if (s.answered == 0) {
        buf_add_str(out, "No viewer asked for anything");
        return;
    }
    buf_addf(out, "In the %s%s nodes %s%s%s of %s requests were hits at the edge that was asked, ",
             amount_number(a, w->sc.nodes), w->sc.isolated ? " isolated" : "", strong,
             amount_share(b, s.ends[SERIES_HIT], s.answered), end, amount_number(c, s.answered));
    if (s.ends[SERIES_STALE] > 0)
        buf_addf(out, "%s%s%s got an expired copy, ", strong, amount_share(a, s.ends[SERIES_STALE], s.answered), end);
    buf_addf(out, "%s%s%s came from another node, ", strong, amount_share(a, s.ends[SERIES_PEER], s.answered), end);
    buf_addf(out, "and %s%s%s waited for the origin, which had %s requests, %llu.%llu and %s a second at most", strong,
             amount_share(a, s.ends[SERIES_ORIGIN], s.answered), end, amount_number(b, f->origin_fetches),
             (unsigned long long)(s.fetches_a_second / 10), (unsigned long long)(s.fetches_a_second % 10),
             amount_bytes(d, s.bytes_a_second));
    if (s.ends[SERIES_FAILED] > 0)
        buf_addf(out, "; %s%s%s failed or were broken off, %s of them without a fault to explain it", strong,
                 amount_number(a, s.ends[SERIES_FAILED]), end, amount_number(b, f->unexplained));
    put_waits(out, w->viewers, html);
    put_busiest(out, w);
    if (w->sc.sample > 1)
        put_sample(out, w);
}

static uint64_t catalogue(const struct world *w)
{
    uint64_t bytes = 0;

    for (uint64_t key = 1; key <= w->sc.keys; key++)
        bytes += body_size(&w->sc, key);
    return bytes;
}

void answer_load_put(struct buf *out, const struct world *w, const char *before)
{
    const struct workload *l = w->sc.load;
    char a[AMOUNT_MAX], b[AMOUNT_MAX], c[AMOUNT_MAX];

    if (l != NULL) {
        buf_addf(out, "%sReplayed: %s (%s), %s requests for %s objects of %s", before, l->name, l->format,
                 amount_number(a, w->viewers->to_ask), amount_number(b, l->keys_n), amount_bytes(c, catalogue(w)));
        if (w->sc.log_speed > 1)
            buf_addf(out, ", %s times faster", amount_number(a, w->sc.log_speed));
        buf_addf(out, "; of %s lines", amount_number(a, l->lines));
        if (l->others > 0)
            buf_addf(out, " %s are of objects that are not in the sample,", amount_number(a, l->others));
        buf_addf(out, " %s are no GET, %s got what is no object, %s were not understood.\n",
                 amount_number(a, l->methods), amount_number(b, l->statuses), amount_number(c, l->broken));
    }
    if (l != NULL && l->sample > 1)
        buf_addf(out, "%sOf the requests %s are in the sample; even objects would have %s.\n", before,
                 amount_share(a, l->n, l->n + l->others), amount_share(b, 1, l->sample));
}
