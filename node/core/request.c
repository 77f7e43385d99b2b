/* Viewers' requests: from the target to a copy that is here, to the flight that will
 * bring one, or to a fetch of their own. */
#include <stdlib.h>

#include "node/core/engine_impl.h"
#include "node/core/key.h"

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
    r->state = REQUEST_BODY;
}

void request_attached(struct request *r, struct object *o, const struct flight *f, bool leader)
{
    struct answer *a = &r->answer;

    set_answer(r, o);
    a->collapsed = !leader;
    a->via_peer = f->from_peer && o->flight == f;
    a->peer_hit = f->peer_hit;
    a->peer_name[0] = '\0';
    if (a->via_peer)
        memcpy(a->peer_name, f->peer_name, sizeof(a->peer_name));
    if (a->via_peer)
        a->result = leader && !f->peer_hit ? RESULT_MISS : RESULT_PEER;
    else
        a->result = leader ? RESULT_MISS : RESULT_HIT;
}

static void answer_from_here(struct request *r, struct object *o)
{
    reader_attach(&r->reader, o);
    memset(&r->answer, 0, sizeof(r->answer));
    set_answer(r, o);
    r->answer.result = RESULT_HIT;
    r->answer.collapsed = o->state == OBJECT_FILLING;
}

static void refuse(struct request *r, uint16_t status, const char *text)
{
    r->state = REQUEST_FAILED;
    r->error_status = status;
    r->error_text = text;
    r->answer.result = RESULT_ERROR;
}

void request_failed(struct engine *e, struct request *r, uint16_t status, const char *text)
{
    refuse(r, status, text);
    engine_ready_reader(e, &r->reader);
}

/* ---- fetches ---- */

/* Of a request that is answered for itself alone the origin sees these fields too. */
static bool forwards(const struct fields *f, const struct field *field)
{
    static const char *const own[] = { "host",       "range",          "if-range",       "if-match",
                                       "if-none-match", "if-modified-since", "if-unmodified-since", "content-length",
                                       "expect",     "via",            "cdn-loop",       "x-request-id",
                                       "max-forwards" };

    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        if (slice_eq_nocase(field->name, slice_str(own[i])))
            return false;
    }
    return !fields_hop_by_hop(f, field);
}

static bool copy_forwarded(struct flight *f, const struct fields *from)
{
    size_t total = 0, at = 0;

    for (size_t i = 0; i < from->n; i++)
        total += from->at[i].name.len + from->at[i].value.len;
    f->forward = calloc(1, sizeof(*f->forward));
    if (f->forward == NULL || buf_reserve(&f->forward_bytes, total + 1) == NULL)
        return false;
    for (size_t i = 0; i < from->n; i++) {
        const struct field *one = &from->at[i];
        if (!forwards(from, one))
            continue;
        buf_add_slice(&f->forward_bytes, one->name);
        buf_add_slice(&f->forward_bytes, one->value);
        fields_add(f->forward, slice_of(f->forward_bytes.data + at, one->name.len),
                   slice_of(f->forward_bytes.data + at + one->name.len, one->value.len));
        at = f->forward_bytes.len;
    }
    return true;
}

static void fly(struct engine *e, mesh_ns now, struct request *r, struct flight *f)
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
    fly(e, now, r,
        flight_new(e, FLIGHT_DIRECT, &was->key, buf_slice(&was->host), buf_slice(&was->path), r->request_id));
}

static void go_personal(struct engine *e, mesh_ns now, struct request *r, const struct digest *key, struct slice host,
                        struct slice path)
{
    struct flight *f = flight_new(e, FLIGHT_DIRECT, key, host, path, r->request_id);

    if (f != NULL && !copy_forwarded(f, r->fields)) {
        flight_free(e, f);
        f = NULL;
    }
    if (f != NULL)
        f->personal = true;
    fly(e, now, r, f);
}

static void go_shared(struct engine *e, mesh_ns now, struct request *r, const struct digest *key, struct slice host,
                      struct slice path)
{
    struct flight *f = flight_find(e, key, FLIGHT_ANY);

    if (f != NULL) {
        r->state = REQUEST_WAITING;
        flight_join(f, &r->reader);
        e->counters.collapsed++;
        return;
    }
    f = flight_new(e, FLIGHT_EDGE, key, host, path, r->request_id);
    if (f != NULL) {
        /* First among the owners: what we fetch, we fetch for all. */
        flight_owners(e, key, f->sources, &f->sources_n);
        if (f->sources_n == 0)
            f->class = FLIGHT_OWNER;
    }
    fly(e, now, r, f);
}

void engine_request(struct engine *e, mesh_ns now, struct request *r)
{
    struct buf path = BUF_EMPTY, host = BUF_EMPTY;
    struct digest key;
    struct object *o;

    e->now = now;
    r->magic = REQUEST_MAGIC;
    r->engine = e;
    r->head_sent = false;
    memset(&r->answer, 0, sizeof(r->answer));
    reader_init(&r->reader, false);
    e->requests_n++;
    int err = key_path(&path, r->target);
    if (err == 0)
        err = key_host(&host, r->host);
    if (err != 0) {
        refuse(r, err == MESH_E_NOMEM ? 503 : err == MESH_E_RANGE ? 413 : 400,
               err == MESH_E_RANGE ? "The request's path is too long." : "The request's path or host is not well formed.");
        goto out;
    }
    key_hash(&key, &e->cfg.mesh.self->mesh, &e->cfg.distribution, SLICE_EMPTY, buf_slice(&path));
    if (r->fields != NULL && fields_find(r->fields, SLICE_LIT("authorization")) != NULL)
        go_personal(e, now, r, &key, buf_slice(&host), buf_slice(&path));
    else if ((o = cache_get(e->cache, now, &key)) != NULL)
        answer_from_here(r, o);
    else if (cache_marked(e->cache, now, &key))
        fly(e, now, r, flight_new(e, FLIGHT_DIRECT, &key, buf_slice(&host), buf_slice(&path), r->request_id));
    else
        go_shared(e, now, r, &key, buf_slice(&host), buf_slice(&path));
out:
    buf_free(&path);
    buf_free(&host);
}

void request_answer(struct engine *e, mesh_ns now, struct request *r)
{
    const struct object *o = r->reader.object;

    (void)e;
    r->answer.age_ns = now > o->born ? now - o->born : 0;
    r->answer.ttl_ns = o->lifetime - r->answer.age_ns;
    r->answer.has_length = o->has_length;
    r->answer.length = o->length;
}

/* ---- the body ---- */

size_t request_body(struct request *r, struct slice *pieces, size_t max)
{
    return r->reader.object != NULL ? object_read(r->reader.object, r->reader.at, pieces, max) : 0;
}

void request_seek(struct engine *e, mesh_ns now, struct request *r, uint64_t at)
{
    uint64_t leaf = r->reader.at / LEAF_BYTES;

    e->now = now;
    assert(at >= r->reader.at);
    r->reader.at = at;
    if (at / LEAF_BYTES != leaf)
        flight_readers_moved(e, now, r->reader.object);
}

void request_take(struct engine *e, mesh_ns now, struct request *r, size_t n)
{
    assert(r->reader.at + n <= object_available(r->reader.object));
    request_seek(e, now, r, r->reader.at + n);
}

bool request_done(const struct request *r)
{
    const struct object *o = r->reader.object;
    return o != NULL && o->state == OBJECT_COMPLETE && r->reader.at == o->length;
}

static void count(struct engine *e, const struct request *r)
{
    struct engine_counters *c = &e->counters;
    enum request_result result = r->state == REQUEST_FAILED ? RESULT_ERROR : r->answer.result;

    c->requests++;
    switch (result) {
    case RESULT_HIT:     c->requests_hit++; break;
    case RESULT_REFRESH: c->requests_refresh++; break;
    case RESULT_STALE:   c->requests_stale++; break;
    case RESULT_PEER:    c->requests_peer++; break;
    case RESULT_MISS:    c->requests_origin++; break;
    case RESULT_ERROR:   c->requests_error++; break;
    }
}

void engine_request_end(struct engine *e, mesh_ns now, struct request *r, bool counted)
{
    struct object *o = r->reader.object;
    struct flight *f = r->reader.flight;

    OBJ_CHECK(r, REQUEST_MAGIC);
    e->now = now;
    if (counted)
        count(e, r);
    e->requests_n--;
    list_remove(&r->reader.ready_link);
    list_remove(&r->reader.wait_link);
    r->reader.flight = NULL;
    if (o != NULL) {
        object_ref(o);
        reader_detach(&r->reader);
        flight_readers_moved(e, now, o);
        object_unref(o);
    }
    if (f != NULL)
        flight_left(e, f);
    r->state = REQUEST_IDLE;
    r->magic = 0;
}

void engine_count_error(struct engine *e)
{
    e->counters.requests++;
    e->counters.requests_error++;
}

void engine_count_sent(struct engine *e, uint64_t body_bytes)
{
    e->counters.bytes_viewer += body_bytes;
}
