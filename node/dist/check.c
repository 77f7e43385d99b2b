/* What distributions' parts, and distributions among each other, must not say. */
#include <stdlib.h>

#include "node/dist/fields.h"

static const struct tree *entry(const struct tree *list, size_t index)
{
    const struct tree *p = list->first;

    while (index-- > 0 && p != NULL)
        p = p->next;
    return p != NULL ? p : list;
}

/* Ids stand first in each struct. */
static bool check_ids(struct reader *r, const struct tree *n, const char *name, const void *things, size_t count,
                      size_t stride)
{
    const struct tree *list = tree_part(n, name);
    bool ok = true;

    for (size_t i = 1; i < count && list != NULL; i++) {
        const struct slice *id = (const void *)((const char *)things + i * stride);
        for (size_t j = 0; j < i; j++) {
            const struct slice *other = (const void *)((const char *)things + j * stride);
            if (id->len == 0 || !slice_eq(*id, *other))
                continue;
            read_enter(r, name, i);
            ok = wrong(r, entry(list, i), "the id \"%.*s\" is there twice.", SLICE_FMT(*id));
            read_leave(r);
            break;
        }
    }
    return ok;
}

static bool check_errors(struct reader *r, const struct tree *n, const struct dist *d)
{
    const struct tree *list = tree_part(n, "errors");
    bool ok = true;

    for (size_t i = 1; i < d->errors_n; i++) {
        for (size_t j = 0; j < i; j++) {
            if (d->errors[i].status != d->errors[j].status)
                continue;
            read_enter(r, "errors", i);
            ok = wrong(r, entry(list, i), "the status %u is there twice.", d->errors[i].status);
            read_leave(r);
        }
    }
    return ok;
}

bool check_dist(struct reader *r, const struct tree *n, struct dist *d)
{
    bool ok = check_ids(r, n, "origins", d->origins, d->origins_n, sizeof(struct dist_origin));

    ok &= check_ids(r, n, "groups", d->groups, d->groups_n, sizeof(struct dist_group));
    ok &= check_ids(r, n, "keys", d->keys, d->keys_n, sizeof(struct dist_key));
    ok &= check_ids(r, n, "key_groups", d->key_groups, d->key_groups_n, sizeof(struct dist_key_group));
    ok &= check_errors(r, n, d);
    if (d->behaviours_n == 0)
        ok = wrong_field(r, n, "behaviours", "must be given where there is more than one origin.");
    return check_loops(r, n, d) && ok;
}

/* ---- all of them ---- */

struct said { /* a name or host, where it was said */
    struct slice text;
    const struct dist *dist;
    const struct tree *at;
};

/* Of the same text, the one that was said first is first. */
static int by_text(const void *a, const void *b)
{
    const struct said *x = a, *y = b;
    size_t len = x->text.len < y->text.len ? x->text.len : y->text.len;
    int order = len > 0 ? memcmp(x->text.data, y->text.data, len) : 0;

    if (order == 0)
        order = (x->text.len > y->text.len) - (x->text.len < y->text.len);
    return order != 0 ? order : (x->dist > y->dist) - (x->dist < y->dist);
}

static bool check_said(struct reader *r, struct said *said, size_t n, const char *what)
{
    char quoted[FAULT_QUOTED_MAX];
    bool ok = true;

    qsort(said, n, sizeof(*said), by_text);
    for (size_t i = 1; i < n; i++) {
        if (!slice_eq(said[i].text, said[i - 1].text) || said[i].text.len == 0)
            continue;
        ok = wrong(r, said[i].at, "the %s %s is that of \"%.*s\" already.", what, fault_quoted(said[i].text, quoted),
                   SLICE_FMT(said[i - 1].dist->name));
    }
    return ok;
}

static bool check_names_of(struct reader *r, const struct tree *list, const struct dist *dists, size_t n)
{
    struct said *said = malloc((n > 0 ? n : 1) * sizeof(*said));
    const struct tree *p = list->first;
    bool ok;

    if (said == NULL)
        return wrong(r, list, "out of memory.");
    for (size_t i = 0; i < n; i++, p = p->next)
        said[i] = (struct said){ .text = dists[i].name, .dist = &dists[i], .at = tree_part(p, "name") };
    ok = check_said(r, said, n, "name");
    free(said);
    return ok;
}

static bool check_hosts_of(struct reader *r, const struct tree *list, const struct dist *dists, size_t n)
{
    const struct tree *p = list->first;
    const struct slice any = SLICE_LIT("*");
    struct said *said;
    size_t count = 0, at = 0;
    bool ok;

    for (size_t i = 0; i < n; i++)
        count += dists[i].hosts_n + dists[i].any_host;
    if ((said = malloc((count > 0 ? count : 1) * sizeof(*said))) == NULL)
        return wrong(r, list, "out of memory.");
    for (size_t i = 0; i < n; i++, p = p->next) {
        const struct tree *hosts = tree_part(p, "hosts");
        for (size_t j = 0; j < dists[i].hosts_n; j++)
            said[at++] = (struct said){ .text = dists[i].hosts[j], .dist = &dists[i], .at = hosts };
        if (dists[i].any_host)
            said[at++] = (struct said){ .text = any, .dist = &dists[i], .at = hosts };
    }
    ok = check_said(r, said, count, "host");
    free(said);
    return ok;
}

bool check_set(struct reader *r, const struct tree *list, const struct dist *dists, size_t n)
{
    bool ok = check_names_of(r, list, dists, n);
    return check_hosts_of(r, list, dists, n) && ok;
}
