/* Asks of a peer that goes by a later version of the configuration than we. It has told us of that one, by CONFIG on
 * the same session, before it asked by it, so that needs no saying in the ask; and we fetch it. Its asks wait until it
 * is in force here, unless by what is in force now they can be answered: else everybody who has it already would turn
 * to the origin by itself.
 *
 *   ask --other distribution, a later version on its way--> held --in force--> answered by it
 *                                                           held --refused, or 200 ms after the first--> NOT_OWNER
 *
 * Only who has the earlier version waits, and only for what it fetches, which no ask holds up: so no two wait for each
 * other. One who tells of a version and does not deliver it holds up nobody's asks but its own, for 200 ms each 5 s. */
#include "node/core/configs_impl.h"

#define HOLD_MAX   MS(200)
#define HOLD_REST  SEC(5)     /* nothing came of it: so long its asks are answered at once */
#define HELD_BYTES (4u << 20) /* of asks that wait */

bool config_awaited(const struct engine *e, mesh_ns now, const struct link *l)
{
    const struct configs *c = e->configs;
    struct config_version ours = config_log_version(&c->log);

    if (config_version_cmp(&l->config, &ours) <= 0 || configs_refused(c, &l->config))
        return false;
    if (c->judging == NULL && (!c->fetch.active || config_version_cmp(&c->fetch.want, &ours) <= 0))
        return false;
    return now < l->held_until || now >= l->held_after;
}

static void hold_fire(struct engine *e, mesh_ns now, struct timer *t)
{
    serve_held(e, now, OBJ_OF(t, struct serve, hold_timer), false); /* it is not held again: see HOLD_REST */
}

bool config_hold(struct engine *e, mesh_ns now, struct serve *s, struct slice body)
{
    struct configs *c = e->configs;
    struct link *l = s->l;

    if (c->held_bytes + body.len > HELD_BYTES)
        return false;
    buf_add_slice(&s->held, body);
    if (!buf_ok(&s->held)) {
        buf_free(&s->held);
        return false;
    }
    if (now >= l->held_until) {
        l->held_until = now + HOLD_MAX;
        l->held_after = l->held_until + HOLD_REST;
    }
    s->awaits_config = true;
    c->held_bytes += body.len;
    list_push_back(&c->held, &s->hold);
    s->hold_timer.fire = hold_fire;
    timer_set(e, &s->hold_timer, l->held_until);
    e->counters.asks_awaiting_config++;
    return true;
}

void config_unhold(struct engine *e, struct serve *s)
{
    timer_stop(e, &s->hold_timer);
    list_remove(&s->hold);
    e->configs->held_bytes -= s->held.len;
    buf_free(&s->held);
    s->awaits_config = false;
}

void config_release(struct engine *e, mesh_ns now, bool taken)
{
    struct configs *c = e->configs;
    struct list due; /* each step may close links, end other serves, and have one wait again */

    list_init(&due);
    LIST_EACH_SAFE (at, &c->held) {
        list_remove(at);
        list_push_back(&due, at);
    }
    LIST_EACH (at, &e->links) {
        struct link *l = OBJ_OF(at, struct link, link);
        if (taken)
            l->held_until = l->held_after = 0; /* the next one may come as fast */
    }
    while (!list_empty(&due))
        serve_held(e, now, OBJ_OF(list_first(&due), struct serve, hold), false);
}

void config_missed(struct engine *e, mesh_ns now, const struct link *l)
{
    struct config_version ours = config_log_version(&e->configs->log);

    if (config_version_cmp(&l->config, &ours) > 0)
        config_seek(e, now);
}
