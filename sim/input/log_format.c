#include "sim/input/log_format.h"

const char *log_format_word(enum log_format format)
{
    static const char *const words[] = {
        [LOG_UNKNOWN] = "unknown",   [LOG_JSON] = "json", [LOG_CLOUDFRONT] = "cloudfront",
        [LOG_COMBINED] = "combined", [LOG_CSV] = "csv",
    };
    return words[format];
}

static bool begins(struct slice line, const char *with)
{
    struct slice w = slice_str(with);
    return slice_eq(slice_head(line, w.len), w);
}

/* The format of a first line; one that is of none may be followed by another that is. */
static enum log_result recognise(struct log_reader *r, struct slice line, const char **why)
{
    struct slice fields[LOG_FIELDS_N] = { SLICE_EMPTY };
    struct log_line probe;

    if (log_json_split(line, fields) == NULL) {
        r->format = LOG_JSON;
    } else if (log_combined_split(line, fields) == NULL && log_line_fill(&probe, fields) == NULL) {
        r->format = LOG_COMBINED;
    } else if (log_columns_csv(r, line)) {
        r->format = LOG_CSV;
        return LOG_NOTHING;
    } else {
        *why = "it is of no format that is known, and no names of columns came before";
        return LOG_BROKEN;
    }
    return LOG_REQUEST;
}

enum log_result log_read(struct log_reader *r, struct slice line, struct log_line *out, const char **why)
{
    struct slice fields[LOG_FIELDS_N] = { SLICE_EMPTY };

    *why = NULL;
    while (line.len > 0 && (line.data[line.len - 1] == '\r' || line.data[line.len - 1] == '\n'))
        line.len--;
    if (begins(line, "\xef\xbb\xbf")) /* some editors' beginning of a file */
        line = slice_from(line, 3);
    if (slice_trim(line).len == 0)
        return LOG_NOTHING;
    if (line.data[0] == '#') {
        bool may = r->format == LOG_UNKNOWN || r->format == LOG_CLOUDFRONT;
        if (may && log_columns_cloudfront(r, line))
            r->format = LOG_CLOUDFRONT;
        return LOG_NOTHING;
    }
    if (r->format == LOG_UNKNOWN) {
        enum log_result known = recognise(r, line, why);
        if (known != LOG_REQUEST)
            return known;
    }
    switch (r->format) {
    case LOG_JSON: *why = log_json_split(line, fields); break;
    case LOG_COMBINED: *why = log_combined_split(line, fields); break;
    default: *why = log_columns_split(r, line, fields); break;
    }
    if (*why == NULL)
        *why = log_line_fill(out, fields);
    return *why == NULL ? LOG_REQUEST : LOG_BROKEN;
}
