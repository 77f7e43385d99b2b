/* baseline_wire.c - messages and what they carry: each packet's first byte counts its messages,
 * each of which has its length before it. What is to be told goes out a limited number of times,
 * what was told least first, and a later word about a member takes the place of an earlier one. */
#include "proto/base/err.h"
#include "sim/members/baseline_parts.h"
#include "sim/memory.h"

#define LENGTH_BYTES 2
#define MESSAGES_MAX 255
#define ADDR_BYTES   18 /* as in our own records: address and port */

unsigned baseline_transmits(size_t n)
{
    unsigned digits = 0;

    for (size_t ten = 1; ten < n + 1; ten *= 10)
        digits++;
    return BASELINE_RETRANSMIT_MULT * digits;
}

/* ---- writing ---- */

static void put_id(struct buf *out, const struct baseline *b, uint32_t node)
{
    buf_add(out, b->cfg.ids[node].bytes, sizeof(b->cfg.ids[node].bytes));
}

static void put_addr(struct buf *out)
{
    static const uint8_t addr[ADDR_BYTES] = { 0 };

    buf_add(out, addr, sizeof(addr)); /* paid for; who is where is known to the world */
}

static size_t statement_size(const struct statement *s)
{
    return s->said == SAID_ALIVE ? 1 + 4 + 16 + ADDR_BYTES + 4 + 4 : 1 + 4 + 16 + 16;
}

static void put_statement(struct baseline *b, const struct statement *s)
{
    struct buf *out = &b->packet;

    buf_add_u16(out, (uint16_t)statement_size(s));
    buf_add_u8(out, (uint8_t)s->said);
    buf_add_u32(out, s->incarnation);
    put_id(out, b, s->node);
    if (s->said == SAID_ALIVE) {
        put_addr(out);
        buf_add_u32(out, s->boot);
        buf_add_u32(out, s->weight);
    } else {
        put_id(out, b, s->from);
    }
}

static void put_message(struct baseline *b, enum message kind, uint32_t seq, uint32_t target)
{
    struct buf *out = &b->packet;
    bool asks = kind == MESSAGE_PING || kind == MESSAGE_ASK;

    buf_add_u16(out, asks ? 5 + 16 + ADDR_BYTES + 16 : 5);
    buf_add_u8(out, (uint8_t)kind);
    buf_add_u32(out, seq);
    if (!asks)
        return;
    put_id(out, b, target);
    put_addr(out);
    put_id(out, b, b->cfg.self);
}

static void send_packet(struct baseline *b, uint32_t to)
{
    struct baseline_out *o = baseline_put(b, BASELINE_SEND, to);

    memory_kept(buf_ok(&b->packet) ? b : NULL);
    b->out_at[o - b->out] = b->bytes.len;
    o->payload.len = b->packet.len;
    buf_add_slice(&b->bytes, buf_slice(&b->packet));
    memory_kept(buf_ok(&b->bytes) ? b : NULL);
}

/* ---- what is to be told ---- */

void wire_drop(struct baseline *b, struct peer *p)
{
    (void)b;
    if (p->news == NULL)
        return;
    list_remove(&p->news->link);
    free(p->news);
    p->news = NULL;
}

void wire_broadcast(struct baseline *b, const struct statement *s)
{
    struct peer *p = peer_of(b, s->node);

    wire_drop(b, p);
    p->news = memory_new(sizeof(*p->news));
    p->news->what = *s;
    list_push_front(&b->queue[0], &p->news->link);
}

/* Adds what fits to the packet. Those that were told go up by one when all is chosen, so that none is chosen
 * twice. */
static void tell(struct baseline *b)
{
    unsigned limit = baseline_transmits(b->peers_n);
    struct list told;

    list_init(&told);
    for (unsigned level = 0; level < TRANSMITS_MAX; level++) {
        LIST_EACH_SAFE (at, &b->queue[level]) {
            struct broadcast *news = OBJ_OF(at, struct broadcast, link);
            if (b->packet.len + LENGTH_BYTES + statement_size(&news->what) > BASELINE_PACKET_MAX ||
                b->packet.data[0] == MESSAGES_MAX)
                continue;
            b->packet.data[0]++;
            put_statement(b, &news->what);
            list_remove(at);
            list_push_back(&told, at);
        }
    }
    while (!list_empty(&told)) {
        struct broadcast *news = OBJ_OF(list_first(&told), struct broadcast, link);
        list_remove(&news->link);
        if (++news->transmits >= limit || news->transmits >= TRANSMITS_MAX) {
            peer_of(b, news->what.node)->news = NULL;
            free(news);
        } else {
            list_push_back(&b->queue[news->transmits], &news->link);
        }
    }
}

static void begin_packet(struct baseline *b, uint8_t messages)
{
    buf_clear(&b->packet);
    buf_add_u8(&b->packet, messages);
    memory_kept(buf_ok(&b->packet) ? b : NULL);
}

void wire_send(struct baseline *b, uint32_t to, enum message kind, uint32_t seq, uint32_t target,
               const struct statement *told)
{
    begin_packet(b, told != NULL ? 2 : 1);
    put_message(b, kind, seq, target);
    if (told != NULL)
        put_statement(b, told);
    else
        tell(b);
    send_packet(b, to);
}

void wire_gossip(struct baseline *b)
{
    uint32_t to[BASELINE_GOSSIP_NODES];
    size_t n = baseline_pick(b, NOBODY, true, BASELINE_GOSSIP_NODES, to);

    for (size_t i = 0; i < n; i++) {
        begin_packet(b, 0);
        tell(b);
        if (b->packet.data[0] == 0)
            return;
        send_packet(b, to[i]);
    }
}

/* ---- reading ---- */

static uint32_t node_at(const struct baseline *b, const uint8_t *id)
{
    uint32_t node = be32_get(id + 12);
    return node < b->cfg.n ? node : NOBODY;
}

static int take_statement(struct baseline *b, struct slice m)
{
    struct statement s = { .said = (enum said)m.data[0], .incarnation = be32_get(m.data + 1) };

    if (m.len != statement_size(&s))
        return MESH_E_SHORT;
    s.node = node_at(b, m.data + 5);
    if (s.said == SAID_ALIVE) {
        s.from = s.node;
        s.boot = be32_get(m.data + 21 + ADDR_BYTES);
        s.weight = be32_get(m.data + 25 + ADDR_BYTES);
    } else {
        s.from = node_at(b, m.data + 21);
    }
    if (s.node == NOBODY || s.from == NOBODY)
        return MESH_E_RANGE;
    if (s.said == SAID_ALIVE)
        news_alive(b, &s);
    else if (s.said == SAID_SUSPECT)
        news_suspect(b, &s);
    else
        news_dead(b, &s);
    return 0;
}

static int take_message(struct baseline *b, uint32_t from, struct slice m)
{
    if (m.len < 5)
        return MESH_E_SHORT;
    uint32_t seq = be32_get(m.data + 1), target = NOBODY;
    uint8_t kind = m.data[0];
    if (kind >= SAID_ALIVE && kind <= SAID_DEAD)
        return take_statement(b, m);
    if (kind == MESSAGE_PING || kind == MESSAGE_ASK) {
        if (m.len != 5 + 16 + ADDR_BYTES + 16)
            return MESH_E_SHORT;
        target = node_at(b, m.data + 5);
        if (target == NOBODY)
            return MESH_E_RANGE;
    }
    switch (kind) {
    case MESSAGE_PING:
        if (target == b->cfg.self)
            wire_send(b, from, MESSAGE_ACK, seq, NOBODY, NULL);
        return 0;
    case MESSAGE_ACK: baseline_probe_acked(b, seq); return 0;
    case MESSAGE_NACK: baseline_probe_nacked(b, seq); return 0;
    case MESSAGE_ASK: baseline_probe_relay(b, from, seq, target); return 0;
    default: return MESH_E_TYPE;
    }
}

int baseline_recv(struct baseline *b, mesh_ns now, uint32_t from, struct slice packet)
{
    int err = packet.len == 0 ? MESH_E_SHORT : 0;

    b->now = now;
    struct slice rest = slice_from(packet, 1);
    for (unsigned n = err == 0 ? packet.data[0] : 0; n > 0 && err == 0; n--) {
        size_t len = rest.len >= LENGTH_BYTES ? be16_get(rest.data) : SIZE_MAX;
        if (len > rest.len - LENGTH_BYTES || rest.len < LENGTH_BYTES) {
            err = MESH_E_SHORT;
            break;
        }
        err = take_message(b, from, slice_head(slice_from(rest, LENGTH_BYTES), len));
        rest = slice_from(rest, LENGTH_BYTES + len);
    }
    b->counters.malformed += err != 0;
    return err;
}
