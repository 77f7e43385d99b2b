#include "node/admin/route.h"

#include "node/admin/query.h"
#include "node/admin/steering.h"
#include "node/core/key.h"
#include "node/signed/network.h"
#include "node/steer/choose.h"
#include "proto/base/err.h"

static const char type_json[] = "application/json";

struct routing {
    struct steer_view *view;
    struct steer_ask ask;
    const struct dist *dist; /* NULL: any */
    mesh_ns now;
};

/* The row that says most of who asks: the finest there is. */
static const struct steer_row *row_of(const struct routing *r)
{
    const struct steer_row *row = NULL;
    struct steer_prefix p;

    for (unsigned level = 0; level < STEER_LEVELS && row == NULL; level++) {
        if (steer_prefix_of(&p, &r->ask.client, level))
            row = steer_view_row(r->view, &p);
    }
    if (row == NULL && r->ask.country[0] != 0) {
        steer_prefix_country(&p, r->ask.country);
        row = steer_view_row(r->view, &p);
    }
    if (row == NULL) {
        steer_prefix_all(&p);
        row = steer_view_row(r->view, &p);
    }
    return row;
}

static json_t *network_of(const struct routing *r)
{
    char text[STEER_PREFIX_TEXT_MAX];
    struct steer_prefix p;

    return steer_prefix_of(&p, &r->ask.client, 0) ? json_string(steer_prefix_text(&p, text)) : json_null();
}

static json_t *ms_of(uint32_t us)
{
    return us != UINT32_MAX ? json_real((double)us / 1000.0) : json_null();
}

static json_t *choice_of(const struct routing *r, const struct steer_choice *c)
{
    json_t *edges = json_array();

    for (size_t i = 0; i < c->n; i++)
        json_array_append_new(edges, json_string(r->view->edges[c->picks[i].edge].name));
    return json_pack("{s:o, s:I, s:i, s:b}", "edges", edges, "ttl_s", (json_int_t)c->ttl_s, "scope_bits",
                     (int)c->scope_bits, "relaxed", (int)c->relaxed);
}

static json_t *candidate(const struct routing *r, const struct steer_pick *p)
{
    json_t *j = steering_edge(r->view, p->edge, r->now);

    if (j != NULL && (json_object_set_new(j, "expected_ms", ms_of(p->us)) != 0 ||
                      json_object_set_new(j, "basis", json_string(steer_basis_word(p->basis))) != 0 ||
                      json_object_set_new(j, "reason", json_string(steer_reason_word(p->reason))) != 0)) {
        json_decref(j);
        return NULL;
    }
    return j;
}

static json_t *answer(const struct routing *r)
{
    const struct steer_row *row = row_of(r);
    struct steer_pick picks[STEER_EDGES_MAX];
    struct steer_choice choice;
    json_t *candidates = json_array();

    steer_choose(r->view, &r->ask, &choice);
    size_t n = steer_explain(r->view, &r->ask, picks, STEER_EDGES_MAX);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(candidates, candidate(r, &picks[i]));
    json_t *dist = r->dist != NULL ? json_stringn((const char *)r->dist->name.data, r->dist->name.len) : json_null();
    json_t *country = r->ask.country[0] != 0 ? json_string(r->ask.country) : json_null();
    return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "address", steering_address(&r->ask.client), "network",
                     network_of(r), "country", country, "distribution", dist, "row",
                     row != NULL ? steering_row(r->view, row) : json_null(), "choice", choice_of(r, &choice),
                     "candidates", candidates);
}

static int append(const char *text, size_t len, void *ctx)
{
    buf_add(ctx, text, len);
    return 0;
}

static unsigned put(const struct routing *r, struct buf *body, const char **type)
{
    json_t *j = answer(r);
    bool ok = j != NULL && json_dump_callback(j, append, body, JSON_COMPACT | JSON_REAL_PRECISION(6)) == 0;

    json_decref(j);
    if (!ok) {
        buf_clear(body);
        buf_add_str(body, "out of memory\n");
        return 503;
    }
    buf_add_u8(body, '\n');
    *type = type_json;
    return 200;
}

/* ---- what is asked ---- */

static bool read_address(struct routing *r, struct slice text, struct buf *why)
{
    struct network net;
    bool is_net = false;

    for (size_t i = 0; i < text.len; i++)
        is_net |= text.data[i] == '/';
    if (is_net || network_read(&net, text) != 0) {
        buf_add_str(why, "address= must be one address of a viewer, or of its resolver, such as 203.0.113.7 or "
                         "2001:db8::7.\n");
        return false;
    }
    memcpy(r->ask.client.ip, net.ip, sizeof(net.ip));
    r->ask.client.port = 1; /* it is one */
    r->ask.client_bits = mesh_addr_is_v4(&r->ask.client) ? 32 : 128;
    return true;
}

static bool read_family(struct routing *r, struct slice text, struct buf *why)
{
    bool four = slice_eq(text, SLICE_LIT("4"));

    if (!four && !slice_eq(text, SLICE_LIT("6"))) {
        buf_add_str(why, "family= must be 4 or 6: of which addresses.\n");
        return false;
    }
    r->ask.family = four ? STEER_IPV4 : STEER_IPV6;
    return true;
}

static bool read_host(struct routing *r, struct node *n, struct slice text, struct buf *why)
{
    const struct engine_config *cfg = engine_config(node_engine(n));
    struct buf host = BUF_EMPTY;

    if (key_host(&host, text) == 0)
        r->dist = dist_find(cfg->set, buf_slice(&host), cfg->zone);
    buf_free(&host);
    if (r->dist != NULL) {
        r->ask.regions = r->dist->steering.regions;
        r->ask.regions_n = r->dist->steering.regions_n;
        r->ask.regions_not = r->dist->steering.regions_not;
    }
    if (r->dist == NULL)
        buf_add_str(why, "host= names no host of a distribution that this node serves.\n");
    return r->dist != NULL;
}

unsigned route_answer(struct node *n, const struct node_admin_request *req, struct buf *body, const char **type)
{
    struct routing r = { .now = node_now(n) };
    struct buf address = BUF_EMPTY, host = BUF_EMPTY, family = BUF_EMPTY;
    unsigned status = 400;

    if (!query_get(req->query, "address", &address))
        buf_add_str(body, "For whom? GET /route?address=203.0.113.7, and host=HOST, family=4 or 6 if you like\n");
    else if (read_address(&r, buf_slice(&address), body) &&
             (!query_get(req->query, "family", &family) || read_family(&r, buf_slice(&family), body)) &&
             (!query_get(req->query, "host", &host) || read_host(&r, n, buf_slice(&host), body)))
        status = 200;
    if (status == 200) {
        node_country(n, &r.ask.client, r.ask.country);
        r.view = steer_view(engine_steer(node_engine(n)), r.now);
        status = r.view != NULL ? put(&r, body, type) : 503;
    }
    steer_view_unref(r.view);
    buf_free(&address);
    buf_free(&host);
    buf_free(&family);
    return status;
}
