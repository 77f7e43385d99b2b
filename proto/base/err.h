/* err.h - the one list of error codes. Zero is success, every error is negative.
 * A peer's fault is counted and drops the frame or the peer; the world's fault
 * goes back to the caller; our own bug is an assert, never a code. */
#ifndef HEDGEROW_BASE_ERR_H
#define HEDGEROW_BASE_ERR_H

/* X(name, value, text for people) */
#define MESH_ERRORS(X)                                                   \
    X(NOMEM, -1, "out of memory")                                        \
    X(RANGE, -2, "a number or length is out of range")                   \
    X(SHORT, -3, "more bytes are needed")                                \
    X(SYNTAX, -4, "malformed bytes")                                     \
    X(MISSING, -5, "a required field is missing")                        \
    X(TYPE, -6, "a field has the wrong type")                            \
    X(FULL, -7, "a limit is reached")                                    \
    X(EXISTS, -8, "already present")                                     \
    X(ABSENT, -9, "not present")                                         \
    X(VERSION, -10, "an unknown protocol version")                       \
    X(WRONG_MESH, -11, "the certificate or peer is of another mesh")     \
    X(SIGNATURE, -12, "the signature does not verify")                   \
    X(SEAL, -13, "the sealed bytes do not open")                         \
    X(REPLAY, -14, "the message was seen before")                        \
    X(EXPIRED, -15, "the certificate has expired")                       \
    X(NOT_YET, -16, "the certificate is not valid yet")                  \
    X(REVOKED, -17, "the certificate was revoked")                       \
    X(UNKNOWN, -18, "the sender is not known")                           \
    X(HASH, -19, "the bytes do not have the promised hash")              \
    X(NO_GAIN, -20, "compression does not pay")                          \
    X(STATE, -21, "the message does not fit the state")                  \
    X(TIMEOUT, -22, "no answer in time")                                 \
    X(CLOSED, -23, "the connection was closed")                          \
    X(REFUSED, -24, "the other side refused")                            \
    X(PARAMS, -25, "the mesh's parameters differ")                       \
    X(OVERWEIGHT, -26, "the certificate claims too large a weight")      \
    X(DISK, -27, "the disk failed")

enum mesh_err {
#define X(name, value, text) MESH_E_##name = value,
    MESH_ERRORS(X)
#undef X
};

/* mesh_strerror returns a static text for |err| (0 included), never NULL. */
const char *mesh_strerror(int err);

#endif
