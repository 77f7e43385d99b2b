/* png.h - a PNG image (ISO/IEC 15948) out of 24-bit pixels. */
#ifndef HEDGEROW_CLI_PNG_H
#define HEDGEROW_CLI_PNG_H

#include "proto/base/buf.h"

#define PNG_SIDE_MAX 8192

/* png_encode appends the image of |width| x |height| pixels (1 to PNG_SIDE_MAX each), three
 * bytes a pixel (red, green, blue), row after row. 0 or MESH_E_NOMEM. */
int png_encode(struct buf *out, const uint8_t *pixels, uint32_t width, uint32_t height);

#endif
