/* test_engine_liar.c - an admitted node whose frames lie: nothing of it reaches a viewer.
 * The liar (n1) owns what is asked for and seals what it says as any node does; only what
 * the signer signed can give it away. */
#include "engine_world.h"

#define LIAR 1
#define BODY 24

/* What happens to the liar's next frame of a type. */
struct lie {
    bool armed;
    uint8_t type;
    size_t bit;    /* flipped; a frame that is shorter goes as it is */
    uint8_t as;    /* not 0: the type it is given instead */
    bool told;     /* a lie went out */
    size_t length; /* bytes of the frame */
    unsigned skip; /* so many frames of the type are let through first */
    bool bomb;     /* a packed leaf's bytes become those of a zstd frame that promises one and holds many */
};

static struct world *w;
static struct lie lie;

/* RFC 8878 section 3.1.1: 64 KiB are told, then come blocks of 128 KiB each, four bytes long. */
static bool make_bomb(uint8_t *at, size_t len)
{
    static const uint8_t head[] = { 0x28, 0xb5, 0x2f, 0xfd, 0xc0, 7 << 3, 0, 0, 1, 0, 0, 0, 0, 0 };
    const uint32_t block = 1u << 1 | (128u << 10) << 3;
    size_t n = sizeof(head);

    if (len < n + 16 || memcmp(at, head, 4) != 0)
        return false;
    memcpy(at, head, n);
    for (; n + 4 <= len; n += 4) {
        bool last = n + 8 > len;
        at[n] = (uint8_t)(block | last);
        at[n + 1] = (uint8_t)(block >> 8);
        at[n + 2] = (uint8_t)(block >> 16);
        at[n + 3] = 'x';
    }
    return true;
}

static void outgoing(void *ctx, uint8_t *frame, size_t len)
{
    struct lie *l = ctx;

    if (!l->armed || frame[0] != l->type || l->skip-- > 0)
        return;
    l->armed = false;
    l->length = len;
    if (l->bomb) {
        l->told = make_bomb(frame + MSG_HEAD_BYTES + 9, len - MSG_HEAD_BYTES - 9); /* behind index, encoding, length */
        return;
    }
    if (l->as != 0)
        frame[0] = l->as;
    else if (l->bit < 8 * len)
        frame[l->bit / 8] ^= (uint8_t)(1u << l->bit % 8);
    l->told = l->as != 0 || l->bit < 8 * len;
}

static int begin(void **state)
{
    (void)state;
    lie = (struct lie){ .armed = false };
    w = world_bare(3);
    w->delay = US(10); /* so that no age is told: the one thing the signer does not sign */
    for (int i = 0; i < 3; i++)
        w->nodes[i].cfg.timers.distrust = US(1); /* many lies are told here; rob_G5 has it as it is */
    w->nodes[LIAR].cfg.outgoing = outgoing;
    w->nodes[LIAR].cfg.outgoing_ctx = &lie;
    for (int i = 0; i < 3; i++)
        node_start(w, i, true);
    return 0;
}

static int end(void **state)
{
    (void)state;
    world_calm(w);
    world_free(w);
    return 0;
}

/* The one object of the moment; those before it are forgotten. */
static struct site *next_site(uint64_t length)
{
    w->sites_n = 0;
    struct site *s = site_at(w, path_owned(w, 0, "12"), length);
    s->head_after = 0;
    return s;
}

static void forget_viewers(void)
{
    while (w->viewers != NULL) {
        struct viewer *v = w->viewers;
        w->viewers = v->next;
        assert_true(v->ended);
        free(v);
    }
}

/* How the asker took it. */
enum outcome { TAKEN, REJECTED, BROKEN, SILENT, ELSEWHERE /* looked on without ado */ };

/* n0 asks for an object that the liar has, and is lied to in one bit of one frame. */
static enum outcome lied_to(uint8_t type, size_t bit)
{
    struct site *s = next_site(BODY);
    const struct engine_counters *c = count(w, 0), before = *c;

    struct viewer *v = ask(w, LIAR, s->path);
    world_run(w, US(100));
    check_whole(v);
    lie = (struct lie){ .armed = true, .type = type, .bit = bit };
    v = ask(w, 0, s->path);
    world_run(w, SEC(3)); /* long enough for silence, and for peace to come back */
    check_whole(v);
    assert_true(s->fetches <= 2);
    uint64_t trouble = c->transfers_rejected - before.transfers_rejected + c->sessions_broken - before.sessions_broken +
                       c->links_silent - before.links_silent;
    assert_true(trouble <= 1);
    bool from_liar = v->answer.via_peer && strcmp(v->answer.peer_name, "n1") == 0;
    forget_viewers();
    if (trouble == 0)
        return from_liar ? TAKEN : ELSEWHERE;
    if (c->transfers_rejected != before.transfers_rejected)
        return REJECTED;
    return c->sessions_broken != before.sessions_broken ? BROKEN : SILENT;
}

/* Each bit behind the frame's own header (type, stream). */
static void every_bit_is_refused(uint8_t type)
{
    size_t flips = 0;

    for (size_t bit = 8 * MSG_HEAD_BYTES;; bit++) {
        enum outcome o = lied_to(type, bit);
        if (!lie.told)
            break;
        flips++;
        if (o != REJECTED)
            fail_msg("type %u, bit %u of byte %u: %s", type, (unsigned)bit % 8, (unsigned)bit / 8,
                     o == TAKEN    ? "taken"
                     : o == BROKEN ? "broken"
                                   : "silent");
    }
    assert_int_equal(flips, 8 * (lie.length - MSG_HEAD_BYTES));
    for (int i = 0; i < 3; i++)
        assert_int_equal(count(w, i)->sessions_broken, 0);
}

static void honest_frames_are_taken(void **state)
{
    (void)state;
    assert_int_equal(lied_to(MSG_HEAD, SIZE_MAX), TAKEN);
    assert_true(lie.length > 200);
    assert_int_equal(lied_to(MSG_LEAF, SIZE_MAX), TAKEN);
    assert_int_equal(lie.length, MSG_HEAD_BYTES + 9 + BODY);
    assert_int_equal(count(w, 0)->transfers_verified, 2);
}

static void feat_M9_every_bit_of_a_small_answers_leaf(void **state)
{
    (void)state;
    every_bit_is_refused(MSG_LEAF);
}

/* Key, generation, status, fields, length, leaf hash, signer and signature, and how they are
 * written. */
static void feat_M9_every_bit_of_a_small_answers_head(void **state)
{
    (void)state;
    every_bit_is_refused(MSG_HEAD);
}

static void start_over(int n, mesh_ns distrust)
{
    node_stop(w, n, true);
    w->nodes[n].cfg.timers.distrust = distrust;
    node_start(w, n, true);
    world_run(w, SEC(3));
}

static mesh_ns distrusted(int n)
{
    struct mesh_member m;

    assert_true(mesh_find(mesh_of(w, n), &w->nodes[LIAR].cfg.mesh.self->cert.id, &m));
    bool alarm = (engine_alarms(engine_of(w, n), w->now) & ALARM_BIT(member_lies)) != 0;
    assert_int_equal(alarm, w->now < m.distrusted_until);
    return w->now < m.distrusted_until ? m.distrusted_until - w->now : 0;
}

/* One lie is one answer lost: then it is not asked for a minute, whatever it has, and after the next lie for two.
 * Others ask it as before: what one node says of another moves nobody else. */
static void rob_G5_who_lied_is_not_asked_for_a_while(void **state)
{
    (void)state;
    start_over(0, 0);
    assert_int_equal(distrusted(0), 0);
    assert_int_equal(lied_to(MSG_LEAF, 8 * MSG_HEAD_BYTES + 80), REJECTED);
    assert_in_range(distrusted(0), SEC(50), SEC(60));
    for (int i = 0; i < 18; i++)
        assert_int_equal(lied_to(MSG_LEAF, SIZE_MAX), ELSEWHERE); /* which takes 3 s */
    world_run(w, SEC(4));
    assert_int_equal(distrusted(0), 0);
    assert_int_equal(lied_to(MSG_LEAF, SIZE_MAX), TAKEN);
    assert_int_equal(lied_to(MSG_LEAF, 8 * MSG_HEAD_BYTES + 80), REJECTED);
    assert_in_range(distrusted(0), SEC(110), SEC(120));
    assert_int_equal(distrusted(2), 0);
    world_run(w, 64 * SEC(60) + SEC(121));
    assert_int_equal(lied_to(MSG_LEAF, 8 * MSG_HEAD_BYTES + 80), REJECTED);
    assert_in_range(distrusted(0), SEC(50), SEC(60)); /* long ago is forgotten */
    assert_int_equal(count(w, 0)->transfers_rejected, 3);
}

static void rob_Z1_a_peers_bomb_is_a_lie_and_costs_no_memory(void **state)
{
    struct engine_usage before, after;

    (void)state;
    start_over(0, 0);
    engine_usage(engine_of(w, 0), &before);
    struct site *s = next_site(LEAF_BYTES);
    s->text = true;
    struct viewer *first = ask(w, LIAR, s->path);
    world_run(w, MS(1));
    check_whole(first);
    lie = (struct lie){ .armed = true, .type = MSG_LEAF, .bomb = true };
    struct viewer *v = ask(w, 0, s->path);
    world_run(w, SEC(1));
    assert_true(lie.told);
    check_whole(v);
    assert_string_equal(v->answer.via_peer ? v->answer.peer_name : "", "n2");
    assert_int_equal(count(w, 0)->transfers_rejected, 1);
    assert_true(distrusted(0) > 0);
    engine_usage(engine_of(w, 0), &after);
    assert_true(after.memory_bytes < before.memory_bytes + 2 * LEAF_BYTES); /* the one leaf, from elsewhere */
    forget_viewers();
}

/* The trace names who sent it: the liar, whoever signed what it passed on. */
static unsigned named;

static void listen(void *ctx, mesh_ns now, const char *text)
{
    (void)ctx, (void)now;
    named += strstr(text, "transfer from n1 rejected: ") == text;
}

static void row_26_who_sent_a_flipped_bit_is_named(void **state)
{
    struct rand r = rand_of(26, 26, 26);
    unsigned rejected = 0;

    (void)state;
    named = 0;
    node_stop(w, 0, true);
    w->nodes[0].cfg.trace = (struct trace){ listen, NULL };
    node_start(w, 0, true);
    world_run(w, SEC(3));
    for (int i = 0; i < 300; i++) {
        size_t bits = 8 * (i % 2 == 0 ? 9u + BODY : 200u);
        enum outcome o = lied_to(i % 2 == 0 ? MSG_LEAF : MSG_HEAD, 8 * MSG_HEAD_BYTES + rand_below(&r, bits));
        assert_int_not_equal(o, TAKEN);
        rejected += o == REJECTED;
    }
    assert_int_equal(rejected, 300);
    assert_int_equal(named, 300);
}

/* The frame's own header: another type, or another stream. It is not for this ask then. */
static void a_frame_with_another_name_is_missed(void **state)
{
    static const uint8_t types[] = { MSG_HEAD, MSG_LEAF };

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        for (size_t bit = 0; bit < 8 * MSG_HEAD_BYTES; bit++) {
            enum outcome o = lied_to(types[i], bit);
            assert_true(lie.told);
            assert_int_not_equal(o, TAKEN);
        }
    }
}

/* What an answer says before the head decides only where we look next. */
static void lies_about_having_it(void **state)
{
    unsigned taken = 0, refused = 0;

    (void)state;
    for (size_t bit = 0;; bit++) {
        enum outcome o = lied_to(MSG_ANSWER, bit);
        if (!lie.told)
            break;
        taken += o == TAKEN;
        refused += o != TAKEN;
    }
    assert_true(taken > 10 && refused > 10);
}

/* ---- an answer that is still being filled: head, batches, slips, leaves ---- */

static unsigned long_answer(uint8_t type, unsigned skip, size_t bit)
{
    struct site *s = next_site(3 * LEAF_BYTES + 500);
    const struct engine_counters *c = count(w, 0), before = *c;
    uint64_t second = count(w, 2)->transfers_rejected; /* it reads along, and may be the one that is lied to */

    s->chunked = true;
    s->piece = 30000;
    s->every = MS(15); /* a few slips a leaf */
    lie = (struct lie){ .armed = true, .type = type, .skip = skip, .bit = bit };
    struct viewer *v = ask(w, 0, s->path);
    world_run(w, SEC(3));
    check_whole(v); /* whoever brought the rest of it */
    assert_true(lie.told);
    assert_true(s->fetches <= 2);
    forget_viewers();
    assert_int_equal(c->sessions_broken, before.sessions_broken);
    assert_int_equal(c->links_silent, before.links_silent);
    return (unsigned)(c->transfers_rejected - before.transfers_rejected + count(w, 2)->transfers_rejected - second);
}

static void feat_M12_a_lie_in_mid_body_ends_it_there(void **state)
{
    static const struct {
        uint8_t type;
        unsigned frames; /* which of its frames, each in turn */
        size_t bytes;    /* that many of them */
    } rows[] = { { MSG_HEAD, 1, 120 }, { MSG_LEAF_BATCH, 3, 100 }, { MSG_SLIP, 5, 1000 }, { MSG_LEAF, 2, 9 } };
    struct rand r = rand_of(5, 5, 5);

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (unsigned k = 0; k < 12; k++) {
            size_t bit = 8 * MSG_HEAD_BYTES + rand_below(&r, 8 * rows[i].bytes);
            if (long_answer(rows[i].type, k % rows[i].frames, bit) != 1)
                fail_msg("type %u, bit %u", rows[i].type, (unsigned)bit);
        }
    }
}

/* The liar swallows the last leaf, while its link is kept lively by another ask. */
static void what_is_swallowed_is_not_waited_for_for_ever(void **state)
{
    struct site *s = next_site(3 * LEAF_BYTES), *slow;

    (void)state;
    struct viewer *v = ask(w, LIAR, s->path);
    world_run(w, US(100));
    slow = site_at(w, path_owned(w, 0, "12"), 100000);
    slow->head_after = 0;
    slow->piece = 1000;
    slow->every = SEC(1);
    struct viewer *other = ask(w, 0, slow->path);
    lie = (struct lie){ .armed = true, .type = MSG_LEAF, .skip = 2, .as = 200 };
    v = ask(w, 0, s->path);
    world_run(w, SEC(59));
    assert_false(v->ended);
    world_run(w, SEC(3));
    check_whole(v);
    world_run(w, SEC(60));
    check_whole(other);
    assert_int_equal(count(w, 0)->links_silent, 0);
    assert_int_equal(count(w, 0)->transfers_rejected, 0);
}

/* A leaf out of order, or one too many. */
static void frames_that_make_no_sense_together_are_refused(void **state)
{
    static const struct {
        uint8_t type, as;
    } rows[] = { { MSG_HEAD, MSG_LEAF },   { MSG_LEAF, MSG_HEAD },      { MSG_LEAF, MSG_ANSWER },
                 { MSG_HEAD, MSG_ANSWER }, { MSG_LEAF, MSG_SLIP },      { MSG_HEAD, MSG_SLIP },
                 { MSG_HEAD, MSG_ABORT },  { MSG_LEAF, MSG_ABORT },     { MSG_ANSWER, MSG_HEAD },
                 { MSG_ANSWER, MSG_LEAF }, { MSG_HEAD, MSG_LEAF_BATCH } };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct site *s = next_site(BODY);
        ask(w, LIAR, s->path);
        world_run(w, US(100));
        uint64_t before = count(w, 0)->transfers_rejected;
        lie = (struct lie){ .armed = true, .type = rows[i].type, .as = rows[i].as };
        struct viewer *v = ask(w, 0, s->path);
        world_run(w, SEC(3));
        check_whole(v);
        assert_int_equal(count(w, 0)->transfers_rejected, before + 1);
        forget_viewers();
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(honest_frames_are_taken),
        TEST(feat_M9_every_bit_of_a_small_answers_leaf),
        TEST(rob_G5_who_lied_is_not_asked_for_a_while),
        TEST(rob_Z1_a_peers_bomb_is_a_lie_and_costs_no_memory),
        TEST(row_26_who_sent_a_flipped_bit_is_named),
        TEST(feat_M9_every_bit_of_a_small_answers_head),
        TEST(a_frame_with_another_name_is_missed),
        TEST(lies_about_having_it),
        TEST(feat_M12_a_lie_in_mid_body_ends_it_there),
        TEST(what_is_swallowed_is_not_waited_for_for_ever),
        TEST(frames_that_make_no_sense_together_are_refused),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
