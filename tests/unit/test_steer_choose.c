/* test_steer_choose.c - which edge a viewer is sent to. */
#include "proto/base/rand.h"
#include "tests/unit/steer_choices.h"

static void feat_L4_the_finest_measurement_decides(void **state)
{
    struct steer_ask ask = ask_of(1), other = ask_of(2), far = ask_of(70000);
    struct steer_row *row;
    struct steer_prefix p;
    (void)state;

    begin(4, 4);
    row = add_net(1, 0);
    figure(row, 3, 30, 0);
    figure(row, 0, 90, 0);
    figure(row, 1, 95, 0);
    figure(row, 2, 96, 0);
    row = add_net(1, 1);
    figure(row, 2, 20, 0);
    figure(row, 3, 60, 0);
    steer_prefix_country(&p, "DE");
    row = add_row(p);
    figure(row, 1, 15, 0);
    steer_prefix_all(&p);
    row = add_row(p);
    figure(row, 0, 50, 0);
    steer_view_finish(v, SEC(10));
    check_first(&ask, 3, 30, STEER_BY_MEASURED);
    assert_int_equal(got.scope_bits, 24);
    check_first(&other, 2, 20, STEER_BY_COARSE);
    check_first(&far, 0, 50, STEER_BY_AVERAGE);
    memcpy(far.country, "de", 3);
    check_first(&far, 1, 15, STEER_BY_COUNTRY);
    assert_int_equal(got.ttl_s, 5);
    end();
}

static void with_nothing_known_the_order_is_that_of_names(void **state)
{
    struct steer_ask ask = ask_of(1);
    (void)state;

    begin(3, 0);
    snprintf(v->edges[1].name, sizeof(v->edges[1].name), "A");
    steer_view_finish(v, SEC(10));
    choose(&ask);
    assert_int_equal(got.n, 3);
    assert_int_equal(got.picks[0].edge, 1);
    assert_int_equal(got.picks[1].edge, 0);
    assert_int_equal(got.picks[0].us, UINT32_MAX);
    assert_int_equal(got.picks[0].basis, STEER_BY_NONE);
    assert_int_equal(got.scope_bits, 0);
    assert_int_equal(got.ttl_s, 5);
    end();
}

static void coordinates_tell_of_edges_that_were_not_measured(void **state)
{
    struct steer_ask ask = ask_of(1);
    (void)state;

    begin(3, 1);
    for (int i = 0; i < 3; i++) /* 0, 60 and 120 ms along a line */
        v->edges[i].facts.at = (struct coordinate){ .at = { 60000 * i }, .height = 10, .error_permille = 1 };
    struct steer_row *row = add_net(1, 0);
    figure(row, 0, 122, 0);
    figure(row, 1, 62, 0);
    steer_view_finish(v, SEC(10));
    struct steer_pick all[3];
    steer_explain(v, &ask, all, 3);
    for (int i = 0; i < 3; i++)
        if (all[i].edge == 2) { /* between 2 and 122 ms */
            assert_int_equal(all[i].basis, STEER_BY_TOLD);
            assert_in_range(all[i].us, 58000, 70000);
        }
    ask.draw = 1;
    choose(&ask); /* it may be nearest by far */
    assert_true(got.explored);
    assert_int_equal(got.picks[0].edge, 2);
    assert_int_equal(got.picks[1].edge, 1);
    assert_int_equal(got.ttl_s, 5);
    end();
}

static void a_globe_is_better_than_nothing(void **state)
{
    struct steer_ask ask = ask_of(1);
    (void)state;

    begin(3, 0);
    v->edges[0].facts.located = v->edges[2].facts.located = true;
    v->edges[0].facts.lat_e4 = 407128; /* New York */
    v->edges[0].facts.lon_e4 = -740060;
    v->edges[2].facts.lat_e4 = 488566; /* Paris */
    v->edges[2].facts.lon_e4 = 23522;
    steer_view_finish(v, SEC(10));
    ask.located = true;
    ask.lat_e4 = 515074; /* London */
    ask.lon_e4 = -1278;
    choose(&ask);
    assert_int_equal(got.picks[0].edge, 2);
    assert_int_equal(got.picks[0].basis, STEER_BY_GLOBE);
    assert_in_range(got.picks[0].us, 5000, 15000);
    assert_int_equal(got.n, 1);
    assert_int_equal(got.scope_bits, 24);
    end();
}

static void feat_L1_home_is_kept_until_another_is_enough_better(void **state)
{
    struct steer_ask ask = ask_of(1);
    (void)state;

    for (unsigned ms = 40; ms <= 50; ms++) {
        begin(3, 1);
        struct steer_row *row = add_net(1, 0);
        figure(row, 0, ms, 0);
        figure(row, 1, 50, 0);
        figure(row, 2, 80, 0);
        row->home = 1;
        steer_view_finish(v, SEC(10));
        choose(&ask);
        assert_int_equal(got.picks[0].edge, ms <= 45 ? 0 : 1);
        assert_int_equal(got.n, 2);
        assert_int_equal(got.ttl_s, 20);
        end();
    }
}

static void an_old_figure_counts_less_and_in_the_end_not_at_all(void **state)
{
    struct steer_ask ask = ask_of(1);
    (void)state;

    for (int i = 0; i < 3; i++) {
        begin(2, 1);
        v->edges[0].facts.at = (struct coordinate){ .height = 10, .error_permille = 1 };
        v->edges[1].facts.at = (struct coordinate){ .at = { 100000 }, .height = 10, .error_permille = 1 };
        struct steer_row *row = add_net(1, 0);
        figure(row, 0, 10, i == 0 ? 599 : i == 1 ? 2100 : 3600);
        figure(row, 1, 90, 0);
        steer_view_finish(v, SEC(10));
        choose(&ask);
        if (i == 0)
            assert_int_equal(got.picks[0].us, 10000);
        if (i == 1) /* half of it, and half of what the other figure tells */
            assert_in_range(got.picks[0].us, 40000, 60000);
        if (i == 2)
            assert_int_equal(got.picks[0].edge, 1);
        end();
    }
}

static void one_draw_in_32_tries_the_second_best(void **state)
{
    struct steer_ask ask = ask_of(1);
    int explored = 0;
    (void)state;

    begin(3, 1);
    struct steer_row *row = add_net(1, 0);
    figure(row, 0, 30, 0);
    figure(row, 1, 60, 601);
    figure(row, 2, 200, 601);
    steer_view_finish(v, SEC(10));
    for (ask.draw = 0; ask.draw < 3200; ask.draw++) {
        choose(&ask);
        explored += got.explored;
        assert_int_equal(got.picks[0].edge, got.explored ? 1 : 0);
        assert_int_equal(got.ttl_s, got.explored ? 5 : 20);
        if (got.explored)
            assert_int_equal(got.picks[1].edge, 0);
    }
    assert_int_equal(explored, 3200 / STEER_EXPLORE_IN);
    v->rows[0].figures[1].age_s = 599; /* young: nothing would be learnt */
    for (ask.draw = 0; ask.draw < 3200; ask.draw++) {
        choose(&ask);
        assert_false(got.explored);
    }
    v->rows[0].figures[1] = (struct steer_figure){ 1, 810, 601 }; /* more than twice as far and 20 ms */
    for (ask.draw = 0; ask.draw < 3200; ask.draw++) {
        choose(&ask);
        assert_false(got.explored);
    }
    end();
}

static void feat_L3_who_is_no_candidate_is_not_answered(void **state)
{
    struct steer_ask ask = ask_of(1);
    struct steer_pick all[8];
    (void)state;

    begin(8, 1);
    v->edges[0].alive = false;
    v->edges[1].heard = v->made - SEC(11);
    v->edges[2].facts.ready = false;
    v->edges[3].facts.draining = true;
    v->edges[4].facts.addrs[0] = (struct mesh_addr){ .ip = { 0x20, 1 } };
    v->edges[5].facts.https = 0;
    v->edges[6].facts.shed_permille = 1000;
    struct steer_row *row = add_net(1, 0);
    for (uint16_t i = 0; i < 8; i++)
        figure(row, i, 10 + i, 0);
    row->home = 0;
    steer_view_finish(v, SEC(10));
    ask.family = STEER_IPV4;
    ask.https = true;
    for (ask.draw = 0; ask.draw < 64; ask.draw++) {
        choose(&ask);
        assert_int_equal(got.n, 1);
        assert_int_equal(got.picks[0].edge, 7);
        assert_false(got.relaxed);
    }
    assert_int_equal(steer_explain(v, &ask, all, 8), 8);
    static const enum steer_reason reasons[8] = { STEER_REASON_DEAD,       STEER_REASON_SILENT,
                                                  STEER_REASON_NOT_READY,  STEER_REASON_DRAINING,
                                                  STEER_REASON_NO_ADDRESS, STEER_REASON_NO_PORT,
                                                  STEER_REASON_FULL,       STEER_REASON_OK };
    assert_int_equal(all[0].edge, 7);
    for (int i = 0; i < 8; i++) {
        assert_int_equal(all[i].reason, reasons[all[i].edge]);
        assert_int_equal(all[i].us, 10000 + 1000 * all[i].edge);
    }
    assert_int_equal(steer_explain(v, &ask, all, 3), 3);
    ask.family = STEER_IPV6;
    choose(&ask);
    assert_int_equal(got.n, 1);
    assert_int_equal(got.picks[0].edge, 4);
    end();
}

static void feat_L5_an_edge_that_sheds_loses_just_so_many_networks_and_the_same_ones(void **state)
{
    int gone = 0, gone_before = 0;
    (void)state;

    for (uint16_t permille = 0; permille <= 1000; permille += 250) {
        begin(3, 1);
        v->edges[0].facts.shed_permille = permille;
        v->edges[1].facts.shed_permille = 0;
        struct steer_prefix p;
        steer_prefix_all(&p);
        struct steer_row *row = add_row(p);
        figure(row, 0, 10, 0);
        figure(row, 1, 50, 0);
        figure(row, 2, 90, 0);
        steer_view_finish(v, SEC(10));
        gone = 0;
        for (uint32_t net = 0; net < 4000; net++) {
            struct steer_ask ask = ask_of(net);
            choose(&ask);
            gone += got.picks[0].edge == 1;
            assert_int_not_equal(got.picks[0].edge, 2);
            ask.draw = 77; /* and no draw changes it */
            uint16_t first = got.picks[0].edge;
            choose(&ask);
            assert_int_equal(got.picks[0].edge, first);
        }
        assert_in_range(gone, 4 * permille - (permille % 1000 ? 150 : 0), 4 * permille + (permille % 1000 ? 150 : 0));
        assert_true(gone >= gone_before);
        gone_before = gone;
        end();
    }
}

static void feat_L5_where_all_shed_the_least_loaded_comes_first(void **state)
{
    struct steer_ask ask = ask_of(1);
    (void)state;

    begin(3, 1);
    struct steer_row *row = add_net(1, 0);
    for (uint16_t i = 0; i < 3; i++) {
        v->edges[i].facts.shed_permille = 1000;
        v->edges[i].facts.load_permille = (uint16_t)(1300 - 100 * i);
        figure(row, i, 10 + 10 * i, 0);
    }
    steer_view_finish(v, SEC(10));
    choose(&ask);
    assert_int_equal(got.n, 3);
    assert_int_equal(got.picks[0].edge, 2);
    assert_int_equal(got.picks[0].reason, STEER_REASON_FULL);
    assert_int_equal(got.picks[2].edge, 0);
    assert_false(got.relaxed);
    end();
}

static void feat_L6_regions_left_out_are_answered_only_when_all_others_are_down(void **state)
{
    static const struct slice regions[] = { { (const uint8_t *)"r", 1 } };
    struct steer_ask ask = ask_of(1);
    (void)state;

    ask.regions = regions;
    ask.regions_n = 1;
    for (int down = 0; down < 4; down++) {
        begin(3, 1);
        snprintf(v->edges[0].zone, sizeof(v->edges[0].zone), "us/z"); /* the nearest */
        struct steer_row *row = add_net(1, 0);
        for (uint16_t i = 0; i < 3; i++)
            figure(row, i, 10 + 100 * i, 100);
        v->edges[1].alive = v->edges[2].alive = down < 2;
        v->edges[1].facts.shed_permille = v->edges[2].facts.shed_permille = down == 1 ? 1000 : 0;
        v->edges[0].facts.draining = down == 3;
        steer_view_finish(v, SEC(10));
        for (ask.draw = 0; ask.draw < 64; ask.draw++) {
            choose(&ask);
            assert_true(got.n > 0);
            assert_int_equal(got.relaxed, down >= 2);
            for (size_t k = 0; k < got.n; k++)
                assert_int_equal(got.picks[k].edge == 0, down >= 2);
        }
        assert_int_equal(got.picks[0].reason, down == 1   ? STEER_REASON_FULL
                                              : down == 2 ? STEER_REASON_REGION
                                              : down == 3 ? STEER_REASON_DRAINING
                                                          : STEER_REASON_OK);
        end();
    }
    begin(2, 0);
    snprintf(v->edges[0].zone, sizeof(v->edges[0].zone), "us/z");
    steer_view_finish(v, SEC(10));
    ask.regions_not = true;
    choose(&ask);
    assert_int_equal(got.n, 1);
    assert_int_equal(got.picks[0].edge, 0);
    end();
}

static void picks_are_near_the_first_and_nearest_first(void **state)
{
    struct steer_ask ask = ask_of(1), far = ask_of(2);
    (void)state;

    begin(8, 2);
    struct steer_row *row = add_net(1, 0);
    figure(row, 4, 10, 0);
    figure(row, 3, 15, 0);
    figure(row, 2, 20, 0);
    figure(row, 1, 21, 0);
    row = add_net(2, 0);
    for (uint16_t i = 0; i < 8; i++)
        figure(row, i, 100 + 5 * i, 0);
    steer_view_finish(v, SEC(10));
    choose(&ask);
    assert_int_equal(got.n, 3);
    for (uint16_t i = 0; i < 3; i++)
        assert_int_equal(got.picks[i].edge, 4 - i);
    choose(&far);
    assert_int_equal(got.n, STEER_PICKS);
    for (uint16_t i = 0; i < STEER_PICKS; i++)
        assert_int_equal(got.picks[i].edge, i);
    end();
}

static void the_scope_is_what_made_a_difference(void **state)
{
    struct steer_ask ask = ask_of(256), parts = ask_of(1), none = ask_of(70000);
    (void)state;

    begin(2, 3);
    figure(add_net(256, 1), 0, 10, 0); /* no part of it has a row */
    figure(add_net(1, 1), 0, 10, 0);
    figure(add_net(2, 0), 0, 10, 0); /* a part of that one */
    steer_view_finish(v, SEC(10));
    choose(&ask);
    assert_int_equal(got.scope_bits, 16);
    choose(&parts);
    assert_int_equal(got.scope_bits, 24);
    choose(&none);
    assert_int_equal(got.scope_bits, 24);
    parts.client_bits = 20;
    choose(&parts);
    assert_int_equal(got.scope_bits, 20);
    ask.client_bits = 0;
    choose(&ask);
    assert_int_equal(got.scope_bits, 0);
    assert_int_equal(got.picks[0].basis, STEER_BY_NONE);
    ask = (struct steer_ask){ .client = { .ip = { 0x20, 1, 0xd, 0xb8 } }, .client_bits = 56 };
    choose(&ask); /* nothing is known of any network of IPv6 */
    assert_int_equal(got.scope_bits, 0);
    end();
}

/* ---- all at once ---- */

static void random_edges(struct rand *r)
{
    for (size_t i = 0; i < v->edges_n; i++) {
        struct steer_edge *e = &v->edges[i];
        snprintf(e->zone, sizeof(e->zone), "r%u/z", (unsigned)rand_below(r, 3));
        e->alive = rand_below(r, 3) != 0;
        e->heard = rand_below(r, 4) == 0 ? 0 : v->made - (mesh_ns)rand_below(r, SEC(12));
        e->facts.ready = rand_below(r, 3) != 0;
        e->facts.draining = rand_below(r, 4) == 0;
        e->facts.addrs_n = rand_below(r, STEER_ADDRS_MAX + 1);
        for (size_t k = 0; k < STEER_ADDRS_MAX; k++)
            e->facts.addrs[k] = rand_below(r, 2) ? mesh_addr_v4(1, 1) : (struct mesh_addr){ .ip = { 0x20 } };
        e->facts.shed_permille = (uint16_t)rand_below(r, 3) == 0 ? (uint16_t)rand_u64(r) : 0;
        e->facts.load_permille = (uint16_t)rand_u64(r);
        e->facts.located = rand_below(r, 2);
        e->facts.lat_e4 = (int32_t)rand_u64(r) / 1000;
        e->facts.lon_e4 = (int32_t)rand_u64(r) / 1000;
        for (int k = 0; k < COORDINATE_DIMENSIONS; k++)
            e->facts.at.at[k] = (int32_t)rand_u64(r);
        e->facts.at.height = (int32_t)rand_u64(r);
        e->facts.at.error_permille = (uint16_t)(rand_below(r, 2) ? rand_u64(r) : 0);
    }
}

static void random_rows(struct rand *r)
{
    for (uint32_t i = 0; i < 8; i++) {
        struct steer_row *row = add_net(i / 2 * 256, i % 2);
        row->home = (uint16_t)rand_u64(r);
        for (size_t k = rand_below(r, STEER_ROW_EDGES + 1); k > 0; k--)
            figure(row, (uint16_t)rand_below(r, v->edges_n + 3), (unsigned)rand_below(r, 6553),
                   (uint16_t)rand_below(r, 5000));
    }
}

static bool may_be_answered(const struct steer_edge *e, const struct steer_ask *ask)
{
    bool has = false;

    for (size_t k = 0; k < e->facts.addrs_n; k++)
        has |= ask->family == STEER_ANY_FAMILY || mesh_addr_is_v4(&e->facts.addrs[k]) == (ask->family == STEER_IPV4);
    return has && e->alive && e->heard != 0 && v->made - e->heard <= SEC(10);
}

static void feat_L3_no_view_and_nobody_who_asks_leads_to_a_dead_edge_and_somebody_alive_is_found(void **state)
{
    static const struct slice regions[] = { { (const uint8_t *)"r0", 2 }, { (const uint8_t *)"r7", 2 } };
    static struct steer_pick all[STEER_EDGES_MAX];
    struct rand r = rand_of(11, 0, 0);
    (void)state;

    for (int round = 0; round < 3000; round++) {
        begin(round % 500 == 0 ? STEER_EDGES_MAX : 1 + rand_below(&r, 20), 8);
        random_edges(&r);
        random_rows(&r);
        steer_view_finish(v, SEC(10));
        for (int i = 0; i < 8; i++) {
            struct steer_ask ask = { .client = viewer((uint32_t)rand_below(&r, 5) * 256),
                                     .client_bits = (unsigned)rand_below(&r, 33),
                                     .located = rand_below(&r, 2),
                                     .lat_e4 = (int32_t)rand_u64(&r) / 1500,
                                     .lon_e4 = (int32_t)rand_u64(&r) / 1500,
                                     .family = (enum steer_family)rand_below(&r, 3),
                                     .regions = regions,
                                     .regions_n = rand_below(&r, 3),
                                     .regions_not = rand_below(&r, 2),
                                     .draw = rand_u64(&r) };
            bool somebody = false, seen[STEER_EDGES_MAX] = { false };
            choose(&ask);
            for (size_t k = 0; k < v->edges_n; k++)
                somebody |= may_be_answered(&v->edges[k], &ask);
            assert_int_equal(got.n > 0, somebody);
            assert_true(got.n <= STEER_PICKS && got.ttl_s >= 5 && got.ttl_s <= 60);
            assert_true(got.scope_bits <= ask.client_bits);
            for (size_t k = 0; k < got.n; k++) {
                assert_true(got.picks[k].edge < v->edges_n && !seen[got.picks[k].edge]);
                seen[got.picks[k].edge] = true;
                assert_true(may_be_answered(&v->edges[got.picks[k].edge], &ask));
            }
            assert_int_equal(steer_explain(v, &ask, all, STEER_EDGES_MAX), v->edges_n);
        }
        end();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(feat_L4_the_finest_measurement_decides),
        cmocka_unit_test(with_nothing_known_the_order_is_that_of_names),
        cmocka_unit_test(coordinates_tell_of_edges_that_were_not_measured),
        cmocka_unit_test(a_globe_is_better_than_nothing),
        cmocka_unit_test(feat_L1_home_is_kept_until_another_is_enough_better),
        cmocka_unit_test(an_old_figure_counts_less_and_in_the_end_not_at_all),
        cmocka_unit_test(one_draw_in_32_tries_the_second_best),
        cmocka_unit_test(feat_L3_who_is_no_candidate_is_not_answered),
        cmocka_unit_test(feat_L5_an_edge_that_sheds_loses_just_so_many_networks_and_the_same_ones),
        cmocka_unit_test(feat_L5_where_all_shed_the_least_loaded_comes_first),
        cmocka_unit_test(feat_L6_regions_left_out_are_answered_only_when_all_others_are_down),
        cmocka_unit_test(picks_are_near_the_first_and_nearest_first),
        cmocka_unit_test(the_scope_is_what_made_a_difference),
        cmocka_unit_test(feat_L3_no_view_and_nobody_who_asks_leads_to_a_dead_edge_and_somebody_alive_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
