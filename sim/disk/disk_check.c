#include "sim/disk/disk_check.h"

#include <stdlib.h>

#include "proto/base/err.h"
#include "sim/memory.h"
#include "sim/origin_model.h"
#include "sim/purge_model.h"
#include "sim/rules/check.h"

#define IN_TIME   (STORE_SYNC_NS + SEC(2)) /* until what was written is synced */
#define SHORT     SEC(1)                   /* until a removal is, for whose sync there was no memory */
#define AGE_SLACK SEC(4)                   /* wall clocks have whole seconds, and each restart may cost one */

/* A removal, as it was told. */
struct drop {
    uint32_t segment, end; /* behind its record */
    bool written, synced;
    bool lost; /* its segment was given up */
};

/* Something put there. */
struct thing {
    struct record r;
    uint32_t segment, end;
    bool written;
    size_t drop; /* 1 and more: that removal is about it */
};

struct disk_book {
    struct thing *things;
    size_t things_n, things_cap;
    struct drop *drops;
    size_t drops_n, drops_cap;
    uint32_t *given_up; /* segments, in this life */
    size_t given_up_n, given_up_cap;
    uint32_t owes_sync; /* a segment that has a removal in it; 0: none */
    mesh_ns short_at;   /* memory was refused just then, and the sync comes later; 0: it was not */
    bool torn;          /* what was written may not be there, not even removals */
    bool troubled;      /* the disk has had a fault, or lost something */
    bool back;          /* segments that had been removed are there again */
    bool removes;       /* a segment was given up */
    bool retold;        /* removals may have been told again, behind what was put since: gone at a start, not before */
    bool renewed;       /* something was removed or replaced */
};

struct disk_book *disk_book_new(void)
{
    return memory_new(sizeof(struct disk_book));
}

void disk_book_clear(struct disk_book *b)
{
    free(b->things);
    free(b->drops);
    free(b->given_up);
    *b = (struct disk_book){ .troubled = b->troubled, .renewed = b->renewed };
}

void disk_book_free(struct disk_book *b)
{
    disk_book_clear(b);
    free(b);
}

/* ---- the book ---- */

/* Is |drop| about |r|? As node/store/segment.h says of kinds. */
static bool is_about(const struct record *drop, const struct record *r)
{
    if (drop->kind == RECORD_DROP_BODY)
        return drop->body == r->body;
    return drop->key == r->key && (drop->variant == 0 || drop->variant == r->variant || r->variant == 0);
}

static void add_thing(struct disk_book *b, const struct record *r, uint32_t segment, uint32_t end)
{
    for (size_t i = 0; i < b->things_n && !b->renewed; i++)
        b->renewed = b->things[i].r.key == r->key;
    if (b->things_n == b->things_cap) {
        b->things_cap = 2 * b->things_cap + 64;
        b->things = memory_grow(b->things, b->things_cap * sizeof(*b->things));
    }
    b->things[b->things_n++] = (struct thing){ .r = *r, .segment = segment, .end = end };
}

static void add_drop(struct disk_book *b, const struct record *r, uint32_t segment, uint32_t end)
{
    if (b->drops_n == b->drops_cap) {
        b->drops_cap = 2 * b->drops_cap + 64;
        b->drops = memory_grow(b->drops, b->drops_cap * sizeof(*b->drops));
    }
    b->drops[b->drops_n++] = (struct drop){ .segment = segment, .end = end };
    for (size_t i = 0; i < b->things_n; i++) {
        struct thing *t = &b->things[i];
        bool holds = t->drop != 0 && b->drops[t->drop - 1].synced && !b->drops[t->drop - 1].lost;
        if (is_about(r, &t->r) && !holds)
            t->drop = b->drops_n;
    }
    b->owes_sync = segment;
    b->renewed = true;
}

/* What lies in |segment| lies nowhere any more. */
static void segment_goes(struct disk_book *b, uint32_t segment)
{
    size_t n = 0;

    for (size_t i = 0; i < b->things_n; i++) {
        if (b->things[i].segment != segment)
            b->things[n++] = b->things[i];
    }
    b->things_n = n;
}

/* The store wants |segment| removed: removals in it that are about things elsewhere have to be told again. */
static void give_up(struct disk_book *b, uint32_t segment)
{
    if (b->given_up_n == b->given_up_cap) {
        b->given_up_cap = 2 * b->given_up_cap + 16;
        b->given_up = memory_grow(b->given_up, b->given_up_cap * sizeof(*b->given_up));
    }
    b->given_up[b->given_up_n++] = segment;
    for (size_t i = 0; i < b->drops_n; i++)
        b->drops[i].lost = b->drops[i].lost || b->drops[i].segment == segment;
    if (b->owes_sync == segment)
        b->owes_sync = 0;
    b->removes = true;
}

/* All records that |op| writes. */
static void read_write(struct disk_model *d, const struct store_op *op)
{
    struct disk_book *b = d->book;
    struct record r;
    size_t at = op->create ? STORE_UNIT : 0;

    if (op->lists)
        return;
    while (at + STORE_UNIT <= op->len && record_head(&r, d->seed, op->segment, op->bytes + at)) {
        uint32_t end = op->offset + (uint32_t)(at + record_bytes(r.length));
        if (r.kind == RECORD_ENTRY)
            add_thing(b, &r, op->segment, end);
        else
            add_drop(b, &r, op->segment, end);
        at += record_bytes(r.length);
    }
    if (at != op->len)
        check_broken(d->edge->w, RULE_DISK, "%s writes what is no record, at %zu of %u", d->edge->name, op->offset + at,
                     op->segment);
}

void disk_check_told(struct disk_model *d, const struct store_op *op)
{
    struct disk_book *b = d->book;

    if (op->kind == STORE_WRITE)
        read_write(d, op);
    if (op->kind == STORE_SYNC && b->owes_sync == op->segment)
        b->owes_sync = 0;
    if (op->kind == STORE_REMOVE)
        give_up(b, op->segment);
}

bool disk_check_given_up(const struct disk_model *d, uint32_t segment)
{
    const struct disk_book *b = d->book;

    for (size_t i = b->given_up_n; i > 0; i--) {
        if (b->given_up[i - 1] == segment)
            return true;
    }
    return false;
}

/* What lies in |segment| before |end| was written. */
static void written(struct disk_book *b, uint32_t segment, uint32_t end)
{
    for (size_t i = b->things_n; i > 0; i--) {
        struct thing *t = &b->things[i - 1];
        t->written = t->written || (t->segment == segment && t->end <= end);
    }
    for (size_t i = 0; i < b->drops_n; i++) {
        struct drop *p = &b->drops[i];
        p->written = p->written || (p->segment == segment && p->end <= end);
    }
}

void disk_check_done(struct disk_model *d, const struct store_op *op, int err)
{
    struct disk_book *b = d->book;

    b->retold = b->retold || (err != 0 && op->kind != STORE_READ);
    if (op->kind == STORE_WRITE && err == 0 && !op->lists)
        written(b, op->segment, op->offset + (uint32_t)op->len);
    if (op->kind == STORE_WRITE && (uint64_t)disk_files_n(&d->files) * d->files.file_bytes > d->edge->w->sc.disk)
        check_broken(d->edge->w, RULE_DISK, "%s has %u segments of %u bytes on its disk, more than it may",
                     d->edge->name, disk_files_n(&d->files), d->files.file_bytes);
    for (size_t i = 0; op->kind == STORE_SYNC && err == 0 && i < b->drops_n; i++)
        b->drops[i].synced = b->drops[i].synced || (b->drops[i].written && b->drops[i].segment == op->segment);
    if (op->kind == STORE_REMOVE)
        segment_goes(b, op->segment);
}

void disk_check_cut(struct disk_model *d, const struct store_op *op, size_t bytes)
{
    if (!op->lists)
        written(d->book, op->segment, op->offset + (uint32_t)bytes);
}

void disk_check_torn(struct disk_model *d)
{
    d->book->torn = d->book->troubled = true;
}

void disk_check_troubled(struct disk_model *d)
{
    d->book->troubled = true;
}

/* Removals that are not |safe| come to nothing; what was not written was never there. */
static void forget(struct disk_book *b, bool safe(const struct drop *p))
{
    size_t n = 0;

    for (size_t i = 0; i < b->things_n; i++) {
        struct thing t = b->things[i];
        if (t.drop != 0 && !safe(&b->drops[t.drop - 1]))
            t.drop = 0;
        if (t.written)
            b->things[n++] = t;
    }
    b->things_n = n;
}

static bool is_written(const struct drop *p)
{
    return p->written && !p->lost;
}

static bool is_synced(const struct drop *p)
{
    return p->synced && !p->lost;
}

void disk_check_stopped(struct disk_model *d)
{
    d->book->given_up_n = 0;
    d->book->owes_sync = 0;
    forget(d->book, is_written);
}

void disk_check_lost(struct disk_model *d, bool back)
{
    d->book->troubled = true;
    d->book->back = d->book->back || back;
    forget(d->book, is_synced);
}

/* ---- what is judged ---- */

struct name {
    uint64_t key;
    uint32_t variant;
};

static int compare(const void *a, const void *b)
{
    const struct name *x = a, *y = b;

    return x->key != y->key ? (x->key > y->key) - (x->key < y->key)
                            : (x->variant > y->variant) - (x->variant < y->variant);
}

/* How many things may be found: distinct names of those that are not removed. */
static uint64_t names_there(const struct disk_book *b)
{
    struct name *names = memory_new(b->things_n * sizeof(*names));
    uint64_t n = 0, distinct = 0;

    for (size_t i = 0; i < b->things_n; i++) {
        if (b->things[i].drop == 0)
            names[n++] = (struct name){ b->things[i].r.key, b->things[i].r.variant };
    }
    qsort(names, n, sizeof(*names), compare); /* equal ones are the same: no ties to break */
    for (uint64_t i = 0; i < n; i++)
        distinct += i == 0 || compare(&names[i - 1], &names[i]) != 0;
    free(names);
    return distinct;
}

/* Is something that was removed to be found, and not for another one of its name? */
static void judge_removed(struct disk_model *d)
{
    const struct disk_book *b = d->book;

    for (size_t i = 0; i < b->things_n; i++) {
        const struct record *r = &b->things[i].r;
        bool found = b->things[i].drop != 0 && store_find_variant(d->store, r->key, r->variant) != INDEX_NONE;
        for (size_t k = 0; found && k < b->things_n; k++) {
            const struct thing *other = &b->things[k];
            found = other->drop != 0 || other->r.key != r->key || other->r.variant != r->variant;
        }
        if (found)
            check_broken(d->edge->w, RULE_DISK, "%s finds on its disk what was removed: a record of segment %u",
                         d->edge->name, b->things[i].segment);
    }
}

static bool is_unread(const struct drop *p)
{
    (void)p;
    return false;
}

void disk_check_opened(struct disk_model *d, bool sound)
{
    struct disk_book *b = d->book;

    if (!sound) /* a removal that could not be read is not known */
        forget(b, is_unread);
    uint64_t there = names_there(b), says = store_things(d->store);
    if (b->back || b->torn)
        return;
    if (says > there)
        check_broken(d->edge->w, RULE_DISK, "%s says that %llu things are on its disk, and at most %llu can be",
                     d->edge->name, (unsigned long long)says, (unsigned long long)there);
    /* With no segment free the oldest goes with the start, and what lies in it. */
    bool makes_room = (uint64_t)(disk_files_n(&d->files) + 1) * d->files.file_bytes > d->edge->w->sc.disk;
    if (says < there && sound && !b->troubled && !makes_room)
        check_broken(d->edge->w, RULE_DISK, "%s says that %llu things are on its disk, and %llu were written",
                     d->edge->name, (unsigned long long)says, (unsigned long long)there);
    if (sound)
        judge_removed(d);
}

void disk_check_pumped(struct disk_model *d, bool memory_short)
{
    struct disk_book *b = d->book;
    mesh_ns now = d->edge->w->now;

    if (b->owes_sync == 0) {
        b->short_at = 0;
        return;
    }
    if (memory_short)
        b->short_at = now;
    if (b->short_at != 0 && now - b->short_at < SHORT)
        return;
    check_broken(d->edge->w, RULE_DISK, "%s writes a removal to segment %u and does not sync it", d->edge->name,
                 b->owes_sync);
    b->owes_sync = 0;
}

/* Does it do its work in peace, with nothing to be done now? */
static bool at_rest(const struct disk_model *d)
{
    const struct edge *e = d->edge;

    return edge_up(e) && e->w->now - e->paused_until > IN_TIME && disk_model_idle(d) &&
           store_failing(d->store, edge_now(e)) == 0 && d->faults.slow == 0;
}

static void judge_lost_removals(struct disk_model *d)
{
    struct disk_book *b = d->book;

    for (size_t i = 0; i < b->things_n; i++) {
        struct thing *t = &b->things[i];
        if (t->drop == 0 || !b->drops[t->drop - 1].lost || disk_check_given_up(d, t->segment))
            continue;
        check_broken(d->edge->w, RULE_DISK, "%s has given up segment %u, and with it a removal of what lies in %u",
                     d->edge->name, b->drops[t->drop - 1].segment, t->segment);
        t->drop = 0;
    }
}

void disk_check_sample(struct world *w)
{
    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        struct disk_model *d = w->edges[i].disk;
        if (d == NULL || !at_rest(d))
            continue;
        if (d->book->removes)
            judge_lost_removals(d);
        if (w->now - disk_files_unsafe_since(&d->files, w->now) > IN_TIME && w->now - d->edge->started_at > IN_TIME)
            check_broken(w, RULE_DISK, "%s has not synced for %lld ms what it has written", d->edge->name,
                         (long long)((w->now - disk_files_unsafe_since(&d->files, w->now)) / MS(1)));
    }
}

bool disk_check_settled(const struct world *w)
{
    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        struct engine_usage u;
        if (w->edges[i].disk == NULL || !edge_up(&w->edges[i]))
            continue;
        engine_usage(w->edges[i].engine, &u);
        if (!disk_model_idle(w->edges[i].disk) || u.disk_pending > 0)
            return false;
    }
    return true;
}

static void equal(const struct edge *e, const char *what, uint64_t node, uint64_t world, bool at_most)
{
    if (at_most ? node > world : node != world)
        check_broken(e->w, RULE_COUNTERS, "%s counts %s as %llu, the world as %llu%s", e->name, what,
                     (unsigned long long)node, (unsigned long long)world, at_most ? " at most" : "");
}

static void check_counters(const struct edge *e)
{
    const struct disk_model *d = e->disk;
    struct edge_sums sums;
    const struct engine_counters *c = &sums.engine;
    /* What is removed while it is read is not counted by the node, and the world does not know whether it was. */
    bool may_differ = d->late || d->book->renewed;

    edge_counters(e, &sums);
    equal(e, "bytes written to its disk", c->disk_written_bytes, d->counts.written_bytes, false);
    equal(e, "bytes read from its disk", c->disk_read_bytes, d->counts.read_bytes, may_differ);
    equal(e, "answers from its disk", c->disk_hits, d->counts.reads, true);
    equal(e, "what its disk failed", c->disk_failures, d->counts.failures, false);
    equal(e, "what was damaged on its disk", c->disk_corrupt, d->counts.unsound, false);
}

void disk_check_end(struct world *w)
{
    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        const struct edge *e = &w->edges[i];
        struct engine_usage u;
        if (e->disk == NULL)
            continue;
        check_counters(e);
        if (!edge_up(e))
            continue;
        engine_usage(e->engine, &u);
        if (!disk_model_idle(e->disk) || u.disk_pending > 0)
            check_broken(w, RULE_PROGRESS, "%s still has %llu things on their way to its disk", e->name,
                         (unsigned long long)u.disk_pending);
        if (u.disk_bytes > u.disk_limit || u.disk_limit > w->sc.disk)
            check_broken(w, RULE_DISK, "%s has %llu bytes on its disk, more than its %llu", e->name,
                         (unsigned long long)u.disk_bytes, (unsigned long long)u.disk_limit);
        uint64_t there = names_there(e->disk->book);
        if (!e->disk->book->back && !e->disk->book->torn && !e->disk->book->retold && u.disk_objects > there)
            check_broken(w, RULE_DISK, "%s says that %llu things are on its disk, and at most %llu can be", e->name,
                         (unsigned long long)u.disk_objects, (unsigned long long)there);
    }
}

/* ---- age ---- */

static bool clocks_step(const struct world *w)
{
    bool step = false;

    for (size_t i = 0; i < w->sc.actions_n; i++)
        step = step || w->sc.actions[i].kind == ACTION_CLOCK_AHEAD || w->sc.actions[i].kind == ACTION_CLOCK_BACK;
    return step;
}

void disk_check_answer(struct edge *e, uint64_t key, struct request *r)
{
    const struct answer *a = &r->answer;
    struct world *w = e->w;
    uint64_t sent_ms;

    if (e->disk == NULL || slice_u64(kept_head_value(a->head, SLICE_LIT("x-sent-ms")), &sent_ms) != 0)
        return;
    request_answer(e->engine, edge_now(e), r);
    mesh_ns age = w->now - (mesh_ns)sent_ms * MS(1);
    if (origin_model_poisoned(w, key,
                              w->now - age)) /* a 304 that names another version renews a copy, and not its head */
        return;
    if (a->age_ns < age - AGE_SLACK && !clocks_step(w)) /* a clock that steps is believed */
        check_broken(w, RULE_DISK, "key %llu at %s: said to be %lld ms old, and is %lld", (unsigned long long)key,
                     e->name, (long long)(a->age_ns / MS(1)), (long long)(age / MS(1)));
}
