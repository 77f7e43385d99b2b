/* check_change.h - judges by what viewers have changed (POST): what a node has told them to be changed is not served
 * there from an older copy, and soon nowhere. Unless something is wrong with nodes or network: who cannot be told keeps
 * its copy until its time is over (node/core/drop.c). */
#ifndef HEDGEROW_SIM_CHECK_CHANGE_H
#define HEDGEROW_SIM_CHECK_CHANGE_H

#include "sim/rules/check.h"

struct change_told {
    uint64_t key, version;
    mesh_ns began, told_at; /* since when it was on its way; the answer's head */
    uint32_t node;
    bool all; /* this node has not told of so many within a second that only owners hear of it */
};

struct change_book {
    struct change_told *told; /* in the order of time */
    size_t n, cap;
    uint64_t asked, made; /* POSTs of viewers; those that the origin has obeyed */
};

struct change_book *change_book_new(void);
void change_book_free(struct change_book *b);

/* |e| has told who had asked at |began| that |key| is of |version| now. */
void check_change_told(struct edge *e, uint64_t key, uint64_t version, mesh_ns began);

/* check_change_floor: who asks |e| for |key| now must get no older version. */
uint64_t check_change_floor(const struct edge *e, uint64_t key);

void check_change_end(struct world *w);

#endif
