/* sunset.h - the picture of the demo's site, drawn from nothing: a sky with clouds, the sun
 * over hills, and their reflection in water. The same seed gives the same picture. */
#ifndef HEDGEROW_CLI_SUNSET_H
#define HEDGEROW_CLI_SUNSET_H

#include "proto/base/buf.h"

/* sunset_draw appends a PNG of |width| x |height| pixels. 0 or MESH_E_NOMEM. */
int sunset_draw(struct buf *out, uint32_t width, uint32_t height, uint32_t seed);

#endif
