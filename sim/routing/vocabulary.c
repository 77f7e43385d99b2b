/* vocabulary.c - what scenarios of `routing` may say. */
#include "sim/routing/figures.h"
#include "sim/scenario.h"

/* Shared with `run`, with defaults of their own. */
#define SHARED(X)                                                                                             \
    X(seed, "seed", COUNT, false, 1, 0, UINT64_MAX, "every choice of the run follows from it")                \
    X(nodes, "nodes", COUNT, false, 10, 1, 1000, "edges, named n1, n2 ..., in as many regions as there are")  \
    X(time, "time", TIME, false, SEC(180), MS(1), SEC(86400), "until the end")                                \
    X(regions, "regions", COUNT, false, 26, 1, 26, "of the matrix: the first so many hold edges and viewers") \
    X(jitter, "jitter-ms", MS, true, MS(2), 0, SEC(10), "of datagrams between nodes, evenly from 0 to this")  \
    X(loss, "loss-pct", PCT, true, 10000, 0, 1000000, "of datagrams between nodes")

static const struct setting settings[] = {
#define X(field, name, kind, live, def, least, most, help) \
    { name, help, SETTING_##kind, live, offsetof(struct scenario, field), def, least, most },
    SHARED(X) ROUTING_SETTINGS(X)
#undef X
};

static const char *const figure_names[] = {
#define X(name, help) #name,
    ROUTING_FIGURES(X)
#undef X
};

const struct vocabulary words_of_routing = {
    .command = "routing",
    .letter = 'w',
    .settings = settings,
    .settings_n = sizeof(settings) / sizeof(settings[0]),
    .figures = figure_names,
    .figures_n = sizeof(figure_names) / sizeof(figure_names[0]),
    .nodes_max = 1000,
};
