/* Which networks our viewers are of, the most used first: for people. */
#include "node/steer/steer_impl.h"

size_t steer_busiest(const struct steer *s, struct steer_use *out, size_t cap)
{
    uint32_t now_s = steer_seconds(s->now);
    size_t n = 0;

    OBJ_CHECK(s, STEER_MAGIC);
    for (size_t i = 0; i < own_count(&s->own); i++) {
        const struct own_figure *f = own_at(&s->own, i);
        struct steer_use u = { .prefix = f->prefix, .uses = own_uses(f, now_s), .rtt = own_units(f) };
        bool finest = (f->prefix.kind == STEER_NET4 && f->prefix.bits == 24) ||
                      (f->prefix.kind == STEER_NET6 && f->prefix.bits == 48);
        if (!finest || (n == cap && (cap == 0 || u.uses <= out[n - 1].uses)))
            continue;
        size_t at = n < cap ? n++ : n - 1;
        for (; at > 0 && out[at - 1].uses < u.uses; at--)
            out[at] = out[at - 1];
        out[at] = u;
    }
    return n;
}
