#include "node/dns/write.h"

#include <assert.h>

#define POINTER     0xc000u
#define POINTER_MAX 0x3fffu

/* Room for |n| more bytes, or NULL. */
static uint8_t *room(struct dns_writer *w, size_t n)
{
    if (w->full || n > w->limit - w->len) {
        w->full = true;
        return NULL;
    }
    w->len += n;
    return w->out + w->len - n;
}

void dns_write_bytes(struct dns_writer *w, const void *data, size_t len)
{
    uint8_t *p = len > 0 ? room(w, len) : NULL;

    if (p != NULL)
        memcpy(p, data, len);
}

void dns_write_u8(struct dns_writer *w, unsigned v)
{
    uint8_t *p = room(w, 1);

    if (p != NULL)
        *p = (uint8_t)v;
}

void dns_write_u16(struct dns_writer *w, unsigned v)
{
    uint8_t *p = room(w, 2);

    if (p != NULL)
        be16_put(p, (uint16_t)v);
}

void dns_write_u32(struct dns_writer *w, uint32_t v)
{
    uint8_t *p = room(w, 4);

    if (p != NULL)
        be32_put(p, v);
}

/* The name |text_len| bytes long, as text, stands at |at|. */
static void remember(struct dns_writer *w, size_t at, size_t text_len)
{
    if (at <= POINTER_MAX && w->seen_n < DNS_SEEN_MAX)
        w->seen[w->seen_n++] = (struct dns_seen){ (uint16_t)at, (uint8_t)text_len };
}

void dns_write_start(struct dns_writer *w, uint8_t *out, size_t limit, const struct dns_query *q)
{
    *w = (struct dns_writer){ .out = out, .limit = limit, .len = DNS_HEADER_BYTES };
    assert(limit >= DNS_HEADER_BYTES + q->question.len);
    memset(out, 0, DNS_HEADER_BYTES);
    be16_put(out, q->id);
    if (!q->asked)
        return;
    be16_put(out + 4, 1);
    for (size_t i = 0, left = q->name.len; q->question.data[i] != 0;) {
        size_t label = q->question.data[i];
        remember(w, w->len + i, left);
        i += 1 + label;
        left -= left > label ? label + 1 : label;
    }
    dns_write_bytes(w, q->question.data, q->question.len);
}

/* Does |text| stand at |at|? What stands there we wrote, or read, so it ends. */
static bool stands(const struct dns_writer *w, size_t at, struct slice text)
{
    struct slice label;

    while (text.len > 0) {
        while (w->out[at] >= POINTER >> 8)
            at = be16_get(w->out + at) & POINTER_MAX;
        slice_split(&text, '.', &label);
        if (w->out[at] != label.len)
            return false;
        for (size_t i = 0; i < label.len; i++) {
            if (dns_lower(w->out[at + 1 + i]) != label.data[i])
                return false;
        }
        at += 1 + label.len;
    }
    return true;
}

static const struct dns_seen *seen(const struct dns_writer *w, struct slice text)
{
    for (size_t i = 0; i < w->seen_n; i++) {
        if (w->seen[i].text_len == text.len && stands(w, w->seen[i].at, text))
            return &w->seen[i];
    }
    return NULL;
}

void dns_write_name(struct dns_writer *w, struct slice name)
{
    struct slice label;

    while (name.len > 0) {
        const struct dns_seen *there = seen(w, name);
        if (there != NULL) {
            dns_write_u16(w, POINTER | there->at);
            return;
        }
        size_t at = w->len, text_len = name.len;
        slice_split(&name, '.', &label);
        dns_write_u8(w, (unsigned)label.len);
        dns_write_bytes(w, label.data, label.len);
        if (!w->full)
            remember(w, at, text_len);
    }
    dns_write_u8(w, 0);
}

size_t dns_write_record(struct dns_writer *w, struct slice owner, enum dns_type type, uint32_t ttl_s)
{
    if (owner.len == 0)
        dns_write_u16(w, POINTER | DNS_HEADER_BYTES); /* byte by byte as it was asked, whatever it is */
    else
        dns_write_name(w, owner);
    dns_write_u16(w, type);
    dns_write_u16(w, DNS_IN);
    dns_write_u32(w, ttl_s);
    dns_write_u16(w, 0);
    return w->len;
}

void dns_write_end(struct dns_writer *w, size_t record)
{
    if (w->full)
        return;
    be16_put(w->out + record - 2, (uint16_t)(w->len - record));
    w->counts[w->section]++;
}

struct dns_mark dns_write_mark(const struct dns_writer *w)
{
    struct dns_mark m = { .len = w->len, .seen_n = w->seen_n };

    memcpy(m.counts, w->counts, sizeof(m.counts));
    return m;
}

void dns_write_back(struct dns_writer *w, const struct dns_mark *m)
{
    w->len = m->len;
    w->seen_n = m->seen_n;
    memcpy(w->counts, m->counts, sizeof(w->counts));
    w->full = false;
}

size_t dns_write_finish(struct dns_writer *w, unsigned flags, enum dns_rcode rcode)
{
    be16_put(w->out + 2, (uint16_t)(flags | (rcode & 15)));
    for (size_t i = 0; i < DNS_SECTIONS; i++)
        be16_put(w->out + 6 + 2 * i, w->counts[i]);
    return w->len;
}
