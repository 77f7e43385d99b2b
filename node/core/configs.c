/* Versions of the configuration, taken. One that is handed in here must follow from what is in force, so of two that
 * are handed in at one node the second is told so; what comes from peers wins or loses by its version alone. It is in
 * force and told to all at once, and told as durable when it lies on the disk. */
#include "node/core/configs_impl.h"

#include <stdlib.h>

#include "proto/base/err.h"

#define WRITE_AGAIN SEC(1)

static int validate(const struct engine *e, struct slice text, struct buf *why)
{
    const struct config_hooks *h = &e->cfg.config;

    if (text.len > CONFIG_TEXT_MAX)
        return MESH_E_RANGE;
    return h->validate == NULL || h->validate(h->ctx, text, why) ? 0 : MESH_E_TYPE;
}

int configs_judge(const struct engine *e, const struct config_doc *d, int64_t wall_s)
{
    const struct mesh_params *mesh = &e->cfg.mesh.self->mesh;
    const struct config_head *h = &d->head;
    int err = config_doc_check(d, &mesh->id);

    if (err == 0)
        err = mesh_admits(e->mesh, &h->by);
    if (err == 0)
        err = cert_check(&h->by, slice_of(h->by_raw, h->by_len), &mesh->id, mesh_trusted(mesh), mesh_trusted_n(mesh),
                         wall_s);
    return err;
}

void configs_refuse(struct engine *e, mesh_ns now, const struct config_version *v, bool by_roll, struct slice why)
{
    struct configs *c = e->configs;
    char text[CONFIG_VERSION_TEXT_MAX];

    c->refused = *v;
    c->refused_by_roll = by_roll;
    buf_clear(&c->refused_why);
    buf_add_slice(&c->refused_why, why);
    buf_add_u8(&c->refused_why, 0);
    e->counters.configs_refused++;
    trace_f(&e->cfg.trace, now, "configuration %s cannot be taken: %.*s", config_version_text(v, text), SLICE_FMT(why));
    config_tell(e, now);
    config_release(e, now, false);
}

/* |text|, of what is in force since this moment. */
static void in_force(struct engine *e, mesh_ns now, struct slice text)
{
    struct configs *c = e->configs;
    const struct config_head *h = &c->log.current->doc->head;
    char version[CONFIG_VERSION_TEXT_MAX];

    mesh_config(e->mesh, digest_u64(&h->version.hash));
    if (e->cfg.config.adopt != NULL)
        e->cfg.config.adopt(e->cfg.config.ctx, text);
    e->counters.configs++;
    trace_f(&e->cfg.trace, now, "configuration %s of %s is in force", config_version_text(&h->version, version),
            h->by.name);
}

/* Takes |d|, whose operator is judged, and its text, too, if |judged|; or frees it. */
static int take(struct engine *e, mesh_ns now, struct config_doc *d, bool judged, struct buf *why)
{
    struct configs *c = e->configs;
    struct config_version before = config_log_version(&c->log);
    struct config_kept *kept = NULL;
    struct buf text = BUF_EMPTY;
    size_t lost = c->log.superseded;
    int err = config_doc_text(d, e->zpack, &text);

    if (err == 0 && !judged && config_version_cmp(&d->head.version, &before) > 0)
        err = validate(e, buf_slice(&text), why);
    if (err == 0)
        err = config_log_take(&c->log, d, &kept);
    if (kept == NULL)
        config_doc_free(d);
    if (c->log.superseded > lost)
        c->superseded_under = config_log_version(&c->log).counter;
    if (err == 0)
        in_force(e, now, buf_slice(&text));
    buf_free(&text);
    if (kept != NULL)
        config_tell(e, now);
    if (err == 0)
        config_release(e, now, true);
    return err;
}

static void received(struct engine *e, mesh_ns now, struct config_doc *d, bool judged)
{
    struct config_version v = d->head.version;
    struct buf why = BUF_EMPTY;
    int err = take(e, now, d, judged, &why);

    if (err == MESH_E_TYPE || err == MESH_E_RANGE) /* by this node's software, it is no good configuration */
        configs_refuse(e, now, &v, false, why.len > 0 ? buf_slice(&why) : slice_str(mesh_strerror(err)));
    buf_free(&why);
}

struct config_version configs_best(const struct configs *c)
{
    struct config_version best = config_log_version(&c->log);
    const struct config_doc *docs[] = { c->judging, c->judging_next };

    for (size_t i = 0; i < 2; i++) {
        if (docs[i] != NULL && config_version_cmp(&docs[i]->head.version, &best) > 0)
            best = docs[i]->head.version;
    }
    return best;
}

void configs_receive(struct engine *e, mesh_ns now, struct config_doc *d)
{
    struct configs *c = e->configs;
    struct config_version ours = config_log_version(&c->log);
    const struct config_hooks *h = &e->cfg.config;

    if (h->judge == NULL || config_version_cmp(&d->head.version, &ours) <= 0 || d->head.length > CONFIG_TEXT_MAX) {
        received(e, now, d, false);
        return;
    }
    if (c->judging != NULL) { /* of what came meanwhile the best one is the last */
        config_doc_free(c->judging_next);
        c->judging_next = d;
        return;
    }
    if (config_doc_text(d, e->zpack, &c->judging_text) != 0) { /* no memory: it is fetched again */
        config_doc_free(d);
        return;
    }
    c->judging = d;
    h->judge(h->judge_ctx, buf_slice(&c->judging_text));
}

void engine_config_judged(struct engine *e, mesh_ns now, bool good, struct slice why)
{
    struct configs *c = e->configs;
    struct config_doc *d = c->judging, *next = c->judging_next;

    e->now = now;
    assert(d != NULL);
    struct config_version v = d->head.version;
    c->judging = c->judging_next = NULL;
    buf_free(&c->judging_text);
    if (good) {
        received(e, now, d, true);
    } else {
        config_doc_free(d);
        configs_refuse(e, now, &v, false, why.len > 0 ? why : slice_str(mesh_strerror(MESH_E_TYPE)));
    }
    if (next != NULL)
        configs_receive(e, now, next);
    config_seek(e, now);
}

/* ---- handed in here ---- */

static int hand_in(struct engine *e, mesh_ns now, struct config_doc *d, struct buf *why)
{
    struct config_version ours = config_log_version(&e->configs->log);
    const struct config_head *h = &d->head;
    int err = configs_judge(e, d, e->wall_s);

    if (err == 0 && config_log_find(&e->configs->log, &h->version.hash) != NULL)
        err = MESH_E_EXISTS;
    else if (err == 0 && (h->version.counter != ours.counter + 1 || !config_doc_descends(h, &ours)))
        err = MESH_E_STATE;
    if (err != 0) {
        config_doc_free(d);
        return err;
    }
    err = take(e, now, d, false, why);
    if (err == 0)
        config_spread(e, now);
    return err;
}

int engine_config_take(struct engine *e, mesh_ns now, struct slice file, struct buf *why)
{
    struct config_doc *d;
    int err;

    e->now = now;
    err = config_doc_read(&d, e->zpack, file);
    return err != 0 ? err : hand_in(e, now, d, why);
}

int engine_config_change(struct engine *e, mesh_ns now, struct slice text, const struct config_version *before,
                         const char *who, struct buf *why)
{
    const struct config_log *log = &e->configs->log;
    struct config_version ours = config_log_version(log);
    struct config_head head = { .at_s = e->wall_s > 0 ? e->wall_s : 0 };
    struct config_doc *d;

    e->now = now;
    if (config_version_cmp(before, &ours) != 0)
        return MESH_E_STATE;
    if (strlen(who) > CONFIG_WHO_MAX)
        return MESH_E_RANGE;
    strcpy(head.who, who);
    config_doc_follow(&head, log->current != NULL ? &log->current->doc->head : NULL);
    int err = config_doc_make(&d, e->zpack, &head, text, e->cfg.mesh.self);
    return err != 0 ? err : hand_in(e, now, d, why);
}

int engine_config_try(struct engine *e, struct slice text, struct buf *why)
{
    return validate(e, text, why);
}

/* ---- durable ---- */

static void write_fire(struct engine *e, mesh_ns now, struct timer *t)
{
    (void)e;
    (void)now;
    (void)t; /* engine_poll looks again */
}

bool configs_keep(struct engine *e, struct slice *out)
{
    struct configs *c = e->configs;

    if (c->writing != NULL || e->now < c->write_again)
        return false;
    LIST_EACH (at, &c->log.kept) {
        struct config_kept *k = OBJ_OF(at, struct config_kept, link);
        if (k->durable)
            continue;
        k->pinned = true;
        c->writing = k;
        *out = buf_slice(&k->doc->bytes);
        return true;
    }
    return false;
}

void engine_config_kept(struct engine *e, mesh_ns now, bool done)
{
    struct configs *c = e->configs;

    e->now = now;
    assert(c->writing != NULL);
    c->writing->pinned = false;
    c->writing->durable = done;
    c->writing = NULL;
    if (done) {
        config_tell(e, now);
        return;
    }
    c->write_again = now + WRITE_AGAIN;
    timer_set(e, &c->write_timer, c->write_again);
}

/* A file that was kept. What it says was judged when it was taken; its operator may have been revoked since. */
static int read_one(struct engine *e, struct slice file)
{
    struct config_kept *kept = NULL;
    struct config_doc *d;
    int err = config_doc_read(&d, e->zpack, file);

    if (err == 0 && (err = config_doc_check(d, &e->cfg.mesh.self->mesh.id)) == 0)
        err = config_log_take(&e->configs->log, d, &kept);
    if (kept != NULL)
        kept->durable = true;
    else
        config_doc_free(d);
    return err == MESH_E_NOMEM ? err : 0;
}

/* Which of those that were kept is in force is known when all of them are read; it may be one that this software, older
 * than what wrote it, cannot read: then the next best one is. */
static int read_kept(struct engine *e)
{
    struct configs *c = e->configs;
    struct buf text = BUF_EMPTY, why = BUF_EMPTY;
    int err = 0;

    for (size_t i = 0; i < e->cfg.configs_n && err == 0; i++)
        err = read_one(e, e->cfg.configs[i]);
    while (err == 0 && c->log.current != NULL) {
        struct config_version v = c->log.current->doc->head.version;
        buf_clear(&text);
        buf_clear(&why);
        if ((err = config_doc_text(c->log.current->doc, e->zpack, &text)) != 0)
            break;
        if (validate(e, buf_slice(&text), &why) == 0) {
            in_force(e, e->now, buf_slice(&text));
            e->counters.configs--; /* it was counted when it came */
            break;
        }
        configs_refuse(e, e->now, &v, false, buf_slice(&why));
        config_log_drop(&c->log, c->log.current);
    }
    c->superseded_under = c->log.superseded > 0 ? config_log_version(&c->log).counter : 0;
    buf_free(&text);
    buf_free(&why);
    return err;
}

int configs_init(struct engine *e)
{
    struct configs *c = calloc(1, sizeof(*c));

    if ((e->configs = c) == NULL)
        return MESH_E_NOMEM;
    config_log_init(&c->log);
    c->write_timer.fire = write_fire;
    config_sync_start(e);
    if (map_init(&c->peers_by_id, e->cfg.hash_key) != 0)
        return MESH_E_NOMEM;
    int err = read_kept(e);
    e->cfg.configs = NULL;
    e->cfg.configs_n = 0;
    return err;
}

void configs_fini(struct engine *e)
{
    struct configs *c = e->configs;

    if (c == NULL)
        return;
    config_sync_fini(e);
    config_doc_free(c->judging);
    config_doc_free(c->judging_next);
    buf_free(&c->judging_text);
    timer_stop(e, &c->write_timer);
    config_log_fini(&c->log);
    map_fini(&c->peers_by_id);
    buf_free(&c->refused_why);
    free(c);
    e->configs = NULL;
}

/* ---- being seen ---- */

#define FETCH_QUIET SEC(5)

bool configs_are_complete(const struct engine *e)
{
    const struct configs *c = e->configs;

    if (c->caught_up || !e->cfg.has_seeds)
        return true;
    return engine_has_waited(e) && !(c->fetch.active && e->now - c->fetch.progress_at < FETCH_QUIET);
}

void configs_rolled(struct engine *e, mesh_ns now)
{
    struct configs *c = e->configs;

    if (c->refused_by_roll)
        c->refused = (struct config_version){ .counter = 0 };
    c->refused_by_roll = false;
    config_seek(e, now);
}

uint32_t configs_alarms(const struct engine *e)
{
    const struct configs *c = e->configs;
    struct config_version ours = config_log_version(&c->log);
    uint32_t bits = 0;

    if (c->log.superseded > 0 && ours.counter == c->superseded_under)
        bits |= ALARM_BIT(config_superseded);
    if (c->refused.counter > 0 && config_version_cmp(&c->refused, &ours) > 0)
        bits |= ALARM_BIT(config_refused);
    if (c->log.current != NULL && mesh_admits(e->mesh, &c->log.current->doc->head.by) != 0)
        bits |= ALARM_BIT(config_operator_out);
    return bits;
}

const struct config_log *engine_config_log(const struct engine *e)
{
    return &e->configs->log;
}

int engine_config_text(const struct engine *e, const struct config_kept *k, struct buf *out)
{
    return config_doc_text(k->doc, e->zpack, out);
}

void engine_configs(const struct engine *e, struct engine_configs *out)
{
    const struct configs *c = e->configs;
    const struct config_fetch *f = &c->fetch;

    *out = (struct engine_configs){
        .version = config_log_version(&c->log),
        .kept = c->log.current != NULL && c->log.current->durable,
        .caught_up = c->caught_up,
        .is_operator = (e->cfg.mesh.self->cert.roles & CERT_ROLE_OPERATOR) != 0,
        .versions = c->log.n,
        .superseded = c->log.superseded,
        .refused = c->refused,
        .refused_why = c->refused.counter > 0 ? (const char *)c->refused_why.data : "",
    };
    if (f->active) {
        out->fetched = f->want;
        out->pieces = f->doc != NULL ? f->doc->have : 0;
        out->pieces_n = f->doc != NULL ? f->doc->head.pieces_n : 0;
    }
}

bool engine_config_of(const struct engine *e, const struct node_id *id, struct config_peer_state *out)
{
    const struct config_peer *p = config_peer_find(e->configs, id);
    struct config_version ours = config_log_version(&e->configs->log);

    if (p == NULL || !p->heard)
        return false;
    *out = (struct config_peer_state){ .version = p->version,
                                       .kept = p->kept,
                                       .refuses =
                                           p->has_refused && ours.counter > 0 && digest_eq(&p->refused, &ours.hash) };
    return true;
}
