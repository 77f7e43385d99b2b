/* rare.h - the chance of rare sites (proto/base/rare.h) in a run: of each site whether it is on at all is drawn from
 * the seed, one in two; where it is, so many in a million visits go the rare way. One world at a time, as random.h. */
#ifndef HEDGEROW_SIM_RARE_H
#define HEDGEROW_SIM_RARE_H

#include <stdint.h>

#include "proto/base/rare.h"

/* |ppm| is looked at with each visit, and |hits| counted there (RARE_SITES_N of them); lent until the next one. */
void rare_install(uint64_t seed, const uint64_t *ppm, uint64_t *hits);

struct rare_site_text {
    const char *word, *text;
};
extern const struct rare_site_text rare_sites[RARE_SITES_N];

#endif
