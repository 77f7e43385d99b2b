/* chars.h - the character classes of RFC 9110 and 9112 as one table. */
#ifndef HEDGEROW_SF_CHARS_H
#define HEDGEROW_SF_CHARS_H

#include "proto/base/slice.h"

enum {
    CHARS_TOKEN = 1 << 0,    /* tchar: field names, methods */
    CHARS_TARGET = 1 << 1,   /* visible ASCII but # : a request target */
    CHARS_HOST = 1 << 2,     /* letters, digits, - . _ : a registered name or IPv4 address */
    CHARS_SF_TOKEN = 1 << 3, /* tchar, : and / : behind the first character of an sf-token (RFC 9651) */
    CHARS_URI = 1 << 4,      /* reserved, unreserved and % of RFC 3986 */
    CHARS_HEX = 1 << 5,
    CHARS_DIGIT = 1 << 6,
    CHARS_ALPHA = 1 << 7,
    CHARS_UNRESERVED = 1 << 8, /* of RFC 3986: never needs to be encoded */
    CHARS_PATH = 1 << 9,       /* pchar and / : stands raw in a path */
    CHARS_QUERY = 1 << 10,     /* those and ? */
    CHARS_PLAIN = 1 << 11,     /* ASCII that stands for itself in a JSON string (RFC 8259) */
};
extern const uint16_t chars_table[256];

static inline bool chars_is(uint8_t c, unsigned classes)
{
    return (chars_table[c] & classes) != 0;
}

/* chars_span returns how many bytes at |s|'s start are all in |classes|. */
static inline size_t chars_span(struct slice s, unsigned classes)
{
    size_t i = 0;

    while (i < s.len && chars_is(s.data[i], classes))
        i++;
    return i;
}

/* chars_all: is |s| non-empty and all in |classes|? */
static inline bool chars_all(struct slice s, unsigned classes)
{
    return s.len > 0 && chars_span(s, classes) == s.len;
}

/* chars_is_control: may no field value hold |c| (RFC 9110 section 5.5)? The tab is fine. */
static inline bool chars_is_control(uint8_t c)
{
    return (c < 0x20 && c != '\t') || c == 0x7F;
}

/* chars_control returns the offset, from |from| on, of the first such byte, or |s.len|: sixteen bytes at a time where
 * the processor has SSE2, else eight. chars_control_words is the latter, everywhere, so that tests can compare the two.
 */
size_t chars_control(struct slice s, size_t from);
size_t chars_control_words(struct slice s, size_t from);

/* chars_escape writes |c| percent-encoded, in upper case (RFC 3986 section 2.1). */
static inline void chars_escape(uint8_t c, uint8_t out[3])
{
    static const char digits[] = "0123456789ABCDEF";

    out[0] = '%';
    out[1] = (uint8_t)digits[c >> 4];
    out[2] = (uint8_t)digits[c & 15];
}

#endif
