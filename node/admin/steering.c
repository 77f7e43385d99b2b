#include "node/admin/steering.h"

static json_t *ms_of_units(uint16_t rtt)
{
    return json_real((double)rtt / 10.0);
}

json_t *steering_address(const struct mesh_addr *a)
{
    struct mesh_addr with_port = { .port = 1 };
    char text[MESH_ADDR_TEXT_MAX];

    memcpy(with_port.ip, a->ip, sizeof(a->ip));
    struct slice s = slice_str(mesh_addr_text(&with_port, text));
    s = slice_head(s, s.len - strlen(":1"));
    if (s.len > 1 && s.data[0] == '[')
        s = slice_head(slice_from(s, 1), s.len - 2);
    return json_stringn((const char *)s.data, s.len);
}

json_t *steering_edge(const struct steer_view *v, size_t edge, mesh_ns now)
{
    const struct steer_edge *e = &v->edges[edge];
    const struct steer_facts *f = &e->facts;
    char id[NODE_ID_TEXT_MAX];
    json_t *addresses = json_array();

    for (size_t i = 0; i < f->addrs_n; i++)
        json_array_append_new(addresses, steering_address(&f->addrs[i]));
    json_t *heard = e->self ? json_real(0) : e->heard > 0 ? json_real((double)((now - e->heard) / MS(1)) / 1e3) : NULL;
    return json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:b, s:b, s:o, s:i, s:i, s:i, s:f, s:f, s:o}", "name", e->name,
                     "id", node_id_text(&e->id, id), "zone", e->zone, "label", e->label, "self", (int)e->self, "alive",
                     (int)(e->self || e->alive), "ready", (int)f->ready, "draining", (int)f->draining, "addresses",
                     addresses, "http", (int)f->http, "https", (int)f->https, "dns", (int)f->dns, "load",
                     (double)f->load_permille / 1000.0, "shed", (double)f->shed_permille / 1000.0, "heard_s_ago",
                     heard != NULL ? heard : json_null());
}

json_t *steering_row(const struct steer_view *v, const struct steer_row *row)
{
    char text[STEER_PREFIX_TEXT_MAX];
    json_t *figures = json_array();

    for (size_t i = 0; i < row->n; i++) {
        const struct steer_figure *f = &row->figures[i];
        json_array_append_new(figures, json_pack("{s:s, s:o, s:i}", "edge", v->edges[f->edge].name, "ms",
                                                 ms_of_units(f->rtt), "age_s", (int)f->age_s));
    }
    json_t *home = row->home < v->edges_n ? json_string(v->edges[row->home].name) : json_null();
    return json_pack("{s:s, s:o, s:o}", "network", steer_prefix_text(&row->prefix, text), "home", home, "figures",
                     figures);
}

static json_t *network(const struct status *s, const struct steer_use *use)
{
    const struct steer_row *row = s->view != NULL ? steer_view_row(s->view, &use->prefix) : NULL;
    struct steer_row none = { .prefix = use->prefix, .home = UINT16_MAX };
    json_t *j = steering_row(s->view, row != NULL ? row : &none);

    if (j == NULL || json_object_set_new(j, "samples", json_integer(use->uses)) != 0 ||
        json_object_set_new(j, "ms_here", ms_of_units(use->rtt)) != 0) {
        json_decref(j);
        return NULL;
    }
    return j;
}

json_t *steering_status(const struct status *s)
{
    json_t *edges = json_array(), *networks = json_array();

    for (size_t i = 0; s->view != NULL && i < s->view->edges_n; i++)
        json_array_append_new(edges, steering_edge(s->view, i, s->now));
    for (size_t i = 0; s->view != NULL && i < s->busiest_n; i++)
        json_array_append_new(networks, network(s, &s->busiest[i]));
    return json_pack("{s:I, s:I, s:I, s:I, s:o, s:o}", "own", (json_int_t)s->steer_size.own, "rows",
                     (json_int_t)s->steer_size.rows, "memory_bytes", (json_int_t)s->steer_size.bytes, "samples",
                     (json_int_t)s->steer.samples, "edges", edges, "busiest", networks);
}
