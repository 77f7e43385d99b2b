#include "node/steer/steer_impl.h"
#include "node/steer/view_impl.h"

static void put_edge(const struct steer *s, const struct edge *e, struct steer_edge *out)
{
    out->id = e->id;
    memcpy(out->name, e->name, sizeof(out->name));
    memcpy(out->zone, e->zone, sizeof(out->zone));
    out->self = e->slot == STEER_SELF;
    out->alive = e->alive;
    out->heard = out->self ? (s->now > 0 ? s->now : 1) : e->heard;
    out->facts = e->facts;
}

/* |places|: of slots, in the view. */
static void put_row(struct steer *s, struct row *row, const uint16_t *places, struct steer_row *out)
{
    uint32_t now_s = steer_seconds(s->now);

    out->prefix = row->prefix;
    out->home = row->home == STEER_NOBODY ? UINT16_MAX : places[row->home];
    out->n = row->n;
    out->moved = row->moved_s != 0 && now_s - row->moved_s < STEER_LIFE_S;
    for (unsigned i = 0; i < row->n; i++) {
        const struct known *k = &row->known[i];
        out->figures[i] = (struct steer_figure){ .edge = places[k->slot],
                                                 .rtt = k->rtt,
                                                 .age_s = (uint16_t)(now_s > k->at_s ? now_s - k->at_s : 0) };
    }
}

/* The home that it has from now on, in the view and for the next one. */
static void settle_home(struct steer *s, struct row *row, const uint16_t *slots, struct steer_row *out)
{
    uint16_t was = row->home, home = steer_home(out);

    out->home = home;
    row->home = home == UINT16_MAX ? STEER_NOBODY : slots[home];
    s->counters.rehomed += was != STEER_NOBODY && row->home != STEER_NOBODY && was != row->home;
}

size_t view_bytes(const struct steer_view *v)
{
    return sizeof(*v) + v->edges_max * (sizeof(*v->edges) + sizeof(*v->briefs)) + v->rows_max * sizeof(*v->rows) +
           (v->slots_mask + 1) * sizeof(*v->slots) + (v->labels_mask + 1) * sizeof(*v->labels);
}

struct steer_view *view_make(struct steer *s)
{
    uint16_t places[STEER_EDGES_MAX], slots[STEER_EDGES_MAX];
    struct steer_view *v = steer_view_new(s->edges_n, s->rows.n, s->cfg.hash_key, s->now, s->views + 1);

    if (v == NULL)
        return NULL;
    s->views++;
    s->silent_at = MESH_NS_NEVER;
    for (size_t i = 0; i < s->slots; i++) {
        const struct edge *e = s->edges[i];
        if (e == NULL)
            continue;
        places[i] = (uint16_t)v->edges_n;
        slots[v->edges_n] = (uint16_t)i;
        put_edge(s, e, steer_view_add_edge(v));
        if (i != STEER_SELF && e->heard != 0 && s->now - e->heard <= s->cfg.silent)
            s->silent_at = mesh_ns_min(s->silent_at, e->heard + s->cfg.silent);
    }
    for (size_t i = 0; i < s->rows.used; i++) {
        struct row *row = &s->rows.all[i];
        if (row->owner == STEER_NOBODY)
            continue;
        struct steer_row *out = steer_view_add_row(v);
        put_row(s, row, places, out);
        settle_home(s, row, slots, out);
    }
    steer_view_finish(v, s->cfg.silent);
    return v;
}
