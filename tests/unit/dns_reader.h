/* dns_reader.h - answers of DNS, read by somebody who shares nothing with node/dns: strictly, byte by byte, to text. */
#ifndef HEDGEROW_TESTS_DNS_READER_H
#define HEDGEROW_TESTS_DNS_READER_H

#include <stdio.h>
#include <stdlib.h>

#include "proto/base/buf.h"

struct heard_record {
    unsigned section; /* 1 answer, 2 authority, 3 additional */
    char owner[1024];
    unsigned type, class;
    uint32_t ttl;
    struct slice data;
};

#define HEARD_RECORDS_MAX 64
struct heard {
    unsigned id, flags, rcode; /* with OPT's upper bits */
    bool asked;
    char name[1024];
    unsigned type, class;
    size_t question_bytes;
    struct heard_record records[HEARD_RECORDS_MAX];
    size_t records_n;
    bool opt;
    unsigned udp_bytes;
    bool dnssec_ok;
    struct slice options, cookie, subnet;
};

static inline bool heard_name(struct slice m, size_t *at, char text[1024])
{
    size_t i = *at, end = 0, wire = 1, n = 0, before = *at;

    text[0] = 0;
    for (;;) {
        if (i >= m.len)
            return false;
        unsigned c = m.data[i];
        if (c >= 0xc0) {
            if (i + 1 >= m.len)
                return false;
            size_t to = (c & 0x3fu) << 8 | m.data[i + 1];
            end = end == 0 ? i + 2 : end;
            if (to < 12 || to >= before)
                return false;
            i = before = to;
            continue;
        }
        if (c > 63 || i + 1 + c > m.len || (wire += c == 0 ? 0 : c + 1) > 255)
            return false;
        i++;
        if (c == 0)
            break;
        for (size_t j = 0; j < c; j++, i++) {
            uint8_t b = m.data[i];
            if (b > ' ' && b < 127 && b != '.' && b != '\\')
                text[n++] = (char)b;
            else
                n += (size_t)snprintf(text + n, 5, b == '.' || b == '\\' ? "\\%c" : "\\%03u", b);
        }
        text[n++] = '.';
        text[n] = 0;
    }
    if (n == 0)
        memcpy(text, ".", 2);
    *at = end == 0 ? i : end;
    return true;
}

static inline bool heard_opt(struct heard *h, const uint8_t *fixed, struct slice data)
{
    if (h->opt || fixed[5] != 0)
        return false;
    h->opt = true;
    h->udp_bytes = be16_get(fixed + 2);
    h->rcode |= (unsigned)fixed[4] << 4;
    h->dnssec_ok = fixed[6] >> 7;
    if ((be16_get(fixed + 6) & 0x7fff) != 0)
        return false;
    h->options = data;
    while (data.len > 0) {
        if (data.len < 4 || data.len - 4 < be16_get(data.data + 2))
            return false;
        struct slice value = slice_of(data.data + 4, be16_get(data.data + 2));
        if (be16_get(data.data) == 10)
            h->cookie = value;
        else if (be16_get(data.data) == 8)
            h->subnet = value;
        else
            return false; /* we say no others */
        data = slice_from(data, 4 + value.len);
    }
    return true;
}

/* heard_read: false: no message, or one with anything odd about it. */
static inline bool heard_read(struct heard *h, struct slice m)
{
    size_t at = 12;
    char name[1024];

    memset(h, 0, sizeof(*h));
    if (m.len < 12)
        return false;
    h->id = be16_get(m.data);
    h->flags = be16_get(m.data + 2);
    h->rcode = h->flags & 15;
    if (be16_get(m.data + 4) > 1)
        return false;
    if (be16_get(m.data + 4) == 1) {
        if (!heard_name(m, &at, h->name) || m.len - at < 4)
            return false;
        h->asked = true;
        h->type = be16_get(m.data + at);
        h->class = be16_get(m.data + at + 2);
        at += 4;
        h->question_bytes = at - 12;
    }
    for (unsigned section = 1; section <= 3; section++) {
        for (unsigned n = be16_get(m.data + 4 + 2 * section); n > 0; n--) {
            if (!heard_name(m, &at, name) || m.len - at < 10)
                return false;
            const uint8_t *fixed = m.data + at;
            size_t len = be16_get(fixed + 8);
            at += 10;
            if (len > m.len - at)
                return false;
            struct slice data = slice_of(m.data + at, len);
            at += len;
            if (be16_get(fixed) == 41) {
                if (section != 3 || strcmp(name, ".") != 0 || !heard_opt(h, fixed, data))
                    return false;
                continue;
            }
            if (h->records_n == HEARD_RECORDS_MAX || h->opt)
                return false;
            struct heard_record *r = &h->records[h->records_n++];
            r->section = section;
            memcpy(r->owner, name, sizeof(name));
            r->type = be16_get(fixed);
            r->class = be16_get(fixed + 2);
            r->ttl = be32_get(fixed + 4);
            r->data = data;
        }
    }
    return at == m.len;
}

static inline void heard_ip(struct buf *out, struct slice ip)
{
    if (ip.len == 4) {
        buf_addf(out, "%u.%u.%u.%u", ip.data[0], ip.data[1], ip.data[2], ip.data[3]);
        return;
    }
    for (size_t i = 0; i < ip.len; i += 2)
        buf_addf(out, "%s%x", i > 0 ? ":" : "", be16_get(ip.data + i));
}

/* SvcParams of an HTTPS record: those that we write. */
static inline bool heard_https(struct buf *out, struct slice d)
{
    int last = -1;

    if (d.len < 3 || d.data[2] != 0)
        return false;
    buf_addf(out, "%u .", be16_get(d.data));
    for (d = slice_from(d, 3); d.len > 0;) {
        if (d.len < 4 || d.len - 4 < be16_get(d.data + 2) || be16_get(d.data) <= last)
            return false;
        struct slice v = slice_of(d.data + 4, be16_get(d.data + 2));
        last = be16_get(d.data);
        d = slice_from(d, 4 + v.len);
        size_t size = last == 4 ? 4 : 16;
        if (last == 1 && v.len > 1 && v.data[0] == v.len - 1)
            buf_addf(out, " alpn=%.*s", (int)v.len - 1, (const char *)v.data + 1);
        else if (last == 3 && v.len == 2)
            buf_addf(out, " port=%u", be16_get(v.data));
        else if ((last == 4 || last == 6) && v.len > 0 && v.len % size == 0)
            for (size_t i = 0; i < v.len; i += size) {
                buf_addf(out, i > 0 ? "," : " ipv%dhint=", last);
                heard_ip(out, slice_of(v.data + i, size));
            }
        else
            return false;
    }
    return true;
}

/* heard_data: a record's data as text; false: it is malformed. */
static inline bool heard_data(struct buf *out, struct slice m, const struct heard_record *r)
{
    char one[1024], two[1024];
    size_t at = (size_t)(r->data.data - m.data), end = at + r->data.len;

    switch (r->type) {
    case 1:
    case 28: heard_ip(out, r->data); return r->data.len == (r->type == 1 ? 4 : 16);
    case 2:
        if (!heard_name(m, &at, one) || at != end)
            return false;
        buf_add_str(out, one);
        return true;
    case 6:
        if (!heard_name(m, &at, one) || !heard_name(m, &at, two) || at + 20 != end)
            return false;
        buf_addf(out, "%s %s %u %u %u %u %u", one, two, be32_get(m.data + at), be32_get(m.data + at + 4),
                 be32_get(m.data + at + 8), be32_get(m.data + at + 12), be32_get(m.data + at + 16));
        return true;
    case 13:
        buf_addf(out, "\"%.*s\"", (int)r->data.data[0], (const char *)r->data.data + 1);
        return r->data.len == r->data.data[0] + 2u && r->data.data[r->data.len - 1] == 0;
    case 65: return heard_https(out, r->data);
    default: return false; /* we have no others */
    }
}

static inline const char *heard_type(unsigned type)
{
    switch (type) {
    case 1: return "A";
    case 2: return "NS";
    case 6: return "SOA";
    case 13: return "HINFO";
    case 28: return "AAAA";
    case 65: return "HTTPS";
    default: return "?";
    }
}

/* heard_text: a line for the header, one for each record. False: malformed. */
static inline bool heard_text(struct buf *out, struct heard *h, struct slice m)
{
    static const char *const codes[] = {
        [0] = "NOERROR", [1] = "FORMERR", [2] = "SERVFAIL", [3] = "NXDOMAIN",  [4] = "NOTIMP",
        [5] = "REFUSED", [9] = "NOTAUTH", [16] = "BADVERS", [23] = "BADCOOKIE"
    };

    if (!heard_read(h, m) || h->rcode > 23 || codes[h->rcode] == NULL)
        return false;
    buf_addf(out, "%s%s%s%s\n", codes[h->rcode], h->flags & 0x400 ? " aa" : "", h->flags & 0x200 ? " tc" : "",
             h->flags & 0x100 ? " rd" : "");
    for (size_t i = 0; i < h->records_n; i++) {
        const struct heard_record *r = &h->records[i];
        buf_addf(out, "%s%s %u %s ",
                 r->section == 2   ? "authority "
                 : r->section == 3 ? "additional "
                                   : "",
                 r->owner, r->ttl, heard_type(r->type));
        if (r->class != 1 || !heard_data(out, m, r))
            return false;
        buf_add_u8(out, '\n');
    }
    return true;
}

#endif
