/* rules.h - an owner's edge rules on a request, decided before its key is made: where it is sent to, as what it goes
 * on, and which of its fields change. Pure functions. */
#ifndef HEDGEROW_CORE_RULES_H
#define HEDGEROW_CORE_RULES_H

#include "node/core/fields.h"
#include "node/dist/dist.h"
#include "proto/base/buf.h"

/* A request as rules see and change it. */
struct rules_on {
    struct slice host, path;     /* normal form, |path| with its query */
    const struct fields *fields; /* NULL: none. As edited afterwards */
    struct fields *edited;       /* room for that */
    struct buf *text;            /* what is made lies here: emptied by nobody before the request is over */
    uint16_t status;             /* of a redirect to |location|; 0: there is none */
    struct slice location;
    uint64_t response[2]; /* bit n: rule n speaks of the answer, and holds */
    bool by_fields;       /* the outcome hangs on more than host and path, or says more than where to */
};

/* rules_apply has |n| rules act in their order, each on what those before it made; the first redirect ends it. A
 * rewrite keeps the query unless it says one itself. 0, MESH_E_NOMEM, MESH_E_RANGE (too many fields, or too long),
 * MESH_E_SYNTAX (what a rule made is no path), MESH_E_REFUSED (a redirect to where the request is already). */
int rules_apply(struct rules_on *on, const struct dist_rule *rules, size_t n);

/* rules_expand appends |to| with what the stars of |pattern| stood for in |text|, which it fits, for $1 to $9. False:
 * it does not fit. Each star but the last stands for as little as it can. */
bool rules_expand(struct buf *out, struct slice to, struct slice pattern, struct slice text);

#endif
