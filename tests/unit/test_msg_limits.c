/* test_msg_limits.c - what readers and writers of messages refuse: wrong fields, limits, order. */
#include "msg_samples.h"

/* Decodes a frame of |type| whose map is |hex|. */
static int decode_map(enum msg_type type, const char *hex)
{
    uint8_t frame[512];
    size_t len;

    memset(frame, 0, MSG_HEAD_BYTES);
    frame[0] = (uint8_t)type;
    frame[4] = type > MSG_SESSION_MAX ? 1 : 0;
    assert_int_equal(
        sodium_hex2bin(frame + MSG_HEAD_BYTES, sizeof(frame) - MSG_HEAD_BYTES, hex, strlen(hex), " ", &len, NULL), 0);
    return decode(slice_of(frame, MSG_HEAD_BYTES + len));
}

#define HEX32 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
#define BIN32 "c420" HEX32
#define SIG64 "c440" HEX32 HEX32
#define ID16  "c41000000000000000000000000000000000"

static void fields_are_judged(void **state)
{
    static const struct {
        enum msg_type type;
        const char *map;
        int err;
    } rows[] = {
        { MSG_REFUSE, "81 01 07", 0 },
        { MSG_REFUSE, "82 01 07 18 a3616263", 0 }, /* an unknown key */
        { MSG_REFUSE, "80", MESH_E_MISSING },
        { MSG_REFUSE, "81 01 00", MESH_E_RANGE },
        { MSG_REFUSE, "81 01 cf0000000100000000", MESH_E_RANGE },
        { MSG_REFUSE, "81 01 a137", MESH_E_TYPE },
        { MSG_REFUSE, "07", MESH_E_TYPE },           /* no map */
        { MSG_REFUSE, "81 01 cc07", MESH_E_SYNTAX }, /* not canonical */
        { MSG_REFUSE, "82 01 07 01 07", MESH_E_SYNTAX },
        { MSG_REFUSE, "dd ffffffff", MESH_E_RANGE }, /* an array of 2^32-1 */
        { MSG_HELLO, "82 03 01 04 " BIN32, 0 },
        { MSG_HELLO, "81 03 01", MESH_E_MISSING },
        { MSG_HELLO, "81 04 " BIN32, MESH_E_MISSING },     /* no salt */
        { MSG_HELLO, "82 03 00 04 " BIN32, MESH_E_RANGE }, /* a salt of 0 */
        { MSG_HELLO, "82 03 01 04 c40100", MESH_E_RANGE },
        { MSG_HELLO, "83 03 01 04 " BIN32 " 06 cdffff", 0 },
        { MSG_HELLO, "83 03 01 04 " BIN32 " 06 ce00010000", MESH_E_RANGE },
        { MSG_HELLO, "83 03 01 04 " BIN32 " 05 d920" HEX32, 0 }, /* 32 bytes of version */
        { MSG_HELLO, "83 03 01 04 " BIN32 " 05 d921" HEX32 "20", MESH_E_RANGE },
        { MSG_PURGE, "82 01 c40161 02 91 c40162", 0 },
        { MSG_PURGE, "82 01 c40161 02 90", MESH_E_RANGE }, /* no purges */
        { MSG_PURGE, "81 01 c40161", MESH_E_MISSING },
        { MSG_PURGE, "81 02 91 c40162", MESH_E_MISSING }, /* no certificate */
        { MSG_PURGE, "82 01 c40161 02 91 05", MESH_E_TYPE },
        { MSG_PURGED, "82 02 05 04 " SIG64, 0 },
        { MSG_PURGED, "81 04 " SIG64, MESH_E_MISSING },
        { MSG_PURGED, "81 02 05", MESH_E_MISSING },
        { MSG_PURGED, "82 02 cf0020000000000001 04 " SIG64, MESH_E_RANGE },
        { MSG_PURGED, "83 02 05 03 cf0000ffffffffffff 04 " SIG64, MESH_E_RANGE }, /* past the year 9999 */
        { MSG_FRONTIER, "80", 0 },
        { MSG_FRONTIER, "81 04 a161", MESH_E_TYPE },
        { MSG_MEMBERS, "80", MESH_E_MISSING },
        { MSG_MEMBERS, "81 01 05", MESH_E_TYPE },
        { MSG_MEMBERS, "81 01 91 05", MESH_E_TYPE },
        { MSG_MEMBERS, "81 01 91 91 c40161", MESH_E_MISSING },
        { MSG_MEMBERS, "81 01 91 92 c40161 c400", 0 },
        { MSG_MEMBERS, "81 01 91 93 c40161 c400 05", 0 }, /* more may follow one day */
        { MSG_MEMBERS, "81 01 91 92 c400 c40161", 0 }, /* the reader has the certificate */
        { MSG_MEMBERS, "81 01 91 92 c400 c400", MESH_E_RANGE },
        { MSG_MEMBERS, "82 01 90 05 05", MESH_E_TYPE },
        { MSG_MEMBERS, "82 01 90 06 a161", MESH_E_TYPE },
        { MSG_MEMBERS, "82 01 90 07 05", 0 }, /* a field of some other day */
        { MSG_MEMBERS, "81 01 91 92 a161 c400", MESH_E_TYPE },
        { MSG_MEMBERS, "82 01 90 02 01", MESH_E_TYPE },
        { MSG_ASK, "83 01 " BIN32 " 02 a161 04 a12f", 0 },
        { MSG_ASK, "82 01 " BIN32 " 04 a12f", MESH_E_MISSING },
        { MSG_ASK, "82 01 " BIN32 " 02 a161", MESH_E_MISSING },
        { MSG_ASK, "83 01 " BIN32 " 02 a0 04 a12f", MESH_E_RANGE },
        { MSG_ASK, "84 01 " BIN32 " 02 a161 04 a12f 0a cd0100", MESH_E_RANGE }, /* 256 hops */
        { MSG_ASK, "84 01 " BIN32 " 02 a161 04 a12f 0e cf0000000100000000", MESH_E_RANGE },
        { MSG_ANSWER, "80", MESH_E_MISSING },
        { MSG_ANSWER, "81 01 cd0100", MESH_E_RANGE },
        { MSG_ABORT, "81 01 01", 0 },
        { MSG_ABORT, "82 01 01 02 cd03e7", 0 },
        { MSG_ABORT, "82 01 01 02 cd03e8", MESH_E_RANGE },
        { MSG_CREDIT, "81 01 00", MESH_E_RANGE },
        { MSG_HEAD, "84 01 01 02 c40168 04 " ID16 " 06 " SIG64, 0 },
        { MSG_HEAD, "84 01 03 02 c40168 04 " ID16 " 06 " SIG64, MESH_E_RANGE }, /* an unknown form */
        { MSG_HEAD, "83 01 01 04 " ID16 " 06 " SIG64, MESH_E_MISSING },
        { MSG_HEAD, "83 01 01 02 c40168 06 " SIG64, MESH_E_MISSING },
        { MSG_HEAD, "83 01 01 02 c40168 04 " ID16, MESH_E_MISSING },
        { MSG_HEAD, "86 01 01 02 c40168 04 " ID16 " 06 " SIG64 " 0a a16e 0b c3", 0 },
        { MSG_HEAD, "85 01 01 02 c40168 04 " ID16 " 06 " SIG64 " 0a a20d0a", MESH_E_RANGE }, /* no name */
        { MSG_HEAD, "84 01 02 02 c40168 04 " ID16 " 06 " SIG64, MESH_E_MISSING },              /* one, without leaf */
        { MSG_HEAD, "85 01 02 02 c40168 04 " ID16 " 06 " SIG64 " 09 " BIN32, MESH_E_MISSING }, /* without length */
        { MSG_HEAD, "86 01 02 02 c40168 04 " ID16 " 06 " SIG64 " 08 00 09 " BIN32, 0 },
        { MSG_HEAD, "86 01 02 02 c40168 04 " ID16 " 06 " SIG64 " 08 ce00010001 09 " BIN32, MESH_E_RANGE },
        { MSG_HEAD, "85 01 01 02 c40168 04 " ID16 " 06 " SIG64 " 08 cfffffffffffffffff", MESH_E_RANGE },
        { MSG_HEAD, "85 01 01 02 c40168 04 " ID16 " 06 " SIG64 " 08 a0", MESH_E_TYPE },
        { MSG_LEAF_BATCH, "82 02 " BIN32 " 04 " SIG64, 0 },
        { MSG_LEAF_BATCH, "81 02 " BIN32, MESH_E_MISSING },
        { MSG_LEAF_BATCH, "81 04 " SIG64, MESH_E_RANGE }, /* nothing, and not the end */
        { MSG_LEAF_BATCH, "82 02 c41f" HEX32 " 04 " SIG64, MESH_E_SYNTAX },
        { MSG_LEAF_BATCH, "82 02 c40100 04 " SIG64, MESH_E_RANGE },                  /* no whole hash */
        { MSG_LEAF_BATCH, "83 02 " BIN32 " 03 ce00010001 04 " SIG64, MESH_E_RANGE }, /* one leaf, 65,537 bytes */
        { MSG_LEAF_BATCH, "83 02 " BIN32 " 04 " SIG64 " 05 c40100", MESH_E_RANGE },
        { MSG_LEAF_BATCH, "83 02 " BIN32 " 04 " SIG64 " 05 01", MESH_E_TYPE },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int err = decode_map(rows[i].type, rows[i].map);
        if (err != rows[i].err)
            fail_msg("type %d, %s: %d, not %d", rows[i].type, rows[i].map, err, rows[i].err);
    }
}

static void a_frame_belongs_to_its_session_or_its_stream(void **state)
{
    struct msg_frame f;

    (void)state;
    assert_int_equal(msg_open(SLICE_LIT("\x04\0\0\0"), &f), MESH_E_SHORT);
    assert_int_equal(msg_open(SLICE_LIT("\x04\0\0\0\0"), &f), 0);
    assert_int_equal(msg_open(SLICE_LIT("\x04\0\0\0\x01"), &f), MESH_E_SYNTAX);
    assert_int_equal(msg_open(SLICE_LIT("\x18\0\0\0\0"), &f), MESH_E_SYNTAX);
    assert_int_equal(msg_open(SLICE_LIT("\xf0\0\0\x01\0xyz"), &f), 0); /* an unknown one is not our business */
    assert_true(f.type == 0xf0 && f.stream == 256 && slice_eq(f.body, SLICE_LIT("xyz")));
}

static void leaves_and_slips_keep_their_bounds(void **state)
{
    static const uint8_t bytes[LEAF_BYTES + 1];
    static const struct {
        uint32_t index;
        uint8_t encoding;
        uint32_t raw_len;
        size_t len;
        int err;
    } rows[] = {
        { 0, LEAF_RAW, 1, 1, 0 },
        { 0, LEAF_RAW, LEAF_BYTES, LEAF_BYTES, 0 },
        { 0, LEAF_RAW, LEAF_BYTES + 1, LEAF_BYTES + 1, MESH_E_RANGE },
        { 0, LEAF_RAW, 0, 0, MESH_E_RANGE },
        { 0, LEAF_RAW, 2, 1, MESH_E_RANGE },
        { 0, LEAF_RAW, 1, 2, MESH_E_RANGE },
        { UINT32_MAX - 1, LEAF_ZSTD, LEAF_BYTES, LEAF_BYTES - 1, 0 },
        { UINT32_MAX, LEAF_ZSTD, LEAF_BYTES, 10, MESH_E_RANGE },
        { 0, LEAF_ZSTD, LEAF_BYTES, LEAF_BYTES, MESH_E_RANGE }, /* packed must be shorter */
        { 0, LEAF_ZSTD, 5, 0, MESH_E_RANGE },
        { 0, LEAF_JOINED, 5, 0, 0 },
        { 0, LEAF_JOINED, 5, 1, MESH_E_RANGE },
        { 0, LEAF_JOINED, 0, 0, MESH_E_RANGE },
        { 0, 3, 5, 5, MESH_E_RANGE },
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct msg_leaf m = { rows[i].index, rows[i].encoding, rows[i].raw_len, slice_of(bytes, rows[i].len) };
        struct buf b = BUF_EMPTY;
        assert_int_equal(msg_put_leaf(&b, 1, &m), rows[i].err);
        assert_true(rows[i].err == 0 || b.len == 0);
        buf_clear(&b); /* and the reader judges for itself */
        buf_add(&b, "\x14\0\0\0\x01", 5);
        buf_add_u32(&b, m.index);
        buf_add_u8(&b, m.encoding);
        buf_add_u32(&b, m.raw_len);
        buf_add_slice(&b, m.bytes);
        assert_int_equal(decode(buf_slice(&b)), rows[i].err);
        buf_free(&b);
    }
    struct buf b = BUF_EMPTY;
    struct msg_slip slip = { .index = 0, .offset = 0, .bytes = slice_of(bytes, LEAF_BYTES) };
    assert_int_equal(msg_put_slip(&b, 1, &slip), 0);
    assert_true(b.len <= RECORD_PLAIN_MAX);
    assert_int_equal(decode(buf_slice(&b)), 0);
    b.data[MSG_HEAD_BYTES + 7] = 1; /* offset 1: one byte past the leaf */
    assert_int_equal(decode(buf_slice(&b)), MESH_E_RANGE);
    buf_clear(&b);
    slip.offset = 1;
    assert_int_equal(msg_put_slip(&b, 1, &slip), MESH_E_RANGE);
    slip.bytes = SLICE_EMPTY;
    assert_int_equal(msg_put_slip(&b, 1, &slip), MESH_E_RANGE);
    assert_int_equal(b.len, 0);
    buf_free(&b);
}

static void writers_refuse_what_readers_would(void **state)
{
    static const uint8_t bytes[MSG_OBJECT_HEAD_MAX + 1] = { '/' };
    struct buf b = BUF_EMPTY;

    (void)state;
    buf_add_str(&b, "kept");
    struct msg_hello hello = hello_of(false);
    hello.version = slice_of(bytes, MSG_VERSION_MAX + 1);
    assert_int_equal(msg_put_hello(&b, &hello), MESH_E_RANGE);
    struct msg_ask ask = ask_of(false);
    ask.path = slice_of(bytes, MSG_PATH_MAX + 1);
    assert_int_equal(msg_put_ask(&b, 1, &ask), MESH_E_RANGE);
    ask = ask_of(false);
    ask.fields = slice_of(bytes, MSG_FIELDS_MAX + 1);
    assert_int_equal(msg_put_ask(&b, 1, &ask), MESH_E_RANGE);
    ask = ask_of(false);
    ask.path = SLICE_EMPTY;
    assert_int_equal(msg_put_ask(&b, 1, &ask), MESH_E_RANGE);
    struct msg_head head = head_of(true);
    head.length = LEAF_BYTES + 1;
    assert_int_equal(msg_put_head(&b, 1, &head), MESH_E_RANGE);
    head = head_of(false);
    head.head = slice_of(bytes, MSG_OBJECT_HEAD_MAX + 1);
    assert_int_equal(msg_put_head(&b, 1, &head), MESH_E_RANGE);
    head.head = SLICE_LIT("h");
    head.signer_cert = slice_of(bytes, CERT_BYTES_MAX + 1);
    assert_int_equal(msg_put_head(&b, 1, &head), MESH_E_RANGE);
    assert_int_equal(put_batch_of(&b, (struct leaf_batch){ .count = LEAF_BATCH_MAX + 1 }, false), MESH_E_RANGE);
    assert_int_equal(put_batch_of(&b, (struct leaf_batch){ .count = 1, .length = 1 }, false), MESH_E_RANGE);
    assert_int_equal(msg_put_refuse(&b, 0), MESH_E_RANGE);
    assert_int_equal(msg_put_credit(&b, 1, 0), MESH_E_RANGE);
    assert_int_equal(msg_put_abort(&b, 1, ABORT_ORIGIN, 1000), MESH_E_RANGE);
    assert_true(slice_eq(buf_slice(&b), SLICE_LIT("kept")));

    /* The largest of everything fits a record and comes back. */
    head = head_of(true);
    head.age_ms = UINT64_MAX;
    head.head = slice_of(bytes, MSG_OBJECT_HEAD_MAX);
    head.signer_cert = slice_of(bytes, CERT_BYTES_MAX);
    buf_clear(&b);
    assert_int_equal(msg_put_head(&b, 1, &head), 0);
    check_head_is(slice_from(buf_slice(&b), MSG_HEAD_BYTES), &head);
    ask = ask_of(false);
    ask.distribution = slice_of(bytes, MSG_NAME_MAX);
    ask.host = slice_of(bytes, MSG_HOST_MAX);
    ask.path = slice_of(bytes, MSG_PATH_MAX);
    ask.request_id = slice_of(bytes, MSG_REQUEST_ID_MAX);
    ask.fields = slice_of(bytes, MSG_FIELDS_MAX);
    ask.deadline_ms = ask.flags = ask.first_leaf = ask.credit = ask.run = ask.load = UINT32_MAX;
    ask.hops = ask.rank = UINT8_MAX;
    buf_clear(&b);
    assert_int_equal(msg_put_ask(&b, 1, &ask), 0);
    check_ask_is(slice_from(buf_slice(&b), MSG_HEAD_BYTES), &ask);
    buf_clear(&b);
    struct leaf_batch batch = { .first = UINT32_MAX - 16, .count = LEAF_BATCH_MAX, .final = true };
    batch.length = LEAF_BODY_MAX;
    assert_int_equal(put_batch_of(&b, batch, true), 0);
    check_batch_is(slice_from(buf_slice(&b), MSG_HEAD_BYTES), batch, true);

    b.failed = true; /* as if memory had run out */
    size_t len = b.len;
    assert_int_equal(put_ask(&b), MESH_E_NOMEM);
    assert_int_equal(put_members(&b), MESH_E_NOMEM);
    assert_int_equal(b.len, len);
    buf_free(&b);
}

static void members_stop_at_what_one_frame_holds(void **state)
{
    static const uint8_t bytes[RECORD_PLAIN_MAX];
    struct msg_members_out m = { .n = 0 };
    struct buf b = BUF_EMPTY;

    (void)state;
    for (unsigned i = 0; i < MSG_MEMBERS_MAX; i++) /* by number */
        assert_true(msg_members_add(&m, slice_of(bytes, 300), slice_of(bytes, 100)));
    assert_false(msg_members_add(&m, slice_of(bytes, 1), SLICE_EMPTY));
    assert_int_equal(msg_put_members(&b, &m, false), 0);
    assert_int_equal(decode(buf_slice(&b)), 0);
    buf_clear(&b);
    unsigned n = 0; /* by size */
    while (msg_members_add(&m, slice_of(bytes, CERT_BYTES_MAX), slice_of(bytes, 1000)))
        n++;
    assert_true(n > 40 && n < 44 && n == m.n);
    size_t room = RECORD_PLAIN_MAX - 24 - m.items.len; /* one last that just fits */
    assert_true(msg_members_add(&m, slice_of(bytes, CERT_BYTES_MAX), slice_of(bytes, room - 1 - 515 - 3)));
    m.settled = UINT32_MAX;
    m.placed = true;
    assert_int_equal(msg_put_members(&b, &m, true), 0);
    assert_true(b.len <= RECORD_PLAIN_MAX);
    assert_int_equal(decode(buf_slice(&b)), 0);

    /* A sender without such limits is refused. */
    buf_clear(&b);
    buf_add(&b, "\x03\0\0\0\0\x81\x01\xdc\0\x61", 10);
    for (unsigned i = 0; i < MSG_MEMBERS_MAX + 1; i++)
        buf_add(&b, "\x92\xc4\x01x\xc4\0", 6);
    assert_int_equal(decode(buf_slice(&b)), MESH_E_RANGE);
    buf_free(&b);
}

static void the_preamble_is_26_bytes(void **state)
{
    static const uint8_t want[PREAMBLE_BYTES] = { 'H', 'G', 'R', 'W', 1, 2, 0xa1, 0xa2, 0xa3, 0xa4, 0,  1,  2,
                                                  3,   4,   5,   6,   7, 8, 9,    10,   11,   12,   13, 14, 15 };
    struct preamble p = { PROTOCOL_VERSION, 2, 0xa1a2a3a4, { { 0 } } }, got;
    struct buf b = BUF_EMPTY;

    (void)state;
    count_up(p.mesh.bytes, 0, MESH_ID_BYTES);
    preamble_put(&b, &p);
    assert_true(slice_eq(buf_slice(&b), SLICE_OF(want)));
    assert_int_equal(preamble_get(buf_slice(&b), &got), 0);
    assert_true(got.version == 1 && got.pattern == 2 && got.features == 0xa1a2a3a4);
    assert_memory_equal(got.mesh.bytes, p.mesh.bytes, MESH_ID_BYTES);
    for (size_t n = 0; n < b.len; n++)
        assert_int_equal(preamble_get(slice_head(buf_slice(&b), n), &got), MESH_E_SHORT);
    assert_int_equal(preamble_get(SLICE_LIT("G"), &got), MESH_E_SYNTAX); /* GET / HTTP/1.1, say */
    assert_int_equal(preamble_get(SLICE_LIT("HGRX"), &got), MESH_E_SYNTAX);
    b.data[4] = 9;
    b.data[5] = PREAMBLE_REFUSED;
    assert_int_equal(preamble_get(buf_slice(&b), &got), MESH_E_VERSION);
    assert_true(got.version == 9 && got.pattern == PREAMBLE_REFUSED && got.features == 0xa1a2a3a4);
    buf_free(&b);
}

static void each_refusal_has_a_text_of_its_own(void **state)
{
    (void)state;
    for (unsigned i = 0; i <= REFUSE_OVERWEIGHT + 1; i++) {
        for (unsigned j = 0; j < i; j++) {
            bool both_unknown = j == 0 && i == REFUSE_OVERWEIGHT + 1;
            assert_int_equal(strcmp(msg_refusal_text(i), msg_refusal_text(j)) == 0, both_unknown);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_are_judged),
        cmocka_unit_test(a_frame_belongs_to_its_session_or_its_stream),
        cmocka_unit_test(leaves_and_slips_keep_their_bounds),
        cmocka_unit_test(writers_refuse_what_readers_would),
        cmocka_unit_test(members_stop_at_what_one_frame_holds),
        cmocka_unit_test(the_preamble_is_26_bytes),
        cmocka_unit_test(each_refusal_has_a_text_of_its_own),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
