#include "node/signed/doors.h"

#include <assert.h>
#include <stdlib.h>

#include "proto/base/err.h"

struct doors {
    _Atomic uint32_t refs;
    size_t n;
    struct signers *of[]; /* NULL where a distribution has no keys */
};

int doors_new(struct doors **out, const struct dist_set *set, struct buf *why)
{
    struct doors *d = calloc(1, sizeof(*d) + set->n * sizeof(d->of[0]));
    int err = d != NULL ? 0 : MESH_E_NOMEM;

    *out = NULL;
    if (d != NULL) {
        atomic_init(&d->refs, 1);
        d->n = set->n;
    }
    for (size_t i = 0; err == 0 && i < set->n; i++) {
        size_t before = why->len;
        if (set->dists[i].keys_n == 0 && set->dists[i].key_groups_n == 0)
            continue;
        buf_addf(why, "distribution %.*s, ", SLICE_FMT(set->dists[i].name));
        if ((err = signers_of(&d->of[i], &set->dists[i], why)) == 0)
            why->len = before;
    }
    if (err == 0)
        *out = d;
    else
        doors_unref(d);
    return err;
}

struct doors *doors_ref(struct doors *d)
{
    atomic_fetch_add_explicit(&d->refs, 1, memory_order_relaxed);
    return d;
}

void doors_unref(struct doors *d)
{
    if (d == NULL || atomic_fetch_sub_explicit(&d->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < d->n; i++)
        signers_free(d->of[i]);
    free(d);
}

static bool keep_out(struct doors_verdict *v, uint16_t status, const char *detail, const char *sentence)
{
    v->status = status;
    v->detail = detail;
    v->sentence = sentence;
    return false;
}

/* A behaviour's own count: the distribution by what it is, so that one that did not change goes on counting. */
static uint64_t scope_of(const struct dist *d, const struct dist_behaviour *b)
{
    return d->digest + b->index * UINT64_C(0x9e3779b97f4a7c15);
}

static bool is_signed(const struct signers *s, struct signed_work *work, const struct dist *dist,
                      const struct dist_behaviour *b, const struct doors_request *r, struct doors_verdict *v)
{
    const struct signed_request asked = { .https = r->https,
                                          .host = r->host,
                                          .target = r->target,
                                          .cookies = r->cookies,
                                          .cookies_n = r->cookies_n,
                                          .address = r->address,
                                          .wall_s = r->wall_s,
                                          .groups = b->key_groups,
                                          .groups_n = b->key_groups_n,
                                          .sha1_forbidden = dist->sha1_forbidden };
    struct signed_verdict said;
    bool ok = signed_check(work, s, &asked, &said);

    v->target = said.target;
    v->key_id = said.key_id;
    if (!ok)
        return keep_out(v, said.reason == SIGNED_NOMEM ? 500 : 403, signed_detail(said.reason),
                        signed_sentence(said.reason));
    v->detail = signed_detail(SIGNED_OK);
    return true;
}

bool doors_pass(const struct doors *d, struct rates *rates, struct signed_work *work, const struct dist *dist,
                const struct dist_behaviour *b, const struct doors_request *r, struct doors_verdict *v)
{
    *v = (struct doors_verdict){ .target = r->target };
    if (dist->geo != DIST_GEO_ANY && !countries_allow(dist->geo, dist->countries, dist->countries_n, r->country))
        return keep_out(v, 403, COUNTRY_DETAIL, COUNTRY_SENTENCE);
    if (b->rate > 0) {
        mesh_ns wait =
            rates_wait(rates, r->now, scope_of(dist, b), &r->address, b->rate, b->rate_burst > 0 ? b->rate_burst : 1);
        if (wait > 0) {
            v->retry_after_s = (uint32_t)((wait + SEC(1) - 1) / SEC(1));
            return keep_out(v, 429, DOORS_RATE_DETAIL, DOORS_RATE_SENTENCE);
        }
    }
    if (b->key_groups_n == 0)
        return true;
    assert(dist->index < d->n);
    if (d->of[dist->index] == NULL) /* groups that nobody is in */
        return keep_out(v, 403, signed_detail(SIGNED_UNKNOWN_KEY), signed_sentence(SIGNED_UNKNOWN_KEY));
    return is_signed(d->of[dist->index], work, dist, b, r, v);
}
