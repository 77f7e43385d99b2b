/* fuzz_policy.c - anybody's bytes as a policy, as a Resource with the URL that it is to fit, as a token, and as base64:
 * what is taken is within its bounds, decides the same twice, and encodes again. */
#include "node/signed/b64.h"
#include "node/signed/policy.h"
#include "node/signed/resource.h"
#include "node/signed/url_token.h"
#include "tests/fuzz/fuzz.h"

static void fuzz_start(void)
{
}

static void fuzz_sample(unsigned n, struct buf *out)
{
    static const char full[] =
        "{\"Statement\":[{\"Resource\":\"https://*.example/f?*\",\"Condition\":{\"DateLessThan\":{\"AWS:EpochTime\":"
        "1700000060},\"DateGreaterThan\":{\"AWS:EpochTime\":1},\"IpAddress\":{\"AWS:SourceIp\":\"192.0.2.0/24\"}}}]}";
    static const char *const texts[] = {
        full,
        "{\"Statement\":[{\"Condition\":{\"DateLessThan\":{\"AWS:EpochTime\":1700000060}}}]}",
        "http*://*.example/a*b?c\\?d=*\nhttps://a.example/axbyc?d=1",
        "*a.example\nhttp://b.a.example/",
        "1~key~e1700000060~s1~p7~a2001:db8::/32~c2ln",
        "eyJTdGF0-W1l~nQiOltd_Q__",
    };

    buf_add_str(out, texts[n % (sizeof(texts) / sizeof(texts[0]))]);
}

static void as_policy(struct slice in)
{
    static struct policy p;

    if (policy_read(&p, in) != 0)
        return;
    assert(p.resource_len <= POLICY_RESOURCE_MAX && (p.any || p.resource_len <= in.len));
    assert(p.ends_s >= 0 && p.ends_s <= POLICY_TIME_MAX && p.starts_s >= -1 && p.starts_s <= POLICY_TIME_MAX);
    assert(!p.has_net || p.net.bits <= 128);
}

static void as_resource(struct slice in)
{
    struct slice pattern, url = in;
    struct resource_url u = { .scheme = SLICE_LIT("https") };

    slice_split(&url, '\n', &pattern);
    const uint8_t *slash = url.len > 0 ? memchr(url.data, '/', url.len) : NULL;
    u.host = slash != NULL ? slice_head(url, (size_t)(slash - url.data)) : url;
    u.query = slice_from(url, u.host.len);
    slice_split(&u.query, '?', &u.path);
    bool fits = resource_fits(pattern, &u);
    assert(fits == resource_fits(pattern, &u) && resource_fits(SLICE_LIT("*"), &u));
    assert(!fits || pattern.len > 0);
    resource_dots(u.path);
    resource_wild(pattern);
}

static void as_token(struct slice in)
{
    struct buf text = BUF_EMPTY;
    struct url_token t;

    if (url_token_read(&t, in) != 0)
        return;
    assert(t.ends_s > 0 && t.key_id.len <= URL_TOKEN_ID_MAX && t.head.len + 1 + t.signature.len == in.len);
    url_token_text(&text, &t, SLICE_LIT("a.example:80"), SLICE_LIT("/abcdefgh?x"));
    assert(text.len == 0 || text.len > t.head.len);
    buf_free(&text);
}

static void as_base64(struct slice in, enum b64_kind kind)
{
    struct buf raw = BUF_EMPTY, again = BUF_EMPTY;

    if (b64_read(&raw, in, kind) == 0) {
        b64_put(&again, buf_slice(&raw), kind);
        assert(again.len >= in.len && again.len <= in.len + 2); /* padding may have been left out */
        assert(in.len == 0 || memcmp(again.data, in.data, in.len) == 0);
    } else {
        assert(raw.len == 0);
    }
    buf_free(&raw);
    buf_free(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    uint8_t *copy = fuzz_copy(data, len);
    struct slice in = slice_of(copy, len);

    as_policy(in);
    as_resource(in);
    as_token(in);
    as_base64(in, B64_CLOUDFRONT);
    as_base64(in, B64_URL);
    free(copy);
    return 0;
}
