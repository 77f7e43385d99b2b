#include "sim/hunt/verdict.h"

#include "sim/report.h"

void verdict_run(struct verdict *v, const struct scenario *sc, const struct tap *tap)
{
    struct figures figures;

    memset(v, 0, sizeof(*v));
    struct world *w = world_run(sc, tap);
    v->ended = true;
    if (w == NULL)
        return;
    v->usable = true;
    report_figures(w, &figures);
    check_expectations(w, &figures);
    memcpy(v->broken, w->check->broken, sizeof(v->broken));
    memcpy(v->messages, w->check->messages, sizeof(v->messages));
    memcpy(v->message_rules, w->check->message_rules, sizeof(v->message_rules));
    v->messages_n = w->check->messages_n;
    v->events = w->trace.events;
    sometimes_add(&v->sometimes, w);
    world_free(w);
}

bool verdict_held(const struct verdict *v)
{
    return v->ended && v->usable && verdict_rule(v) == RULES_N;
}

enum rule verdict_rule(const struct verdict *v)
{
    enum rule rule = 0;

    while (rule < RULES_N && v->broken[rule] == 0)
        rule++;
    return rule;
}

const char *verdict_message(const struct verdict *v, enum rule rule)
{
    for (size_t i = 0; i < v->messages_n; i++) {
        if (v->message_rules[i] == rule)
            return v->messages[i];
    }
    return "";
}
