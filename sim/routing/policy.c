/* policy.c - what a node answers. All but ours go by what the node knows of lives, and by nothing else. */
#include "sim/routing/places.h"
#include "sim/routing/routing.h"

static bool may(const struct routing *w, const struct routing_edge *node, uint32_t i)
{
    return node->lives[i] && !w->edges[i].draining && !w->edges[i].left_out;
}

/* The |n|-th of those who may. */
static uint16_t nth(const struct routing *w, const struct routing_edge *node, uint64_t n)
{
    for (uint32_t i = 0; i < w->edges_n; i++) {
        if (may(w, node, i) && n-- == 0)
            return (uint16_t)i;
    }
    return ROUTING_NOWHERE;
}

/* Of several that are as near, each viewer has its own. */
static uint16_t nearest(const struct routing *w, const struct routing_edge *node, const struct routing_viewer *v)
{
    uint64_t best = UINT64_MAX, ties = 0;
    uint16_t at = ROUTING_NOWHERE;

    for (uint32_t i = 0; i < w->edges_n; i++) {
        if (!may(w, node, i))
            continue;
        uint64_t apart = places_apart(w->networks[v->network].told, w->edges[i].site.region);
        ties = apart < best ? 1 : ties + (apart == best);
        if (apart < best || (apart == best && rand_mix(v->number ^ i) % ties == 0)) {
            best = apart;
            at = (uint16_t)i;
        }
    }
    return at;
}

/* Regions that are left out, as owners name them. */
static size_t left_out(const struct routing *w, struct slice *regions, size_t cap)
{
    size_t n = 0;

    for (uint32_t i = 0; i < w->edges_n && n < cap; i++) {
        if (w->edges[i].left_out)
            regions[n++] = slice_str(link_region_name(w->edges[i].site.region));
    }
    return n;
}

static size_t choose(struct routing *w, uint32_t node, struct routing_viewer *v, uint16_t picks[STEER_PICKS],
                     mesh_ns *ttl)
{
    struct network *net = &w->networks[v->network];
    struct slice regions[LINK_REGIONS];
    struct steer_ask ask = { .https = true, .family = net->v4 ? STEER_IPV4 : STEER_IPV6, .draw = rand_u64(&v->draws) };
    struct steer_choice choice;

    ask.client = network_asks(net, &w->sc, &ask.client_bits);
    ask.regions_n = left_out(w, regions, LINK_REGIONS);
    ask.regions = regions;
    ask.regions_not = ask.regions_n > 0;
    if (w->sc.places != 0) {
        const struct place *p = place_of(net->told);
        memcpy(ask.country, p->country, 3);
        ask.located = true;
        ask.lat_e4 = p->lat_e4;
        ask.lon_e4 = p->lon_e4;
    }
    struct steer_view *view = routing_edge_view(w, node);
    steer_choose(view, &ask, &choice);
    for (size_t i = 0; i < choice.n; i++)
        picks[i] = (uint16_t)routing_edge_of(w, &view->edges[choice.picks[i].edge].id);
    steer_view_unref(view);
    w->f.explored += choice.explored;
    *ttl = SEC(choice.ttl_s);
    return choice.n;
}

size_t policy_answer(struct routing *w, uint32_t node, struct routing_viewer *v, uint16_t picks[STEER_PICKS],
                     mesh_ns *ttl)
{
    struct routing_edge *n = &w->edges[node];
    uint64_t count = 0;

    if (w->policy == POLICY_LATENCY)
        return choose(w, node, v, picks, ttl);
    *ttl = (mesh_ns)w->sc.other_ttl;
    for (uint32_t i = 0; i < w->edges_n; i++)
        count += may(w, n, i);
    if (count == 0)
        return 0;
    picks[0] = w->policy == POLICY_RANDOM       ? nth(w, n, rand_below(&v->draws, count))
               : w->policy == POLICY_GEOGRAPHIC ? nearest(w, n, v)
                                                : nth(w, n, n->turn++ % count);
    return 1;
}
