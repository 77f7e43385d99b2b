/* bench_dist - what distributions cost: 500 of them read, a host looked up among them, a path among 75 patterns, and
 * 100 rules. Medians. Usage: bench_dist [rounds] */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "node/dist/dist_read.h"
#include "proto/digest.h"

#define DISTS      500
#define BEHAVIOURS 75
#define ROUNDS_MAX 1001
#define CALLS      20000

static struct dist_set *set;
static char hosts[4 * DISTS][64], paths[4 * BEHAVIOURS][64];

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void make_text(struct buf *out)
{
    buf_add_str(out, "distributions:\n");
    for (int i = 0; i < DISTS; i++) {
        buf_addf(
            out,
            "  - name: d%d\n    hosts: [ www%d.example.com, \"*.w%d.example.com\", cdn.site%d.example ]\n    origins:\n"
            "      - { id: web, url: http://o%d.example }\n      - { id: api, url: https://a%d.example, attempts: 2 }\n"
            "    behaviours:\n",
            i, i, i, i, i, i);
        for (int j = 0; j + 1 < BEHAVIOURS; j++) {
            if (j % 3 == 0)
                buf_addf(out, "      - { path: \"/p%d/*\", origin: web, ttl: { default: 1h } }\n", j);
            else if (j % 3 == 1)
                buf_addf(out, "      - { path: \"*.e%d\", origin: api }\n", j);
            else
                buf_addf(out, "      - { path: \"/a%d/*/b/*.c?\", origin: web }\n", j);
        }
        buf_add_str(out, "      - { path: \"*\", origin: web }\n");
    }
}

static void find(unsigned i)
{
    if (dist_find(set, slice_str(hosts[i % (4 * DISTS)]), SLICE_LIT("cdn.example")) == set->dists)
        __asm__ volatile("" ::: "memory");
}

static void behaviour(unsigned i)
{
    if (dist_behaviour(&set->dists[i % DISTS], slice_str(paths[i % (4 * BEHAVIOURS)])) == NULL)
        abort();
}

/* The worst path: no pattern is for it. */
static void no_pattern(unsigned i)
{
    if (dist_behaviour(&set->dists[i % DISTS], SLICE_LIT("/a2/some/longer/path/to/b/a-picture-of-it.jpeg"))->index !=
        BEHAVIOURS - 1)
        abort();
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(const char *what, void (*call)(unsigned i), int rounds)
{
    static double each[ROUNDS_MAX];

    for (int r = 0; r < rounds; r++) {
        uint64_t from = now_ns();
        for (unsigned i = 0; i < CALLS; i++)
            call(i * 7919u + (unsigned)r);
        each[r] = (double)(now_ns() - from) / CALLS;
    }
    qsort(each, (size_t)rounds, sizeof(each[0]), by_size);
    printf("%-50s %8.0f ns\n", what, each[rounds / 2]);
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 21;
    struct buf text = BUF_EMPTY, errors = BUF_EMPTY;

    if (rounds < 1 || rounds > ROUNDS_MAX || crypto_start() != 0)
        return 2;
    make_text(&text);
    uint64_t from = now_ns();
    if (dist_set_read(buf_slice(&text), "bench", &set, &errors) != 0) {
        fprintf(stderr, "%.*s", SLICE_FMT(buf_slice(&errors)));
        return 1;
    }
    printf("%d distributions of %d behaviours each, %zu KiB read  %6.1f ms\n", DISTS, BEHAVIOURS, text.len / 1024,
           (double)(now_ns() - from) / 1e6);
    for (unsigned i = 0; i < DISTS; i++) {
        snprintf(hosts[4 * i], sizeof(hosts[0]), "www%u.example.com", i);
        snprintf(hosts[4 * i + 1], sizeof(hosts[0]), "a.b.w%u.example.com", i);
        snprintf(hosts[4 * i + 2], sizeof(hosts[0]), "cdn.site%u.example", i);
        snprintf(hosts[4 * i + 3], sizeof(hosts[0]), "nobody.x%u.example", i);
    }
    for (unsigned j = 0; j < BEHAVIOURS; j++) {
        snprintf(paths[4 * j], sizeof(paths[0]), "/p%u/some/page.html", j);
        snprintf(paths[4 * j + 1], sizeof(paths[0]), "/images/some/page.e%u", j);
        snprintf(paths[4 * j + 2], sizeof(paths[0]), "/a%u/x/y/b/z.cc", j);
        snprintf(paths[4 * j + 3], sizeof(paths[0]), "/nothing/of/all/that-%u.html", j);
    }
    measure("a host among 1,500 (exact, wildcard, none)", find, rounds);
    measure("a path among 75 patterns", behaviour, rounds);
    measure("a path that none of 75 patterns is for", no_pattern, rounds);
    dist_set_unref(set);
    buf_free(&text);
    buf_free(&errors);
    return 0;
}
