/* Requests that no copy answers (POST, PUT, DELETE, OPTIONS ...): from the node that was asked straight to the origin
 * and back. Peers never see them. A passage is a flight of one request's own, whose answer passes through a window and
 * is never kept; the rim moves the request's body along with it.
 *
 * But for OPTIONS where a behaviour wants that kept (dist_cache.caches_options): short answers lie under a key of their
 * own, in the node that was asked. */
#include "node/core/engine_impl.h"

static bool has_body(const struct request *r)
{
    return r->fields != NULL && (fields_find(r->fields, SLICE_LIT("content-length")) != NULL ||
                                 fields_find(r->fields, SLICE_LIT("transfer-encoding")) != NULL);
}

static bool is_kept(const struct request *r, const struct dist_behaviour *b, bool personal)
{
    return b->cache.enabled && b->cache.caches_options && !personal && slice_eq(r->method, SLICE_LIT("OPTIONS")) &&
           !has_body(r);
}

/* GET's key is of the resource, and so of what others and purges call it. */
static void key_apart(struct digest *key)
{
    struct digest get = *key;
    struct slice parts[] = { SLICE_LIT("hedgerow options 1"), SLICE_OF(get.bytes) };

    digest_of(key, parts, 2);
}

/* A viewer that is obeyed and says anything of copies gets what the origin says. */
static bool wants_copy(const struct request *r, const struct dist_behaviour *b)
{
    return !b->cache.obeys_viewers || r->fields == NULL ||
           (fields_find(r->fields, SLICE_LIT("cache-control")) == NULL &&
            fields_find(r->fields, SLICE_LIT("pragma")) == NULL);
}

static bool answer_kept(struct engine *e, mesh_ns now, struct request *r, const struct aim *aim)
{
    purges_settle(e, now, &aim->key, &aim->route, aim->path);
    struct object *o = e->unsure ? NULL : cache_get(e->cache, now, &aim->key, r->fields);

    if (o == NULL || o->state != OBJECT_COMPLETE || !wants_copy(r, aim->route.behaviour))
        return false;
    request_show(r, o);
    return true;
}

void passage_begin(struct engine *e, mesh_ns now, struct request *r, struct aim *aim, bool personal)
{
    struct flight *f = NULL;
    bool kept = is_kept(r, aim->route.behaviour, personal);

    if (kept) {
        key_apart(&aim->key);
        if (answer_kept(e, now, r, aim))
            return;
    }
    r->reader.forward = aim->forward =
        forward_for(aim->route.behaviour, r->fields, kept ? FORWARD_SHARED : FORWARD_PASSAGE, &r->from);
    if (aim->forward != NULL)
        f = flight_new(e, now, FLIGHT_DIRECT, aim);
    if (f != NULL) {
        buf_add_slice(&f->method, r->method);
        f->from = r->io;
        f->personal = !kept;
        f->kept = kept;
        f->anew = kept; /* there is none that is good enough */
        f->replayable = slice_eq(r->method, SLICE_LIT("OPTIONS")) && !has_body(r);
        if (!buf_ok(&f->method)) {
            flight_free(e, f);
            f = NULL;
        }
    }
    e->counters.passages += f != NULL;
    request_fly(e, now, r, f);
}
