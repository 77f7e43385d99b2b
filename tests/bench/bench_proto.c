/* bench_proto - what the protocol's parts cost on one core, beside the bare primitive of
 * libsodium, GnuTLS or zstd that each is built on. Medians. Usage: bench_proto [rounds] */
#include "proto/handshake.h"
#include "proto/leaf.h"
#include "proto/msg.h"
#include "proto/record.h"
#include "proto/zpack.h"

#include <assert.h>
#include <gnutls/crypto.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <zstd.h>

#define ROUNDS_MAX 1001
#define INNER_NS   2000000 /* one round takes about this long */

static uint64_t now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); /* what others do on this host does not count */
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ---- what is measured; all work on one leaf ---- */

static struct identity id;
static struct mesh_id mesh;
static struct digest key;
static struct leaf_claim claim = { &mesh, &id.cert.id, &key, 7 };
static struct leaf_batch batch = { .first = 0, .count = 1 };
static uint8_t leaf[LEAF_BYTES], opened[LEAF_BYTES + 64], sig[SIGNATURE_BYTES], packed_raw[LEAF_BYTES];
static uint8_t nonce[12], tag[16], secret[32] = { 9 };
static enum record_suite suite = RECORD_CHACHA20_POLY1305;
static struct record_half send_half, recv_half;
static struct buf out, packed;
static struct zpack *z;
static ZSTD_CCtx *bare_pack;
static ZSTD_DCtx *bare_unpack;

static void seal_bare(void)
{
    crypto_aead_chacha20poly1305_ietf_encrypt_detached(opened, tag, NULL, leaf, LEAF_BYTES, NULL, 0, NULL, nonce,
                                                       secret);
}

/* The other suite a mesh could use; libsodium has it only with the processor's instructions. */
static void seal_bare_aes(void)
{
    if (crypto_aead_aes256gcm_is_available())
        crypto_aead_aes256gcm_encrypt_detached(opened, tag, NULL, leaf, LEAF_BYTES, NULL, 0, NULL, nonce, secret);
}

static void seal_record(void)
{
    struct msg_leaf m = { 1, LEAF_RAW, LEAF_BYTES, SLICE_OF(leaf) };

    buf_clear(&out);
    size_t mark = record_begin(&out);
    msg_put_leaf(&out, 1, &m);
    record_finish(&send_half, &out, mark);
}

static void seal_and_open(void)
{
    struct slice plain;
    struct msg_frame f;
    struct msg_leaf m;
    size_t used;

    seal_record();
    int err = record_open(&recv_half, out.data, out.len, &used, &plain);
    assert(err == 0 && msg_open(plain, &f) == 0 && msg_get_leaf(f.body, &m) == 0);
}

static void hash_bare(void)
{
    crypto_generichash(opened, 32, leaf, LEAF_BYTES, NULL, 0);
}

static void hash_bare_sha256(void)
{
    gnutls_hash_fast(GNUTLS_DIG_SHA256, leaf, LEAF_BYTES, opened);
}

static void hash_leaf(void)
{
    struct digest d;
    leaf_hash(&d, SLICE_OF(leaf));
}

/* All that a leaf costs on its way: sealed, opened, hashed; a signature for each 16. */
static void whole_way(void)
{
    static unsigned n;
    struct digest d;

    seal_and_open();
    leaf_hash(&d, SLICE_OF(leaf));
    leaf_chain_step(&batch.chain, &d);
    if (n++ % LEAF_BATCH_MAX == 0) {
        leaf_sign_batch(&batch, &id, &claim);
        int err = leaf_verify_batch(&batch, id.sign_key, &claim);
        assert(err == 0);
    }
}

static void sign_bare(void)
{
    crypto_sign_detached(sig, NULL, key.bytes, sizeof(key.bytes), id.sign_secret);
}

static void sign_batch(void)
{
    leaf_sign_batch(&batch, &id, &claim);
}

static void verify_bare(void)
{
    int err = crypto_sign_verify_detached(sig, key.bytes, sizeof(key.bytes), id.sign_key);
    assert(err == 0);
}

static void verify_batch(void)
{
    int err = leaf_verify_batch(&batch, id.sign_key, &claim);
    assert(err == 0);
}

static void pack_bare(void)
{
    size_t n = ZSTD_compress2(bare_pack, packed_raw, sizeof(packed_raw), leaf, LEAF_BYTES);
    assert(!ZSTD_isError(n));
}

static void pack_leaf(void)
{
    buf_clear(&packed);
    int err = zpack_deflate(z, SLICE_OF(leaf), &packed);
    assert(err == 0);
}

static void unpack_bare(void)
{
    size_t n = ZSTD_decompressDCtx(bare_unpack, opened, LEAF_BYTES, packed.data, packed.len);
    assert(n == LEAF_BYTES);
}

static void unpack_leaf(void)
{
    int err = zpack_inflate(z, buf_slice(&packed), opened, LEAF_BYTES);
    assert(err == 0);
}

static void shake_hands(void)
{
    struct handshake ends[2];
    uint8_t pub[32];
    struct buf m = BUF_EMPTY, got = BUF_EMPTY;

    crypto_scalarmult_base(pub, secret);
    handshake_init(&ends[0], HANDSHAKE_IK, HANDSHAKE_INITIATOR, secret, pub, pub, SLICE_EMPTY);
    handshake_init(&ends[1], HANDSHAKE_IK, HANDSHAKE_RESPONDER, secret, pub, NULL, SLICE_EMPTY);
    for (int i = 0; i < 2; i++) {
        buf_clear(&m);
        int err = handshake_write(&ends[i], slice_of(leaf, 400), &m);
        assert(err == 0);
        err = handshake_read(&ends[1 - i], buf_slice(&m), &got);
        assert(err == 0);
    }
    buf_free(&m);
    buf_free(&got);
}

static void put_get_ask(void)
{
    struct msg_ask a = {
        .distribution = SLICE_LIT("photos"), .host = SLICE_LIT("example.com"), .hops = 1, .credit = 32
    };
    struct wire w;

    a.path = SLICE_LIT("/a/path/of/common/length.jpg?w=100");
    a.epoch = a.config = a.frontier = UINT64_MAX;
    buf_clear(&out);
    int err = msg_put_ask(&out, 1, &a);
    assert(err == 0);
    err = msg_get_ask(&w, slice_from(buf_slice(&out), MSG_HEAD_BYTES), &a);
    assert(err == 0);
    wire_close(&w);
}

struct row {
    const char *name;
    void (*run)(void);
    bool bytes; /* a leaf's worth, told as MB/s; else as operations */
};
static const struct row rows[] = {
    { "seal: bare ChaCha20-Poly1305", seal_bare, true },
    { "seal: bare AES-256-GCM", seal_bare_aes, true },
    { "seal: a LEAF in a record", seal_record, true },
    { "seal and open: a LEAF in a record", seal_and_open, true },
    { "hash: bare BLAKE2b-256", hash_bare, true },
    { "hash: bare SHA-256 (GnuTLS)", hash_bare_sha256, true },
    { "hash: a leaf", hash_leaf, true },
    { "pack: bare zstd, level 3", pack_bare, true },
    { "pack: a leaf", pack_leaf, true },
    { "unpack: bare zstd", unpack_bare, true },
    { "unpack: a leaf", unpack_leaf, true },
    { "sign: bare Ed25519", sign_bare, false },
    { "sign: a batch", sign_batch, false },
    { "verify: bare Ed25519", verify_bare, false },
    { "verify: a batch", verify_batch, false },
    { "handshake: IK, both sides", shake_hands, false },
    { "ASK: written and read", put_get_ask, false },
};

static const struct row sealing_rows[] = {
    { "seal: a LEAF in a record", seal_record, true },
    { "seal and open: a LEAF in a record", seal_and_open, true },
};
static const struct row way = { "leaf: sealed, opened, verified, 1/16 batch signed", whole_way, true };
#define ROW_25_MB_S 600

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* The median time of one run, in ns. */
static double measure(void (*run)(void), size_t rounds)
{
    static double times[ROUNDS_MAX];
    uint64_t start = now_ns(), n = 0;

    while (now_ns() - start < INNER_NS) { /* warm up, and see how many fit */
        run();
        n++;
    }
    for (size_t i = 0; i < rounds; i++) {
        start = now_ns();
        for (uint64_t k = 0; k < n; k++)
            run();
        times[i] = (double)(now_ns() - start) / (double)n;
    }
    qsort(times, rounds, sizeof(times[0]), by_value);
    return times[rounds / 2];
}

static void prepare(void)
{
    static const char text[] = "<li class=\"entry\"><a href=\"/photos/%u\">photo %u</a> taken by %u</li>\n";

    for (size_t at = 0, n = 0; at < sizeof(leaf); n++) { /* a page of markup */
        char line[128];
        int len =
            snprintf(line, sizeof(line), text, (unsigned)(n * 2654435761u), (unsigned)n, (unsigned)(n * 40503u % 997));
        for (int i = 0; i < len && at < sizeof(leaf); i++)
            leaf[at++] = (uint8_t)line[i];
    }
    crypto_sign_keypair(id.sign_key, id.sign_secret);
    node_id_of(&id.cert.id, id.sign_key);
    z = zpack_new();
    bare_pack = ZSTD_createCCtx();
    bare_unpack = ZSTD_createDCtx();
    assert(z != NULL && bare_pack != NULL && bare_unpack != NULL);
    ZSTD_CCtx_setParameter(bare_pack, ZSTD_c_compressionLevel, ZPACK_LEVEL);
    pack_leaf();
    sign_bare();
    sign_batch();
}

/* Returns what a run took, in ns. */
static double print_row(const struct row *row, size_t rounds)
{
    /* seal_record alone would run away from its reader: both begin anew. */
    record_wipe(&send_half);
    record_wipe(&recv_half);
    int err = record_init(&send_half, suite, secret);
    if (err == 0)
        err = record_init(&recv_half, suite, secret);
    assert(err == 0);
    double ns = measure(row->run, rounds);
    if (row->bytes)
        printf("%-50s %9.0f MB/s %9.2f us\n", row->name, LEAF_BYTES * 1e3 / ns, ns / 1e3);
    else
        printf("%-50s %9.0f /s   %9.2f us\n", row->name, 1e9 / ns, ns / 1e3);
    return ns;
}

/* Both ends of a hop on one core, by the suite that two nodes like this one would take. */
static void print_way(size_t rounds)
{
    double mb_s = LEAF_BYTES * 1e3 / print_row(&way, rounds);

    printf("row 25: sealed, verified throughput a core, by %s: %.0f MB/s, target %d: %s\n", record_suite_word(suite), mb_s,
           ROW_25_MB_S, mb_s >= ROW_25_MB_S ? "pass" : "MISS");
}

int main(int argc, char **argv)
{
    size_t rounds = argc > 1 ? strtoul(argv[1], NULL, 10) : 51;

    if (crypto_start() != 0 || rounds == 0 || rounds > ROUNDS_MAX)
        return 2;
    prepare();
    printf("one core, leaves of %u bytes, median of %zu rounds; packed %.1f : 1\n", LEAF_BYTES, rounds,
           (double)LEAF_BYTES / (double)packed.len);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        print_row(&rows[i], rounds);
    if ((record_suites() & RECORD_SUITE_BIT(RECORD_AES_256_GCM)) != 0) {
        suite = RECORD_AES_256_GCM;
        printf("records by %s:\n", record_suite_word(suite));
        for (size_t i = 0; i < sizeof(sealing_rows) / sizeof(sealing_rows[0]); i++)
            print_row(&sealing_rows[i], rounds);
    }
    print_way(rounds);
    buf_free(&out);
    buf_free(&packed);
    ZSTD_freeCCtx(bare_pack);
    ZSTD_freeDCtx(bare_unpack);
    zpack_free(z);
    return 0;
}
