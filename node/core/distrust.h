/* distrust.h - how long a peer whose answers did not verify is not asked for an object. */
#ifndef HEDGEROW_CORE_DISTRUST_H
#define HEDGEROW_CORE_DISTRUST_H

#include "proto/base/time.h"

#define DISTRUST_DOUBLINGS 6 /* from a minute to about an hour */

struct distrust { /* all zero: it never lied */
    mesh_ns until;
    unsigned lies;
};

/* distrust_add: it lied at |now|. Distrusted for |first|, and for twice as long each time that it lies again, up
 * to the longest (64 times |first|); forgotten when it did not for the longest after the last time's end. */
void distrust_add(struct distrust *d, mesh_ns now, mesh_ns first);

#endif
