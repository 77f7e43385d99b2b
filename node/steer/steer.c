#include "node/steer/steer.h"

#include <assert.h>
#include <stdlib.h>

#include "node/steer/steer_impl.h"
#include "proto/base/err.h"

#define OWN_MAX    8192
#define ROWS_MAX   32768
#define SAY_PERIOD SEC(2)
#define SILENT     SEC(10)
#define VIEW_PAUSE MS(200)
#define FIRST_SAID MS(200) /* a new member hears of us within so long */

static void put_text(char *out, size_t cap, const char *text)
{
    size_t n = strlen(text);

    n = n < cap ? n : cap - 1;
    memcpy(out, text, n);
    memset(out + n, 0, cap - n);
}

static int begin(struct steer *s)
{
    int err;

    if ((err = own_init(&s->own, s->cfg.own_max, s->cfg.hash_key)) != 0 ||
        (err = rows_init(&s->rows, s->cfg.rows_max, s->cfg.hash_key)) != 0 ||
        (err = map_init(&s->by_id, s->cfg.hash_key)) != 0)
        return err;
    struct edge *self = edge_add(s, &s->cfg.id);
    if (self == NULL || buf_reserve(&s->out, STEER_DATAGRAM_MAX) == NULL)
        return MESH_E_NOMEM;
    assert(self->slot == STEER_SELF);
    put_text(self->name, sizeof(self->name), s->cfg.name);
    put_text(self->zone, sizeof(self->zone), s->cfg.zone);
    self->alive = true;
    return 0;
}

struct steer *steer_new(const struct steer_config *cfg, mesh_ns now)
{
    struct steer *s = calloc(1, sizeof(*s));
    uint64_t entity;

    if (s == NULL)
        return NULL;
    s->magic = STEER_MAGIC;
    s->cfg = *cfg;
    s->cfg.own_max = cfg->own_max > 0 ? cfg->own_max : OWN_MAX;
    s->cfg.rows_max = cfg->rows_max > 0 ? cfg->rows_max : ROWS_MAX;
    s->cfg.say_period = cfg->say_period > 0 ? cfg->say_period : SAY_PERIOD;
    s->cfg.silent = cfg->silent > 0 ? cfg->silent : SILENT;
    s->now = now;
    s->second = now + SHED_PERIOD;
    s->silent_at = MESH_NS_NEVER;
    memcpy(&entity, cfg->id.bytes, sizeof(entity));
    s->rand = rand_of(cfg->seed, entity, STEER_MAGIC);
    list_init(&s->ready);
    list_init(&s->own.changed);
    list_init(&s->rows.free);
    heap_init(&s->due);
    if (begin(s) != 0) {
        steer_free(s);
        return NULL;
    }
    return s;
}

void steer_free(struct steer *s)
{
    if (s == NULL)
        return;
    OBJ_CHECK(s, STEER_MAGIC);
    for (size_t i = 0; i < s->slots; i++)
        free(s->edges[i]);
    steer_view_unref(s->view);
    own_fini(&s->own);
    rows_fini(&s->rows);
    map_fini(&s->by_id);
    buf_free(&s->out);
    s->magic = 0;
    free(s);
}

static void move_on(struct steer *s, mesh_ns now)
{
    OBJ_CHECK(s, STEER_MAGIC);
    /* Who asks for a view may have looked at the clock later than who tells of a datagram that came before. */
    s->now = now > s->now ? now : s->now;
}

/* ---- who is told, and when ----
 * Each member gets figures once a period where there is news, and each gets the facts every other period, or nobody
 * would send viewers here. Members above STEER_ROUND get figures in turn: then each waits for as many periods as there
 * are rounds. Who gets what when is spread by chance, so that not all is sent at once. */

static mesh_ns round_of(const struct steer *s)
{
    size_t others = s->edges_n - 1;

    return s->cfg.say_period * (mesh_ns)(1 + (others > 0 ? others - 1 : 0) / STEER_ROUND);
}

static mesh_ns by_chance(struct steer *s, mesh_ns most)
{
    return (mesh_ns)rand_below(&s->rand, (uint64_t)most + 1);
}

static void queue(struct steer *s, struct edge *e)
{
    heap_set(&s->due, &e->due, mesh_ns_min(e->facts_at, e->figures_at));
}

static void is_to_hear(struct steer *s, struct edge *e, bool figures)
{
    e->figures |= figures;
    if (!list_linked(&e->in_ready))
        list_push_back(&s->ready, &e->in_ready);
}

static void is_due(struct steer *s, struct edge *e)
{
    mesh_ns round = round_of(s);
    bool facts = s->now >= e->facts_at, figures = s->now >= e->figures_at;

    if (figures)
        e->figures_at = s->now + round;
    if (facts || (figures && (round > s->cfg.say_period || news_for(s, e)))) {
        is_to_hear(s, e, figures || round == s->cfg.say_period);
        e->facts_at = s->now + 2 * s->cfg.say_period - by_chance(s, s->cfg.say_period / 8);
    }
    queue(s, e);
}

static void tell_all(struct steer *s)
{
    for (size_t i = 1; i < s->slots; i++) {
        struct edge *e = s->edges[i];
        if (e == NULL || !e->alive)
            continue;
        is_to_hear(s, e, false);
        e->facts_at = s->now + s->cfg.say_period / 4; /* and once more, as datagrams get lost */
        queue(s, e);
    }
}

/* ---- ourselves ---- */

static bool same_state(const struct steer_facts *a, const struct steer_facts *b)
{
    bool same = a->ready == b->ready && a->draining == b->draining && a->http == b->http && a->https == b->https &&
                a->dns == b->dns && a->addrs_n == b->addrs_n;

    for (size_t i = 0; i < a->addrs_n && same; i++)
        same = memcmp(a->addrs[i].ip, b->addrs[i].ip, sizeof(a->addrs[i].ip)) == 0;
    return same;
}

void steer_self(struct steer *s, mesh_ns now, const struct steer_facts *facts)
{
    struct steer_facts *self = &s->edges[STEER_SELF]->facts, was = *self;

    move_on(s, now);
    assert(facts->addrs_n <= STEER_ADDRS_MAX);
    *self = *facts;
    self->shed_permille = was.shed_permille;
    self->at = was.at;
    s->changed = true;
    if (!same_state(&was, self)) {
        s->state_changed = true;
        tell_all(s);
    }
}

void steer_sample(struct steer *s, mesh_ns now, const struct mesh_addr *viewer, const char *country, mesh_ns rtt)
{
    move_on(s, now);
    if (rtt > 0 && rtt <= STEER_RTT_MAX)
        own_sample(s, viewer, country, rtt);
}

/* ---- others ---- */

int steer_member(struct steer *s, mesh_ns now, const struct node_id *id, const char *name, const char *zone, bool alive)
{
    struct edge *e = edge_find(s, id);

    move_on(s, now);
    if (e == s->edges[STEER_SELF])
        return 0;
    if (e == NULL && s->edges_n == STEER_EDGES_MAX)
        return MESH_E_FULL;
    if (e == NULL && (e = edge_add(s, id)) == NULL)
        return MESH_E_NOMEM;
    put_text(e->name, sizeof(e->name), name);
    put_text(e->zone, sizeof(e->zone), zone);
    s->changed = true;
    if (e->alive == alive)
        return 0;
    e->alive = alive;
    s->state_changed = true;
    if (alive) {
        e->facts_at = now + by_chance(s, FIRST_SAID);
        e->figures_at = now + by_chance(s, round_of(s));
        queue(s, e);
    } else {
        heap_remove(&s->due, &e->due);
        list_remove(&e->in_ready);
    }
    return 0;
}

void steer_gone(struct steer *s, mesh_ns now, const struct node_id *id)
{
    struct edge *e = edge_find(s, id);

    move_on(s, now);
    if (e == NULL || e == s->edges[STEER_SELF])
        return;
    edge_remove(s, e);
    s->changed = s->state_changed = true;
}

void steer_peer_rtt(struct steer *s, mesh_ns now, const struct node_id *id, mesh_ns rtt)
{
    const struct edge *e = edge_find(s, id);

    move_on(s, now);
    if (e == NULL || e == s->edges[STEER_SELF] || e->heard == 0)
        return;
    coordinate_sample(&s->edges[STEER_SELF]->facts.at, &e->facts.at, rtt, rand_u64(&s->rand));
    s->changed = true;
}

static void take(struct steer *s, struct edge *e, const struct news *news)
{
    uint32_t now_s = steer_seconds(s->now);
    struct news_figure f;

    s->state_changed |= e->heard == 0 || !same_state(&e->facts, &news->facts);
    e->facts = news->facts;
    e->heard = s->now > 0 ? s->now : 1;
    for (size_t i = 0; i < news_figures(news); i++) {
        news_figure(news, i, &f);
        if (f.age_s <= STEER_LIFE_S)
            rows_set(s, e->slot, &f.prefix, f.rtt, now_s - f.age_s);
    }
    s->changed = true;
    s->counters.heard++;
}

int steer_take(struct steer *s, mesh_ns now, const struct node_id *from, struct slice datagram)
{
    struct edge *e = edge_find(s, from);
    struct wire w = { 0 };
    struct news news;

    move_on(s, now);
    if (e == NULL || e == s->edges[STEER_SELF])
        return MESH_E_UNKNOWN;
    int err = news_read(&w, datagram, &news);
    if (err != 0) {
        s->counters.refused += err != MESH_E_NOMEM;
        return err;
    }
    take(s, e, &news);
    wire_close(&w);
    return 0;
}

/* ---- time ---- */

static void second(struct steer *s)
{
    struct steer_facts *self = &s->edges[STEER_SELF]->facts;

    shed_step(&s->shed, self->load_permille);
    s->changed |= self->shed_permille != s->shed.permille;
    self->shed_permille = s->shed.permille;
    rows_sweep(s);
}

void steer_tick(struct steer *s, mesh_ns now)
{
    struct heap_node *n;

    move_on(s, now);
    if (now >= s->second) { /* who comes late makes one step all the same: the load is not known of the time between */
        second(s);
        s->second = now + SHED_PERIOD;
    }
    while ((n = heap_pop(&s->due, now)) != NULL)
        is_due(s, OBJ_OF(n, struct edge, due));
}

mesh_ns steer_deadline(const struct steer *s)
{
    return list_empty(&s->ready) ? mesh_ns_min(s->second, heap_deadline(&s->due)) : s->now;
}

bool steer_poll(struct steer *s, struct steer_out *out)
{
    struct list *first = list_first(&s->ready);

    OBJ_CHECK(s, STEER_MAGIC);
    if (first == NULL)
        return false;
    struct edge *e = OBJ_OF(first, struct edge, in_ready);
    list_remove(first);
    news_write(s, e, e->figures, &s->out);
    e->figures = false;
    assert(buf_ok(&s->out) && s->out.len <= STEER_DATAGRAM_MAX); /* room was reserved */
    *out = (struct steer_out){ .to = e->id, .bytes = buf_slice(&s->out) };
    s->counters.said++;
    return true;
}

/* ---- what is known ---- */

struct steer_view *steer_view(struct steer *s, mesh_ns now)
{
    move_on(s, now);
    bool due =
        s->view == NULL || s->state_changed || now > s->silent_at || (s->changed && now - s->view->made >= VIEW_PAUSE);
    if (due) {
        struct steer_view *v = view_make(s);
        if (v == NULL)
            return NULL;
        steer_view_unref(s->view);
        s->view = v;
        s->changed = s->state_changed = false;
    }
    return steer_view_ref(s->view);
}

const struct steer_counters *steer_counters(const struct steer *s)
{
    return &s->counters;
}

void steer_size(const struct steer *s, struct steer_size *out)
{
    *out = (struct steer_size){ .own = own_count(&s->own), .rows = s->rows.n };
    out->bytes = sizeof(*s) + s->out.cap + s->edges_n * sizeof(struct edge) + out->own * sizeof(struct own_figure) +
                 s->rows.used * sizeof(struct row) + map_table_bytes(&s->own.map) + map_table_bytes(&s->rows.map) +
                 map_table_bytes(&s->by_id) + (s->view != NULL ? view_bytes(s->view) : 0);
}
