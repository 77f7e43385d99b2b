/* Streams between nodes.
 *
 *   DIALLED --accepted--> ACCEPTED --the dialler hears of it--> OPEN
 *      |  refused, given up
 *      v
 *     DONE <-- both ends closed and nothing under way, from any state
 *
 * Each direction is a pipe of segments that arrive in order; the last one may end it
 * (orderly or as a reset: an engine cannot tell). An end closes by its own will, by the
 * other's, or with its node. */
#include <stdlib.h>

#include "sim/edge.h"
#include "sim/faults/fault_net.h"
#include "sim/net/link_model.h"
#include "sim/net/net.h"
#include "sim/series.h"

#define SEGMENT_MAX (8u << 10)
#define WINDOW      (256u << 10) /* most that is under way and not acknowledged */
#define MSS         1460u
#define RTO         MS(200) /* what Linux waits at least beyond a round trip; doubles with each try up to ... */
#define RTO_MAX     SEC(5)
#define SYN_RTO     SEC(1)
#define PEER_DEATH  SEC(20) /* nothing is acknowledged for so long: the connection ends (node/io: sock_notice_death) */

struct segment {
    struct list link;
    mesh_ns at;
    bool end;
    size_t len;
    uint8_t bytes[];
};

struct end {
    struct list link; /* in edge->ends while open */
    struct stream *s;
    struct edge *edge;
    uint32_t moves; /* of the node when it was dialled: which of its addresses it is bound to */
    struct link *l;
    bool open;
};

struct pipe {
    struct event arrive, ack;
    struct stream *s;
    struct list segments;
    uint32_t under_way, arrived; /* not acknowledged; of those, with the other side */
    uint32_t window;             /* so much may be under way; 0: begin anew */
    uint32_t threshold;          /* from there on it grows by a segment each round trip; 0: nothing was lost yet */
    uint32_t lost_of; /* so much was under way at most when something was lost; nothing more until it is there */
    mesh_ns last_at;  /* nothing arrives before what was sent before it */
    mesh_ns acked_at;
    mesh_ns rto, stuck_since; /* stuck_since: of the first try again */
};

enum phase { DIALLED, ACCEPTED, OPEN };

struct stream {
    struct list link;
    struct world *w;
    uint64_t number;
    enum phase phase;
    struct event connect, reap;
    mesh_ns syn_rto;
    struct tape *tape;    /* somebody keeps what the dialler says first; or NULL */
    struct end ends[2];   /* the dialler is ends[0] */
    struct pipe pipes[2]; /* pipes[i] begins at ends[i] */
};

static void pipe_clear(struct pipe *p)
{
    LIST_EACH_SAFE (at, &p->segments) {
        list_remove(at);
        free(OBJ_OF(at, struct segment, link));
    }
    p->under_way = p->arrived = p->lost_of = 0;
}

static void stream_free(struct stream *s)
{
    struct event *events[] = { &s->connect,         &s->reap,        &s->pipes[0].arrive, &s->pipes[0].ack,
                               &s->pipes[1].arrive, &s->pipes[1].ack };

    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
        world_drop(s->w, events[i]);
    for (unsigned i = 0; i < 2; i++) {
        pipe_clear(&s->pipes[i]);
        list_remove(&s->ends[i].link);
    }
    list_remove(&s->link);
    tape_let_go(&s->tape);
    free(s);
}

static void reap(struct world *w, struct event *ev)
{
    (void)w;
    stream_free(OBJ_OF(ev, struct stream, reap));
}

/* Engines may close a stream while one of its events is being dealt with: it is freed
 * only by an event of its own. */
static struct end *other_end(const struct end *e)
{
    return &e->s->ends[e == &e->s->ends[0]];
}

static void reap_if_done(struct stream *s)
{
    if (!s->ends[0].open && !s->ends[1].open)
        world_at(s->w, &s->reap, s->w->now);
}

static void end_shut(struct end *e)
{
    e->open = false;
    e->l = NULL;
    list_remove(&e->link);
}

/* The link behind this end is gone: tell its engine. */
static void end_lost(struct end *e, enum note note)
{
    struct edge *edge = e->edge;
    struct link *l = e->l;

    end_shut(e);
    reap_if_done(e->s);
    world_note_peer(edge->w, note, edge->index, other_end(e)->edge->index, SLICE_EMPTY);
    link_set_io(l, NULL);
    engine_disconnected(edge_enter(edge), edge_now(edge), l);
    edge_pump(edge);
}

static struct pipe *pipe_from(const struct end *e)
{
    return &e->s->pipes[e == &e->s->ends[1]];
}

/* Does nothing pass from |from|? One that has moved has lost the address that its streams are bound to. */
static bool blocked(const struct end *from)
{
    const struct end *to = other_end(from);

    return from->moves != from->edge->moves || to->moves != to->edge->moves ||
           net_blocked(from->s->w->net, from->edge->index, to->edge->index);
}

/* ---- sending ---- */

static void segment_send(struct end *e, struct slice bytes, bool end)
{
    struct world *w = e->s->w;
    struct pipe *p = pipe_from(e);
    uint32_t from = e->edge->index, to = other_end(e)->edge->index;
    struct rand r = net_rand(w->net, from, to);
    struct segment *seg = world_alloc(sizeof(*seg) + bytes.len);
    mesh_ns delay = net_delay(w->net, from, to, bytes.len + 60, &r);
    mesh_ns at = net_stream_at(w->net, from, to, bytes.len + 60, delay);

    bool lost = p->lost_of > 0;

    for (mesh_ns rto = RTO + 2 * delay, most = RTO_MAX + 2 * delay; net_lost(w->net, from, &r) && rto < most;
         rto *= 2) {
        at += rto;
        lost = true;
        w->net->counts.stalls++;
    }
    if (e->edge->trickle > 0 && !end) {
        world_bit(w, FAULT_TRICKLE);
        at = at > p->last_at + e->edge->trickle ? at : p->last_at + e->edge->trickle;
    }
    seg->at = p->last_at = at > p->last_at ? at : p->last_at;
    seg->end = end;
    seg->len = bytes.len;
    if (bytes.len > 0)
        memcpy(seg->bytes, bytes.data, bytes.len);
    net_damage(w->net, seg->bytes, seg->len, &r);
    p->under_way += (uint32_t)seg->len;
    if (lost && p->lost_of < p->under_way)
        p->lost_of = p->under_way;
    w->net->counts.segments++;
    w->net->counts.stream_bytes += seg->len;
    series_stream(w, from, to, seg->len);
    world_note_peer(w, end ? NOTE_CLOSE : NOTE_STREAM_OUT, from, to, bytes);
    if (e->s->tape != NULL && e == &e->s->ends[0])
        tape_add(e->s->tape, bytes);
    if (list_empty(&p->segments))
        world_at(w, &p->arrive, seg->at);
    list_push_back(&p->segments, &seg->link);
}

/* Slow start from ten segments, doubled by a round trip's acknowledgements (RFC 5681 section 3.1, RFC
 * 6928), up to what the receiver takes; again after a rest as long as a timeout (section 4.1). */
static uint32_t window_of(struct pipe *p, const struct edge *from)
{
    mesh_ns now = from->w->now;

    if (from->trickle > 0)
        return 1;
    if (p->window == 0)
        p->window = LINK_WINDOW_FIRST;
    else if (p->under_way == 0 && now - (p->acked_at > p->last_at ? p->acked_at : p->last_at) > RTO)
        p->window = p->window < LINK_WINDOW_FIRST ? p->window : LINK_WINDOW_FIRST;
    return p->window;
}

/* |acked| more bytes have come through. After a timeout one acknowledgement tells of all that was under way: slow start
 * begins with two segments and ends at half of what that was; from there on a segment more each round trip (RFC 5681
 * sections 3.1 and 3.2). */
static void window_grows(struct pipe *p, uint32_t acked)
{
    if (p->lost_of > 0) {
        p->window = MSS;
        if (p->under_way > 0)
            return;
        p->threshold = p->lost_of / 2 > 2 * MSS ? p->lost_of / 2 : 2 * MSS;
        p->lost_of = 0;
        acked = MSS;
    } else if (p->window < p->threshold) {
        acked = acked < p->threshold - p->window ? acked : p->threshold - p->window;
    } else if (p->threshold > 0) {
        acked = (uint32_t)((uint64_t)MSS * acked / p->window);
    }
    p->window = p->window + acked < WINDOW ? p->window + acked : WINDOW;
}

static void write_within(struct edge *edge, struct link *l, uint32_t window)
{
    struct end *e = link_io(l);
    struct pipe *p = pipe_from(e);

    while (p->under_way < window) {
        struct slice out = link_output(l);
        if (out.len == 0)
            return;
        /* Where the sender's writes end says nothing about how they arrive. */
        struct rand r = world_rand(edge->w, e->s->number, DRAW_SEGMENT);
        r.counter = edge->w->net->counts.segments;
        size_t most = rand_below(&r, 4) == 0 ? 1 + (size_t)rand_below(&r, SEGMENT_MAX) : SEGMENT_MAX;
        out = slice_head(out, most < window - p->under_way ? most : window - p->under_way);
        segment_send(e, out, false);
        engine_sent(edge->engine, edge_now(edge), l, out.len);
    }
}

void net_write(struct edge *edge, struct link *l)
{
    struct pipe *p = pipe_from(link_io(l));

    if (p->lost_of == 0)
        write_within(edge, l, window_of(p, edge));
}

void net_close(struct edge *edge, struct link *l)
{
    struct end *e = link_io(l);

    if (e->s->phase != DIALLED || e == &e->s->ends[1]) {
        write_within(edge, l, WINDOW); /* what a kernel would hold and still send */
        segment_send(e, SLICE_EMPTY, true);
    }
    end_shut(e);
    reap_if_done(e->s);
    link_set_io(l, NULL);
    engine_disconnected(edge->engine, edge_now(edge), l);
}

/* ---- arriving ---- */

/* The other side does not acknowledge: try again later. */
static void pipe_retry(struct pipe *p)
{
    struct world *w = p->s->w;
    struct end *e = &p->s->ends[p == &p->s->pipes[1]];

    if (p->rto == 0)
        p->stuck_since = w->now;
    if (e->open && w->now - p->stuck_since >= PEER_DEATH) {
        pipe_clear(p);
        end_lost(e, NOTE_CLOSED);
        return;
    }
    p->lost_of = p->under_way > p->lost_of ? p->under_way : p->lost_of;
    p->rto = p->rto == 0 ? RTO : mesh_ns_min(2 * p->rto, RTO_MAX);
    p->last_at = w->now + p->rto;
    w->net->counts.stalls++;
    world_at(w, &p->arrive, w->now + p->rto);
}

/* Drops what is under way from |e| and ends its pipe: as a reset on the network does. */
static void pipe_break(struct end *e)
{
    struct pipe *p = pipe_from(e);

    pipe_clear(p);
    world_drop(e->s->w, &p->arrive);
    world_drop(e->s->w, &p->ack);
    p->last_at = 0;
    segment_send(e, SLICE_EMPTY, true);
}

static void ack(struct world *w, struct event *ev)
{
    struct pipe *p = OBJ_OF(ev, struct pipe, ack);
    struct end *e = &p->s->ends[p == &p->s->pipes[1]];

    if (!e->open || edge_held(e->edge, ev))
        return;
    if (blocked(other_end(e))) {
        world_at(w, ev, w->now + RTO);
        return;
    }
    p->under_way -= p->arrived;
    window_grows(p, p->arrived);
    p->acked_at = w->now;
    p->arrived = 0;
    struct edge *edge = e->edge;
    edge_enter(edge);
    net_write(edge, e->l);
    edge_pump(edge);
}

static void take_segment(struct end *to, struct segment *seg)
{
    struct world *w = to->s->w;
    struct edge *edge = to->edge;

    if (seg->end) {
        end_lost(to, NOTE_CLOSED);
    } else {
        world_note_peer(w, NOTE_STREAM_IN, edge->index, other_end(to)->edge->index, slice_of(seg->bytes, seg->len));
        engine_received(edge_enter(edge), edge_now(edge), to->l, slice_of(seg->bytes, seg->len));
        edge_pump(edge);
    }
    free(seg);
}

static void arrive(struct world *w, struct event *ev)
{
    struct pipe *p = OBJ_OF(ev, struct pipe, arrive);
    struct stream *s = p->s;
    struct end *from = &s->ends[p == &s->pipes[1]], *to = other_end(from);

    if (edge_held(to->edge, ev))
        return;
    if (blocked(from) || s->phase == DIALLED || (p == &s->pipes[1] && s->phase != OPEN) ||
        (!to->open && to->edge->host_gone)) {
        pipe_retry(p);
        return;
    }
    p->rto = 0;
    if (!to->open) { /* nobody there any more: a reset comes back */
        pipe_clear(p);
        if (from->open && list_empty(&pipe_from(to)->segments))
            segment_send(to, SLICE_EMPTY, true);
        return;
    }
    struct segment *seg = OBJ_OF(list_first(&p->segments), struct segment, link);
    list_remove(&seg->link);
    if (!list_empty(&p->segments)) {
        const struct segment *next = OBJ_OF(list_first(&p->segments), struct segment, link);
        world_at(w, ev, next->at > w->now ? next->at : w->now);
    }
    p->arrived += (uint32_t)seg->len;
    if (seg->len > 0 && !p->ack.node.queued) {
        struct rand r = net_rand(w->net, to->edge->index, from->edge->index);
        world_at(w, &p->ack, w->now + net_delay(w->net, to->edge->index, from->edge->index, 60, &r));
    }
    take_segment(to, seg);
}

/* ---- connecting ---- */

static mesh_ns back(struct stream *s)
{
    struct world *w = s->w;
    uint32_t from = s->ends[1].edge->index, to = s->ends[0].edge->index;
    struct rand r = net_rand(w->net, from, to);

    return w->now + net_delay(w->net, from, to, 60, &r);
}

static bool lost_on_the_way(struct stream *s, const struct end *by)
{
    const struct edge *from = by->edge, *to = other_end(by)->edge;
    struct rand r = net_rand(s->w->net, from->index, to->index);

    if (!blocked(by) && !net_lost(s->w->net, from->index, &r))
        return false;
    s->syn_rto = s->syn_rto == 0 ? SYN_RTO : 2 * s->syn_rto;
    world_at(s->w, &s->connect, s->w->now + s->syn_rto);
    return true;
}

static void refused(struct world *w, struct event *ev)
{
    struct stream *s = OBJ_OF(ev, struct stream, connect);

    if (!s->ends[0].open || edge_held(s->ends[0].edge, ev) || lost_on_the_way(s, &s->ends[1]))
        return;
    w->net->counts.refused++;
    end_lost(&s->ends[0], NOTE_REFUSED);
}

static void connected(struct world *w, struct event *ev)
{
    struct stream *s = OBJ_OF(ev, struct stream, connect);
    struct edge *edge = s->ends[0].edge;

    if (!s->ends[0].open || edge_held(edge, ev) || lost_on_the_way(s, &s->ends[1]))
        return;
    s->phase = OPEN;
    w->net->counts.connections++;
    world_note_peer(w, NOTE_CONNECTED, edge->index, s->ends[1].edge->index, SLICE_EMPTY);
    engine_connected(edge_enter(edge), edge_now(edge), s->ends[0].l);
    edge_pump(edge);
}

static void end_open(struct end *e, struct link *l)
{
    e->open = true;
    e->l = l;
    list_push_back(&e->edge->ends, &e->link);
    link_set_io(l, e);
}

static void syn_arrives(struct world *w, struct event *ev)
{
    struct stream *s = OBJ_OF(ev, struct stream, connect);
    struct edge *from = s->ends[0].edge, *to = s->ends[1].edge;

    if (!s->ends[0].open || edge_held(to, ev) || lost_on_the_way(s, &s->ends[0]))
        return;
    if (!edge_up(to)) {
        if (!to->host_gone) {
            ev->fire = refused;
            world_at(w, ev, back(s));
        }
        return; /* else the dialler's patience ends it */
    }
    struct mesh_addr addr = net_addr(w->net, from->index);
    addr.port = (uint16_t)(32768 + s->number % 28000);
    world_note_peer(w, NOTE_ACCEPT, to->index, from->index, SLICE_EMPTY);
    struct link *l = engine_accept(edge_enter(to), edge_now(to), &addr);
    ev->fire = l != NULL ? connected : refused;
    world_at(w, ev, back(s));
    if (l != NULL) {
        s->phase = ACCEPTED;
        end_open(&s->ends[1], l);
        edge_pump(to);
    }
}

/* Nobody has that address: silence. */
static void dead_address(struct world *w, struct event *ev)
{
    (void)w;
    (void)ev;
}

/* A stream from |from|'s address to |to|'s, DIALLED; no end is open. */
static struct stream *stream_new(struct world *w, struct edge *from, struct edge *to)
{
    struct stream *s = world_alloc(sizeof(*s));

    s->w = w;
    s->number = ++w->net->dials;
    s->reap.fire = reap;
    for (unsigned i = 0; i < 2; i++) {
        s->ends[i].s = s->pipes[i].s = s;
        s->ends[i].edge = i == 0 ? from : to;
        s->ends[i].moves = s->ends[i].edge->moves;
        s->pipes[i].arrive.fire = arrive;
        s->pipes[i].ack.fire = ack;
        list_init(&s->pipes[i].segments);
        list_init(&s->ends[i].link);
    }
    list_push_back(&w->net->streams, &s->link);
    return s;
}

void net_dial(struct edge *e, struct link *l, const struct mesh_addr *addr)
{
    struct world *w = e->w;
    struct edge *to = net_at(w->net, addr);
    struct stream *s = stream_new(w, e, to != NULL ? to : e);

    s->connect.fire = to != NULL ? syn_arrives : dead_address;
    end_open(&s->ends[0], l);
    if (to != NULL)
        tape_begin(w->net, e->index, to->index, &s->tape);
    w->net->counts.dials++;
    world_note_peer(w, NOTE_DIAL, e->index, to != NULL ? to->index : WORLD_NODE, SLICE_EMPTY);
    struct rand r = net_rand(w->net, e->index, s->ends[1].edge->index);
    world_at(w, &s->connect, w->now + net_delay(w->net, e->index, s->ends[1].edge->index, 60, &r));
}

void net_play(struct net *n, const struct tape *t)
{
    struct world *w = n->w;
    struct edge *to = &w->edges[t->to];
    struct slice bytes = slice_of(t->bytes, t->len);
    struct mesh_addr addr = net_addr(n, t->from);

    addr.port = (uint16_t)(32768 + (n->dials + 1) % 28000);
    world_note_peer(w, NOTE_ACCEPT, to->index, t->from, SLICE_EMPTY);
    struct link *l = engine_accept(edge_enter(to), edge_now(to), &addr);
    if (l != NULL) {
        struct stream *s = stream_new(w, &w->edges[t->from], to);
        s->phase = OPEN;
        end_open(&s->ends[1], l);
        world_bit(w, FAULT_REPLAY);
        n->counts.replayed++;
        world_note_peer(w, NOTE_STREAM_IN, to->index, t->from, bytes);
        engine_received(to->engine, edge_now(to), l, bytes);
    }
    edge_pump(to);
}

/* ---- ends of nodes, resets ---- */

void net_drop_all(struct edge *edge, bool silently)
{
    LIST_EACH_SAFE (at, &edge->ends) {
        struct end *e = OBJ_OF(at, struct end, link);
        end_shut(e);
        if (!silently && other_end(e)->open && (e->s->phase != DIALLED || e == &e->s->ends[1]))
            segment_send(e, SLICE_EMPTY, true);
        reap_if_done(e->s);
    }
}

void net_reset(struct net *n, uint32_t a, uint32_t b)
{
    LIST_EACH (at, &n->streams) {
        struct stream *s = OBJ_OF(at, struct stream, link);
        uint32_t x = s->ends[0].edge->index, y = s->ends[1].edge->index;
        if (s->phase == DIALLED || !((x == a && y == b) || (x == b && y == a)))
            continue;
        world_bit(n->w, FAULT_RESET);
        pipe_break(&s->ends[0]);
        pipe_break(&s->ends[1]);
    }
}

void net_streams_free(struct net *n)
{
    LIST_EACH_SAFE (at, &n->streams)
        stream_free(OBJ_OF(at, struct stream, link));
}
