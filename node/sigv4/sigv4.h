/* sigv4.h - AWS Signature Version 4 in a request's fields: what an S3-compatible bucket, or another service that speaks
 * it, knows its customers by. Pure functions: the time is handed in, and nothing is kept but a memo that the caller
 * has. Source: "Signature Version 4 signing process" and "Signature Calculations for the Authorization Header" (AWS IAM
 * User Guide, Amazon S3 API Reference).
 *
 *   key = HMAC(HMAC(HMAC(HMAC("AWS4" secret, day), region), service), "aws4_request")
 *   signature = HMAC(key, time, scope, SHA-256(method, path, query, fields, names, payload))
 *
 * Who signs first adds what the signature wants to be in the request: X-Amz-Date (sigv4_time), X-Amz-Content-Sha256 for
 * S3, X-Amz-Security-Token where there is a token; signs it with the other fields that are to be signed; and sends what
 * sigv4_authorization wrote as Authorization. Not thread safe where a memo or a chain is shared. */
#ifndef HEDGEROW_SIGV4_H
#define HEDGEROW_SIGV4_H

#include "proto/base/buf.h"

#define SIGV4_TIME_MAX    17 /* "20150830T123600Z" */
#define SIGV4_HEX_MAX     65 /* of 32 bytes */
#define SIGV4_FIELDS_MAX  128
#define SIGV4_REQUEST_MAX (256u << 10) /* of a canonical request */

struct sigv4_field {
    struct slice name, value;
};

/* What a request says of its payload: the SHA-256 of it in hex, or one of these. */
#define SIGV4_PAYLOAD_EMPTY    SLICE_LIT("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
#define SIGV4_PAYLOAD_UNSIGNED SLICE_LIT("UNSIGNED-PAYLOAD")
#define SIGV4_PAYLOAD_CHUNKS   SLICE_LIT("STREAMING-AWS4-HMAC-SHA256-PAYLOAD")

struct sigv4_request {
    struct slice method;
    struct slice target; /* path[?query], as it is sent */
    /* Those that are signed, Host among them, in the order of the request. */
    const struct sigv4_field *fields;
    size_t n;
    struct slice payload;
};

struct sigv4_keys { /* lent */
    struct slice id, secret;
};

struct sigv4_scope {
    struct slice region, service;
    bool encode_path;    /* the path as it is sent is encoded once more: all services but S3 */
    bool normalise_path; /* dot segments and empty ones are taken out: all services but S3 */
};

/* The key of a day, which four HMACs make. Zeroed at birth; sigv4_wipe when it is not wanted any more. */
struct sigv4_memo {
    uint8_t of[32]; /* SHA-256 of what it was made of */
    uint8_t key[32];
};

/* sigv4_time writes |wall_s| (Unix time) as X-Amz-Date has it. False: no such time can be written. */
bool sigv4_time(char out[SIGV4_TIME_MAX], int64_t wall_s);

/* sigv4_canonical appends the canonical request, and nothing behind an error: 0, MESH_E_SYNTAX (the target does not
 * begin with a slash), MESH_E_FULL (more than SIGV4_FIELDS_MAX fields, or SIGV4_REQUEST_MAX bytes), MESH_E_NOMEM. */
int sigv4_canonical(struct buf *out, const struct sigv4_scope *scope, const struct sigv4_request *q);

/* sigv4_authorization appends the value of Authorization for |q|, sent at |time| (sigv4_time's). Errors are
 * sigv4_canonical's, with |out| of no use. |signature|: the signature alone, in hex; may be NULL. */
int sigv4_authorization(struct buf *out, struct sigv4_memo *memo, const struct sigv4_keys *keys,
                        const struct sigv4_scope *scope, const char time[SIGV4_TIME_MAX], const struct sigv4_request *q,
                        char signature[SIGV4_HEX_MAX]);

/* A payload that is signed chunk by chunk (SIGV4_PAYLOAD_CHUNKS): each chunk's signature is made of that before it, the
 * first of the request's, and the last chunk is empty. Source: "Signature Calculations for the Authorization Header:
 * Transferring Payload in Multiple Chunks" (Amazon S3 API Reference). */
struct sigv4_chain {
    uint8_t key[32];
    char time[SIGV4_TIME_MAX];
    char region[64];
    char before[SIGV4_HEX_MAX];
};

/* sigv4_chain_begin: |signature| and |time| are those of the head, which was signed with |memo| for S3 in |region|. */
void sigv4_chain_begin(struct sigv4_chain *c, const struct sigv4_memo *memo, struct slice region,
                       const char time[SIGV4_TIME_MAX], const char signature[SIGV4_HEX_MAX]);
/* sigv4_chain_next writes the signature of the next chunk's |data|. */
void sigv4_chain_next(struct sigv4_chain *c, struct slice data, char signature[SIGV4_HEX_MAX]);

/* sigv4_target appends |target| (path[?query]) written the one way on which all who check a signature agree, those who
 * take it as it was sent and those who decode and encode it: what need not be encoded is not, all else is. A slash that
 * was encoded is a slash, as it is in an object's name, unless that would make a dot segment. A plus is a plus in the
 * path, and a space in the query. A name of a query parameter without a value gets an empty one. */
void sigv4_target(struct buf *out, struct slice target);

/* sigv4_hash writes the SHA-256 of |bytes|, in hex. */
void sigv4_hash(char out[SIGV4_HEX_MAX], struct slice bytes);

/* sigv4_wipe overwrites what is secret, in a way that no compiler leaves out. */
void sigv4_wipe(void *secret, size_t len);

#endif
