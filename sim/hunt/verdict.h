/* verdict.h - what is kept of a run when its world is gone: what broke, when, who was concerned, and what happened at
 * all. Plain data of a fixed size, so that a child process can leave it in shared memory. */
#ifndef HEDGEROW_SIM_HUNT_VERDICT_H
#define HEDGEROW_SIM_HUNT_VERDICT_H

#include "sim/rules/check.h"
#include "sim/hunt/sometimes.h"

#define VERDICT_NODES 1000

struct verdict {
    bool ended;  /* the run came to its end; false: it crashed or was stopped */
    bool usable; /* libsodium and the scenario could be used */
    uint64_t broken[RULES_N];
    char messages[CHECK_MESSAGES_MAX][240];
    enum rule message_rules[CHECK_MESSAGES_MAX];
    size_t messages_n;
    uint64_t events;
    struct sometimes sometimes;
};

/* verdict_run lives through |sc| (checked) and fills |v|. |tap| as for world_run, or NULL. */
void verdict_run(struct verdict *v, const struct scenario *sc, const struct tap *tap);
bool verdict_held(const struct verdict *v);
/* The rule broken first in the list of rules; RULES_N: none. */
enum rule verdict_rule(const struct verdict *v);
/* The first message about |rule|, "" if there is none. */
const char *verdict_message(const struct verdict *v, enum rule rule);

#endif
