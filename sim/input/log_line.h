/* log_line.h - one request as an access log tells it, and how the formats come to it. Pure functions; slices are lent
 * by the line. */
#ifndef HEDGEROW_SIM_INPUT_LOG_LINE_H
#define HEDGEROW_SIM_INPUT_LOG_LINE_H

#include "proto/base/slice.h"

struct log_line {
    int64_t at_us;                                  /* since 1970, or since some beginning of the log's own */
    struct slice host, uri, query;                  /* together the object; as they are written, not decoded */
    struct slice method, client, edge;              /* empty: not said */
    uint64_t bytes;                                 /* of the body, or of all that was sent */
    uint32_t status, max_age_s;                     /* 0: not said; max_age_s 0: may not be kept */
    bool has_bytes, has_status, has_max_age, whole; /* whole: all of a body, by its status */
};

/* What a format's line is taken apart into, before it is judged. */
enum log_field {
    LOG_TIME,
    LOG_DATE, /* where it stands beside the time of the day */
    LOG_HOST,
    LOG_HOST_HEADER, /* wins over the former */
    LOG_URI,
    LOG_QUERY,
    LOG_METHOD,
    LOG_STATUS,
    LOG_BYTES,
    LOG_LENGTH, /* of the body alone: wins over LOG_BYTES */
    LOG_EDGE,
    LOG_CLIENT,
    LOG_MAX_AGE,
    LOG_TAKEN, /* seconds until the time of a line that is written at the end */
    LOG_FIELDS_N
};

/* log_line_fill judges |fields| (empty or "-": not said). NULL, or why it is no request; |out| is then undefined. */
const char *log_line_fill(struct log_line *out, const struct slice fields[LOG_FIELDS_N]);

/* Times in microseconds; 0, or MESH_E_SYNTAX with |*us| unchanged.
 *   log_time_number   seconds, with decimals: up to the year 9999
 *   log_time_rfc3339  2026-12-01T10:00:00.25Z, or with +01:00, a blank for the T, or nothing for the Z (RFC 3339)
 *   log_time_clf      01/Dec/2026:10:00:00 +0000, as the common log format has it */
int log_time_number(struct slice text, int64_t *us);
int log_time_rfc3339(struct slice text, int64_t *us);
int log_time_clf(struct slice text, int64_t *us);

#endif
