#include "proto/base/err.h"
#include "sim/input/log_line.h"

#define SECOND_US  INT64_C(1000000)
#define SECOND_MAX UINT64_C(253402300800) /* the year 10000 */

/* Days since 1970 of a date of the Gregorian calendar (Howard Hinnant, "chrono-compatible low-level date algorithms").
 */
static int64_t days_of(uint64_t year, uint64_t month, uint64_t day)
{
    uint64_t y = year - (month <= 2), era = y / 400, year_of_era = y % 400;
    uint64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    uint64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;

    return (int64_t)(era * 146097 + day_of_era) - 719468;
}

/* |n| digits at the front of |*rest|, then |after| unless that is 0. */
static bool digits(struct slice *rest, size_t n, uint8_t after, uint64_t *out)
{
    if (rest->len < n || slice_u64(slice_head(*rest, n), out) != 0)
        return false;
    *rest = slice_from(*rest, n);
    if (after == 0)
        return true;
    if (rest->len == 0 || rest->data[0] != after)
        return false;
    *rest = slice_from(*rest, 1);
    return true;
}

/* Digits behind the point of a second; those beyond the sixth are dropped. */
static bool fraction(struct slice text, int64_t *us)
{
    int64_t unit = SECOND_US / 10;

    *us = 0;
    for (size_t i = 0; i < text.len; i++, unit /= 10) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        *us += unit * (text.data[i] - '0');
    }
    return text.len > 0;
}

int log_time_number(struct slice text, int64_t *us)
{
    struct slice rest = text, whole = SLICE_EMPTY; /* of nothing there is no part */
    uint64_t s;
    int64_t part = 0;

    slice_split(&rest, '.', &whole);
    if (slice_u64(whole, &s) != 0 || s >= SECOND_MAX || (rest.data != NULL && !fraction(rest, &part)))
        return MESH_E_SYNTAX;
    *us = (int64_t)s * SECOND_US + part;
    return 0;
}

/* "+0100" or "+01:00" in seconds. */
static bool zone(struct slice text, int64_t *s)
{
    uint64_t hours, minutes;
    bool colon = text.len == 6;

    if (text.len != 5 && !colon)
        return false;
    bool east = text.data[0] == '+';
    if (!east && text.data[0] != '-')
        return false;
    text = slice_from(text, 1);
    if (!digits(&text, 2, colon ? ':' : 0, &hours) || !digits(&text, 2, 0, &minutes) || hours > 23 || minutes > 59)
        return false;
    *s = (int64_t)(hours * 3600 + minutes * 60) * (east ? 1 : -1);
    return true;
}

static bool time_of_day(struct slice *rest, int64_t *s)
{
    uint64_t h, m, sec;

    if (!digits(rest, 2, ':', &h) || !digits(rest, 2, ':', &m) || !digits(rest, 2, 0, &sec) || h > 23 || m > 59 ||
        sec > 60) /* a leap second */
        return false;
    *s = (int64_t)(h * 3600 + m * 60 + sec);
    return true;
}

static bool is_date(uint64_t year, uint64_t month, uint64_t day)
{
    return year >= 1970 && month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

int log_time_rfc3339(struct slice text, int64_t *us)
{
    uint64_t year, month, day;
    int64_t s, off = 0, part = 0;

    if (!digits(&text, 4, '-', &year) || !digits(&text, 2, '-', &month) || !digits(&text, 2, 0, &day) ||
        !is_date(year, month, day) || text.len == 0 ||
        (text.data[0] != 'T' && text.data[0] != 't' && text.data[0] != ' '))
        return MESH_E_SYNTAX;
    text = slice_from(text, 1);
    if (!time_of_day(&text, &s))
        return MESH_E_SYNTAX;
    if (text.len > 0 && text.data[0] == '.') {
        size_t n = 1;
        while (n < text.len && text.data[n] >= '0' && text.data[n] <= '9')
            n++;
        if (!fraction(slice_head(slice_from(text, 1), n - 1), &part))
            return MESH_E_SYNTAX;
        text = slice_from(text, n);
    }
    bool utc = text.len == 0 || (text.len == 1 && (text.data[0] == 'Z' || text.data[0] == 'z'));
    if (!utc && !zone(text, &off))
        return MESH_E_SYNTAX;
    *us = (days_of(year, month, day) * 86400 + s - off) * SECOND_US + part;
    return 0;
}

int log_time_clf(struct slice text, int64_t *us)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    uint64_t day, year, month = 0;
    int64_t s, off = 0;

    if (!digits(&text, 2, '/', &day) || text.len < 4 || text.data[3] != '/')
        return MESH_E_SYNTAX;
    while (month < 12 && memcmp(months + 3 * month, text.data, 3) != 0)
        month++;
    text = slice_from(text, 4);
    if (!digits(&text, 4, ':', &year) || !is_date(year, month + 1, day) || !time_of_day(&text, &s) || text.len == 0 ||
        text.data[0] != ' ' || !zone(slice_from(text, 1), &off))
        return MESH_E_SYNTAX;
    *us = (days_of(year, month + 1, day) * 86400 + s - off) * SECOND_US;
    return 0;
}
