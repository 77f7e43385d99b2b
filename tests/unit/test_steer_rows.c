/* test_steer_rows.c - what is known of all edges, by network: the nearest and freshest figures, within bounds, whoever
 * tells how much. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "node/steer/steer_impl.h"
#include "steer_fleet.h"

static mesh_ns now;

/* Edge 0 is ourselves; slots are as numbers. */
static struct steer *among(int edges, size_t rows_max)
{
    struct fleet f = { .n = 1, .now = now = SEC(9000) };

    f.nodes[0] = fleet_node(0, 0, rows_max, now);
    for (int i = 1; i < edges; i++)
        fleet_member(&f, 0, i, true);
    return f.nodes[0];
}

static struct steer_prefix net(unsigned i)
{
    struct mesh_addr a = mesh_addr_v4(0x0b000000u + (i << 8), 0);

    return prefix_of(&a, 0);
}

static void tell(struct steer *s, int edge, unsigned i, unsigned rtt)
{
    struct steer_prefix p = net(i);

    rows_set(s, (uint16_t)edge, &p, (uint16_t)rtt, steer_seconds(now));
}

static void wait(struct steer *s, mesh_ns span)
{
    mesh_ns end = now + span;

    while ((now += SEC(1)) <= end)
        steer_tick(s, now);
}

static unsigned known(struct steer *s, int edge, unsigned i)
{
    struct steer_prefix p = net(i);

    return rtt_known(s, now += SEC(1), &p, edge);
}

static void nearest_figures_stay_and_come_first(void **state)
{
    struct steer *s = among(20, 0);
    struct steer_prefix p = net(1);

    (void)state;
    for (int i = 19; i >= 0; i--)
        tell(s, i, 1, 100 + 10 * (unsigned)i);
    struct steer_view *v = steer_view(s, now);
    const struct steer_row *row = steer_view_row(v, &p);
    assert_non_null(row);
    assert_int_equal(row->n, STEER_ROW_EDGES);
    for (unsigned i = 0; i < row->n; i++) {
        assert_int_equal(row->figures[i].rtt, 100 + 10 * i);
        assert_int_equal(row->figures[i].edge, view_edge(v, (int)i));
        assert_int_equal(row->figures[i].age_s, 0);
    }
    assert_int_equal(row->home, view_edge(v, 0));
    steer_view_unref(v);
    tell(s, 0, 1, 500); /* it is the farthest now, */
    assert_int_equal(known(s, 0, 1), 500);
    tell(s, 15, 1, 240); /* so it makes room */
    assert_int_equal(known(s, 0, 1), 0);
    assert_int_equal(known(s, 15, 1), 240);
    steer_free(s);
}

static void a_fresh_figure_takes_the_place_of_an_old_one(void **state)
{
    struct steer *s = among(20, 0);

    (void)state;
    for (int i = 1; i <= STEER_ROW_EDGES; i++)
        tell(s, i, 1, 200);
    tell(s, 13, 1, 300);
    assert_int_equal(known(s, 13, 1), 0);
    wait(s, SEC(700));
    for (int i = 1; i < STEER_ROW_EDGES; i++)
        tell(s, i, 1, 200);
    tell(s, 13, 1, 300);
    assert_int_equal(known(s, 13, 1), 300);
    assert_int_equal(known(s, STEER_ROW_EDGES, 1), 0);
    steer_free(s);
}

static void figures_of_an_edge_that_is_gone_go(void **state)
{
    struct steer *s = among(4, 0);
    struct node_id id = fleet_id(2);
    struct steer_size size;

    (void)state;
    tell(s, 2, 1, 100);
    tell(s, 3, 1, 200);
    tell(s, 2, 2, 100);
    assert_int_equal(known(s, 2, 1), 100);
    steer_gone(s, now, &id);
    steer_size(s, &size);
    assert_int_equal(size.rows, 1);
    struct steer_view *v = steer_view(s, now);
    assert_int_equal(v->edges_n, 3);
    assert_int_equal(view_edge(v, 2), UINT16_MAX);
    struct steer_prefix p = net(1), q = net(2);
    assert_int_equal(steer_view_row(v, &p)->n, 1);
    assert_int_equal(steer_view_row(v, &p)->home, view_edge(v, 3));
    assert_null(steer_view_row(v, &q));
    steer_view_unref(v);
    steer_gone(s, now, &id);
    steer_free(s);
}

static void figures_are_forgotten_when_they_count_no_more(void **state)
{
    struct steer *s = among(3, 0);
    struct steer_size size;

    (void)state;
    for (unsigned i = 0; i < 1000; i++)
        tell(s, 1, i, 100);
    wait(s, SEC(STEER_LIFE_S / 2));
    for (unsigned i = 0; i < 1000; i += 2)
        tell(s, 2, i, 100);
    wait(s, SEC(STEER_LIFE_S / 2 + 300));
    steer_size(s, &size);
    assert_int_equal(size.rows, 500);
    assert_int_equal(known(s, 1, 0), 0);
    assert_int_equal(known(s, 2, 0), 100);
    wait(s, SEC(STEER_LIFE_S));
    steer_size(s, &size);
    assert_int_equal(size.rows, 0);
    steer_free(s);
}

#define ROWS 1024

/* Edge 1 tells of more networks than there is room for, again and again; the others, which come later, of their share.
 */
static void rob_one_edge_does_not_fill_the_table(void **state)
{
    struct steer *s = among(4, ROWS);
    struct steer_size size;

    (void)state;
    for (unsigned i = 0; i < 5000; i++)
        tell(s, 1, 100000 + i, 1);
    for (unsigned i = 0; i < ROWS / 4; i++) {
        for (int e = 0; e < 4; e++) {
            if (e != 1)
                tell(s, e, 1000 * (unsigned)e + i, 100);
            for (unsigned j = 0; j < 10; j++)
                tell(s, 1, 200000 + 100 * i + j, 1);
        }
    }
    for (unsigned i = 0; i < 5000; i++)
        tell(s, 1, 100000 + i, 1);
    for (int e = 0; e < 4; e++) {
        for (unsigned i = 0; e != 1 && i < ROWS / 4; i++) {
            struct steer_prefix p = net(1000 * (unsigned)e + i);
            assert_non_null(rows_find(&s->rows, &p));
        }
    }
    steer_size(s, &size);
    assert_int_equal(size.rows, ROWS);
    assert_int_equal(s->edges[1]->rows_n, ROWS / 4);
    assert_int_equal(known(s, 1, 100000 + 4999), 1); /* its latest ones are there */
    assert_int_equal(known(s, 1, 100000), 0);
    steer_free(s);
}

static void who_alone_has_much_to_tell_has_all_the_room(void **state)
{
    struct steer *s = among(4, ROWS);
    struct steer_size size;

    (void)state;
    for (unsigned i = 0; i < ROWS; i++)
        tell(s, 1, i, 1);
    steer_size(s, &size);
    assert_int_equal(size.rows, ROWS);
    assert_int_equal(known(s, 1, 0), 1);
    steer_free(s);
}

/* Edges come and go, and tell of anything: the books agree. */
static void accounts_add_up_whatever_happens(void **state)
{
    struct steer *s = among(12, 256);
    struct fleet f = { .n = 1, .nodes = { s } };
    struct rand r = rand_of(4, 5, 6);

    (void)state;
    for (int i = 0; i < 40000; i++) {
        unsigned e = (unsigned)rand_below(&r, 12);
        struct node_id id = fleet_id((int)e);
        struct edge *edge = edge_find(s, &id);
        f.now = now += MS(50);
        if (e > 0 && rand_below(&r, 400) == 0) {
            steer_gone(s, now, &id);
        } else if (e > 0 && edge == NULL) {
            fleet_member(&f, 0, (int)e, true);
        } else {
            struct steer_prefix p = net((unsigned)rand_below(&r, 600));
            rows_set(s, edge->slot, &p, (uint16_t)(1 + rand_below(&r, 900)), steer_seconds(now));
        }
        if (i % 16 == 0)
            steer_tick(s, now);
        if (i % 1000 != 0)
            continue;
        size_t n = 0, used = 0;
        for (size_t k = 0; k < s->slots; k++) {
            n += s->edges[k] != NULL ? s->edges[k]->rows_n : 0;
        }
        for (size_t k = 0; k < s->rows.used; k++) {
            const struct row *row = &s->rows.all[k];
            used += row->owner != STEER_NOBODY;
            for (unsigned j = 0; row->owner != STEER_NOBODY && j < row->n; j++) {
                assert_non_null(s->edges[row->known[j].slot]);
                assert_true(j == 0 || row->known[j - 1].rtt <= row->known[j].rtt);
            }
        }
        assert_int_equal(n, s->rows.n);
        assert_int_equal(used, s->rows.n);
        assert_in_range(n, 1, 256);
        steer_view_unref(steer_view(s, now));
    }
    steer_free(s);
}

/* At edge 1 its time jumps: what was measured before, at others, is of where it was. */
static void feat_L4_a_jump_at_one_edge_forgets_what_is_older(void **state)
{
    struct steer *s = among(4, 0);
    struct steer_prefix p = net(1);

    (void)state;
    tell(s, 1, 1, 200);
    tell(s, 2, 1, 300);
    wait(s, SEC(60));
    tell(s, 1, 1, 230); /* no jump: less than 8 ms */
    assert_int_equal(known(s, 2, 1), 300);
    tell(s, 1, 1, 900);
    assert_int_equal(known(s, 2, 1), 0);
    assert_int_equal(known(s, 1, 1), 900);
    assert_true(rows_moved(&s->rows, &p, steer_seconds(now) - 60));
    rows_set(s, 3, &p, 100, steer_seconds(now) - 60); /* it comes late, from before */
    assert_int_equal(known(s, 3, 1), 0);
    struct steer_view *v = steer_view(s, now);
    assert_true(steer_view_row(v, &p)->moved);
    steer_view_unref(v);
    for (int i = 0; i < 4; i++) { /* it is so for an hour */
        wait(s, SEC(1000));
        tell(s, 1, 1, 900);
    }
    v = steer_view(s, now += SEC(1));
    assert_false(steer_view_row(v, &p)->moved);
    steer_view_unref(v);
    steer_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nearest_figures_stay_and_come_first),
        cmocka_unit_test(a_fresh_figure_takes_the_place_of_an_old_one),
        cmocka_unit_test(feat_L4_a_jump_at_one_edge_forgets_what_is_older),
        cmocka_unit_test(figures_of_an_edge_that_is_gone_go),
        cmocka_unit_test(figures_are_forgotten_when_they_count_no_more),
        cmocka_unit_test(rob_one_edge_does_not_fill_the_table),
        cmocka_unit_test(who_alone_has_much_to_tell_has_all_the_room),
        cmocka_unit_test(accounts_add_up_whatever_happens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
