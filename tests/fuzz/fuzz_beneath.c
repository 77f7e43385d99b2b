/* Paths to files below a directory: what is taken has no part that leads up, is hidden or empty, and no zero byte, and
 * is no longer than a path may be. */
#include <limits.h>

#include "node/io/beneath.h"
#include "tests/fuzz/fuzz.h"

static void fuzz_start(void)
{
}

static void fuzz_sample(unsigned n, struct buf *b)
{
    static const char *const parts[] = { "/a", "/%2e%2e%2f", "/b%20c", "/.well-known", "//", "/..", "/%00", "/" };

    for (unsigned i = 0; i < 8; i++) {
        if ((n >> i & 1) != 0)
            buf_add_str(b, parts[i]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t *copy = fuzz_copy(data, size);
    struct buf name = BUF_EMPTY;
    int status = beneath_path(&name, slice_of(copy, size), SLICE_LIT("index.html"));

    assert(status == 0 || status == 403 || status == 404 || status == 414);
    if (status == 0 && buf_ok(&name)) {
        struct slice rest = buf_slice(&name), part;
        assert(name.len > 0 && name.len < PATH_MAX && memchr(name.data, 0, name.len) == NULL);
        while (slice_split(&rest, '/', &part)) {
            assert(part.len > 0);
            assert(part.data[0] != '.' || slice_eq(part, SLICE_LIT(".well-known")));
        }
    }
    buf_free(&name);
    free(copy);
    return 0;
}
