#include "sim/rules/check_answer.h"

#include "sim/body.h"
#include "sim/net/net.h"
#include "sim/origin_model.h"

#define SLACK SEC(2)  /* what asks, heads and a peer's copy may be on their way */
#define AGAIN SEC(10) /* an origin that failed is asked again no sooner, and copies past their time serve (RFC 5861) \
                       */

/* So long after a fetch began its body may still be coming: whoever asks then has it as it comes. */
static mesh_ns fetch_time(const struct scenario *sc, uint64_t key)
{
    return (mesh_ns)(sc->origin_delay + sc->origin_jitter +
                     body_size(sc, key) * UINT64_C(1000000000) / sc->origin_rate);
}

/* What lasts and makes nodes or their links slow: an answer may be under way for long. */
static bool slowed(const struct world *w)
{
    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        const struct edge *e = &w->edges[i];
        if (e->busy > 0 || e->slow > 0 || w->net->access[i].narrow_rate > 0)
            return true;
    }
    return false;
}

void check_waited(struct world *w, const struct edge *e, uint64_t key, mesh_ns asked_at)
{
    mesh_ns waited = w->now - asked_at;
    bool stood = e->paused_until >= asked_at || e->busy > 0 || e->free_at >= asked_at || e->memory_refused > 0;

    /* Twice: where a source fails before the head has gone out, a node begins anew with another one. */
    if (waited > 2 * (mesh_ns)w->sc.fetch_timeout + SLACK && !stood)
        check_broken(w, RULE_ENDS, "key %llu at %s: the answer came after %lld ms, though it waits for %llu at most",
                     (unsigned long long)key, e->name, (long long)(waited / MS(1)),
                     (unsigned long long)(w->sc.fetch_timeout / MS(1)));
}

void check_answer(struct world *w, const struct edge *e, uint64_t key, mesh_ns asked_at, enum request_result result)
{
    const struct origin_key *k = &w->origin->keys[key - 1];

    if (body_no_store(&w->sc, key)) {
        if (result == RESULT_HIT || result == RESULT_STALE)
            check_broken(w, RULE_LIFETIME, "key %llu at %s: may not be kept, and was answered from a copy",
                         (unsigned long long)key, e->name);
        return;
    }
    if ((result != RESULT_HIT && result != RESULT_PEER) || k->fetches + k->parts == 0)
        return;
    mesh_ns until = k->last_at + body_max_age(&w->sc, key) + 2 * fetch_time(&w->sc, key) + SLACK;
    if (w->bit[FAULT_DRIFT] > 0) /* by one part of a hundred at most, as drawn */
        until += body_max_age(&w->sc, key) / 50;
    if (asked_at > until && !check_was_disturbed(w, k->last_at) && !slowed(w) &&
        !origin_model_excuses(w, key, asked_at - AGAIN - 2 * fetch_time(&w->sc, key) - SLACK))
        check_broken(w, RULE_LIFETIME,
                     "key %llu at %s: last fetched %lld ms before it was asked for, to live for %llu ms",
                     (unsigned long long)key, e->name, (long long)((asked_at - k->last_at) / MS(1)),
                     (unsigned long long)(body_max_age(&w->sc, key) / MS(1)));
}
