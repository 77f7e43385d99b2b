/* Viewers who read a body in a content coding. It is made once for all of them and kept with the object, a leaf of
 * input at each tick, so that no body, however long, holds up the loop. */
#include "node/core/engine_impl.h"
#include "node/core/shelf_read.h"

/* A body that only passes through is all there, and none of its leaves goes, only if it is shorter than the window. */
#define PASSING_MAX ((uint64_t)(WINDOW_LEAVES - 2) * LEAF_BYTES)

static void wake_timer(struct engine *e)
{
    /* The tick that is under way ends first. */
    if (!list_empty(&e->coders.turns) && !e->coder_timer.node.queued)
        timer_set(e, &e->coder_timer, e->now + 1);
}

static void wake_readers(struct engine *e, struct object *o, enum coding coding, bool failed)
{
    LIST_EACH_SAFE (at, &o->readers) {
        struct reader *r = OBJ_OF(at, struct reader, link);
        if (r->of_peer || reader_request(r)->answer.coding != coding)
            continue;
        if (failed)
            request_failed(e, reader_request(r), 503, "This node is out of memory for more answers.");
        else
            engine_ready_reader(e, r);
    }
}

static void take_turn(struct engine *e, mesh_ns now, struct timer *t)
{
    struct list *first = list_first(&e->coders.turns);

    (void)now;
    (void)t;
    if (first == NULL)
        return;
    struct coded *c = OBJ_OF(first, struct coded, turn);
    struct object *o = object_ref(c->object);
    enum coding coding = c->coding;
    bool failed = coded_step(c, e->zpack) != 0;
    if (failed)
        coded_drop(c);
    wake_readers(e, o, coding, failed);
    cache_fit(e->cache);
    object_unref(o);
    wake_timer(e);
}

void coders_start(struct engine *e)
{
    coders_init(&e->coders);
    e->coder_timer.fire = take_turn;
}

void coders_news(struct engine *e, struct object *o)
{
    coded_grew(o);
    wake_timer(e);
}

/* ---- who gets it ---- */

/* Opens it, or finds it. The first leaf is a zstd frame at once, and so are all that other nodes got: often it is done
 * then, and its length known. */
static struct coded *begin(struct engine *e, struct object *o, enum coding coding)
{
    bool first = coded_of(o, coding) == NULL;
    struct coded *c = coded_open(&e->coders, o, coding, false);

    e->counters.coders_busy += c == NULL;
    if (c != NULL && first && coding == CODING_ZSTD)
        coded_step(c, e->zpack); /* it takes no memory */
    if (coded_no_gain(o, coding)) {
        coded_drop(c);
        c = NULL;
    }
    wake_timer(e);
    cache_fit(e->cache);
    return c;
}

/* What does not pay is kept for those who read it, and no longer. */
static void forget_unread(struct object *o, enum coding coding)
{
    LIST_EACH (at, &o->readers) {
        struct reader *r = OBJ_OF(at, struct reader, link);
        if (!r->of_peer && reader_request(r)->answer.coding == coding)
            return;
    }
    coded_drop(coded_of(o, coding));
}

void request_code(struct engine *e, mesh_ns now, struct request *r, bool identity, bool head_only)
{
    struct object *o = r->reader.object;
    struct answer *a = &r->answer;
    enum coding coding = r->prefers;

    if (r->shelved != NULL) {
        shelf_code(r, identity, head_only);
        return;
    }
    e->now = now;
    assert(!r->head_sent);
    if (r->parts != NULL) { /* a range, which is one of the body as it is */
        a->negotiated = e->cfg.codings_off != CODINGS_ALL && coding_length(a->length) && a->head->codable;
        return;
    }
    if (e->cfg.codings_off == CODINGS_ALL || !r->codable || (o->has_length && !coding_length(o->length)) ||
        (o->pass_through && o->length > PASSING_MAX) || !o->head->codable)
        return;
    a->negotiated = true;
    if (identity || coding == CODING_IDENTITY || !o->has_length || o->state == OBJECT_FAILED || object_pieces(o) != NULL)
        return;
    if (coded_no_gain(o, coding)) {
        forget_unread(o, coding);
        return;
    }
    struct coded *c = head_only ? coded_of(o, coding) : begin(e, o, coding);
    if (c == NULL && !head_only)
        return;
    a->coding = coding;
    a->has_length = c != NULL && c->done;
    a->length = a->has_length ? c->length : 0;
    e->counters.answers_coded += !head_only;
}

/* Who was moved to another copy goes on with that one's form, which has to be made first. */
static struct coded *form_of(struct engine *e, struct request *r)
{
    struct object *o = r->reader.object;
    struct coded *c = coded_of(o, r->answer.coding);

    if (c != NULL || r->state != REQUEST_BODY || !o->has_length || o->state == OBJECT_FAILED)
        return c;
    if (object_pieces(o) != NULL) { /* its leaves come and go with who reads them as they are */
        request_failed(e, r, 502, "The rest of this answer is no longer to be had in this coding.");
        return NULL;
    }
    c = coded_open(&e->coders, o, r->answer.coding, true);
    if (c == NULL)
        request_failed(e, r, 503, "This node is out of memory for more answers.");
    wake_timer(e);
    return c;
}

size_t coded_request_body(struct request *r, struct slice *pieces, size_t max)
{
    struct coded *c = r->reader.object != NULL ? form_of(r->engine, r) : NULL;
    size_t n = 0;

    if (r->coded_rest.len > 0 && max > 0)
        pieces[n++] = buf_slice(&r->coded_rest);
    return c != NULL ? n + coded_read(c, r->coded_at, pieces + n, max - n) : n;
}

void coded_request_take(struct engine *e, mesh_ns now, struct request *r, size_t n)
{
    size_t rest = n < r->coded_rest.len ? n : r->coded_rest.len;

    buf_drop(&r->coded_rest, rest);
    if (n == rest)
        return;
    const struct coded *c = coded_of(r->reader.object, r->answer.coding);
    assert(c != NULL);
    coded_take(c, &r->coded_at, n - rest);
    if (coded_seen(c, r->coded_at) > r->reader.at)
        request_read_on(e, now, r, coded_seen(c, r->coded_at));
}

bool coded_request_done(const struct request *r)
{
    const struct coded *c = r->reader.object != NULL ? coded_of(r->reader.object, r->answer.coding) : NULL;

    return c != NULL && r->coded_rest.len == 0 && coded_over(c, r->coded_at);
}

bool coded_request_leaves(struct request *r)
{
    const struct coded *c = coded_of(r->reader.object, r->answer.coding);

    if (c != NULL)
        coded_leave(c, &r->coded_at, &r->coded_rest);
    return buf_ok(&r->coded_rest);
}
