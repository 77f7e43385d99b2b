#include "node/core/refusals.h"

static struct refusal *place(struct refusals *r, const struct refusal *what)
{
    struct refusal *oldest = &r->at[0];

    for (size_t i = 0; i < r->n; i++) {
        struct refusal *at = &r->at[i];
        if (at->reason == what->reason && at->by_us == what->by_us && strcmp(at->name, what->name) == 0 &&
            (what->name[0] != 0 || memcmp(at->addr.ip, what->addr.ip, sizeof(at->addr.ip)) == 0))
            return at;
        if (at->last < oldest->last)
            oldest = at;
    }
    if (r->n < REFUSALS_MAX)
        oldest = &r->at[r->n++];
    oldest->count = 0;
    return oldest;
}

void refusals_note(struct refusals *r, mesh_ns now, const struct refusal *what)
{
    struct refusal *at = place(r, what);
    uint64_t count = at->count + 1;

    *at = *what;
    at->count = count;
    at->last = now;
}

const struct refusal *refusals_last(const struct refusals *r, unsigned reason)
{
    const struct refusal *last = NULL;

    for (size_t i = 0; i < r->n; i++) {
        const struct refusal *at = &r->at[i];
        if (!at->by_us && at->proven && at->reason == reason && (last == NULL || at->last > last->last))
            last = at;
    }
    return last;
}
