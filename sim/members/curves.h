/* curves.h - what a page of members draws: how soon nodes knew of changes, and who listed all over time. A bystander: a
 * run is the same without it. Plain data of a fixed size. */
#ifndef HEDGEROW_SIM_MEMBERS_CURVES_H
#define HEDGEROW_SIM_MEMBERS_CURVES_H

#include <stddef.h>
#include <stdint.h>

#include "proto/base/time.h"

#define CURVE_STEPS    1024
#define CURVE_TIME_MAX 300 /* moments: of a longer run each is later than the one before by more */

/* A node and a change count one each. */
struct curve {
    mesh_ns step;
    uint64_t of;              /* that should come to know */
    uint64_t at[CURVE_STEPS]; /* how many did in this step; later ones are in none */
};

/* Nodes at a moment: of |live| ones |right| list as many. */
struct curve_moment {
    uint32_t live, right;
};

struct members_curves {
    struct curve update, crash;
    mesh_ns width; /* from moment to moment */
    struct curve_moment moments[CURVE_TIME_MAX];
    size_t moments_n;
};

/* |until|: the end of a run, at the latest. */
void curves_init(struct members_curves *m, mesh_ns until);
void curve_add(struct curve *c, mesh_ns took);
/* At |now|; the worst of what was seen between two moments is kept. */
void curves_look(struct members_curves *m, mesh_ns now, uint32_t live, uint32_t right);

#endif
