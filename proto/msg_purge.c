/* The frames that purges travel in. */
#include "proto/msg.h"

#include "proto/base/err.h"
#include "proto/frame.h"
#include "proto/purge.h"
#include "proto/record.h"

/* Keys of the maps. A key is never given another meaning. */
enum { PURGE_CERT = 1, PURGE_ITEMS, PURGE_FOLDED };
enum { PURGED_BEGUN = 1, PURGED_NUMBER, PURGED_AT, PURGED_SIGNATURE };
enum { FRONTIER_DIGEST = 1, FRONTIER_ASKS, FRONTIER_WHOLE, FRONTIER_VECTOR, FRONTIER_ANSWERS };

/* Frame and map headers, the array's header, the certificate and the flag take fewer bytes than this. */
#define PURGE_ROOM (RECORD_PLAIN_MAX - CERT_BYTES_MAX - 32)

bool msg_purge_add(struct msg_purge_out *m, struct slice purge)
{
    size_t before = m->items.len;

    if (m->n == MSG_PURGES_MAX)
        return false;
    wire_put_bin(&m->items, purge);
    if (!buf_ok(&m->items) || m->items.len > PURGE_ROOM) {
        m->items.len = before;
        m->items.failed = false; /* those before it are whole, and go */
        return false;
    }
    m->n++;
    return true;
}

int msg_put_purge(struct buf *b, struct msg_purge_out *m)
{
    struct frame_out o = frame_map(b, MSG_PURGE, 0);

    o.bad = m->n == 0;
    frame_put_bin(&o, PURGE_CERT, m->cert, CERT_BYTES_MAX);
    frame_put_key(&o, PURGE_ITEMS);
    wire_put_array(b, m->n);
    wire_put_raw(b, buf_slice(&m->items));
    frame_opt_bool(&o, PURGE_FOLDED, m->folded);
    int err = frame_end(&o);
    if (!buf_ok(&m->items)) {
        b->len = o.start;
        err = MESH_E_NOMEM;
    }
    buf_free(&m->items);
    m->n = 0;
    m->folded = false;
    return err;
}

int msg_get_purge(struct wire *w, struct slice body, struct msg_purge *m)
{
    struct frame_in in = frame_open(w, body);
    struct slice one;

    m->cert = frame_need_bin(&in, PURGE_CERT, CERT_BYTES_MAX);
    m->folded = frame_get_bool(&in, PURGE_FOLDED);
    m->items = NULL;
    m->n = 0;
    if (in.err == 0)
        in.err = wire_array(w->root, PURGE_ITEMS, &m->items, &m->n);
    if (in.err == 0 && (m->n == 0 || m->n > MSG_PURGES_MAX))
        in.err = MESH_E_RANGE;
    for (size_t i = 0; i < m->n && in.err == 0; i++)
        in.err = wire_as_bin(wire_at(m->items, i), &one);
    return frame_close(&in, false);
}

struct slice msg_purge_item(const struct msg_purge *m, size_t i)
{
    struct slice one = SLICE_EMPTY;

    wire_as_bin(wire_at(m->items, i), &one);
    return one;
}

int msg_put_purged(struct buf *b, const struct msg_purged *m)
{
    struct frame_out o = frame_map(b, MSG_PURGED, 0);

    o.bad = m->number == 0 || m->at_s < 0;
    frame_opt_u64(&o, PURGED_BEGUN, m->begun);
    frame_opt_u64(&o, PURGED_NUMBER, m->number);
    frame_opt_u64(&o, PURGED_AT, (uint64_t)m->at_s);
    frame_put_bin(&o, PURGED_SIGNATURE, SLICE_OF(m->sig), SIGNATURE_BYTES);
    return frame_end(&o);
}

int msg_get_purged(struct slice body, struct msg_purged *m)
{
    struct wire w;
    struct frame_in in = frame_open(&w, body);

    m->begun = frame_get_u64(&in, PURGED_BEGUN, PURGE_NUMBER_MAX);
    m->number = frame_need_u64(&in, PURGED_NUMBER, PURGE_NUMBER_MAX);
    m->at_s = (int64_t)frame_get_u64(&in, PURGED_AT, (uint64_t)CERT_TIME_MAX_S);
    frame_need_fixed(&in, PURGED_SIGNATURE, m->sig, SIGNATURE_BYTES);
    return frame_close(&in, true);
}

int msg_put_frontier(struct buf *b, const struct msg_frontier *m)
{
    struct frame_out o = frame_map(b, MSG_FRONTIER, 0);

    frame_opt_u64(&o, FRONTIER_DIGEST, m->digest);
    frame_opt_u64(&o, FRONTIER_ASKS, m->asks);
    frame_opt_bool(&o, FRONTIER_WHOLE, m->whole);
    frame_opt_bin(&o, FRONTIER_VECTOR, m->vector, MSG_FRONTIER_MAX);
    frame_opt_u64(&o, FRONTIER_ANSWERS, m->answers);
    return frame_end(&o);
}

int msg_get_frontier(struct wire *w, struct slice body, struct msg_frontier *m)
{
    struct frame_in in = frame_open(w, body);

    m->digest = frame_get_u64(&in, FRONTIER_DIGEST, UINT64_MAX);
    m->asks = frame_get_u64(&in, FRONTIER_ASKS, UINT64_MAX);
    m->whole = frame_get_bool(&in, FRONTIER_WHOLE);
    m->vector = frame_get_bin(&in, FRONTIER_VECTOR, MSG_FRONTIER_MAX);
    m->answers = frame_get_u64(&in, FRONTIER_ANSWERS, UINT64_MAX);
    return frame_close(&in, false);
}
