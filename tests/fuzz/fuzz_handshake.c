/* The first byte chooses a pattern and how far the handshake has come; the rest is what
 * the other side sends then, as handshake message or as record. Nothing but the true
 * bytes is taken; only XX's first message, in clear, may be anything. */
#include "proto/base/err.h"
#include "proto/handshake.h"
#include "proto/record.h"
#include "tests/fuzz/fuzz.h"

#define STATES   6 /* XX: messages 0, 1, 2 and records; IK: messages 0, 1 */
#define RECORDS  3
#define FIRST_IK 4

static uint8_t secret[2][32], key[2][32], ephemeral[2][32];

static void fuzz_start(void)
{
    for (int i = 0; i < 2; i++) {
        crypto_box_keypair(key[i], secret[i]);
        secret_random(ephemeral[i], 32);
    }
}

/* Runs to |state|: |expected| is what the true peer sends then, |reader| who reads it. */
static void run_to(unsigned state, struct buf *expected, struct handshake *reader, struct record_half *half)
{
    bool ik = state >= FIRST_IK;
    unsigned messages = ik ? state - FIRST_IK : state;
    struct handshake ends[2];
    struct buf payload = BUF_EMPTY;
    uint8_t send[32], recv[32];

    for (int i = 0; i < 2; i++) {
        handshake_init(&ends[i], ik ? HANDSHAKE_IK : HANDSHAKE_XX, i == 0 ? HANDSHAKE_INITIATOR : HANDSHAKE_RESPONDER,
                       secret[i], key[i], ik && i == 0 ? key[1] : NULL, SLICE_LIT("prologue"));
        handshake_fix_ephemeral(&ends[i], ephemeral[i]);
    }
    for (unsigned i = 0; i <= messages && !handshake_done(&ends[1 - i % 2]); i++) {
        buf_clear(expected);
        int err = handshake_write(&ends[i % 2], SLICE_LIT("a certificate"), expected);
        assert(err == 0);
        *reader = ends[1 - i % 2];
        err = i < messages ? handshake_read(&ends[1 - i % 2], buf_slice(expected), &payload) : 0;
        assert(err == 0);
    }
    if (state == RECORDS) {
        handshake_split(&ends[0], send, recv);
        int err = record_init(half, RECORD_CHACHA20_POLY1305, send);
        assert(err == 0);
        buf_clear(expected);
        size_t mark = record_begin(expected);
        buf_add_str(expected, "a frame");
        err = record_finish(half, expected, mark);
        assert(err == 0);
        err = record_init(half, RECORD_CHACHA20_POLY1305, send);
        assert(err == 0);
    }
    buf_free(&payload);
}

static void fuzz_sample(unsigned n, struct buf *b)
{
    struct buf expected = BUF_EMPTY;
    struct handshake reader;
    struct record_half half;

    run_to(n % STATES, &expected, &reader, &half);
    buf_add_u8(b, (uint8_t)(n % STATES));
    buf_add_slice(b, buf_slice(&expected));
    buf_free(&expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf expected = BUF_EMPTY, payload = BUF_EMPTY;
    struct handshake reader;
    struct record_half half;
    struct slice plain;
    size_t used = 0;

    if (size == 0)
        return 0;
    unsigned state = data[0] % STATES;
    uint8_t *copy = fuzz_copy(data + 1, size - 1);
    struct slice bytes = slice_of(copy, size - 1);
    run_to(state, &expected, &reader, &half);
    bool same = slice_eq(bytes, buf_slice(&expected));
    if (state == RECORDS) {
        same = slice_eq(slice_head(bytes, expected.len), buf_slice(&expected));
        int err = record_open(&half, copy, size - 1, &used, &plain);
        assert((err == 0) == same);
        if (err == 0)
            assert(used == expected.len && slice_eq(plain, SLICE_LIT("a frame")));
    } else {
        int err = handshake_read(&reader, bytes, &payload);
        if (state == 0)
            assert((err == 0) == (bytes.len >= 32 && bytes.len <= HANDSHAKE_MESSAGE_MAX));
        else
            assert((err == 0) == same);
        assert(err == 0 || (payload.len == 0 && handshake_remote(&reader) == NULL));
        if (err == 0 && handshake_my_turn(&reader)) {
            buf_clear(&expected);
            handshake_write(&reader, SLICE_LIT("answer"), &expected);
        }
    }
    buf_free(&expected);
    buf_free(&payload);
    free(copy);
    return 0;
}
