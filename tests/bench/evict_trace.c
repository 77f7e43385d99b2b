#include "evict_trace.h"

#include <assert.h>
#include <stdlib.h>

#include "proto/base/rand.h"

#define ONE                   (INT64_C(1) << 32) /* of numbers with 32 bits behind the point */
#define SIZE_MIN              128
#define SIZE_MAX_LOG2         26
#define MEDIAN                10240
#define SIGMA_LOG2_MILLIONTHS 2452582 /* 1.7 / ln 2 */
#define TAIL_ONE_OF           200
#define TAIL_LOG2             20
#define CHURNS                10
#define CHURN_ONE_OF          50
#define ONE_HIT_PCT           8
#define CROWD                 20
#define CROWD_ONE_OF          3

const char *const evict_trace_words[EVICT_TRACES_N] = {
#define X(name, word, exponent_milli, is_cdn) word,
    EVICT_TRACES(X)
#undef X
};
static const int exponents_milli[EVICT_TRACES_N] = {
#define X(name, word, exponent_milli, is_cdn) exponent_milli,
    EVICT_TRACES(X)
#undef X
};

/* log2 of |x| > 0, bit by bit: squaring the mantissa doubles the logarithm. */
static int64_t fix_log2(uint64_t x)
{
    int whole = 63 - __builtin_clzll(x);
    uint64_t m = whole > 31 ? x >> (whole - 31) : x << (31 - whole);
    int64_t log = whole * ONE;

    for (int64_t bit = ONE / 2; bit > 0; bit /= 2) {
        m = m * m >> 31;
        if (m >> 32 != 0) {
            m >>= 1;
            log += bit;
        }
    }
    return log;
}

static uint64_t root(uint64_t square)
{
    uint64_t r = 0;

    for (uint64_t bit = UINT64_C(1) << 31; bit > 0; bit /= 2) {
        if ((r + bit) * (r + bit) <= square)
            r += bit;
    }
    return r;
}

/* 2^|log|, for 0 <= |log| < 62: the product of 2^(1/2), 2^(1/4) ... by the bits behind the point. */
static uint64_t fix_exp2(int64_t log)
{
    uint64_t m = UINT64_C(1) << 31, factor = UINT64_C(1) << 32;
    int whole = (int)(log / ONE);

    for (int64_t bit = ONE / 2; bit > 1 << 4; bit /= 2) {
        factor = root(factor << 31);
        if ((log & bit) != 0)
            m = m * factor >> 31;
    }
    return whole > 31 ? m << (whole - 31) : m >> (31 - whole);
}

static uint32_t size_drawn(struct rand *r)
{
    int64_t log;

    if (rand_below(r, TAIL_ONE_OF) == 0) {
        log = TAIL_LOG2 * ONE + (32 * ONE - fix_log2(1 + (rand_u64(r) >> 32))) * 10 / 12;
    } else {
        int64_t normal = -6 * ONE; /* of twelve even draws the sum is as good as normal */
        for (int i = 0; i < 12; i++)
            normal += (int64_t)(rand_u64(r) >> 32);
        log = fix_log2(MEDIAN) + normal / 1000 * SIGMA_LOG2_MILLIONTHS / 1000;
    }
    if (log >= SIZE_MAX_LOG2 * ONE)
        return 1u << SIZE_MAX_LOG2;
    return log < fix_log2(SIZE_MIN) ? SIZE_MIN : (uint32_t)fix_exp2(log);
}

/* Where |x| lies: the first of |sums| that is above it. */
static uint32_t place(const uint64_t *sums, uint32_t n, uint64_t x)
{
    uint32_t low = 0, high = n - 1;

    while (low < high) {
        uint32_t mid = low + (high - low) / 2;
        if (sums[mid] > x)
            high = mid;
        else
            low = mid + 1;
    }
    return low;
}

static void *of(size_t n, size_t size)
{
    void *p = calloc(n, size);
    if (p == NULL)
        abort();
    return p;
}

static void measure(struct evict_trace *t, uint64_t seed)
{
    struct rand r = rand_of(seed, 2, 0);
    uint8_t *met = of(t->objects_n, 1);

    t->sizes = of(t->objects_n, sizeof(*t->sizes));
    for (uint32_t i = 0; i < t->objects_n; i++)
        t->sizes[i] = size_drawn(&r);
    for (uint32_t i = 0; i < t->ids_n; i++) {
        t->footprint += met[t->ids[i]] ? 0 : t->sizes[t->ids[i]];
        met[t->ids[i]] = 1;
    }
    free(met);
}

struct evict_trace evict_trace_new(enum evict_trace_kind kind, uint32_t objects, uint32_t requests, uint64_t seed)
{
    struct evict_trace t = { .ids = of(requests, sizeof(*t.ids)), .ids_n = requests, .objects_n = objects };
    struct rand r = rand_of(seed, 1, (uint64_t)kind);
    uint64_t *sums = of(objects, sizeof(*sums)), sum = 0;
    uint32_t *ranks = of(objects, sizeof(*ranks)), crowd = 0;

    for (uint32_t i = 0; i < objects; i++) {
        sum += fix_exp2(40 * ONE - fix_log2(i + 1) * exponents_milli[kind] / 1000);
        sums[i] = sum;
        ranks[i] = i;
    }
    for (uint32_t i = 0; i < requests; i++) {
        t.ids[i] = ranks[place(sums, objects, rand_below(&r, sum))];
        if (kind != EVICT_TRACE_CDN)
            continue;
        if (i % (requests / CHURNS) == requests / CHURNS - 1) {
            for (uint32_t k = 0; k < objects / CHURN_ONE_OF; k++)
                ranks[rand_below(&r, objects)] = t.objects_n++;
        }
        if (i == requests / 2) {
            crowd = t.objects_n;
            t.objects_n += CROWD;
        }
        if (i >= requests / 2 && i < requests / 2 + requests / 20 && i % CROWD_ONE_OF == 0)
            t.ids[i] = crowd + (uint32_t)rand_below(&r, CROWD);
        else if (rand_below(&r, 100) < ONE_HIT_PCT)
            t.ids[i] = t.objects_n++;
    }
    free(sums);
    free(ranks);
    measure(&t, seed);
    return t;
}

void evict_trace_free(struct evict_trace *t)
{
    free(t->ids);
    free(t->sizes);
}
