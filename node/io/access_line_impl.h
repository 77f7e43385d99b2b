/* access_line_impl.h - what the formats of the access log share. Nobody else includes it.
 *
 *   access_line.c        digits, times, which format
 *   access_json.c, access_cloudfront.c, access_combined.c    one each */
#ifndef HEDGEROW_IO_ACCESS_LINE_IMPL_H
#define HEDGEROW_IO_ACCESS_LINE_IMPL_H

#include "node/io/access_line.h"

void access_json(struct buf *out, struct access_second *kept, const struct access_entry *e);
void access_cloudfront(struct buf *out, struct access_second *kept, const struct access_entry *e);
void access_combined(struct buf *out, struct access_second *kept, const struct access_entry *e);
extern const char access_cloudfront_heading[];

/* access_digits appends |v|, with leading zeroes to |width| digits. */
static inline void access_digits(struct buf *out, uint64_t v, unsigned width)
{
    char text[20];
    size_t at = sizeof(text);

    do {
        text[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v > 0);
    while (sizeof(text) - at < width)
        text[--at] = '0';
    buf_add(out, text + at, sizeof(text) - at);
}

/* access_second_of lends |kept|'s text for the second |s| since 1970: requests come many to the second, whose digits
 * stay the same. access_write_second is its other half. */
void access_write_second(char text[20], uint64_t s);
static inline const char *access_second_of(struct access_second *kept, uint64_t s)
{
    if (kept->text[0] == '\0' || kept->s != s) {
        kept->s = s;
        access_write_second(kept->text, s);
    }
    return kept->text;
}

static inline uint64_t access_us(int64_t wall_us)
{
    return wall_us < 0 ? 0 : (uint64_t)wall_us;
}

/* access_ip writes an address without its port; "-" where it is not known. */
#define ACCESS_IP_MAX MESH_ADDR_TEXT_MAX
struct slice access_ip(const struct mesh_addr *a, char text[ACCESS_IP_MAX]);

/* access_path: of a target its path, without scheme and authority, and (|*query|) what is behind its first "?". */
struct slice access_path(struct slice target, struct slice *query);

#endif
