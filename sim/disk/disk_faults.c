/* What actions do to disks, and what came of it. */
#include "sim/disk/disk_check.h"
#include "sim/disk/disk_model.h"
#include "sim/figures.h"

bool disk_fault(struct edge *e, const struct action *a)
{
    struct disk_faults none, *f = e->disk != NULL ? &e->disk->faults : &none;

    switch (a->kind) {
    case ACTION_DISK_ERRORS: f->read_errors = a->numbers[0]; break;
    case ACTION_DISK_WRITE_ERRORS: f->write_errors = a->numbers[0]; break;
    case ACTION_DISK_CORRUPT: f->corrupt = a->numbers[0]; break;
    case ACTION_DISK_TORN: f->torn = a->numbers[0]; break;
    case ACTION_DISK_FULL: f->room = a->numbers[0]; break;
    case ACTION_DISK_SLOW: f->slow = a->spans[0]; break;
    default: return false;
    }
    if (e->disk != NULL)
        disk_check_troubled(e->disk);
    return true;
}

void disks_calm(struct world *w)
{
    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        if (w->edges[i].disk != NULL)
            w->edges[i].disk->faults = (struct disk_faults){ 0 };
    }
}

struct disk_counts disks_counted(const struct world *w)
{
    struct disk_counts all = { 0 };
    uint64_t *to = (uint64_t *)(void *)&all;

    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        const struct disk_model *d = w->edges[i].disk;
        const uint64_t *from = d != NULL ? (const uint64_t *)(const void *)&d->counts : to;
        for (size_t k = 0; d != NULL && k < sizeof(all) / sizeof(*to); k++)
            to[k] += from[k];
    }
    return all;
}

void disk_figures(struct world *w, struct figures *f)
{
    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        const struct edge *e = &w->edges[i];
        struct edge_sums s;
        struct engine_usage u;
        edge_counters(e, &s);
        f->disk_hits += s.engine.disk_hits;
        f->disk_read_bytes += s.engine.disk_read_bytes;
        f->disk_written += s.engine.disk_written;
        f->disk_written_bytes += s.engine.disk_written_bytes;
        f->disk_again += s.engine.disk_again;
        f->disk_corrupt += s.engine.disk_corrupt;
        f->disk_failures += s.engine.disk_failures;
        f->disk_late += s.engine.disk_late;
        if (!edge_up(e))
            continue;
        engine_usage(e->engine, &u);
        f->disk_objects += u.disk_objects;
    }
}
