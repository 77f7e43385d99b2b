#include "sim/hunt/sometimes.h"

#include <stdio.h>

#include "sim/edge.h"
#include "sim/faults/rare.h"
#include "sim/scenario_value.h"
#include "sim/viewer_model.h"

static const char *const action_names[] = {
#define X(name, word, args, commands) word,
    ACTIONS(X)
#undef X
};
static const char *const counter_names[] = {
#define X(name, help) #name,
    ENGINE_COUNTERS(X)
#undef X
};
#define ACTIONS_N  (sizeof(action_names) / sizeof(action_names[0]))
#define COUNTERS_N (sizeof(counter_names) / sizeof(counter_names[0]))
#define RESULTS_N  6
#define FAULTS_AT  (NOTES_N + ACTIONS_N + RESULTS_N + COUNTERS_N)
#define RARE_AT    (FAULTS_AT + FAULT_KINDS_N)
#define ALL_N      (RARE_AT + RARE_SITES_N)
_Static_assert(ALL_N <= SOMETIMES_MAX, "room for all");

/* What is not asked for, and why. */
static const struct exemption {
    const char *name, *why;
} exemptions[] = {
    { "counter origin_waited", "so few viewers ask for less at once than nodes may fetch at once" },
    { "counter origin_turned_away", "so few viewers ask for less at once than nodes may fetch at once" },
    { "counter origin_failovers", "there is one origin" },
    { "counter transfers_rejected", "only a peer that lies brings it about, in few seeds" },
    { "counter objects_revoked", "all nodes are honest, and none is revoked" },
    { "counter purges_refused", "what is damaged on the way no seal opens: only a node short of memory refuses one" },
    { "counter config_pieces_rejected", "all nodes are honest, and what is damaged on the way no seal opens" },
    { "counter audits", "a sample so thin that it may well be empty" },
    { "counter audits_failed", "all nodes are honest" },
    { "counter sessions_aes_256_gcm", "a run is the same on any processor" },
    { "counter sessions_refused", "no node is revoked, and all speak one version" },
    { "counter handshakes_limited", "so few nodes do not dial so often" },
    { "counter handshakes_shed", "so few nodes do not dial so often" },
    { "counter answers_coded", "viewers accept no content coding" },
    { "counter coder_bytes_in", "viewers accept no content coding" },
    { "counter coder_bytes_out", "viewers accept no content coding" },
    { "counter coders_busy", "viewers accept no content coding" },
    { "counter configs_refused", "all nodes have the same software, and no operator is revoked" },
    { "counter sessions_repinned", "only a bit flipped in a handshake's first message does it: few hunts meet one" },
    { "counter asks_awaiting_config", "a moment that one hunt of many meets: an ask between two changes" },
};

/* Those of them that may happen; the others cannot. */
static const char *const may_happen[] = { "counter audits", "counter sessions_repinned", "counter asks_awaiting_config",
                                          "counter transfers_rejected", "counter purges_refused" };

size_t sometimes_n(void)
{
    return ALL_N;
}

void sometimes_name(size_t i, char name[64])
{
    if (i < NOTES_N)
        snprintf(name, 64, "note %s", note_word((enum note)i));
    else if ((i -= NOTES_N) < ACTIONS_N)
        snprintf(name, 64, "action %s", action_names[i]);
    else if ((i -= ACTIONS_N) < RESULTS_N)
        snprintf(name, 64, "result %s", request_result_word((enum request_result)i));
    else if ((i -= RESULTS_N) < COUNTERS_N)
        snprintf(name, 64, "counter %s", counter_names[i]);
    else if ((i -= COUNTERS_N) < FAULT_KINDS_N)
        snprintf(name, 64, "fault %s", fault_kinds[i].word);
    else
        snprintf(name, 64, "rare %s", rare_sites[i - FAULT_KINDS_N].word);
}

static const struct exemption *exemption(size_t i)
{
    char name[64];

    sometimes_name(i, name);
    for (size_t k = 0; k < sizeof(exemptions) / sizeof(exemptions[0]); k++) {
        if (strcmp(exemptions[k].name, name) == 0)
            return &exemptions[k];
    }
    return NULL;
}

const char *sometimes_exempt(size_t i)
{
    const struct exemption *x = exemption(i);

    if (x != NULL)
        return x->why;
    size_t action = i - NOTES_N;
    if (i >= NOTES_N && action < ACTIONS_N && strchr(action_words[action].commands, 'r') == NULL)
        return "an action of the other command";
    return NULL;
}

void sometimes_add(struct sometimes *s, struct world *w)
{
    uint64_t *at = s->count;

    for (size_t i = 0; i < NOTES_N; i++)
        at[i] += w->trace.of_kind[i];
    at += NOTES_N;
    for (size_t i = 0; i < w->action_at; i++)
        at[w->sc.actions[i].kind]++;
    at += ACTIONS_N;
    for (uint32_t n = 0; n < w->sc.nodes; n++) {
        struct edge_sums sums;
        edge_counters(&w->edges[n], &sums);
        for (size_t i = 0; i < RESULTS_N; i++)
            at[i] += w->edges[n].counted[i];
        uint64_t *counter = at + RESULTS_N;
#define X(name, help) *counter++ += sums.engine.name;
        ENGINE_COUNTERS(X)
#undef X
    }
    for (size_t i = 0; i < FAULT_KINDS_N; i++)
        s->count[FAULTS_AT + i] += world_bitten(w, (enum fault_kind)i);
    memcpy(s->count + RARE_AT, w->rare, sizeof(w->rare));
}

void sometimes_seen(struct sometimes *seen, const struct sometimes *seed)
{
    for (size_t i = 0; i < ALL_N; i++)
        seen->count[i] += seed->count[i] > 0;
}

uint64_t sometimes_fault(const struct sometimes *s, enum fault_kind kind)
{
    return s->count[FAULTS_AT + kind];
}

uint64_t sometimes_rare(const struct sometimes *s, enum rare_site site)
{
    return s->count[RARE_AT + site];
}

bool sometimes_untrue(const struct sometimes *seen, size_t i)
{
    const struct exemption *x = exemption(i);
    bool may = x == NULL;

    for (size_t k = 0; !may && k < sizeof(may_happen) / sizeof(may_happen[0]); k++)
        may = strcmp(may_happen[k], x->name) == 0;
    return seen->count[i] > 0 && !may;
}

size_t sometimes_rarest(const struct sometimes *seen, size_t *out, size_t n)
{
    size_t got = 0;

    for (size_t i = 0; i < ALL_N; i++) {
        if (sometimes_exempt(i) != NULL)
            continue;
        size_t at = got < n ? got++ : n;
        while (at > 0 && seen->count[out[at - 1]] > seen->count[i]) {
            if (at < n)
                out[at] = out[at - 1];
            at--;
        }
        if (at < n)
            out[at] = i;
    }
    return got;
}
