#include "node/core/config_log.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto/base/err.h"

void config_log_init(struct config_log *l)
{
    *l = (struct config_log){ .n = 0 };
    list_init(&l->kept);
}

static void let_go(struct config_log *l, struct config_kept *k)
{
    list_remove(&k->link);
    l->n--;
    l->bytes -= k->doc->bytes.len;
    config_doc_free(k->doc);
    free(k);
}

void config_log_fini(struct config_log *l)
{
    LIST_EACH_SAFE (at, &l->kept)
        let_go(l, OBJ_OF(at, struct config_kept, link));
    l->current = NULL;
    l->superseded = 0;
}

/* What each is, by what is in force: that depends on which versions are here alone, and not on how they came. */
static void judge(struct config_log *l)
{
    l->superseded = 0;
    LIST_EACH (at, &l->kept) {
        struct config_kept *k = OBJ_OF(at, struct config_kept, link);
        if (k == l->current)
            k->state = CONFIG_CURRENT;
        else if (config_doc_descends(&l->current->doc->head, &k->doc->head.version))
            k->state = CONFIG_FORMER;
        else
            k->state = CONFIG_SUPERSEDED;
        l->superseded += k->state == CONFIG_SUPERSEDED;
    }
}

static void trim(struct config_log *l)
{
    for (struct list *at = l->kept.prev, *before; at != &l->kept; at = before) {
        struct config_kept *k = OBJ_OF(at, struct config_kept, link);
        before = at->prev;
        if (l->n <= CONFIG_LOG_MAX && l->bytes <= CONFIG_LOG_BYTES)
            break;
        if (k != l->current && !k->pinned)
            let_go(l, k);
    }
}

static void insert(struct config_log *l, struct config_kept *k)
{
    struct list *before = &l->kept;

    LIST_EACH (at, &l->kept) {
        if (config_version_cmp(&OBJ_OF(at, struct config_kept, link)->doc->head.version, &k->doc->head.version) < 0) {
            before = at;
            break;
        }
    }
    list_push_back(before, &k->link); /* in front of |before| */
    l->n++;
    l->bytes += k->doc->bytes.len;
}

int config_log_take(struct config_log *l, struct config_doc *d, struct config_kept **kept)
{
    const struct config_version *v = &d->head.version;
    struct config_kept *k;

    if (kept != NULL)
        *kept = NULL;
    if (config_log_find(l, &v->hash) != NULL)
        return MESH_E_EXISTS;
    bool wins = l->current == NULL || config_version_cmp(v, &l->current->doc->head.version) > 0;
    if ((k = calloc(1, sizeof(*k))) == NULL)
        return MESH_E_NOMEM;
    k->doc = d;
    list_init(&k->link);
    insert(l, k);
    if (wins)
        l->current = k;
    k->pinned = true;
    trim(l);
    k->pinned = false;
    judge(l);
    if (kept != NULL)
        *kept = k;
    return wins ? 0 : MESH_E_STATE;
}

void config_log_drop(struct config_log *l, struct config_kept *k)
{
    let_go(l, k);
    l->current = list_empty(&l->kept) ? NULL : OBJ_OF(list_first(&l->kept), struct config_kept, link);
    if (l->current != NULL)
        judge(l);
    else
        l->superseded = 0;
}

struct config_version config_log_version(const struct config_log *l)
{
    return l->current != NULL ? l->current->doc->head.version : (struct config_version){ .counter = 0 };
}

struct config_kept *config_log_find(const struct config_log *l, const struct digest *hash)
{
    LIST_EACH (at, &l->kept) {
        struct config_kept *k = OBJ_OF(at, struct config_kept, link);
        if (digest_eq(&k->doc->head.version.hash, hash))
            return k;
    }
    return NULL;
}

struct config_kept *config_log_named(const struct config_log *l, struct slice name)
{
    char text[CONFIG_VERSION_TEXT_MAX], counter[24];
    struct config_kept *found = NULL;

    LIST_EACH (at, &l->kept) {
        struct config_kept *k = OBJ_OF(at, struct config_kept, link);
        const struct config_version *v = &k->doc->head.version;
        config_version_text(v, text);
        snprintf(counter, sizeof(counter), "%llu", (unsigned long long)v->counter);
        if (slice_eq(name, slice_str(text)) || slice_eq(name, slice_str(strchr(text, '-') + 1)))
            return k;
        if (slice_eq(name, slice_str(counter)) && (found == NULL || found->state == CONFIG_SUPERSEDED))
            found = k;
    }
    return found;
}

const char *config_state_word(enum config_state s)
{
    static const char *const words[] = { "current", "former", "superseded" };
    return words[s];
}
