/* test_view.c - what one node believes, whatever it hears and in whatever order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "gossip/gossip.h"
#include "gossip/payload.h"
#include "gossip/roster.h"
#include "proto/base/err.h"
#include "proto/base/rand.h"

static struct node_id id_of(size_t i)
{
    struct node_id id = { { (uint8_t)(i >> 8), (uint8_t)i, 1 } };
    return id;
}

static struct member_record record(size_t i, uint64_t boot, uint32_t counter, enum member_state state)
{
    struct member_record r = {
        .id = id_of(i), .boot = boot, .counter = counter, .state = state, .weight = 100, .serial = i
    };
    r.addrs[r.addrs_n++] = mesh_addr_v4(0x0a000000u + (uint32_t)i, 7400);
    return r;
}

static struct gossip *node(void)
{
    struct gossip_config cfg = { .self = record(0, 5, 0, MEMBER_ALIVE), .seed = 1, .suspect_timeout = SEC(4) };
    struct gossip *g = gossip_new(&cfg, SEC(1));

    assert_non_null(g);
    return g;
}

/* Lets the time pass, packets to nowhere. */
static void pass(struct gossip *g, mesh_ns until)
{
    struct gossip_out out;

    while (gossip_deadline(g) <= until) {
        gossip_tick(g, gossip_deadline(g));
        while (gossip_poll(g, &out))
            ;
    }
}

static int hear(struct gossip *g, mesh_ns now, size_t from, const struct member_record *r, size_t n)
{
    struct payload p = { .kind = PAYLOAD_NEWS, .boot = 1 };
    struct buf raw = BUF_EMPTY, b = BUF_EMPTY;
    struct node_id id = id_of(from);

    for (size_t i = 0; i < n; i++)
        member_record_put(&raw, &r[i]);
    payload_put(&b, &p, buf_slice(&raw), n);
    int err = gossip_recv(g, now, &id, buf_slice(&b));
    buf_free(&raw);
    buf_free(&b);
    return err;
}

static int state_of(const struct gossip *g, size_t i)
{
    struct node_id id = id_of(i);
    const struct member_record *r = gossip_find(g, &id);

    return r != NULL ? (int)r->state : -1;
}

/* Any order of the same records leads to the same view, once suspicions have run out. */
static void any_order_gives_the_same_view(void **state)
{
    struct member_record all[120];
    struct rand rand = rand_of(3, 0, 0);
    uint64_t want = 0;
    (void)state;

    for (size_t i = 0; i < 120; i++) {
        all[i] = record(1 + i % 12, 1 + rand_below(&rand, 3), (uint32_t)rand_below(&rand, 3),
                        (enum member_state)rand_below(&rand, 4));
        all[i].weight = (uint32_t)rand_below(&rand, 2); /* liars too: other facts in the same incarnation */
    }
    for (int order = 0; order < 40; order++) {
        struct gossip *g = node();
        for (size_t i = 120; i > 1; i--) {
            size_t j = (size_t)rand_below(&rand, i);
            struct member_record t = all[i - 1];
            all[i - 1] = all[j];
            all[j] = t;
        }
        for (size_t i = 0; i < 120; i++)
            assert_int_equal(gossip_learn(g, SEC(1), &all[i]), 0);
        pass(g, SEC(30)); /* until a doubt of others is our own, and that runs out too: this node hears nobody */
        if (order == 0)
            want = gossip_digest(g);
        assert_int_equal(gossip_digest(g), want);
        /* Once more changes nothing. */
        for (size_t i = 0; i < 120; i++)
            assert_int_equal(gossip_learn(g, SEC(30), &all[i]), 0);
        assert_int_equal(gossip_digest(g), want);
        gossip_free(g);
    }
}

/* The bytes of all that is believed of others, in the order of their numbers. */
static void view_bytes(const struct gossip *g, size_t others, struct buf *b)
{
    for (size_t i = 1; i <= others; i++) {
        struct node_id id = id_of(i);
        const struct member_record *r = gossip_find(g, &id);
        assert_non_null(r);
        member_record_put(b, r);
    }
    assert_true(buf_ok(b));
}

/* Thousands of seeded sets of facts, each heard in two orders, with repetitions: over streams and in
 * packets, at once and while suspicions run. */
static void any_order_and_repetition_gives_the_same_bytes(void **state)
{
    enum { FACTS = 16, OTHERS = 4, TURNS = 3000 };
    struct member_record facts[FACTS];
    (void)state;

    for (uint64_t seed = 1; seed <= TURNS; seed++) {
        struct rand rand = rand_of(seed, 0, 0);
        struct buf bytes[2] = { BUF_EMPTY, BUF_EMPTY };
        uint64_t digest[2];
        for (size_t i = 0; i < FACTS; i++) {
            facts[i] = record(1 + i % OTHERS, 1 + rand_below(&rand, 2), (uint32_t)rand_below(&rand, 3),
                              (enum member_state)rand_below(&rand, 4));
            facts[i].weight = (uint32_t)facts[i].boot * 10 + facts[i].counter;
        }
        for (size_t side = 0; side < 2; side++) {
            struct gossip *g = node();
            bool heard[FACTS] = { false };
            mesh_ns now = SEC(1);
            for (size_t left = FACTS; left > 0;) {
                size_t i = (size_t)rand_below(&rand, FACTS);
                left -= !heard[i];
                heard[i] = true;
                if (rand_below(&rand, 2) == 0)
                    assert_int_equal(gossip_learn(g, now, &facts[i]), 0);
                else
                    assert_int_equal(hear(g, now, 1 + i % OTHERS, &facts[i], 1), 0);
                if (rand_below(&rand, 8) == 0)
                    pass(g, now += MS(200));
            }
            pass(g, now + SEC(30));
            view_bytes(g, OTHERS, &bytes[side]);
            digest[side] = gossip_digest(g);
            gossip_free(g);
        }
        assert_int_equal(digest[0], digest[1]);
        assert_int_equal(bytes[0].len, bytes[1].len);
        assert_memory_equal(bytes[0].data, bytes[1].data, bytes[0].len);
        buf_free(&bytes[0]);
        buf_free(&bytes[1]);
    }
}

static void digest_follows_every_fact(void **state)
{
    struct gossip *g = node();
    struct member_record r = record(1, 1, 0, MEMBER_ALIVE);
    struct node_id id = id_of(1);
    uint64_t lone = gossip_digest(g), seen[5];
    (void)state;

    gossip_learn(g, SEC(1), &r);
    seen[0] = gossip_digest(g);
    r.state = MEMBER_SUSPECT;
    gossip_learn(g, SEC(1), &r);
    seen[1] = gossip_digest(g);
    r.counter = 1;
    gossip_learn(g, SEC(1), &r);
    seen[2] = gossip_digest(g);
    r.counter = 2;
    r.weight = 1;
    gossip_learn(g, SEC(1), &r);
    seen[3] = gossip_digest(g);
    r.boot = 2;
    gossip_learn(g, SEC(1), &r);
    seen[4] = gossip_digest(g);
    for (size_t i = 0; i < 5; i++) {
        assert_int_not_equal(seen[i], lone);
        for (size_t j = 0; j < i; j++)
            assert_int_not_equal(seen[i], seen[j]);
    }
    gossip_forget(g, SEC(1), &id);
    assert_int_equal(gossip_digest(g), lone);
    assert_int_equal(gossip_count(g), 1);
    assert_null(gossip_find(g, &id));
    gossip_forget(g, SEC(1), &id);
    gossip_forget(g, SEC(1), &(struct node_id){ { 0, 0, 1 } }); /* never ourselves */
    assert_int_equal(gossip_count(g), 1);
    gossip_free(g);
}

static void events_are_told_once(void **state)
{
    struct gossip *g = node();
    struct member_record r = record(1, 1, 0, MEMBER_ALIVE);
    struct gossip_out out;
    (void)state;

    gossip_learn(g, SEC(1), &r);
    assert_true(gossip_poll(g, &out));
    assert_int_equal(out.kind, GOSSIP_CHANGED);
    assert_true(out.is_new);
    assert_int_equal(out.is, MEMBER_ALIVE);
    assert_memory_equal(out.to.bytes, r.id.bytes, NODE_ID_BYTES);
    assert_false(gossip_poll(g, &out));

    r.counter++; /* a counter alone is no event */
    gossip_learn(g, SEC(1), &r);
    assert_false(gossip_poll(g, &out));
    r.counter++;
    r.weight = 7;
    gossip_learn(g, SEC(1), &r);
    assert_true(gossip_poll(g, &out));
    assert_false(out.is_new);
    assert_int_equal(out.was, MEMBER_ALIVE);
    assert_int_equal(out.is, MEMBER_ALIVE);

    r.state = MEMBER_LEFT; /* two changes before a poll are one */
    gossip_learn(g, SEC(1), &r);
    r.boot++;
    r.state = MEMBER_SUSPECT;
    gossip_learn(g, SEC(1), &r);
    assert_true(gossip_poll(g, &out));
    assert_int_equal(out.was, MEMBER_ALIVE);
    assert_int_equal(out.is, MEMBER_SUSPECT);
    assert_false(gossip_poll(g, &out));
    gossip_free(g);
}

static void a_death_needs_a_suspicion(void **state)
{
    struct gossip *g = node();
    struct member_record r = record(1, 1, 0, MEMBER_ALIVE);
    (void)state;

    gossip_learn(g, SEC(1), &r);
    r.state = MEMBER_DEAD;
    gossip_learn(g, SEC(1), &r);
    assert_int_equal(state_of(g, 1), MEMBER_SUSPECT);
    pass(g, SEC(1) + MS(1900));
    gossip_learn(g, SEC(1) + MS(1900), &r); /* said again, still too soon */
    assert_int_equal(state_of(g, 1), MEMBER_SUSPECT);
    pass(g, SEC(3));
    gossip_learn(g, SEC(3), &r); /* it had the time to refute */
    assert_int_equal(state_of(g, 1), MEMBER_DEAD);

    r = record(2, 1, 0, MEMBER_ALIVE);
    gossip_learn(g, SEC(3), &r);
    r.counter = 4; /* dead in an incarnation that we never saw alive */
    r.state = MEMBER_DEAD;
    gossip_learn(g, SEC(3), &r);
    assert_int_equal(state_of(g, 2), MEMBER_SUSPECT);
    pass(g, SEC(7) - 1);
    assert_int_equal(state_of(g, 2), MEMBER_SUSPECT);
    pass(g, SEC(7));
    assert_int_equal(state_of(g, 2), MEMBER_DEAD);

    r = record(3, 1, 0, MEMBER_DEAD); /* known to be dead from the first */
    gossip_learn(g, SEC(7), &r);
    assert_int_equal(state_of(g, 3), MEMBER_DEAD);
    r = record(1, 1, 9, MEMBER_DEAD); /* once dead, a later death is no surprise */
    gossip_learn(g, SEC(7), &r);
    assert_int_equal(state_of(g, 1), MEMBER_DEAD);
    gossip_free(g);
}

static void jumps_are_refused(void **state)
{
    struct gossip *g = node();
    struct member_record r = record(1, 1, GOSSIP_JUMP_MAX + 1, MEMBER_ALIVE);
    (void)state;

    assert_int_equal(gossip_learn(g, SEC(1), &r), MESH_E_RANGE);
    assert_int_equal(state_of(g, 1), -1);
    r.counter--;
    assert_int_equal(gossip_learn(g, SEC(1), &r), 0);
    r.counter = 2 * GOSSIP_JUMP_MAX;
    assert_int_equal(gossip_learn(g, SEC(1), &r), 0);
    r.boot = 2; /* a new run begins anew */
    r.counter = GOSSIP_JUMP_MAX + 1;
    assert_int_equal(gossip_learn(g, SEC(1), &r), MESH_E_RANGE);
    assert_int_equal(gossip_counters(g)->jumps, 2);
    /* In a packet only the one record is dropped. */
    struct member_record two[] = { record(1, 1, UINT32_MAX, MEMBER_DEAD), record(9, 1, 0, MEMBER_ALIVE) };
    assert_int_equal(hear(g, SEC(1), 9, two, 2), 0);
    assert_int_equal(state_of(g, 1), MEMBER_ALIVE);
    assert_int_equal(state_of(g, 9), MEMBER_ALIVE);
    assert_int_equal(gossip_counters(g)->jumps, 3);
    gossip_free(g);
}

static void only_we_raise_our_counter(void **state)
{
    struct gossip *g = node();
    struct gossip_out out;
    size_t self = 0;
    (void)state;

    struct member_record r = *gossip_member(g, self);
    gossip_learn(g, SEC(1), &r);
    assert_int_equal(gossip_member(g, self)->counter, 0);
    r.state = MEMBER_SUSPECT;
    gossip_learn(g, SEC(1), &r);
    assert_int_equal(gossip_member(g, self)->counter, 1);
    gossip_learn(g, SEC(1), &r); /* an old doubt */
    assert_int_equal(gossip_member(g, self)->counter, 1);
    r.counter = 5;
    r.state = MEMBER_LEFT;
    gossip_learn(g, SEC(1), &r);
    assert_int_equal(gossip_member(g, self)->counter, 6);
    assert_int_equal(gossip_member(g, self)->state, MEMBER_ALIVE);
    r.counter = 6; /* somebody says of us what we did not */
    r.state = MEMBER_ALIVE;
    r.weight = 1;
    gossip_learn(g, SEC(1), &r);
    assert_int_equal(gossip_member(g, self)->counter, 7);
    assert_int_equal(gossip_member(g, self)->weight, 100);
    r.counter = 7 + GOSSIP_JUMP_MAX + 1;
    assert_int_equal(gossip_learn(g, SEC(1), &r), MESH_E_RANGE);
    assert_int_equal(gossip_member(g, self)->counter, 7);
    assert_int_equal(gossip_counters(g)->refutations, 3);
    while (gossip_poll(g, &out))
        assert_int_not_equal(out.kind, GOSSIP_CHANGED);

    r.boot = 8;
    r.counter = 0;
    gossip_learn(g, SEC(1), &r);
    assert_true(gossip_poll(g, &out));
    assert_int_equal(out.kind, GOSSIP_SELF_BOOT);
    assert_int_equal(out.boot, 8);
    assert_int_equal(gossip_member(g, self)->boot, 5);
    gossip_reboot(g, SEC(1), 9);
    assert_int_equal(gossip_member(g, self)->boot, 9);
    assert_int_equal(gossip_member(g, self)->counter, 0);
    r.boot = 4; /* of an earlier run of ours: nothing to refute */
    r.state = MEMBER_DEAD;
    gossip_learn(g, SEC(1), &r);
    assert_int_equal(gossip_member(g, self)->counter, 0);
    gossip_free(g);
}

/* When the counter is used up only another boot helps. */
static void counter_at_its_end(void **state)
{
    struct gossip *g = node();
    struct gossip_out out;
    size_t self = 0;
    struct member_record r = *gossip_member(g, self);
    (void)state;

    r.state = MEMBER_SUSPECT;
    while (gossip_member(g, self)->counter < UINT32_MAX) {
        uint32_t room = UINT32_MAX - gossip_member(g, self)->counter;
        r.counter = gossip_member(g, self)->counter + (room > GOSSIP_JUMP_MAX ? GOSSIP_JUMP_MAX : room - 1);
        assert_int_equal(gossip_learn(g, SEC(1), &r), 0);
    }
    r.counter = UINT32_MAX;
    assert_int_equal(gossip_learn(g, SEC(1), &r), 0);
    gossip_weight(g, SEC(1), 3);
    assert_int_equal(gossip_member(g, self)->counter, UINT32_MAX);
    assert_int_equal(gossip_member(g, self)->weight, 100);
    assert_true(gossip_poll(g, &out));
    assert_int_equal(out.kind, GOSSIP_SELF_BOOT);
    assert_int_equal(out.boot, 5);
    gossip_reboot(g, SEC(1), 6);
    gossip_weight(g, SEC(1), 3);
    assert_int_equal(gossip_member(g, self)->weight, 3);
    gossip_free(g);
}

static void unknown_members_wait_for_certificates(void **state)
{
    struct gossip *g = node();
    struct gossip_out out;
    struct member_record r[] = { record(9, 1, 0, MEMBER_ALIVE), record(1, 1, 3, MEMBER_ALIVE) };
    struct node_id one = id_of(1);
    (void)state;

    assert_int_equal(hear(g, SEC(1), 9, r, 2), 0);
    assert_int_equal(state_of(g, 9), MEMBER_ALIVE); /* its own packet: the caller opened it */
    assert_int_equal(state_of(g, 1), -1);
    assert_true(gossip_poll(g, &out)); /* n9 changed */
    assert_true(gossip_poll(g, &out));
    assert_int_equal(out.kind, GOSSIP_NEED_CERT);
    assert_memory_equal(out.to.bytes, one.bytes, NODE_ID_BYTES);
    assert_memory_equal(out.via.bytes, r[0].id.bytes, NODE_ID_BYTES);

    r[1].counter = 2; /* older than what waits */
    assert_int_equal(hear(g, SEC(1), 9, r + 1, 1), 0);
    r[1].counter = 4;
    r[1].state = MEMBER_SUSPECT;
    assert_int_equal(hear(g, SEC(1), 9, r + 1, 1), 0);
    gossip_certified(g, SEC(1), &(struct node_id){ { 77 } }); /* nobody waits for that one */
    gossip_certified(g, SEC(1), &one);
    assert_int_equal(state_of(g, 1), MEMBER_SUSPECT);
    assert_int_equal(gossip_find(g, &one)->counter, 4);
    gossip_free(g);
}

static void waiting_is_bounded_and_asks_again(void **state)
{
    struct gossip *g = node();
    struct gossip_out out;
    struct member_record first = record(9, 1, 0, MEMBER_ALIVE);
    size_t asks = 0;
    (void)state;

    assert_int_equal(hear(g, SEC(1), 9, &first, 1), 0);
    for (size_t i = 0; i < 300; i++) {
        struct member_record r = record(100 + i, 1, 0, MEMBER_ALIVE);
        assert_int_equal(hear(g, SEC(1), 9, &r, 1), 0);
    }
    assert_int_equal(gossip_counters(g)->overflows, 300 - 256);
    while (gossip_poll(g, &out))
        asks += out.kind == GOSSIP_NEED_CERT;
    assert_int_equal(asks, 256);
    for (asks = 0; gossip_deadline(g) <= SEC(60);) {
        gossip_tick(g, gossip_deadline(g));
        while (gossip_poll(g, &out))
            asks += out.kind == GOSSIP_NEED_CERT;
    }
    assert_in_range(asks, 256 * 27, 256 * 31); /* each second, for half a minute */
    struct node_id late = id_of(399);
    gossip_certified(g, SEC(60), &late);
    assert_int_equal(state_of(g, 399), -1);
    gossip_free(g);
}

static void a_full_view_drops_the_longest_dead(void **state)
{
    struct gossip *g = node();
    (void)state;

    for (size_t i = 1; i < GOSSIP_MEMBERS_MAX; i++) {
        struct member_record r = record(i, 1, 0, i == 40 || i == 50 ? MEMBER_LEFT : MEMBER_ALIVE);
        assert_int_equal(gossip_learn(g, SEC(1) + (mesh_ns)i, &r), 0);
    }
    assert_int_equal(gossip_count(g), GOSSIP_MEMBERS_MAX);
    struct member_record more = record(20000, 1, 0, MEMBER_ALIVE);
    assert_int_equal(gossip_learn(g, SEC(1) + MS(1), &more), 0);
    assert_int_equal(state_of(g, 40), -1);
    more = record(20001, 1, 0, MEMBER_ALIVE);
    assert_int_equal(gossip_learn(g, SEC(1) + MS(1), &more), 0);
    assert_int_equal(state_of(g, 50), -1);
    more = record(20002, 1, 0, MEMBER_ALIVE);
    assert_int_equal(gossip_learn(g, SEC(1) + MS(1), &more), MESH_E_FULL);
    assert_int_equal(gossip_count(g), GOSSIP_MEMBERS_MAX);
    assert_int_equal(state_of(g, 20001), MEMBER_ALIVE);
    gossip_free(g);
}

/* Nodes of one process share records; what one believes is nobody else's affair. */
static void views_in_one_roster_are_apart(void **state)
{
    struct roster *roster = roster_new(7);
    struct gossip *g[3];
    (void)state;

    assert_non_null(roster);
    for (size_t i = 0; i < 3; i++) {
        struct gossip_config cfg = { .self = record(i, 5, 0, MEMBER_ALIVE), .seed = 1, .roster = roster };
        assert_non_null(g[i] = gossip_new(&cfg, SEC(1)));
    }
    for (size_t i = 0; i < 40; i++) {
        struct member_record r = record(i, 5, 0, MEMBER_ALIVE);
        assert_int_equal(gossip_learn(g[0], SEC(1), &r), 0);
    }
    assert_int_equal(gossip_preload(g[1], g[0]), 0);
    assert_int_equal(gossip_preload(g[2], g[1]), 0);
    assert_int_equal(roster->idents_n, 40);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(gossip_count(g[i]), 40);
        assert_memory_equal(gossip_member(g[i], 0)->id.bytes, id_of(i).bytes, NODE_ID_BYTES);
        assert_int_equal(gossip_digest(g[i]), gossip_digest(g[0]));
    }
    struct member_record r = record(9, 5, 1, MEMBER_LEFT);
    struct node_id five = id_of(5);
    assert_int_equal(gossip_learn(g[1], SEC(1), &r), 0);
    gossip_forget(g[2], SEC(1), &five);
    assert_int_equal(state_of(g[0], 9), MEMBER_ALIVE);
    assert_int_equal(state_of(g[1], 9), MEMBER_LEFT);
    assert_int_equal(state_of(g[2], 9), MEMBER_ALIVE);
    assert_int_equal(state_of(g[1], 5), MEMBER_ALIVE);
    assert_int_equal(state_of(g[2], 5), -1);
    for (size_t i = 6; i < 40; i++) /* the last one took the place of the forgotten */
        assert_int_equal(state_of(g[2], i), MEMBER_ALIVE);
    gossip_free(g[0]);
    assert_int_equal(state_of(g[1], 9), MEMBER_LEFT);
    gossip_free(g[1]);
    assert_int_equal(roster->idents_n, 39); /* nobody knows n5 any more */
    gossip_free(g[2]);
    assert_int_equal(roster->idents_n, 0);
    roster_free(roster);
}

/* Members come, die, return and are forgotten; the tables and the sums stay right. */
static void tables_stay_whole(void **state)
{
    struct gossip *g = node();
    struct rand rand = rand_of(11, 0, 0);
    struct gossip_out out;
    (void)state;

    for (int step = 0; step < 20000; step++) {
        size_t i = 1 + (size_t)rand_below(&rand, 60);
        struct node_id id = id_of(i);
        struct member_record r = record(i, 1 + (uint64_t)step / 500, (uint32_t)rand_below(&rand, 9),
                                        (enum member_state)rand_below(&rand, 4));
        if (rand_below(&rand, 8) == 0)
            gossip_forget(g, SEC(1) + MS(step), &id);
        else
            assert_int_equal(gossip_learn(g, SEC(1) + MS(step), &r), 0);
        gossip_tick(g, SEC(1) + MS(step));
        while (rand_below(&rand, 4) != 0 && gossip_poll(g, &out))
            ;
        if (step % 50 != 0)
            continue;
        uint64_t sum = 0;
        size_t alive = 0;
        const struct member_record *m;
        for (size_t k = 0; (m = gossip_member(g, k)) != NULL; k++) {
            sum += member_record_hash(m);
            alive += m->state == MEMBER_ALIVE || m->state == MEMBER_SUSPECT;
            assert_ptr_equal(gossip_find(g, &m->id), m);
        }
        assert_int_equal(gossip_digest(g), sum);
        assert_int_equal(gossip_alive(g), alive);
    }
    size_t others = gossip_alive(g) - 1;
    gossip_leave(g, SEC(30));
    assert_int_equal(gossip_alive(g), others); /* we are not there any more */
    gossip_free(g);
}

static void what_is_malformed_changes_nothing(void **state)
{
    struct gossip *g = node();
    struct member_record r = record(9, 1, 0, MEMBER_ALIVE);
    struct node_id self = id_of(0), nine = id_of(9);
    (void)state;

    assert_int_equal(hear(g, SEC(1), 9, &r, 1), 0);
    uint64_t was = gossip_digest(g);
    assert_int_equal(gossip_recv(g, SEC(1), &nine, SLICE_LIT("\x81\x01\x01")), MESH_E_MISSING);
    assert_int_equal(gossip_recv(g, SEC(1), &nine, SLICE_EMPTY), MESH_E_SHORT);
    assert_int_equal(gossip_recv(g, SEC(1), &self, SLICE_LIT("\x80")), MESH_E_STATE);
    assert_int_equal(gossip_counters(g)->malformed, 3);
    assert_int_equal(gossip_digest(g), was);
    gossip_free(g);
}

/* A node that says no address is answered, and pinged, where its packets come from. */
static void a_node_is_reached_where_it_is_seen(void **state)
{
    struct gossip *g = node();
    struct gossip_out out;
    struct payload p = { .kind = PAYLOAD_PING, .seq = 1, .boot = 1 };
    struct buf b = BUF_EMPTY;
    struct node_id id = id_of(9);
    struct mesh_addr at = mesh_addr_v4(0x01020304, 5555);
    bool acked = false, pinged = false;
    (void)state;

    payload_put(&b, &p, SLICE_EMPTY, 0);
    assert_int_equal(gossip_recv(g, SEC(1), &id, buf_slice(&b)), 0);
    assert_false(gossip_poll(g, &out)); /* nobody knows where to */
    gossip_seen(g, &id, &at);
    assert_int_equal(gossip_recv(g, SEC(1), &id, buf_slice(&b)), 0);
    while (gossip_poll(g, &out)) {
        acked |= out.kind == GOSSIP_SEND && mesh_addr_eq(&out.addr, &at);
        assert_int_equal(payload_get(out.payload, &p), 0);
        assert_true(p.want); /* tell us who you are */
    }
    assert_true(acked);
    struct member_record r = record(9, 1, 0, MEMBER_ALIVE);
    r.addrs_n = 0;
    assert_int_equal(hear(g, SEC(1), 9, &r, 1), 0);
    while (gossip_deadline(g) < SEC(4)) {
        gossip_tick(g, gossip_deadline(g));
        while (gossip_poll(g, &out))
            pinged |= out.kind == GOSSIP_SEND && mesh_addr_eq(&out.addr, &at);
    }
    assert_true(pinged);
    buf_free(&b);
    gossip_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_order_gives_the_same_view),
        cmocka_unit_test(any_order_and_repetition_gives_the_same_bytes),
        cmocka_unit_test(digest_follows_every_fact),
        cmocka_unit_test(events_are_told_once),
        cmocka_unit_test(a_death_needs_a_suspicion),
        cmocka_unit_test(jumps_are_refused),
        cmocka_unit_test(only_we_raise_our_counter),
        cmocka_unit_test(counter_at_its_end),
        cmocka_unit_test(unknown_members_wait_for_certificates),
        cmocka_unit_test(waiting_is_bounded_and_asks_again),
        cmocka_unit_test(a_full_view_drops_the_longest_dead),
        cmocka_unit_test(views_in_one_roster_are_apart),
        cmocka_unit_test(tables_stay_whole),
        cmocka_unit_test(what_is_malformed_changes_nothing),
        cmocka_unit_test(a_node_is_reached_where_it_is_seen),
    };

    if (crypto_start() != 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
