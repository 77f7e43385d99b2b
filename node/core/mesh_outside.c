/* Our address as others see it. Behind a translator of addresses, or on a cloud host, the
 * interfaces tell inner addresses only; those who talk to us know better. One peer may be
 * mistaken or lie, so two have to agree; and whether the address is any good is found out by
 * those who dial it (reach.c). */
#include <string.h>

#include "node/core/mesh_impl.h"

/* Nobody elsewhere could use it. */
static bool is_inner(const struct mesh_addr *a)
{
    static const struct mesh_addr none;
    bool v4 = mesh_addr_is_v4(a);

    if (memcmp(a->ip, none.ip, sizeof(none.ip)) == 0 || mesh_addr_is_loopback(a))
        return true;
    return v4 ? a->ip[12] == 0 || a->ip[12] >= 224 || (a->ip[12] == 169 && a->ip[13] == 254)
              : a->ip[0] == 0xff || (a->ip[0] == 0xfe && (a->ip[1] & 0xc0) == 0x80);
}

static void note(struct mesh_sights *s, const struct node_id *by, const struct mesh_addr *addr)
{
    for (size_t i = 0; i < s->n; i++) {
        if (node_id_eq(&s->at[i].by, by)) {
            s->at[i].addr = *addr;
            return;
        }
    }
    s->at[s->next] = (struct mesh_sight){ *by, *addr };
    s->next = (s->next + 1) % MESH_SIGHTS_MAX;
    s->n += s->n < MESH_SIGHTS_MAX;
}

static bool agreed(const struct mesh_sights *s, const struct mesh_addr *addr)
{
    size_t votes = 0;

    for (size_t i = 0; i < s->n; i++)
        votes += mesh_addr_eq(&s->at[i].addr, addr);
    return votes >= 2;
}

/* True: |own| has changed. */
static bool add(struct member_record *own, const struct mesh_addr *learnt, const struct mesh_addr *addr)
{
    size_t at = own->addrs_n;

    for (size_t i = 0; i < own->addrs_n; i++) {
        if (mesh_addr_eq(&own->addrs[i], addr))
            return false;
        if (mesh_addr_eq(&own->addrs[i], learnt))
            at = i;
    }
    if (at == GOSSIP_ADDRS_MAX)
        return false;
    own->addrs[at] = *addr;
    own->addrs_n += at == own->addrs_n;
    return true;
}

void mesh_outside(struct mesh *m, mesh_ns now, const struct node_id *by, const struct mesh_addr *addr)
{
    struct mesh_addr at = *addr;
    char text[MESH_ADDR_TEXT_MAX];

    assert(now >= m->now);
    m->now = now;
    if (at.port == 0)
        at.port = m->cfg.port;
    if (!m->cfg.learn_addr || at.port == 0 || is_inner(&at))
        return;
    note(&m->sights, by, &at);
    if (!agreed(&m->sights, &at))
        return;
    struct member_record own = *gossip_member(m->gossip, 0);
    if (!add(&own, &m->sights.learnt, &at))
        return;
    m->sights.learnt = at;
    gossip_restate(m->gossip, now, &own);
    trace_f(&m->cfg.trace, now, "others see us at %s: one more address of ours", mesh_addr_text(&at, text));
}
