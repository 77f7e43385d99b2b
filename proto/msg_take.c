/* The frame by which a node is told to take a copy: TAKE. What is to be taken is named by the fields of an ask, under
 * the same keys. */
#include "proto/frame.h"
#include "proto/msg.h"

enum {
    TAKE_KEY = 1,
    TAKE_DISTRIBUTION = 2,
    TAKE_HOST = 3,
    TAKE_PATH = 4,
    TAKE_CONFIG = 7,
    TAKE_FLAGS = 12,
    TAKE_GENERATION = 13,
    TAKE_FIRST_LEAF = 14,
    TAKE_FIELDS = 16,
    TAKE_REASON = 32
};

int msg_put_take(struct buf *b, const struct msg_take *m)
{
    struct frame_out o = frame_map(b, MSG_TAKE, 0);
    const struct msg_ask *what = &m->what;

    o.bad = what->distribution.len == 0 || what->path.len == 0 || m->reason == 0;
    frame_put_bin(&o, TAKE_KEY, SLICE_OF(what->key.bytes), DIGEST_BYTES);
    frame_opt_str(&o, TAKE_DISTRIBUTION, what->distribution, MSG_NAME_MAX);
    frame_opt_str(&o, TAKE_HOST, what->host, MSG_HOST_MAX);
    frame_opt_str(&o, TAKE_PATH, what->path, MSG_PATH_MAX);
    frame_opt_u64(&o, TAKE_CONFIG, what->config);
    frame_opt_u64(&o, TAKE_FLAGS, what->flags);
    frame_opt_u64(&o, TAKE_GENERATION, what->generation);
    frame_opt_u64(&o, TAKE_FIRST_LEAF, what->first_leaf);
    frame_opt_bin(&o, TAKE_FIELDS, what->fields, MSG_FIELDS_MAX);
    frame_opt_u64(&o, TAKE_REASON, m->reason);
    return frame_end(&o);
}

int msg_get_take(struct wire *w, struct slice body, struct msg_take *m)
{
    struct frame_in in = frame_open(w, body);
    struct msg_ask *what = &m->what;

    memset(m, 0, sizeof(*m));
    frame_need_fixed(&in, TAKE_KEY, what->key.bytes, DIGEST_BYTES);
    what->distribution = frame_need_str(&in, TAKE_DISTRIBUTION, MSG_NAME_MAX);
    what->host = frame_get_str(&in, TAKE_HOST, MSG_HOST_MAX);
    what->path = frame_need_str(&in, TAKE_PATH, MSG_PATH_MAX);
    what->config = frame_get_u64(&in, TAKE_CONFIG, UINT64_MAX);
    what->flags = (uint32_t)frame_get_u64(&in, TAKE_FLAGS, UINT32_MAX);
    what->generation = frame_get_u64(&in, TAKE_GENERATION, UINT64_MAX);
    what->first_leaf = (uint32_t)frame_get_u64(&in, TAKE_FIRST_LEAF, UINT32_MAX);
    what->fields = frame_get_bin(&in, TAKE_FIELDS, MSG_FIELDS_MAX);
    m->reason = (uint8_t)frame_need_u64(&in, TAKE_REASON, UINT8_MAX);
    return frame_close(&in, false);
}
