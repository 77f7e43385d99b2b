/* Deadlines that travel with asks: how long the asker really has, and an owner that cannot make it says so in time for
 * another one to be asked. */
#include "node/core/engine_impl.h"

#define MARGIN_MAX SEC(1) /* a sixteenth of the time is left to the asker, or that */

uint32_t deadline_left_ms(const struct engine *e, mesh_ns now, const struct flight *f)
{
    mesh_ns until = f->deadline.node.queued ? f->deadline.node.at : now + e->timers.fetch;
    mesh_ns left = until > now ? (until - now) / MS(1) : 0;

    return left < UINT32_MAX ? (uint32_t)left : UINT32_MAX;
}

/* Where it waits for the origin's answer, itself or by the parent region, no other owner could do better. */
static void late_fire(struct engine *e, mesh_ns now, struct timer *t)
{
    struct serve *s = OBJ_OF(t, struct serve, late);
    const struct flight *f = s->reader.flight;
    bool by_us = f != NULL && f->origin != NULL && f->origin->state == ORIGIN_RUNNING;
    bool by_parent = f != NULL && f->shield == SHIELD_ASKED && f->ask.l != NULL && f->ask.status == ANSWER_LEASED;
    bool at_origin = by_us || by_parent;

    if (!s->head_sent && s->reader.object == NULL)
        serve_abort(e, now, s, at_origin ? ABORT_ORIGIN : ABORT_BUSY, at_origin ? 504 : 503);
}

void deadline_watch(struct engine *e, mesh_ns now, struct serve *s, uint32_t left_ms)
{
    mesh_ns left = MS(left_ms);

    if (left_ms == 0 || left >= e->timers.fetch + MARGIN_MAX) /* not told; or our own is sooner */
        return;
    s->late.fire = late_fire;
    timer_set(e, &s->late, now + left - mesh_ns_min(left / 16, MARGIN_MAX));
}
