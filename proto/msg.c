#include "proto/msg.h"

#include "proto/base/err.h"
#include "proto/frame.h"
#include "proto/record.h"

#include <assert.h>

/* Keys of the maps. A key is never given another meaning. */
enum { HELLO_FEATURES = 1, HELLO_BOOT, HELLO_SALT, HELLO_PARAMS, HELLO_VERSION, HELLO_PORT, HELLO_YOU };
enum { REFUSE_REASON = 1 };
enum { MEMBERS_ITEMS = 1, MEMBERS_REPLY, MEMBERS_SETTLED, MEMBERS_PLACED, MEMBERS_SUMS, MEMBERS_DIFF };
enum { ROLL_SEQUENCE = 1, ROLL_MARK, ROLL_ITSELF };
enum {
    ASK_KEY = 1,
    ASK_DISTRIBUTION,
    ASK_HOST,
    ASK_PATH,
    ASK_REQUEST_ID,
    ASK_EPOCH,
    ASK_CONFIG,
    ASK_FRONTIER,
    ASK_DEADLINE,
    ASK_HOPS,
    ASK_RANK,
    ASK_FLAGS,
    ASK_GENERATION,
    ASK_FIRST_LEAF,
    ASK_CREDIT,
    ASK_FIELDS,
    ASK_RUN,
    ASK_HAVE,
    ASK_LOAD
};
enum { ANSWER_STATUS = 1, ANSWER_REASON, ANSWER_EPOCH, ANSWER_LOAD, ANSWER_OTHER };
enum { ABORT_REASON = 1, ABORT_STATUS };
enum { CREDIT_LEAVES = 1 };
enum { DROP_KEY = 1, DROP_NUMBER = 2, DROP_RELAY = 3 };
enum { DROPPED_NUMBER = 1 };

/* ---- frames as such ---- */

int msg_open(struct slice frame, struct msg_frame *out)
{
    if (frame.len < MSG_HEAD_BYTES)
        return MESH_E_SHORT;
    out->type = frame.data[0];
    out->stream = be32_get(frame.data + 1);
    out->body = slice_from(frame, MSG_HEAD_BYTES);
    return (out->type <= MSG_SESSION_MAX) == (out->stream == 0) ? 0 : MESH_E_SYNTAX;
}

static const char preamble_magic[4] = { 'H', 'G', 'R', 'W' };

void preamble_put(struct buf *b, const struct preamble *p)
{
    buf_add(b, preamble_magic, sizeof(preamble_magic));
    buf_add_u8(b, p->version);
    buf_add_u8(b, p->pattern);
    buf_add_u32(b, p->features);
    buf_add(b, p->mesh.bytes, MESH_ID_BYTES);
}

int preamble_get(struct slice s, struct preamble *p)
{
    size_t n = s.len < sizeof(preamble_magic) ? s.len : sizeof(preamble_magic);

    if (n > 0 && memcmp(s.data, preamble_magic, n) != 0)
        return MESH_E_SYNTAX;
    if (s.len < PREAMBLE_BYTES)
        return MESH_E_SHORT;
    p->version = s.data[4];
    p->pattern = s.data[5];
    p->features = be32_get(s.data + 6);
    memcpy(p->mesh.bytes, s.data + 10, MESH_ID_BYTES);
    return p->version == PROTOCOL_VERSION ? 0 : MESH_E_VERSION;
}

int msg_put_empty(struct buf *b, enum msg_type type, uint32_t stream)
{
    struct frame_out o = frame_begin(b, type, stream);
    return frame_end(&o);
}

/* ---- session frames ---- */

const char *msg_refusal_text(unsigned reason)
{
    switch (reason) {
    case REFUSE_VERSION: return "another protocol version";
    case REFUSE_WRONG_MESH: return "another mesh";
    case REFUSE_CERTIFICATE: return "the certificate is not sound";
    case REFUSE_EXPIRED: return "the certificate has expired";
    case REFUSE_NOT_YET: return "the certificate is not valid yet";
    case REFUSE_REVOKED: return "the certificate was revoked";
    case REFUSE_PARAMS: return "the mesh's parameters differ";
    case REFUSE_BUSY: return "too busy";
    case REFUSE_SELF: return "that is the same identity";
    case REFUSE_OVERWEIGHT: return "the certificate claims too large a weight";
    default: return "for a reason not known here";
    }
}

#define ADDR_BYTES 18

static void put_you(struct frame_out *o, const struct mesh_addr *you)
{
    static const struct mesh_addr none;
    uint8_t raw[ADDR_BYTES];

    if (mesh_addr_eq(you, &none))
        return;
    memcpy(raw, you->ip, sizeof(you->ip));
    be16_put(raw + sizeof(you->ip), you->port);
    frame_put_bin(o, HELLO_YOU, SLICE_OF(raw), sizeof(raw));
}

static void get_you(struct frame_in *in, struct mesh_addr *you)
{
    struct slice raw = frame_get_bin(in, HELLO_YOU, ADDR_BYTES);

    *you = (struct mesh_addr){ .port = 0 };
    if (raw.len == ADDR_BYTES) {
        memcpy(you->ip, raw.data, sizeof(you->ip));
        you->port = be16_get(raw.data + sizeof(you->ip));
    } else if (raw.len > 0 && in->err == 0) {
        in->err = MESH_E_RANGE;
    }
}

int msg_put_hello(struct buf *b, const struct msg_hello *m)
{
    struct frame_out o = frame_map(b, MSG_HELLO, 0);

    frame_opt_u64(&o, HELLO_FEATURES, m->features);
    frame_opt_u64(&o, HELLO_BOOT, m->boot.number);
    frame_opt_u64(&o, HELLO_SALT, m->boot.salt);
    frame_put_bin(&o, HELLO_PARAMS, SLICE_OF(m->params.bytes), DIGEST_BYTES);
    frame_opt_str(&o, HELLO_VERSION, m->version, MSG_VERSION_MAX);
    frame_opt_u64(&o, HELLO_PORT, m->port);
    put_you(&o, &m->you);
    return frame_end(&o);
}

int msg_get_hello(struct wire *w, struct slice body, struct msg_hello *m)
{
    struct frame_in in = frame_open(w, body);

    m->features = (uint32_t)frame_get_u64(&in, HELLO_FEATURES, UINT32_MAX);
    m->boot.number = frame_get_u64(&in, HELLO_BOOT, UINT64_MAX);
    m->boot.salt = frame_need_u64(&in, HELLO_SALT, UINT64_MAX);
    frame_need_fixed(&in, HELLO_PARAMS, m->params.bytes, DIGEST_BYTES);
    m->version = frame_get_str(&in, HELLO_VERSION, MSG_VERSION_MAX);
    m->port = (uint16_t)frame_get_u64(&in, HELLO_PORT, UINT16_MAX);
    get_you(&in, &m->you);
    return frame_close(&in, false);
}

int msg_put_refuse(struct buf *b, unsigned reason)
{
    struct frame_out o = frame_map(b, MSG_REFUSE, 0);

    o.bad = reason == 0;
    frame_opt_u64(&o, REFUSE_REASON, reason);
    return frame_end(&o);
}

int msg_get_refuse(struct slice body, unsigned *reason)
{
    struct wire w;
    struct frame_in in = frame_open(&w, body);

    *reason = (unsigned)frame_need_u64(&in, REFUSE_REASON, UINT32_MAX);
    return frame_close(&in, true);
}

int msg_put_roll(struct buf *b, const struct msg_roll *m)
{
    struct frame_out o = frame_map(b, MSG_ROLL, 0);

    frame_opt_u64(&o, ROLL_SEQUENCE, m->sequence);
    frame_opt_u64(&o, ROLL_MARK, m->mark);
    frame_opt_bin(&o, ROLL_ITSELF, m->roll, ROLL_BYTES_MAX);
    return frame_end(&o);
}

int msg_get_roll(struct wire *w, struct slice body, struct msg_roll *m)
{
    struct frame_in in = frame_open(w, body);

    m->sequence = frame_get_u64(&in, ROLL_SEQUENCE, ROLL_SEQUENCE_MAX);
    m->mark = frame_get_u64(&in, ROLL_MARK, UINT64_MAX);
    m->roll = frame_get_bin(&in, ROLL_ITSELF, ROLL_BYTES_MAX);
    return frame_close(&in, false);
}

/* Frame and map headers, the array's header and the other fields take fewer bytes than this. */
#define MEMBERS_ROOM (RECORD_PLAIN_MAX - 24)

bool msg_members_add(struct msg_members_out *m, struct slice cert, struct slice record)
{
    size_t before = m->items.len;

    assert(cert.len + record.len > 0 && cert.len <= CERT_BYTES_MAX && record.len < MEMBERS_ROOM / 2);
    if (m->n == MSG_MEMBERS_MAX)
        return false;
    wire_put_array(&m->items, 2);
    wire_put_bin(&m->items, cert);
    wire_put_bin(&m->items, record);
    if (!buf_ok(&m->items) || m->items.len > MEMBERS_ROOM) {
        m->items.len = before;
        m->items.failed = false; /* those before it are whole, and go */
        return false;
    }
    m->n++;
    return true;
}

int msg_put_members(struct buf *b, struct msg_members_out *m, bool reply_wanted)
{
    struct frame_out o = frame_map(b, MSG_MEMBERS, 0);

    frame_put_key(&o, MEMBERS_ITEMS);
    wire_put_array(b, m->n);
    wire_put_raw(b, buf_slice(&m->items));
    frame_opt_bool(&o, MEMBERS_REPLY, reply_wanted);
    frame_opt_u64(&o, MEMBERS_SETTLED, m->settled);
    frame_opt_bool(&o, MEMBERS_PLACED, m->placed);
    frame_opt_bin(&o, MEMBERS_SUMS, m->sums, MSG_SUMS_MAX);
    frame_opt_bin(&o, MEMBERS_DIFF, m->diff, MSG_DIFF_MAX);
    int err = frame_end(&o);
    if (!buf_ok(&m->items)) {
        b->len = o.start;
        err = MESH_E_NOMEM;
    }
    buf_free(&m->items);
    m->n = 0;
    m->sums = m->diff = SLICE_EMPTY;
    return err;
}

static int members_item(const wire_value *item, struct slice *cert, struct slice *record)
{
    int64_t n = wire_as_array(item);
    int err;

    if (n < 2)
        return n < 0 ? MESH_E_TYPE : MESH_E_MISSING;
    if ((err = wire_as_bin(wire_at(item, 0), cert)) != 0 || (err = wire_as_bin(wire_at(item, 1), record)) != 0)
        return err;
    return cert->len + record->len > 0 && cert->len <= CERT_BYTES_MAX ? 0 : MESH_E_RANGE;
}

int msg_get_members(struct wire *w, struct slice body, struct msg_members *m)
{
    struct frame_in in = frame_open(w, body);
    struct slice cert, record;

    m->reply_wanted = frame_get_bool(&in, MEMBERS_REPLY);
    m->settled = (uint32_t)frame_get_u64(&in, MEMBERS_SETTLED, UINT32_MAX);
    m->placed = frame_get_bool(&in, MEMBERS_PLACED);
    m->sums = frame_get_bin(&in, MEMBERS_SUMS, MSG_SUMS_MAX);
    m->diff = frame_get_bin(&in, MEMBERS_DIFF, MSG_DIFF_MAX);
    m->items = NULL;
    m->n = 0;
    if (in.err == 0)
        in.err = wire_array(w->root, MEMBERS_ITEMS, &m->items, &m->n);
    if (in.err == 0 && m->n > MSG_MEMBERS_MAX)
        in.err = MESH_E_RANGE;
    for (size_t i = 0; i < m->n && in.err == 0; i++)
        in.err = members_item(wire_at(m->items, i), &cert, &record);
    return frame_close(&in, false);
}

int msg_members_item(const struct msg_members *m, size_t i, struct slice *cert, struct slice *record)
{
    assert(i < m->n);
    return members_item(wire_at(m->items, i), cert, record);
}

/* ---- asking ---- */

int msg_put_ask(struct buf *b, uint32_t stream, const struct msg_ask *m)
{
    struct frame_out o = frame_map(b, MSG_ASK, stream);

    o.bad = m->distribution.len == 0 || m->path.len == 0;
    frame_put_bin(&o, ASK_KEY, SLICE_OF(m->key.bytes), DIGEST_BYTES);
    frame_opt_str(&o, ASK_DISTRIBUTION, m->distribution, MSG_NAME_MAX);
    frame_opt_str(&o, ASK_HOST, m->host, MSG_HOST_MAX);
    frame_opt_str(&o, ASK_PATH, m->path, MSG_PATH_MAX);
    frame_opt_str(&o, ASK_REQUEST_ID, m->request_id, MSG_REQUEST_ID_MAX);
    frame_opt_u64(&o, ASK_EPOCH, m->epoch);
    frame_opt_u64(&o, ASK_CONFIG, m->config);
    frame_opt_u64(&o, ASK_FRONTIER, m->frontier);
    frame_opt_u64(&o, ASK_DEADLINE, m->deadline_ms);
    frame_opt_u64(&o, ASK_HOPS, m->hops);
    frame_opt_u64(&o, ASK_RANK, m->rank);
    frame_opt_u64(&o, ASK_FLAGS, m->flags);
    frame_opt_u64(&o, ASK_GENERATION, m->generation);
    frame_opt_u64(&o, ASK_FIRST_LEAF, m->first_leaf);
    frame_opt_u64(&o, ASK_CREDIT, m->credit);
    frame_opt_bin(&o, ASK_FIELDS, m->fields, MSG_FIELDS_MAX);
    frame_opt_u64(&o, ASK_RUN, m->run);
    frame_opt_u64(&o, ASK_HAVE, m->have);
    frame_opt_u64(&o, ASK_LOAD, m->load);
    return frame_end(&o);
}

int msg_get_ask(struct wire *w, struct slice body, struct msg_ask *m)
{
    struct frame_in in = frame_open(w, body);

    frame_need_fixed(&in, ASK_KEY, m->key.bytes, DIGEST_BYTES);
    m->distribution = frame_need_str(&in, ASK_DISTRIBUTION, MSG_NAME_MAX);
    m->host = frame_get_str(&in, ASK_HOST, MSG_HOST_MAX);
    m->path = frame_need_str(&in, ASK_PATH, MSG_PATH_MAX);
    m->request_id = frame_get_str(&in, ASK_REQUEST_ID, MSG_REQUEST_ID_MAX);
    m->epoch = frame_get_u64(&in, ASK_EPOCH, UINT64_MAX);
    m->config = frame_get_u64(&in, ASK_CONFIG, UINT64_MAX);
    m->frontier = frame_get_u64(&in, ASK_FRONTIER, UINT64_MAX);
    m->deadline_ms = (uint32_t)frame_get_u64(&in, ASK_DEADLINE, UINT32_MAX);
    m->hops = (uint8_t)frame_get_u64(&in, ASK_HOPS, UINT8_MAX);
    m->rank = (uint8_t)frame_get_u64(&in, ASK_RANK, UINT8_MAX);
    m->flags = (uint32_t)frame_get_u64(&in, ASK_FLAGS, UINT32_MAX);
    m->generation = frame_get_u64(&in, ASK_GENERATION, UINT64_MAX);
    m->first_leaf = (uint32_t)frame_get_u64(&in, ASK_FIRST_LEAF, UINT32_MAX);
    m->credit = (uint32_t)frame_get_u64(&in, ASK_CREDIT, UINT32_MAX);
    m->fields = frame_get_bin(&in, ASK_FIELDS, MSG_FIELDS_MAX);
    m->run = (uint32_t)frame_get_u64(&in, ASK_RUN, UINT32_MAX);
    m->have = (uint32_t)frame_get_u64(&in, ASK_HAVE, UINT32_MAX);
    m->load = (uint32_t)frame_get_u64(&in, ASK_LOAD, UINT32_MAX);
    return frame_close(&in, false);
}

int msg_put_answer(struct buf *b, uint32_t stream, const struct msg_answer *m)
{
    struct frame_out o = frame_map(b, MSG_ANSWER, stream);

    o.bad = m->status == 0;
    frame_opt_u64(&o, ANSWER_STATUS, m->status);
    frame_opt_u64(&o, ANSWER_REASON, m->reason);
    frame_opt_u64(&o, ANSWER_EPOCH, m->epoch);
    frame_opt_u64(&o, ANSWER_LOAD, m->load);
    if (m->has_other)
        frame_put_bin(&o, ANSWER_OTHER, SLICE_OF(m->other.bytes), NODE_ID_BYTES);
    return frame_end(&o);
}

int msg_get_answer(struct slice body, struct msg_answer *m)
{
    struct wire w;
    struct frame_in in = frame_open(&w, body);

    m->status = (uint8_t)frame_need_u64(&in, ANSWER_STATUS, UINT8_MAX);
    m->reason = (uint8_t)frame_get_u64(&in, ANSWER_REASON, UINT8_MAX);
    m->epoch = frame_get_u64(&in, ANSWER_EPOCH, UINT64_MAX);
    m->load = (uint32_t)frame_get_u64(&in, ANSWER_LOAD, UINT32_MAX);
    memset(&m->other, 0, sizeof(m->other));
    m->has_other =
        in.err == 0 && frame_took(&in, wire_fixed(w.root, ANSWER_OTHER, m->other.bytes, NODE_ID_BYTES), false);
    return frame_close(&in, true);
}

int msg_put_abort(struct buf *b, uint32_t stream, unsigned reason, unsigned status)
{
    struct frame_out o = frame_map(b, MSG_ABORT, stream);

    o.bad = reason == 0 || status > 999;
    frame_opt_u64(&o, ABORT_REASON, reason);
    frame_opt_u64(&o, ABORT_STATUS, status);
    return frame_end(&o);
}

int msg_get_abort(struct slice body, unsigned *reason, unsigned *status)
{
    struct wire w;
    struct frame_in in = frame_open(&w, body);

    *reason = (unsigned)frame_need_u64(&in, ABORT_REASON, UINT32_MAX);
    *status = (unsigned)frame_get_u64(&in, ABORT_STATUS, 999);
    return frame_close(&in, true);
}

int msg_put_credit(struct buf *b, uint32_t stream, uint32_t leaves)
{
    struct frame_out o = frame_map(b, MSG_CREDIT, stream);

    o.bad = leaves == 0;
    frame_opt_u64(&o, CREDIT_LEAVES, leaves);
    return frame_end(&o);
}

int msg_get_credit(struct slice body, uint32_t *leaves)
{
    struct wire w;
    struct frame_in in = frame_open(&w, body);

    *leaves = (uint32_t)frame_need_u64(&in, CREDIT_LEAVES, UINT32_MAX);
    return frame_close(&in, true);
}

/* ---- DROP, DROPPED ---- */

int msg_put_drop(struct buf *b, const struct msg_drop *m)
{
    struct frame_out o = frame_map(b, MSG_DROP, 0);

    frame_put_bin(&o, DROP_KEY, SLICE_OF(m->key.bytes), DIGEST_BYTES);
    frame_opt_u64(&o, DROP_NUMBER, m->number);
    frame_opt_bool(&o, DROP_RELAY, m->relay);
    return frame_end(&o);
}

int msg_get_drop(struct slice body, struct msg_drop *m)
{
    struct wire w;
    struct frame_in in = frame_open(&w, body);

    frame_need_fixed(&in, DROP_KEY, m->key.bytes, DIGEST_BYTES);
    m->number = frame_get_u64(&in, DROP_NUMBER, UINT64_MAX);
    m->relay = frame_get_bool(&in, DROP_RELAY);
    return frame_close(&in, true);
}

int msg_put_dropped(struct buf *b, uint64_t number)
{
    struct frame_out o = frame_map(b, MSG_DROPPED, 0);

    o.bad = number == 0;
    frame_opt_u64(&o, DROPPED_NUMBER, number);
    return frame_end(&o);
}

int msg_get_dropped(struct slice body, uint64_t *number)
{
    struct wire w;
    struct frame_in in = frame_open(&w, body);

    *number = frame_need_u64(&in, DROPPED_NUMBER, UINT64_MAX);
    return frame_close(&in, true);
}
