/* origin_poison.h - answers that were not asked for: what an origin sends that is broken, or means harm. Pure. */
#ifndef HEDGEROW_SIM_ORIGIN_POISON_H
#define HEDGEROW_SIM_ORIGIN_POISON_H

#include "node/core/fields.h"
#include "proto/base/rand.h"

enum poison {
    POISON_NONE,
    POISON_PAGE,      /* 503 with a page of its own, which may not be kept */
    POISON_PART,      /* 206 to who wanted all; the wrong bytes' place to who wanted some */
    POISON_UNCHANGED, /* 304 to who did not ask that */
    POISON_FIELDS,    /* the right body under fields that contradict each other, or are none */
};

/* |ppm| of a million are one of these. */
enum poison poison_draw(uint64_t ppm, struct rand *r);
uint16_t poison_status(enum poison p, uint16_t otherwise);
/* Fields beside those of a good answer. */
void poison_fields(enum poison p, struct fields *fields);
/* The body of POISON_PAGE. */
struct slice poison_page(void);

#endif
