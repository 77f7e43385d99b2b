#include "node/http/h1.h"

#include <assert.h>

#include "node/sf/chars.h"
#include "proto/base/err.h"

int h1_refuse(struct http_fault *fault, int status, const char *reason)
{
    *fault = (struct http_fault){ status, reason };
    switch (status) {
    case 413:
    case 431: return MESH_E_FULL;
    case 505: return MESH_E_VERSION;
    default: return MESH_E_SYNTAX;
    }
}

/* Everything is decided inside the first |max| bytes, so that a head in pieces and a whole one
 * are refused for the same reason. */
int h1_line(struct slice in, struct http_cursor *at, size_t max, struct slice *line, struct http_fault *fault)
{
    struct slice window = slice_head(in, max);
    assert(at->line <= at->seen && at->seen <= in.len);
    size_t end = chars_control(window, at->seen);

    if (end < window.len && window.data[end] != '\r')
        return h1_refuse(fault, 400, window.data[end] == '\n' ? "bare LF" : "control byte in the head");
    if (end + 1 >= window.len) {
        at->seen = end;
        return in.len > max ? h1_refuse(fault, 413, "head too large") : MESH_E_SHORT;
    }
    if (window.data[end + 1] != '\n')
        return h1_refuse(fault, 400, "bare CR");
    *line = slice_of(window.data + at->line, end - at->line);
    at->line = at->seen = end + 2;
    return 0;
}

static int field_line(struct slice line, struct fields *fields, struct http_fault *fault)
{
    size_t name_len = chars_span(line, CHARS_TOKEN);

    if (name_len == line.len || line.data[name_len] != ':') {
        if (line.data[0] == ' ' || line.data[0] == '\t')
            return h1_refuse(fault, 400, "folded field line");
        return h1_refuse(fault, 400, "bad field name");
    }
    if (name_len == 0)
        return h1_refuse(fault, 400, "empty field name");
    if (fields_add(fields, slice_head(line, name_len), slice_trim(slice_from(line, name_len + 1))) != 0)
        return h1_refuse(fault, 431, "too many fields");
    return 0;
}

int h1_fields(struct slice in, struct http_cursor *at, size_t max, struct fields *fields, struct http_fault *fault)
{
    struct slice line;
    int err;

    while ((err = h1_line(in, at, max, &line, fault)) == 0) {
        if (line.len == 0)
            return 0;
        if ((err = field_line(line, fields, fault)) != 0)
            return err;
        at->fields = fields->n;
    }
    return err;
}

int h1_version(struct slice text, uint8_t *minor, struct http_fault *fault)
{
    if (text.len != 8 || memcmp(text.data, "HTTP/", 5) != 0 || !chars_is(text.data[5], CHARS_DIGIT) ||
        text.data[6] != '.' || !chars_is(text.data[7], CHARS_DIGIT))
        return h1_refuse(fault, 400, "bad protocol version");
    if (text.data[5] != '1')
        return h1_refuse(fault, 505, "unknown major version");
    /* A later minor version is read as ours (RFC 9110 section 2.5). */
    *minor = text.data[7] == '0' ? 0 : 1;
    return 0;
}

/* Is there a tab between colon and line end, outside of the value? A blank by RFC 9110, but there are readers that stop
 * at it, and then see another framing (row S3). The head is whole, so that the line ends in CR. */
static bool tab_around(const struct field *field)
{
    const uint8_t *at = field->name.data + field->name.len + 1, *end = field->value.data + field->value.len;

    for (; at < field->value.data; at++) {
        if (*at == '\t')
            return true;
    }
    for (; *end != '\r'; end++) {
        if (*end == '\t')
            return true;
    }
    return false;
}

static int read_length(const struct field *field, struct h1_facts *facts, struct http_fault *fault)
{
    if (facts->has_length)
        return h1_refuse(fault, 400, "two Content-Length fields");
    if (tab_around(field))
        return h1_refuse(fault, 400, "a tab around Content-Length");
    if (slice_u64(field->value, &facts->length) != 0 || facts->length > INT64_MAX)
        return h1_refuse(fault, 400, "bad Content-Length");
    facts->has_length = true;
    return 0;
}

/* Of several codings with chunked last the end is plain, but we know none of them. Of anything
 * else it is not (RFC 9112 section 6.3). */
static int judge_encoding(struct slice value, struct http_fault *fault)
{
    const struct slice chunked = SLICE_LIT("chunked");
    size_t last = value.len;

    if (slice_eq_nocase(value, chunked))
        return 0;
    while (last > 0 && value.data[last - 1] != ',')
        last--;
    if (last > 0 && slice_eq_nocase(slice_trim(slice_from(value, last)), chunked))
        return h1_refuse(fault, 501, "unknown transfer coding");
    return h1_refuse(fault, 400, "bad Transfer-Encoding");
}

static void read_connection(struct slice value, struct h1_facts *facts)
{
    struct slice option;

    while (slice_split(&value, ',', &option)) {
        option = slice_trim(option);
        if (slice_eq_nocase(option, SLICE_LIT("close")))
            facts->close = true;
        else if (slice_eq_nocase(option, SLICE_LIT("keep-alive")))
            facts->keep_alive = true;
    }
}

/* Is |name|, of the same length, |text|, a token that begins with a letter? The first byte tells it of most. */
static bool named(struct slice name, struct slice text)
{
    return (name.data[0] | 0x20) == text.data[0] && slice_eq_nocase(name, text);
}

/* Lengths first: nearly every field is passed over with one jump. */
static int read_field(const struct field *field, struct h1_facts *facts, struct http_fault *fault)
{
    switch (field->name.len) {
    case 4:
        if (!named(field->name, SLICE_LIT("host")))
            return 0;
        if (facts->host != NULL)
            return h1_refuse(fault, 400, "two Host fields");
        facts->host = field;
        return 0;
    case 6:
        if (named(field->name, SLICE_LIT("expect")))
            facts->expect = field;
        return 0;
    case 10:
        if (named(field->name, SLICE_LIT("connection")))
            read_connection(field->value, facts);
        return 0;
    case 14: return named(field->name, SLICE_LIT("content-length")) ? read_length(field, facts, fault) : 0;
    case 17:
        if (!named(field->name, SLICE_LIT("transfer-encoding")))
            return 0;
        if (facts->transfer_encoding != NULL)
            return h1_refuse(fault, 400, "two Transfer-Encoding fields");
        if (tab_around(field))
            return h1_refuse(fault, 400, "a tab around Transfer-Encoding");
        facts->transfer_encoding = field;
        return 0;
    default: return 0;
    }
}

int h1_facts(const struct fields *fields, uint8_t minor, struct h1_facts *facts, struct http_fault *fault)
{
    int err;

    *facts = (struct h1_facts){ 0 };
    for (size_t i = 0; i < fields->n; i++) {
        if ((err = read_field(&fields->at[i], facts, fault)) != 0)
            return err;
    }
    if (facts->transfer_encoding == NULL)
        return 0;
    if (facts->has_length)
        return h1_refuse(fault, 400, "Content-Length with Transfer-Encoding");
    if (minor == 0)
        return h1_refuse(fault, 400, "Transfer-Encoding in HTTP/1.0");
    return judge_encoding(facts->transfer_encoding->value, fault);
}

bool h1_keep_alive(const struct h1_facts *facts, uint8_t minor)
{
    return !facts->close && (minor > 0 || facts->keep_alive);
}
