/* steer_choices.h - views made by hand, and what is chosen by them: edges a, b, c ... and networks by number. */
#ifndef HEDGEROW_TEST_STEER_CHOICES_H
#define HEDGEROW_TEST_STEER_CHOICES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "node/steer/choose.h"
#include "node/steer/view_impl.h"

static const uint8_t key[16] = { 9 };
static struct steer_view *v;
static struct steer_choice got;

/* Edges a, b, c ... in the region "r": fine in every way. */
static inline void begin(size_t edges, size_t rows)
{
    v = steer_view_new(edges, rows, key, SEC(1000), 1);
    assert_non_null(v);
    for (size_t i = 0; i < edges; i++) {
        struct steer_edge *e = steer_view_add_edge(v);
        snprintf(e->name, sizeof(e->name), "%c%03zu", (char)('a' + i % 26), i);
        snprintf(e->zone, sizeof(e->zone), "r/z");
        e->id.bytes[0] = (uint8_t)i;
        e->id.bytes[1] = (uint8_t)(i >> 8);
        e->alive = true;
        e->heard = v->made;
        e->facts = (struct steer_facts){ .addrs_n = 1, .http = 80, .https = 443, .ready = true };
        e->facts.addrs[0] = mesh_addr_v4(0x01010101u + (uint32_t)i, 0);
    }
}

static inline struct mesh_addr viewer(uint32_t net)
{
    return mesh_addr_v4(0x0a000000u + net * 256 + 5, 0);
}

static inline struct steer_row *add_row(struct steer_prefix prefix)
{
    struct steer_row *row = steer_view_add_row(v);

    *row = (struct steer_row){ .prefix = prefix, .home = UINT16_MAX };
    return row;
}

static inline struct steer_row *add_net(uint32_t net, unsigned level)
{
    struct mesh_addr a = viewer(net);
    struct steer_prefix p;

    assert_true(steer_prefix_of(&p, &a, level));
    return add_row(p);
}

static inline void figure(struct steer_row *row, uint16_t edge, unsigned ms, uint16_t age_s)
{
    row->figures[row->n++] = (struct steer_figure){ edge, (uint16_t)(ms * 10), age_s };
}

static inline struct steer_ask ask_of(uint32_t net)
{
    return (struct steer_ask){ .client = viewer(net), .client_bits = 32 };
}

static inline void choose(const struct steer_ask *ask)
{
    steer_choose(v, ask, &got);
}

static inline void end(void)
{
    steer_view_unref(v);
}

static inline void check_first(const struct steer_ask *ask, uint16_t edge, unsigned ms, enum steer_basis basis)
{
    choose(ask);
    assert_true(got.n > 0);
    assert_int_equal(got.picks[0].edge, edge);
    assert_int_equal(got.picks[0].us, ms * 1000);
    assert_int_equal(got.picks[0].basis, basis);
}

#endif
