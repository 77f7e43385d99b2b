/* Sets put together: the order, the look-up tables, the digests. */
#include <stdlib.h>

#include "node/dist/dist_impl.h"
#include "node/dist/dist_make.h"
#include "proto/digest.h"

static int by_name(const void *a, const void *b)
{
    struct slice x = ((const struct dist *)a)->name, y = ((const struct dist *)b)->name;
    int order = memcmp(x.data, y.data, x.len < y.len ? x.len : y.len);

    return order != 0 ? order : (x.len > y.len) - (x.len < y.len);
}

static bool knows_us_alone(const struct dist *d, uint16_t origin)
{
    if (origin >= d->origins_n)
        return false;
    const struct dist_origin *o = &d->origins[origin];
    return o->kind == DIST_DIRECTORY || (o->kind == DIST_S3 && o->sign == DIST_SIGN_ALWAYS);
}

static bool own_identity(const struct dist *d, const struct dist_behaviour *b)
{
    if (!b->to_group)
        return knows_us_alone(d, b->target);
    if (b->target >= d->groups_n)
        return false;
    const uint16_t *members = d->groups[b->target].members;
    return knows_us_alone(d, members[0]) && knows_us_alone(d, members[1]);
}

static void put_framed(struct buf *out, struct slice s)
{
    buf_add_u32(out, (uint32_t)s.len);
    buf_add_slice(out, s);
}

/* False: out of memory. */
static bool digest_response(struct dist_response *p)
{
    struct buf all = BUF_EMPTY;
    struct digest sum;

    p->digest = 0;
    if (!p->cors && p->set_n == 0 && p->remove_n == 0)
        return true;
    buf_add_u8(&all, (uint8_t)(p->cors << 2 | p->cors_credentials << 1 | p->cors_override));
    buf_add_u64(&all, (uint64_t)p->cors_max_age_s);
    put_framed(&all, p->cors_origins);
    put_framed(&all, p->cors_methods);
    put_framed(&all, p->cors_headers);
    put_framed(&all, p->cors_expose);
    buf_add_u32(&all, (uint32_t)p->set_n);
    for (size_t i = 0; i < p->set_n; i++) {
        put_framed(&all, p->set[i].name);
        put_framed(&all, p->set[i].value);
        buf_add_u8(&all, p->override != NULL && p->override[i]);
    }
    for (size_t i = 0; i < p->remove_n; i++)
        put_framed(&all, p->remove[i]);
    struct slice text = buf_slice(&all);
    digest_of(&sum, &text, 1);
    p->digest = digest_u64(&sum) | 1; /* 0 is none's */
    bool ok = buf_ok(&all);
    buf_free(&all);
    return ok;
}

/* May one name of |d| have another answer than the next one? */
static bool host_counts(const struct dist *d)
{
    for (size_t i = 0; i < d->behaviours_n; i++) {
        const struct dist_behaviour *b = &d->behaviours[i];
        if (b->viewer_host)
            return true;
        for (size_t k = 0; k < b->rules_n; k++) {
            if (b->rules[k].host.len > 0)
                return true;
        }
    }
    return false;
}

/* What is derived of one distribution. */
static bool complete(struct dist_arena *arena, struct dist *d, uint32_t index)
{
    struct dist_behaviour *behaviours = dist_arena_get(arena, d->behaviours_n, sizeof(*behaviours));
    struct dist_path *paths = dist_arena_get(arena, d->behaviours_n, sizeof(*paths));
    char label[DIST_LABEL_BYTES];

    if (behaviours == NULL || paths == NULL)
        return false;
    for (size_t i = 0; i < d->behaviours_n; i++) {
        behaviours[i] = d->behaviours[i];
        behaviours[i].index = i;
        behaviours[i].own_identity = own_identity(d, &behaviours[i]);
        behaviours[i].of = d;
        if (!digest_response(&behaviours[i].response))
            return false;
        dist_path_cut(&paths[i], behaviours[i].path);
    }
    d->behaviours = behaviours;
    d->paths = paths;
    d->index = index;
    d->steering.host_counts = host_counts(d);
    dist_label(d->name, label);
    d->assigned = dist_arena_copy(arena, SLICE_OF(label));
    return dist_arena_ok(arena) && dist_digest(d, &d->digest);
}

static uint64_t digest_of_all(const struct dist *dists, size_t n)
{
    struct digest sum = { { 0 } };
    uint8_t one[8];

    for (size_t i = 0; i < n; i++) {
        be64_put(one, dists[i].digest);
        struct slice parts[] = { SLICE_OF(sum.bytes), SLICE_OF(one) };
        digest_of(&sum, parts, 2);
    }
    return digest_u64(&sum);
}

struct dist_set *dist_set_new(struct dist_arena *arena, const struct dist *dists, size_t n)
{
    struct dist_set *s = dist_arena_get(arena, 1, sizeof(*s));
    struct dist *copy = dist_arena_get(arena, n, sizeof(*copy));

    if (s == NULL || copy == NULL)
        goto failed;
    if (n > 0)
        memcpy(copy, dists, n * sizeof(*copy));
    qsort(copy, n, sizeof(*copy), by_name);
    for (size_t i = 0; i < n; i++) {
        if (!complete(arena, &copy[i], (uint32_t)i))
            goto failed;
    }
    s->refs = 1;
    s->dists = copy;
    s->n = n;
    s->arena = arena;
    s->digest = digest_of_all(copy, n);
    if ((s->by_host = dist_hosts_make(arena, copy, n)) == NULL)
        goto failed;
    return s;
failed:
    dist_arena_free(arena);
    return NULL;
}

struct dist_set *dist_set_of(const struct dist *dists, size_t n)
{
    struct dist_arena *arena = dist_arena_new(DIST_SET_BYTES_MAX);

    return arena == NULL ? NULL : dist_set_new(arena, dists, n);
}

struct dist_set *dist_set_ref(struct dist_set *s)
{
    atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
    return s;
}

void dist_set_unref(struct dist_set *s)
{
    if (s != NULL && atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) == 1)
        dist_arena_free(s->arena);
}

void dist_origin_default(struct dist_origin *out)
{
    *out = (struct dist_origin){
        .id = SLICE_LIT("origin"),
        .http_port = 80,
        .https_port = 443,
        .connect_timeout = SEC(10),
        .attempts = 3,
        .response_timeout = SEC(30),
        .idle_timeout = SEC(5),
    };
}

void dist_behaviour_default(struct dist_behaviour *out)
{
    *out = (struct dist_behaviour){
        .path = SLICE_LIT("*"),
        .cache = { .enabled = true,
                   .query = { .which = DIST_ALL },
                   .ttl_default_s = DIST_TTL_DEFAULT_S,
                   .ttl_max_s = DIST_TTL_MAX_DEFAULT_S,
                   .error_ttl_s = DIST_ERROR_TTL_S },
        .request_fields = { .which = DIST_ALL },
        .response = { .cors_max_age_s = -1 },
    };
}

void dist_http_origin(struct dist_origin *out, struct dist_arena *arena, const struct origin_url *url)
{
    struct buf normal = BUF_EMPTY;

    dist_origin_default(out);
    origin_url_normal(&normal, url);
    out->kind = DIST_HTTP;
    out->scheme = url->https ? DIST_ORIGIN_HTTPS : DIST_ORIGIN_HTTP;
    out->url = dist_arena_copy(arena, buf_slice(&normal));
    out->host = dist_arena_copy(arena, url->host);
    out->authority = dist_arena_copy(arena, url->authority);
    out->prefix = dist_arena_copy(arena, url->prefix);
    *(url->https ? &out->https_port : &out->http_port) = url->port;
    if (!buf_ok(&normal))
        (void)dist_arena_get(arena, SIZE_MAX, SIZE_MAX); /* it has failed, too */
    buf_free(&normal);
}

/* What a bucket or a directory has besides. */
static void of_kind(struct dist_origin *out, struct dist_arena *arena, const struct dist_origin *said)
{
    out->kind = said->kind;
    out->sign = said->sign;
    out->region = dist_arena_copy(arena, said->region);
    if (said->kind != DIST_DIRECTORY)
        return;
    struct buf url = BUF_EMPTY;
    folder_url(&url, said->root);
    out->root = dist_arena_copy(arena, said->root);
    out->url = dist_arena_copy(arena, buf_slice(&url));
    if (!buf_ok(&url))
        (void)dist_arena_get(arena, SIZE_MAX, SIZE_MAX); /* it has failed, too */
    buf_free(&url);
}

struct dist_set *dist_set_of_origin(const struct dist_flags *flags)
{
    struct dist_arena *arena = dist_arena_new(DIST_SET_BYTES_MAX);

    if (arena == NULL)
        return NULL;
    struct dist_origin *origin = dist_arena_get(arena, 1, sizeof(*origin));
    struct dist_behaviour behaviour = flags->behaviour;
    struct slice *methods = dist_arena_get(arena, behaviour.methods_other_n, sizeof(*methods));
    if (origin == NULL || methods == NULL) {
        dist_arena_free(arena);
        return NULL;
    }
    dist_http_origin(origin, arena, &flags->url);
    of_kind(origin, arena, &flags->origin);
    struct slice credentials = dist_arena_copy(arena, flags->origin.credentials);
    struct slice tls_ca = dist_arena_copy(arena, flags->origin.tls_ca);
    struct slice tls_client = dist_arena_copy(arena, flags->origin.tls_client);
    behaviour.path = SLICE_LIT("*");
    behaviour.to_group = false;
    behaviour.target = 0;
    for (size_t i = 0; i < behaviour.methods_other_n; i++)
        methods[i] = dist_arena_copy(arena, behaviour.methods_other[i]);
    behaviour.methods_other = methods;
    struct dist d = { .name = SLICE_LIT("default"),
                      .enabled = true,
                      .log = DIST_LOG_ON,
                      .any_host = true,
                      .origins = origin,
                      .origins_n = 1,
                      .behaviours = &behaviour,
                      .behaviours_n = 1 };
    struct dist_set *set = dist_set_new(arena, &d, 1);
    if (set == NULL)
        return NULL;
    /* How long one node waits, and what its files are called, is its own affair, and no part of the digest. */
    origin->connect_timeout = flags->origin.connect_timeout;
    origin->attempts = flags->origin.attempts;
    origin->response_timeout = flags->origin.response_timeout;
    origin->whole_timeout = flags->origin.whole_timeout;
    origin->idle_timeout = flags->origin.idle_timeout;
    origin->tls_ca = tls_ca;
    origin->tls_client = tls_client;
    origin->credentials = credentials;
    return set;
}
