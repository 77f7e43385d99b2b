/* host:port? client identity user [time] "METHOD uri HTTP/1.1" status bytes ... */
#include "sim/input/log_format.h"

#define WORDS_MAX 4

/* What stands before the time: a word more than usual is the host, before the client (Apache's vhost_combined). */
static bool before_time(struct slice *rest, struct slice fields[LOG_FIELDS_N])
{
    struct slice first = SLICE_EMPTY, second = SLICE_EMPTY; /* no array: clang 14 takes [n - 3] for empty at -O2 */
    size_t n = 0;

    while (rest->len > 0 && rest->data[0] != '[') {
        size_t len = 0;
        while (len < rest->len && rest->data[len] != ' ')
            len++;
        if (n == WORDS_MAX || len == 0)
            return false;
        if (n == 0)
            first = slice_head(*rest, len);
        else if (n == 1)
            second = slice_head(*rest, len);
        n++;
        *rest = slice_from(*rest, len + 1);
    }
    if (n < 3 || rest->len == 0)
        return false;
    fields[LOG_CLIENT] = n == WORDS_MAX ? second : first;
    if (n == WORDS_MAX) {
        struct slice host = first;
        size_t at = host.len;
        while (at > 0 && host.data[at - 1] >= '0' && host.data[at - 1] <= '9')
            at--;
        bool port = at > 1 && at < host.len && host.data[at - 1] == ':';
        fields[LOG_HOST] = port ? slice_head(host, at - 1) : host;
    }
    return true;
}

static bool quoted(struct slice *rest, struct slice *out)
{
    size_t n = 1;

    if (rest->len == 0 || rest->data[0] != '"')
        return false;
    while (n < rest->len && rest->data[n] != '"')
        n += rest->data[n] == '\\' ? 2 : 1;
    if (n >= rest->len)
        return false;
    *out = slice_of(rest->data + 1, n - 1);
    *rest = slice_from(*rest, n + 1);
    return true;
}

const char *log_combined_split(struct slice line, struct slice fields[LOG_FIELDS_N])
{
    struct slice rest = line, request, uri;

    if (!before_time(&rest, fields))
        return "client, identity and user do not stand before the time";
    const uint8_t *end = memchr(rest.data, ']', rest.len);
    if (end == NULL)
        return "its time is not closed with ]";
    fields[LOG_TIME] = slice_of(rest.data + 1, (size_t)(end - rest.data) - 1);
    rest = slice_trim(slice_from(rest, (size_t)(end - rest.data) + 1));
    if (!quoted(&rest, &request))
        return "no request in quotes follows the time";
    uri = request;
    if (!slice_split(&uri, ' ', &fields[LOG_METHOD]) || uri.len == 0)
        return "its request has no uri";
    slice_split(&uri, ' ', &fields[LOG_URI]);
    rest = slice_trim(rest);
    if (!slice_split(&rest, ' ', &fields[LOG_STATUS]) || !slice_split(&rest, ' ', &fields[LOG_BYTES]))
        return "status and bytes do not follow the request";
    if (slice_eq(fields[LOG_BYTES], SLICE_LIT("-"))) /* nothing was sent */
        fields[LOG_BYTES] = SLICE_LIT("0");
    return NULL;
}
