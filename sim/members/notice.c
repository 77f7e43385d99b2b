/* notice.c - who has noticed what: a node's end, a member's new weight; and who was wronged:
 * a healthy running node that somebody declared dead. */
#include <stdlib.h>

#include "sim/members/protocol.h"
#include "sim/memory.h"

#define UPDATE_LOST SEC(10) /* an update that has not reached all by then is lost */
#define RING_AFTER  SEC(10) /* node/core/mesh: a death moves the ring so much later */

static void series_add(struct series *s, mesh_ns value)
{
    if (s->n == s->cap) {
        s->cap = 2 * s->cap + 64;
        s->values = memory_grow(s->values, s->cap * sizeof(*s->values));
    }
    s->values[s->n++] = value;
}

/* ---- watches ---- */

static const unsigned shares_pct[UPDATE_SHARES] = { 50, 90, 99 };

static bool has_noticed(const struct crowd *c, uint32_t observer, const struct watch *w)
{
    const struct member_record *r = protocol_find(c, observer, w->node);

    if (w->crash)
        return r == NULL || r->state == MEMBER_DEAD || r->state == MEMBER_LEFT;
    return r != NULL && (r->boot > w->boot || (r->boot == w->boot && r->counter >= w->counter));
}

static void stop(struct crowd *c, struct watch *w)
{
    size_t i = 0;

    while (c->watched[i] != w->node)
        i++;
    c->watched[i] = c->watched[--c->watched_n];
    free(w->waits);
    w->waits = NULL;
    w->active = false;
}

static void missed(struct crowd *c, struct watch *w)
{
    if (w->crash)
        c->crash_missed++;
    else
        c->updates_lost++;
    stop(c, w);
}

static void complete(struct crowd *c, struct watch *w)
{
    mesh_ns took = c->now - w->since;

    if (!w->crash && took > UPDATE_LOST) {
        missed(c, w);
        return;
    }
    series_add(w->crash ? &c->crash_times : &c->update_times, took);
    stop(c, w);
}

static void begin(struct crowd *c, uint32_t node, bool crash)
{
    struct watch *w = &c->nodes[node].watch;

    if (w->active)
        missed(c, w);
    *w = (struct watch){ .active = true, .crash = crash, .node = node, .since = c->now };
    w->waits = memory_new(c->bit_words * sizeof(*w->waits));
    if (!crash) {
        const struct member_record *own = protocol_member(c, node, 0);
        w->boot = own->boot;
        w->counter = own->counter;
    }
    c->watched = memory_grow(c->watched, (c->watched_n + 1) * sizeof(*c->watched));
    c->watched[c->watched_n++] = node;
    for (uint32_t i = 0; i < c->n; i++) {
        if (i != node && crowd_up(c, i) && !has_noticed(c, i, w)) {
            bit_set(w->waits, i);
            w->left++;
        }
    }
    if (c->curves != NULL)
        (crash ? &c->curves->crash : &c->curves->update)->of += w->left;
    w->of = w->left;
    if (w->left == 0)
        complete(c, w);
}

void notice_crash(struct crowd *c, uint32_t node)
{
    c->crashes++;
    begin(c, node, true);
}

void notice_update(struct crowd *c, uint32_t node)
{
    c->updates++;
    begin(c, node, false);
}

/* One more has |w|'s update: is that one of the shares that are figures? Whom it concerns has it, too. */
static void reached(struct crowd *c, const struct watch *w)
{
    uint64_t have = 1 + w->of - w->left;

    for (size_t i = 0; i < UPDATE_SHARES; i++) {
        uint64_t wanted = ((uint64_t)(1 + w->of) * shares_pct[i] + 99) / 100;
        if (have == wanted)
            series_add(&c->update_shares[i], c->now - w->since);
    }
}

static void noticed(struct crowd *c, uint32_t observer, struct watch *w, bool counts)
{
    if (!bit_get(w->waits, observer))
        return;
    bit_clear(w->waits, observer);
    w->left--;
    if (c->curves != NULL) {
        struct curve *known = w->crash ? &c->curves->crash : &c->curves->update;
        if (counts)
            curve_add(known, c->now - w->since);
        else
            known->of--;
    }
    if (counts && !w->crash) {
        c->update_node_us += (uint64_t)((c->now - w->since) / US(1));
        c->update_nodes++;
    }
    if (!w->crash)
        reached(c, w);
    if (w->left == 0)
        complete(c, w);
}

void notice_gone(struct crowd *c, uint32_t observer)
{
    for (size_t i = c->watched_n; i-- > 0;) {
        struct watch *w = &c->nodes[c->watched[i]].watch;
        if (w->node == observer && !w->crash)
            stop(c, w); /* its news ends with it: judged no more */
        else
            noticed(c, observer, w, false);
    }
}

/* ---- wrong deaths ---- */

static void mourn(struct crowd *c, uint32_t observer, const struct member_record *r, uint32_t node)
{
    if (c->mourned_n == c->mourned_cap) {
        size_t left = c->mourned_n - c->mourned_at;
        if (left > 0)
            memmove(c->mourned, c->mourned + c->mourned_at, left * sizeof(*c->mourned));
        c->mourned_at = 0;
        c->mourned_n = left;
        if (2 * left >= c->mourned_cap) {
            c->mourned_cap = 2 * c->mourned_cap + 64;
            c->mourned = memory_grow(c->mourned, c->mourned_cap * sizeof(*c->mourned));
        }
    }
    c->mourned[c->mourned_n++] = (struct mourned){
        .until = c->now + RING_AFTER,
        .observer = observer,
        .observer_life = c->nodes[observer].life,
        .node = node,
        .boot = r->boot,
        .counter = r->counter,
    };
    crowd_at(c, c->now + RING_AFTER, EVENT_DUE, 0, 0);
}

void notice_due(struct crowd *c)
{
    while (c->mourned_at < c->mourned_n && c->mourned[c->mourned_at].until <= c->now) {
        const struct mourned *m = &c->mourned[c->mourned_at++];
        if (!crowd_up(c, m->observer) || c->nodes[m->observer].life != m->observer_life || !crowd_up(c, m->node))
            continue;
        const struct member_record *r = protocol_find(c, m->observer, m->node);
        if (r != NULL && r->state == MEMBER_DEAD && r->boot == m->boot && r->counter == m->counter)
            c->ring_moves++;
    }
}

static void died(struct crowd *c, uint32_t observer, uint32_t node)
{
    const struct member_record *r = protocol_find(c, observer, node);
    struct crowd_node *n = &c->nodes[node];

    if (!crowd_up(c, node) || r == NULL || r->boot < n->boot || n->leaving || c->now < c->mass_cut_until)
        return;
    mourn(c, observer, r, node);
    if (c->now < n->excused || n->freeze_for > 0) {
        c->faulty_deaths++;
        return;
    }
    c->wrong_views++;
    if (n->wrong_known && n->wrong_boot == r->boot && n->wrong_counter == r->counter)
        return;
    n->wrong_known = true;
    n->wrong_boot = r->boot;
    n->wrong_counter = r->counter;
    c->wrong_deaths++;
}

void notice_change(struct crowd *c, uint32_t observer, const struct gossip_out *o)
{
    uint32_t node = crowd_index(c, &o->to);
    struct watch *w = &c->nodes[node].watch;

    crowd_note(c, EVENT_DUE, observer, node << 4 | (uint32_t)o->is, SLICE_EMPTY);
    if (w->active && has_noticed(c, observer, w))
        noticed(c, observer, w, true);
    if (o->is == MEMBER_DEAD && o->was != MEMBER_DEAD && !o->is_new)
        died(c, observer, node);
}

void notice_end(struct crowd *c)
{
    while (c->watched_n > 0) {
        struct watch *w = &c->nodes[c->watched[c->watched_n - 1]].watch;
        missed(c, w);
    }
}
