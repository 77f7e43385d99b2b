/* packs_otherwise.h - leaves packed as another library would, where a test says so: the same bytes in frames of another
 * form. Linked with --wrap=zpack_deflate. */
#ifndef HEDGEROW_TESTS_PACKS_OTHERWISE_H
#define HEDGEROW_TESTS_PACKS_OTHERWISE_H

#include <assert.h>
#include <stdbool.h>

#include <zstd.h>

#include "proto/base/err.h"
#include "proto/leaf.h"
#include "proto/zpack.h"

int __real_zpack_deflate(struct zpack *z, struct slice raw, struct buf *out);
int __wrap_zpack_deflate(struct zpack *z, struct slice raw, struct buf *out);

static bool packs_otherwise; /* all nodes, for now */

int __wrap_zpack_deflate(struct zpack *z, struct slice raw, struct buf *out)
{
    uint8_t *to = buf_reserve(out, LEAF_BYTES);
    ZSTD_CCtx *c;

    if (!packs_otherwise || raw.len < ZPACK_MIN)
        return __real_zpack_deflate(z, raw, out);
    c = ZSTD_createCCtx();
    assert(c != NULL && to != NULL);
    ZSTD_CCtx_setParameter(c, ZSTD_c_checksumFlag, 1);
    size_t n = ZSTD_compress2(c, to, raw.len - 1, raw.data, raw.len);
    ZSTD_freeCCtx(c);
    if (ZSTD_isError(n))
        return MESH_E_NO_GAIN;
    out->len += n;
    return 0;
}

#endif
