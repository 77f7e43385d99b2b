/* Who may ask: the viewer's country, the rate of its address, and its signature (node/signed/doors.h), before anything
 * is looked up for it. Such a request is this thread's alone: who only looks at copies asks for nothing of the kind
 * (route_by_words). What is needed for it is there only where some behaviour needs it. */
#include <stdlib.h>

#include "node/core/engine_impl.h"
#include "node/signed/credential.h"

#define COOKIE_FIELDS_MAX 16 /* further ones are not looked at */

static bool has_rates(const struct dist_set *set)
{
    for (size_t i = 0; i < set->n; i++) {
        for (size_t k = 0; k < set->dists[i].behaviours_n; k++) {
            if (set->dists[i].behaviours[k].rate > 0)
                return true;
        }
    }
    return false;
}

int admit_configure(struct engine *e, const struct dist_set *set)
{
    struct buf why = BUF_EMPTY;
    struct doors *doors = NULL;
    int err = set != NULL ? doors_new(&doors, set, &why) : 0;

    if (err == MESH_E_NOMEM)
        goto out;
    if (err != 0) {
        trace_f(&e->cfg.trace, e->now, "distributions that cannot be in force: %.*s", SLICE_FMT(buf_slice(&why)));
        goto out;
    }
    if (e->admit.work == NULL && (e->admit.work = calloc(1, sizeof(*e->admit.work))) == NULL)
        err = MESH_E_NOMEM;
    if (err == 0 && set != NULL && e->admit.rates == NULL && has_rates(set)) {
        if ((e->admit.rates = malloc(sizeof(*e->admit.rates))) == NULL)
            err = MESH_E_NOMEM;
        else
            rates_init(e->admit.rates, e->cfg.hash_key);
    }
    if (err != 0) {
        doors_unref(doors);
        goto out;
    }
    doors_unref(e->admit.doors);
    e->admit.doors = doors;
out:
    buf_free(&why);
    return err;
}

void admit_fini(struct engine *e)
{
    doors_unref(e->admit.doors);
    free(e->admit.rates);
    if (e->admit.work != NULL)
        signed_work_fini(e->admit.work);
    free(e->admit.work);
}

static size_t cookies_of(const struct fields *fields, struct slice *out)
{
    const struct field *field = fields != NULL ? fields_find(fields, SLICE_LIT("cookie")) : NULL;
    size_t n = 0;

    for (; field != NULL && n < COOKIE_FIELDS_MAX; field = fields_next(fields, SLICE_LIT("cookie"), field))
        out[n++] = field->value;
    return n;
}

/* What was for us is no part of key, rules and origin's request. The target stays as the viewer has it: where rules
 * lead to another behaviour, that asks for itself. */
static bool strip(struct engine *e, struct request *r)
{
    struct credential c;

    if (credential_read(&c, buf_slice(&e->path), NULL, 0, &e->scratch) != MESH_E_NOMEM) {
        buf_clear(&e->spare);
        buf_add_slice(&e->spare, c.target);
        if (buf_ok(&e->spare)) {
            struct buf was = e->path;
            e->path = e->spare;
            e->spare = was;
            return true;
        }
    }
    request_refuse(r, 503, "This node is out of memory for more requests.");
    return false;
}

bool admit_request(struct engine *e, struct request *r, const struct route *route)
{
    struct slice cookies[COOKIE_FIELDS_MAX];
    struct doors_verdict v;

    if (!route_has_doors(route))
        return true;
    const struct doors_request asked = { .https = r->https,
                                         .host = r->authority.len > 0 ? r->authority : r->host,
                                         .target = r->target,
                                         .cookies = cookies,
                                         .cookies_n = cookies_of(r->fields, cookies),
                                         .address = r->from,
                                         .country = r->country,
                                         .wall_s = e->wall_s,
                                         .now = e->now };
    if (!doors_pass(e->admit.doors, e->admit.rates, e->admit.work, route->dist, route->behaviour, &asked, &v)) {
        r->detail = v.detail;
        r->retry_after_s = v.retry_after_s;
        request_refuse(r, v.status, v.sentence);
        return false;
    }
    return slice_eq(v.target, r->target) || strip(e, r);
}
