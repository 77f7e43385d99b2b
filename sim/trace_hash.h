/* trace_hash.h - 128 bits over everything that happened, in order: when, what, at which
 * node, and the bytes. Two runs with the same hash did the same things. */
#ifndef HEDGEROW_SIM_TRACE_HASH_H
#define HEDGEROW_SIM_TRACE_HASH_H

#include "proto/base/time.h"
#include "proto/base/slice.h"
#include "sim/mark.h"

/* X(name, word in a written trace) */
#define NOTES(X)                                                      \
    X(ACTION, "action") /* a timed fault or change of the scenario */ \
    X(START, "start")   /* a node begins */                           \
    X(STOP, "stop")     /* a node ends */                             \
    X(TICK, "tick")     /* a node's own deadline */                   \
    X(SAYS, "says")     /* a line of a node's trace */                \
    X(DATAGRAM_OUT, "datagram-out")                                   \
    X(DATAGRAM_LOST, "datagram-lost")                                 \
    X(DATAGRAM_IN, "datagram-in")                                     \
    X(DIAL, "dial")                                                   \
    X(ACCEPT, "accept")                                               \
    X(CONNECTED, "connected")                                         \
    X(REFUSED, "refused")                                             \
    X(STREAM_OUT, "stream-out")                                       \
    X(STREAM_IN, "stream-in")                                         \
    X(CLOSE, "close")   /* our side */                                \
    X(CLOSED, "closed") /* the other side, seen here */               \
    X(FETCH, "fetch")   /* a request to the origin */                 \
    X(FETCH_HEAD, "fetch-head")                                       \
    X(FETCH_BODY, "fetch-body")                                       \
    X(FETCH_END, "fetch-end")                                         \
    X(PROBE, "probe")                                                 \
    X(FETCH_STOP, "fetch-stop")                                       \
    X(ASK, "ask")       /* a viewer asks */                           \
    X(ANSWER, "answer") /* the head of its answer */                  \
    X(READ, "read")     /* bytes of the body that it took */          \
    X(ASK_END, "ask-end")                                             \
    X(KEPT, "kept")     /* purges lie on its disk */                  \
    X(CONFIG, "config") /* a change of the configuration is in force */ \
    X(DISK, "disk")     /* something was done on a disk */            \
    X(DISK_FAILED, "disk-failed")                                     \
    X(DISK_LOST, "disk-lost") /* what was not synced is gone */
enum note {
#define X(name, word) NOTE_##name,
    NOTES(X)
#undef X
        NOTES_N
};
const char *note_word(enum note n);

/* A mark (mark.h) over all events: nobody forges a run, and BLAKE2b was a tenth of what one costs. */
struct trace_hash {
    struct mark at;
    uint64_t events, of_kind[NOTES_N]; /* in all, and of each kind of note */
};

#define TRACE_HASH_TEXT_MAX 33

void trace_hash_init(struct trace_hash *h);
void trace_hash_add(struct trace_hash *h, mesh_ns now, enum note kind, uint32_t node, struct slice bytes);
/* trace_hash_text writes them in hex and returns |text|. */
const char *trace_hash_text(const struct trace_hash *h, char text[TRACE_HASH_TEXT_MAX]);

#endif
