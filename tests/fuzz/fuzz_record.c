/* Records under either suite: what opens is what was sealed, in its turn and as it was; whatever else comes changes
 * nothing. The first byte is the suite (bit 0), whether the length in front is put right, so that the seal is tried at
 * all (bit 1), and how many records were opened before (the rest). */
#include "proto/base/err.h"
#include "proto/record.h"
#include "tests/fuzz/fuzz.h"

#define BEFORE 4

static const uint8_t key[32] = "a key that the fuzzer cannot use";

static enum record_suite suite_of(uint8_t first)
{
    bool aes = (first & 1) != 0 && (record_suites() & RECORD_SUITE_BIT(RECORD_AES_256_GCM)) != 0;
    return aes ? RECORD_AES_256_GCM : RECORD_CHACHA20_POLY1305;
}

/* The |n|-th record of a stream. */
static void sealed(enum record_suite suite, unsigned n, struct buf *out)
{
    struct record_half half;

    int err = record_init(&half, suite, key);
    assert(err == 0);
    for (unsigned i = 0; i <= n; i++) {
        buf_clear(out);
        size_t mark = record_begin(out);
        buf_addf(out, "frame %u", i);
        err = record_finish(&half, out, mark);
        assert(err == 0);
    }
    record_wipe(&half);
}

static void fuzz_start(void)
{
}

static void fuzz_sample(unsigned n, struct buf *b)
{
    struct buf record = BUF_EMPTY;

    sealed(suite_of((uint8_t)n), n / 2 % BEFORE, &record);
    buf_add_u8(b, (uint8_t)((n & 1) | n / 2 % BEFORE << 2));
    buf_add_slice(b, buf_slice(&record));
    buf_free(&record);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct record_half half, kept;
    struct buf honest = BUF_EMPTY;
    struct slice plain;
    size_t used;

    if (size < 1)
        return 0;
    enum record_suite suite = suite_of(data[0]);
    unsigned before = (data[0] >> 2) % BEFORE;
    uint8_t *copy = fuzz_copy(data + 1, size - 1);
    size_t len = size - 1;

    if ((data[0] & 2) != 0 && len > RECORD_HEAD_BYTES)
        be32_put(copy, (uint32_t)(len - RECORD_HEAD_BYTES));
    int err = record_init(&half, suite, key);
    assert(err == 0);
    for (unsigned i = 0; i < before; i++) {
        sealed(suite, i, &honest);
        err = record_open(&half, honest.data, honest.len, &used, &plain);
        assert(err == 0);
    }
    sealed(suite, before, &honest);
    bool true_one = len >= honest.len && memcmp(copy, honest.data, honest.len) == 0;
    memcpy(&kept, &half, sizeof(half));
    err = record_open(&half, copy, len, &used, &plain);
    assert((err == 0) == true_one);
    if (err == 0) {
        assert(used == honest.len && fuzz_touch(plain) > 0);
        assert(record_open(&half, honest.data, honest.len, &used, &plain) == MESH_E_SEAL); /* twice */
    } else {
        assert(err == MESH_E_SHORT || err == MESH_E_RANGE || err == MESH_E_SEAL);
        assert(memcmp(&kept, &half, sizeof(half)) == 0);
        err = record_open(&half, honest.data, honest.len, &used, &plain);
        assert(err == 0); /* and the true one still opens */
    }
    record_wipe(&half);
    buf_free(&honest);
    free(copy);
    return 0;
}
