#include "node/steer/coordinate.h"

#include <stdbool.h>
#include <stdlib.h>

#include "node/steer/integer.h"
#include "proto/base/rand.h"

#define HEIGHT_MIN_US 10
#define NEAR_US       10   /* closer than this has no direction */
#define ONE           1024 /* of fractions */
/* Vivaldi's c_e and c_c: how much one sample counts, at most. */
#define COUNTS 256

static int64_t height(const struct coordinate *c)
{
    return integer_within(c->height, HEIGHT_MIN_US, COORDINATE_REACH_US);
}

/* What a peer says may be anything: no difference is so large that its square is too much. */
static int64_t apart(const struct coordinate *a, const struct coordinate *b, int64_t by[COORDINATE_DIMENSIONS])
{
    uint64_t sum = 0;

    for (int i = 0; i < COORDINATE_DIMENSIONS; i++) {
        by[i] = integer_within((int64_t)a->at[i] - b->at[i], -2 * COORDINATE_REACH_US, 2 * COORDINATE_REACH_US);
        sum += (uint64_t)(by[i] * by[i]);
    }
    return integer_sqrt(sum);
}

mesh_ns coordinate_between(const struct coordinate *a, const struct coordinate *b)
{
    int64_t by[COORDINATE_DIMENSIONS];

    if (a->error_permille == 0 || b->error_permille == 0)
        return 0;
    return US(apart(a, b, by) + height(a) + height(b));
}

static int64_t any_direction(uint64_t draw, int64_t by[COORDINATE_DIMENSIONS])
{
    uint64_t sum = 0, bits = rand_mix(draw);

    for (int i = 0; i < COORDINATE_DIMENSIONS; i++) {
        by[i] = (int64_t)(bits >> 16 * i & 0xffff) - 0x8000;
        sum += (uint64_t)(by[i] * by[i]);
    }
    if (sum == 0)
        sum = (uint64_t)(by[0] = 1);
    return integer_sqrt(sum);
}

/* The algorithm of the paper's figure 3. Nobody is more certain than by what was heard: who knows nothing yet stands
 * at the origin and is believed least, or the first two of a mesh would never begin. */
void coordinate_sample(struct coordinate *c, const struct coordinate *other, mesh_ns rtt, uint64_t draw)
{
    int64_t by[COORDINATE_DIMENSIONS], us = rtt / 1000;

    if (us <= 0 || us > COORDINATE_REACH_US)
        return;
    int64_t ours =
        c->error_permille == 0 ? COORDINATE_ERROR_MAX : integer_within(c->error_permille, 1, COORDINATE_ERROR_MAX);
    int64_t theirs = other->error_permille == 0 ? COORDINATE_ERROR_MAX
                                                : integer_within(other->error_permille, 1, COORDINATE_ERROR_MAX);
    int64_t plane = apart(c, other, by), heights = height(c) + height(other), total = plane + heights;
    int64_t weight = ours * ONE / (ours + theirs);

    int64_t sample_error = integer_within(llabs(total - us) * 1000 / us, 0, COORDINATE_ERROR_MAX);
    int64_t counts = COUNTS * weight / ONE;
    c->error_permille = (uint16_t)integer_within((sample_error * counts + ours * (ONE - counts) + ONE / 2) / ONE, 1,
                                                 COORDINATE_ERROR_MAX);

    int64_t force = counts * (us - total) / ONE;
    bool here = plane < NEAR_US;
    if (here)
        plane = any_direction(draw, by);
    int64_t over = here ? plane : total;
    for (int i = 0; i < COORDINATE_DIMENSIONS; i++)
        c->at[i] = (int32_t)integer_within(c->at[i] + by[i] * force / over, -COORDINATE_REACH_US, COORDINATE_REACH_US);
    c->height =
        (int32_t)integer_within(height(c) + (here ? 0 : heights * force / total), HEIGHT_MIN_US, COORDINATE_REACH_US);
}
