#include "node/core/date.h"

#include <stdio.h>

#include "proto/base/err.h"

static const char day_names[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" };
static const char *const long_days[7] = { "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday" };
static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

#define YEAR_MIN_S INT64_C(-62135596800) /* 0001-01-01T00:00:00Z */
#define YEAR_MAX_S INT64_C(253402300799) /* 9999-12-31T23:59:59Z */

struct civil {
    int64_t year;
    int month, day, hour, minute, second; /* month and day from 1 */
};

/* Days since 1970-01-01 of a proleptic Gregorian date (Hinnant, "chrono-compatible
 * low-level date algorithms"). */
static int64_t days_of(int64_t y, int m, int d)
{
    y -= m <= 2;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t yoe = y - era * 400;
    int64_t doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
    return era * 146097 + doe - 719468;
}

static void civil_of(int64_t days, struct civil *c)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t doe = days - era * 146097;
    int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
    int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    int64_t mp = (5 * doy + 2) / 153;
    c->day = (int)(doy - (153 * mp + 2) / 5 + 1);
    c->month = (int)(mp < 10 ? mp + 3 : mp - 9);
    c->year = yoe + era * 400 + (c->month <= 2);
}

/* The dates have a case, but a cache should take any (RFC 9111 section 4.2). */
static bool take(struct slice *s, const char *text)
{
    size_t n = strlen(text);
    if (!slice_eq_nocase(slice_head(*s, n), slice_of(text, n)))
        return false;
    *s = slice_from(*s, n);
    return true;
}

static bool take_digits(struct slice *s, size_t n, int *out)
{
    int v = 0;

    if (s->len < n)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (s->data[i] < '0' || s->data[i] > '9')
            return false;
        v = v * 10 + (s->data[i] - '0');
    }
    *s = slice_from(*s, n);
    *out = v;
    return true;
}

static bool take_month(struct slice *s, int *month)
{
    for (int i = 0; i < 12; i++) {
        if (take(s, months[i])) {
            *month = i + 1;
            return true;
        }
    }
    return false;
}

static bool take_time(struct slice *s, struct civil *c)
{
    return take_digits(s, 2, &c->hour) && take(s, ":") && take_digits(s, 2, &c->minute) && take(s, ":") &&
           take_digits(s, 2, &c->second);
}

static bool parse_fixdate(struct slice s, struct civil *c)
{
    int year;
    bool ok = take(&s, ", ") && take_digits(&s, 2, &c->day) && take(&s, " ") && take_month(&s, &c->month) && take(&s, " ") &&
              take_digits(&s, 4, &year) && take(&s, " ") && take_time(&s, c) && take(&s, " GMT") && s.len == 0;
    if (ok)
        c->year = year;
    return ok;
}

static bool parse_rfc850(struct slice s, struct civil *c)
{
    int year;
    bool ok = take(&s, ", ") && take_digits(&s, 2, &c->day) && take(&s, "-") && take_month(&s, &c->month) && take(&s, "-") &&
              take_digits(&s, 2, &year) && take(&s, " ") && take_time(&s, c) && take(&s, " GMT") && s.len == 0;
    if (ok)
        c->year = year < 70 ? 2000 + year : 1900 + year;
    return ok;
}

static bool parse_asctime(struct slice s, struct civil *c)
{
    int year;
    if (!take(&s, " ") || !take_month(&s, &c->month) || !take(&s, " "))
        return false;
    bool ok = take(&s, " ") ? take_digits(&s, 1, &c->day) : take_digits(&s, 2, &c->day);
    ok = ok && take(&s, " ") && take_time(&s, c) && take(&s, " ") && take_digits(&s, 4, &year) && s.len == 0;
    if (ok)
        c->year = year;
    return ok;
}

static bool parse_any(struct slice s, struct civil *c)
{
    for (int i = 0; i < 7; i++) { /* long names first: "Sun" begins "Sunday" */
        if (take(&s, long_days[i]))
            return parse_rfc850(s, c);
    }
    for (int i = 0; i < 7; i++) {
        if (take(&s, day_names[i]))
            return s.len > 0 && s.data[0] == ',' ? parse_fixdate(s, c) : parse_asctime(s, c);
    }
    return false;
}

static bool plausible(const struct civil *c)
{
    static const int days[12] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
    bool leap = (c->year % 4 == 0 && c->year % 100 != 0) || c->year % 400 == 0;
    int last = days[c->month - 1] + (c->month == 2 && leap);

    return c->year >= 1 && c->day >= 1 && c->day <= last && c->hour <= 23 && c->minute <= 59 && c->second <= 60;
}

int date_parse(struct slice text, int64_t *unix_s)
{
    struct civil c;

    if (!parse_any(text, &c) || !plausible(&c))
        return MESH_E_SYNTAX;
    *unix_s = days_of(c.year, c.month, c.day) * 86400 + c.hour * 3600 + c.minute * 60 + c.second;
    return 0;
}

void date_format(int64_t unix_s, char text[DATE_TEXT_BYTES + 1])
{
    struct civil c;

    if (unix_s < YEAR_MIN_S)
        unix_s = YEAR_MIN_S;
    if (unix_s > YEAR_MAX_S)
        unix_s = YEAR_MAX_S;
    int64_t days = (unix_s >= 0 ? unix_s : unix_s - 86399) / 86400;
    unsigned rest = (unsigned)(unix_s - days * 86400), weekday = (unsigned)(((days % 7) + 11) % 7);
    civil_of(days, &c);
    snprintf(text, DATE_TEXT_BYTES + 1, "%s, %02u %s %04u %02u:%02u:%02u GMT", day_names[weekday], (unsigned)c.day % 100,
             months[c.month - 1], (unsigned)c.year % 10000, rest / 3600 % 100, rest / 60 % 60, rest % 60);
}
