/* test_steer_learning.c - how soon viewers are at the edge that is nearest: what is supposed of edges that were not
 * measured from a network, and what is tried. */
#include "proto/base/rand.h"
#include "sim/net/link_model.h"
#include "tests/unit/steer_choices.h"

/* ---- how soon viewers are where they should be ---- */

#define NETS  1000
#define EDGES 10
static unsigned region_of_edge[EDGES], region_of_net[NETS], last_mile_us[NETS];
static struct coordinate places[EDGES];
static uint8_t asked_s[NETS][EDGES]; /* plus 1; 0: never */
static uint16_t at_edge[NETS], homes[NETS];
static uint32_t asks_next_s[NETS];

static uint32_t true_us(size_t net, size_t edge)
{
    return (uint32_t)(2 * link_region_delay(region_of_net[net], region_of_edge[edge]) / 1000) + last_mile_us[net];
}

static void place_all(struct rand *r)
{
    unsigned regions[LINK_REGIONS];

    memset(places, 0, sizeof(places));
    memset(asked_s, 0, sizeof(asked_s));
    for (unsigned i = 0; i < LINK_REGIONS; i++)
        regions[i] = i;
    for (size_t i = 0; i < EDGES; i++) {
        size_t other = i + rand_below(r, LINK_REGIONS - i);
        region_of_edge[i] = regions[other];
        regions[other] = regions[i];
    }
    for (size_t i = 0; i < NETS; i++) {
        region_of_net[i] = (unsigned)rand_below(r, LINK_REGIONS);
        last_mile_us[i] = 2000 + (unsigned)rand_below(r, 20000);
        homes[i] = UINT16_MAX;
        asks_next_s[i] = (uint32_t)rand_below(r, 5);
    }
}

/* What was seen two seconds ago is known to all. */
static void view_at(uint32_t s)
{
    begin(EDGES, NETS);
    for (size_t i = 0; i < EDGES; i++)
        v->edges[i].facts.at = places[i];
    for (uint32_t net = 0; net < NETS; net++) {
        struct steer_row *row = add_net(net, 0);
        for (uint16_t e = 0; e < EDGES; e++)
            if (asked_s[net][e] != 0 && asked_s[net][e] - 1u + 2 <= s)
                row->figures[row->n++] =
                    (struct steer_figure){ e, (uint16_t)(true_us(net, e) / 100), (uint16_t)(s + 1 - asked_s[net][e]) };
        row->home = homes[net];
        row->home = homes[net] = steer_home(row);
    }
    steer_view_finish(v, SEC(10));
}

static unsigned well_placed(void)
{
    unsigned well = 0;

    for (size_t net = 0; net < NETS; net++) {
        uint32_t best = UINT32_MAX, us = true_us(net, at_edge[net]);
        for (size_t e = 0; e < EDGES; e++)
            best = true_us(net, e) < best ? true_us(net, e) : best;
        well += us <= best + 5000 || us <= best + best / 10;
    }
    return well;
}

static unsigned after_a_minute(uint64_t seed)
{
    struct rand r = rand_of(seed, 1, 1);

    place_all(&r);
    for (uint32_t s = 0; s <= 60; s++) {
        for (size_t i = 0; i < EDGES && s % 2 == 0; i++)
            for (size_t j = 0; j < EDGES; j++)
                if (i != j)
                    coordinate_sample(&places[i], &places[j],
                                      2 * link_region_delay(region_of_edge[i], region_of_edge[j]), rand_u64(&r));
        view_at(s);
        for (uint32_t net = 0; net < NETS; net++) {
            struct steer_ask ask = ask_of(net);
            if (asks_next_s[net] > s)
                continue;
            ask.draw = rand_u64(&r);
            choose(&ask);
            at_edge[net] = got.picks[0].edge;
            asked_s[net][at_edge[net]] = (uint8_t)(s + 1);
            asks_next_s[net] = s + got.ttl_s;
        }
        end();
    }
    return well_placed();
}

/* Nobody knows where anybody is at the start: no places, no countries, no coordinates; each network has one viewer, and
 * neighbours tell nothing of it: the hardest case. With neighbours, see the simulator's routing/alone.scn. */
static void
feat_L1_after_a_minute_nine_of_ten_viewers_without_neighbours_are_at_an_edge_as_good_as_their_best(void **state)
{
    unsigned sum = 0;
    (void)state;

    for (uint64_t seed = 1; seed <= 8; seed++)
        sum += after_a_minute(seed);
    print_message("%u.%u %% are well placed after a minute\n", sum / 80, sum / 8 % 10);
    assert_true(sum / 8 >= NETS * 91 / 100);
}

/* A network and its neighbours: |own_ms| at edge 0; |coarse_ms| at edges 0 to 2, -1: none. Edges stand on a line. */
static struct steer_row *beside_neighbours(int own_ms, const int coarse_ms[3], const int at_ms[3])
{
    begin(3, 2);
    for (int i = 0; i < 3; i++)
        v->edges[i].facts.at =
            (struct coordinate){ .at = { 1000 * at_ms[i] }, .height = 10, .error_permille = at_ms[2] > 0 ? 1 : 0 };
    struct steer_row *row = add_net(1, 0), *coarse = add_net(1, 1);
    figure(row, 0, (unsigned)own_ms, 0);
    for (uint16_t i = 0; i < 3; i++)
        if (coarse_ms[i] >= 0)
            figure(coarse, i, (unsigned)coarse_ms[i], 0);
    return row;
}

static struct steer_pick pick_of(uint16_t edge)
{
    struct steer_ask ask = ask_of(1);
    struct steer_pick all[3], none = { .edge = UINT16_MAX };

    steer_view_finish(v, SEC(10));
    size_t n = steer_explain(v, &ask, all, 3);
    for (size_t i = 0; i < n; i++)
        if (all[i].edge == edge)
            return all[i];
    return none;
}

/* Its own way is 10 ms longer than its neighbours': so it is to all edges. */
static void feat_L1_neighbours_times_are_taken_with_the_difference_of_the_own_way(void **state)
{
    (void)state;
    beside_neighbours(30, (const int[]){ 20, 40, 60 }, (const int[]){ 0, 0, 0 });
    struct steer_pick p = pick_of(1);
    assert_int_equal(p.basis, STEER_BY_COARSE);
    assert_int_equal(p.us, 50000);
    end();
}

static void feat_L1_neighbours_who_are_elsewhere_do_not_count(void **state)
{
    (void)state;
    beside_neighbours(200, (const int[]){ 20, 40, 60 }, (const int[]){ 0, 0, 0 });
    assert_int_equal(pick_of(1).basis, STEER_BY_NONE);
    end();
    /* One edge of three is where somebody else is at home: the others still tell. */
    struct steer_row *row = beside_neighbours(90, (const int[]){ 5, 40, 60 }, (const int[]){ 0, 0, 0 });
    figure(row, 1, 41, 0);
    assert_int_equal(pick_of(2).basis, STEER_BY_COARSE);
    end();
}

/* It is 20 ms from edge 0, beside which edge 2 stands: 172 ms to that one were measured by somebody else. */
static void feat_L1_a_neighbours_time_that_cannot_be_is_not_believed(void **state)
{
    (void)state;
    beside_neighbours(20, (const int[]){ 20, -1, 172 }, (const int[]){ 0, 100, 5 });
    struct steer_pick p = pick_of(2);
    assert_int_equal(p.basis, STEER_BY_TOLD);
    assert_in_range(p.us, 5000, 30000);
    end();
    beside_neighbours(20, (const int[]){ 20, -1, 30 }, (const int[]){ 0, 100, 5 });
    assert_int_equal(pick_of(2).basis, STEER_BY_COARSE);
    end();
}

static void feat_L4_who_has_moved_is_not_where_its_neighbours_are(void **state)
{
    (void)state;
    for (int moved = 0; moved < 2; moved++) {
        beside_neighbours(30, (const int[]){ 20, 40, 60 }, (const int[]){ 0, 0, 0 })->moved = moved;
        assert_int_equal(pick_of(1).basis, moved ? STEER_BY_NONE : STEER_BY_COARSE);
        end();
    }
}

/* 120 ms from edge 0: edge 1, 100 ms from that, may be next to it; edge 2, beside edge 0, is not. */
static void feat_L1_what_is_likely_is_tried_at_once_and_a_long_shot_seldom(void **state)
{
    struct steer_ask ask = ask_of(1);
    int explored = 0;
    (void)state;

    beside_neighbours(120, (const int[]){ -1, -1, -1 }, (const int[]){ 0, 100, 5 });
    steer_view_finish(v, SEC(10));
    for (ask.draw = 1; ask.draw <= 64; ask.draw++) {
        choose(&ask);
        explored += got.explored && got.picks[0].edge == 1;
    }
    assert_int_equal(explored, 64);
    end();
    /* By neighbours it takes 125 ms to edge 1, which is no better; but it may be less. */
    explored = 0;
    beside_neighbours(120, (const int[]){ 120, 125, 300 }, (const int[]){ 0, 0, 0 });
    steer_view_finish(v, SEC(10));
    for (ask.draw = 1; ask.draw <= 64; ask.draw++) {
        choose(&ask);
        explored += got.explored;
    }
    assert_int_equal(explored, 32); /* with one edge tried, one in two */
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(
            feat_L1_after_a_minute_nine_of_ten_viewers_without_neighbours_are_at_an_edge_as_good_as_their_best),
        cmocka_unit_test(feat_L1_neighbours_times_are_taken_with_the_difference_of_the_own_way),
        cmocka_unit_test(feat_L1_neighbours_who_are_elsewhere_do_not_count),
        cmocka_unit_test(feat_L1_a_neighbours_time_that_cannot_be_is_not_believed),
        cmocka_unit_test(feat_L4_who_has_moved_is_not_where_its_neighbours_are),
        cmocka_unit_test(feat_L1_what_is_likely_is_tried_at_once_and_a_long_shot_seldom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
