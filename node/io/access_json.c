#include "node/io/access_line_impl.h"
#include "node/sf/chars.h"

static void add_time(struct buf *out, struct access_second *kept, int64_t wall_us)
{
    uint64_t us = access_us(wall_us);

    buf_add(out, access_second_of(kept, us / 1000000), sizeof(kept->text));
    access_digits(out, us / 1000 % 1000, 3);
    buf_add_u8(out, 'Z');
}

/* Length of the UTF-8 sequence at |s|'s start (RFC 3629: shortest form, no surrogates), 0 if
 * there is none. */
static size_t utf8_len(struct slice s)
{
    const uint8_t *p = s.data;
    uint8_t low = 0x80, high = 0xbf;
    size_t n;

    if (p[0] >= 0xc2 && p[0] <= 0xdf) {
        n = 2;
    } else if (p[0] >= 0xe0 && p[0] <= 0xef) {
        n = 3;
        if (p[0] == 0xe0)
            low = 0xa0;
        if (p[0] == 0xed)
            high = 0x9f;
    } else if (p[0] >= 0xf0 && p[0] <= 0xf4) {
        n = 4;
        if (p[0] == 0xf0)
            low = 0x90;
        if (p[0] == 0xf4)
            high = 0x8f;
    } else {
        return 0;
    }
    if (s.len < n || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < n; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    return n;
}

static void add_string(struct buf *out, struct slice s)
{
    static const char hex[] = "0123456789abcdef";
    size_t i = 0;

    buf_add_u8(out, '"');
    while (i < s.len) {
        size_t n = chars_span(slice_from(s, i), CHARS_PLAIN);
        buf_add(out, s.data + i, n);
        i += n;
        if (i == s.len)
            break;
        uint8_t c = s.data[i];
        if (c == '"' || c == '\\') {
            buf_add(out, (const uint8_t[]){ '\\', c }, 2);
            i++;
        } else if (c >= 0x80 && (n = utf8_len(slice_from(s, i))) > 0) {
            buf_add(out, s.data + i, n);
            i += n;
        } else {
            buf_add(out, (const char[]){ '\\', 'u', '0', '0', hex[c >> 4], hex[c & 15] }, 6);
            i++;
        }
    }
    buf_add_u8(out, '"');
}

void access_json(struct buf *out, struct access_second *kept, const struct access_entry *e)
{
    buf_add_str(out, "{\"time\":\"");
    add_time(out, kept, e->wall_us);
    buf_add_str(out, "\",\"node\":\"");
    buf_add_slice(out, e->node); /* a name, a word and hex digits have nothing to be escaped */
    buf_add_str(out, "\",\"host\":");
    add_string(out, e->host);
    buf_add_str(out, ",\"method\":");
    add_string(out, e->method);
    buf_add_str(out, ",\"uri\":");
    add_string(out, e->uri);
    buf_add_str(out, ",\"status\":");
    access_digits(out, e->status, 1);
    buf_add_str(out, ",\"bytes\":");
    access_digits(out, e->bytes, 1);
    buf_add_str(out, ",\"result\":\"");
    buf_add_str(out, request_result_word(e->result));
    if (e->detail != ACCESS_UNKNOWN && e->detail != access_detail_plain(e->result)) {
        buf_add_str(out, "\",\"detail\":\"");
        buf_add_str(out, access_detail_word(e->detail));
    }
    if (e->reason.len > 0) {
        buf_add_str(out, "\",\"reason\":\"");
        buf_add_slice(out, e->reason);
    }
    buf_add_str(out, "\",\"request_id\":\"");
    buf_add_slice(out, e->request_id);
    buf_add_str(out, "\",\"duration_us\":");
    access_digits(out, e->duration_ns < 0 ? 0 : (uint64_t)e->duration_ns / 1000, 1);
    buf_add_str(out, "}\n");
}
