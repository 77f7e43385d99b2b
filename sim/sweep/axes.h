/* axes.h - what a sweep varies: settings with their values, and each combination of these. Pure. */
#ifndef HEDGEROW_SIM_SWEEP_AXES_H
#define HEDGEROW_SIM_SWEEP_AXES_H

#include "sim/scenario.h"

#define AXES_MAX         3
#define AXIS_VALUES_MAX  32
#define COMBINATIONS_MAX 1024

struct axis_value {
    char text[48]; /* as in a scenario: "64MiB" */
    uint64_t value;
};
struct setting_axis {
    size_t setting; /* of the vocabulary */
    size_t n;
    struct axis_value values[AXIS_VALUES_MAX];
};
struct axes {
    const struct vocabulary *words;
    size_t n;
    struct setting_axis axis[AXES_MAX];
};

void axes_init(struct axes *a, const struct vocabulary *words);
/* axes_add reads "memory=64MiB,128MiB". 0, or MESH_E_* with a message in |wrong| that says which value it is and what
 * there may be. */
int axes_add(struct axes *a, const char *text, struct buf *wrong);

/* Combinations are numbered so that the first axis changes slowest. */
size_t axes_combinations(const struct axes *a);
/* Which value of |axis| number |combination| has. */
size_t axes_at(const struct axes *a, size_t combination, size_t axis);
/* "memory 64MiB, nodes 20". */
void axes_name(const struct axes *a, size_t combination, struct buf *out);

/* Are its values words, without an order? */
bool axis_has_words(const struct axes *a, size_t axis);

static inline const char *axis_name(const struct axes *a, size_t axis)
{
    return a->words->settings[a->axis[axis].setting].name;
}

#endif
