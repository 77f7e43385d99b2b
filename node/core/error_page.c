/* Pages that an owner has in place of errors, the origin's and ours: fetched by the behaviour of their own path, shown
 * with the error's status or another one. A page that is an error itself, or cannot be had, has none: the error is
 * shown as it came, so there are no loops. */
#include <stdlib.h>

#include "node/core/engine_impl.h"

struct error_page {
    struct object *error; /* held: the origin's answer; NULL: it was ours */
    uint16_t status, as;
    const char *text;
    unsigned cause;
};

static void forget(struct request *r)
{
    struct error_page *p = r->page;

    r->page = NULL;
    if (p == NULL)
        return;
    object_unref(p->error);
    free(p);
}

void error_page_free(struct request *r)
{
    forget(r);
}

/* Where the page lies. */
static bool aim_at(struct engine *e, const struct route *route, struct slice host, struct slice page, struct buf *path,
                   struct aim *aim)
{
    *aim = (struct aim){ .host = host, .request_id = aim->request_id };
    if (!route_find(&aim->route, route->set, e->cfg.zone, host, page, route->https) ||
        route_path(path, &aim->route, page) != 0)
        return false;
    aim->path = buf_slice(path);
    aim->forward = forward_for(aim->route.behaviour, NULL, FORWARD_SHARED, NULL);
    return aim->forward != NULL && route_key(&aim->key, &e->cfg.mesh.self->mesh, &aim->route, host, aim->path) == 0;
}

static bool remember(struct request *r, const struct dist_error *rule, uint16_t status, struct object *error)
{
    struct error_page *p = calloc(1, sizeof(*p));

    if (p == NULL)
        return false;
    p->error = error != NULL ? object_ref(error) : NULL;
    p->status = status;
    p->as = rule->as != 0 ? rule->as : status;
    p->text = r->error_text;
    p->cause = r->error_cause;
    r->page = p;
    return true;
}

bool error_page_begin(struct engine *e, mesh_ns now, struct request *r, const struct route *route, struct slice host,
                      uint16_t status, struct object *error)
{
    const struct dist_error *rule = status >= 400 ? dist_error_of(route->dist, status) : NULL;
    struct aim aim = { .request_id = r->request_id };
    struct buf path = BUF_EMPTY;

    if (rule == NULL || rule->page.len == 0 || r->page != NULL || !r->codable || r->head_sent || r->parts != NULL)
        return false;
    bool begun = aim_at(e, route, host, rule->page, &path, &aim) && remember(r, rule, status, error);
    if (begun) {
        if (r->reader.object != NULL)
            reader_detach(&r->reader);
        r->reader.at = 0;
        forward_unref(r->reader.forward);
        r->reader.forward = forward_ref(aim.forward);
        r->range = r->if_range = SLICE_EMPTY;
        r->state = REQUEST_WAITING;
        request_seek_again(e, now, r, &aim);
    }
    forward_unref(aim.forward);
    buf_free(&path);
    return begun;
}

/* The error as it came, where all of it is here; else one of ours with its status. */
static void show_error(struct engine *e, struct request *r)
{
    struct error_page *p = r->page;
    struct object *o = p->error != NULL ? object_ref(p->error) : NULL;
    uint16_t status = p->status;

    r->error_cause = p->cause;
    const char *text = o == NULL ? p->text : "The origin answered with this error.";
    forget(r);
    if (r->reader.object != NULL)
        reader_detach(&r->reader);
    r->reader.at = 0;
    if (o != NULL && o->state == OBJECT_COMPLETE && object_first_held(o) == 0)
        request_show(r, o);
    else
        request_failed(e, r, status, text);
    object_unref(o);
}

bool error_page_failed(struct engine *e, struct request *r)
{
    if (r->page == NULL || r->head_sent)
        return false;
    show_error(e, r);
    engine_ready_reader(e, &r->reader);
    return true;
}

void error_page_came(struct engine *e, struct request *r)
{
    const struct object *o = r->reader.object;

    if (r->page == NULL || r->answer.as != 0)
        return;
    if (o->head->status >= 400) {
        show_error(e, r);
        return;
    }
    r->answer.as = r->page->as;
    r->answer.result = RESULT_ERROR;
}
