/* Node and authority files: what is taken encodes and decodes to the same again. */
#include "proto/base/err.h"
#include "proto/identity.h"
#include "tests/fuzz/fuzz.h"

static struct authority made;
static struct identity admitted;

static void fuzz_start(void)
{
    struct admission what = { .name = SLICE_LIT("fra-1"), .zone = SLICE_LIT("eu/fra"), .not_after_s = 2000000000 };

    authority_make(&made, MESH_ARC_BITS_DEFAULT);
    int err = authority_admit(&admitted, &made, &what);
    assert(err == 0);
}

static void fuzz_sample(unsigned n, struct buf *b)
{
    if (n % 2 == 0)
        identity_encode(b, &admitted);
    else
        authority_encode(b, &made);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct identity id, id_again;
    struct authority a, a_again;
    struct buf text = BUF_EMPTY;
    uint8_t *copy = fuzz_copy(data, size);

    if (identity_decode(&id, slice_of(copy, size)) == 0) {
        int err = identity_encode(&text, &id);
        assert(err == 0);
        err = identity_decode(&id_again, buf_slice(&text));
        assert(err == 0 && memcmp(id.sign_secret, id_again.sign_secret, SIGN_SECRET_BYTES) == 0);
        assert(slice_eq(identity_cert(&id), identity_cert(&id_again)));
    }
    buf_clear(&text);
    if (authority_decode(&a, slice_of(copy, size)) == 0) {
        int err = authority_encode(&text, &a);
        assert(err == 0);
        err = authority_decode(&a_again, buf_slice(&text));
        assert(err == 0 && memcmp(a.secret, a_again.secret, SIGN_SECRET_BYTES) == 0);
    }
    buf_free(&text);
    free(copy);
    return 0;
}
