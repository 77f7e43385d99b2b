/* How long a transfer takes between nodes against what TCP's rules make of it: slow start from ten segments, doubled by
 * each round trip up to what the receiver takes (Cardwell, Savage and Anderson, "Modeling TCP latency", 2000, section
 * 2), without loss; and with it. The network is the simulator's; at its ends are no engines but a number of bytes to be
 * sent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <math.h>

#include "sim/edge.h"
#include "sim/net/net.h"
#include "sim/series.h"

#define FIRST  14600.0 /* bytes: ten segments of 1,460 */
#define WINDOW 262144.0
#define LIMIT  0.05

/* ---- ends without engines: tests/CMakeLists.txt wraps what sim/net/stream.c calls ---- */

struct link {
    void *io;
    struct edge *edge;
    uint64_t to_send, got;
};

static struct {
    struct link ends[2];
    uint64_t bytes;
    mesh_ns began, ended;
} transfer;

static const uint8_t nothing[64 << 10];

#define WRAPPED(type, name, ...)     \
    type __wrap_##name(__VA_ARGS__); \
    type __wrap_##name(__VA_ARGS__)

WRAPPED(void *, link_io, const struct link *l)
{
    return l->io;
}

WRAPPED(void, link_set_io, struct link *l, void *io)
{
    l->io = io;
}

WRAPPED(struct slice, link_output, const struct link *l)
{
    return slice_of(nothing, l->to_send < sizeof(nothing) ? (size_t)l->to_send : sizeof(nothing));
}

WRAPPED(void, engine_sent, struct engine *e, mesh_ns now, struct link *l, size_t n)
{
    (void)e;
    (void)now;
    l->to_send -= n;
}

WRAPPED(struct link *, engine_accept, struct engine *e, mesh_ns now, const struct mesh_addr *from)
{
    (void)e;
    (void)now;
    (void)from;
    return &transfer.ends[1];
}

WRAPPED(void, engine_connected, struct engine *e, mesh_ns now, struct link *l)
{
    (void)e;
    transfer.began = now;
    l->to_send = transfer.bytes;
    net_write(l->edge, l);
}

WRAPPED(void, engine_received, struct engine *e, mesh_ns now, struct link *l, struct slice bytes)
{
    (void)e;
    l->got += bytes.len;
    if (l->got == transfer.bytes)
        transfer.ended = now;
}

WRAPPED(void, engine_disconnected, struct engine *e, mesh_ns now, struct link *l)
{
    (void)e;
    (void)now;
    (void)l;
    fail();
}

WRAPPED(struct engine *, edge_enter, struct edge *e)
{
    return e->engine;
}

WRAPPED(void, edge_pump, struct edge *e)
{
    (void)e;
}

WRAPPED(bool, edge_held, struct edge *e, struct event *ev)
{
    (void)e;
    (void)ev;
    return false;
}

WRAPPED(void, series_stream, struct world *w, uint32_t from, uint32_t to, uint64_t bytes)
{
    (void)w;
    (void)from;
    (void)to;
    (void)bytes;
}

WRAPPED(void, world_note_peer, struct world *w, enum note kind, uint32_t node, uint32_t peer, struct slice bytes)
{
    (void)w;
    (void)kind;
    (void)node;
    (void)peer;
    (void)bytes;
}

/* How long |bytes| take from one node to another, from the moment when they are connected, in seconds. */
static double take(uint64_t bytes, mesh_ns one_way, uint64_t loss_ppm, uint64_t seed)
{
    struct world *w = world_alloc(sizeof(*w));
    struct heap_node *n;

    scenario_init(&w->sc, &words_of_run);
    w->plan = &w->sc; /* nothing is worse than planned */
    w->sc.seed = seed;
    w->sc.nodes = 2;
    w->sc.delay = (uint64_t)one_way;
    w->sc.jitter = 0;
    heap_init(&w->events);
    trace_hash_init(&w->trace);
    w->edges = world_alloc(2 * sizeof(*w->edges));
    w->net = net_new(w);
    struct mesh_addr there = net_addr(w->net, 1);
    memset(&transfer, 0, sizeof(transfer));
    transfer.bytes = bytes;
    transfer.ended = MESH_NS_NEVER;
    for (uint32_t i = 0; i < 2; i++) {
        struct edge *e = &w->edges[i];
        *e = (struct edge){ .w = w, .index = i, .zone = "z", .engine = (struct engine *)e };
        list_init(&e->ends);
        transfer.ends[i].edge = e;
    }
    net_dial(&w->edges[0], &transfer.ends[0], &there);
    while (transfer.ended == MESH_NS_NEVER && (n = heap_pop(&w->events, MESH_NS_NEVER)) != NULL) {
        w->now = n->at;
        OBJ_OF(n, struct event, node)->fire(w, OBJ_OF(n, struct event, node));
        w->sc.loss = loss_ppm; /* the connection is there without it */
    }
    assert_true(transfer.ended != MESH_NS_NEVER);
    net_free(w->net);
    scenario_fini(&w->sc);
    free(w->edges);
    free(w);
    return (double)(transfer.ended - transfer.began) * 1e-9;
}

/* ---- theory ---- */

static double without_loss(double bytes, double one_way)
{
    double time = one_way, window = FIRST;

    for (double left = bytes - window; left > 0; left -= window) {
        window = fmin(2 * window, WINDOW);
        time += 2 * one_way;
    }
    return time;
}

static void gate(const char *what, double got, double want)
{
    print_message("%s: %.1f ms, theory %.1f ms, %+.1f %%\n", what, 1e3 * got, 1e3 * want, 100 * (got / want - 1));
    assert_true(fabs(got - want) <= LIMIT * want);
}

static const unsigned one_ways_ms[] = { 1, 10, 50, 150, 300 };
static const unsigned sizes_kb[] = { 10, 50, 200, 1000, 10000 };

static void a_transfer_takes_its_round_trips(void **state)
{
    char what[64];

    (void)state;
    for (size_t i = 0; i < 5; i++) {
        for (size_t k = 0; k < 5; k++) {
            double one_way = 1e-3 * one_ways_ms[i];
            snprintf(what, sizeof(what), "%u kB, round trip %u ms", sizes_kb[k], 2 * one_ways_ms[i]);
            gate(what, take(1000 * sizes_kb[k], MS(one_ways_ms[i]), 0, 1), without_loss(1e3 * sizes_kb[k], one_way));
        }
    }
}

/* ---- with loss ---- */

/* That no segment of a flight of x bytes is lost. A segment has 8 KiB in three of four cases, else any length up to
 * that is as likely; the flight's last one is cut. unhurt[x] = q (3/4 unhurt[x - 8192] + 1/4 mean of unhurt[x - 1 ...
 * 8192]). */
#define SEGMENT 8192
static double unhurt[(size_t)WINDOW + 1];

static void no_loss_in_a_flight(double loss)
{
    double sum = 0; /* of the SEGMENT values before x; those of nothing and less are 1 */

    unhurt[0] = 1;
    for (size_t x = 1; x <= (size_t)WINDOW; x++) {
        sum += unhurt[x - 1] - (x > SEGMENT ? unhurt[x - 1 - SEGMENT] : 0);
        double cut = x < SEGMENT ? (double)(SEGMENT - x) : 0;
        double whole = x > SEGMENT ? unhurt[x - SEGMENT] : 1;
        unhurt[x] = (1 - loss) * (0.75 * whole + 0.25 * (sum + cut) / SEGMENT);
    }
}

/* What is left of a transfer, |bytes| with this window and this threshold, takes so long on average, if no more than
 * |losses| flights of it are hurt. A flight of which something is lost is there a timeout later; then slow start begins
 * again with two segments, up to half of the flight, and goes on with a segment more each round trip (RFC 5681). */
static double with_loss(double bytes, double window, double threshold, double one_way, double timeout, unsigned losses)
{
    double time = 0, so_far = 1;

    for (;;) {
        double flight = fmin(bytes, window), hurt = losses > 0 ? 1 - unhurt[(size_t)flight] : 0;
        double half = fmax(floor(flight / 2), 2920);
        if (bytes <= window)
            return time + so_far * (one_way + hurt * timeout);
        time += so_far * 2 * one_way;
        bytes -= flight;
        if (hurt > 0)
            time += so_far * hurt * (timeout + with_loss(bytes, 2920, half, one_way, timeout, losses - 1));
        so_far *= 1 - hurt;
        window += window < threshold ? fmin(flight, threshold - window) : floor(1460 * flight / window);
        window = fmin(window, WINDOW);
    }
}

#define SEEDS 10000
static void lost_segments_cost_a_timeout_and_a_slow_start(void **state)
{
    static const struct {
        unsigned kb, one_way_ms, loss_ppm;
    } cases[] = { { 8, 10, 50000 },   { 50, 10, 50000 },  { 200, 10, 20000 },
                  { 200, 50, 20000 }, { 1000, 10, 5000 }, { 1000, 150, 5000 } };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        double loss = 1e-6 * cases[i].loss_ppm, one_way = 1e-3 * cases[i].one_way_ms, sum = 0;
        double rto = 0.2 + 2 * one_way, timeout = rto * (1 + 2 * loss); /* doubled when it is lost again */
        char what[80];
        no_loss_in_a_flight(loss);
        for (unsigned seed = 1; seed <= SEEDS; seed++)
            sum += take(1000 * cases[i].kb, MS(cases[i].one_way_ms), cases[i].loss_ppm, seed);
        snprintf(what, sizeof(what), "%u kB, round trip %u ms, %g %% lost", cases[i].kb, 2 * cases[i].one_way_ms,
                 100 * loss);
        gate(what, sum / SEEDS, with_loss(1e3 * cases[i].kb, FIRST, WINDOW, one_way, timeout, 4));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_transfer_takes_its_round_trips),
        cmocka_unit_test(lost_segments_cost_a_timeout_and_a_slow_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
