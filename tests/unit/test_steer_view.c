/* test_steer_view.c - views: rows and labels are found, references are counted, homes are kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "node/steer/view_impl.h"

static const uint8_t key[16] = { 3 };

static struct steer_prefix net(uint32_t i, unsigned level)
{
    struct mesh_addr a = mesh_addr_v4(0x0a000000u + i * 256, 0);
    struct steer_prefix p;

    assert_true(steer_prefix_of(&p, &a, level));
    return p;
}

static void each_row_is_found_and_no_other(void **state)
{
    struct steer_view *v = steer_view_new(1, 5000, key, SEC(1), 7);
    (void)state;

    for (uint32_t i = 0; i < 5000; i++)
        *steer_view_add_row(v) = (struct steer_row){ .prefix = net(2 * i, 0), .home = (uint16_t)i };
    steer_view_finish(v, SEC(10));
    assert_int_equal(v->number, 7);
    for (uint32_t i = 0; i < 5000; i++) {
        struct steer_prefix p = net(2 * i, 0), q = net(2 * i + 1, 0);
        assert_int_equal(steer_view_row(v, &p)->home, i);
        assert_null(steer_view_row(v, &q));
    }
    steer_view_unref(v);
}

static void an_empty_view_has_nothing(void **state)
{
    struct steer_view *v = steer_view_new(0, 0, key, 0, 1);
    struct steer_prefix p = net(1, 0);
    (void)state;

    steer_view_finish(v, SEC(10));
    assert_null(steer_view_row(v, &p));
    assert_null(steer_view_label(v, SLICE_LIT("a")));
    steer_view_unref(v);
    steer_view_unref(NULL);
}

static void a_view_lives_until_its_last_reference(void **state)
{
    struct steer_view *v = steer_view_new(1, 1, key, 0, 1);
    (void)state;

    steer_view_finish(v, SEC(10));
    assert_ptr_equal(steer_view_ref(v), v);
    steer_view_unref(v);
    assert_int_equal(v->edges_n, 0); /* it is still there: sanitizers would say so */
    steer_view_unref(v);
}

static void edges_are_found_by_label_in_any_case(void **state)
{
    struct steer_view *v = steer_view_new(STEER_EDGES_MAX, 0, key, SEC(1), 1);
    char name[32];
    (void)state;

    for (int i = 0; i < STEER_EDGES_MAX; i++) {
        struct steer_edge *e = steer_view_add_edge(v);
        snprintf(e->name, sizeof(e->name), i == 5 ? "not.a.label" : "Edge-%d", i);
        e->id.bytes[0] = (uint8_t)i;
    }
    steer_view_finish(v, SEC(10));
    for (int i = 0; i < STEER_EDGES_MAX; i++) {
        snprintf(name, sizeof(name), i % 2 ? "eDGe-%d" : "edge-%d", i);
        if (i != 5)
            assert_ptr_equal(steer_view_label(v, slice_str(name)), &v->edges[i]);
    }
    assert_ptr_equal(steer_view_label(v, slice_str(v->edges[5].label)), &v->edges[5]);
    assert_int_equal(v->edges[5].label[0], 'n');
    assert_null(steer_view_label(v, SLICE_LIT("edge-5")));
    assert_null(steer_view_label(v, SLICE_EMPTY));
    assert_null(steer_view_label(v, SLICE_LIT("a-label-that-is-longer-than-any-of-them-may-be-at-all")));
    steer_view_unref(v);
}

static void a_coarse_network_knows_whether_parts_of_it_have_rows(void **state)
{
    struct steer_view *v = steer_view_new(1, 3, key, SEC(1), 1);
    (void)state;

    *steer_view_add_row(v) = (struct steer_row){ .prefix = net(0, 1) };
    *steer_view_add_row(v) = (struct steer_row){ .prefix = net(256, 1) };
    *steer_view_add_row(v) = (struct steer_row){ .prefix = net(257, 0) };
    steer_view_finish(v, SEC(10));
    assert_false(v->rows[0].has_parts);
    assert_true(v->rows[1].has_parts);
    assert_false(v->rows[2].has_parts);
    steer_view_unref(v);
}

static struct steer_row row_of(uint16_t home, uint16_t us100_a, uint16_t age_a, uint16_t us100_b, uint16_t age_b)
{
    return (struct steer_row){ .home = home, .n = 2, .figures = { { 3, us100_a, age_a }, { 8, us100_b, age_b } } };
}

static void feat_L1_a_home_is_kept_until_another_is_better_by_10_percent_and_2_ms(void **state)
{
    struct steer_row row;
    (void)state;

    row = row_of(UINT16_MAX, 500, 0, 501, 0);
    assert_int_equal(steer_home(&row), 3);
    row = row_of(8, 460, 0, 500, 0); /* by 8 % */
    assert_int_equal(steer_home(&row), 8);
    row = row_of(8, 30, 0, 45, 0); /* by 1.5 ms */
    assert_int_equal(steer_home(&row), 8);
    row = row_of(8, 450, 0, 500, 0);
    assert_int_equal(steer_home(&row), 3);
    row = row_of(8, 450, 3600, 500, 0); /* too old to count */
    assert_int_equal(steer_home(&row), 8);
    row = row_of(8, 450, 0, 400, 3600);
    assert_int_equal(steer_home(&row), 3);
    row = row_of(8, 450, 3600, 400, 3600);
    assert_int_equal(steer_home(&row), UINT16_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_row_is_found_and_no_other),
        cmocka_unit_test(an_empty_view_has_nothing),
        cmocka_unit_test(a_view_lives_until_its_last_reference),
        cmocka_unit_test(edges_are_found_by_label_in_any_case),
        cmocka_unit_test(a_coarse_network_knows_whether_parts_of_it_have_rows),
        cmocka_unit_test(feat_L1_a_home_is_kept_until_another_is_better_by_10_percent_and_2_ms),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
