#include "sim/viewer_model.h"

#include <stdio.h>
#include <stdlib.h>

#include "sim/body.h"
#include "sim/rules/check.h"
#include "sim/rules/check_answer.h"
#include "sim/digits.h"
#include "sim/disk/disk_check.h"
#include "sim/net/last_mile.h"
#include "sim/origin_model.h"
#include "sim/faults/origin_poison.h"
#include "sim/purge_model.h"
#include "sim/series.h"
#include "sim/warmth.h"
#include "sim/workload.h"
#include "sim/zipf.h"

#define VIEWER_MAGIC 0x76696577u
#define PIECES       8
#define SLOW_BYTES   (64u << 10)
#define SLOW_EVERY   MS(20)
#define HEAD_BYTES   400 /* of an answer, about */

struct viewer {
    uint32_t magic;
    struct event ev;  /* asks late, or a slow one reads on */
    struct event go;  /* its patience ends */
    struct list link; /* in edge->viewers */
    struct edge *edge;
    uint64_t number, key, size, at;
    uint64_t leaves_at;      /* goes after so many bytes; UINT64_MAX: stays */
    uint64_t version;        /* of the body that it gets */
    uint64_t floor;          /* older ones it must not get */
    uint64_t memory_refused; /* to its node, before it asked */
    mesh_ns began, asked_at, first_byte_at;
    struct last_mile mile;
    bool asked, slow, head_seen;
    bool page; /* it gets the origin's own page in place of the body */
    char path[BODY_PATH_MAX], id[24];
    struct request req;
};

static void arrive(struct world *w, struct event *ev);
static void read_on(struct world *w, struct event *ev);

/* ---- times ---- */

void times_add(struct times *t, mesh_ns ns)
{
    if (t->n == t->cap) {
        t->cap = 2 * t->cap + 256;
        uint64_t *grown = world_alloc(t->cap * sizeof(*grown));
        if (t->n > 0)
            memcpy(grown, t->at, t->n * sizeof(*grown));
        free(t->at);
        t->at = grown;
    }
    t->at[t->n++] = (uint64_t)ns;
    t->sorted = false;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

uint64_t times_at(struct times *t, unsigned per_mille)
{
    if (t->n == 0)
        return FIGURE_NEVER;
    if (!t->sorted)
        qsort(t->at, t->n, sizeof(*t->at), compare); /* equal ones are the same: no ties to break */
    t->sorted = true;
    return t->at[(t->n - 1) * per_mille / 1000];
}

/* ---- who asks ---- */

struct viewers *viewers_new(struct world *w)
{
    struct viewers *v = world_alloc(sizeof(*v));
    uint64_t sum = 0;

    v->arrive.fire = arrive;
    v->key_asked = world_alloc((size_t)w->sc.keys);
    v->to_ask = w->sc.load != NULL ? workload_count(&w->sc)
                : w->sc.every_node ? w->sc.keys * w->sc.nodes
                                   : w->sc.requests;
    if (w->sc.zipf && w->sc.load == NULL) {
        uint64_t each = w->sc.sample, rank = 0; /* each key stands for so many ranks */
        v->popularity = world_alloc((size_t)w->sc.keys * sizeof(*v->popularity));
        for (uint64_t i = 0; i < w->sc.keys; v->popularity[i++] = sum) {
            for (uint64_t k = 0; k < each; k++)
                sum += zipf_weight(++rank, w->sc.zipf_exponent);
        }
    }
    return v;
}

void viewers_free(struct viewers *v)
{
    if (v == NULL)
        return;
    free(v->popularity);
    free(v->key_asked);
    free(v->first_byte_ns.at);
    free(v->last_byte_ns.at);
    for (size_t i = 0; i < 6; i++)
        free(v->by_result_ns[i].at);
    free(v);
}

/* The i-th of all requests comes at a random moment of the i-th of equal parts of the time. */
static mesh_ns arrival(const struct world *w, uint64_t i)
{
    if (w->sc.load != NULL)
        return workload_of(&w->sc, i).at;
    struct rand r = world_rand(w, i, DRAW_ARRIVAL);
    uint64_t span = w->sc.time - w->sc.warmup, n = w->viewers->to_ask;
    uint64_t part = span / n, at = part * i + span % n * i / n;

    return (mesh_ns)(w->sc.warmup + at + (part > 0 ? rand_below(&r, part) : 0));
}

void viewers_begin(struct world *w)
{
    if (w->viewers->to_ask > 0)
        world_at(w, &w->viewers->arrive, arrival(w, 0));
}

/* The node that a viewer is sent to: |wish|, or the next one that takes viewers. NULL: none does. */
static struct edge *pick_node(struct world *w, uint64_t wish)
{
    for (uint64_t i = 0; i < w->sc.nodes; i++) {
        struct edge *e = &w->edges[(wish + i) % w->sc.nodes];
        if (edge_serves(e) && (!w->sc.ready_only || engine_ready(e->engine, NULL)))
            return e;
    }
    return NULL;
}

static uint64_t pick_key(const struct world *w, struct rand *r)
{
    const struct viewers *v = w->viewers;
    uint64_t low = 0, high = w->sc.keys - 1;

    if (w->sc.hot > 0 && draw_ppm(r, w->sc.hot))
        return 1;
    if (v->popularity == NULL)
        return 1 + rand_below(r, w->sc.keys);
    uint64_t at = rand_below(r, v->popularity[high]);
    while (low < high) {
        uint64_t middle = (low + high) / 2;
        if (v->popularity[middle] > at)
            high = middle;
        else
            low = middle + 1;
    }
    return 1 + low;
}

/* ---- the end of one ---- */

/* A body of which no node keeps a copy cannot go on from another one when the node it came
 * through fails: because it may not be kept, or because it is too long for any cache and,
 * coming without a length, cannot be proved the same in time; or because it was purged. */
static bool beyond_help(const struct viewer *v)
{
    const struct world *w = v->edge->w;
    const struct scenario *sc = &w->sc;
    bool passes = body_no_store(sc, v->key) || (body_chunked(sc, v->key) && v->size > sc->memory / 8) ||
                  (v->head_seen && v->version < purge_version(w, v->key));

    return v->req.head_sent && passes && check_was_disturbed(w, v->began);
}

/* When it has the last byte of what it took at its node by now. */
static mesh_ns last_byte_at(struct viewer *v)
{
    mesh_ns now = v->edge->w->now;

    return v->mile.delay > 0 && v->head_seen ? last_mile_end(&v->mile, now) : now;
}

/* Its line for who reads along (--answers). */
static void tell(struct viewer *v, enum viewer_end how, enum request_result result)
{
    static const char *const ends[] = { "served", "failed", "cut", "gone" };
    const struct world *w = v->edge->w;
    bool served = how == VIEWER_SERVED;
    char line[160];

    if (w->tap.answer == NULL)
        return;
    snprintf(line, sizeof(line), "%llu,%lld,%s,%s,%s,%s,%lld,%lld,%llu", (unsigned long long)v->number,
             (long long)(v->began / US(1)), v->edge->name, v->path, ends[how],
             v->head_seen ? request_result_word(result) : "",
             served ? (long long)((v->first_byte_at - v->began) / US(1)) : -1,
             served ? (long long)((last_byte_at(v) - v->began) / US(1)) : -1, (unsigned long long)v->at);
    w->tap.answer(w->tap.answer_ctx, line);
}

/* Its own node was refused memory while it waited. */
static bool short_of_memory(const struct viewer *v)
{
    return v->asked && v->edge->memory_refused > v->memory_refused;
}

/* Its line in the books that reports are drawn from. */
static void note_series(const struct viewer *v, enum viewer_end how, enum request_result result)
{
    static const enum series_end by_result[] = {
        [RESULT_HIT] = SERIES_HIT,   [RESULT_REFRESH] = SERIES_HIT, [RESULT_STALE] = SERIES_STALE,
        [RESULT_PEER] = SERIES_PEER, [RESULT_MISS] = SERIES_ORIGIN, [RESULT_ERROR] = SERIES_FAILED
    };
    bool served = how == VIEWER_SERVED;
    enum series_end end = served ? by_result[result] : how == VIEWER_GONE ? SERIES_GONE : SERIES_FAILED;

    series_request(v->edge->w, v->began, end, served ? v->first_byte_at - v->began : -1);
}

/* Lines in the trace. */
#define NOTE_MAX 160

static void note(const struct viewer *v, enum note kind, const char *text, const char *end)
{
    world_note(v->edge->w, kind, v->edge->index, slice_of(text, (size_t)(end - text)));
}

static void note_end(const struct viewer *v, enum viewer_end how, bool count, enum request_result result)
{
    char text[NOTE_MAX], *at = digits_put(text, v->number);

    *at++ = ' ';
    at = digits_put(at, (uint64_t)how);
    *at++ = ' ';
    at = count ? digits_put(at, (uint64_t)result) : digits_word(at, SLICE_LIT("-1"));
    *at++ = ' ';
    note(v, NOTE_ASK_END, text, digits_put(at, v->at));
}

static void note_answer(const struct viewer *v, uint64_t status, enum request_result result)
{
    char text[NOTE_MAX], *at = digits_put(text, v->number);

    *at++ = ' ';
    at = digits_put(at, status);
    *at++ = ' ';
    note(v, NOTE_ANSWER, text, digits_word(at, slice_str(request_result_word(result))));
}

static void note_read(const struct viewer *v, uint64_t n)
{
    char text[NOTE_MAX], *at = digits_put(text, v->number);

    *at++ = ' ';
    note(v, NOTE_READ, text, digits_put(at, n));
}

static void note_ask(const struct viewer *v)
{
    char text[NOTE_MAX], *at = digits_put(text, v->number);

    *at++ = ' ';
    note(v, NOTE_ASK, text, digits_word(at, v->req.target));
}

static void viewer_end(struct viewer *v, enum viewer_end how)
{
    struct edge *e = v->edge;
    struct world *w = e->w;
    struct viewers *all = w->viewers;
    bool failed = how == VIEWER_FAILED;
    /* One that went before there was an answer has no result to be counted by. */
    bool count = how == VIEWER_SERVED || failed || (how == VIEWER_GONE && v->head_seen);
    enum request_result result = failed ? RESULT_ERROR : v->req.answer.result;

    /* A failure at the origin is known to those who ask another node a while later; and one that failed again and again
     * is left alone for up to five seconds (node/core/gate.c). */
    mesh_ns since = v->began - (check_was_disturbed(w, v->began) ? SEC(15) : SEC(6));

    if (failed && !origin_model_excuses(w, v->key, since) && !beyond_help(v) && !short_of_memory(v)) {
        check_broken(w, RULE_FAULT,
                     "request %llu for key %llu at %s %s after %lld ms without a fault to explain it: %s",
                     (unsigned long long)v->number, (unsigned long long)v->key, e->name,
                     v->req.head_sent ? "was broken off" : "failed", (long long)((w->now - v->began) / MS(1)),
                     v->req.error_text != NULL ? v->req.error_text : "no reason given");
        w->check->unexplained++;
    }
    note_end(v, how, count, result);
    if (count) {
        e->counted[result]++;
        warmth_answer(w, v->key, result != RESULT_MISS && result != RESULT_ERROR);
    }
    note_series(v, how, result);
    tell(v, how, result);
    if (how == VIEWER_GONE)
        world_bit(w, FAULT_LEAVER);
    all->ends[how]++;
    all->ended++;
    all->under_way--;
    if (how == VIEWER_SERVED && v->began >= (mesh_ns)w->sc.figures_from) {
        times_add(&all->first_byte_ns, v->first_byte_at - v->began);
        times_add(&all->last_byte_ns, last_byte_at(v) - v->began);
        times_add(&all->by_result_ns[result], last_byte_at(v) - v->began);
    }
    if (v->asked)
        engine_request_end(e->engine, edge_now(e), &v->req, count);
    world_drop(w, &v->ev);
    world_drop(w, &v->go);
    list_remove(&v->link);
    v->magic = 0;
    free(v);
}

void viewers_node_stops(struct edge *e)
{
    LIST_EACH_SAFE (at, &e->viewers)
        viewer_end(OBJ_OF(at, struct viewer, link), VIEWER_CUT);
}

/* ---- its answer ---- */

static void see_head(struct viewer *v)
{
    struct world *w = v->edge->w;
    const struct answer *a = &v->req.answer;

    check_waited(w, v->edge, v->key, v->asked_at);
    v->head_seen = true;
    v->req.head_sent = true;
    v->first_byte_at = w->now + v->mile.delay;
    if (v->mile.delay > 0)
        last_mile_send(&v->mile, w->now, HEAD_BYTES);
    note_answer(v, a->head->status, a->result);
    if (a->head->status == poison_status(POISON_PAGE, 0) && origin_model_poisoned(w, v->key, v->began - SEC(1))) {
        v->page = true;
        v->size = poison_page().len;
        return;
    }
    if (a->head->status != 200 ||
        body_version(&w->sc, v->key, kept_head_value(a->head, SLICE_LIT("etag")), &v->version) != 0)
        check_broken(w, RULE_BODY, "key %llu at %s: the answer's head is not the origin's (status %u)",
                     (unsigned long long)v->key, v->edge->name, a->head->status);
    if (a->has_length && a->length != v->size)
        check_broken(w, RULE_BODY, "key %llu at %s: a length of %llu, not %llu", (unsigned long long)v->key,
                     v->edge->name, (unsigned long long)a->length, (unsigned long long)v->size);
    if (v->version < v->floor)
        check_broken(w, RULE_PURGED, "key %llu at %s: version %llu, asked for %lld ms before, though %llu was purged",
                     (unsigned long long)v->key, v->edge->name, (unsigned long long)v->version,
                     (long long)((w->now - v->asked_at) / MS(1)), (unsigned long long)v->floor);
    purge_served(w, v->key, v->version, v->asked_at);
    disk_check_answer(v->edge, v->key, &v->req);
    check_answer(w, v->edge, v->key, v->asked_at, a->result);
}

/* Compares and takes up to |most| bytes; returns how many. */
static uint64_t take(struct viewer *v, uint64_t most)
{
    struct slice pieces[PIECES];
    struct world *w = v->edge->w;
    uint64_t n = 0;
    size_t count = request_body(&v->req, pieces, PIECES);

    for (size_t i = 0; i < count && n < most; i++) {
        struct slice piece = slice_head(pieces[i], (size_t)(most - n < pieces[i].len ? most - n : pieces[i].len));
        if (v->page ? !slice_eq(piece, slice_head(slice_from(poison_page(), (size_t)(v->at + n)), piece.len))
                    : !body_same(&w->sc, v->key, v->version, v->at + n, piece))
            check_broken(w, RULE_BODY, "key %llu at %s: the bytes from %llu on are not the origin's",
                         (unsigned long long)v->key, v->edge->name, (unsigned long long)(v->at + n));
        n += piece.len;
    }
    if (n > 0) {
        v->at += n;
        if (v->mile.delay > 0)
            last_mile_send(&v->mile, w->now, n);
        w->viewers->bytes += n;
        series_bytes(w, SERIES_VIEWERS, n);
        v->edge->body_bytes += n;
        note_read(v, n);
        engine_count_sent(v->edge->engine, n);
        request_take(v->edge->engine, edge_now(v->edge), &v->req, (size_t)n);
    }
    return n;
}

static void whole(struct viewer *v)
{
    if (v->at != v->size)
        check_broken(v->edge->w, RULE_BODY, "key %llu at %s: the body ended after %llu bytes of %llu",
                     (unsigned long long)v->key, v->edge->name, (unsigned long long)v->at, (unsigned long long)v->size);
    viewer_end(v, VIEWER_SERVED);
}

/* Reads what there is. |v| may be gone after this. */
static void viewer_read(struct viewer *v)
{
    struct world *w = v->edge->w;

    if (v->req.state == REQUEST_FAILED) {
        if (!v->head_seen)
            check_waited(w, v->edge, v->key, v->asked_at);
        viewer_end(v, VIEWER_FAILED);
        return;
    }
    if (v->req.state != REQUEST_BODY)
        return;
    if (!v->head_seen)
        see_head(v);
    for (;;) {
        uint64_t most = v->leaves_at - v->at;
        if (v->slow && most > SLOW_BYTES)
            most = SLOW_BYTES;
        uint64_t n = take(v, most);
        if (v->at >= v->leaves_at) {
            viewer_end(v, VIEWER_GONE);
            return;
        }
        if (request_done(&v->req)) {
            whole(v);
            return;
        }
        if (n == 0)
            return;
        if (v->slow) {
            world_at(w, &v->ev, w->now + SLOW_EVERY);
            return;
        }
    }
}

static void read_on(struct world *w, struct event *ev)
{
    struct viewer *v = OBJ_OF(ev, struct viewer, ev);
    struct edge *e = v->edge;

    if (edge_held(e, ev))
        return;
    world_bit(w, FAULT_SLOW_READER);
    edge_enter(e);
    viewer_read(v);
    edge_pump(e);
}

void viewer_news(struct edge *e, struct request *r)
{
    struct viewer *v = r->io;

    OBJ_CHECK(v, VIEWER_MAGIC);
    assert(v->edge == e);
    if (v->ev.node.queued && r->state != REQUEST_FAILED)
        return; /* a slow one: in its own time */
    viewer_read(v);
}

/* ---- its question ---- */

static void ask(struct world *w, struct event *ev)
{
    static const struct fields no_fields;
    struct viewer *v = OBJ_OF(ev, struct viewer, ev);
    struct edge *e = v->edge;

    if (edge_held(e, ev))
        return;
    v->asked = true;
    v->asked_at = w->now;
    v->memory_refused = e->memory_refused;
    v->floor = purge_floor(e, v->key);
    v->ev.fire = read_on;
    v->req.io = v;
    v->req.host = SLICE_LIT("www.example");
    v->req.target = body_path(v->key, v->path);
    v->req.request_id = slice_str(v->id);
    v->req.fields = &no_fields;
    note_ask(v);
    engine_request(edge_enter(e), edge_now(e), &v->req);
    viewer_read(v);
    edge_pump(e);
}

static void go(struct world *w, struct event *ev)
{
    struct viewer *v = OBJ_OF(ev, struct viewer, go);
    struct edge *e = v->edge;

    (void)w;
    if (edge_held(e, ev))
        return;
    edge_enter(e);
    viewer_end(v, VIEWER_GONE);
    edge_pump(e);
}

/* A viewer with a question for |e|, now. */
static void viewer_new(struct world *w, struct edge *e, uint64_t number, uint64_t key, struct rand *r)
{
    struct viewer *v = world_alloc(sizeof(*v));
    struct viewers *all = w->viewers;

    v->magic = VIEWER_MAGIC;
    v->ev.fire = ask;
    v->go.fire = go;
    v->edge = e;
    v->number = number;
    v->key = key;
    v->size = body_size(&w->sc, key);
    v->slow = draw_ppm(r, w->sc.slow_viewers);
    v->leaves_at = UINT64_MAX;
    v->began = w->now;
    v->mile.delay = (mesh_ns)w->sc.viewer_delay;
    list_init(&v->link);
    list_push_back(&e->viewers, &v->link);
    *digits_put(v->id, number) = '\0';
    all->begun++;
    all->under_way++;
    all->keys_asked += !all->key_asked[key - 1];
    all->key_asked[key - 1] = 1;
    if (draw_ppm(r, w->sc.leavers)) {
        if (rand_below(r, 2) == 0)
            world_at(w, &v->go, w->now + draw_ns(r, MS(200)));
        else
            v->leaves_at = rand_below(r, v->size + 1);
    }
    world_at(w, &v->ev, w->now + v->mile.delay);
}

static void arrive(struct world *w, struct event *ev)
{
    struct viewers *all = w->viewers;
    uint64_t i = all->asked++, key, wish;
    struct rand r = world_rand(w, i, DRAW_VIEWER);

    if (w->sc.load != NULL) {
        struct workload_event logged = workload_of(&w->sc, i);
        wish = logged.node;
        key = logged.key;
    } else if (w->sc.every_node) {
        /* In an order that has each key at all nodes at different times. */
        wish = i / w->sc.keys;
        key = 1 + (i + wish * 7919) % w->sc.keys;
    } else {
        wish = w->sc.ask_from - 1 + rand_below(&r, w->sc.nodes - w->sc.ask_from + 1);
        key = pick_key(w, &r);
    }
    struct edge *e = pick_node(w, wish);
    if (e != NULL)
        viewer_new(w, e, i, key, &r);
    if (all->asked < all->to_ask)
        world_at(w, ev, arrival(w, all->asked));
}

void viewers_one(struct world *w, uint64_t node, uint64_t key)
{
    struct edge *e = pick_node(w, node);
    uint64_t number = (UINT64_C(1) << 32) + w->viewers->begun;
    struct rand r = world_rand(w, number, DRAW_VIEWER);

    if (e != NULL)
        viewer_new(w, e, number, key, &r);
}

void viewers_flash(struct world *w, uint64_t key, uint64_t n)
{
    uint64_t before = w->viewers->begun;

    for (uint64_t i = 0; i < n; i++)
        viewers_one(w, i, key);
    if (w->viewers->begun > before + 1)
        world_bit(w, FAULT_FLASH);
}
