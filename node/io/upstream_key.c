#include "node/io/upstream_key.h"

#include "proto/base/buf.h"

bool upstream_https(const struct dist_origin *o, bool viewer_https)
{
    return o->scheme == DIST_ORIGIN_HTTPS || (o->scheme == DIST_ORIGIN_MATCH_VIEWER && viewer_https);
}

uint16_t upstream_port(const struct dist_origin *o, bool https)
{
    return https ? o->https_port : o->http_port;
}

struct slice upstream_tls_name(const struct dist_origin *o)
{
    return o->tls_name.len > 0 ? o->tls_name : o->host;
}

/* Each part is framed by its length, so that no two keys are made of the same bytes. */
static size_t frame(struct slice *parts, uint8_t *length, struct slice part)
{
    be32_put(length, (uint32_t)part.len);
    parts[0] = slice_of(length, 4);
    parts[1] = part;
    return 2;
}

void upstream_key(struct digest *out, const struct dist_origin *o, bool https)
{
    struct slice none = SLICE_EMPTY;
    const struct slice texts[] = { o->host, https ? upstream_tls_name(o) : none, https ? o->tls_ca : none,
                                   https ? o->tls_client : none };
    uint8_t lengths[4][4], numbers[16];
    struct slice parts[9];
    size_t n = 0;

    numbers[0] = https;
    numbers[1] = https ? (uint8_t)o->tls_min : 0;
    be16_put(numbers + 2, upstream_port(o, https));
    be32_put(numbers + 4, o->connections);
    be64_put(numbers + 8, (uint64_t)o->idle_timeout);
    parts[n++] = slice_of(numbers, sizeof(numbers));
    for (size_t i = 0; i < 4; i++)
        n += frame(parts + n, lengths[i], texts[i]);
    digest_of(out, parts, n);
}
