/* Formats with columns: CloudFront's by tabs, CSV by commas (RFC 4180). */
#include "sim/input/log_format.h"

struct column {
    const char *name;
    enum log_field field;
};

static const struct column cloudfront[] = {
    { "date", LOG_DATE },        { "time", LOG_TIME },          { "c-ip", LOG_CLIENT },
    { "cs-method", LOG_METHOD }, { "cs(Host)", LOG_HOST },      { "x-host-header", LOG_HOST_HEADER },
    { "cs-uri-stem", LOG_URI },  { "cs-uri-query", LOG_QUERY }, { "sc-status", LOG_STATUS },
    { "sc-bytes", LOG_BYTES },   { "time-taken", LOG_TAKEN },   { "sc-content-len", LOG_LENGTH },
};
static const struct column csv[] = {
    { "time", LOG_TIME }, { "uri", LOG_URI },       { "bytes", LOG_BYTES },
    { "host", LOG_HOST }, { "method", LOG_METHOD }, { "status", LOG_STATUS },
    { "edge", LOG_EDGE }, { "client", LOG_CLIENT }, { "max_age", LOG_MAX_AGE },
};

/* A name more; the columns behind LOG_COLUMNS_MAX are of no interest. */
static void add_column(struct log_reader *r, struct slice name, const struct column *known, size_t n)
{
    size_t i = 0;

    if (r->columns_n == LOG_COLUMNS_MAX)
        return;
    while (i < n && !slice_eq_nocase(name, slice_str(known[i].name)))
        i++;
    r->columns[r->columns_n++] = (uint8_t)(i < n ? known[i].field : LOG_FIELDS_N);
}

static bool has(const struct log_reader *r, enum log_field field)
{
    return r->columns_n > 0 && memchr(r->columns, field, r->columns_n) != NULL;
}

bool log_columns_cloudfront(struct log_reader *r, struct slice line)
{
    static const struct slice begin = SLICE_LIT("#Fields:");
    struct log_reader new = { .columns_n = 0 };
    struct slice name;

    if (!slice_eq_nocase(slice_head(line, begin.len), begin))
        return false;
    struct slice rest = slice_from(line, begin.len);
    while (slice_split(&rest, ' ', &name)) {
        if (name.len > 0)
            add_column(&new, name, cloudfront, sizeof(cloudfront) / sizeof(cloudfront[0]));
    }
    if (!has(&new, LOG_TIME) || !has(&new, LOG_URI))
        return false;
    new.format = r->format;
    *r = new;
    return true;
}

/* The next value, without its quotes; two quotes for one stay two. false: at the end, or a quote is not closed. */
static bool next_csv(struct slice *rest, struct slice *value, bool *bad)
{
    if (rest->data == NULL || rest->len == 0 || rest->data[0] != '"')
        return slice_split(rest, ',', value);
    size_t i = 1;
    while (i < rest->len && (rest->data[i] != '"' || (i + 1 < rest->len && rest->data[i + 1] == '"')))
        i += rest->data[i] == '"' ? 2 : 1;
    if (i >= rest->len || (i + 1 < rest->len && rest->data[i + 1] != ',')) {
        *bad = true;
        return false;
    }
    *value = slice_of(rest->data + 1, i - 1);
    *rest = i + 1 < rest->len ? slice_from(*rest, i + 2) : SLICE_EMPTY;
    return true;
}

bool log_columns_csv(struct log_reader *r, struct slice line)
{
    struct log_reader new = { .columns_n = 0 };
    struct slice rest = line, name;
    bool bad = false;

    while (next_csv(&rest, &name, &bad))
        add_column(&new, slice_trim(name), csv, sizeof(csv) / sizeof(csv[0]));
    if (bad || !has(&new, LOG_TIME) || !has(&new, LOG_URI))
        return false;
    new.format = r->format;
    *r = new;
    return true;
}

const char *log_columns_split(const struct log_reader *r, struct slice line, struct slice fields[LOG_FIELDS_N])
{
    struct slice rest = line, value;
    bool bad = false, commas = r->format == LOG_CSV;
    size_t n = 0;

    for (; commas ? next_csv(&rest, &value, &bad) : slice_split(&rest, '\t', &value); n++) {
        if (n < r->columns_n && r->columns[n] < LOG_FIELDS_N)
            fields[r->columns[n]] = commas ? slice_trim(value) : value;
    }
    if (bad)
        return "a quote is not closed";
    return n < r->columns_n ? "it has fewer columns than were named" : NULL;
}
