/* A whole text: distributions, and what stands under node:. */
#include "node/dist/dist_read.h"
#include "node/dist/schema.h"
#include "proto/base/err.h"

static bool read_dists(struct reader *r, const struct tree *list, struct dist **out)
{
    size_t i = 0;
    bool ok = true;

    read_enter(r, "distributions", SIZE_MAX);
    if (list->kind != TREE_LIST)
        return wrong(r, list, "must be a list of distributions, not %s.", tree_kind_text(list));
    if (list->n > DISTS_MAX)
        return wrong(r, list, "has %zu entries; %d are allowed.", list->n, DISTS_MAX);
    if ((*out = read_get(r, list->n, sizeof(**out))) == NULL)
        return false;
    for (const struct tree *p = list->first; p != NULL && !faults_enough(r->faults); p = p->next, i++) {
        r->path[0].index = i;
        r->dist = &(*out)[i];
        memset(r->media_origins, 0, sizeof(r->media_origins));
        ok &= read_object(r, p, &schema_dist, r->dist);
        r->path[0].index = SIZE_MAX;
    }
    if (ok)
        ok = check_set(r, list, *out, list->n);
    read_leave(r);
    return ok;
}

/* ---- what stands under node: ---- */

static size_t count_leaves(const struct tree *t)
{
    size_t n = 0;

    if (t->kind == TREE_SCALAR)
        return 1;
    for (const struct tree *p = t->first; p != NULL; p = p->next)
        n += count_leaves(p);
    return n;
}

static void list_leaves(struct reader *r, const struct tree *t, struct slice key, struct mark key_mark,
                        struct dist_entry **at)
{
    if (t->kind == TREE_SCALAR) {
        uint8_t *text = dist_arena_get(r->arena, t->text.len + 1, 1); /* with a zero behind it */
        if (text == NULL)
            return;
        if (t->text.len > 0)
            memcpy(text, t->text.data, t->text.len);
        *(*at)++ = (struct dist_entry){
            .key = key, .value = slice_of(text, t->text.len), .mark = t->mark, .key_mark = key_mark
        };
        return;
    }
    for (const struct tree *p = t->first; p != NULL && dist_arena_ok(r->arena); p = p->next) {
        struct slice name = key;
        if (t->kind == TREE_MAP) {
            struct buf full = BUF_EMPTY;
            buf_addf(&full, "%.*s%s%.*s", (int)key.len, key.data != NULL ? (const char *)key.data : "",
                     key.len > 0 ? "." : "", (int)p->key.len, p->key.data != NULL ? (const char *)p->key.data : "");
            name = dist_arena_copy(r->arena, buf_slice(&full));
            buf_free(&full);
        }
        list_leaves(r, p, name, t->kind == TREE_MAP ? p->key_mark : key_mark, at);
    }
}

static bool read_entries(struct reader *r, const struct tree *node, struct dist_file *out)
{
    struct dist_entry *entries, *at;

    if (node->kind != TREE_MAP)
        return wrong(r, node, "node: must be a map, with fields such as listen and data, not %s.",
                     tree_kind_text(node));
    if ((entries = read_get(r, count_leaves(node), sizeof(*entries))) == NULL)
        return false;
    at = entries;
    list_leaves(r, node, SLICE_EMPTY, node->key_mark, &at);
    out->entries = entries;
    out->entries_n = (size_t)(at - entries);
    return dist_arena_ok(r->arena);
}

/* ---- */

static const char *const parts[] = { "node", "distributions" };

static bool check_parts(struct reader *r, const struct tree *t)
{
    char quoted[FAULT_QUOTED_MAX];
    bool seen[2] = { false, false }, ok = true;

    if (t->kind != TREE_MAP)
        return wrong(r, t, "must be a map with node and distributions, not %s.", tree_kind_text(t));
    for (const struct tree *p = t->first; p != NULL && !faults_enough(r->faults); p = p->next) {
        const struct tree at = { .mark = p->key_mark };
        size_t i = 0;
        while (i < 2 && !slice_eq(p->key, slice_str(parts[i])))
            i++;
        if (i == 2) {
            const char *near = nearest_name(p->key, parts, 2, sizeof(parts[0]));
            ok = wrong(r, &at, "there is no part %s%s%s; there are node and distributions.",
                       fault_quoted(p->key, quoted), near != NULL ? ". Did you mean " : "", near != NULL ? near : "");
        } else if (seen[i]) {
            ok = wrong(r, &at, "%s is there twice.", parts[i]);
        } else {
            seen[i] = true;
        }
    }
    return ok;
}

/* |file| NULL: what stands under node: does not matter, and there have to be distributions. */
static int read_text(struct slice text, struct faults *faults, struct dist_file *file, struct dist_set **set)
{
    struct dist_arena *tree_arena = dist_arena_new(TREE_BYTES_MAX), *arena = dist_arena_new(DIST_SET_BYTES_MAX);
    struct dist_arena *entries = dist_arena_new(DIST_SET_BYTES_MAX);
    struct reader r = { .faults = faults, .arena = arena };
    struct dist *dists = NULL;
    struct tree *t = NULL;
    int err = tree_arena == NULL || arena == NULL || entries == NULL ? MESH_E_NOMEM : 0;

    if (err == 0)
        err = tree_read(tree_arena, text, faults, &t);
    if (err != 0)
        goto out;
    bool ok = check_parts(&r, t);
    const struct tree *list = ok ? tree_part(t, "distributions") : NULL, *node = ok ? tree_part(t, "node") : NULL;
    if (ok && list == NULL && file == NULL)
        ok = wrong(&r, t, "distributions is missing.");
    if (list != NULL)
        ok &= read_dists(&r, list, &dists);
    if (node != NULL && file != NULL) {
        struct reader of_node = { .faults = faults, .arena = entries };
        ok &= read_entries(&of_node, node, file);
    }
    if (!ok || !dist_arena_ok(arena)) {
        err = dist_arena_ok(arena) && dist_arena_ok(entries) ? MESH_E_SYNTAX : MESH_E_NOMEM;
        goto out;
    }
    if (list != NULL) {
        *set = dist_set_new(arena, dists, list->n);
        arena = NULL; /* taken */
        err = *set == NULL ? MESH_E_NOMEM : 0;
    }
    if (err == 0 && file != NULL) {
        file->arena = entries;
        entries = NULL;
    }
out:
    if (err == MESH_E_NOMEM && faults->n == 0)
        fault(faults, (struct mark){ 0 }, "out of memory.");
    dist_arena_free(tree_arena);
    dist_arena_free(arena);
    dist_arena_free(entries);
    return err;
}

int dist_set_read(struct slice text, const char *file, struct dist_set **set, struct buf *errors)
{
    struct faults faults = { .file = file, .text = errors };
    return read_text(text, &faults, NULL, set);
}

int dist_file_read(struct slice text, const char *file, struct dist_file *out, struct buf *errors)
{
    struct faults faults = { .file = file, .text = errors };
    struct dist_file read = { 0 };
    int err = read_text(text, &faults, &read, &read.set);

    if (err == 0)
        *out = read;
    return err;
}

void dist_file_free(struct dist_file *f)
{
    dist_set_unref(f->set);
    dist_arena_free(f->arena);
    *f = (struct dist_file){ 0 };
}
