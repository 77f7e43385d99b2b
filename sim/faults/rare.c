#include "sim/faults/rare.h"

#include <stddef.h>
#include <string.h>

#include "proto/base/rand.h"
#include "sim/net/link_model.h"

#define RARE_ON   UINT64_C(0x7a0e)
#define RARE_TURN UINT64_C(0x7a0f)

const struct rare_site_text rare_sites[RARE_SITES_N] = {
#define X(name, word, text) { word, text },
    RARE_SITES(X)
#undef X
};

static struct {
    uint64_t seed;
    const uint64_t *ppm;
    uint64_t *hits;
    uint64_t visits[RARE_SITES_N];
} rare;

void rare_install(uint64_t seed, const uint64_t *ppm, uint64_t *hits)
{
    memset(&rare, 0, sizeof(rare));
    rare.seed = seed;
    rare.ppm = ppm;
    rare.hits = hits;
}

bool rare_here(enum rare_site site)
{
    if (rare.ppm == NULL || *rare.ppm == 0)
        return false;
    struct rand on = rand_of(rare.seed, site, RARE_ON);
    struct rand turn = rand_of(rare.seed, (uint64_t)site << 48 | rare.visits[site]++, RARE_TURN);
    if (rand_below(&on, 2) == 0 || !draw_ppm(&turn, *rare.ppm))
        return false;
    rare.hits[site]++;
    return true;
}
