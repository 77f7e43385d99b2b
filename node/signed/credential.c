#include "node/signed/credential.h"

#include "proto/base/err.h"

enum word { EXPIRES, POLICY, SIGNATURE, KEY_ID, HASH, TOKEN, WORDS };

#define COOKIE_PREFIX "CloudFront-"
static const char *const names[WORDS] = {
    "Expires", "Policy", "Signature", "Key-Pair-Id", "Hash-Algorithm", "Hedgerow"
};

struct found {
    struct slice at[WORDS];
    bool has[WORDS];
    bool any, twice, malformed;
    bool begun; /* something stands in the rest of the query, be it nothing before an & */
};

static enum word word_of(struct slice name)
{
    for (unsigned w = 0; w < WORDS; w++) {
        if (slice_eq(name, slice_str(names[w])))
            return (enum word)w;
    }
    return WORDS;
}

static enum word cookie_word(struct slice name)
{
    struct slice prefix = SLICE_LIT(COOKIE_PREFIX);

    if (slice_eq(name, slice_str(names[TOKEN])))
        return TOKEN;
    if (!slice_eq(slice_head(name, prefix.len), prefix))
        return WORDS;
    enum word w = word_of(slice_from(name, prefix.len));
    return w == TOKEN ? WORDS : w;
}

bool credential_cookie(struct slice name)
{
    return cookie_word(name) != WORDS;
}

bool credential_secret(struct slice name, bool cookie)
{
    enum word w = cookie ? cookie_word(name) : word_of(name);

    return w == POLICY || w == SIGNATURE || w == KEY_ID || w == TOKEN;
}

/* Some clients encode more than they must: %7E for ~. There is room in |room| for all of the target. */
static bool decoded(struct slice value, struct buf *room, struct slice *out)
{
    size_t start = room->len;

    *out = value;
    if (value.len == 0 || memchr(value.data, '%', value.len) == NULL)
        return true;
    for (size_t i = 0; i < value.len; i++) {
        uint8_t c = value.data[i];
        if (c == '%') {
            int high = i + 2 < value.len ? hex_digit(value.data[i + 1]) : -1;
            int low = high >= 0 ? hex_digit(value.data[i + 2]) : -1;
            if (low < 0)
                return false;
            c = (uint8_t)(high * 16 + low);
            i += 2;
        }
        buf_add_u8(room, c);
    }
    *out = slice_of(room->data + start, room->len - start);
    return true;
}

/* What is no parameter of ours goes to |rest|, byte for byte. */
static void read_query(struct slice query, struct found *f, struct buf *rest, struct buf *room)
{
    struct slice part;

    while (slice_split(&query, '&', &part)) {
        struct slice value = part, name;
        slice_split(&value, '=', &name);
        enum word w = word_of(name);
        if (w == WORDS) {
            if (f->begun)
                buf_add_u8(rest, '&');
            f->begun = true;
            buf_add_slice(rest, part);
            continue;
        }
        f->twice = f->twice || f->has[w];
        f->any = f->has[w] = true;
        if (value.data == NULL)
            value = SLICE_EMPTY;
        f->malformed = !decoded(value, room, &f->at[w]) || f->malformed;
    }
}

static void read_cookies(const struct slice *cookies, size_t n, struct found *f)
{
    for (size_t i = 0; i < n; i++) {
        struct slice rest = cookies[i], pair;
        while (slice_split(&rest, ';', &pair)) {
            struct slice value = slice_trim(pair), name;
            slice_split(&value, '=', &name);
            enum word w = cookie_word(name);
            if (w == WORDS || f->has[w])
                continue;
            f->any = f->has[w] = true;
            if (value.data == NULL)
                value = SLICE_EMPTY;
            if (value.len >= 2 && value.data[0] == '"' && value.data[value.len - 1] == '"')
                value = slice_of(value.data + 1, value.len - 2);
            f->at[w] = value;
        }
    }
}

static int judge(struct credential *out, const struct found *f)
{
    bool signature = f->has[SIGNATURE] && f->has[KEY_ID];

    if (f->twice || f->malformed)
        return MESH_E_SYNTAX;
    for (unsigned w = 0; w < WORDS; w++) {
        if (f->at[w].len > CREDENTIAL_VALUE_MAX)
            return MESH_E_RANGE;
    }
    if (f->has[HASH]) {
        out->sha256 = slice_eq(f->at[HASH], SLICE_LIT("SHA256"));
        if (!out->sha256 && !slice_eq(f->at[HASH], SLICE_LIT("SHA1")))
            return MESH_E_SYNTAX;
    }
    if (f->has[TOKEN] && (!out->of_url || !(f->has[SIGNATURE] || f->has[POLICY] || f->has[EXPIRES] || f->has[KEY_ID])))
        out->kind = CREDENTIAL_TOKEN;
    else if (signature && f->has[POLICY] && !(out->of_url && f->has[EXPIRES]) && !f->has[TOKEN])
        out->kind = CREDENTIAL_CUSTOM;
    else if (signature && f->has[EXPIRES] && !f->has[POLICY] && !f->has[TOKEN])
        out->kind = CREDENTIAL_CANNED;
    else
        return MESH_E_SYNTAX;
    out->key_id = f->at[KEY_ID];
    out->expires = f->at[EXPIRES];
    out->policy = f->at[POLICY];
    out->signature = f->at[SIGNATURE];
    out->token = f->at[TOKEN];
    return 0;
}

int credential_read(struct credential *out, struct slice target, const struct slice *cookies, size_t n,
                    struct buf *room)
{
    struct found f = { .any = false };
    struct slice query = target, path;

    *out = (struct credential){ .target = target };
    buf_clear(room);
    slice_split(&query, '?', &path);
    if (query.data != NULL && query.len > 0) {
        /* Twice the target, and never moved: what was lent stays where it is. The rest of the query lies in front. */
        if (buf_reserve(room, 2 * target.len + 2) == NULL)
            return MESH_E_NOMEM;
        struct buf rest = { .data = room->data, .len = 0, .cap = target.len + 1, .failed = false };
        struct buf values = { .data = room->data + target.len + 1, .len = 0, .cap = target.len + 1, .failed = false };
        buf_add_slice(&rest, path);
        buf_add_u8(&rest, '?');
        size_t bare = rest.len;
        struct buf others = { .data = rest.data + bare, .len = 0, .cap = rest.cap - bare, .failed = false };
        read_query(query, &f, &others, &values);
        if (f.any)
            out->target = slice_of(rest.data, others.len > 0 ? bare + others.len : bare - 1);
    }
    out->of_url = f.any;
    if (!f.any)
        read_cookies(cookies, n, &f);
    return f.any ? judge(out, &f) : 0;
}
