#include "node/core/purge_log.h"

#include <stdlib.h>

#include "proto/base/err.h"

int purge_logs_init(struct purge_logs *l, const uint8_t hash_key[MAP_KEY_BYTES])
{
    *l = (struct purge_logs){ .kept_max = PURGE_KEPT_MAX };
    list_init(&l->logs);
    list_init(&l->kept);
    int err = map_init(&l->by_id, hash_key);
    if (err == 0) /* the key, which is another one in each run, cannot be told from it */
        l->runs.own = map_hash(&l->by_id, SLICE_LIT("purges of this run"));
    return err;
}

/* ---- the frontier's digest: the XOR of one hash a log, so that each step costs the same ---- */

static void vector_item(uint8_t out[PURGE_VECTOR_ITEM], const struct purge_log *log)
{
    memcpy(out, log->id.issuer.bytes, NODE_ID_BYTES);
    be64_put(out + NODE_ID_BYTES, log->id.begun);
    be64_put(out + NODE_ID_BYTES + 8, log->last);
}

static uint64_t share(const struct purge_log *log)
{
    uint8_t item[PURGE_VECTOR_ITEM];
    struct digest d;

    vector_item(item, log);
    digest_one(&d, SLICE_OF(item));
    return digest_u64(&d);
}

void purge_logs_pass(struct purge_logs *l, uint64_t digest)
{
    if (purge_logs_passed(l, digest) && digest != l->digest)
        return;
    l->passed[l->passed_at] = digest;
    l->passed_at = (l->passed_at + 1) % PURGE_PASSED;
}

bool purge_logs_passed(const struct purge_logs *l, uint64_t digest)
{
    if (digest == 0 || digest == l->digest)
        return true;
    for (size_t i = 0; i < PURGE_PASSED; i++) {
        if (l->passed[i] == digest)
            return true;
    }
    return false;
}

/* ---- logs ---- */

static uint64_t hash_of(const struct purge_logs *l, const struct purge_log_id *id)
{
    uint8_t bytes[NODE_ID_BYTES + 8];

    memcpy(bytes, id->issuer.bytes, NODE_ID_BYTES);
    be64_put(bytes + NODE_ID_BYTES, id->begun);
    return map_hash(&l->by_id, SLICE_OF(bytes));
}

struct purge_log *purge_logs_find(const struct purge_logs *l, const struct purge_log_id *id)
{
    for (struct map_node *n = map_find(&l->by_id, hash_of(l, id)); n != NULL; n = map_same(n)) {
        struct purge_log *log = OBJ_OF(n, struct purge_log, by_id);
        if (purge_log_id_cmp(&log->id, id) == 0)
            return log;
    }
    return NULL;
}

struct purge_log *purge_logs_own(const struct purge_logs *l, const struct node_id *issuer)
{
    struct purge_log *own = NULL;

    LIST_EACH (at, &l->logs) { /* by ascending id */
        struct purge_log *log = OBJ_OF(at, struct purge_log, link);
        if (node_id_eq(&log->id.issuer, issuer))
            own = log;
    }
    return own;
}

static void let_go(struct purge_logs *l, struct purge_kept *k)
{
    list_remove(&k->in_log);
    list_remove(&k->in_all);
    l->kept_n--;
    l->kept_bytes -= k->len;
    free(k);
}

void purge_logs_let_go(struct purge_logs *l, struct purge_log *log)
{
    LIST_EACH_SAFE (at, &log->kept)
        let_go(l, OBJ_OF(at, struct purge_kept, in_log));
}

static void drop_log(struct purge_logs *l, struct purge_log *log)
{
    purge_logs_let_go(l, log);
    if (log->last > 0)
        l->digest ^= share(log);
    map_remove(&l->by_id, &log->by_id);
    list_remove(&log->link);
    l->logs_n--;
    free(log);
}

void purge_logs_fini(struct purge_logs *l)
{
    if (l->logs.next != NULL) {
        LIST_EACH_SAFE (at, &l->logs)
            drop_log(l, OBJ_OF(at, struct purge_log, link));
    }
    map_fini(&l->by_id);
}

void purge_logs_void(struct purge_logs *l, bool (*vouched)(void *ctx, const struct cert *cert), void *ctx)
{
    purge_logs_pass(l, l->digest); /* soon it is another one */
    LIST_EACH_SAFE (at, &l->logs) {
        struct purge_log *log = OBJ_OF(at, struct purge_log, link);
        if (!vouched(ctx, &log->cert))
            drop_log(l, log);
    }
}

/* The first of |issuer|'s logs, and how many there are. */
static struct purge_log *first_of(const struct purge_logs *l, const struct node_id *issuer, size_t *n)
{
    struct purge_log *first = NULL;

    *n = 0;
    LIST_EACH (at, &l->logs) {
        struct purge_log *log = OBJ_OF(at, struct purge_log, link);
        if (!node_id_eq(&log->id.issuer, issuer))
            continue;
        if ((*n)++ == 0)
            first = log;
    }
    return first;
}

/* Its issuer has begun so many later ones that it does not count any more. */
static bool is_outlived(const struct purge_logs *l, const struct purge_log_id *id)
{
    size_t n;
    const struct purge_log *first = first_of(l, &id->issuer, &n);

    return n >= PURGE_LOGS_EACH && id->begun < first->id.begun;
}

static struct purge_log *oldest(const struct purge_logs *l)
{
    struct purge_log *least = NULL;

    LIST_EACH (at, &l->logs) {
        struct purge_log *log = OBJ_OF(at, struct purge_log, link);
        if (least == NULL || log->last_at_s < least->last_at_s)
            least = log;
    }
    return least;
}

static struct purge_log *new_log(struct purge_logs *l, const struct purge_log_id *id)
{
    struct purge_log *log = calloc(1, sizeof(*log));
    struct list *before = l->logs.next;

    if (log == NULL)
        return NULL;
    log->id = *id;
    list_init(&log->kept);
    list_init(&log->link);
    while (before != &l->logs && purge_log_id_cmp(&OBJ_OF(before, struct purge_log, link)->id, id) < 0)
        before = before->next;
    list_push_back(before, &log->link);
    map_insert(&l->by_id, &log->by_id, hash_of(l, id));
    l->logs_n++;
    return log;
}

/* A place for one more log. False: it would be the first to go. */
static bool make_way(struct purge_logs *l, const struct purge *p)
{
    size_t n;
    struct purge_log *first = first_of(l, &p->log.issuer, &n);

    if (n >= PURGE_LOGS_EACH) {
        drop_log(l, first);
    } else if (l->logs_n >= PURGE_LOGS_MAX) {
        struct purge_log *old = oldest(l);
        if (p->at_s <= old->last_at_s)
            return false;
        drop_log(l, old);
    }
    return true;
}

int purge_logs_take(struct purge_logs *l, const struct purge *p, struct slice raw, const struct cert *cert,
                    struct slice cert_raw, bool folded, bool *gap)
{
    struct purge_log *log = purge_logs_find(l, &p->log);
    uint64_t last = log != NULL ? log->last : 0;

    *gap = false;
    if (p->number <= last || is_outlived(l, &p->log))
        return MESH_E_EXISTS;
    if (p->number > last + 1 && !folded)
        return MESH_E_STATE;
    struct purge_kept *k = malloc(sizeof(*k) + raw.len);
    if (k == NULL)
        return MESH_E_NOMEM;
    purge_logs_pass(l, l->digest); /* soon it is another one */
    if (log == NULL && (!make_way(l, p) || (log = new_log(l, &p->log)) == NULL)) {
        free(k);
        return l->logs_n >= PURGE_LOGS_MAX ? MESH_E_EXISTS : MESH_E_NOMEM;
    }
    *gap = p->number > last + 1;
    *k = (struct purge_kept){ .log = log, .number = p->number, .position = ++l->position, .len = raw.len };
    if (raw.len > 0)
        memcpy(k->bytes, raw.data, raw.len);
    list_init(&k->in_log);
    list_init(&k->in_all);
    if (*gap) /* so that what is kept has no gaps inside */
        purge_logs_let_go(l, log);
    list_push_back(&log->kept, &k->in_log);
    list_push_back(&l->kept, &k->in_all);
    l->kept_n++;
    l->kept_bytes += raw.len;
    if (log->last > 0)
        l->digest ^= share(log);
    log->last = p->number;
    log->last_at_s = p->at_s;
    l->digest ^= share(log);
    log->cert = *cert;
    log->cert_len = cert_raw.len < sizeof(log->cert_raw) ? cert_raw.len : sizeof(log->cert_raw);
    memcpy(log->cert_raw, cert_raw.data, log->cert_len);
    while (l->kept_n > l->kept_max || l->kept_bytes > PURGE_KEPT_BYTES)
        let_go(l, OBJ_OF(list_first(&l->kept), struct purge_kept, in_all));
    return 0;
}

/* ---- vectors ---- */

void purge_logs_vector(const struct purge_logs *l, struct buf *out)
{
    uint8_t item[PURGE_VECTOR_ITEM];

    LIST_EACH (at, &l->logs) {
        vector_item(item, OBJ_OF(at, struct purge_log, link));
        buf_add(out, item, sizeof(item));
    }
}

static struct purge_log_id item_id(const uint8_t *item)
{
    struct purge_log_id id = { .begun = be64_get(item + NODE_ID_BYTES) };

    memcpy(id.issuer.bytes, item, NODE_ID_BYTES);
    return id;
}

static uint64_t item_last(const uint8_t *item)
{
    return be64_get(item + NODE_ID_BYTES + 8);
}

bool purge_vector_ok(struct slice vector)
{
    if (vector.len % PURGE_VECTOR_ITEM != 0 || vector.len / PURGE_VECTOR_ITEM > PURGE_LOGS_MAX)
        return false;
    for (size_t at = 0; at < vector.len; at += PURGE_VECTOR_ITEM) {
        const uint8_t *item = vector.data + at;
        uint64_t last = item_last(item);
        if (last == 0 || last > PURGE_NUMBER_MAX ||
            (at > 0 && memcmp(item - PURGE_VECTOR_ITEM, item, NODE_ID_BYTES + 8) >= 0))
            return false;
    }
    return true;
}

uint64_t purge_vector_last(struct slice vector, const struct purge_log_id *id)
{
    size_t from = 0, to = vector.len / PURGE_VECTOR_ITEM;

    while (from < to) {
        size_t middle = from + (to - from) / 2;
        const uint8_t *item = vector.data + middle * PURGE_VECTOR_ITEM;
        struct purge_log_id at = item_id(item);
        int c = purge_log_id_cmp(&at, id);
        if (c == 0)
            return item_last(item);
        if (c < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return 0;
}

bool purge_logs_lack(const struct purge_logs *l, struct slice vector)
{
    for (size_t at = 0; at < vector.len; at += PURGE_VECTOR_ITEM) {
        struct purge_log_id id = item_id(vector.data + at);
        const struct purge_log *log = purge_logs_find(l, &id);
        if (item_last(vector.data + at) > (log != NULL ? log->last : 0) && !is_outlived(l, &id))
            return true;
    }
    return false;
}
