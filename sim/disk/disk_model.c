#include "sim/disk/disk_model.h"

#include <stdlib.h>

#include "proto/base/err.h"
#include "sim/rules/check.h"
#include "sim/disk/disk_check.h"
#include "sim/net/link_model.h"
#include "sim/memory.h"

#define PATIENT MS(500) /* nobody waits longer for a read (node/core/tier.c) */

static void lane_fire(struct world *w, struct event *ev);

struct disk_model *disk_model_new(struct edge *e)
{
    const struct scenario *sc = &e->w->sc;

    if (sc->disk == 0)
        return NULL;
    struct disk_model *d = memory_new(sizeof(*d));
    d->edge = e;
    disk_files_init(&d->files, store_segment_bytes(sc->disk));
    d->seed = rand_mix(sc->seed ^ rand_mix(e->index + 1));
    list_init(&d->reads);
    list_init(&d->writes);
    for (size_t i = 0; i < DISK_LANES; i++) {
        d->lanes[i].ev.fire = lane_fire;
        d->lanes[i].disk = d;
    }
    d->book = disk_book_new();
    return d;
}

void disk_model_free(struct disk_model *d)
{
    if (d == NULL)
        return;
    disk_files_wipe(&d->files);
    disk_book_free(d->book);
    free(d);
}

/* A number of its own for each operation. */
static struct rand draw(struct disk_model *d)
{
    return world_rand(d->edge->w, (uint64_t)d->edge->index << 40 | ++d->ops, DRAW_DISK);
}

/* ---- at a start ---- */

static int64_t read_at_start(void *ctx, uint32_t segment, uint32_t offset, void *into, size_t len)
{
    struct disk_model *d = ctx;
    struct rand r = draw(d);
    bool fails = draw_ppm(&r, d->faults.read_errors);
    int64_t n = fails ? MESH_E_DISK : disk_files_read(&d->files, segment, offset, into, len);

    d->counts.read_errors += fails;
    if (n > 0 && draw_ppm(&r, d->faults.corrupt)) {
        ((uint8_t *)into)[rand_below(&r, (uint64_t)n)] ^= (uint8_t)(1u << rand_below(&r, 8));
        d->counts.corrupt++;
        world_bit(d->edge->w, FAULT_DISK_CORRUPT);
    }
    return n;
}

struct store *disk_model_open(struct disk_model *d)
{
    uint32_t *numbers, at = 0;
    size_t n = 0;

    if (d == NULL)
        return NULL;
    struct store_config cfg = { .limit = d->edge->w->sc.disk,
                                .segment_bytes = d->files.file_bytes,
                                .seed = d->seed,
                                .secret = rand_mix(d->seed + ++d->opens) };
    numbers = memory_new(disk_files_n(&d->files) * sizeof(*numbers));
    for (const struct disk_file *f; (f = disk_files_after(&d->files, at)) != NULL;)
        at = numbers[n++] = f->number;
    d->store = memory_kept(store_new(&cfg));
    bool sound = d->faults.read_errors == 0 && d->faults.corrupt == 0;
    int err = store_recover(d->store, numbers, n, read_at_start, d);
    assert(err == 0);
    free(numbers);
    d->closing = false;
    world_notef(d->edge->w, NOTE_DISK, d->edge->index, "opened %zu segments, %llu things", n,
                (unsigned long long)store_things(d->store));
    disk_check_opened(d, sound);
    return d->store;
}

/* ---- what is done ---- */

/* As |op| would be on the way to the file: by |most| bytes of it. */
static int put(struct disk_model *d, const struct store_op *op, size_t most)
{
    return disk_files_write(&d->files, d->edge->w->now, op->segment, op->offset, slice_of(op->bytes, most), op->create);
}

static int do_read(struct disk_model *d, struct store_op *op, struct rand *r)
{
    if (draw_ppm(r, d->faults.read_errors)) {
        d->counts.read_errors++;
        world_bit(d->edge->w, FAULT_DISK_READ);
        return MESH_E_DISK;
    }
    int64_t n = disk_files_read(&d->files, op->segment, op->offset, op->bytes, op->len);
    if (n < 0)
        return (int)n;
    if (n < (int64_t)op->len)
        return MESH_E_HASH;
    if (draw_ppm(r, d->faults.corrupt)) { /* half of the time near its begin, where what is said of the body is */
        size_t among = rand_below(r, 2) == 0 && op->len > 512 ? 512 : op->len;
        op->bytes[rand_below(r, among)] ^= (uint8_t)(1u << rand_below(r, 8));
        d->counts.corrupt++;
        world_bit(d->edge->w, FAULT_DISK_CORRUPT);
    }
    return store_check(op);
}

static int do_write(struct disk_model *d, struct store_op *op, struct rand *r)
{
    uint64_t room = d->faults.room;

    if (draw_ppm(r, d->faults.write_errors)) {
        d->counts.write_errors++;
        world_bit(d->edge->w, FAULT_DISK_WRITE);
        put(d, op, (size_t)rand_below(r, op->len + 1));
        return MESH_E_DISK;
    }
    if (room > 0 &&
        disk_files_used(&d->files) + disk_files_growth(&d->files, op->segment, op->offset, op->len) > room) {
        d->counts.full++;
        world_bit(d->edge->w, FAULT_DISK_FULL);
        return MESH_E_FULL;
    }
    if (draw_ppm(r, d->faults.torn)) {
        d->counts.torn++;
        world_bit(d->edge->w, FAULT_DISK_TORN);
        disk_check_torn(d);
        return put(d, op, (size_t)rand_below(r, op->len));
    }
    return put(d, op, op->len);
}

static int do_sync(struct disk_model *d, const struct store_op *op, struct rand *r)
{
    if (!draw_ppm(r, d->faults.write_errors))
        return disk_files_sync(&d->files, d->edge->w->now, op->segment);
    d->counts.write_errors++;
    world_bit(d->edge->w, FAULT_DISK_WRITE);
    return MESH_E_DISK;
}

static const char *word(enum store_op_kind kind)
{
    static const char *const words[] = {
        [STORE_READ] = "read", [STORE_WRITE] = "write", [STORE_SYNC] = "sync", [STORE_REMOVE] = "remove"
    };
    return words[kind];
}

static int perform(struct disk_model *d, struct store_op *op)
{
    struct rand r = draw(d);
    int err = 0;

    switch (op->kind) {
    case STORE_READ: err = do_read(d, op, &r); break;
    case STORE_WRITE: err = do_write(d, op, &r); break;
    case STORE_SYNC: err = do_sync(d, op, &r); break;
    case STORE_REMOVE: disk_files_remove(&d->files, d->edge->w->now, op->segment); break;
    }
    if (err == 0)
        world_notef(d->edge->w, NOTE_DISK, d->edge->index, "%s %u at %u: %zu", word(op->kind), op->segment, op->offset,
                    op->len);
    else
        world_notef(d->edge->w, NOTE_DISK_FAILED, d->edge->index, "%s %u at %u: %s", word(op->kind), op->segment,
                    op->offset, mesh_strerror(err));
    disk_check_done(d, op, err);
    return err;
}

/* ---- when ---- */

static mesh_ns takes_until(struct disk_model *d, const struct store_op *op)
{
    struct world *w = d->edge->w;
    struct rand r = draw(d);
    bool moves = op->kind == STORE_READ || op->kind == STORE_WRITE;
    mesh_ns begin = d->busy_until > w->now ? d->busy_until : w->now;

    d->busy_until = begin + (moves ? (mesh_ns)(op->len * (uint64_t)SEC(1) / w->sc.disk_rate) : 0);
    if (d->faults.slow > 0) {
        d->counts.slow++;
        world_bit(w, FAULT_DISK_SLOW);
    }
    return d->busy_until + (mesh_ns)w->sc.disk_delay + draw_ns(&r, w->sc.disk_delay) + d->faults.slow;
}

static void lane_begin(struct disk_model *d, struct disk_lane *lane, struct list *queue)
{
    if (lane->op != NULL || list_empty(queue))
        return;
    lane->op = OBJ_OF(list_first(queue), struct store_op, link);
    list_remove(&lane->op->link);
    mesh_ns at = takes_until(d, lane->op);
    d->late = d->late || at - d->edge->w->now >= PATIENT / 2;
    world_at(d->edge->w, &lane->ev, at);
}

static void begin(struct disk_model *d)
{
    lane_begin(d, &d->lanes[0], &d->writes);
    for (size_t i = 1; i < DISK_LANES; i++)
        lane_begin(d, &d->lanes[i], &d->reads);
    d->late = d->late || !list_empty(&d->reads);
}

/* The world's count of what the engine is told now. */
static void count(struct disk_model *d, const struct store_op *op, int err)
{
    struct disk_counts *c = &d->counts;

    bool given_up = disk_check_given_up(d, op->segment);

    if (given_up && (op->kind == STORE_READ || err == 0))
        return; /* nobody counts what came of it; but what failed has failed */
    if (err == MESH_E_HASH)
        c->unsound++;
    else if (err != 0)
        c->failures++;
    else if (op->kind == STORE_WRITE)
        c->written_bytes += op->len;
    else if (op->kind == STORE_READ)
        c->read_bytes += op->len;
    c->reads += op->kind == STORE_READ && err == 0;
}

static void lane_fire(struct world *w, struct event *ev)
{
    struct disk_lane *lane = OBJ_OF(ev, struct disk_lane, ev);
    struct disk_model *d = lane->disk;
    struct store_op *op = lane->op;

    (void)w;
    if (edge_held(d->edge, ev))
        return;
    int err = perform(d, op);
    lane->op = NULL;
    begin(d);
    count(d, op, err);
    engine_disk_done(edge_enter(d->edge), edge_now(d->edge), op, err);
    edge_pump(d->edge);
}

void disk_model_do(struct disk_model *d, struct store_op *op)
{
    disk_check_told(d, op);
    list_push_back(op->kind == STORE_READ ? &d->reads : &d->writes, &op->link);
    begin(d);
}

bool disk_model_idle(const struct disk_model *d)
{
    bool idle = d == NULL || (list_empty(&d->reads) && list_empty(&d->writes));

    for (size_t i = 0; idle && d != NULL && i < DISK_LANES; i++)
        idle = d->lanes[i].op == NULL;
    return idle;
}

bool disk_model_closed(struct disk_model *d)
{
    struct engine_usage usage;

    if (d == NULL)
        return true;
    engine_usage(d->edge->engine, &usage);
    if (usage.serves > 0)
        return false;
    d->closing = true;
    engine_disk_close(d->edge->engine, edge_now(d->edge));
    return engine_disk_closed(d->edge->engine);
}

/* ---- at an end ---- */

/* All that is on its way gets there: the writer ends when there is nothing more to be written. */
static void finish_writes(struct disk_model *d)
{
    struct store_op *op = d->lanes[0].op;

    while (op != NULL || !list_empty(&d->writes)) {
        if (op == NULL) {
            op = OBJ_OF(list_first(&d->writes), struct store_op, link);
            list_remove(&op->link);
        }
        perform(d, op);
        op = NULL;
    }
}

/* Of a write the system has taken what it came to. */
static void break_off(struct disk_model *d)
{
    const struct store_op *op = d->lanes[0].op;
    struct rand r = draw(d);

    if (op == NULL || op->kind != STORE_WRITE || rand_below(&r, 4) == 0)
        return;
    size_t most = (size_t)rand_below(&r, op->len + 1);
    put(d, op, most);
    disk_check_cut(d, op, most);
    world_notef(d->edge->w, NOTE_DISK, d->edge->index, "write %u at %u: %zu of %zu", op->segment, op->offset, most,
                op->len);
}

void disk_model_power_lost(struct disk_model *d)
{
    if (d == NULL)
        return;
    struct rand r = draw(d);
    struct disk_loss loss = disk_files_lose(&d->files, d->edge->w->now, &r);
    disk_check_lost(d, loss.removed > 0);
    if (loss.bytes + loss.made + loss.removed == 0)
        return;
    d->counts.lost++;
    world_bit(d->edge->w, FAULT_POWER);
    d->counts.back += loss.removed;
    world_notef(d->edge->w, NOTE_DISK_LOST, d->edge->index, "%llu bytes, %u files made, %u removed",
                (unsigned long long)loss.bytes, loss.made, loss.removed);
}

void disk_model_stops(struct disk_model *d, enum edge_stop how)
{
    if (d == NULL)
        return;
    if (how == EDGE_LEFT)
        finish_writes(d);
    else if (how != EDGE_END)
        break_off(d);
    for (size_t i = 0; i < DISK_LANES; i++) {
        world_drop(d->edge->w, &d->lanes[i].ev);
        d->lanes[i].op = NULL;
    }
    list_init(&d->reads); /* the store's, which frees them */
    list_init(&d->writes);
    d->busy_until = 0;
    disk_check_stopped(d);
    if (how == EDGE_VANISH)
        disk_model_power_lost(d);
}

void disk_model_ended(struct disk_model *d)
{
    if (d == NULL)
        return;
    store_free(d->store);
    d->store = NULL;
}

void disk_model_wipe(struct disk_model *d)
{
    if (d == NULL)
        return;
    d->counts.wiped += d->files.first != NULL;
    disk_files_wipe(&d->files);
    disk_book_clear(d->book);
    d->seed = rand_mix(d->seed);
}
