#include "sim/config_model.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto/base/err.h"
#include "sim/faults/short_memory.h"
#include "sim/figures.h"
#include "sim/rules/check.h"

#define PEACE SEC(15) /* after a cut or a start: whom to ask is known to all */

struct config_book *config_book_new(void)
{
    struct config_book *b = world_alloc(sizeof(*b));

    b->z = zpack_new();
    assert(b->z != NULL);
    return b;
}

void config_book_free(struct config_book *b)
{
    if (b == NULL)
        return;
    zpack_free(b->z);
    free(b->entries);
    free(b);
}

/* ---- changes ---- */

/* The text of change |n|: its number, and bytes that are its own. */
static void put_text(const struct world *w, struct buf *out, uint64_t n)
{
    struct rand r = rand_of(w->sc.seed, n, 0xc0f19);

    buf_addf(out, "change %llu\n", (unsigned long long)n);
    while (out->len < w->sc.config_size)
        buf_addf(out, "%016llx setting\n", (unsigned long long)rand_u64(&r));
    assert(buf_ok(out));
}

static struct config_entry *entry_of(const struct config_book *b, const struct config_version *v)
{
    for (size_t i = b->n; i > 0; i--) {
        if (config_version_cmp(&b->entries[i - 1].version, v) == 0)
            return &b->entries[i - 1];
    }
    return NULL;
}

static struct config_entry *entry_new(struct config_book *b)
{
    if (b->n == b->cap) {
        b->cap = 2 * b->cap + 64;
        struct config_entry *grown = world_alloc(b->cap * sizeof(*grown));
        if (b->n > 0)
            memcpy(grown, b->entries, b->n * sizeof(*grown));
        free(b->entries);
        b->entries = grown;
    }
    struct config_entry *entry = &b->entries[b->n++];
    memset(entry, 0, sizeof(*entry));
    entry->everywhere_at = MESH_NS_NEVER;
    return entry;
}

static struct config_version version_of(const struct edge *e)
{
    return config_log_version(engine_config_log(e->engine));
}

/* Does every live node have |v|, or one that wins over it? */
static bool is_everywhere(const struct world *w, const struct config_version *v)
{
    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        if (!edge_serves(&w->edges[i]))
            continue;
        struct config_version has = version_of(&w->edges[i]);
        if (config_version_cmp(&has, v) < 0)
            return false;
    }
    return true;
}

static void note_everywhere(struct world *w)
{
    struct config_book *b = w->configs;

    for (size_t i = b->n; i > 0; i--) {
        struct config_entry *c = &b->entries[i - 1];
        if (c->everywhere_at != MESH_NS_NEVER)
            break; /* those before it as well, or they have lost */
        if (is_everywhere(w, &c->version))
            c->everywhere_at = w->now;
    }
}

void config_called(struct edge *e)
{
    struct world *w = e->w;
    struct config_book *b = w->configs;
    struct buf text = BUF_EMPTY, why = BUF_EMPTY;

    if (!edge_serves(e) || w->now < e->paused_until) {
        b->refused++;
        return;
    }
    struct config_entry *c = entry_new(b);
    put_text(w, &text, b->n);
    struct engine *engine = edge_enter(e);
    struct config_version before = version_of(e);
    int err = engine_config_change(engine, edge_now(e), buf_slice(&text), &before, "the world", &why);
    if (err != 0 && e->memory_refused > e->memory_told) { /* the operator is told, and nothing has changed */
        b->refused++;
        b->n--;
    } else if (err != 0) {
        check_broken(w, RULE_CONFIGURED, "%s does not take change %zu: %s", e->name, b->n, mesh_strerror(err));
    } else {
        c->version = version_of(e);
        c->caller = e->index;
        c->at = w->now;
        note_everywhere(w);
    }
    buf_free(&text);
    buf_free(&why);
    edge_pump(e);
}

void configs_draw(struct scenario *sc)
{
    uint64_t span = sc->time - sc->warmup;

    for (uint64_t i = 0; i < sc->configs; i++) {
        struct rand r = rand_of(sc->seed, i, 0xc0f18);
        uint64_t part = span / sc->configs, n = 1 + (rand_below(&r, 4) == 0);
        mesh_ns at = (mesh_ns)(sc->warmup + part * i + (part > 0 ? rand_below(&r, part) : 0));
        struct action a = { .at = at / MS(1) * MS(1), .kind = ACTION_CONFIGURE, .a = { .by = NODES_LIST } };
        while (n-- > 0) {
            uint64_t node = rand_below(&r, sc->nodes);
            a.a.bits[node / 8] |= (uint8_t)(1u << (node % 8));
        }
        int err = scenario_add(sc, &a);
        assert(err == 0);
    }
}

/* ---- what nodes say is in force ---- */

static void adopted(void *ctx, struct slice text)
{
    struct edge *e = ctx;
    struct slice rest = text, word, number;
    struct buf want = BUF_EMPTY;
    uint64_t n = 0;

    short_memory_over(); /* this is the world's */
    slice_split(&rest, ' ', &word);
    slice_split(&rest, '\n', &number);
    if (slice_u64(number, &n) == 0)
        put_text(e->w, &want, n);
    if (!slice_eq(text, buf_slice(&want)))
        check_broken(e->w, RULE_CONFIGURED, "%s works by a text that nobody has handed in", e->name);
    world_notef(e->w, NOTE_CONFIG, e->index, "%llu", (unsigned long long)n);
    buf_free(&want);
    if (e->engine != NULL && e->memory_left > 0) /* else it is being started */
        short_memory_within(&e->memory_left, &e->memory_refused);
}

void config_fill(struct edge *e, struct engine_config *cfg, struct slice files[CONFIG_FILES_MAX])
{
    for (size_t i = 0; i < e->configs_n; i++)
        files[i] = buf_slice(&e->configs[i]);
    cfg->configs = files;
    cfg->configs_n = e->configs_n;
    cfg->config = (struct config_hooks){ .adopt = adopted, .ctx = e };
}

/* ---- its disk ---- */

static void on_disk(struct edge *e)
{
    struct config_book *b = e->w->configs;
    struct config_doc *d;
    int err = config_doc_read(&d, b->z, buf_slice(&e->config_keeping));

    assert(err == 0);
    struct config_entry *c = entry_of(b, &d->head.version);
    if (c == NULL)
        check_broken(e->w, RULE_CONFIGURED, "%s keeps a version that nobody has handed in", e->name);
    else
        c->durable = true;
    config_doc_free(d);
    if (e->configs_n == CONFIG_FILES_MAX) { /* those that came first go first */
        buf_free(&e->configs[0]);
        memmove(&e->configs[0], &e->configs[1], (CONFIG_FILES_MAX - 1) * sizeof(e->configs[0]));
        e->configs[--e->configs_n] = BUF_EMPTY;
    }
    e->configs[e->configs_n] = BUF_EMPTY;
    buf_take(&e->configs[e->configs_n++], &e->config_keeping);
    e->config_keeping = BUF_EMPTY;
}

static void keep_done(struct world *w, struct event *ev)
{
    struct edge *e = OBJ_OF(ev, struct edge, config_keep);

    (void)w;
    if (edge_held(e, ev))
        return;
    on_disk(e);
    engine_config_kept(edge_enter(e), edge_now(e), true);
    edge_pump(e);
}

void config_keep(struct edge *e, struct slice bytes)
{
    struct world *w = e->w;
    struct rand r = world_rand(w, (uint64_t)e->index << 32 | ++e->config_keeps, DRAW_CONFIG_KEEP);

    buf_add_slice(&e->config_keeping, bytes);
    assert(buf_ok(&e->config_keeping));
    e->config_keep.fire = keep_done;
    world_at(w, &e->config_keep, w->now + (mesh_ns)w->sc.keep + draw_ns(&r, w->sc.keep));
}

void config_stops(struct edge *e, bool orderly)
{
    struct rand r = world_rand(e->w, (uint64_t)e->index << 32 | e->config_keeps, DRAW_CONFIG_FATE);

    if (e->config_keep.node.queued && (orderly || rand_below(&r, 2) == 0))
        on_disk(e);
    world_drop(e->w, &e->config_keep);
    buf_free(&e->config_keeping);
}

void config_forget(struct edge *e)
{
    while (e->configs_n > 0)
        buf_free(&e->configs[--e->configs_n]);
    for (size_t i = 0; e->w->configs != NULL && i < e->w->configs->n; i++) { /* nobody else may have had it */
        struct config_entry *c = &e->w->configs->entries[i];
        c->durable = c->durable && c->caller != e->index;
    }
}

/* ---- judging ---- */

/* Who came in peace, when all others had a version for a while, has it when it is ready. */
static void judge_newcomer(struct world *w, const struct edge *e)
{
    const struct config_book *b = w->configs;
    struct config_version has = version_of(e);

    if (w->check->cut_until > e->started_at - PEACE || e->started_at < SEC(20) || !engine_ready(e->engine, NULL) ||
        e->back_at > e->started_at || mesh_alive(engine_mesh(e->engine)) <= 1)
        return;
    for (size_t i = b->n; i > 0; i--) {
        const struct config_entry *c = &b->entries[i - 1];
        if (c->everywhere_at > e->started_at - PEACE)
            continue;
        if (config_version_cmp(&has, &c->version) < 0)
            check_broken(w, RULE_CONFIGURED, "%s is ready without a configuration that all had when it came", e->name);
        return;
    }
}

void config_sample(struct world *w)
{
    if (w->configs->n == 0)
        return;
    note_everywhere(w);
    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        if (edge_serves(&w->edges[i]) && w->now >= w->edges[i].paused_until)
            judge_newcomer(w, &w->edges[i]);
    }
}

bool config_settled(const struct world *w)
{
    const struct edge *first = NULL;

    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        const struct edge *e = &w->edges[i];
        struct engine_configs c;
        if (!edge_serves(e))
            continue;
        engine_configs(e->engine, &c);
        if (first == NULL)
            first = e;
        struct config_version other = version_of(first);
        if (config_version_cmp(&c.version, &other) != 0 || (c.version.counter > 0 && !c.kept))
            return false;
    }
    return true;
}

/* Are there so many later ones that it need not be kept? */
static bool is_bygone(const struct config_log *log, const struct config_version *v)
{
    const struct config_kept *lowest = OBJ_OF(log->kept.prev, struct config_kept, link);

    return log->n == CONFIG_LOG_MAX && config_version_cmp(&lowest->doc->head.version, v) > 0;
}

/* Is it in force, does that follow from it, or is it to be found as superseded, unless it is too long ago? */
static bool is_found(const struct world *w, const struct config_entry *c)
{
    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        const struct config_log *log = edge_serves(&w->edges[i]) ? engine_config_log(w->edges[i].engine) : NULL;
        if (log == NULL || log->current == NULL)
            continue;
        if (config_doc_descends(&log->current->doc->head, &c->version) ||
            config_log_find(log, &c->version.hash) != NULL || is_bygone(log, &c->version))
            return true;
    }
    return false;
}

/* Did the disk of a node that is gone have it alone? */
static bool is_away(const struct world *w, const struct config_entry *c)
{
    return !edge_serves(&w->edges[c->caller]);
}

void config_end(struct world *w)
{
    const struct config_book *b = w->configs;

    if (b->n == 0)
        return;
    if (!config_settled(w))
        check_broken(w, RULE_CONFIGURED, "not all live nodes have one configuration, and have kept it, at the end");
    for (size_t i = 0; i < b->n; i++) {
        const struct config_entry *c = &b->entries[i];
        if (c->durable && !is_found(w, c) && !is_away(w, c))
            check_broken(w, RULE_CONFIGURED, "change %zu, made at %s, is in force nowhere, and kept nowhere", i + 1,
                         w->edges[c->caller].name);
    }
}

void config_figures(const struct world *w, struct figures *f)
{
    const struct config_book *b = w->configs;

    f->configs = b->n;
    for (size_t i = 0; i < b->n; i++) {
        const struct config_entry *c = &b->entries[i];
        if (c->everywhere_at == MESH_NS_NEVER)
            continue;
        uint64_t ms = (uint64_t)((c->everywhere_at - c->at) / MS(1));
        if (ms > f->config_max_ms)
            f->config_max_ms = ms;
    }
    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        size_t lost = edge_serves(&w->edges[i]) ? engine_config_log(w->edges[i].engine)->superseded : 0;
        if (lost > f->config_superseded)
            f->config_superseded = lost;
    }
}
