#include "sim/estimate.h"

#include "sim/body.h"
#include "sim/sample.h"
#include "sim/workload.h"

/* As measured: 20, 100 and 300 nodes that join, without viewers, 1,000 settled ones, and a run with many keys and
 * requests. */
#define NODE_BYTES       (480u << 10)
#define PAIR_BYTES       (1536u)
#define KEY_BYTES        (96u)
#define REQUEST_BYTES    (60u) /* three times of each request, in arrays that double */
#define LOG_BYTES        (sizeof(struct workload_request))
#define BASE_BYTES       (16u << 20)
#define COPIES_A_REQUEST 4
#define SIZES_LOOKED_AT  1024

static uint64_t catalogue(const struct scenario *sc, uint64_t keys)
{
    uint64_t step = keys > SIZES_LOOKED_AT ? keys / SIZES_LOOKED_AT : 1, n = 0, bytes = 0;

    if (sc->load != NULL) {
        for (uint64_t key = 1; key <= keys; key++)
            bytes += body_size(sc, key);
        return bytes;
    }
    for (uint64_t key = 1; key <= keys; key += step, n++)
        bytes += body_size(sc, key);
    return bytes / n * keys;
}

void estimate_run(struct estimate *out, const struct scenario *said)
{
    struct scenario sc = *said;

    sample_apply(&sc);
    uint64_t all = catalogue(&sc, sc.keys), requests = sc.every_node ? sc.keys * sc.nodes : sc.requests;
    /* Nor is there more than was asked for: at the node asked, and at owners, who are two or three. */
    uint64_t asked = requests * COPIES_A_REQUEST * (all / sc.keys + 1),
             full = sc.nodes * (sc.memory < all ? sc.memory : all);
    out->caches = asked < full ? asked : full;
    out->nodes = BASE_BYTES + sc.nodes * NODE_BYTES + sc.nodes * sc.nodes * PAIR_BYTES;
    out->objects = sc.keys * KEY_BYTES;
    out->requests = requests * REQUEST_BYTES + (sc.load != NULL ? sc.load->n * LOG_BYTES : 0);
    out->all = out->caches + out->nodes + out->objects + out->requests;
}

uint64_t estimate_sample(const struct scenario *sc, uint64_t bytes)
{
    struct scenario smaller = *sc;
    struct estimate e;

    for (uint64_t n = 2; n <= 1u << 19 && sc->memory / n >= 1 << 20; n *= 2) {
        smaller.sample = n;
        estimate_run(&e, &smaller);
        /* A log that was not sampled when it was read will be. */
        uint64_t part = sc->load != NULL ? sc->load->sample : n;
        if (e.caches + e.nodes + (e.objects + e.requests) * part / n <= bytes)
            return n;
    }
    return 0;
}
