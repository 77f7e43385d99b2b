#include "node/io/access_mask.h"

#include "node/signed/credential.h"

/* Of "a=b" between two |between|: whether its value is to be hidden, and its name with what precedes it. */
static bool is_secret(struct slice pair, bool cookie, struct slice *shown)
{
    const uint8_t *equals = pair.len > 0 ? memchr(pair.data, '=', pair.len) : NULL;

    if (equals == NULL)
        return false;
    *shown = slice_head(pair, (size_t)(equals - pair.data) + 1);
    struct slice name = slice_head(pair, (size_t)(equals - pair.data));
    return credential_secret(cookie ? slice_trim(name) : name, cookie);
}

/* Appends |list| with what is hidden. False: there was nothing to hide, and nothing was appended. */
static bool put_masked(struct buf *out, struct slice list, uint8_t between, bool cookie)
{
    struct slice rest = list, pair, shown;
    bool any = false, first = true;

    while (!any && slice_split(&rest, between, &pair))
        any = is_secret(pair, cookie, &shown);
    for (rest = list; any && slice_split(&rest, between, &pair); first = false) {
        if (!first)
            buf_add_u8(out, between);
        bool hidden = is_secret(pair, cookie, &shown);
        buf_add_slice(out, hidden ? shown : pair);
        if (hidden)
            buf_add_u8(out, '*');
    }
    return any;
}

struct slice access_masked(struct buf *room, struct slice url)
{
    const uint8_t *question = url.len > 0 ? memchr(url.data, '?', url.len) : NULL;

    if (question == NULL)
        return url;
    struct slice bare = slice_head(url, (size_t)(question - url.data) + 1);
    buf_clear(room);
    buf_add_slice(room, bare);
    if (!put_masked(room, slice_from(url, bare.len), '&', false))
        return url;
    return buf_ok(room) ? buf_slice(room) : slice_head(bare, bare.len - 1);
}

struct slice access_masked_cookies(struct buf *room, struct slice cookies)
{
    buf_clear(room);
    if (!put_masked(room, cookies, ';', true))
        return cookies;
    return buf_ok(room) ? buf_slice(room) : SLICE_EMPTY;
}
