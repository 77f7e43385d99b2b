/* life.c - one node's life: its gossip, its socket, its search for company (as in
 * node/core/links.c), and what its host does to it. */
#include <stdlib.h>

#include "sim/members/protocol.h"
#include "sim/memory.h"

#define SEED_RETRY       SEC(1)
#define SEED_BACKOFF_MAX SEC(8)
#define SEED_LOOK        SEC(5)  /* in company: how often a seed that is no member is tried */
#define SOCKET_OVERHEAD  512     /* what the kernel counts for a packet beside its bytes */
#define HEALTHY_AFTER    SEC(15) /* of a freeze or start: until then a death is explained by it */

bool life_holds(const struct crowd *c, uint32_t i, uint32_t of)
{
    return crowd_plain(c) || bit_get(c->certs + i * c->bit_words, of);
}

void life_hold(struct crowd *c, uint32_t i, uint32_t of)
{
    bit_set(c->certs + i * c->bit_words, of);
}

bool life_keyed(const struct crowd *c, uint32_t i, uint32_t with)
{
    return crowd_plain(c) || bit_get(c->keyed + i * c->bit_words, with);
}

static void make_keys(struct crowd *c, uint32_t i, uint32_t with)
{
    bit_set(c->keyed + i * c->bit_words, with);
    bit_set(c->keyed + with * c->bit_words, i);
}

static void forget_keys(struct crowd *c, uint32_t i)
{
    memset(c->keyed + i * c->bit_words, 0, c->bit_words * sizeof(*c->keyed));
    for (uint32_t k = 0; k < c->n; k++)
        bit_clear(c->keyed + k * c->bit_words, i);
}

/* ---- begin and end ---- */

static struct gossip *make_gossip(struct crowd *c, uint32_t i)
{
    struct crowd_node *n = &c->nodes[i];
    struct rand r = crowd_rand(c, (uint64_t)i << 32 | n->life, DRAW_GOSSIP);
    struct gossip_config cfg = {
        .seed = rand_u64(&r),
        .probe_period = (mesh_ns)c->sc.probe_period,
        .ack_timeout = (mesh_ns)c->sc.ack_timeout,
        .suspect_timeout = (mesh_ns)c->sc.suspect_timeout,
        .roster = c->roster,
        .self = { .id = c->ids[i], .boot = n->boot, .addrs_n = 1, .weight = n->weight, .serial = 1 },
    };

    cfg.self.addrs[0] = crowd_addr(i);
    return memory_kept(gossip_new(&cfg, c->now));
}

static struct baseline *make_baseline(struct crowd *c, uint32_t i)
{
    struct crowd_node *n = &c->nodes[i];
    struct rand r = crowd_rand(c, (uint64_t)i << 32 | n->life, DRAW_GOSSIP);
    struct baseline_config cfg = {
        .lifeguard = c->sc.mode == 2,
        .self = i,
        .n = c->n,
        .ids = c->ids,
        .seed = rand_u64(&r),
        .boot = n->boot,
        .weight = n->weight,
    };

    return baseline_new(&cfg, c->now);
}

void life_pattern(struct crowd *c)
{
    struct crowd_node *n = &c->nodes[0];

    n->boot = 1;
    c->pattern = make_gossip(c, 0);
    n->boot = 0;
    for (uint32_t i = 1; i < c->n; i++) {
        struct member_record r = { .id = c->ids[i], .boot = 1, .addrs_n = 1, .weight = n->weight, .serial = 1 };
        r.addrs[0] = crowd_addr(i);
        gossip_learn(c->pattern, 0, &r);
    }
    memset(c->certs, 0xff, c->n * c->bit_words * sizeof(*c->certs));
    memset(c->keyed, 0xff, c->n * c->bit_words * sizeof(*c->keyed));
}

void life_begin(struct crowd *c, uint32_t i, bool boot_lost)
{
    struct crowd_node *n = &c->nodes[i];

    if (crowd_up(c, i))
        return;
    n->boot = boot_lost ? 1 : n->boot + 1;
    n->life++;
    if (crowd_plain(c))
        n->b = make_baseline(c, i);
    else
        n->g = make_gossip(c, i);
    if (c->pattern != NULL && n->life == 1)
        memory_kept(gossip_preload(n->g, c->pattern) == 0 ? n : NULL);
    n->began = c->now;
    n->excused = n->life > 1 ? c->now + HEALTHY_AFTER : 0;
    n->armed = MESH_NS_NEVER;
    n->digest = protocol_digest(c, i);
    n->others = c->pattern != NULL && n->life == 1 ? c->n - 1 : 0;
    n->leaving = false;
    n->free_at = 0;
    n->up = n->down = n->up_stream = n->down_stream = (struct link_queue){ 0 };
    n->seed_at = 0;
    n->seed_backoff = SEED_RETRY;
    n->seed_look = 0;
    if (n->life > 1) {
        memset(c->certs + i * c->bit_words, 0, c->bit_words * sizeof(*c->certs));
        forget_keys(c, i);
    }
    c->changed = true;
    c->changed_at = c->now;
    c->started_from = c->now;
    c->restarted_at = MESH_NS_NEVER;
    crowd_note(c, EVENT_BEGIN, i, (uint32_t)n->boot, SLICE_EMPTY);
    crowd_at(c, c->now, EVENT_SEED, i, n->life);
    life_pump(c, i);
}

static void add_counters(struct gossip_counters *to, const struct gossip_counters *from)
{
#define X(name, help) to->name += from->name;
    GOSSIP_COUNTERS(X)
#undef X
}

static void empty_inbox(struct crowd *c, struct crowd_node *n)
{
    while (n->inbox_first != 0) {
        uint32_t at = n->inbox_first;
        n->inbox_first = parcel_of(&c->parcels, at)->next;
        parcel_drop(&c->parcels, at);
    }
    n->inbox_last = 0;
    n->inbox_bytes = 0;
}

void life_end(struct crowd *c, uint32_t i, bool silently)
{
    struct crowd_node *n = &c->nodes[i];

    (void)silently; /* datagrams are alike; streams end at their next step */
    if (!crowd_up(c, i))
        return;
    crowd_note(c, EVENT_END, i, 0, SLICE_EMPTY);
    add_counters(&c->ended, protocol_counters(c, i));
    protocol_end(c, i);
    n->armed = MESH_NS_NEVER;
    n->freezes++;
    n->freeze_for = n->cost = 0;
    empty_inbox(c, n);
    c->changed = true;
    c->changed_at = c->now;
    notice_gone(c, i);
}

/* ---- what gossip wants ---- */

static void arm(struct crowd *c, uint32_t i)
{
    struct crowd_node *n = &c->nodes[i];
    mesh_ns due = protocol_deadline(c, i);

    if (due == MESH_NS_NEVER)
        return;
    due = due > n->free_at ? due : n->free_at;
    due = due > c->now ? due : c->now;
    if (due >= n->armed) /* it will look again when the earlier one comes */
        return;
    n->armed = due;
    crowd_at(c, due, EVENT_TICK, i, 0);
}

static void count_company(struct crowd_node *n, const struct gossip_out *o)
{
    bool was = !o->is_new && (o->was == MEMBER_ALIVE || o->was == MEMBER_SUSPECT);
    bool is = o->is == MEMBER_ALIVE || o->is == MEMBER_SUSPECT;

    if (is && !was)
        n->others++;
    else if (was && !is)
        n->others--;
}

static void do_one(struct crowd *c, uint32_t i, const struct gossip_out *o)
{
    struct crowd_node *n = &c->nodes[i];
    uint32_t to = crowd_index(c, &o->to);

    switch (o->kind) {
    case GOSSIP_SEND:
        if (life_holds(c, i, to))
            road_send(c, i, to, o->payload);
        break;
    case GOSSIP_CHANGED:
        count_company(n, o);
        notice_change(c, i, o);
        break;
    case GOSSIP_NEED_CERT:
        if (life_holds(c, i, to))
            gossip_certified(n->g, c->now, &c->ids[to]);
        else
            road_fetch_cert(c, i, crowd_index(c, &o->via), to);
        break;
    case GOSSIP_ROLL: break;   /* nobody has a roll of authorities here */
    case GOSSIP_CONFIG: break; /* nor a configuration */
    case GOSSIP_ORIGIN: break; /* nor an origin */
    case GOSSIP_SYNC: flow_dial(c, i, to, false); break;
    case GOSSIP_SELF_BOOT:
        n->boot = o->boot + 1;
        forget_keys(c, i);
        gossip_reboot(n->g, c->now, n->boot);
        break;
    }
}

static void do_plain(struct crowd *c, uint32_t i, const struct baseline_out *o)
{
    struct gossip_out changed = { .kind = GOSSIP_CHANGED, .was = o->was, .is = o->is, .is_new = o->is_new };

    switch (o->kind) {
    case BASELINE_SEND: road_send(c, i, o->to, o->payload); break;
    case BASELINE_CHANGED:
        changed.to = c->ids[o->to];
        count_company(&c->nodes[i], &changed);
        notice_change(c, i, &changed);
        break;
    case BASELINE_PUSH_PULL_WITH: flow_dial(c, i, o->to, false); break;
    case BASELINE_STREAM_PING: flow_ping(c, i, o->to); break;
    }
}

void life_pump(struct crowd *c, uint32_t i)
{
    struct crowd_node *n = &c->nodes[i];
    struct gossip_out o;
    struct baseline_out plain;

    while (n->g != NULL && gossip_poll(n->g, &o))
        do_one(c, i, &o);
    while (n->b != NULL && baseline_poll(n->b, &plain))
        do_plain(c, i, &plain);
    uint64_t digest = protocol_digest(c, i);
    if (digest != n->digest) {
        n->digest = digest;
        c->changed = true;
        c->changed_at = c->now;
    }
    if (n->leaving && protocol_left(c, i))
        life_end(c, i, false);
    else
        arm(c, i);
}

void life_tick(struct crowd *c, uint32_t i)
{
    struct crowd_node *n = &c->nodes[i];

    n->armed = MESH_NS_NEVER;
    if (!crowd_up(c, i))
        return;
    if (c->now < n->free_at || protocol_deadline(c, i) > c->now) {
        arm(c, i);
        return;
    }
    crowd_note(c, EVENT_TICK, i, 0, SLICE_EMPTY);
    protocol_tick(c, i);
    life_pump(c, i);
}

void life_certified(struct crowd *c, uint32_t i, uint32_t of)
{
    if (!crowd_up(c, i))
        return;
    life_hold(c, i, of);
    gossip_certified(c->nodes[i].g, c->now, &c->ids[of]);
    life_pump(c, i);
}

/* ---- its socket ---- */

static void read_one(struct crowd *c, uint32_t number)
{
    struct parcel *p = parcel_of(&c->parcels, number);
    struct crowd_node *n = &c->nodes[p->to];
    uint32_t i = p->to;

    if (p->introduced)
        life_hold(c, i, p->from);
    if (!life_holds(c, i, p->from)) {
        road_again(c, number, false);
        return;
    }
    if (p->keyed)
        make_keys(c, i, p->from);
    if (!life_keyed(c, i, p->from)) {
        road_again(c, number, true);
        return;
    }
    crowd_note(c, EVENT_DATAGRAM, i, p->from, slice_of(p->bytes, p->len));
    protocol_recv(c, i, p->from, slice_of(p->bytes, p->len));
    parcel_drop(&c->parcels, number);
    if (n->cost > 0)
        n->free_at = c->now + n->cost;
    life_pump(c, i);
}

void life_take(struct crowd *c, uint32_t number)
{
    struct parcel *p = parcel_of(&c->parcels, number);
    struct crowd_node *n = &c->nodes[p->to];

    if (!crowd_up(c, p->to)) {
        parcel_drop(&c->parcels, number);
        return;
    }
    if (n->inbox_first == 0 && c->now >= n->free_at) {
        read_one(c, number);
        if (crowd_up(c, (uint32_t)(n - c->nodes)) && n->free_at > c->now)
            crowd_at(c, n->free_at, EVENT_WAKE, (uint32_t)(n - c->nodes), 0);
        return;
    }
    if (n->inbox_bytes + p->len + SOCKET_OVERHEAD > c->sc.socket_buffer) {
        c->counts.socket_drops++;
        parcel_drop(&c->parcels, number);
        return;
    }
    n->inbox_bytes += p->len + SOCKET_OVERHEAD;
    p->next = 0;
    if (n->inbox_last != 0)
        parcel_of(&c->parcels, n->inbox_last)->next = number;
    else
        n->inbox_first = number;
    n->inbox_last = number;
}

/* A loop that was held up runs its timers first, then reads: the harder order for gossip. */
void life_wake(struct crowd *c, uint32_t i)
{
    struct crowd_node *n = &c->nodes[i];

    if (!crowd_up(c, i) || c->now < n->free_at)
        return;
    if (protocol_deadline(c, i) <= c->now) {
        crowd_note(c, EVENT_TICK, i, 1, SLICE_EMPTY);
        protocol_tick(c, i);
        life_pump(c, i);
    }
    while (n->inbox_first != 0 && c->now >= n->free_at) {
        uint32_t number = n->inbox_first;
        struct parcel *p = parcel_of(&c->parcels, number);
        n->inbox_first = p->next;
        if (n->inbox_first == 0)
            n->inbox_last = 0;
        n->inbox_bytes -= p->len + SOCKET_OVERHEAD;
        read_one(c, number);
    }
    if (crowd_up(c, i) && n->free_at > c->now)
        crowd_at(c, n->free_at, EVENT_WAKE, i, 0);
}

void life_freeze(struct crowd *c, uint32_t i, mesh_ns span)
{
    struct crowd_node *n = &c->nodes[i];

    if (!crowd_up(c, i) || c->now + span <= n->free_at)
        return;
    n->free_at = c->now + span;
    n->excused = n->free_at + HEALTHY_AFTER;
    crowd_at(c, n->free_at, EVENT_WAKE, i, 0);
}

/* ---- company ---- */

static bool is_live_here(const struct crowd *c, uint32_t i, uint32_t of)
{
    const struct member_record *r = protocol_find(c, i, of);
    return r != NULL && (r->state == MEMBER_ALIVE || r->state == MEMBER_SUSPECT);
}

/* As look_for_others: one seed that is no member. */
static void look_for_others(struct crowd *c, uint32_t i)
{
    struct crowd_node *n = &c->nodes[i];

    if (crowd_plain(c) || c->now < n->seed_look) /* the baselines do not */
        return;
    n->seed_look = c->now + SEED_LOOK;
    for (size_t k = 0; k < c->sc.seeds; k++) {
        n->seed_at = (n->seed_at + 1) % c->sc.seeds;
        if (n->seed_at < c->n && !is_live_here(c, i, (uint32_t)n->seed_at)) {
            flow_dial(c, i, (uint32_t)n->seed_at, true);
            return;
        }
    }
}

void life_seek(struct crowd *c, uint32_t i)
{
    struct crowd_node *n = &c->nodes[i];
    mesh_ns at = c->now < n->free_at ? n->free_at : c->now;

    if (n->leaving)
        return;
    crowd_at(c, at + n->seed_backoff, EVENT_SEED, i, n->life);
    if (c->now < n->free_at)
        return;
    if (n->others > 0) {
        n->seed_backoff = SEED_RETRY;
        look_for_others(c, i);
        return;
    }
    if (++n->seed_at >= c->sc.seeds) {
        n->seed_at = 0; /* a whole round went by */
        n->seed_backoff = mesh_ns_min(n->seed_backoff * 2, SEED_BACKOFF_MAX);
    }
    if (n->seed_at < c->n && n->seed_at != i)
        flow_dial(c, i, (uint32_t)n->seed_at, true);
}
