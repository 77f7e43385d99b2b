#include "sim/routing/network_model.h"

/* What numbers are drawn for; the first one is behind those of other commands. */
enum { DRAW_SITE = 100, DRAW_SHUFFLE, DRAW_COARSE, DRAW_NETWORK, DRAW_DETOUR, DRAW_MOVE };

#define EDGE_ACCESS_US 500
#define BETWEEN_PCT    10 /* nodes' own ways are longer than the matrix says */

/* Regions in an order of the seed, so that few edges stand anywhere. */
static uint16_t shuffled(const struct scenario *sc, uint32_t at)
{
    struct rand r = rand_of(sc->seed, 0, DRAW_SHUFFLE);
    uint16_t order[LINK_REGIONS];
    uint32_t n = (uint32_t)sc->regions;

    for (uint32_t i = 0; i < n; i++)
        order[i] = (uint16_t)i;
    for (uint32_t i = n - 1; i > 0; i--) {
        uint32_t j = (uint32_t)rand_below(&r, i + 1);
        uint16_t kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
    return order[at % n];
}

void site_draw(struct site *out, const struct scenario *sc, uint32_t edge)
{
    struct rand r = rand_of(sc->seed, edge, DRAW_SITE);

    out->region = shuffled(sc, edge);
    out->access_us = (uint32_t)rand_below(&r, EDGE_ACCESS_US + 1);
}

static uint16_t any_region(const struct scenario *sc, struct rand *r)
{
    return (uint16_t)rand_below(r, sc->regions);
}

void network_draw(struct network *out, const struct scenario *sc, uint32_t number)
{
    uint32_t coarse = number / (uint32_t)sc->coarse;
    struct rand c = rand_of(sc->seed, coarse, DRAW_COARSE), r = rand_of(sc->seed, number, DRAW_NETWORK);

    memset(out, 0, sizeof(*out));
    out->number = number;
    out->v4 = !draw_ppm(&c, sc->v6);
    uint16_t home = any_region(sc, &c);
    if (draw_ppm(&c, sc->popular))
        home = shuffled(sc, 0);
    bool same = draw_ppm(&r, sc->coarse_same);
    uint16_t other = any_region(sc, &r);
    out->region = same ? home : other;
    out->provider = same ? 2 * coarse : 2 * number + 1;
    out->access_us = 1000 + (uint32_t)rand_below(&r, (uint64_t)(sc->access - (uint64_t)MS(1)) / 1000 + 1);
    uint16_t wrong = any_region(sc, &r);
    out->told = draw_ppm(&r, sc->places_wrong) ? wrong : out->region;
    out->subnet = draw_ppm(&r, sc->subnet);
}

void network_move(struct network *n, const struct scenario *sc)
{
    struct rand r = rand_of(sc->seed, n->number, DRAW_MOVE);

    r.counter = n->moves++;
    if (sc->regions > 1)
        n->region = (uint16_t)((n->region + 1 + rand_below(&r, sc->regions - 1)) % sc->regions);
    n->provider = 2 * n->number + 1;
}

/* 64.C.N.0/24 and so on, C counted on into the first byte; 2a00:C:N::/48. */
static struct mesh_addr host(const struct network *n, const struct scenario *sc, uint32_t within, uint32_t number)
{
    uint32_t coarse = n->number / (uint32_t)sc->coarse;

    if (n->v4)
        return mesh_addr_v4(UINT32_C(0x40000000) + (coarse << 16) + (within << 8) + number, 1);
    struct mesh_addr a = { .ip = { 0x2a, 0x00, (uint8_t)(coarse >> 8), (uint8_t)coarse, 0, (uint8_t)within },
                           .port = 1 };
    be32_put(a.ip + 12, number);
    return a;
}

struct mesh_addr network_viewer(const struct network *n, const struct scenario *sc, uint32_t viewer)
{
    return host(n, sc, n->number % (uint32_t)sc->coarse, 1 + viewer % 250);
}

struct mesh_addr network_asks(const struct network *n, const struct scenario *sc, unsigned *bits)
{
    if (!n->subnet) {
        *bits = n->v4 ? 32 : 128;
        return host(n, sc, 0, 53);
    }
    *bits = n->v4 ? 24 : 48;
    return host(n, sc, n->number % (uint32_t)sc->coarse, 0);
}

uint32_t network_rtt_us(const struct network *n, const struct scenario *sc, const struct site *edge)
{
    struct rand r =
        rand_of(sc->seed, (uint64_t)n->provider << 16 | (uint64_t)n->region << 8 | edge->region, DRAW_DETOUR);
    uint64_t span = sc->detour_most > sc->detour_least ? sc->detour_most - sc->detour_least : 0;
    uint64_t us = 2 * (uint64_t)link_region_delay(n->region, edge->region) / 1000;

    us += us * (sc->detour_least + rand_below(&r, span + 1)) / 1000000;
    return (uint32_t)us + n->access_us + edge->access_us;
}

uint32_t sites_rtt_us(const struct site *a, const struct site *b)
{
    uint32_t us = (uint32_t)(2 * link_region_delay(a->region, b->region) / 1000);

    return us + us * BETWEEN_PCT / 100 + a->access_us + b->access_us;
}

mesh_ns network_measured(const struct scenario *sc, uint32_t rtt_us, struct rand *r)
{
    mesh_ns t = US(rtt_us) + draw_ns(r, sc->viewer_jitter);
    bool spiked = draw_ppm(r, sc->spike);
    mesh_ns more = draw_ns(r, sc->spike_ms);

    return spiked ? t + more : t;
}
