/* fields.h - how the table of fields is written, and what its parts share. Private to node/dist. */
#ifndef HEDGEROW_DIST_FIELDS_H
#define HEDGEROW_DIST_FIELDS_H

#include <stddef.h>

#include "node/dist/schema.h"

#define TTL_MAX_S (INT64_C(100) * 365 * 86400)

#define OF(type, member)    .at = offsetof(struct type, member), .width = sizeof(((struct type *)0)->member)
#define TIMED(low, high)    .type = SCHEMA_TIME, .min = low, .max = high
#define SECONDS(low, high)  .type = SCHEMA_SECONDS, .min = low, .max = high
#define NUMBERED(low, high) .type = SCHEMA_NUMBER, .min = low, .max = high
#define TEXT_OF(kind)       .type = SCHEMA_TEXT, .take = kind
#define NAMES_OF(kind)      .type = SCHEMA_NAMES, .take = kind
#define COUNT_OF(array)     (sizeof(array) / sizeof((array)[0]))

/* A map of fields' names and values, DIST_HEADERS_MAX at most. |override| NULL: values are texts alone; else they may
 * be { value: TEXT, override: true }, too. */
bool read_header_map(struct reader *r, const struct tree *n, bool (*refuses)(struct slice),
                     const struct dist_field **out, const bool **override, size_t *count);
/* write_header_map writes nothing for none. */
void write_header_map(struct writer *w, const struct dist_field *fields, const bool *override, size_t n);

/* The path that a directory's URL, as folder_url_is has it, says; judged as take_folder's. */
bool read_folder_url(struct reader *r, const struct tree *n, struct slice *root);

#endif
