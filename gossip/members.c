/* members.c - the tables of a view: 20 bytes for a member to which nothing happens. */
#include <stdlib.h>

#include "gossip/state.h"
#include "proto/base/err.h"

#define MEMBERS_MIN 8
#define SLOW_GROWTH 1024 /* from here on tables grow by a quarter, not to twice the size */

static size_t next_cap(size_t cap, size_t need, size_t max)
{
    size_t next = cap < MEMBERS_MIN ? MEMBERS_MIN : cap < SLOW_GROWTH ? 2 * cap : cap + cap / 4;

    next = next < need ? need : next;
    return next < max ? next : max;
}

int members_init(struct gossip *g)
{
    g->roster = g->cfg.roster;
    if (g->roster == NULL) {
        g->own_roster = true;
        g->roster = roster_new(g->cfg.seed ^ g->entity);
    }
    return g->roster != NULL ? 0 : MESH_E_NOMEM;
}

static void watch_free(struct gossip *g, struct watch *w)
{
    probe_watch_gone(g, w);
    heap_remove(&g->timers, &w->suspicion.node);
    rumour_stop(g, w);
    list_remove(&w->gone);
    list_remove(&w->changed);
    list_remove(&w->recent);
    watch_member(g, w)->watch = WATCH_NONE;
    g->watches[w->index] = NULL;
    g->watch_vacant[g->watch_vacant_n++] = w->index;
    free(w);
}

void members_fini(struct gossip *g)
{
    for (size_t i = 0; i < g->members_n; i++) {
        struct watch *w = member_watch(g, &g->members[i]);
        if (w != NULL)
            watch_free(g, w);
        roster_drop(g->roster, g->members[i].fact);
    }
    free(g->members);
    free(g->slot_of);
    free(g->live_slots);
    free(g->watches);
    free(g->watch_vacant);
    if (g->own_roster)
        roster_free(g->roster);
}

static bool members_grow(struct gossip *g, size_t need)
{
    size_t cap = next_cap(g->members_cap, need, GOSSIP_MEMBERS_MAX);

    if (need <= g->members_cap)
        return true;
    struct member *members = realloc(g->members, cap * sizeof(*members));
    if (members == NULL)
        return false;
    g->members = members;
    uint16_t *live = realloc(g->live_slots, cap * sizeof(*live));
    if (live == NULL)
        return false;
    g->live_slots = live;
    g->members_cap = cap;
    return true;
}

static bool slots_grow(struct gossip *g, size_t need)
{
    size_t cap = next_cap(g->slot_of_cap, need, UINT32_MAX);

    if (need <= g->slot_of_cap)
        return true;
    uint16_t *slots = realloc(g->slot_of, cap * sizeof(*slots));
    if (slots == NULL)
        return false;
    for (size_t i = g->slot_of_cap; i < cap; i++)
        slots[i] = SLOT_NONE;
    g->slot_of = slots;
    g->slot_of_cap = cap;
    return true;
}

struct member *members_add(struct gossip *g, struct fact *f)
{
    assert(g->members_n < GOSSIP_MEMBERS_MAX);
    if (!members_grow(g, g->members_n + 1) || !slots_grow(g, f->ident->index + 1))
        return NULL;
    struct member *m = &g->members[g->members_n];
    *m = (struct member){ .fact = f, .watch = WATCH_NONE, .live_at = LIVE_NONE };
    g->slot_of[f->ident->index] = (uint16_t)g->members_n++;
    return m;
}

void members_live_set(struct gossip *g, struct member *m, bool live)
{
    if (live == (m->live_at != LIVE_NONE))
        return;
    if (live) { /* its turn comes within this lap */
        m->live_at = (uint16_t)g->live;
        g->live_slots[g->live++] = (uint16_t)(m - g->members);
        return;
    }
    size_t at = m->live_at;
    m->live_at = LIVE_NONE;
    if (at < g->order_at) { /* the last one that had its turn takes the place */
        uint16_t slot = g->live_slots[--g->order_at];
        g->live_slots[at] = slot;
        if (at != g->order_at)
            g->members[slot].live_at = (uint16_t)at;
        at = g->order_at;
    }
    uint16_t last = g->live_slots[--g->live];
    g->live_slots[at] = last;
    if (at != g->live)
        g->members[last].live_at = (uint16_t)at;
}

void members_remove(struct gossip *g, struct member *m)
{
    struct watch *w = member_watch(g, m);
    size_t slot = (size_t)(m - g->members), last = g->members_n - 1;

    if (w != NULL)
        watch_free(g, w);
    members_live_set(g, m, false);
    g->slot_of[m->fact->ident->index] = SLOT_NONE;
    roster_drop(g->roster, m->fact);
    g->members_n--;
    if (slot == last)
        return;
    *m = g->members[last];
    g->slot_of[m->fact->ident->index] = (uint16_t)slot;
    if (m->live_at != LIVE_NONE)
        g->live_slots[m->live_at] = (uint16_t)slot;
    if ((w = member_watch(g, m)) != NULL)
        w->slot = (uint16_t)slot;
}

static bool watches_grow(struct gossip *g)
{
    size_t cap = next_cap(g->watches_cap, g->watches_n + 1, GOSSIP_MEMBERS_MAX);
    struct watch **watches = realloc(g->watches, cap * sizeof(struct watch *));

    if (watches == NULL)
        return false;
    g->watches = watches;
    uint16_t *vacant = realloc(g->watch_vacant, cap * sizeof(*vacant));
    if (vacant == NULL)
        return false;
    g->watch_vacant = vacant;
    g->watches_cap = cap;
    return true;
}

struct watch *watch_need(struct gossip *g, struct member *m)
{
    if (m->watch != WATCH_NONE)
        return g->watches[m->watch];
    if (g->watch_vacant_n == 0 && g->watches_n == g->watches_cap && !watches_grow(g))
        return NULL;
    struct watch *w = calloc(1, sizeof(*w));
    if (w == NULL)
        return NULL;
    w->index = g->watch_vacant_n > 0 ? g->watch_vacant[--g->watch_vacant_n] : (uint16_t)g->watches_n++;
    g->watches[w->index] = w;
    w->slot = (uint16_t)(m - g->members);
    m->watch = w->index;
    w->probe.timer.kind = TIMER_PROBE;
    w->suspicion.kind = TIMER_SUSPICION;
    w->since = g->now;
    list_init(&w->rumour);
    list_init(&w->gone);
    list_init(&w->changed);
    list_init(&w->recent);
    return w;
}

void watch_rest(struct gossip *g, struct watch *w)
{
    const struct member *m = watch_member(g, w);

    if (w->slot == 0 || m->fact->rec.state != MEMBER_ALIVE || w->seen.port != 0 || list_linked(&w->rumour) ||
        list_linked(&w->changed) || list_linked(&w->recent) || w->probe.state != PROBE_IDLE || w->probe.seq[0] != 0 ||
        w->probe.seq[1] != 0 || w->probe.unmet_since != 0)
        return;
    watch_free(g, w);
}

struct mesh_addr member_addr(const struct gossip *g, const struct member *m)
{
    const struct watch *w = member_watch(g, m);

    if (w != NULL && w->seen.port != 0)
        return w->seen;
    return m->fact->rec.addrs_n > 0 ? m->fact->rec.addrs[0] : (struct mesh_addr){ .port = 0 };
}

/* Ourselves first, then |from|'s in their order: what is known of the places makes it quicker than to add
 * one after the other. */
int gossip_preload(struct gossip *g, const struct gossip *from)
{
    OBJ_CHECK(g, GOSSIP_MAGIC);
    OBJ_CHECK(from, GOSSIP_MAGIC);
    const struct ident *self = gossip_self(g)->fact->ident;
    size_t before = self->index < from->slot_of_cap ? from->slot_of[self->index] : SLOT_NONE;
    assert(g->roster == from->roster && g->members_n == 1);
    size_t need = from->members_n + (before == SLOT_NONE);
    assert(need <= GOSSIP_MEMBERS_MAX);
    if (!members_grow(g, need) || !slots_grow(g, from->slot_of_cap))
        return MESH_E_NOMEM;
    for (size_t i = 0; i < from->members_n; i++) {
        struct fact *f = from->members[i].fact;
        assert(f->rec.state == MEMBER_ALIVE);
        if (i == before)
            continue;
        roster_keep(f);
        g->members[g->members_n] = (struct member){ .fact = f, .watch = WATCH_NONE, .live_at = (uint16_t)g->live };
        g->live_slots[g->live++] = (uint16_t)g->members_n++;
    }
    for (size_t i = 0; i < from->slot_of_cap; i++) {
        uint16_t slot = from->slot_of[i];
        if (slot != SLOT_NONE && slot != before)
            g->slot_of[i] = (uint16_t)(slot + (slot < before));
    }
    g->digest += from->digest;
    if (before != SLOT_NONE)
        g->digest -= from->members[before].fact->hash;
    return 0;
}
