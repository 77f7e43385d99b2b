#include "node/io/addresses.h"

#include <assert.h>

static bool holds(const struct mesh_addr *all, size_t n, const struct mesh_addr *addr)
{
    for (size_t i = 0; i < n; i++) {
        if (mesh_addr_eq(&all[i], addr))
            return true;
    }
    return false;
}

/* The next of |in| that is not in |out|, of the wanted family if there is one. NULL: all are. */
static const struct mesh_addr *next_of(const struct mesh_addr *in, size_t n, const struct mesh_addr *out, size_t out_n,
                                       bool v4)
{
    const struct mesh_addr *other = NULL;

    for (size_t i = 0; i < n; i++) {
        if (holds(out, out_n, &in[i]))
            continue;
        if (mesh_addr_is_v4(&in[i]) == v4)
            return &in[i];
        if (other == NULL)
            other = &in[i];
    }
    return other;
}

size_t addresses_order(struct mesh_addr *out, const struct mesh_addr *in, size_t n, const struct mesh_addr *first)
{
    const struct mesh_addr *next;
    size_t out_n = 0;
    bool v4 = false;

    assert(n <= RESOLVE_ADDRS_MAX);
    if (first->port != 0 && holds(in, n, first)) {
        out[out_n++] = *first;
        v4 = !mesh_addr_is_v4(first);
    }
    while ((next = next_of(in, n, out, out_n, v4)) != NULL) {
        out[out_n++] = *next;
        v4 = !mesh_addr_is_v4(next);
    }
    return out_n;
}

void addresses_take(struct addresses *a, mesh_ns now, const struct resolve_answer *answer)
{
    struct mesh_addr before[RESOLVE_ADDRS_MAX];

    a->taken = now;
    a->until = now + answer->ttl;
    if (answer->n == 0 && !answer->absent)
        return;
    memcpy(before, answer->addrs, answer->n * sizeof(before[0]));
    a->n = addresses_order(a->at, before, answer->n, &a->good);
}

void addresses_doubt(struct addresses *a, mesh_ns now)
{
    mesh_ns soonest = a->taken + RESOLVE_TTL_MIN;

    a->until = mesh_ns_min(a->until, soonest > now ? soonest : now);
}

void addresses_worked(struct addresses *a, const struct mesh_addr *addr)
{
    struct mesh_addr before[RESOLVE_ADDRS_MAX];

    a->good = *addr;
    if (a->n == 0 || mesh_addr_eq(&a->at[0], addr))
        return;
    memcpy(before, a->at, a->n * sizeof(before[0]));
    a->n = addresses_order(a->at, before, a->n, addr);
}
