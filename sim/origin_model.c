/* A supply is one request to the origin.
 *
 *   ASKED --delay--> HEAD --pieces at a rate--> END
 *     | refused, hangs, or cut off in mid-body by its fate */
#include "sim/origin_model.h"

#include <stdlib.h>

#include "proto/base/err.h"
#include "sim/body.h"
#include "sim/net/link_model.h"
#include "sim/origin_answer.h"
#include "sim/rules/check.h"
#include "sim/rules/check_fetch.h"
#include "sim/series.h"
#include "sim/warmth.h"

#define PIECE_MAX (16u << 10)
#define NEAR_RTT  MS(2) /* of a connection from the origin's own region */

struct supply {
    struct event ev;
    struct list link; /* in edge->supplies */
    struct edge *edge;
    struct fetch *fetch;
    struct rand rand;
    struct origin_answer a;
    uint64_t key, at; /* the next byte */
    uint64_t cut_at;  /* this many bytes, then nothing; UINT64_MAX: whole */
    mesh_ns began;
    enum poison poison;
    bool trickles;           /* a byte a second */
    bool head_sent, waiting; /* waiting: paused, without an event */
};

static void supply_fire(struct world *w, struct event *ev);

struct origin_model *origin_model_new(struct world *w)
{
    struct origin_model *o = world_alloc(sizeof(*o));

    o->keys = world_alloc((size_t)w->sc.keys * sizeof(*o->keys));
    for (size_t i = 0; i < w->sc.keys; i++)
        o->keys[i].trouble_at = o->keys[i].poisoned_at = INT64_MIN;
    o->trouble_until = INT64_MIN;
    return o;
}

void origin_model_free(struct origin_model *o)
{
    if (o == NULL)
        return;
    free(o->keys);
    free(o);
}

void origin_model_set(struct world *w, enum origin_state_kind state)
{
    struct origin_model *o = w->origin;

    if (o->state == ORIGIN_UP && state != ORIGIN_UP)
        o->trouble_from = w->now;
    if (state != ORIGIN_UP)
        o->trouble_until = MESH_NS_NEVER;
    else if (o->state != ORIGIN_UP)
        o->trouble_until = w->now;
    o->state = state;
}

bool origin_model_excuses(const struct world *w, uint64_t key, mesh_ns since)
{
    return w->origin->trouble_until >= since || w->origin->keys[key - 1].trouble_at >= since;
}

bool origin_model_poisoned(const struct world *w, uint64_t key, mesh_ns since)
{
    return w->origin->keys[key - 1].poisoned_at >= since;
}

static void trouble(struct world *w, uint64_t key)
{
    w->origin->keys[key - 1].trouble_at = w->now;
    w->origin->keys[key - 1].failures++;
}

/* ---- how far it is ---- */

/* More than from its own region, there and back. */
static mesh_ns farther(const struct edge *e)
{
    const struct scenario *sc = &e->w->sc;

    if (sc->rings == 1 || e->region == sc->origin_region - 1)
        return 0;
    if (sc->regions > 0)
        return 2 * link_region_delay(e->region, (unsigned)sc->origin_region - 1);
    return 2 * (mesh_ns)sc->region_delay;
}

void origin_model_probe(struct edge *e)
{
    struct world *w = e->w;

    world_note(w, NOTE_PROBE, e->index, SLICE_EMPTY);
    if (w->origin->state != ORIGIN_UP)
        return;
    e->probe_began = w->now;
    world_at(w, &e->probe, w->now + NEAR_RTT + farther(e));
}

void origin_model_probed(struct world *w, struct event *ev)
{
    struct edge *e = OBJ_OF(ev, struct edge, probe);

    if (edge_held(e, ev))
        return;
    engine_origin_rtt(edge_enter(e), edge_now(e), w->now - e->probe_began);
    edge_pump(e);
}

/* ---- a request to it ---- */

static void supply_free(struct supply *s)
{
    world_drop(s->edge->w, &s->ev);
    list_remove(&s->link);
    free(s);
}

/* What other than copies of it is asked for is no fetch of a key. */
static void count_fetch(struct world *w, uint64_t key, const struct fetch *f)
{
    struct origin_key *k = &w->origin->keys[key - 1];

    if (k->fetches + k->parts == 0)
        k->first_at = w->now;
    if (f->range.len > 0 && w->sc.ranges > 0)
        k->parts++;
    else
        k->fetches++;
    k->last_at = w->now;
    warmth_fetch(w, key);
}

void origin_model_begin(struct edge *e, struct fetch *f)
{
    struct world *w = e->w;
    struct origin_model *o = w->origin;
    struct supply *s = world_alloc(sizeof(*s));

    s->ev.fire = supply_fire;
    s->edge = e;
    s->fetch = f;
    s->key = body_key(&w->sc, f->path);
    s->cut_at = UINT64_MAX;
    s->rand = world_rand(w, ++o->fetches, DRAW_ORIGIN);
    list_init(&s->link);
    list_push_back(&e->supplies, &s->link);
    f->io = s;
    e->fetches++;
    series_fetch(w);
    world_note(w, NOTE_FETCH, e->index, f->path);
    if (s->key == 0) {
        check_broken(w, RULE_BODY, "%s asked the origin for \"%.*s\", which no viewer asked for", e->name,
                     SLICE_FMT(slice_head(f->path, 60)));
        s->key = 1;
    }
    if (f->method.len == 0)
        count_fetch(w, s->key, f);
    origin_answer_to(&s->a, w, f, s->key, o->fetches);
    s->at = s->a.at;
    s->began = w->now;
    check_fetch(e, s->key, f);
    struct rand odd = world_rand(w, o->fetches, DRAW_POISON);
    s->poison = f->method.len == 0 ? poison_draw(w->sc.origin_poison, &odd) : POISON_NONE;
    s->trickles = draw_ppm(&odd, w->sc.origin_trickle);
    if (draw_ppm(&s->rand, w->sc.origin_fail)) /* half of them before the head */
        s->cut_at = rand_below(&s->rand, 2) == 0 ? 0 : rand_below(&s->rand, s->a.size + 1);
    world_at(w, &s->ev, w->now + farther(e) + (mesh_ns)w->sc.origin_delay + draw_ns(&s->rand, w->sc.origin_jitter));
}

void origin_model_stop(struct edge *e, struct fetch *f)
{
    struct supply *s = f->io;

    world_note(e->w, NOTE_FETCH_STOP, e->index, f->path);
    f->io = NULL;
    supply_free(s);
}

void origin_model_flow(struct edge *e, struct fetch *f)
{
    struct supply *s = f->io;

    if (f->paused || !s->waiting)
        return;
    s->waiting = false;
    world_at(e->w, &s->ev, e->w->now);
}

void origin_model_node_stops(struct edge *e)
{
    LIST_EACH_SAFE (at, &e->supplies)
        supply_free(OBJ_OF(at, struct supply, link));
}

/* The engine frees the fetch, so the supply goes first. */
static void supply_end(struct supply *s, int err)
{
    struct edge *e = s->edge;
    struct fetch *f = s->fetch;
    struct world *w = e->w;

    if (err != 0) {
        trouble(w, s->key);
        world_bit(w, FAULT_ORIGIN_ERROR);
    }
    supply_free(s);
    world_notef(w, NOTE_FETCH_END, e->index, "%d", err);
    engine_fetch_end(edge_enter(e), edge_now(e), f, err);
    edge_pump(e);
}

/* It answers what it was not asked: what it sends then, and that this explains much. */
static void supply_poisoned(struct supply *s)
{
    struct world *w = s->edge->w;

    world_bit(w, FAULT_ORIGIN_POISON);
    trouble(w, s->key);
    w->origin->keys[s->key - 1].poisoned_at = w->now;
    s->cut_at = UINT64_MAX;
    if (s->poison == POISON_PAGE || s->poison == POISON_UNCHANGED) {
        s->a.kind = ORIGIN_WHOLE;
        s->at = s->a.at = 0;
        s->a.end = s->poison == POISON_PAGE ? poison_page().len : 0;
    }
}

static void supply_head(struct supply *s)
{
    struct edge *e = s->edge;
    struct world *w = e->w;
    struct origin_head head;

    if (s->poison != POISON_NONE)
        supply_poisoned(s);
    origin_answer_changes(&s->a, w);
    origin_answer_head(&head, &s->a, w, s->poison);
    s->head_sent = true;
    world_note(w, NOTE_FETCH_HEAD, e->index, head.etag);
    e->unchanged += head.status == 304;
    if (s->a.kind == ORIGIN_UNCHANGED)
        check_fetch_validated(e, s->key, s->a.version, s->began);
    engine_fetch_head(edge_enter(e), edge_now(e), s->fetch, head.status, &head.fields, head.length);
}

/* One piece, and when the next one comes. */
static void supply_piece(struct supply *s)
{
    uint8_t bytes[PIECE_MAX];
    struct edge *e = s->edge;
    struct world *w = e->w;
    uint64_t n = 1 + rand_below(&s->rand, PIECE_MAX), end = s->cut_at < s->a.end ? s->cut_at : s->a.end;

    if (n > end - s->at)
        n = end - s->at;
    mesh_ns next = (mesh_ns)(n * (uint64_t)SEC(1) / w->sc.origin_rate);
    if (s->trickles && w->sc.origin_trickle > 0) {
        world_bit(w, FAULT_ORIGIN_TRICKLE);
        trouble(w, s->key);
        n = 1;
        next = SEC(1);
    }
    if (s->poison == POISON_PAGE)
        memcpy(bytes, poison_page().data + s->at, (size_t)n);
    else
        body_fill(&w->sc, s->key, s->a.version, s->at, bytes, (size_t)n);
    s->at += n;
    w->origin->bytes += n;
    series_bytes(w, SERIES_FETCHED, n);
    e->fetch_bytes += n;
    world_at(w, &s->ev, w->now + next);
    world_note(w, NOTE_FETCH_BODY, e->index, slice_of(bytes, (size_t)n));
    engine_fetch_body(edge_enter(e), edge_now(e), s->fetch, slice_of(bytes, (size_t)n));
}

static void supply_fire(struct world *w, struct event *ev)
{
    struct supply *s = OBJ_OF(ev, struct supply, ev);
    struct edge *e = s->edge;

    if (edge_held(e, ev))
        return;
    if (!s->head_sent && w->origin->state == ORIGIN_HANGS) {
        trouble(w, s->key);
        world_bit(w, FAULT_ORIGIN_ERROR);
        if (s->fetch->method.len > 0 && w->now - s->began >= (mesh_ns)w->sc.fetch_timeout)
            supply_end(s, MESH_E_TIMEOUT); /* over requests with content the rim watches */
        else
            world_at(w, ev, w->now + SEC(1)); /* perhaps it goes on */
        return;
    }
    if (!s->head_sent && (w->origin->state == ORIGIN_DOWN || s->cut_at == 0)) {
        supply_end(s, MESH_E_REFUSED);
        return;
    }
    if (s->fetch->paused) {
        s->waiting = true;
        return;
    }
    if (!s->head_sent) {
        supply_head(s);
        world_at(w, ev, w->now);
    } else if (s->at >= s->cut_at && s->cut_at < s->a.end) {
        supply_end(s, MESH_E_CLOSED);
        return;
    } else if (s->at == s->a.end) {
        supply_end(s, 0);
        return;
    } else {
        supply_piece(s);
    }
    edge_pump(e); /* may stop the fetch: |s| is not touched any more */
}
