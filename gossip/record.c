/* record.c - a member's record: bytes, order and hash. */
#include "gossip/payload.h"
#include "proto/base/err.h"

#define FIELDS_MIN 7
#define FIELDS_MAX 16 /* later versions may add some behind ours */

const char *member_state_word(enum member_state s)
{
    static const char *const words[] = {
#define X(name, word) word,
        MEMBER_STATES(X)
#undef X
    };

    return words[s];
}

static void addr_put(struct buf *b, const struct mesh_addr *a)
{
    uint8_t raw[18];
    size_t skip = mesh_addr_is_v4(a) ? 12 : 0;

    memcpy(raw, a->ip, 16);
    be16_put(raw + 16, a->port);
    wire_put_bin(b, slice_of(raw + skip, sizeof(raw) - skip));
}

static int addr_read(const wire_value *v, struct mesh_addr *a)
{
    struct slice s = SLICE_EMPTY;
    int err = wire_as_bin(v, &s);

    if (err != 0)
        return err;
    if (s.len == 6) {
        *a = mesh_addr_v4(be32_get(s.data), be16_get(s.data + 4));
    } else if (s.len == 18) {
        memcpy(a->ip, s.data, 16);
        a->port = be16_get(s.data + 16);
        if (mesh_addr_is_v4(a)) /* one form for one address */
            return MESH_E_SYNTAX;
    } else {
        return MESH_E_RANGE;
    }
    return a->port != 0 ? 0 : MESH_E_RANGE;
}

void member_record_put(struct buf *b, const struct member_record *r)
{
    wire_put_array(b, FIELDS_MIN);
    wire_put_bin(b, SLICE_OF(r->id.bytes));
    wire_put_u64(b, r->boot);
    wire_put_u64(b, r->counter);
    wire_put_u64(b, r->state);
    wire_put_array(b, (uint32_t)r->addrs_n);
    for (size_t i = 0; i < r->addrs_n; i++)
        addr_put(b, &r->addrs[i]);
    wire_put_u64(b, r->weight);
    wire_put_u64(b, r->serial);
}

static int u64_read(const wire_value *array, size_t i, uint64_t max, uint64_t *out)
{
    int err = wire_as_u64(wire_at(array, i), out);
    return err != 0 ? err : *out > max ? MESH_E_RANGE : 0;
}

static int addrs_read(const wire_value *v, struct member_record *r)
{
    int64_t n = wire_as_array(v);

    if (n < 0)
        return (int)n;
    if (n > GOSSIP_ADDRS_MAX)
        return MESH_E_RANGE;
    r->addrs_n = (size_t)n;
    for (size_t i = 0; i < r->addrs_n; i++) {
        int err = addr_read(wire_at(v, i), &r->addrs[i]);
        if (err != 0)
            return err;
    }
    return 0;
}

int member_record_read(const wire_value *v, struct member_record *r)
{
    struct slice id = SLICE_EMPTY;
    uint64_t counter, state, weight;
    int err;

    *r = (struct member_record){ .addrs_n = 0 };
    int64_t n = wire_as_array(v);
    if (n < 0)
        return (int)n;
    if (n < FIELDS_MIN || n > FIELDS_MAX)
        return MESH_E_RANGE;
    if ((err = wire_as_bin(wire_at(v, 0), &id)) != 0)
        return err;
    if (id.len != NODE_ID_BYTES)
        return MESH_E_RANGE;
    memcpy(r->id.bytes, id.data, NODE_ID_BYTES);
    if ((err = u64_read(v, 1, GOSSIP_BOOT_MAX, &r->boot)) != 0 || (err = u64_read(v, 2, UINT32_MAX, &counter)) != 0 ||
        (err = u64_read(v, 3, MEMBER_LEFT, &state)) != 0 || (err = addrs_read(wire_at(v, 4), r)) != 0 ||
        (err = u64_read(v, 5, UINT32_MAX, &weight)) != 0 || (err = u64_read(v, 6, UINT64_MAX, &r->serial)) != 0)
        return err;
    r->counter = (uint32_t)counter;
    r->state = (enum member_state)state;
    r->weight = (uint32_t)weight;
    return 0;
}

int member_record_get(struct slice bytes, struct member_record *r)
{
    struct wire w;

    int err = wire_open(&w, bytes, true);
    if (err != 0)
        return err;
    err = member_record_read(w.root, r);
    wire_close(&w);
    return err;
}

int incarnation_cmp(uint64_t boot_a, uint32_t counter_a, uint64_t boot_b, uint32_t counter_b)
{
    if (boot_a != boot_b)
        return boot_a < boot_b ? -1 : 1;
    return (counter_a > counter_b) - (counter_a < counter_b);
}

bool member_record_same_facts(const struct member_record *a, const struct member_record *b)
{
    if (a->weight != b->weight || a->serial != b->serial || a->addrs_n != b->addrs_n)
        return false;
    for (size_t i = 0; i < a->addrs_n; i++) {
        if (!mesh_addr_eq(&a->addrs[i], &b->addrs[i]))
            return false;
    }
    return true;
}

int member_record_cmp(const struct member_record *a, const struct member_record *b)
{
    int cmp = incarnation_cmp(a->boot, a->counter, b->boot, b->counter);

    if (cmp != 0)
        return cmp;
    if (a->state != b->state)
        return a->state < b->state ? -1 : 1;
    if (member_record_same_facts(a, b))
        return 0;
    return member_record_hash(a) < member_record_hash(b) ? -1 : 1;
}

uint64_t member_record_hash(const struct member_record *r)
{
    struct buf b = BUF_EMPTY;
    struct digest d;
    uint64_t hash = 0;

    member_record_put(&b, r);
    if (buf_ok(&b)) {
        digest_one(&d, buf_slice(&b));
        hash = digest_u64(&d);
    }
    buf_free(&b);
    return hash;
}
