/* Pools: which there are, what the names of their hosts stand for, and whom they trust. */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/io/origin_files.h"
#include "node/io/upstream_impl.h"
#include "node/io/worker.h"
#include "proto/base/err.h"

#define UNUSED_KEPT SEC(300) /* a pool without connections is forgotten after so long */
#define LOOK_AGAIN  SEC(1)   /* a name that could not even be asked for */

static struct upstream_pool *find(struct upstreams *u, const struct digest *id, uint64_t hash)
{
    for (struct map_node *at = map_find(&u->by_id, hash); at != NULL; at = map_same(at)) {
        struct upstream_pool *p = OBJ_OF(at, struct upstream_pool, node);
        if (digest_eq(&p->id, id))
            return p;
    }
    return NULL;
}

static void pool_free(struct upstream_pool *p)
{
    struct upstreams *u = p->all;

    assert(p->n == 0);
    if (p->query != NULL)
        resolve_forget(p->query);
    if (!p->retired)
        map_remove(&u->by_id, &p->node);
    list_remove(&p->link);
    u->pools_n--;
    tls_trust_unref(p->trust);
    if (p->session.len > 0)
        explicit_bzero(p->session.data, p->session.len);
    buf_free(&p->session);
    buf_free(&p->texts);
    free(p);
}

void upstream_pool_left(struct upstream_pool *p)
{
    if (p->retired && p->n == 0)
        pool_free(p);
}

/* Makes room for one more. False: all are in use. */
static bool make_room(struct upstreams *u)
{
    if (u->pools_n < UPSTREAM_POOLS_MAX)
        return true;
    for (struct list *at = u->pools.prev; at != &u->pools; at = at->prev) {
        struct upstream_pool *p = OBJ_OF(at, struct upstream_pool, link);
        if (p->n == 0) {
            pool_free(p);
            return true;
        }
    }
    return false;
}

/* By the files as they are now; NULL: they are no good, which is said. */
static struct tls_trust *read_trust(struct upstream_pool *p)
{
    struct buf why = BUF_EMPTY;
    struct tls_trust *trust = origin_trust(p->all->worker->cfg, &p->terms, &why);

    if (trust == NULL)
        worker_notice(p->all->worker, "origin %.*s: %.*s", SLICE_FMT(p->terms.host), SLICE_FMT(buf_slice(&why)));
    buf_free(&why);
    return trust;
}

/* Copies what a connection depends on. */
static bool keep_terms(struct upstream_pool *p, const struct dist_origin *o)
{
    const struct slice from[] = { o->host, upstream_tls_name(o), o->tls_ca, o->tls_client };
    struct slice *to[] = { &p->terms.host, &p->terms.tls_name, &p->terms.tls_ca, &p->terms.tls_client };
    size_t at = 0;

    for (size_t i = 0; i < 4; i++)
        buf_add_slice(&p->texts, from[i]);
    if (!buf_ok(&p->texts))
        return false;
    for (size_t i = 0; i < 4; i++) {
        *to[i] = slice_head(slice_from(buf_slice(&p->texts), at), from[i].len);
        at += from[i].len;
    }
    p->terms.tls_min = o->tls_min;
    p->terms.connections = o->connections;
    p->terms.idle_timeout = o->idle_timeout;
    return true;
}

static struct upstream_pool *pool_new(struct upstreams *u, const struct dist_origin *o, bool https)
{
    struct upstream_pool *p = make_room(u) ? calloc(1, sizeof(*p)) : NULL;

    if (p == NULL)
        return NULL;
    if (!keep_terms(p, o)) {
        buf_free(&p->texts);
        free(p);
        return NULL;
    }
    p->all = u;
    p->https = https;
    p->port = upstream_port(o, https);
    p->unresolved = CAUSE_DNS_ERROR;
    list_init(&p->link);
    list_init(&p->waiting);
    list_init(&p->busy);
    list_init(&p->idle);
    p->numeric = resolve_numeric(o->host, p->port, &p->addrs.at[0]);
    p->addrs.n = p->numeric ? 1 : 0;
    if (https)
        p->trust = read_trust(p);
    return p;
}

struct upstream_pool *upstream_pool_for(struct upstreams *u, const struct dist_origin *o, bool viewer_https)
{
    bool https = upstream_https(o, viewer_https);
    struct digest id;

    upstream_key(&id, o, https);
    uint64_t hash = map_hash_digest(&u->by_id, id.bytes);
    struct upstream_pool *p = find(u, &id, hash);
    if (p == NULL) {
        if ((p = pool_new(u, o, https)) == NULL)
            return NULL;
        p->id = id;
        map_insert(&u->by_id, &p->node, hash);
        u->pools_n++;
    }
    p->used_at = u->worker->now;
    list_remove(&p->link);
    list_push_front(&u->pools, &p->link);
    return p;
}

/* ---- addresses ---- */

static void on_addresses(void *ctx, const struct resolve_answer *a)
{
    struct upstream_pool *p = ctx;
    struct worker *w = p->all->worker;

    worker_now(w);
    if (a->whole)
        p->query = NULL;
    addresses_take(&p->addrs, w->now, a);
    if (a->n == 0) {
        p->unresolved = a->absent ? CAUSE_DNS_NO_ADDRESS : a->timed_out ? CAUSE_DNS_TIMEOUT : CAUSE_DNS_ERROR;
        if (p->addrs.n == 0)
            worker_notice(w, "origin %.*s: %s", SLICE_FMT(p->terms.host), a->error);
    }
    upstream_resolved(p, a->whole);
}

bool upstream_pool_look_up(struct upstream_pool *p)
{
    struct worker *w = p->all->worker;

    if (p->numeric || p->query != NULL)
        return true;
    if (w->now < p->addrs.until)
        return p->addrs.n > 0;
    p->query = resolver_ask(w->resolver, p->terms.host, p->port, on_addresses, p);
    if (p->query == NULL) {
        p->unresolved = CAUSE_DNS_ERROR;
        p->addrs.until = w->now + LOOK_AGAIN;
    }
    return p->query != NULL || p->addrs.n > 0;
}

/* ---- all of them ---- */

static void drop_idle(struct upstream_pool *p)
{
    LIST_EACH_SAFE (at, &p->idle) {
        upstream_let_go(OBJ_OF(at, struct conn, link));
    }
}

static void retire(struct upstream_pool *p)
{
    struct upstreams *u = p->all;

    map_remove(&u->by_id, &p->node);
    p->retired = true;
    list_remove(&p->link);
    list_push_back(&u->retired, &p->link);
    p->n++; /* it is not to go before we are done */
    drop_idle(p);
    p->n--;
    upstream_pool_left(p);
}

/* Marks what |set| has by the time of use, which nothing else has. */
static void mark(struct upstreams *u, const struct dist_set *set, mesh_ns with)
{
    for (size_t i = 0; i < set->n; i++) {
        for (size_t j = 0; j < set->dists[i].origins_n; j++) {
            const struct dist_origin *o = &set->dists[i].origins[j];
            for (int https = 0; https < 2; https++) {
                struct digest id;
                upstream_key(&id, o, upstream_https(o, https != 0));
                struct upstream_pool *p = find(u, &id, map_hash_digest(&u->by_id, id.bytes));
                if (p != NULL)
                    p->used_at = with;
            }
        }
    }
}

static void take_set(struct upstreams *u, struct dist_set *set)
{
    struct digest before = u->measured_id;

    dist_set_unref(u->set);
    u->set = dist_set_ref(set);
    u->measured = dist_measured(set);
    memset(&u->measured_id, 0, sizeof(u->measured_id));
    if (u->measured != NULL)
        upstream_key(&u->measured_id, u->measured, upstream_https(u->measured, false));
    if (!digest_eq(&before, &u->measured_id))
        origin_probe_stop(&u->probe); /* it is of another one */
}

void upstream_keep(struct upstreams *u, struct dist_set *set)
{
    take_set(u, set);
    mark(u, set, MESH_NS_NEVER);
    LIST_EACH_SAFE (at, &u->pools) {
        struct upstream_pool *p = OBJ_OF(at, struct upstream_pool, link);
        if (p->used_at == MESH_NS_NEVER)
            p->used_at = u->worker->now;
        else
            retire(p);
    }
}

void upstream_renew(struct upstreams *u)
{
    origin_secrets_again(&u->secrets);
    LIST_EACH_SAFE (at, &u->pools) {
        struct upstream_pool *p = OBJ_OF(at, struct upstream_pool, link);
        struct tls_trust *trust = p->https ? read_trust(p) : NULL;
        if (trust != NULL)
            retire(p);
        tls_trust_unref(trust);
    }
}

void upstream_second(struct upstreams *u)
{
    struct list *at = u->pools.prev, *before;

    for (; at != &u->pools; at = before) {
        struct upstream_pool *p = OBJ_OF(at, struct upstream_pool, link);
        before = at->prev;
        if (u->worker->now - p->used_at < UNUSED_KEPT)
            break; /* all others were used later */
        if (p->n == 0)
            pool_free(p);
    }
}

int upstream_start(struct upstreams *u, struct worker *w)
{
    uint8_t key[MAP_KEY_BYTES];

    list_init(&u->pools);
    list_init(&u->retired);
    list_init(&u->idle);
    heap_init(&u->timers);
    worker_random(w, key, sizeof(key));
    if (map_init(&u->by_id, key) != 0)
        return MESH_E_NOMEM;
    u->worker = w;
    origin_secrets_init(&u->secrets, w->cfg->data);
    take_set(u, w->cfg->set);
    u->max = w->cfg->origin_connections_max;
    u->extra_max = u->max / 4;
    u->buckets = buckets_new(w->cfg->s3_credentials);
    return u->buckets != NULL ? 0 : MESH_E_NOMEM;
}

static void free_all(struct list *pools)
{
    LIST_EACH_SAFE (at, pools) {
        struct upstream_pool *p = OBJ_OF(at, struct upstream_pool, link);
        struct list *conns[] = { &p->waiting, &p->busy, &p->idle };
        p->n++;
        for (size_t i = 0; i < 3; i++) {
            LIST_EACH_SAFE (one, conns[i]) {
                upstream_let_go(OBJ_OF(one, struct conn, link));
            }
        }
        p->n--;
        pool_free(p);
    }
}

void upstream_stop(struct upstreams *u)
{
    if (u->worker == NULL)
        return;
    origin_probe_stop(&u->probe);
    free_all(&u->pools);
    free_all(&u->retired);
    map_fini(&u->by_id);
    origin_secrets_fini(&u->secrets);
    dist_set_unref(u->set);
    buckets_free(u->buckets);
    u->buckets = NULL;
    u->worker = NULL;
}
