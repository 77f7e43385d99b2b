/* Viewers' requests: from the target to a copy that is here, to the flight that will
 * bring one, or to a fetch of their own. */
#include <stdlib.h>

#include "node/core/cache_control.h"
#include "node/core/drop.h"
#include "node/core/engine_impl.h"
#include "node/core/methods.h"
#include "node/core/shelf_read.h"
#include "node/core/tier.h"
#include "node/core/warm.h"

#define REQUEST_MAGIC 0x72657175u

const char *request_result_word(enum request_result r)
{
    static const char *const words[] = { "Hit", "RefreshHit", "StaleHit", "PeerHit", "Miss", "Error" };
    return words[r];
}

/* ---- the answer ---- */

static void set_answer(struct request *r, struct object *o)
{
    struct answer *a = &r->answer;

    a->head = o->head;
    a->has_length = o->has_length;
    a->length = o->length;
    a->stored = !o->uncacheable && !o->pass_through;
    r->state = r->awaited > 0 ? REQUEST_WAITING : REQUEST_BODY;
}

void answer_source(struct answer *a, const struct object *o, const struct flight *f, bool leader)
{
    a->collapsed = !leader;
    a->was_stale = f->stale != NULL;
    a->passed = is_passage(f) && o->uncacheable;
    a->from_disk = f->from_disk && object_flight(o) != f;
    a->via_peer = f->from_peer && object_flight(o) == f;
    a->peer_hit = f->peer_hit;
    a->peer_name[0] = a->parent_name[0] = '\0';
    a->parent_hit = f->parent_hit || (f->shield == SHIELD_ASKED && f->peer_hit); /* the peer may be one itself */
    if (a->via_peer) {
        memcpy(a->peer_name, f->peer_name, sizeof(a->peer_name));
        memcpy(a->parent_name, f->parent_name, sizeof(a->parent_name));
    }
    if (a->via_peer)
        a->result = leader && !f->peer_hit && !f->parent_hit ? RESULT_MISS : RESULT_PEER;
    else if (f->validated || f->rescued)
        a->result = f->validated ? RESULT_REFRESH : RESULT_STALE;
    else
        a->result = leader && f->origin != NULL ? RESULT_MISS : RESULT_HIT; /* all of its leaves may have been here */
}

void request_attached(struct request *r, struct object *o, const struct flight *f, bool leader)
{
    struct engine *e = r->engine;

    if (r->parts != NULL) {
        parts_over(e, e->now, r);
        return;
    }
    set_answer(r, o);
    answer_source(&r->answer, o, f, leader);
    if (o->head->status >= 400 && r->page == NULL)
        (void)error_page_begin(e, e->now, r, &f->route, buf_slice(&f->host), o->head->status, o);
    else
        error_page_came(e, r);
}

void request_show(struct request *r, struct object *o)
{
    reader_attach(&r->reader, o);
    memset(&r->answer, 0, sizeof(r->answer));
    set_answer(r, o);
    r->answer.result = RESULT_HIT;
    r->answer.collapsed = o->state == OBJECT_FILLING;
}

void request_refuse(struct request *r, uint16_t status, const char *text)
{
    r->state = REQUEST_FAILED;
    r->error_status = status;
    r->error_text = text;
    r->answer.result = RESULT_ERROR;
}

void request_failed(struct engine *e, struct request *r, uint16_t status, const char *text)
{
    request_refuse(r, status, text);
    engine_ready_reader(e, &r->reader);
}

/* ---- fetches ---- */

void request_fly(struct engine *e, mesh_ns now, struct request *r, struct flight *f)
{
    if (f == NULL) {
        request_failed(e, r, 503, "This node is busy with too many fetches. Try again in a moment.");
        return;
    }
    r->state = REQUEST_WAITING;
    flight_join(f, &r->reader);
    flight_go(e, now, f);
}

void request_go_direct(struct engine *e, mesh_ns now, struct request *r, const struct flight *was)
{
    struct aim aim = { .key = was->primary,
                       .route = was->route,
                       .host = buf_slice(&was->host),
                       .path = buf_slice(&was->path),
                       .request_id = r->request_id,
                       .forward = r->reader.forward };
    request_relay(e, now, r, &aim);
}

void request_relay(struct engine *e, mesh_ns now, struct request *r, const struct aim *aim)
{
    struct flight *f = flight_new(e, now, FLIGHT_DIRECT, aim);

    if (f != NULL) {
        f->personal = aim->personal;
        f->anew = aim->anew;
        f->unkept = aim->unkept;
        buf_add_slice(&f->wanted, r->range);
        buf_add_slice(&f->wanted, r->if_range);
    }
    if (f != NULL && buf_ok(&f->wanted)) {
        f->range = slice_head(buf_slice(&f->wanted), r->range.len);
        f->if_range = slice_from(buf_slice(&f->wanted), r->range.len);
    }
    request_fly(e, now, r, f);
}

static void go_shared(struct engine *e, mesh_ns now, struct request *r, const struct aim *aim)
{
    const struct object *stale = cache_stale(e->cache, now, &aim->key, reader_fields(&r->reader));
    bool solo = stale != NULL && stale->lifetime == 0;
    struct flight *f = solo ? NULL : flight_find(e, &aim->key, reader_fields(&r->reader), FLIGHT_ANY);

    if (f == NULL) {
        request_fly(e, now, r, flight_toward(e, now, false, aim));
        return;
    }
    r->state = REQUEST_WAITING;
    flight_join(f, &r->reader);
    e->counters.collapsed++;
}

static bool answer_stale(struct engine *e, mesh_ns now, struct request *r, const struct aim *aim)
{
    struct object *o = cache_stale(e->cache, now, &aim->key, reader_fields(&r->reader));
    bool refresh;

    if (o == NULL || !stale_served(o, now, &refresh))
        return false;
    request_show(r, o);
    r->answer.result = RESULT_STALE;
    if (refresh)
        stale_refresh(e, now, false, aim);
    return true;
}

/* There is a copy to be validated, or on the disk, or one is being fetched. */
static bool whole_comes(struct engine *e, mesh_ns now, const struct request *r, const struct aim *aim)
{
    const struct fields *fields = reader_fields(&r->reader);

    return cache_stale(e->cache, now, &aim->key, fields) != NULL || tier_has(e, &aim->key) ||
           flight_find(e, &aim->key, fields, FLIGHT_ANY) != NULL;
}

/* What a fetch for |r| needs. False: |r| has failed. */
static bool aim_for(struct request *r, struct aim *aim, bool personal)
{
    r->reader.forward =
        forward_for(aim->route.behaviour, r->fields, personal ? FORWARD_ALONE : FORWARD_SHARED, &r->from);
    if (r->reader.forward == NULL) {
        request_refuse(r, 503, "This node is out of memory for more fetches.");
        return false;
    }
    aim->forward = r->reader.forward;
    aim->personal = personal;
    if (personal) /* the origin sees what it accepts, and what is one viewer's is left as it is */
        r->prefers = CODING_IDENTITY;
    return true;
}

/* Where viewers are obeyed (RFC 9111 section 5.2.1): what is here and good enough for this one, else what the origin
 * has, past all copies. False: |r| wants nothing that others do not, and copies that are here are |o|, or none. */
static bool obey(struct engine *e, mesh_ns now, struct request *r, struct aim *aim, bool personal, struct object *o)
{
    struct request_control rc;
    bool stale = o == NULL;

    request_control_read(&rc, r->fields);
    if (stale && rc.max_stale_s >= 0)
        o = cache_stale(e->cache, now, &aim->key, r->fields);
    if (o != NULL && (!stale || stale_if_error(o, now)) && (!personal || o->for_authorized) &&
        request_takes(&rc, now - o->born, o->lifetime)) {
        request_show(r, o);
        r->answer.result = stale ? RESULT_STALE : RESULT_HIT;
        return true;
    }
    if (rc.only_if_cached) {
        request_refuse(r, 504, "There is no copy here that is good enough, and the request forbids to fetch one.");
        return true;
    }
    if (!rc.no_cache && !rc.no_store && rc.max_age_s < 0 && rc.min_fresh_s < 0)
        return false;
    aim->anew = true;
    aim->unkept = rc.no_store;
    if (aim_for(r, aim, personal))
        request_relay(e, now, r, aim);
    return true;
}

/* There is no fresh copy here. */
static void seek(struct engine *e, mesh_ns now, struct request *r, struct aim *aim, bool personal)
{
    if (!aim_for(r, aim, personal))
        return;
    if (personal || cache_marked(e->cache, now, &aim->key))
        request_relay(e, now, r, aim);
    else if (!answer_stale(e, now, r, aim) && (whole_comes(e, now, r, aim) || !parts_begin(e, now, r, aim)))
        go_shared(e, now, r, aim);
}

void request_seek_again(struct engine *e, mesh_ns now, struct request *r, struct aim *aim)
{
    purges_settle(e, now, &aim->key, &aim->route, aim->path);
    struct object *o = cache_get(e->cache, now, &aim->key, reader_fields(&r->reader));

    if (o != NULL) {
        request_show(r, o);
        error_page_came(e, r);
    } else if (cache_marked(e->cache, now, &aim->key)) {
        request_relay(e, now, r, aim);
    } else {
        go_shared(e, now, r, aim);
    }
    engine_ready_reader(e, &r->reader);
}

void request_go_on(struct engine *e, mesh_ns now, struct request *r, const struct aim *aim)
{
    purges_settle(e, now, &aim->key, &aim->route, aim->path);
    struct object *o = cache_get(e->cache, now, &aim->key, reader_fields(&r->reader));
    struct flight *f = o == NULL ? flight_find(e, &aim->key, reader_fields(&r->reader), FLIGHT_ANY) : NULL;

    if (o != NULL) {
        reader_attach(&r->reader, o);
        parts_over(e, now, r);
        engine_ready_reader(e, &r->reader);
    } else if (f != NULL) {
        flight_join(f, &r->reader);
        e->counters.collapsed++;
    } else if ((f = flight_toward(e, now, false, aim)) == NULL) {
        request_failed(e, r, 503, "This node is busy with too many fetches. Try again in a moment.");
    } else {
        flight_join(f, &r->reader);
        flight_go(e, now, f);
    }
}

static void begin(struct engine *e, struct request *r)
{
    r->magic = REQUEST_MAGIC;
    r->engine = e;
    r->shelved = NULL;
    r->head_sent = false;
    r->awaited = 0;
    memset(&r->answer, 0, sizeof(r->answer));
    r->prefers = CODING_IDENTITY;
    r->codable = false;
    r->coded_at = (struct coded_place){ 0 };
    r->coded_rest = BUF_EMPTY;
    reader_init(&r->reader, false);
    r->location = r->allow = r->list = SLICE_EMPTY;
    r->at_edge = false;
    r->dist = NULL;
    r->detail = NULL;
    r->retry_after_s = 0;
    r->own = BUF_EMPTY;
    r->policy = (struct response){ .by = 0 };
    r->page = NULL;
    r->parts = NULL;
    r->waiter = NULL;
    r->until = UINT64_MAX;
    e->requests_n++;
}

/* What one request may be answered with is not for all, whatever its origin says. */
static bool is_personal(const struct request *r, const struct dist_behaviour *b)
{
    const struct field *pass = r->fields != NULL ? fields_find(r->fields, SLICE_LIT("authorization")) : NULL;

    if (!b->cache.enabled)
        return true;
    return pass != NULL && !route_keys_field(b, pass->name) && forward_by(b, r->fields, pass, FORWARD_ALONE);
}

static bool is_obeyed(const struct request *r, const struct dist_behaviour *b)
{
    return b->cache.obeys_viewers && r->fields != NULL;
}

static enum coding preferred(struct engine *e, const struct request *r, const struct dist_behaviour *b)
{
    if (b->codings_off != 0) /* what was found for others does not hold */
        return coding_choose(r->fields, e->cfg.codings_off | b->codings_off);
    return coding_choose_as_before(&e->coding_memo, r->fields, e->cfg.codings_off);
}

/* A fresh copy of what was asked for lately in the very same words. */
static struct object *known(struct engine *e, mesh_ns now, const struct request *r, const struct dist_behaviour **b)
{
    const struct digest *key = key_memo_find(&e->memo, e->purged, r->https, r->host, r->target, b);

    if (key == NULL || is_personal(r, *b) || is_obeyed(r, *b))
        return NULL;
    return cache_get(e->cache, now, key, r->fields);
}

/* No more is to be thought about. */
static void answer_known(struct engine *e, struct request *r, struct object *o, const struct dist_behaviour *b)
{
    if (o->head->codable)
        r->prefers = preferred(e, r, b);
    if (b->response.digest != 0) {
        response_begin(&r->policy, b, r->fields);
        response_hold(&r->policy, e->cfg.set);
    }
    request_show(r, o);
}

/* What is here may have been purged, and we have not heard of it. */
static void wait_until_sure(struct request *r, struct aim *aim)
{
    if (!aim_for(r, aim, false))
        return;
    if (purge_wait(r, aim))
        r->state = REQUEST_WAITING;
    else
        request_refuse(r, 503, "This node is out of memory for more requests.");
}

/* All has to be thought about; |o| is the copy that was known, or NULL. */
static void __attribute__((noinline)) hand_in(struct engine *e, mesh_ns now, struct request *r, struct object *o)
{
    struct aim aim = { .request_id = r->request_id };
    bool plain;

    if (!request_aim(e, r, &aim, &plain))
        return;
    if (!r->codable) {
        passage_begin(e, now, r, &aim, is_personal(r, aim.route.behaviour));
        return;
    }
    const struct dist_behaviour *b = aim.route.behaviour;
    r->prefers = preferred(e, r, b);
    bool personal = is_personal(r, b), obeyed = is_obeyed(r, b);
    if (e->unsure && !personal) {
        wait_until_sure(r, &aim);
        return;
    }
    purges_settle(e, now, &aim.key, &aim.route, aim.path);
    if (o == NULL && b->cache.enabled)
        o = cache_get(e->cache, now, &aim.key, r->fields);
    if (obeyed && b->cache.enabled && obey(e, now, r, &aim, personal, o))
        return;
    if (o != NULL && (!personal || o->for_authorized)) {
        if (plain)
            key_memo_keep(&e->memo, e->purged, r->https, r->host, r->target, &aim.key, b);
        warm_answered(e, now, o, &aim, r->fields, NULL);
        request_show(r, o);
        if (o->head->status >= 400)
            (void)error_page_begin(e, now, r, &aim.route, aim.host, o->head->status, o);
    } else {
        aim.unkept = !b->cache.enabled;
        seek(e, now, r, &aim, personal);
    }
}

void engine_request(struct engine *e, mesh_ns now, struct request *r)
{
    const struct fields *fields = r->fields;
    const struct dist_behaviour *b;
    struct object *o = NULL;

    e->now = now;
    begin(e, r);
    r->codable = method_asks(r->method);
    if (r->codable && !e->unsure && (o = known(e, now, r, &b)) != NULL && warm_settled(e, o) &&
        o->head->status < 400) { /* of an error there may be a page */
        r->dist = b->of;
        answer_known(e, r, o, b);
        return;
    }
    hand_in(e, now, r, o);
    response_hold(&r->policy, e->cfg.set);
    r->fields = fields; /* rules may have edited them meanwhile */
}

static void count(struct engine *e, const struct request *r)
{
    struct engine_counters *c = &e->counters;
    enum request_result result = request_here(r)              ? RESULT_HIT
                                 : r->state == REQUEST_FAILED ? RESULT_ERROR
                                                              : r->answer.result;

    c->requests++;
    switch (result) {
    case RESULT_HIT: c->requests_hit++; break;
    case RESULT_REFRESH: c->requests_refresh++; break;
    case RESULT_STALE: c->requests_stale++; break;
    case RESULT_PEER: c->requests_peer++; break;
    case RESULT_MISS: c->requests_origin++; break;
    case RESULT_ERROR: c->requests_error++; break;
    }
}

void engine_request_end(struct engine *e, mesh_ns now, struct request *r, bool counted)
{
    struct object *o = r->reader.object;
    struct flight *f = r->reader.flight;

    if (r->shelved != NULL) {
        shelf_request_end(r, counted);
        return;
    }
    OBJ_CHECK(r, REQUEST_MAGIC);
    e->now = now;
    if (counted)
        count(e, r);
    e->requests_n--;
    list_remove(&r->reader.ready_link);
    list_remove(&r->reader.wait_link);
    r->reader.flight = NULL;
    parts_free(e, now, r);
    buf_free(&r->coded_rest);
    if (r->own.data != NULL)
        buf_free(&r->own);
    if (r->page != NULL)
        error_page_free(r);
    if (response_says(&r->policy))
        response_end(&r->policy);
    if (o != NULL) {
        object_ref(o);
        reader_detach(&r->reader);
        flight_readers_moved(e, now, o);
        object_unref(o);
    }
    if (f != NULL)
        flight_left(e, f);
    if (r->awaited > 0)
        drop_request_ended(e, r);
    purge_waited(r);
    forward_unref(r->reader.forward);
    r->reader.forward = NULL;
    r->state = REQUEST_IDLE;
    r->magic = 0;
}

void engine_count_error(struct engine *e)
{
    e->counters.requests++;
    e->counters.requests_error++;
}

void engine_count_here(struct engine *e)
{
    e->counters.requests++;
    e->counters.requests_hit++;
}

void engine_count_sent(struct engine *e, uint64_t body_bytes)
{
    e->counters.bytes_viewer += body_bytes;
}
