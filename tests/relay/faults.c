#include "tests/relay/faults.h"

#include <assert.h>

#define SEGMENT_BYTES     1448 /* of TCP over Ethernet */
#define SEGMENTS_FAST     4    /* fewer under way: no three duplicate acks */
#define TIMEOUT_RESEND    MS(200)
#define FAST_RESEND_LEAST MS(10)
#define BITS_PER_MB       (UINT64_C(8) << 20)
#define WINDOW_MAX        ((size_t)1 << 20)
#define WINDOW_MIN        ((size_t)64 << 10)

void faults_init(struct faults *f, uint64_t seed)
{
    *f = (struct faults){ .set = { .rate_kbps = 0 } };
    for (unsigned way = 0; way < 2; way++) {
        struct faults_link *l = &f->link[way];
        l->loss = rand_of(seed, way, 1);
        l->jitter = rand_of(seed, way, 2);
        l->reorder = rand_of(seed, way, 3);
        l->duplicate = rand_of(seed, way, 4);
        l->flip = rand_of(seed, way, 5);
    }
}

/* Even in [1, 2 * mean - 1], so that the mean distance is as asked. */
static uint64_t flip_distance(const struct faults *f, struct faults_link *l)
{
    uint64_t mean = BITS_PER_MB / f->set.flips_per_mb;

    return mean <= 1 ? 1 : 1 + rand_below(&l->flip, 2 * mean - 1);
}

void faults_flips(struct faults *f, uint64_t count, uint64_t per_mb)
{
    assert(per_mb > 0);
    if (count == FAULTS_NO_END || f->set.flips_left > FAULTS_NO_END - count)
        f->set.flips_left = FAULTS_NO_END;
    else
        f->set.flips_left += count;
    f->set.flips_per_mb = per_mb;
    for (unsigned way = 0; way < 2; way++)
        f->link[way].flip_in = flip_distance(f, &f->link[way]);
}

void faults_heal(struct faults *f)
{
    struct faults_setting *s = &f->set;

    s->loss_pct = s->reorder_pct = s->duplicate_pct = 0;
    s->flips_left = 0;
    s->cut[FAULTS_UP] = s->cut[FAULTS_DOWN] = s->half_open = false;
}

bool faults_passes(const struct faults *f, enum faults_way way)
{
    return !f->set.cut[way] && !f->set.half_open;
}

static bool chance(struct rand *r, uint64_t pct)
{
    /* Drawn even at 0 %, so that a setting changes only what it is about. */
    return rand_below(r, 100) < pct;
}

static void count_bytes(struct faults *f, enum faults_way way, size_t len)
{
    *(way == FAULTS_UP ? &f->seen.bytes_up : &f->seen.bytes_down) += len;
}

/* When the wire has taken |len| bytes that were handed to it now. */
static mesh_ns wire(struct faults *f, struct faults_link *l, mesh_ns now, size_t len)
{
    if (f->set.rate_kbps == 0)
        return now;
    if (l->free_at < now)
        l->free_at = now;
    l->free_at += (mesh_ns)((uint64_t)len * 8 * 1000000 / f->set.rate_kbps);
    return l->free_at;
}

static mesh_ns travel(struct faults *f, struct faults_link *l)
{
    uint64_t jitter = rand_below(&l->jitter, (uint64_t)f->set.jitter + 1);

    return f->set.delay + (mesh_ns)jitter;
}

/* How much later than in order a reordered datagram comes: behind several others. */
static mesh_ns behind(struct faults *f, struct faults_link *l)
{
    return MS(1) + f->set.jitter + (mesh_ns)rand_below(&l->reorder, (uint64_t)MS(20));
}

unsigned faults_datagram(struct faults *f, enum faults_way way, mesh_ns now, size_t len, mesh_ns at[2])
{
    struct faults_link *l = &f->link[way];
    bool lost = chance(&l->loss, f->set.loss_pct);
    bool late = chance(&l->reorder, f->set.reorder_pct);
    bool twice = chance(&l->duplicate, f->set.duplicate_pct);

    (*(way == FAULTS_UP ? &f->seen.datagrams_up : &f->seen.datagrams_down))++;
    count_bytes(f, way, len);
    if (lost || !faults_passes(f, way)) {
        f->seen.lost++;
        return 0;
    }
    if (f->set.rate_kbps > 0 && l->free_at - now > FAULTS_BACKLOG) {
        f->seen.overflowed++;
        return 0;
    }
    at[0] = wire(f, l, now, len) + travel(f, l);
    if (at[0] < l->last_at)
        at[0] = l->last_at;
    if (late) {
        f->seen.reordered++;
        at[0] += behind(f, l);
    } else {
        l->last_at = at[0];
    }
    if (!twice)
        return 1;
    f->seen.duplicated++;
    at[1] = at[0] + (mesh_ns)rand_below(&l->duplicate, (uint64_t)MS(5));
    return 2;
}

mesh_ns faults_stream(struct faults *f, enum faults_way way, mesh_ns now, size_t len, mesh_ns *last)
{
    struct faults_link *l = &f->link[way];
    size_t segments = len / SEGMENT_BYTES + 1;
    bool lost = false;

    count_bytes(f, way, len);
    for (size_t i = 0; i < segments; i++)
        lost |= chance(&l->loss, f->set.loss_pct);
    mesh_ns at = wire(f, l, now, len) + travel(f, l);
    if (lost) {
        f->seen.stalled++;
        mesh_ns again = FAST_RESEND_LEAST + 2 * f->set.delay;
        at += segments < SEGMENTS_FAST ? again + TIMEOUT_RESEND : again;
    }
    if (at < *last)
        at = *last;
    *last = at;
    return at;
}

size_t faults_flip(struct faults *f, enum faults_way way, uint8_t *bytes, size_t len)
{
    struct faults_link *l = &f->link[way];
    uint64_t bits = (uint64_t)len * 8, at = 0;
    size_t n = 0;

    while (f->set.flips_left > 0 && l->flip_in <= bits - at) {
        at += l->flip_in;
        bytes[(at - 1) / 8] ^= (uint8_t)(1u << ((at - 1) % 8));
        l->flip_in = flip_distance(f, l);
        if (f->set.flips_left != FAULTS_NO_END)
            f->set.flips_left--;
        n++;
    }
    if (f->set.flips_left > 0)
        l->flip_in -= bits - at;
    f->seen.flips += n;
    return n;
}

size_t faults_window(const struct faults *f)
{
    if (f->set.rate_kbps == 0)
        return WINDOW_MAX;
    /* A quarter of a second of the link, as a router's queue would be. */
    uint64_t quarter = f->set.rate_kbps > UINT32_MAX ? UINT32_MAX : f->set.rate_kbps * 1000 / 8 / 4;
    return quarter > WINDOW_MAX ? WINDOW_MAX : quarter < WINDOW_MIN ? WINDOW_MIN : (size_t)quarter;
}
