/* Charts without floating point: places, ticks, and text that cannot leave its element. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sim/page/svg.h"

static void is(struct buf *out, const char *want)
{
    buf_add_u8(out, '\0');
    assert_string_equal((const char *)out->data, want);
    buf_free(out);
}

static void texts_are_escaped(void **state)
{
    struct buf out = BUF_EMPTY;

    (void)state;
    svg_text(&out, "a<b> & \"c\" 'd'\x01\x7f \302\265s");
    is(&out, "a&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;?\x7f \302\265s");
    svg_begin(&out, 10, 20, "</title>", "\"");
    svg_end(&out);
    is(&out, "<svg viewBox=\"0 0 10 20\" role=\"img\" aria-label=\"&lt;/title&gt;\"><title>&lt;/title&gt;</title>"
             "<desc>&quot;</desc>\n</svg>\n");
}

static void places_are_tenths_of_a_pixel(void **state)
{
    struct buf out = BUF_EMPTY;

    (void)state;
    svg_px(&out, 123);
    buf_add_u8(&out, ' ');
    svg_px(&out, 120);
    buf_add_u8(&out, ' ');
    svg_px(&out, -5);
    is(&out, "12.3 12 -0.5");
    svg_path(&out, "hit");
    svg_to(&out, true, 0, 10);
    svg_to(&out, false, 15, 20);
    svg_path_end(&out, true);
    is(&out, "<path class=\"hit\" d=\"M0 1L1.5 2Z\"/>\n");
    svg_label(&out, "tick", 'm', 10, 20, "<");
    is(&out, "<text class=\"tick\" text-anchor=\"middle\" x=\"1\" y=\"2\">&lt;</text>\n");
}

static void scales_reach_both_ends_and_no_further(void **state)
{
    struct svg_scale up = { 0, 200, 2000, 1000, false }, huge = { 0, UINT64_MAX, 0, 1000, false },
                     log = { 100, 1000000, 0, 4000, true };

    (void)state;
    assert_int_equal(svg_at(&up, 0), 2000);
    assert_int_equal(svg_at(&up, 50), 1750);
    assert_int_equal(svg_at(&up, 200), 1000);
    assert_int_equal(svg_at(&up, 900), 1000);
    assert_int_equal(svg_at(&huge, UINT64_MAX), 1000);
    assert_in_range(svg_at(&huge, UINT64_MAX / 2), 499, 500);
    assert_int_equal(svg_at(&log, 0), 0);
    assert_in_range(svg_at(&log, 1000), 999, 1001);
    assert_in_range(svg_at(&log, 10000), 1999, 2001);
    assert_int_equal(svg_at(&log, 1000000), 4000);
}

static void logarithms_and_roots_are_right(void **state)
{
    (void)state;
    assert_int_equal(svg_log2(1), 0);
    assert_int_equal(svg_log2(2), 1024);
    assert_int_equal(svg_log2(10), 3401);    /* 3.32193 */
    assert_int_equal(svg_log2(1000), 10204); /* 9.96578 */
    assert_int_equal(svg_log2(UINT64_C(1) << 63), 63 * 1024);
    for (uint64_t v = 2; v < 5000; v++)
        assert_true(svg_log2(v) >= svg_log2(v - 1));
    assert_int_equal(svg_root(0), 0);
    assert_int_equal(svg_root(99), 9);
    assert_int_equal(svg_root(100), 10);
    assert_int_equal(svg_root(UINT64_MAX), UINT32_MAX);
}

static void steps_are_one_two_or_five(void **state)
{
    (void)state;
    assert_int_equal(svg_round_up(0), 1);
    assert_int_equal(svg_round_up(3), 5);
    assert_int_equal(svg_round_up(11), 20);
    assert_int_equal(svg_step(222, 5), 50);
    assert_int_equal(svg_step(1000, 5), 200);
    assert_int_equal(svg_step(1001, 5), 500);
    for (uint64_t span = 1; span < 100000; span += 7)
        assert_true(span / svg_step(span, 5) <= 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_are_escaped),
        cmocka_unit_test(places_are_tenths_of_a_pixel),
        cmocka_unit_test(scales_reach_both_ends_and_no_further),
        cmocka_unit_test(logarithms_and_roots_are_right),
        cmocka_unit_test(steps_are_one_two_or_five),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
