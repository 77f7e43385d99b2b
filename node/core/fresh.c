#include "node/core/fresh.h"

#include "node/core/cache_control.h"
#include "node/core/date.h"

#define HEURISTIC_MAX_S 86400

static bool one_of(uint16_t status, const uint16_t *list, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (list[i] == status)
            return true;
    }
    return false;
}
#define ONE_OF(status, list) one_of(status, list, sizeof(list) / sizeof((list)[0]))

/* Seconds of freshness for an answer that states none, as CloudFront gives them, or a tenth of its age; -1: do not
 * store. */
static int64_t default_lifetime(const struct dist_cache *c, uint16_t status, bool is_public, int64_t wall_s,
                                const int64_t *modified)
{
    static const uint16_t by_default[] = { 200, 203, 300, 301, 308 };
    static const uint16_t heuristic[] = {
        200, 203, 204, 300, 301, 308, 404, 405, 410, 414, 501
    }; /* 206 is not for us */
    static const uint16_t errors[] = { 404, 410, 414, 500, 501, 502, 503, 504 };

    if (c->ttl_default_s != TTL_HEURISTIC) {
        if (ONE_OF(status, by_default))
            return c->ttl_default_s;
        return ONE_OF(status, errors) ? c->error_ttl_s : -1;
    }
    if (!is_public && !ONE_OF(status, heuristic)) /* RFC 9111 section 4.2.2 has both */
        return -1;
    int64_t tenth = modified != NULL && *modified < wall_s ? (wall_s - *modified) / 10 : 0;
    return tenth < HEURISTIC_MAX_S ? tenth : HEURISTIC_MAX_S;
}

static bool date_field(const struct fields *f, struct slice name, int64_t *out)
{
    const struct field *field = fields_find(f, name);
    return field != NULL && date_parse(field->value, out) == 0;
}

/* RFC 9111 section 5.1: of a list the first one counts. What is no number it would ignore; but whoever says an age has
 * one, so an answer of an age that cannot be read, or of two, is taken for too old to keep. */
static bool stated_age(const struct fields *f, int64_t *age_s)
{
    const struct field *field = fields_find(f, SLICE_LIT("age"));

    *age_s = 0;
    if (field == NULL)
        return true;
    struct slice v = field->value;
    const uint8_t *comma = memchr(v.data, ',', v.len);
    if (comma != NULL)
        v = slice_trim(slice_head(v, (size_t)(comma - v.data)));
    for (size_t i = 0; i < v.len; i++) {
        if (v.data[i] < '0' || v.data[i] > '9')
            return false;
    }
    *age_s = delta_seconds(v);
    return v.len > 0 && fields_next(f, field->name, field) == NULL;
}

/* Seconds; below 0: the answer says nothing by which it could be stored. */
static int64_t stated_lifetime(const struct dist_cache *c, uint16_t status, const struct cache_control *cc,
                               const struct fields *f, int64_t wall_s, int64_t date_s)
{
    int64_t modified, expires, s;

    if (cc->no_cache)
        return 0;
    if (cc->s_maxage_s >= 0)
        return cc->s_maxage_s;
    if (cc->max_age_s >= 0)
        return cc->max_age_s;
    if (!cc->targeted && fields_find(f, SLICE_LIT("expires")) != NULL) {
        /* one that is no date means "already" (RFC 9111 section 5.3) */
        s = date_field(f, SLICE_LIT("expires"), &expires) ? expires - date_s : 0;
        return s < 0 ? 0 : s < DELTA_SECONDS_MAX ? s : DELTA_SECONDS_MAX;
    }
    bool has = date_field(f, SLICE_LIT("last-modified"), &modified);
    return default_lifetime(c, status, cc->is_public, wall_s, has ? &modified : NULL);
}

/* The final status codes of RFC 9110, all of which can be kept as this cache keeps them (206 and 304 apart, see
 * below). */
static bool understood(uint16_t status)
{
    static const uint16_t others[] = { 417, 421, 422, 426 };

    return (status >= 200 && status <= 206) || (status >= 300 && status <= 308 && status != 306) ||
           (status >= 400 && status <= 415) || (status >= 500 && status <= 505) || ONE_OF(status, others);
}

/* RFC 9111 section 5.2.2.3: no-store beside must-understand is for those who do not know the status. */
static bool not_for_stores(uint16_t status, const struct cache_control *cc)
{
    return cc->must_understand ? !understood(status) : cc->no_store;
}

static bool is_error(uint16_t status)
{
    return status >= 400;
}

/* Does the owner keep it whatever the origin says (for so long as it must be kept at least)? */
static bool insists(const struct dist_cache *c, uint16_t status)
{
    return c->ttl_min_s > 0 && !is_error(status);
}

/* The least and the most that the owner has. */
static int64_t lifetime(const struct dist_cache *c, const struct dist_error *error, uint16_t status,
                        const struct cache_control *cc, const struct fields *f, int64_t wall_s, int64_t date_s)
{
    if (insists(c, status) && (cc->no_cache || cc->is_private || not_for_stores(status, cc)))
        return c->ttl_min_s;
    if (is_error(status) && error != NULL && error->ttl_s >= 0 && !cc->no_cache) {
        const struct dist_cache silent = { .error_ttl_s = 0 }; /* in place of what holds for other errors */
        int64_t stated = stated_lifetime(&silent, status, cc, f, wall_s, date_s);
        return stated > error->ttl_s ? stated : error->ttl_s;
    }
    int64_t s = stated_lifetime(c, status, cc, f, wall_s, date_s);
    if (s < 0 || is_error(status))
        return s;
    s = s < c->ttl_min_s ? c->ttl_min_s : s;
    return s < c->ttl_max_s ? s : c->ttl_max_s;
}

static bool forbidden(const struct dist_cache *c, uint16_t status, const struct cache_control *cc,
                      const struct fields *f)
{
    static const uint16_t never[] = { 206, 304, 413, 416, 431 };

    if (c->set_cookie == SET_COOKIE_PRIVATE && fields_find(f, SLICE_LIT("set-cookie")) != NULL)
        return true;
    return status < 200 || ONE_OF(status, never) ||
           (!insists(c, status) && (not_for_stores(status, cc) || cc->is_private)) ||
           fields_lists(f, SLICE_LIT("vary"), SLICE_LIT("*"));
}

static bool has_validator(const struct fields *f)
{
    return fields_find(f, SLICE_LIT("etag")) != NULL || fields_find(f, SLICE_LIT("last-modified")) != NULL;
}

/* RFC 9111 section 4.2.4: what forbids that it is served stale. */
static bool never_stale(const struct cache_control *cc)
{
    return cc->no_cache || cc->must_revalidate || cc->proxy_revalidate || cc->s_maxage_s >= 0;
}

static void set_staleness(struct freshness *out, const struct cache_control *cc)
{
    if (never_stale(cc))
        return;
    out->stale_while_revalidate_ns = SEC(cc->stale_while_revalidate_s > 0 ? cc->stale_while_revalidate_s : 0);
    out->stale_if_error_ns = SEC(cc->stale_if_error_s >= 0 ? cc->stale_if_error_s : DELTA_SECONDS_MAX);
}

/* RFC 9111 section 3.5. A request with Authorization is shown to the origin as it is; so what others are not asked for
 * may not decide about the answer. */
static bool for_authorized(const struct cache_control *cc, const struct fields *f)
{
    static const char *const own[] = { "authorization", "cookie", "accept-encoding" };

    for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
        if (fields_lists(f, SLICE_LIT("vary"), slice_str(own[i])))
            return false;
    }
    return cc->is_public || cc->must_revalidate || cc->s_maxage_s >= 0;
}

void fresh_of(struct freshness *out, const struct dist_cache *c, const struct dist_error *error, uint16_t status,
              const struct fields *f, int64_t wall_s, mesh_ns response_delay_ns)
{
    int64_t date_s = wall_s, age_s;
    struct cache_control cc;

    *out = (struct freshness){ .storable = false };
    cache_control_read(&cc, f);
    if (forbidden(c, status, &cc, f) || !stated_age(f, &age_s))
        return;
    bool dated = date_field(f, SLICE_LIT("date"), &date_s);
    int64_t lifetime_s = lifetime(c, error, status, &cc, f, wall_s, dated ? date_s : wall_s);
    if (lifetime_s < 0 || (lifetime_s == 0 && !has_validator(f)))
        return;
    /* Both count whole seconds: what differs by one may be a millisecond old, and with a lifetime of a second or two,
     * as live manifests have, that one is half of it. The time on its way counts all the same. */
    int64_t apparent_s = dated && wall_s > date_s + 1 ? wall_s - date_s : 0;
    if (apparent_s > DELTA_SECONDS_MAX)
        apparent_s = DELTA_SECONDS_MAX;
    mesh_ns corrected = SEC(age_s) + response_delay_ns;
    out->age_ns = SEC(apparent_s) > corrected ? SEC(apparent_s) : corrected;
    out->lifetime_ns = SEC(lifetime_s);
    out->storable = true;
    out->for_authorized = for_authorized(&cc, f);
    set_staleness(out, &cc);
}
