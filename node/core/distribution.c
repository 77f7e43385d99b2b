#include "node/core/distribution.h"

#include "proto/base/buf.h"

uint64_t distribution_digest(const struct distribution *d)
{
    uint8_t frame[34];
    struct digest digest;

    be64_put(frame, d->name.len);
    be64_put(frame + 8, d->origin.len);
    be64_put(frame + 16, (uint64_t)d->default_ttl_s);
    be64_put(frame + 24, (uint64_t)d->error_ttl_s);
    frame[32] = (uint8_t)d->set_cookie;
    frame[33] = d->obeys_viewers;
    struct slice parts[] = { SLICE_LIT("hedgerow distribution 2"), SLICE_OF(frame), d->name, d->origin };
    digest_of(&digest, parts, sizeof(parts) / sizeof(parts[0]));
    return digest_u64(&digest);
}

uint64_t distribution_origin(struct slice origin)
{
    struct slice parts[] = { SLICE_LIT("hedgerow origin 1"), origin };
    struct digest digest;

    digest_of(&digest, parts, sizeof(parts) / sizeof(parts[0]));
    uint64_t number = digest_u64(&digest);
    return number != 0 ? number : 1;
}
