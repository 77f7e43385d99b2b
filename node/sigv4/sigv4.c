#include "node/sigv4/sigv4.h"

#include <sodium.h>
#include <stdio.h>

#include "node/sigv4/sigv4_impl.h"
#include "proto/base/err.h"

#define ALGORITHM   "AWS4-HMAC-SHA256"
#define CHUNK       "AWS4-HMAC-SHA256-PAYLOAD"
#define TERMINATION "aws4_request"
#define DAY         8 /* the first bytes of a time */

void sigv4_wipe(void *secret, size_t len)
{
    sodium_memzero(secret, len);
}

/* Days since 1970 to a date of the Gregorian calendar, which repeats each 146,097 days. */
bool sigv4_time(char out[SIGV4_TIME_MAX], int64_t wall_s)
{
    static const unsigned days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    unsigned year = 1970, month = 0;

    if (wall_s < 0 || wall_s >= INT64_C(253402300800)) /* the year 10000 */
        return false;
    unsigned day = (unsigned)(wall_s / 86400), second = (unsigned)(wall_s % 86400);
    for (;;) {
        bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
        unsigned n = leap ? 366 : 365;
        if (day >= n) {
            day -= n;
            year++;
            continue;
        }
        while (day >= days[month] + (leap && month == 1 ? 1 : 0)) {
            day -= days[month] + (leap && month == 1 ? 1 : 0);
            month++;
        }
        break;
    }
    char text[64];
    snprintf(text, sizeof(text), "%04u%02u%02uT%02u%02u%02uZ", year, month + 1, day + 1, second / 3600,
             second / 60 % 60, second % 60);
    memcpy(out, text, SIGV4_TIME_MAX);
    return true;
}

/* ---- the canonical request ---- */

static int by_name(const void *a, const void *b)
{
    const struct sigv4_field *const *x = a, *const *y = b;
    struct slice p = (*x)->name, q = (*y)->name;
    size_t n = p.len < q.len ? p.len : q.len;

    for (size_t i = 0; i < n; i++) {
        int c = p.data[i] | (p.data[i] >= 'A' && p.data[i] <= 'Z' ? 32 : 0);
        int d = q.data[i] | (q.data[i] >= 'A' && q.data[i] <= 'Z' ? 32 : 0);
        if (c != d)
            return c - d;
    }
    if (p.len != q.len)
        return p.len < q.len ? -1 : 1;
    return *x < *y ? -1 : *x > *y; /* in the order of the request */
}

static void put_lower(struct buf *out, struct slice name)
{
    for (size_t i = 0; i < name.len; i++)
        buf_add_u8(out, name.data[i] | (name.data[i] >= 'A' && name.data[i] <= 'Z' ? 32 : 0));
}

/* Without blanks at its ends, and one for each run of them. */
static void put_value(struct buf *out, struct slice value)
{
    bool blank = false, begun = false;

    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.data[i];
        if (c == ' ' || (c >= '\t' && c <= '\r')) {
            blank = true;
            continue;
        }
        if (blank && begun)
            buf_add_u8(out, ' ');
        buf_add_u8(out, c);
        blank = false;
        begun = true;
    }
}

static bool same_name(const struct sigv4_field *a, const struct sigv4_field *b)
{
    return slice_eq_nocase(a->name, b->name);
}

static size_t sorted(const struct sigv4_field *out[SIGV4_FIELDS_MAX], const struct sigv4_request *q)
{
    for (size_t i = 0; i < q->n; i++)
        out[i] = &q->fields[i];
    if (q->n > 1)
        qsort(out, q->n, sizeof(out[0]), by_name);
    return q->n;
}

static void put_names(struct buf *out, const struct sigv4_request *q)
{
    const struct sigv4_field *at[SIGV4_FIELDS_MAX];
    size_t n = sorted(at, q);

    for (size_t i = 0; i < n; i++) {
        if (i > 0 && same_name(at[i], at[i - 1]))
            continue;
        if (i > 0)
            buf_add_u8(out, ';');
        put_lower(out, at[i]->name);
    }
}

static void put_fields(struct buf *out, const struct sigv4_request *q)
{
    const struct sigv4_field *at[SIGV4_FIELDS_MAX];
    size_t n = sorted(at, q);

    for (size_t i = 0; i < n; i++) {
        bool more = i > 0 && same_name(at[i], at[i - 1]);
        if (i > 0 && !more)
            buf_add_u8(out, '\n');
        if (!more)
            put_lower(out, at[i]->name);
        buf_add_u8(out, more ? ',' : ':');
        put_value(out, at[i]->value);
    }
    if (n > 0)
        buf_add_u8(out, '\n');
}

int sigv4_canonical(struct buf *out, const struct sigv4_scope *scope, const struct sigv4_request *q)
{
    size_t total = q->method.len + 3 * q->target.len + q->payload.len;

    if (q->target.len == 0 || q->target.data[0] != '/')
        return MESH_E_SYNTAX;
    for (size_t i = 0; i < q->n && i < SIGV4_FIELDS_MAX; i++)
        total += 2 * q->fields[i].name.len + q->fields[i].value.len;
    if (q->n > SIGV4_FIELDS_MAX || total > SIGV4_REQUEST_MAX)
        return MESH_E_FULL;
    const uint8_t *mark = memchr(q->target.data, '?', q->target.len);
    size_t path = mark != NULL ? (size_t)(mark - q->target.data) : q->target.len;
    buf_add_slice(out, q->method);
    buf_add_u8(out, '\n');
    sigv4_put_path(out, scope, slice_head(q->target, path));
    buf_add_u8(out, '\n');
    sigv4_put_query(out, slice_from(q->target, path + 1));
    buf_add_u8(out, '\n');
    put_fields(out, q);
    buf_add_u8(out, '\n');
    put_names(out, q);
    buf_add_u8(out, '\n');
    buf_add_slice(out, q->payload);
    return buf_ok(out) ? 0 : MESH_E_NOMEM;
}

/* ---- the signature ---- */

static void hmac(uint8_t out[32], const void *key, size_t key_len, struct slice text)
{
    crypto_auth_hmacsha256_state state;

    crypto_auth_hmacsha256_init(&state, key, key_len);
    crypto_auth_hmacsha256_update(&state, text.data, text.len);
    crypto_auth_hmacsha256_final(&state, out);
    sodium_memzero(&state, sizeof(state));
}

void sigv4_hash(char out[SIGV4_HEX_MAX], struct slice bytes)
{
    uint8_t hash[32];

    crypto_hash_sha256(hash, bytes.data, bytes.len);
    sodium_bin2hex(out, SIGV4_HEX_MAX, hash, sizeof(hash));
}

/* What the key of a day is made of: each part with its length, so that no two are written alike. */
static void identity_of(uint8_t out[32], const struct sigv4_keys *keys, const struct sigv4_scope *scope,
                        const char *time)
{
    struct slice parts[] = { keys->secret, scope->region, scope->service, slice_of(time, DAY) };
    crypto_hash_sha256_state state;

    crypto_hash_sha256_init(&state);
    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        uint8_t len[8];
        be64_put(len, parts[i].len);
        crypto_hash_sha256_update(&state, len, sizeof(len));
        crypto_hash_sha256_update(&state, parts[i].data, parts[i].len);
    }
    crypto_hash_sha256_final(&state, out);
    sodium_memzero(&state, sizeof(state));
}

static void key_of_day(struct sigv4_memo *memo, const struct sigv4_keys *keys, const struct sigv4_scope *scope,
                       const char *time)
{
    crypto_auth_hmacsha256_state state;
    uint8_t of[32], key[32];

    identity_of(of, keys, scope, time);
    if (sodium_memcmp(of, memo->of, sizeof(of)) == 0)
        return;
    uint8_t whole[64] = "AWS4";
    if (keys->secret.len <= sizeof(whole) - 4) {
        memcpy(whole + 4, keys->secret.data, keys->secret.len);
        crypto_auth_hmacsha256_init(&state, whole, keys->secret.len + 4);
    } else { /* a key longer than a block is hashed first (RFC 2104 section 2) */
        crypto_hash_sha256_state hash;
        crypto_hash_sha256_init(&hash);
        crypto_hash_sha256_update(&hash, whole, 4);
        crypto_hash_sha256_update(&hash, keys->secret.data, keys->secret.len);
        crypto_hash_sha256_final(&hash, key);
        crypto_auth_hmacsha256_init(&state, key, sizeof(key));
        sodium_memzero(&hash, sizeof(hash));
    }
    crypto_auth_hmacsha256_update(&state, (const uint8_t *)time, DAY);
    crypto_auth_hmacsha256_final(&state, key);
    hmac(key, key, sizeof(key), scope->region);
    hmac(key, key, sizeof(key), scope->service);
    hmac(memo->key, key, sizeof(key), SLICE_LIT(TERMINATION));
    memcpy(memo->of, of, sizeof(of));
    sodium_memzero(&state, sizeof(state));
    sodium_memzero(whole, sizeof(whole));
    sodium_memzero(key, sizeof(key));
}

static void put_scope(struct buf *out, const char *time, struct slice region, struct slice service)
{
    buf_add(out, time, DAY);
    buf_addf(out, "/%.*s/%.*s/" TERMINATION, SLICE_FMT(region), SLICE_FMT(service));
}

int sigv4_authorization(struct buf *out, struct sigv4_memo *memo, const struct sigv4_keys *keys,
                        const struct sigv4_scope *scope, const char time[SIGV4_TIME_MAX], const struct sigv4_request *q,
                        char signature[SIGV4_HEX_MAX])
{
    struct buf text = BUF_EMPTY;
    char hex[SIGV4_HEX_MAX];
    uint8_t mac[32];
    int err = sigv4_canonical(&text, scope, q);

    if (err != 0)
        goto out;
    sigv4_hash(hex, buf_slice(&text));
    sodium_memzero(text.data, text.len); /* a token may be in it */
    buf_clear(&text);
    buf_addf(&text, ALGORITHM "\n%s\n", time);
    put_scope(&text, time, scope->region, scope->service);
    buf_addf(&text, "\n%s", hex);
    if (!buf_ok(&text)) {
        err = MESH_E_NOMEM;
        goto out;
    }
    key_of_day(memo, keys, scope, time);
    hmac(mac, memo->key, sizeof(memo->key), buf_slice(&text));
    sodium_bin2hex(hex, sizeof(hex), mac, sizeof(mac));
    buf_addf(out, ALGORITHM " Credential=%.*s/", SLICE_FMT(keys->id));
    put_scope(out, time, scope->region, scope->service);
    buf_add_str(out, ", SignedHeaders=");
    put_names(out, q);
    buf_addf(out, ", Signature=%s", hex);
    if (signature != NULL)
        memcpy(signature, hex, sizeof(hex));
    err = buf_ok(out) ? 0 : MESH_E_NOMEM;
out:
    buf_free(&text);
    return err;
}

/* ---- chunk by chunk ---- */

void sigv4_chain_begin(struct sigv4_chain *c, const struct sigv4_memo *memo, struct slice region,
                       const char time[SIGV4_TIME_MAX], const char signature[SIGV4_HEX_MAX])
{
    memcpy(c->key, memo->key, sizeof(c->key));
    memcpy(c->time, time, sizeof(c->time));
    snprintf(c->region, sizeof(c->region), "%.*s", SLICE_FMT(region));
    memcpy(c->before, signature, sizeof(c->before));
}

void sigv4_chain_next(struct sigv4_chain *c, struct slice data, char signature[SIGV4_HEX_MAX])
{
    char hex[SIGV4_HEX_MAX], text[512];
    uint8_t mac[32];

    sigv4_hash(hex, data);
    int n = snprintf(text, sizeof(text), CHUNK "\n%s\n%.*s/%s/s3/" TERMINATION "\n%s\n%.*s\n%s", c->time, DAY, c->time,
                     c->region, c->before, SLICE_FMT(SIGV4_PAYLOAD_EMPTY), hex);
    hmac(mac, c->key, sizeof(c->key), slice_of(text, (size_t)n));
    sodium_bin2hex(c->before, sizeof(c->before), mac, sizeof(mac));
    memcpy(signature, c->before, SIGV4_HEX_MAX);
}
