/* Who may connect. A TCP handshake has proved the caller's address already, so there is no cookie as WireGuard or
 * DTLS have one. What is left to a flood is memory and work: each handshake under way holds a session, and its first
 * message costs up to four X25519 and a signature. So handshakes under way have a deadline (timers.peer_dial, from the
 * connection's first moment on) and a number, in all and for each address, and connections have a pace. Who is turned
 * away costs no more than the accepting. */
#include "node/core/engine_impl.h"

#define HALF_OPEN_MAX  2048 /* with about 4 KiB each: 8 MiB at the worst */
#define HALF_OPEN_EACH 64   /* from one address */

/* A new node is dialled by all others at once, and a mesh that is started as a whole has one seed. */
static const struct guard_pace each = { .period = MS(10), .burst = 256 };
static const struct guard_pace all = { .period = MS(1), .burst = HALF_OPEN_MAX };

void accept_start(struct engine *e)
{
    list_init(&e->half_open);
    guard_init(&e->guard, e->cfg.hash_key, each, all);
}

/* Strangers may use up the pace of all, but do not lock out who is known to live at its address. */
static bool is_a_members(const struct engine *e, const struct mesh_addr *from)
{
    struct mesh_member m;

    for (size_t i = 1; i < mesh_count(e->mesh); i++) {
        if (!mesh_member(e->mesh, i, &m))
            continue;
        for (size_t a = 0; a < m.record->addrs_n; a++) {
            if (guard_net_eq(&m.record->addrs[a], from))
                return true;
        }
    }
    return false;
}

static size_t half_open_from(const struct engine *e, const struct mesh_addr *from)
{
    size_t n = 0;

    LIST_EACH (at, &e->half_open)
        n += guard_net_eq(&OBJ_OF(at, struct link, half)->addr, from);
    return n;
}

bool accept_admits(struct engine *e, mesh_ns now, const struct mesh_addr *from)
{
    if (!guard_each(&e->guard, now, from) || half_open_from(e, from) >= HALF_OPEN_EACH ||
        (!guard_all(&e->guard, now) && !is_a_members(e, from))) {
        e->counters.handshakes_limited++;
        return false;
    }
    if (e->half_open_n >= HALF_OPEN_MAX) { /* the oldest has had the longest time to say something */
        e->counters.handshakes_shed++;
        link_close(e, now, OBJ_OF(list_first(&e->half_open), struct link, half));
    }
    return true;
}

void accept_begun(struct engine *e, struct link *l)
{
    list_push_back(&e->half_open, &l->half);
    e->half_open_n++;
}

void accept_over(struct engine *e, struct link *l)
{
    if (!list_linked(&l->half))
        return;
    list_remove(&l->half);
    e->half_open_n--;
}
