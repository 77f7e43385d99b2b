/* A certificate that is taken has lawful fields and signs to a form that says the same;
 * none passes as signed by an authority of ours but ours. */
#include "proto/base/err.h"
#include "proto/identity.h"
#include "tests/fuzz/fuzz.h"

static struct authority authority;
static struct identity admitted;

static void fuzz_start(void)
{
    struct admission what = { .name = SLICE_LIT("fra-1"), .zone = SLICE_LIT("eu/fra"), .not_after_s = 2000000000 };

    authority_make(&authority, MESH_ARC_BITS_DEFAULT);
    int err = authority_admit(&admitted, &authority, &what);
    assert(err == 0);
}

static void fuzz_sample(unsigned n, struct buf *b)
{
    (void)n;
    buf_add_slice(b, identity_cert(&admitted));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cert c, again;
    struct buf b = BUF_EMPTY;
    uint8_t *copy = fuzz_copy(data, size);
    struct slice bytes = slice_of(copy, size);
    const uint8_t(*keys)[SIGN_KEY_BYTES] = (const uint8_t(*)[SIGN_KEY_BYTES])authority.mesh.authorities;

    if (cert_parse(&c, bytes) == 0) {
        assert(size <= CERT_BYTES_MAX);
        assert(cert_name_ok(slice_str(c.name)) && cert_zone_ok(slice_str(c.zone)));
        fuzz_touch(cert_region(&c));
        int err = cert_check(&c, bytes, &authority.mesh.id, keys, authority.mesh.authorities_n, 1);
        assert(err != 0 || slice_eq(bytes, identity_cert(&admitted)));
        if (cert_sign(&b, &c, authority.secret) == 0) {
            err = cert_parse(&again, buf_slice(&b));
            assert(err == 0);
            assert(node_id_eq(&c.id, &again.id) && strcmp(c.name, again.name) == 0 && strcmp(c.zone, again.zone) == 0);
            assert(c.serial == again.serial && c.weight_max == again.weight_max && c.roles == again.roles);
            err = cert_check(&again, buf_slice(&b), &c.mesh, keys, authority.mesh.authorities_n, -1);
            assert(err == 0);
        }
    }
    buf_free(&b);
    free(copy);
    return 0;
}
