/* view.c - the members and what is believed of them. A record replaces another if it is
 * larger in the order of member_record_cmp, so the view is a join over all that was
 * heard and its order does not matter; with one exception in time, see believable(). */
#include <stdlib.h>

#include "gossip/state.h"
#include "proto/base/err.h"

#define PENDING_LIFE SEC(30)

const char *short_id(const struct node_id *id, char text[SHORT_ID_MAX])
{
    static const char hex[] = "0123456789abcdef";

    for (size_t i = 0; i < 4; i++) {
        text[2 * i] = hex[id->bytes[i] >> 4];
        text[2 * i + 1] = hex[id->bytes[i] & 15];
    }
    text[8] = 0;
    return text;
}

static void trace_record(struct gossip *g, const char *what, const struct member_record *r)
{
    char id[SHORT_ID_MAX];

    if (g->cfg.trace.emit != NULL)
        trace_f(&g->cfg.trace, g->now, "%s %s %s %llu.%u", what, short_id(&r->id, id), member_state_word(r->state),
                (unsigned long long)r->boot, r->counter);
}

/* ---- the table ---- */

struct member *view_find(const struct gossip *g, const struct node_id *id)
{
    uint64_t hash = map_hash(&g->by_id, SLICE_OF(id->bytes));

    for (struct map_node *n = map_find(&g->by_id, hash); n != NULL; n = map_same(n)) {
        struct member *m = OBJ_OF(n, struct member, by_id);
        if (node_id_eq(&m->rec.id, id))
            return m;
    }
    return NULL;
}

/* The member gone longest makes room: else a mesh that replaces its machines would fill up. */
static int make_room(struct gossip *g)
{
    struct member *oldest = NULL;

    if (g->members_n < GOSSIP_MEMBERS_MAX)
        return 0;
    LIST_EACH (at, &g->gone) {
        struct member *m = OBJ_OF(at, struct member, gone);
        if (oldest == NULL || m->since < oldest->since)
            oldest = m;
    }
    if (oldest == NULL)
        return MESH_E_FULL;
    gossip_forget(g, g->now, &oldest->rec.id);
    return 0;
}

static struct member *member_new(struct gossip *g, const struct node_id *id)
{
    if (g->members_n == g->members_cap) {
        size_t cap = g->members_cap == 0 ? 8 : 2 * g->members_cap;
        struct member **grown = realloc(g->members, cap * sizeof(*grown));
        if (grown == NULL)
            return NULL;
        g->members = grown;
        g->members_cap = cap;
    }
    struct member *m = calloc(1, sizeof(*m));
    if (m == NULL)
        return NULL;
    m->rec.id = *id;
    m->probe.timer.kind = TIMER_PROBE;
    m->suspicion.kind = TIMER_SUSPICION;
    m->since = g->now;
    list_init(&m->rumour);
    list_init(&m->gone);
    list_init(&m->changed);
    list_init(&m->recent);
    g->members[g->members_n++] = m;
    map_insert(&g->by_id, &m->by_id, map_hash(&g->by_id, SLICE_OF(id->bytes)));
    return m;
}

static void member_free(struct gossip *g, struct member *m)
{
    probe_member_gone(g, m);
    heap_remove(&g->timers, &m->suspicion.node);
    rumour_stop(g, m);
    list_remove(&m->gone);
    list_remove(&m->changed);
    list_remove(&m->recent);
    map_remove(&g->by_id, &m->by_id);
    free(m);
}

int view_init(struct gossip *g)
{
    struct rand r = rand_of(g->cfg.seed, g->entity, RAND_MAP);
    uint8_t key[MAP_KEY_BYTES];

    list_init(&g->pending);
    list_init(&g->changed);
    list_init(&g->gone);
    list_init(&g->recent);
    be64_put(key, rand_u64(&r));
    be64_put(key + 8, rand_u64(&r));
    int err = map_init(&g->by_id, key);
    if (err != 0)
        return err;
    struct member *self = member_new(g, &g->cfg.self.id);
    if (self == NULL)
        return MESH_E_NOMEM;
    self->rec = g->cfg.self;
    self->rec.state = MEMBER_ALIVE;
    self->rec.counter = 0;
    self->told = true;
    self->hash = member_record_hash(&self->rec);
    g->digest = self->hash;
    return 0;
}

void view_fini(struct gossip *g)
{
    LIST_EACH_SAFE (at, &g->pending)
        free(OBJ_OF(at, struct pending, link));
    for (size_t i = 0; i < g->members_n; i++)
        member_free(g, g->members[i]);
    free(g->members);
    map_fini(&g->by_id);
}

/* ---- one member's record ---- */

/* The caller is told of a new state, or of other facts; a counter alone is our own affair. */
static void member_changed(struct gossip *g, struct member *m, const struct member_record *old, bool is_new)
{
    if (m == gossip_self(g))
        return;
    if (is_new || old->state != m->rec.state || old->boot != m->rec.boot || !member_record_same_facts(old, &m->rec)) {
        if (!list_linked(&m->changed))
            list_push_back(&g->changed, &m->changed);
    }
}

static void member_set(struct gossip *g, struct member *m, const struct member_record *r, bool is_new)
{
    struct member_record old = m->rec;
    bool was_live = !is_new && member_live(m);
    bool newer = incarnation_cmp(r->boot, r->counter, old.boot, old.counter) > 0;

    if (is_new || newer || (old.state == MEMBER_ALIVE) != (r->state == MEMBER_ALIVE))
        m->since = g->now;
    g->digest -= m->hash;
    m->rec = *r;
    m->hash = member_record_hash(r);
    g->digest += m->hash;
    m->changed_at = g->now;
    list_remove(&m->recent);
    list_push_back(&g->recent, &m->recent);
    if (m == gossip_self(g))
        return;
    if (is_new || newer || old.state != r->state) {
        m->excused = false;
        if (r->state == MEMBER_SUSPECT)
            heap_set(&g->timers, &m->suspicion.node, g->now + g->cfg.suspect_timeout);
        else
            heap_remove(&g->timers, &m->suspicion.node);
    }
    if (is_new || was_live != member_live(m))
        probe_member_state(g, m, was_live, is_new);
    member_changed(g, m, &old, is_new);
}

void view_state(struct gossip *g, struct member *m, enum member_state state)
{
    struct member_record r = m->rec;

    assert(state > r.state);
    r.state = state;
    trace_record(g, "say", &r);
    member_set(g, m, &r, false);
    rumour_start(g, m, 0);
}

void view_restate(struct gossip *g, const struct member_record *r)
{
    member_set(g, gossip_self(g), r, false);
    rumour_start(g, gossip_self(g), 0);
}

/* ---- what we hear of ourselves ---- */

bool view_own_next(struct gossip *g, struct member_record *own, uint32_t above)
{
    if (above == UINT32_MAX) { /* only another boot is above it */
        g->self_boot = true;
        g->self_boot_seen = own->boot;
        return false;
    }
    own->counter = above + 1;
    return true;
}

static int self_heard(struct gossip *g, const struct member_record *r)
{
    struct member_record own = gossip_self(g)->rec;

    if (r->boot > own.boot) {
        if (!g->self_boot || r->boot > g->self_boot_seen) {
            g->self_boot = true;
            g->self_boot_seen = r->boot;
        }
        return VERDICT_KNOWN;
    }
    int cmp = member_record_cmp(r, &own);
    if (cmp == 0)
        return VERDICT_KNOWN;
    if (r->boot < own.boot || r->counter < own.counter || own.state == MEMBER_LEFT)
        return VERDICT_OLD;
    if (r->counter - own.counter > GOSSIP_JUMP_MAX) {
        g->counters.jumps++;
        return MESH_E_RANGE;
    }
    /* Somebody doubts us, or takes another for us: only we may go above that. */
    if (!view_own_next(g, &own, r->counter))
        return VERDICT_KNOWN;
    g->counters.refutations++;
    g->counters.deaths_refuted += r->state == MEMBER_DEAD;
    trace_record(g, "refute with", &own);
    view_restate(g, &own);
    return VERDICT_KNOWN;
}

/* ---- records that wait for a certificate ---- */

static struct pending *pending_find(const struct gossip *g, const struct node_id *id)
{
    LIST_EACH (at, &g->pending) {
        struct pending *p = OBJ_OF(at, struct pending, link);
        if (node_id_eq(&p->rec.id, id))
            return p;
    }
    return NULL;
}

static void pending_drop(struct gossip *g, struct pending *p)
{
    list_remove(&p->link);
    free(p);
    g->pending_n--;
}

static int pending_put(struct gossip *g, const struct member_record *r, const struct node_id *via)
{
    struct pending *p = pending_find(g, &r->id);

    if (p == NULL) {
        if (g->pending_n == PENDING_MAX) {
            pending_drop(g, OBJ_OF(list_first(&g->pending), struct pending, link));
            g->counters.overflows++;
        }
        if ((p = calloc(1, sizeof(*p))) == NULL)
            return MESH_E_NOMEM;
        p->rec = *r;
        p->born = g->now;
        p->ask = true;
        list_push_back(&g->pending, &p->link);
        g->pending_n++;
    } else if (member_record_cmp(r, &p->rec) > 0) {
        p->rec = *r;
    }
    p->via = *via;
    return VERDICT_WAITS;
}

/* Once a second: ask again, or give up until somebody speaks of it again. */
void view_pending_sweep(struct gossip *g)
{
    LIST_EACH_SAFE (at, &g->pending) {
        struct pending *p = OBJ_OF(at, struct pending, link);
        if (g->now - p->born >= PENDING_LIFE)
            pending_drop(g, p);
        else
            p->ask = g->now > p->born;
    }
}

void gossip_certified(struct gossip *g, mesh_ns now, const struct node_id *id)
{
    OBJ_CHECK(g, GOSSIP_MAGIC);
    struct pending *p = pending_find(g, id);
    if (p == NULL)
        return;
    struct member_record r = p->rec;
    pending_drop(g, p);
    g->now = now > g->now ? now : g->now;
    view_merge(g, &r, NULL, false);
}

/* ---- what we hear of others ---- */

/* A node that was cut off alone declares everybody dead, and says so when it is back.
 * So a death is believed at once only of a member that has been suspect here for a
 * while and could have refuted; of others it counts as a suspicion, which ends in the
 * same death one suspect_timeout later if it is true. */
static bool believable(const struct gossip *g, const struct member *m, const struct member_record *r)
{
    if (r->state != MEMBER_DEAD || !member_live(m))
        return true;
    return m->rec.state == MEMBER_SUSPECT && g->now - m->since >= g->cfg.suspect_timeout / 2;
}

static bool jumps(const struct member *m, const struct member_record *r)
{
    uint32_t known = m != NULL && m->rec.boot == r->boot ? m->rec.counter : 0;

    return r->counter > known && r->counter - known > GOSSIP_JUMP_MAX;
}

static int view_add(struct gossip *g, const struct member_record *r, bool stream)
{
    int err = make_room(g);
    if (err != 0) {
        g->counters.overflows++;
        return err;
    }
    struct member *m = member_new(g, &r->id);
    if (m == NULL)
        return MESH_E_NOMEM;
    if (node_id_eq(&g->seen_id, &r->id))
        m->seen = g->seen_addr;
    struct pending *p = pending_find(g, &r->id);
    if (p != NULL)
        pending_drop(g, p);
    trace_record(g, "new", r);
    member_set(g, m, r, true);
    rumour_start(g, m, stream ? ACCEPTED_RUMOURS : 0);
    return VERDICT_NEWS;
}

int view_merge(struct gossip *g, const struct member_record *r, const struct node_id *via, bool stream)
{
    if (node_id_eq(&r->id, &gossip_self(g)->rec.id))
        return self_heard(g, r);
    struct member *m = view_find(g, &r->id);
    if (jumps(m, r)) {
        g->counters.jumps++;
        return MESH_E_RANGE;
    }
    if (m == NULL)
        return via != NULL ? pending_put(g, r, via) : view_add(g, r, stream);
    int cmp = member_record_cmp(r, &m->rec);
    if (cmp == 0)
        rumour_known(g, m);
    if (cmp <= 0)
        return cmp == 0 ? VERDICT_KNOWN : VERDICT_OLD;
    struct member_record taken = *r;
    if (!believable(g, m, r)) {
        taken.state = MEMBER_SUSPECT;
        if (member_record_cmp(&taken, &m->rec) <= 0)
            return VERDICT_KNOWN;
    }
    trace_record(g, "hear", &taken);
    member_set(g, m, &taken, false);
    rumour_start(g, m, stream ? ACCEPTED_RUMOURS : 0);
    return VERDICT_NEWS;
}

void gossip_forget(struct gossip *g, mesh_ns now, const struct node_id *id)
{
    OBJ_CHECK(g, GOSSIP_MAGIC);
    g->now = now > g->now ? now : g->now;
    struct pending *p = pending_find(g, id);
    if (p != NULL)
        pending_drop(g, p);
    struct member *m = view_find(g, id);
    if (m == NULL || m == gossip_self(g))
        return;
    size_t i = 0;
    while (g->members[i] != m)
        i++;
    memmove(g->members + i, g->members + i + 1, (g->members_n - i - 1) * sizeof(*g->members));
    g->members_n--;
    g->digest -= m->hash;
    member_free(g, m);
}

/* ---- looking at it ---- */

size_t gossip_count(const struct gossip *g)
{
    OBJ_CHECK(g, GOSSIP_MAGIC);
    return g->members_n;
}

const struct member_record *gossip_member(const struct gossip *g, size_t i)
{
    OBJ_CHECK(g, GOSSIP_MAGIC);
    return i < g->members_n ? &g->members[i]->rec : NULL;
}

const struct member_record *gossip_find(const struct gossip *g, const struct node_id *id)
{
    OBJ_CHECK(g, GOSSIP_MAGIC);
    const struct member *m = view_find(g, id);
    return m != NULL ? &m->rec : NULL;
}

mesh_ns gossip_rtt(const struct gossip *g, const struct node_id *id)
{
    OBJ_CHECK(g, GOSSIP_MAGIC);
    const struct member *m = view_find(g, id);
    return m != NULL ? m->rtt : 0;
}

uint64_t gossip_digest(const struct gossip *g)
{
    OBJ_CHECK(g, GOSSIP_MAGIC);
    return g->digest;
}
