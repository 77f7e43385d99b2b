#include "node/core/audit.h"

#include "node/core/engine_impl.h"

/* ---- who is suspected ---- */

static const struct suspect *find(const struct suspects *s, const struct node_id *id)
{
    for (size_t i = 0; i < SUSPECTS_MAX; i++) {
        if (s->at[i].strikes > 0 && node_id_eq(&s->at[i].id, id))
            return &s->at[i];
    }
    return NULL;
}

static struct suspect *oldest(struct suspects *s)
{
    struct suspect *o = &s->at[0];

    for (size_t i = 1; i < SUSPECTS_MAX && o->strikes > 0; i++) {
        if (s->at[i].strikes == 0 || s->at[i].at < o->at)
            o = &s->at[i];
    }
    return o;
}

bool suspects_strike(struct suspects *s, mesh_ns now, const struct node_id *id, const struct digest *key)
{
    const struct suspect *known = find(s, id);
    struct suspect *p = known != NULL ? &s->at[known - s->at] : oldest(s);

    if (known == NULL)
        *p = (struct suspect){ .id = *id };
    else if (digest_eq(&p->key, key)) /* the same body once more proves nothing new */
        return false;
    p->key = *key;
    p->at = now;
    if (p->strikes < AUDIT_STRIKES)
        p->strikes++;
    if (p->strikes < AUDIT_STRIKES)
        return false;
    p->until = now + AUDIT_QUARANTINE;
    return true;
}

bool suspects_suspected(const struct suspects *s, const struct node_id *id)
{
    return find(s, id) != NULL;
}

bool suspects_shunned(const struct suspects *s, mesh_ns now, const struct node_id *id)
{
    const struct suspect *p = find(s, id);
    return p != NULL && now < p->until;
}

/* ---- an audit: a flight straight to the origin, for nobody, beside the copy that it is compared with ---- */

static bool drawn(struct engine *e, const struct object *o)
{
    return suspects_suspected(&e->suspects, &o->by.signer->cert.id) || secret_random_u64() % e->cfg.audit_one_in == 0;
}

void audit_consider(struct engine *e, mesh_ns now, const struct flight *f)
{
    struct object *o = f->object;
    struct aim aim = { .key = f->key,
                       .unkept = true,
                       .route = f->route,
                       .host = buf_slice(&f->host),
                       .path = buf_slice(&f->path),
                       .request_id = buf_slice(&f->request_id),
                       .forward = f->forward };

    if (e->cfg.audit_one_in == 0 || now < e->audit_next || f->leaf || f->personal || o->is_ours || o->pass_through ||
        o->uncacheable || o->length == 0 || o->length > AUDIT_BYTES_MAX || o->head->status != 200 ||
        parts_validator(o->head).len == 0 || !drawn(e, o))
        return;
    struct flight *a = flight_new(e, now, FLIGHT_DIRECT, &aim);
    if (a == NULL)
        return;
    e->audit_next = now + AUDIT_PACE;
    e->counters.audits++;
    a->background = true;
    a->unkept = true;
    a->audited = object_ref(o);
    flight_go(e, now, a);
}

/* Does the origin still say that it is the same? Else nothing can be said of who signed ours. */
static bool comparable(const struct object *ours, const struct object *origins)
{
    return origins->head->status == 200 && slice_eq(parts_validator(ours->head), parts_validator(origins->head));
}

static bool differs(const struct object *ours, const struct object *origins)
{
    if (object_available(origins) != ours->length)
        return true;
    for (uint32_t i = 0; i < ours->leaves_n; i++) {
        if (!digest_eq(&object_hashes(ours)[i], &object_hashes(origins)[i]))
            return true;
    }
    return false;
}

static bool by_shunned(void *ctx, const struct object *o)
{
    const struct engine *e = ctx;
    return !o->is_ours && suspects_shunned(&e->suspects, e->now, &o->by.signer->cert.id);
}

static void strike(struct engine *e, mesh_ns now, struct object *o)
{
    const struct cert *signer = &o->by.signer->cert;

    e->counters.audits_failed++;
    trace_f(&e->cfg.trace, now, "what %s signed is not what the origin sends under the same validator", signer->name);
    cache_remove(e->cache, o);
    if (!suspects_strike(&e->suspects, now, &signer->id, &o->key))
        return;
    mesh_ns until = mesh_distrust(e->mesh, now, &signer->id, AUDIT_QUARANTINE);
    if (until > e->distrust_until)
        e->distrust_until = until;
    e->counters.objects_revoked += cache_purge(e->cache, by_shunned, e);
}

void audit_grew(struct engine *e, mesh_ns now, struct flight *f, bool complete)
{
    struct object *ours = f->audited, *origins = f->object;
    bool too_long = object_available(origins) > ours->length;

    if (comparable(ours, origins)) {
        if (!complete && !too_long)
            return;
        if (differs(ours, origins))
            strike(e, now, ours);
    }
    flight_free(e, f);
}
