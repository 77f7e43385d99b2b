#include "node/admin/members.h"

#include <jansson.h>
#include <stdlib.h>

/* "1.2.3.4", "2001:db8::1" */
static const char *ip_text(const struct mesh_addr *a, char text[MESH_ADDR_TEXT_MAX])
{
    mesh_addr_text(a, text);
    *strrchr(text, ':') = '\0';
    if (text[0] == '[') {
        memmove(text, text + 1, strlen(text));
        *strchr(text, ']') = '\0';
    }
    return text;
}

/* The |i|-th member, if it is one at present. */
static bool current(const struct mesh *mesh, size_t i, struct mesh_member *out)
{
    return mesh_member(mesh, i, out) && (out->record->state == MEMBER_ALIVE || out->record->state == MEMBER_SUSPECT);
}

static int compare(const void *a, const void *b)
{
    const struct mesh_addr *x = a, *y = b;
    return memcmp(x->ip, y->ip, sizeof(x->ip));
}

/* All addresses, each once: owned by the caller; NULL: no memory. */
static struct mesh_addr *all_of(const struct mesh *mesh, size_t *n)
{
    size_t count = mesh_count(mesh), found = 0;
    struct mesh_addr *all = calloc(count > 0 ? count : 1, GOSSIP_ADDRS_MAX * sizeof(*all));

    for (size_t i = 0; all != NULL && i < count; i++) {
        struct mesh_member m;
        if (!current(mesh, i, &m))
            continue;
        for (size_t j = 0; j < m.record->addrs_n; j++)
            all[found++] = m.record->addrs[j];
    }
    if (found > 0)
        qsort(all, found, sizeof(*all), compare);
    *n = 0;
    for (size_t i = 0; i < found; i++) {
        if (*n == 0 || compare(&all[*n - 1], &all[i]) != 0)
            all[(*n)++] = all[i];
    }
    return all;
}

static unsigned no_memory(struct buf *body)
{
    buf_clear(body);
    buf_add_str(body, "out of memory\n");
    return 503;
}

unsigned members_addresses_text(struct node *n, struct buf *body, const char **type)
{
    char text[MESH_ADDR_TEXT_MAX];
    size_t count;
    struct mesh_addr *all = all_of(engine_mesh(node_engine(n)), &count);

    (void)type;
    if (all == NULL)
        return no_memory(body);
    for (size_t i = 0; i < count; i++)
        buf_addf(body, "%s\n", ip_text(&all[i], text));
    free(all);
    return 200;
}

static json_t *member_json(const struct mesh_member *m)
{
    char text[MESH_ADDR_TEXT_MAX];
    json_t *addrs = json_array();

    for (size_t i = 0; i < m->record->addrs_n; i++)
        json_array_append_new(addrs, json_string(ip_text(&m->record->addrs[i], text)));
    return json_pack("{s:s, s:s, s:s, s:o}", "name", m->cert->name, "zone", m->cert->zone, "state",
                     member_state_word(m->record->state), "addresses", addrs);
}

unsigned members_addresses(struct node *n, struct buf *body, const char **type)
{
    const struct mesh *mesh = engine_mesh(node_engine(n));
    char ip[MESH_ADDR_TEXT_MAX];
    json_t *addrs = json_array(), *members = json_array();
    size_t count;
    struct mesh_addr *all = all_of(mesh, &count);
    bool good = all != NULL;

    for (size_t i = 0; good && i < count; i++)
        good = json_array_append_new(addrs, json_string(ip_text(&all[i], ip))) == 0;
    for (size_t i = 0; good && i < mesh_count(mesh); i++) {
        struct mesh_member m;
        if (current(mesh, i, &m))
            good = json_array_append_new(members, member_json(&m)) == 0;
    }
    free(all);
    json_t *root = json_pack("{s:o, s:o}", "addresses", addrs, "members", members);
    char *text = good && root != NULL ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);
    if (text == NULL)
        return no_memory(body);
    buf_addf(body, "%s\n", text);
    free(text);
    *type = "application/json";
    return 200;
}
