#include "node/io/access_line_impl.h"

const char access_cloudfront_heading[] =
    "#Version: 1.0\n"
    "#Fields: date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) "
    "cs(User-Agent) cs-uri-query cs(Cookie) x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes "
    "time-taken x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type cs-protocol-version fle-status "
    "fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len "
    "sc-range-start sc-range-end\n";

/* What stands for itself: visible ASCII but what the developer guide lists. */
static bool plain(uint8_t c)
{
    static const char coded[] = "<>\"#%{}|\\^~[]`'";

    return c > 32 && c < 127 && memchr(coded, c, sizeof(coded) - 1) == NULL;
}

static void put_coded(struct buf *out, struct slice s)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t at = 0;

    while (at < s.len) {
        size_t n = at;
        while (n < s.len && plain(s.data[n]))
            n++;
        buf_add(out, s.data + at, n - at);
        for (; n < s.len && !plain(s.data[n]); n++)
            buf_add(out, (const char[]){ '%', hex[s.data[n] >> 4], hex[s.data[n] & 15] }, 3);
        at = n;
    }
}

/* Each puts one value and the tab behind it. */
static void put_text(struct buf *out, struct slice s)
{
    if (s.len == 0 || slice_eq(s, SLICE_LIT("-")))
        buf_add_u8(out, '-');
    else
        put_coded(out, s);
    buf_add_u8(out, '\t');
}

static void put_number(struct buf *out, bool given, uint64_t v)
{
    if (given)
        access_digits(out, v, 1);
    else
        buf_add_u8(out, '-');
    buf_add_u8(out, '\t');
}

/* Seconds, to the thousandth. */
static void put_seconds(struct buf *out, mesh_ns ns)
{
    uint64_t ms = ns < 0 ? 0 : (uint64_t)ns / 1000000;

    access_digits(out, ms / 1000, 1);
    buf_add_u8(out, '.');
    access_digits(out, ms % 1000, 3);
    buf_add_u8(out, '\t');
}

/* An answer that never began is 000. */
static void put_status(struct buf *out, const struct access_entry *e)
{
    access_digits(out, e->detail == ACCESS_CLIENT_HUNG_UP ? 0 : e->status, 3);
    buf_add_u8(out, '\t');
}

static void put_first(struct buf *out, const struct access_entry *e, const struct access_more *m,
                      struct access_second *kept)
{
    uint64_t end_us = access_us(e->wall_us) + (e->duration_ns > 0 ? (uint64_t)e->duration_ns / 1000 : 0);
    const char *end = access_second_of(kept, end_us / 1000000);
    struct slice query, path = access_path(e->uri, &query);
    char addr[ACCESS_IP_MAX];

    buf_add(out, end, 10);
    buf_add_u8(out, '\t');
    buf_add(out, end + 11, 8);
    buf_add_u8(out, '\t');
    put_text(out, m->pop.len > 0 ? m->pop : e->node);
    put_number(out, true, m->sent);
    put_text(out, access_ip(&m->client, addr));
    put_text(out, e->method);
    put_text(out, m->domain.len > 0 ? m->domain : e->host);
    put_text(out, path);
    put_status(out, e);
    put_text(out, m->referer);
    put_text(out, m->user_agent);
    put_text(out, query);
    put_text(out, m->cookie);
}

static void put_second(struct buf *out, const struct access_entry *e, const struct access_more *m)
{
    enum access_detail detail = e->detail != ACCESS_UNKNOWN ? e->detail : access_detail_plain(e->result);
    enum access_detail said = e->said != ACCESS_UNKNOWN ? e->said : detail;
    bool https = m->ssl_protocol.len > 0;

    put_text(out, slice_str(access_detail_class(detail)));
    put_text(out, e->request_id);
    put_text(out, m->authority);
    put_text(out, https ? SLICE_LIT("https") : SLICE_LIT("http"));
    put_number(out, true, m->received);
    put_seconds(out, e->duration_ns);
    put_text(out, m->forwarded_for);
    put_text(out, m->ssl_protocol);
    put_text(out, m->ssl_cipher);
    put_text(out, slice_str(access_detail_class(said)));
    put_text(out, m->version);
    buf_add_str(out, "-\t-\t"); /* no field is encrypted */
    put_number(out, m->client.port != 0, m->client.port);
    put_seconds(out, m->first_byte_ns >= 0 ? m->first_byte_ns : e->duration_ns);
    put_text(out, slice_str(access_detail_word(detail)));
    put_text(out, m->type);
    put_number(out, m->has_length, m->length);
    put_number(out, m->has_range, m->first);
    put_number(out, m->has_range, m->last);
}

void access_cloudfront(struct buf *out, struct access_second *kept, const struct access_entry *e)
{
    static const struct access_more none = { .first_byte_ns = -1 };
    const struct access_more *m = e->more != NULL ? e->more : &none;
    size_t before = out->len;

    put_first(out, e, m, kept);
    put_second(out, e, m);
    if (out->len > before)
        out->data[out->len - 1] = '\n'; /* for the last tab */
}
