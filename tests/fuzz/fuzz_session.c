/* fuzz_session.c - bytes of a stranger, and frames of a peer that holds the keys.
 * The first byte says which: who is dialled with what pattern, and whether the rest is
 * fed to a session as it is, mixed into an honest handshake, or sealed as frames. */
#include <assert.h>
#include <stdlib.h>

#include "node/core/session.h"
#include "proto/base/err.h"

#define NOW INT64_C(1800000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct identity ann, bob;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct authority a;
    struct admission what = { .zone = SLICE_LIT("eu/fra"), .not_after_s = NOW + 1000, .serial = 1 };

    (void)argc;
    (void)argv;
    int err = crypto_start();
    authority_make(&a, 16);
    what.name = SLICE_LIT("ann");
    err |= authority_admit(&ann, &a, &what);
    what.name = SLICE_LIT("bob");
    err |= authority_admit(&bob, &a, &what);
    return err;
}

/* Every frame that the session shows is one that the engine would decode. */
static void decode(const struct msg_frame *f)
{
    struct msg_members members;
    struct slice cert, record;
    struct wire w = { 0 };

    if (f->type != MSG_MEMBERS || msg_get_members(&w, f->body, &members) != 0)
        return;
    for (size_t i = 0; i < members.n; i++)
        msg_members_item(&members, i, &cert, &record);
    wire_close(&w);
}

static void feed(struct session *s, struct slice bytes, size_t chunk)
{
    struct msg_frame f;

    while (bytes.len > 0 && session_state(s) != SESSION_CLOSED) {
        struct slice part = slice_head(bytes, chunk);
        session_recv(s, NOW, part);
        while (session_next(s, &f))
            decode(&f);
        bytes = slice_from(bytes, part.len);
    }
    assert((session_state(s) == SESSION_CLOSED) == (session_error(s) != 0));
}

/* All output of |from|, with one byte changed if |at| is within it. */
static void carry(struct session *from, struct session *to, size_t at, uint8_t flip)
{
    struct slice out = session_output(from);
    uint8_t *copy = malloc(out.len + 1);

    assert(copy != NULL);
    if (out.len > 0)
        memcpy(copy, out.data, out.len);
    if (at < out.len)
        copy[at] ^= flip;
    feed(to, slice_of(copy, out.len), out.len + 1);
    session_sent(from, out.len);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    const struct session_config a = { .self = &ann, .boot = { 1, 2 } }, b = { .self = &bob, .boot = { 3, 4 } };

    if (len < 4)
        return 0;
    bool ik = data[0] & 1, stranger = data[0] & 2, to_dialler = data[0] & 4, change = data[0] & 8;
    size_t at = (size_t)data[1] * 4 + data[2] % 4, chunk = (size_t)data[3] + 1;
    struct slice rest = slice_of(data + 4, len - 4);
    struct session *dialler = session_dial(&a, ik ? bob.dh_key : NULL), *responder = session_accept(&b);
    assert(dialler != NULL && responder != NULL);
    struct session *victim = to_dialler ? dialler : responder, *other = to_dialler ? responder : dialler;

    if (stranger) {
        feed(victim, rest, chunk);
    } else {
        for (int turn = 0; turn < 3; turn++) {
            carry(dialler, responder, change && turn == 0 ? at : SIZE_MAX, data[3]);
            carry(responder, dialler, SIZE_MAX, 0);
        }
        /* What is left is frames, each with its length in front, from the one who has the keys. */
        while (session_state(other) == SESSION_OPEN && rest.len > 2) {
            struct slice frame = slice_head(slice_from(rest, 2), be16_get(rest.data));
            rest = slice_from(rest, 2 + frame.len);
            if (frame.len == 0)
                continue;
            buf_add_slice(session_begin(other), frame);
            session_commit(other);
            carry(other, victim, SIZE_MAX, 0);
        }
        feed(victim, rest, chunk);
    }
    session_free(dialler);
    session_free(responder);
    return 0;
}
