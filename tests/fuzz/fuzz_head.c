/* An object's head: one that is taken says the same when it is written again, and nothing of it could break a
 * message that is made of it. */
#include "node/core/kept_head.h"
#include "proto/leaf.h"
#include "tests/fuzz/fuzz.h"

static void fuzz_start(void)
{
}

static void fuzz_sample(unsigned n, struct buf *b)
{
    struct head h = { .generation = 7 + n, .status = n % 3 == 0 ? 404 : 200, .fetched_s = 1700000000 };

    h.key.bytes[0] = (uint8_t)n;
    fields_add(&h.fields, SLICE_LIT("Content-Type"), SLICE_LIT("text/html; charset=utf-8"));
    if (n % 4 < 2)
        h.origin = UINT64_C(0x9988776655443322) >> n % 64;
    if (n % 2 == 0) {
        h.has_length = true;
        h.length = 1000;
        fields_add(&h.fields, SLICE_LIT("ETag"), SLICE_LIT("\"one\""));
        fields_add(&h.fields, SLICE_LIT("Cache-Control"), SLICE_LIT("max-age=60"));
    }
    int err = head_encode(b, &h);
    assert(err == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct head h, again;
    struct buf b = BUF_EMPTY;
    uint8_t *copy = fuzz_copy(data, size);
    struct slice bytes = slice_of(copy, size);

    struct kept_head *kept = kept_head_of(bytes);
    int err = head_decode(&h, bytes);
    assert((err == 0) == (kept != NULL));
    if (err == 0) {
        assert(size <= HEAD_BYTES_MAX && h.status >= 200 && h.status <= 599 && h.length <= LEAF_BODY_MAX);
        kept_head_decode(kept, &h.key, h.length, &again);
        assert(again.fields.n == h.fields.n && again.generation == h.generation && again.status == h.status &&
               again.has_length == h.has_length && again.length == h.length && again.fetched_s == h.fetched_s &&
               again.origin == h.origin);
        for (size_t i = 0; i < h.fields.n; i++) {
            const struct field *f = &h.fields.at[i];
            assert(f->name.len > 0 && slice_eq(f->name, again.fields.at[i].name) &&
                   slice_eq(f->value, again.fields.at[i].value));
            for (size_t k = 0; k < f->value.len; k++)
                assert(f->value.data[k] != '\r' && f->value.data[k] != '\n' && f->value.data[k] != '\0');
            fuzz_touch(f->name);
        }
        err = kept_head_wire(kept, &h.key, h.length, &b);
        assert(err == 0 && slice_eq(buf_slice(&b), bytes)); /* what was signed, whatever it has */
        buf_clear(&b);
        err = head_encode(&b, &h);
        assert(err == 0 && b.len <= size); /* keys that nobody knows are left out */
        err = head_decode(&again, buf_slice(&b));
        assert(err == 0 && again.fields.n == h.fields.n && again.generation == h.generation && again.status == h.status &&
               again.length == h.length && again.fetched_s == h.fetched_s);
    }
    free(kept);
    buf_free(&b);
    free(copy);
    return 0;
}
