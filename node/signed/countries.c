#include "node/signed/countries.h"

bool countries_allow(enum dist_geo geo, const struct slice *list, size_t n, const char *country)
{
    if (geo == DIST_GEO_ANY || country[0] == 0)
        return true;
    for (size_t i = 0; i < n; i++) {
        if (slice_eq(list[i], slice_str(country)))
            return geo == DIST_GEO_ALLOW;
    }
    return geo == DIST_GEO_BLOCK;
}
