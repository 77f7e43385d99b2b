/* fuzz_log.c - anybody's bytes as an access log: no line harms another, what is said lies within the line, and what is
 * gathered is in order, counted whole, and the same each time; a sample is a part of it. */
#include "sim/input/gather.h"
#include "tests/fuzz/fuzz.h"

static void fuzz_start(void)
{
}

static void fuzz_sample(unsigned n, struct buf *out)
{
    static const char json[] =
        "{\"time\":\"2026-12-01T10:00:00.000Z\",\"node\":\"n1\",\"host\":\"a\",\"method\":\"GET\",\"uri\":\"/"
        "\",\"status\":200,\"bytes\":7,\"x\":[{}]}\n{\"time\":1,\"uri\":\"\\\"\"}\n";
    static const char cloudfront[] =
        "#Version: 1.0\n#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status "
        "cs-uri-query x-host-header time-taken sc-content-len\n"
        "2026-12-01\t10:00:00\tFRA\t7\t::1\tGET\ta\t/b\t200\tc=1\t-\t0.1\t5\n";
    static const char combined[] = "::1 - - [01/Dec/2026:10:00:00 +0100] \"GET /a HTTP/1.1\" 200 7 \"-\" \"-\"\n"
                                   "a:80 ::1 - b [01/Dec/2026:09:00:00 +0000] \"GET http://h/ HTTP/1.1\" 304 -\n";
    static const char csv[] =
        "time,uri,bytes,host,method,status,edge,client,max_age\n1.5,\"/a,\"\"b\",7,h,GET,200,n1,c,60\n0,/b,,,,,,,\n";
    static const char *const texts[] = { json, cloudfront, combined, csv };

    buf_add_str(out, texts[n % (sizeof(texts) / sizeof(texts[0]))]);
}

static void within(struct slice part, struct slice line)
{
    bool literal = slice_eq(part, SLICE_LIT("/")); /* of a URL without a path */

    assert(part.len <= line.len || literal);
    assert(part.len == 0 || literal || (part.data >= line.data && part.data + part.len <= line.data + line.len));
}

static void lines(struct slice in)
{
    struct log_reader r = { 0 };
    struct log_line l;
    struct slice rest = in, line;
    const char *why;

    while (slice_split(&rest, '\n', &line)) {
        enum log_result is = log_read(&r, line, &l, &why);
        assert((is == LOG_BROKEN) == (why != NULL));
        if (is != LOG_REQUEST)
            continue;
        assert(r.format != LOG_UNKNOWN && l.uri.len > 0);
        within(l.uri, line);
        within(l.host, line);
        within(l.query, line);
        within(l.method, line);
        within(l.client, line);
        within(l.edge, line);
        assert(l.at_us > INT64_MIN / 2 && l.at_us < INT64_MAX / 2);
    }
}

static struct workload *gathered(struct slice in, uint64_t sample)
{
    struct gather *g = gather_new(sample);
    struct slice rest = in, line;
    uint64_t n = 0, broken = 0;

    for (; slice_split(&rest, '\n', &line); n++)
        broken += gather_line(g, line) != NULL;
    struct workload *l = gather_end(g);
    assert(l != NULL && l->lines == n && l->broken == broken);
    assert(l->n + l->others + l->methods + l->statuses + l->broken <= n);
    gather_free(g);
    return l;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t *copy = fuzz_copy(data, len);
    struct slice in = slice_of(copy, len);

    lines(in);
    struct workload *all = gathered(in, 1), *again = gathered(in, 1), *part = gathered(in, 3);
    assert(all->n == again->n && all->keys_n == again->keys_n && all->edges_n == again->edges_n);
    assert(all->n == 0 || memcmp(all->requests, again->requests, (size_t)all->n * sizeof(*all->requests)) == 0);
    for (uint64_t i = 0; i < all->n; i++) {
        assert(all->requests[i].key >= 1 && all->requests[i].key <= all->keys_n);
        assert(i == 0 || all->requests[i].at_us >= all->requests[i - 1].at_us);
        uint32_t who = all->requests[i].who;
        assert((who & WORKLOAD_EDGE) == 0 || (who & ~WORKLOAD_EDGE) < all->edges_n);
    }
    assert(part->n + part->others == all->n && part->keys_n <= all->keys_n);
    workload_free(all);
    workload_free(again);
    workload_free(part);
    free(copy);
    return 0;
}
