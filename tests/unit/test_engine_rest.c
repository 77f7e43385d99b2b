/* test_engine_rest.c - a source dies in mid-body: who read along has what came, and only the rest is fetched. The owner
 * is n1, the second one n2; n0 and n3 are edges. */
#include "engine_world.h"
#include "node/core/purge_calls.h"

#define LENGTH 4000000
#define PIECE  40000
#define DIES   MS(503) /* in the midst of a leaf, and of the body */

static struct world *w;

static int begin(void **state)
{
    (void)state;
    w = world_new(NODES);
    world_run(w, SEC(1));
    return 0;
}

static int end(void **state)
{
    (void)state;
    world_run(w, SEC(70));
    world_calm(w);
    world_free(w);
    return 0;
}

/* A second long; |owners| as all see them. */
static struct site *slow(const char *owners)
{
    struct site *s = site_at(w, path_owned(w, 0, owners), LENGTH);
    s->ranges = true;
    s->piece = PIECE;
    s->every = MS(10);
    return s;
}

/* What is fetched again when a source dies: a leaf that was not whole, and what was on its way to it. */
static void check_rest(const struct site *s, unsigned deaths)
{
    assert_in_range(s->sent, s->length, s->length + deaths * (LEAF_BYTES + 2 * s->piece));
    assert_int_equal(s->fetches, 1 + deaths);
}

static struct engine_usage usage(int n)
{
    struct engine_usage u;
    engine_usage(engine_of(w, n), &u);
    return u;
}

static uint64_t memory_at(int n)
{
    return usage(n).memory_bytes;
}

/* ---- the second owner ---- */

static void feat_M7_row_20_the_second_owner_goes_on_for_all(void **state)
{
    (void)state;
    for (int told = 0; told <= 1; told++) {
        struct site *s = slow("12");
        uint64_t in = count(w, 0)->bytes_peer_in, moved = count(w, 0)->moved;
        struct viewer *a = ask(w, 0, s->path), *b = ask(w, 3, s->path);
        world_run(w, DIES);
        assert_int_equal(count(w, 1)->announced, 1);
        uint64_t seen = a->got;
        assert_true(seen > 20 * LEAF_BYTES && seen < LENGTH / 2);
        node_stop(w, 1, told);
        world_run(w, told ? MS(100) : MS(650)); /* row 20: no stall longer than 700 ms */
        assert_true(a->got > seen && b->got > seen);
        world_run(w, SEC(2));
        check_whole(a);
        check_whole(b);
        check_rest(s, 1);
        assert_int_equal(count(w, 2)->seconded, told + 1);
        assert_int_equal(count(w, 2)->resumed, told + 1);
        assert_int_equal(count(w, 0)->moved - moved, 1);
        assert_in_range(count(w, 0)->bytes_peer_in - in, LENGTH - LEAF_BYTES, LENGTH + LEAF_BYTES);
        check_result(ask(w, 2, s->path), RESULT_HIT);
        node_start(w, 1, true);
        world_run(w, SEC(2));
        check_honest(w);
    }
}

static void row_20_one_after_the_other(void **state)
{
    struct site *s = slow("123");
    struct viewer *v = ask(w, 0, s->path);

    (void)state;
    owners_die_in_turn(w);
    check_whole(v); /* from the origin itself in the end */
    check_rest(s, 3);
    assert_int_equal(count(w, 0)->resumed, 1);
}

static void row_20_the_second_owner_has_viewers_itself(void **state)
{
    struct site *s = slow("12");
    struct viewer *edge = ask(w, 0, s->path), *late;

    (void)state;
    world_run(w, MS(303));
    late = ask(w, 2, s->path); /* reads what it reads along */
    assert_int_equal(count(w, 2)->seconded, 1);
    world_run(w, MS(200));
    node_stop(w, 1, true);
    world_run(w, SEC(2));
    check_whole(edge);
    check_whole(late);
    check_rest(s, 1);
    assert_int_equal(count(w, 2)->origin_fetches, 1);
}

static void what_is_over_soon_is_not_announced(void **state)
{
    static const struct {
        uint64_t length, piece;
        mesh_ns every;
        unsigned announced;
    } fills[] = {
        { 100000, 10000, MS(4), 0 },   /* 40 ms */
        { 100000, 10000, MS(20), 1 },  /* 200 ms */
        { 60000, 10000, MS(20), 0 },   /* one leaf: nothing to go on with */
        { 3000000, 100000, MS(1), 1 }, /* 30 ms, but more than 1 MiB */
    };

    (void)state;
    ask(w, 2, slow("12")->path); /* so that there is a link */
    world_run(w, SEC(2));
    for (size_t i = 0; i < sizeof(fills) / sizeof(fills[0]); i++) {
        struct site *s = site_at(w, path_owned(w, 0, "12"), fills[i].length);
        uint64_t before = count(w, 1)->announced;
        s->piece = fills[i].piece;
        s->every = fills[i].every;
        struct viewer *v = ask(w, 0, s->path);
        world_run(w, SEC(1));
        check_whole(v);
        assert_int_equal(count(w, 1)->announced - before, fills[i].announced);
    }
    assert_int_equal(count(w, 2)->origin_fetches, 0);
}

/* It has what came for a while, and asks no origin unless somebody asks it. */
static void the_second_owner_waits_to_be_asked(void **state)
{
    struct site *s = slow("12");

    (void)state;
    ask(w, 1, s->path);
    world_run(w, DIES);
    node_stop(w, 1, true);
    world_run(w, SEC(5));
    assert_in_range(memory_at(2), 1000000, 2500000);
    struct viewer *v = ask(w, 0, s->path);
    world_run(w, SEC(2));
    check_whole(v);
    check_rest(s, 1);
}

/* What is to go since then: all of it is fetched again, though the tag is the same. */
static void what_was_purged_is_not_gone_on_with(void **state)
{
    (void)state;
    for (int how = 0; how <= 1; how++) {
        struct site *s = slow("12");
        ask(w, 1, s->path);
        world_run(w, DIES);
        node_stop(w, 1, true);
        world_run(w, MS(100));
        assert_true(memory_at(2) > 1000000);
        if (how == 0) {
            struct purge_target target = { PURGE_URL, slice_str(s->path) };
            struct purge_order order = { .who = SLICE_LIT("a test"), .targets = &target, .targets_n = 1 };
            char id[PURGE_ID_MAX];
            assert_int_equal(engine_purge(engine_of(w, 0), w->now, &order, id), 0);
        } else {
            struct viewer *changes = viewer_new(w, 0, s->path);
            changes->r.method = SLICE_LIT("POST");
            viewer_ask(changes);
            world_run(w, SEC(2));
        }
        world_run(w, MS(100));
        uint64_t before = s->sent;
        struct viewer *v = ask(w, 0, s->path);
        world_run(w, SEC(2));
        check_whole(v);
        assert_string_equal(s->last_range, "");
        assert_int_equal(s->sent - before, s->length);
        node_start(w, 1, true);
        world_run(w, SEC(2));
    }
}

static void what_nobody_asks_for_goes(void **state)
{
    struct site *s = slow("12");

    (void)state;
    ask(w, 1, s->path);
    world_run(w, DIES);
    node_stop(w, 1, true);
    world_run(w, SEC(11));
    assert_int_equal(memory_at(2), 0);
    assert_int_equal(s->fetches, 1);
}

/* Only the way between the two owners is lost: the first one is well, and nobody else turns to the origin. */
static void an_owner_that_is_well_is_not_replaced(void **state)
{
    struct site *s = slow("12");
    struct viewer *v = ask(w, 0, s->path);

    (void)state;
    world_run(w, DIES);
    world_cut(w, 1, 2, true);
    world_run(w, SEC(4));
    check_whole(v);
    assert_int_equal(s->fetches, 1);
    world_cut(w, 1, 2, false);
}

/* Who ranks itself first does not wait for who thinks otherwise. */
static void a_node_that_ranks_itself_first_is_no_second(void **state)
{
    (void)state;
    world_ranks(w, 0, "12");
    world_ranks(w, 1, "12");
    world_ranks(w, 2, "21");
    struct site *s = site_at(w, path_seen(w, 0, "12", 2, "21"), LENGTH);
    s->piece = PIECE;
    s->every = MS(10);
    struct viewer *v = ask(w, 0, s->path);
    world_run(w, SEC(2));
    check_whole(v);
    assert_int_equal(count(w, 1)->announced, 1);
    assert_int_equal(count(w, 2)->seconded, 0);
}

/* It cannot read along with whom it holds for dead, and asks nobody else. */
static void who_cannot_read_along_asks_no_origin(void **state)
{
    struct site *s = slow("12");

    (void)state;
    fake_down(mesh_of(w, 2), id_of(1), true);
    struct viewer *v = ask(w, 0, s->path);
    world_run(w, SEC(2));
    check_whole(v);
    assert_int_equal(count(w, 2)->seconded, 1);
    assert_int_equal(s->fetches, 1);
    fake_down(mesh_of(w, 2), id_of(1), false);
}

/* ---- at the origin ---- */

/* n0 is the second owner itself here, and reads along anyway. */
static void row_20_who_reads_goes_on_by_itself(void **state)
{
    static const struct {
        const char *lines;
        bool chunked;
    } kinds[] = {
        { "ETag: \"1\"\n", false }, { "ETag: \"1\"\n", true }, /* its length comes with the rest */
    };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct site *s = slow("10");
        s->lines = kinds[i].lines;
        s->chunked = kinds[i].chunked;
        struct viewer *v = ask(w, 0, s->path);
        world_run(w, DIES);
        node_stop(w, 1, true);
        world_run(w, SEC(2));
        check_whole(v);
        check_rest(s, 1);
        check_result(ask(w, 0, s->path), RESULT_HIT);
        struct viewer *peer = ask(w, 3, s->path); /* what was put together is signed anew */
        world_run(w, SEC(1));
        check_whole(peer);
        assert_int_equal(s->fetches, 2);
        check_honest(w);
        node_start(w, 1, true);
        world_run(w, SEC(2));
    }
}

/* Without a strong validator, or ranges, all of it comes again, and is compared. */
static void what_cannot_be_continued_is_fetched_anew(void **state)
{
    (void)state;
    for (int i = 0; i < 3; i++) {
        struct site *s = slow("10");
        s->lines = i == 0 ? "ETag: W/\"1\"\n" : i == 1 ? "\n" : s->lines;
        s->ranges = i != 2;
        struct viewer *v = ask(w, 0, s->path);
        world_run(w, DIES);
        node_stop(w, 1, true);
        world_run(w, SEC(3));
        check_whole(v);
        assert_int_equal(s->fetches, 2);
        assert_true(s->sent > s->length + LENGTH / 4);
        assert_true(i == 2 || strcmp(s->last_range, "") == 0);
        node_start(w, 1, true);
        world_run(w, SEC(2));
    }
}

/* It has changed since: what was shown is not joined to another rest, by an origin that knows If-Range or one that does
 * not. Who has shown nothing gets all of the new one. */
static void row_20_another_rest_is_never_joined(void **state)
{
    (void)state;
    for (int deaf = 0; deaf <= 1; deaf++) {
        struct site *s = slow("10");
        struct viewer *shown = ask(w, 0, s->path), *waits = viewer_new(w, 0, s->path);
        s->deaf = deaf;
        waits->wait_whole = true;
        viewer_ask(waits);
        world_run(w, DIES);
        s->version = 2;
        s->lines = "ETag: \"2\"\n";
        node_stop(w, 1, true);
        world_run(w, SEC(3));
        check_failed(shown, 0);
        check_whole(waits);
        assert_int_equal(waits->version, 2);
        assert_int_equal(s->fetches, 2 + deaf);
        check_result(ask(w, 0, s->path), RESULT_HIT);
        node_start(w, 1, true);
        world_run(w, SEC(2));
    }
}

/* An origin whose answers do not fit together is not asked for ever. */
static void an_origin_that_ends_each_rest_early(void **state)
{
    struct site *s = slow("10");
    struct viewer *v = ask(w, 0, s->path);

    (void)state;
    world_run(w, DIES);
    s->most = LEAF_BYTES;
    node_stop(w, 1, true);
    world_run(w, SEC(5));
    check_whole(v);
    assert_in_range(s->fetches, 2, 4);
}

/* Each answer that fits brings nothing, each next one does not fit. */
static void an_origin_that_goes_on_and_does_not(void **state)
{
    struct site *s = slow("10");
    struct viewer *v = ask(w, 0, s->path);

    (void)state;
    world_run(w, DIES);
    node_stop(w, 1, true);
    s->cut_at = 1;
    for (int i = 0; i < 2000; i++) {
        s->most = s->fetches % 2 == 0 ? LEAF_BYTES : 0;
        world_run(w, MS(1));
    }
    assert_true(v->failed);
    assert_in_range(s->fetches, 6, 9);
}

/* ---- from a peer ---- */

/* n2 has a copy of its own, other than n1's from the fifth leaf on: it was the only owner when it asked. */
static struct site *two_copies(void)
{
    struct site *s = slow("12");

    s->changed_at = 5 * LEAF_BYTES + 3;
    s->version = 2;
    world_ring(w, 2, "2");
    struct viewer *v = ask(w, 2, s->path);
    world_run(w, SEC(2));
    check_whole(v);
    s->version = 1;
    return s;
}

static void row_20_another_copy_differs(void **state)
{
    struct site *s = two_copies();
    struct viewer *shown = ask(w, 0, s->path), *waits = viewer_new(w, 0, s->path);

    (void)state;
    waits->wait_whole = true;
    viewer_ask(waits);
    world_run(w, DIES);
    world_ring(w, 2, "0123");
    uint64_t seen = shown->got, in = count(w, 0)->bytes_peer_in;
    node_stop(w, 1, true);
    world_run(w, SEC(2));
    check_failed(shown, 0);
    assert_int_equal(shown->got, seen);
    check_whole(waits);
    assert_int_equal(waits->version, 2);
    assert_int_equal(s->fetches, 2);
    /* The five leaves that are the same did not come again. */
    assert_int_equal(count(w, 0)->bytes_peer_in - in, LENGTH - 5 * LEAF_BYTES);
    assert_int_equal(count(w, 0)->transfers_rejected, 0);
}

/* What is said to be had is not sent by who has a whole copy. */
static void row_20_a_whole_copy_sends_the_rest(void **state)
{
    struct site *s = slow("12");

    (void)state;
    world_ring(w, 2, "2");
    ask(w, 2, s->path);
    world_run(w, SEC(2));
    struct viewer *v = ask(w, 0, s->path);
    world_run(w, DIES);
    world_ring(w, 2, "0123");
    node_stop(w, 1, true);
    world_run(w, SEC(1));
    check_whole(v);
    assert_int_equal(s->fetches, 2);
    assert_in_range(count(w, 0)->bytes_peer_in, LENGTH, LENGTH + LEAF_BYTES);
    assert_true(count(w, 2)->bytes_peer_out < LENGTH);
    check_honest(w);
}

/* A node that does not know the field sends all leaves: here it, and the one behind it, are made ones of higher
 * numbers. */
static void forgets_what_it_has(void *ctx, uint8_t *frame, size_t len)
{
    unsigned *asks = ctx;

    if (frame[0] == MSG_ASK && len > 4 && frame[len - 4] == 18 && frame[len - 3] < 128 && frame[len - 2] == 19) {
        frame[len - 4] = 19;
        frame[len - 2] = 20;
        ++*asks;
    }
}

static void an_older_node_sends_all_leaves(void **state)
{
    unsigned asks = 0;

    (void)state;
    node_stop(w, 0, false);
    w->nodes[0].cfg.outgoing = forgets_what_it_has;
    w->nodes[0].cfg.outgoing_ctx = &asks;
    node_start(w, 0, true);
    struct site *s = slow("12");
    struct viewer *v = ask(w, 0, s->path);
    world_run(w, DIES);
    node_stop(w, 1, true);
    world_run(w, SEC(2));
    check_whole(v);
    assert_int_equal(asks, 1);
    assert_int_equal(count(w, 0)->transfers_rejected, 0);
    assert_true(count(w, 2)->bytes_peer_out >= LENGTH);
    assert_int_equal(s->fetches, 2);
}

/* ---- windows ---- */

/* A body too large to be kept goes on behind what the window had. */
static void row_20_a_window_goes_on(void **state)
{
    (void)state;
    for (int i = 0; i < 2; i++) {
        node_stop(w, i, false);
        w->nodes[i].cfg.memory_limit = UINT64_C(16) << 20;
        node_start(w, i, true);
        world_ring(w, i, "10");
    }
    struct site *s = site_at(w, path_owned(w, 0, "10"), UINT64_C(24) << 20);
    s->ranges = true;
    s->piece = 300000;
    s->every = MS(10);
    struct viewer *v = ask(w, 0, s->path);
    world_run(w, DIES);
    assert_true(v->got > UINT64_C(9) << 20); /* its beginning is gone from the window */
    node_stop(w, 1, true);
    world_run(w, MS(100));
    assert_true(memory_at(0) <= UINT64_C(26) << 20);
    world_run(w, SEC(3));
    check_whole(v);
    check_rest(s, 1);
    assert_int_equal(memory_at(0), 0);
}

static struct site *larger(void)
{
    struct site *s = site_at(w, path_owned(w, 0, "12"), UINT64_C(24) << 20);
    s->ranges = true;
    s->piece = 300000;
    s->every = MS(10);
    return s;
}

/* The second owner has a window as well, and the edges are in it. */
static void row_20_the_second_owners_window_serves_all(void **state)
{
    (void)state;
    for (int told = 0; told <= 1; told++) {
        struct site *s = larger();
        struct viewer *a = ask(w, 0, s->path), *b = ask(w, 3, s->path);
        uint64_t in = count(w, 0)->bytes_peer_in;
        world_run(w, DIES);
        uint64_t seen = a->got;
        assert_true(seen > UINT64_C(9) << 20); /* what came first is in no window any more */
        assert_in_range(memory_at(2), 1, UINT64_C(9) << 20);
        node_stop(w, 1, told);
        world_run(w, told ? MS(100) : MS(650));
        assert_true(a->got > seen && b->got > seen);
        world_run(w, SEC(3));
        check_whole(a);
        check_whole(b);
        check_rest(s, 1);
        assert_in_range(count(w, 0)->bytes_peer_in - in, s->length - LEAF_BYTES, s->length + LEAF_BYTES);
        node_start(w, 1, true);
        world_run(w, SEC(11));
        assert_int_equal(memory_at(2), 0);
        check_honest(w);
    }
}

/* An edge that only loses the first owner itself finds the second one's window, and later what that one goes on with.
 */
static void row_20_a_window_is_found(void **state)
{
    (void)state;
    for (int dies = 0; dies <= 1; dies++) {
        struct site *s = larger();
        s->piece = 100000;
        struct viewer *a = ask(w, 0, s->path), *b = ask(w, 3, s->path);
        world_run(w, SEC(1));
        world_cut(w, 3, 1, true); /* which it notices after 400 ms */
        world_run(w, MS(250));
        if (dies)
            node_stop(w, 1, true);
        world_run(w, SEC(4));
        check_whole(a);
        check_whole(b);
        check_rest(s, dies);
        world_cut(w, 3, 1, false);
    }
}

/* What passes through a window does so at its readers' pace, whoever reads along, and ends with them. */
static void who_reads_along_hurries_nobody(void **state)
{
    struct site *s = larger();
    struct viewer *v = viewer_new(w, 0, s->path);

    (void)state;
    v->allow = 1000000;
    viewer_ask(v);
    world_run(w, SEC(5));
    assert_int_equal(count(w, 2)->seconded, 1);
    assert_int_equal(usage(1).serves, 1);       /* an owner that is to end waits for the edge alone */
    assert_true(s->sent <= UINT64_C(18) << 20); /* two windows, of the edge and of the owner */
    v->allow = UINT64_MAX;
    viewer_read(v);
    world_run(w, MS(200));
    assert_int_equal(s->open, 1);
    viewer_end(v);
    world_run(w, MS(100));
    assert_int_equal(s->open, 0);
    world_run(w, SEC(11));
    assert_int_equal(memory_at(1) + memory_at(2), 0);
    assert_int_equal(s->fetches, 1);
}

/* ---- handing over ---- */

/* The first owner was only stopped, and fetches on when it wakes. */
static void row_20_a_woken_owner_and_its_successor(void **state)
{
    (void)state;
    for (int changes = 0; changes <= 1; changes++) {
        struct site *s = slow("12");
        struct viewer *v[3] = { ask(w, 0, s->path), ask(w, 3, s->path), ask(w, 1, s->path) };
        world_run(w, DIES);
        node_freeze(w, 1);
        world_run(w, MS(700));
        if (changes) {
            s->version = 2; /* the visits under way go on with what they began with */
            s->lines = "ETag: \"2\"\n";
        }
        struct viewer *late = ask(w, 3, s->path);
        world_run(w, MS(100));
        node_thaw(w, 1);
        world_run(w, SEC(4));
        for (int i = 0; i < 3; i++)
            check_whole(v[i]);
        check_whole(late);
        assert_int_equal(s->fetches, 2);
        struct viewer *after[NODES];
        for (int n = 0; n < NODES; n++)
            after[n] = ask(w, n, s->path);
        world_run(w, SEC(2));
        for (int n = 0; n < NODES; n++)
            check_whole(after[n]);
        assert_int_equal(s->fetches, 2);
        check_honest(w);
    }
}

/* The ring changes in mid-body: who was second is first, and has what is on its way; who was first fetches on. */
static void row_16_a_new_first_owner_has_read_along(void **state)
{
    (void)state;
    world_ranks(w, 0, "12");
    world_ranks(w, 2, "21");
    const char *path = path_seen(w, 0, "12", 2, "21");
    struct site *s = site_at(w, path, LENGTH);
    s->ranges = true;
    s->piece = PIECE;
    s->every = MS(10);
    for (int n = 0; n < NODES; n++)
        world_ranks(w, n, "12");
    struct viewer *a = ask(w, 0, path);
    world_run(w, DIES);
    for (int n = 0; n < NODES; n++)
        world_ranks(w, n, "21");
    struct viewer *b = ask(w, 3, path);
    world_run(w, MS(200));
    assert_true(b->got > LEAF_BYTES);
    node_stop(w, 1, true);
    world_run(w, SEC(2));
    check_whole(a);
    check_whole(b);
    check_rest(s, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(feat_M7_row_20_the_second_owner_goes_on_for_all),
        TEST(row_20_one_after_the_other),
        TEST(row_20_the_second_owner_has_viewers_itself),
        TEST(what_is_over_soon_is_not_announced),
        TEST(the_second_owner_waits_to_be_asked),
        TEST(what_was_purged_is_not_gone_on_with),
        TEST(what_nobody_asks_for_goes),
        TEST(an_owner_that_is_well_is_not_replaced),
        TEST(a_node_that_ranks_itself_first_is_no_second),
        TEST(who_cannot_read_along_asks_no_origin),
        TEST(row_20_who_reads_goes_on_by_itself),
        TEST(what_cannot_be_continued_is_fetched_anew),
        TEST(row_20_another_rest_is_never_joined),
        TEST(an_origin_that_ends_each_rest_early),
        TEST(an_origin_that_goes_on_and_does_not),
        TEST(row_20_another_copy_differs),
        TEST(row_20_a_whole_copy_sends_the_rest),
        TEST(an_older_node_sends_all_leaves),
        TEST(row_20_a_window_goes_on),
        TEST(row_20_the_second_owners_window_serves_all),
        TEST(row_20_a_window_is_found),
        TEST(who_reads_along_hurries_nobody),
        TEST(row_20_a_woken_owner_and_its_successor),
        TEST(row_16_a_new_first_owner_has_read_along),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
