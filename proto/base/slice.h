/* slice.h - bytes lent by somebody else: a pointer and a length. */
#ifndef HEDGEROW_BASE_SLICE_H
#define HEDGEROW_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct slice {
    const uint8_t *data;
    size_t len;
};

#define SLICE_EMPTY ((struct slice){ NULL, 0 })
/* SLICE_LIT is the slice of a string literal, without its final zero. */
#define SLICE_LIT(s) ((struct slice){ (const uint8_t *)(s), sizeof(s) - 1 })
/* SLICE_OF is the slice of a fixed array. */
#define SLICE_OF(array) ((struct slice){ (const uint8_t *)(array), sizeof(array) })
/* For printf("%.*s", SLICE_FMT(s)). */
#define SLICE_FMT(s) (int)(s).len, (const char *)(s).data

static inline struct slice slice_of(const void *data, size_t len)
{
    return (struct slice){ data, len };
}

static inline struct slice slice_str(const char *text)
{
    return slice_of(text, strlen(text));
}

/* slice_from returns the part of |s| from |offset| on, empty if past the end. */
static inline struct slice slice_from(struct slice s, size_t offset)
{
    if (s.len == 0) /* NULL may be counted up by nothing at all, not even by 0 */
        return s;
    return offset >= s.len ? slice_of(s.data + s.len, 0) : slice_of(s.data + offset, s.len - offset);
}

static inline struct slice slice_head(struct slice s, size_t len)
{
    return slice_of(s.data, len < s.len ? len : s.len);
}

static inline bool slice_eq(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* slice_eq_nocase compares ASCII letters without case: for HTTP names. */
bool slice_same_nocase(const uint8_t *a, const uint8_t *b, size_t len);
static inline bool slice_eq_nocase(struct slice a, struct slice b)
{
    return a.len == b.len && slice_same_nocase(a.data, b.data, a.len); /* mostly not even called */
}

/* slice_trim drops spaces and tabs at both ends (OWS of RFC 9110). */
struct slice slice_trim(struct slice s);

/* slice_split takes the part of |*rest| before the first |sep| (or all of it)
 * and leaves what follows in |*rest|. Returns false when |*rest| has ended
 * (its data is then NULL). */
bool slice_split(struct slice *rest, uint8_t sep, struct slice *part);

/* slice_u64 reads |s| as decimal digits only (no sign, no blanks, at least one,
 * at most 19). Returns 0, or MESH_E_SYNTAX, MESH_E_RANGE with |*out| unchanged. */
int slice_u64(struct slice s, uint64_t *out);

/* hex_digit is the value of a hexadecimal digit of either case, or -1. */
int hex_digit(uint8_t c);

#endif
