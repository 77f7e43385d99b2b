/* test_msg_memory.c - memory that is short while a frame of many items is made: the items before the one that found none
 * go, and a frame is never empty, which a session takes for a bug of its node. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "proto/msg.h"
#include "sim/faults/short_memory.h"

#define PIECES 12
#define ITEMS  6

static uint8_t bytes[300];

static void members_before_the_refused_one_go(void **state)
{
    uint64_t all = 0;

    (void)state;
    for (uint64_t piece = 1; piece <= PIECES; piece++) {
        struct msg_members_out m = { .n = 0 };
        struct buf b = BUF_EMPTY;
        struct msg_frame f;
        struct msg_members in;
        struct wire w = { 0 };
        uint64_t left = piece, refused = 0;
        bool took = true;
        short_memory_within(&left, &refused);
        for (size_t i = 0; i < ITEMS && took; i++)
            took = msg_members_add(&m, slice_of(bytes, 100), slice_of(bytes, sizeof(bytes)));
        short_memory_over();
        uint32_t n = m.n;
        assert_true(took == (refused == 0));
        assert_int_equal(msg_put_members(&b, &m, false), 0);
        assert_int_equal(msg_open(buf_slice(&b), &f), 0);
        assert_int_equal(msg_get_members(&w, f.body, &in), 0);
        assert_int_equal(in.n, n);
        wire_close(&w);
        buf_free(&b);
        all += refused;
    }
    assert_in_range(all, 3, PIECES - 1);
}

static void purges_before_the_refused_one_go(void **state)
{
    uint64_t all = 0;

    (void)state;
    for (uint64_t piece = 1; piece <= PIECES; piece++) {
        struct msg_purge_out m = { .cert = slice_of(bytes, 100) };
        struct buf b = BUF_EMPTY;
        uint64_t left = piece, refused = 0;
        bool took = true;
        short_memory_within(&left, &refused);
        for (size_t i = 0; i < ITEMS && took; i++)
            took = msg_purge_add(&m, slice_of(bytes, sizeof(bytes)));
        short_memory_over();
        assert_true(took == (refused == 0));
        if (m.n > 0) {
            assert_int_equal(msg_put_purge(&b, &m), 0);
            assert_true(b.len > 0);
        }
        buf_free(&m.items);
        buf_free(&b);
        all += refused;
    }
    assert_in_range(all, 3, PIECES - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_before_the_refused_one_go),
        cmocka_unit_test(purges_before_the_refused_one_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
