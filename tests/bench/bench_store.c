/* bench_store.c - how long a store takes to know what is there again. Makes the files of one with very many things in it,
 * through the store itself and as a node has them (node/io/disk.c), has the kernel forget their pages, and recovers it.
 * Usage: bench_store DATA [THINGS [BYTES]]: in the folder DATA/store, which must not be there (1,000,000 of 512 bytes).
 * Prints the --disk that it is for, the seconds and those of CPU, and "pass" or "MISS"; disk.py starts a node on what it
 * leaves. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "node/store/store.h"
#include "proto/base/rand.h"

#define SEED     UINT64_C(0x1234567890abcdef)
#define TARGET_S 2.0

static int folder;

static double seconds(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    perror(what);
    exit(1);
}

static int open_file(uint32_t segment, int flags)
{
    char name[16];

    snprintf(name, sizeof(name), "seg-%08x", segment);
    int fd = openat(folder, name, flags, 0600);
    must(fd >= 0, name);
    return fd;
}

static void do_op(const struct store_op *op)
{
    int fd = open_file(op->segment, O_WRONLY | O_CREAT);

    if (op->kind == STORE_WRITE)
        must(pwrite(fd, op->bytes, op->len, op->offset) == (ssize_t)op->len, "write");
    else
        must(op->kind == STORE_SYNC && fdatasync(fd) == 0 && posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0, "sync");
    close(fd);
}

static void run(struct store *s)
{
    struct store_op *op;
    int err = 0;

    while ((op = store_poll(s, SEC(1))) != NULL) {
        do_op(op);
        store_done(s, SEC(1), op, &err);
    }
}

static void make(const struct store_config *cfg, uint32_t things, uint32_t bytes)
{
    struct store *s = store_new(cfg);
    uint8_t *body = calloc(1, bytes);
    struct slice piece = slice_of(body, bytes);

    must(s != NULL && body != NULL, "memory");
    for (uint32_t i = 0; i < things; i++) {
        struct store_name name = { rand_mix(i + 1), (uint32_t)rand_mix(i), 0 };
        must(store_put(s, SEC(1), &name, &piece, 1) == 0, "put");
        if (i % 1000 == 0)
            run(s);
    }
    run(s);
    store_close(s, SEC(1));
    run(s);
    must(store_things(s) == things, "things");
    store_free(s);
    free(body);
}

static int64_t read_some(void *ctx, uint32_t segment, uint32_t offset, void *into, size_t len)
{
    int fd = open_file(segment, O_RDONLY);
    ssize_t n = pread(fd, into, len, offset);

    (void)ctx;
    close(fd);
    return n;
}

static double recover(const struct store_config *cfg, uint32_t things, double *cpu)
{
    uint32_t numbers[256], n = 0;
    char name[16];
    struct stat st;

    for (uint32_t i = 1; i < 256; i++) {
        snprintf(name, sizeof(name), "seg-%08x", i);
        if (fstatat(folder, name, &st, 0) == 0)
            numbers[n++] = i;
    }
    double from = seconds(CLOCK_MONOTONIC), cpu_from = seconds(CLOCK_PROCESS_CPUTIME_ID);
    struct store *s = store_new(cfg);
    must(s != NULL && store_recover(s, numbers, n, read_some, NULL) == 0 && store_things(s) == things, "recover");
    double took = seconds(CLOCK_MONOTONIC) - from;
    *cpu = seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_from;
    store_free(s);
    return took;
}

int main(int argc, char **argv)
{
    uint32_t things = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 1000000;
    uint32_t bytes = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 512;
    struct store_config cfg = { .seed = SEED, .secret = 1 };
    char path[4096];

    if (argc < 2 || things == 0) {
        fprintf(stderr, "usage: bench_store DATA [THINGS [BYTES]]\n");
        return 2;
    }
    cfg.limit = (uint64_t)things * (record_bytes(bytes) + STORE_LISTED_BYTES) / 3 * 4 + STORE_LIMIT_MIN;
    cfg.segment_bytes = store_segment_bytes(cfg.limit);
    snprintf(path, sizeof(path), "%s/store", argv[1]);
    must(mkdir(path, 0700) == 0 && (folder = open(path, O_RDONLY | O_DIRECTORY)) >= 0, path);
    int fd = openat(folder, "format", O_WRONLY | O_CREAT | O_EXCL, 0600);
    must(fd >= 0 && dprintf(fd, "hedgerow-store %u segment %u seed %016llx\n", STORE_VERSION, cfg.segment_bytes,
                            (unsigned long long)SEED) > 0, "format");
    close(fd);
    make(&cfg, things, bytes);
    double cpu, took = recover(&cfg, things, &cpu);
    printf("{\"limit\": %llu, \"things\": %u, \"recovered_s\": %.3f, \"cpu_s\": %.3f, \"target_s\": %.1f, \"is\": \"%s\"}\n",
           (unsigned long long)cfg.limit, things, took, cpu, TARGET_S, took <= TARGET_S ? "pass" : "MISS");
    close(folder);
    return 0;
}
