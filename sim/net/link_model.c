#include "sim/net/link_model.h"

#include <assert.h>

#define SEGMENT         1460
#define RTO             MS(200)
#define SEGMENTS_LOOKED 4096 /* for which loss is drawn one by one */
#define AGAIN_MAX       6

mesh_ns draw_ns(struct rand *r, uint64_t most)
{
    return most == 0 ? 0 : (mesh_ns)rand_below(r, most + 1);
}

bool draw_ppm(struct rand *r, uint64_t ppm)
{
    return ppm > 0 && rand_below(r, 1000000) < ppm;
}

/* From bad to good with 1 / length; from good to bad so that the share of time in the bad
 * state is the loss: loss / ((1 - loss) * length). */
bool link_burst_lost(struct link_burst *b, uint64_t loss_ppm, uint64_t length, struct rand *r)
{
    if (loss_ppm == 0) {
        b->bad = false;
        return false;
    }
    assert(loss_ppm <= 900000 && length >= 1);
    if (b->bad)
        b->bad = rand_below(r, length) != 0;
    else
        b->bad = rand_below(r, (1000000 - loss_ppm) * length) < loss_ppm;
    return b->bad;
}

mesh_ns link_queue_pass(struct link_queue *q, mesh_ns now, size_t bytes, uint64_t rate, uint64_t queue_bytes)
{
    if (rate == 0)
        return now;
    mesh_ns begin = q->busy_until > now ? q->busy_until : now;
    uint64_t waits = (uint64_t)(begin - now) / 1000 * rate / 1000000;
    if (waits + bytes > queue_bytes)
        return MESH_NS_NEVER;
    q->busy_until = begin + (mesh_ns)((uint64_t)bytes * UINT64_C(1000000000) / rate);
    return q->busy_until;
}

mesh_ns link_stream_time(size_t bytes, mesh_ns one_way)
{
    mesh_ns time = one_way;
    size_t window = LINK_WINDOW_FIRST;

    for (size_t sent = window; sent < bytes; sent += window) {
        time += 2 * one_way;
        window *= 2;
    }
    return time;
}

mesh_ns link_stream_losses(size_t bytes, mesh_ns one_way, uint64_t loss_ppm, struct rand *r)
{
    size_t segments = (bytes + SEGMENT - 1) / SEGMENT;
    mesh_ns time = 0;

    for (size_t i = 0; loss_ppm > 0 && i < segments && i < SEGMENTS_LOOKED; i++) {
        mesh_ns wait = segments - i > 3 ? 2 * one_way : RTO + 2 * one_way;
        for (unsigned again = 0; again < AGAIN_MAX && draw_ppm(r, loss_ppm); again++, wait = RTO << again)
            time += wait;
    }
    return time;
}
