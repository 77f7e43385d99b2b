/* A few bytes to a member as one sealed datagram, for what must be there soon: no connection has to be made first. It
 * may be lost, and nobody says so: whoever casts has another way beside it. */
#include "node/core/mesh_impl.h"
#include "proto/base/err.h"
#include "proto/wire.h"

enum { K_KIND = 1, K_BYTES = 9 };
#define KIND_CAST 6 /* among gossip's kinds of payload */

/* Other payloads are maps of more. */
static bool is_cast(struct slice payload)
{
    static const uint8_t begin[] = { 0x82, K_KIND, KIND_CAST, K_BYTES };

    return slice_eq(slice_head(payload, sizeof(begin)), SLICE_OF(begin));
}

void mesh_cast(struct mesh *m, mesh_ns now, const struct mesh_member *to, struct slice bytes)
{
    struct mesh_peer *p = mesh_peer_find(m, &to->record->id);
    struct buf payload = BUF_EMPTY;

    assert(now >= m->now && bytes.len <= MESH_CAST_MAX);
    m->now = now;
    wire_put_map(&payload, 2);
    wire_put_u64(&payload, K_KIND);
    wire_put_u64(&payload, KIND_CAST);
    wire_put_u64(&payload, K_BYTES);
    wire_put_bin(&payload, bytes);
    if (p != NULL && buf_ok(&payload))
        mesh_send_payload(m, p, &to->addr, buf_slice(&payload));
    buf_free(&payload);
}

bool mesh_cast_take(struct mesh *m, const struct mesh_peer *from, struct slice payload)
{
    struct mesh_item *item;
    struct wire w = { 0 };
    struct slice bytes;

    if (!is_cast(payload))
        return false;
    if (wire_open(&w, payload, true) != 0 || wire_bin(w.root, K_BYTES, &bytes) != 0) {
        m->counters.datagrams_malformed++;
    } else if ((item = mesh_emit(m, MESH_CAST)) != NULL) {
        item->out.id = from->held->cert.id;
        buf_add_slice(&item->bytes, bytes);
    }
    wire_close(&w);
    return true;
}
