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
    const struct ident *i = roster_find(g->roster, id);

    if (i == NULL || i->index >= g->slot_of_cap || g->slot_of[i->index] == SLOT_NONE)
        return NULL;
    return &g->members[g->slot_of[i->index]];
}

struct lately *view_lately(struct gossip *g, const struct member *m)
{
    uint32_t who = m->fact->ident->index + 1;
    struct lately *r = &g->lately[who % LATELY_SLOTS];

    if (r->who != who)
        *r = (struct lately){ .who = who };
    return r;
}

/* The member gone longest makes room: else a mesh that replaces its machines would fill up. */
static int make_room(struct gossip *g)
{
    const struct watch *oldest = NULL;

    if (g->members_n < GOSSIP_MEMBERS_MAX)
        return 0;
    LIST_EACH (at, &g->gone) {
        const struct watch *w = OBJ_OF(at, struct watch, gone);
        if (oldest == NULL || w->since < oldest->since)
            oldest = w;
    }
    if (oldest == NULL)
        return MESH_E_FULL;
    struct node_id id = member_rec(watch_member(g, oldest))->id;
    gossip_forget(g, g->now, &id);
    return 0;
}

static void sum_add(struct gossip *g, const struct fact *f)
{
    g->digest += f->hash;
}

static void sum_sub(struct gossip *g, const struct fact *f)
{
    g->digest -= f->hash;
}

int view_init(struct gossip *g)
{
    list_init(&g->pending);
    list_init(&g->changed);
    list_init(&g->gone);
    list_init(&g->recent);
    int err = members_init(g);
    if (err != 0)
        return err;
    struct member_record own = g->cfg.self;
    own.state = MEMBER_ALIVE;
    own.counter = 0;
    struct fact *f = roster_take(g->roster, &own);
    if (f == NULL)
        return MESH_E_NOMEM;
    if (members_add(g, f) == NULL) {
        roster_drop(g->roster, f);
        return MESH_E_NOMEM;
    }
    sum_add(g, f);
    return 0;
}

void view_fini(struct gossip *g)
{
    LIST_EACH_SAFE (at, &g->pending)
        free(OBJ_OF(at, struct pending, link));
    members_fini(g);
}

/* Not from its first address, or it states none: to be remembered. */
void view_seen(struct gossip *g, struct member *m, const struct mesh_addr *addr)
{
    const struct member_record *r = member_rec(m);
    bool as_stated = r->addrs_n > 0 && mesh_addr_eq(addr, &r->addrs[0]);
    struct watch *w = as_stated ? member_watch(g, m) : watch_need(g, m);

    if (w == NULL)
        return;
    w->seen = as_stated ? (struct mesh_addr){ .port = 0 } : *addr;
    watch_rest(g, w);
}

/* ---- one member's record ---- */

/* The caller is told of a new state, or of other facts; a counter alone is our own affair. */
static void member_changed(struct gossip *g, struct watch *w, const struct member_record *old, bool is_new)
{
    const struct member_record *r = member_rec(watch_member(g, w));

    if (!is_new && old->state == r->state && old->boot == r->boot && member_record_same_facts(old, r))
        return;
    if (list_linked(&w->changed))
        return;
    w->told = !is_new;
    w->told_state = old->state;
    list_push_back(&g->changed, &w->changed);
}

/* The record of |m| is now |f| (taken); of a new one it is already. */
static void member_set(struct gossip *g, struct watch *w, struct fact *f, bool is_new)
{
    struct member *m = watch_member(g, w);
    struct fact *was = m->fact;
    const struct member_record *r = &f->rec, *old = &was->rec;
    bool was_live = !is_new && state_live(old->state);
    bool newer = incarnation_cmp(r->boot, r->counter, old->boot, old->counter) > 0;

    if (is_new || newer || (old->state == MEMBER_ALIVE) != (r->state == MEMBER_ALIVE))
        w->since = g->now;
    if (!is_new)
        sum_sub(g, was);
    m->fact = f;
    sum_add(g, f);
    rumour_recent(g, w);
    if (m != gossip_self(g)) {
        if (is_new || newer || old->state != r->state)
            suspect_state(g, w, !is_new && old->state == MEMBER_SUSPECT);
        if (is_new || was_live != state_live(r->state))
            probe_member_state(g, w, was_live, is_new);
        member_changed(g, w, old, is_new);
    }
    if (!is_new)
        roster_drop(g->roster, was);
}

/* member_take is member_set of a record, which is then spread. */
static int member_take(struct gossip *g, struct member *m, const struct member_record *r, unsigned sends)
{
    struct watch *w = watch_need(g, m);
    struct fact *f = w != NULL ? roster_take(g->roster, r) : NULL;

    if (f == NULL) {
        if (w != NULL)
            watch_rest(g, w);
        return MESH_E_NOMEM;
    }
    member_set(g, w, f, false);
    rumour_start(g, watch_member(g, w), sends);
    return 0;
}

void view_state(struct gossip *g, struct member *m, enum member_state state)
{
    struct member_record r = *member_rec(m);

    assert(state > r.state);
    r.state = state;
    trace_record(g, "say", &r);
    if (member_take(g, m, &r, 0) != 0)
        g->counters.overflows++;
}

void view_restate(struct gossip *g, const struct member_record *r)
{
    if (member_take(g, gossip_self(g), r, 0) != 0)
        g->counters.overflows++;
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
    struct member_record own = gossip_self(g)->fact->rec;

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
    health_worse(&g->health);
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
        p->ask = g->asking = true;
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
            g->asking |= p->ask = g->now > p->born;
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
    const struct watch *w = member_watch(g, m);

    if (r->state != MEMBER_DEAD || !member_live(m))
        return true;
    return member_rec(m)->state == MEMBER_SUSPECT && w != NULL && g->now - w->since >= g->cfg.suspect_timeout / 2;
}

static bool jumps(const struct member *m, const struct member_record *r)
{
    uint32_t known = m != NULL && member_rec(m)->boot == r->boot ? member_rec(m)->counter : 0;

    return r->counter > known && r->counter - known > GOSSIP_JUMP_MAX;
}

static int view_add(struct gossip *g, const struct member_record *r, bool stream)
{
    int err = make_room(g);
    if (err != 0) {
        g->counters.overflows++;
        return err;
    }
    struct fact *f = roster_take(g->roster, r);
    struct member *m = f != NULL ? members_add(g, f) : NULL;
    struct watch *w = m != NULL ? watch_need(g, m) : NULL;
    if (w == NULL) {
        if (m != NULL)
            members_remove(g, m);
        else if (f != NULL)
            roster_drop(g->roster, f);
        return MESH_E_NOMEM;
    }
    struct pending *p = pending_find(g, &r->id);
    if (p != NULL)
        pending_drop(g, p);
    trace_record(g, "new", r);
    member_set(g, w, f, true);
    rumour_start(g, m, stream ? ACCEPTED_RUMOURS : 0);
    if (node_id_eq(&g->seen_id, &r->id))
        view_seen(g, m, &g->seen_addr);
    return VERDICT_NEWS;
}

int view_merge(struct gossip *g, const struct member_record *r, const struct node_id *via, bool stream)
{
    if (node_id_eq(&r->id, &gossip_self(g)->fact->rec.id))
        return self_heard(g, r);
    struct member *m = view_find(g, &r->id);
    if (jumps(m, r)) {
        g->counters.jumps++;
        return MESH_E_RANGE;
    }
    if (m == NULL)
        return via != NULL ? pending_put(g, r, via) : view_add(g, r, stream);
    int cmp = member_record_cmp(r, member_rec(m));
    if (cmp == 0)
        rumour_known(g, m);
    if (cmp <= 0)
        return cmp == 0 ? VERDICT_KNOWN : VERDICT_OLD;
    struct member_record taken = *r;
    bool sentenced = !believable(g, m, r);
    if (sentenced)
        taken.state = MEMBER_SUSPECT;
    if (sentenced && member_record_cmp(&taken, member_rec(m)) <= 0) {
        suspect_sentenced(g, member_watch(g, m));
        return VERDICT_KNOWN;
    }
    trace_record(g, "hear", &taken);
    int err = member_take(g, m, &taken, stream ? ACCEPTED_RUMOURS : 0);
    if (err == 0 && sentenced)
        suspect_sentenced(g, member_watch(g, m));
    return err != 0 ? err : VERDICT_NEWS;
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
    sum_sub(g, m->fact);
    members_remove(g, m);
}

/* ---- looking at it ---- */

size_t gossip_count(const struct gossip *g)
{
    OBJ_CHECK(g, GOSSIP_MAGIC);
    return g->members_n;
}

size_t gossip_alive(const struct gossip *g)
{
    OBJ_CHECK(g, GOSSIP_MAGIC);
    return g->live + member_live(gossip_self(g));
}

const struct member_record *gossip_member(const struct gossip *g, size_t i)
{
    OBJ_CHECK(g, GOSSIP_MAGIC);
    return i < g->members_n ? member_rec(&g->members[i]) : NULL;
}

const struct member_record *gossip_find(const struct gossip *g, const struct node_id *id)
{
    OBJ_CHECK(g, GOSSIP_MAGIC);
    const struct member *m = view_find(g, id);
    return m != NULL ? member_rec(m) : NULL;
}

size_t gossip_at(const struct gossip *g, const struct node_id *id)
{
    OBJ_CHECK(g, GOSSIP_MAGIC);
    const struct member *m = view_find(g, id);
    return m != NULL ? (size_t)(m - g->members) : g->members_n;
}

uint64_t gossip_member_hash(const struct gossip *g, size_t i)
{
    assert(i < g->members_n);
    return g->members[i].fact->hash;
}

mesh_ns gossip_member_rtt(const struct gossip *g, size_t i)
{
    assert(i < g->members_n);
    return US(g->members[i].rtt_us);
}

mesh_ns gossip_rtt(const struct gossip *g, const struct node_id *id)
{
    OBJ_CHECK(g, GOSSIP_MAGIC);
    const struct member *m = view_find(g, id);
    return m != NULL ? US(m->rtt_us) : 0;
}

uint64_t gossip_digest(const struct gossip *g)
{
    OBJ_CHECK(g, GOSSIP_MAGIC);
    return g->digest;
}
