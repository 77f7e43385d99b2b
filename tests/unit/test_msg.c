/* test_msg.c - the bytes of each message, cut, lengthened and with bits flipped. */
#include "msg_samples.h"

/* The bytes were made by another encoder from PROTOCOL.md, not by this one. */
static const struct golden {
    const char *name;
    enum msg_type type;
    int (*put)(struct buf *b);
    void (*check)(const struct msg_frame *f);
    const char *hex;
} goldens[] = {
    { "hello", MSG_HELLO, put_hello, check_hello,
      "0100000000870105020703cf112233445566778804c420202122232425262728292a2b2c2d2e2f303132333435363738393a"
      "3b3c3d3e3f05ae6865646765726f7720302e312e3006cd1ce8"
      "07c41200000000000000000000ffffc00002011ce9" },
    { "hello, bare", MSG_HELLO, put_hello_bare, check_hello_bare,
      "010000000082030104c420202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f" },
    { "refuse", MSG_REFUSE, put_refuse, check_refuse, "0200000000810107" },
    { "members", MSG_MEMBERS, put_members, check_members,
      "030000000084019292c406636572742d61c4087265636f72642d6192c406636572742d62c40002c303cd012c04c3" },
    { "members, sums", MSG_MEMBERS, put_members_sums, check_members_sums,
      "0300000000830191"
      "92c406636572742d61c4087265636f72642d61"
      "02c3"
      "05c40473756d73" },
    { "members, diff", MSG_MEMBERS, put_members_diff, check_members_diff,
      "0300000000830191"
      "92c400c4087265636f72642d61"
      "02c3"
      "06c40464696666" },
    { "members, none", MSG_MEMBERS, put_members_none, check_members_none, "0300000000810190" },
    { "roll", MSG_ROLL, put_roll, check_roll, "0c0000000083010702cf112233445566778803c4066120726f6c6c" },
    { "config", MSG_CONFIG, put_config, check_config,
      "0a000000008501cd012c02c4204040404040404040404040404040404040404040404040404040404040404040"
      "03c304c305c4204141414141414141414141414141414141414141414141414141414141414141" },
    { "config, none", MSG_CONFIG, put_config_none, check_config_none, "0a0000000080" },
    { "config part, wanted", MSG_CONFIG_PART, put_config_want, check_config_want,
      "0b000000008301c420404040404040404040404040404040404040404040404040404040404040404002070310" },
    { "config part", MSG_CONFIG_PART, put_config_part, check_config_part,
      "0b000000008501c4204040404040404040404040404040404040404040404040404040404040404040"
      "02ceffffffff04c40761207069656365"
      "05c306c3" },
    { "roll, none", MSG_ROLL, put_roll_none, check_roll_none, "0c0000000080" },
    { "progress", MSG_PROGRESS, put_progress, check_empty, "0400000000" },
    { "goodbye", MSG_GOODBYE, put_goodbye, check_empty, "0500000000" },
    { "call", MSG_CALL, put_call, check_empty, "0d00000000" },
    { "purge", MSG_PURGE, put_purge, check_purge,
      "06000000008301c40463657274029"
      "2c4056669727374c4067365636f6e6403c3" },
    { "purged", MSG_PURGED, put_purged, check_purged,
      "0700000000840103"
      "02cd012c"
      "03ce6b49d200"
      "04c440606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f80"
      "8182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f" },
    { "frontier", MSG_FRONTIER, put_frontier, check_frontier,
      "08000000008501cf1122334455667788020503c304c406766563746f720506" },
    { "frontier, none", MSG_FRONTIER, put_frontier_none, check_frontier_none, "080000000080" },
    { "take", MSG_TAKE, put_take, check_take,
      "09000000008a01c420404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f02a670686f746f7303"
      "ab6578616d706c652e636f6d04aa2f696d672f612e6a706707cfb1b2b3b4b5b6b7b80c080dcfd1d2d3d4d5d6d7d80e0710c4"
      "066669656c64732002" },
    { "drop", MSG_DROP, put_drop, check_drop,
      "0e000000008301c420404040404040404040404040404040404040404040404040404040404040404002cd012c03c3" },
    { "dropped", MSG_DROPPED, put_dropped, check_dropped, "0f000000008101cd012c" },
    { "ask", MSG_ASK, put_ask, check_ask,
      "1001020304de001301c420404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f02a670686f746f7303"
      "ab6578616d706c652e636f6d04b02f696d672f612e6a70673f773d31303005a57265712d3106cfa1a2a3a4a5a6a7a807cfb1"
      "b2b3b4b5b6b7b808cfc1c2c3c4c5c6c7c809cd05dc0a020b010c050dcfd1d2d3d4d5d6d7d80ece000111700f2010c406666965"
      "6c647311401209130a" },
    { "ask, bare", MSG_ASK, put_ask_bare, check_ask_bare,
      "10000000018301c420404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f02a764656661756c74"
      "04a12f" },
    { "answer", MSG_ANSWER, put_answer, check_answer,
      "1100000001850105020203cfa1a2a3a4a5a6a7a804ccfa05c410101112131415161718191a1b1c1d1e1f" },
    { "answer, bare", MSG_ANSWER, put_answer_bare, check_answer_bare, "1100000001810101" },
    { "head", MSG_HEAD, put_head, check_head,
      "120000000187010102c408746865206865616403ce00015f9004c410101112131415161718191a1b1c1d1e1f05c40d612063"
      "6572746966696361746506c440808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4"
      "a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf0800" },
    { "head, through the parent region", MSG_HEAD, put_head_parent, check_head_parent,
      "120000000189010102c408746865206865616403ce00015f9004c410101112131415161718191a1b1c1d1e1f05c40d612063"
      "6572746966696361746506c440808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4"
      "a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf08000aa475732d310bc3" },
    { "head, one", MSG_HEAD, put_head_one, check_head_one,
      "120000000187010202c408746865206865616404c410101112131415161718191a1b1c1d1e1f06c440808182838485868788"
      "898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9ba"
      "bbbcbdbebf07c308ce0001000009c420606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f" },
    { "batch", MSG_LEAF_BATCH, put_batch, check_batch,
      "13000000018202c440000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f202122232425262728"
      "292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f04c440808182838485868788898a8b8c8d8e8f9091929394959697"
      "98999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf" },
    { "batch, final", MSG_LEAF_BATCH, put_batch_final, check_batch_final,
      "13000000018501cd012c02c420000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f03ce012c00"
      "0104c440808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacad"
      "aeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf05c420c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9dadbdc"
      "dddedf" },
    { "batch, empty body", MSG_LEAF_BATCH, put_batch_empty, check_batch_empty,
      "130000000182030004c440808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6"
      "a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf" },
    { "leaf, raw", MSG_LEAF, put_leaf_raw, check_leaf_raw, "1400000001000000030000000009726177206279746573" },
    { "leaf, packed", MSG_LEAF, put_leaf_zstd, check_leaf_zstd, "14000000010000000301000100007061636b6564" },
    { "leaf, joined", MSG_LEAF, put_leaf_joined, check_leaf_joined, "1400000001000000030200010000" },
    { "slip", MSG_SLIP, put_slip, check_slip,
      "15000000010000000300000064808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4"
      "a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf61207069656365" },
    { "abort", MSG_ABORT, put_abort, check_abort, "160000000182010102cd01f8" },
    { "abort, bare", MSG_ABORT, put_abort_bare, check_abort_bare, "1600000001810107" },
    { "credit", MSG_CREDIT, put_credit, check_credit, "1700000001810110" },
    { "cancel", MSG_CANCEL, put_cancel, check_empty, "1800000001" },
};
#define GOLDENS (sizeof(goldens) / sizeof(goldens[0]))

static void each_message_has_its_golden_bytes(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDENS; i++) {
        struct buf b = BUF_EMPTY;
        char hex[2048];
        struct msg_frame f;
        buf_add_str(&b, "before");
        assert_int_equal(goldens[i].put(&b), 0);
        sodium_bin2hex(hex, sizeof(hex), b.data + 6, b.len - 6);
        if (strcmp(hex, goldens[i].hex) != 0)
            fail_msg("%s is\n%s, not\n%s", goldens[i].name, hex, goldens[i].hex);
        assert_int_equal(msg_open(slice_from(buf_slice(&b), 6), &f), 0);
        assert_int_equal(f.type, goldens[i].type);
        goldens[i].check(&f);
        buf_free(&b);
    }
}
static bool has_map(enum msg_type type)
{
    return type != MSG_LEAF && type != MSG_SLIP && type != MSG_PROGRESS && type != MSG_GOODBYE && type != MSG_CALL &&
           type != MSG_CANCEL;
}

static void a_cut_or_longer_message_is_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDENS; i++) {
        struct buf b = BUF_EMPTY;
        assert_int_equal(goldens[i].put(&b), 0);
        for (size_t n = 0; n < b.len; n++) {
            uint8_t *part = malloc(n > 0 ? n : 1); /* for the sanitizer: exactly so long */
            assert_non_null(part);
            memcpy(part, b.data, n);
            int err = decode(slice_of(part, n));
            if (n < MSG_HEAD_BYTES || has_map(goldens[i].type))
                assert_int_equal(err, MESH_E_SHORT);
            free(part);
        }
        buf_add_u8(&b, 0);
        if (has_map(goldens[i].type))
            assert_int_equal(decode(buf_slice(&b)), MESH_E_SYNTAX);
        buf_free(&b);
    }
}

static void no_flipped_bit_crashes_a_decoder(void **state)
{
    size_t refused = 0, taken = 0;

    (void)state;
    for (size_t i = 0; i < GOLDENS; i++) {
        struct buf b = BUF_EMPTY;
        assert_int_equal(goldens[i].put(&b), 0);
        uint8_t *copy = malloc(b.len);
        assert_non_null(copy);
        for (size_t bit = 0; bit < b.len * 8; bit++) {
            memcpy(copy, b.data, b.len);
            copy[bit / 8] ^= (uint8_t)(1u << (bit % 8));
            if (decode(slice_of(copy, b.len)) != 0)
                refused++;
            else
                taken++;
        }
        free(copy);
        buf_free(&b);
    }
    assert_true(refused > 500 && taken > 500); /* contents may differ, structure may not */
}

/* Two flipped bits in the first bytes, where the structure is. */
static void no_two_flipped_bits_crash_a_decoder(void **state)
{
    (void)state;
    for (size_t i = 0; i < GOLDENS; i++) {
        struct buf b = BUF_EMPTY;
        assert_int_equal(goldens[i].put(&b), 0);
        size_t bits = (b.len < 24 ? b.len : 24) * 8;
        for (size_t one = 40; one < bits; one++) {
            for (size_t two = one + 1; two < bits; two++) {
                b.data[one / 8] ^= (uint8_t)(1u << (one % 8));
                b.data[two / 8] ^= (uint8_t)(1u << (two % 8));
                decode(buf_slice(&b));
                b.data[one / 8] ^= (uint8_t)(1u << (one % 8));
                b.data[two / 8] ^= (uint8_t)(1u << (two % 8));
            }
        }
        buf_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_message_has_its_golden_bytes),
        cmocka_unit_test(a_cut_or_longer_message_is_refused),
        cmocka_unit_test(no_flipped_bit_crashes_a_decoder),
        cmocka_unit_test(no_two_flipped_bits_crash_a_decoder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
