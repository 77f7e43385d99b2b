/* check_answer.h - judges single answers by what the world knows of lifetimes.
 */
#ifndef HEDGEROW_SIM_CHECK_ANSWER_H
#define HEDGEROW_SIM_CHECK_ANSWER_H

#include "sim/check.h"

/* |e| answers with |result| who asked it for |key| at |asked_at|. */
void check_answer(struct world *w, const struct edge *e, uint64_t key, mesh_ns asked_at, enum request_result result);

#endif
