/* An object a line (RFC 8259). Its values are taken as they are written; what is nested is passed over. */
#include "sim/input/log_format.h"

static const struct {
    const char *name;
    enum log_field field;
} names[] = {
    { "time", LOG_TIME },     { "node", LOG_EDGE },     { "host", LOG_HOST },
    { "method", LOG_METHOD }, { "uri", LOG_URI },       { "status", LOG_STATUS },
    { "bytes", LOG_BYTES },   { "client", LOG_CLIENT }, { "max_age", LOG_MAX_AGE },
};

static void blanks(struct slice *rest)
{
    *rest = slice_trim(*rest);
}

/* Is |c| next? Then it is passed. */
static bool pass(struct slice *rest, uint8_t c)
{
    blanks(rest);
    if (rest->len == 0 || rest->data[0] != c)
        return false;
    *rest = slice_from(*rest, 1);
    return true;
}

static bool string(struct slice *rest, struct slice *out)
{
    size_t n = 0;

    if (!pass(rest, '"'))
        return false;
    while (n < rest->len && rest->data[n] != '"')
        n += rest->data[n] == '\\' ? 2 : 1;
    if (n >= rest->len)
        return false;
    *out = slice_head(*rest, n);
    *rest = slice_from(*rest, n + 1);
    return true;
}

/* An object or array: to the bracket that closes it, strings apart. */
static bool nested(struct slice *rest)
{
    struct slice text;
    size_t depth = 0;

    do {
        if (rest->len == 0)
            return false;
        uint8_t c = rest->data[0];
        if (c == '"') {
            if (!string(rest, &text))
                return false;
            continue;
        }
        depth += c == '{' || c == '[';
        depth -= c == '}' || c == ']';
        *rest = slice_from(*rest, 1);
    } while (depth > 0);
    return true;
}

static bool value(struct slice *rest, struct slice *out)
{
    size_t n = 0;

    *out = SLICE_EMPTY;
    blanks(rest);
    if (rest->len == 0)
        return false;
    if (rest->data[0] == '"')
        return string(rest, out);
    if (rest->data[0] == '{' || rest->data[0] == '[')
        return nested(rest);
    while (n < rest->len && rest->data[n] != ',' && rest->data[n] != '}' && rest->data[n] != ' ')
        n++;
    if (!slice_eq(slice_head(*rest, n), SLICE_LIT("null")))
        *out = slice_head(*rest, n);
    *rest = slice_from(*rest, n);
    return n > 0;
}

const char *log_json_split(struct slice line, struct slice fields[LOG_FIELDS_N])
{
    static const char broken[] = "it is no object of JSON";
    struct slice rest = line, name, v;

    if (!pass(&rest, '{'))
        return broken;
    do {
        if (!string(&rest, &name) || !pass(&rest, ':') || !value(&rest, &v))
            return broken;
        for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
            if (slice_eq(name, slice_str(names[i].name)))
                fields[names[i].field] = v;
        }
    } while (pass(&rest, ','));
    if (!pass(&rest, '}') || slice_trim(rest).len > 0)
        return broken;
    return NULL;
}
