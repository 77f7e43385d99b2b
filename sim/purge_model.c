#include "sim/purge_model.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto/base/err.h"
#include "sim/body.h"
#include "sim/rules/check.h"
#include "sim/sample.h"

#define LATE      SEC(4)  /* who stood still for so long knows it */
#define AFTERMATH SEC(15) /* of a cut or a node's end: whom to ask is known to all */

struct purge_book *purge_book_new(struct world *w)
{
    struct purge_book *b = world_alloc(sizeof(*b));

    b->versions = world_alloc((size_t)w->sc.keys * sizeof(*b->versions));
    b->rough_at = b->down_at = -AFTERMATH;
    return b;
}

void purge_book_free(struct purge_book *b)
{
    if (b == NULL)
        return;
    for (size_t i = 0; i < b->n; i++)
        free(b->entries[i].at);
    free(b->entries);
    free(b->versions);
    free(b->made_at);
    free(b);
}

/* ---- what is purged ---- */

static bool begins(uint64_t key, uint64_t prefix)
{
    while (key > prefix)
        key /= 10;
    return key == prefix;
}

static bool covers(enum purge_kind kind, uint64_t value, uint64_t key)
{
    switch (kind) {
    case PURGE_URL: return key == value;
    case PURGE_PREFIX: return begins(key, value);
    case PURGE_TAG: return body_tag(key) == value % BODY_TAGS;
    case PURGE_ALL: return true;
    }
    return false;
}

static struct slice value_text(enum purge_kind kind, uint64_t value, char text[BODY_PATH_MAX])
{
    if (kind == PURGE_ALL)
        return SLICE_EMPTY;
    return kind == PURGE_TAG ? body_tag_text(value, text) : body_path(value, text);
}

uint64_t purge_version(const struct world *w, uint64_t key)
{
    return w->purges->versions[key - 1];
}

int64_t purge_version_made(const struct world *w, uint64_t version)
{
    const struct purge_book *b = w->purges;
    mesh_ns at = version > 0 && version <= b->version ? b->made_at[version] : 0;

    return world_wall_s(w) - w->now / SEC(1) + at / SEC(1);
}

/* A purge of a tag may mean whatever is under way and has no head yet. */
uint64_t purge_covered(const struct world *w, uint64_t key)
{
    const struct purge_book *b = w->purges;
    uint64_t n = 0;

    for (size_t i = 0; i < b->n; i++)
        n += b->entries[i].kind == PURGE_TAG || covers(b->entries[i].kind, b->entries[i].value, key);
    return n;
}

/* ---- calling ---- */

static struct purge_entry *entry_find(const struct purge_book *b, struct slice id)
{
    for (size_t i = b->n; i > 0; i--) { /* mostly one of the last */
        if (slice_eq(slice_str(b->entries[i - 1].id), id))
            return &b->entries[i - 1];
    }
    return NULL;
}

static struct purge_entry *entry_new(struct purge_book *b, size_t nodes)
{
    if (b->n == b->cap) {
        b->cap = 2 * b->cap + 64;
        struct purge_entry *grown = world_alloc(b->cap * sizeof(*grown));
        if (b->n > 0)
            memcpy(grown, b->entries, b->n * sizeof(*grown));
        free(b->entries);
        b->entries = grown;
    }
    struct purge_entry *p = &b->entries[b->n++];
    memset(p, 0, sizeof(*p));
    p->at = world_alloc(nodes * sizeof(*p->at));
    return p;
}

static bool anybody_has(const struct world *w, const struct purge_entry *p)
{
    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        if (p->at[i].kept_at != MESH_NS_NEVER)
            return true;
    }
    return false;
}

static void note_members(struct edge *e, struct purge_entry *p)
{
    struct world *w = e->w;
    struct mesh_member m;

    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        const struct edge *other = &w->edges[i];
        p->at[i].kept_at = MESH_NS_NEVER;
        p->at[i].life = edge_serves(other) ? other->life : 0;
        p->at[i].listed = mesh_find(engine_mesh(e->engine), &other->id.cert.id, &m) && m.record->state != MEMBER_LEFT;
    }
}

/* The origin has something anew. */
static void next_version(struct world *w)
{
    struct purge_book *b = w->purges;

    if (++b->version >= b->made_cap) {
        b->made_cap = 2 * b->made_cap + 64;
        mesh_ns *grown = world_alloc(b->made_cap * sizeof(*grown));
        if (b->made_at != NULL)
            memcpy(grown, b->made_at, (size_t)b->version * sizeof(*grown));
        free(b->made_at);
        b->made_at = grown;
    }
    b->made_at[b->version] = w->now;
}

uint64_t purge_changed(struct world *w, uint64_t key)
{
    next_version(w);
    return w->purges->versions[key - 1] = w->purges->version;
}

void purge_called(struct edge *e, enum purge_kind kind, uint64_t value)
{
    struct world *w = e->w;
    struct purge_book *b = w->purges;
    char text[BODY_PATH_MAX], id[PURGE_ID_MAX];
    struct purge_target target = { .kind = kind, .value = value_text(kind, value, text) };
    struct purge_order order = { .who = SLICE_LIT("the world"), .targets = &target, .targets_n = 1 };

    next_version(w);
    for (uint64_t key = 1; key <= w->sc.keys; key++) {
        if (covers(kind, value, key))
            b->versions[key - 1] = b->version;
    }
    if (!edge_serves(e) || w->now < e->paused_until) {
        b->refused++; /* nobody is there to take it */
        return;
    }
    if (engine_purge(edge_enter(e), edge_now(e), &order, id) != 0) {
        b->refused++;
        edge_pump(e);
        return;
    }
    struct purge_entry *before = entry_find(b, slice_str(id));
    if (before != NULL && anybody_has(w, before))
        check_broken(w, RULE_COMPLETE, "%s calls a purge %s, as another was called before", e->name, id);
    if (before != NULL)
        before->id[0] = '\0'; /* it was lost with its node, and nobody had it */
    struct purge_entry *p = entry_new(b, (size_t)w->sc.nodes);
    memcpy(p->id, id, sizeof(p->id));
    p->called_at = w->now;
    p->version = b->version;
    p->kind = kind;
    p->value = value;
    p->caller = e->index;
    p->life = e->life;
    note_members(e, p);
    edge_pump(e);
}

void purges_draw(struct scenario *sc)
{
    uint64_t span = sc->time - sc->warmup;

    for (uint64_t i = 0; i < sc->purges; i++) {
        struct rand r = rand_of(sc->seed, i, 0x9049e);
        uint64_t part = span / sc->purges, node = rand_below(&r, sc->nodes), kind = rand_below(&r, 16);
        mesh_ns at = (mesh_ns)(sc->warmup + part * i + (part > 0 ? rand_below(&r, part) : 0));
        struct action a = { .at = at / MS(1) * MS(1), .a = { .by = NODES_LIST } };
        a.a.bits[node / 8] = (uint8_t)(1u << (node % 8));
        a.kind = kind == 0   ? ACTION_PURGE_ALL
                 : kind <= 2 ? ACTION_PURGE_TAG
                 : kind <= 4 ? ACTION_PURGE_PREFIX
                             : ACTION_PURGE;
        a.numbers[0] = a.kind == ACTION_PURGE_TAG ? rand_below(&r, BODY_TAGS) : 1 + rand_below(&r, sample_keys(sc));
        int err = scenario_add(sc, &a);
        assert(err == 0);
    }
}

/* ---- who has it ---- */

/* What stands in |line| behind |text|. */
static struct slice behind(struct slice line, struct slice text)
{
    for (size_t at = 0; at + text.len <= line.len; at++) {
        if (memcmp(line.data + at, text.data, text.len) == 0)
            return slice_from(line, at + text.len);
    }
    return SLICE_EMPTY;
}

static bool says(struct slice line, const struct purge_entry *p)
{
    static const char *const words[] = {
        [PURGE_URL] = "url", [PURGE_PREFIX] = "prefix", [PURGE_TAG] = "tag", [PURGE_ALL] = "all"
    };
    char value[BODY_PATH_MAX], text[BODY_PATH_MAX + 16];
    struct slice v = value_text(p->kind, p->value, value);

    int n = p->kind == PURGE_ALL ? snprintf(text, sizeof(text), "{\"all\":true}")
                                 : snprintf(text, sizeof(text), "{\"%s\":\"%.*s\"}", words[p->kind], SLICE_FMT(v));
    return behind(line, slice_of(text, (size_t)n)).len > 0;
}

void purge_kept(struct edge *e, struct slice lines)
{
    struct world *w = e->w;
    struct slice line;

    while (slice_split(&lines, '\n', &line)) {
        struct slice rest = behind(line, SLICE_LIT("\"id\":\"")), id = SLICE_EMPTY;
        slice_split(&rest, '"', &id);
        struct purge_entry *p = id.len > 0 ? entry_find(w->purges, id) : NULL;
        if (p == NULL)
            continue;
        if (!says(line, p))
            check_broken(w, RULE_COMPLETE, "%s keeps another purge as %s than was called for last", e->name, p->id);
        if (p->at[e->index].kept_at == MESH_NS_NEVER)
            p->at[e->index].kept_at = w->now;
        p->at[e->index].ever = true;
    }
}

void purge_lost(struct edge *e)
{
    struct purge_book *b = e->w->purges;

    for (size_t i = 0; i < b->n; i++)
        b->entries[i].at[e->index].kept_at = MESH_NS_NEVER;
}

static bool is_rough(const struct world *w)
{
    const struct scenario *now = &w->sc, *plan = w->plan;

    return w->check->cut_until == MESH_NS_NEVER || now->loss > 0 || now->corrupt > 0 || now->burst_loss > 0 ||
           now->delay != plan->delay || now->jitter != plan->jitter || now->zone_delay != plan->zone_delay ||
           now->rate != plan->rate;
}

static mesh_ns came_back(const struct edge *e)
{
    return e->started_at > e->back_at ? e->started_at : e->back_at;
}

/* Had all the others |p| when |e| came back at |back|, but for those who came back with it? */
static bool others_had(const struct edge *e, const struct purge_entry *p, mesh_ns back)
{
    const struct world *w = e->w;
    size_t others = 0;

    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        if (i == e->index || !edge_serves(&w->edges[i]) || came_back(&w->edges[i]) >= back - AFTERMATH)
            continue;
        if (p->at[i].kept_at > back)
            return false;
        others++;
    }
    return others > 0;
}

uint64_t purge_floor(const struct edge *e, uint64_t key)
{
    const struct world *w = e->w;
    const struct purge_book *b = w->purges;
    mesh_ns back = came_back(e);
    /* Who was away asks the others first, and can, where all was in peace before. */
    bool asked = !is_rough(w) && b->rough_at < back - AFTERMATH && b->down_at < back - AFTERMATH &&
                 w->check->cut_until < back - AFTERMATH;

    for (size_t i = b->n; i > 0; i--) {
        const struct purge_entry *p = &b->entries[i - 1];
        if (!covers(p->kind, p->value, key))
            continue;
        if (p->at[e->index].kept_at <= w->now || (asked && others_had(e, p, back)))
            return p->version;
    }
    return 0;
}

void purge_served(struct world *w, uint64_t key, uint64_t version, mesh_ns asked_at)
{
    struct purge_book *b = w->purges;

    for (size_t i = 0; i < b->n; i++) {
        const struct purge_entry *p = &b->entries[i];
        if (p->version <= version || !covers(p->kind, p->value, key) || p->called_at >= asked_at)
            continue;
        uint64_t ms = (uint64_t)((asked_at - p->called_at) / MS(1));
        b->old++;
        if (ms > b->old_max_ms)
            b->old_max_ms = ms;
        return;
    }
}

/* ---- what callers are told ---- */

/* The world's node that |m| is. */
static uint32_t node_of(const struct purge_member *m)
{
    return (uint32_t)strtoul(m->name + 1, NULL, 10) - 1;
}

static const struct purge_call *call_of(const struct world *w, const struct purge_entry *p)
{
    const struct edge *e = &w->edges[p->caller];

    return edge_up(e) && e->life == p->life ? engine_purge_call(e->engine, slice_str(p->id)) : NULL;
}

/* Whoever is said to have confirmed has it on its disk. */
static void look(struct world *w, const struct purge_entry *p)
{
    const struct purge_call *call = call_of(w, p);
    const struct engine *engine = w->edges[p->caller].engine;
    struct purge_state s;
    struct purge_member m;

    if (call == NULL)
        return;
    purge_call_state(engine, call, &s);
    for (size_t i = 0; i < s.members; i++) {
        if (!purge_call_member(engine, call, i, &m))
            continue;
        const struct purge_at *at = &p->at[node_of(&m)];
        if (m.progress == PURGE_ACKNOWLEDGED && !at->ever)
            check_broken(w, RULE_COMPLETE, "%s says that %s has confirmed %s, which is not on its disk",
                         w->edges[p->caller].name, m.name, p->id);
        if (s.complete && m.asked && m.progress != PURGE_ACKNOWLEDGED)
            check_broken(w, RULE_COMPLETE, "%s says that %s is complete, and waits for %s", w->edges[p->caller].name,
                         p->id, m.name);
    }
}

#define LOOK_LAST 32 /* purges that are looked at often; all are at the end */

void purge_sample(struct world *w)
{
    struct purge_book *b = w->purges;

    if (is_rough(w))
        b->rough_at = w->now;
    for (size_t i = b->n > LOOK_LAST ? b->n - LOOK_LAST : 0; i < b->n && w->sc.nodes <= 100; i++)
        look(w, &b->entries[i]);
}

/* Is |x| named among those who have not confirmed, if it has not? */
static bool is_named(const struct world *w, const struct purge_entry *p, const struct purge_call *call, uint32_t x,
                     bool *confirmed)
{
    const struct engine *engine = w->edges[p->caller].engine;
    struct purge_state s;
    struct purge_member m;

    *confirmed = false;
    purge_call_state(engine, call, &s);
    for (size_t i = 0; i < s.members; i++) {
        if (!purge_call_member(engine, call, i, &m) || node_of(&m) != x)
            continue;
        *confirmed = m.progress == PURGE_ACKNOWLEDGED;
        return !*confirmed;
    }
    return false;
}

/* The live node that its caller still waits for; sc.nodes: none. */
static uint32_t waits_for(const struct world *w, const struct purge_entry *p)
{
    const struct purge_call *call = call_of(w, p);
    bool confirmed;

    for (uint32_t x = 0; call != NULL && x < w->sc.nodes; x++) {
        if (edge_serves(&w->edges[x]) && p->at[x].listed && is_named(w, p, call, x, &confirmed))
            return x;
    }
    return (uint32_t)w->sc.nodes;
}

/* The live node that does not have what another one has; sc.nodes: none. */
static uint32_t lacks(const struct world *w, const struct purge_entry *p)
{
    uint32_t lacking = (uint32_t)w->sc.nodes;
    bool anybody = false;

    for (uint32_t x = 0; x < w->sc.nodes; x++) {
        if (!edge_serves(&w->edges[x]))
            continue;
        if (p->at[x].kept_at != MESH_NS_NEVER)
            anybody = true;
        else if (lacking == w->sc.nodes)
            lacking = x;
    }
    return anybody ? lacking : (uint32_t)w->sc.nodes;
}

static bool frontiers_equal(const struct world *w)
{
    struct engine_purges first = { 0 }, other;
    bool any = false;

    for (uint32_t x = 0; x < w->sc.nodes; x++) {
        if (!edge_serves(&w->edges[x]))
            continue;
        engine_purges(w->edges[x].engine, any ? &other : &first);
        if (any && other.digest != first.digest)
            return false;
        any = true;
    }
    return true;
}

bool purge_settled(const struct world *w)
{
    const struct purge_book *b = w->purges;

    for (uint32_t x = 0; b->n > 0 && x < w->sc.nodes; x++) {
        if (w->edges[x].keep.node.queued)
            return false;
    }
    if (b->n > 0 && !frontiers_equal(w))
        return false;
    for (size_t i = b->n; i > 0; i--) {
        const struct purge_entry *p = &b->entries[i - 1];
        if (lacks(w, p) < w->sc.nodes || waits_for(w, p) < w->sc.nodes)
            return false;
    }
    return true;
}

/* A node that was there and ran all the time is named as long as it has not confirmed. */
static void judge_names(struct world *w, const struct purge_entry *p)
{
    const struct purge_call *call = call_of(w, p);
    bool confirmed;

    for (uint32_t x = 0; call != NULL && x < w->sc.nodes; x++) {
        bool there = edge_serves(&w->edges[x]) && p->at[x].listed && p->at[x].life == w->edges[x].life;
        if (there && !is_named(w, p, call, x, &confirmed) && !confirmed)
            check_broken(w, RULE_COMPLETE, "%s does not name %s, which has not confirmed %s", w->edges[p->caller].name,
                         w->edges[x].name, p->id);
    }
}

void purge_end(struct world *w)
{
    const struct purge_book *b = w->purges;

    if (b->n > 0 && !frontiers_equal(w))
        check_broken(w, RULE_COMPLETE, "at the end not all live nodes have the same purges");
    for (size_t i = 0; i < b->n; i++) {
        const struct purge_entry *p = &b->entries[i];
        uint32_t x = lacks(w, p);
        if (x < w->sc.nodes)
            check_broken(w, RULE_COMPLETE, "%s lacks %s, which another node has", w->edges[x].name, p->id);
        if ((x = waits_for(w, p)) < w->sc.nodes)
            check_broken(w, RULE_COMPLETE, "%s still waits for %s to confirm %s", w->edges[p->caller].name,
                         w->edges[x].name, p->id);
        judge_names(w, p);
        look(w, p);
    }
}

uint64_t purge_times(const struct world *w, struct times *out)
{
    const struct purge_book *b = w->purges;
    uint64_t missed = 0;

    for (size_t i = 0; i < b->n; i++) {
        const struct purge_entry *p = &b->entries[i];
        for (uint32_t x = 0; x < w->sc.nodes; x++) {
            const struct purge_at *at = &p->at[x];
            if (at->life == 0 || at->life != w->edges[x].life)
                continue;
            if (at->kept_at == MESH_NS_NEVER)
                missed++;
            else
                times_add(out, at->kept_at - p->called_at);
        }
    }
    return missed;
}
