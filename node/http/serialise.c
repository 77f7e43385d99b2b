#include "node/http/serialise.h"

#include <assert.h>

#include "node/sf/chars.h"
#include "proto/base/err.h"

/* The caller has reserved the room. */
static uint8_t *copy(uint8_t *to, struct slice s)
{
    if (s.len > 0)
        memcpy(to, s.data, s.len);
    return to + s.len;
}

void http_put_sound(struct buf *out, struct slice name, struct slice value)
{
    size_t len = name.len + value.len + 4;
    uint8_t *to = buf_reserve(out, len);

    if (to == NULL)
        return;
    to = copy(to, name);
    *to++ = ':';
    *to++ = ' ';
    to = copy(to, value);
    *to++ = '\r';
    *to = '\n';
    out->len += len;
}

int http_put_field(struct buf *out, struct slice name, struct slice value)
{
    if (!chars_all(name, CHARS_TOKEN) || chars_control(value, 0) != value.len)
        return MESH_E_SYNTAX;
    http_put_sound(out, name, value);
    return 0;
}

void http_put_number(struct buf *out, struct slice name, uint64_t value)
{
    char text[20];
    size_t at = sizeof(text);

    do {
        text[--at] = (char)('0' + value % 10);
        value /= 10;
    } while (value > 0);
    http_put_sound(out, name, slice_of(text + at, sizeof(text) - at));
}

int http_put_request_line(struct buf *out, struct slice method, struct slice target)
{
    if (!chars_all(method, CHARS_TOKEN) || !chars_all(target, CHARS_TARGET))
        return MESH_E_SYNTAX;
    buf_add_slice(out, method);
    buf_add_u8(out, ' ');
    buf_add_slice(out, target);
    buf_add_str(out, " HTTP/1.1\r\n");
    return 0;
}

void http_put_status_line(struct buf *out, unsigned status)
{
    assert(status >= 100 && status <= 599);
    uint8_t digits[4] = { (uint8_t)('0' + status / 100), (uint8_t)('0' + status / 10 % 10),
                          (uint8_t)('0' + status % 10), ' ' };

    buf_add(out, "HTTP/1.1 ", 9);
    buf_add(out, digits, sizeof(digits));
    buf_add_str(out, http_reason(status));
    buf_add(out, "\r\n", 2);
}

void http_put_framing(struct buf *out, const struct http_body *body)
{
    assert(body->framing != HTTP_BODY_LENGTH || body->has_length);
    assert(body->framing != HTTP_BODY_CHUNKED || !body->has_length);
    if (body->framing == HTTP_BODY_CHUNKED)
        http_put_sound(out, SLICE_LIT("Transfer-Encoding"), SLICE_LIT("chunked"));
    else if (body->has_length)
        http_put_number(out, SLICE_LIT("Content-Length"), body->length);
}

void http_put_end(struct buf *out)
{
    buf_add(out, "\r\n", 2);
}

void http_put_continue(struct buf *out)
{
    http_put_status_line(out, 100);
    http_put_end(out);
}

/* What the writers of heads say themselves; connection and coding fields are hop-by-hop. */
static bool written_here(struct slice name, bool request)
{
    switch (name.len) {
    case 4: return request && slice_eq_nocase(name, SLICE_LIT("host"));
    case 6: return request && slice_eq_nocase(name, SLICE_LIT("expect"));
    case 14: return slice_eq_nocase(name, SLICE_LIT("content-length"));
    default: return false;
    }
}

static int put_fields(struct buf *out, const struct fields *fields, bool request)
{
    int err;

    for (size_t i = 0; fields != NULL && i < fields->n; i++) {
        const struct field *field = &fields->at[i];
        if (written_here(field->name, request) || fields_hop_by_hop(fields, field))
            continue;
        if ((err = http_put_field(out, field->name, field->value)) != 0)
            return err;
    }
    return 0;
}

static int put_connection(struct buf *out, struct slice upgrade, bool close, bool say_keep_alive)
{
    if (upgrade.len > 0) {
        http_put_sound(out, SLICE_LIT("Connection"), SLICE_LIT("upgrade"));
        return http_put_field(out, SLICE_LIT("Upgrade"), upgrade);
    }
    if (close)
        http_put_sound(out, SLICE_LIT("Connection"), SLICE_LIT("close"));
    else if (say_keep_alive)
        http_put_sound(out, SLICE_LIT("Connection"), SLICE_LIT("keep-alive"));
    return 0;
}

static int request_head(struct buf *out, const struct http_request_head *head)
{
    int err;

    if ((err = http_put_request_line(out, head->method, head->target)) != 0 ||
        (err = http_put_field(out, SLICE_LIT("Host"), head->host)) != 0 ||
        (err = put_fields(out, head->fields, true)) != 0 ||
        (err = put_connection(out, head->upgrade, head->close, false)) != 0)
        return err;
    http_put_framing(out, &head->body);
    http_put_end(out);
    return 0;
}

int http_put_request(struct buf *out, const struct http_request_head *head)
{
    size_t before = out->len;

    assert(head->body.framing != HTTP_BODY_UNTIL_CLOSE);
    int err = request_head(out, head);
    if (err != 0)
        out->len = before;
    return err;
}

static int response_head(struct buf *out, const struct http_response_head *head)
{
    bool interim = head->status < 200,
         no_date = head->fields == NULL || fields_find(head->fields, SLICE_LIT("date")) == NULL;
    int err;

    http_put_status_line(out, head->status);
    if (!interim && head->date.len > 0 && no_date && (err = http_put_field(out, SLICE_LIT("Date"), head->date)) != 0)
        return err;
    if ((err = put_fields(out, head->fields, false)) != 0)
        return err;
    if (!interim || head->upgrade.len > 0) {
        if ((err = put_connection(out, head->upgrade, head->close, head->minor == 0)) != 0)
            return err;
    }
    if (!interim && head->status != 204)
        http_put_framing(out, &head->body);
    http_put_end(out);
    return 0;
}

int http_put_response(struct buf *out, const struct http_response_head *head)
{
    size_t before = out->len;

    assert(head->body.framing != HTTP_BODY_CHUNKED || head->minor > 0);
    assert(head->body.framing != HTTP_BODY_UNTIL_CLOSE || head->close);
    int err = response_head(out, head);
    if (err != 0)
        out->len = before;
    return err;
}

void http_put_uri(struct buf *out, struct slice text)
{
    while (text.len > 0) {
        size_t n = chars_span(text, CHARS_URI);
        buf_add(out, text.data, n);
        if (n < text.len) {
            uint8_t escape[3];
            chars_escape(text.data[n], escape);
            buf_add(out, escape, sizeof(escape));
        }
        text = slice_from(text, n + 1);
    }
}

size_t http_chunk_line(uint8_t line[HTTP_CHUNK_LINE_MAX], uint64_t size)
{
    static const char digits[] = "0123456789abcdef";
    size_t n = 0;
    int shift = 60;

    assert(size > 0);
    while (size >> shift == 0)
        shift -= 4;
    for (; shift >= 0; shift -= 4)
        line[n++] = (uint8_t)digits[size >> shift & 15];
    line[n++] = '\r';
    line[n++] = '\n';
    return n;
}

void http_put_chunk(struct buf *out, struct slice data)
{
    uint8_t line[HTTP_CHUNK_LINE_MAX];

    if (data.len == 0)
        return;
    buf_add(out, line, http_chunk_line(line, data.len));
    buf_add_slice(out, data);
    buf_add_str(out, HTTP_CHUNK_END);
}

void http_put_last_chunk(struct buf *out)
{
    buf_add_str(out, HTTP_LAST_CHUNK);
}
