#include "node/http/cache_status.h"

#include "node/http/chars.h"

/* An sf-string (RFC 9651 section 4.1.6) holds 0x20..0x7E. */
static void put_string(struct buf *out, struct slice s)
{
    buf_add_u8(out, '"');
    for (size_t i = 0; i < s.len; i++) {
        uint8_t c = s.data[i];
        if (c < 0x20 || c > 0x7E) {
            uint8_t escape[3];
            chars_escape(c, escape);
            buf_add(out, escape, sizeof(escape));
            continue;
        }
        if (c == '"' || c == '\\')
            buf_add_u8(out, '\\');
        buf_add_u8(out, c);
    }
    buf_add_u8(out, '"');
}

static bool is_token(struct slice s)
{
    return chars_all(s, CHARS_SF_TOKEN) && (s.data[0] == '*' || chars_is(s.data[0], CHARS_ALPHA));
}

static void put_word(struct buf *out, struct slice s)
{
    if (is_token(s))
        buf_add_slice(out, s);
    else
        put_string(out, s);
}

/* An sf-integer has 15 digits at most (RFC 9651 section 4.1.4). */
static int64_t sf_integer(int64_t v)
{
    const int64_t most = INT64_C(999999999999999);

    return v > most ? most : v < -most ? -most : v;
}

static void put_forward(struct buf *out, const struct cache_status *s)
{
    static const char *const words[] = {
        [CACHE_STATUS_BYPASS] = "bypass",     [CACHE_STATUS_METHOD] = "method",
        [CACHE_STATUS_URI_MISS] = "uri-miss", [CACHE_STATUS_VARY_MISS] = "vary-miss",
        [CACHE_STATUS_MISS] = "miss",         [CACHE_STATUS_REQUEST] = "request",
        [CACHE_STATUS_STALE] = "stale",       [CACHE_STATUS_PARTIAL] = "partial",
    };

    buf_add_str(out, "; fwd=");
    buf_add_str(out, words[s->fwd]);
    if (s->fwd_status != 0)
        buf_addf(out, "; fwd-status=%u", s->fwd_status);
    if (s->stored)
        buf_add_str(out, "; stored");
    if (s->collapsed)
        buf_add_str(out, "; collapsed");
}

void cache_status_put(struct buf *out, const struct cache_status *s)
{
    put_word(out, s->name);
    if (s->fwd == CACHE_STATUS_HIT)
        buf_add_str(out, "; hit");
    else
        put_forward(out, s);
    if (s->has_ttl)
        buf_addf(out, "; ttl=%lld", (long long)sf_integer(s->ttl_s));
    if (s->key.len > 0) {
        buf_add_str(out, "; key=");
        put_string(out, s->key);
    }
    if (s->detail.len > 0) {
        buf_add_str(out, "; detail=");
        put_word(out, s->detail);
    }
}
