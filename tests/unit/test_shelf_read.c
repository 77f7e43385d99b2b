/* What other threads find of a cache, and what is left of it when it goes. Here reader and writer are one thread, which
 * takes their turns one after the other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/core/cache.h"
#include "node/core/key.h"
#include "node/core/shelf_read.h"
#include "node/core/vary.h"
#include "node/dist/dist_make.h"
#include "proto/base/err.h"

#define NOW      SEC(1000)
#define LIFETIME SEC(60)
#define BODY     (3 * LEAF_BYTES + 1000)
#define LIMIT    (16u << 20)

static struct identity ann;
static uint8_t body[BODY];
static const uint8_t hash_key[MAP_KEY_BYTES] = "sixteen secrets";
static struct cache *cache;
static struct shelf_reader reader;
static struct dist_set *set;

/* Another set with the one distribution that any host stands for. */
static void serve_by(bool obeys_viewers)
{
    struct dist_flags flags = { .url = { .host = SLICE_LIT("o"), .authority = SLICE_LIT("o"), .port = 80 } };
    struct dist_set *old = set;

    dist_origin_default(&flags.origin);
    dist_behaviour_default(&flags.behaviour);
    flags.behaviour.cache.obeys_viewers = obeys_viewers;
    set = dist_set_of_origin(&flags);
    assert_non_null(set);
    cache_tell_set(cache, set);
    dist_set_unref(old);
}

static int admit(void **state)
{
    const struct admission what = { .name = SLICE_LIT("ann"), .zone = SLICE_LIT("z"), .not_after_s = 1900000000 };
    struct authority authority;

    (void)state;
    authority_make(&authority, 16);
    for (size_t i = 0; i < BODY; i++)
        body[i] = (uint8_t)("words and words and "[i % 20] + i / 4000 % 3);
    return authority_admit(&ann, &authority, &what);
}

static int start(void **state)
{
    (void)state;
    cache = cache_new(LIMIT, EVICT_S3_FIFO_SIZE, hash_key);
    assert_non_null(cache);
    assert_int_equal(cache_share(cache, 1, hash_key), 0);
    reader = (struct shelf_reader){
        .shelf = cache_shelf(cache), .word = cache_word(cache), .mesh = ann.mesh, .uses_max = 7
    };
    serve_by(false);
    shelf_reader_begin(&reader);
    return 0;
}

/* The cache itself sees to it that nothing is held at its end. */
static int end(void **state)
{
    (void)state;
    shelf_reader_end(&reader);
    shelf_reader_fini(&reader);
    cache_free(cache);
    dist_set_unref(set);
    set = NULL;
    return 0;
}

static struct digest key_at(const char *path)
{
    struct digest key;

    key_hash(&key, &ann.mesh, SLICE_LIT("default"), SLICE_EMPTY, slice_str(path));
    return key;
}

static void encode(struct buf *out, const char *path, const char *const *fields)
{
    struct head h = { .key = key_at(path), .generation = 5, .status = 200, .has_length = true };

    fields_add(&h.fields, SLICE_LIT("Content-Type"), SLICE_LIT("text/html"));
    for (; fields != NULL && *fields != NULL; fields += 2)
        fields_add(&h.fields, slice_str(fields[0]), slice_str(fields[1]));
    h.length = BODY;
    assert_int_equal(head_encode(out, &h), 0);
}

/* A whole body under |path|, got for |request|; one reference, the caller's. */
static struct object *put_held(const char *path, const char *const *fields, const struct fields *request)
{
    struct buf b = BUF_EMPTY;

    encode(&b, path, fields);
    struct object *o = object_new(cache_memory(cache), buf_slice(&b), &ann, NULL);
    assert_non_null(o);
    buf_free(&b);
    o->born = NOW;
    o->lifetime = LIFETIME;
    struct fields ours;
    object_fields(o, &ours);
    o->varies = vary_names(&ours);
    if (o->varies) {
        assert_non_null(object_more_of(o));
        vary_digest(&o->more->variant, &ours, request);
    }
    assert_int_equal(object_append(o, NOW, slice_of(body, BODY)), 0);
    assert_int_equal(object_finish(o), 0);
    cache_put(cache, o, request);
    return o;
}

/* The same, held by the cache alone. */
static struct object *put(const char *path, const char *const *fields, const struct fields *request)
{
    struct object *o = put_held(path, fields, request);

    object_unref(o);
    return o;
}

static struct object *put_out(const char *path)
{
    struct object *o = put_held(path, NULL, NULL);

    cache_lay_out(cache, o);
    object_unref(o);
    return o;
}

static bool ask_with(struct request *r, const char *path, const struct fields *fields, mesh_ns now)
{
    *r = (struct request){
        .host = SLICE_LIT("h"), .target = slice_str(path), .method = SLICE_LIT("GET"), .fields = fields
    };
    return shelf_request(&reader, now, r);
}

static bool ask(struct request *r, const char *path)
{
    return ask_with(r, path, NULL, NOW);
}

static bool is_found(const char *path)
{
    struct request r;

    if (!ask(&r, path))
        return false;
    engine_request_end(NULL, NOW, &r, true);
    return true;
}

static struct fields one_field(const char *name, const char *value)
{
    struct fields f = { .n = 0 };

    fields_add(&f, slice_str(name), slice_str(value));
    return f;
}

/* The writer's turns, while the reader begins another one. */
static void turn(void)
{
    shelf_reader_begin(&reader);
    cache_settle(cache);
}

/* Reads on to the end, a few bytes at a time. */
static void read_rest(struct request *r, uint64_t at)
{
    struct slice pieces[2];

    while (!request_done(r)) {
        size_t n = request_body(r, pieces, 2);
        assert_true(n > 0);
        size_t take = pieces[0].len > 5000 ? 5000 : pieces[0].len;
        assert_memory_equal(pieces[0].data, body + at, take);
        request_take(NULL, NOW, r, take);
        at += take;
    }
    assert_true(at == BODY);
}

/* ---- who is found ---- */

static void what_was_laid_out_is_answered_from(void **state)
{
    struct request r;

    (void)state;
    struct object *o = put("/a", NULL, NULL);
    assert_false(is_found("/a"));
    cache_lay_out(cache, o);
    assert_true(ask(&r, "/%61")); /* the same in another form */
    assert_int_equal(r.state, REQUEST_BODY);
    assert_int_equal(r.answer.result, RESULT_HIT);
    assert_true(r.answer.stored && r.answer.has_length && r.answer.length == BODY);
    request_answer(NULL, NOW + SEC(7), &r);
    assert_true(r.answer.age_ns == SEC(7) && r.answer.ttl_ns == LIFETIME - SEC(7));
    read_rest(&r, 0);
    engine_request_end(NULL, NOW, &r, true);
    assert_false(is_found("/b"));
    assert_false(is_found("/%00")); /* the engine says what is wrong with it */
}

static void a_part_is_read_from_where_it_begins(void **state)
{
    struct request r;
    struct slice piece;

    (void)state;
    put_out("/a");
    assert_true(ask(&r, "/a"));
    request_seek(NULL, NOW, &r, LEAF_BYTES + 17, 5);
    assert_int_equal(request_body(&r, &piece, 1), 1);
    assert_memory_equal(piece.data, body + LEAF_BYTES + 17, 100);
    engine_request_end(NULL, NOW, &r, true);
}

static void who_asks_for_more_is_the_engines(void **state)
{
    struct fields pass = one_field("authorization", "x"), control = one_field("cache-control", "no-cache");
    struct request r;

    (void)state;
    put_out("/a");
    assert_false(ask_with(&r, "/a", &pass, NOW));
    assert_false(ask_with(&r, "/a", NULL, NOW + LIFETIME));
    assert_true(ask_with(&r, "/a", &control, NOW));
    serve_by(true);
    shelf_reader_begin(&reader);
    assert_false(ask_with(&r, "/a", &control, NOW));
    assert_true(ask_with(&r, "/a", NULL, NOW + LIFETIME - 1));
    engine_request_end(NULL, NOW, &r, false);
}

static void what_may_not_be_shared_is_not_laid_out(void **state)
{
    (void)state;
    struct object *o = put("/one", NULL, NULL);
    o->uncacheable = true;
    cache_lay_out(cache, o);
    o = put("/window", NULL, NULL);
    o->pass_through = true;
    cache_lay_out(cache, o);
    assert_false(is_found("/window"));
    o = put("/always", NULL, NULL);
    o->lifetime = 0;
    cache_lay_out(cache, o);
    assert_true(shelf_count(cache_shelf(cache)) == 0);
    o = put("/gone", NULL, NULL);
    object_ref(o);
    cache_remove(cache, o);
    cache_lay_out(cache, o);
    assert_true(shelf_count(cache_shelf(cache)) == 0);
    object_unref(o);
}

static void each_variant_is_found_by_whom_it_is_for(void **state)
{
    static const char *const by_kind[] = { "Vary", "X-Kind", NULL }, *const by_both[] = { "Vary", "X-Kind, X-Mood",
                                                                                          NULL };
    struct fields a = one_field("x-kind", "a"), b = one_field("x-kind", "b"), c = one_field("x-kind", "c");
    struct request r;

    (void)state;
    struct object *for_a = put("/v", by_kind, &a), *for_b = put("/v", by_kind, &b);
    cache_lay_out(cache, for_a);
    cache_lay_out(cache, for_b);
    assert_true(ask_with(&r, "/v", &a, NOW));
    assert_ptr_equal(r.shelved->object, for_a);
    assert_true(ask_with(&r, "/v", &b, NOW));
    assert_ptr_equal(r.shelved->object, for_b);
    assert_false(ask_with(&r, "/v", &c, NOW));
    /* A later one may be meant by whom they are for: until it is known that it is not, none is found. */
    struct object *for_c = put("/v", by_both, &c);
    assert_false(ask_with(&r, "/v", &a, NOW));
    cache_lay_out(cache, for_a);
    cache_lay_out(cache, for_c);
    assert_false(ask_with(&r, "/v", &a, NOW));
    assert_false(ask_with(&r, "/v", &c, NOW));
    cache_remove(cache, for_c);
    cache_lay_out(cache, for_a);
    assert_true(ask_with(&r, "/v", &a, NOW));
    /* What is for all is meant by all, if it is the latest. */
    struct object *for_all = put("/v", NULL, &c);
    cache_lay_out(cache, for_b);
    assert_false(ask_with(&r, "/v", &b, NOW));
    cache_lay_out(cache, for_all);
    assert_true(ask_with(&r, "/v", &b, NOW));
    assert_ptr_equal(r.shelved->object, for_all);
}

/* Any purge may mean it; the engine looks, and lays it out again. */
static void what_was_not_looked_at_since_a_purge_is_not_found(void **state)
{
    struct object *o = put("/a", NULL, NULL);

    (void)state;
    cache_lay_out(cache, o);
    cache_tell(cache, NOW, 0);
    assert_true(is_found("/a"));
    cache_tell(cache, NOW, 5);
    assert_false(is_found("/a")); /* in the very same turn */
    o->position = 5;
    cache_lay_out(cache, o);
    assert_true(is_found("/a"));
    cache_tell(cache, NOW, UINT64_MAX); /* it is not known what was purged */
    assert_false(is_found("/a"));
}

static void nothing_is_found_while_the_engine_stands_still(void **state)
{
    struct request r;

    (void)state;
    cache_lay_out(cache, put("/a", NULL, NULL));
    cache_tell(cache, NOW, 0);
    assert_true(ask_with(&r, "/a", NULL, NOW + SEC(2)));
    engine_request_end(NULL, NOW, &r, true);
    assert_false(ask_with(&r, "/a", NULL, NOW + SEC(2) + 1));
    cache_tell(cache, NOW + SEC(3), 0);
    assert_true(ask_with(&r, "/a", NULL, NOW + SEC(3)));
    engine_request_end(NULL, NOW, &r, true);
}

static void what_the_cache_forgets_is_found_no_more(void **state)
{
    (void)state;
    struct digest key = key_at("/a");
    put_out("/a");
    assert_true(is_found("/a"));
    cache_drop(cache, &key);
    assert_false(is_found("/a")); /* in the very same turn */
    put_out("/a");
    put("/a", NULL, NULL); /* in its place */
    assert_false(is_found("/a"));
}

/* ---- what goes, and when ---- */

static void memory_counts_until_nobody_reads_it(void **state)
{
    struct request r;

    (void)state;
    uint64_t before = cache_bytes(cache);
    struct object *o = put_out("/a");
    assert_true(ask(&r, "/a"));
    request_hold(&r);
    cache_remove(cache, o);
    for (int i = 0; i < 3; i++) {
        turn();
        assert_true(cache_bytes(cache) >= before + BODY);
    }
    read_rest(&r, 0);
    engine_request_end(NULL, NOW, &r, true);
    turn();
    assert_true(cache_bytes(cache) == before);
}

static void what_is_not_held_goes_with_the_turn(void **state)
{
    struct request r;

    (void)state;
    struct object *o = put_out("/a");
    assert_true(ask(&r, "/a"));
    cache_remove(cache, o);
    cache_settle(cache);
    read_rest(&r, 0); /* it is still this turn */
    engine_request_end(NULL, NOW, &r, true);
    turn();
    assert_true(cache_bytes(cache) == 0);
}

/* What other threads are about to let go makes no more go than has to; but what is beyond the limit for its sake has an
 * end, too. */
static void eviction_does_not_run_away_while_a_turn_lasts(void **state)
{
    char path[16];
    unsigned n = LIMIT / BODY + 8;

    (void)state;
    for (unsigned i = 0; i < n; i++) {
        snprintf(path, sizeof(path), "/%u", i);
        put_out(path);
    }
    uint64_t kept = cache_objects(cache);
    assert_true(kept >= LIMIT / BODY - 8);
    assert_true(cache_bytes(cache) > LIMIT && cache_bytes(cache) <= LIMIT + 10 * (BODY + 5000));
    turn();
    assert_true(cache_bytes(cache) <= LIMIT);
    assert_true(cache_objects(cache) == kept);
    for (unsigned i = 0; i < n; i++) { /* a turn without end */
        snprintf(path, sizeof(path), "/more-%u", i);
        put_out(path);
        assert_true(cache_bytes(cache) <= LIMIT + (8u << 20) + 2 * (BODY + 5000));
    }
    turn();
    assert_true(cache_bytes(cache) <= LIMIT);
}

/* ---- heads ---- */

static void renew(struct object *o, const char *const *fields)
{
    struct object_past past;
    struct buf b = BUF_EMPTY;

    encode(&b, "/a", fields);
    cache_take_in(cache, o);
    assert_true(object_renew(o, buf_slice(&b), &ann, &past));
    shelved_past(o, &past);
    buf_free(&b);
}

static void check_word(const struct kept_head *h, const char *word)
{
    assert_true(slice_eq(kept_head_value(h, SLICE_LIT("x-word")), slice_str(word)));
}

static void an_old_head_lasts_as_long_as_it_is_read(void **state)
{
    static const char *const old[] = { "X-Word", "one", NULL }, *const two[] = { "X-Word", "two", NULL },
                             *const three[] = { "X-Word", "three", NULL };
    struct request first, second, third;

    (void)state;
    struct object *o = put("/a", old, NULL);
    object_keep_lines(o, 0, SLICE_LIT("lines of one"));
    cache_lay_out(cache, o);
    assert_true(ask(&first, "/a"));
    request_answer(NULL, NOW, &first);
    request_hold(&first);
    renew(o, two);
    assert_false(is_found("/a"));
    turn();
    cache_lay_out(cache, o);
    assert_true(ask(&second, "/a"));
    request_hold(&second);
    renew(o, three);
    turn();
    cache_lay_out(cache, o);
    turn();
    assert_true(ask(&third, "/a"));
    check_word(first.answer.head, "one");
    assert_true(slice_eq(first.answer.lines, SLICE_LIT("lines of one")));
    check_word(second.answer.head, "two");
    check_word(third.answer.head, "three");
    request_answer(NULL, NOW, &third);
    assert_true(third.answer.lines.len == 0);
    read_rest(&first, 0);
    engine_request_end(NULL, NOW, &second, true);
    engine_request_end(NULL, NOW, &third, true);
    engine_request_end(NULL, NOW, &first, true);
}

/* Taken off while somebody holds it, and laid out again before it has gone: the same one. */
static void what_is_held_may_be_found_again(void **state)
{
    struct request first, second;

    (void)state;
    struct object *o = put_out("/a");
    assert_true(ask(&first, "/a"));
    request_hold(&first);
    cache_take_in(cache, o);
    turn();
    cache_lay_out(cache, o);
    assert_true(ask(&second, "/a"));
    assert_ptr_equal(first.shelved, second.shelved);
    engine_request_end(NULL, NOW, &first, true);
    turn();
    read_rest(&second, 0);
    engine_request_end(NULL, NOW, &second, true);
}

/* After a change of configuration those of before are nobody's. */
static void lines_are_by_one_policy(void **state)
{
    struct request r;

    (void)state;
    struct object *o = put_out("/a");
    object_keep_lines(o, 7, SLICE_LIT("lines by 7"));
    cache_lay_out(cache, o);
    assert_true(ask(&r, "/a"));
    for (uint64_t by = 0; by < 10; by++) {
        r.policy.by = by;
        r.answer.lines = SLICE_EMPTY;
        request_answer(NULL, NOW, &r);
        assert_true(slice_eq(r.answer.lines, by == 7 ? SLICE_LIT("lines by 7") : SLICE_EMPTY));
        assert_true(slice_eq(object_lines(o, by), r.answer.lines));
    }
    r.policy.by = 0;
    engine_request_end(NULL, NOW, &r, true);
}

static void lines_and_codings_are_added(void **state)
{
    struct fields gzip = one_field("accept-encoding", "gzip");
    static struct coders coders;
    struct request r;
    struct slice pieces[8];

    (void)state;
    struct object *o = put_out("/a");
    assert_false(ask_with(&r, "/a", &gzip, NOW)); /* the engine makes it */
    assert_true(ask(&r, "/a"));
    request_code(NULL, NOW, &r, false, false);
    assert_true(r.answer.negotiated && r.answer.coding == CODING_IDENTITY);
    engine_request_end(NULL, NOW, &r, true);
    coders_init(&coders);
    struct coded *c = coded_open(&coders, o, CODING_GZIP, false);
    assert_non_null(c);
    assert_int_equal(coded_step(c, NULL), 0);
    cache_lay_out(cache, o);
    assert_false(ask_with(&r, "/a", &gzip, NOW)); /* it is not done */
    while (!c->done)
        assert_int_equal(coded_step(c, NULL), 0);
    object_keep_lines(o, 0, SLICE_LIT("lines"));
    cache_lay_out(cache, o);
    assert_true(ask_with(&r, "/a", &gzip, NOW));
    request_answer(NULL, NOW, &r);
    assert_true(slice_eq(r.answer.lines, SLICE_LIT("lines")));
    request_code(NULL, NOW, &r, false, false);
    assert_true(r.answer.coding == CODING_GZIP && r.answer.length == c->length && c->length < BODY);
    uint64_t got = 0;
    while (!request_done(&r)) {
        size_t n = request_body(&r, pieces, 8);
        assert_true(n > 0);
        request_take(NULL, NOW, &r, pieces[0].len);
        got += pieces[0].len;
    }
    assert_true(got == c->length);
    engine_request_end(NULL, NOW, &r, true);
    assert_true(ask_with(&r, "/a", &gzip, NOW)); /* a range is one of the body as it is */
    request_code(NULL, NOW, &r, true, false);
    assert_true(r.answer.coding == CODING_IDENTITY && r.answer.length == BODY);
    engine_request_end(NULL, NOW, &r, true);
}

static void what_readers_did_is_counted(void **state)
{
    struct engine_counters sum = { .requests = 5, .requests_hit = 5 };

    (void)state;
    struct object *o = put_out("/a");
    uint8_t uses = evict_uses(&o->evict);
    for (int i = 0; i < 3; i++)
        assert_true(is_found("/a"));
    shelf_count_sent(&reader, 1000);
    shelf_count_sent(&reader, 24);
    shelf_reader_count(&reader, &sum);
    assert_true(sum.requests == 8 && sum.requests_hit == 8 && sum.requests_error == 0 && sum.bytes_viewer == 1024);
    assert_int_equal(evict_uses(&o->evict), uses + 3);
    for (int i = 0; i < 20; i++)
        assert_true(is_found("/a"));
    assert_int_equal(evict_uses(&o->evict), 7);
}

/* Of a distribution that redirects, or lists edges: that is the engine's affair, though there is a copy here. */
static void feat_L2_feat_L9_who_may_be_sent_elsewhere_is_the_engines(void **state)
{
    static const char *const paths[] = { "/a", "/.well-known/hedgerow/edges", "/.well-known/hedgerow/steering.json?x" };
    static struct dist_behaviour b;
    struct dist d = { .name = SLICE_LIT("default"), .enabled = true, .any_host = true };
    struct dist_origin o;
    char label[DIST_LABEL_BYTES], host[64];

    (void)state;
    dist_behaviour_default(&b);
    dist_origin_default(&o);
    d.origins = &o;
    d.origins_n = d.behaviours_n = 1;
    d.behaviours = &b;
    dist_label(d.name, label);
    snprintf(host, sizeof(host), "%.*s--ams-1.cdn.example", DIST_LABEL_BYTES, label);
    reader.zone = SLICE_LIT("cdn.example");
    for (size_t i = 0; i < 3; i++)
        object_unref(put_held(paths[i], NULL, NULL));
    for (int turn = 0; turn < 3; turn++) {
        struct dist_set *before = set;
        d.steering.redirect = turn == 1 ? DIST_STEER_NEAREST : DIST_STEER_OFF;
        d.steering.lists = turn == 2 ? DIST_LISTS_ON : DIST_LISTS_OFF;
        set = dist_set_of(&d, 1);
        assert_non_null(set);
        cache_tell_set(cache, set);
        shelf_reader_end(&reader);
        shelf_reader_begin(&reader);
        dist_set_unref(before);
        for (size_t i = 0; i < 3; i++) {
            struct request r = { .target = slice_str(paths[i]), .method = SLICE_LIT("GET"), .host = SLICE_LIT("h") };
            struct digest key = key_at(paths[i]);
            struct object *copy = cache_get(cache, NOW, &key, NULL);
            assert_non_null(copy);
            cache_lay_out(cache, copy);
            bool is_list = turn == 2 && i > 0;
            bool found = shelf_request(&reader, NOW, &r);
            assert_int_equal(found, turn != 1 && !is_list);
            if (found)
                engine_request_end(NULL, NOW, &r, true);
            r = (struct request){ .target = slice_str(paths[i]), .method = SLICE_LIT("GET"), .host = slice_str(host) };
            found = shelf_request(&reader, NOW, &r);
            assert_int_equal(found, !is_list); /* who came by the name of one edge is sent nowhere */
            if (found)
                engine_request_end(NULL, NOW, &r, true);
        }
    }
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, start, end)
    const struct CMUnitTest tests[] = {
        T(what_was_laid_out_is_answered_from),
        T(a_part_is_read_from_where_it_begins),
        T(who_asks_for_more_is_the_engines),
        T(what_may_not_be_shared_is_not_laid_out),
        T(each_variant_is_found_by_whom_it_is_for),
        T(what_was_not_looked_at_since_a_purge_is_not_found),
        T(nothing_is_found_while_the_engine_stands_still),
        T(what_the_cache_forgets_is_found_no_more),
        T(memory_counts_until_nobody_reads_it),
        T(what_is_not_held_goes_with_the_turn),
        T(eviction_does_not_run_away_while_a_turn_lasts),
        T(an_old_head_lasts_as_long_as_it_is_read),
        T(what_is_held_may_be_found_again),
        T(lines_are_by_one_policy),
        T(lines_and_codings_are_added),
        T(what_readers_did_is_counted),
        T(feat_L2_feat_L9_who_may_be_sent_elsewhere_is_the_engines),
    };

    return cmocka_run_group_tests(tests, admit, NULL);
}
