/* bench_steer - what the choice of an edge costs: 10, 100 and 1,000 edges, 1,000 and 32,000 rows, networks that are
 * known well, little and not at all; and what a view costs that is made of so many rows. Medians of CPU time, beside
 * what was aimed at; 1 where one was missed. Usage: bench_steer [rounds] */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "node/steer/choose.h"
#include "node/steer/view_impl.h"
#include "proto/base/rand.h"

#define ROUNDS_MAX 1001
#define CALLS      2000

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static struct mesh_addr viewer(uint32_t net)
{
    return mesh_addr_v4(0x0b000000u + net * 256 + 7, 0);
}

static void add_edges(struct steer_view *v, size_t n, struct rand *r)
{
    for (size_t i = 0; i < n; i++) {
        struct steer_edge *e = steer_view_add_edge(v);
        snprintf(e->name, sizeof(e->name), "edge-%04zu", i);
        snprintf(e->zone, sizeof(e->zone), "r%zu/z", i % 8);
        memcpy(e->id.bytes, &i, sizeof(i));
        e->alive = true;
        e->heard = v->made;
        e->facts = (struct steer_facts){ .addrs_n = 1, .http = 80, .https = 443, .ready = true, .located = true };
        e->facts.addrs[0] = mesh_addr_v4(0x0a000000u + (uint32_t)i, 443);
        e->facts.lat_e4 = (int32_t)rand_below(r, 1200000) - 600000;
        e->facts.lon_e4 = (int32_t)rand_below(r, 3600000) - 1800000;
        for (int k = 0; k < COORDINATE_DIMENSIONS; k++)
            e->facts.at.at[k] = (int32_t)rand_below(r, 150000);
        e->facts.at.height = 2000;
        e->facts.at.error_permille = 100;
    }
}

/* Every other network was measured at as many edges as a row has, the rest at one. */
static void add_rows(struct steer_view *v, size_t n, struct rand *r)
{
    for (size_t i = 0; i < n; i++) {
        struct steer_row *row = steer_view_add_row(v);
        struct mesh_addr a = viewer((uint32_t)i);
        *row = (struct steer_row){ .home = UINT16_MAX, .n = i % 2 == 0 ? 1 : STEER_ROW_EDGES };
        steer_prefix_of(&row->prefix, &a, 0);
        size_t from = rand_below(r, v->edges_n);
        if (row->n > v->edges_n)
            row->n = (uint8_t)v->edges_n;
        for (size_t k = 0; k < row->n; k++)
            row->figures[k] =
                (struct steer_figure){ (uint16_t)((from + k) % v->edges_n), (uint16_t)(200 + 50 * k), 10 };
    }
}

static struct steer_view *view_of(size_t edges, size_t rows)
{
    struct rand r = rand_of(1, edges, rows);
    uint8_t key[16] = { 1 };
    struct steer_view *v = steer_view_new(edges, rows, key, SEC(1000), 1);

    if (v == NULL)
        abort();
    add_edges(v, edges, &r);
    add_rows(v, rows, &r);
    steer_view_finish(v, SEC(10));
    return v;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static bool missed;

static void row(const char *what, double got, const char *unit, double most)
{
    printf("%-58s %8.1f %s, at most %.0f: %s\n", what, got, unit, most, got <= most ? "pass" : "MISS");
    missed |= got > most;
}

/* |first|: the network of the first viewer; each next one has that of |step| further on. */
static void measure(const struct steer_view *v, const char *who, uint32_t first, uint32_t step, uint32_t nets,
                    int rounds, double most)
{
    static double each[ROUNDS_MAX];
    struct steer_choice choice;
    char what[96];

    for (int k = 0; k < rounds; k++) {
        uint64_t from = now_ns();
        for (uint32_t i = 0; i < CALLS; i++) {
            struct steer_ask ask = { .client = viewer(first + i * 7919u % nets * step),
                                     .client_bits = 32,
                                     .located = true,
                                     .lat_e4 = 480000,
                                     .lon_e4 = 110000,
                                     .https = true,
                                     .draw = i };
            steer_choose(v, &ask, &choice);
            if (choice.n == 0)
                abort();
        }
        each[k] = (double)(now_ns() - from) / CALLS;
    }
    qsort(each, (size_t)rounds, sizeof(each[0]), by_size);
    snprintf(what, sizeof(what), "%zu_edges %zu_rows: a network %s", v->edges_n, v->rows_n, who);
    row(what, each[rounds / 2], "ns", most);
}

static void measure_view(int rounds)
{
    static double each[ROUNDS_MAX];
    struct rand r = rand_of(2, 2, 2);
    uint8_t key[16] = { 1 };
    struct steer_view *from = view_of(100, 32000);

    for (int k = 0; k < rounds; k++) {
        uint64_t began = now_ns();
        struct steer_view *v = steer_view_new(100, 32000, key, SEC(1000), 1);
        if (v == NULL)
            abort();
        add_edges(v, 100, &r);
        for (size_t i = 0; i < from->rows_n; i++)
            *steer_view_add_row(v) = from->rows[i];
        steer_view_finish(v, SEC(10));
        each[k] = (double)(now_ns() - began) / 1e6;
        steer_view_unref(v);
    }
    qsort(each, (size_t)rounds, sizeof(each[0]), by_size);
    row("100_edges 32000_rows: a view is made", each[rounds / 2], "ms", 10);
    steer_view_unref(from);
}

int main(int argc, char **argv)
{
    static const struct {
        size_t edges;
        double most;
    } sizes[] = { { 10, 1000 }, { 100, 2000 }, { 1000, 5000 } };
    int rounds = argc > 1 ? atoi(argv[1]) : 21;

    if (rounds < 1 || rounds > ROUNDS_MAX)
        return 2;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
        for (uint32_t rows = 1000; rows <= 32000; rows *= 32) {
            struct steer_view *v = view_of(sizes[i].edges, rows);
            measure(v, "known well", 1, 2, rows / 2, rounds, sizes[i].most);
            measure(v, "known at one edge", 0, 2, rows / 2, rounds, sizes[i].most);
            measure(v, "not known, by distance", 60000, 1, 1000, rounds, sizes[i].most);
            steer_view_unref(v);
        }
    measure_view(rounds);
    return missed ? 1 : 0;
}
