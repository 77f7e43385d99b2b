/* epidemic.h - how news would spread among nodes that tell random others: the curve beside which the simulator draws
 * what its own did. Whoever hears it tells EPIDEMIC_PUSHES of the others at once, and again after each EPIDEMIC_AGAIN
 * (gossip/rumour.c), and a hop takes as long for all; who is missed by all of these stays ignorant (Pittel, "On
 * spreading a rumor", 1987). All integers. */
#ifndef HEDGEROW_SIM_EPIDEMIC_H
#define HEDGEROW_SIM_EPIDEMIC_H

#include <stddef.h>
#include <stdint.h>

#include "proto/base/time.h"

#define EPIDEMIC_PUSHES 4
#define EPIDEMIC_AGAIN  MS(60)
#define EPIDEMIC_HOPS   512

struct epidemic {
    uint64_t nodes, ignorant, fresh[EPIDEMIC_HOPS]; /* the last two in 1,024ths of a node */
    mesh_ns hop;
    size_t hops, again;
};
/* One of |nodes| >= 3 knows; a hop takes |hop| > 0. */
void epidemic_init(struct epidemic *e, uint64_t nodes, mesh_ns hop);
/* Thousandths of the nodes that know, after |hops| of them; epidemic_next goes one hop on, EPIDEMIC_HOPS - 1 times at
 * most. */
uint64_t epidemic_known(const struct epidemic *e);
void epidemic_next(struct epidemic *e);

#endif
