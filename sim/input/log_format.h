/* log_format.h - access logs, line by line: which format it is shows by itself.
 *
 *   json        Hedgerow's own: an object a line, with time, node, host, method, uri, status, bytes
 *   cloudfront  CloudFront's standard logs, and Hedgerow's in that format: tabs, columns by the #Fields line
 *   combined    Apache's and nginx's common and combined formats, a host before the client or not
 *   csv         a first line that names columns: time and uri; bytes, host, method, status, edge, client, max_age
 *
 * Pure: no files. What a line is made of is not decoded: the same object is written in the same way within a log. */
#ifndef HEDGEROW_SIM_INPUT_LOG_FORMAT_H
#define HEDGEROW_SIM_INPUT_LOG_FORMAT_H

#include "sim/input/log_line.h"

enum log_format { LOG_UNKNOWN, LOG_JSON, LOG_CLOUDFRONT, LOG_COMBINED, LOG_CSV };

#define LOG_COLUMNS_MAX 64
struct log_reader { /* zeroed at birth */
    enum log_format format;
    uint8_t columns[LOG_COLUMNS_MAX]; /* enum log_field of each, LOG_FIELDS_N: of no interest */
    size_t columns_n;
};

enum log_result {
    LOG_REQUEST,
    LOG_NOTHING, /* blank, a comment, or names of columns */
    LOG_BROKEN,
};
/* log_read takes one line (without its end); its first lines decide about the format. |*why| is set where it is broken.
 */
enum log_result log_read(struct log_reader *r, struct slice line, struct log_line *out, const char **why);
const char *log_format_word(enum log_format format);

/* The formats' own readers. NULL, or why the line is none of theirs. */
const char *log_json_split(struct slice line, struct slice fields[LOG_FIELDS_N]);
const char *log_combined_split(struct slice line, struct slice fields[LOG_FIELDS_N]);
/* ... by columns; log_columns_* read the line that names them. false: it does not. */
bool log_columns_cloudfront(struct log_reader *r, struct slice line);
bool log_columns_csv(struct log_reader *r, struct slice line);
const char *log_columns_split(const struct log_reader *r, struct slice line, struct slice fields[LOG_FIELDS_N]);

#endif
