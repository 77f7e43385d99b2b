/* Where a viewer's request goes: whose host it names, what its owner's rules make of it, and by which behaviour it is
 * answered; or back at once, with a redirect or a refusal.
 *
 *   host --421--> distribution --path--> behaviour --301, 403, 429--> its rules --30x--> path anew, behaviour anew -->
 * key
 */
#include "node/core/engine_impl.h"
#include "node/core/key.h"
#include "node/core/methods.h"
#include "node/core/rules.h"

static bool no_memory(struct request *r)
{
    request_refuse(r, 503, "This node is out of memory for more requests.");
    return false;
}

/* Host and path in normal form. */
static bool normal_form(struct engine *e, struct request *r)
{
    buf_clear(&e->path);
    buf_clear(&e->host);
    int err = key_path(&e->path, r->target);
    if (err == 0)
        err = key_host(&e->host, r->host);
    if (err == 0) {
        r->at_edge = route_main_host(&e->host, e->cfg.set, e->cfg.zone);
        return buf_ok(&e->host) || no_memory(r);
    }
    request_refuse(r,
                   err == MESH_E_NOMEM   ? 503
                   : err == MESH_E_RANGE ? 413
                                         : 400,
                   err == MESH_E_RANGE ? "The request's path is too long."
                                       : "The request's path or host is not well formed.");
    return false;
}

/* ---- what comes back at once ---- */

static bool redirect(struct request *r, uint16_t status, struct slice location)
{
    if (!buf_ok(&r->own))
        return no_memory(r);
    r->location = location;
    request_refuse(r, status, "What was asked for is elsewhere.");
    return false;
}

static bool refuse_method(struct request *r, const struct methods *m)
{
    size_t at = r->own.len;

    methods_text(&r->own, m);
    if (!buf_ok(&r->own))
        return no_memory(r);
    r->allow = slice_from(buf_slice(&r->own), at);
    request_refuse(r, 403, "This server does not answer requests of this kind.");
    return false;
}

/* A preflight is answered here, and has no cookies, signature or method of its own to be judged by. */
static bool is_preflight(struct request *r)
{
    if (r->codable || r->policy.by == 0 || !r->policy.response->cors || !response_asks(r->method, r->fields))
        return false;
    response_hear_preflight(&r->policy, r->fields);
    request_refuse(r, 204, "");
    return true;
}

static bool admits_method(struct request *r, const struct dist_behaviour *b)
{
    struct methods m = { .list = (enum method_list)b->methods };

    if (r->method.len == 0 || r->codable)
        return true;
    for (size_t i = 0; i < b->methods_other_n && m.other_n < METHODS_OTHER_MAX; i++)
        m.other[m.other_n++] = b->methods_other[i];
    return methods_admit(&m, r->method) || refuse_method(r, &m);
}

static bool admits_scheme(const struct engine *e, struct request *r, const struct dist_behaviour *b)
{
    if (r->https || b->viewer_scheme == DIST_VIEWER_ANY)
        return true;
    if (b->viewer_scheme == DIST_VIEWER_HTTPS_ONLY || e->host.len == 0) {
        request_refuse(r, 403, "This is answered over https only.");
        return false;
    }
    buf_add_str(&r->own, "https://");
    if (key_host(&r->own, r->host) != 0) /* which may be that of one edge, and stays so */
        return no_memory(r);
    buf_add_slice(&r->own, buf_slice(&e->path));
    return redirect(r, 301, buf_slice(&r->own));
}

/* ---- what it becomes ---- */

/* What was made in |spare| is the path. */
static void take_spare(struct engine *e)
{
    struct buf was = e->path;

    e->path = e->spare;
    e->spare = was;
}

/* |*moved|: the path is another one. Of its place in memory nothing can be told: two that are made may bring it back.
 */
static bool apply_rules(struct engine *e, struct request *r, const struct dist_behaviour *b, bool *plain, bool *moved)
{
    struct rules_on on = { .host = buf_slice(&e->host),
                           .path = buf_slice(&e->path),
                           .fields = r->fields,
                           .edited = &e->edited,
                           .text = &r->own };
    int err = rules_apply(&on, b->rules, b->rules_n);

    *plain = *plain && !on.by_fields;
    switch (err) {
    case 0: break;
    case MESH_E_NOMEM: return no_memory(r);
    case MESH_E_REFUSED: request_refuse(r, 508, "A rule of this site leads back to where it began."); return false;
    default: request_refuse(r, 500, "A rule of this site makes nothing of this request."); return false;
    }
    if ((on.response[0] | on.response[1]) != 0) {
        r->policy.rules = b->rules;
        memcpy(r->policy.ruled, on.response, sizeof(on.response));
    }
    r->fields = on.fields;
    if (on.status != 0)
        return redirect(r, on.status, on.location);
    if (on.path.data != e->path.data) {
        buf_clear(&e->spare);
        buf_add_slice(&e->spare, on.path);
        take_spare(e);
        *moved = true;
    }
    return true;
}

/* "/" alone stands for another path. */
static bool default_root(struct engine *e, const struct dist *d)
{
    struct slice path = buf_slice(&e->path);

    if (d->root.len == 0 || (path.len > 1 && path.data[1] != '?'))
        return false;
    buf_clear(&e->spare);
    buf_add_str(&e->spare, d->root.data[0] == '/' ? "" : "/");
    buf_add_slice(&e->spare, d->root);
    buf_add_slice(&e->spare, slice_from(path, 1));
    take_spare(e);
    return true;
}

static bool find(struct engine *e, struct request *r, struct route *route)
{
    if (route_find(route, e->cfg.set, e->cfg.zone, buf_slice(&e->host), buf_slice(&e->path), r->https)) {
        r->dist = route->dist;
        route->at_edge = r->at_edge;
        return true;
    }
    request_refuse(r, 421, "This server does not answer for that host.");
    return false;
}

static bool make_key(struct engine *e, struct request *r, struct aim *aim)
{
    if (!route_shows_all(&aim->route)) {
        buf_clear(&e->spare);
        if (route_path(&e->spare, &aim->route, buf_slice(&e->path)) != 0)
            return no_memory(r);
        take_spare(e);
    }
    if (!buf_ok(&e->path))
        return no_memory(r);
    aim->path = buf_slice(&e->path);
    aim->host = buf_slice(&e->host);
    return route_key(&aim->key, &e->cfg.mesh.self->mesh, &aim->route, aim->host, aim->path) == 0 || no_memory(r);
}

bool request_aim(struct engine *e, struct request *r, struct aim *aim, bool *plain)
{
    struct route *route = &aim->route;
    bool moved = false;

    *plain = true;
    if (!normal_form(e, r) || !find(e, r, route))
        return false;
    response_begin(&r->policy, route->behaviour, r->fields);
    if (!admits_scheme(e, r, route->behaviour) || is_preflight(r) || !admits_method(r, route->behaviour) ||
        !admit_request(e, r, route) || request_steer(e, r, route))
        return false;
    *plain = route_by_words(route);
    if (route->behaviour->rules_n > 0 && !apply_rules(e, r, route->behaviour, plain, &moved))
        return false;
    moved |= default_root(e, route->dist);
    if (!buf_ok(&e->path))
        return no_memory(r);
    if (!moved)
        return make_key(e, r, aim);
    const struct dist_behaviour *first = route->behaviour;
    if (!find(e, r, route))
        return false;
    if (route->behaviour != first) {
        response_again(&r->policy, route->behaviour, r->fields);
        if (is_preflight(r) || !admits_method(r, route->behaviour) || !admit_request(e, r, route))
            return false;
    }
    *plain = *plain && route_by_words(route);
    return make_key(e, r, aim);
}
