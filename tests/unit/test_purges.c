/* test_purges.c - what was purged is served by nobody who has confirmed it, wherever it could come from: not from here,
 * not from a fetch that was under way, not from another node; whatever is late, cut, stopped or started anew meanwhile.
 * PURGE_SEEDS=10000 tells so many stories at random, PURGE_SEED=7 only that one. */
#include "engine_stage.h"
#include "node/core/purges.h"

static char last_id[PURGE_ID_MAX];

static void purge_as(int n, enum purge_kind kind, const char *value, bool soft)
{
    struct purge_target t = { kind, slice_str(value) };
    struct purge_order order = { .soft = soft, .who = SLICE_LIT("a test"), .targets = &t, .targets_n = 1 };

    assert_int_equal(engine_purge(engine_of(w, n), w->now, &order, last_id), 0);
}

static void purge(int n, const char *path)
{
    purge_as(n, PURGE_URL, path, false);
}

static struct purge_state state_of(int n, const char *id)
{
    const struct purge_call *c = engine_purge_call(engine_of(w, n), slice_str(id));
    struct purge_state s;

    assert_non_null(c);
    purge_call_state(engine_of(w, n), c, &s);
    return s;
}

static struct engine_purges at(int n)
{
    struct engine_purges p;

    engine_purges(engine_of(w, n), &p);
    return p;
}

static void check_version(int n, const char *path, uint64_t version)
{
    struct viewer *v = ask(w, n, path);

    world_run(w, SEC(1));
    check_whole(v);
    if (v->version != version)
        fail_msg("n%d has version %llu of %s, not %llu", n, (unsigned long long)v->version, path,
                 (unsigned long long)version);
}

static void all_have(const char *path)
{
    for (int n = 0; n < w->n; n++) {
        ask(w, n, path);
        world_run(w, SEC(1));
        check_result(ask(w, n, path), RESULT_HIT);
    }
}

/* ---- at once, everywhere ---- */

static void feat_I1_one_call_clears_every_node(void **state)
{
    struct site *s = site_at(w, "/a", 1000);

    (void)state;
    site_at(w, "/b", 1000);
    all_have("/a");
    all_have("/b");
    s->version = 2;
    mesh_ns began = w->now;
    purge(1, "/a");
    assert_false(state_of(1, last_id).complete);
    world_run(w, 8 * w->delay); /* sessions may have to be made */
    struct purge_state told = state_of(1, last_id);
    assert_true(told.complete && told.acknowledged == 3 && told.waiting == 0 && told.unreachable == 0);
    for (int n = 0; n < 3; n++) {
        struct purge_member m;
        assert_true(
            purge_call_member(engine_of(w, 1), engine_purge_call(engine_of(w, 1), slice_str(last_id)), (size_t)n, &m));
        assert_int_equal(m.progress, PURGE_ACKNOWLEDGED);
        if (!node_id_eq(&m.id, id_of(1)))
            assert_int_equal(purge_receipt_verify(m.sig, &m.receipt, identities[m.name[1] - '0'].sign_key), 0);
    }
    for (int n = 0; n < 3; n++)
        check_version(n, "/a", 2);
    assert_int_equal(s->fetches, 2); /* one for all */
    for (int n = 0; n < 3; n++) {
        check_result(ask(w, n, "/b"), RESULT_HIT); /* and nothing else is gone */
        assert_true(at(n).position == 1 && at(n).digest == at(0).digest && at(n).digest != 0);
    }
    assert_true(w->now - began < SEC(10));
}

/* Who had it before the purge reads on; who comes after it, here or at another node, gets what is there now. */
static void a_fetch_under_way_is_not_kept_nor_joined(void **state)
{
    const char *path = path_owned(w, 0, "12");
    struct site *s = site_at(w, path, 1000);

    (void)state;
    s->head_after = MS(300);
    struct viewer *early = ask(w, 0, path);
    world_run(w, MS(100));
    s->version = 2;
    purge(1, path);
    world_run(w, MS(100));
    struct viewer *late = ask(w, 0, path), *owner = ask(w, 1, path);
    world_run(w, SEC(2));
    check_whole(early);
    check_whole(late);
    check_whole(owner);
    assert_int_equal(late->version, 2);
    assert_int_equal(owner->version, 2);
    for (int n = 0; n < 3; n++)
        check_version(n, path, 2);
    assert_int_equal(s->fetches, 2);
}

static void a_body_under_way_is_not_kept(void **state)
{
    struct site *s = site_at(w, "/a", 300000);

    (void)state;
    s->piece = 10000;
    s->every = MS(20);
    struct viewer *early = ask(w, 0, "/a");
    world_run(w, MS(200));
    assert_true(early->got > 0);
    s->version = 2;
    purge(0, "/a");
    struct viewer *late = ask(w, 0, "/a");
    world_run(w, SEC(3));
    check_whole(early);
    check_whole(late);
    assert_int_equal(early->version, 1);
    assert_int_equal(late->version, 2);
    check_version(0, "/a", 2);
}

/* Its tags are known only when its head comes. */
static void a_fetch_whose_tags_were_purged_meanwhile(void **state)
{
    struct site *s = site_at(w, "/a", 1000);

    (void)state;
    s->lines = "ETag: \"1\"\nCache-Tag: red\n";
    s->head_after = MS(300);
    struct viewer *early = ask(w, 0, "/a");
    world_run(w, MS(100));
    s->version = 2;
    purge_as(0, PURGE_TAG, "red", false);
    struct viewer *late = ask(w, 0, "/a");
    world_run(w, SEC(1));
    check_whole(early);
    check_whole(late);
    assert_int_equal(early->version, 1);
    assert_int_equal(late->version, 2);
    check_version(0, "/a", 2);
    purge_as(0, PURGE_TAG, "blue", false);
    check_result(ask(w, 0, "/a"), RESULT_HIT);
}

/* A 304 that was asked for before the purge says nothing of what is there now. */
static void a_validation_under_way_keeps_nothing(void **state)
{
    struct site *s = site_at(w, "/a", 1000);

    (void)state;
    s->lines = "ETag: \"1\"\nCache-Control: max-age=1\n";
    s->validator = "\"1\"";
    ask(w, 0, "/a");
    world_run(w, SEC(3));
    s->head_after = MS(300);
    struct viewer *v = ask(w, 0, "/a");
    world_run(w, MS(100));
    assert_int_equal(s->fetches, 2);
    for (int soft = 0; soft <= 1; soft++)
        purge_as(0, PURGE_URL, "/a", soft);
    s->version = 2;
    s->validator = NULL;
    world_run(w, SEC(1));
    check_whole(v);
    s->version = 2;
    check_version(0, "/a", 2);
    assert_int_equal(s->fetches, 3);
}

static void a_soft_purge_leaves_it_stale(void **state)
{
    struct site *s = site_at(w, "/a", 1000);

    (void)state;
    s->lines = "ETag: \"1\"\nCache-Control: max-age=600, stale-while-revalidate=60\n";
    ask(w, 0, "/a");
    world_run(w, SEC(1));
    s->version = 2;
    purge_as(0, PURGE_URL, "/a", true);
    struct viewer *v = ask(w, 0, "/a");
    check_result(v, RESULT_STALE); /* at once */
    assert_int_equal(v->version, 1);
    check_result(ask(w, 0, "/a"), RESULT_STALE);
    world_run(w, SEC(1));
    assert_int_equal(s->fetches, 2); /* one behind both */
    check_result(ask(w, 0, "/a"), RESULT_HIT);
    check_version(0, "/a", 2);
    s->version = 3;
    purge(0, "/a");
    check_version(0, "/a", 3); /* never the old one */
}

static void leaves_go_with_their_body(void **state)
{
    struct site *s = site_at(w, "/a", 10 * LEAF_BYTES);

    (void)state;
    s->ranges = true;
    unsigned each = 0;
    for (uint64_t version = 1; version <= 3; version++) {
        unsigned before = s->fetches;
        struct viewer *v = viewer_new(w, 0, "/a");
        s->version = version;
        v->r.range = SLICE_LIT("bytes=65536-196607");
        viewer_ask(v);
        world_run(w, SEC(1));
        assert_int_equal(v->version, version);
        viewer_end(v);
        assert_true(version == 1 || s->fetches - before == each);
        each = s->fetches - before;
        v = viewer_new(w, 0, "/a");
        v->r.range = SLICE_LIT("bytes=65536-196607");
        viewer_ask(v);
        world_run(w, SEC(1));
        assert_int_equal(s->fetches, before + each); /* what is here is read from here */
        viewer_end(v);
        purge_as(0, version == 1 ? PURGE_URL : PURGE_PREFIX, "/a", false);
    }
    assert_true(each > 0);
}

/* ---- nobody brings it back ---- */

/* n1 is cut off and has the old one; n0 is free of it and asks n1, which owns it, as soon as they hear each other. */
static void feat_I2_an_owner_that_is_behind_is_told_first(void **state)
{
    const char *path = path_owned(w, 0, "1");
    struct site *s = site_at(w, path, 1000);

    (void)state;
    all_have(path);
    world_cut(w, 1, 0, true);
    world_cut(w, 1, 2, true);
    s->version = 2;
    purge(2, path);
    world_run(w, MS(300));
    assert_true(at(0).position == 1 && at(2).position == 1 && at(1).position == 0);
    assert_false(state_of(2, last_id).complete);
    world_cut(w, 1, 0, false); /* but not from who has called for it */
    struct viewer *v = ask(w, 0, path);
    world_run(w, SEC(2));
    check_whole(v);
    assert_int_equal(v->version, 2);
    assert_true(count(w, 1)->asks_held > 0);
    assert_int_equal(at(1).position, 1);
    check_version(1, path, 2);
    assert_false(state_of(2, last_id).complete); /* nobody has told n2 yet */
    world_cut(w, 1, 2, false);
    world_run(w, SEC(3));
    assert_true(state_of(2, last_id).complete);
}

/* It does not get what it lacks: then the asker goes elsewhere, and soon. */
static void an_owner_that_learns_nothing_is_passed_over(void **state)
{
    const char *path = path_owned(w, 0, "1");
    struct site *s = site_at(w, path, 1000);

    (void)state;
    all_have(path);
    w->nodes[1].disk_full = true; /* of no consequence for what is in force */
    world_cut(w, 1, 0, true);
    world_cut(w, 1, 2, true);
    s->version = 2;
    purge(2, path);
    world_run(w, MS(300));
    world_cut(w, 1, 0, false);
    node_freeze(w, 1);
    struct viewer *v = ask(w, 0, path);
    world_run(w, SEC(2));
    check_whole(v);
    assert_int_equal(v->version, 2);
    node_thaw(w, 1);
    world_cut(w, 1, 2, false);
    world_run(w, SEC(3));
    assert_false(state_of(2, last_id).complete); /* its disk takes nothing: it confirms nothing */
    assert_int_equal(at(1).position, 1);
    w->nodes[1].disk_full = false;
    world_run(w, SEC(3));
    assert_true(state_of(2, last_id).complete);
}

/* Who has called for it is gone; the others tell each other, and who comes later. */
static void purges_survive_their_issuer(void **state)
{
    struct site *s = site_at(w, "/a", 1000);

    (void)state;
    all_have("/a");
    world_cut(w, 0, 2, true);
    s->version = 2;
    purge(0, "/a");
    world_run(w, MS(300));
    assert_true(at(1).position == 1 && at(2).position == 0);
    node_stop(w, 0, true);
    world_run(w, SEC(4));
    assert_int_equal(at(2).position, 1);
    check_version(2, "/a", 2);
    world_cut(w, 0, 2, false);
    node_start(w, 0, true); /* with what it had kept */
    assert_int_equal(at(0).position, 1);
    s->version = 3;
    purge(0, "/a");
    world_run(w, SEC(1));
    struct purge_state told = state_of(0, last_id);
    assert_true(told.complete && told.acknowledged == 3);
    assert_string_equal(last_id + strlen(last_id) - 2, "-2");
    for (int n = 0; n < 3; n++)
        check_version(n, "/a", 3);
}

/* It has lost all that it knew: its next log is another one, and what it had said before comes back from the others. */
static void a_node_that_lost_its_file_begins_another_log(void **state)
{
    (void)state;
    purge(0, "/a");
    purge(0, "/b");
    world_run(w, SEC(1));
    node_stop(w, 0, true);
    buf_free(&w->nodes[0].purges);
    node_start(w, 0, true);
    assert_int_equal(at(0).position, 0);
    purge_as(1, PURGE_ALL, "", false);
    world_run(w, SEC(3));
    assert_int_equal(at(0).position, 3);
    assert_true(at(0).digest == at(1).digest);
    purge(0, "/c"); /* others may know more of the old one than they have told */
    world_run(w, SEC(1));
    assert_string_equal(last_id + strlen(last_id) - 2, "-1");
    assert_true(state_of(0, last_id).complete && at(1).position == 4);
}

/* What was called for is on its issuer's disk before anybody hears of it; what that disk refuses goes out all the same. */
static void feat_I1_it_is_sent_when_it_is_durable_or_cannot_be(void **state)
{
    (void)state;
    purge(0, "/a");
    world_run(w, SEC(1));
    w->nodes[0].disk_slow = true;
    purge(0, "/b");
    world_run(w, SEC(2));
    assert_true(at(0).position == 2 && at(1).position == 1 && at(2).position == 1);
    w->nodes[0].disk_slow = false;
    engine_kept(engine_of(w, 0), w->now, true);
    world_run(w, SEC(1));
    assert_true(at(1).position == 2 && at(2).position == 2 && state_of(0, last_id).complete);
    w->nodes[0].disk_full = true;
    purge(0, "/c");
    world_run(w, SEC(1));
    assert_true(at(1).position == 3 && at(2).position == 3 && !state_of(0, last_id).complete);
    w->nodes[0].disk_full = false;
    world_run(w, SEC(2));
    assert_true(state_of(0, last_id).complete);
}

/* Another node's log is read as one of ours is: signed by whom it names, or not at all. */
static void a_forged_purge_breaks_the_session(void **state)
{
    const struct purge_target all = { PURGE_ALL, { NULL, 0 } };
    struct purge p = { .log = { .begun = 1 }, .number = 1, .at_s = WALL };
    struct buf raw = BUF_EMPTY;

    (void)state;
    assert_int_equal(purge_sign(&raw, &p, &all, 1, &identities[1]), 0);
    struct engine *e = engine_of(w, 0);
    const struct cert *cert = &identities[1].cert, *other = &identities[2].cert;
    assert_int_equal(purges_take(e, buf_slice(&raw), other, identity_cert(&identities[2]), false), MESH_E_SIGNATURE);
    raw.data[raw.len - 1] ^= 1;
    assert_int_equal(purges_take(e, buf_slice(&raw), cert, identity_cert(&identities[1]), false), MESH_E_SIGNATURE);
    raw.data[raw.len - 1] ^= 1;
    assert_int_equal(at(0).position, 0);
    assert_int_equal(purges_take(e, buf_slice(&raw), cert, identity_cert(&identities[1]), false), 0);
    assert_int_equal(purges_take(e, buf_slice(&raw), cert, identity_cert(&identities[1]), false), MESH_E_EXISTS);
    assert_int_equal(at(0).position, 1);
    buf_free(&raw);
}

/* A process that was stopped wakes with all its copies, and with its sockets full of what was true before. */
static void feat_I7_who_was_stopped_asks_before_it_serves(void **state)
{
    struct site *s = site_at(w, "/a", 1000);

    (void)state;
    all_have("/a");
    purge(1, "/other"); /* so that frontiers are on their way, too */
    world_run(w, SEC(1));
    node_freeze(w, 2);
    world_run(w, SEC(3));
    s->version = 2;
    purge(0, "/a");
    world_run(w, SEC(3));
    assert_false(state_of(0, last_id).complete);
    node_thaw(w, 2);
    assert_false(engine_ready(engine_of(w, 2), NULL));
    mesh_ns began = w->now;
    struct viewer *v[3];
    for (int i = 0; i < 3; i++)
        v[i] = ask(w, 2, "/a");
    viewer_end(v[1]); /* does not wait for it */
    world_run(w, SEC(1));
    check_whole(v[0]);
    check_whole(v[2]);
    assert_true(v[0]->version == 2 && v[2]->version == 2 && v[0]->end_at - began < SEC(1));
    assert_int_equal(count(w, 2)->wakes, 1);
    assert_true(engine_ready(engine_of(w, 2), NULL));
    world_run(w, SEC(1));
    assert_true(state_of(0, last_id).complete);
}

/* Nobody is there to be asked: after a while it serves what it has. */
static void who_wakes_alone_serves_what_it_has(void **state)
{
    (void)state;
    site_at(w, "/a", 1000);
    all_have("/a");
    purge(1, "/other"); /* from now on there is something to do each second, as gossip has in a node */
    world_run(w, SEC(1));
    node_freeze(w, 2);
    world_run(w, SEC(4));
    node_freeze(w, 0);
    node_freeze(w, 1);
    node_thaw(w, 2);
    mesh_ns began = w->now;
    struct viewer *v = ask(w, 2, "/a");
    world_run(w, SEC(3));
    check_result(v, RESULT_HIT);
    assert_in_range(v->end_at - began, SEC(1), SEC(2) + MS(300));
    node_thaw(w, 0);
    node_thaw(w, 1);
}

/* ---- at random ---- */

#define STORY_SITES  6
#define STORY_EVENTS 150
#define STORY_SEEDS  25

struct story {
    struct rand r;
    char paths[STORY_SITES][12];
    uint64_t wanted[NODES][STORY_SITES]; /* whoever asks there from now on gets this version or a later one */
    struct asked {
        struct viewer *v;
        int site;
        uint64_t wanted;
    } asked[STORY_EVENTS];
    size_t asked_n;
    struct called {
        char id[PURGE_ID_MAX];
        int node;
        unsigned sites; /* bits */
        uint64_t version[STORY_SITES];
        uint64_t life;
    } called[STORY_EVENTS];
    size_t called_n;
    uint64_t lives[NODES], checked;
};

static uint64_t below(struct story *s, uint64_t n)
{
    return rand_below(&s->r, n);
}

static bool runs(int n)
{
    return w->nodes[n].engine != NULL && !w->nodes[n].frozen;
}

/* Who has confirmed what by now: from here on it must hold there. */
static void note_receipts(struct story *s)
{
    for (size_t i = 0; i < s->called_n; i++) {
        const struct called *c = &s->called[i];
        const struct purge_call *call;
        struct purge_member m;
        struct purge_state st;
        if (!runs(c->node) || s->lives[c->node] != c->life ||
            (call = engine_purge_call(engine_of(w, c->node), slice_str(c->id))) == NULL)
            continue;
        purge_call_state(engine_of(w, c->node), call, &st);
        for (size_t k = 0; k < st.members; k++) {
            if (!purge_call_member(engine_of(w, c->node), call, k, &m) || m.progress != PURGE_ACKNOWLEDGED)
                continue;
            int n = m.name[1] - '0';
            for (int site = 0; site < STORY_SITES; site++) {
                if ((c->sites & 1u << site) != 0 && s->wanted[n][site] < c->version[site])
                    s->wanted[n][site] = c->version[site];
            }
        }
    }
}

static void check_asked(struct story *s, uint64_t seed)
{
    size_t left = 0;

    for (size_t i = 0; i < s->asked_n; i++) {
        struct asked *a = &s->asked[i];
        if (!a->v->ended) {
            s->asked[left++] = *a;
            continue;
        }
        if (!a->v->right || (a->v->head_sent && a->v->status == 200 && a->v->version < a->wanted))
            fail_msg("seed %llu: n%d gives version %llu of %s, having confirmed a purge up to %llu",
                     (unsigned long long)seed, a->v->node, (unsigned long long)a->v->version, s->paths[a->site],
                     (unsigned long long)a->wanted);
        s->checked += a->v->done;
    }
    s->asked_n = left;
}

static void ask_once(struct story *s, int n)
{
    int site = (int)below(s, STORY_SITES);

    note_receipts(s);
    s->asked[s->asked_n++] = (struct asked){ viewer_new(w, n, s->paths[site]), site, s->wanted[n][site] };
    viewer_ask(s->asked[s->asked_n - 1].v);
}

static void purge_once(struct story *s, int n)
{
    static const char *const prefixes[] = { "/a", "/b" };
    struct called *c = &s->called[s->called_n];
    int which = (int)below(s, STORY_SITES);
    uint64_t how = below(s, 10);
    bool soft = below(s, 4) == 0;

    if (!engine_ready(engine_of(w, n), NULL)) /* it was stopped, and does not know yet */
        return;
    s->called_n++;
    *c = (struct called){ .node = n, .life = s->lives[n] };
    for (int i = 0; i < STORY_SITES; i++) {
        if (how == 9 || (how == 8 && s->paths[i][1] == prefixes[which % 2][1]) || (how < 8 && i == which)) {
            c->sites |= 1u << i;
            w->sites[i].version++;
        }
        c->version[i] = w->sites[i].version;
    }
    if (how == 9)
        purge_as(n, PURGE_ALL, "", soft);
    else if (how == 8)
        purge_as(n, PURGE_PREFIX, prefixes[which % 2], soft);
    else if (how >= 6 && which % 2 == 0)
        purge_as(n, PURGE_TAG, which == 0 ? "t0" : which == 2 ? "t2" : "t4", soft);
    else
        purge_as(n, PURGE_URL, s->paths[which], soft);
    memcpy(c->id, last_id, sizeof(c->id));
}

static void bother(struct story *s, int n)
{
    static const char *const rings[] = { "0123", "0123", "012", "13", "210" };
    struct node *node = &w->nodes[n];
    int other = (n + 1 + (int)below(s, NODES - 1)) % NODES;

    if (node->engine == NULL) {
        node_start(w, n, true);
        s->lives[n]++;
    } else if (node->frozen) {
        node_thaw(w, n);
    } else {
        switch (below(s, 9)) {
        case 0: node_stop(w, n, below(s, 2) == 0); break;
        case 1: node_freeze(w, n); break;
        case 2: world_ring(w, n, rings[below(s, 5)]); break;
        default: world_cut(w, n, other, !w->cut[n][other]); break;
        }
    }
}

static void run_story(uint64_t seed)
{
    static const char *const lines[] = { "Cache-Tag: t0\n",    "", "Cache-Tag: t2\n", "Cache-Control: max-age=3\n",
                                         "Cache-Tag: t4, x\n", "" };
    struct story s = { .r = rand_of(seed, 3, 3) };

    source = rand_of(seed, 4, 4);
    w = world_new(NODES);
    w->delay = US(100 + below(&s, 60000));
    for (int i = 0; i < STORY_SITES; i++) {
        snprintf(s.paths[i], sizeof(s.paths[i]), "/%c/%d", i % 2 == 0 ? 'a' : 'b', i);
        struct site *site = site_at(w, s.paths[i], i == 5 ? 200000 : 2000);
        site->lines = lines[i];
        site->tagged = true; /* or one version could go on where another one stopped */
        site->head_after = MS(below(&s, 200));
        site->piece = 20000;
        site->every = MS(below(&s, 20));
    }
    for (int i = 0; i < STORY_EVENTS; i++) {
        int n = (int)below(&s, NODES);
        uint64_t what = below(&s, 100);
        if (what >= 80)
            bother(&s, n);
        else if (runs(n) && what >= 65)
            purge_once(&s, n);
        else if (runs(n))
            ask_once(&s, n);
        world_run(w, MS(below(&s, 3) == 0 ? below(&s, 900) : below(&s, 40)));
        check_asked(&s, seed);
    }
    for (int n = 0; n < NODES; n++) {
        for (int k = 0; k < NODES; k++)
            world_cut(w, n, k, false);
        if (w->nodes[n].frozen)
            node_thaw(w, n);
        if (w->nodes[n].engine == NULL)
            node_start(w, n, true);
        world_ring(w, n, "0123");
    }
    world_run(w, SEC(70));
    check_asked(&s, seed);
    for (int n = 0; n < NODES; n++) { /* each has all, and each shows what is there now */
        if (at(n).digest != at(0).digest)
            fail_msg("seed %llu: n%d has not the purges that n0 has", (unsigned long long)seed, n);
        for (int i = 0; i < STORY_SITES; i++)
            s.asked[s.asked_n++] = (struct asked){ ask(w, n, s.paths[i]), i, w->sites[i].version };
    }
    world_run(w, SEC(5));
    check_asked(&s, seed);
    assert_true(s.checked > STORY_EVENTS / 10);
    check_honest(w);
    world_run(w, SEC(70));
    world_calm(w);
    world_free(w);
}

static void feat_I2_whatever_happens_no_purged_copy_comes_back(void **state)
{
    const char *one_seed = getenv("PURGE_SEED"), *many = getenv("PURGE_SEEDS");
    uint64_t n = many != NULL ? strtoull(many, NULL, 10) : STORY_SEEDS;

    (void)state;
    if (one_seed != NULL) {
        run_story(strtoull(one_seed, NULL, 10));
        return;
    }
    for (uint64_t seed = 1; seed <= n; seed++)
        run_story(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        THREE(feat_I1_one_call_clears_every_node),
        THREE(a_fetch_under_way_is_not_kept_nor_joined),
        ONE(a_body_under_way_is_not_kept),
        ONE(a_fetch_whose_tags_were_purged_meanwhile),
        ONE(a_validation_under_way_keeps_nothing),
        THREE(feat_I1_it_is_sent_when_it_is_durable_or_cannot_be),
        ONE(a_soft_purge_leaves_it_stale),
        ONE(leaves_go_with_their_body),
        THREE(feat_I2_an_owner_that_is_behind_is_told_first),
        THREE(an_owner_that_learns_nothing_is_passed_over),
        THREE(purges_survive_their_issuer),
        THREE(a_node_that_lost_its_file_begins_another_log),
        THREE(a_forged_purge_breaks_the_session),
        THREE(feat_I7_who_was_stopped_asks_before_it_serves),
        THREE(who_wakes_alone_serves_what_it_has),
        cmocka_unit_test(feat_I2_whatever_happens_no_purged_copy_comes_back),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
