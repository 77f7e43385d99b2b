/* Bodies larger than what one record takes, most of them larger than what memory keeps, on the disk: written as they
 * come, read as somebody reads them. Linked with --wrap=malloc and --wrap=calloc. */
#define LIMIT      (16 * MIB)
#define DISK_BYTES (40u << 20)
#include "engine_disks.h"

#define BODY   (12 * MIB)
#define MIDDLE (MIB + 300000) /* has room in memory, but not in a record */
#define PIECE  UINT64_C(196608)

void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

static size_t refused;                     /* a piece of memory of so many bytes is not to be had, once; 0: all are */
static size_t refused_least, refused_most; /* nor is one of about so many that is to be all zeros */

void *__wrap_malloc(size_t n)
{
    if (n != refused || n == 0)
        return __real_malloc(n);
    refused = 0;
    return NULL;
}

void *__wrap_calloc(size_t n, size_t size)
{
    if (n * size < refused_least || n * size > refused_most || n != 1)
        return __real_calloc(n, size);
    refused_most = 0;
    return NULL;
}

static void again(int n, uint8_t run)
{
    stop_node(n);
    start_node(n, run);
    world_run(w, SEC(1));
}

static struct site *body(const char *path, uint64_t length)
{
    struct site *s = large(path, length);

    s->lines = "Cache-Control: max-age=1000\n";
    s->tagged = true;
    return s;
}

static struct viewer *asked(int n, const char *path)
{
    struct viewer *v = ask(w, n, path);
    world_run(w, SEC(1));
    return v;
}

static void put_on_disk(int n, const char *path)
{
    check_whole(asked(n, path));
    check_whole(asked(n, path));
}

static void check_disk(const struct viewer *v, bool from_disk)
{
    check_result(v, RESULT_HIT);
    assert_int_equal(v->answer.from_disk, from_disk);
}

static uint64_t memory(int n)
{
    struct engine_usage u;

    engine_usage(engine_of(w, n), &u);
    return u.memory_bytes;
}

static uint64_t pieces(uint64_t length)
{
    return (length + PIECE - 1) / PIECE;
}

static void feat_C15_a_body_larger_than_memory_lies_on_the_disk(void **state)
{
    struct site *s = body("/large", BODY);

    (void)state;
    check_result(asked(0, "/large"), RESULT_MISS);
    assert_int_equal(store_things(stores[0]), 0); /* it may be the only time */
    check_result(asked(0, "/large"), RESULT_MISS);
    assert_int_equal(store_things(stores[0]), pieces(BODY) + 1);
    check_disk(asked(0, "/large"), true);
    again(0, 2);
    check_disk(asked(0, "/large"), true);
    check_disk(asked(0, "/large"), false); /* what is to be known of it is in memory now */
    assert_int_equal(s->fetches, 2);
    assert_true(memory(0) < MIB);
}

static void feat_C15_what_is_more_than_half_of_the_disk_passes_by(void **state)
{
    struct site *s = body("/huge", 21 * MIB);

    (void)state;
    put_on_disk(0, "/huge");
    s->chunked = true;
    check_whole(asked(0, "/huge"));
    assert_int_equal(s->fetches, 3);
    again(0, 2);
    check_result(asked(0, "/huge"), RESULT_MISS);
}

static void only_a_window_of_it_is_in_memory(void **state)
{
    struct viewer *slow, *fast;

    (void)state;
    body("/large", BODY);
    put_on_disk(0, "/large");
    again(0, 2);
    slow = viewer_new(w, 0, "/large");
    slow->allow = 1000000;
    viewer_ask(slow);
    world_run(w, SEC(1));
    assert_int_equal(slow->got, 1000000);
    fast = viewer_new(w, 0, "/large");
    for (fast->allow = 0; fast->allow <= BODY + MIB; fast->allow += 500000) {
        if (fast->allow == 0)
            viewer_ask(fast);
        else
            viewer_read(fast);
        world_run(w, MS(20));
        assert_true(memory(0) <= 4 * PIECE + 200000);
    }
    check_disk(fast, false);
    slow->allow = UINT64_MAX;
    viewer_read(slow);
    world_run(w, SEC(1));
    check_disk(slow, true);
    assert_true(memory(0) < 200000);
    assert_int_equal(count(w, 0)->origin_fetches, 0);
}

static void feat_R16_ranges_read_the_pieces_that_they_touch(void **state)
{
    struct site *s = body("/large", BODY);

    (void)state;
    put_on_disk(0, "/large");
    again(0, 2);
    uint64_t before = count(w, 0)->disk_read_bytes;
    struct want *v = want(0, "/large", 7 * MIB + 5, 150000);
    run(SEC(1));
    check_want(v);
    uint64_t read = count(w, 0)->disk_read_bytes - before;
    assert_in_range(read, 150000, 2 * PIECE + 40000);
    v = want(0, "/large", BODY - 10, 10);
    run(SEC(1));
    check_want(v);
    assert_int_equal(s->fetches, 2);
    assert_in_range(count(w, 0)->disk_read_bytes - before - read, 10, PIECE + 40000);
    end_all();
}

/* Into memory, where there is room, and from then on it is not read again. */
static void what_has_room_fills_up(void **state)
{
    struct site *s = body("/middle", MIDDLE);

    (void)state;
    put_on_disk(0, "/middle");
    assert_int_equal(store_things(stores[0]), pieces(MIDDLE) + 1);
    assert_int_equal(s->fetches, 1);
    again(0, 2);
    check_disk(asked(0, "/middle"), true);
    uint64_t read = count(w, 0)->disk_read_bytes;
    check_disk(asked(0, "/middle"), false);
    assert_int_equal(count(w, 0)->disk_read_bytes, read);
    assert_int_equal(s->fetches, 1);
    assert_true(memory(0) >= MIDDLE);
}

/* What is whole in memory follows at a clean end; what still comes does not hold it up. */
static void rob_RS1_at_a_clean_end_large_bodies_are_written(void **state)
{
    (void)state;
    body("/large", BODY)->every = MS(50);
    body("/middle", MIDDLE);
    ask(w, 0, "/large");
    world_run(w, SEC(2));
    asked(0, "/middle");
    assert_int_equal(store_things(stores[0]), 0);
    ask(w, 0, "/large");
    world_run(w, MS(200));
    assert_true(store_things(stores[0]) > 0);
    engine_disk_close(engine_of(w, 0), w->now);
    world_run(w, MS(100));
    assert_true(engine_disk_closed(engine_of(w, 0)));
    again(0, 2);
    check_disk(asked(0, "/middle"), true);
    check_result(asked(0, "/large"), RESULT_MISS);
}

static void rob_F2_a_damaged_piece_is_a_miss_of_the_rest(void **state)
{
    struct site *s = body("/large", BODY);
    struct viewer *v;

    (void)state;
    put_on_disk(0, "/large");
    again(0, 2);
    disks[0].files[7].bytes[500000] ^= 1;
    v = asked(0, "/large");
    check_disk(v, true); /* which is how it began */
    assert_int_equal(s->fetches, 3);
    assert_int_equal(count(w, 0)->disk_corrupt, 1);
    assert_int_equal(count(w, 0)->moved, 1);
    check_disk(asked(0, "/large"), true); /* it was written anew */
    assert_int_equal(s->fetches, 3);
    /* A rest that has changed meanwhile does not follow. */
    again(0, 3);
    for (unsigned i = 1; i < 40; i++) {
        if (disks[0].files[i].len > 500000)
            disks[0].files[i].bytes[500000] ^= 1;
    }
    s->version = 2;
    v = viewer_new(w, 0, "/large");
    v->allow = 100000;
    viewer_ask(v);
    world_run(w, SEC(1));
    v->allow = UINT64_MAX;
    viewer_read(v);
    world_run(w, SEC(2));
    check_failed(v, 0);
    assert_in_range(v->got, 100000, BODY - 1);
}

/* The process is killed while the body is written, anywhere. */
static void rob_K3_a_body_is_complete_or_absent(void **state)
{
    struct site *s = body("/large", 3 * MIB);
    unsigned absent = 0;

    (void)state;
    s->every = MS(1);
    s->piece = 100000;
    for (unsigned i = 0; i < 12; i++) {
        uint8_t run = (uint8_t)(2 + i);
        s->version = 1 + i;
        asked(0, "/large");
        ask(w, 0, "/large");
        world_run(w, MS(20 + 3 * i));
        again(0, run);
        unsigned fetches = s->fetches;
        struct viewer *v = asked(0, "/large");
        check_whole(v);
        assert_int_equal(v->version, 1 + i);
        absent += s->fetches > fetches;
        by("DELETE", 0, "/large");
        world_run(w, SEC(1));
    }
    assert_in_range(absent, 6, 11);
}

static void pieces_that_nobody_finds_go_with_their_segments(void **state)
{
    (void)state;
    body("/large", BODY)->every = MS(1);
    body("/a", BODY);
    body("/b", BODY);
    body("/c", BODY);
    body("/d", BODY);
    asked(0, "/large");
    struct viewer *v = ask(w, 0, "/large");
    world_run(w, MS(28));
    viewer_end(v);
    world_run(w, SEC(1));
    uint64_t orphans = store_things(stores[0]);
    assert_in_range(orphans, 5, pieces(BODY) - 1);
    again(0, 2);
    assert_int_equal(store_things(stores[0]), orphans);
    put_on_disk(0, "/a");
    put_on_disk(0, "/b");
    put_on_disk(0, "/c");
    put_on_disk(0, "/d");
    assert_true(store_things(stores[0]) <= 40 * 5);
    check_disk(asked(0, "/d"), true);
    check_disk(asked(0, "/c"), true);
    check_result(asked(0, "/a"), RESULT_MISS); /* some of it has gone, and so all of it has */
}

static void what_changed_does_not_come_back(void **state)
{
    struct site *s = body("/large", BODY);
    struct purge_target t = { PURGE_URL, SLICE_LIT("/large") };
    struct purge_order order = { .who = SLICE_LIT("a test"), .targets = &t, .targets_n = 1 };
    char id[PURGE_ID_MAX];

    (void)state;
    put_on_disk(0, "/large");
    by("DELETE", 0, "/large");
    world_run(w, SEC(1));
    assert_int_equal(store_things(stores[0]), 0); /* in one go */
    s->version = 2;
    assert_int_equal(asked(0, "/large")->version, 2); /* it came before, and is written */
    check_disk(asked(0, "/large"), true);
    assert_int_equal(engine_purge(engine_of(w, 0), w->now, &order, id), 0);
    s->version = 3;
    struct viewer *v = asked(0, "/large");
    check_result(v, RESULT_MISS);
    assert_int_equal(v->version, 3);
    assert_int_equal(store_things(stores[0]), pieces(BODY) + 1); /* no piece of the second is left */
    again(0, 2);
    assert_int_equal(asked(0, "/large")->version, 3);
    /* A newer one takes the place of what is being written. */
    world_run(w, SEC(1001));
    s->every = MS(1);
    ask(w, 0, "/large");
    world_run(w, MS(26));
    by("DELETE", 0, "/large");
    s->version = 4;
    world_run(w, SEC(1));
    again(0, 3);
    assert_int_equal(asked(0, "/large")->version, 4);
}

static void one_past_its_time_is_validated_and_stays_where_it_is(void **state)
{
    struct site *s = body("/large", BODY);

    (void)state;
    s->validator = "\"1\"";
    put_on_disk(0, "/large");
    uint64_t written = count(w, 0)->disk_written_bytes;
    world_run(w, SEC(1001));
    check_result(asked(0, "/large"), RESULT_REFRESH);
    check_disk(asked(0, "/large"), false);
    world_run(w, SEC(10));
    assert_true(count(w, 0)->disk_written_bytes - written < 200000); /* but for its head */
    again(0, 2);
    check_disk(asked(0, "/large"), true);
    assert_int_equal(s->validated, 1);
    assert_int_equal(s->fetches, 3);
}

static void rob_DK3_a_slow_disk_is_not_waited_for(void **state)
{
    struct site *s = body("/large", BODY), *longer = body("/longer", 19 * MIB); /* than the window and what may wait */

    (void)state;
    asked(0, "/longer");
    disks[0].slow = true; /* it takes nothing */
    struct viewer *v = ask(w, 0, "/longer");
    mesh_ns began = w->now;
    world_run(w, SEC(3));
    check_result(v, RESULT_MISS);
    assert_in_range(v->end_at - began, MS(500), SEC(1));
    assert_int_equal(longer->fetches, 2);
    stop_node(0);
    model_fini(&disks[0]);
    model_init(&disks[0], false);
    start_node(0, 2);
    world_run(w, SEC(1));
    put_on_disk(0, "/large");
    v = viewer_new(w, 0, "/large");
    v->allow = 1000000;
    viewer_ask(v);
    world_run(w, SEC(1));
    disks[0].slow = true; /* it gives nothing */
    v->allow = UINT64_MAX;
    viewer_read(v);
    world_run(w, SEC(4));
    check_disk(v, true);
    assert_int_equal(s->fetches, 3);
    stop_node(0);
    disks[0].slow = false;
    start_node(0, 3);
}

static void without_memory_for_a_piece_it_comes_from_elsewhere(void **state)
{
    struct site *s = body("/large", BODY);

    (void)state;
    put_on_disk(0, "/large");
    again(0, 2);
    refused = LEAF_BYTES;
    struct viewer *v = asked(0, "/large");
    assert_int_equal(refused, 0);
    check_disk(v, true);
    assert_int_equal(s->fetches, 3);
    assert_int_equal(count(w, 0)->disk_corrupt, 0);
    /* Nor is anybody left waiting who cannot be noted as one that reads. */
    refused_least = pieces(BODY) + 90;
    refused_most = pieces(BODY) + 130;
    v = asked(0, "/large");
    assert_int_equal(refused_most, 0);
    check_failed(v, 0);
    check_disk(asked(0, "/large"), false);
}

/* The second of two readers has a fetch of its own, since the window has gone on: what the first one's brings is
 * written. */
static void requests_that_overlap_do_not_undo_each_other(void **state)
{
    struct site *s = body("/large", BODY);

    (void)state;
    asked(0, "/large");
    s->piece = 100000;
    s->every = MS(1);
    struct viewer *first = ask(w, 0, "/large");
    world_run(w, MS(118));
    struct viewer *second = ask(w, 0, "/large");
    world_run(w, MS(50));
    check_result(first, RESULT_MISS);
    assert_false(second->done);
    assert_int_equal(s->fetches, 3);
    assert_int_equal(store_things(stores[0]), pieces(BODY) + 1);
    world_run(w, SEC(1));
    check_whole(second);
    check_disk(asked(0, "/large"), true);
    /* Another version does take its place. */
    world_run(w, SEC(1001));
    first = ask(w, 0, "/large");
    world_run(w, MS(118));
    s->version = 2;
    second = ask(w, 0, "/large");
    world_run(w, SEC(1));
    check_whole(first);
    check_whole(second);
    again(0, 2);
    assert_int_equal(asked(0, "/large")->version, 2);
}

/* What is popular lies at two owners, but so much goes to nobody who has not asked for it. */
static void nobody_is_made_to_take_a_large_body(void **state)
{
    struct site *s = body(path_owned(w, 0, "01"), BODY);

    (void)state;
    put_on_disk(0, s->path);
    again(0, 2);
    for (int i = 0; i < 3; i++)
        check_result(asked(2, s->path), i < 2 ? RESULT_PEER : RESULT_HIT);
    assert_int_equal(count(w, 0)->takes_out, 0);
    assert_int_equal(s->fetches, 2);
}

static void peers_are_served_from_the_disk(void **state)
{
    struct site *s = body(path_owned(w, 0, "0"), BODY);
    struct viewer *v;

    (void)state;
    put_on_disk(0, s->path);
    again(0, 2);
    for (int i = 0; i < 2; i++) {
        v = asked(1, s->path);
        check_result(v, RESULT_PEER);
        assert_true(memory(0) < 2 * MIB);
    }
    check_disk(asked(1, s->path), true); /* it has it there itself by now, as the first signed it */
    again(1, 2);
    check_disk(asked(1, s->path), true);
    assert_int_equal(s->fetches, 2);
    for (int i = 1; i < 3; i++) /* and may hand it on */
        world_ranks(w, i, "102");
    stop_node(0);
    world_run(w, SEC(5));
    v = asked(2, s->path);
    check_result(v, RESULT_PEER);
    assert_int_equal(s->fetches, 2);
    assert_int_equal(count(w, 2)->transfers_rejected, 0);
    start_node(0, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        DISK(feat_C15_a_body_larger_than_memory_lies_on_the_disk),
        DISK(feat_C15_what_is_more_than_half_of_the_disk_passes_by),
        DISK(only_a_window_of_it_is_in_memory),
        DISK(feat_R16_ranges_read_the_pieces_that_they_touch),
        DISK(what_has_room_fills_up),
        DISK(rob_RS1_at_a_clean_end_large_bodies_are_written),
        DISK(rob_F2_a_damaged_piece_is_a_miss_of_the_rest),
        DISK(rob_K3_a_body_is_complete_or_absent),
        DISK(pieces_that_nobody_finds_go_with_their_segments),
        DISK(what_changed_does_not_come_back),
        DISK(one_past_its_time_is_validated_and_stays_where_it_is),
        DISK(rob_DK3_a_slow_disk_is_not_waited_for),
        DISK(without_memory_for_a_piece_it_comes_from_elsewhere),
        DISK(requests_that_overlap_do_not_undo_each_other),
        DISKS(nobody_is_made_to_take_a_large_body),
        DISKS(peers_are_served_from_the_disk),
    };
    return cmocka_run_group_tests(tests, setup, NULL);
}
