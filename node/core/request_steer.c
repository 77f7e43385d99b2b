/* Requests that are answered with where else to ask: a redirect to an edge that is much nearer to the viewer, or a list
 * of edges for players. Nothing was looked up for them, and no origin is asked. */
#include "node/core/engine_impl.h"
#include "node/core/nearest.h"

static struct slice query_of(struct slice target)
{
    struct slice path;

    return slice_split(&target, '?', &path) ? target : SLICE_EMPTY;
}

/* What is bound to the name by which it was asked for does not go along to another one: a signature, and what browsers
 * leave out of a request to another host. */
static bool is_bound(const struct request *r, const struct dist_behaviour *b)
{
    const struct field *pass = r->fields != NULL ? fields_find(r->fields, SLICE_LIT("authorization")) : NULL;
    const struct field *cookie = r->fields != NULL ? fields_find(r->fields, SLICE_LIT("cookie")) : NULL;
    bool cookies = b->cache.cookies.which != DIST_NONE || b->request_cookies.which != DIST_NONE;

    return b->key_groups_n > 0 || pass != NULL || (cookies && cookie != NULL);
}

/* Names at edges count as the main one: who asks by another that may be answered otherwise stays. */
static bool may_redirect(const struct engine *e, const struct request *r, const struct route *route)
{
    const struct dist *d = route->dist;

    return d->steering.redirect != DIST_STEER_OFF && !route->at_edge && e->cfg.zone.len > 0 &&
           !is_bound(r, route->behaviour) &&
           (!d->steering.host_counts || dist_is_main_host(d, buf_slice(&e->host), e->cfg.zone));
}

static void answer_list(struct request *r, enum nearest_list list, const struct steer_view *v,
                        const struct nearest_from *from)
{
    if (!r->codable) {
        buf_add_str(&r->own, "GET, HEAD");
        r->allow = buf_slice(&r->own);
        request_refuse(r, 403, "This list is for GET and HEAD.");
    } else {
        r->list_ttl_s = nearest_list(&r->own, list, v, from, query_of(r->target));
        r->list = buf_slice(&r->own);
        request_refuse(r, 200, "");
    }
}

static void redirect(struct request *r, const struct steer_edge *to, const struct nearest_from *from)
{
    nearest_location(&r->own, from, to, r->target);
    r->location = buf_slice(&r->own);
    request_refuse(r, 307, "Another edge is nearer.");
}

void engine_edges_given(struct engine *e, struct steer_view *v)
{
    steer_view_unref(e->edges_given);
    e->edges_given = v != NULL ? steer_view_ref(v) : NULL;
}

/* With a reference that is the caller's; NULL: out of memory. */
static struct steer_view *edges(struct engine *e)
{
    return e->edges_given != NULL ? steer_view_ref(e->edges_given) : steer_view(e->steering.steer, e->now);
}

static bool no_memory(struct request *r)
{
    r->location = r->allow = r->list = SLICE_EMPTY;
    request_refuse(r, 503, "This node is out of memory for more requests.");
    return true;
}

bool request_steer(struct engine *e, struct request *r, const struct route *route)
{
    enum nearest_list list = nearest_list_of(route->dist, buf_slice(&e->path));
    const struct steer_edge *to = NULL;
    struct steer_view *v;

    if (list == NEAREST_NO_LIST && !may_redirect(e, r, route))
        return false;
    if ((v = edges(e)) == NULL) /* then it is answered here */
        return list != NEAREST_NO_LIST && no_memory(r);
    const struct nearest_from from = { .dist = route->dist,
                                       .zone = e->cfg.zone,
                                       .addr = r->from,
                                       .country = r->country,
                                       .https = r->https,
                                       .port_said = r->authority.len > r->host.len };
    if (list != NEAREST_NO_LIST)
        answer_list(r, list, v, &from);
    else if ((to = nearest_other(v, &from)) != NULL)
        redirect(r, to, &from);
    steer_view_unref(v);
    if (!buf_ok(&r->own))
        return no_memory(r);
    return list != NEAREST_NO_LIST || to != NULL;
}
