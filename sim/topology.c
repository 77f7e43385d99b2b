#include "sim/topology.h"

#include <stdlib.h>

#define SHOWN_MAX 60

void topology_free(struct topology *t)
{
    if (t == NULL)
        return;
    free(t->nodes);
    free(t);
}

struct place_of_node topology_place(const struct scenario *sc, uint64_t i)
{
    struct place_of_node at = { (uint32_t)(i % sc->rings), (uint32_t)(i / sc->rings % sc->zones) };

    if (sc->topology == NULL)
        return at;
    const struct topology_node *n = &sc->topology->nodes[i % sc->topology->n];
    return (struct place_of_node){ n->region % (uint32_t)sc->rings, n->zone % (uint32_t)sc->zones };
}

uint64_t topology_find(const struct scenario *sc, const char *name)
{
    for (uint64_t i = 0; sc->topology != NULL && i < sc->topology->n && i < sc->nodes; i++) {
        if (strcmp(sc->topology->nodes[i].name, name) == 0)
            return i;
    }
    return UINT64_MAX;
}

void topology_put(struct buf *out, const struct scenario *sc)
{
    const struct topology *t = sc->topology;

    if (t == NULL)
        return;
    buf_addf(out, "Nodes of %s\n", t->file);
    for (uint64_t i = 0; i < sc->nodes && i < SHOWN_MAX; i++) {
        const struct topology_node *n = &t->nodes[i % t->n];
        struct place_of_node at = topology_place(sc, i);
        buf_addf(out, "  n%-4llu %-20s in %s: region %u, zone %u%s\n", (unsigned long long)(i + 1), n->name, n->where,
                 at.region + 1, at.zone + 1, i < t->n ? "" : ", once more");
    }
    if (sc->nodes > SHOWN_MAX)
        buf_addf(out, "  ... and %llu more\n", (unsigned long long)(sc->nodes - SHOWN_MAX));
    buf_add_u8(out, '\n');
}
