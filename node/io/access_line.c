#include "node/io/access_line.h"

#include <string.h>

#include "node/io/access_line_impl.h"

/* Days since 1970 to a date of the Gregorian calendar (Howard Hinnant, "chrono-compatible
 * low-level date algorithms"): gmtime_r takes a lock. */
void access_write_second(char text[20], uint64_t s)
{
    uint64_t z = s / 86400 + 719468, era = z / 146097, day_of_era = z % 146097;
    uint64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint64_t mp = (5 * day_of_year + 2) / 153, month = mp < 10 ? mp + 3 : mp - 9;
    const uint64_t parts[] = { year_of_era + era * 400 + (month <= 2),
                               month,
                               day_of_year - (153 * mp + 2) / 5 + 1,
                               s / 3600 % 24,
                               s / 60 % 60,
                               s % 60 };
    static const char ends[] = "--T::.";

    for (size_t i = 0; i < 6; i++) {
        if (i == 0) {
            *text++ = (char)('0' + parts[0] / 1000 % 10);
            *text++ = (char)('0' + parts[0] / 100 % 10);
        }
        *text++ = (char)('0' + parts[i] / 10 % 10);
        *text++ = (char)('0' + parts[i] % 10);
        *text++ = ends[i];
    }
}

struct slice access_ip(const struct mesh_addr *a, char text[ACCESS_IP_MAX])
{
    if (a->port == 0)
        return SLICE_LIT("-");
    struct slice s = slice_str(mesh_addr_text(a, text));
    while (s.data[s.len - 1] != ':')
        s.len--;
    s.len--;
    if (s.data[0] == '[')
        s = slice_of(s.data + 1, s.len - 2);
    return s;
}

struct slice access_path(struct slice target, struct slice *query)
{
    struct slice path = target;
    const uint8_t *at;

    if (target.len > 0 && target.data[0] != '/') { /* scheme://authority/path */
        const uint8_t *colon = memchr(target.data, ':', target.len);
        size_t behind = colon == NULL ? 0 : (size_t)(colon - target.data) + 3;
        bool absolute = colon != NULL && behind <= target.len && memcmp(colon, "://", 3) == 0;
        const uint8_t *slash = absolute ? memchr(target.data + behind, '/', target.len - behind) : NULL;
        if (slash != NULL)
            path = slice_from(target, (size_t)(slash - target.data));
    }
    *query = SLICE_EMPTY;
    at = path.len > 0 ? memchr(path.data, '?', path.len) : NULL;
    if (at == NULL)
        return path;
    *query = slice_from(path, (size_t)(at - path.data) + 1);
    return slice_head(path, (size_t)(at - path.data));
}

void access_line(struct buf *out, enum access_format format, struct access_second *kept, const struct access_entry *e)
{
    switch (format) {
    case ACCESS_JSON: access_json(out, kept, e); break;
    case ACCESS_CLOUDFRONT: access_cloudfront(out, kept, e); break;
    case ACCESS_COMBINED: access_combined(out, kept, e); break;
    }
}

struct slice access_heading(enum access_format format)
{
    return format == ACCESS_CLOUDFRONT ? slice_str(access_cloudfront_heading) : SLICE_EMPTY;
}

bool access_format_read(enum access_format *out, struct slice word)
{
    static const char *const words[] = {
        [ACCESS_JSON] = "json", [ACCESS_CLOUDFRONT] = "cloudfront", [ACCESS_COMBINED] = "combined"
    };

    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (slice_eq(word, slice_str(words[i]))) {
            *out = (enum access_format)i;
            return true;
        }
    }
    return false;
}
