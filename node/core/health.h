/* health.h - a peer as one who is asked: how soon it answers, and whether it is worth asking now. Beside it stand the
 * impressions of its link (mesh_link) and what it lied (distrust.h). */
#ifndef HEDGEROW_CORE_HEALTH_H
#define HEDGEROW_CORE_HEALTH_H

#include "node/core/breaker.h"
#include "node/core/pace.h"

struct health { /* all zero: never asked */
    struct pace pace;
    struct breaker breaker;
};

#endif
