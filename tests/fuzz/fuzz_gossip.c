/* Whatever a peer says: what is refused changes nothing, what we then say ourselves can be
 * read, and the digest is that of the records. */
#include "gossip/gossip.h"
#include "gossip/payload.h"
#include "tests/fuzz/fuzz.h"

#define MEMBERS 6

static struct member_record record_of(unsigned i)
{
    struct member_record r = { .id = { { (uint8_t)(i + 1) } }, .boot = 3, .counter = i, .weight = 100, .serial = i };

    r.addrs[r.addrs_n++] = mesh_addr_v4(0x0a000000u + i, 7400);
    return r;
}

static void fuzz_start(void)
{
}

/* A payload of each kind with some records, graver each time. */
static void fuzz_sample(unsigned n, struct buf *out)
{
    struct payload p = { .kind = 1 + n % 5, .seq = 1 + n / 5, .view = 9, .boot = 3, .counter = 1 };
    struct buf raw = BUF_EMPTY;
    unsigned records = n / 4 % (MEMBERS + 2);

    p.has_target = p.kind == PAYLOAD_ASK || p.kind == PAYLOAD_NACK || n % 3 == 0;
    p.want = n % 5 == 0;
    p.origin_us = n % 6 == 0 ? 1000 * n : 0;
    p.parent = n % 12 == 0 ? 77 * n : 0;
    p.target = record_of(n / 8 % MEMBERS).id;
    for (unsigned i = 0; i < records; i++) {
        struct member_record r = record_of(i);
        r.state = (enum member_state)((n / 16 + i) % 4);
        r.counter += n % 7;
        member_record_put(&raw, &r);
    }
    payload_put(out, &p, buf_slice(&raw), records);
    buf_free(&raw);
}

static struct gossip *view_make(void)
{
    struct gossip_config cfg = { .self = record_of(0), .seed = 1 };
    struct gossip *g = gossip_new(&cfg, SEC(1));

    assert(g != NULL);
    for (unsigned i = 1; i < MEMBERS; i++) {
        struct member_record r = record_of(i);
        int err = gossip_learn(g, SEC(1), &r);
        assert(err == 0);
    }
    return g;
}

static void drain(struct gossip *g, mesh_ns now)
{
    static struct payload p;
    struct gossip_out out;

    while (gossip_poll(g, &out)) {
        if (out.kind == GOSSIP_SEND) {
            assert(out.addr.port != 0);
            int err = payload_get(out.payload, &p);
            assert(err == 0);
        }
        if (out.kind == GOSSIP_NEED_CERT && out.to.bytes[0] % 2 == 0)
            gossip_certified(g, now, &out.to);
    }
}

static void check(const struct gossip *g)
{
    const struct member_record *r;
    uint64_t sum = 0;

    for (size_t i = 0; (r = gossip_member(g, i)) != NULL; i++) {
        sum += member_record_hash(r);
        assert(gossip_find(g, &r->id) == r);
        assert(r->boot <= GOSSIP_BOOT_MAX);
    }
    assert(sum == gossip_digest(g));
    assert(gossip_member(g, 0)->state == MEMBER_ALIVE && gossip_member(g, 0)->boot == 3);
}

/* Twice the same payload, from a member and from a stranger, and then some time. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t senders[] = { 2, 200 };
    uint8_t *copy = fuzz_copy(data, size);

    for (size_t s = 0; s < 2; s++) {
        struct node_id from = { { senders[s] } };
        struct mesh_addr addr = mesh_addr_v4(0x7f000001, 1);
        struct gossip *g = view_make();
        drain(g, SEC(1));
        uint64_t was = gossip_digest(g);
        gossip_seen(g, &from, &addr);
        int err = gossip_recv(g, SEC(1), &from, slice_of(copy, size));
        assert(err <= 0 && (err == 0 || gossip_digest(g) == was));
        check(g);
        drain(g, SEC(1));
        uint64_t then = gossip_digest(g);
        int again = gossip_recv(g, SEC(1), &from, slice_of(copy, size));
        assert(again == err && (then == gossip_digest(g) || err == 0));
        while (gossip_deadline(g) < SEC(12)) {
            mesh_ns now = gossip_deadline(g);
            gossip_tick(g, now);
            drain(g, now);
        }
        check(g);
        gossip_free(g);
    }
    free(copy);
    return 0;
}
