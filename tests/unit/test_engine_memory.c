/* test_engine_memory.c - memory that is short in the midst of a transfer: the fault is ours, so nobody is held for a
 * liar, and the viewer gets its bytes from elsewhere. Linked with --wrap=malloc and --wrap=calloc. */
#include "engine_world.h"

#define OWNER 1
#define BODY  12345

void *__real_malloc(size_t n);
void *__wrap_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);

static size_t refused; /* the next piece of so many bytes is not to be had; 0: all are */
static size_t refused_next; /* and then one of so many */
static unsigned refusals;

void *__wrap_malloc(size_t n)
{
    if (n != refused)
        return __real_malloc(n);
    refused = refused_next;
    refused_next = 0;
    refusals++;
    return NULL;
}

void *__wrap_calloc(size_t n, size_t size)
{
    if (n * size != refused)
        return __real_calloc(n, size);
    refused = refused_next;
    refused_next = 0;
    refusals++;
    return NULL;
}

static void a_leaf_for_which_there_is_no_memory_is_no_lie(void **state)
{
    struct world *w = world_new(3);
    struct mesh_member m;

    (void)state;
    struct site *s = site_at(w, path_owned(w, 0, "12"), BODY);
    struct viewer *v = ask(w, OWNER, s->path);
    world_run(w, SEC(1));
    check_whole(v);
    refusals = 0;
    refused = BODY;
    v = ask(w, 0, s->path);
    world_run(w, SEC(3));
    assert_int_equal(refusals, 1);
    check_whole(v);
    assert_int_equal(count(w, 0)->transfers_rejected, 0);
    assert_int_equal(count(w, 0)->transfers_failed, 1);
    assert_true(mesh_find(mesh_of(w, 0), &w->nodes[OWNER].cfg.mesh.self->cert.id, &m));
    assert_true(m.reachable && m.distrusted_until == 0);
    assert_int_equal(engine_alarms(engine_of(w, 0), w->now) & ALARM_BIT(member_lies), 0);
    world_calm(w);
    world_free(w);
}

/* A purge that finds no memory is not in force and not confirmed; at another node it is said again until it is. */
static void a_purge_for_which_there_is_no_memory_is_said_again(void **state)
{
    struct world *w = world_new(2);
    const struct purge_target t = { PURGE_URL, SLICE_LIT("/a") };
    const struct purge_order order = { .who = SLICE_LIT("x"), .targets = &t, .targets_n = 1 };
    struct engine_purges there;
    struct purge_state s;
    char id[PURGE_ID_MAX];

    (void)state;
    refusals = 0;
    refused = sizeof(struct purge_log);
    assert_int_equal(engine_purge(engine_of(w, 0), w->now, &order, id), MESH_E_NOMEM);
    engine_purges(engine_of(w, 0), &there);
    assert_true(refusals == 1 && there.position == 0 && there.pending == 0);
    assert_int_equal(engine_purge(engine_of(w, 0), w->now, &order, id), 0);
    refused = sizeof(struct purge_log); /* of the other node */
    world_run(w, SEC(1));
    assert_int_equal(refusals, 2);
    engine_purges(engine_of(w, 1), &there);
    assert_int_equal(there.position, 1);
    purge_call_state(engine_of(w, 0), engine_purge_call(engine_of(w, 0), slice_str(id)), &s);
    assert_true(s.complete);
    check_honest(w);
    world_calm(w);
    world_free(w);
}

/* Whose answer had begun is cut off; the next one gets it, made anew. */
static void a_piece_of_a_coded_body_for_which_there_is_no_memory(void **state)
{
    struct world *w = world_new(1);
    struct site *s = site_at(w, "/a", 4 * LEAF_BYTES);
    struct viewer *v[3];

    (void)state;
    s->lines = "Content-Type: text/html\n"; /* of random bytes: its pieces are full ones */
    struct viewer *first = ask(w, 0, "/a");
    world_run(w, SEC(1));
    check_whole(first);
    for (int i = 0; i < 3; i++) {
        v[i] = viewer_new(w, 0, "/a");
        v[i]->codes = true;
        fields_add(&v[i]->fields, SLICE_LIT("Accept-Encoding"), SLICE_LIT("gzip"));
    }
    refusals = 0;
    refused = LEAF_BYTES;
    viewer_ask(v[0]);
    viewer_ask(v[1]);
    world_run(w, SEC(1));
    assert_int_equal(refusals, 1);
    check_failed(v[0], 0);
    check_failed(v[1], 0);
    viewer_ask(v[2]);
    world_run(w, SEC(1));
    assert_true(v[2]->done && v[2]->answer.coding == CODING_GZIP && v[2]->got > 4 * LEAF_BYTES);
    world_calm(w);
    world_free(w);
}

/* What few objects need is made when they need it: then there may be no room for it. */
static void an_object_that_cannot_be_dressed(void **state)
{
    struct world *w = world_new(1);
    struct site *s = site_at(w, "/a", 100);

    (void)state;
    s->lines = "Vary: X-Variant\n";
    refusals = 0;
    refused = sizeof(struct object_more);
    struct viewer *v = ask(w, 0, "/a");
    world_run(w, SEC(1));
    assert_int_equal(refusals, 1);
    check_failed(v, 503);
    v = ask(w, 0, "/a");
    world_run(w, SEC(1));
    check_whole(v);
    refused = sizeof(struct object_fill);
    site_at(w, "/b", 100);
    v = ask(w, 0, "/b");
    world_run(w, SEC(1));
    assert_int_equal(refusals, 2);
    check_failed(v, 503);
    world_calm(w);
    world_free(w);
}

/* The owner has it and cannot say so: the asker goes to the next one, or to the origin. */
static void a_signature_for_which_there_is_no_memory(void **state)
{
    struct world *w = world_new(3);

    (void)state;
    struct site *s = site_at(w, path_owned(w, 0, "12"), 100);
    struct viewer *v = ask(w, OWNER, s->path);
    world_run(w, SEC(1));
    check_whole(v);
    refusals = 0;
    refused = SIGNATURE_BYTES; /* of head and leaf together ... */
    refused_next = sizeof(struct object_more); /* ... and of the head alone */
    v = ask(w, 0, s->path);
    world_run(w, MS(300));
    assert_int_equal(refusals, 2);
    check_whole(v); /* at once: it was told */
    assert_int_equal(count(w, 0)->transfers_rejected, 0);
    world_calm(w);
    world_free(w);
}

/* A second owner has no room for what it reads along, and a viewer here has joined it: it is that viewer's fetch now. */
static void what_somebody_waits_for_needs_no_room_of_a_second(void **state)
{
    struct world *w = world_bare(3);

    (void)state;
    w->nodes[2].cfg.memory_limit = UINT64_C(3) << 20;
    for (int n = 0; n < 3; n++)
        node_start(w, n, true);
    world_run(w, SEC(1));
    struct site *s = site_at(w, path_owned(w, 0, "12"), 4000000);
    s->piece = 40000;
    s->every = MS(10);
    struct viewer *first = ask(w, OWNER, s->path);
    for (int ms = 0; count(w, 2)->seconded == 0 && ms < 500; ms++)
        world_run(w, MS(1));
    assert_int_equal(count(w, 2)->seconded, 1);
    struct viewer *joined = ask(w, 2, s->path);
    assert_true(!joined->head_sent && count(w, 2)->collapsed == 1);
    world_run(w, SEC(5));
    check_whole(first);
    check_whole(joined);
    assert_int_equal(s->fetches, 1);
    world_calm(w);
    world_free(w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_somebody_waits_for_needs_no_room_of_a_second),
        cmocka_unit_test(a_purge_for_which_there_is_no_memory_is_said_again),
        cmocka_unit_test(a_leaf_for_which_there_is_no_memory_is_no_lie),
        cmocka_unit_test(a_piece_of_a_coded_body_for_which_there_is_no_memory),
        cmocka_unit_test(an_object_that_cannot_be_dressed),
        cmocka_unit_test(a_signature_for_which_there_is_no_memory),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
