#include "sim/check_answer.h"

#include "sim/body.h"
#include "sim/origin_model.h"

#define SLACK SEC(2) /* what asks, heads and a peer's copy may be on their way */

/* So long after a fetch began its body may still be coming: whoever asks then has it as it comes. */
static mesh_ns fetch_time(const struct scenario *sc, uint64_t key)
{
    return (mesh_ns)(sc->origin_delay + sc->origin_jitter +
                     body_size(sc, key) * UINT64_C(1000000000) / sc->origin_rate);
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
    if ((result != RESULT_HIT && result != RESULT_PEER) || k->fetches == 0)
        return;
    mesh_ns until = k->last_at + body_max_age(&w->sc, key) + 2 * fetch_time(&w->sc, key) + SLACK;
    if (asked_at > until && !check_was_disturbed(w, k->last_at))
        check_broken(w, RULE_LIFETIME,
                     "key %llu at %s: last fetched %lld ms before it was asked for, to live for %llu ms",
                     (unsigned long long)key, e->name, (long long)((asked_at - k->last_at) / MS(1)),
                     (unsigned long long)(body_max_age(&w->sc, key) / MS(1)));
}
