#include "sim/input/log_line.h"

#include <stdio.h>

/* Empty where the log says that it does not know. */
static struct slice said(struct slice s)
{
    return slice_eq(s, SLICE_LIT("-")) ? SLICE_EMPTY : s;
}

static const char *read_time(struct log_line *out, const struct slice f[LOG_FIELDS_N])
{
    struct slice time = said(f[LOG_TIME]), date = said(f[LOG_DATE]);
    char both[64];
    int64_t taken_us;

    if (time.len == 0)
        return "it has no time";
    if (date.len > 0) { /* two columns of one time */
        int n =
            snprintf(both, sizeof(both), "%.*sT%.*s", SLICE_FMT(slice_head(date, 20)), SLICE_FMT(slice_head(time, 20)));
        time = slice_of(both, (size_t)n);
    }
    if (log_time_number(time, &out->at_us) != 0 && log_time_rfc3339(time, &out->at_us) != 0 &&
        log_time_clf(time, &out->at_us) != 0)
        return "its time is none: seconds, or as in 2026-12-01T10:00:00Z";
    /* Whole seconds alone, so that a log of whole seconds stays one (gather.c). */
    if (log_time_number(said(f[LOG_TAKEN]), &taken_us) == 0)
        out->at_us -= taken_us / 1000000 * 1000000;
    return NULL;
}

/* "https://host/path" is host and path. */
static void split_absolute(struct log_line *out)
{
    static const struct slice schemes[] = { SLICE_LIT("http://"), SLICE_LIT("https://") };

    for (size_t i = 0; i < 2; i++) {
        if (!slice_eq_nocase(slice_head(out->uri, schemes[i].len), schemes[i]))
            continue;
        struct slice rest = slice_from(out->uri, schemes[i].len);
        size_t n = 0;
        while (n < rest.len && rest.data[n] != '/')
            n++;
        out->host = slice_head(rest, n);
        out->uri = n < rest.len ? slice_from(rest, n) : SLICE_LIT("/");
        return;
    }
}

static const char *read_object(struct log_line *out, const struct slice f[LOG_FIELDS_N])
{
    struct slice header = said(f[LOG_HOST_HEADER]);

    out->host = header.len > 0 ? header : said(f[LOG_HOST]);
    out->uri = said(f[LOG_URI]);
    out->query = said(f[LOG_QUERY]);
    if (out->uri.len == 0)
        return "it has no uri";
    split_absolute(out);
    return NULL;
}

const char *log_line_fill(struct log_line *out, const struct slice f[LOG_FIELDS_N])
{
    struct slice status = said(f[LOG_STATUS]), length = said(f[LOG_LENGTH]), max_age = said(f[LOG_MAX_AGE]);
    struct slice bytes = length.len > 0 ? length : said(f[LOG_BYTES]);
    const char *why;
    uint64_t v;

    memset(out, 0, sizeof(*out));
    if ((why = read_time(out, f)) != NULL || (why = read_object(out, f)) != NULL)
        return why;
    out->method = said(f[LOG_METHOD]);
    out->client = said(f[LOG_CLIENT]);
    out->edge = said(f[LOG_EDGE]);
    if (status.len > 0) {
        if (slice_u64(status, &v) != 0 || v > 999)
            return "its status is none";
        out->status = (uint32_t)v;
        out->has_status = true;
    }
    if (bytes.len > 0) {
        if (slice_u64(bytes, &out->bytes) != 0 || out->bytes > UINT64_C(1) << 48)
            return "its bytes are no number";
        out->has_bytes = true;
    }
    if (max_age.len > 0) {
        if (slice_u64(max_age, &v) != 0)
            return "its max_age is no number of seconds";
        out->max_age_s = v < 31536000 ? (uint32_t)v : 31536000;
        out->has_max_age = true;
    }
    out->whole = !out->has_status || out->status == 200;
    return NULL;
}
