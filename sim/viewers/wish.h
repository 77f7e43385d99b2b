/* wish.h - what a viewer asks for beyond a plain GET: by HEAD, on conditions, for ranges. Drawn from the seed; the
 * rules (rules/check_wish.h) judge by what was meant here, and never read its text. */
#ifndef HEDGEROW_SIM_VIEWERS_WISH_H
#define HEDGEROW_SIM_VIEWERS_WISH_H

#include "node/core/date.h"
#include "node/core/fields.h"
#include "sim/body.h"
#include "sim/world.h"

#define WISH_TAGS_MAX   3
#define WISH_RANGES_MAX 3
#define WISH_TEXT_MAX   512

/* The bytes [first .. last]; with |suffix| the last |first| ones. */
struct wish_range {
    uint64_t first, last;
    bool suffix;
};

enum wish_if_range { IF_RANGE_NONE, IF_RANGE_TAG, IF_RANGE_WEAK, IF_RANGE_DATE };

struct wish {
    bool head, post; /* post: it changes what it names, and wants nothing else */
    /* If-None-Match: versions that it has, or any. */
    uint64_t has[WISH_TAGS_MAX];
    size_t has_n;
    bool has_any, since; /* since: If-Modified-Since, |since_s| */
    int64_t since_s;
    /* Range */
    struct wish_range at[WISH_RANGES_MAX];
    size_t at_n;
    bool odd;       /* it is none that can be read: to be passed over */
    bool unordered; /* they are not one behind the other: so is this, if there are two */
    enum wish_if_range if_range;
    uint64_t if_range_of; /* the version */
    char if_none_match[WISH_TAGS_MAX * (BODY_ETAG_MAX + 4)], if_modified_since[DATE_TEXT_BYTES + 1];
    char range[160], validator[BODY_ETAG_MAX + 2];
};

/* wish_draw: what the viewer |number| wants of |key|; false: a plain GET. */
bool wish_draw(struct wish *x, const struct world *w, uint64_t number, uint64_t key);

/* Its fields, lent from |x|; a word or two for the trace. */
void wish_fields(const struct wish *x, struct fields *out);
void wish_text(const struct wish *x, char text[WISH_TEXT_MAX]);

#endif
