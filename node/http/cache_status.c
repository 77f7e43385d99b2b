#include "node/http/cache_status.h"

#include "node/sf/sf.h"

/* RFC 9211's own examples have a blank behind the semicolon, and so have we. */
static void put_name(struct buf *out, const char *name)
{
    buf_add_str(out, "; ");
    buf_add_str(out, name);
}

static void put_forward(struct buf *out, const struct cache_status *s)
{
    static const char *const words[] = {
        [CACHE_STATUS_BYPASS] = "bypass",     [CACHE_STATUS_METHOD] = "method",
        [CACHE_STATUS_URI_MISS] = "uri-miss", [CACHE_STATUS_VARY_MISS] = "vary-miss",
        [CACHE_STATUS_MISS] = "miss",         [CACHE_STATUS_REQUEST] = "request",
        [CACHE_STATUS_STALE] = "stale",       [CACHE_STATUS_PARTIAL] = "partial",
    };

    put_name(out, "fwd=");
    buf_add_str(out, words[s->fwd]);
    if (s->fwd_status != 0) {
        put_name(out, "fwd-status=");
        (void)sf_put_integer(out, s->fwd_status); /* an unsigned is in range */
    }
    if (s->stored)
        put_name(out, "stored");
    if (s->collapsed)
        put_name(out, "collapsed");
}

static int64_t clamp(int64_t v)
{
    return v > SF_INTEGER_MAX ? SF_INTEGER_MAX : v < -SF_INTEGER_MAX ? -SF_INTEGER_MAX : v;
}

void cache_status_put(struct buf *out, const struct cache_status *s)
{
    sf_put_word(out, s->name);
    if (s->fwd == CACHE_STATUS_HIT)
        put_name(out, "hit");
    else
        put_forward(out, s);
    if (s->has_ttl) {
        put_name(out, "ttl=");
        (void)sf_put_integer(out, clamp(s->ttl_s));
    }
    if (s->key.len > 0) {
        put_name(out, "key=");
        sf_put_escaped(out, s->key);
    }
    if (s->detail.len > 0) {
        put_name(out, "detail=");
        sf_put_word(out, s->detail);
    }
}
