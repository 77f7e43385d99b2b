/* test_dns_query.c - what is taken for a query, and with which code all else is answered. */
#include "node/dns/query.h"
#include "tests/unit/dns_world.h"

static struct dns_query q;
static uint8_t bytes[4096];

/* Reads |b|, from memory of exactly its size, and frees it. */
static int code(struct buf *b)
{
    assert_true(b->len <= sizeof(bytes));
    memset(bytes, 0xee, sizeof(bytes));
    uint8_t *exact = bytes + sizeof(bytes) - b->len;
    memcpy(exact, b->data, b->len);
    struct slice m = slice_of(exact, b->len);
    buf_free(b);
    return dns_query_read(&q, m);
}

static struct buf plain(void)
{
    struct buf b = BUF_EMPTY;

    query_begin(&b, 0x0110);
    query_ask(&b, "WwW.cdn.example", A);
    return b;
}

static int with_options(struct slice options)
{
    struct buf b = plain();

    query_opt(&b, 1400, 0x8000, options);
    return code(&b);
}

static void feat_L2_a_query_is_read(void **state)
{
    struct buf b = plain();

    (void)state;
    assert_int_equal(code(&b), DNS_NOERROR);
    assert_int_equal(q.id, 0x1234);
    assert_int_equal(q.flags, 0x0110);
    assert_true(q.asked && !q.edns && !q.has_subnet);
    assert_true(slice_eq(dns_name_slice(&q.name), S("www.cdn.example")));
    assert_true(slice_eq(slice_head(q.question, 4), S("\x03WwW")));
    assert_int_equal(q.question.len, 17 + 4);
    assert_int_equal(q.type, A);
    assert_int_equal(q.class, 1);
    assert_int_equal(with_options(S("\0\x63\0\x02xy\0\x0a\0\x08"
                                    "12345678"
                                    "\0\x0a\0\x08"
                                    "abcdefgh")),
                     DNS_NOERROR);
    assert_true(q.edns && q.dnssec_ok);
    assert_int_equal(q.udp_bytes, 1400);
    assert_true(slice_eq(q.cookie, S("12345678"))); /* the first */
}

static void rob_M1_a_query_cut_anywhere_or_with_a_tail_is_refused(void **state)
{
    struct buf whole = plain();

    (void)state;
    query_opt(&whole, 1232, 0,
              S("\0\x0a\0\x08"
                "12345678"));
    for (size_t len = 0; len < whole.len; len++) {
        struct buf b = BUF_EMPTY;
        buf_add(&b, whole.data, len);
        assert_int_equal(code(&b), len < 12 ? DNS_SILENCE : DNS_FORMERR);
    }
    struct buf b = BUF_EMPTY;
    buf_add_slice(&b, buf_slice(&whole));
    assert_int_equal(code(&b), DNS_NOERROR);
    buf_add_u8(&whole, 0);
    assert_int_equal(code(&whole), DNS_FORMERR);
}

static void headers_that_ask_for_something_else(void **state)
{
    (void)state;
    for (unsigned opcode = 1; opcode < 16; opcode++) {
        struct buf b = BUF_EMPTY;
        query_begin(&b, opcode << 11);
        assert_int_equal(code(&b), DNS_NOTIMP);
    }
    struct buf b = plain();
    b.data[2] |= 0x80; /* an answer: two of us could keep each other busy */
    assert_int_equal(code(&b), DNS_SILENCE);
    b = plain();
    query_ask(&b, "www.cdn.example", A);
    assert_int_equal(code(&b), DNS_FORMERR);
    b = BUF_EMPTY;
    query_begin(&b, 0);
    assert_int_equal(code(&b), DNS_FORMERR); /* asks nothing */
    query_begin(&b, 0);
    query_opt(&b, 1232, 0, SLICE_EMPTY);
    assert_int_equal(code(&b), DNS_FORMERR);
    query_begin(&b, 0);
    query_opt(&b, 1232, 0,
              S("\0\x0a\0\x08"
                "12345678"));
    assert_int_equal(code(&b), DNS_NOERROR); /* but for a cookie: RFC 7873 section 5.4 */
    assert_false(q.asked);
    b = plain();
    query_count(&b, 1);
    assert_int_equal(code(&b), DNS_FORMERR);
}

/* Names in the question: |wire| in place of one. */
static int with_name(struct slice wire)
{
    struct buf b = BUF_EMPTY;

    query_begin(&b, 0);
    buf_add_slice(&b, wire);
    buf_add_u32(&b, A << 16 | 1);
    query_count(&b, 0);
    return code(&b);
}

static void rob_M1_names_that_are_none(void **state)
{
    struct buf name = BUF_EMPTY;

    (void)state;
    assert_int_equal(with_name(S("\0")), DNS_NOERROR);
    assert_int_equal(q.name.len, 0);
    assert_int_equal(with_name(S("\xc0\x0c")), DNS_FORMERR); /* to itself */
    assert_int_equal(with_name(S("\xc0\x00")), DNS_FORMERR);
    assert_int_equal(with_name(S("\x01"
                                 "a\xc0\x0c")),
                     DNS_FORMERR);
    assert_int_equal(with_name(S("\x40"
                                 "a\0")),
                     DNS_FORMERR);
    assert_int_equal(with_name(S("\x80"
                                 "a\0")),
                     DNS_FORMERR);
    assert_int_equal(with_name(S("\x3f"
                                 "a\0")),
                     DNS_FORMERR);
    assert_int_equal(with_name(S("\x03"
                                 "a.B\x01\xff\0")),
                     DNS_NOERROR);
    assert_true(slice_eq(dns_name_slice(&q.name), S("a\0b.\xff"))); /* a dot in a label parts nothing */
    for (size_t i = 0; i < 127; i++)
        buf_add(&name, "\x01x", 2);
    buf_add_u8(&name, 0); /* 255 bytes */
    assert_int_equal(with_name(buf_slice(&name)), DNS_NOERROR);
    assert_int_equal(q.name.len, DNS_NAME_TEXT_MAX);
    name.data[name.len - 3] = 2;
    buf_add_u8(&name, 0); /* 256 */
    assert_int_equal(with_name(buf_slice(&name)), DNS_FORMERR);
    buf_free(&name);
}

/* A record of |type| in section |n|, its name being |owner|. */
static int with_record(size_t n, struct slice owner, unsigned type, unsigned asked)
{
    struct buf b = BUF_EMPTY;

    query_begin(&b, 0);
    query_ask(&b, "www.cdn.example", asked);
    buf_add_slice(&b, owner);
    buf_add_u16(&b, (uint16_t)type);
    buf_add_u16(&b, 1);
    buf_add_u32(&b, 0);
    buf_add_u16(&b, 2);
    buf_add_u16(&b, 0);
    query_count(&b, n);
    return code(&b);
}

static void records_in_a_query(void **state)
{
    (void)state;
    assert_int_equal(with_record(3, S("\x01x\xc0\x0c"), 16, A), DNS_NOERROR); /* passed over */
    assert_int_equal(with_record(3, S("\xc0\x0c"), 250, A), DNS_NOTAUTH);     /* TSIG */
    assert_int_equal(with_record(3, S("\0"), 24, A), DNS_NOTAUTH);            /* SIG(0) */
    assert_int_equal(with_record(1, S("\xc0\x0c"), 16, A), DNS_FORMERR);
    assert_int_equal(with_record(2, S("\xc0\x0c"), 6, A), DNS_FORMERR);
    assert_int_equal(with_record(2, S("\xc0\x0c"), 6, 251), DNS_NOERROR); /* IXFR: what it has */
    assert_int_equal(with_record(2, S("\0"), 41, 251), DNS_FORMERR);      /* OPT there */
    assert_int_equal(with_record(3, S("\xc0\x0c"), 41, A), DNS_FORMERR);  /* OPT's name is the root */
    /* Pointers forwards, into the header, and in a circle. */
    assert_int_equal(with_record(3, S("\xc0\xff"), 16, A), DNS_FORMERR);
    assert_int_equal(with_record(3, S("\xc0\x02"), 16, A), DNS_FORMERR);
    assert_int_equal(with_record(3, S("\xc0\x21"), 16, A), DNS_FORMERR);
    assert_int_equal(with_record(3,
                                 S("\x01"
                                   "a\xc0\x21"),
                                 16, A),
                     DNS_FORMERR);
    assert_int_equal(with_record(3, S("\x50"), 16, A), DNS_FORMERR);
    assert_int_equal(with_record(3, S("\0"), 16, 41), DNS_FORMERR); /* asked for OPT */
}

static void versions_and_doubles_of_opt(void **state)
{
    struct buf b = plain();

    (void)state;
    query_opt(&b, 1232, 0x00010000, S("whatever"));
    assert_int_equal(code(&b), DNS_BADVERS);
    assert_true(q.asked && q.edns);
    b = plain();
    query_opt(&b, 1232, 0, SLICE_EMPTY);
    query_opt(&b, 1232, 0, SLICE_EMPTY);
    assert_int_equal(code(&b), DNS_FORMERR);
    assert_int_equal(with_options(S("\0\x63\0\x01")), DNS_FORMERR); /* longer than there are bytes */
    assert_int_equal(with_options(S("\0\x63\0")), DNS_FORMERR);
}

static void rob_M1_cookies_of_any_length(void **state)
{
    uint8_t option[4 + 64] = { 0, 10 };

    (void)state;
    for (uint8_t len = 0; len <= 64; len++) {
        option[3] = len;
        bool fits = len == 8 || (len >= 16 && len <= 40);
        assert_int_equal(with_options(slice_of(option, 4u + len)), fits ? DNS_NOERROR : DNS_FORMERR);
        assert_int_equal(q.cookie.len, fits ? len : 0);
    }
}

static void network(struct slice option, const char *ip, unsigned bits)
{
    struct mesh_addr want = world_ip(ip);

    assert_int_equal(with_options(option), DNS_NOERROR);
    assert_true(q.has_subnet);
    assert_memory_equal(q.network.ip, want.ip, 16);
    assert_int_equal(q.network_bits, bits);
}

static void feat_L2_the_viewers_network_is_read_by_rfc_7871(void **state)
{
    static const struct slice wrong[] = {
        S("\0\x08\0\x03\0\x01\x18"),             /* without a scope */
        S("\0\x08\0\x06\0\x01\x18\0\xc0\0"),     /* a byte short */
        S("\0\x08\0\x08\0\x01\x18\0\xc0\0\2\0"), /* one too many */
        S("\0\x08\0\x07\0\x01\x18\x01\xc0\0\2"), /* a scope in a query */
        S("\0\x08\0\x07\0\x01\x17\0\xc0\0\3"),   /* a bit behind the 23rd */
        S("\0\x08\0\x09\0\x01\x21\0\1\2\3\4\0"), /* 33 bits */
        S("\0\x08\0\x07\0\x03\x18\0\xc0\0\2"),   /* no such family */
        S("\0\x08\0\x05\0\0\x08\0\1"),           /* bits of none */
        S("\0\x08\0\x15\0\x02\x81\0"
          "1234567890abcdefg"),
        S("\0\x08\0\x04\0\x01\0\0\0\x08\0\x04\0\x01\0\0"), /* twice */
    };

    (void)state;
    network(S("\0\x08\0\x07\0\x01\x18\0\xc0\0\2"), "192.0.2.0", 24);
    network(S("\0\x08\0\x07\0\x01\x17\0\xc0\0\2"), "192.0.2.0", 23);
    network(S("\0\x08\0\x08\0\x01\x20\0\xc0\0\2\x09"), "192.0.2.9", 32);
    network(S("\0\x08\0\x0a\0\x02\x30\0\x20\x01\x0d\xb8\0\1"), "2001:db8:1::", 48);
    network(S("\0\x08\0\x04\0\x01\0\0"), "0.0.0.0", 0);
    network(S("\0\x08\0\x04\0\x02\0\0"), "::", 0);
    network(S("\0\x08\0\x04\0\0\0\0"), "0.0.0.0", 0);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        assert_int_equal(with_options(wrong[i]), DNS_FORMERR);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feat_L2_a_query_is_read),
        cmocka_unit_test(rob_M1_a_query_cut_anywhere_or_with_a_tail_is_refused),
        cmocka_unit_test(headers_that_ask_for_something_else),
        cmocka_unit_test(rob_M1_names_that_are_none),
        cmocka_unit_test(records_in_a_query),
        cmocka_unit_test(versions_and_doubles_of_opt),
        cmocka_unit_test(rob_M1_cookies_of_any_length),
        cmocka_unit_test(feat_L2_the_viewers_network_is_read_by_rfc_7871),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
