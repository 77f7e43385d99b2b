#include "sim/net/net.h"

#include <stdlib.h>

#include "sim/edge.h"
#include "sim/faults/fault_net.h"
#include "sim/series.h"

#define MESH_PORT    7400
#define SOCKET_HOLDS 256 /* datagrams that wait for who stands still; more are lost */

struct datagram {
    struct event ev;
    struct list link;                        /* in net->flying */
    uint32_t from, to, from_moves, to_moves; /* and which of their addresses these were */
    bool again;                              /* it came before */
    bool through;                            /* the receiver's access link lies behind it */
    size_t len;
    uint8_t bytes[];
};

struct net *net_new(struct world *w)
{
    struct net *n = world_alloc(sizeof(*n));

    n->w = w;
    n->nodes = (size_t)w->sc.nodes;
    n->paths = world_alloc(n->nodes * n->nodes * sizeof(*n->paths));
    n->access = world_alloc(n->nodes * sizeof(*n->access));
    list_init(&n->flying);
    list_init(&n->streams);
    list_init(&n->tapes);
    return n;
}

static void datagram_free(struct world *w, struct datagram *d)
{
    world_drop(w, &d->ev);
    list_remove(&d->link);
    free(d);
}

void net_free(struct net *n)
{
    if (n == NULL)
        return;
    LIST_EACH_SAFE (at, &n->flying)
        datagram_free(n->w, OBJ_OF(at, struct datagram, link));
    net_streams_free(n);
    tapes_free(n);
    free(n->troubles);
    free(n->paths);
    free(n->access);
    free(n);
}

/* Node i (from 0) is 10.0.(i / 250).(1 + i mod 250); when it has moved, 10.1..., and so on. */
static struct mesh_addr addr_of(uint32_t node, uint32_t moves)
{
    return mesh_addr_v4(UINT32_C(0x0a000000) | (moves & 0xff) << 16 | (node / 250) << 8 | (1 + node % 250), MESH_PORT);
}

struct mesh_addr net_addr(const struct net *n, uint32_t node)
{
    return addr_of(node, n->w->edges[node].moves);
}

struct edge *net_at(struct net *n, const struct mesh_addr *addr)
{
    uint32_t ip = be32_get(addr->ip + 12), low = ip & 0xff;
    uint32_t node = (ip >> 8 & 0xff) * 250 + low - 1;

    if (!mesh_addr_is_v4(addr) || ip >> 24 != 0x0a || low == 0 || node >= n->nodes || addr->port != MESH_PORT ||
        (ip >> 16 & 0xff) != (n->w->edges[node].moves & 0xff))
        return NULL;
    return &n->w->edges[node];
}

struct path *net_path(struct net *n, uint32_t from, uint32_t to)
{
    return &n->paths[(size_t)from * n->nodes + to];
}

struct rand net_rand(struct net *n, uint32_t from, uint32_t to)
{
    struct rand r = world_rand(n->w, (uint64_t)from << 32 | to, DRAW_DATAGRAM);
    r.counter = net_path(n, from, to)->draws++ << 8; /* at most 256 draws each */
    return r;
}

mesh_ns net_delay(struct net *n, uint32_t from, uint32_t to, size_t bytes, struct rand *r)
{
    const struct scenario *sc = &n->w->sc;
    struct path *p = net_path(n, from, to);
    bool near = strcmp(n->w->edges[from].zone, n->w->edges[to].zone) == 0;
    mesh_ns delay = (mesh_ns)(near ? sc->delay : sc->zone_delay);

    if (sc->regions > 0)
        delay = link_region_delay(from % (unsigned)sc->regions, to % (unsigned)sc->regions);
    else if (n->w->edges[from].region != n->w->edges[to].region)
        delay = (mesh_ns)sc->region_delay;
    delay += draw_ns(r, sc->jitter) + n->w->edges[to].slow;
    if (n->w->edges[to].slow > 0 || sc->delay > n->w->plan->delay || sc->zone_delay > n->w->plan->zone_delay ||
        sc->region_delay > n->w->plan->region_delay || sc->jitter > n->w->plan->jitter)
        world_bit(n->w, FAULT_DELAY);
    if (sc->rate == 0)
        return delay;
    mesh_ns begin = p->busy_until > n->w->now ? p->busy_until : n->w->now;
    p->busy_until = begin + (mesh_ns)(bytes * (uint64_t)SEC(1) / sc->rate);
    return p->busy_until - n->w->now + delay;
}

bool net_lost(struct net *n, uint32_t from, struct rand *r)
{
    const struct scenario *sc = &n->w->sc;

    if (link_burst_lost(&n->access[from].burst, sc->burst_loss, sc->burst_length, r)) {
        world_bit(n->w, FAULT_BURST);
        return true;
    }
    bool lost = draw_ppm(r, sc->loss);
    if (lost)
        world_bit(n->w, FAULT_LOSS);
    return lost;
}

static uint64_t half(uint64_t rate)
{
    return (rate + 1) / 2;
}

mesh_ns net_stream_at(struct net *n, uint32_t from, uint32_t to, size_t bytes, mesh_ns delay)
{
    const struct scenario *sc = &n->w->sc;
    struct access *a = &n->access[from], *b = &n->access[to];
    mesh_ns leaves = net_narrow(n, from, bytes, n->w->now);
    mesh_ns at = link_queue_pass(&a->up_stream, leaves, bytes, half(sc->up_rate), UINT64_MAX) + delay;

    at = net_narrow(n, to, bytes, link_queue_pass(&b->down_stream, at, bytes, half(sc->down_rate), UINT64_MAX));
    return net_unclogged(n, from, to, at);
}

void net_damage(struct net *n, uint8_t *bytes, size_t len, struct rand *r)
{
    if (len == 0 || !draw_ppm(r, n->w->sc.corrupt))
        return;
    uint64_t bit = rand_below(r, 8 * len);
    bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    n->counts.damaged++;
    world_bit(n->w, FAULT_BIT_FLIP);
}

void net_cut(struct net *n, uint32_t from, uint32_t to)
{
    net_path(n, from, to)->cut = true;
}

void net_heal(struct net *n)
{
    for (size_t i = 0; i < n->nodes * n->nodes; i++)
        n->paths[i].cut = false;
    for (size_t i = 0; n->troubles != NULL && i < n->nodes * n->nodes; i++) {
        n->troubles[i].cut = FAULT_LOSS;
        n->troubles[i].mtu = 0;
        n->troubles[i].flap_every = 0;
    }
}

/* ---- datagrams ---- */

static void drop_at_queue(struct net *n, uint32_t node)
{
    n->counts.lost++;
    n->counts.queue_drops++;
    world_note(n->w, NOTE_DATAGRAM_LOST, node, SLICE_EMPTY);
}

/* It waits at the receiver's access link, or is dropped there. */
static void queue_down(struct world *w, struct datagram *d)
{
    struct access *a = &w->net->access[d->to];
    mesh_ns at = link_queue_pass(&a->down, w->now, d->len, half(w->sc.down_rate), w->sc.link_queue);

    d->through = true;
    if (at == MESH_NS_NEVER) {
        drop_at_queue(w->net, d->to);
        datagram_free(w, d);
    } else {
        world_at(w, &d->ev, at);
    }
}

static void arrive(struct world *w, struct event *ev)
{
    struct datagram *d = OBJ_OF(ev, struct datagram, ev);
    struct edge *to = &w->edges[d->to];
    struct mesh_addr from = addr_of(d->from, d->from_moves);

    if (w->sc.down_rate > 0 && !d->through) {
        queue_down(w, d);
        return;
    }
    if (edge_held(to, ev)) {
        if (++to->held > SOCKET_HOLDS) {
            w->net->counts.lost++;
            datagram_free(w, d);
        }
        return;
    }
    to->held = 0;
    if (edge_up(to) && d->to_moves == to->moves) {
        if (d->again)
            world_bit(w, FAULT_REPLAY);
        to->datagrams_in++;
        world_note_peer(w, NOTE_DATAGRAM_IN, d->to, d->from, slice_of(d->bytes, d->len));
        engine_datagram(edge_enter(to), edge_now(to), &from, slice_of(d->bytes, d->len));
        edge_pump(to);
    }
    datagram_free(w, d);
}

static struct datagram *launch(struct net *n, uint32_t from, uint32_t to, struct slice bytes, mesh_ns leaves,
                               struct rand *r)
{
    const struct scenario *sc = &n->w->sc;
    struct datagram *d = world_alloc(sizeof(*d) + bytes.len);
    mesh_ns delay = net_delay(n, from, to, bytes.len, r);

    d->ev.fire = arrive;
    d->from = from;
    d->to = to;
    d->from_moves = n->w->edges[from].moves;
    d->to_moves = n->w->edges[to].moves;
    d->len = net_truncated(n, bytes.len, r);
    memcpy(d->bytes, bytes.data, d->len);
    net_damage(n, d->bytes, d->len, r);
    if (draw_ppm(r, sc->reorder)) {
        n->counts.overtaken++;
        world_bit(n->w, FAULT_REORDER);
        delay += draw_ns(r, (uint64_t)(3 * delay + MS(20)));
    }
    list_push_back(&n->flying, &d->link);
    world_at(n->w, &d->ev, net_unclogged(n, from, to, leaves + delay));
    return d;
}

void net_datagram(struct edge *e, const struct mesh_addr *addr, struct slice bytes)
{
    struct net *n = e->w->net;
    const struct edge *to = net_at(n, addr);

    e->datagrams_out++;
    e->datagram_bytes_out += bytes.len;
    n->counts.datagrams++;
    n->counts.datagram_bytes += bytes.len;
    series_bytes(n->w, SERIES_GOSSIP, bytes.len);
    world_note_peer(e->w, NOTE_DATAGRAM_OUT, e->index, to != NULL ? to->index : WORLD_NODE, bytes);
    if (to == NULL)
        return;
    mesh_ns leaves = link_queue_pass(&n->access[e->index].up, net_narrow(n, e->index, bytes.len, n->w->now), bytes.len,
                                     half(e->w->sc.up_rate), e->w->sc.link_queue);
    if (leaves == MESH_NS_NEVER) {
        drop_at_queue(n, e->index);
        return;
    }
    struct rand r = net_rand(n, e->index, to->index);
    if (net_blocked(n, e->index, to->index) || net_hole(n, e->index, to->index, bytes.len) ||
        net_lost(n, e->index, &r)) {
        n->counts.lost++;
        world_note_peer(e->w, NOTE_DATAGRAM_LOST, e->index, to->index, SLICE_EMPTY);
        return;
    }
    launch(n, e->index, to->index, bytes, leaves, &r);
    if (draw_ppm(&r, e->w->sc.dup)) {
        n->counts.doubled++;
        world_bit(n->w, FAULT_DUPLICATE);
        launch(n, e->index, to->index, bytes, leaves, &r);
    }
    if (draw_ppm(&r, e->w->sc.replay))
        launch(n, e->index, to->index, bytes, leaves + net_again_after(&r), &r)->again = true;
}
