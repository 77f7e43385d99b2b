/* check_wish.h - judges what who asked by HEAD, on conditions or for ranges is given: by what it meant, and what the
 * world knows of the version that it gets. The code that chooses (node/core/selection.h) has no part in it. */
#ifndef HEDGEROW_SIM_CHECK_WISH_H
#define HEDGEROW_SIM_CHECK_WISH_H

#include "node/core/selection.h"
#include "sim/rules/check.h"
#include "sim/viewers/wish.h"

/* Where bytes of a body are sent. */
struct span {
    uint64_t first, length;
};

/* |e| answers |x|, about |key|, with |version|, as |s| says; |status| is that of the head as it came. With 206 there,
 * the range that it names goes to |span|, else that is all of the body. |poisoned|: the origin may have named another
 * range than it sends; then that is not judged, and |span| is what was asked for, or all. */
void check_wish(struct world *w, const struct edge *e, uint64_t key, uint64_t version, const struct wish *x,
                const struct answer *a, const struct selection *s, bool poisoned, struct span *span);

#endif
