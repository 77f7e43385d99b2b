#include "node/io/upstream_sign.h"

#include <stdio.h>

#include "node/http/serialise.h"
#include "proto/base/err.h"

#define CHUNK_PARAM ";chunk-signature="

struct head {
    struct slice method, target;
    struct sigv4_field fields[SIGV4_FIELDS_MAX];
    size_t n;
};

static bool is(const struct sigv4_field *f, const char *name)
{
    return slice_eq_nocase(f->name, slice_str(name));
}

static bool is_amz(struct slice name)
{
    return slice_eq_nocase(slice_head(name, 6), SLICE_LIT("x-amz-"));
}

/* A line without its end; false: there is none. */
static bool next_line(struct slice *rest, struct slice *line)
{
    if (!slice_split(rest, '\n', line) || line->len == 0)
        return false;
    line->len--;
    return true;
}

static int read_head(struct head *h, struct slice text)
{
    struct slice line, part;

    h->n = 0;
    if (!next_line(&text, &line) || !slice_split(&line, ' ', &h->method) || !slice_split(&line, ' ', &h->target))
        return MESH_E_SYNTAX;
    while (next_line(&text, &line) && line.len > 0) {
        if (h->n == SIGV4_FIELDS_MAX)
            return MESH_E_FULL;
        if (!slice_split(&line, ':', &part) || line.data == NULL)
            return MESH_E_SYNTAX;
        h->fields[h->n++] = (struct sigv4_field){ part, slice_trim(line) };
    }
    return 0;
}

static const struct sigv4_field *find(const struct head *h, const char *name)
{
    for (size_t i = 0; i < h->n; i++) {
        if (is(&h->fields[i], name))
            return &h->fields[i];
    }
    return NULL;
}

/* By a field, or in the URL. */
static bool viewer_signed(const struct head *h)
{
    struct slice rest = h->target, part;

    if (find(h, "authorization") != NULL)
        return true;
    slice_split(&rest, '?', &part);
    while (slice_split(&rest, '&', &part)) {
        if (slice_eq(slice_head(part, 16), SLICE_LIT("X-Amz-Signature=")))
            return true;
    }
    return false;
}

/* Which of them belong to the signature, or must not be a viewer's to say. */
static bool dropped(const struct head *h, const struct sigv4_field *f, bool chunks)
{
    static const char *const ours[] = { "authorization",        "x-amz-date",    "x-amz-content-sha256",
                                        "x-amz-security-token", "x-amz-trailer", "x-amz-decoded-content-length" };

    for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
        if (is(f, ours[i]))
            return true;
    }
    if (chunks && (is(f, "content-length") || is(f, "content-encoding")))
        return true;
    return is_amz(f->name) && (slice_eq(h->method, SLICE_LIT("GET")) || slice_eq(h->method, SLICE_LIT("HEAD")));
}

static bool goes_into(const struct sigv4_field *f)
{
    return is_amz(f->name) || is(f, "host") || is(f, "range") || is(f, "content-type") || is(f, "content-md5");
}

static uint64_t chunk_overhead(uint64_t size)
{
    char text[20];

    return (uint64_t)snprintf(text, sizeof(text), "%llx", (unsigned long long)size) + sizeof(CHUNK_PARAM) - 1 +
           SIGV4_HEX_MAX - 1 + 4;
}

/* What |length| bytes are in chunks. */
static uint64_t encoded_length(uint64_t length)
{
    uint64_t whole = length / UPSTREAM_CHUNK_BYTES, rest = length % UPSTREAM_CHUNK_BYTES;

    return length + whole * chunk_overhead(UPSTREAM_CHUNK_BYTES) + (rest > 0 ? chunk_overhead(rest) : 0) +
           chunk_overhead(0);
}

void upstream_chunk_line(struct buf *out, struct sigv4_chain *chain, struct slice data, bool first)
{
    char signature[SIGV4_HEX_MAX];

    sigv4_chain_next(chain, data, signature);
    buf_addf(out, "%s%zx" CHUNK_PARAM "%s\r\n%s", first ? "" : HTTP_CHUNK_END, data.len, signature,
             data.len == 0 ? HTTP_CHUNK_END : "");
}

/* What the payload is said to be. */
static struct slice payload_of(const struct head *h, bool https, uint64_t *length)
{
    const struct sigv4_field *said = find(h, "content-length");

    *length = 0;
    if (find(h, "transfer-encoding") != NULL)
        return SIGV4_PAYLOAD_UNSIGNED; /* S3 takes none without a length, and will say so */
    if (said == NULL || slice_u64(said->value, length) != 0 || *length == 0)
        return SIGV4_PAYLOAD_EMPTY;
    return https || *length > UINT64_MAX / 2 ? SIGV4_PAYLOAD_UNSIGNED : SIGV4_PAYLOAD_CHUNKS;
}

static void put_chunked(struct buf *out, const struct head *h, uint64_t length)
{
    const struct sigv4_field *coding = find(h, "content-encoding");

    http_put_number(out, SLICE_LIT("Content-Length"), encoded_length(length));
    http_put_number(out, SLICE_LIT("X-Amz-Decoded-Content-Length"), length);
    buf_add_str(out, "Content-Encoding: aws-chunked");
    if (coding != NULL) { /* which is what the object will have */
        buf_add_str(out, ",");
        buf_add_slice(out, coding->value);
    }
    buf_add_str(out, "\r\n");
}

/* The head without Authorization and its last line. */
static void put_unsigned(struct buf *out, const struct head *h, const struct upstream_signing_by *by, const char *time,
                         struct slice payload, uint64_t length, bool chunks)
{
    buf_add_slice(out, h->method);
    buf_add_u8(out, ' ');
    sigv4_target(out, h->target);
    buf_add_str(out, " HTTP/1.1\r\n");
    for (size_t i = 0; i < h->n; i++) {
        if (!dropped(h, &h->fields[i], chunks))
            http_put_sound(out, h->fields[i].name, h->fields[i].value);
    }
    if (chunks)
        put_chunked(out, h, length);
    http_put_sound(out, SLICE_LIT("X-Amz-Date"), slice_str(time));
    http_put_sound(out, SLICE_LIT("X-Amz-Content-Sha256"), payload);
    if (by->keys->token_len > 0)
        http_put_sound(out, SLICE_LIT("X-Amz-Security-Token"), slice_of(by->keys->token, by->keys->token_len));
}

static int put_signature(struct buf *out, const struct upstream_signing_by *by, const char *time, struct slice payload,
                         char signature[SIGV4_HEX_MAX])
{
    const struct sigv4_keys keys = { slice_of(by->keys->id, by->keys->id_len),
                                     slice_of(by->keys->secret, by->keys->secret_len) };
    const struct sigv4_scope scope = { .region = by->region, .service = SLICE_LIT("s3") };
    struct buf value = BUF_EMPTY;
    struct head h;
    size_t n = 0;
    int err = read_head(&h, buf_slice(out));

    for (size_t i = 0; err == 0 && i < h.n; i++) {
        if (goes_into(&h.fields[i]))
            h.fields[n++] = h.fields[i];
    }
    struct sigv4_request q = { h.method, h.target, h.fields, n, payload };
    if (err == 0)
        err = sigv4_authorization(&value, by->memo, &keys, &scope, time, &q, signature);
    if (err == 0) {
        http_put_sound(out, SLICE_LIT("Authorization"), buf_slice(&value));
        http_put_end(out);
        err = buf_ok(out) ? 0 : MESH_E_NOMEM;
    }
    buf_free(&value);
    return err;
}

int upstream_sign(struct buf *head, const struct upstream_signing_by *by, int64_t wall_s, struct sigv4_chain *chain,
                  bool *chunks)
{
    struct buf out = BUF_EMPTY;
    struct head h;
    char time[SIGV4_TIME_MAX], signature[SIGV4_HEX_MAX];
    uint64_t length;
    int err;

    *chunks = false;
    if (by->how == UPSTREAM_SIGN_NEVER)
        return 0;
    if ((err = read_head(&h, buf_slice(head))) != 0)
        return err;
    if (by->how == UPSTREAM_SIGN_NO_OVERRIDE && viewer_signed(&h))
        return 0;
    if (!sigv4_time(time, wall_s))
        return MESH_E_RANGE;
    struct slice payload = payload_of(&h, by->https, &length);
    bool chunked = slice_eq(payload, SIGV4_PAYLOAD_CHUNKS);
    put_unsigned(&out, &h, by, time, payload, length, chunked);
    if (!buf_ok(&out))
        err = MESH_E_NOMEM;
    else
        err = put_signature(&out, by, time, payload, signature);
    if (err == 0 && chunked) {
        sigv4_chain_begin(chain, by->memo, by->region, time, signature);
        *chunks = true;
    }
    buf_free(head);
    buf_take(head, &out);
    return err;
}
