/* Links against theory: how long packets wait at an access link and how many it drops, how much is lost in bursts and
 * how long these are. Each gate prints what was measured beside what the formula says; two per cent is the limit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <math.h>

#include "sim/net/link_model.h"

#define PACKETS 4000000u
#define BYTES   1500u
#define RATE    1250000u /* bytes a second: a packet takes 1.2 ms */
#define SERVICE 1.2e-3
#define K_MAX   32

static void gate(const char *what, double got, double want)
{
    print_message("%s: %.5g, theory %.5g, %+.2f %%\n", what, got, want, 100 * (got / want - 1));
    assert_true(fabs(got - want) <= 0.02 * want);
}

static double exponential(struct rand *r, double mean)
{
    return -mean * log(((double)(rand_u64(r) >> 11) + 1) / 9007199254740992.0);
}

/* PACKETS come at random moments and load the link to |load|. Gives the mean wait before service, in seconds, of those
 * that are taken, and the share of those that are not. */
static double offer(double load, uint64_t queue_bytes, double *dropped)
{
    struct rand r = rand_of(11, (uint64_t)(load * 1000), queue_bytes);
    struct link_queue q = { 0 };
    double now = 0, waits = 0;
    uint64_t taken = 0;

    for (uint32_t i = 0; i < PACKETS; i++) {
        now += exponential(&r, SERVICE / load);
        mesh_ns at = (mesh_ns)(now * 1e9), out = link_queue_pass(&q, at, BYTES, RATE, queue_bytes);
        if (out == MESH_NS_NEVER)
            continue;
        waits += (double)(out - at) * 1e-9 - SERVICE;
        taken++;
    }
    *dropped = 1 - (double)taken / PACKETS;
    return waits / (double)taken;
}

/* M/D/1: random arrivals, equal service times, one server. The mean wait is Pollaczek's and Khinchine's: load * service
 * / (2 (1 - load)). */
static void packets_wait_as_pollaczek_and_khinchine_say(void **state)
{
    static const double loads[] = { 0.3, 0.5, 0.7, 0.8 };

    (void)state;
    for (size_t i = 0; i < sizeof(loads) / sizeof(loads[0]); i++) {
        double dropped, load = loads[i], wait = offer(load, UINT64_C(1) << 40, &dropped);
        char what[64];
        snprintf(what, sizeof(what), "load %.0f %%, wait in ms", 100 * load);
        gate(what, 1e3 * wait, 1e3 * load * SERVICE / (2 * (1 - load)));
        assert_true(dropped == 0);
    }
}

/* M/D/1/K: with room for |k|, the one in service included, who comes to a full one is lost. The chain of how many a
 * departing packet leaves behind goes up by as many as came in one service time, Poisson, and down by itself; with p0
 * its share of nobody, the share of the lost is 1 - 1 / (p0 + load) (Gross and Harris, "Fundamentals of Queueing
 * Theory"). */
static double lost_of_k(double load, size_t k)
{
    double p[K_MAX] = { 1 }, came[K_MAX + 1], sum = 1;

    assert_true(k <= K_MAX);
    came[0] = exp(-load);
    for (size_t j = 1; j <= k; j++)
        came[j] = came[j - 1] * load / (double)j;
    for (size_t j = 0; j + 1 < k; j++) { /* p[j] = p[0] came[j] + sum over i of p[i] came[j - i + 1] */
        double rest = p[j] - p[0] * came[j];
        for (size_t i = 1; i <= j; i++)
            rest -= p[i] * came[j + 1 - i];
        sum += p[j + 1] = rest / came[0];
    }
    return 1 - 1 / (1 / sum + load);
}

static void a_bounded_queue_drops_its_share(void **state)
{
    static const struct {
        double load;
        size_t k;
    } cases[] = { { 0.5, 2 }, { 0.8, 4 }, { 0.9, 8 }, { 1.2, 8 } };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        double dropped;
        char what[64];
        offer(cases[i].load, cases[i].k * BYTES, &dropped);
        snprintf(what, sizeof(what), "load %.0f %%, room for %zu, dropped in %%", 100 * cases[i].load, cases[i].k);
        gate(what, 100 * dropped, 100 * lost_of_k(cases[i].load, cases[i].k));
    }
}

/* Gilbert's channel: the share of packets that are lost, the mean length of a burst, and how many bursts are longer
 * than twice that, which for a geometric length is (1 - 1 / length) to the power of twice the length. */
static void lose(uint64_t ppm, uint64_t length)
{
    struct rand r = rand_of(7, ppm, length);
    struct link_burst b = { 0 };
    uint64_t lost = 0, bursts = 0, row = 0, longer = 0;
    char what[64];

    for (uint32_t i = 0; i < 2 * PACKETS; i++) {
        bool now = link_burst_lost(&b, ppm, length, &r);
        row = now ? row + 1 : 0;
        lost += now;
        bursts += row == 1;
        longer += row == 2 * length + 1;
    }
    snprintf(what, sizeof(what), "%g %% in bursts of %d, lost in %%", (double)ppm / 1e4, (int)length);
    gate(what, 100.0 * (double)lost / (2.0 * PACKETS), (double)ppm / 1e4);
    gate("    mean length", (double)lost / (double)bursts, (double)length);
    if (length > 1)
        gate("    bursts of more than twice that, in %", 100.0 * (double)longer / (double)bursts,
             100 * pow(1 - 1.0 / (double)length, 2.0 * (double)length));
}

static void bursts_have_the_share_and_the_length_that_was_asked(void **state)
{
    (void)state;
    lose(10000, 1);
    lose(20000, 4);
    lose(100000, 5);
    lose(250000, 10);
    lose(500000, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(packets_wait_as_pollaczek_and_khinchine_say),
        cmocka_unit_test(a_bounded_queue_drops_its_share),
        cmocka_unit_test(bursts_have_the_share_and_the_length_that_was_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
