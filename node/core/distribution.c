#include "node/core/distribution.h"

uint64_t distribution_origin(struct slice origin)
{
    struct slice parts[] = { SLICE_LIT("hedgerow origin 1"), origin };
    struct digest digest;

    digest_of(&digest, parts, sizeof(parts) / sizeof(parts[0]));
    uint64_t number = digest_u64(&digest);
    return number != 0 ? number : 1;
}
