/* road.c - what is between nodes: access links, delay, loss, cuts; and the datagrams that
 * the mesh adds to gossip's (seal, UNKNOWN and CERT), by their bytes. */
#include "proto/datagram.h"
#include "sim/members/crowd.h"

#define HEAD_BYTES    36 /* of proto/datagram.c: clear header with both ids */
#define UNKNOWN_BYTES (HEAD_BYTES + 8)
#define BOOT_BYTES    (HEAD_BYTES + 24 + 8 + 40 + 16)
#define FETCH_BYTES   96 /* asking for a certificate on an open session, and the frame around it */
#define DRAWS_EACH    8  /* so many bits of a counter: numbers that one packet may draw */

static size_t sealed(size_t payload)
{
    return payload + DATAGRAM_MAX - datagram_payload_max();
}

struct rand road_rand(struct crowd *c, uint32_t from)
{
    struct rand r = crowd_rand(c, from, DRAW_PACKET);
    r.counter = c->nodes[from].draws++ << DRAWS_EACH;
    return r;
}

void road_count(struct crowd *c, uint32_t from, size_t bytes)
{
    struct crowd_node *n = &c->nodes[from];
    uint64_t second = (uint64_t)(c->now / SEC(1));

    c->bytes += bytes;
    if (n->second != second) {
        n->second = second;
        n->second_bytes = 0;
    }
    n->second_bytes += bytes;
    if (n->second_bytes > c->peak_bytes)
        c->peak_bytes = n->second_bytes;
}

static void count_datagram(struct crowd *c, uint32_t from, size_t bytes)
{
    c->counts.datagrams++;
    c->counts.datagram_bytes += bytes;
    road_count(c, from, bytes);
}

bool road_cut(const struct crowd *c, uint32_t from, uint32_t to)
{
    for (size_t i = 0; i < c->cuts_n; i++) {
        const struct cut *cut = &c->cuts[i];
        if (crowd_has(c, &cut->a, from) && crowd_has(c, &cut->b, to))
            return true;
        if (!cut->oneway && crowd_has(c, &cut->b, from) && crowd_has(c, &cut->a, to))
            return true;
    }
    return false;
}

mesh_ns road_delay(struct crowd *c, uint32_t from, uint32_t to, struct rand *r)
{
    const struct scenario *sc = &c->sc;
    mesh_ns delay;

    if (sc->regions > 0)
        delay = link_region_delay(from % (unsigned)sc->regions, to % (unsigned)sc->regions);
    else
        delay = (mesh_ns)(from % sc->zones == to % sc->zones ? sc->delay : sc->zone_delay);
    return delay + draw_ns(r, sc->jitter);
}

/* Does a packet of |from| get lost on the way? The chain of bursts is its sender's. */
static bool lost(struct crowd *c, uint32_t from, uint32_t to, struct rand *r)
{
    bool burst = link_burst_lost(&c->nodes[from].burst, c->sc.burst_loss, c->sc.burst_length, r);

    if (!burst && !draw_ppm(r, c->sc.loss) && (c->cuts_n == 0 || !road_cut(c, from, to)))
        return false;
    c->counts.lost++;
    return true;
}

static void launch(struct crowd *c, struct slice payload, uint32_t from, uint32_t to, mesh_ns leaves, struct rand *r)
{
    mesh_ns delay = road_delay(c, from, to, r);

    if (draw_ppm(r, c->sc.reorder))
        delay += draw_ns(r, (uint64_t)(3 * delay + MS(20)));
    crowd_at(c, leaves + delay, EVENT_DATAGRAM, parcel_new(&c->parcels, from, to, payload), 0);
}

void road_send(struct crowd *c, uint32_t from, uint32_t to, struct slice payload)
{
    size_t bytes = sealed(payload.len);
    struct rand r = road_rand(c, from);

    count_datagram(c, from, bytes);
    mesh_ns leaves = link_queue_pass(&c->nodes[from].up, c->now, bytes, (c->sc.up_rate + 1) / 2, c->sc.link_queue);
    if (leaves == MESH_NS_NEVER) {
        c->counts.queue_drops++;
        return;
    }
    if (lost(c, from, to, &r))
        return;
    launch(c, payload, from, to, leaves, &r);
    if (draw_ppm(&r, c->sc.dup))
        launch(c, payload, from, to, leaves, &r);
}

void road_arrive(struct crowd *c, uint32_t number)
{
    struct parcel *p = parcel_of(&c->parcels, number);

    if (c->sc.down_rate > 0 && !p->through) {
        p->through = true;
        mesh_ns at =
            link_queue_pass(&c->nodes[p->to].down, c->now, sealed(p->len), (c->sc.down_rate + 1) / 2, c->sc.link_queue);
        if (at == MESH_NS_NEVER) {
            c->counts.queue_drops++;
            parcel_drop(&c->parcels, number);
        } else {
            crowd_at(c, at, EVENT_DATAGRAM, number, 0);
        }
        return;
    }
    life_take(c, number);
}

void road_again(struct crowd *c, uint32_t number, bool boot)
{
    struct parcel *p = parcel_of(&c->parcels, number);
    struct rand r = road_rand(c, p->to);

    count_datagram(c, p->to, boot ? BOOT_BYTES : UNKNOWN_BYTES);
    if (lost(c, p->to, p->from, &r) || !crowd_up(c, p->from)) {
        parcel_drop(&c->parcels, number);
        return;
    }
    mesh_ns back = road_delay(c, p->to, p->from, &r);
    if (!boot)
        count_datagram(c, p->from, HEAD_BYTES + c->sc.cert_bytes);
    count_datagram(c, p->from, sealed(p->len));
    if ((!boot && lost(c, p->from, p->to, &r)) || lost(c, p->from, p->to, &r)) {
        parcel_drop(&c->parcels, number);
        return;
    }
    p->introduced = p->introduced || !boot;
    p->keyed = boot;
    p->through = false;
    crowd_at(c, c->now + back + road_delay(c, p->from, p->to, &r), EVENT_DATAGRAM, number, 0);
}

void road_fetch_cert(struct crowd *c, uint32_t node, uint32_t via, uint32_t of)
{
    struct rand r = road_rand(c, node);

    c->counts.certs++;
    road_count(c, node, FETCH_BYTES);
    if (lost(c, node, via, &r) || !crowd_up(c, via) || !life_holds(c, via, of))
        return;
    road_count(c, via, FETCH_BYTES + c->sc.cert_bytes);
    mesh_ns rtt = road_delay(c, node, via, &r) + road_delay(c, via, node, &r);
    if (!lost(c, via, node, &r))
        crowd_at(c, c->now + rtt, EVENT_CERT, node, of);
}
