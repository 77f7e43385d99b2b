#include "node/core/range.h"

/* Digits, at least one; what does not fit is the largest number. False: none, or something else among them. */
static bool number(struct slice text, uint64_t *out)
{
    uint64_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        uint8_t digit = (uint8_t)(text.data[i] - '0');
        n = n > (UINT64_MAX - digit) / 10 ? UINT64_MAX : n * 10 + digit;
    }
    *out = n;
    return text.len > 0;
}

/* One range-spec: first-, first-last or -suffix. False: not well formed. |*none|: it names no byte of the body. */
static bool spec(struct slice text, uint64_t length, struct range *out, bool *none)
{
    const uint8_t *dash = text.len > 0 ? memchr(text.data, '-', text.len) : NULL;
    uint64_t first, last = UINT64_MAX;

    if (dash == NULL)
        return false;
    struct slice before = slice_head(text, (size_t)(dash - text.data)), after = slice_from(text, before.len + 1);
    if (before.len == 0) {
        if (!number(after, &last))
            return false;
        first = last < length ? length - last : 0;
        *none = last == 0 || length == 0;
        last = UINT64_MAX;
    } else {
        if (!number(before, &first) || (after.len > 0 && !number(after, &last)) || first > last)
            return false;
        *none = first >= length;
    }
    if (!*none)
        *out = (struct range){ first, (last < length ? last + 1 : length) - first };
    return true;
}

/* False: it does not lie behind those there, or there are too many. */
static bool add(struct ranges *out, const struct range *r)
{
    struct range *before = out->n > 0 ? &out->at[out->n - 1] : NULL;

    if (before != NULL && r->first < before->first + before->length)
        return false;
    if (before != NULL && r->first == before->first + before->length) {
        before->length += r->length;
        return true;
    }
    if (out->n == RANGES_MAX)
        return false;
    out->at[out->n++] = *r;
    return true;
}

/* False: the field is to be ignored. */
static bool read_all(struct ranges *out, struct slice specs, uint64_t length)
{
    struct slice one;
    bool any = false;

    while (slice_split(&specs, ',', &one)) {
        struct range r;
        bool none;
        one = slice_trim(one);
        if (one.len == 0) /* an empty element of a list (RFC 9110 section 5.6.1) */
            continue;
        if (!spec(one, length, &r, &none) || (!none && !add(out, &r)))
            return false;
        any = true;
    }
    return any;
}

/* What stands behind "bytes="; empty: another unit, or no Range field at all. */
static struct slice specs_of(struct slice value)
{
    const uint8_t *eq = value.len > 0 ? memchr(value.data, '=', value.len) : NULL;
    size_t unit = eq != NULL ? (size_t)(eq - value.data) : value.len;

    if (eq == NULL || !slice_eq_nocase(slice_head(value, unit), SLICE_LIT("bytes")))
        return SLICE_EMPTY;
    return slice_from(value, unit + 1);
}

bool ranges_begin(struct slice value, uint64_t *first, uint64_t *last)
{
    struct slice specs = specs_of(value), one;
    struct ranges all = { 0 };

    if (!read_all(&all, specs, UINT64_MAX) || all.n == 0 || !slice_split(&specs, ',', &one))
        return false;
    one = slice_trim(one);
    if (one.len == 0 || one.data[0] == '-')
        return false;
    *first = all.at[0].first;
    *last = all.at[0].first + all.at[0].length - 1;
    return true;
}

bool content_range_read(struct content_range *out, struct slice value)
{
    struct slice unit, first, last;

    if (!slice_split(&value, ' ', &unit) || !slice_eq_nocase(unit, SLICE_LIT("bytes")) ||
        !slice_split(&value, '-', &first) || !slice_split(&value, '/', &last))
        return false;
    return number(first, &out->first) && number(last, &out->last) && number(value, &out->length) &&
           out->first <= out->last && out->last < out->length;
}

enum range_verdict ranges_read(struct ranges *out, struct slice value, uint64_t length)
{
    out->n = 0;
    if (!read_all(out, specs_of(value), length)) {
        out->n = 0;
        return RANGE_WHOLE;
    }
    return out->n > 0 ? RANGE_PART : RANGE_UNSATISFIABLE;
}
