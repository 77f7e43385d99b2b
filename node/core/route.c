#include "node/core/route.h"

#include <stdlib.h>

#include "node/core/key.h"
#include "proto/base/err.h"

static struct slice without_query(struct slice path)
{
    const uint8_t *question = path.len > 0 ? memchr(path.data, '?', path.len) : NULL;
    return question != NULL ? slice_head(path, (size_t)(question - path.data)) : path;
}

bool route_find(struct route *out, struct dist_set *set, struct slice zone, struct slice host, struct slice path,
                bool https)
{
    const struct dist *d = set != NULL ? dist_find(set, host, zone) : NULL;

    *out = (struct route){ .set = NULL };
    if (d == NULL)
        return false;
    *out = (struct route){ .set = set, .dist = d, .behaviour = dist_behaviour(d, without_query(path)), .https = https };
    return true;
}

bool route_main_host(struct buf *host, const struct dist_set *set, struct slice zone)
{
    struct slice edge;
    const struct dist *d = set != NULL && zone.len > 0 ? dist_at_edge(set, buf_slice(host), zone, &edge) : NULL;

    if (d == NULL)
        return false;
    buf_clear(host);
    dist_main_host(host, d, zone);
    return true;
}

const struct dist_origin *route_origin(const struct route *r, unsigned member)
{
    const struct dist_behaviour *b = r->behaviour;
    unsigned at = b->to_group ? r->dist->groups[b->target].members[member > 0] : b->target;

    return &r->dist->origins[at];
}

unsigned route_members(const struct route *r)
{
    return r->behaviour->to_group ? 2 : 1;
}

bool route_keys_field(const struct dist_behaviour *b, struct slice name)
{
    return b->cache.fields.which == DIST_LISTED && dist_named(&b->cache.fields, name, true);
}

/* ---- the query ---- */

struct parameter {
    struct slice text, name;
    size_t at;
};

static int by_name(const void *a, const void *b)
{
    const struct parameter *x = a, *y = b;
    size_t n = x->name.len < y->name.len ? x->name.len : y->name.len;
    int c = n > 0 ? memcmp(x->name.data, y->name.data, n) : 0;

    if (c != 0)
        return c;
    if (x->name.len != y->name.len)
        return x->name.len < y->name.len ? -1 : 1;
    return x->at < y->at ? -1 : 1; /* of one name they stay in their order */
}

/* Appends the parameters of |query| that |one| or |other| (NULL: nothing) mean, behind a question mark. */
static int put_query(struct buf *out, struct slice query, const struct dist_names *one, const struct dist_names *other,
                     bool sorted)
{
    struct parameter *all = NULL;
    struct slice text;
    size_t n = 1, kept = 0;

    for (size_t i = 0; i < query.len; i++)
        n += query.data[i] == '&';
    if ((all = malloc(n * sizeof(*all))) == NULL)
        return MESH_E_NOMEM;
    while (slice_split(&query, '&', &text)) {
        struct slice rest = text, name;
        slice_split(&rest, '=', &name);
        if (dist_named(one, name, false) || (other != NULL && dist_named(other, name, false))) {
            all[kept] = (struct parameter){ text, name, kept };
            kept++;
        }
    }
    if (sorted && kept > 1)
        qsort(all, kept, sizeof(*all), by_name);
    for (size_t i = 0; i < kept; i++) {
        buf_add_u8(out, i == 0 ? '?' : '&');
        buf_add_slice(out, all[i].text);
    }
    free(all);
    return buf_ok(out) ? 0 : MESH_E_NOMEM;
}

static int put_path(struct buf *out, struct slice path, const struct dist_names *one, const struct dist_names *other,
                    bool sorted)
{
    struct slice plain = without_query(path);
    bool all = one->which == DIST_ALL || (other != NULL && other->which == DIST_ALL);

    if (plain.len == path.len || (all && !sorted)) {
        buf_add_slice(out, path);
        return buf_ok(out) ? 0 : MESH_E_NOMEM;
    }
    buf_add_slice(out, plain);
    return put_query(out, slice_from(path, plain.len + 1), one, other, sorted);
}

int route_path(struct buf *out, const struct route *r, struct slice path)
{
    const struct dist_behaviour *b = r->behaviour;

    return put_path(out, path, &b->cache.query, &b->request_query, b->cache.query_sorted);
}

/* ---- the key ---- */

/* Keys made as one distribution of one origin makes them by itself: everything in the query counts, and nothing else.
 */
static bool is_plain(const struct dist_behaviour *b)
{
    return b->cache.query.which == DIST_ALL && !b->cache.query_sorted && b->cache.fields.which == DIST_NONE &&
           b->cache.cookies.which == DIST_NONE && !b->key_has_scheme;
}

static void put_names(struct buf *out, const struct dist_names *names)
{
    buf_add_u8(out, (uint8_t)names->which);
    buf_add_u32(out, (uint32_t)names->n);
    for (size_t i = 0; i < names->n; i++) {
        buf_add_u32(out, (uint32_t)names->names[i].len);
        buf_add_slice(out, names->names[i]);
    }
}

static int special_key(struct digest *out, const struct mesh_params *mesh, const struct route *r, struct slice host,
                       struct slice path)
{
    const struct dist_cache *c = &r->behaviour->cache;
    struct buf rules = BUF_EMPTY, text = BUF_EMPTY;
    uint8_t frame[24];

    put_names(&rules, &c->query);
    put_names(&rules, &c->fields);
    put_names(&rules, &c->cookies);
    buf_add_u8(&rules, (uint8_t)(c->query_sorted | (r->behaviour->key_has_scheme ? r->https ? 4 : 2 : 0)));
    int err = put_path(&text, path, &c->query, NULL, c->query_sorted);
    if (err == 0 && !buf_ok(&rules))
        err = MESH_E_NOMEM;
    be64_put(frame, r->dist->name.len);
    be64_put(frame + 8, host.len);
    be64_put(frame + 16, rules.len);
    struct slice parts[] = { SLICE_LIT("hedgerow key 2"), SLICE_OF(frame), r->dist->name, host,
                             buf_slice(&rules),           buf_slice(&text) };
    if (err == 0)
        digest_keyed(out, mesh->salt, parts, sizeof(parts) / sizeof(parts[0]));
    buf_free(&rules);
    buf_free(&text);
    return err;
}

int route_key(struct digest *out, const struct mesh_params *mesh, const struct route *r, struct slice host,
              struct slice path)
{
    struct slice named = r->dist->any_host ? SLICE_EMPTY : host;

    if (!is_plain(r->behaviour))
        return special_key(out, mesh, r, named, path);
    key_hash(out, mesh, r->dist->name, named, path);
    return 0;
}
