#include "node/core/known.h"

#include "proto/base/err.h"

static const char head[] = "# members of the mesh as last seen, tried beside --seed: address, node id, name, zone\n";

/* The first half of an IPv4 address, the first quarter of an IPv6 one: about one network. */
static bool same_network(const struct mesh_addr *a, const struct mesh_addr *b)
{
    if (mesh_addr_is_v4(a) != mesh_addr_is_v4(b))
        return false;
    return mesh_addr_is_v4(a) ? memcmp(a->ip + 12, b->ip + 12, 2) == 0 : memcmp(a->ip, b->ip, 4) == 0;
}

static bool worth_it(const struct mesh *m, size_t i, struct mesh_member *out)
{
    return mesh_member(m, i, out) && out->addr.port != 0 &&
           (out->record->state == MEMBER_ALIVE || out->record->state == MEMBER_SUSPECT);
}

struct pick {
    size_t member;
    struct mesh_addr addr;
    const char *zone; /* lent by the mesh */
};

/* May one more like |m| be taken, if there are to be no more than |each| of a zone or network? */
static bool fits(const struct pick *picks, size_t n, const struct mesh_member *m, size_t i, size_t each)
{
    size_t zone = 0, network = 0;

    for (size_t k = 0; k < n; k++) {
        if (picks[k].member == i)
            return false;
        zone += strcmp(picks[k].zone, m->cert->zone) == 0;
        network += same_network(&picks[k].addr, &m->addr);
    }
    return zone < each && (network < each || zone == 0);
}

void known_put(struct buf *out, const struct mesh *m)
{
    struct pick picks[KNOWN_MAX];
    char addr[MESH_ADDR_TEXT_MAX], id[NODE_ID_TEXT_MAX];
    struct mesh_member member;
    size_t n = 0;

    buf_add_str(out, head);
    for (size_t each = 1; each <= KNOWN_MAX && n < KNOWN_MAX; each *= 2) {
        for (size_t i = 1; i < mesh_count(m) && n < KNOWN_MAX; i++) {
            if (!worth_it(m, i, &member) || !fits(picks, n, &member, i, each))
                continue;
            picks[n++] = (struct pick){ i, member.addr, member.cert->zone };
            buf_addf(out, "%s %s %s %s\n", mesh_addr_text(&member.addr, addr), node_id_text(&member.record->id, id),
                     member.cert->name, member.cert->zone);
        }
    }
}

size_t known_get(struct slice text, struct mesh_addr *out, size_t max)
{
    struct slice line, word;
    size_t n = 0;

    while (n < max && slice_split(&text, '\n', &line)) {
        if (slice_split(&line, ' ', &word) && mesh_addr_parse(word, &out[n]) == 0 && out[n].port != 0)
            n++;
    }
    return n;
}
