/* fuzz.h - what all fuzz targets share: randomness that repeats, and a mutator that now
 * and then begins anew from one of the target's valid samples, so that no corpus of
 * files is needed to get past the first bytes. */
#ifndef HEDGEROW_TESTS_FUZZ_H
#define HEDGEROW_TESTS_FUZZ_H

#include "proto/base/buf.h"
#include "proto/base/rand.h"
#include "proto/digest.h"

#include <assert.h>
#include <sodium.h>
#include <stdlib.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

/* Of each target: sample |n| (any number; modulo as many as there are) to |out|, and
 * what is to be made once. */
static void fuzz_sample(unsigned n, struct buf *out);
static void fuzz_start(void);

static struct rand fuzz_source;

static const char *fuzz_source_name(void)
{
    return "fuzz";
}

static uint32_t fuzz_source_u32(void)
{
    return (uint32_t)rand_u64(&fuzz_source);
}

static void fuzz_source_buf(void *const out, const size_t len)
{
    for (size_t i = 0; i < len; i++)
        ((uint8_t *)out)[i] = (uint8_t)rand_u64(&fuzz_source);
}

static struct randombytes_implementation fuzz_random = {
    fuzz_source_name, fuzz_source_u32, NULL, NULL, fuzz_source_buf, NULL
};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    fuzz_source = rand_of(1, 1, 1);
    randombytes_set_implementation(&fuzz_random);
    int err = crypto_start();
    assert(err == 0);
    fuzz_start();
    return 0;
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
    struct buf b = BUF_EMPTY;

    if (size > 1 && seed % 64 != 0)
        return LLVMFuzzerMutate(data, size, max_size);
    fuzz_sample(seed / 64, &b);
    assert(buf_ok(&b));
    size = b.len < max_size ? b.len : max_size;
    if (size > 0)
        memcpy(data, b.data, size);
    buf_free(&b);
    return size;
}

/* The input in memory of exactly its size (libFuzzer's may be larger). Owned by the caller. */
static inline uint8_t *fuzz_copy(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);

    assert(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    return copy;
}

/* A number that only the bytes decide: where to cut an input, so that any message as it is can be a seed. */
static inline size_t fuzz_hash(const uint8_t *data, size_t size)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a */

    for (size_t i = 0; i < size; i++)
        h = (h ^ data[i]) * UINT64_C(0x100000001b3);
    return (size_t)(h ^ h >> 32);
}

/* Reads every byte, so that a sanitizer sees a slice that lends what is not there. */
static inline unsigned fuzz_touch(struct slice s)
{
    volatile unsigned sum = 0;

    for (size_t i = 0; i < s.len; i++)
        sum = sum + s.data[i];
    return sum;
}

#endif
