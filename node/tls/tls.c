#include "node/tls/tls.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "node/tls/tls_impl.h"

#define TLS_MAGIC    0x746c7373u
#define RECORD_BYTES (16u << 10)                  /* of plaintext in one record (RFC 8446 section 5.1) */
#define OUT_HARD_MAX (TLS_OUT_MAX + (256u << 10)) /* who makes us answer without reading is cut there */
#define HEADER_BYTES 5

struct tls {
    uint32_t magic;
    uint8_t state, fault; /* enum tls_state, tls_fault */
    bool closed;          /* our close-notify is out */
    uint8_t kinds;        /* of keys, that a server's viewer offers suites for */
    gnutls_session_t session;
    struct tls_certs *certs; /* a server's */
    struct tls_trust *trust; /* a client's */
    struct slice lent;       /* ciphertext not taken yet, during a call */
    struct buf out;
    size_t out_at; /* sent so far */
    const char *detail;
    char name[TLS_NAME_MAX + 1];
    /* How far the present record is here: as the headers tell, since GnuTLS does not. */
    uint8_t header[HEADER_BYTES], header_n;
    size_t record_left;
};

/* ---- the bytes ---- */

/* Follows the records (RFC 8446 section 5.1): type, version, length, and so many bytes. */
static void follow(struct tls *t, struct slice bytes)
{
    while (bytes.len > 0) {
        size_t n = 1;
        if (t->header_n < HEADER_BYTES) {
            t->header[t->header_n++] = bytes.data[0];
            if (t->header_n == HEADER_BYTES)
                t->record_left = be16_get(t->header + 3);
        } else {
            n = bytes.len < t->record_left ? bytes.len : t->record_left;
            t->record_left -= n;
        }
        bytes = slice_from(bytes, n);
        if (t->header_n == HEADER_BYTES && t->record_left == 0)
            t->header_n = 0;
    }
}

static ssize_t pull(gnutls_transport_ptr_t ptr, void *data, size_t len)
{
    struct tls *t = ptr;
    size_t n = len < t->lent.len ? len : t->lent.len;

    if (n == 0) {
        gnutls_transport_set_errno(t->session, EAGAIN);
        return -1;
    }
    memcpy(data, t->lent.data, n);
    follow(t, slice_head(t->lent, n));
    t->lent = slice_from(t->lent, n);
    return (ssize_t)n;
}

static int pull_timeout(gnutls_transport_ptr_t ptr, unsigned ms)
{
    const struct tls *t = ptr;

    (void)ms;
    return t->lent.len > 0;
}

static ssize_t push(gnutls_transport_ptr_t ptr, const void *data, size_t len)
{
    struct tls *t = ptr;

    if (t->out.len - t->out_at > OUT_HARD_MAX) {
        gnutls_transport_set_errno(t->session, ENOBUFS);
        return -1;
    }
    buf_add(&t->out, data, len);
    if (buf_ok(&t->out))
        return (ssize_t)len;
    gnutls_transport_set_errno(t->session, ENOMEM);
    return -1;
}

/* ---- what goes wrong ---- */

const char *tls_fault_text(enum tls_fault fault)
{
    static const char *const texts[] = {
#define X(name, text) text,
        TLS_FAULTS(X)
#undef X
    };
    return texts[fault];
}

/* Signed by itself, and not trusted: the one that its own server made, mostly. */
static bool self_signed(gnutls_session_t session)
{
    unsigned n = 0;
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(session, &n);
    gnutls_x509_crt_t leaf;
    bool yes = false;

    if (n != 1 || gnutls_x509_crt_init(&leaf) != 0)
        return false;
    if (gnutls_x509_crt_import(leaf, &chain[0], GNUTLS_X509_FMT_DER) == 0)
        yes = gnutls_x509_crt_check_issuer(leaf, leaf) != 0;
    gnutls_x509_crt_deinit(leaf);
    return yes;
}

/* One fault of those that may be there: an untrusted issuer before a wrong name before a wrong time, since what an
 * untrusted certificate says of itself means nothing. */
static enum tls_fault certificate_fault(gnutls_session_t session)
{
    unsigned status = gnutls_session_get_verify_cert_status(session);

    if ((status & GNUTLS_CERT_REVOKED) != 0)
        return TLS_FAULT_REVOKED;
    if ((status & (GNUTLS_CERT_SIGNER_NOT_FOUND | GNUTLS_CERT_SIGNER_NOT_CA)) != 0)
        return self_signed(session) ? TLS_FAULT_SELF_SIGNED : TLS_FAULT_ISSUER;
    if ((status & GNUTLS_CERT_UNEXPECTED_OWNER) != 0)
        return TLS_FAULT_NAME;
    if ((status & GNUTLS_CERT_EXPIRED) != 0)
        return TLS_FAULT_EXPIRED;
    if ((status & GNUTLS_CERT_NOT_ACTIVATED) != 0)
        return TLS_FAULT_NOT_YET;
    return TLS_FAULT_CERTIFICATE;
}

static enum tls_fault fault_of(gnutls_session_t session, int err)
{
    switch (err) {
    case GNUTLS_E_CERTIFICATE_VERIFICATION_ERROR:
    case GNUTLS_E_CERTIFICATE_ERROR: return certificate_fault(session);
    case GNUTLS_E_FATAL_ALERT_RECEIVED: return TLS_FAULT_REFUSED;
    case GNUTLS_E_NO_CIPHER_SUITES:
    case GNUTLS_E_UNSUPPORTED_VERSION_PACKET:
    case GNUTLS_E_INSUFFICIENT_CREDENTIALS: return TLS_FAULT_VERSION;
    case GNUTLS_E_MEMORY_ERROR:
    case GNUTLS_E_PUSH_ERROR: return TLS_FAULT_NOMEM;
    default: return TLS_FAULT_PROTOCOL;
    }
}

static void broken(struct tls *t, int err)
{
    t->state = TLS_BROKEN;
    t->fault = (uint8_t)fault_of(t->session, err);
    t->detail = err == GNUTLS_E_FATAL_ALERT_RECEIVED ? gnutls_alert_get_name(gnutls_alert_get(t->session))
                                                     : gnutls_strerror(err);
    t->lent = SLICE_EMPTY; /* nothing behind it means anything */
    if (t->fault != TLS_FAULT_REFUSED && t->fault != TLS_FAULT_NOMEM)
        (void)gnutls_alert_send_appropriate(t->session, err);
}

static bool passes(int err)
{
    return err == GNUTLS_E_AGAIN || err == GNUTLS_E_INTERRUPTED || err == GNUTLS_E_WARNING_ALERT_RECEIVED;
}

/* ---- the viewer's hello ---- */

#define KIND_ECDSA 1u
#define KIND_RSA   2u

/* TLS 1.3's suites go with any kind of key; of TLS 1.2's those that we agree to do not (RFC 5289, RFC 7905). */
static unsigned suite_kinds(unsigned suite)
{
    switch (suite) {
    case 0x1301:
    case 0x1302:
    case 0x1303: return KIND_ECDSA | KIND_RSA;
    case 0xc02b:
    case 0xc02c:
    case 0xcca9: return KIND_ECDSA;
    case 0xc02f:
    case 0xc030:
    case 0xcca8: return KIND_RSA;
    default: return 0;
    }
}

/* Before GnuTLS reads a hello: it asks for the certificate once, and says nothing of suites. What is malformed is its
 * to refuse. RFC 8446 section 4.1.2: version, random, session id, suites. */
static int on_hello(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
                    const gnutls_datum_t *msg)
{
    struct tls *t = gnutls_session_get_ptr(session);
    struct slice rest = slice_from(slice_of(msg->data, msg->size), 2 + 32);

    (void)when;
    if (type != GNUTLS_HANDSHAKE_CLIENT_HELLO || incoming == 0 || rest.len == 0)
        return 0;
    rest = slice_from(rest, 1 + (size_t)rest.data[0]);
    if (rest.len < 2)
        return 0;
    struct slice suites = slice_head(slice_from(rest, 2), be16_get(rest.data));
    t->kinds = 0;
    for (; suites.len >= 2; suites = slice_from(suites, 2))
        t->kinds |= (uint8_t)suite_kinds(be16_get(suites.data));
    return 0;
}

bool tls_offers(gnutls_session_t session, gnutls_pk_algorithm_t kind)
{
    const struct tls *t = gnutls_session_get_ptr(session);
    bool rsa = kind == GNUTLS_PK_RSA || kind == GNUTLS_PK_RSA_PSS;

    return (t->kinds & (rsa ? KIND_RSA : KIND_ECDSA)) != 0;
}

/* ---- life ---- */

struct tls_certs *tls_certs_of(gnutls_session_t session)
{
    const struct tls *t = gnutls_session_get_ptr(session);

    OBJ_CHECK(t, TLS_MAGIC);
    return t->certs;
}

static struct tls *tls_new(unsigned flags, gnutls_certificate_credentials_t cred, gnutls_priority_t priority)
{
    static unsigned char http1[] = "http/1.1";
    const gnutls_datum_t protocol = { http1, sizeof(http1) - 1 };
    struct tls *t = calloc(1, sizeof(*t));

    if (t == NULL)
        return NULL;
    t->magic = TLS_MAGIC;
    t->detail = "";
    if (gnutls_init(&t->session, flags | GNUTLS_NONBLOCK | GNUTLS_NO_SIGNAL) != 0) {
        free(t);
        return NULL;
    }
    if (gnutls_priority_set(t->session, priority) != 0 ||
        gnutls_credentials_set(t->session, GNUTLS_CRD_CERTIFICATE, cred) != 0 ||
        gnutls_alpn_set_protocols(t->session, &protocol, 1, GNUTLS_ALPN_MANDATORY) != 0) {
        tls_free(t);
        return NULL;
    }
    gnutls_session_set_ptr(t->session, t);
    gnutls_transport_set_ptr(t->session, t);
    gnutls_transport_set_pull_function(t->session, pull);
    gnutls_transport_set_pull_timeout_function(t->session, pull_timeout);
    gnutls_transport_set_push_function(t->session, push);
    gnutls_handshake_set_max_packet_length(t->session, TLS_HANDSHAKE_MAX);
    gnutls_handshake_set_timeout(t->session, 0); /* the caller's timers see to it */
    return t;
}

struct tls *tls_server(struct tls_certs *certs)
{
    OBJ_CHECK(certs, CERTS_MAGIC);
    struct tls *t = tls_new(GNUTLS_SERVER, certs->cred, certs->priority);

    if (t == NULL)
        return NULL;
    t->certs = tls_certs_ref(certs);
    gnutls_handshake_set_hook_function(t->session, GNUTLS_HANDSHAKE_CLIENT_HELLO, GNUTLS_HOOK_PRE, on_hello);
    if (gnutls_session_ticket_enable_server(t->session, &certs->ticket_key) == 0)
        return t;
    tls_free(t);
    return NULL;
}

/* An IP address's text: a name's last label is never all digits (RFC 1123 section 2.1). */
static bool is_address(struct slice name)
{
    size_t i = name.len;

    if (memchr(name.data, ':', name.len) != NULL)
        return true;
    while (i > 0 && name.data[i - 1] >= '0' && name.data[i - 1] <= '9')
        i--;
    return i < name.len && (i == 0 || name.data[i - 1] == '.');
}

static void handshake(struct tls *t)
{
    int err;

    do
        err = gnutls_handshake(t->session);
    while (err != 0 && passes(err) && t->lent.len > 0);
    if (err == 0)
        t->state = TLS_OPEN;
    else if (!passes(err))
        broken(t, err);
}

struct tls *tls_client(struct tls_trust *trust, const struct tls_want *want)
{
    OBJ_CHECK(trust, TRUST_MAGIC);
    if (want->name.len == 0 || want->name.len > TLS_NAME_MAX || memchr(want->name.data, 0, want->name.len) != NULL)
        return NULL;
    struct tls *t = tls_new(GNUTLS_CLIENT, trust->cred, trust->priority);
    if (t == NULL)
        return NULL;
    t->trust = tls_trust_ref(trust);
    memcpy(t->name, want->name.data, want->name.len);
    if (!is_address(want->name) && gnutls_server_name_set(t->session, GNUTLS_NAME_DNS, t->name, want->name.len) != 0) {
        tls_free(t);
        return NULL;
    }
    gnutls_session_set_verify_cert(t->session, t->name, 0);
    if (want->session.len > 0) /* one that cannot be read is as good as none */
        (void)gnutls_session_set_data(t->session, want->session.data, want->session.len);
    handshake(t);
    return t;
}

void tls_free(struct tls *t)
{
    if (t == NULL)
        return;
    OBJ_CHECK(t, TLS_MAGIC);
    gnutls_deinit(t->session);
    buf_free(&t->out);
    tls_certs_unref(t->certs);
    tls_trust_unref(t->trust);
    t->magic = 0;
    free(t);
}

/* ---- going on ---- */

size_t tls_read(struct tls *t, struct slice *cipher, void *out, size_t cap)
{
    size_t n = 0;

    OBJ_CHECK(t, TLS_MAGIC);
    t->lent = *cipher;
    if (t->state == TLS_HANDSHAKE)
        handshake(t);
    while (t->state == TLS_OPEN && n < cap) {
        ssize_t got = gnutls_record_recv(t->session, (uint8_t *)out + n, cap - n);
        if (got > 0)
            n += (size_t)got;
        else if (got == 0)
            t->state = TLS_ENDED;
        else if (!passes((int)got))
            broken(t, (int)got); /* a wish to negotiate anew is among these */
        else if (t->lent.len == 0)
            break;
    }
    if (t->state == TLS_ENDED || t->state == TLS_BROKEN)
        t->lent = SLICE_EMPTY; /* what follows the end is not looked at (RFC 8446 section 6.1) */
    *cipher = t->lent;
    t->lent = SLICE_EMPTY;
    return n;
}

/* Fills |scratch| from the pieces from |*at| in |*i| on; a whole record that lies in one piece is lent from there. */
static struct slice next_record(const struct slice *pieces, size_t n, size_t *i, size_t *at, uint8_t *scratch)
{
    size_t len = 0;

    while (*i < n && len < RECORD_BYTES) {
        struct slice rest = slice_from(pieces[*i], *at);
        if (len == 0 && rest.len >= RECORD_BYTES) {
            *at += RECORD_BYTES;
            return slice_head(rest, RECORD_BYTES);
        }
        struct slice part = slice_head(rest, RECORD_BYTES - len);
        if (part.len > 0)
            memcpy(scratch + len, part.data, part.len);
        len += part.len;
        *at += part.len;
        if (part.len == rest.len) {
            ++*i;
            *at = 0;
        }
    }
    return slice_of(scratch, len);
}

size_t tls_write(struct tls *t, const struct slice *pieces, size_t n)
{
    uint8_t scratch[RECORD_BYTES];
    size_t done = 0, i = 0, at = 0;

    OBJ_CHECK(t, TLS_MAGIC);
    while (!t->closed && (t->state == TLS_OPEN || t->state == TLS_ENDED) && t->out.len - t->out_at < TLS_OUT_MAX) {
        struct slice record = next_record(pieces, n, &i, &at, scratch);
        if (record.len == 0)
            break;
        ssize_t sent = gnutls_record_send(t->session, record.data, record.len);
        if (sent != (ssize_t)record.len) {
            broken(t, sent < 0 ? (int)sent : GNUTLS_E_INTERNAL_ERROR);
            break;
        }
        done += record.len;
    }
    return done;
}

struct slice tls_out(const struct tls *t)
{
    OBJ_CHECK(t, TLS_MAGIC);
    return slice_from(buf_slice(&t->out), t->out_at);
}

void tls_sent(struct tls *t, size_t n)
{
    assert(n <= t->out.len - t->out_at);
    t->out_at += n;
    if (t->out_at == t->out.len) { /* between requests there is no buffer */
        buf_free(&t->out);
        t->out_at = 0;
    } else if (t->out_at > t->out.len / 2) {
        buf_drop(&t->out, t->out_at);
        t->out_at = 0;
    }
}

void tls_close(struct tls *t)
{
    OBJ_CHECK(t, TLS_MAGIC);
    if (t->closed || (t->state != TLS_OPEN && t->state != TLS_ENDED))
        return;
    t->closed = true;
    (void)gnutls_bye(t->session, GNUTLS_SHUT_WR);
}

/* ---- how it stands ---- */

enum tls_state tls_state(const struct tls *t)
{
    return (enum tls_state)t->state;
}

enum tls_fault tls_fault(const struct tls *t)
{
    return (enum tls_fault)t->fault;
}

bool tls_partial(const struct tls *t)
{
    return t->header_n > 0;
}

bool tls_resumed(const struct tls *t)
{
    return gnutls_session_is_resumed(t->session) != 0;
}

const char *tls_version(const struct tls *t)
{
    switch (gnutls_protocol_get_version(t->session)) {
    case GNUTLS_TLS1_2: return "TLSv1.2";
    case GNUTLS_TLS1_3: return "TLSv1.3";
    default: return NULL;
    }
}

const char *tls_cipher(const struct tls *t)
{
    static const struct {
        const char *iana, *openssl;
    } names[] = {
        { "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "ECDHE-ECDSA-AES128-GCM-SHA256" },
        { "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", "ECDHE-ECDSA-AES256-GCM-SHA384" },
        { "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305" },
        { "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "ECDHE-RSA-AES128-GCM-SHA256" },
        { "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", "ECDHE-RSA-AES256-GCM-SHA384" },
        { "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "ECDHE-RSA-CHACHA20-POLY1305" },
    };
    const char *iana = gnutls_ciphersuite_get(t->session);

    for (size_t i = 0; iana != NULL && i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(iana, names[i].iana) == 0)
            return names[i].openssl;
    }
    return iana;
}

const char *tls_detail(const struct tls *t)
{
    return t->detail;
}

bool tls_session(struct tls *t, struct buf *out)
{
    gnutls_datum_t data = { NULL, 0 };

    if ((t->state != TLS_OPEN && t->state != TLS_ENDED) ||
        (gnutls_session_get_flags(t->session) & GNUTLS_SFLAGS_SESSION_TICKET) == 0 ||
        gnutls_session_get_data2(t->session, &data) != 0)
        return false;
    buf_add(out, data.data, data.size);
    gnutls_memset(data.data, 0, data.size);
    gnutls_free(data.data);
    return buf_ok(out);
}
