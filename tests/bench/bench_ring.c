/* bench_ring.c - what look-ups, whole builds and changes of the ring cost.
 * Usage: bench_ring (prints one line a row; no arguments). */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "proto/base/rand.h"
#include "proto/base/time.h"
#include "ring/ring.h"

#define ARC_BITS 18
#define LOOKUPS  20000000

static mesh_ns now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return SEC(ts.tv_sec) + ts.tv_nsec;
}

static void members_make(struct ring_member *m, size_t n, size_t zones, uint32_t weight_step)
{
    struct rand r = rand_of(1, n, 0);

    for (size_t i = 0; i < n; i++) {
        be64_put(m[i].id.bytes, rand_u64(&r));
        be64_put(m[i].id.bytes + 8, rand_u64(&r));
        m[i].zone = i % zones;
        m[i].weight = (uint32_t)(100 + i % 5 * weight_step);
    }
}

static void build(size_t n, size_t zones, uint32_t weight_step)
{
    struct ring_member *m = calloc(n, sizeof(*m));
    mesh_ns best = MESH_NS_NEVER;

    members_make(m, n, zones, weight_step);
    for (int round = 0; round < 3; round++) {
        mesh_ns start = now();
        struct ring *r = ring_new(m, n, ARC_BITS);
        best = mesh_ns_min(best, now() - start);
        ring_unref(r);
    }
    printf("build   n=%-5zu zones=%-4zu weights=%-5s arcs=2^%d  %8.2f ms\n", n, zones, weight_step ? "mixed" : "equal",
           ARC_BITS, (double)best / 1e6);
    free(m);
}

/* One member less, and one more. */
static void change(size_t n)
{
    struct ring_member *m = calloc(n, sizeof(*m));
    mesh_ns less = MESH_NS_NEVER, more = MESH_NS_NEVER;

    members_make(m, n, 20, 0);
    struct ring *all = ring_new(m, n, ARC_BITS);
    for (int round = 0; round < 3; round++) {
        mesh_ns start = now();
        struct ring *left = ring_next(all, m + 1, n - 1);
        less = mesh_ns_min(less, now() - start);
        start = now();
        struct ring *back = ring_next(left, m, n);
        more = mesh_ns_min(more, now() - start);
        ring_unref(left);
        ring_unref(back);
    }
    printf("change  n=%-5zu one leaves %.2f ms, one joins %.2f ms\n", n, (double)less / 1e6, (double)more / 1e6);
    ring_unref(all);
    free(m);
}

static void lookup(size_t n)
{
    struct ring_member *m = calloc(n, sizeof(*m));
    const struct ring_member *owners[RING_OWNERS];
    uint64_t sum = 0;

    members_make(m, n, 5, 0);
    struct ring *r = ring_new(m, n, ARC_BITS);
    struct digest key = { { 0 } };
    mesh_ns start = now();
    for (uint64_t i = 0; i < LOOKUPS; i++) {
        be64_put(key.bytes, rand_mix(i));
        sum += ring_owners(r, ring_arc(r, &key), owners) + owners[0]->weight;
    }
    printf("lookup  n=%-5zu arcs=2^%d  %.2f ns (%llu)\n", n, ARC_BITS, (double)(now() - start) / LOOKUPS,
           (unsigned long long)sum);
    ring_unref(r);
    free(m);
}

int main(void)
{
    static const size_t sizes[] = { 3, 10, 50, 100, 1000 };

    if (crypto_start() != 0)
        return 1;
    for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        build(sizes[i], 1, 0);
        build(sizes[i], 2, 0);
        build(sizes[i], sizes[i] < 20 ? sizes[i] : 20, 0);
        build(sizes[i], sizes[i] < 20 ? sizes[i] : 20, 25);
    }
    change(10);
    change(50);
    change(1000);
    lookup(50);
    lookup(1000);
    return 0;
}
