#include "sim/net/last_mile.h"

/* The burst that leaves at |at|; where too many are told apart, what leaves now counts as part of the one before, which
 * is acknowledged no sooner for it. */
static void leave(struct last_mile *m, mesh_ns at)
{
    uint64_t room = m->window - m->under_way, bytes = m->waiting < room ? m->waiting : room;
    unsigned last = (m->first + m->n - 1) % LAST_MILE_BURSTS;

    if (bytes == 0)
        return;
    if (m->n == 0 || (m->bursts[last].acked_at != at + 2 * m->delay && m->n < LAST_MILE_BURSTS)) {
        last = (m->first + m->n++) % LAST_MILE_BURSTS;
        m->bursts[last].bytes = 0;
    }
    m->bursts[last].acked_at = at + 2 * m->delay;
    m->bursts[last].bytes += bytes;
    m->waiting -= bytes;
    m->under_way += bytes;
}

/* The oldest burst is acknowledged: as much again may leave, and as much more. */
static void acknowledged(struct last_mile *m)
{
    mesh_ns at = m->bursts[m->first].acked_at;
    uint64_t bytes = m->bursts[m->first].bytes;

    m->first = (m->first + 1) % LAST_MILE_BURSTS;
    m->n--;
    m->under_way -= bytes;
    m->window = m->window + bytes < LAST_MILE_WINDOW ? m->window + bytes : LAST_MILE_WINDOW;
    leave(m, at);
}

void last_mile_send(struct last_mile *m, mesh_ns now, uint64_t bytes)
{
    if (m->window == 0)
        m->window = LAST_MILE_FIRST;
    while (m->n > 0 && m->bursts[m->first].acked_at <= now)
        acknowledged(m);
    m->waiting += bytes;
    leave(m, now);
}

mesh_ns last_mile_end(struct last_mile *m, mesh_ns now)
{
    while (m->waiting > 0)
        acknowledged(m);
    if (m->n == 0)
        return now + m->delay;
    mesh_ns at = m->bursts[(m->first + m->n - 1) % LAST_MILE_BURSTS].acked_at - m->delay;
    return at > now + m->delay ? at : now + m->delay;
}
