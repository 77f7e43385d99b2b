#include "sim/members/crowd.h"

#include <stdarg.h>
#include <stdlib.h>

#include "proto/digest.h"
#include "sim/members/protocol.h"
#include "sim/memory.h"

#define SAMPLE_EVERY MS(50)
#define GOSSIP_PORT  7400

/* ---- names and places ---- */

bool crowd_has(const struct crowd *c, const struct node_set *s, uint32_t node)
{
    switch (s->by) {
    case NODES_ALL: return true;
    case NODES_ZONE: return node % c->sc.zones + 1 == s->number;
    case NODES_LIST: return node_set_has(s, node);
    case NODES_REGION:
    case NODES_OWNER: return false;
    }
    return false;
}

/* An id is random, so that the order of ids is another one than that of the nodes; its last
 * four bytes are the node's number, so that it is found again. */
static void make_id(struct crowd *c, uint32_t node)
{
    struct rand r = crowd_rand(c, node, DRAW_ID);

    be64_put(c->ids[node].bytes, rand_u64(&r));
    be32_put(c->ids[node].bytes + 8, (uint32_t)rand_u64(&r));
    be32_put(c->ids[node].bytes + 12, node);
}

uint32_t crowd_index(const struct crowd *c, const struct node_id *id)
{
    uint32_t i = be32_get(id->bytes + 12);

    assert(i < c->n && node_id_eq(&c->ids[i], id));
    return i;
}

struct mesh_addr crowd_addr(uint32_t node)
{
    return mesh_addr_v4(UINT32_C(0x0a000001) + node, GOSSIP_PORT);
}

struct rand crowd_rand(const struct crowd *c, uint64_t entity, enum crowd_draw purpose)
{
    return rand_of(c->sc.seed, entity, purpose);
}

/* ---- events ---- */

void crowd_at(struct crowd *c, mesh_ns at, enum crowd_event kind, uint32_t a, uint32_t b)
{
    assert(at >= c->now);
    queue_add(&c->queue, at, kind, a, b);
}

/* Two chains of 64 bits over everything, with different multipliers: cheap, and enough to
 * tell runs apart; nobody tries to forge one. */
static void mix(struct crowd *c, uint64_t word)
{
    c->trace[0] = (c->trace[0] ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    c->trace[0] ^= c->trace[0] >> 29;
    c->trace[1] = (c->trace[1] + word) * UINT64_C(0xd6e8feb86659fd93);
    c->trace[1] ^= c->trace[1] >> 32;
}

void crowd_note(struct crowd *c, enum crowd_event kind, uint32_t a, uint32_t b, struct slice bytes)
{
    size_t i = 0;

    c->events++;
    mix(c, (uint64_t)c->now);
    mix(c, (uint64_t)kind << 56 | (uint64_t)bytes.len << 40 | a);
    mix(c, b);
    for (; i + 8 <= bytes.len; i += 8)
        mix(c, be64_get(bytes.data + i));
    uint64_t rest = 0;
    for (; i < bytes.len; i++)
        rest = rest << 8 | bytes.data[i];
    mix(c, rest);
}

static void sample(struct crowd *c)
{
    agree_sample(c);
    crowd_at(c, c->now + SAMPLE_EVERY, EVENT_SAMPLE, 0, 0);
}

static void act(struct crowd *c)
{
    size_t i = c->action_at++;

    trouble_act(c, &c->sc.actions[i], (uint32_t)i);
    if (c->action_at < c->sc.actions_n)
        crowd_at(c, c->sc.actions[c->action_at].at, EVENT_ACTION, 0, 0);
}

static void happen(struct crowd *c, const struct queue_event *ev)
{
    switch ((enum crowd_event)ev->kind) {
    case EVENT_ACTION: act(c); break;
    case EVENT_SAMPLE: sample(c); break;
    case EVENT_BEGIN: life_begin(c, ev->a, ev->b != 0); break;
    case EVENT_END: life_end(c, ev->a, ev->b != 0); break;
    case EVENT_TICK:
        if (c->nodes[ev->a].armed == ev->at)
            life_tick(c, ev->a);
        break;
    case EVENT_DATAGRAM: road_arrive(c, ev->a); break;
    case EVENT_WAKE: life_wake(c, ev->a); break;
    case EVENT_FREEZE: trouble_freeze(c, ev->a, ev->b); break;
    case EVENT_SEED:
        if (crowd_up(c, ev->a) && c->nodes[ev->a].life == ev->b)
            life_seek(c, ev->a);
        break;
    case EVENT_CERT: life_certified(c, ev->a, ev->b); break;
    case EVENT_FLOW: flow_step(c, ev->a); break;
    case EVENT_UPDATE: trouble_update(c, ev->a, ev->b); break;
    case EVENT_CRASH_NEXT: trouble_crash(c, ev->a, ev->b); break;
    case EVENT_DUE: notice_due(c); break;
    }
}

/* Lives until |until|, or until all has settled. */
static void live(struct crowd *c, mesh_ns until, bool until_agreed)
{
    struct queue_event ev;

    while (queue_take(&c->queue, until, &ev)) {
        assert(ev.at >= c->now);
        c->now = ev.at;
        happen(c, &ev);
        if (until_agreed && c->agreed_at != MESH_NS_NEVER)
            return;
    }
    c->now = until;
}

/* ---- birth, life, end ---- */

static void make(struct crowd *c, const struct scenario *sc)
{
    c->sc = *sc;
    c->n = (uint32_t)sc->nodes;
    c->bit_words = (c->n + 63) / 64;
    c->nodes = memory_new(c->n * sizeof(*c->nodes));
    c->ids = memory_new(c->n * sizeof(*c->ids));
    c->certs = memory_new(c->n * c->bit_words * sizeof(*c->certs));
    c->keyed = memory_new(c->n * c->bit_words * sizeof(*c->keyed));
    c->roster = memory_kept(roster_new(sc->seed));
    queue_init(&c->queue);
    c->joined_at = c->healed_at = c->restarted_at = c->agreed_at = MESH_NS_NEVER;
    c->joined_from = c->healed_from = c->started_from = c->calm_from = MESH_NS_NEVER;
    c->changed = true;
    mesh_ns apart = sc->settled != 0 ? 0 : (mesh_ns)sc->join_every;
    for (uint32_t i = 0; i < c->n; i++) {
        make_id(c, i);
        c->nodes[i].armed = MESH_NS_NEVER;
        c->nodes[i].weight = 100;
        if (!node_set_has(&sc->absent, i))
            crowd_at(c, i * apart, EVENT_BEGIN, i, 0);
    }
    c->joined_from = (c->n - 1) * apart;
    if (sc->settled != 0)
        life_pattern(c);
    if (sc->actions_n > 0)
        crowd_at(c, sc->actions[0].at, EVENT_ACTION, 0, 0);
    crowd_at(c, 0, EVENT_SAMPLE, 0, 0);
}

struct crowd *crowd_run(const struct scenario *sc)
{
    return crowd_watched_run(sc, NULL);
}

struct crowd *crowd_watched_run(const struct scenario *sc, struct members_curves *curves)
{
    if (crypto_start() != 0)
        return NULL;
    struct crowd *c = memory_new(sizeof(*c));
    make(c, sc);
    c->curves = curves;
    if (curves != NULL)
        curves_init(curves, (mesh_ns)(sc->time + sc->quiet));
    live(c, (mesh_ns)(sc->warmup < sc->time ? sc->warmup : sc->time), false);
    c->bytes_at_warmup = c->bytes;
    c->datagram_bytes_at_warmup = c->counts.datagram_bytes;
    c->peak_bytes = 0;
    live(c, (mesh_ns)sc->time, false);
    c->bytes_at_time = c->bytes;
    c->datagram_bytes_at_time = c->counts.datagram_bytes;

    c->calm = true;
    c->calm_from = c->now;
    trouble_ends(c);
    c->changed = true;
    live(c, c->now + (mesh_ns)sc->quiet, true);
    notice_end(c);
    agree_look(c);
    return c;
}

void crowd_free(struct crowd *c)
{
    if (c == NULL)
        return;
    for (uint32_t i = 0; i < c->n; i++) {
        protocol_end(c, i);
        free(c->nodes[i].watch.waits);
    }
    gossip_free(c->pattern);
    roster_free(c->roster);
    for (uint32_t i = 0; i < c->flows_n; i++)
        buf_free(&c->flows[i].records);
    queue_fini(&c->queue);
    parcels_fini(&c->parcels);
    free(c->flows);
    free(c->flows_free);
    free(c->cuts);
    free(c->mourned);
    free(c->watched);
    free(c->crash_times.values);
    free(c->update_times.values);
    for (size_t i = 0; i < UPDATE_SHARES; i++)
        free(c->update_shares[i].values);
    free(c->certs);
    free(c->keyed);
    free(c->ids);
    free(c->nodes);
    buf_free(&c->scratch);
    buf_free(&c->complaints);
    free(c);
}
