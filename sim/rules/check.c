#include "sim/rules/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/body.h"
#include "sim/config_model.h"
#include "sim/disk/disk_check.h"
#include "sim/faults/fault_peer.h"
#include "sim/net/net.h"
#include "sim/origin_model.h"
#include "sim/purge_model.h"
#include "sim/rules/check_change.h"
#include "sim/rules/watch.h"
#include "sim/series.h"
#include "sim/viewer_model.h"

#define UNDISTURBED SEC(15) /* a node that ran so long in peace must not be called dead */
#define AFTERMATH   SEC(15) /* until a node that stood still, or whose host went, is known to all */

const char *const rule_texts[RULES_N] = {
#define X(name, text) text,
    RULES(X)
#undef X
};

struct check *check_new(struct world *w)
{
    struct check *c = world_alloc(sizeof(*c));

    c->seen_dead = world_alloc((size_t)(w->sc.nodes * w->sc.nodes));
    c->views = world_alloc((size_t)w->sc.nodes * sizeof(*c->views));
    c->parents = world_alloc((size_t)w->sc.nodes * sizeof(*c->parents));
    c->live_changes = 1;
    c->acted_at = -1;
    c->calm_at = c->settled_at = MESH_NS_NEVER;
    return c;
}

void check_free(struct check *c)
{
    if (c == NULL)
        return;
    free(c->changes);
    free(c->seen_dead);
    free(c->views);
    free(c->parents);
    free(c);
}

void check_broken(struct world *w, enum rule rule, const char *fmt, ...)
{
    struct check *c = w->check;
    va_list ap;

    /* Room for the first message of each rule is kept free. */
    if (c->broken[rule]++ > 0 && c->messages_n + RULES_N >= CHECK_MESSAGES_MAX)
        return;
    if (c->messages_n == CHECK_MESSAGES_MAX)
        return;
    c->message_rules[c->messages_n] = rule;
    char *text = c->messages[c->messages_n++];
    int n = snprintf(text, sizeof(c->messages[0]), "%lld.%03lld s: ", (long long)(w->now / SEC(1)),
                     (long long)(w->now / MS(1) % 1000));
    va_start(ap, fmt);
    vsnprintf(text + n, sizeof(c->messages[0]) - (size_t)n, fmt, ap);
    va_end(ap);
}

/* ---- do all agree? ---- */

void check_disturbed(struct world *w)
{
    if (w->now >= (mesh_ns)w->sc.warmup)
        w->check->disturbances++;
}

bool check_was_disturbed(const struct world *w, mesh_ns since)
{
    const struct scenario *now = &w->sc, *plan = w->plan;

    if (w->check->cut_until == MESH_NS_NEVER || (w->check->acted_at >= 0 && w->check->acted_at >= since - AFTERMATH))
        return true;
    for (uint32_t i = 0; w->check->odd && i < now->nodes; i++) {
        if (w->edges[i].lies_one_in > 0 || w->edges[i].trickle > 0)
            return true;
    }
    return now->loss > 0 || now->burst_loss > 0 || now->corrupt > 0 || now->delay != plan->delay ||
           now->jitter != plan->jitter || now->zone_delay != plan->zone_delay ||
           now->region_delay != plan->region_delay || now->rate != plan->rate;
}

void check_members_changed(struct world *w, const struct edge *e, bool up)
{
    struct check *c = w->check;

    check_disturbed(w);
    series_changed(w, e, up);
    c->live_changes++;
    if (c->changes_n == c->changes_cap) {
        c->changes_cap = 2 * c->changes_cap + 64;
        struct change *grown = world_alloc(c->changes_cap * sizeof(*grown));
        if (c->changes_n > 0)
            memcpy(grown, c->changes, c->changes_n * sizeof(*grown));
        free(c->changes);
        c->changes = grown;
    }
    struct change *ch = &c->changes[c->changes_n++];
    *ch = (struct change){ .at = w->now, .agreed_at = MESH_NS_NEVER };
    snprintf(ch->text, sizeof(ch->text), "%s %s", e->name, up ? "starts" : e->leaving ? "leaves" : "ends");
}

static size_t live_nodes(const struct world *w)
{
    size_t live = 0;

    for (uint32_t i = 0; i < w->sc.nodes; i++)
        live += edge_serves(&w->edges[i]);
    return live;
}

/* Does |e| see just the live nodes as alive? A view that did, and is the same, still does. */
static bool view_right(struct world *w, const struct edge *e, size_t live)
{
    const struct mesh *m = engine_mesh(e->engine);
    struct seen_view *seen = &w->check->views[e->index];

    if (w->sc.isolated)
        return mesh_alive(m) == 1;
    if (seen->right_live_changes == w->check->live_changes && seen->right_digest == mesh_digest(m))
        return true;
    if (mesh_alive(m) != live)
        return false;
    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        const struct edge *other = &w->edges[i];
        const struct member_record *r = mesh_record_of(m, &other->id.cert.id);
        enum member_state state = r != NULL ? r->state : MEMBER_DEAD;
        if (edge_serves(other) ? state != MEMBER_ALIVE : state == MEMBER_ALIVE || state == MEMBER_SUSPECT)
            return false;
    }
    seen->right_digest = mesh_digest(m);
    seen->right_live_changes = w->check->live_changes;
    return true;
}

/* How many of the |live| nodes do so. */
static size_t right_views(struct world *w, size_t live)
{
    size_t right = 0;

    for (uint32_t i = 0; i < w->sc.nodes; i++)
        right += edge_serves(&w->edges[i]) && view_right(w, &w->edges[i], live);
    return right;
}

static bool views_right(struct world *w)
{
    size_t live = live_nodes(w);
    return right_views(w, live) == live;
}

/* Not the same table, and not one like it: made in slices by one node, arc by arc by another.
 * ring_delta would believe the epochs. A seed looks at each sixteenth arc, and which these are differs. */
static bool tables_differ(const struct world *w, const struct ring *a, const struct ring *b)
{
    const struct ring_member *of_a[RING_OWNERS], *of_b[RING_OWNERS];

    for (uint32_t arc = w->sc.seed % CHECK_ARCS_APART; a != b && arc < ring_arcs(a); arc += CHECK_ARCS_APART) {
        size_t n = ring_owners(a, arc, of_a);
        if (ring_owners(b, arc, of_b) != n)
            return true;
        for (size_t i = 0; i < n; i++) {
            if (!node_id_eq(&of_a[i]->id, &of_b[i]->id))
                return true;
        }
    }
    return false;
}

/* The region that |e| takes for the origin's parent: from 1; 0: none. */
static uint32_t parent_of(const struct world *w, const struct edge *e)
{
    char region[EDGE_REGION_MAX];
    bool measured;
    struct slice name = mesh_parent_name(engine_mesh(e->engine), &measured);

    for (uint32_t r = 0; name.len > 0 && r < w->sc.rings; r++) {
        edge_region(w, r, region);
        if (slice_eq(name, slice_str(region)))
            return r + 1;
    }
    return 0;
}

/* Does |e| know the parent region's ring as that region's own nodes do? */
static bool parent_ring_right(struct world *w, const struct edge *e, bool tell)
{
    const struct ring *ring = mesh_parent_ring(engine_mesh(e->engine));
    uint32_t parent = parent_of(w, e);
    bool wanted = parent != 0 && parent != e->region + 1;
    const struct edge *of = NULL;

    for (uint32_t i = 0; wanted && of == NULL && i < w->sc.nodes; i++) {
        if (edge_serves(&w->edges[i]) && w->edges[i].region + 1 == parent)
            of = &w->edges[i];
    }
    if ((ring != NULL) == (of != NULL) &&
        (of == NULL || ring_epoch(ring) == ring_epoch(mesh_ring(engine_mesh(of->engine)))))
        return true;
    if (tell)
        check_broken(w, RULE_AGREE, "%s has another ring for its parent, region %u, than that itself", e->name, parent);
    return false;
}

static size_t live_of(const struct world *w, uint32_t region)
{
    size_t live = 0;

    for (uint32_t i = 0; i < w->sc.nodes; i++)
        live += w->edges[i].region == region && edge_serves(&w->edges[i]);
    return live;
}

/* All rings of a region the same, with just its live nodes. Says what differs if |tell|. */
static bool ring_of_region(struct world *w, uint32_t region, bool tell)
{
    const struct edge *first = NULL;
    const struct ring *compared = NULL; /* most nodes share one */
    size_t live = live_of(w, region);

    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        const struct edge *e = &w->edges[i];
        if (e->region != region || !edge_serves(e))
            continue;
        if (!parent_ring_right(w, e, tell))
            return false;
        const struct ring *ring = mesh_ring(engine_mesh(e->engine));
        if (first == NULL)
            first = e;
        const struct ring *reference = mesh_ring(engine_mesh(first->engine));
        if (ring_epoch(ring) == ring_epoch(reference) && ring_size(ring) == live) {
            if (tell && ring != compared && tables_differ(w, ring, reference))
                check_broken(w, RULE_AGREE, "%s and %s have different rings of one epoch", first->name, e->name);
            else
                compared = ring;
            continue;
        }
        if (tell)
            check_broken(w, RULE_AGREE, "%s has a ring of %zu, epoch %016llx; %s one of %zu, epoch %016llx; %zu live",
                         e->name, ring_size(ring), (unsigned long long)ring_epoch(ring), first->name,
                         ring_size(reference), (unsigned long long)ring_epoch(reference), live);
        return false;
    }
    return true;
}

static bool rings_equal(struct world *w, bool tell)
{
    bool equal = true;

    for (uint32_t r = 0; r < w->sc.rings && !w->sc.isolated; r++)
        equal = ring_of_region(w, r, tell) && equal;
    return equal;
}

/* Whoever changes its mind about the parent asks the origin for itself meanwhile. */
static void sample_parents(struct world *w)
{
    for (uint32_t i = 0; w->sc.rings > 1 && i < w->sc.nodes; i++) {
        const struct edge *e = &w->edges[i];
        if (!edge_up(e))
            continue;
        uint32_t parent = parent_of(w, e);
        if (parent != w->check->parents[i])
            check_disturbed(w);
        w->check->parents[i] = parent;
    }
}

/* A node that ran in peace for a while was declared dead by one that did so too. */
static bool in_peace(const struct world *w, const struct edge *e)
{
    return edge_serves(e) && w->now - e->started_at > UNDISTURBED && w->now - e->paused_until > UNDISTURBED;
}

static void sample_deaths(struct world *w)
{
    struct check *c = w->check;
    bool judge = c->cut_until != MESH_NS_NEVER && w->now - c->cut_until > UNDISTURBED;

    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        const struct edge *e = &w->edges[i];
        if (!edge_up(e) || c->views[i].deaths_digest == mesh_digest(engine_mesh(e->engine)))
            continue;
        c->views[i].deaths_digest = mesh_digest(engine_mesh(e->engine));
        for (uint32_t j = 0; j < w->sc.nodes; j++) {
            uint8_t *seen = &c->seen_dead[i * w->sc.nodes + j];
            const struct member_record *r = mesh_record_of(engine_mesh(e->engine), &w->edges[j].id.cert.id);
            bool dead = r != NULL && r->state == MEMBER_DEAD;
            if (dead && !*seen && judge && in_peace(w, &w->edges[j]) && in_peace(w, e))
                c->wrong_deaths++;
            *seen = dead;
        }
    }
}

void check_sample(struct world *w)
{
    struct check *c = w->check;
    size_t live = live_nodes(w), agreeing = right_views(w, live);
    bool right = agreeing == live;

    series_sample(w, live, agreeing);
    watch_sample(w);
    sample_parents(w);
    if (!right)
        sample_deaths(w);
    if (!right || c->agreed_n == c->changes_n)
        return;
    for (; c->agreed_n < c->changes_n; c->agreed_n++)
        c->changes[c->agreed_n].agreed_at = w->now;
}

static bool digests_equal(const struct world *w)
{
    const struct edge *first = NULL;

    for (uint32_t i = 0; i < w->sc.nodes && !w->sc.isolated; i++) {
        const struct edge *e = &w->edges[i];
        if (!edge_serves(e))
            continue;
        if (first == NULL)
            first = e;
        if (mesh_digest(engine_mesh(e->engine)) != mesh_digest(engine_mesh(first->engine)))
            return false;
    }
    return true;
}

bool check_settled(struct world *w)
{
    if (w->viewers->under_way > 0 || !views_right(w) || !rings_equal(w, false) || !digests_equal(w))
        return false;
    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        struct engine_usage usage;
        if (!edge_up(&w->edges[i]))
            continue;
        engine_usage(w->edges[i].engine, &usage);
        if (w->edges[i].leaving || usage.flights > 0 || usage.serves > 0 || usage.requests > 0)
            return false;
    }
    return purge_settled(w) && config_settled(w) && disk_check_settled(w);
}

/* ---- at the end of a node ---- */

static void equal(struct edge *e, const char *what, uint64_t node, uint64_t world)
{
    if (node != world)
        check_broken(e->w, RULE_COUNTERS, "%s counts %s as %llu, the world as %llu", e->name, what,
                     (unsigned long long)node, (unsigned long long)world);
}

void check_node_stops(struct edge *e)
{
    struct engine_usage usage;

    engine_usage(e->engine, &usage);
    if (usage.requests > 0)
        check_broken(e->w, RULE_PROGRESS, "%s holds %zu requests after all were taken back", e->name, usage.requests);
    watch_node_stops(e);
    e->w->check->views[e->index] = (struct seen_view){ .right_digest = 0 };
    memset(e->w->check->seen_dead + e->index * e->w->sc.nodes, 0, (size_t)e->w->sc.nodes);
}

static void check_counters(struct world *w, struct edge *e)
{
    struct edge_sums sums;
    const struct engine_counters *c = &sums.engine;
    uint64_t all = 0;

    edge_counters(e, &sums);
    for (size_t i = 0; i < 6; i++)
        all += e->counted[i];
    equal(e, "requests", c->requests, all);
    equal(e, "hits", c->requests_hit, e->counted[RESULT_HIT]);
    equal(e, "refresh hits", c->requests_refresh, e->counted[RESULT_REFRESH]);
    equal(e, "stale hits", c->requests_stale, e->counted[RESULT_STALE]);
    equal(e, "peer hits", c->requests_peer, e->counted[RESULT_PEER]);
    equal(e, "misses", c->requests_origin, e->counted[RESULT_MISS]);
    equal(e, "errors", c->requests_error, e->counted[RESULT_ERROR]);
    equal(e, "bytes to viewers", c->bytes_viewer, e->body_bytes);
    equal(e, "bytes of the origin", c->bytes_origin, e->fetch_bytes);
    equal(e, "origin fetches", c->origin_fetches, e->fetches);
    if (c->origin_validated > e->unchanged) /* it may have had no use for one, or no memory */
        check_broken(w, RULE_COUNTERS,
                     "%s counts %llu copies as said to be unchanged, and the origin said so %llu times", e->name,
                     (unsigned long long)c->origin_validated, (unsigned long long)e->unchanged);
    equal(e, "datagrams in", sums.mesh.datagrams_in, e->datagrams_in);
    equal(e, "datagrams out", sums.mesh.datagrams_out, e->datagrams_out);
    if (w->net->counts.damaged > 0 || w->bit[FAULT_LIE] > 0)
        return;
    equal(e, "transfers refused", c->transfers_rejected, 0);
    if (w->net->counts.replayed == 0 && w->bit[FAULT_MEMORY] == 0) /* what follows a replayed greeting does not open */
        equal(e, "broken sessions", c->sessions_broken, 0);
    equal(e, "malformed datagrams", sums.mesh.datagrams_malformed + sums.gossip.malformed, 0);
}

/* ---- at the end of all ---- */

static void check_fetches(struct world *w)
{
    struct check *c = w->check;
    /* Without a parent each region has an owner who asks. */
    uint64_t askers = w->sc.isolated ? w->sc.nodes : w->sc.parent > w->sc.rings ? w->sc.rings : 1;
    uint64_t reasons = askers + c->disturbances + w->net->counts.stalls + w->net->counts.damaged + world_rare(w) +
                       w->bit[FAULT_LIE] + w->bit[FAULT_TRICKLE] + w->bit[FAULT_MEMORY];

    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        struct edge_sums sums;
        edge_counters(&w->edges[i], &sums);
        if (sums.engine.evictions > 0) { /* what was evicted is fetched again, and rightly */
            c->not_judged[RULE_FETCHES] = true;
            return;
        }
    }
    for (uint64_t key = 1; key <= w->sc.keys; key++) {
        const struct origin_key *k = &w->origin->keys[key - 1];
        if (body_no_store(&w->sc, key) || body_size(&w->sc, key) > w->sc.memory / 8)
            continue; /* may not be kept, or is too long to be */
        uint64_t periods =
            k->fetches + k->parts > 0 ? 1 + (uint64_t)((k->last_at - k->first_at) / body_max_age(&w->sc, key)) : 0;
        /* Word of a change comes from the node that made it, and again from each owner: what was fetched between goes,
         * too. */
        uint64_t changes = (1 + RING_OWNERS) * (uint64_t)k->changes;
        uint64_t allowed = (periods + purge_covered(w, key) + changes) * (reasons + k->failures);
        if (k->fetches > allowed)
            check_broken(w, RULE_FETCHES, "key %llu was fetched %u times; %llu can be explained",
                         (unsigned long long)key, k->fetches, (unsigned long long)allowed);
        else if (k->parts > allowed * (2 + body_size(&w->sc, key) / LEAF_BYTES)) /* each leaf by itself, at the worst */
            check_broken(w, RULE_FETCHES,
                         "parts of key %llu were fetched %u times; %llu for each leaf can be explained",
                         (unsigned long long)key, k->parts, (unsigned long long)allowed);
        else if (w->viewers->key_asked[key - 1] && k->fetches + k->parts == 0 && w->viewers->ends[VIEWER_CUT] == 0 &&
                 w->viewers->ends[VIEWER_GONE] == 0 && w->viewers->ends[VIEWER_FAILED] == 0)
            check_broken(w, RULE_FETCHES, "key %llu was asked for and never fetched", (unsigned long long)key);
        else if (!w->viewers->key_asked[key - 1] && k->fetches > 0)
            check_broken(w, RULE_FETCHES, "key %llu was fetched and nobody asked for it", (unsigned long long)key);
    }
}

static void check_sums(struct world *w)
{
    struct engine_counters all = { 0 };

    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        struct edge_sums sums;
        edge_counters(&w->edges[i], &sums);
        all.bytes_peer_in += sums.engine.bytes_peer_in;
        all.bytes_peer_out += sums.engine.bytes_peer_out;
        all.asks_in += sums.engine.asks_in;
        all.asks_out += sums.engine.asks_out + sums.engine.hedges;
    }
    if (all.bytes_peer_in > all.bytes_peer_out)
        check_broken(w, RULE_COUNTERS, "nodes received %llu body bytes from each other and sent only %llu",
                     (unsigned long long)all.bytes_peer_in, (unsigned long long)all.bytes_peer_out);
    if (all.asks_in > all.asks_out)
        check_broken(w, RULE_COUNTERS, "nodes were asked %llu times by each other and asked only %llu times",
                     (unsigned long long)all.asks_in, (unsigned long long)all.asks_out);
}

static void check_agreement(struct world *w)
{
    const struct edge *first = NULL;

    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        const struct edge *e = &w->edges[i];
        if (!edge_serves(e))
            continue;
        if (!view_right(w, e, live_nodes(w)))
            check_broken(w, RULE_AGREE, "%s lists %zu as alive, and not just those that live", e->name,
                         mesh_alive(engine_mesh(e->engine)));
        if (first == NULL)
            first = e;
        if (!w->sc.isolated && mesh_digest(engine_mesh(e->engine)) != mesh_digest(engine_mesh(first->engine)))
            check_broken(w, RULE_AGREE, "the views of %s and %s have different digests", first->name, e->name);
    }
    rings_equal(w, true);
}

static void check_rest(struct world *w)
{
    for (uint32_t i = 0; i < w->sc.nodes; i++) {
        const struct edge *e = &w->edges[i];
        struct engine_usage u;
        if (!edge_up(e))
            continue;
        engine_usage(e->engine, &u);
        if (u.flights > 0 || u.serves > 0 || u.requests > 0)
            check_broken(w, RULE_PROGRESS, "%s still has %zu flights, %zu serves and %zu requests", e->name, u.flights,
                         u.serves, u.requests);
        if (e->leaving)
            check_broken(w, RULE_PROGRESS, "%s has not ended its leaving", e->name);
        if (u.memory_bytes > u.memory_limit)
            check_broken(w, RULE_PROGRESS, "%s holds %llu bytes, more than its %llu", e->name,
                         (unsigned long long)u.memory_bytes, (unsigned long long)u.memory_limit);
    }
}

void check_end(struct world *w)
{
    const struct viewers *v = w->viewers;

    if (v->begun != v->ended || v->under_way > 0)
        check_broken(w, RULE_ENDS, "%llu requests began, %llu ended and %llu are still under way",
                     (unsigned long long)v->begun, (unsigned long long)v->ended, (unsigned long long)v->under_way);
    for (uint32_t i = 0; i < w->sc.nodes; i++)
        check_counters(w, &w->edges[i]);
    check_fetches(w);
    check_sums(w);
    check_agreement(w);
    check_rest(w);
    fault_peer_end(w);
    purge_end(w);
    config_end(w);
    disk_check_end(w);
    check_change_end(w);
}

void check_expectations(struct world *w, const struct figures *f)
{
    for (size_t i = 0; i < w->sc.expectations_n; i++) {
        const struct expectation *x = &w->sc.expectations[i];
        uint64_t is = figure_of(f, x->figure);
        bool met = x->op == '<' ? is <= x->value : x->op == '>' ? is >= x->value && is != FIGURE_NEVER : is == x->value;
        if (met)
            continue;
        if (is == FIGURE_NEVER)
            check_broken(w, RULE_EXPECT, "line %u: %s did not happen", x->line, w->sc.words->figures[x->figure]);
        else
            check_broken(w, RULE_EXPECT, "line %u: %s is %llu, not %s %llu", x->line, w->sc.words->figures[x->figure],
                         (unsigned long long)is,
                         x->op == '<'   ? "at most"
                         : x->op == '>' ? "at least"
                                        : "just",
                         (unsigned long long)x->value);
    }
}
