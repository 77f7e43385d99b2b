#include "gossip/payload.h"

#include "proto/base/err.h"

/* Keys of the map. */
enum {
    KEY_KIND = 1,
    KEY_SEQ,
    KEY_VIEW,
    KEY_BOOT,
    KEY_COUNTER,
    KEY_TARGET,
    KEY_WANT,
    KEY_RECORDS,
    KEY_ROLL = 12,
    KEY_ORIGIN,
    KEY_PARENT,
    KEY_CONFIG
};

static int optional(int err)
{
    return err == MESH_E_MISSING ? 0 : err;
}

static int u32_get(const wire_value *map, uint64_t key, uint32_t *out)
{
    uint64_t v = 0;
    int err = wire_u64(map, key, &v);

    if (err == 0 && v > UINT32_MAX)
        err = MESH_E_RANGE;
    *out = (uint32_t)v;
    return err;
}

static int target_get(const wire_value *map, struct payload *p)
{
    int err = wire_fixed(map, KEY_TARGET, p->target.bytes, NODE_ID_BYTES);

    p->has_target = err == 0;
    if (err == MESH_E_MISSING && p->kind != PAYLOAD_ASK && p->kind != PAYLOAD_NACK)
        err = 0;
    return err;
}

static int records_get(const wire_value *map, struct payload *p)
{
    const wire_value *array = NULL;
    size_t n = 0;

    int err = wire_array(map, KEY_RECORDS, &array, &n);
    if (err != 0)
        return optional(err);
    if (n > PAYLOAD_RECORDS_MAX)
        return MESH_E_RANGE;
    for (size_t i = 0; i < n; i++) {
        if ((err = member_record_read(wire_at(array, i), &p->records[i])) != 0)
            return err;
    }
    p->records_n = n;
    return 0;
}

int payload_get(struct slice bytes, struct payload *p)
{
    struct wire w;
    int err;

    if (bytes.len > GOSSIP_PAYLOAD_MAX)
        return MESH_E_RANGE;
    if ((err = wire_open(&w, bytes, true)) != 0)
        return err;
    p->records_n = 0;
    p->want = false;
    p->roll = 0;
    p->origin_us = p->parent = 0;
    p->config = 0;
    if ((err = wire_u64(w.root, KEY_KIND, &p->kind)) != 0 || (err = wire_u64(w.root, KEY_SEQ, &p->seq)) != 0 ||
        (err = wire_u64(w.root, KEY_VIEW, &p->view)) != 0 || (err = wire_u64(w.root, KEY_BOOT, &p->boot)) != 0 ||
        (err = u32_get(w.root, KEY_COUNTER, &p->counter)) != 0 || (err = target_get(w.root, p)) != 0 ||
        (err = optional(wire_bool(w.root, KEY_WANT, &p->want))) != 0 || (err = records_get(w.root, p)) != 0 ||
        (err = optional(wire_u64(w.root, KEY_ROLL, &p->roll))) != 0 ||
        (err = optional(u32_get(w.root, KEY_ORIGIN, &p->origin_us))) != 0 ||
        (err = optional(u32_get(w.root, KEY_PARENT, &p->parent))) != 0 ||
        (err = optional(wire_u64(w.root, KEY_CONFIG, &p->config))) != 0)
        goto out;
    if (p->boot > GOSSIP_BOOT_MAX)
        err = MESH_E_RANGE;
out:
    wire_close(&w);
    return err;
}

void payload_put(struct buf *b, const struct payload *p, struct slice records, size_t records_n)
{
    wire_put_map(b, 5u + p->has_target + p->want + (records_n > 0) + (p->roll > 0) + (p->origin_us > 0) +
                        (p->parent > 0) + (p->config > 0));
    wire_put_u64(b, KEY_KIND);
    wire_put_u64(b, p->kind);
    wire_put_u64(b, KEY_SEQ);
    wire_put_u64(b, p->seq);
    wire_put_u64(b, KEY_VIEW);
    wire_put_u64(b, p->view);
    wire_put_u64(b, KEY_BOOT);
    wire_put_u64(b, p->boot);
    wire_put_u64(b, KEY_COUNTER);
    wire_put_u64(b, p->counter);
    if (p->has_target) {
        wire_put_u64(b, KEY_TARGET);
        wire_put_bin(b, SLICE_OF(p->target.bytes));
    }
    if (p->want) {
        wire_put_u64(b, KEY_WANT);
        wire_put_bool(b, true);
    }
    if (records_n > 0) {
        wire_put_u64(b, KEY_RECORDS);
        wire_put_array(b, (uint32_t)records_n);
        wire_put_raw(b, records);
    }
    if (p->roll > 0) {
        wire_put_u64(b, KEY_ROLL);
        wire_put_u64(b, p->roll);
    }
    if (p->origin_us > 0) {
        wire_put_u64(b, KEY_ORIGIN);
        wire_put_u64(b, p->origin_us);
    }
    if (p->parent > 0) {
        wire_put_u64(b, KEY_PARENT);
        wire_put_u64(b, p->parent);
    }
    if (p->config > 0) {
        wire_put_u64(b, KEY_CONFIG);
        wire_put_u64(b, p->config);
    }
}
