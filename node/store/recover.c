/* What is there at a start. Segments are gone through from the oldest to the latest, and each one's records in their order,
 * as they were written: so what was replaced or removed is so again. */
#include <assert.h>
#include <stdlib.h>

#include "node/store/store_impl.h"
#include "proto/base/err.h"

#define SEARCH_BYTES 65536u /* read at once where a record should begin and none does */

struct walk {
    struct store *s;
    store_reader *read;
    void *ctx;
    uint32_t number, slot;
    uint32_t end;           /* behind the last record */
    bool sealed;            /* the list named all */
    struct record last;     /* that one */
    uint32_t last_at;
    struct buf *list;       /* of all records so far */
    uint8_t *window;        /* SEARCH_BYTES */
};

static bool read_all(const struct walk *w, uint32_t offset, void *into, size_t len)
{
    return w->read(w->ctx, w->number, offset, into, len) == (int64_t)len;
}

static int replay(struct walk *w, const struct record *r, uint32_t offset)
{
    struct store *s = w->s;

    if (r->kind != RECORD_ENTRY)
        index_drop(&s->index, r);
    else if (index_add(&s->index, r, w->slot, offset) == INDEX_NONE)
        return MESH_E_NOMEM;
    list_add(w->list, r, offset);
    w->end = offset + (uint32_t)record_bytes(r->length);
    w->last = *r;
    w->last_at = offset;
    return buf_ok(w->list) ? 0 : MESH_E_NOMEM;
}

/* Can |r| lie at |offset|? */
static bool fits(const struct walk *w, const struct record *r, uint64_t offset)
{
    return offset >= w->end && offset % STORE_UNIT == 0 && r->kind >= RECORD_ENTRY && r->kind <= RECORD_DROP_BODY &&
           r->length <= STORE_SEGMENT_MAX && offset + record_bytes(r->length) <= w->s->cfg.segment_bytes - STORE_UNIT;
}

/* All that the list names, if there is one. |w->end| is where it ends. */
static int replay_list(struct walk *w)
{
    const struct store_config *cfg = &w->s->cfg;
    uint8_t bytes[STORE_UNIT];
    struct footer f;
    int err = 0;

    if (!read_all(w, cfg->segment_bytes - STORE_UNIT, bytes, sizeof(bytes)) ||
        !footer_read(&f, cfg->seed, w->number, cfg->segment_bytes, bytes))
        return 0;
    uint8_t *list = malloc(f.bytes > 0 ? f.bytes : 1);
    if (list == NULL)
        return MESH_E_NOMEM;
    if (read_all(w, f.at, list, f.bytes) && footer_list(cfg->seed, bytes, slice_of(list, f.bytes))) {
        for (size_t i = 0; i < f.bytes / STORE_LISTED_BYTES && err == 0; i++) {
            struct record r;
            uint32_t offset;
            list_item(&r, &offset, slice_of(list, f.bytes), i);
            if (fits(w, &r, offset))
                err = replay(w, &r, offset);
        }
        if (err == 0 && f.covered > w->end)
            w->end = f.covered;
        w->sealed = f.sealed;
    }
    free(list);
    return err;
}

/* The next record at |from| or behind it: false, there is none. */
static bool search(struct walk *w, uint32_t from, struct record *r, uint32_t *offset)
{
    const struct store_config *cfg = &w->s->cfg;

    for (uint64_t at = from; at < cfg->segment_bytes; at += SEARCH_BYTES) {
        int64_t n = w->read(w->ctx, w->number, (uint32_t)at, w->window, SEARCH_BYTES);
        for (int64_t i = 0; i + STORE_UNIT <= n; i += STORE_UNIT) {
            if (record_head(r, cfg->seed, w->number, w->window + i) && fits(w, r, at + (uint64_t)i)) {
                *offset = (uint32_t)at + (uint32_t)i;
                return true;
            }
        }
        if (n < (int64_t)SEARCH_BYTES)
            return false;
    }
    return false;
}

static int replay_records(struct walk *w)
{
    const struct store_config *cfg = &w->s->cfg;
    uint8_t head[STORE_UNIT];
    struct record r;
    uint32_t at;
    int err = 0;

    while (err == 0 && !w->sealed && w->end < cfg->segment_bytes) {
        at = w->end;
        if (!(read_all(w, at, head, sizeof(head)) && record_head(&r, cfg->seed, w->number, head) && fits(w, &r, at)) &&
            !search(w, at, &r, &at))
            break;
        err = replay(w, &r, at);
    }
    return err;
}

/* The last record may have been cut short: its head was written before its end. */
static void check_last(struct walk *w)
{
    uint64_t bytes = record_bytes(w->last.length);
    uint8_t *whole = w->last_at > 0 ? malloc(bytes) : NULL;
    struct slice payload;
    struct record r;

    if (whole == NULL)
        return;
    if (!read_all(w, w->last_at, whole, bytes) || !record_sound(&r, w->s->cfg.seed, slice_of(whole, bytes), &payload)) {
        uint32_t i = w->s->index.slots[w->slot];
        if (i != INDEX_NONE && index_offset(index_at(&w->s->index, i)) == w->last_at)
            index_remove(&w->s->index, i);
        w->list->len -= STORE_LISTED_BYTES;
        w->end = w->last_at;
    }
    free(whole);
}

/* The log goes on where it ended. The process that wrote what is there may have ended before it was synced, and the system
 * has told nobody: that is made up for at once, removals first of all. All older segments were synced before this one was
 * begun. */
static int go_on(struct walk *w)
{
    struct store *s = w->s;
    struct slice list = buf_slice(w->list);
    int err = 0;

    for (size_t i = 0; i < list.len / STORE_LISTED_BYTES && err == 0; i++) {
        struct record r;
        uint32_t offset;
        list_item(&r, &offset, list, i);
        if (r.kind != RECORD_ENTRY)
            err = log_remembers(s, &r);
    }
    s->tail.open = true;
    s->tail.slot = w->slot;
    s->tail.end = w->end;
    s->segments[w->slot].written = w->end;
    s->sync_at = 0;
    buf_take(&s->tail.list, w->list);
    return err;
}

static int recover_one(struct walk *w, bool latest)
{
    struct store *s = w->s;
    uint8_t head[STORE_UNIT];
    bool ours = read_all(w, 0, head, sizeof(head)) && segment_head(s->cfg.seed, w->number, s->cfg.segment_bytes, head);
    int err = 0;

    s->segments[w->slot] = (struct segment){ .number = w->number, .written = s->cfg.segment_bytes };
    s->slots_used++;
    if (!ours) {
        segment_remove(s, w->slot);
        return 0;
    }
    w->end = STORE_UNIT;
    if ((err = replay_list(w)) != 0 || (err = replay_records(w)) != 0)
        return err;
    if (latest) {
        check_last(w);
        return go_on(w);
    }
    return 0;
}

int store_recover(struct store *s, const uint32_t *segments, size_t n, store_reader *read, void *ctx)
{
    struct buf list = BUF_EMPTY;
    struct walk w = { .s = s, .read = read, .ctx = ctx, .list = &list, .window = malloc(SEARCH_BYTES) };
    int err = w.window != NULL ? 0 : MESH_E_NOMEM;

    assert(s->slots_used == 0);
    for (size_t i = 0; i < n && err == 0; i++) {
        assert(i == 0 || segments[i] > segments[i - 1]);
        w.number = segments[i];
        w.last_at = 0;
        w.sealed = false;
        buf_clear(&list);
        while (w.slot < INDEX_SLOTS_MAX && s->segments[w.slot].number != 0)
            w.slot++;
        if (w.slot == INDEX_SLOTS_MAX)
            reclaim_now(s);
        for (w.slot = 0; s->segments[w.slot].number != 0;)
            w.slot++;
        err = recover_one(&w, i + 1 == n);
        s->next_number = w.number < UINT32_MAX ? w.number + 1 : UINT32_MAX;
    }
    while (err == 0 && s->slots_used >= s->slots_n && s->slots_used > 1) /* the limit is less than it was */
        reclaim_now(s);
    buf_free(&list);
    free(w.window);
    return err;
}
