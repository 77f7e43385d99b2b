/* 192.0.2.1 - - [10/Oct/2026:13:55:36 +0000] "GET /a HTTP/1.1" 200 2326 "https://example.com/" "curl/7.88.1" */
#include "node/io/access_line_impl.h"

static void put_escaped(struct buf *out, struct slice s)
{
    static const char hex[] = "0123456789abcdef";

    for (size_t i = 0; i < s.len;) {
        size_t n = i;
        while (n < s.len && s.data[n] >= ' ' && s.data[n] < 127 && s.data[n] != '"' && s.data[n] != '\\')
            n++;
        buf_add(out, s.data + i, n - i);
        if (n < s.len && (s.data[n] == '"' || s.data[n] == '\\'))
            buf_add(out, (const uint8_t[]){ '\\', s.data[n] }, 2);
        else if (n < s.len)
            buf_add(out, (const char[]){ '\\', 'x', hex[s.data[n] >> 4], hex[s.data[n] & 15] }, 4);
        i = n + 1;
    }
}

static void put_quoted(struct buf *out, struct slice s)
{
    buf_add_str(out, " \"");
    if (s.len == 0)
        buf_add_u8(out, '-');
    else
        put_escaped(out, s);
    buf_add_u8(out, '"');
}

static void put_time(struct buf *out, const char *second)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    unsigned month = (unsigned)(second[5] - '0') * 10 + (unsigned)(second[6] - '0');

    buf_add(out, second + 8, 2);
    buf_add_u8(out, '/');
    buf_add(out, months + 3 * (month - 1), 3);
    buf_add_u8(out, '/');
    buf_add(out, second, 4);
    buf_add_u8(out, ':');
    buf_add(out, second + 11, 8);
    buf_add_str(out, " +0000");
}

static void put_request(struct buf *out, const struct access_entry *e, const struct access_more *m)
{
    buf_add_str(out, "] \"");
    if (e->method.len == 0 && e->uri.len == 0) {
        buf_add_str(out, "-\"");
        return;
    }
    put_escaped(out, e->method);
    buf_add_u8(out, ' ');
    put_escaped(out, e->uri);
    if (m->version.len > 0) {
        buf_add_u8(out, ' ');
        buf_add_slice(out, m->version);
    }
    buf_add_u8(out, '"');
}

void access_combined(struct buf *out, struct access_second *kept, const struct access_entry *e)
{
    static const struct access_more none;
    const struct access_more *m = e->more != NULL ? e->more : &none;
    char addr[ACCESS_IP_MAX];

    buf_add_slice(out, access_ip(&m->client, addr));
    buf_add_str(out, " - - [");
    put_time(out, access_second_of(kept, access_us(e->wall_us) / 1000000));
    put_request(out, e, m);
    buf_add_u8(out, ' ');
    access_digits(out, e->status, 3);
    buf_add_u8(out, ' ');
    if (e->bytes > 0)
        access_digits(out, e->bytes, 1);
    else
        buf_add_u8(out, '-');
    put_quoted(out, m->referer);
    put_quoted(out, m->user_agent);
    buf_add_u8(out, '\n');
}
