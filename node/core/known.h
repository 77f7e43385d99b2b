/* known.h - members worth remembering over a restart: so that a node whose seeds are gone, or
 * lead astray, finds the mesh again. Few, and from as many zones and networks as there are. */
#ifndef HEDGEROW_CORE_KNOWN_H
#define HEDGEROW_CORE_KNOWN_H

#include "node/core/mesh.h"

#define KNOWN_MAX       32
#define KNOWN_BYTES_MAX (KNOWN_MAX * 256)

/* known_put appends the text form of what |m| knows now: one member a line, for people too:
 * address, node id, name, zone. */
void known_put(struct buf *out, const struct mesh *m);

/* known_get reads the addresses back, up to |max| of them; lines that make no sense are skipped. */
size_t known_get(struct slice text, struct mesh_addr *out, size_t max);

#endif
