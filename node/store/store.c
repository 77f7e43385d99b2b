#include "node/store/store.h"

#include <assert.h>
#include <stdlib.h>

#include "node/store/store_impl.h"
#include "proto/base/err.h"

uint32_t store_segment_bytes(uint64_t limit)
{
    uint64_t part = limit / 64 / STORE_UNIT * STORE_UNIT;

    return (uint32_t)(part < STORE_SEGMENT_MIN   ? STORE_SEGMENT_MIN
                      : part > STORE_SEGMENT_MAX ? STORE_SEGMENT_MAX
                                                 : part);
}

struct store *store_new(const struct store_config *cfg)
{
    uint64_t slots = cfg->limit / cfg->segment_bytes;
    struct store *s;

    if (slots < STORE_SEGMENTS_MIN || cfg->segment_bytes < STORE_SEGMENT_MIN ||
        cfg->segment_bytes > STORE_SEGMENT_MAX || cfg->segment_bytes % STORE_UNIT != 0 ||
        (s = calloc(1, sizeof(*s))) == NULL)
        return NULL;
    s->cfg = *cfg;
    s->slots_n = s->slots_wanted = (uint32_t)(slots < INDEX_SLOTS_MAX ? slots : INDEX_SLOTS_MAX);
    s->segments = calloc(INDEX_SLOTS_MAX, sizeof(*s->segments));
    list_init(&s->todo);
    list_init(&s->running);
    s->next_number = 1;
    s->sync_at = MESH_NS_NEVER;
    if (index_init(&s->index, cfg->secret) == 0 && s->segments != NULL)
        return s;
    free(s->segments);
    free(s);
    return NULL;
}

static void ops_free(struct list *ops)
{
    LIST_EACH_SAFE (at, ops) {
        struct store_op *op = OBJ_OF(at, struct store_op, own);
        list_remove(at);
        store_op_free(op);
    }
}

void store_free(struct store *s)
{
    if (s == NULL)
        return;
    ops_free(&s->todo);
    ops_free(&s->running);
    index_fini(&s->index);
    buf_free(&s->tail.fill);
    buf_free(&s->tail.list);
    buf_free(&s->removals);
    free(s->segments);
    free(s);
}

/* ---- operations ---- */

struct store_op *op_new(struct store *s, enum store_op_kind kind, uint32_t slot)
{
    struct store_op *op = calloc(1, sizeof(*op));

    if (op == NULL)
        return NULL;
    op->kind = kind;
    op->slot = slot;
    op->segment = s->segments[slot].number;
    op->seed = s->cfg.seed;
    list_init(&op->link);
    list_init(&op->own);
    list_push_back(&s->todo, &op->own);
    return op;
}

void store_op_free(struct store_op *op)
{
    if (op == NULL)
        return;
    free(op->bytes);
    free(op);
}

struct slice store_op_payload(const struct store_op *op)
{
    struct slice payload = SLICE_EMPTY;
    struct record r;

    return record_sound(&r, op->seed, slice_of(op->bytes, op->len), &payload) ? payload : SLICE_EMPTY;
}

int store_check(const struct store_op *op)
{
    struct slice payload;
    struct record r;

    return record_sound(&r, op->seed, slice_of(op->bytes, op->len), &payload) && be32_get(op->bytes + 12) == op->segment
               ? 0
               : MESH_E_HASH;
}

/* ---- names ---- */

/* Is what |e| speaks of readable, or still on its way to the disk? */
static bool readable(const struct store *s, const struct index_entry *e)
{
    return index_offset(e) + index_bytes(e) <= s->segments[e->slot].written;
}

uint32_t store_find(const struct store *s, uint64_t key)
{
    return index_find(&s->index, key);
}

uint32_t store_find_variant(const struct store *s, uint64_t key, uint32_t variant)
{
    uint32_t i = index_find(&s->index, key);

    while (i != INDEX_NONE && index_at(&s->index, i)->variant != variant)
        i = index_next(&s->index, i);
    return i;
}

void store_used(struct store *s, uint32_t found)
{
    struct index_entry *e = index_at(&s->index, found);

    if (e->uses < INDEX_USES_MAX)
        e->uses++;
}

int store_put(struct store *s, mesh_ns now, const struct store_name *name, const struct slice *pieces, size_t n)
{
    struct record r = { .kind = RECORD_ENTRY, .key = name->key, .body = name->body, .variant = name->variant };
    uint64_t bytes = 0;

    for (size_t i = 0; i < n; i++)
        bytes += pieces[i].len;
    if (bytes > store_put_max(s))
        return MESH_E_RANGE;
    r.length = (uint32_t)bytes;
    int err = log_append(s, now, &r, pieces, n);
    if (err == 0)
        s->counters.written++;
    else if (err == MESH_E_FULL)
        s->counters.behind++;
    return err;
}

uint64_t store_put_max(const struct store *s)
{
    /* With its segment's header, list and footer; and not so long that half a segment lies idle for it. */
    return s->cfg.segment_bytes / 4 < STORE_PUT_MAX ? s->cfg.segment_bytes / 4 : STORE_PUT_MAX;
}

bool store_takes(const struct store *s, mesh_ns now, uint64_t bytes)
{
    return log_takes(s, now) && s->waiting + record_bytes(bytes) <= STORE_WAITING_MAX;
}

static uint32_t removed(struct store *s, mesh_ns now, const struct record *r)
{
    uint32_t n = index_drop(&s->index, r);

    if (n > 0)
        log_removed(s, now, r);
    return n;
}

uint32_t store_forget(struct store *s, mesh_ns now, uint64_t key, uint32_t variant)
{
    struct record r = { .kind = RECORD_DROP, .key = key, .variant = variant };

    return removed(s, now, &r);
}

uint32_t store_drop_body(struct store *s, mesh_ns now, uint32_t body)
{
    struct record r = { .kind = RECORD_DROP_BODY, .body = body };

    return removed(s, now, &r);
}

/* ---- reading ---- */

int read_start(struct store *s, uint32_t i, void *token, bool reclaims)
{
    const struct index_entry *e = index_at(&s->index, i);
    uint32_t bytes = index_bytes(e);

    if (!readable(s, e) || (!reclaims && (s->reads >= STORE_READS_MAX || s->reading + bytes > STORE_READING_MAX)))
        return MESH_E_FULL;
    uint8_t *into = malloc(bytes);
    struct store_op *op = into != NULL ? op_new(s, STORE_READ, e->slot) : NULL;
    if (op == NULL) {
        free(into);
        return MESH_E_NOMEM;
    }
    op->bytes = into;
    op->len = bytes;
    op->offset = index_offset(e);
    op->token = token;
    op->reclaims = reclaims;
    s->reads++;
    s->reading += bytes;
    return 0;
}

int store_look(struct store *s, uint32_t found, void *token)
{
    int err = read_start(s, found, token, false);

    s->counters.busy += err != 0;
    return err;
}

int store_read(struct store *s, uint32_t found, void *token)
{
    int err = store_look(s, found, token);

    if (err == 0)
        store_used(s, found);
    return err;
}

/* The entry of what |op| read; INDEX_NONE: it is gone. */
static uint32_t entry_of(const struct store *s, const struct store_op *op, uint64_t key)
{
    uint32_t i = index_find(&s->index, key);

    while (i != INDEX_NONE) {
        const struct index_entry *e = index_at(&s->index, i);
        if (e->slot == op->slot && index_offset(e) == op->offset)
            return i;
        i = index_next(&s->index, i);
    }
    return INDEX_NONE;
}

/* What is not sound is gone. Its key is not to be had from it, so that its segment's list is searched. */
static void damaged(struct store *s, const struct store_op *op)
{
    for (uint32_t i = s->index.slots[op->slot]; i != INDEX_NONE; i = index_at(&s->index, i)->next_of_slot) {
        if (index_offset(index_at(&s->index, i)) == op->offset)
            index_remove(&s->index, i);
    }
}

static int read_done(struct store *s, struct store_op *op, int err)
{
    bool there = s->segments[op->slot].number == op->segment;

    s->reads--;
    s->reading -= op->len;
    if (!there)
        return MESH_E_ABSENT; /* given up meanwhile */
    if (err == 0 && entry_of(s, op, be64_get(op->bytes + 16)) == INDEX_NONE)
        return MESH_E_ABSENT;
    if (err == 0) {
        s->counters.reads++;
        s->counters.read_bytes += op->len;
        return 0;
    }
    if (err == MESH_E_NOMEM)
        return err;
    if (err == MESH_E_HASH)
        s->counters.corrupt++;
    else
        s->counters.failed_reads++;
    damaged(s, op);
    return err;
}

/* ---- what is to be done ---- */

bool store_done(struct store *s, mesh_ns now, struct store_op *op, int *err)
{
    list_remove(&op->own);
    if (op->kind != STORE_READ) {
        log_done(s, now, op, *err);
        store_op_free(op);
    } else {
        *err = read_done(s, op, *err);
        if (!op->reclaims)
            return true;
        reclaim_read(s, now, op, *err);
        store_op_free(op);
    }
    reclaim_look(s, now);
    return false;
}

struct store_op *store_poll(struct store *s, mesh_ns now)
{
    reclaim_look(s, now);
    if (s->removals_owed && log_takes(s, now))
        log_owed(s, now);
    if (now >= s->sync_at)
        log_sync(s, now);
    if (s->tail.fill.len > 0 && s->writes == 0)
        log_flush(s);
    if (list_empty(&s->todo))
        return NULL;
    struct store_op *op = OBJ_OF(list_first(&s->todo), struct store_op, own);
    list_remove(&op->own);
    list_push_back(&s->running, &op->own);
    return op;
}

mesh_ns store_due(const struct store *s)
{
    if (s->reclaim.more)
        return 0;
    return mesh_ns_min(s->sync_at, s->removals_owed && !s->closing ? s->failing_until : MESH_NS_NEVER);
}

void store_close(struct store *s, mesh_ns now)
{
    if (log_takes(s, now)) {
        if (s->removals_owed)
            log_owed(s, now);
        log_close(s);
    }
    s->closing = true;
}

bool store_idle(const struct store *s)
{
    return list_empty(&s->todo) && list_empty(&s->running) && s->tail.fill.len == 0;
}

/* ---- being seen ---- */

const struct store_counters *store_counters(const struct store *s)
{
    return &s->counters;
}

uint64_t store_limit(const struct store *s)
{
    return (uint64_t)s->slots_wanted * s->cfg.segment_bytes;
}

uint32_t store_segment(const struct store *s)
{
    return s->cfg.segment_bytes;
}

bool store_full(const struct store *s)
{
    return s->counters.reclaimed > 0 || s->slots_used + 1 >= s->slots_n;
}

uint64_t store_bytes(const struct store *s)
{
    return (uint64_t)s->slots_used * s->cfg.segment_bytes;
}

uint64_t store_things(const struct store *s)
{
    return s->index.live;
}

uint64_t store_pending(const struct store *s)
{
    return s->pending;
}

uint64_t store_memory(const struct store *s)
{
    return s->index.bytes + s->tail.fill.cap + s->tail.list.cap + s->waiting + s->reading;
}

int store_failing(const struct store *s, mesh_ns now)
{
    return now < s->failing_until || s->slots_n < s->slots_wanted ? s->failing : 0;
}
