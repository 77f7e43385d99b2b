#include "node/http/chars.h"

#define ALPHA(c) ((((c) | 0x20) >= 'a') && (((c) | 0x20) <= 'z'))
#define DIGIT(c) ((c) >= '0' && (c) <= '9')
#define HEX(c)   (DIGIT(c) || (((c) | 0x20) >= 'a' && ((c) | 0x20) <= 'f'))
#define TOKEN(c)                                                                                                     \
    (ALPHA(c) || DIGIT(c) || (c) == '!' || (c) == '#' || (c) == '$' || (c) == '%' || (c) == '&' || (c) == '\'' ||    \
     (c) == '*' || (c) == '+' || (c) == '-' || (c) == '.' || (c) == '^' || (c) == '_' || (c) == '`' || (c) == '|' || \
     (c) == '~')
#define TARGET(c)   ((c) > 0x20 && (c) < 0x7F && (c) != '#')
#define HOST(c)     (ALPHA(c) || DIGIT(c) || (c) == '-' || (c) == '.' || (c) == '_')
#define SF_TOKEN(c) (TOKEN(c) || (c) == ':' || (c) == '/')
#define URI(c)                                                                                                        \
    ((c) > 0x20 && (c) < 0x7F && (c) != '"' && (c) != '<' && (c) != '>' && (c) != '\\' && (c) != '^' && (c) != '`' && \
     (c) != '{' && (c) != '|' && (c) != '}')

#define ONE(c)                                                                                    \
    ((TOKEN(c) ? CHARS_TOKEN : 0) | (TARGET(c) ? CHARS_TARGET : 0) | (HOST(c) ? CHARS_HOST : 0) | \
     (SF_TOKEN(c) ? CHARS_SF_TOKEN : 0) | (URI(c) ? CHARS_URI : 0) | (HEX(c) ? CHARS_HEX : 0) |   \
     (DIGIT(c) ? CHARS_DIGIT : 0) | (ALPHA(c) ? CHARS_ALPHA : 0))
#define FOUR(c)    ONE(c), ONE((c) + 1), ONE((c) + 2), ONE((c) + 3)
#define SIXTEEN(c) FOUR(c), FOUR((c) + 4), FOUR((c) + 8), FOUR((c) + 12)
#define QUARTER(c) SIXTEEN(c), SIXTEEN((c) + 16), SIXTEEN((c) + 32), SIXTEEN((c) + 48)

const uint8_t chars_table[256] = { QUARTER(0), QUARTER(64), QUARTER(128), QUARTER(192) };

#define EACH_BYTE(v) (UINT64_C(0x0101010101010101) * (v))

/* Does any of the eight bytes look like a control byte? Tabs do, too: they are rare. A borrow
 * can only run upwards out of a byte that is one itself, so the answer for the word is exact. */
static bool any_control(uint64_t w)
{
    uint64_t del = w ^ EACH_BYTE(0x7F);
    uint64_t low = (w - EACH_BYTE(0x20)) & ~w;

    return ((low | ((del - EACH_BYTE(1)) & ~del)) & EACH_BYTE(0x80)) != 0;
}

size_t chars_control(struct slice s, size_t from)
{
    size_t i = from;

    while (i < s.len) {
        uint64_t w;
        while (i + sizeof(w) <= s.len) {
            memcpy(&w, s.data + i, sizeof(w));
            if (any_control(w))
                break;
            i += sizeof(w);
        }
        size_t end = i + sizeof(w) < s.len ? i + sizeof(w) : s.len;
        for (; i < end; i++) {
            if (chars_is_control(s.data[i]))
                return i;
        }
    }
    return s.len;
}
