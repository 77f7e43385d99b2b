#include "sim/door/topology_file.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/door/load.h"

#define STATUS_MAX  (16u << 20)
#define NODES_MAX   1000
#define REGIONS_MAX 26
#define ZONES_MAX   100

static const char *text_of(const json_t *j, const char *name)
{
    const char *text = json_string_value(json_object_get(j, name));
    return text != NULL ? text : "";
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct topology_node *)a)->name, ((const struct topology_node *)b)->name);
}

/* The number of |text| among those that came before; |most| when there are too many. */
static uint32_t number_of(const char *texts[], uint64_t *n, uint64_t most, const char *text)
{
    for (uint32_t i = 0; i < *n; i++) {
        if (strcmp(texts[i], text) == 0)
            return i;
    }
    if (*n == most)
        return (uint32_t)most;
    texts[*n] = text;
    return (uint32_t)(*n)++;
}

/* Regions and zones get numbers in the order of the nodes' names. A zone is written region/zone. false: too many. */
static bool number(struct topology *t, char (*region_names)[TOPOLOGY_NAME_MAX])
{
    const char *regions[REGIONS_MAX];
    static const char *zones[REGIONS_MAX][ZONES_MAX];
    uint64_t zones_n[REGIONS_MAX] = { 0 };

    for (uint64_t i = 0; i < t->n; i++) {
        struct topology_node *n = &t->nodes[i];
        size_t len = strcspn(n->where, "/");
        snprintf(region_names[i], TOPOLOGY_NAME_MAX, "%.*s", (int)len, n->where);
        n->region = number_of(regions, &t->regions, REGIONS_MAX, region_names[i]);
        if (n->region == REGIONS_MAX)
            return false;
        n->zone = number_of(zones[n->region], &zones_n[n->region], ZONES_MAX, n->where);
        if (n->zone == ZONES_MAX)
            return false;
        t->zones = zones_n[n->region] > t->zones ? zones_n[n->region] : t->zones;
    }
    return true;
}

static bool take_members(struct topology *t, const json_t *members)
{
    size_t i;
    json_t *m;

    t->nodes = calloc(json_array_size(members) + 1, sizeof(*t->nodes));
    if (t->nodes == NULL)
        return false;
    json_array_foreach(members, i, m)
    {
        const char *state = text_of(m, "state"), *name = text_of(m, "name");
        bool gone = strcmp(state, "dead") == 0 || strcmp(state, "left") == 0;
        if (gone || *name == '\0')
            continue;
        struct topology_node *n = &t->nodes[t->n++];
        snprintf(n->name, sizeof(n->name), "%s", name);
        snprintf(n->where, sizeof(n->where), "%s", text_of(m, "zone"));
    }
    qsort(t->nodes, (size_t)t->n, sizeof(*t->nodes), by_name);
    return true;
}

static bool refuse(const char *path, const char *why)
{
    fprintf(stderr, "hedgerow-sim: %s: %s\n", path, why);
    return false;
}

static bool fill(struct topology *t, const json_t *status, const char *path)
{
    const json_t *members = json_object_get(json_object_get(status, "mesh"), "members");
    const json_t *memory = json_object_get(json_object_get(status, "cache"), "memory_limit");

    if (!json_is_array(members))
        return refuse(path, "it has no mesh with members: wanted is what `hedgerow status --json` prints");
    if (!take_members(t, members))
        return refuse(path, "out of memory");
    if (t->n == 0)
        return refuse(path, "no member of that mesh is alive");
    if (t->n > NODES_MAX)
        return refuse(path, "it has more than 1000 nodes");
    char(*names)[TOPOLOGY_NAME_MAX] = calloc((size_t)t->n, sizeof(*names));
    bool ok = names != NULL && number(t, names);
    free(names);
    if (!ok)
        return refuse(path, "it has more than 26 regions, or more than 100 zones in one");
    if (json_is_integer(memory) && json_integer_value(memory) >= 1 << 20)
        t->memory = (uint64_t)json_integer_value(memory);
    const char *slash = strrchr(path, '/');
    snprintf(t->file, sizeof(t->file), "%s", slash != NULL && slash[1] != '\0' ? slash + 1 : path);
    return true;
}

struct topology *topology_file_read(const char *path)
{
    struct topology *t = calloc(1, sizeof(*t));
    struct buf text = BUF_EMPTY;
    json_error_t why;

    bool ok = t != NULL && load_file(path, STATUS_MAX, &text);
    if (!ok)
        refuse(path, "it cannot be read, or is too long");
    json_t *status = ok ? json_loadb((const char *)text.data, text.len, 0, &why) : NULL;
    if (ok && status == NULL)
        fprintf(stderr, "%s:%d:%d: %s\n", path, why.line, why.column, why.text);
    if (status == NULL || !fill(t, status, path)) {
        topology_free(t);
        t = NULL;
    }
    json_decref(status);
    buf_free(&text);
    return t;
}
