/* tls.h - TLS 1.2 and 1.3 (RFC 5246, RFC 8446) as a state machine without sockets, for viewers and origins alike:
 * ciphertext in, plaintext out; plaintext in, ciphertext out. GnuTLS behind about ten functions.
 *
 *   TLS_HANDSHAKE --both agree--> TLS_OPEN --the other side's close-notify--> TLS_ENDED
 *        +--------------------------+--anything that is wrong--> TLS_BROKEN
 *
 * The caller feeds what its socket brings to tls_read and sends what tls_out lends, in every state: an alert goes out
 * of TLS_BROKEN, too. A socket that ends before TLS_ENDED was cut: what came before may not be whole (RFC 8446
 * section 6.1). Nothing here blocks, and nothing is kept that the other side makes large: of what it sends one record
 * at most (16 KiB and a little), or a handshake message of up to TLS_HANDSHAKE_MAX; of what goes out, TLS_OUT_MAX and
 * one record.
 *
 * A connection is one thread's at a time. Sets (struct tls_certs, struct tls_trust) never change and may be shared by
 * threads; each connection holds its own as long as it lives, so a new set can be put in the place of an old one at any
 * time. GnuTLS reads the system's clock: for ticket keys, and whether a certificate of the other side is in its time.
 */
#ifndef HEDGEROW_TLS_TLS_H
#define HEDGEROW_TLS_TLS_H

#include "proto/base/buf.h"

#define TLS_OUT_MAX       (64u << 10) /* no record is added while so much waits to be sent */
#define TLS_HANDSHAKE_MAX (64u << 10) /* bytes of one handshake message; a chain of certificates is the longest */
#define TLS_CHAIN_MAX     16          /* certificates in one chain */
#define TLS_CERTS_MAX     1024        /* in one set */

/* What is agreed to. Below TLS 1.2 nothing is, nor CBC, RSA key exchange, renegotiation, compression, early data. */
enum tls_policy {
    TLS_INTERMEDIATE, /* TLS 1.3, or 1.2 with ECDHE and AEAD (AES-GCM, ChaCha20-Poly1305) alone */
    TLS_MODERN,       /* TLS 1.3 alone */
};

/* ---- what a server shows ---- */

/* A chain of certificates, leaf first, and its key: PEM, the key not encrypted. The names are for messages. */
struct tls_pem {
    const char *chain_name, *key_name;
    struct slice chain, key;
};

struct tls_certs;

/* tls_certs_new makes a set of |n| >= 1. Which one a viewer gets its SNI tells: one with that name among its subject
 * alternative names, else one with a wildcard ("*.example.com", one label: RFC 6125), else the first. Of several with
 * the same claim it is the first whose kind of key the viewer knows. |before| (or NULL) is the set that this one
 * replaces: who has a ticket of that one resumes with this one. Returns it with one reference, or NULL with |why|
 * saying which file is wrong and what to do. One that is out of its time at |now_s| (Unix time) is taken all the same,
 * since refusing it would take the other names down, too: |why| then has a sentence of warning for each, and is empty
 * where there is none. Thread safe. */
struct tls_certs *tls_certs_new(const struct tls_pem *pems, size_t n, enum tls_policy policy,
                                const struct tls_certs *before, int64_t now_s, struct buf *why);

/* Of any thread. tls_certs_unref accepts NULL; the last one frees. */
struct tls_certs *tls_certs_ref(struct tls_certs *certs);
void tls_certs_unref(struct tls_certs *certs);
size_t tls_certs_n(const struct tls_certs *certs);

/* ---- whom a client trusts ---- */

struct tls_trust;

/* tls_trust_new: the authorities in |anchors| (PEM), or, where that is empty, the system's. |client| (or NULL) is shown
 * to a server that asks for a certificate. NULL, |why|, references and threads as above. */
struct tls_trust *tls_trust_new(struct slice anchors, const char *anchors_name, const struct tls_pem *client,
                                enum tls_policy policy, struct buf *why);
struct tls_trust *tls_trust_ref(struct tls_trust *trust);
void tls_trust_unref(struct tls_trust *trust);

/* ---- a connection ---- */

struct tls;

enum tls_state { TLS_HANDSHAKE, TLS_OPEN, TLS_ENDED, TLS_BROKEN };

/* Why a connection is TLS_BROKEN. X(name, a sentence's rest) */
#define TLS_FAULTS(X)                                                                                   \
    X(NONE, "nothing is wrong")                                                                         \
    X(EXPIRED, "its certificate, or one that it rests on, has expired")                                 \
    X(NOT_YET, "its certificate, or one that it rests on, is not valid yet")                            \
    X(ISSUER, "its certificate is of no authority that is trusted here, or the chain to one is broken") \
    X(SELF_SIGNED, "its certificate is signed by itself, and is not trusted here")                      \
    X(NAME, "its certificate is for another name")                                                      \
    X(REVOKED, "its certificate was revoked")                                                           \
    X(CERTIFICATE, "its certificate is not one to be trusted: a weak signature, a wrong purpose")       \
    X(VERSION, "there is no version or cipher that both sides agree to")                                \
    X(REFUSED, "the other side refused, with an alert")                                                 \
    X(PROTOCOL, "the bytes are not TLS, or were changed on their way")                                  \
    X(NOMEM, "out of memory")
enum tls_fault {
#define X(name, text) TLS_FAULT_##name,
    TLS_FAULTS(X)
#undef X
};
const char *tls_fault_text(enum tls_fault fault);

/* What a client wants; lent for the call. */
struct tls_want {
    struct slice name; /* whose certificate it has to be: a host name, sent as SNI, or an IP address's text, not sent */
    struct slice session; /* what tls_session gave of an earlier connection to the same server, or empty */
};

/* tls_server and tls_client begin one; each takes a reference of its own. A client's first bytes are in tls_out at
 * once. NULL: out of memory, or a name that is none. tls_free accepts NULL. */
struct tls *tls_server(struct tls_certs *certs);
struct tls *tls_client(struct tls_trust *trust, const struct tls_want *want);
void tls_free(struct tls *t);

/* tls_read moves |*cipher| past what it takes of it and writes plaintext to |out|, returning how much. It takes all,
 * and keeps no whole record back, where |cap| >= cipher->len + 16 KiB; with less room the caller comes again with what
 * is left, and when it returned |cap|, though nothing be left. tls_state tells how things stand afterwards. */
size_t tls_read(struct tls *t, struct slice *cipher, void *out, size_t cap);

/* tls_write takes plaintext from the front of |n| pieces and returns how much: nothing in a state but TLS_OPEN and
 * TLS_ENDED (the other side may go on reading), and not all while TLS_OUT_MAX waits. Pieces share records. */
size_t tls_write(struct tls *t, const struct slice *pieces, size_t n);

/* tls_out lends what is to be sent, until the next call; the caller says by tls_sent how much of it went. */
struct slice tls_out(const struct tls *t);
void tls_sent(struct tls *t, size_t n);

/* tls_close adds our close-notify, once: nothing is written behind it. Not to be called where an answer ends too early.
 */
void tls_close(struct tls *t);

enum tls_state tls_state(const struct tls *t);
enum tls_fault tls_fault(const struct tls *t);

/* tls_partial: a record has begun that is not here whole. tls_resumed: there was no full handshake. tls_version is
 * "TLSv1.2", "TLSv1.3", or NULL before it is agreed. tls_detail is what the other side's alert says where the fault is
 * TLS_FAULT_REFUSED, or GnuTLS's own words of what is wrong; never NULL. */
bool tls_partial(const struct tls *t);
bool tls_resumed(const struct tls *t);
const char *tls_version(const struct tls *t);

/* tls_cipher is the suite that was agreed to, as OpenSSL calls it: "TLS_AES_128_GCM_SHA256",
 * "ECDHE-RSA-AES128-GCM-SHA256"; or NULL. Static. */
const char *tls_cipher(const struct tls *t);
const char *tls_detail(const struct tls *t);

/* tls_session appends what resumes this client's connection later: at its end, since servers give it when they like.
 * False: there is nothing (yet). It holds secrets. */
bool tls_session(struct tls *t, struct buf *out);

#endif
