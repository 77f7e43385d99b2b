#include "node/sf/chars.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

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

#define UNRESERVED(c) (HOST(c) || (c) == '~')
#define PATH(c)                                                                                                   \
    (UNRESERVED(c) || (c) == '/' || (c) == ':' || (c) == '@' || (c) == '!' || (c) == '$' || (c) == '&' ||         \
     (c) == '\'' || (c) == '(' || (c) == ')' || (c) == '*' || (c) == '+' || (c) == ',' || (c) == ';' || (c) == '=')
#define QUERY(c) (PATH(c) || (c) == '?')
#define PLAIN(c) ((c) >= 0x20 && (c) < 0x7F && (c) != '"' && (c) != '\\')

#define ONE(c)                                                                                    \
    ((TOKEN(c) ? CHARS_TOKEN : 0) | (TARGET(c) ? CHARS_TARGET : 0) | (HOST(c) ? CHARS_HOST : 0) | \
     (SF_TOKEN(c) ? CHARS_SF_TOKEN : 0) | (URI(c) ? CHARS_URI : 0) | (HEX(c) ? CHARS_HEX : 0) |   \
     (DIGIT(c) ? CHARS_DIGIT : 0) | (ALPHA(c) ? CHARS_ALPHA : 0) |                                \
     (UNRESERVED(c) ? CHARS_UNRESERVED : 0) | (PATH(c) ? CHARS_PATH : 0) |                        \
     (QUERY(c) ? CHARS_QUERY : 0) | (PLAIN(c) ? CHARS_PLAIN : 0))
#define FOUR(c)    ONE(c), ONE((c) + 1), ONE((c) + 2), ONE((c) + 3)
#define SIXTEEN(c) FOUR(c), FOUR((c) + 4), FOUR((c) + 8), FOUR((c) + 12)
#define QUARTER(c) SIXTEEN(c), SIXTEEN((c) + 16), SIXTEEN((c) + 32), SIXTEEN((c) + 48)

const uint16_t chars_table[256] = { QUARTER(0), QUARTER(64), QUARTER(128), QUARTER(192) };

#define EACH_BYTE(v) (UINT64_C(0x0101010101010101) * (v))

/* Does any of the eight bytes look like a control byte? Tabs do, too: they are rare. A borrow
 * can only run upwards out of a byte that is one itself, so the answer for the word is exact. */
static bool any_control(uint64_t w)
{
    uint64_t del = w ^ EACH_BYTE(0x7F);
    uint64_t low = (w - EACH_BYTE(0x20)) & ~w;

    return ((low | ((del - EACH_BYTE(1)) & ~del)) & EACH_BYTE(0x80)) != 0;
}

size_t chars_control_words(struct slice s, size_t from)
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

#ifdef __SSE2__
/* Bit n: is byte n a control byte? Exact: a tab is none. */
static unsigned controls_of(__m128i v)
{
    __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(0x1F)), v), tab = _mm_cmpeq_epi8(v, _mm_set1_epi8('\t')),
            del = _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7F));

    return (unsigned)_mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, low), del));
}

size_t chars_control(struct slice s, size_t from)
{
    size_t i = from;
    __m128i v;

    for (; i + sizeof(v) <= s.len; i += sizeof(v)) {
        memcpy(&v, s.data + i, sizeof(v));
        unsigned found = controls_of(v);
        if (found != 0)
            return i + (size_t)__builtin_ctz(found);
    }
    if (s.len < sizeof(v) || i >= s.len)
        return chars_control_words(s, i);
    /* The last sixteen overlap what was looked at before: that is clean from |from| on, and what lies before is masked.
     */
    size_t last = s.len - sizeof(v);
    memcpy(&v, s.data + last, sizeof(v));
    unsigned tail = controls_of(v) & ~((1u << (i - last)) - 1);
    return tail != 0 ? last + (size_t)__builtin_ctz(tail) : s.len;
}
#else
size_t chars_control(struct slice s, size_t from)
{
    return chars_control_words(s, from);
}
#endif
