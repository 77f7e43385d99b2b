/* flow.c - exchanges of members over streams, as node/core/links.c makes them: a dial and a
 * handshake, then MEMBERS frames there and, on request, back. Each exchange opens a
 * connection of its own. A frame is written when the one before it has arrived. */
#include <stdlib.h>

#include "gossip/payload.h"
#include "sim/members/protocol.h"
#include "sim/memory.h"

#define FRAME_MEMBERS   96    /* MSG_MEMBERS_MAX of proto/msg.h */
#define FRAME_BYTES     60000 /* and what node/core/mesh_certs.c puts into one frame */
#define ITEM_BYTES      16    /* around a certificate and a record */
#define FRAME_OVERHEAD  40    /* frame head and seal */
#define HANDSHAKE_BYTES 600   /* of each side: HELLO with its certificate */
#define TCP_TRIPS       2
#define PING_BYTES      (55 + FRAME_OVERHEAD)
#define PONG_BYTES      (5 + FRAME_OVERHEAD)
#define OPEN_TRIPS      4 /* ways there or back until a session is open: TCP's, then ours */

static uint32_t flow_new(struct crowd *c)
{
    if (c->flows_free_n > 0)
        return c->flows_free[--c->flows_free_n];
    if (c->flows_n == c->flows_cap) {
        c->flows_cap = 2 * c->flows_cap + 64;
        c->flows = memory_grow(c->flows, c->flows_cap * sizeof(*c->flows));
        c->flows_free = memory_grow(c->flows_free, c->flows_cap * sizeof(*c->flows_free));
    }
    memset(&c->flows[c->flows_n], 0, sizeof(*c->flows));
    return c->flows_n++;
}

static void flow_over(struct crowd *c, uint32_t i)
{
    buf_free(&c->flows[i].records);
    memset(&c->flows[i], 0, sizeof(c->flows[i]));
    c->flows_free[c->flows_free_n++] = i;
}

static struct rand flow_rand(struct crowd *c, uint32_t from)
{
    struct rand r = crowd_rand(c, from, DRAW_STREAM);
    r.counter = c->nodes[from].draws++ << 20; /* a long frame draws for each segment */
    return r;
}

static uint32_t cert_of(const struct crowd *c, uint32_t node)
{
    return sums_cert(&c->ids[node], 1, 0);
}

/* The sums of what |i| would send. */
static void sum_up(const struct crowd *c, uint32_t i, size_t n, struct sums *s)
{
    const struct member_record *r;

    sums_init(s, n);
    for (size_t at = 0; (r = protocol_member(c, i, at)) != NULL; at++) {
        uint32_t of = crowd_index(c, &r->id);
        if (of == i || life_holds(c, i, of))
            sums_add(s, &r->id, member_record_hash(r), cert_of(c, of));
    }
}

static void count(struct crowd *c, uint32_t from, size_t bytes)
{
    c->counts.stream_bytes += bytes;
    road_count(c, from, bytes);
}

static bool broken(const struct crowd *c, const struct flow *f)
{
    return !crowd_up(c, f->from) || !crowd_up(c, f->to) || c->nodes[f->from].life != f->from_life ||
           c->nodes[f->to].life != f->to_life || road_cut(c, f->from, f->to) || road_cut(c, f->to, f->from);
}

/* ---- frames ---- */

/* Writes the next frame and returns its bytes on the wire. */
static size_t write_frame(struct crowd *c, struct flow *f)
{
    const struct member_record *r;
    size_t bytes = FRAME_OVERHEAD;
    bool plain = crowd_plain(c), cert = !plain;

    buf_clear(&f->records);
    for (size_t n = 0; (plain || n < FRAME_MEMBERS) && (r = protocol_member(c, f->from, f->at)) != NULL; n++, f->at++) {
        if (!life_holds(c, f->from, crowd_index(c, &r->id)) && !node_id_eq(&r->id, &c->ids[f->from]))
            continue;
        if (f->what == EXCHANGE_SUMS && f->at > 0)
            break;
        if (f->what == EXCHANGE_PART && !diff_has(&f->part, &r->id, &cert))
            continue;
        buf_clear(&c->scratch);
        member_record_put(&c->scratch, r);
        size_t item = c->scratch.len + (cert ? c->sc.cert_bytes : 0) + ITEM_BYTES;
        if (bytes + item > FRAME_BYTES)
            break;
        bytes += item;
        buf_add_u8(&f->records, cert);
        buf_add_u16(&f->records, (uint16_t)c->scratch.len);
        buf_add_slice(&f->records, buf_slice(&c->scratch));
    }
    if (f->what == EXCHANGE_SUMS) {
        struct sums s;
        sum_up(c, f->from, sums_wanted(protocol_count(c, f->from)), &s);
        bytes += s.n * SUMS_ITEM;
        sums_put(&s, &f->records); /* behind the one record */
        f->at = SIZE_MAX;
    } else if (f->what == EXCHANGE_PART && f->reply && protocol_member(c, f->from, f->at) == NULL) {
        bytes += f->part.n / 8 * 2;
    }
    memory_kept(buf_ok(&f->records) ? f : NULL);
    return bytes;
}

static void send_frame(struct crowd *c, uint32_t i)
{
    struct flow *f = &c->flows[i];
    size_t bytes = write_frame(c, f);
    struct rand r = flow_rand(c, f->from);
    mesh_ns way = road_delay(c, f->from, f->to, &r);
    mesh_ns leaves = link_queue_pass(&c->nodes[f->from].up_stream, c->now, bytes, (c->sc.up_rate + 1) / 2, UINT64_MAX);
    mesh_ns takes = link_stream_time(f->sent + bytes, way) - (f->sent > 0 ? link_stream_time(f->sent, way) : 0) +
                    link_stream_losses(bytes, way, c->sc.loss + c->sc.burst_loss, &r);
    mesh_ns at = leaves + takes;

    if (c->sc.down_rate > 0)
        at = link_queue_pass(&c->nodes[f->to].down_stream, at, bytes, (c->sc.down_rate + 1) / 2, UINT64_MAX);
    count(c, f->from, bytes);
    if (!crowd_plain(c) && f->what != EXCHANGE_ALL)
        gossip_spent(c->nodes[f->from].g, c->now, bytes);
    f->sent += bytes;
    f->phase = FLOW_FRAME;
    crowd_at(c, at, EVENT_FLOW, i, 0);
}

/* |part|: NULL for everything. */
static void begin(struct crowd *c, uint32_t from, uint32_t to, const struct view_diff *part, bool reply)
{
    uint32_t i = flow_new(c);

    c->flows[i] = (struct flow){
        .from = from,
        .to = to,
        .from_life = c->nodes[from].life,
        .to_life = c->nodes[to].life,
        .used = true,
        .reply = reply,
        .what = part != NULL ? EXCHANGE_PART : EXCHANGE_ALL,
    };
    if (part != NULL)
        c->flows[i].part = *part;
    send_frame(c, i);
}

/* As exchange_ask: the sums of our view, or all of it if that is nothing yet. */
static void ask(struct crowd *c, uint32_t from, uint32_t to)
{
    if (crowd_plain(c) || protocol_count(c, from) <= 1) {
        begin(c, from, to, NULL, true);
        return;
    }
    uint32_t i = flow_new(c);
    c->flows[i] = (struct flow){
        .from = from,
        .to = to,
        .from_life = c->nodes[from].life,
        .to_life = c->nodes[to].life,
        .used = true,
        .reply = true,
        .what = EXCHANGE_SUMS,
    };
    send_frame(c, i);
}

/* As exchange_take: the other side's turn, once all is there. */
static void answer(struct crowd *c, const struct flow *f, struct slice theirs)
{
    struct view_diff part;
    struct sums ours;

    if (f->what == EXCHANGE_ALL) {
        begin(c, f->to, f->from, NULL, false);
    } else if (f->what == EXCHANGE_PART) {
        begin(c, f->to, f->from, &f->part, false);
    } else if (gossip_affords(c->nodes[f->to].g, c->now)) {
        sum_up(c, f->to, sums_count(theirs), &ours);
        sums_differ(&ours, theirs, &part);
        begin(c, f->to, f->from, &part, protocol_count(c, f->to) > 1);
    }
}

/* Returns what follows the records. */
static struct slice take_frame(struct crowd *c, const struct flow *f)
{
    struct slice rest = buf_slice(&f->records);
    struct member_record r;

    crowd_note(c, EVENT_FLOW, f->to, f->from, rest);
    for (size_t n = 0; rest.len > 0 && (n == 0 || f->what != EXCHANGE_SUMS); n++) {
        size_t len = be16_get(rest.data + 1);
        int err = member_record_get(slice_head(slice_from(rest, 3), len), &r);
        uint32_t of = crowd_index(c, &r.id);
        assert(err == 0);
        if (rest.data[0] || crowd_plain(c))
            life_hold(c, f->to, of);
        if (of == f->to || life_holds(c, f->to, of))
            protocol_learn(c, f->to, &r);
        rest = slice_from(rest, 3 + len);
    }
    return rest;
}

static void arrived(struct crowd *c, uint32_t i)
{
    struct flow f = c->flows[i];

    c->flows[i].records = BUF_EMPTY; /* taken: pumping may begin flows and move this one */
    struct slice sums = take_frame(c, &f);
    life_pump(c, f.to);
    if (broken(c, &f)) {
        flow_over(c, i);
    } else if (protocol_member(c, f.from, f.at) != NULL) {
        send_frame(c, i);
    } else {
        flow_over(c, i);
        if (f.reply)
            answer(c, &f, sums);
    }
    buf_free(&f.records);
}

/* ---- sessions ---- */

/* When a stream that is dialled now has made |trips| ways there and back. */
static mesh_ns opens_at(struct crowd *c, uint32_t from, uint32_t to, unsigned trips)
{
    struct rand r = flow_rand(c, from);
    mesh_ns at = c->now;

    for (unsigned i = 0; i < trips; i++) {
        mesh_ns timeout = SEC(1); /* of a first segment: RFC 6298 */
        for (unsigned again = 0; again < 6 && draw_ppm(&r, c->sc.loss + c->sc.burst_loss); again++, timeout *= 2)
            at += timeout;
        at += i % 2 == 0 ? road_delay(c, from, to, &r) : road_delay(c, to, from, &r);
    }
    return at;
}

void flow_dial(struct crowd *c, uint32_t from, uint32_t to, bool join)
{
    if (!crowd_up(c, to) || road_cut(c, from, to) || road_cut(c, to, from))
        return; /* refused, or nobody hears it */
    c->counts.streams++;
    mesh_ns at = opens_at(c, from, to, crowd_plain(c) ? TCP_TRIPS : OPEN_TRIPS);
    if (!crowd_plain(c)) {
        count(c, from, HANDSHAKE_BYTES);
        count(c, to, HANDSHAKE_BYTES);
    }
    uint32_t i = flow_new(c);
    c->flows[i] = (struct flow){
        .from = from,
        .to = to,
        .from_life = c->nodes[from].life,
        .to_life = c->nodes[to].life,
        .phase = FLOW_DIAL,
        .used = true,
        .join = join,
    };
    crowd_at(c, at, EVENT_FLOW, i, 0);
}

void flow_ping(struct crowd *c, uint32_t from, uint32_t to)
{
    if (!crowd_up(c, to) || road_cut(c, from, to) || road_cut(c, to, from))
        return;
    mesh_ns at = opens_at(c, from, to, TCP_TRIPS + 1);
    count(c, from, PING_BYTES);
    uint32_t i = flow_new(c);
    c->flows[i] = (struct flow){
        .from = from,
        .to = to,
        .from_life = c->nodes[from].life,
        .to_life = c->nodes[to].life,
        .phase = FLOW_PING,
        .used = true,
    };
    crowd_at(c, at, EVENT_FLOW, i, 0);
}

/* The answer goes the other way on the same stream. */
static void pong(struct crowd *c, uint32_t i)
{
    struct flow *f = &c->flows[i];
    uint32_t asker = f->from, asker_life = f->from_life;

    f->from = f->to;
    f->from_life = f->to_life;
    f->to = asker;
    f->to_life = asker_life;
    f->phase = FLOW_PONG;
    count(c, f->from, PONG_BYTES);
    crowd_at(c, opens_at(c, f->from, f->to, 1), EVENT_FLOW, i, 0);
}

static void ponged(struct crowd *c, uint32_t i)
{
    uint32_t asker = c->flows[i].to, target = c->flows[i].from;

    flow_over(c, i);
    crowd_note(c, EVENT_FLOW, asker, target, SLICE_EMPTY);
    baseline_reached(c->nodes[asker].b, c->now, target);
    life_pump(c, asker);
}

static bool knows(const struct crowd *c, uint32_t i, uint32_t of)
{
    const struct member_record *r = protocol_find(c, i, of);
    return r != NULL && r->boot >= c->nodes[of].boot;
}

/* Both have proved who they are (mesh_met): the one that does not know the other as it is
 * now wants its members, whoever dialled. */
static void opened(struct crowd *c, uint32_t i)
{
    uint32_t from = c->flows[i].from, to = c->flows[i].to;
    struct mesh_addr from_addr = crowd_addr(from), to_addr = crowd_addr(to);

    flow_over(c, i);
    life_hold(c, from, to);
    life_hold(c, to, from);
    if (!crowd_plain(c)) {
        gossip_seen(c->nodes[from].g, &c->ids[to], &to_addr);
        gossip_seen(c->nodes[to].g, &c->ids[from], &from_addr);
    }
    ask(c, from, to);
    if (!crowd_plain(c) && !knows(c, to, from))
        ask(c, to, from);
}

void flow_step(struct crowd *c, uint32_t i)
{
    const struct flow *f = &c->flows[i];
    mesh_ns free_at = c->nodes[f->to].free_at;

    if (broken(c, f)) {
        flow_over(c, i);
    } else if (free_at > c->now) {
        crowd_at(c, free_at, EVENT_FLOW, i, 0);
    } else if (f->phase == FLOW_DIAL) {
        opened(c, i);
    } else if (f->phase == FLOW_PING) {
        pong(c, i);
    } else if (f->phase == FLOW_PONG) {
        ponged(c, i);
    } else {
        arrived(c, i);
    }
}
