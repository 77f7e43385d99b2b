/* bench_parse - how fast heads are read, beside picohttpparser (out of libh2o, where that is installed) in the same run:
 * rounds of the two take turns, in CPU time of this thread, and medians are compared. picohttpparser finds the lines; ours
 * also checks target, Host and framing. Usage: bench_parse [rounds] */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "node/http/chunked.h"
#include "node/http/parse.h"
#include "tests/bench/heads.h"

#define ROUNDS_MAX 1001
#define CALLS      4000
#define TARGET_GBS 1.0 /* gigabytes a second of browsers' requests */
#define TARGET_S6  20.0

#ifdef HAVE_PICOHTTPPARSER
/* As libh2o exports them; its headers do not say so. */
struct phr_header {
    const char *name;
    size_t name_len;
    const char *value;
    size_t value_len;
};
int phr_parse_request(const char *buf, size_t len, const char **method, size_t *method_len, const char **path,
                      size_t *path_len, int *minor, struct phr_header *headers, size_t *n, size_t last_len);
int phr_parse_response(const char *buf, size_t len, int *minor, int *status, const char **msg, size_t *msg_len,
                       struct phr_header *headers, size_t *n, size_t last_len);
#endif

static struct http_request request;
static struct http_response response;

static double cpu_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void our_request(struct slice in)
{
    struct http_cursor at = { 0 };
    size_t used;

    if (http_parse_request(in, &at, &request, &used) != 0 || used != in.len)
        abort();
}

static void our_response(struct slice in)
{
    struct http_cursor at = { 0 };
    size_t used;

    if (http_parse_response(in, &at, false, &response, &used) != 0 || used != in.len)
        abort();
}

#ifdef HAVE_PICOHTTPPARSER
static struct phr_header headers[FIELDS_MAX];

static void pico_request(struct slice in)
{
    const char *method, *path;
    size_t method_len, path_len, n = FIELDS_MAX;
    int minor;

    if (phr_parse_request((const char *)in.data, in.len, &method, &method_len, &path, &path_len, &minor, headers, &n,
                          0) != (int)in.len)
        abort();
}

static void pico_response(struct slice in)
{
    const char *msg;
    size_t msg_len, n = FIELDS_MAX;
    int minor, status;

    if (phr_parse_response((const char *)in.data, in.len, &minor, &status, &msg, &msg_len, headers, &n, 0) !=
        (int)in.len)
        abort();
}
#endif

static double once(void (*read)(struct slice in), const char *const *texts, size_t n)
{
    double begin = cpu_ns();

    for (int k = 0; k < CALLS; k++)
        read(slice_str(texts[(size_t)k % n]));
    return cpu_ns() - begin;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(double *v, int n)
{
    qsort(v, (size_t)n, sizeof(v[0]), by_value);
    return v[n / 2];
}

static double bytes_read(const char *const *texts, size_t n)
{
    double bytes = 0;

    for (int k = 0; k < CALLS; k++)
        bytes += (double)strlen(texts[(size_t)k % n]);
    return bytes;
}

typedef void reader(struct slice in);

/* |theirs|: NULL where there is nobody to compare with. |target|: 0: none. Returns whether it is met. */
static bool row(const char *what, reader *ours, reader *theirs, const char *const *texts, size_t n, double target,
                int rounds)
{
    static double a[ROUNDS_MAX], b[ROUNDS_MAX];

    for (int i = 0; i < rounds; i++) {
        a[i] = once(ours, texts, n);
        b[i] = theirs != NULL ? once(theirs, texts, n) : 0;
    }
    double bytes = bytes_read(texts, n), mine = bytes / median(a, rounds), met = target == 0 || mine >= target;
    printf("row parser  %-34s %5.2f GB/s, %4.0f ns each", what, mine, median(a, rounds) / CALLS);
    if (theirs != NULL)
        printf("; picohttpparser %5.2f GB/s, ours is %.2f of it", bytes / median(b, rounds),
               median(b, rounds) / median(a, rounds));
    if (target > 0)
        printf("; target >= %.1f GB/s: %s", target, met != 0 ? "pass" : "MISS");
    printf("\n");
    return met != 0;
}

/* A body of a MiB in chunks of |size| bytes, decoded: nanoseconds a byte of data. */
static double chunk_ns(size_t size, int rounds)
{
    static uint8_t framed[8 * 1024 * 1024];
    static double ns[ROUNDS_MAX];
    size_t len = 0, total = 1024 * 1024;

    for (size_t at = 0; at < total; at += size) {
        len += (size_t)sprintf((char *)framed + len, "%zx\r\n", size);
        memset(framed + len, 'x', size);
        len += size;
        framed[len++] = '\r';
        framed[len++] = '\n';
    }
    memcpy(framed + len, "0\r\n\r\n", 5);
    for (int i = 0; i < rounds; i++) {
        struct slice in = slice_of(framed, len + 5), data;
        struct http_chunked c;
        volatile uint64_t sum = 0;
        double begin = cpu_ns();
        http_chunked_init(&c);
        while (http_chunked_read(&c, &in, &data) == 0 && !http_chunked_done(&c)) {
            for (size_t k = 0; k < data.len; k += 64) /* each byte's cache line is touched, as who passes it on does */
                sum = sum + data.data[k];
        }
        ns[i] = (cpu_ns() - begin) / (double)total;
        if (!http_chunked_done(&c))
            abort();
    }
    return median(ns, rounds);
}

int main(int argc, char **argv)
{
    int rounds = argc > 1 ? atoi(argv[1]) : 51;
    reader *pico = NULL, *pico_answer = NULL;
    bool met;

    rounds = rounds < 1 ? 1 : rounds > ROUNDS_MAX ? ROUNDS_MAX : rounds;
#ifdef HAVE_PICOHTTPPARSER
    pico = pico_request;
    pico_answer = pico_response;
#else
    printf("skip picohttpparser: libh2o was not there when this was built\n");
#endif
    met = row("browsers' requests", our_request, pico, browser_heads, BROWSER_HEADS, TARGET_GBS, rounds);
    row("load testers' requests", our_request, pico, tester_heads, TESTER_HEADS, 0, rounds);
    row("origins' answers", our_response, pico_answer, answer_heads, ANSWER_HEADS, 0, rounds);
    double ones = chunk_ns(1, rounds / 10 + 1), large = chunk_ns(65536, rounds / 10 + 1);
    printf("row S6  a MiB in chunks of a byte costs %.2f ns a byte to decode; in chunks of 64 KiB %.4f\n", ones, large);
    return met ? 0 : 1;
}
