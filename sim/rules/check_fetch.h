/* check_fetch.h - judges what nodes ask the origin. */
#ifndef HEDGEROW_SIM_CHECK_FETCH_H
#define HEDGEROW_SIM_CHECK_FETCH_H

#include "sim/rules/check.h"

/* |e| asks for |key|. check_fetch_validated: what it asked at |began| is answered with 304, as that is the version that
 * there is. */
void check_fetch(struct edge *e, uint64_t key, const struct fetch *f);
void check_fetch_validated(struct edge *e, uint64_t key, uint64_t version, mesh_ns began);

#endif
