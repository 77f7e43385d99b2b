/* date.h - HTTP dates (RFC 9110 section 5.6.7) without the C library's locale or time
 * zone. Pure functions. */
#ifndef HEDGEROW_CORE_DATE_H
#define HEDGEROW_CORE_DATE_H

#include "proto/base/slice.h"

#define DATE_TEXT_BYTES 29 /* "Sun, 06 Nov 1994 08:49:37 GMT" */

/* date_parse reads any of the three forms: IMF-fixdate, RFC 850's (a two-digit year lies
 * between 1970 and 2069) and asctime's; names in any case, the zone always GMT. Unix seconds. 0, or MESH_E_SYNTAX with |*unix_s|
 * unchanged. */
int date_parse(struct slice text, int64_t *unix_s);

/* date_format writes IMF-fixdate and a final zero. Years 1 to 9999; others are clamped. */
void date_format(int64_t unix_s, char text[DATE_TEXT_BYTES + 1]);

#endif
