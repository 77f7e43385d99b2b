/* Every frame decoder: what it takes, the encoder makes again and the decoder takes again. */
#include "proto/base/err.h"
#include "proto/msg.h"
#include "proto/record.h"
#include "tests/fuzz/fuzz.h"

static void fuzz_start(void)
{
}

static void put_some(unsigned n, struct buf *b)
{
    static const uint8_t sums[16 * 12] = { 1, 2, 3 };
    struct msg_members_out members = { .settled = n % 5,
                                       .placed = n % 3 == 0,
                                       .sums = slice_of(sums, n % 2 * sizeof(sums)),
                                       .diff = slice_of(sums, n % 4) };
    struct msg_purge_out purges = { .cert = SLICE_LIT("cert") };
    struct digest hashes[2] = { { { 1 } }, { { 2 } } };
    struct leaf_batch batch = { .first = 3, .count = 2, .final = n % 2 == 0 };
    struct msg_hello hello = { 1, { 2, 3 }, { { 4 } }, SLICE_LIT("version"), 7400, { { 9 }, 7401 } };
    struct msg_ask ask = { { { 1 } },
                           SLICE_LIT("photos"),
                           SLICE_LIT("host"),
                           SLICE_LIT("/path"),
                           SLICE_LIT("id"),
                           1,
                           2,
                           3,
                           4,
                           1,
                           0,
                           1,
                           5,
                           6,
                           7,
                           SLICE_LIT("fields"),
                           8,
                           9,
                           10 };
    struct msg_answer answer = { ANSWER_NOT_OWNER, NOT_OWNER_RING, 9, 50, n % 2 == 0, { { 7 } } };
    struct msg_head head = { .form = (uint8_t)(1 + n % 2),
                             .head = SLICE_LIT("head"),
                             .has_length = true,
                             .length = 9,
                             .parent = n % 3 == 0 ? SLICE_LIT("us-1") : SLICE_EMPTY,
                             .parent_hit = n % 3 == 0 };
    struct msg_leaf leaf = { 1, LEAF_RAW, 3, SLICE_LIT("raw") };
    struct msg_slip slip = { .index = 1, .offset = 2, .bytes = SLICE_LIT("piece") };

    batch.length = batch.final ? 5 * LEAF_BYTES : 0;
    switch (n % 19) {
    case 0: msg_put_hello(b, &hello); break;
    case 1: msg_put_refuse(b, REFUSE_BUSY); break;
    case 2:
        msg_members_add(&members, SLICE_LIT("cert"), SLICE_LIT("record"));
        msg_put_members(b, &members, true);
        break;
    case 3: msg_put_ask(b, 1, &ask); break;
    case 4: msg_put_answer(b, 1, &answer); break;
    case 5:
    case 6: msg_put_head(b, 1, &head); break;
    case 7: msg_put_batch_from(b, 1, &batch, &hashes[0], hashes); break;
    case 8: msg_put_leaf(b, 1, &leaf); break;
    case 9: msg_put_slip(b, 1, &slip); break;
    case 10: msg_put_abort(b, 1, ABORT_ORIGIN, 502); break;
    case 11: msg_put_credit(b, 1, 8); break;
    case 13: msg_put_drop(b, &(struct msg_drop){ .number = 9, .relay = true }); break;
    case 14: msg_put_dropped(b, 9); break;
    case 15:
        purges.folded = n % 2 == 0;
        msg_purge_add(&purges, SLICE_LIT("a purge"));
        msg_put_purge(b, &purges);
        break;
    case 16: msg_put_purged(b, &(struct msg_purged){ .begun = 3, .number = 4, .at_s = 5 }); break;
    case 17:
        msg_put_frontier(b, &(struct msg_frontier){ 7, n % 5, n % 3, n % 2 == 0, slice_of(sums, n % 2 * 64) });
        break;
    case 18: msg_put_take(b, &(struct msg_take){ .what = ask, .reason = TAKE_WARM }); break;
    case 12: msg_put_roll(b, &(struct msg_roll){ 7, 8, SLICE_LIT("roll") }); break;
    }
}

static void fuzz_sample(unsigned n, struct buf *b)
{
    put_some(n, b);
    assert(b->len > 0);
}

/* Decodes |f| and, if that went well, encodes it to |b|. */
static int again(const struct msg_frame *f, struct buf *b)
{
    struct wire w = { NULL, NULL };
    struct msg_members_out out = { .n = 0 };
    struct msg_purge_out purges = { .n = 0 };
    struct slice cert, record;
    struct digest hashes[LEAF_BATCH_MAX], before;
    unsigned reason, status;
    uint32_t leaves;
    bool has_before;
    int err = 0, put = 0;
    union {
        struct msg_hello hello;
        struct msg_members members;
        struct msg_roll roll;
        struct msg_config config;
        struct msg_config_part part;
        struct msg_purge purge;
        struct msg_purged purged;
        struct msg_frontier frontier;
        struct msg_drop drop;
        uint64_t number;
        struct msg_take take;
        struct msg_ask ask;
        struct msg_answer answer;
        struct msg_head head;
        struct leaf_batch batch;
        struct msg_leaf leaf;
        struct msg_slip slip;
    } m;

    switch (f->type) {
    case MSG_HELLO:
        if ((err = msg_get_hello(&w, f->body, &m.hello)) == 0)
            put = msg_put_hello(b, &m.hello);
        break;
    case MSG_REFUSE:
        if ((err = msg_get_refuse(f->body, &reason)) == 0)
            put = msg_put_refuse(b, reason);
        break;
    case MSG_MEMBERS:
        if ((err = msg_get_members(&w, f->body, &m.members)) != 0)
            break;
        out.settled = m.members.settled;
        out.placed = m.members.placed;
        out.sums = m.members.sums;
        out.diff = m.members.diff;
        for (size_t i = 0; i < m.members.n; i++) {
            err = msg_members_item(&m.members, i, &cert, &record);
            assert(err == 0);
            if (record.len < RECORD_PLAIN_MAX / 4)
                msg_members_add(&out, cert, record);
        }
        put = msg_put_members(b, &out, m.members.reply_wanted);
        break;
    case MSG_ROLL:
        if ((err = msg_get_roll(&w, f->body, &m.roll)) == 0)
            put = msg_put_roll(b, &m.roll);
        break;
    case MSG_CONFIG:
        if ((err = msg_get_config(f->body, &m.config)) == 0)
            put = msg_put_config(b, &m.config);
        break;
    case MSG_CONFIG_PART:
        if ((err = msg_get_config_part(&w, f->body, &m.part)) == 0)
            put = msg_put_config_part(b, &m.part);
        break;
    case MSG_PURGE:
        if ((err = msg_get_purge(&w, f->body, &m.purge)) != 0)
            break;
        purges.cert = m.purge.cert;
        purges.folded = m.purge.folded;
        for (size_t i = 0; i < m.purge.n; i++)
            msg_purge_add(&purges, msg_purge_item(&m.purge, i));
        put = msg_put_purge(b, &purges);
        break;
    case MSG_PURGED:
        if ((err = msg_get_purged(f->body, &m.purged)) == 0)
            put = msg_put_purged(b, &m.purged);
        break;
    case MSG_FRONTIER:
        if ((err = msg_get_frontier(&w, f->body, &m.frontier)) == 0)
            put = msg_put_frontier(b, &m.frontier);
        break;
    case MSG_TAKE:
        if ((err = msg_get_take(&w, f->body, &m.take)) == 0)
            put = msg_put_take(b, &m.take);
        break;
    case MSG_ASK:
        if ((err = msg_get_ask(&w, f->body, &m.ask)) == 0)
            put = msg_put_ask(b, f->stream, &m.ask);
        break;
    case MSG_ANSWER:
        if ((err = msg_get_answer(f->body, &m.answer)) == 0)
            put = msg_put_answer(b, f->stream, &m.answer);
        break;
    case MSG_HEAD:
        if ((err = msg_get_head(&w, f->body, &m.head)) == 0)
            put = msg_put_head(b, f->stream, &m.head);
        break;
    case MSG_LEAF_BATCH:
        if ((err = msg_get_batch_from(f->body, &m.batch, &before, &has_before, hashes)) == 0)
            put = msg_put_batch_from(b, f->stream, &m.batch, has_before ? &before : NULL, hashes);
        break;
    case MSG_LEAF:
        if ((err = msg_get_leaf(f->body, &m.leaf)) == 0)
            put = msg_put_leaf(b, f->stream, &m.leaf);
        break;
    case MSG_SLIP:
        if ((err = msg_get_slip(f->body, &m.slip)) == 0)
            put = msg_put_slip(b, f->stream, &m.slip);
        break;
    case MSG_ABORT:
        if ((err = msg_get_abort(f->body, &reason, &status)) == 0)
            put = msg_put_abort(b, f->stream, reason, status);
        break;
    case MSG_DROP:
        if ((err = msg_get_drop(f->body, &m.drop)) == 0)
            put = msg_put_drop(b, &m.drop);
        break;
    case MSG_DROPPED:
        if ((err = msg_get_dropped(f->body, &m.number)) == 0)
            put = msg_put_dropped(b, m.number);
        break;
    case MSG_CREDIT:
        if ((err = msg_get_credit(f->body, &leaves)) == 0)
            put = msg_put_credit(b, f->stream, leaves);
        break;
    default: err = MESH_E_UNKNOWN; break;
    }
    assert(err <= 0 && put == 0);
    assert(err == 0 || w.zone == NULL);
    wire_close(&w);
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct msg_frame f;
    struct preamble p;
    struct buf once = BUF_EMPTY, twice = BUF_EMPTY;
    uint8_t *copy = fuzz_copy(data, size);

    preamble_get(slice_of(copy, size), &p);
    if (size <= RECORD_PLAIN_MAX && msg_open(slice_of(copy, size), &f) == 0 && again(&f, &once) == 0) {
        /* What is not known was dropped; from then on nothing changes any more. */
        int err = msg_open(buf_slice(&once), &f);
        assert(err == 0);
        err = again(&f, &twice);
        assert(err == 0 && slice_eq(buf_slice(&once), buf_slice(&twice)));
    }
    buf_free(&once);
    buf_free(&twice);
    free(copy);
    return 0;
}
