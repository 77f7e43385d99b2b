/* exchange.c - members are exchanged over a link: who asks sends the sums of its view, and gets the
 * records of those buckets that differ, and is asked for its own of the same buckets.
 *
 *     asks                                   is asked
 *     itself, sums of its buckets  ------>   compares
 *                                  <------   its records of what differs, and which buckets that is
 *     its records of those         ------>
 *
 * Who knows nobody yet asks without sums and gets all, in frames of its own. */
#include "node/core/engine_impl.h"

#define WHOLE_PERIOD SEC(5) /* between two whole views to one peer on one link */

/* Appends |m| (taken) as a frame; what is no whole view counts as spent. */
static void put_members(struct engine *e, mesh_ns now, struct link *l, struct msg_members_out *m, bool reply,
                        bool whole)
{
    struct buf *frame = session_begin(l->session);
    size_t before = frame->len;

    mesh_members_say(e->mesh, &session_peer(l->session)->id, m);
    msg_put_members(frame, m, reply);
    buf_free(&m->items);
    if (!whole)
        mesh_spent(e->mesh, now, frame->len - before);
    link_commit(e, l);
}

/* |part|: what is to be sent, NULL for all; |want|: the peer shall send the same buckets. */
static void send_members(struct engine *e, mesh_ns now, struct link *l, const struct view_diff *part, bool want)
{
    struct buf diff = BUF_EMPTY;
    size_t from = 0;

    if (part != NULL && want)
        diff_put(part, &diff);
    do {
        struct msg_members_out m = { .n = 0 };
        from = mesh_members_put(e->mesh, from, part, &m);
        if (from == 0)
            m.diff = buf_slice(&diff);
        put_members(e, now, l, &m, want && from == 0, part == NULL);
    } while (from != 0 && link_is_open(l));
    buf_free(&diff);
}

/* Asks for what differs; who knows nobody yet shows itself and asks for everything. */
void exchange_ask(struct engine *e, mesh_ns now, struct link *l)
{
    struct msg_members_out m = { .n = 0 };
    struct buf sums = BUF_EMPTY;

    if (mesh_members_ask(e->mesh, &m, &sums)) {
        l->diff_due = true;
        put_members(e, now, l, &m, true, false);
    } else {
        buf_free(&m.items);
        send_members(e, now, l, NULL, true);
    }
    buf_free(&sums);
}

/* Says what differs and asks for the peer's side of it, or, to the peer's |diff|, just answers. Exchanges
 * in part stand back when the budget is used up, whole views (a newcomer's) for a while after one. */
static void answer_members(struct engine *e, mesh_ns now, struct link *l, const struct msg_members *m)
{
    struct view_diff part;

    if (m->diff.len > 0) {
        if (l->diff_due && diff_get(m->diff, &part) == 0)
            send_members(e, now, l, &part, false);
        l->diff_due = false;
    } else if (m->sums.len > 0) {
        if (mesh_affords(e->mesh, now) && mesh_members_differ(e->mesh, m->sums, &part) == 0)
            send_members(e, now, l, &part, mesh_count(e->mesh) > 1); /* else we have asked for all, ourselves */
    } else if (now >= l->whole_after) {
        l->whole_after = now + WHOLE_PERIOD;
        send_members(e, now, l, NULL, false);
    }
}

void exchange_take(struct engine *e, mesh_ns now, struct link *l, struct slice body)
{
    struct wire w = { 0 };
    struct msg_members m;

    if (msg_get_members(&w, body, &m) == 0) {
        mesh_members_take(e->mesh, now, e->wall_s, &m);
        if (m.reply_wanted && link_is_open(l))
            answer_members(e, now, l, &m);
    }
    wire_close(&w);
    engine_company(e, now);
}
