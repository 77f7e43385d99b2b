/* The log's end: what is appended gathers here, and goes to the disk in one operation at a time as long as it can keep
 * up.
 *
 * A segment that the disk did not take, or did not sync, is given up as a whole and its file removed: what a failed
 * sync leaves behind may look written and not be (Rebello et al., "Can applications recover from fsync failures?",
 * USENIX ATC 2020). Removals that were in it are written again, those that were synced in it, too: so they are remembered
 * until their segment is full and synced, and a segment with very many of them counts as full. */
#include <assert.h>

#include "node/store/store_impl.h"
#include "proto/base/err.h"

#define FLUSH_BYTES (1u << 20) /* in one operation, or a little more */
#define AGAIN_NS    MS(100)    /* out of memory for a sync: so soon it is tried again */

bool log_takes(const struct store *s, mesh_ns now)
{
    return now >= s->failing_until && !s->closing;
}

/* ---- segments ---- */

static struct store_op *write_op(struct store *s, uint32_t offset, struct buf *bytes)
{
    struct store_op *op = op_new(s, STORE_WRITE, s->tail.slot);

    if (op == NULL)
        return NULL;
    op->offset = offset;
    op->bytes = bytes->data;
    op->len = bytes->len;
    op->create = offset == 0;
    *bytes = BUF_EMPTY;
    s->writes++;
    return op;
}

void log_flush(struct store *s)
{
    struct tail *t = &s->tail;

    if (t->fill.len == 0)
        return;
    struct store_op *op = write_op(s, t->end - (uint32_t)t->fill.len, &t->fill);
    if (op == NULL)
        return; /* it waits a little more */
    op->things = t->things;
    t->things = 0;
}

/* The list goes to the segment's end. It is not needed: without memory there is none. */
static void write_list(struct store *s, bool sealed)
{
    struct tail *t = &s->tail;
    struct buf out = BUF_EMPTY;

    if (buf_ok(&t->list))
        footer_add(&out, s->cfg.seed, s->segments[t->slot].number, buf_slice(&t->list), t->end, sealed);
    struct store_op *op = NULL;
    size_t bytes = out.len;
    if (buf_ok(&t->list) && buf_ok(&out))
        op = write_op(s, s->cfg.segment_bytes - (uint32_t)bytes, &out);
    if (op != NULL) {
        op->lists = true;
        s->waiting += bytes;
    }
    buf_free(&out);
}

/* |seals|: then nothing in it is given up any more. NULL: out of memory. */
static struct store_op *sync_tail(struct store *s, bool seals)
{
    struct store_op *op = op_new(s, STORE_SYNC, s->tail.slot);

    if (op == NULL)
        return NULL;
    op->removals = seals ? s->removals_base + s->removals.len / sizeof(struct record) : 0;
    s->sync_at = MESH_NS_NEVER;
    return op;
}

void log_sync(struct store *s, mesh_ns now)
{
    s->sync_at = MESH_NS_NEVER;
    if (!s->tail.open)
        return;
    log_flush(s);
    if (s->tail.fill.len > 0 || sync_tail(s, false) == NULL)
        s->sync_at = now + AGAIN_NS; /* a removal may be in it */
}

/* False: out of memory, and the segment goes on: what is not synced now never is, since later syncs are of later
 * segments. |sealed|: nothing will ever go on in it. */
static bool seal(struct store *s, bool sealed)
{
    log_flush(s);
    struct store_op *sync = s->tail.fill.len == 0 ? sync_tail(s, true) : NULL;
    if (sync == NULL)
        return false;
    write_list(s, sealed);
    list_remove(&sync->own); /* behind the list */
    list_push_back(&s->todo, &sync->own);
    s->tail.open = false;
    buf_free(&s->tail.list);
    return true;
}

void log_close(struct store *s)
{
    if (s->tail.open)
        seal(s, false);
}

static int open_segment(struct store *s)
{
    uint32_t slot = 0;

    if (s->slots_used >= s->slots_n)
        reclaim_now(s);
    while (slot < INDEX_SLOTS_MAX && s->segments[slot].number != 0)
        slot++;
    if (slot == INDEX_SLOTS_MAX || s->slots_used >= s->slots_n || s->next_number == UINT32_MAX)
        return MESH_E_FULL;
    uint32_t number = s->next_number;
    segment_add_head(&s->tail.fill, s->cfg.seed, number, s->cfg.segment_bytes);
    if (!buf_ok(&s->tail.fill)) {
        buf_free(&s->tail.fill);
        return MESH_E_NOMEM;
    }
    s->next_number++;
    s->segments[slot] = (struct segment){ .number = number };
    s->slots_used++;
    s->tail.open = true;
    s->tail.slot = slot;
    s->tail.end = STORE_UNIT;
    s->tail.removals = 0;
    s->waiting += STORE_UNIT;
    buf_clear(&s->tail.list);
    return 0;
}

/* ---- appending ---- */

static int room_for(struct store *s, uint64_t bytes)
{
    struct tail *t = &s->tail;
    bool full = t->end + bytes + t->list.len + STORE_LISTED_BYTES + STORE_UNIT > s->cfg.segment_bytes ||
                t->removals >= REMOVALS_MAX / 2;

    if (t->open && full && !seal(s, true))
        return MESH_E_NOMEM;
    return t->open ? 0 : open_segment(s);
}

/* What |whole| or |pieces| say. */
static int append(struct store *s, mesh_ns now, const struct record *r, const struct slice *pieces, size_t n,
                  struct slice whole)
{
    struct tail *t = &s->tail;
    uint64_t bytes = record_bytes(r->length);
    int err = room_for(s, bytes);

    if (err != 0)
        return err;
    uint32_t number = s->segments[t->slot].number;
    size_t before = t->fill.len;
    if (whole.len > 0)
        record_copy(&t->fill, s->cfg.seed, number, whole);
    else
        record_add(&t->fill, s->cfg.seed, number, r, pieces, n);
    if (!buf_ok(&t->fill) || (r->kind == RECORD_ENTRY && index_add(&s->index, r, t->slot, t->end) == INDEX_NONE)) {
        t->fill.len = before;
        t->fill.failed = false;
        return MESH_E_NOMEM;
    }
    list_add(&t->list, r, t->end);
    t->end += (uint32_t)bytes;
    s->waiting += bytes;
    if (r->kind == RECORD_ENTRY) {
        t->things++;
        s->pending++;
    } else {
        t->removals++;
    }
    s->sync_at = mesh_ns_min(s->sync_at, now + STORE_SYNC_NS);
    if (t->fill.len >= FLUSH_BYTES)
        log_flush(s);
    return 0;
}

static int log_any(struct store *s, mesh_ns now, const struct record *r, const struct slice *pieces, size_t n,
                   struct slice whole)
{
    if (!log_takes(s, now) || s->waiting + record_bytes(r->length) > STORE_WAITING_MAX)
        return MESH_E_FULL;
    if (s->removals_owed)
        log_owed(s, now);
    return s->removals_owed ? MESH_E_FULL : append(s, now, r, pieces, n, whole);
}

int log_append(struct store *s, mesh_ns now, const struct record *r, const struct slice *pieces, size_t n)
{
    return log_any(s, now, r, pieces, n, SLICE_EMPTY);
}

int log_again(struct store *s, mesh_ns now, const struct record *r, struct slice whole)
{
    return log_any(s, now, r, NULL, 0, whole);
}

/* ---- removals ---- */

static size_t removals_n(const struct store *s)
{
    return s->removals.len / sizeof(struct record);
}

void log_owed(struct store *s, mesh_ns now)
{
    size_t n = removals_n(s);
    bool all = true;

    for (size_t i = 0; i < n && all; i++) {
        struct record r;
        memcpy(&r, s->removals.data + i * sizeof(r), sizeof(r));
        all = append(s, now, &r, NULL, 0, SLICE_EMPTY) == 0;
    }
    s->removals_owed = !all;
    if (all && n > 0)
        s->sync_at = now;
}

static void drop_tail(struct store *s)
{
    s->waiting -= s->tail.fill.len;
    s->pending -= s->tail.things;
    s->tail.things = 0;
    buf_free(&s->tail.fill);
    buf_free(&s->tail.list);
    s->tail.open = false;
}

/* There are more removals than can be remembered while the disk takes none: what they are about is removed with all
 * else, which takes no room on it. */
static void give_up_all(struct store *s)
{
    for (uint32_t slot = 0; slot < INDEX_SLOTS_MAX; slot++) {
        if (s->segments[slot].number == 0)
            continue;
        if (s->tail.open && s->tail.slot == slot)
            drop_tail(s);
        s->counters.abandoned++;
        segment_remove(s, slot);
    }
    s->removals_base += removals_n(s);
    buf_free(&s->removals);
    s->removals_owed = false;
}

int log_remembers(struct store *s, const struct record *r)
{
    s->tail.removals++;
    if (removals_n(s) == REMOVALS_MAX) /* no store of ours has so many in one segment */
        return 0;
    buf_add(&s->removals, r, sizeof(*r));
    return buf_ok(&s->removals) ? 0 : MESH_E_NOMEM;
}

void log_removed(struct store *s, mesh_ns now, const struct record *r)
{
    if (removals_n(s) < REMOVALS_MAX)
        buf_add(&s->removals, r, sizeof(*r));
    else
        s->removals.failed = true;
    if (!buf_ok(&s->removals)) {
        give_up_all(s);
    } else if (s->removals_owed || !log_takes(s, now) || append(s, now, r, NULL, 0, SLICE_EMPTY) != 0) {
        s->removals_owed = true;
    } else {
        s->sync_at = now;
    }
}

/* A full segment is synced: those told before are there to stay. */
static void removals_synced(struct store *s, uint64_t up_to)
{
    if (up_to <= s->removals_base)
        return;
    buf_drop(&s->removals, (size_t)(up_to - s->removals_base) * sizeof(struct record));
    s->removals_base = up_to;
}

/* ---- what became of it ---- */

/* The disk failed |slot|. */
static void abandon(struct store *s, mesh_ns now, uint32_t slot, int err)
{
    if (s->tail.open && s->tail.slot == slot)
        drop_tail(s);
    segment_remove(s, slot);
    s->counters.abandoned++;
    if (err == MESH_E_FULL) { /* then there is room for as many as there are */
        s->slots_n = s->slots_used > 2 ? s->slots_used : 2;
        s->widen_at = now + WIDEN_NS;
    }
    s->failing = err;
    s->failing_for = s->failing_for == 0 ? FAILING_NS : mesh_ns_min(2 * s->failing_for, FAILING_MAX_NS);
    s->failing_until = now + s->failing_for;
    /* Those that older syncs speak of may have been in it. */
    s->removals_base += removals_n(s);
    s->removals_owed = removals_n(s) > 0;
}

static void written(struct store *s, const struct store_op *op)
{
    struct segment *g = &s->segments[op->slot];

    s->counters.written_bytes += op->len;
    if (!op->lists)
        g->written = op->offset + (uint32_t)op->len;
}

void log_done(struct store *s, mesh_ns now, struct store_op *op, int err)
{
    bool there = s->segments[op->slot].number == op->segment;

    if (op->kind == STORE_WRITE) {
        assert(s->writes > 0 && s->waiting >= op->len && s->pending >= op->things);
        s->writes--;
        s->waiting -= op->len;
        s->pending -= op->things;
    }
    if (op->kind == STORE_REMOVE)
        return; /* it is not ours any more, whether it is there or not */
    if (err != 0) {
        s->counters.failed_writes++;
        if (there)
            abandon(s, now, op->slot, err);
        return;
    }
    if (op->kind == STORE_WRITE && there)
        written(s, op);
    if (op->kind == STORE_SYNC) {
        s->failing_for = 0;
        removals_synced(s, op->removals);
    }
    if (s->slots_n < s->slots_wanted && now >= s->widen_at) {
        s->slots_n++;
        s->widen_at = now + WIDEN_NS;
    }
}
