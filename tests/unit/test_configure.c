/* test_configure.c - other threads answer from copies while one set of distributions after the other is put in force.
 * To be run under ThreadSanitizer and AddressSanitizer, too: a set that goes too early is seen by them. */
#include "engine_dists.h"

#include <pthread.h>

#include "node/core/shelf_read.h"

#define READERS 3
#define SWAPS   400

static struct shelf_reader readers[READERS];
static _Atomic bool over;
static _Atomic unsigned turns[READERS], hits, others;

static void *reads(void *arg)
{
    struct shelf_reader *rd = arg;
    unsigned n = (unsigned)(rd - readers);

    while (!atomic_load(&over)) {
        shelf_reader_begin(rd);
        for (int i = 0; i < 20; i++) {
            struct request r = { .host = i % 2 == 0 ? S("a.example") : S("b.example"), .target = S("/x") };
            if (!shelf_request(rd, w->now, &r)) {
                atomic_fetch_add(&others, 1);
                continue;
            }
            atomic_fetch_add(&hits, 1);
            engine_request_end(NULL, w->now, &r, true);
        }
        shelf_reader_end(rd);
        atomic_fetch_add(&turns[n], 1);
    }
    return NULL;
}

/* Host a.example is always there, b.example every other time. */
static struct dist_set *another(unsigned i)
{
    static const struct slice hosts[] = { SLICE_LIT("a.example"), SLICE_LIT("b.example") };
    struct dist_behaviour b[] = { usual("/other"), usual("*") };
    struct dist d = one_dist(b, 2);

    d.any_host = false;
    d.hosts = hosts;
    d.hosts_n = 1 + i % 2;
    struct dist_set *set = dist_set_of(&d, 1);
    assert_non_null(set);
    return set;
}

static void readers_see_one_set_or_the_other(void **state)
{
    pthread_t threads[READERS];
    unsigned seen[READERS] = { 0 };

    (void)state;
    w = world_bare(1);
    w->nodes[0].cfg.readers = READERS;
    node_start(w, 0, true);
    world_run(w, SEC(1));
    struct dist_set *set = another(1);
    assert_int_equal(engine_configure(engine_of(w, 0), w->now, set), 0);
    dist_set_unref(set);
    site_at(w, "/x", 1000);
    for (int i = 0; i < 6; i++) {
        struct viewer *v = viewer_new(w, 0, "/x");
        v->r.host = i % 2 == 0 ? S("a.example") : S("b.example");
        engine_request(engine_of(w, 0), w->now, &v->r);
        if (v->r.state == REQUEST_BODY)
            request_lay_out(&v->r);
        viewer_read(v);
        world_run(w, SEC(1));
        assert_true(v->done);
    }
    for (unsigned i = 0; i < READERS; i++)
        shelf_reader_init(&readers[i], engine_of(w, 0), i);
    for (unsigned i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, reads, &readers[i]), 0);
    for (unsigned i = 0; i < SWAPS; i++) {
        set = another(i);
        assert_int_equal(engine_configure(engine_of(w, 0), w->now, set), 0);
        dist_set_unref(set);
        engine_tick(engine_of(w, 0), w->now);
        for (unsigned k = 0; i % 19 == 18 && k < READERS; k++) { /* each goes on meanwhile, by either kind */
            while (atomic_load(&turns[k]) < seen[k] + 2)
                sched_yield();
            seen[k] = atomic_load(&turns[k]);
        }
    }
    atomic_store(&over, true);
    for (unsigned i = 0; i < READERS; i++)
        pthread_join(threads[i], NULL);
    assert_true(atomic_load(&hits) > 0);
    assert_true(atomic_load(&others) > 0); /* who was nobody's */
    for (unsigned i = 0; i < READERS; i++)
        shelf_reader_fini(&readers[i]);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(readers_see_one_set_or_the_other) };
    return cmocka_run_group_tests(tests, setup, NULL);
}
