/* check.h - what must hold, judged from outside the code under test: by the world's own
 * books of bodies, requests, fetches, nodes and packets. */
#ifndef HEDGEROW_SIM_CHECK_H
#define HEDGEROW_SIM_CHECK_H

#include "sim/edge.h"

/* X(name, what holds) */
#define RULES(X)                                                                                          \
    X(BODY, "every body equals the origin's, byte for byte")                                              \
    X(ENDS, "every request ends, once and in time")                                                       \
    X(FETCHES, "the origin is asked once per key, and again only where a change explains it")             \
    X(AGREE, "all live nodes agree on members and ring at the end")                                       \
    X(COUNTERS, "the nodes' counters equal the world's own count")                                        \
    X(FAULT, "no request fails without a fault to explain it")                                            \
    X(PROGRESS, "everything comes to rest: nothing spins, nothing is left over")                          \
    X(EXPECT, "the scenario's expectations are met")                                                      \
    X(PURGED, "what a node has confirmed to be purged, or missed while away, it does not serve")          \
    X(COMPLETE, "who is said to have confirmed a purge has it; in the end all live nodes have all")       \
    X(CONFIGURED, "one configuration in the end, no change of it lost, and newcomers have it when ready") \
    X(DISK, "what a disk is said to have was written and not removed, and no answer is older than said")  \
    X(INCARNATION, "incarnations only grow, and nobody holds a later one than the member ever had")       \
    X(BUDGET, "membership costs a node no more than its budget")                                          \
    X(RETURNS, "when all faults are over each node answers, and again from its copy")                     \
    X(LIFETIME, "no copy is served beyond its lifetime, nor one of what may not be kept")                 \
    X(RENEWED, "what was said to be unchanged is not asked about again before its time is over")          \
    X(WISHED, "who asks by HEAD, on conditions or for ranges gets just that")                             \
    X(CHANGED, "what a viewer was told to have changed is not served from an older copy")
enum rule {
#define X(name, text) RULE_##name,
    RULES(X)
#undef X
        RULES_N
};
extern const char *const rule_texts[RULES_N];

/* A change of the members, and when all live nodes had noticed. */
struct change {
    mesh_ns at, agreed_at; /* agreed_at: MESH_NS_NEVER = not until the next one undid it, or the end */
    char text[64];
};

/* A view (by its digest) that was looked through, and what was found. */
struct seen_view {
    uint64_t right_digest, right_live_changes; /* it listed just the live nodes, as they were then */
    uint64_t deaths_digest;                    /* its deaths are in seen_dead */
};

#define CHECK_MESSAGES_MAX 32
#define CHECK_ARCS_APART   16 /* of two tables each such arc is compared, from seed modulo this on */

struct check {
    uint64_t broken[RULES_N];
    bool not_judged[RULES_N];
    char messages[CHECK_MESSAGES_MAX][240]; /* the first of each rule, then the first others */
    enum rule message_rules[CHECK_MESSAGES_MAX];
    size_t messages_n;
    struct change *changes;
    size_t changes_n, changes_cap, agreed_n; /* those before agreed_n have been noticed */
    uint64_t disturbances;                   /* what may move or hide an owner, since viewers ask */
    mesh_ns cut_until;                       /* NEVER while anything is cut */
    mesh_ns acted_at;                        /* the scenario's last action; -1: none yet */
    mesh_ns calm_at, settled_at;
    uint64_t wrong_deaths, unexplained;
    uint8_t *seen_dead;      /* nodes x nodes: observer, subject */
    struct seen_view *views; /* of each node: what need not be looked through again */
    uint64_t live_changes;
    bool odd;          /* there have been nodes that lie or trickle */
    uint32_t *parents; /* region that each node took for the parent when last looked at; 0: none */
};

struct check *check_new(struct world *w);
void check_free(struct check *c);

void check_broken(struct world *w, enum rule rule, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* |e| began or ended (or says that it leaves). */
void check_members_changed(struct world *w, const struct edge *e, bool up);
void check_disturbed(struct world *w);
/* Was anything wrong with nodes or network since |since|, or shortly before it? */
bool check_was_disturbed(const struct world *w, mesh_ns since);
/* The last look at an engine before it goes. */
void check_node_stops(struct edge *e);

/* check_sample looks at all views; check_settled: do all agree, and is nothing under way any more? */
void check_sample(struct world *w);
bool check_settled(struct world *w);

/* check_end judges what only the end shows. The nodes still run. */
void check_end(struct world *w);
void check_expectations(struct world *w, const struct figures *f);

#endif
