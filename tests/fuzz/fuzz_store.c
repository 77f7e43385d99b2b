/* What lies on the disk: a record, a segment's list and footer, an object's bytes, or a piece's, whatever they say.
 * Nothing is read beyond its end, a sound record is what its sum was made of, and a segment of any bytes is taken up.
 */
#include "node/core/object_pack.h"
#include "node/store/store.h"
#include "proto/base/err.h"
#include "tests/fuzz/fuzz.h"

#define SEED 4711

static struct identity self;
static struct zpack *zpack;

static void fuzz_start(void)
{
    zpack = zpack_new();
    assert(zpack != NULL);
}

static void fuzz_sample(unsigned n, struct buf *b)
{
    const struct record r = { .kind = n % 3 == 2 ? RECORD_DROP : RECORD_ENTRY, .length = n % 50, .key = n, .body = n };
    uint8_t payload[50] = { (uint8_t)n };
    struct slice piece = slice_of(payload, r.length);
    struct buf list = BUF_EMPTY;

    segment_add_head(b, SEED, 1, STORE_SEGMENT_MIN);
    list_add(&list, &r, (uint32_t)b->len);
    record_add(b, SEED, 1, &r, &piece, 1);
    footer_add(b, SEED, 1, buf_slice(&list), (uint32_t)(b->len), n % 2 == 0);
    buf_free(&list);
}

/* A body of two leaves that lie in one piece. */
static struct object *absent(struct object_memory *memory)
{
    const struct head head = { .generation = 1, .status = 200, .has_length = true, .length = LEAF_BYTES + 9 };
    const struct digest hash = { { 1 } };
    struct buf raw = BUF_EMPTY;

    bool ok = head_encode(&raw, &head) == 0;
    struct object *o = ok ? object_new(memory, buf_slice(&raw), &self, NULL) : NULL;
    ok = o != NULL && object_add_absent(o, LEAF_BYTES, &hash) == 0 && object_add_absent(o, 9, &hash) == 0 &&
         object_set_pieces(o, 2, SLICE_EMPTY, SLICE_EMPTY) && object_finish(o) == 0;
    assert(ok);
    buf_free(&raw);
    return o;
}

static int no_signer(void *ctx, struct slice cert, struct held_cert **out)
{
    (void)ctx;
    (void)cert;
    (void)out;
    return MESH_E_UNKNOWN;
}

/* The file ends with the input's last bytes, where a footer would be. */
static int64_t read_input(void *ctx, uint32_t segment, uint32_t offset, void *into, size_t len)
{
    const struct slice *s = ctx;
    size_t n = 0;

    (void)segment;
    for (; n < len && offset + n < STORE_SEGMENT_MIN; n++) {
        size_t at = offset + n, from_end = STORE_SEGMENT_MIN - at;
        ((uint8_t *)into)[n] = from_end <= s->len ? s->data[s->len - from_end] : at < s->len ? s->data[at] : 0;
    }
    return (int64_t)n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct store_config cfg = { .limit = STORE_LIMIT_MIN, .segment_bytes = STORE_SEGMENT_MIN, .seed = SEED };
    struct object_memory memory = { 0 };
    const struct purge_runs runs = { .own = 1 };
    const struct pack_frame f = {
        .purges = &runs, .self = &self, .memory = &memory, .zpack = zpack, .signer = no_signer
    };
    const uint32_t one = 1;
    uint8_t *copy = fuzz_copy(data, size);
    struct slice bytes = slice_of(copy, size), payload;
    struct object *o = NULL;
    struct record r;

    if (record_sound(&r, SEED, bytes, &payload))
        assert(payload.len == r.length && size == record_bytes(r.length));
    if (object_unpack(&o, bytes, &f) == 0)
        object_unref(o);
    o = absent(&memory);
    uint64_t before = object_bytes(o);
    int piece = object_unpack_piece(o, bytes, 0, 2, zpack);
    assert(piece == 0 || object_bytes(o) == before);
    object_unref(o);
    assert(memory.bytes == 0);
    struct store *s = store_new(&cfg);
    assert(s != NULL);
    int err = store_recover(s, &one, 1, read_input, &bytes);
    assert(err == 0 && store_things(s) <= STORE_SEGMENT_MIN / STORE_UNIT);
    store_free(s);
    free(copy);
    return 0;
}
