#include "node/http/chunked.h"

#include "node/sf/chars.h"
#include "proto/base/err.h"

void http_chunked_init(struct http_chunked *c)
{
    *c = (struct http_chunked){ .state = HTTP_CHUNKED_SIZE };
}

static int fail(struct http_chunked *c, int err, const char *reason)
{
    c->state = HTTP_CHUNKED_FAILED;
    c->err = err;
    c->reason = reason;
    return err;
}

static int size_digit(struct http_chunked *c, uint8_t byte)
{
    if (c->digits == HTTP_CHUNK_DIGITS_MAX)
        return fail(c, MESH_E_RANGE, "chunk size too long");
    c->digits++;
    c->left = c->left << 4 | (uint64_t)(byte <= '9' ? byte - '0' : (byte | 0x20) - 'a' + 10);
    return 0;
}

static int count_extension(struct http_chunked *c)
{
    c->extension++;
    c->extensions++;
    if (c->extension > HTTP_CHUNK_EXTENSION_MAX || c->extensions > HTTP_CHUNK_EXTENSIONS_MAX)
        return fail(c, MESH_E_FULL, "chunk extensions too long");
    return 0;
}

static int size_byte(struct http_chunked *c, uint8_t byte)
{
    if (chars_is(byte, CHARS_HEX))
        return size_digit(c, byte);
    if (c->digits == 0 || (byte != '\r' && byte != ';'))
        return fail(c, MESH_E_SYNTAX, "bad chunk size");
    if (c->left > INT64_MAX - c->data_bytes)
        return fail(c, MESH_E_RANGE, "chunk too large");
    c->data_bytes += c->left;
    if (byte == '\r') {
        c->state = HTTP_CHUNKED_SIZE_LF;
        return 0;
    }
    c->extension = 0;
    c->state = HTTP_CHUNKED_EXTENSION;
    return count_extension(c);
}

static int extension_byte(struct http_chunked *c, uint8_t byte)
{
    if (byte == '\r') {
        c->state = HTTP_CHUNKED_SIZE_LF;
        return 0;
    }
    if (chars_is_control(byte))
        return fail(c, MESH_E_SYNTAX, "control byte in a chunk extension");
    return count_extension(c);
}

static int trailer_byte(struct http_chunked *c, uint8_t byte)
{
    switch (c->state) {
    case HTTP_CHUNKED_TRAILER:
        if (byte == '\r')
            c->state = HTTP_CHUNKED_END_LF;
        else if (chars_is(byte, CHARS_TOKEN))
            c->state = HTTP_CHUNKED_TRAILER_NAME;
        else
            return fail(c, MESH_E_SYNTAX, "bad trailer");
        return 0;
    case HTTP_CHUNKED_TRAILER_NAME:
        if (byte == ':')
            c->state = HTTP_CHUNKED_TRAILER_VALUE;
        else if (!chars_is(byte, CHARS_TOKEN))
            return fail(c, MESH_E_SYNTAX, "bad trailer");
        return 0;
    default:
        if (byte == '\r')
            c->state = HTTP_CHUNKED_TRAILER_LF;
        else if (chars_is_control(byte))
            return fail(c, MESH_E_SYNTAX, "control byte in a trailer");
        return 0;
    }
}

static int expect(struct http_chunked *c, uint8_t byte, uint8_t want, enum http_chunked_state next)
{
    if (byte != want)
        return fail(c, MESH_E_SYNTAX, want == '\n' ? "bare CR" : "no CRLF behind a chunk");
    c->state = next;
    return 0;
}

/* SIZE --;--> EXTENSION --CR--> SIZE_LF --LF--> DATA --all read--> DATA_CR --> DATA_LF --> SIZE
 *   `--CR--------------------------^      `--LF, size 0--> TRAILER --CR--> END_LF --> DONE
 * TRAILER --tchar--> TRAILER_NAME --:--> TRAILER_VALUE --CR--> TRAILER_LF --LF--> TRAILER */
static int framing_byte(struct http_chunked *c, uint8_t byte)
{
    c->other_bytes++;
    if (c->other_bytes > HTTP_CHUNKED_SLACK &&
        (c->other_bytes - HTTP_CHUNKED_SLACK) / HTTP_CHUNKED_OVERHEAD > c->data_bytes)
        return fail(c, MESH_E_FULL, "chunks too small");
    if (c->state >= HTTP_CHUNKED_TRAILER && ++c->trailer > HTTP_TRAILER_MAX)
        return fail(c, MESH_E_FULL, "trailer too long");
    switch (c->state) {
    case HTTP_CHUNKED_SIZE: return size_byte(c, byte);
    case HTTP_CHUNKED_EXTENSION: return extension_byte(c, byte);
    case HTTP_CHUNKED_SIZE_LF: return expect(c, byte, '\n', c->left > 0 ? HTTP_CHUNKED_DATA : HTTP_CHUNKED_TRAILER);
    case HTTP_CHUNKED_DATA_CR: return expect(c, byte, '\r', HTTP_CHUNKED_DATA_LF);
    case HTTP_CHUNKED_DATA_LF: c->digits = 0; return expect(c, byte, '\n', HTTP_CHUNKED_SIZE);
    case HTTP_CHUNKED_TRAILER_LF: return expect(c, byte, '\n', HTTP_CHUNKED_TRAILER);
    case HTTP_CHUNKED_END_LF: return expect(c, byte, '\n', HTTP_CHUNKED_DONE);
    default: return trailer_byte(c, byte);
    }
}

int http_chunked_read(struct http_chunked *c, struct slice *in, struct slice *data)
{
    size_t i = 0;
    int err = 0;

    *data = slice_head(*in, 0);
    if (c->state == HTTP_CHUNKED_FAILED)
        return c->err;
    while (i < in->len && c->state != HTTP_CHUNKED_DATA && c->state != HTTP_CHUNKED_DONE && err == 0)
        err = framing_byte(c, in->data[i++]);
    if (err == 0 && c->state == HTTP_CHUNKED_DATA) {
        *data = slice_head(slice_from(*in, i), c->left < SIZE_MAX ? (size_t)c->left : SIZE_MAX);
        c->left -= data->len;
        if (c->left == 0)
            c->state = HTTP_CHUNKED_DATA_CR;
    }
    *in = slice_from(*in, i + data->len);
    if (err != 0 || data->len > 0 || http_chunked_done(c))
        return err;
    return MESH_E_SHORT;
}

/* Whole chunks of one to nine bytes behind another one, "CR LF digit CR LF data": each read in one step, which is what
 * makes bodies of nothing else bearable (row S6). What is not exactly that, or near a limit, is left to framing_byte.
 * Returns how many bytes of data are in |room|. */
static size_t tiny_chunks(struct http_chunked *c, struct slice *in, uint8_t *room, size_t room_len)
{
    const uint8_t *b = in->data, *end = b + in->len;
    uint64_t data_bytes = c->data_bytes, other_bytes = c->other_bytes;
    size_t n = 0;

    if (c->state != HTTP_CHUNKED_DATA_CR)
        return 0;
    while (end - b >= 5 && room_len - n >= 9 && memcmp(b, "\r\n", 2) == 0 && memcmp(b + 3, "\r\n", 2) == 0) {
        uint8_t len = (uint8_t)(b[2] - '0');
        if (len < 1 || len > 9 || end - b < 5 + len || len > INT64_MAX - data_bytes ||
            (other_bytes + 5) / HTTP_CHUNKED_OVERHEAD > data_bytes)
            break;
        for (uint8_t i = 0; i < len; i++)
            room[n++] = b[5 + i];
        other_bytes += 5;
        data_bytes += len;
        b += 5 + len;
    }
    c->other_bytes = other_bytes;
    c->data_bytes = data_bytes;
    *in = slice_of(b, (size_t)(end - b));
    return n;
}

int http_chunked_gather(struct http_chunked *c, struct slice *in, struct slice *data, uint8_t *room, size_t room_len)
{
    size_t small = room_len / 4, n = 0;
    struct slice run;
    int err;

    for (;;) {
        n += tiny_chunks(c, in, room + n, room_len - n);
        err = http_chunked_read(c, in, &run);
        if (err != 0 || run.len == 0 || run.len >= small || n + small > room_len)
            break;
        memcpy(room + n, run.data, run.len);
        n += run.len;
    }
    if (n == 0) {
        *data = run;
        return err;
    }
    *data = slice_of(room, n);
    if (run.len > 0) { /* a long one, or there is no room: the next call lends it */
        c->left += run.len;
        c->state = HTTP_CHUNKED_DATA;
        *in = slice_of(run.data, run.len + in->len);
    }
    return err;
}
