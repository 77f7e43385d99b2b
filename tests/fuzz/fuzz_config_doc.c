/* A configuration that is read from a file form is what its version says: none passes as an operator's but what one
 * signed, whatever it says of itself, and what its pieces make is the text that was signed. */
#include "proto/base/err.h"
#include "proto/config_doc.h"
#include "tests/fuzz/fuzz.h"

static struct identity self;
static struct zpack *z;
static struct config_doc *made[3];
static struct buf texts[3];

static void fuzz_start(void)
{
    struct admission what = { .name = SLICE_LIT("n"),
                              .zone = SLICE_LIT("z"),
                              .not_after_s = 1900000000,
                              .roles = CERT_ROLE_NODE | CERT_ROLE_OPERATOR };
    struct authority a;

    authority_make(&a, MESH_ARC_BITS_DEFAULT);
    int err = authority_admit(&self, &a, &what);
    z = zpack_new();
    for (unsigned i = 0; i < 3; i++) {
        struct config_head head = { .at_s = 1700000000, .who = "who" };
        for (unsigned n = 0; n < 700 * i; n++)
            buf_add_u8(&texts[i], (uint8_t)(n % (100 * i)));
        config_doc_follow(&head, i > 0 ? &made[i - 1]->head : NULL);
        err |= config_doc_make(&made[i], z, &head, buf_slice(&texts[i]), &self);
    }
    assert(err == 0);
}

static void fuzz_sample(unsigned n, struct buf *b)
{
    buf_add_slice(b, buf_slice(&made[n % 3]->bytes));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config_doc *d = NULL;
    struct buf out = BUF_EMPTY;
    uint8_t *copy = fuzz_copy(data, size);
    bool known = false;

    if (config_doc_read(&d, z, slice_of(copy, size)) == 0) {
        assert(config_doc_whole(d) && d->head.pieces_n <= CONFIG_PIECES_MAX && d->bytes.len == size);
        int err = config_doc_text(d, z, &out);
        assert(err == 0 && out.len == d->head.length);
        err = config_doc_check(d, &self.mesh.id);
        for (unsigned i = 0; i < 3 && err == 0; i++)
            known = known || (config_version_cmp(&d->head.version, &made[i]->head.version) == 0 &&
                              slice_eq(buf_slice(&out), buf_slice(&texts[i])));
        assert(err != 0 || known);
    }
    config_doc_free(d);
    buf_free(&out);
    free(copy);
    return 0;
}
