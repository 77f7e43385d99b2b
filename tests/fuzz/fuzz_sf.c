/* fuzz_sf.c - anybody's bytes as a structured field of each kind: what is taken has a canonical
 * form, which is taken, too, and is its own; and each key comes once. */
#include "node/sf/sf.h"
#include "proto/base/err.h"
#include "tests/fuzz/fuzz.h"

static void fuzz_start(void)
{
}

static void fuzz_sample(unsigned n, struct buf *out)
{
    static const char *const samples[] = {
        "1;a=-2.50;b=\"x\\\"y\";a",
        "tok/en:*, (a \"b\";q=1.0 :YWJj:);p, ?0, @-1659578233",
        "a=1, b=(1 2);x, a=?0, c;y=%\"f%c3%bc%25\"",
        "%\"%f0%9f%98%80\"",
        "fra-1; hit; ttl=30, ams-2;fwd=uri-miss;fwd-status=200;stored",
        "999999999999.999, -999999999999999",
    };

    buf_add_str(out, samples[n % (sizeof(samples) / sizeof(samples[0]))]);
}

/* Every byte that is lent, and how many members. */
static size_t walk(struct sf_cursor c)
{
    struct sf_member m, found;
    struct buf text = BUF_EMPTY;
    struct sf_cursor start = c;
    size_t n = 0;

    while (sf_next(&c, &m)) {
        n++;
        buf_clear(&text);
        sf_text(&text, &m.value);
        assert(m.value.type != SF_DISPLAY || sf_utf8(buf_slice(&text)));
        assert(m.key.len == 0 || (sf_find(&start, m.key, &found) && found.value.number == m.value.number &&
                                  slice_eq(found.value.text, m.value.text)));
        fuzz_touch(m.key);
        n += m.inner ? walk(sf_items(&m)) : 0;
        n += walk(sf_params(&m));
    }
    buf_free(&text);
    return n;
}

static void one_kind(enum sf_kind kind, struct slice field)
{
    struct buf once = BUF_EMPTY, twice = BUF_EMPTY;
    struct sf_cursor c, again;
    struct sf_member m;
    int err = sf_open(&c, kind, field);

    assert(err == 0 || err == MESH_E_SYNTAX || err == MESH_E_FULL);
    assert(sf_put_field(&once, kind, field) == err);
    if (err != 0) {
        assert(once.len == 0 && !sf_next(&c, &m));
        return;
    }
    assert(sf_open(&again, kind, buf_slice(&once)) == 0);
    assert(walk(again) == walk(c));
    assert(sf_put_field(&twice, kind, buf_slice(&once)) == 0);
    assert(slice_eq(buf_slice(&once), buf_slice(&twice)));
    buf_free(&once);
    buf_free(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t *copy = fuzz_copy(data, len);

    one_kind(SF_ITEM, slice_of(copy, len));
    one_kind(SF_LIST, slice_of(copy, len));
    one_kind(SF_DICTIONARY, slice_of(copy, len));
    free(copy);
    return 0;
}
