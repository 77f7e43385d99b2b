/* bench_tier.c - what goes to the disk: synthetic requests (evict_trace.h) to a whole engine with a disk, by its own rules
 * of what is worth writing, in the unit tests' world of virtual time. The cache is 5 or 20 % of the bytes of all objects
 * that are asked for, a tenth of it memory and the rest disk. Prints bytes written to the disk (all told: heads, lists,
 * what is written again) per byte that came from the origin, with "pass" or "MISS", and what was missed. The same on every
 * machine.
 * Usage: bench_tier [PART [SEED [TRACE]]]: a PARTth of a million objects and four million requests (100); of traces (1);
 * one trace alone */
#include "evict_trace.h"
#include "../unit/engine_stage.h"

#define OBJECTS  1000000
#define REQUESTS 4000000

static struct model_disk disk;

struct outcome {
    uint64_t asked, missed, asked_bytes, missed_bytes, written_bytes;
};

static struct store *open_node(uint64_t cache)
{
    struct store_config cfg = { .limit = cache / 10 * 9, .seed = 7, .secret = 5 };

    w = world_bare(1);
    model_init(&disk, false);
    if (cfg.limit < STORE_LIMIT_MIN)
        cfg.limit = STORE_LIMIT_MIN;
    cfg.segment_bytes = store_segment_bytes(cfg.limit);
    struct store *s = store_new(&cfg);
    assert_non_null(s);
    w->nodes[0].cfg.memory_limit = cache / 10;
    w->nodes[0].cfg.store = s;
    w->nodes[0].disk = &disk;
    node_start(w, 0, true);
    return s;
}

static void close_node(struct store *s)
{
    world_free(w);
    store_free(s);
    model_fini(&disk);
}

/* One request, from its beginning to its end. */
static void ask_for(const char *path, uint64_t length)
{
    static const struct fields none;
    struct engine *e = engine_of(w, 0);
    struct request r = { .host = SLICE_LIT("example.com"), .target = slice_str(path), .request_id = SLICE_LIT("i"),
                         .fields = &none };
    struct slice piece;
    uint64_t got = 0;

    w->sites[0].length = length;
    engine_request(e, w->now, &r);
    for (unsigned turns = 0; got < length; turns++) {
        world_run(w, turns == 0 ? 0 : MS(1));
        assert_true(turns < 100000 && r.state != REQUEST_FAILED);
        if (r.state != REQUEST_BODY)
            continue;
        if (!r.head_sent)
            request_answer(e, w->now, &r);
        r.head_sent = true;
        while (request_body(&r, &piece, 1) == 1) {
            got += piece.len;
            request_take(e, w->now, &r, piece.len);
        }
    }
    engine_request_end(e, w->now, &r, true);
    world_run(w, MS(1)); /* what is to be written is */
}

static struct outcome play(const struct evict_trace *t, uint64_t cache)
{
    struct store *s = open_node(cache);
    struct outcome o = { 0 };
    char path[24];

    struct site *all = site_at(w, "*", 0);
    all->head_after = 0;
    all->changed_at = UINT64_MAX;
    for (uint32_t i = 0; i < t->ids_n; i++) {
        uint64_t length = t->sizes[t->ids[i]];
        snprintf(path, sizeof(path), "/%u", t->ids[i]);
        uint64_t before = count(w, 0)->bytes_origin;
        ask_for(path, length);
        o.asked++;
        o.asked_bytes += length;
        o.missed += count(w, 0)->bytes_origin > before;
    }
    engine_disk_close(engine_of(w, 0), w->now); /* what waits to be written counts, too */
    o.missed_bytes = count(w, 0)->bytes_origin;
    o.written_bytes = store_counters(s)->written_bytes;
    close_node(s);
    return o;
}

static bool report(const struct evict_trace *t, const char *trace, unsigned percent, double target)
{
    uint64_t cache = t->footprint / 100 * percent;
    struct outcome o = play(t, cache);
    double per = (double)o.written_bytes / (double)o.missed_bytes;

    printf("%s %2u %% (%.0f MB): missed %.2f %% of requests, %.2f %% of bytes; written %.3f of a missed byte (<= %.2f) %s\n",
           trace, percent, (double)cache / 1e6, 100.0 * (double)o.missed / (double)o.asked,
           100.0 * (double)o.missed_bytes / (double)o.asked_bytes, per, target, per <= target ? "pass" : "MISS");
    fflush(stdout);
    return per <= target;
}

int main(int argc, char **argv)
{
    uint32_t part = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 100;
    uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    bool good = true;

    setup(NULL);
    for (int k = 0; k < EVICT_TRACES_N && part > 0; k++) {
        if (argc > 3 && strcmp(argv[3], evict_trace_words[k]) != 0)
            continue;
        struct evict_trace t = evict_trace_new((enum evict_trace_kind)k, OBJECTS / part, REQUESTS / part, seed);
        good = report(&t, evict_trace_words[k], 5, 0.12) && good;
        good = report(&t, evict_trace_words[k], 20, 0.25) && good;
        evict_trace_free(&t);
    }
    return good ? 0 : 1;
}
