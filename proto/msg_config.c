/* The frames that the configuration travels in. */
#include "proto/msg.h"

#include "proto/base/err.h"
#include "proto/frame.h"

/* Keys of the maps. A key is never given another meaning. */
enum { CONFIG_COUNTER = 1, CONFIG_HASH, CONFIG_KEPT, CONFIG_REPLY, CONFIG_REFUSED };
enum { PART_HASH = 1, PART_PIECE, PART_WANT, PART_BYTES, PART_PACKED, PART_GONE };

int msg_put_config(struct buf *b, const struct msg_config *m)
{
    struct frame_out o = frame_map(b, MSG_CONFIG, 0);

    frame_opt_u64(&o, CONFIG_COUNTER, m->version.counter);
    if (m->version.counter > 0)
        frame_put_bin(&o, CONFIG_HASH, SLICE_OF(m->version.hash.bytes), DIGEST_BYTES);
    frame_opt_bool(&o, CONFIG_KEPT, m->kept);
    frame_opt_bool(&o, CONFIG_REPLY, m->reply);
    if (m->has_refused)
        frame_put_bin(&o, CONFIG_REFUSED, SLICE_OF(m->refused.bytes), DIGEST_BYTES);
    return frame_end(&o);
}

int msg_get_config(struct slice body, struct msg_config *m)
{
    struct wire w;
    struct frame_in in = frame_open(&w, body);
    struct slice refused;

    *m = (struct msg_config){ .version.counter = frame_get_u64(&in, CONFIG_COUNTER, CONFIG_COUNTER_MAX) };
    if (m->version.counter > 0)
        frame_need_fixed(&in, CONFIG_HASH, m->version.hash.bytes, DIGEST_BYTES);
    m->kept = frame_get_bool(&in, CONFIG_KEPT);
    m->reply = frame_get_bool(&in, CONFIG_REPLY);
    refused = frame_get_bin(&in, CONFIG_REFUSED, DIGEST_BYTES);
    if (in.err == 0 && refused.len > 0) {
        if (refused.len != DIGEST_BYTES)
            in.err = MESH_E_RANGE;
        else
            memcpy(m->refused.bytes, refused.data, DIGEST_BYTES);
        m->has_refused = in.err == 0;
    }
    return frame_close(&in, true);
}

int msg_put_config_part(struct buf *b, const struct msg_config_part *m)
{
    struct frame_out o = frame_map(b, MSG_CONFIG_PART, 0);

    o.bad = m->want > MSG_CONFIG_WANT_MAX;
    frame_put_bin(&o, PART_HASH, SLICE_OF(m->hash.bytes), DIGEST_BYTES);
    frame_opt_u64(&o, PART_PIECE, m->piece);
    frame_opt_u64(&o, PART_WANT, m->want);
    frame_opt_bin(&o, PART_BYTES, m->bytes, CONFIG_PIECE);
    frame_opt_bool(&o, PART_PACKED, m->packed);
    frame_opt_bool(&o, PART_GONE, m->gone);
    return frame_end(&o);
}

int msg_get_config_part(struct wire *w, struct slice body, struct msg_config_part *m)
{
    struct frame_in in = frame_open(w, body);

    *m = (struct msg_config_part){ .want = 0 };
    frame_need_fixed(&in, PART_HASH, m->hash.bytes, DIGEST_BYTES);
    m->piece = (uint32_t)frame_get_u64(&in, PART_PIECE, UINT32_MAX);
    m->want = (uint32_t)frame_get_u64(&in, PART_WANT, MSG_CONFIG_WANT_MAX);
    m->bytes = frame_get_bin(&in, PART_BYTES, CONFIG_PIECE);
    m->packed = frame_get_bool(&in, PART_PACKED);
    m->gone = frame_get_bool(&in, PART_GONE);
    return frame_close(&in, false);
}
