/* engine_world.h - a few engines in a world of virtual time: streams in memory with a
 * delay, one scripted origin, viewers who check each byte. Include first in a test. */
#ifndef HEDGEROW_TESTS_ENGINE_WORLD_H
#define HEDGEROW_TESTS_ENGINE_WORLD_H

#include "engine_parts.h"
#include "model_disk.h"

/* ---- streams ---- */

static inline int node_at(const struct world *w, const struct mesh_addr *addr)
{
    for (int i = 0; i < w->n; i++) {
        if (mesh_addr_eq(&w->nodes[i].addr, addr))
            return i;
    }
    return -1;
}

static inline void conn_write(struct world *w, struct conn *c, int end)
{
    mesh_ns drip = w->nodes[c->node[end]].drip;
    size_t window = drip != 0 ? 1 : w->window;

    while (c->link[end] != NULL && c->node[1 - end] >= 0 && !w->cut[c->node[end]][c->node[1 - end]]) {
        struct slice out = link_output(c->link[end]);
        if (window != 0 && out.len + c->flying[end] > window)
            out.len = window > c->flying[end] ? window - c->flying[end] : 0;
        c->wants[end] = link_output(c->link[end]).len > out.len;
        if (out.len == 0)
            return;
        struct event e = { .kind = EVENT_BYTES, .conn = c, .end = 1 - end, .node = c->node[1 - end], .len = out.len };
        e.bytes = malloc(out.len);
        assert_non_null(e.bytes);
        memcpy(e.bytes, out.data, out.len);
        c->flying[end] += out.len;
        w->wire_bytes += out.len;
        mesh_ns at = w->now + w->delay + w->nodes[e.node].slow + drip;
        c->last_at[end] = at > c->last_at[end] ? at : c->last_at[end];
        later(w, c->last_at[end] - w->now, e);
        engine_sent(engine_of(w, c->node[end]), w->now, c->link[end], out.len);
    }
}

static inline void conn_gone(struct world *w, struct conn *c, int end)
{
    if (c->link[end] == NULL)
        return;
    struct link *l = c->link[end];
    c->link[end] = NULL;
    engine_disconnected(engine_of(w, c->node[end]), w->now, l);
}

static inline void conn_close(struct world *w, struct conn *c, int end)
{
    conn_write(w, c, end);
    conn_gone(w, c, end);
    if (c->node[1] < 0)
        return;
    later(w, w->delay, (struct event){ .kind = EVENT_GONE, .conn = c, .end = 1 - end, .node = c->node[1 - end] });
}

static inline void dial(struct world *w, int n, struct link *l, const struct mesh_addr *to)
{
    struct conn *c = &w->conns[w->conns_n++];

    assert_true(w->conns_n <= CONNS_MAX);
    *c = (struct conn){ .node = { n, node_at(w, to) }, .link = { l, NULL } };
    link_set_io(l, c);
    if (c->node[1] < 0) /* nobody there, and nobody says so */
        return;
    later(w, w->delay, (struct event){ .kind = EVENT_CONNECT, .conn = c, .end = 1, .node = c->node[1] });
}

static inline void take_connect(struct world *w, struct conn *c)
{
    struct node *to = &w->nodes[c->node[1]];

    if (c->link[0] == NULL || w->cut[c->node[0]][c->node[1]])
        return; /* given up meanwhile, or it never gets there */
    if (to->engine == NULL || to->deaf) {
        later(w, w->delay, (struct event){ .kind = EVENT_GONE, .conn = c, .end = 0, .node = c->node[0] });
        return;
    }
    c->link[1] = engine_accept(to->engine, w->now, &w->nodes[c->node[0]].addr);
    assert_non_null(c->link[1]);
    link_set_io(c->link[1], c);
    later(w, w->delay, (struct event){ .kind = EVENT_CONNECTED, .conn = c, .end = 0, .node = c->node[0] });
}

static inline void take_bytes(struct world *w, struct event *e)
{
    struct slice rest = slice_of(e->bytes, e->len);

    while (rest.len > 0 && e->conn->link[e->end] != NULL) {
        struct slice part = w->reads != 0 ? slice_head(rest, w->reads) : rest;
        engine_received(engine_of(w, e->node), w->now, e->conn->link[e->end], part);
        rest = slice_from(rest, part.len);
    }
    if (rest.len > 0) /* nobody expects them: a reset */
        later(w, w->delay,
              (struct event){
                  .kind = EVENT_GONE, .conn = e->conn, .end = 1 - e->end, .node = e->conn->node[1 - e->end] });
    e->conn->flying[1 - e->end] -= e->len;
    if (e->conn->wants[1 - e->end] && !w->nodes[e->conn->node[1 - e->end]].frozen)
        conn_write(w, e->conn, 1 - e->end);
}

/* ---- the origin ---- */

static inline void visit_end(struct world *w, struct visit *v)
{
    struct visit **at = &w->visits;

    while (*at != v)
        at = &(*at)->next;
    *at = v->next;
    v->site->open--;
    if (v->event != NULL)
        v->event->visit = NULL;
    free(v->lines);
    free(v);
}

static inline void visit_step(struct world *w, struct visit *v);

static inline void visit_later(struct world *w, struct visit *v, mesh_ns after)
{
    later(w, after, (struct event){ .kind = EVENT_ORIGIN, .node = v->node, .visit = v });
}

static inline void visit_head(struct world *w, struct visit *v)
{
    const struct site *s = v->site;
    struct slice rest = slice_str(v->lines), line, name;
    char version[24];
    struct fields f = { 0 };

    while (slice_split(&rest, '\n', &line)) {
        if (line.len == 0)
            continue;
        slice_split(&line, ':', &name);
        fields_add(&f, name, slice_trim(line));
    }
    v->head_told = true;
    if (v->unchanged) {
        v->site->validated++;
        v->at = UINT64_MAX;
        engine_fetch_head(engine_of(w, v->node), w->now, v->fetch, 304, &f, 0);
        return;
    }
    snprintf(version, sizeof(version), "%llu", (unsigned long long)v->version);
    fields_add(&f, SLICE_LIT("X-Version"), slice_str(version));
    char tag[28];
    snprintf(tag, sizeof(tag), "\"%s\"", version);
    if (s->tagged)
        fields_add(&f, SLICE_LIT("ETag"), slice_str(tag));
    if (v->ranged) {
        bool none = v->at >= s->length;
        char range[64];
        snprintf(range, sizeof(range), "bytes %llu-%llu/%llu", (unsigned long long)v->at,
                 (unsigned long long)v->end - 1, (unsigned long long)s->length);
        if (!none)
            fields_add(&f, SLICE_LIT("Content-Range"), slice_str(range));
        engine_fetch_head(engine_of(w, v->node), w->now, v->fetch, none ? 416 : 206, &f,
                          none ? 0 : (int64_t)(v->end - v->at));
        return;
    }
    engine_fetch_head(engine_of(w, v->node), w->now, v->fetch, s->status, &f,
                      s->chunked ? -1 : (int64_t)(s->announced != 0 ? s->announced : s->length));
}

static inline void visit_step(struct world *w, struct visit *v)
{
    struct site *s = v->site;
    struct engine *e = engine_of(w, v->node);
    uint64_t end = s->cut_at < v->end ? s->cut_at : v->end;

    v->event = NULL;
    if (s->cut_at == 0) {
        engine_fetch_end(e, w->now, v->fetch, s->cut_err);
        visit_end(w, v);
    } else if (!v->head_told) {
        visit_head(w, v);
        if (!v->fetch->paused)
            visit_later(w, v, s->every);
    } else if (v->at < end) {
        uint64_t n = end - v->at < s->piece ? end - v->at : s->piece;
        uint8_t *bytes = malloc(n);
        assert_non_null(bytes);
        site_bytes(s, v->version, v->at, bytes, n);
        v->at += n;
        s->sent += n;
        struct fetch *f = v->fetch;
        if (!f->paused)
            visit_later(w, v, s->every);
        engine_fetch_body(e, w->now, f, slice_of(bytes, n));
        free(bytes);
    } else if (!s->stuck) {
        engine_fetch_end(e, w->now, v->fetch, s->cut_at <= s->length ? s->cut_err : 0);
        visit_end(w, v);
    }
}

static inline void fetch_begin(struct world *w, int n, struct fetch *f)
{
    struct visit *v = calloc(1, sizeof(*v));

    assert_non_null(v);
    v->fetch = f;
    v->node = n;
    v->site = site_for(w, f);
    assert_non_null(v->site); /* nobody makes up a path */
    snprintf(v->site->last_path, sizeof(v->site->last_path), "%.*s", SLICE_FMT(f->path));
    v->site->fetches++;
    v->site->open++;
    snprintf(v->site->last_from, sizeof(v->site->last_from), "%.*s %.*s", SLICE_FMT(f->host), SLICE_FMT(f->request_id));
    snprintf(v->site->last_method, sizeof(v->site->last_method), "%.*s", SLICE_FMT(f->method));
    v->site->last_fields[0] = '\0';
    if (f->forward != NULL)
        fields_text(f->forward, v->site->last_fields, sizeof(v->site->last_fields));
    v->unchanged = v->site->validator != NULL && slice_eq(f->if_none_match, slice_str(v->site->validator));
    v->version = v->site->version;
    v->lines = strdup(v->site->lines);
    assert_non_null(v->lines);
    v->end = v->site->length;
    snprintf(v->site->last_range, sizeof(v->site->last_range), "%.*s", SLICE_FMT(f->range));
    uint64_t last;
    v->ranged = v->site->ranges && (f->if_range.len == 0 || v->site->deaf || site_is(v->site, f->if_range)) &&
                ranges_begin(f->range, &v->at, &last);
    if (v->ranged && last < v->end)
        v->end = last + 1;
    if (v->ranged && v->site->most != 0 && v->at < v->end && v->end - v->at > v->site->most)
        v->end = v->at + v->site->most;
    const struct field *variant = fields_find(f->forward, SLICE_LIT("x-variant"));
    if (v->site->by_variant)
        assert_true(variant != NULL && slice_u64(variant->value, &v->version) == 0);
    f->io = v;
    v->next = w->visits;
    w->visits = v;
    visit_later(w, v, v->site->head_after);
}

/* ---- running ---- */

static inline bool poll_node(struct world *w, int n)
{
    struct engine_out out;
    struct visit *v;

    if (!engine_poll(w->nodes[n].engine, &out))
        return false;
    switch (out.kind) {
    case ENGINE_DATAGRAM: break;
    case ENGINE_DIAL: dial(w, n, out.link, &out.addr); break;
    case ENGINE_WRITE: {
        struct conn *c = link_io(out.link);
        conn_write(w, c, c->link[0] == out.link ? 0 : 1);
        break;
    }
    case ENGINE_CLOSE: {
        struct conn *c = link_io(out.link);
        if (c == NULL)
            engine_disconnected(w->nodes[n].engine, w->now, out.link);
        else
            conn_close(w, c, c->link[0] == out.link ? 0 : 1);
        break;
    }
    case ENGINE_FETCH: fetch_begin(w, n, out.fetch); break;
    case ENGINE_FETCH_FLOW:
        v = out.fetch->io;
        if (!out.fetch->paused && v->event == NULL)
            visit_later(w, v, v->site->every);
        break;
    case ENGINE_FETCH_STOP: visit_end(w, out.fetch->io); break;
    case ENGINE_REQUEST:
        if (out.request->io != NULL) /* else the test looks by itself */
            viewer_read(out.request->io);
        break;
    case ENGINE_DISK:
        if (w->nodes[n].disk->slow)
            list_push_back(&w->nodes[n].disk->held, &out.op->link);
        else
            engine_disk_done(w->nodes[n].engine, w->now, out.op, model_do(w->nodes[n].disk, out.op));
        break;
    case ENGINE_KEEP:
        if (!w->nodes[n].disk_full)
            buf_add_slice(&w->nodes[n].purges, out.bytes);
        if (!w->nodes[n].disk_slow)
            engine_kept(w->nodes[n].engine, w->now, !w->nodes[n].disk_full);
        break;
    case ENGINE_CONFIG:
        if (!w->nodes[n].disk_full) {
            assert_true(w->nodes[n].configs_n < 64);
            buf_add_slice(&w->nodes[n].configs[w->nodes[n].configs_n++], out.bytes);
        }
        if (!w->nodes[n].disk_slow)
            engine_config_kept(w->nodes[n].engine, w->now, !w->nodes[n].disk_full);
        break;
    case ENGINE_PROBE: break;
    case ENGINE_TWIN: w->nodes[n].twins++; break;
    }
    return true;
}

static inline void settle(struct world *w)
{
    unsigned steps = 0;

    for (bool any = true; any;) {
        any = false;
        for (int i = 0; i < w->n; i++) {
            while (w->nodes[i].engine != NULL && !w->nodes[i].frozen && poll_node(w, i)) {
                any = true;
                assert_true(++steps < 1000000); /* nobody spins */
            }
        }
    }
}

static inline void happen(struct world *w, struct event *e)
{
    struct node *to = &w->nodes[e->node];

    if (e->kind == EVENT_ORIGIN && e->visit == NULL) {
        free(e);
        return;
    }
    if (to->frozen) {
        *to->held_last = e;
        to->held_last = &e->next;
        e->next = NULL;
        return;
    }
    if (to->engine != NULL) {
        engine_clock(to->engine, w->now, WALL + w->now / SEC(1));
        switch (e->kind) {
        case EVENT_CONNECT: take_connect(w, e->conn); break;
        case EVENT_CONNECTED:
            if (e->conn->link[0] != NULL)
                engine_connected(to->engine, w->now, e->conn->link[0]);
            break;
        case EVENT_BYTES: take_bytes(w, e); break;
        case EVENT_GONE: conn_gone(w, e->conn, e->end); break;
        case EVENT_ORIGIN: visit_step(w, e->visit); break;
        }
    } else if (e->kind == EVENT_CONNECT) {
        take_connect(w, e->conn);
    }
    free(e->bytes);
    free(e);
}

/* world_run lets |ns| go by. */
static inline void world_run(struct world *w, mesh_ns ns)
{
    mesh_ns until = w->now + ns;
    unsigned turns = 0;

    for (;;) {
        settle(w);
        mesh_ns next = w->first != NULL ? w->first->at : MESH_NS_NEVER;
        for (int i = 0; i < w->n; i++) {
            if (w->nodes[i].engine != NULL && !w->nodes[i].frozen)
                next = mesh_ns_min(next, engine_deadline(w->nodes[i].engine));
        }
        if (next > until)
            break;
        turns = next > w->now ? 0 : turns + 1;
        assert_true(turns < 100000); /* time goes on */
        w->now = next > w->now ? next : w->now;
        for (int i = 0; i < w->n; i++) {
            if (w->nodes[i].engine != NULL && !w->nodes[i].frozen && engine_deadline(w->nodes[i].engine) <= w->now) {
                engine_clock(w->nodes[i].engine, w->now, WALL + w->now / SEC(1));
                engine_tick(w->nodes[i].engine, w->now);
            }
        }
        settle(w);
        while (w->first != NULL && w->first->at <= w->now) {
            struct event *e = w->first;
            w->first = e->next;
            happen(w, e);
            settle(w);
        }
    }
    w->now = until;
    for (int i = 0; i < w->n; i++) {
        if (w->nodes[i].engine != NULL && !w->nodes[i].frozen)
            engine_clock(w->nodes[i].engine, w->now, WALL + w->now / SEC(1));
    }
}

/* ---- what befalls nodes ---- */

/* world_cut: while |cut|, nothing gets from |a| to |b|, nor back; what was sent meanwhile comes afterwards. */
static inline void world_cut(struct world *w, int a, int b, bool cut)
{
    w->cut[a][b] = w->cut[b][a] = cut;
    for (size_t i = 0; i < w->conns_n && !cut; i++) {
        struct conn *c = &w->conns[i];
        for (int end = 0; end <= 1; end++) {
            if (((c->node[end] == a && c->node[1 - end] == b) || (c->node[end] == b && c->node[1 - end] == a)) &&
                !w->nodes[c->node[end]].frozen)
                conn_write(w, c, end);
        }
    }
}

static inline void node_freeze(struct world *w, int n)
{
    w->nodes[n].frozen = true;
}

static inline void node_thaw(struct world *w, int n)
{
    struct event *e = w->nodes[n].held;

    w->nodes[n].frozen = false;
    w->nodes[n].held = NULL;
    w->nodes[n].held_last = &w->nodes[n].held;
    while (e != NULL) {
        struct event *next = e->next;
        later(w, 0, *e);
        free(e);
        e = next;
    }
    world_run(w, 0);
}

static inline void drop_held(struct node *node)
{
    while (node->held != NULL) {
        struct event *e = node->held;
        node->held = e->next;
        free(e->bytes);
        free(e);
    }
    node->held_last = &node->held;
}

/* node_stop: the process ends at once; |told|: its peers see their connections end. */
static inline void node_stop(struct world *w, int n, bool told)
{
    struct node *node = &w->nodes[n];

    for (struct viewer *v = w->viewers; v != NULL; v = v->next) {
        if (v->node == n)
            viewer_end(v);
    }
    for (size_t i = 0; i < w->conns_n; i++) {
        struct conn *c = &w->conns[i];
        for (int end = 0; end <= 1; end++) {
            if (c->node[end] != n)
                continue;
            if (told && c->link[end] != NULL)
                later(w, w->delay,
                      (struct event){ .kind = EVENT_GONE, .conn = c, .end = 1 - end, .node = c->node[1 - end] });
            conn_gone(w, c, end);
        }
    }
    for (struct visit *v = w->visits, *next; v != NULL; v = next) {
        next = v->next;
        if (v->node == n) {
            v->fetch = NULL;
            visit_end(w, v);
        }
    }
    engine_free(node->engine);
    node->engine = NULL;
    node->frozen = false;
    drop_held(node);
}

/* n1, n2 and n3, who own what is on its way, each a while after the one before. */
static inline void owners_die_in_turn(struct world *w)
{
    for (int n = 1; n < 4; n++) {
        world_run(w, MS(303));
        node_stop(w, n, true);
    }
    world_run(w, SEC(3));
}

/* world_calm: nothing is under way any more, anywhere. */
static inline void world_calm(struct world *w)
{
    for (int i = 0; i < w->n; i++) {
        struct engine_usage u;
        if (w->nodes[i].engine == NULL)
            continue;
        engine_usage(w->nodes[i].engine, &u);
        assert_int_equal(u.flights, 0);
        assert_int_equal(u.requests, 0);
        assert_int_equal(u.serves, 0);
        assert_true(u.memory_bytes <= u.memory_limit);
        const struct engine_counters *c = count(w, i);
        assert_int_equal(c->requests, c->requests_hit + c->requests_refresh + c->requests_stale + c->requests_peer +
                                          c->requests_origin + c->requests_error);
    }
    for (size_t i = 0; i < w->sites_n; i++)
        assert_int_equal(w->sites[i].open, 0);
}

static inline void world_free(struct world *w)
{
    for (int i = 0; i < w->n; i++) {
        if (w->nodes[i].engine != NULL)
            node_stop(w, i, false);
    }
    for (int i = 0; i < w->n; i++) {
        buf_free(&w->nodes[i].purges);
        dist_set_unref(w->nodes[i].cfg.set);
        buf_free(&w->nodes[i].in_force);
        for (size_t k = 0; k < w->nodes[i].configs_n; k++)
            buf_free(&w->nodes[i].configs[k]);
    }
    while (w->first != NULL) {
        struct event *e = w->first;
        w->first = e->next;
        free(e->bytes);
        free(e);
    }
    while (w->viewers != NULL) {
        struct viewer *v = w->viewers;
        w->viewers = v->next;
        buf_free(&v->coded);
        free(v);
    }
    free(w);
}

/* ---- what is to be seen ---- */

/* check_whole: the viewer has all of it, each byte right. */
static inline void check_whole(const struct viewer *v)
{
    if (!v->done || !v->right || v->got != v->site->length)
        fail_msg("%s at n%d: state %d, status %u, %llu of %llu bytes, %s", v->site->path, v->node, v->r.state,
                 v->status, (unsigned long long)v->got, (unsigned long long)v->site->length,
                 v->right ? "right" : "WRONG");
    assert_int_equal(v->status, v->site->status);
}

static inline void check_result(const struct viewer *v, enum request_result want)
{
    check_whole(v);
    assert_string_equal(request_result_word(v->answer.result), request_result_word(want));
}

static inline void check_failed(const struct viewer *v, uint16_t status)
{
    assert_true(v->failed && v->right);
    assert_int_equal(v->head_sent, status == 0); /* 0: in mid-body */
    if (status != 0)
        assert_int_equal(v->status, status);
}

/* check_honest: no transfer was refused and no session broke. */
static inline void check_honest(struct world *w)
{
    for (int i = 0; i < w->n; i++) {
        if (w->nodes[i].engine == NULL)
            continue;
        assert_int_equal(count(w, i)->transfers_rejected, 0);
        assert_int_equal(count(w, i)->sessions_broken, 0);
        assert_int_equal(count(w, i)->sessions_refused, 0);
    }
}

#endif
