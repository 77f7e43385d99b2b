#include "node/signed/url_token.h"

#include "node/signed/policy.h"
#include "node/signed/resource.h"
#include "proto/base/err.h"

static bool id_ok(struct slice id)
{
    for (size_t i = 0; i < id.len; i++) {
        uint8_t c = id.data[i];
        if (!((c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' || c == '_'))
            return false;
    }
    return id.len >= 1 && id.len <= URL_TOKEN_ID_MAX;
}

static int read_field(struct url_token *t, uint8_t letter, struct slice value)
{
    uint64_t n;

    switch (letter) {
    case 'e': return policy_time(value, &t->ends_s) ? 0 : MESH_E_SYNTAX;
    case 's': return policy_time(value, &t->starts_s) ? 0 : MESH_E_SYNTAX;
    case 'p':
        t->by_prefix = true;
        if (value.len > 5 || slice_u64(value, &n) != 0 || n < 1)
            return MESH_E_SYNTAX;
        t->prefix = (size_t)n;
        return 0;
    default: t->has_net = true; return network_read(&t->net, value);
    }
}

int url_token_read(struct url_token *out, struct slice text)
{
    static const char order[] = "espa";
    struct slice rest, version, field;
    size_t last = text.len, at = 0;
    int err = 0;

    *out = (struct url_token){ .ends_s = -1, .starts_s = -1 };
    while (last > 0 && text.data[last - 1] != '~')
        last--;
    if (last == 0 || text.len > URL_TOKEN_MAX)
        return MESH_E_SYNTAX;
    out->signature = slice_from(text, last);
    rest = out->head = slice_head(text, last - 1);
    if (!slice_split(&rest, '~', &version) || !slice_eq(version, SLICE_LIT("1")) ||
        !slice_split(&rest, '~', &out->key_id) || !id_ok(out->key_id))
        return MESH_E_SYNTAX;
    while (err == 0 && slice_split(&rest, '~', &field)) {
        while (order[at] != 0 && (field.len == 0 || field.data[0] != (uint8_t)order[at]))
            at++;
        if (order[at] == 0)
            return MESH_E_SYNTAX;
        err = read_field(out, (uint8_t)order[at++], slice_from(field, 1));
    }
    return err == 0 && out->ends_s < 0 ? MESH_E_SYNTAX : err;
}

/* Lower case, without its port: an IPv6 address keeps its brackets. */
static void add_host(struct buf *out, struct slice host)
{
    size_t end = host.len;

    while (end > 0 && host.data[end - 1] >= '0' && host.data[end - 1] <= '9')
        end--;
    if (end > 0 && host.data[end - 1] == ':')
        host = slice_head(host, end - 1);
    for (size_t i = 0; i < host.len; i++)
        buf_add_u8(out, host.data[i] >= 'A' && host.data[i] <= 'Z' ? (uint8_t)(host.data[i] + 32) : host.data[i]);
}

int url_token_text(struct buf *out, const struct url_token *t, struct slice host, struct slice target)
{
    struct slice path, rest = target;

    slice_split(&rest, '?', &path);
    if (t->by_prefix && (t->prefix > path.len || resource_dots(path)))
        return MESH_E_RANGE;
    buf_add_str(out, "hedgerow-url-1\n");
    buf_add_slice(out, t->head);
    buf_add_u8(out, '\n');
    add_host(out, host);
    buf_add_u8(out, '\n');
    buf_add_slice(out, t->by_prefix ? slice_head(path, t->prefix) : target);
    return buf_ok(out) ? 0 : MESH_E_NOMEM;
}

void url_token_head(struct buf *out, struct slice key_id, int64_t ends_s, int64_t starts_s, size_t prefix,
                    struct slice net)
{
    buf_addf(out, "1~%.*s~e%lld", SLICE_FMT(key_id), (long long)ends_s);
    if (starts_s >= 0)
        buf_addf(out, "~s%lld", (long long)starts_s);
    if (prefix != SIZE_MAX)
        buf_addf(out, "~p%zu", prefix);
    if (net.len > 0)
        buf_addf(out, "~a%.*s", SLICE_FMT(net));
}
