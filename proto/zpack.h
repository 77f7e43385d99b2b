/* zpack.h - zstd for leaves (RFC 8878), bounded on both sides. Holds reusable
 * contexts; not thread safe, one per thread. */
#ifndef HEDGEROW_PROTO_ZPACK_H
#define HEDGEROW_PROTO_ZPACK_H

#include "proto/base/buf.h"

#define ZPACK_LEVEL 3
#define ZPACK_MIN   128 /* shorter leaves go raw */

/* A frame around bytes as they are: this head, and they. */
#define ZPACK_RAW_HEAD 12
#define ZPACK_RAW_MAX  (128u * 1024) /* of one block (RFC 8878 section 3.1.1.2.4) */

struct zpack;

struct zpack *zpack_new(void); /* NULL: out of memory */
void zpack_free(struct zpack *z);

/* zpack_deflate appends |raw| packed. MESH_E_NO_GAIN when it would not save at
 * least 1/16 (nothing appended), MESH_E_NOMEM. */
int zpack_deflate(struct zpack *z, struct slice raw, struct buf *out);

/* zpack_inflate writes exactly |raw_len| bytes to |raw|. The frame's own size is
 * never trusted: MESH_E_RANGE when it makes more or fewer, MESH_E_SYNTAX when it
 * is broken, has a window above 128 KiB, or bytes follow. */
int zpack_inflate(struct zpack *z, struct slice packed, uint8_t *raw, size_t raw_len);

/* zpack_raw_head writes ZPACK_RAW_HEAD bytes to |head|: with |raw_len| bytes of any kind behind them, 1 to
 * ZPACK_RAW_MAX, they are a whole frame. */
void zpack_raw_head(uint8_t *head, size_t raw_len);

#endif
