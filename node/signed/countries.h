/* countries.h - may viewers of this country have it? As CloudFront: a list allows or blocks, and where a viewer's
 * country is not known it is let in. Pure functions. */
#ifndef HEDGEROW_SIGNED_COUNTRIES_H
#define HEDGEROW_SIGNED_COUNTRIES_H

#include "node/dist/dist.h"

#define COUNTRY_BYTES    3                /* two capital letters (ISO 3166-1 alpha-2) and a zero; "": unknown */
#define COUNTRY_DETAIL   "CountryBlocked" /* for the access log */
#define COUNTRY_SENTENCE "This is not available in your country."

bool countries_allow(enum dist_geo geo, const struct slice *list, size_t n, const char *country);

#endif
