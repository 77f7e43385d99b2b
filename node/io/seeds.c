#include "node/io/seeds.h"

#include <assert.h>

#include "node/io/worker.h"
#include "proto/base/err.h"

static void tell_engine(struct seeds *s)
{
    struct mesh_addr all[ENGINE_SEEDS_MAX];
    size_t n = 0;

    /* One address of each before the second of any, so that none is crowded out. */
    for (size_t turn = 0; turn < RESOLVE_ADDRS_MAX; turn++) {
        for (size_t i = 0; i < s->n && n < ENGINE_SEEDS_MAX; i++) {
            if (turn < s->at[i].addrs_n)
                all[n++] = s->at[i].addrs[turn];
        }
    }
    for (size_t i = 0; i < s->known_n && n < ENGINE_SEEDS_MAX; i++)
        all[n++] = s->known[i];
    engine_seeds(s->worker->engine, s->worker->now, all, n);
}

static void on_answer(void *ctx, const struct resolve_answer *a)
{
    struct seed *seed = ctx;
    struct worker *w = seed->worker;

    worker_now(w);
    if (a->whole)
        seed->query = NULL;
    if (a->n == 0) { /* what it stood for before may still be right */
        if (!seed->told)
            worker_notice(w, "seed %.*s: %s; it is tried again every %d s while this node is alone",
                          SLICE_FMT(seed->host), a->error, (int)(w->timers.resolve_again / SEC(1)));
        seed->told = true;
        return;
    }
    seed->told = false;
    memcpy(seed->addrs, a->addrs, a->n * sizeof(a->addrs[0]));
    seed->addrs_n = a->n;
    tell_engine(&w->seeds);
}

static void ask_names(struct seeds *s)
{
    for (size_t i = 0; i < s->n; i++) {
        struct seed *seed = &s->at[i];
        if (!seed->numeric && seed->query == NULL)
            seed->query = resolver_ask(s->worker->resolver, seed->host, seed->port, on_answer, seed);
    }
    s->again = s->worker->now + s->worker->timers.resolve_again;
}

int seeds_start(struct seeds *s, struct worker *w, const char **bad)
{
    assert(w->cfg->seeds_n <= NODE_SEEDS_MAX);
    s->worker = w;
    for (size_t i = 0; i < w->cfg->seeds_n; i++) {
        struct seed *seed = &s->at[i];
        seed->worker = w;
        if (host_port_parse(slice_str(w->cfg->seeds[i]), &seed->host, &seed->port) != 0) {
            *bad = w->cfg->seeds[i];
            return MESH_E_SYNTAX;
        }
        seed->numeric = resolve_numeric(seed->host, seed->port, &seed->addrs[0]);
        seed->addrs_n = seed->numeric ? 1 : 0;
    }
    s->n = w->cfg->seeds_n;
    if (s->n == 0 && s->known_n == 0)
        return 0;
    tell_engine(s);
    ask_names(s);
    return 0;
}

void seeds_stop(struct seeds *s)
{
    for (size_t i = 0; i < s->n; i++) {
        if (s->at[i].query != NULL)
            resolve_forget(s->at[i].query);
        s->at[i].query = NULL;
    }
}

void seeds_second(struct seeds *s)
{
    if (s->n > 0 && s->worker->now >= s->again && mesh_alive(engine_mesh(s->worker->engine)) <= 1)
        ask_names(s);
}
