#include "sim/rules/check_fetch.h"

#include "sim/body.h"
#include "sim/origin_model.h"

/* What makes a node forget that a copy was made fresh again, or lets it find an older one of it. */
static bool may_have_forgotten(const struct edge *e, const struct origin_key *k)
{
    return engine_counters(e->engine)->evictions > 0 || e->disk != NULL || e->memory_refused > 0 ||
           e->w->sc.ranges > 0 /* each leaf is an object of its own */ || e->w->bit[FAULT_DRIFT] > 0 ||
           k->poisoned_at > INT64_MIN;
}

void check_fetch(struct edge *e, uint64_t key, const struct fetch *f)
{
    struct world *w = e->w;
    struct origin_key *k = &w->origin->keys[key - 1];
    mesh_ns until = k->validated_at + body_max_age(&w->sc, key);
    uint64_t version;

    if (f->if_none_match.len == 0)
        return;
    if (body_version(&w->sc, key, f->if_none_match, &version) != 0)
        check_broken(w, RULE_RENEWED, "%s asks whether %.*s of key %llu still holds, which never was", e->name,
                     SLICE_FMT(slice_head(f->if_none_match, 60)), (unsigned long long)key);
    else if (k->validated_by == e && k->validated_life == e->life && k->validated_version == version &&
             w->now < until && !may_have_forgotten(e, k))
        check_broken(w, RULE_RENEWED, "%s asks again whether key %llu still holds, %lld ms after a 304 that lasts %lld",
                     e->name, (unsigned long long)key, (long long)((w->now - k->validated_at) / MS(1)),
                     (long long)(body_max_age(&w->sc, key) / MS(1)));
}

void check_fetch_validated(struct edge *e, uint64_t key, uint64_t version, mesh_ns began)
{
    struct origin_key *k = &e->w->origin->keys[key - 1];

    k->validated_by = e;
    k->validated_life = e->life;
    k->validated_version = version;
    k->validated_at = began;
}
