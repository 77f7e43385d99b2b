#include "sim/viewer_model.h"

#include <stdio.h>
#include <stdlib.h>

#include "sim/body.h"
#include "sim/digits.h"
#include "sim/disk/disk_check.h"
#include "sim/faults/origin_poison.h"
#include "sim/net/last_mile.h"
#include "sim/origin_answer.h"
#include "sim/origin_model.h"
#include "sim/purge_model.h"
#include "sim/rules/check.h"
#include "sim/rules/check_answer.h"
#include "sim/rules/check_change.h"
#include "sim/rules/check_wish.h"
#include "sim/series.h"
#include "sim/viewers/notes.h"
#include "sim/viewers/viewer.h"
#include "sim/viewers/wish.h"
#include "sim/warmth.h"

#define VIEWER_MAGIC 0x76696577u
#define PIECES       8
#define SLOW_BYTES   (64u << 10)
#define SLOW_EVERY   MS(20)
#define UNHEARD      SEC(15) /* who was cut off for a while may have older copies of what was changed */
#define HEAD_BYTES   400     /* of an answer, about */

/* More than a plain GET, and what of the answer goes to who asked so: as the rim of a node chooses it. */
struct asking {
    struct wish wish;
    struct fields fields;
    struct selection selection;
    size_t part; /* the next one */
};

struct viewer {
    uint32_t magic;
    struct event ev;  /* asks late, or a slow one reads on */
    struct event go;  /* its patience ends */
    struct list link; /* in edge->viewers */
    struct edge *edge;
    struct asking *x; /* NULL: a plain GET */
    uint64_t number, key, size;
    uint64_t at, pos;        /* bytes it has; where in the body the next one lies */
    uint64_t want, left;     /* bytes it is to get; those of this part still to come, UINT64_MAX: all that comes */
    uint64_t leaves_at;      /* goes after so many bytes; UINT64_MAX: stays */
    uint64_t version;        /* of the body that it gets */
    uint64_t floor;          /* older ones it must not get: they were purged, */
    uint64_t changed_floor;  /* or a viewer has changed them */
    uint64_t memory_refused; /* to its node, before it asked */
    mesh_ns began, asked_at, first_byte_at;
    struct last_mile mile;
    bool asked, slow, head_seen;
    bool page; /* it gets the origin's own page in place of the body */
    char path[BODY_PATH_MAX], id[24];
    struct request req;
};

static void read_on(struct world *w, struct event *ev);

static bool is_post(const struct viewer *v)
{
    return v->x != NULL && v->x->wish.post;
}

/* ---- the end of one ---- */

/* A body of which no node keeps a copy cannot go on from another one when the node it came
 * through fails: because it may not be kept, or because it is too long for any cache and,
 * coming without a length, cannot be proved the same in time; or because it was purged; or
 * because who has not heard that a viewer changed it has another one. What is read leaf by
 * leaf cannot go on either when the leaves that are still to come have changed. */
static bool beyond_help(const struct viewer *v)
{
    const struct world *w = v->edge->w;
    const struct scenario *sc = &w->sc;
    bool changed = v->head_seen && v->version < purge_version(w, v->key);
    const struct origin_key *k = &w->origin->keys[v->key - 1];
    bool told = k->changes > 0 && k->changed_at >= v->began - UNHEARD;
    bool passes =
        told || body_no_store(sc, v->key) || (body_chunked(sc, v->key) && v->size > sc->memory / 8) || changed;
    bool in_parts = changed && v->x != NULL && v->x->wish.range[0] != '\0';
    bool paged = told && changed && sc->disk > 0; /* what is read from a disk piece by piece goes with the change */

    return v->req.head_sent && (in_parts || paged || (passes && check_was_disturbed(w, v->began)));
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
    viewer_note_end(w, e->index, v->number, how, count ? (int)result : -1, v->at);
    if (count) {
        e->counted[result]++;
        if (!is_post(v))
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
    free(v->x);
    free(v);
}

void viewers_node_stops(struct edge *e)
{
    LIST_EACH_SAFE (at, &e->viewers)
        viewer_end(OBJ_OF(at, struct viewer, link), VIEWER_CUT);
}

/* ---- its answer ---- */

/* A part where one was asked for, which only the origin could answer; or that there is none. */
static bool is_relayed(const struct viewer *v)
{
    uint16_t status = v->req.answer.head->status;

    return v->x != NULL && v->x->wish.range[0] != '\0' && (status == 206 || status == 416);
}

/* What it gets of the answer (node/io/exchange_write.c), and whether it should. */
static void choose(struct viewer *v)
{
    struct world *w = v->edge->w;
    struct edge *e = v->edge;
    struct asking *x = v->x;
    const struct answer *a = &v->req.answer;
    const struct wish *wish = &x->wish;
    struct wants wants = { slice_str(wish->range), slice_str(wish->validator), slice_str(wish->if_none_match),
                           slice_str(wish->if_modified_since) };
    struct selection *s = &x->selection;
    struct span span = { 0, v->size };

    request_answer(e->engine, edge_now(e), &v->req);
    selection_make(s, &wants, a->head, a->has_length, a->length, wish->head,
                   world_wall_s(w) + e->wall_off_s - a->age_ns / SEC(1));
    if (!v->page)
        check_wish(w, e, v->key, v->version, wish, a, s, origin_model_poisoned(w, v->key, v->began - SEC(1)), &span);
    v->pos = span.first;
    v->want = span.length;
    if (wish->head || s->how == SELECT_NOT_MODIFIED || s->how == SELECT_UNSATISFIABLE) {
        v->req.until = 0; /* no byte of the body is wanted */
        v->want = v->left = 0;
    } else if (s->how == SELECT_RANGES) {
        v->want = v->left = 0;
        for (size_t i = 0; i < s->ranges.n; i++)
            v->want += s->ranges.at[i].length;
    }
}

/* Goes to where the next range begins. False: there is none. */
static bool next_part(struct viewer *v)
{
    struct asking *x = v->x;

    if (x == NULL || x->part == x->selection.ranges.n)
        return false;
    const struct range *r = &x->selection.ranges.at[x->part++];
    v->pos = r->first;
    v->left = r->length;
    request_seek(v->edge->engine, edge_now(v->edge), &v->req, r->first, r->length);
    return true;
}

/* The origin's answer to who wanted something changed. */
static void see_change(struct viewer *v)
{
    struct world *w = v->edge->w;
    const struct answer *a = &v->req.answer;
    uint16_t status = a->head->status;

    v->want = status == 200 ? (v->size < ORIGIN_SAYS_MAX ? v->size : ORIGIN_SAYS_MAX) : 0;
    if ((status != 200 && status != 201 && status != 204 && status != 409) || !a->passed || a->stored ||
        body_version(&w->sc, v->key, kept_head_value(a->head, SLICE_LIT("etag")), &v->version) != 0)
        check_broken(w, RULE_BODY, "key %llu at %s: the answer to POST is not the origin's (status %u)",
                     (unsigned long long)v->key, v->edge->name, status);
    if (status < 400)
        check_change_told(v->edge, v->key, v->version, v->asked_at);
}

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
    viewer_note_answer(w, v->edge->index, v->number, a->head->status, a->result);
    if (is_post(v)) {
        see_change(v);
        return;
    }
    if (a->head->status == poison_status(POISON_PAGE, 0) && origin_model_poisoned(w, v->key, v->began - SEC(1))) {
        v->page = true;
        v->size = v->want = poison_page().len;
        if (v->x != NULL)
            choose(v);
        return;
    }
    if ((a->head->status != 200 && !is_relayed(v)) ||
        body_version(&w->sc, v->key, kept_head_value(a->head, SLICE_LIT("etag")), &v->version) != 0)
        check_broken(w, RULE_BODY, "key %llu at %s: the answer's head is not the origin's (status %u)",
                     (unsigned long long)v->key, v->edge->name, a->head->status);
    uint64_t length = v->size;
    if (v->x != NULL)
        choose(v);
    if (is_relayed(v))
        length = v->want;
    if (a->has_length && a->length != length)
        check_broken(w, RULE_BODY, "key %llu at %s: a length of %llu, not %llu", (unsigned long long)v->key,
                     v->edge->name, (unsigned long long)a->length, (unsigned long long)length);
    if (v->version < v->floor)
        check_broken(w, RULE_PURGED, "key %llu at %s: version %llu, asked for %lld ms before, though %llu was purged",
                     (unsigned long long)v->key, v->edge->name, (unsigned long long)v->version,
                     (long long)((w->now - v->asked_at) / MS(1)), (unsigned long long)v->floor);
    if (v->version < v->changed_floor)
        check_broken(w, RULE_CHANGED, "key %llu at %s: version %llu, asked for %lld ms before, though %llu was told of",
                     (unsigned long long)v->key, v->edge->name, (unsigned long long)v->version,
                     (long long)((w->now - v->asked_at) / MS(1)), (unsigned long long)v->changed_floor);
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
        if (v->page ? !slice_eq(piece, slice_head(slice_from(poison_page(), (size_t)(v->pos + n)), piece.len))
                    : !body_same(&w->sc, v->key, v->version, v->pos + n, piece))
            check_broken(w, RULE_BODY, "key %llu at %s: the bytes from %llu on are not the origin's",
                         (unsigned long long)v->key, v->edge->name, (unsigned long long)(v->pos + n));
        n += piece.len;
    }
    if (n > 0) {
        v->at += n;
        v->pos += n;
        v->left -= v->left == UINT64_MAX ? 0 : n;
        if (v->mile.delay > 0)
            last_mile_send(&v->mile, w->now, n);
        w->viewers->bytes += n;
        series_bytes(w, SERIES_VIEWERS, n);
        v->edge->body_bytes += n;
        viewer_note_read(w, v->edge->index, v->number, n);
        engine_count_sent(v->edge->engine, n);
        request_take(v->edge->engine, edge_now(v->edge), &v->req, (size_t)n);
    }
    return n;
}

static void whole(struct viewer *v)
{
    if (v->at != v->want)
        check_broken(v->edge->w, RULE_BODY, "key %llu at %s: the body ended after %llu bytes of %llu",
                     (unsigned long long)v->key, v->edge->name, (unsigned long long)v->at, (unsigned long long)v->want);
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
        if (v->left == 0 && !next_part(v)) {
            whole(v);
            return;
        }
        if (most > v->left)
            most = v->left;
        uint64_t n = take(v, most);
        if (v->at >= v->leaves_at) {
            viewer_end(v, VIEWER_GONE);
            return;
        }
        if (v->left == UINT64_MAX && request_done(&v->req)) {
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

static void ask_for_more(struct viewer *v)
{
    struct asking *x = v->x;
    char text[WISH_TEXT_MAX];

    wish_fields(&x->wish, &x->fields);
    v->req.fields = &x->fields;
    v->req.method = x->wish.post ? SLICE_LIT("POST") : x->wish.head ? SLICE_LIT("HEAD") : SLICE_LIT("GET");
    v->edge->w->changes->asked += x->wish.post;
    if (!x->wish.head && x->wish.range[0] != '\0') {
        v->req.range = slice_str(x->wish.range);
        v->req.if_range = slice_str(x->wish.validator);
    }
    wish_text(&x->wish, text);
    world_notef(v->edge->w, NOTE_ASK, v->edge->index, "%llu %.*s %s", (unsigned long long)v->number,
                SLICE_FMT(v->req.target), text);
}

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
    v->changed_floor = check_change_floor(e, v->key);
    v->ev.fire = read_on;
    v->req.io = v;
    v->req.host = SLICE_LIT("www.example");
    v->req.target = body_path(v->key, v->path);
    v->req.request_id = slice_str(v->id);
    v->req.fields = &no_fields;
    if (v->x != NULL)
        ask_for_more(v);
    else
        viewer_note_ask(w, e->index, v->number, v->req.target);
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

/* NULL: a plain GET is all that it wants. */
static struct asking *asking_of(const struct world *w, uint64_t number, uint64_t key)
{
    struct wish wish;

    if (w->sc.heads + w->sc.conditional + w->sc.ranges + w->sc.posts == 0 || !wish_draw(&wish, w, number, key))
        return NULL;
    struct asking *x = world_alloc(sizeof(*x));
    x->wish = wish;
    return x;
}

void viewer_new(struct world *w, struct edge *e, uint64_t number, uint64_t key, struct rand *r)
{
    struct viewer *v = world_alloc(sizeof(*v));
    struct viewers *all = w->viewers;

    v->magic = VIEWER_MAGIC;
    v->ev.fire = ask;
    v->go.fire = go;
    v->edge = e;
    v->number = number;
    v->key = key;
    v->size = v->want = body_size(&w->sc, key);
    v->left = UINT64_MAX;
    v->x = asking_of(w, number, key);
    v->slow = draw_ppm(r, w->sc.slow_viewers);
    v->leaves_at = UINT64_MAX;
    v->began = w->now;
    v->mile.delay = (mesh_ns)w->sc.viewer_delay;
    list_init(&v->link);
    list_push_back(&e->viewers, &v->link);
    *digits_put(v->id, number) = '\0';
    all->begun++;
    all->under_way++;
    if (!is_post(v)) {
        all->keys_asked += !all->key_asked[key - 1];
        all->key_asked[key - 1] = 1;
    }
    if (draw_ppm(r, w->sc.leavers)) {
        if (rand_below(r, 2) == 0)
            world_at(w, &v->go, w->now + draw_ns(r, MS(200)));
        else
            v->leaves_at = rand_below(r, v->size + 1);
    }
    world_at(w, &v->ev, w->now + v->mile.delay);
}
