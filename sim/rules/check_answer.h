/* check_answer.h - judges single answers by what the world knows of lifetimes, and how long they took.
 */
#ifndef HEDGEROW_SIM_CHECK_ANSWER_H
#define HEDGEROW_SIM_CHECK_ANSWER_H

#include "sim/rules/check.h"

/* Who asked |e| for |key| at |asked_at| gets a head or an error now: in the time that a node has for it? */
void check_waited(struct world *w, const struct edge *e, uint64_t key, mesh_ns asked_at);

/* |e| answers with |result| who asked it for |key| at |asked_at|. */
void check_answer(struct world *w, const struct edge *e, uint64_t key, mesh_ns asked_at, enum request_result result);

#endif
