/* A purge that is taken signs to the same bytes but for the signature; none passes as an issuer's but what it signed;
 * and a file of purges is read whatever is in it, and written again says the same. */
#include "node/core/purge_text.h"
#include "proto/base/err.h"
#include "tests/fuzz/fuzz.h"

static struct identity self;
static struct buf samples[3];
static const uint8_t hash_key[MAP_KEY_BYTES] = { 1 };

static void fuzz_start(void)
{
    static const struct purge_target targets[] = { { PURGE_URL, { (const uint8_t *)"/a?b", 4 } },
                                                   { PURGE_PREFIX, { (const uint8_t *)"/c", 2 } },
                                                   { PURGE_TAG, { (const uint8_t *)"d", 1 } },
                                                   { PURGE_ALL, { NULL, 0 } } };
    struct purge p = { .log.begun = 3, .number = 1, .at_s = 1700000000, .who = SLICE_LIT("who") };
    struct authority a;
    struct purge_logs l;
    struct wire w;
    bool gap;

    authority_make(&a, MESH_ARC_BITS_DEFAULT);
    struct admission what = { .name = SLICE_LIT("n"), .zone = SLICE_LIT("z"), .not_after_s = 1900000000 };
    int err = authority_admit(&self, &a, &what) | purge_logs_init(&l, hash_key);
    for (int i = 0; i < 2; i++) {
        p.number = (uint64_t)i + 1;
        p.soft = i == 1;
        err |= purge_sign(&samples[i], &p, targets, i == 0 ? 4 : 1, &self);
        struct purge q;
        err |= purge_parse(&w, buf_slice(&samples[i]), &q);
        err |= purge_logs_take(&l, &q, buf_slice(&samples[i]), &self.cert, identity_cert(&self), false, &gap);
        wire_close(&w);
    }
    purge_text_whole(&samples[2], &l);
    assert(err == 0 && buf_ok(&samples[2]));
    purge_logs_fini(&l);
}

static void fuzz_sample(unsigned n, struct buf *b)
{
    buf_add_slice(b, buf_slice(&samples[n % 3]));
}

static void took(void *ctx, const struct purge *p, uint64_t position, bool gap)
{
    (void)gap;
    assert(position > 0 && p->targets_n > 0);
    ++*(size_t *)ctx;
}

static void read_file(struct slice text)
{
    struct purge_logs l, again;
    struct buf out = BUF_EMPTY;
    uint64_t from;
    size_t n = 0, m = 0;

    if (purge_logs_init(&l, hash_key) != 0 || purge_logs_init(&again, hash_key) != 0)
        abort();
    int damaged = purge_text_read(&l, &self.mesh.id, text, took, &n, &from);
    assert(damaged >= 0 && l.position <= PURGE_NUMBER_MAX);
    purge_text_whole(&out, &l);
    damaged = purge_text_read(&again, &self.mesh.id, buf_slice(&out), took, &m, &from);
    assert(damaged == 0 && again.digest == l.digest && again.kept_n == l.kept_n);
    purge_logs_fini(&l);
    purge_logs_fini(&again);
    buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct purge_target targets[PURGE_TARGETS_MAX];
    struct buf b = BUF_EMPTY;
    uint8_t *copy = fuzz_copy(data, size);
    struct slice bytes = slice_of(copy, size);
    struct purge p;
    struct wire w;

    if (purge_parse(&w, bytes, &p) == 0) {
        assert(size <= PURGE_BYTES_MAX && p.targets_n <= PURGE_TARGETS_MAX);
        int err = purge_verify(&p, bytes, &self.cert);
        assert(err != 0 || slice_eq(bytes, buf_slice(&samples[0])) || slice_eq(bytes, buf_slice(&samples[1])));
        for (size_t i = 0; i < p.targets_n; i++)
            targets[i] = purge_target(&p, i);
        err = purge_sign(&b, &p, targets, p.targets_n, &self);
        bool same =
            node_id_eq(&p.log.issuer, &self.cert.id) && memcmp(p.mesh.bytes, self.mesh.id.bytes, MESH_ID_BYTES) == 0;
        assert(err == 0 && b.len == size);
        assert(!same || memcmp(b.data, copy, size - SIGNATURE_BYTES) == 0);
        wire_close(&w);
    }
    read_file(bytes);
    buf_free(&b);
    free(copy);
    return 0;
}
