/* bench_ring.c - the ring's balance, what a change moves, and what look-ups and updates
 * cost, each beside a ring of points and Maglev (ring_baselines.h). Prints a target's row
 * with "pass" or "MISS". Times are CPU time of this process, medians of several rounds.
 * Usage: bench_ring [SETS]: sets of members for the balance (10; with fewer than 100 the
 * 99th percentile is the worst). */
#include <stdio.h>
#include <time.h>

#include "proto/base/time.h"
#include "ring_baselines.h"

#define BITS    18
#define ROUNDS  7
#define LOOKUPS 800000
#define SLICE   100000 /* bids, as node/core has it */

static mesh_ns now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return SEC(ts.tv_sec) + ts.tv_nsec;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double percentile(double *v, size_t n, size_t p)
{
    qsort(v, n, sizeof(*v), by_size);
    size_t at = n * p / 100;
    return v[at < n ? at : n - 1];
}

static const char *verdict(bool passes)
{
    return passes ? "pass" : "MISS";
}

/* Of a row that is promised for 1,000 members. */
static const char *verdict_at(size_t n, bool passes)
{
    return n < 1000 ? "-" : verdict(passes);
}

static struct ring_member *members_of(size_t n, uint64_t set)
{
    struct rand r = rand_of(set, n, 0);
    struct ring_member *m = calloc(n, sizeof(*m));

    for (size_t i = 0; i < n; i++) {
        be64_put(m[i].id.bytes, rand_u64(&r));
        be64_put(m[i].id.bytes + 8, rand_u64(&r));
        m[i].zone = i % 20;
        m[i].weight = 100;
    }
    return m;
}

/* ---- row 11: the busiest node's share, of the mean ---- */

static double ring_peak(const struct ring_member *m, size_t n, uint8_t bits)
{
    struct ring *r = ring_new(m, n, bits);
    uint32_t most = 0;

    for (size_t i = 0; i < n; i++) {
        uint32_t share = ring_share(r, &m[i].id);
        most = share > most ? share : most;
    }
    double peak = (double)most * (double)n / ring_arcs(r);
    ring_unref(r);
    return peak;
}

static double points_peak(const struct ring_member *m, size_t n)
{
    struct points r = points_new(m, n);
    double *share = calloc(n, sizeof(*share)), most = 0;

    for (size_t i = 0; i < r.n; i++) /* the gap before a point, around the end */
        share[r.p[i].node] += (double)(r.p[i].at - r.p[(i + r.n - 1) % r.n].at) / 0x1p64;
    for (size_t i = 0; i < n; i++)
        most = share[i] > most ? share[i] : most;
    free(share);
    free(r.p);
    return most * (double)n;
}

static double maglev_peak(const struct ring_member *m, size_t n)
{
    struct maglev g = maglev_new(m, n);
    uint32_t *share = calloc(n, sizeof(*share)), most = 0;

    for (size_t i = 0; i < g.size; i++)
        most = ++share[g.node[i]] > most ? share[g.node[i]] : most;
    double peak = (double)most * (double)n / (double)g.size;
    free(share);
    free(g.node);
    return peak;
}

static void balance(size_t n, size_t sets, double want18, double want20)
{
    double *ours = calloc(sets, sizeof(*ours)), *fine = calloc(sets, sizeof(*fine)),
           *points = calloc(sets, sizeof(*points)), *maglev = calloc(sets, sizeof(*maglev));

    for (size_t i = 0; i < sets; i++) {
        struct ring_member *m = members_of(n, i + 1);
        ours[i] = ring_peak(m, n, 18);
        fine[i] = ring_peak(m, n, 20);
        points[i] = points_peak(m, n);
        maglev[i] = maglev_peak(m, n);
        free(m);
    }
    double p18 = percentile(ours, sets, 99), p20 = percentile(fine, sets, 99);
    printf("row 11  peak/mean N=%-4zu p99 of %zu sets: 2^18 %.3f (<= %.2f) %s, 2^20 %.3f (<= %.2f) %s | points %.3f, "
           "Maglev %.3f\n",
           n, sets, p18, want18, verdict(p18 <= want18), p20, want20, verdict(p20 <= want20),
           percentile(points, sets, 99), percentile(maglev, sets, 99));
    free(ours);
    free(fine);
    free(points);
    free(maglev);
}

/* ---- row 12: what one that leaves (or comes back: the same arcs) moves ---- */

static void movement(size_t n)
{
    struct ring_member *m = members_of(n, 77);
    struct ring *all = ring_new(m, n, BITS), *less = ring_next(all, m + 1, n - 1);
    struct points points = points_new(m, n), points_less = points_new(m + 1, n - 1);
    struct maglev maglev = maglev_new(m, n), maglev_less = maglev_new(m + 1, n - 1);
    uint32_t needless = 0, keys = 1 << 20, points_moved = 0, maglev_moved = 0, owners[3];
    struct ring_change c;

    for (uint32_t at = 0; ring_delta(all, less, &at, ring_arcs(all), &c);)
        needless += ring_rank(all, c.arc, &m[0].id) < 0;
    for (uint32_t k = 0; k < keys; k++) {
        uint64_t key = rand_mix(k);
        uint32_t was = points_owners(&points, key, owners);
        points_moved += was == 0 || was != points_owners(&points_less, key, owners) + 1;
        was = maglev_owner(&maglev, key);
        maglev_moved += was == 0 || was != maglev_owner(&maglev_less, key) + 1;
    }
    uint32_t moved = ring_moved(all, less), share = ring_share(all, &m[0].id);
    double scale = (double)n / keys;
    printf("row 12  moved x N, one of %zu leaves: %.3f, its share x N %.3f, needless %u (0) %s | points %.3f, Maglev "
           "%.3f\n",
           n, (double)moved * (double)n / ring_arcs(all), (double)share * (double)n / ring_arcs(all), needless,
           verdict(needless == 0 && moved <= share), points_moved * scale, maglev_moved * scale);
    ring_unref(all);
    ring_unref(less);
    free(points.p);
    free(points_less.p);
    free(maglev.node);
    free(maglev_less.node);
    free(m);
}

/* ---- row 13: a look-up; each waits for the one before it ---- */

/* What the loop below costs by itself: making a key that depends on the last result. */
static double keys_alone(uint64_t mask)
{
    double ns[ROUNDS];

    for (int round = 0; round < ROUNDS; round++) {
        struct digest key = { { 0 } };
        uint64_t chain = 0;
        mesh_ns start = now();
        for (uint64_t i = 0; i < LOOKUPS; i++) {
            be64_put(key.bytes, rand_mix((i + chain) & mask));
            __asm__ volatile("" : : "r"(&key) : "memory");
            chain = key.bytes[7] & 3;
        }
        ns[round] = (double)(now() - start) / LOOKUPS;
    }
    return percentile(ns, ROUNDS, 50);
}

/* |mask| of keys: few are warm, all are every arc. */
static double lookups(const struct ring *r, uint64_t mask)
{
    double ns[ROUNDS];

    for (int round = 0; round < ROUNDS; round++) {
        const struct ring_member *owners[RING_OWNERS];
        struct digest key = { { 0 } };
        uint64_t chain = 0;
        mesh_ns start = now();
        for (uint64_t i = 0; i < LOOKUPS; i++) {
            be64_put(key.bytes, rand_mix((i + chain) & mask));
            chain = ring_owners(r, ring_arc(r, &key), owners);
        }
        ns[round] = (double)(now() - start) / LOOKUPS;
    }
    return percentile(ns, ROUNDS, 50);
}

/* Eight look-ups at a time, each of another arc, after everything has been driven out of the caches. */
static double cold_lookups(const struct ring *r)
{
    enum { BATCHES = 60, BATCH = 8 };
    static uint8_t other[64 << 20];
    double ns[BATCHES];

    for (size_t batch = 0; batch < BATCHES; batch++) {
        const struct ring_member *owners[RING_OWNERS];
        struct digest key = { { 0 } };
        uint64_t chain = 0;
        for (size_t i = 0; i < sizeof(other); i += 64)
            other[i]++;
        mesh_ns start = now();
        for (uint64_t i = 0; i < BATCH; i++) {
            be64_put(key.bytes, rand_mix(batch * BATCH + i + chain));
            chain = ring_owners(r, ring_arc(r, &key), owners);
        }
        ns[batch] = (double)(now() - start) / BATCH;
    }
    return percentile(ns, BATCHES, 50);
}

static double baseline_lookups(const struct points *p, const struct maglev *g, uint64_t mask)
{
    double ns[ROUNDS];

    for (int round = 0; round < ROUNDS; round++) {
        uint32_t owners[3];
        uint64_t chain = 0;
        mesh_ns start = now();
        for (uint64_t i = 0; i < LOOKUPS; i++) {
            uint64_t k = rand_mix((i + chain) & mask);
            chain = (p != NULL ? points_owners(p, k, owners) : maglev_owner(g, k)) & 1;
        }
        ns[round] = (double)(now() - start) / LOOKUPS;
    }
    return percentile(ns, ROUNDS, 50);
}

static void lookup(size_t n)
{
    struct ring_member *m = members_of(n, 5);
    struct ring *r = ring_new(m, n, BITS);
    struct points p = points_new(m, n);
    struct maglev g = maglev_new(m, n);
    double keys = keys_alone(1023), warm = lookups(r, 1023) - keys, any = lookups(r, UINT64_MAX) - keys;
    double cold = cold_lookups(r);

    printf("row 13  look-up of 3 owners N=%zu: warm %.1f ns (<= 10) %s, any key %.1f ns, cold %.1f ns (<= 100) %s "
           "(making the keys, %.1f ns, taken off) | "
           "points "
           "%.1f warm, %.1f any key, Maglev (1 owner) %.1f, %.1f\n",
           n, warm, verdict_at(n, warm <= 10), any, cold, verdict_at(n, cold <= 100), keys,
           baseline_lookups(&p, NULL, 1023) - keys, baseline_lookups(&p, NULL, UINT64_MAX) - keys,
           baseline_lookups(NULL, &g, 1023) - keys, baseline_lookups(NULL, &g, UINT64_MAX) - keys);
    ring_unref(r);
    free(p.p);
    free(g.node);
    free(m);
}

/* ---- row 14: from one table to the next ---- */

static struct ring *update(const struct ring *from, const struct ring_member *m, size_t n, double *total, double *slice)
{
    mesh_ns start = now(), last = start;
    bool done = false;
    struct ring_build *b = ring_build_new(from, m, n, BITS);

    *slice = (double)(now() - last) / 1e6; /* to begin is a slice, too */
    while (!done) {
        last = now();
        done = ring_build_step(b, SLICE);
        double took = (double)(now() - last) / 1e6;
        *slice = took > *slice ? took : *slice;
    }
    *total = (double)(now() - start) / 1e6;
    return ring_build_take(b);
}

static void updates(size_t n)
{
    struct ring_member *m = members_of(n, 6);
    double join[ROUNDS], leave[ROUNDS], join_slice[ROUNDS], leave_slice[ROUNDS], points[ROUNDS], maglev[ROUNDS];
    struct ring *all = ring_new(m, n, BITS), *less = ring_new(m + 1, n - 1, BITS);

    /* As a node does: the table before the last gives its place to the next one. */
    for (int i = 0; i < ROUNDS; i++) {
        ring_unref(less);
        less = update(all, m + 1, n - 1, &leave[i], &leave_slice[i]);
        ring_unref(all);
        all = update(less, m, n, &join[i], &join_slice[i]);
    }
    for (int i = 0; i < ROUNDS; i++) {
        mesh_ns start = now();
        free(points_new(m, n).p);
        points[i] = (double)(now() - start) / 1e6;
        start = now();
        free(maglev_new(m, n).node);
        maglev[i] = (double)(now() - start) / 1e6;
    }
    double j = percentile(join, ROUNDS, 50), l = percentile(leave, ROUNDS, 50);
    double js = percentile(join_slice, ROUNDS, 50), ls = percentile(leave_slice, ROUNDS, 50), s = js > ls ? js : ls;
    printf("row 14  update N=%-4zu join %.1f ms (<= 5) %s, leave %.1f ms (<= 30) %s, longest slice %.2f ms (<= 1) %s | "
           "points "
           "%.1f, Maglev %.1f\n",
           n, j, verdict_at(n, j <= 5), l, verdict_at(n, l <= 30), s, verdict_at(n, s <= 1),
           percentile(points, ROUNDS, 50), percentile(maglev, ROUNDS, 50));
    ring_unref(all);
    ring_unref(less);
    free(m);
}

static void builds(size_t n)
{
    struct ring_member *m = members_of(n, 8);
    mesh_ns start = now();

    ring_unref(ring_new(m, n, BITS));
    printf("        from nothing N=%-4zu 2^%d arcs: %.0f ms\n", n, BITS, (double)(now() - start) / 1e6);
    free(m);
}

int main(int argc, char **argv)
{
    size_t sets = argc > 1 ? (size_t)strtoul(argv[1], NULL, 10) : 10;

    if (crypto_start() != 0 || sets == 0 || sets > 100000)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    movement(100);
    movement(1000);
    lookup(100);
    lookup(1000);
    updates(20);
    updates(1000);
    builds(3);
    builds(50);
    builds(1000);
    balance(100, sets, 1.08, 1.04);
    balance(1000, sets, 1.27, 1.14);
    return 0;
}
