/* The frames that carry an object: HEAD, BATCH, LEAF, SLIP. */
#include "proto/base/err.h"
#include "proto/frame.h"
#include "proto/msg.h"

#include <assert.h>

enum {
    HEAD_FORM = 1,
    HEAD_HEAD,
    HEAD_AGE,
    HEAD_SIGNER,
    HEAD_SIGNER_CERT,
    HEAD_SIGNATURE,
    HEAD_UNCACHEABLE,
    HEAD_LENGTH,
    HEAD_LEAF,
    HEAD_PARENT,
    HEAD_PARENT_HIT
};
enum { BATCH_FIRST = 1, BATCH_HASHES, BATCH_LENGTH, BATCH_SIGNATURE, BATCH_BEFORE };

static bool head_ok(const struct msg_head *m)
{
    if (m->form == HEAD_ONE)
        return m->has_length && m->length <= LEAF_BYTES;
    return m->form == HEAD_ALONE && (!m->has_length || m->length <= LEAF_BODY_MAX);
}

int msg_put_head(struct buf *b, uint32_t stream, const struct msg_head *m)
{
    struct frame_out o = frame_map(b, MSG_HEAD, stream);

    o.bad = !head_ok(m) || m->head.len == 0;
    frame_opt_u64(&o, HEAD_FORM, m->form);
    frame_opt_bin(&o, HEAD_HEAD, m->head, MSG_OBJECT_HEAD_MAX);
    frame_opt_u64(&o, HEAD_AGE, m->age_ms);
    frame_put_bin(&o, HEAD_SIGNER, SLICE_OF(m->signer.bytes), NODE_ID_BYTES);
    frame_opt_bin(&o, HEAD_SIGNER_CERT, m->signer_cert, CERT_BYTES_MAX);
    frame_put_bin(&o, HEAD_SIGNATURE, SLICE_OF(m->sig), SIGNATURE_BYTES);
    frame_opt_bool(&o, HEAD_UNCACHEABLE, m->uncacheable);
    if (m->has_length)
        frame_put_u64(&o, HEAD_LENGTH, m->length);
    if (m->form == HEAD_ONE)
        frame_put_bin(&o, HEAD_LEAF, SLICE_OF(m->leaf.bytes), DIGEST_BYTES);
    frame_opt_str(&o, HEAD_PARENT, m->parent, CERT_NAME_MAX);
    frame_opt_bool(&o, HEAD_PARENT_HIT, m->parent_hit);
    return frame_end(&o);
}

int msg_get_head(struct wire *w, struct slice body, struct msg_head *m)
{
    struct frame_in in = frame_open(w, body);

    m->form = (uint8_t)frame_need_u64(&in, HEAD_FORM, UINT8_MAX);
    m->head = frame_need_bin(&in, HEAD_HEAD, MSG_OBJECT_HEAD_MAX);
    m->age_ms = frame_get_u64(&in, HEAD_AGE, UINT64_MAX);
    frame_need_fixed(&in, HEAD_SIGNER, m->signer.bytes, NODE_ID_BYTES);
    m->signer_cert = frame_get_bin(&in, HEAD_SIGNER_CERT, CERT_BYTES_MAX);
    frame_need_fixed(&in, HEAD_SIGNATURE, m->sig, SIGNATURE_BYTES);
    m->uncacheable = frame_get_bool(&in, HEAD_UNCACHEABLE);
    m->length = 0;
    m->has_length = in.err == 0 && frame_took(&in, wire_u64(w->root, HEAD_LENGTH, &m->length), false);
    memset(&m->leaf, 0, sizeof(m->leaf));
    if (m->form == HEAD_ONE)
        frame_need_fixed(&in, HEAD_LEAF, m->leaf.bytes, DIGEST_BYTES);
    m->parent = frame_get_str(&in, HEAD_PARENT, CERT_NAME_MAX);
    m->parent_hit = frame_get_bool(&in, HEAD_PARENT_HIT);
    if (m->parent.len > 0 && !cert_name_ok(m->parent))
        in.err = MESH_E_RANGE;
    if (in.err == 0 && !head_ok(m))
        in.err = m->form == HEAD_ONE && !m->has_length ? MESH_E_MISSING : MESH_E_RANGE;
    return frame_close(&in, false);
}

int msg_put_batch_from(struct buf *b, uint32_t stream, const struct leaf_batch *batch, const struct digest *before,
                       const struct digest *hashes)
{
    struct frame_out o = frame_map(b, MSG_LEAF_BATCH, stream);

    o.bad = !leaf_batch_ok(batch);
    frame_opt_u64(&o, BATCH_FIRST, batch->first);
    frame_opt_bin(&o, BATCH_HASHES, slice_of(hashes, batch->count * sizeof(*hashes)), LEAF_BATCH_MAX * sizeof(*hashes));
    if (batch->final)
        frame_put_u64(&o, BATCH_LENGTH, batch->length);
    frame_put_bin(&o, BATCH_SIGNATURE, SLICE_OF(batch->sig), SIGNATURE_BYTES);
    if (before != NULL)
        frame_put_bin(&o, BATCH_BEFORE, SLICE_OF(before->bytes), DIGEST_BYTES);
    return frame_end(&o);
}

int msg_put_batch(struct buf *b, uint32_t stream, const struct leaf_batch *batch, const struct digest *hashes)
{
    return msg_put_batch_from(b, stream, batch, NULL, hashes);
}

static_assert(sizeof(struct digest) == DIGEST_BYTES, "digests lie in a frame one behind the other");

int msg_get_batch_from(struct slice body, struct leaf_batch *batch, struct digest *before, bool *has_before,
                       struct digest hashes[LEAF_BATCH_MAX])
{
    struct wire w;
    struct frame_in in = frame_open(&w, body);

    memset(batch, 0, sizeof(*batch));
    batch->first = (uint32_t)frame_get_u64(&in, BATCH_FIRST, UINT32_MAX);
    struct slice raw = frame_get_bin(&in, BATCH_HASHES, LEAF_BATCH_MAX * DIGEST_BYTES);
    batch->final = in.err == 0 && frame_took(&in, wire_u64(w.root, BATCH_LENGTH, &batch->length), false);
    frame_need_fixed(&in, BATCH_SIGNATURE, batch->sig, SIGNATURE_BYTES);
    *has_before = in.err == 0 && frame_took(&in, wire_fixed(w.root, BATCH_BEFORE, before->bytes, DIGEST_BYTES), false);
    batch->count = (uint32_t)(raw.len / DIGEST_BYTES);
    if (raw.len > 0)
        memcpy(hashes, raw.data, batch->count * sizeof(*hashes));
    if (in.err == 0 && (raw.len % DIGEST_BYTES != 0 || !leaf_batch_ok(batch)))
        in.err = MESH_E_RANGE;
    return frame_close(&in, true);
}

int msg_get_batch(struct slice body, struct leaf_batch *batch, struct digest hashes[LEAF_BATCH_MAX])
{
    struct digest before;
    bool has_before;
    return msg_get_batch_from(body, batch, &before, &has_before, hashes);
}

#define LEAF_HEAD_BYTES 9 /* index u32, encoding u8, raw length u32 */

static bool leaf_ok(const struct msg_leaf *m)
{
    if (m->index == LEAF_COUNT_MAX || m->raw_len == 0 || m->raw_len > LEAF_BYTES)
        return false;
    switch (m->encoding) {
    case LEAF_RAW: return m->bytes.len == m->raw_len;
    case LEAF_ZSTD: return m->bytes.len > 0 && m->bytes.len < m->raw_len;
    case LEAF_JOINED: return m->bytes.len == 0;
    default: return false;
    }
}

int msg_put_leaf(struct buf *b, uint32_t stream, const struct msg_leaf *m)
{
    struct frame_out o = frame_begin(b, MSG_LEAF, stream);

    o.bad = !leaf_ok(m);
    buf_add_u32(b, m->index);
    buf_add_u8(b, m->encoding);
    buf_add_u32(b, m->raw_len);
    buf_add_slice(b, m->bytes);
    return frame_end(&o);
}

int msg_get_leaf(struct slice body, struct msg_leaf *m)
{
    if (body.len < LEAF_HEAD_BYTES)
        return MESH_E_SHORT;
    m->index = be32_get(body.data);
    m->encoding = body.data[4];
    m->raw_len = be32_get(body.data + 5);
    m->bytes = slice_from(body, LEAF_HEAD_BYTES);
    return leaf_ok(m) ? 0 : MESH_E_RANGE;
}

#define SLIP_HEAD_BYTES (8 + SIGNATURE_BYTES) /* index u32, offset u32, signature */

int msg_put_slip(struct buf *b, uint32_t stream, const struct msg_slip *m)
{
    struct frame_out o = frame_begin(b, MSG_SLIP, stream);

    o.bad = !leaf_slip_ok(m->index, m->offset, m->bytes.len);
    buf_add_u32(b, m->index);
    buf_add_u32(b, m->offset);
    buf_add(b, m->sig, SIGNATURE_BYTES);
    buf_add_slice(b, m->bytes);
    return frame_end(&o);
}

int msg_get_slip(struct slice body, struct msg_slip *m)
{
    if (body.len < SLIP_HEAD_BYTES)
        return MESH_E_SHORT;
    m->index = be32_get(body.data);
    m->offset = be32_get(body.data + 4);
    memcpy(m->sig, body.data + 8, SIGNATURE_BYTES);
    m->bytes = slice_from(body, SLIP_HEAD_BYTES);
    return leaf_slip_ok(m->index, m->offset, m->bytes.len) ? 0 : MESH_E_RANGE;
}
