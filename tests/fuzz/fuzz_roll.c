/* A roll that is taken signs to a form that says the same; none passes as an authority's but
 * what one of ours signed. */
#include "proto/base/err.h"
#include "proto/roll.h"
#include "tests/fuzz/fuzz.h"

static struct authority authority, next;
static struct buf samples[2];

static void fuzz_start(void)
{
    struct roll_revoked v = { .name = "fra-1", .serial = 3, .at_s = 1700000000, .drop = true };
    struct roll r;

    authority_make(&authority, MESH_ARC_BITS_DEFAULT);
    authority_make_next(&next, &authority);
    roll_init(&r, &authority.mesh);
    r.sequence = 1;
    int err = roll_revoke(&r, &v);
    v.id.bytes[0] = 1;
    err += roll_revoke(&r, &v);
    err += roll_sign(&samples[0], &r, authority.secret);
    err += roll_add(&r, next.key, 1, authority.secret);
    err += roll_sign(&samples[1], &r, next.secret);
    assert(err == 0);
    roll_free(&r);
}

static void fuzz_sample(unsigned n, struct buf *b)
{
    buf_add_slice(b, buf_slice(&samples[n % 2]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct roll r, again;
    struct buf b = BUF_EMPTY;
    uint8_t *copy = fuzz_copy(data, size);
    struct slice bytes = slice_of(copy, size);

    if (roll_parse(&r, bytes) == 0) {
        assert(size <= ROLL_BYTES_MAX && roll_live(&r, r.signer) && r.revoked_n <= ROLL_REVOKED_MAX);
        int err = roll_check(&r, bytes, &authority.mesh.id, mesh_trusted(&authority.mesh), 1);
        assert(err != 0 || slice_eq(bytes, buf_slice(&samples[0])) || slice_eq(bytes, buf_slice(&samples[1])));
        memcpy(r.live[0].key, authority.key, SIGN_KEY_BYTES);
        if (roll_sign(&b, &r, authority.secret) == 0) {
            err = roll_parse(&again, buf_slice(&b));
            /* The same key may now be live twice. */
            assert(err == 0 || err == MESH_E_SYNTAX);
            assert(err != 0 || (again.sequence == r.sequence && again.revoked_n == r.revoked_n));
            assert(err != 0 || roll_check(&again, buf_slice(&b), &r.mesh, mesh_trusted(&authority.mesh), 1) == 0);
            roll_free(&again);
        }
        roll_free(&r);
    }
    buf_free(&b);
    free(copy);
    return 0;
}
