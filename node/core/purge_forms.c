/* What a URL that is purged is called where its copies lie: rules may have rewritten it, the root stands for a page,
 * and of its query not all need be in the key. All that it can have become is purged with it. */
#include <stdlib.h>

#include "node/core/purges_impl.h"
#include "node/core/rules.h"

/* False: out of memory. */
static bool grow(struct purge_forms *p)
{
    size_t cap = p->cap > 0 ? 2 * p->cap : 64;
    struct purge_form *all = p->n < p->cap ? p->all : realloc(p->all, cap * sizeof(*all));

    if (all == NULL)
        return false;
    p->cap = p->n < p->cap ? p->cap : cap;
    p->all = all;
    return true;
}

static bool add(struct purge_forms *p, const struct purge_target *t, struct slice of, bool made, size_t at)
{
    if (!grow(p))
        return false;
    p->all[p->n++] = (struct purge_form){ .target = *t, .of = of, .made = made, .at = at };
    return true;
}

/* |path| as the origin is asked for it, unless that is |given|. */
static bool add_path(const struct engine *e, struct purge_forms *p, struct slice host, struct slice path,
                     struct slice given)
{
    struct purge_target t = { .kind = PURGE_URL };
    struct route r;
    size_t at = p->values.len;

    if (!route_find(&r, e->cfg.set, e->cfg.zone, host, path, false))
        return true;
    if (route_path(&p->values, &r, path) != 0)
        return false;
    t.value = slice_from(buf_slice(&p->values), at);
    if (slice_eq(t.value, given) || !purge_value_ok(PURGE_URL, t.value)) {
        p->values.len = at;
        return true;
    }
    return add(p, &t, r.dist->name, true, at);
}

/* Whatever the request's fields would have been. */
static bool add_rewritten(const struct engine *e, struct purge_forms *p, const struct route *r, struct slice host,
                          struct slice path)
{
    bool ok = true;

    for (size_t i = 0; i < r->behaviour->rules_n && ok; i++) {
        struct dist_rule rule = r->behaviour->rules[i];
        struct buf text = BUF_EMPTY;
        struct rules_on on = { .host = host, .path = path, .text = &text };
        rule.field = rule.query = SLICE_EMPTY;
        int err = rule.action == DIST_REWRITE ? rules_apply(&on, &rule, 1) : MESH_E_ABSENT;
        ok = err != MESH_E_NOMEM && (err != 0 || slice_eq(on.path, path) || add_path(e, p, host, on.path, path));
        buf_free(&text);
    }
    return ok;
}

static bool add_root(const struct engine *e, struct purge_forms *p, const struct route *r, struct slice host,
                     struct slice path)
{
    struct buf made = BUF_EMPTY;

    if (r->dist->root.len == 0 || (path.len > 1 && path.data[1] != '?'))
        return true;
    buf_add_str(&made, r->dist->root.data[0] == '/' ? "" : "/");
    buf_add_slice(&made, r->dist->root);
    buf_add_slice(&made, slice_from(path, 1));
    bool ok = buf_ok(&made) && add_path(e, p, host, buf_slice(&made), path);
    buf_free(&made);
    return ok;
}

/* Whose the |i|th target is; a host that is nobody's could be anybody's tomorrow. */
static struct slice whose(const struct engine *e, const struct purge_order *order, size_t i)
{
    const struct dist_set *set = e->cfg.set;
    const struct dist *d = NULL;

    if (order->distribution.len > 0)
        return order->distribution;
    if (order->hosts != NULL && order->hosts[i].len > 0)
        d = dist_find(set, order->hosts[i], e->cfg.zone);
    else if (set->n == 1)
        d = &set->dists[0];
    return d != NULL ? d->name : SLICE_EMPTY;
}

bool purge_forms_make(const struct engine *e, const struct purge_order *order, struct purge_forms *out)
{
    bool ok = true;

    *out = (struct purge_forms){ .values = BUF_EMPTY };
    for (size_t i = 0; i < order->targets_n && ok; i++) {
        const struct purge_target *t = &order->targets[i];
        struct slice host = order->hosts != NULL ? order->hosts[i] : SLICE_EMPTY;
        struct route r;
        ok = add(out, t, whose(e, order, i), false, 0);
        if (!ok || t->kind != PURGE_URL || !route_find(&r, e->cfg.set, e->cfg.zone, host, t->value, false))
            continue;
        ok = add_path(e, out, host, t->value, t->value) && add_root(e, out, &r, host, t->value) &&
             add_rewritten(e, out, &r, host, t->value);
    }
    for (size_t i = 0; i < out->n; i++) {
        if (out->all[i].made) /* the bytes have moved meanwhile */
            out->all[i].target.value.data = out->values.data + out->all[i].at;
    }
    return ok && buf_ok(&out->values);
}

void purge_forms_free(struct purge_forms *p)
{
    free(p->all);
    buf_free(&p->values);
}
