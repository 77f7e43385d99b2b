#include "proto/config_doc.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/base/err.h"
#include "proto/wire.h"

/* The head is an array of the map below and a signature, as in a certificate. */
enum {
    KEY_VERSION = 0,
    KEY_MESH = 1,
    KEY_COUNTER = 2,
    KEY_LINEAGE = 3,
    KEY_AT = 4,
    KEY_WHO = 5,
    KEY_BY = 6,
    KEY_LENGTH = 7,
    KEY_PIECES = 8,
    KEYS_N = 9
};

#define HEAD_VERSION 1
#define HEAD_BYTES   1                     /* an array of two */
#define TAIL_BYTES   (2 + SIGNATURE_BYTES) /* a binary of 64 */
#define AS_IT_IS     (UINT32_C(1) << 31)   /* in a piece's length in a file: it is not packed */

static const char domain[] = "hedgerow configuration 1"; /* these with their final zero */
static const char piece_domain[] = "hedgerow piece 1";
static const char magic[] = "hedgerow configuration file v1\n"; /* without it */
#define MAGIC_BYTES (sizeof(magic) - 1)

const char *config_version_text(const struct config_version *v, char text[CONFIG_VERSION_TEXT_MAX])
{
    if (v->counter == 0)
        snprintf(text, CONFIG_VERSION_TEXT_MAX, "0");
    else
        snprintf(text, CONFIG_VERSION_TEXT_MAX, "%llu-%016llx", (unsigned long long)v->counter,
                 (unsigned long long)digest_u64(&v->hash));
    return text;
}

bool config_who_ok(struct slice who)
{
    for (size_t i = 0; i < who.len; i++) {
        if (who.data[i] < ' ' || who.data[i] > 0x7e || who.data[i] == '"' || who.data[i] == '\\')
            return false;
    }
    return who.len <= CONFIG_WHO_MAX;
}

/* ---- versions ---- */

static size_t lineage_of(uint64_t counter)
{
    return counter - 1 < CONFIG_LINEAGE_MAX ? (size_t)(counter - 1) : CONFIG_LINEAGE_MAX;
}

void config_doc_follow(struct config_head *next, const struct config_head *head)
{
    next->version.counter = head == NULL ? 1 : head->version.counter + 1;
    next->lineage_n = lineage_of(next->version.counter);
    if (head == NULL)
        return;
    next->lineage[0] = head->version.hash;
    for (size_t i = 1; i < next->lineage_n; i++)
        next->lineage[i] = head->lineage[i - 1];
}

bool config_doc_descends(const struct config_head *head, const struct config_version *v)
{
    if (v->counter >= head->version.counter)
        return config_version_cmp(&head->version, v) == 0;
    uint64_t back = head->version.counter - v->counter;
    return back > head->lineage_n || digest_eq(&head->lineage[back - 1], &v->hash);
}

/* ---- the head ---- */

static size_t pieces_of(uint32_t length)
{
    return (length + CONFIG_PIECE - 1) / CONFIG_PIECE;
}

static uint32_t piece_length(const struct config_head *h, size_t i)
{
    return i + 1 < h->pieces_n ? CONFIG_PIECE : h->length - (uint32_t)i * CONFIG_PIECE;
}

static void hash_piece(struct digest *out, struct slice raw)
{
    const struct slice parts[] = { slice_of(piece_domain, sizeof(piece_domain)), raw };
    digest_of(out, parts, 2);
}

static void hash_head(struct digest *out, struct slice map)
{
    const struct slice parts[] = { slice_of(domain, sizeof(domain)), map };
    digest_of(out, parts, 2);
}

static void put_map(struct buf *b, const struct config_head *h)
{
    wire_put_map(b, KEYS_N);
    wire_put_u64(b, KEY_VERSION);
    wire_put_u64(b, HEAD_VERSION);
    wire_put_u64(b, KEY_MESH);
    wire_put_bin(b, SLICE_OF(h->mesh.bytes));
    wire_put_u64(b, KEY_COUNTER);
    wire_put_u64(b, h->version.counter);
    wire_put_u64(b, KEY_LINEAGE);
    wire_put_array(b, (uint32_t)h->lineage_n);
    for (size_t i = 0; i < h->lineage_n; i++)
        wire_put_bin(b, SLICE_OF(h->lineage[i].bytes));
    wire_put_u64(b, KEY_AT);
    wire_put_i64(b, h->at_s);
    wire_put_u64(b, KEY_WHO);
    wire_put_str(b, slice_str(h->who));
    wire_put_u64(b, KEY_BY);
    wire_put_bin(b, slice_of(h->by_raw, h->by_len));
    wire_put_u64(b, KEY_LENGTH);
    wire_put_u64(b, h->length);
    wire_put_u64(b, KEY_PIECES);
    wire_put_bin(b, slice_of(h->pieces, h->pieces_n * DIGEST_BYTES));
}

static bool in_range(const struct config_head *h)
{
    return h->version.counter > 0 && h->version.counter <= CONFIG_COUNTER_MAX && h->at_s >= 0 &&
           h->at_s <= CERT_TIME_MAX_S && h->lineage_n == lineage_of(h->version.counter) &&
           h->length <= CONFIG_TEXT_MAX && h->pieces_n == pieces_of(h->length) && config_who_ok(slice_str(h->who));
}

static int get_lineage(struct config_head *h, const wire_value *map)
{
    const wire_value *array;
    struct slice one;
    size_t n;
    int err = wire_array(map, KEY_LINEAGE, &array, &n);

    if (err != 0)
        return err;
    if (n > CONFIG_LINEAGE_MAX)
        return MESH_E_RANGE;
    for (size_t i = 0; i < n; i++) {
        if ((err = wire_as_bin(wire_at(array, i), &one)) != 0)
            return err;
        if (one.len != DIGEST_BYTES)
            return MESH_E_RANGE;
        memcpy(h->lineage[i].bytes, one.data, DIGEST_BYTES);
    }
    h->lineage_n = n;
    return 0;
}

static int get_text(struct config_head *h, const wire_value *map)
{
    struct slice who, by, pieces;
    uint64_t length;
    int err;

    if ((err = wire_str(map, KEY_WHO, &who)) != 0 || (err = wire_bin(map, KEY_BY, &by)) != 0 ||
        (err = wire_u64(map, KEY_LENGTH, &length)) != 0 || (err = wire_bin(map, KEY_PIECES, &pieces)) != 0)
        return err;
    if (!config_who_ok(who) || by.len > CERT_BYTES_MAX || length > CONFIG_TEXT_MAX ||
        pieces.len != pieces_of((uint32_t)length) * DIGEST_BYTES)
        return MESH_E_RANGE;
    memcpy(h->who, who.data, who.len);
    h->who[who.len] = 0;
    if ((err = cert_parse(&h->by, by)) != 0)
        return err;
    memcpy(h->by_raw, by.data, by.len);
    h->by_len = by.len;
    h->length = (uint32_t)length;
    h->pieces_n = pieces.len / DIGEST_BYTES;
    if (pieces.len > 0)
        memcpy(h->pieces, pieces.data, pieces.len);
    return 0;
}

static int get_map(struct config_head *h, const wire_value *map)
{
    uint64_t version;
    int err;

    if ((err = wire_u64(map, KEY_VERSION, &version)) != 0)
        return err;
    if (version != HEAD_VERSION)
        return MESH_E_VERSION;
    if ((err = wire_fixed(map, KEY_MESH, h->mesh.bytes, MESH_ID_BYTES)) != 0 ||
        (err = wire_u64(map, KEY_COUNTER, &h->version.counter)) != 0 || (err = wire_i64(map, KEY_AT, &h->at_s)) != 0)
        return err;
    if (h->version.counter == 0 || h->version.counter > CONFIG_COUNTER_MAX)
        return MESH_E_RANGE;
    if ((err = get_lineage(h, map)) != 0 || (err = get_text(h, map)) != 0)
        return err;
    return in_range(h) ? 0 : MESH_E_RANGE;
}

static struct slice signed_map(struct slice head)
{
    return slice_of(head.data + HEAD_BYTES, head.len - HEAD_BYTES - TAIL_BYTES);
}

static int parse_head(struct config_head *h, struct slice bytes)
{
    struct wire w;

    int err = wire_open_pair(&w, bytes, CONFIG_HEAD_MAX, SIGNATURE_BYTES);
    if (err != 0)
        return err;
    err = get_map(h, wire_at(w.root, 0));
    wire_close(&w);
    if (err == 0)
        hash_head(&h->version.hash, signed_map(bytes));
    return err;
}

/* ---- documents ---- */

static void put_head(struct config_doc *d, struct slice head)
{
    buf_add(&d->bytes, magic, MAGIC_BYTES);
    buf_add_u32(&d->bytes, (uint32_t)head.len);
    d->head_at = d->bytes.len;
    d->head_len = head.len;
    buf_add_slice(&d->bytes, head);
    d->at[0] = (uint32_t)d->bytes.len;
}

int config_doc_begin(struct config_doc **out, struct slice head)
{
    struct config_doc *d = calloc(1, sizeof(*d));
    int err = d == NULL ? MESH_E_NOMEM : parse_head(&d->head, head);

    *out = NULL;
    if (err == 0)
        put_head(d, head);
    if (err == 0 && !buf_ok(&d->bytes))
        err = MESH_E_NOMEM;
    if (err != 0) {
        config_doc_free(d);
        return err;
    }
    *out = d;
    return 0;
}

void config_doc_free(struct config_doc *d)
{
    if (d == NULL)
        return;
    buf_free(&d->bytes);
    free(d);
}

struct slice config_doc_head(const struct config_doc *d)
{
    return slice_of(d->bytes.data + d->head_at, d->head_len);
}

int config_doc_check(const struct config_doc *d, const struct mesh_id *mesh)
{
    const struct config_head *h = &d->head;
    struct slice head = config_doc_head(d), map = signed_map(head);
    struct buf message = BUF_EMPTY;

    if (memcmp(h->mesh.bytes, mesh->bytes, MESH_ID_BYTES) != 0)
        return MESH_E_WRONG_MESH;
    if ((h->by.roles & CERT_ROLE_OPERATOR) == 0)
        return MESH_E_REFUSED;
    buf_add(&message, domain, sizeof(domain));
    buf_add_slice(&message, map);
    int err = buf_ok(&message)
                  ? identity_verify(head.data + head.len - SIGNATURE_BYTES, h->by.sign_key, buf_slice(&message))
                  : MESH_E_NOMEM;
    buf_free(&message);
    return err;
}

/* Adds a piece that was found good. */
static int add_piece(struct config_doc *d, struct slice bytes, bool packed)
{
    size_t before = d->bytes.len;

    buf_add_u32(&d->bytes, (uint32_t)bytes.len | (packed ? 0 : AS_IT_IS));
    buf_add_slice(&d->bytes, bytes);
    if (!buf_ok(&d->bytes)) {
        d->bytes.failed = false;
        d->bytes.len = before;
        return MESH_E_NOMEM;
    }
    d->at[++d->have] = (uint32_t)d->bytes.len;
    return 0;
}

int config_doc_piece(struct config_doc *d, struct zpack *z, struct slice bytes, bool packed)
{
    uint8_t raw[CONFIG_PIECE];
    struct digest hash;
    int err;

    if (config_doc_whole(d))
        return MESH_E_RANGE;
    uint32_t length = piece_length(&d->head, d->have);
    if (packed && bytes.len >= length)
        return MESH_E_SYNTAX;
    if (packed && (err = zpack_inflate(z, bytes, raw, length)) != 0)
        return err == MESH_E_NOMEM ? err : MESH_E_SYNTAX;
    if (!packed && bytes.len != length)
        return MESH_E_SYNTAX;
    hash_piece(&hash, packed ? slice_of(raw, length) : bytes);
    if (!digest_eq(&hash, &d->head.pieces[d->have]))
        return MESH_E_HASH;
    return add_piece(d, bytes, packed);
}

struct slice config_doc_packed(const struct config_doc *d, size_t i, bool *packed)
{
    assert(i < d->have);
    const uint8_t *at = d->bytes.data + d->at[i];
    *packed = (at[0] & 0x80) == 0;
    return slice_of(at + 4, d->at[i + 1] - d->at[i] - 4);
}

int config_doc_text(const struct config_doc *d, struct zpack *z, struct buf *out)
{
    size_t before = out->len;
    bool packed;

    assert(config_doc_whole(d));
    if (d->head.length == 0)
        return 0;
    uint8_t *to = buf_reserve(out, d->head.length);
    if (to == NULL) {
        out->failed = false;
        return MESH_E_NOMEM;
    }
    for (size_t i = 0; i < d->have; i++) {
        struct slice piece = config_doc_packed(d, i, &packed);
        uint32_t length = piece_length(&d->head, i);
        if (!packed)
            memcpy(to, piece.data, piece.len);
        else if (zpack_inflate(z, piece, to, length) != 0) /* it was fine when it came */
            abort();
        to += length;
    }
    out->len = before + d->head.length;
    return 0;
}

/* ---- making and reading whole ones ---- */

static int sign_head(struct config_doc *d, struct slice text, const struct identity *id)
{
    struct buf part = BUF_EMPTY, head = BUF_EMPTY;
    struct config_head *h = &d->head;
    uint8_t sig[SIGNATURE_BYTES];

    h->mesh = id->mesh.id;
    h->by = id->cert;
    memcpy(h->by_raw, id->cert_raw, id->cert_len);
    h->by_len = id->cert_len;
    h->length = (uint32_t)text.len;
    h->pieces_n = pieces_of(h->length);
    if (!in_range(h))
        return MESH_E_RANGE;
    for (size_t i = 0; i < h->pieces_n; i++)
        hash_piece(&h->pieces[i], slice_of(text.data + i * CONFIG_PIECE, piece_length(h, i)));
    buf_add(&part, domain, sizeof(domain));
    put_map(&part, h);
    if (buf_ok(&part)) {
        struct slice map = slice_from(buf_slice(&part), sizeof(domain));
        identity_sign(sig, id, buf_slice(&part));
        hash_head(&h->version.hash, map);
        wire_put_array(&head, 2);
        wire_put_raw(&head, map);
        wire_put_bin(&head, SLICE_OF(sig));
    }
    if (buf_ok(&part) && buf_ok(&head))
        put_head(d, buf_slice(&head));
    int err = buf_ok(&part) && buf_ok(&head) && buf_ok(&d->bytes) ? 0 : MESH_E_NOMEM;
    buf_free(&part);
    buf_free(&head);
    return err;
}

static int pack_text(struct config_doc *d, struct zpack *z, struct slice text)
{
    struct buf packed = BUF_EMPTY;
    int err = 0;

    for (size_t i = 0; i < d->head.pieces_n && err == 0; i++) {
        struct slice raw = slice_of(text.data + i * CONFIG_PIECE, piece_length(&d->head, i));
        buf_clear(&packed);
        err = raw.len < ZPACK_MIN ? MESH_E_NO_GAIN : zpack_deflate(z, raw, &packed);
        if (err == 0)
            err = add_piece(d, buf_slice(&packed), true);
        else if (err == MESH_E_NO_GAIN)
            err = add_piece(d, raw, false);
    }
    buf_free(&packed);
    return err;
}

int config_doc_make(struct config_doc **out, struct zpack *z, const struct config_head *head, struct slice text,
                    const struct identity *id)
{
    struct config_doc *d;
    int err;

    *out = NULL;
    if ((id->cert.roles & CERT_ROLE_OPERATOR) == 0)
        return MESH_E_REFUSED;
    if (text.len > CONFIG_TEXT_MAX || head->lineage_n > CONFIG_LINEAGE_MAX || head->version.counter == 0)
        return MESH_E_RANGE;
    if ((d = calloc(1, sizeof(*d))) == NULL)
        return MESH_E_NOMEM;
    d->head = *head;
    if ((err = sign_head(d, text, id)) == 0)
        err = pack_text(d, z, text);
    if (err != 0) {
        config_doc_free(d);
        return err;
    }
    *out = d;
    return 0;
}

/* Takes |n| bytes off the front. */
static bool cut(struct slice *rest, size_t n, struct slice *out)
{
    if (rest->len < n)
        return false;
    *out = slice_head(*rest, n);
    *rest = slice_from(*rest, n);
    return true;
}

static bool cut_u32(struct slice *rest, uint32_t *out)
{
    struct slice s;

    if (!cut(rest, 4, &s))
        return false;
    *out = (uint32_t)s.data[0] << 24 | (uint32_t)s.data[1] << 16 | (uint32_t)s.data[2] << 8 | s.data[3];
    return true;
}

int config_doc_read(struct config_doc **out, struct zpack *z, struct slice file)
{
    struct slice rest = file, part;
    uint32_t n;
    int err = 0;

    *out = NULL;
    if (file.len > CONFIG_FILE_MAX)
        return MESH_E_RANGE;
    if (!cut(&rest, MAGIC_BYTES, &part) || !slice_eq(part, slice_of(magic, MAGIC_BYTES)))
        return MESH_E_SYNTAX;
    if (!cut_u32(&rest, &n) || !cut(&rest, n, &part))
        return MESH_E_SHORT;
    if ((err = config_doc_begin(out, part)) != 0)
        return err;
    while (!config_doc_whole(*out) && err == 0) {
        if (!cut_u32(&rest, &n) || !cut(&rest, n & ~AS_IT_IS, &part))
            err = MESH_E_SHORT;
        else
            err = config_doc_piece(*out, z, part, (n & AS_IT_IS) == 0);
    }
    if (err == 0 && rest.len > 0)
        err = MESH_E_SYNTAX;
    if (err != 0) {
        config_doc_free(*out);
        *out = NULL;
    }
    return err;
}
