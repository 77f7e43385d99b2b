#include "proto/datagram.h"

#include <assert.h>
#include <sodium.h>

#include "proto/base/err.h"
#include "proto/base/obj.h"

/* Offsets and lengths; PROTOCOL.md, "Datagrams", has the picture. An *end* is what
 * one side is to the other in this run: number, salt, link. */
enum {
    IDS_AT = 4,
    HEAD_BYTES = IDS_AT + 2 * NODE_ID_BYTES,
    END_BYTES = 24,
    EPOCH_BYTES = 8,
    FROM_AT = HEAD_BYTES,
    TO_AT = FROM_AT + END_BYTES + EPOCH_BYTES,
    COUNTER_AT = TO_AT + END_BYTES + EPOCH_BYTES,
    CLEAR_BYTES = COUNTER_AT + 8, /* of DATA */
    TAG_BYTES = crypto_aead_chacha20poly1305_ietf_ABYTES,
    DATA_MIN = CLEAR_BYTES + TAG_BYTES,

    NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
    NONCE_AT = HEAD_BYTES,
    ECHO_AT = NONCE_AT + NONCE_BYTES,
    SEALED_AT = ECHO_AT + 8,
    TOLD_BYTES = END_BYTES + EPOCH_BYTES + 8,
    BOOT_BYTES = SEALED_AT + TOLD_BYTES + TAG_BYTES,
    BOOT_AD_BYTES = HEAD_BYTES + 8 + END_BYTES,

    UNKNOWN_BYTES = HEAD_BYTES + 8
};

/* Even a datagram without payload can be answered without amplification. */
_Static_assert(BOOT_BYTES <= DATA_MIN && UNKNOWN_BYTES <= DATA_MIN, "an answer is never larger than its request");

#define PEER_MAGIC       0x64677072u
#define DATAGRAM_VERSION 1

size_t datagram_payload_max(void)
{
    return DATAGRAM_MAX - DATA_MIN;
}

/* ---- the clear header ---- */

static void head_put(uint8_t *at, enum datagram_kind kind, const struct node_id *from, const struct node_id *to)
{
    at[0] = 'H';
    at[1] = 'G';
    at[2] = DATAGRAM_VERSION;
    at[3] = (uint8_t)kind;
    memcpy(at + IDS_AT, from->bytes, NODE_ID_BYTES);
    memcpy(at + IDS_AT + NODE_ID_BYTES, to->bytes, NODE_ID_BYTES);
}

int datagram_peek(struct slice bytes, struct datagram_head *head)
{
    if (bytes.len < HEAD_BYTES)
        return MESH_E_SHORT;
    if (bytes.data[0] != 'H' || bytes.data[1] != 'G')
        return MESH_E_SYNTAX;
    if (bytes.data[2] != DATAGRAM_VERSION)
        return MESH_E_VERSION;
    if (bytes.data[3] < DATAGRAM_DATA || bytes.data[3] > DATAGRAM_CERT || bytes.len > DATAGRAM_MAX)
        return MESH_E_SYNTAX;
    head->kind = (enum datagram_kind)bytes.data[3];
    memcpy(head->from.bytes, bytes.data + IDS_AT, NODE_ID_BYTES);
    memcpy(head->to.bytes, bytes.data + IDS_AT + NODE_ID_BYTES, NODE_ID_BYTES);
    return 0;
}

static const struct node_id *own_id(const struct datagram_self *self)
{
    return &self->id->cert.id;
}

/* ---- ends ---- */

static void end_put(uint8_t *at, const struct boot *boot, uint64_t link)
{
    be64_put(at, boot->number);
    be64_put(at + 8, boot->salt);
    be64_put(at + 16, link);
}

static void end_get(const uint8_t *at, struct boot *boot, uint64_t *link)
{
    boot->number = be64_get(at);
    boot->salt = be64_get(at + 8);
    *link = be64_get(at + 16);
}

static bool end_is(const uint8_t *at, const struct boot *boot, uint64_t link)
{
    return be64_get(at) == boot->number && be64_get(at + 8) == boot->salt && be64_get(at + 16) == link;
}

/* A random number that is never 0 and leaves room to count up from. */
static uint64_t draw(void)
{
    return (secret_random_u64() >> 2) + 1;
}

/* ---- keys ---- */

static int pair_key(uint8_t key[32], const struct identity *id, const struct cert *peer)
{
    static const char domain[] = "hedgerow datagram pair 1";
    uint8_t shared[crypto_scalarmult_BYTES];
    struct digest d;

    if (crypto_scalarmult(shared, id->dh_secret, peer->dh_key) != 0)
        return MESH_E_RANGE;
    const struct cert *low = &id->cert, *high = peer; /* both sides hash in one order */
    if (node_id_cmp(&low->id, &high->id) > 0) {
        low = peer;
        high = &id->cert;
    }
    const struct slice parts[] = { SLICE_OF(domain),        SLICE_OF(shared),         SLICE_OF(id->mesh.id.bytes),
                                   SLICE_OF(low->id.bytes), SLICE_OF(high->id.bytes), SLICE_OF(low->dh_key),
                                   SLICE_OF(high->dh_key) };
    digest_of(&d, parts, sizeof(parts) / sizeof(parts[0]));
    memcpy(key, d.bytes, 32);
    sodium_memzero(shared, sizeof(shared));
    sodium_memzero(&d, sizeof(d));
    return 0;
}

static void derive(uint8_t key[32], const struct datagram_peer *p, const struct slice *parts, size_t n)
{
    struct digest d;

    digest_keyed(&d, p->static_key, parts, n);
    memcpy(key, d.bytes, 32);
    sodium_memzero(&d, sizeof(d));
}

/* The key of a DATA datagram, from its clear part: ids, both ends, and the epoch that
 * the sender names. */
static void data_key(uint8_t key[32], const struct datagram_peer *p, const uint8_t *clear)
{
    static const char domain[] = "hedgerow datagram data 1";
    const struct slice parts[] = { SLICE_OF(domain), slice_of(clear + IDS_AT, 2 * NODE_ID_BYTES),
                                   slice_of(clear + FROM_AT, END_BYTES),
                                   slice_of(clear + TO_AT, END_BYTES + EPOCH_BYTES) };
    derive(key, p, parts, sizeof(parts) / sizeof(parts[0]));
}

static void boot_key(uint8_t key[32], const struct datagram_peer *p, const uint8_t *head)
{
    static const char domain[] = "hedgerow datagram boot 1";
    const struct slice parts[] = { SLICE_OF(domain), slice_of(head + IDS_AT, 2 * NODE_ID_BYTES) };
    derive(key, p, parts, sizeof(parts) / sizeof(parts[0]));
}

/* ---- the peer ---- */

int datagram_peer_init(struct datagram_peer *p, const struct datagram_self *self, const struct cert *cert)
{
    uint8_t key[32];

    if (node_id_eq(&cert->id, own_id(self)) || pair_key(key, self->id, cert) != 0)
        return MESH_E_RANGE;
    if (p->magic != PEER_MAGIC || memcmp(p->static_key, key, sizeof(key)) != 0) {
        memset(p, 0, sizeof(*p));
        p->magic = PEER_MAGIC;
        p->id = cert->id;
        memcpy(p->static_key, key, sizeof(key));
        p->own = self->boot;
        p->own_link = draw();
        p->send_counter = p->boot_floor = p->unknown_floor = draw();
    }
    sodium_memzero(key, sizeof(key));
    return 0;
}

void datagram_peer_wipe(struct datagram_peer *p)
{
    sodium_memzero(p, sizeof(*p));
}

static bool boot_eq(const struct boot *a, const struct boot *b)
{
    return a->number == b->number && a->salt == b->salt;
}

/* The window belongs to the receiving key: it is forgotten with it and never before. */
static void forget_keys(struct datagram_peer *p)
{
    p->send_fresh = p->recv_fresh = false;
    p->recv_top = p->recv_seen = 0;
}

static void note_own_boot(struct datagram_peer *p, const struct datagram_self *self)
{
    OBJ_CHECK(p, PEER_MAGIC);
    if (boot_eq(&p->own, &self->boot))
        return;
    p->own = self->boot;
    forget_keys(p);
}

void datagram_peer_boot(struct datagram_peer *p, const struct datagram_self *self, struct boot boot)
{
    note_own_boot(p, self);
    if (p->boot_known && (boot_eq(&boot, &p->boot) || boot.number < p->boot.number))
        return;
    p->boot = boot;
    p->boot_known = true;
    p->link = p->epoch = 0; /* not known: the next datagram to it fetches BOOT */
    forget_keys(p);
}

static bool is_known_end(const struct datagram_peer *p, const uint8_t *end)
{
    return p->boot_known && end_is(end, &p->boot, p->link);
}

/* Takes |end| for what the peer is now. Another run than before must name a new
 * epoch of ours, so whatever an earlier run sealed is void from here on. */
static void adopt(struct datagram_peer *p, const uint8_t *end, uint64_t epoch)
{
    if (is_known_end(p, end)) {
        /* It only grows within one run; reordered datagrams do not turn it back. */
        if (epoch > p->epoch) {
            p->epoch = epoch;
            p->send_fresh = false;
        }
        return;
    }
    end_get(end, &p->boot, &p->link);
    p->boot_known = true;
    p->epoch = epoch;
    p->own_epoch++;
    forget_keys(p);
}

/* ---- DATA ---- */

static void data_nonce(uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES], uint64_t counter)
{
    memset(nonce, 0, 4);
    be64_put(nonce + 4, counter);
}

int datagram_seal(struct datagram_peer *p, const struct datagram_self *self, struct slice payload, struct buf *out)
{
    uint8_t nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];

    note_own_boot(p, self);
    if (payload.len > datagram_payload_max())
        return MESH_E_RANGE;
    uint8_t *at = buf_reserve(out, DATA_MIN + payload.len);
    if (at == NULL)
        return MESH_E_NOMEM;
    assert(p->send_counter < UINT64_MAX);
    uint64_t counter = ++p->send_counter;
    head_put(at, DATAGRAM_DATA, own_id(self), &p->id);
    end_put(at + FROM_AT, &self->boot, p->own_link);
    be64_put(at + FROM_AT + END_BYTES, p->own_epoch);
    end_put(at + TO_AT, &p->boot, p->link);
    be64_put(at + TO_AT + END_BYTES, p->epoch);
    be64_put(at + COUNTER_AT, counter);
    if (!p->send_fresh) {
        data_key(p->send_key, p, at);
        p->send_fresh = true;
    }
    data_nonce(nonce, counter);
    crypto_aead_chacha20poly1305_ietf_encrypt(at + CLEAR_BYTES, NULL, payload.data, payload.len, at, CLEAR_BYTES, NULL,
                                              nonce, p->send_key);
    out->len += DATA_MIN + payload.len;
    return 0;
}

static bool window_fresh(const struct datagram_peer *p, uint64_t counter)
{
    if (counter > p->recv_top)
        return true;
    uint64_t behind = p->recv_top - counter;
    return behind < DATAGRAM_WINDOW && (p->recv_seen >> behind & 1) == 0;
}

static void window_mark(struct datagram_peer *p, uint64_t counter)
{
    if (counter > p->recv_top) {
        uint64_t ahead = counter - p->recv_top;
        p->recv_seen = ahead < DATAGRAM_WINDOW ? p->recv_seen << ahead | 1 : 1;
        p->recv_top = counter;
    } else {
        p->recv_seen |= UINT64_C(1) << (p->recv_top - counter);
    }
}

/* Is this DATA of the present run of both, the first of a new run of the sender (which
 * names the next epoch: it has our BOOT answer), or of any other two? */
enum standing { PRESENT, NEXT, STALE };

static enum standing standing_of(const struct datagram_peer *p, const struct datagram_self *self, const uint8_t *clear)
{
    uint64_t epoch = be64_get(clear + TO_AT + END_BYTES);

    if (!end_is(clear + TO_AT, &self->boot, p->own_link))
        return STALE;
    if (is_known_end(p, clear + FROM_AT))
        return epoch == p->own_epoch ? PRESENT : STALE;
    return epoch == p->own_epoch + 1 ? NEXT : STALE;
}

static int open_data(struct datagram_peer *p, const struct datagram_self *self, struct slice bytes, struct buf *payload,
                     uint64_t *own_boot_seen)
{
    uint8_t plain[DATAGRAM_MAX], key[32], nonce[crypto_aead_chacha20poly1305_ietf_NPUBBYTES];

    if (bytes.len < DATA_MIN)
        return MESH_E_SHORT;
    uint64_t counter = be64_get(bytes.data + COUNTER_AT);
    enum standing standing = standing_of(p, self, bytes.data);
    if (standing == PRESENT && !window_fresh(p, counter))
        return MESH_E_REPLAY;
    if (standing == PRESENT && p->recv_fresh)
        memcpy(key, p->recv_key, sizeof(key));
    else
        data_key(key, p, bytes.data);
    data_nonce(nonce, counter);
    int err = MESH_E_SEAL;
    if (crypto_aead_chacha20poly1305_ietf_decrypt(plain, NULL, NULL, bytes.data + CLEAR_BYTES, bytes.len - CLEAR_BYTES,
                                                  bytes.data, CLEAR_BYTES, nonce, key) != 0)
        goto out;
    *own_boot_seen = be64_get(bytes.data + TO_AT);
    err = MESH_E_STATE;
    if (standing == STALE)
        goto out;
    buf_add(payload, plain, bytes.len - DATA_MIN);
    err = MESH_E_NOMEM;
    if (!buf_ok(payload))
        goto out;
    adopt(p, bytes.data + FROM_AT, be64_get(bytes.data + FROM_AT + END_BYTES));
    memcpy(p->recv_key, key, sizeof(key));
    p->recv_fresh = true;
    window_mark(p, counter);
    err = 0;
out:
    sodium_memzero(key, sizeof(key));
    return err;
}

/* ---- BOOT ---- */

/* Associated data: the header, the echoed counter, and the end that asked, which is
 * not sent: the asker knows it, and an answer to an earlier run of it does not open. */
static void boot_ad(uint8_t ad[BOOT_AD_BYTES], const uint8_t *head, uint64_t echo, const uint8_t *asker)
{
    memcpy(ad, head, HEAD_BYTES);
    be64_put(ad + HEAD_BYTES, echo);
    memcpy(ad + HEAD_BYTES + 8, asker, END_BYTES);
}

int datagram_boot(struct datagram_peer *p, const struct datagram_self *self, struct slice request, struct buf *out)
{
    uint8_t told[TOLD_BYTES], ad[BOOT_AD_BYTES], key[32];

    note_own_boot(p, self);
    if (request.len < DATA_MIN)
        return MESH_E_SHORT;
    uint8_t *at = buf_reserve(out, BOOT_BYTES);
    if (at == NULL)
        return MESH_E_NOMEM;
    const uint8_t *asker = request.data + FROM_AT;
    uint64_t echo = be64_get(request.data + COUNTER_AT);

    head_put(at, DATAGRAM_BOOT, own_id(self), &p->id);
    secret_random(at + NONCE_AT, NONCE_BYTES);
    be64_put(at + ECHO_AT, echo);
    end_put(told, &self->boot, p->own_link);
    be64_put(told + END_BYTES, p->own_epoch + (is_known_end(p, asker) ? 0 : 1));
    be64_put(told + END_BYTES + EPOCH_BYTES, p->boot_known ? p->boot.number : 0);
    boot_ad(ad, at, echo, asker);
    boot_key(key, p, at);
    crypto_aead_xchacha20poly1305_ietf_encrypt(at + SEALED_AT, NULL, told, sizeof(told), ad, sizeof(ad), NULL,
                                               at + NONCE_AT, key);
    sodium_memzero(key, sizeof(key));
    out->len += BOOT_BYTES;
    return 0;
}

static int open_boot(struct datagram_peer *p, const struct datagram_self *self, struct slice bytes,
                     uint64_t *own_boot_seen)
{
    uint8_t told[TOLD_BYTES], ad[BOOT_AD_BYTES], own[END_BYTES], key[32];

    if (bytes.len < BOOT_BYTES)
        return MESH_E_SHORT;
    if (bytes.len > BOOT_BYTES)
        return MESH_E_SEAL;
    uint64_t echo = be64_get(bytes.data + ECHO_AT);
    if (echo <= p->boot_floor || echo > p->send_counter)
        return MESH_E_REPLAY; /* answered already, or none of ours */
    end_put(own, &self->boot, p->own_link);
    boot_ad(ad, bytes.data, echo, own);
    boot_key(key, p, bytes.data);
    int err = crypto_aead_xchacha20poly1305_ietf_decrypt(
        told, NULL, NULL, bytes.data + SEALED_AT, bytes.len - SEALED_AT, ad, sizeof(ad), bytes.data + NONCE_AT, key);
    sodium_memzero(key, sizeof(key));
    if (err != 0)
        return MESH_E_SEAL;
    p->boot_floor = echo;
    adopt(p, told, be64_get(told + END_BYTES));
    *own_boot_seen = be64_get(told + END_BYTES + EPOCH_BYTES);
    return 0;
}

int datagram_open(struct datagram_peer *p, const struct datagram_self *self, struct slice bytes, struct buf *payload,
                  uint64_t *own_boot_seen)
{
    struct datagram_head head;
    uint64_t seen = 0;

    note_own_boot(p, self);
    buf_clear(payload);
    int err = datagram_peek(bytes, &head);
    if (err == 0 && (!node_id_eq(&head.from, &p->id) || !node_id_eq(&head.to, own_id(self))))
        err = MESH_E_SEAL;
    if (err == 0 && head.kind == DATAGRAM_DATA)
        err = open_data(p, self, bytes, payload, &seen);
    else if (err == 0 && head.kind == DATAGRAM_BOOT)
        err = open_boot(p, self, bytes, &seen);
    else if (err == 0)
        err = MESH_E_SYNTAX;
    if (own_boot_seen != NULL)
        *own_boot_seen = seen;
    return err;
}

/* ---- UNKNOWN and CERT ---- */

int datagram_unknown(const struct datagram_self *self, struct slice request, struct buf *out)
{
    struct datagram_head head;

    if (datagram_peek(request, &head) != 0 || head.kind != DATAGRAM_DATA || !node_id_eq(&head.to, own_id(self)))
        return MESH_E_STATE;
    if (request.len < DATA_MIN)
        return MESH_E_SHORT;
    uint8_t *at = buf_reserve(out, UNKNOWN_BYTES);
    if (at == NULL)
        return MESH_E_NOMEM;
    head_put(at, DATAGRAM_UNKNOWN, own_id(self), &head.from);
    memcpy(at + HEAD_BYTES, request.data + COUNTER_AT, 8);
    out->len += UNKNOWN_BYTES;
    return 0;
}

bool datagram_unknown_answers(struct datagram_peer *p, const struct datagram_self *self, struct slice bytes)
{
    struct datagram_head head;

    OBJ_CHECK(p, PEER_MAGIC);
    if (datagram_peek(bytes, &head) != 0 || head.kind != DATAGRAM_UNKNOWN || bytes.len != UNKNOWN_BYTES ||
        !node_id_eq(&head.from, &p->id) || !node_id_eq(&head.to, own_id(self)))
        return false;
    uint64_t echo = be64_get(bytes.data + HEAD_BYTES);
    if (echo <= p->unknown_floor || echo > p->send_counter)
        return false;
    p->unknown_floor = echo;
    return true;
}

int datagram_cert(const struct datagram_self *self, const struct node_id *to, struct buf *out)
{
    struct slice cert = identity_cert(self->id);
    uint8_t *at = buf_reserve(out, HEAD_BYTES + cert.len);

    if (at == NULL)
        return MESH_E_NOMEM;
    head_put(at, DATAGRAM_CERT, own_id(self), to);
    memcpy(at + HEAD_BYTES, cert.data, cert.len);
    out->len += HEAD_BYTES + cert.len;
    return 0;
}

int datagram_cert_read(const struct datagram_self *self, struct slice bytes, struct cert *cert, struct slice *raw)
{
    struct datagram_head head;
    int err = datagram_peek(bytes, &head);

    if (err != 0)
        return err;
    if (head.kind != DATAGRAM_CERT || !node_id_eq(&head.to, own_id(self)))
        return MESH_E_STATE;
    struct slice s = slice_from(bytes, HEAD_BYTES);
    if ((err = cert_parse(cert, s)) != 0)
        return err;
    if (!node_id_eq(&cert->id, &head.from))
        return MESH_E_STATE;
    *raw = s;
    return 0;
}
